package graph

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// Layers as networks have them, whose gradients by everything that goes into them are held against finite differences.
var layers = []gradientCase{
	{name: "multilayer perceptron with SiLU", args: []Shape{{Batch, 3}, {3, 4}, {4}, {4, 2}, {2}}, build: func(g *Graph, x []*Value) *Value {
		h := g.Add(g.MatMul(x[0], x[1]), x[2])
		return g.Add(g.MatMul(g.Mul(h, g.Sigmoid(h)), x[3]), x[4])
	}},
	{name: "GELU by way of a sigmoid", args: []Shape{{Batch, 5}}, build: func(g *Graph, x []*Value) *Value {
		u := g.Mul(x[0], g.Add(g.Mul(g.Mul(x[0], x[0]), g.Scalar(0.0713548162726)), g.Scalar(1.59576912161)))
		return g.Mul(x[0], g.Sigmoid(u))
	}},
	{name: "GELU by way of erf", args: []Shape{{Batch, 5}}, build: func(g *Graph, x []*Value) *Value {
		return g.Mul(g.Mul(x[0], g.Scalar(0.5)), g.Add(g.Erf(g.Div(x[0], g.Scalar(math.Sqrt2))), g.Scalar(1)))
	}},
	{name: "group normalization, SiLU, convolution, shift by time", args: []Shape{{Batch, 4, 3, 3}, {4, 1, 1}, {4, 1, 1}, {2, 4, 3, 3}, {Batch, 2}},
		build: func(g *Graph, x []*Value) *Value {
			h := g.Reshape(g.Normalize(g.Reshape(x[0], Batch, 2, 18), 1e-2), Batch, 4, 3, 3)
			h = g.Add(g.Mul(h, x[1]), x[2])
			h = g.Conv(g.Mul(h, g.Sigmoid(h)), x[3], ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1})
			return g.Add(h, g.Reshape(x[4], Batch, 2, 1, 1))
		}},
	{name: "group normalization of one axis, scaled and shifted by time", args: []Shape{{Batch, 4, 3}, {Batch, 4, 1}, {Batch, 4, 1}},
		build: func(g *Graph, x []*Value) *Value {
			h := g.Reshape(g.Normalize(g.Reshape(x[0], Batch, 2, 6), 1e-2), Batch, 4, 3)
			return g.Tanh(g.Add(g.Mul(h, g.Add(x[1], g.Scalar(1))), x[2]))
		}},
	{name: "rows normalized across samples and scaled by channel", args: []Shape{{Batch, 2, 4}, {2, 1}}, build: func(g *Graph, x []*Value) *Value {
		return g.Tanh(g.Mul(g.Reshape(g.Normalize(g.Reshape(x[0], -2, 4), 1e-2), Batch, 2, 4), x[1]))
	}},
	{name: "attention of two heads", args: []Shape{{Batch, 3, 4}, {4, 4}, {4, 4}, {4, 4}, {4, 4}}, build: func(g *Graph, x []*Value) *Value {
		heads := func(w *Value, axes ...int) *Value {
			return g.Transpose(g.Reshape(g.MatMul(x[0], w), Batch, 3, 2, 2), axes...)
		}
		p := g.Softmax(g.Mul(g.MatMul(heads(x[1], 0, 2, 1, 3), heads(x[2], 0, 2, 3, 1)), g.Scalar(0.7)))
		y := g.Transpose(g.MatMul(p, heads(x[3], 0, 2, 1, 3)), 0, 2, 1, 3)
		return g.Add(x[0], g.MatMul(g.Reshape(y, Batch, 3, 4), x[4]))
	}},
	{name: "modulated layer normalization with a gate", args: []Shape{{Batch, 3, 4}, {Batch, 2}, {2, 12}}, build: func(g *Graph, x []*Value) *Value {
		m := g.Reshape(g.MatMul(x[1], x[2]), Batch, 1, 12)
		part := func(i int) *Value { return g.Slice(m, 2, 4*i, 4*i+4, 1) }
		h := g.Add(g.Mul(g.Normalize(x[0], 1e-2), g.Add(part(0), g.Scalar(1))), part(1))
		return g.Add(x[0], g.Mul(part(2), g.Tanh(h)))
	}},
	{name: "embedding of labels", args: []Shape{{4, 3}, {3, 2}}, build: func(g *Graph, x []*Value) *Value {
		return g.MatMul(g.Gather(x[0], g.Integers([]int64{3, 0, 3}, Shape{3}), 0), x[1])
	}},
	{name: "upsampling to nearest", args: []Shape{{Batch, 2, 2, 2}, {3, 2, 2, 2}}, build: func(g *Graph, x []*Value) *Value {
		up := g.Reshape(g.Expand(g.Reshape(x[0], Batch, 2, 2, 1, 2, 1), Batch, 2, 2, 2, 2, 2), Batch, 2, 4, 4)
		return g.Conv(up, x[1], ConvAttrs{[]int{2, 2}, []int{1, 1}, []int{0, 0}, []int{0, 0}, 1})
	}},
	{name: "weighted loss by sample", args: []Shape{{Batch, 3}, {Batch, 3}, {Batch}}, build: func(g *Graph, x []*Value) *Value {
		d := g.Sub(x[0], x[1])
		return g.Sum(g.Mul(x[2], g.Sum(g.Mul(d, d), false, 1)), false, 0)
	}},
}

