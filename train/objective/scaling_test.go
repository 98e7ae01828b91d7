package objective

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// In float32 a formula is right to its own rounding: the arguments below are float32 numbers, so that it is that of the operations.
func TestAFormulaInAGraphIsTheFormula(t *testing.T) {
	for text, tolerance := range map[string]float64{
		"1-t": 1e-7, "t^2": 1e-7, "t^3-2*t": 1e-6, "t^0.5": 1e-6, "2^t": 1e-6, "-t/(1+t)": 1e-6, "pi": 1e-7, "pow(t,1.5)": 1e-6,
		"sin(pi/2*t)": 1e-6, "cos(t)": 1e-6, "tan(t)": 1e-6, "tanh(3*t)": 1e-6, "exp(-t)": 1e-6, "log(t)": 1e-6, "sqrt(t)": 1e-6,
		"abs(t-0.5)": 1e-6, "sign(t-0.5)": 1e-6, "min(t,0.3)": 1e-7, "max(t,0.3)": 1e-7,
		"expm1(t)": 1e-6, "expm1(-t/1000)": 1e-6, "expm1(20*t)": 1e-5, "expm1(-40*t)": 1e-6, "log1p(t)": 1e-6, "log1p(t/1e5)": 1e-6, "log1p(t/1e9)": 1e-6, "log1p(-t/2)": 1e-6,
	} {
		for _, variables := range [][]string{{"t"}, {"t", "u"}} {
			f := schedule.MustFormula(text, variables...)
			g := graph.New()
			x := g.Input("t", onnx.Float32, graph.Shape{graph.Batch})
			values := []*graph.Value{x, nil}[:len(variables)]
			y := Formula(g, f, values...)
			y = g.Add(y, g.Mul(x, g.Scalar(0)))
			times := []float32{1e-3, 0.1, 0.25, 0.7, 0.9990234375}
			got := graph.Evaluate(g, len(times), map[*graph.Value][]float32{x: times}, nil, y)[0]
			for i, at := range times {
				arguments := []float64{float64(at), 0}[:len(variables)]
				want := f.Eval(arguments...)
				require.InDelta(t, want, float64(got[i]), tolerance*math.Abs(want)+1e-30, "%s at %v", text, at)
			}
		}
	}
}

func TestAFormulaIsWrittenOncePerSubexpression(t *testing.T) {
	g := graph.New()
	x := g.Input("t", onnx.Float32, graph.Shape{graph.Batch})
	Formula(g, schedule.MustFormula("exp(t)/(1+exp(t))", "t"), x)
	exps := 0
	for _, v := range g.Values {
		if v.Op == graph.Exp {
			exps++
		}
	}
	require.Equal(t, 1, exps)
}

// scaledBy evaluates a scaling for an objective with two numbers a sample: what the network sees of x, and the prediction made of net.
func scaledBy(t *testing.T, o *Objective, s Scaling, x, time, net []float32, k int) (seen, prediction []float32) {
	t.Helper()
	g := graph.New()
	state := g.Input("x", onnx.Float32, graph.Shape{graph.Batch, 2})
	clock := g.Input("t", onnx.Float32, graph.Shape{graph.Batch})
	given := g.Input("net", onnx.Float32, graph.Shape{graph.Batch, 2})
	fit, err := s.For(o)
	require.NoError(t, err)
	scaled, err := fit.In(g, clock, 2)
	require.NoError(t, err)
	r := graph.Evaluate(g, len(time), map[*graph.Value][]float32{state: x, clock: time, given: net}, nil, scaled.Input(state), scaled.Output(k, given))
	return r[0], r[1]
}

