package sampler

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// Two mixtures in the plane, far enough from each other for guidance to bend the way.
var (
	one   = exact.Mixture{Weights: []float64{2, 1}, Means: [][]float64{{1, 0.5}, {-0.4, 1.2}}, Stds: []float64{0.3, 0.5}}
	other = exact.Mixture{Weights: []float64{1, 1, 1}, Means: [][]float64{{1, 0.5}, {-1, -0.7}, {0.3, -1}}, Stds: []float64{0.3, 0.4, 0.6}}
)

// duo is the perfect network of one, whose unconditional half is that of other.
func duo(model Model) FuncPair { return FuncPair{perfect(one, model), perfect(other, model)} }

// halves are what a duo predicts of something at one state, and what it becomes under guidance.
func halves(t *testing.T, g Guidance, model Model, what schedule.Prediction, x []float32, at float64) (c, u, p []float64) {
	t.Helper()
	g.Model, g.Dim = model, len(x)
	dst := make([]float32, len(x))
	require.NoError(t, Guide(duo(model), g).Predict(t.Context(), dst, x, At{T: at, Step: 5}))
	to, err := schedule.Convert(model.Path, model.Prediction, what, at)
	require.NoError(t, err)
	x64 := float64s(x)
	c, u, p = make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
	one.Predict(c, x64, what, model.Path.At(at))
	other.Predict(u, x64, what, model.Path.At(at))
	for i := range p {
		p[i] = to.X*x64[i] + to.P*float64(dst[i])
	}
	return c, u, p
}