func TestGradientsOfLayersAgreeWithFiniteDifferences(t *testing.T) {
	for _, c := range layers {
		t.Run(c.name, func(t *testing.T) {
			d, f := differentiate(c)
			d.compare(t, f, Gradient(d.g, f, d.args...))
		})
		t.Run("second: "+c.name, func(t *testing.T) {
			d, f := differentiate(c)
			f = d.weighed(Gradient(d.g, f, d.args...)...)
			d.compare(t, f, Gradient(d.g, f, d.args...))
		})
	}
}

// gradientNumbers are a scalar's gradients in numbers, for a batch of two.
func gradientNumbers(g *Graph, y *Value, x map[*Value][]float64, wrt ...*Value) [][]float64 {
	return Evaluate(g, 2, x, nil, Gradient(g, y, wrt...)...)
}

func TestGradientByWhatIsNotAnInput(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{})
	s := g.Sigmoid(x)
	y := g.Mul(x, s)
	other := g.Input("other", onnx.Float32, Shape{Batch, 2})
	number := g.Input("number", onnx.Int64, Shape{3})
	got := gradientNumbers(g, y, map[*Value][]float64{x: {2}}, y, s, x, other, number)
	e := 1 / (1 + math.Exp(-2))
	require.Equal(t, []float64{1}, got[0], "by itself")
	require.Equal(t, []float64{2}, got[1], "by a value between: the other factor")
	require.InDelta(t, e+2*e*(1-e), got[2][0], 1e-15, "through it")
	require.Equal(t, make([]float64, 4), got[3], "by what it does not depend on")
	require.Equal(t, make([]float64, 3), got[4], "by an integer")
}

func TestGradientWhereItIsNotUnique(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{3})
	zero := g.Constant([]float64{0, 0, 0}, Shape{3})
	at := map[*Value][]float64{x: {0, 1, -1}}
	sum := func(v *Value) *Value { return g.Sum(v, false, 0) }
	for name, c := range map[string]struct {
		y    *Value
		want []float64
	}{
		"max(x, 0), as a rectifier has it": {sum(g.Max(x, zero)), []float64{0, 1, 0}},
		"max(0, x)":                        {sum(g.Max(zero, x)), []float64{1, 1, 0}},
		"min(x, 0)":                        {sum(g.Min(x, zero)), []float64{0, 0, 1}},
		"|x|":                              {sum(g.Abs(x)), []float64{0, 1, -1}},
		"x^2":                              {sum(g.Pow(x, g.Scalar(2))), []float64{0, 2, -2}},
		"x^0":                              {sum(g.Pow(x, zero)), []float64{0, 0, 0}},
		"x^1 by column":                    {sum(g.Pow(x, g.Constant([]float64{1, 1, 1}, Shape{3}))), []float64{1, 1, 1}},
		"the greatest of equals":           {g.ReduceMax(g.Mul(x, zero), false, 0), []float64{0, 0, 0}},
		"the greatest of {0, 1, -1, 1}": {g.ReduceMax(g.Concat(0, x, g.Constant([]float64{1}, Shape{1})), false, 0),
			[]float64{0, 0.5, 0}},
	} {
		require.Equal(t, [][]float64{c.want}, gradientNumbers(g, c.y, at, x), name)
	}
	b := g.Input("b", onnx.Float32, Shape{})
	at[b], at[x] = []float64{2}, []float64{0, 1, 2}
	require.InDelta(t, 4*math.Ln2, gradientNumbers(g, sum(g.Pow(x, b)), at, b)[0][0], 1e-14, "x^b by b, where x = 0 gives 0")
}

