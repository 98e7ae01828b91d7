package models

import (
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

func TestEveryTypeIsWrittenAndReadAsNumbers(t *testing.T) {
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16, onnx.Int8, onnx.Int16, onnx.Int32, onnx.Int64,
		onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64} {
		t.Run(dtype.String(), func(t *testing.T) {
			b, err := newBuffer(dtype, 6)
			require.NoError(t, err)
			got := make([]float32, 6)
			b.put(1, []float32{1, 2}, 2, 1)
			b.load(3, []float64{7, 8})
			b.fill(5, 6, 9)
			b.fill(6, 6, 9)
			b.get(got, 0)
			require.Equal(t, []float32{0, 3, 5, 7, 8, 9}, got)
			b.put(0, []float32{4}, 1, 0)
			b.get(got[:1], 0)
			require.Equal(t, float32(4), got[0])
		})
	}
	b, err := newBuffer(onnx.Bool, 4)
	require.NoError(t, err)
	got := make([]float32, 4)
	b.put(0, []float32{5}, 1, 0)
	b.load(1, []float64{0})
	b.fill(2, 4, 1)
	b.get(got, 0)
	require.Equal(t, []float32{1, 0, 1, 1}, got)
	_, err = newBuffer(onnx.String, 1)
	require.ErrorContains(t, err, "elements of type string cannot be fed")
}
