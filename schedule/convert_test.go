package schedule_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// predictionsOn are the named predictions and custom ones on a path.
func predictionsOn(t testing.TB, path schedule.Path) []schedule.Prediction {
	t.Helper()
	predictions := schedule.Predictions()
	for _, weights := range [][2]string{{"1", "-1"}, {"alpha+1", "-0.5*beta*(1+t)"}, {"0", "sigma"}} {
		p, err := schedule.NewPrediction(weights[0], weights[1], path)
		require.NoError(t, err)
		predictions = append(predictions, p)
	}
	return predictions
}

// insideTimes are times of a path, the ends left out and their neighbourhoods not.
func insideTimes(path schedule.Path) []float64 {
	if d, ok := path.(*schedule.Discrete); ok {
		var times []float64
		for i := 0; i < d.Count(); i += max(1, d.Count()/20) {
			times = append(times, d.Time(schedule.Index(i)))
			if i > 0 {
				times = append(times, (d.Time(schedule.Index(i)) + 0.3/float64(d.Count()))) // between entries
			}
		}
		return times
	}
	times := []float64{0x1p-40, 1e-9, 1e-6, 1e-4, 1 - 1e-4, 1 - 1e-6, 1 - 1e-9, 1 - 0x1p-40}
	for i := 1; i < 20; i++ {
		times = append(times, float64(i)/20)
	}
	return times
}

func TestConversionsRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, text := range allPaths() {
		path := parsePath(t, text)
		predictions := predictionsOn(t, path)
		for _, s := range append(insideTimes(path), 0, 1) {
			pt := path.At(s)
			end := s == 0 || s == 1 || math.IsInf(pt.LogSNR(), 0)
			z, eps := random.NormFloat64(), random.NormFloat64()
			x := pt.Alpha*z + pt.Beta*eps
			tolerance := 1e-12 * max(1, pt.Alpha/pt.Beta, pt.Beta/pt.Alpha)
			for _, from := range predictions {
				a, b := from.Weights(pt)
				scale := math.Abs(a*z) + math.Abs(b*eps)
				p := a*z + b*eps
				for _, to := range predictions {
					there, err := schedule.Convert(path, from, to, s)
					back, errBack := schedule.Convert(path, to, from, s)
					if end && (err != nil || errBack != nil) {
						continue
					}
					require.NoError(t, err)
					require.NoError(t, errBack)
					if end {
						if there.P*back.P == 0 {
							continue // a limit, in which nothing is left of the prediction
						}
						require.InDelta(t, 1, there.P*back.P, 1e-12)
						require.InDelta(t, 0, back.X+back.P*there.X, 1e-12*(1+math.Abs(back.X)))
						continue
					}
					q := there.X*x + there.P*p
					require.InDelta(t, p, back.X*x+back.P*q, tolerance*scale, "%s: %s to %s and back at t=%g", text, from, to, s)
				}
			}
		}
	}
}

func TestConversionsGiveTheFunctional(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, text := range allPaths() {
		path := parsePath(t, text)
		for _, s := range insideTimes(path) {
			pt := path.At(s)
			if math.IsInf(pt.LogSNR(), 0) {
				continue
			}
			z, eps := random.NormFloat64(), random.NormFloat64()
			x := pt.Alpha*z + pt.Beta*eps
			for _, from := range predictionsOn(t, path) {
				for _, to := range predictionsOn(t, path) {
					a, b := from.Weights(pt)
					c, d := to.Weights(pt)
					conversion, err := schedule.Convert(path, from, to, s)
					require.NoError(t, err)
					scale := math.Abs(c*z) + math.Abs(d*eps) + math.Abs(conversion.X)*(math.Abs(pt.Alpha*z)+math.Abs(pt.Beta*eps)) + math.Abs(conversion.P)*(math.Abs(a*z)+math.Abs(b*eps))
					require.InDelta(t, c*z+d*eps, conversion.X*x+conversion.P*(a*z+b*eps), 1e-14*scale, "%s: %s to %s at t=%g", text, from, to, s)
				}
			}
		}
	}
}

