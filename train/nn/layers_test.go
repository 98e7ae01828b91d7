package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/onnx"
)

// layer is what a layer makes of x, its parameters given by name.
func layer(shape graph.Shape, x []float64, weights map[string][]float64, of func(b *Builder, x *graph.Value) *graph.Value) []float64 {
	b := NewBuilder(graph.New())
	in := b.Input("x", onnx.Float32, shape)
	y := of(b, in)
	floats := map[*graph.Value][]float64{in: x}
	for _, p := range b.Parameters {
		floats[p] = weights[p.Name]
	}
	return graph.Evaluate(b.Graph, 1, floats, nil, y)[0]
}

func count(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	return x
}

// SiLU(1) = 1/(1 + 1/e). GELU(1) = Phi(1); its approximation at 1 is (1 + tanh(sqrt(2/pi) 1.044715))/2.
func TestActivationsAreTheirFormulas(t *testing.T) {
	x := []float64{-1, 0, 1}
	shape := graph.Shape{graph.Batch, 3}
	for _, c := range []struct {
		of   func(*Builder, *graph.Value) *graph.Value
		want []float64
	}{
		{(*Builder).SiLU, []float64{-1 / (1 + math.E), 0, 1 / (1 + 1/math.E)}},
		{(*Builder).ReLU, []float64{0, 0, 1}},
		{(*Builder).GELU, []float64{-0.158655253931457, 0, 0.841344746068543}},
		{(*Builder).GELUTanh, []float64{-0.158808009, 0, 0.841191990}},
	} {
		require.InDeltaSlice(t, c.want, layer(shape, x, nil, c.of), 1e-8)
	}
}

func TestTimeEmbeddingIsCosinesThenSines(t *testing.T) {
	got := layer(graph.Shape{graph.Batch}, []float64{0.25}, nil, func(b *Builder, x *graph.Value) *graph.Value { return b.TimeEmbedding(x, 4) })
	want := []float64{math.Cos(250), math.Cos(2.5), math.Sin(250), math.Sin(2.5)} // f = 1, 1/100
	require.InDeltaSlice(t, want, got, 1e-12)
}

func TestSinCosGivesEachAxisItsShare(t *testing.T) {
	b := NewBuilder(graph.New())
	table := b.SinCos([]int{2, 3}, 8)
	require.Equal(t, graph.Shape{1, 6, 8}, table.Shape)
	token := table.Floats[5*8:] // row 1, column 2; f = 1, 1/100
	require.InDeltaSlice(t, []float64{
		math.Sin(1), math.Sin(0.01), math.Cos(1), math.Cos(0.01),
		math.Sin(2), math.Sin(0.02), math.Cos(2), math.Cos(0.02),
	}, token, 1e-12)
}

func TestLinearMultipliesTheLastAxis(t *testing.T) {
	got := layer(graph.Shape{graph.Batch, 2, 2}, []float64{1, 2, 3, 4},
		map[string][]float64{"l.weight": {1, 2, 3, 4, 5, 6}, "l.bias": {0.5, 0, -1}},
		func(b *Builder, x *graph.Value) *graph.Value { return b.Linear("l", x, 3) })
	require.Equal(t, []float64{9.5, 12, 14, 19.5, 26, 32}, got) // rows (1, 2) and (3, 4) times ((1, 2, 3), (4, 5, 6))
}

func TestGroupNormTakesGroupsOfChannels(t *testing.T) {
	x := []float64{0, 2, 4, 6, 10, 10, 30, 30} // channels of two; groups {0 2 4 6}, {10 10 30 30}
	got := layer(graph.Shape{graph.Batch, 4, 2}, x, map[string][]float64{"n.weight": {1, 1, 2, 1}, "n.bias": {0, 7, 0, 0}},
		func(b *Builder, x *graph.Value) *graph.Value { return b.GroupNorm("n", x, 2) })
	a, c := 1/math.Sqrt(5+1e-5), 10/math.Sqrt(100+1e-5) // variances 5 and 100
	require.InDeltaSlice(t, []float64{-3 * a, -a, 7 + a, 7 + 3*a, -2 * c, -2 * c, c, c}, got, 1e-12)
}

func TestLayerNormTakesTheLastAxis(t *testing.T) {
	got := layer(graph.Shape{graph.Batch, 2, 2}, []float64{1, 3, 5, 5}, map[string][]float64{"n.weight": {1, 2}, "n.bias": {0, 1}},
		func(b *Builder, x *graph.Value) *graph.Value { return b.LayerNorm("n", x) })
	a := 1 / math.Sqrt(1+1e-5)
	require.InDeltaSlice(t, []float64{-a, 1 + 2*a, 0, 1}, got, 1e-12)
}

