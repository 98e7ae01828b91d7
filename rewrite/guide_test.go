package rewrite

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// bound settles guidance for a network, as the command line does.
func bound(g sampler.Guidance, model sampler.Model, dim int, formula string) sampler.Guidance {
	if g.Model, g.Dim = model, dim; formula != "" {
		g.Formula = schedule.MustFormula(formula, schedule.TimeVariables(model.Path)...)
	}
	return g
}

// Every form, in a loop and without one, where all rows are guided and where some are, with the halves as one batch and one after the other.
// Samples are of several numbers: where the data prediction passes by zero, its direction turns, and with it what is perpendicular.
func TestEveryFormOfGuidanceIsCompiled(t *testing.T) {
	n := onnx.Free("n")
	three := kind{shape: []int64{2, 2}, dims: []onnx.Dim{n}, label: onnx.Int64}
	apart := kind{batch: onnx.Fixed(5), shape: []int64{2, 4}, dims: []onnx.Dim{onnx.Fixed(5)}, label: onnx.Int64}
	const labels = `, "labels": {"count": 3, "null": 3}}`
	for _, model := range []struct {
		name string
		kind
		card string
	}{
		{"velocity on condot", three, `{"prediction": "velocity", "path": "condot"` + labels},
		{"noise on a table", three, `{"prediction": "noise", "path": {"betas": "linear(1e-3,0.2)", "count": 40}` + labels},
		{"data on vp, scaled", three, `{"prediction": "data", "path": "vp(0.1,20)", "scale": "1/(1+beta)"` + labels},
		{"a fixed batch", apart, `{"prediction": "v", "path": "cosine"` + labels},
	} {
		r := model.resolve(t, model.card)
		for i, g := range []struct {
			sampler.Guidance
			formula string
		}{
			{sampler.Guidance{}, "1+3*t"},
			{sampler.Guidance{}, "1+max(0,2*alpha-1)"},
			{sampler.Guidance{Interval: &[2]float64{0.2, 0.6}}, "3-beta"},
			{sampler.Guidance{Weight: 3, Rescale: 0.7}, ""},
			{sampler.Guidance{Weight: 3, Form: sampler.ZeroStar{}}, ""},
			{sampler.Guidance{Weight: 0.5, Form: sampler.ZeroStar{Steps: 1}, Rescale: 0.5}, ""},
			{sampler.Guidance{Form: sampler.ZeroStar{Steps: 2}, Interval: &[2]float64{0.2, 0.6}}, "3-beta"},
			{sampler.Guidance{Weight: 3, Form: sampler.ZeroStar{Steps: 100}}, ""},
			{sampler.Guidance{Weight: 3, Form: sampler.Perpendicular{}}, ""},
			{sampler.Guidance{Weight: 3, Form: sampler.Perpendicular{Eta: 0.5, Norm: 0.4}}, ""},
			{sampler.Guidance{Form: sampler.Perpendicular{Eta: 1, Norm: 0.4}, Rescale: 0.3, Interval: &[2]float64{0.2, 0.6}}, "1+4*t"},
		} {
			for _, steps := range []int{3, 9} {
				for _, solver := range []sampler.Solver{sampler.DDIM, sampler.Heun} {
					t.Run(fmt.Sprintf("%s, %d, %d steps of %s", model.name, i, steps, solver.Name), func(t *testing.T) {
						from, to := 0.1, 0.9
						plan := planOf(t, r, sampler.Settings{Solver: solver, Steps: steps, From: &from, To: &to, Clip: &[2]float64{-2, 2}})
						requireSame(t, r, plan, bound(g.Guidance, r.Sampling(), r.Dim(), g.formula), 5)
					})
				}
			}
		}
	}
}

// The class in place of none is that of the walk, in a network that knows none and in one that does.
func TestANegativeClassIsCompiled(t *testing.T) {
	n := onnx.Free("n")
	for _, card := range []string{`{"count": 3}`, `{"count": 3, "null": 3}`} {
		for _, k := range []kind{
			{shape: []int64{2}, dims: []onnx.Dim{n}, label: onnx.Int64},
			{batch: onnx.Fixed(4), shape: []int64{2}, dims: []onnx.Dim{onnx.Fixed(4)}, label: onnx.Int64},
		} {
			r := k.resolve(t, `{"prediction": "velocity", "path": "condot", "labels": `+card+`}`)
			class := 1
			r.Negative = &class
			requireSame(t, r, planOf(t, r, sampler.Settings{Steps: 3}), sampler.Guidance{Weight: 3}, 4)
		}
	}
}

