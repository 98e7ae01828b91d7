package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/sampler"
)

// begun are parameters of one Init each.
func begun(seed uint64, inits ...Init) [][]float32 {
	b := NewBuilder(graph.New())
	for i, init := range inits {
		b.Parameter(string(rune('a'+i)), init, 200, 500)
	}
	return Initialize(b, seed)
}

// Of n = 1e5 numbers of deviation s, the mean lies within 5 s/sqrt(n) = 0.016 s of what it estimates, and the variance of
// normals within 5 sqrt(2/n) = 0.023 of itself, but for one seed in a million.
func TestParametersHaveTheMomentsOfTheirScheme(t *testing.T) {
	for name, c := range map[string]struct {
		init           Init
		mean, variance float64
	}{
		"zero":    {Zero(3, 4), 0, 0},
		"one":     {Init{Value: 1}, 1, 0},
		"torch":   {Torch(12, 7), 0, 1.0 / 36}, // U(-a, a) has variance a^2/3
		"xavier":  {Xavier(12, 36), 0, 2.0 / 48},
		"he":      {He(8, 1), 0, 0.25},
		"small":   {Small(1, 1), 0, 4e-4},
		"all sum": {Init{Value: -2, Normal: 1, Uniform: 3}, -2, 4},
	} {
		var mean, variance, most float64
		w := begun(1, c.init)[0]
		for _, v := range w {
			mean += float64(v) / float64(len(w))
			most = max(most, math.Abs(float64(v)))
		}
		for _, v := range w {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(w))
		}
		require.InDelta(t, c.mean, mean, 0.016*math.Sqrt(c.variance)+1e-11, name)
		require.InDelta(t, c.variance, variance, 0.023*c.variance+1e-11, name)
		if c.init.Normal == 0 {
			require.LessOrEqual(t, most, math.Abs(c.init.Value)+c.init.Uniform, name)
		}
	}
}

func TestParametersDependOnSeedAndPlaceAlone(t *testing.T) {
	a := begun(1, Small(1, 1), Torch(4, 4), Small(1, 1))
	require.Equal(t, a, begun(1, Small(1, 1), Torch(4, 4), Small(1, 1)))
	require.Equal(t, a[1], begun(1, Zero(1, 1), Torch(4, 4))[1], "whatever stands before")
	require.NotEqual(t, a[0], a[2])
	require.NotEqual(t, a[0], begun(2, Small(1, 1))[0])
	// These numbers never change: the same seed gives the same network on every machine and with every version.
	var n [1]float32
	require.NoError(t, sampler.Philox{Seed: 1}.Normals(n[:], 2, 1, math.MaxInt32))
	require.Equal(t, float32(0.02*float64(n[0])), a[2][0])
	var u [1]float64
	require.NoError(t, sampler.Philox{Seed: 1}.Uniforms(u[:], 1, 1, math.MaxInt32))
	require.Equal(t, float32(u[0]-0.5), a[1][0]) // U(-1/2, 1/2)
	require.Equal(t, []float32{-0.005989912, -0.32642642, -0.010693168}, []float32{a[0][0], a[1][1], a[2][99999]})
}

// A new network predicts nothing: what ends in zeros lets nothing through.
func TestUNetAndDiTBeginAtZero(t *testing.T) {
	d := Data{Shape: []int{1, 6, 6}, Classes: 2}
	for _, text := range []string{"unet(channels=4, mult=1:2)", "dit(width=8, depth=2)"} {
		n := build(t, parse(t, text, d), d)
		weights := make([][]float64, len(n.Parameters))
		for k, w := range Initialize(n.Builder, 3) {
			for _, v := range w {
				weights[k] = append(weights[k], float64(v))
			}
		}
		floats, ints := n.feed(2, weights, []float64{0, 1}, []int64{0, 2})
		require.Equal(t, make([]float64, 72), graph.Evaluate(n.Graph, 2, floats, ints, n.out)[0], text)
	}
}
