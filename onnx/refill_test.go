package onnx

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A refilled tensor is all that changes in a file, wherever the tensor is kept.
func TestRefilledWeightsStayWhereTheyAre(t *testing.T) {
	inside := saved(t, layered(ramp(4096)), WriteOptions{})
	outside := filepath.Join(t.TempDir(), "outside.onnx")
	require.NoError(t, Extend(opened(t, inside)).WriteFile(outside, WriteOptions{Place: External}))
	other := make([]float32, 4096)
	other[7] = 2.5
	for _, file := range []string{inside, outside} {
		for _, o := range []WriteOptions{{}, {Place: Inline}, {Place: External}, {Weights: Float16Weights}} {
			g := Extend(opened(t, file))
			require.NoError(t, g.Refill("w", Array(other, 4096)))
			out := filepath.Join(t.TempDir(), "out.onnx")
			require.NoError(t, g.WriteFile(out, o))
			require.InDeltaSlice(t, []float32{1 + 2.5 + 0.1, 2 + 2.5 + 0.1}, valuesOf(t, out, 1, 2), 1e-6)
			s := opened(t, out)
			if external := len(s.Info().External) > 0; o.Weights == KeepWeights {
				require.Equal(t, o.Place == External || o.Place == KeepPlace && file == outside, external)
			}
			parts, err := s.Parts()
			require.NoError(t, err)
			got, err := parts.Tensors[0].Floats()
			require.NoError(t, err)
			require.Equal(t, other, got)
		}
	}
}

func TestAConstantComesInPlaceOfANode(t *testing.T) {
	g := NewGraph("computed")
	x := g.Input("x", Float32, Free("n"))
	w := g.Node("Neg", g.Const("c", Vector[float32](1)), As("w"))
	g.Output("y", g.Node("Add", x, w), Float32, Free("n"))
	s, err := SourceBytes(built(t, g), "computed.onnx")
	require.NoError(t, err)
	out := Extend(s)
	require.NoError(t, out.Refill("w", Vector[float32](5)))
	require.Equal(t, []float32{6, 7}, valuesOf(t, saved(t, out, WriteOptions{}), 1, 2))
}

func TestWhatCannotBeRefilledIsSaid(t *testing.T) {
	g := NewGraph("parts")
	x := g.Input("x", Float32, Fixed(4))
	g.Nodes("Split", 2, x, g.Const("two", Vector[int64](2, 2)), As("a"), As("b"))
	g.Output("a", "a", Float32, Fixed(2))
	s, err := SourceBytes(built(t, g), "parts.onnx")
	require.NoError(t, err)
	for name, want := range map[string]string{
		"none": `has no tensor "none"`, "x": `has no tensor "x"`, "b": "one of several results of a Split node",
		"two": `the tensor "two" is int64 in 16 bytes, and float32 in 4 bytes is to come`,
	} {
		require.ErrorContains(t, Extend(s).Refill(name, Vector[float32](1)), want)
	}
}

func TestNumbersInEveryType(t *testing.T) {
	numbers := []float32{1, -2.5, float32(math.Inf(1)), 0}
	for _, dtype := range []DType{Float32, Float64, Float16, BFloat16} {
		l, err := Numbers(dtype, numbers, 4)
		require.NoError(t, err)
		g := NewGraph("numbers")
		g.Output("y", g.Const("w", l), dtype, Fixed(4))
		got, err := partsOf(t, built(t, g)).Tensors[0].Floats()
		require.NoError(t, err)
		require.Equal(t, numbers, got)
	}
	_, err := Numbers(Float16, []float32{65519, 65520}, 2)
	require.ErrorContains(t, err, "65520, where float16 holds numbers up to 65504")
	_, err = Numbers(Int64, numbers, 4)
	require.ErrorContains(t, err, "elements of type int64")
}
