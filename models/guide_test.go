package models

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
	"odeon/sampler"
)

// The class in place of none, in networks that know none and in such that do, as an index and as a row.
func TestANegativeClassIsFedInTheUnconditionalHalf(t *testing.T) {
	for _, batch := range []onnx.Dim{free, fixed(4)} {
		for _, c := range []struct {
			testGraph
			card     string
			negative int
			want     float32 // of the class in the graph
		}{
			{testGraph{label: onnx.Int64}, `{"labels": {"count": 3}}`, 1, 10},
			{testGraph{label: onnx.Int64}, `{"labels": {"count": 3, "null": -1}}`, 2, 20},
			{testGraph{label: onnx.Int64}, `{"labels": {"count": 3, "null": -1}}`, NullLabel, -10},
			{testGraph{label: onnx.Float32, classes: 3}, `{"labels": {"count": 3}}`, 1, 10},
			{testGraph{label: onnx.Float32, classes: 3}, `{"labels": {"count": 3, "null": "zeros"}}`, 2, 20},
		} {
			c.batch, c.clock = batch, []onnx.Dim{batch}
			r := c.resolve(t, c.card)
			r.Negative = &c.negative
			require.NoError(t, r.CanGuide())
			net := network(t, r, Run{Labels: []int{2, 0}})
			x := states(6, 2)
			cond, uncond := make([]float32, len(x)), make([]float32, len(x))
			require.NoError(t, net.PredictBoth(context.Background(), cond, uncond, x, sampler.At{Input: 3, Scale: 1}))
			require.Equal(t, add(x, 2, func(k, _ int) float32 { return 3 + []float32{20, 0}[k%2] }), cond)
			require.Equal(t, add(x, 2, func(int, int) float32 { return 3 + c.want }), uncond)
		}
	}
}

func TestWhatGuidesIsOfTheSameData(t *testing.T) {
	classes := testGraph{label: onnx.Int64, clock: []onnx.Dim{free}}
	plain := testGraph{clock: []onnx.Dim{free}}
	const three = `{"labels": {"count": 3}}`
	r := classes.resolve(t, three)
	plan := func(r *Resolved, s sampler.Settings) *sampler.Plan {
		p, err := sampler.NewPlan(r.Sampling(), s)
		require.NoError(t, err)
		return p
	}
	walk, twice := plan(r, sampler.Settings{Steps: 3}), sampler.Guidance{Weight: 2}
	for name, guide := range map[string]*Resolved{
		"itself":               r,
		"no classes":           plain.resolve(t, `{}`),
		"another prediction":   classes.resolve(t, `{"prediction": "data", "time": "1-t", "labels": {"count": 3, "null": 3}}`),
		"as many classes":      classes.resolve(t, `{"labels": {"encoding": "index"}}`),
		"another kind of time": testGraph{time: onnx.Int64, clock: []onnx.Dim{}}.resolve(t, `{"time": "1000*t"}`),
	} {
		require.NoError(t, r.GuidedBy(guide, walk, twice), name)
	}
	for _, c := range []struct {
		r, guide *Resolved
		says     string
	}{
		{r, testGraph{shape: []int64{3}, clock: []onnx.Dim{free}}.resolve(t, `{}`), "found samples of shape [3], expected [2], as of"},
		{r, classes.resolve(t, `{"labels": {"count": 4}}`), "found 4 classes, expected 3, as of"},
		{plain.resolve(t, `{}`), classes.resolve(t, three), "it takes a class, and"},
		{r, plain.resolve(t, `{"path": "cosine"}`), "found the path cosine, expected that of"},
		{r, plain.resolve(t, `{"path": "cosine"}`), "odeon convert"},
		{r, plain.resolve(t, `{"time": "index"}`), `unknown name "index"`},
	} {
		require.ErrorContains(t, c.r.GuidedBy(c.guide, plan(c.r, sampler.Settings{Steps: 3}), twice), c.says)
	}

	// Whole numbers fit a walk through trained indices, and no other.
	const table = `{"prediction": "noise", "path": {"betas": "linear(1e-3,0.2)", "count": 10}}`
	continuous, whole := plain.resolve(t, table), testGraph{time: onnx.Int64, clock: []onnx.Dim{free}}.resolve(t, table)
	require.NoError(t, continuous.GuidedBy(whole, plan(continuous, sampler.Settings{Steps: 5}), twice))
	require.ErrorContains(t, continuous.GuidedBy(whole, plan(continuous, sampler.Settings{Steps: 3, Solver: sampler.Midpoint}), twice), "it takes whole numbers for its time")

	// A noise says nothing of the velocity where there is no data in the state.
	noise := plain.resolve(t, `{"prediction": "noise"}`)
	require.ErrorContains(t, r.GuidedBy(noise, walk, twice), "velocity cannot be had from noise at t=0")
	require.NoError(t, r.GuidedBy(noise, walk, sampler.Guidance{Weight: 2, Interval: &[2]float64{0, 1}}))

	two := plan(r, sampler.Settings{Steps: 3})
	two.Second = "score"
	require.ErrorContains(t, r.GuidedBy(r, two, twice), "the plan reads two predictions, velocity and score")
}