func inner(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func minus(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}

// everywhere calls f with every prediction along paths of several kinds, at times inside them.
func everywhere(t *testing.T, f func(t *testing.T, model Model, at float64)) {
	for _, path := range []string{"condot", "cosine", "vp(0.1,20)", "ve(0.02,20)", "betas=scaled_linear(1e-3,0.1); count=100"} {
		for name, prediction := range predictions {
			for _, at := range []float64{0.1, 0.45, 0.93} {
				t.Run(fmt.Sprintf("%s, %s, t=%g", path, name, at), func(t *testing.T) {
					f(t, Model{Path: mustPath(t, path), Prediction: prediction}, at)
				})
			}
		}
	}
}

// The field of a Gaussian N(m, s^2) is affine in m. So two halves that differ in their means alone are, under guidance, the exact field of the
// Gaussian at m_u + w (m_c - m_u), and along it (x - alpha m)/sqrt(v) stays what it is, v = beta^2 + alpha^2 s^2.
func TestGuidanceBetweenTwoGaussiansIsAGaussiansField(t *testing.T) {
	const from, to, s, w = 0.1, 0.9, 0.3, 2.5
	for name, prediction := range predictions {
		model := Model{Path: schedule.CondOT(), Prediction: prediction}
		plan := mustPlan(t, model, Settings{Solver: RK4, Steps: 40, From: ptr(from), To: ptr(to)})
		x := NewState([]float32{-1, 0.2, 0.7}, 3, 0)
		want := make([]float32, 3)
		for i, v := range x.X {
			want[i] = float32(flow(gaussian(-0.2+w*0.7, s), model.Path, float64(v), from, to))
		}
		net := Guide(FuncPair{perfect(gaussian(0.5, s), model), perfect(gaussian(-0.2, s), model)}, Guidance{Weight: w})
		require.NoError(t, Run(t.Context(), plan, net, x, nil, nil))
		require.InDeltaSlice(t, want, x.X, 1e-5, name)
	}
}

// With a weight that varies the mean does, and (x/sqrt(v))' = m (alpha/sqrt(v))'. For w = 1 + k r, r = alpha/sqrt(v), that is
// m_c (r_1 - r_0) + k (m_c - m_u) (r_1^2 - r_0^2)/2 from one end to the other.
func TestAWeightByFormulaBetweenTwoGaussians(t *testing.T) {
	const from, to, k, cond, uncond = 0.1, 0.9, 2.0, 0.5, -0.2
	path := schedule.CondOT()
	v := func(t float64) float64 { return (1-t)*(1-t) + 0.09*t*t }
	r := func(t float64) float64 { return t / math.Sqrt(v(t)) }
	drift := cond*(r(to)-r(from)) + k*(cond-uncond)*(r(to)*r(to)-r(from)*r(from))/2
	for name, prediction := range predictions {
		model := Model{Path: path, Prediction: prediction}
		plan := mustPlan(t, model, Settings{Solver: RK4, Steps: 40, From: ptr(from), To: ptr(to)})
		x, want := NewState([]float32{-1, 0.2, 0.7}, 3, 0), make([]float32, 3)
		for i, start := range x.X {
			want[i] = float32(math.Sqrt(v(to)) * (float64(start)/math.Sqrt(v(from)) + drift))
		}
		g := Guidance{Formula: formula(path, "1+2*alpha/sqrt(beta^2+0.09*alpha^2)"), Model: model}
		require.NoError(t, g.Check(plan))
		net := Guide(FuncPair{perfect(gaussian(cond, 0.3), model), perfect(gaussian(uncond, 0.3), model)}, g)
		require.NoError(t, Run(t.Context(), plan, net, x, nil, nil))
		require.InDeltaSlice(t, want, x.X, 2e-5, name)
	}
}

// A formula that is exactly 1 at a time costs one evaluation there, as does a step outside the interval.
func TestAFormulaOfOneEvaluatesOneHalf(t *testing.T) {
	table := Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=10"), Prediction: schedule.Noise}
	for _, c := range []struct {
		model   Model
		formula string
		within  *[2]float64
		calls   int // of both halves, in ten steps
	}{
		{condot, "1+max(0,t-0.45)", nil, 5},
		{condot, "2-t", nil, 10},
		{condot, "1+3*t", nil, 9},
		{condot, "2-t", &[2]float64{0.35, 0.75}, 4},
		{table, "1+(index-count/2)", nil, 9},
		{table, "1+max(0,index-6)", nil, 3},
	} {
		plan := mustPlan(t, c.model, Settings{Steps: 10})
		g := Guidance{Formula: formula(c.model.Path, c.formula), Interval: c.within, Model: c.model}
		net := new(counting)
		require.NoError(t, Run(t.Context(), plan, Guide(net, g), NewState(make([]float32, 4), 2, 0), nil, nil))
		require.Equal(t, counting{10 - c.calls, c.calls}, *net, c.formula)
		require.Equal(t, 10+c.calls, Evaluations(plan, g), c.formula)
	}
}

// s = <c, u>/|u|^2 in velocities: s u is what of c lies along u.
func TestZeroStarScalesTheOtherHalfToItsProjection(t *testing.T) {
	everywhere(t, func(t *testing.T, model Model, at float64) {
		c, u, p := halves(t, Guidance{Weight: 3, Form: ZeroStar{}}, model, schedule.Velocity, []float32{0.3, -0.8}, at)
		s := inner(c, u) / inner(u, u)
		size := 1 + math.Sqrt(inner(c, c)) + math.Sqrt(inner(u, u))
		for i := range p {
			require.InDelta(t, s*u[i]+3*(c[i]-s*u[i]), p[i], 2e-5*size)
		}
		require.InDelta(t, 0, inner(minus(c, minus(p, c)), u)-inner(c, u), 1e-4*size*size, "what guidance adds is perpendicular to u")
	})
}

// Where one velocity is a multiple of the other nothing is left to guide by, whatever is predicted.
func TestZeroStarLeavesParallelVelocitiesAlone(t *testing.T) {
	for name, prediction := range predictions {
		model := Model{Path: schedule.CondOT(), Prediction: prediction}
		back, err := schedule.Convert(model.Path, schedule.Velocity, prediction, 0.4)
		require.NoError(t, err)
		times := func(k float64) Func {
			return func(dst, x []float32, _ At) {
				for i, v := range x {
					dst[i] = float32(back.X*float64(v) + back.P*k*(1+float64(v*v)))
				}
			}
		}
		x, p, c := []float32{0.3, -0.8, 0.1, 2}, make([]float32, 4), make([]float32, 4)
		for _, k := range []float64{3, -0.5, 0} {
			net := FuncPair{times(k), times(2)}
			require.NoError(t, Guide(net, Guidance{Weight: 7, Form: ZeroStar{}, Model: model, Dim: 2}).Predict(t.Context(), p, x, At{T: 0.4}))
			require.NoError(t, net.Predict(t.Context(), c, x, At{T: 0.4}))
			require.InDeltaSlice(t, c, p, 2e-5, "%s, %g", name, k)
		}
		require.NoError(t, Guide(FuncPair{times(1), times(0)}, Guidance{Weight: 2, Form: ZeroStar{}, Model: model, Dim: 2}).Predict(t.Context(), p, x, At{T: 0.4}))
		require.True(t, finite32(p), "a velocity of zero has no direction")
	}
}

// A field of zero leaves the state where it is, and calls no network.
func TestZeroStarsFirstStepsHaveNoField(t *testing.T) {
	for name, prediction := range predictions {
		model := Model{Path: schedule.CondOT(), Prediction: prediction}
		plan := mustPlan(t, model, Settings{Solver: Heun, Steps: 5, From: ptr(0.1), To: ptr(0.9)})
		g := Guidance{Weight: 3, Form: ZeroStar{Steps: 2}, Model: model, Dim: 2}
		require.NoError(t, g.Check(plan))
		require.Equal(t, 3*2*2, Evaluations(plan, g), "three steps of two calls of two halves")
		start := []float32{0.3, -0.8}
		x := NewState([]float32{0.3, -0.8}, 1, 0)
		require.NoError(t, Run(t.Context(), plan, Guide(duo(model), g), x, nil, ObserverFunc(func(row *Row, x []float32) {
			if row.Step < 2 {
				require.InDeltaSlice(t, start, x, 1e-6, "%s, step %d", name, row.Step)
			} else {
				require.Greater(t, math.Abs(float64(x[0]-start[0])), 1e-3)
			}
		})))
	}
}

// In the data prediction, what is added to c is perpendicular to it; with eta it has that share of what is parallel.
func TestProjectedGuidanceIsPerpendicularToTheData(t *testing.T) {
	everywhere(t, func(t *testing.T, model Model, at float64) {
		x := []float32{0.3, -0.8}
		for _, eta := range []float64{0, 0.4, 1} {
			c, u, p := halves(t, Guidance{Weight: 3, Form: Perpendicular{Eta: eta}}, model, schedule.Data, x, at)
			added, full := minus(p, c), minus(c, u)
			size := inner(c, c) + inner(u, u)
			require.InDelta(t, 2*eta*inner(full, c), inner(added, c), 1e-4*size)
			across := []float64{-c[1], c[0]}
			require.InDelta(t, 2*inner(full, across), inner(added, across), 1e-4*size)
		}
	})
}

func TestProjectedGuidanceOfEtaOneIsClassifierFree(t *testing.T) {
	everywhere(t, func(t *testing.T, model Model, at float64) {
		_, _, want := halves(t, Guidance{Weight: 3}, model, model.Prediction, []float32{0.3, -0.8}, at)
		_, _, got := halves(t, Guidance{Weight: 3, Form: Perpendicular{Eta: 1}}, model, model.Prediction, []float32{0.3, -0.8}, at)
		require.InDeltaSlice(t, want, got, 1e-6*(1+math.Sqrt(inner(want, want))))
	})
}

// A difference of the data predictions longer than the norm is made as long as that; a shorter one is left alone.
func TestProjectedGuidanceShortensTheDifference(t *testing.T) {
	everywhere(t, func(t *testing.T, model Model, at float64) {
		x := []float32{0.3, -0.8}
		c, u, _ := halves(t, Guidance{Weight: 3}, model, schedule.Data, x, at)
		length := math.Sqrt(inner(minus(c, u), minus(c, u)))
		for _, norm := range []float64{length / 5, length * 5} {
			_, _, p := halves(t, Guidance{Weight: 3, Form: Perpendicular{Eta: 1, Norm: norm}}, model, schedule.Data, x, at)
			added := minus(p, c)
			require.InDelta(t, 2*min(norm, length), math.Sqrt(inner(added, added)), 1e-4*(1+math.Sqrt(inner(c, c))))
		}
	})
}

// The algorithm of the paper in its own words, in float64, along a walk by Euler.
func TestMomentumIsThePapersAlgorithm(t *testing.T) {
	const w, eta, norm, beta = 4.0, 0.2, 0.6, -0.5
	for name, prediction := range predictions {
		model := Model{Path: schedule.CondOT(), Prediction: prediction}
		plan := mustPlan(t, model, Settings{Steps: 8, From: ptr(0.1), To: ptr(0.9)})
		x := NewState([]float32{0.3, -0.8}, 1, 0)
		g := Guidance{Weight: w, Form: Perpendicular{eta, norm, beta}, Model: model, Dim: 2}
		require.NoError(t, Run(t.Context(), plan, Guide(duo(model), g), x, nil, nil))

		y, average := []float64{float64(float32(0.3)), float64(float32(-0.8))}, make([]float64, 2)
		for _, row := range plan.Rows {
			p := model.Path.At(row.T)
			c, u := make([]float64, 2), make([]float64, 2)
			one.Predict(c, y, schedule.Data, p)
			other.Predict(u, y, schedule.Data, p)
			for i, d := range minus(c, u) {
				average[i] = d + beta*average[i]
			}
			scale := min(1, norm/math.Sqrt(inner(average, average)))
			for i := range y {
				parallel := scale * inner(average, c) / inner(c, c) * c[i]
				z := c[i] + (w-1)*(scale*average[i]-parallel+eta*parallel)
				velocity := (z - y[i]) / (1 - row.T)
				u[i] = (row.Next - row.T) * velocity
			}
			y[0], y[1] = y[0]+u[0], y[1]+u[1]
		}
		require.InDeltaSlice(t, []float32{float32(y[0]), float32(y[1])}, x.X, 2e-5, name)
	}
}

// Momentum moves on with the steps, by the difference at a step's first call: for the stages of a step it is one and the same. The field
// that they see can be told from outside.
func TestMomentumStaysWithinAStep(t *testing.T) {
	const beta = -0.6
	plan := mustPlan(t, Model{Path: schedule.CondOT(), Prediction: schedule.Data}, Settings{Solver: RK4, Steps: 4, From: ptr(0.1), To: ptr(0.9)})
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Data}
	halves := duo(model)
	net := Guide(halves, Guidance{Weight: 2, Form: Perpendicular{Eta: 1, Momentum: beta}, Model: model, Dim: 2})
	step, before, now := -1, make([]float64, 2), make([]float64, 2)
	spy := Func(func(dst, x []float32, at At) {
		require.NoError(t, net.Predict(t.Context(), dst, x, at))
		c, u := make([]float32, 2), make([]float32, 2)
		require.NoError(t, halves.PredictBoth(t.Context(), c, u, x, at))
		if at.Step != step {
			step = at.Step
			copy(before, now)
			for i := range now {
				now[i] = float64(c[i]-u[i]) + beta*before[i]
			}
		}
		for i := range dst {
			require.InDelta(t, float64(2*c[i]-u[i])+beta*before[i], dst[i], 1e-5, "step %d at t=%g", at.Step, at.T)
		}
	})
	require.NoError(t, Run(t.Context(), plan, spy, NewState([]float32{0.3, -0.8}, 1, 0), nil, nil))
	require.Equal(t, 3, step)
}