// Whatever data, path and prediction, the network sees states of mean 0 and variance 1, and what it has to give for the target has these
// too; and the formulas are those of the doc comment, coefficients by schedule.
func TestScalingMakesStateAndTargetStandard(t *testing.T) {
	const n = 4096
	s := Scaling{Mean: []float64{300, -0.01}, Std: []float64{20, 0.002}, Shape: graph.Shape{2}}
	z := make([]float32, 2*n)
	require.NoError(t, sampler.Philox{Seed: 5}.Normals(z, 0, n, 0))
	for i := range z {
		z[i] = float32(s.Mean[i%2] + s.Std[i%2]*float64(z[i]))
	}
	for _, path := range paths(t) {
		for _, p := range schedule.Predictions() {
			o := &Objective{Path: path, Predictions: []Named{Name(p)}}
			b, err := o.NewBatch(n, 2)
			require.NoError(t, err)
			require.NoError(t, b.Fill(z, nil, 1, 0))
			ones, zeros := make([]float32, 2*n), make([]float32, 2*n)
			for i := range ones {
				ones[i] = 1
			}
			seen, one := scaledBy(t, o, s, b.X, b.Time, ones, 0)
			_, zero := scaledBy(t, o, s, b.X, b.Time, zeros, 0)
			var sums [2][4]float64 // of the state and its square, of the target and its square
			for i := range seen {
				wanted := float64(b.Target[0][i]-zero[i]) / float64(one[i]-zero[i])
				x := float64(seen[i])
				for k, v := range []float64{x, x * x, wanted, wanted * wanted} {
					sums[i%2][k] += v / n
				}
				pt := path.At(b.T[i/2])
				a, noise := p.Weights(pt)
				mean, std := a*s.Mean[i%2], math.Hypot(a*s.Std[i%2], noise)
				require.InDelta(t, mean, float64(zero[i]), 2e-4*(math.Abs(mean)+std), "%s on %s at %v", p, path, pt.T)
				if math.Abs(mean) < 1e3*std { // else the difference cancels in float32
					require.InDelta(t, std, float64(one[i]-zero[i]), 2e-4*std+1e-6*math.Abs(mean), "%s on %s at %v", p, path, pt.T)
				}
			}
			for column, sum := range sums {
				require.InDelta(t, 0, sum[0], 0.08, "state's mean, column %d, %s on %s", column, p, path)
				require.InDelta(t, 1, sum[1], 0.15, "state's variance, column %d, %s on %s", column, p, path)
				if column == 0 { // the other column's targets are 5 standard deviations of theirs from 0, hence right to 1e-6
					require.InDelta(t, 0, sum[2], 0.08, "target's mean, %s on %s", p, path)
					require.InDelta(t, 1, sum[3], 0.15, "target's variance, %s on %s", p, path)
				}
			}
		}
	}
}

// At and beyond the ends, where coefficients may be infinite, those of the last trained times hold.
func TestScalingIsFiniteAtTheEnds(t *testing.T) {
	for _, path := range paths(t) {
		for _, p := range schedule.Predictions() {
			o := &Objective{Path: path, Predictions: []Named{Name(p)}}
			time := []float32{0, 1, -1, 2, 0, 1e6}
			x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
			seen, prediction := scaledBy(t, o, Scaling{Mean: []float64{0}, Std: []float64{0}}, x, time, x, 0)
			for i := range seen {
				for _, v := range []float32{seen[i], prediction[i]} {
					require.False(t, math.IsNaN(float64(v)) || math.IsInf(float64(v), 0), "%s on %s at %v", p, path, time[i/2])
				}
			}
		}
	}
}

// On a table, a time between two entries has what lies between their coefficients.
func TestScalingOnATableIsLinearBetweenEntries(t *testing.T) {
	o := &Objective{Path: paths(t)[5], Predictions: []Named{Name(schedule.V)}}
	x := []float32{0, 0, 0, 0, 0, 0}
	s := Scaling{Mean: []float64{1}, Std: []float64{0}}
	_, got := scaledBy(t, o, s, x, []float32{10, 10.25, 11}, x, 0)
	require.InDelta(t, 0.75*float64(got[0])+0.25*float64(got[4]), float64(got[2]), 1e-6)
	pt := o.Path.At(o.Path.(*schedule.Discrete).Time(11))
	require.InDelta(t, -pt.Beta, float64(got[4]), 1e-6)
}