// 28 -> 14 -> 7 -> 4 and back to 7: sizes are rounded up on the way down, and the way up is cut.
func TestUpsampleFindsBackToAnySize(t *testing.T) {
	for _, stride := range []int{2, 3, 4} {
		b := NewBuilder(graph.New())
		x := b.Input("x", onnx.Float32, graph.Shape{graph.Batch, 2, 28, 7, 1})
		y := b.Downsample("d", x, stride)
		require.Equal(t, graph.Shape{graph.Batch, 2, (28 + stride - 1) / stride, (7 + stride - 1) / stride, 1}, y.Shape)
		require.Equal(t, x.Shape, b.Upsample(y, stride, x.Shape[2:]...).Shape)
	}
	got := layer(graph.Shape{graph.Batch, 1, 2, 2}, count(4), nil, func(b *Builder, x *graph.Value) *graph.Value { return b.Upsample(x, 2, 3, 4) })
	require.Equal(t, []float64{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3}, got)
}

func TestPatchesHoldASquareOfEachChannel(t *testing.T) {
	shape := graph.Shape{graph.Batch, 2, 2, 4}
	got := layer(shape, count(16), nil, func(b *Builder, x *graph.Value) *graph.Value { return b.Patches(x, 2) })
	require.Equal(t, []float64{0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15}, got)
}

func TestUnpatchesUndoPatches(t *testing.T) {
	for _, space := range [][]int{{12}, {4, 6}, {2, 4, 6}} {
		shape := append(graph.Shape{graph.Batch, 3}, space...)
		x := count(3 * product(space))
		require.Equal(t, x, layer(shape, x, nil, func(b *Builder, x *graph.Value) *graph.Value {
			return b.Unpatches(b.Patches(x, 2), 2, 3, space...)
		}))
	}
}

// Two tokens of two features and two heads of one: every head is a softmax of two numbers.
func TestAttentionIsItsFormula(t *testing.T) {
	x := [][]float64{{1, 2}, {-1, 0.5}}
	one := []float64{1, 0, 0, 1}
	got := layer(graph.Shape{graph.Batch, 2, 2}, append(x[0], x[1]...), map[string][]float64{
		"a.q.weight": one, "a.q.bias": {0, 0}, "a.k.weight": one, "a.k.bias": {0, 0},
		"a.v.weight": {2, 0, 0, 2}, "a.v.bias": {0, 1}, "a.out.weight": {0, 1, 1, 0}, "a.out.bias": {0, 10},
	}, func(b *Builder, x *graph.Value) *graph.Value { return b.Attention("a", x, 2) })
	var want []float64
	for _, q := range x {
		head := func(i int, bias float64) float64 {
			a, c := math.Exp(q[i]*x[0][i]), math.Exp(q[i]*x[1][i])
			return (a*2*x[0][i]+c*2*x[1][i])/(a+c) + bias
		}
		want = append(want, head(1, 1), head(0, 0)+10)
	}
	require.InDeltaSlice(t, want, got, 1e-12)
}

// The scale of the scores: with d features a head, q k^T is divided by sqrt(d).
func TestScoresAreDividedByTheRootOfTheWidth(t *testing.T) {
	x := []float64{1, 1, 1, 1, 0, 0, 0, 0}
	one := make([]float64, 16)
	for i := range 4 {
		one[5*i] = 1
	}
	zero := make([]float64, 4)
	got := layer(graph.Shape{graph.Batch, 2, 4}, x, map[string][]float64{
		"a.q.weight": one, "a.q.bias": zero, "a.k.weight": one, "a.k.bias": zero, "a.v.weight": one, "a.v.bias": zero, "a.out.weight": one, "a.out.bias": zero,
	}, func(b *Builder, x *graph.Value) *graph.Value { return b.Attention("a", x, 1) })
	p := math.Exp(2) / (math.Exp(2) + 1) // scores 4/sqrt(4) and 0
	require.InDeltaSlice(t, []float64{p, p, p, p, 0.5, 0.5, 0.5, 0.5}, got, 1e-12)
}

func TestNamesMustDiffer(t *testing.T) {
	b := NewBuilder(graph.New())
	x := b.Input("x", onnx.Float32, graph.Shape{graph.Batch, 2})
	x = b.Linear("a", x, 2)
	require.PanicsWithValue(t, `nn: two parameters named "a.weight"`, func() { b.Linear("a", x, 2) })

	b.Graph.Parameter("beside", graph.Shape{2})
	require.PanicsWithValue(t, "nn: the graph has 3 parameters, the builder added 2 of them", func() { Initialize(b, 1) })
}
