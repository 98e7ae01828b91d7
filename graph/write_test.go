package graph

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/onnx"
)

// wide are tensors of arrays.
func wide(t *testing.T, values []*Value, arrays []*Array) []*onnx.Tensor {
	t.Helper()
	tensors := make([]*onnx.Tensor, len(arrays))
	for i, a := range arrays {
		var err error
		switch shape := int64s(a.Shape); values[i].Type {
		case onnx.Float32:
			tensors[i], err = onnx.NewTensor(shape, a.Floats)
		case onnx.Int64:
			tensors[i], err = onnx.NewTensor(shape, a.Ints)
		default:
			flags := make([]bool, len(a.Ints))
			for k, n := range a.Ints {
				flags[k] = n != 0
			}
			tensors[i], err = onnx.NewTensor(shape, flags)
		}
		require.NoError(t, err)
		t.Cleanup(tensors[i].Destroy)
	}
	return tensors
}

func TestWrittenModelsTakeBatchesOfAnySize(t *testing.T) {
	rt := ortest.Open(t)
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			g := New()
			y := s.build(g)
			if !y.Type.IsFloat() {
				y = g.Cast(y, onnx.Float32)
			}
			g.Output("y", y)
			model, err := Write(g, "sample", nil)
			require.NoError(t, err)
			file, err := model.Bytes()
			require.NoError(t, err)
			info, err := onnx.ReadInfoBytes(file, "sample")
			require.NoError(t, err)
			require.Equal(t, []onnx.Opset{{Domain: "", Version: 17}}, info.Opsets)
			require.Empty(t, info.Warnings)
			var names []string
			for _, v := range g.Inputs {
				names = append(names, v.Name)
			}
			session, err := rt.NewSessionBytes("sample", file, names, []string{"y"}, onnx.SessionOptions{Provider: "cpu", Threads: 1})
			require.NoError(t, err)
			defer session.Destroy()
			call, err := session.NewCall(t.Context())
			require.NoError(t, err)
			defer call.Destroy()
			for _, batch := range []int{1, 3, 64} {
				if batch > 3 && strings.HasPrefix(s.name, "gradient of weights") {
					continue // sums too long for near
				}
				inputs := fill(g.Inputs, batch)
				out := NewArray(y, batch)
				require.NoError(t, call.Run(wide(t, g.Inputs, inputs), wide(t, []*Value{y}, []*Array{out})), "batch %d", batch)
				near(t, exact(t, g, batch, inputs)[0], out)
			}
		})
	}
}

func TestWeightsAreInitializersUnderTheirNames(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{Batch, 2})
	w := g.Parameter("layer.weight", Shape{2, 3})
	g.Parameter("unused", Shape{5})
	g.Output("y", g.MatMul(x, w))
	model, err := Write(g, "line", [][]float32{{1, 2, 3, 4, 5, 6}, make([]float32, 5)})
	require.NoError(t, err)
	file, err := model.Bytes()
	require.NoError(t, err)
	info, err := onnx.ReadInfoBytes(file, "line")
	require.NoError(t, err)
	require.Equal(t, 1, info.Initializers, "what no output needs is left out")
	require.EqualValues(t, 6, info.Parameters)
	require.Equal(t, "float32 [batch, 2]", info.Inputs[0].String())
	require.Equal(t, "float32 [batch, 3]", info.Outputs[0].String())
	require.Equal(t, map[string]int{"Gemm": 1}, info.Operators)
}

func TestWhatCannotBeWrittenSaysWhy(t *testing.T) {
	for _, c := range []struct {
		build   func(g *Graph)
		weights [][]float32
		want    string
	}{
		{func(g *Graph) { in(g, 2) }, nil, `graph: "test" has no output`},
		{func(g *Graph) { g.Output("y", g.Parameter("w", Shape{2})) }, nil, `graph: weights for 0 parameters given, "test" has 1`},
		{func(g *Graph) { g.Output("y", g.Parameter("w", Shape{2})) }, [][]float32{{1, 2, 3}}, `graph: parameter "w" of shape [2] with 3 weights`},
		{func(g *Graph) { g.Output("x", g.Input("x", onnx.Float32, Shape{2})) }, nil, `graph: output "x": a name that nothing else has is expected`},
		{func(g *Graph) { g.Output("y", g.Expand(in(g, 3), Batch, 3)) }, nil, "graph: Expand of shape [batch, 3]: no input tells the batch"},
	} {
		g := New()
		c.build(g)
		_, err := Write(g, "test", c.weights)
		require.EqualError(t, err, c.want)
	}
}

func TestTidyGraphsHaveLessAndComputeTheSame(t *testing.T) {
	g := New()
	x := in(g, b, 2, 3)
	g.Exp(x) // nobody needs it
	twice := g.Add(g.Sin(x), g.Sin(x))
	back := g.Transpose(g.Transpose(twice, 0, 2, 1), 0, 2, 1)
	flat := g.Reshape(g.Reshape(back, b, 6), b, 2, 3)
	g.Output("y", g.Mul(flat, g.Expand(g.Neg(g.Neg(in(g, 1, 2, 1))), b, 2, 3)))
	small := tidy(g)
	var ops []string
	for _, v := range small.Values {
		ops = append(ops, fmt.Sprint(v.Op))
	}
	require.Equal(t, []string{"Input", "Sin", "Add", "Input", "Mul"}, ops)
	inputs := fill(g.Inputs, 2)
	require.Equal(t, exact(t, g, 2, inputs), exact(t, small, 2, inputs))
}
