package onnx

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// partsOf reads a model.
func partsOf(t testing.TB, model []byte) *Parts {
	t.Helper()
	s, err := SourceBytes(model, "parts.onnx")
	require.NoError(t, err)
	parts, err := s.Parts()
	require.NoError(t, err)
	return parts
}

func TestPartsHoldNodesWithTheirAttributes(t *testing.T) {
	g := NewGraph("parts")
	x := g.Input("x", Float32, Free("n"), Fixed(2))
	sub := g.Subgraph("inner")
	sub.Output("z", sub.Node("Neg", x), Float32, Free("n"), Fixed(2))
	y := g.Node("Strange", x, None, g.Const("w", Array([]float32{1, 2, 3, 4}, 2, 2)), As("y"),
		Int("axis", -1), Ints("perm", 1, -2, 1<<40), Float("alpha", 0.25), Text("mode", "linear"),
		Tensorial("value", Array([]int64{5, 6}, 2)), Body("body", sub))
	g.Output("y", y, Float32, Free("n"), Fixed(2))
	parts := partsOf(t, built(t, g))

	require.Equal(t, "x", parts.Inputs[0].Name)
	require.Equal(t, Float32, parts.Inputs[0].Type)
	require.Len(t, parts.Nodes, 1)
	n := parts.Nodes[0]
	require.Equal(t, "Strange", n.Operator)
	require.Equal(t, []string{"x", "", "w"}, n.Inputs)
	require.Equal(t, []string{"y"}, n.Outputs)
	require.EqualValues(t, -1, n.Attributes["axis"].Int)
	require.Equal(t, []int64{1, -2, 1 << 40}, n.Attributes["perm"].Ints)
	require.EqualValues(t, 0.25, n.Attributes["alpha"].Float)
	require.Equal(t, "linear", n.Attributes["mode"].Text)
	ints, err := n.Attributes["value"].Tensor.Ints()
	require.NoError(t, err)
	require.Equal(t, []int64{5, 6}, ints)
	require.Equal(t, "Neg", n.Attributes["body"].Graph.Nodes[0].Operator)
	require.Equal(t, "z", n.Attributes["body"].Graph.Outputs[0].Name)

	w := parts.Tensors[0]
	require.Equal(t, "w", w.Name)
	require.Equal(t, []int64{2, 2}, w.Dims)
	floats, err := w.Floats()
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3, 4}, floats)
	_, err = w.Ints()
	require.ErrorContains(t, err, `the tensor "w" has elements of type float32`)
}

// The elements of a tensor lie in the file in several ways.
func TestElementsAreReadHoweverTheyAreStored(t *testing.T) {
	packed := func(numbers ...float32) []byte {
		b, err := binary.Append(nil, binary.LittleEndian, numbers)
		require.NoError(t, err)
		return b
	}
	for name, c := range map[string]struct {
		dtype  DType
		fill   func(m *message)
		floats []float32
		ints   []int64
	}{
		"float_data, packed":          {Float32, func(m *message) { m.blob(4, packed(1, -2)) }, []float32{1, -2}, nil},
		"float_data, one by one":      {Float32, func(m *message) { m.float(4, 1); m.float(4, -2) }, []float32{1, -2}, nil},
		"raw_data, twice":             {Float32, func(m *message) { m.blob(9, packed(1)); m.blob(9, packed(-2)) }, []float32{1, -2}, nil},
		"float16 as int32_data":       {Float16, func(m *message) { m.number(5, 0x3c00); m.number(5, 0xc000) }, []float32{1, -2}, nil},
		"bfloat16":                    {BFloat16, func(m *message) { m.blob(9, []byte{0x80, 0x3f, 0, 0xc0}) }, []float32{1, -2}, nil},
		"double_data":                 {Float64, func(m *message) { m.blob(10, doubles(1, -2)) }, []float32{1, -2}, nil},
		"int64_data, packed":          {Int64, func(m *message) { m.blob(7, varints(7, -8)) }, nil, []int64{7, -8}},
		"int64_data, one by one":      {Int64, func(m *message) { m.number(7, 7); m.number(7, -8) }, nil, []int64{7, -8}},
		"int8 as int32_data":          {Int8, func(m *message) { m.number(5, 7); m.number(5, -8) }, nil, []int64{7, -8}},
		"bool as int32_data":          {Bool, func(m *message) { m.number(5, 1); m.number(5, 0) }, nil, []int64{1, 0}},
		"uint8":                       {Uint8, func(m *message) { m.blob(9, []byte{7, 255}) }, nil, []int64{7, 255}},
		"uint32 as uint64_data":       {Uint32, func(m *message) { m.number(11, 7); m.number(11, 1<<32-1) }, nil, []int64{7, 1<<32 - 1}},
		"int16":                       {Int16, func(m *message) { m.blob(9, []byte{7, 0, 0xff, 0xff}) }, nil, []int64{7, -1}},
		"float_data of another count": {Float32, func(m *message) { m.float(4, 1) }, nil, nil},
		"raw_data of another count":   {Int32, func(m *message) { m.blob(9, []byte{1, 2, 3}) }, nil, nil},
		"nothing":                     {Float32, func(*message) {}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			parts := partsOf(t, tensorOf(func(m *message) {
				m.number(1, 2)
				m.number(2, int64(c.dtype))
				m.text(8, "w")
				c.fill(m)
			}))
			var err error
			var floats []float32
			var ints []int64
			if c.dtype.IsFloat() {
				floats, err = parts.Tensors[0].Floats()
			} else {
				ints, err = parts.Tensors[0].Ints()
			}
			if c.floats == nil && c.ints == nil {
				require.ErrorContains(t, err, "make another number")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.floats, floats)
			require.Equal(t, c.ints, ints)
		})
	}
}

func doubles(numbers ...float64) (b []byte) {
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func varints(numbers ...int64) (b []byte) {
	for _, n := range numbers {
		b = protowire.AppendVarint(b, uint64(n))
	}
	return b
}

func TestElementsInAnotherFileAreRead(t *testing.T) {
	file := saved(t, layered(ramp(4096)), WriteOptions{})
	out := filepath.Join(t.TempDir(), "out.onnx")
	require.NoError(t, Extend(opened(t, file)).WriteFile(out, WriteOptions{Place: External}))
	s := opened(t, out)
	parts, err := s.Parts()
	require.NoError(t, err)
	got, err := parts.Tensors[0].Floats()
	require.NoError(t, err)
	require.Equal(t, ramp(4096), got)

	require.NoError(t, os.Truncate(out+".data", 100))
	_, err = parts.Tensors[0].Floats()
	require.ErrorContains(t, err, "which has 100")
}