func TestScalingIsForWhatIsFarFromOne(t *testing.T) {
	needed := func(path, prediction string, mean, std float64) bool {
		o := objective(t, path, prediction, "")
		fit, err := Scaling{Mean: []float64{mean}, Std: []float64{std}}.For(&o)
		require.NoError(t, err)
		return fit.Needed()
	}
	require.False(t, needed("condot", "velocity", 0, 1))
	require.False(t, needed("condot", "velocity", -0.74, 0.62), "digits from -1 to 1")
	require.False(t, needed("cosine", "velocity", 0, 1))
	require.False(t, needed("vp(0.1,20)", "noise", 0.5, 0.8))
	require.False(t, needed("betas=linear(1e-4,0.02); count=1000", "v", 0, 0.5))
	require.True(t, needed("condot", "velocity", 0, 20))
	require.True(t, needed("condot", "velocity", 0, 0.1))
	require.True(t, needed("condot", "velocity", 10, 1))
	require.True(t, needed("condot", "score", 0, 1), "1/beta")
	require.True(t, needed("vp(0.1,20)", "velocity", 0, 1), "alpha' and beta'")
	require.True(t, needed("ve(0.02,100)", "data", 0, 1), "states")
}

func TestScalingThatCannotBeSaysWhy(t *testing.T) {
	try := func(o Objective, s Scaling) error {
		fit, err := s.For(&o)
		if err != nil {
			return err
		}
		g := graph.New()
		_, err = fit.In(g, g.Input("t", onnx.Float32, graph.Shape{graph.Batch}), 2)
		return err
	}
	unit := Scaling{Mean: []float64{0}, Std: []float64{1}}
	variables := schedule.TimeVariables(schedule.CondOT())
	require.NoError(t, try(Objective{Time: schedule.MustFormula("1000*(1-t)+1", variables...)}, unit))
	require.ErrorContains(t, try(Objective{Time: schedule.MustFormula("t^2", variables...)}, unit), "from which its graph cannot tell the time")
	require.ErrorContains(t, try(Objective{Scale: schedule.MustFormula("2", variables...)}, unit), "has the scale 2 already")
	require.ErrorContains(t, try(Objective{}, Scaling{Mean: []float64{0, 1}, Std: []float64{1}}), "2 means and 1 standard deviations")
	require.ErrorContains(t, try(Objective{}, Scaling{Mean: []float64{0}, Std: []float64{-1}}), "standard deviation -1")
	require.ErrorContains(t, try(Objective{}, Scaling{Mean: []float64{0}, Std: []float64{1}, Shape: graph.Shape{1, 1}}), "for samples of 1 axes")
}

// A linear time formula of any kind tells the same coefficients.
func TestScalingReadsTheTimeFromWhatTheNetworkIsFed(t *testing.T) {
	variables := schedule.TimeVariables(schedule.Cosine())
	s := Scaling{Mean: []float64{3}, Std: []float64{2}}
	x := []float32{1, -1, 1, -1}
	for text, fed := range map[string][]float32{"t": {0.25, 0.75}, "1-t": {0.75, 0.25}, "1000*t": {250, 750}, "999*(1-t)+1": {750.25, 250.75}} {
		o := &Objective{Path: schedule.Cosine(), Time: schedule.MustFormula(text, variables...)}
		seen, prediction := scaledBy(t, o, s, x, fed, x, 0)
		for i, at := range []float64{0.25, 0.25, 0.75, 0.75} {
			pt := o.Path.At(at)
			require.InDelta(t, (float64(x[i])-3*pt.Alpha)/math.Hypot(2*pt.Alpha, pt.Beta), float64(seen[i]), 1e-5, text)
			require.InDelta(t, 3*pt.DAlpha+math.Hypot(2*pt.DAlpha, pt.DBeta)*float64(x[i]), float64(prediction[i]), 1e-4, text)
		}
	}
}