// A sample's momentum is its own: neither chunks nor workers change it, nor what a worker has walked before.
func TestGuidedSamplesDoNotDependOnChunksAndWorkers(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	for name, g := range map[string]Guidance{
		"momentum":                {Weight: 3, Form: Perpendicular{0, 0.5, -0.5}},
		"momentum in an interval": {Weight: 3, Form: Perpendicular{0, 0.5, -0.5}, Interval: &[2]float64{0.3, 0.45}},
		"zero-star, rescaled":     {Weight: 3, Form: ZeroStar{1}, Rescale: 0.7},
	} {
		g.Model, g.Dim = model, 2
		job := func(chunk, workers int) Job {
			return Job{
				Plan: mustPlan(t, model, Settings{Solver: Heun, Steps: 8, To: ptr(0.9)}), N: 23, First: 7, Dim: 2, Chunk: chunk, Workers: workers,
				Noise: Philox{Seed: 3}, Network: func(int) (Network, error) { return Guide(duo(model), g), nil },
			}
		}
		want := collect(t, job(0, 1))
		for _, chunk := range []int{1, 4, 7} {
			for _, workers := range []int{1, 3} {
				require.Equal(t, want, collect(t, job(chunk, workers)), "%s, chunk %d, %d workers", name, chunk, workers)
			}
		}
	}
}