// The exact fields of a mixture are conditional expectations of the functionals, so conversions turn one into the other, at the ends too.
func TestConversionsTurnExactFieldsIntoEachOther(t *testing.T) {
	for _, mixture := range []exact.Mixture{
		exact.Gaussian([]float64{0.3}, 0.7),
		{Weights: []float64{1, 2}, Means: [][]float64{{-1}, {0.75}}, Stds: []float64{0.3, 0.2}},
	} {
		for _, text := range allPaths() {
			path := parsePath(t, text)
			for _, s := range []float64{0, 0.0625, 0.3, 0.5, 0.75, 1} {
				pt := path.At(s)
				for _, from := range predictionsOn(t, path) {
					for _, to := range predictionsOn(t, path) {
						conversion, err := schedule.Convert(path, from, to, s)
						if err != nil {
							require.True(t, s == 0 || s == 1 || math.IsNaN(pt.Alpha) || math.IsInf(pt.LogSNR(), 0), "%s: %v", text, err)
							continue
						}
						x, p, want := []float64{0.4}, make([]float64, 1), make([]float64, 1)
						mixture.Predict(p, x, from, pt)
						mixture.Predict(want, x, to, pt)
						if s == 1 && math.IsNaN(p[0]+want[0]) && from.Equal(to) {
							continue // a velocity at a table's clean data is what it is, and unknown
						}
						got := conversion.X*x[0] + conversion.P*p[0]
						if math.IsInf(want[0], 0) {
							require.Equal(t, want[0], got, "%s: %s to %s at t=%g", text, from, to, s)
							continue
						}
						scale := math.Abs(conversion.X*x[0]) + math.Abs(conversion.P*p[0]) + math.Abs(want[0])
						require.InDelta(t, want[0], got, 1e-12*scale, "%s: %s to %s at t=%g", text, from, to, s)
					}
				}
			}
		}
	}
}

func TestConversionsAreImpossibleExactlyWhereNoLimitExists(t *testing.T) {
	const (
		fromNoise = "noise > velocity data v reverse-velocity; score > velocity data v reverse-velocity"                                           // alpha = 0
		toScore   = "velocity > score; noise > score; v > score; reverse-velocity > score; data > velocity noise score v reverse-velocity"         // beta = 0
		steep     = "noise > velocity score reverse-velocity; v > velocity score reverse-velocity; data > velocity noise score v reverse-velocity" // beta' infinite too
		jump      = "velocity > data noise score v; reverse-velocity > data noise score v; score > velocity reverse-velocity; " + steep            // no derivatives at all
	)
	for _, test := range []struct{ path, atNoise, atData string }{
		{"condot", fromNoise, toScore},
		{"cosine", fromNoise, toScore},
		{"alpha=sin(pi/2*t); beta=cos(pi/2*t)", fromNoise, toScore},
		{"polynomial(1)", fromNoise, toScore},
		// The velocity vanishes at t = 0; it still gives noise and score there, which x alone determines.
		{"polynomial(2)", fromNoise + "; velocity > data v; reverse-velocity > data v", toScore},
		{"polynomial(1.5)", fromNoise + "; velocity > data v; reverse-velocity > data v", toScore},
		// The velocity is infinite at t = 0.
		{"polynomial(0.5)", fromNoise + "; velocity > data noise score v; reverse-velocity > data noise score v; data > velocity reverse-velocity; v > velocity reverse-velocity", toScore},
		{"alpha=t; beta=sqrt(1-t)", fromNoise, steep},
		{"vp(0.1,20)", "", steep},
		{"ve(0.02,100)", "", ""},
		{"edm(0.002,80,7)", "", ""},
		{"betas=linear(0.0001,0.02); count=1000", "", jump},
		{"betas=linear(0.0001,0.02); count=1000; zero_snr=true", fromNoise, jump},
	} {
		path := parsePath(t, test.path)
		for s, listed := range map[float64]string{0: test.atNoise, 0.5: "", 1: test.atData} {
			impossible := map[string]bool{}
			for _, group := range strings.Split(listed, ";") {
				from, tos, _ := strings.Cut(group, ">")
				for _, to := range strings.Fields(tos) {
					impossible[strings.TrimSpace(from)+" > "+to] = true
				}
			}
			for _, from := range schedule.Predictions() {
				for _, to := range schedule.Predictions() {
					conversion, err := schedule.Convert(path, from, to, s)
					pair := from.String() + " > " + to.String()
					require.Equal(t, impossible[pair], err != nil, "%s at t=%g: %s: %+v %v", test.path, s, pair, conversion, err)
					if err != nil {
						var impossibleError *schedule.ImpossibleError
						require.ErrorAs(t, err, &impossibleError)
						require.Equal(t, s, impossibleError.T)
					} else {
						require.False(t, math.Signbit(conversion.X) && conversion.X == 0 || math.Signbit(conversion.P) && conversion.P == 0, "negative zero: %s %s", test.path, pair)
					}
				}
			}
		}
	}
}