func TestGradientOfWhatIsNoNumberPanics(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{Batch})
	require.PanicsWithValue(t, "graph: the gradient of a float32 of shape [batch], where only a Float32 of rank 0 has one",
		func() { Gradient(g, x, x) })
}

// opCounts counts the operators of the values that are needed for some of them.
func opCounts(of ...*Value) map[Op]int {
	counts := make(map[Op]int)
	seen := make(map[*Value]bool)
	var visit func(v *Value)
	visit = func(v *Value) {
		if !seen[v] {
			seen[v] = true
			counts[v.Op]++
			for _, a := range v.Args {
				visit(a)
			}
		}
	}
	for _, v := range of {
		visit(v)
	}
	return counts
}

func TestGradientComputesOnlyWhatIsNeeded(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{Batch, 2, 8, 8})
	w := g.Parameter("w", Shape{3, 2, 3, 3})
	bias := g.Parameter("bias", Shape{3, 1, 1})
	c := ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}
	h := g.Add(g.Conv(x, w, c), bias)
	loss := g.Sum(g.Mul(h, h), false, 0, 1, 2, 3)

	byBias := opCounts(Gradient(g, loss, bias)...)
	require.Zero(t, byBias[ConvInput]+byBias[ConvWeight], "by the bias: %v", byBias)
	byWeights := opCounts(Gradient(g, loss, bias, w)...)
	require.Zero(t, byWeights[ConvInput], "by parameters: %v", byWeights)
	require.Equal(t, 1, byWeights[ConvWeight])
	require.Zero(t, byWeights[Expand], "the derivative of a sum is not copied out to its array")
}

// Group normalization's gradient makes four arrays of its argument's size and the gradients of scale and shift one more,
// y dy, which they share with it.
func TestGradientOfGroupNormalizationTakesFewPasses(t *testing.T) {
	g := New()
	x, dy := g.Input("x", onnx.Float32, Shape{Batch, 8, 6, 6}), g.Input("dy", onnx.Float32, Shape{Batch, 8, 6, 6})
	scale, shift := g.Parameter("scale", Shape{8, 1, 1}), g.Parameter("shift", Shape{8, 1, 1})
	y := g.Reshape(g.Normalize(g.Reshape(x, Batch, 2, 144), 1e-5), Batch, 8, 6, 6)
	y = g.Add(g.Mul(y, scale), shift)
	for i, d := range Gradient(g, g.Sum(g.Mul(dy, y), false, 0, 1, 2, 3), x, scale, shift) {
		g.Output([]string{"dx", "dscale", "dshift"}[i], d)
	}
	passes := 0
	for _, v := range tidy(g).Values {
		if v.Op >= Neg && v.Op <= Where && v.Shape.Count(1) == 8*6*6 {
			passes++
		}
	}
	require.Equal(t, 5, passes)
}

// A linear layer of tokens [batch, tokens, k] by weights [k, n] takes one product for the gradient of the weights.
func TestGradientOfWeightsIsOneProduct(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{Batch, 5, 3})
	w := g.Parameter("w", Shape{3, 4})
	y := g.MatMul(x, w)
	dw := Gradient(g, g.Sum(g.Mul(y, g.Input("dy", onnx.Float32, Shape{Batch, 5, 4})), false, 0, 1, 2), w)[0]
	require.Equal(t, MatMul, dw.Op)
	require.True(t, dw.Attrs.TransA)
	for _, a := range dw.Args {
		require.Equal(t, -5, a.Shape[0])
	}
	require.False(t, slices.ContainsFunc(g.Values, func(v *Value) bool { return v.Op == Sum && len(v.Args[0].Shape) == 3 && len(v.Shape) == 2 }))
}
