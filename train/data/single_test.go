package data

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// One picture is read as the same picture in a folder is.
func TestAPictureIsReadAsInASet(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.png")
	m := image.NewRGBA(image.Rect(0, 0, 9, 6))
	for i := range m.Pix {
		m.Pix[i] = byte(37 * i)
	}
	for i := 3; i < len(m.Pix); i += 4 {
		m.Pix[i] = 255
	}
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, m))
	require.NoError(t, f.Close())

	set, err := Open(dir, Options{Shape: []int{3, 4, 4}})
	require.NoError(t, err)
	defer set.Close()
	want, err := All(set)
	require.NoError(t, err)
	got := make([]float32, 3*4*4)
	size, err := Picture(got, file, 3, 4, 4)
	require.NoError(t, err)
	require.Equal(t, image.Pt(9, 6), size)
	require.Equal(t, want, got)

	paths, err := Pictures(dir)
	require.NoError(t, err)
	require.Equal(t, []string{file}, paths)
	kind, err := KindOf(file)
	require.NoError(t, err)
	require.Equal(t, IsPicture, kind)
}

func TestWhiteIsOneAndBlackMinusOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.png")
	m := image.NewGray(image.Rect(0, 0, 2, 1))
	m.SetGray(1, 0, color.Gray{255})
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, m))
	require.NoError(t, f.Close())
	got := make([]float32, 2)
	_, err = Picture(got, file, 1, 1, 2)
	require.NoError(t, err)
	require.Equal(t, []float32{-1, 1}, got)
}

func TestKindsOfFiles(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		bytes string
		kind  Kind
	}{
		"a.npy": {"\x93NUMPY", IsArray}, "b.npz": {"PK\x03\x04", IsArray}, "c.wav": {"RIFF1234WAVE", IsSet}, "d.csv": {"1,2\n", IsSet},
		"e.txt": {"1,2\n", IsOther}, "f": {"\x00\x00\x08\x01", IsSet}, "g.bin": {"\x80\x81", IsOther}, "h.npy": {"GIF89a", IsPicture},
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(c.bytes), 0o666))
		kind, err := KindOf(file)
		require.NoError(t, err)
		require.Equal(t, c.kind, kind, name)
	}
	_, err := Pictures(t.TempDir())
	require.ErrorContains(t, err, "holds no pictures")
	_, err = KindOf(filepath.Join(dir, "nowhere"))
	require.ErrorContains(t, err, "nowhere")
	_, err = Picture(make([]float32, 1), filepath.Join(dir, "h.npy"), 1, 1, 1)
	require.ErrorContains(t, err, "h.npy: not a readable picture")
}