// Each form works in a functional of its own, and so guides every prediction alike.
func TestFormsDoNotDependOnWhatIsPredicted(t *testing.T) {
	for _, form := range []Form{ZeroStar{}, ZeroStar{2}, Perpendicular{}, Perpendicular{0.5, 0.4, 0}, Perpendicular{0, 1, -0.5}} {
		var first []float32
		for name, prediction := range predictions {
			model := Model{Path: schedule.CondOT(), Prediction: prediction}
			plan := mustPlan(t, model, Settings{Solver: Heun, Steps: 20, From: ptr(0.1), To: ptr(0.9)})
			g := Guidance{Weight: 2.5, Form: form, Model: model, Dim: 2}
			x := NewState([]float32{-1, 0.2, 0.7, -0.4}, 2, 0)
			require.NoError(t, Run(t.Context(), plan, Guide(duo(model), g), x, nil, nil))
			if first == nil {
				first = x.X
			}
			require.InDeltaSlice(t, float64s(first), float64s(x.X), 3e-5, "%s of %s", form, name)
		}
	}
}

// Of diffusers' rescale_noise_cfg on PyTorch 2.9.1 in float32, with phi 0.7 and the weight 3.
func TestRescaledGuidanceHasTheNumbersOfDiffusers(t *testing.T) {
	given := func(values ...float32) Func { return func(dst, _ []float32, _ At) { copy(dst, values) } }
	net := FuncPair{given(1, 2, 4, 0.5, -1, 0), given(0, 1, 1, 1, 1, -2)}
	p := make([]float32, 6)
	require.NoError(t, Guide(net, Guidance{Weight: 3, Rescale: 0.7, Dim: 3}).Predict(t.Context(), p, make([]float32, 6), At{}))
	require.InDeltaSlice(t, []float32{1.7472939491271973, 2.3297252655029297, 5.824313163757324, -0.20940375328063965, -2.0940375328063965, 1.6752300262451172}, p, 1e-6)
}

