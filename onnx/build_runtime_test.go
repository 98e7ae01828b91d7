package onnx

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// run computes the outputs, float32 vectors all, of a graph that is made of constants. A session wants an input to feed.
func run(t *testing.T, g *Graph, sizes ...int) [][]float32 {
	t.Helper()
	g.Input("unused", Float32, Fixed(1))
	model := built(t, g)
	info, err := ReadInfoBytes(model, g.name)
	require.NoError(t, err)
	names := make([]string, len(info.Outputs))
	values := make([][]float32, len(sizes))
	tensors := make([]*Tensor, len(sizes))
	r := openRuntime(t)
	for i, size := range sizes {
		names[i] = info.Outputs[i].Name
		values[i] = make([]float32, size)
		tensors[i], err = NewTensor([]int64{int64(size)}, values[i])
		require.NoError(t, err)
		defer tensors[i].Destroy()
	}
	unused, err := NewTensor([]int64{1}, []float32{0})
	require.NoError(t, err)
	defer unused.Destroy()
	s, err := r.NewSessionBytes(g.name, model, []string{"unused"}, names, SessionOptions{})
	require.NoError(t, err)
	defer s.Destroy()
	c, err := s.NewCall(t.Context())
	require.NoError(t, err)
	defer c.Destroy()
	require.NoError(t, c.Run([]*Tensor{unused}, tensors))
	return values
}

func TestTheRuntimeReadsLiteralsOfEveryType(t *testing.T) {
	literals := []Literal{
		Vector[float32](-2, 3), Vector(-2., 3), Vector[Half](0xc000, 0x4200),
		Vector[int8](-2, 3), Vector[int16](-2, 3), Vector[int32](-2, 3), Vector[int64](-2, 3),
	}
	unsigned := []Literal{
		Vector[uint8](0, 3), Vector[uint16](0, 3), Vector[uint32](0, 3), Vector[uint64](0, 3),
	}
	for _, c := range []struct {
		literals []Literal
		want     []float32
	}{{literals, []float32{-2, 3}}, {unsigned, []float32{0, 3}}, {[]Literal{Vector(true, false)}, []float32{1, 0}}} {
		for _, l := range c.literals {
			g := NewGraph(l.Type.String())
			as32 := g.Node("Cast", g.Const("", l), Int("to", int64(Float32)))
			g.Output("y", as32, Float32, Fixed(2))
			require.Equal(t, c.want, run(t, g, 2)[0], l.Type)
		}
	}
}

func TestTheRuntimeReadsAttributesOfEveryKind(t *testing.T) {
	g := NewGraph("attributes")
	matrix := g.Const("", Array([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	row := g.Const("", Vector[int64](-1))
	g.Output("ints", g.Node("Reshape", g.Node("Transpose", matrix, Ints("perm", 1, 0)), row), Float32, Fixed(6))
	g.Output("int", g.Node("ReduceMax", matrix, Ints("axes", 0), Int("keepdims", 0)), Float32, Fixed(3))
	g.Output("float", g.Node("LeakyRelu", g.Const("", Vector[float32](-4)), Float("alpha", 0.25)), Float32, Fixed(1))
	pads := g.Const("", Vector[int64](1, 0))
	g.Output("text", g.Node("Pad", g.Const("", Vector[float32](7, 8)), pads, Text("mode", "edge")), Float32, Fixed(3))
	g.Output("tensor", g.Node("Constant", Tensorial("value", Vector[float32](9))), Float32, Fixed(1))
	require.Equal(t, [][]float32{
		{1, 4, 2, 5, 3, 6}, {4, 5, 6}, {-1}, {7, 7, 8}, {9},
	}, run(t, g, 6, 3, 1, 3, 1))
}

func TestTheRuntimeRunsNestedGraphs(t *testing.T) {
	for _, c := range []struct {
		flag bool
		want []float32
	}{{true, []float32{2, 4}}, {false, []float32{1, 2}}} {
		g := NewGraph("branches")
		x := g.Const("x", Vector[float32](1, 2))
		then, other := g.Subgraph("then"), g.Subgraph("else")
		then.Output("twice", then.Node("Add", x, x, As("twice")), Float32, Fixed(2))
		other.Output("same", other.Node("Identity", x), Float32, Fixed(2))
		g.Output("y", g.Node("If", g.Const("flag", Scalar(c.flag)), Body("then_branch", then), Body("else_branch", other)), Float32, Fixed(2))
		require.Equal(t, c.want, run(t, g, 2)[0])
	}
}