// A weaker network of its own clock, scale, classes and prediction, in a loop and without one, at every row and at some.
func TestAWeakerNetworkIsCompiled(t *testing.T) {
	n := onnx.Free("n")
	one := kind{shape: []int64{2, 2}, dims: []onnx.Dim{n}, label: onnx.Int64}
	const labels = `, "labels": {"count": 3, "null": 3}}`
	for name, c := range map[string]struct {
		own, weak         kind
		ownCard, weakCard string
	}{
		"the same kind": {one, one, `{"prediction": "velocity", "path": "condot"` + labels, `{"prediction": "velocity", "path": "condot"` + labels},
		"no classes, noise, another time": {one, kind{shape: []int64{2, 2}, dims: []onnx.Dim{}, state: onnx.Float16, clock: onnx.Float64},
			`{"prediction": "data", "path": "vp(0.1,20)"` + labels, `{"prediction": "noise", "path": "vp(0.1,20)", "time": "0.25*logsnr", "scale": "1/(1+beta)"}`},
		"whole numbers on a table": {one, kind{shape: []int64{2, 2}, dims: []onnx.Dim{n}, clock: onnx.Int64, label: onnx.Float32, classes: 3},
			`{"prediction": "noise", "path": {"betas": "linear(1e-3,0.2)", "count": 40}` + labels,
			`{"prediction": "v", "path": {"betas": "linear(1e-3,0.2)", "count": 40}, "labels": {"count": 3, "encoding": "onehot", "null": "zeros"}}`},
	} {
		r, guide := c.own.resolve(t, c.ownCard), c.weak.resolve(t, c.weakCard)
		r.Guide = guide
		for i, g := range []sampler.Guidance{
			{Weight: 3}, {Weight: 0.5, Interval: &[2]float64{0.2, 0.6}}, {Weight: 3, Form: sampler.ZeroStar{Steps: 1}}, {Weight: 2, Form: sampler.Perpendicular{Norm: 0.5}, Rescale: 0.5, Interval: &[2]float64{0.4, 0.8}},
		} {
			for _, steps := range []int{3, 9} {
				t.Run(fmt.Sprintf("%s, %d, %d steps", name, i, steps), func(t *testing.T) {
					from, to := 0.1, 0.9
					plan := planOf(t, r, sampler.Settings{Solver: sampler.DDIM, Steps: steps, From: &from, To: &to, Clip: &[2]float64{-2, 2}})
					bound := bound(g, r.Sampling(), r.Dim(), "")
					require.NoError(t, r.GuidedBy(guide, plan, bound))
					requireSame(t, r, plan, bound, 5)
				})
			}
		}
	}
}

func TestGuidanceThatCannotBeCompiledIsRefused(t *testing.T) {
	r := settled(t, "glyphs")
	plan := planOf(t, r, sampler.Settings{Steps: 3})
	for says, g := range map[string]sampler.Guidance{
		"keeps no momentum; leave it out, --guidance-form 'apg(0.5,2)'": bound(sampler.Guidance{Weight: 2, Form: sampler.Perpendicular{Eta: 0.5, Norm: 2, Momentum: -0.5}}, r.Sampling(), r.Dim(), ""),
		"guidance 1/t is +Inf at t=0":                                   bound(sampler.Guidance{}, r.Sampling(), r.Dim(), "1/t"),
	} {
		_, err := Compile(r, plan, g)
		require.ErrorContains(t, err, says)
	}
	n := onnx.Free("n")
	const flow = `{"prediction": "velocity", "path": "condot"}`
	for says, guide := range map[string]kind{
		"opset 17, and those of":                    {shape: []int64{2}, dims: []onnx.Dim{n}, opset: 18},
		"it takes 4 samples a call, and":            {batch: onnx.Fixed(4), shape: []int64{2}, dims: []onnx.Dim{onnx.Fixed(4)}},
		"found samples of shape [3], expected [2],": {shape: []int64{3}, dims: []onnx.Dim{n}},
	} {
		r := kind{shape: []int64{2}, dims: []onnx.Dim{n}}.resolve(t, flow)
		r.Guide = guide.resolve(t, flow)
		_, err := Compile(r, planOf(t, r, sampler.Settings{Steps: 3}), sampler.Guidance{Weight: 2})
		require.ErrorContains(t, err, says)
	}
}