// With phi = 1 every guided prediction has the conditional one's deviation, whatever the form.
func TestRescaledGuidanceHasTheConditionalDeviation(t *testing.T) {
	everywhere(t, func(t *testing.T, model Model, at float64) {
		for _, form := range []Form{nil, ZeroStar{}, Perpendicular{}} {
			c, _, p := halves(t, Guidance{Weight: 5, Form: form, Rescale: 1}, model, model.Prediction, []float32{0.3, -0.8}, at)
			require.InDelta(t, math.Abs(c[0]-c[1]), math.Abs(p[0]-p[1]), 1e-5*(1+math.Abs(c[0]-c[1])))
		}
	})
	flat := func(dst, _ []float32, _ At) { clear(dst) }
	p := []float32{1, 1}
	require.NoError(t, Guide(FuncPair{flat, flat}, Guidance{Weight: 2, Rescale: 1, Dim: 2}).Predict(t.Context(), p, p, At{}))
	require.Equal(t, []float32{0, 0}, p, "a prediction that does not vary is left alone")
}

// A weaker network that is the unconditional one makes classifier-free guidance, whatever it predicts and however it is told the time.
func TestAutoguidanceByTheUnconditionalNetworkIsClassifierFree(t *testing.T) {
	path := mustPath(t, "vp(0.1,20)")
	for name, prediction := range predictions {
		model := Model{Path: path, Prediction: prediction}
		for weakName, weaker := range predictions {
			weak := Model{Path: path, Prediction: weaker, Time: formula(path, "1000*(1-t)"), Scale: formula(path, "1/(1+t)"), Integer: true}
			unconditional := perfect(other, weak)
			fed := 0.0
			network := Func(func(dst, x []float32, at At) {
				require.Equal(t, math.RoundToEven(1000*(1-at.T)), at.Input)
				require.InDelta(t, 1/(1+at.T), at.Scale, 1e-15)
				fed = at.Input
				unconditional(dst, x, at)
			})
			plan := mustPlan(t, model, Settings{Solver: Heun, Steps: 6, From: ptr(0.1), To: ptr(0.9)})
			for _, g := range []Guidance{{Weight: 2.5}, {Weight: 2.5, Form: Perpendicular{0, 0.3, -0.5}}, {Weight: 2.5, Interval: &[2]float64{0.2, 0.6}}} {
				g.Model, g.Dim = model, 2
				want, got := NewState([]float32{-1, 0.2}, 1, 0), NewState([]float32{-1, 0.2}, 1, 0)
				require.NoError(t, Run(t.Context(), plan, Guide(duo(model), g), want, nil, nil))
				guided := Guide(Autoguided(perfect(one, model), model, network, weak), g)
				require.NoError(t, Run(t.Context(), plan, guided, got, nil, nil))
				require.InDeltaSlice(t, want.X, got.X, 1e-5, "%s guided by %s", name, weakName)
			}
			require.NotZero(t, fed)
		}
	}
}

