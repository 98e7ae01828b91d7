package array

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNPYBytesAreNumPys(t *testing.T) {
	want, err := os.ReadFile(fixture("plain.npy")) // np.save([[0.5, -1.25, 3]])
	require.NoError(t, err)
	var b bytes.Buffer
	w, err := NewNPYWriter(&b, []int{1, 3})
	require.NoError(t, err)
	require.NoError(t, w.Write([]float32{0.5}))
	require.NoError(t, w.Write([]float32{-1.25, 3}))
	require.NoError(t, w.Close())
	require.Equal(t, want, b.Bytes())
}

func TestNPYWriterCountsItsElements(t *testing.T) {
	w, err := NewNPYWriter(&bytes.Buffer{}, []int{2, 2})
	require.NoError(t, err)
	require.NoError(t, w.Write([]float32{1, 2, 3}))
	require.EqualError(t, w.Close(), "3 elements written, expected the 4 of shape (2, 2)")
	require.EqualError(t, w.Write([]float32{4, 5}), "more than the 4 elements of shape (2, 2)")
}

func TestNPZRoundTripsAndIsDeterministic(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		write := func() []byte {
			var b bytes.Buffer
			z := NewNPZWriter(&b, deflate)
			s, err := z.Stream("samples", []int{3, 1})
			require.NoError(t, err)
			require.NoError(t, s.Write([]float32{1, 2, float32(math.Inf(-1))}))
			require.NoError(t, s.Close())
			require.NoError(t, z.Float32("init", []int{2}, []float32{-1, 0.1}))
			require.NoError(t, z.Float64("t", []int{2}, []float64{0, 1.0 / 3}))
			require.NoError(t, z.Int64("labels", []int{}, []int64{math.MaxInt64}))
			require.Error(t, z.Float32("init", []int{1}, []float32{0}), "a second array of that name")
			require.EqualError(t, z.Int64("short", []int{3}, []int64{1}), `array "short": 1 elements, expected those of shape (3,)`)
			require.NoError(t, z.Close())
			return b.Bytes()
		}
		first := write()
		require.Equal(t, first, write())
		path := filepath.Join(t.TempDir(), "x.npz")
		require.NoError(t, os.WriteFile(path, first, 0o666))
		a, err := ReadNPZ(path, "samples")
		require.NoError(t, err)
		require.Equal(t, []int{3, 1}, a.Shape)
		require.Equal(t, []float32{1, 2, float32(math.Inf(-1))}, a.Float32())
		a, err = ReadNPZ(path, "t")
		require.NoError(t, err)
		require.Equal(t, []float64{0, 1.0 / 3}, a.Float64())
		a, err = ReadNPZ(path, "labels")
		require.NoError(t, err)
		x, err := a.Int64()
		require.NoError(t, err)
		require.Equal(t, []int64{math.MaxInt64}, x)
	}
}

func TestShapesOutOfReasonAreRefused(t *testing.T) {
	_, err := NewNPYWriter(&bytes.Buffer{}, []int{1 << 40, 1 << 40})
	require.ErrorContains(t, err, "more than a file can hold")
	_, err = NewNPYWriter(&bytes.Buffer{}, []int{-1})
	require.Error(t, err)
}