func TestLimitsAtTheEnds(t *testing.T) {
	for _, test := range []struct {
		path     string
		t        float64
		from, to schedule.Prediction
		x, p     float64
	}{
		{"condot", 0, schedule.Velocity, schedule.Data, 1, 1},
		{"condot", 1, schedule.Velocity, schedule.Noise, 1, -1},
		{"condot", 1, schedule.Score, schedule.Velocity, 1, 0},
		{"condot", 1, schedule.Noise, schedule.Data, 1, 0},
		{"cosine", 0, schedule.Velocity, schedule.Data, 0, 2 / math.Pi},
		{"cosine", 1, schedule.Velocity, schedule.V, 0, -2 / math.Pi},
		{"polynomial(2)", 0, schedule.Velocity, schedule.Score, -1, 0},
		{"polynomial(2)", 0, schedule.Velocity, schedule.Noise, 1, 0},
		{"polynomial(1.5)", 0, schedule.Velocity, schedule.Score, -1, 0}, // infinite second derivatives
		{"polynomial(2)", 0, schedule.Velocity, schedule.ReverseVelocity, 0, -1},
		{"polynomial(0.5)", 0, schedule.Velocity, schedule.ReverseVelocity, 0, -1},
		{"alpha=t; beta=sqrt(1-t)", 1, schedule.Velocity, schedule.Score, -2, 2},
		{"alpha=t; beta=sqrt(1-t)", 1, schedule.Score, schedule.Velocity, 1, 0.5},
		{"alpha=t; beta=sqrt(1-t)", 1, schedule.Velocity, schedule.Noise, 0, 0},
		{"vp(0.1,20)", 1, schedule.Velocity, schedule.Score, -1, 20}, // 2/bmin
		{"vp(0.1,20)", 1, schedule.Score, schedule.Noise, 0, 0},
		{"betas=cosine; count=10", 1, schedule.Score, schedule.Data, 1, 0},
		{"betas=cosine; count=10", 1, schedule.Score, schedule.Noise, 0, 0},
		{"betas=cosine; count=10", 1, schedule.Velocity, schedule.ReverseVelocity, 0, -1},
		{"betas=cosine; count=10", 1, schedule.Velocity, schedule.Velocity, 0, 1},
	} {
		got, err := schedule.Convert(parsePath(t, test.path), test.from, test.to, test.t)
		require.NoError(t, err)
		require.InDelta(t, test.x, got.X, 1e-14, "%+v", test)
		require.InDelta(t, test.p, got.P, 2e-14, "%+v", test)
	}
}

func TestImpossibleErrorsNameTheSafeTimes(t *testing.T) {
	for _, test := range []struct {
		path     string
		from, to schedule.Prediction
		t        float64
		want     string
	}{
		{"condot", schedule.Noise, schedule.Velocity, 0,
			"velocity cannot be had from noise at t=0 on path condot: the state is pure noise there (alpha = 0) and the limit does not exist; it exists for 0 < t <= 1"},
		{"vp(0.1,20)", schedule.Data, schedule.Noise, 1,
			"noise cannot be had from data at t=1 on path vp(0.1,20): the state is clean data there (beta = 0) and the limit does not exist; it exists for 0 <= t < 1"},
		{"betas=linear(0.0001,0.02); count=1000; zero_snr=true", schedule.Noise, schedule.Data, 0,
			"data cannot be had from noise at t=0 on path betas=linear(0.0001,0.02); count=1000; zero_snr=true: the state is pure noise there (alpha = 0) and the limit does not exist; it exists at the trained steps 998 to 0 (t from 0.001 to 0.999)"},
		{"betas=cosine; count=10", schedule.Noise, schedule.Data, 0.95,
			"data cannot be had from noise at t=0.95 on path betas=cosine; count=10: the path has no states there, only its 10 trained steps with what lies between them, and clean data at t=1; it exists at the trained steps 9 to 0 (t from 0 to 0.9)"},
	} {
		_, err := schedule.Convert(parsePath(t, test.path), test.from, test.to, test.t)
		require.EqualError(t, err, test.want)
	}
	long := parsePath(t, "betas=["+strings.Repeat("0.01,", 99)+"0.5]")
	_, err := schedule.Convert(long, schedule.Data, schedule.Noise, 1)
	require.ErrorContains(t, err, "on path (a table of 100):")
}

