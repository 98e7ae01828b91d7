package onnx

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSameCallsGiveTheSameBytes(t *testing.T) {
	require.Equal(t, built(t, sampleGraph()), built(t, sampleGraph()))
}

func TestWeightsAreWrittenWithoutACopy(t *testing.T) {
	weights := make([]byte, 32<<20)
	g := NewGraph("large")
	w := g.Const("w", RawArray(Uint8, weights, int64(len(weights))))
	g.Output("y", w, Uint8, Fixed(int64(len(weights))))
	var n counter
	spent := allocated(func() { require.NoError(t, g.Write(&n)) })
	require.Greater(t, int(n), len(weights))
	require.Less(t, spent, uint64(1<<20))
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write(p []byte) (int, error) { return 0, errFull }

func TestErrorsOfWritingAreHandedOn(t *testing.T) {
	require.ErrorIs(t, sampleGraph().Write(fullDisk{}), errFull)
}

func TestAModelBeyondTwoGigabytesIsRefused(t *testing.T) {
	const each = 64 << 20
	weights := RawArray(Uint8, make([]byte, each), each) // one array, referred to 32 times
	g := NewGraph("huge")
	var w Ref
	for range 32 {
		w = g.Const("", weights)
	}
	g.Output("y", w, Uint8, Fixed(each))
	require.ErrorContains(t, g.Write(new(counter)), "at most 2 GiB")
}

func TestNamesAreUniqueAcrossNestedGraphs(t *testing.T) {
	g := NewGraph("names")
	x := g.Input("relu_1", Float32)
	first := g.Node("Relu", x)
	sub := g.Subgraph("inner")
	second := sub.Node("Relu", first)
	third := g.Node("Relu", first)
	require.Equal(t, []Ref{"relu_2", "relu_3", "relu_4"}, []Ref{first, second, third})
	require.Equal(t, []Ref{"low", "split_1"}, g.Nodes("Split", 2, third, As("low"), Int("axis", 0)))
}

func TestMisuseOfTheBuilderPanics(t *testing.T) {
	for name, misuse := range map[string]func(*Graph){
		"value from nowhere":          func(g *Graph) { g.Node("Relu", Ref("y")) },
		"name taken by an input":      func(g *Graph) { g.Input("x", Float32) },
		"name taken by a weight":      func(g *Graph) { g.Const("x", Scalar[float32](1)) },
		"name taken by a result":      func(g *Graph) { g.Node("Relu", Ref("x"), As("x")) },
		"more names than results":     func(g *Graph) { g.Node("Relu", Ref("x"), As("a"), As("b")) },
		"no output":                   func(g *Graph) { _, _ = g.Bytes() },
		"output from nowhere":         func(g *Graph) { g.Output("y", "y", Float32) },
		"subgraph as a file":          func(g *Graph) { _, _ = g.Subgraph("s").Bytes() },
		"value of an inner graph":     func(g *Graph) { g.Node("Relu", g.Subgraph("s").Const("c", Scalar[int64](1))) },
		"operator set not imported":   func(g *Graph) { g.Output("y", g.Node("other:Relu", Ref("x")), Float32); _, _ = g.Bytes() },
		"data that do not fill sizes": func(*Graph) { Array([]float32{1, 2, 3}, 2, 2) },
		"4-bit data":                  func(*Graph) { RawArray(Int4, []byte{1}, 2) },
		"negative size":               func(*Graph) { Array([]float32{1}, -1, -1) },
	} {
		g := NewGraph("misuse")
		g.Input("x", Float32)
		func() {
			defer func() {
				text, ok := recover().(string)
				require.True(t, ok, "%s: no panic", name)
				require.Regexp(t, "^onnx: ", text, name)
			}()
			misuse(g)
		}()
	}
}

func TestLiteralsHoldTheirElementsAsTheFileDoes(t *testing.T) {
	for _, c := range []struct {
		literal Literal
		dtype   DType
		raw     []byte
	}{
		{Vector[float32](1, -2), Float32, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}},
		{Scalar(math.Pi), Float64, []byte{0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40}},
		{Vector[int8](-1, 2), Int8, []byte{0xff, 2}},
		{Vector[int16](-2), Int16, []byte{0xfe, 0xff}},
		{Vector[int32](-2), Int32, []byte{0xfe, 0xff, 0xff, 0xff}},
		{Vector[int64](1), Int64, []byte{1, 0, 0, 0, 0, 0, 0, 0}},
		{Vector[uint8](7), Uint8, []byte{7}},
		{Vector[uint16](258), Uint16, []byte{2, 1}},
		{Vector[uint32](1), Uint32, []byte{1, 0, 0, 0}},
		{Vector[uint64](1), Uint64, []byte{1, 0, 0, 0, 0, 0, 0, 0}},
		{Vector(true, false), Bool, []byte{1, 0}},
		{Vector[Half](0x3c00), Float16, []byte{0, 0x3c}},
	} {
		require.Equal(t, c.dtype, c.literal.Type)
		require.Equal(t, c.raw, c.literal.raw, c.dtype)
		require.Equal(t, len(c.raw), c.dtype.Size()*max(1, int(product(c.literal.Dims))), c.dtype)
	}
	require.Empty(t, Scalar[float32](1).Dims)
}

func product(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

func TestDTypes(t *testing.T) {
	require.Equal(t, "float32", Float32.String())
	require.Equal(t, "dtype(99)", DType(99).String())
	require.Zero(t, DType(-1).Size())
	require.Zero(t, Int4.Size())
	require.Zero(t, String.Size())
	require.True(t, BFloat16.IsFloat())
	require.False(t, Bool.IsFloat() || Bool.IsInteger() || String.IsInteger())
	require.True(t, Int64.IsInteger())
}