// Networks that are fed alike see the numbers of the plan, which may be another program's.
func TestAGuideThatIsFedAlikeIsFedThePlansNumbers(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity, Time: formula(condot.Path, "1-t")}
	alike := Model{Path: schedule.CondOT(), Prediction: schedule.Data, Time: formula(condot.Path, "1-t")}
	at := At{T: 0.5, Input: 123, Scale: 7}
	seen := At{}
	weak := Func(func(_, _ []float32, at At) { seen = at })
	both := Autoguided(pull, model, weak, alike)
	buffer := make([]float32, 4)
	require.NoError(t, both.PredictBoth(t.Context(), buffer, buffer, buffer, at))
	require.Equal(t, at, seen)
	reverse := Model{Path: schedule.CondOT(), Prediction: schedule.ReverseVelocity}
	require.NoError(t, Autoguided(pull, condot, weak, reverse).PredictBoth(t.Context(), buffer, buffer, buffer, at))
	require.Equal(t, At{T: 0.5, Input: 0.5, Scale: 1}, seen, "the default time of a reverse velocity is 1-t")

	broken := fmt.Errorf("lost")
	require.ErrorIs(t, Autoguided(failing{broken}, condot, weak, reverse).PredictBoth(t.Context(), buffer, buffer, buffer, at), broken)
	require.ErrorIs(t, Autoguided(pull, condot, failing{broken}, reverse).PredictBoth(t.Context(), buffer, buffer, buffer, at), broken)
}

func TestGuidanceThatAPlanCannotHaveIsAnError(t *testing.T) {
	noise := Model{Path: schedule.CondOT(), Prediction: schedule.Noise}
	two := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity, Second: schedule.Score}
	for _, c := range []struct {
		model Model
		s     Settings
		g     Guidance
		says  string
	}{
		{condot, Settings{Steps: 4}, Guidance{Formula: formula(condot.Path, "1/t")}, "guidance 1/t is +Inf at t=0"},
		{condot, Settings{Steps: 4}, Guidance{Formula: formula(condot.Path, "1/t"), Interval: &[2]float64{0, 1}}, ""},
		{condot, Settings{Steps: 4}, Guidance{Formula: formula(condot.Path, "sqrt(t-0.3)"), Interval: &[2]float64{0.25, 1}}, ""},
		{condot, Settings{Steps: 4}, Guidance{Weight: 2, Form: Perpendicular{}}, ""},
		{condot, Settings{Steps: 4, Solver: RK4}, Guidance{Weight: 2, Form: Perpendicular{}}, ""},
		{condot, Settings{Steps: 4, Solver: RK4}, Guidance{Weight: 2, Form: Perpendicular{Momentum: -0.5}}, "its momentum cannot be had there"},
		{noise, Settings{Steps: 4, Solver: DDIM, From: ptr(0.0), Last: "none"}, Guidance{Weight: 2, Form: ZeroStar{}}, "works in the velocity: velocity cannot be had from noise at t=0"},
		{two, Settings{Steps: 4, Sigma: mustSigma(t, "1-t")}, Guidance{Weight: 2, Form: ZeroStar{}}, "the plan reads two"},
		{two, Settings{Steps: 4, Sigma: mustSigma(t, "1-t")}, Guidance{Weight: 2}, ""},
	} {
		plan, err := NewPlan(c.model, c.s)
		if err != nil {
			require.ErrorContains(t, err, "noise", "the plan itself does not exist")
			continue
		}
		c.g.Model, c.g.Dim = c.model, 2
		if err := c.g.Check(plan); c.says == "" {
			require.NoError(t, err, "%s", c.g)
		} else {
			require.ErrorContains(t, err, c.says)
		}
	}
	require.Panics(t, func() { Guide(duo(condot), Guidance{Weight: 2, Form: ZeroStar{}}) }, "the size of a sample is not known")
}