// A functional that is parallel to x at one time only cannot be converted there, and the message promises no interval.
func TestConversionIsImpossibleWhereThePredictionIsTheState(t *testing.T) {
	path := schedule.CondOT()
	p, err := schedule.NewPrediction("0.5", "0.5", path) // x itself at t = 0.5
	require.NoError(t, err)
	_, err = schedule.Convert(path, p, schedule.Data, 0.5)
	require.EqualError(t, err, "data cannot be had from 0.5*z + 0.5*eps at t=0.5 on path condot: the network's prediction says nothing there beyond the state itself")
	conversion, err := schedule.Convert(path, p, p, 0.5)
	require.NoError(t, err)
	require.Equal(t, schedule.Conversion{X: 0, P: 1}, conversion)
}

func TestPredictionsAreFoundByName(t *testing.T) {
	for _, p := range schedule.Predictions() {
		got, err := schedule.ParsePrediction(p.String())
		require.NoError(t, err)
		require.True(t, got.Equal(p))
	}
	_, err := schedule.ParsePrediction("velocty")
	require.EqualError(t, err, `unknown prediction "velocty" (did you mean "velocity"?); expected one of velocity, data, noise, score, v, reverse-velocity, or a functional {"data": "a", "noise": "b"}`)
}

func TestPredictionsAreComparedByTheirFunctional(t *testing.T) {
	a, err := schedule.NewPrediction("1 - t", "t", schedule.CondOT())
	require.NoError(t, err)
	b, err := schedule.NewPrediction("1-t", "(t)", schedule.CondOT())
	require.NoError(t, err)
	require.True(t, a.Equal(b))
	require.Equal(t, "(1-t)*z + t*eps", a.String())
	require.False(t, a.Equal(schedule.Data))
	require.False(t, a.Equal(schedule.Prediction{}))
	require.Equal(t, "no prediction", schedule.Prediction{}.String())
}

func TestUselessPredictionsAreErrors(t *testing.T) {
	table := parsePath(t, "betas=cosine; count=10")
	for _, test := range []struct {
		data, noise string
		path        schedule.Path
		says        string
	}{
		{"0", "0", schedule.CondOT(), "both weights are zero"},
		{"t-t", "0", schedule.CondOT(), "both weights are zero"},
		{"alpha", "beta", schedule.Cosine(), "is a multiple of x = alpha z + beta eps itself"},
		{"2", "2*sigma", table, "is a multiple of x = alpha z + beta eps itself"},
		{"1/(t-0.5625)", "0", schedule.CondOT(), "the weights are +Inf and 0 at t=0.5625"},
		{"index", "1", schedule.CondOT(), `unknown name "index"`},
		{"1", "1+", schedule.CondOT(), "weight of noise: formula"},
	} {
		_, err := schedule.NewPrediction(test.data, test.noise, test.path)
		require.ErrorContains(t, err, test.says)
	}
	_, err := schedule.NewPrediction("index/count", "logsnr", table)
	require.NoError(t, err)
}

// flat is a path of the user's own, without symbolic ends.
type flat struct{ schedule.Path }

func TestPathsOfOtherKindsConvertByTheTwoBases(t *testing.T) {
	inner := parsePath(t, "alpha=t; beta=sqrt(1-t)")
	for _, s := range []float64{0, 0.3, 1} {
		for _, pair := range [][2]schedule.Prediction{{schedule.Velocity, schedule.Score}, {schedule.Score, schedule.Noise}, {schedule.Velocity, schedule.Data}} {
			want, err := schedule.Convert(inner, pair[0], pair[1], s)
			require.NoError(t, err)
			got, err := schedule.Convert(flat{inner}, pair[0], pair[1], s)
			require.NoError(t, err)
			require.InDelta(t, want.X, got.X, 1e-15)
			require.InDelta(t, want.P, got.P, 1e-15)
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	for _, text := range []string{"condot", "vp(0.1,20)", "betas=linear(0.0001,0.02); count=1000"} {
		path := parsePath(b, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := schedule.Convert(path, schedule.Noise, schedule.Velocity, 0.5); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("limit", func(b *testing.B) {
		path := parsePath(b, "vp(0.1,20)")
		for b.Loop() {
			if _, err := schedule.Convert(path, schedule.Velocity, schedule.Score, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEval(b *testing.B) {
	f := schedule.MustFormula("sqrt(-expm1(-19.9*(1-t)^2/2-0.1*(1-t)))", "t")
	b.ReportAllocs()
	for b.Loop() {
		f.Eval(0.5)
	}
}
