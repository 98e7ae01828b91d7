package array

import (
	"archive/zip"
	"bytes"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// rowsOf reads all rows of an array in a file, the last first.
func rowsOf(t *testing.T, path string, names ...string) (*Rows, []float32) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	r, err := NewRows(Bytes(content), int64(len(content)), names...)
	require.NoError(t, err)
	x := make([]float32, r.Len()*r.Width())
	for i := r.Len() - 1; i >= 0; i-- {
		require.NoError(t, r.Read(x[i*r.Width():(i+1)*r.Width()], int64(i)))
	}
	return r, x
}

func TestRowsAreThoseOfTheWholeArray(t *testing.T) {
	names, err := Names(fixture("types.npz"))
	require.NoError(t, err)
	for _, name := range names {
		a, err := ReadNPZ(fixture("types.npz"), name)
		require.NoError(t, err)
		if len(a.Shape) == 0 || a.Len() == 0 {
			continue
		}
		r, x := rowsOf(t, fixture("types.npz"), name)
		require.Equal(t, a.Shape, r.Shape, name)
		require.Equal(t, a.DType, r.DType, name)
		for i, v := range a.Float32() {
			require.Equal(t, math.Float32bits(v), math.Float32bits(x[i]), "%s, element %d", name, i)
		}
	}
}

func TestHalvesAreWidenedExactly(t *testing.T) {
	for h := range 1 << 16 {
		want, got := float32(halfToFloat(uint16(h))), halfToFloat32(uint16(h))
		if math.IsNaN(float64(want)) {
			require.True(t, math.IsNaN(float64(got)), "%#x", h)
			continue
		}
		require.Equal(t, math.Float32bits(want), math.Float32bits(got), "%#x", h)
	}
}

func TestRowsOfStoredAndDeflatedMembers(t *testing.T) {
	array := npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", 1, 2, 3, 4, 5, 6)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range []string{"other.npy", "x.npy"} {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
			require.NoError(t, err)
			w.Write(array)
		}
		require.NoError(t, z.Close())
		r, err := NewRows(Bytes(b.Bytes()), int64(b.Len()), "y", "x")
		require.NoError(t, err)
		x := make([]float32, 3)
		require.NoError(t, r.Read(x, 1))
		require.Equal(t, []float32{4, 5, 6}, x)
		_, err = NewRows(Bytes(b.Bytes()), int64(b.Len()), "y")
		require.ErrorContains(t, err, "found the arrays other, x, expected one called y")
	}
}

func TestRowsBeyondTheEndOfTheFileAreAnError(t *testing.T) {
	r, err := RowsOf(Bytes(make([]byte, 12)), 4, "float32", false, []int{3, 1})
	require.NoError(t, err)
	x := make([]float32, 1)
	require.NoError(t, r.Read(x, 1))
	require.EqualError(t, r.Read(x, 2), "ends early, expected row 2 of 3")
}

func TestArraysWithoutRows(t *testing.T) {
	for shape, want := range map[string]string{"()": "holds a single number", "(0, 3)": "holds nothing", "(2, 0)": "holds nothing"} {
		data := []byte{}
		if shape == "()" {
			data = []byte{1}
		}
		content := npy("{'descr': '|u1', 'fortran_order': False, 'shape': "+shape+", }", data...)
		_, err := NewRows(Bytes(content), int64(len(content)))
		require.ErrorContains(t, err, want)
	}
	_, err := NewRows(Bytes("P"), 1)
	require.ErrorContains(t, err, "ends early")
}

func TestRowsAreReadSideBySide(t *testing.T) {
	content := npy("{'descr': '>u2', 'fortran_order': False, 'shape': (200, 1), }", []byte(strings.Repeat("\x00\x07", 200))...)
	r, err := NewRows(Bytes(content), int64(len(content)))
	require.NoError(t, err)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			x := make([]float32, 1)
			for i := range int64(200) {
				if err := r.Read(x, i); err != nil || x[0] != 7 {
					t.Errorf("row %d: %v, %v", i, x[0], err)
					return
				}
			}
		})
	}
	wait.Wait()
}