// A step that is taken again would find its own difference in the momentum.
func TestStepsByToleranceHaveNoMomentum(t *testing.T) {
	for _, clip := range []*[2]float64{nil, {-1, 1}} {
		net := Clip(Guide(duo(condot), Guidance{Weight: 2, Form: Perpendicular{Momentum: -0.5}, Model: condot, Dim: 2}), &Plan{Clip: clip})
		_, err := Adaptive(t.Context(), condot, Settings{Clip: clip}, net, NewState(make([]float32, 2), 1, 0), nil)
		require.ErrorContains(t, err, "the momentum of guidance goes by the step before")
	}
	net := Guide(duo(condot), Guidance{Weight: 2, Form: Perpendicular{}, Model: condot, Dim: 2})
	_, err := Adaptive(t.Context(), condot, Settings{To: ptr(0.9)}, net, NewState([]float32{0.3, -0.8}, 1, 0), nil)
	require.NoError(t, err)
}

// A form that a card gives does nothing where the weight is 1: no step is without a field.
func TestWithoutAWeightThereIsNoForm(t *testing.T) {
	plan := mustPlan(t, condot, Settings{Steps: 10})
	g := Guidance{Weight: 1, Form: ZeroStar{3}, Model: condot, Dim: 2}
	net := new(counting)
	require.NoError(t, Run(t.Context(), plan, Guide(net, g), NewState(make([]float32, 4), 2, 0), nil, nil))
	require.Equal(t, counting{single: 10}, *net)
	require.Equal(t, 10, Evaluations(plan, g))
}

func TestFormsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]Form{
		"cfg": nil, "zero-star": ZeroStar{1}, "zero-star(0)": ZeroStar{}, " zero-star( 3 ) ": ZeroStar{3},
		"apg": Perpendicular{}, "apg(0.5)": Perpendicular{Eta: 0.5}, "apg(0,2.5,-1/2)": Perpendicular{0, 2.5, -0.5},
	} {
		form, err := ParseForm(text)
		require.NoError(t, err, text)
		require.Equal(t, want, form, text)
	}
	for text, says := range map[string]string{
		"":               `unknown form of guidance ""; expected cfg, zero-star(steps) or apg(eta,norm,momentum)`,
		"agp":            `did you mean "apg"?`,
		"cfg(1)":         "cfg takes (), found 1 numbers",
		"zero-star(1.5)": "found 1.5 steps",
		"zero-star(-1)":  "found -1 steps",
		"apg(0,-1)":      "found the norm -1",
		"apg(0,1,1)":     "found the momentum 1",
		"apg(0,1,0,2)":   "apg takes (eta, norm, momentum), found 4 numbers",
		"apg(0":          "closing bracket",
		"apg(x)":         "unknown name",
	} {
		_, err := ParseForm(text)
		require.ErrorContains(t, err, says, text)
	}
}

func FuzzParseForm(f *testing.F) {
	for _, text := range []string{"cfg", "zero-star(2)", "apg(0,2.5,-0.5)", "apg(", "apg(1e309)", "zero-star(1e300)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := ParseForm(text)
		if err != nil || form == nil {
			return
		}
		again, err := ParseForm(form.String())
		require.NoError(t, err)
		require.Equal(t, form, again)
	})
}

func BenchmarkGuidance(b *testing.B) {
	const dim = 3 * 64 * 64
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	for name, g := range map[string]Guidance{
		"cfg": {Weight: 3}, "zero-star": {Weight: 3, Form: ZeroStar{}}, "apg": {Weight: 3, Form: Perpendicular{0, 2.5, -0.5}}, "rescaled": {Weight: 3, Rescale: 0.7},
	} {
		g.Model, g.Dim = model, dim
		net := Guide(FuncPair{pull, pull}, g)
		x, p := make([]float32, dim), make([]float32, dim)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * dim)
			for b.Loop() {
				if err := net.Predict(context.Background(), p, x, At{T: 0.5, Step: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
