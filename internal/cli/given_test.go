package cli

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
)

// writeQuarters writes a picture of 2 x 2 pixels: black, red, green and white.
func writeQuarters(t *testing.T, file string) {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 2, 2))
	for i, c := range []color.RGBA{{0, 0, 0, 255}, {255, 0, 0, 255}, {0, 255, 0, 255}, {255, 255, 255, 255}} {
		m.SetRGBA(i%2, i/2, c)
	}
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, m))
	require.NoError(t, f.Close())
}

// A picture takes the model's layout, channels and range.
func TestPicturesTakeTheModelsLayout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.png")
	writeQuarters(t, file)
	for _, c := range []struct {
		layout models.Layout
		shape  []int
		lo, hi float64
		want   []float32
	}{
		{models.CHW, []int{3, 2, 2}, 0, 1, []float32{0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1}},
		{models.HWC, []int{2, 2, 3}, 0, 1, []float32{0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1}},
		{models.HW, []int{2, 2}, -1, 1, []float32{-1, -0.4039, 0.1765, 1}}, // luma 76 and 150 of 255
		{models.CHW, []int{1, 2, 2}, 2, 4, []float32{2, 2.596, 3.1765, 4}},
	} {
		r := &models.Resolved{Shape: c.shape, Layout: c.layout, Range: [2]float64{c.lo, c.hi}}
		got, size, err := readPicture(r, false, file)
		require.NoError(t, err)
		require.Equal(t, image.Pt(2, 2), size)
		require.InDeltaSlice(t, c.want, got, 1e-3, "%s %v", c.layout, c.shape)
	}
	for want, r := range map[string]*models.Resolved{
		"which are none in gray or colour": {Shape: []int{4, 2, 2}, Layout: models.CHW},
		"(points), which are none":         {Shape: []int{2}, Layout: models.Points},
	} {
		_, _, err := readPicture(r, false, file)
		require.ErrorContains(t, err, want)
	}
}

// A mask of positions holds for all channels, wherever the layout has them.
func TestMasksHoldForAllChannels(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mask.npy")
	for _, c := range []struct {
		layout      models.Layout
		shape, mask []int
		values      []float32
		want        []float32
	}{
		{models.CHW, []int{2, 1, 3}, []int{1, 3}, []float32{0, 1, 0.5}, []float32{0, 1, 0.5, 0, 1, 0.5}},
		{models.HWC, []int{1, 3, 2}, []int{1, 3}, []float32{0, 1, 0.5}, []float32{0, 0, 1, 1, 0.5, 0.5}},
		{models.HWC, []int{1, 2, 2}, []int{2, 1, 2}, []float32{0, 1, 1, 0}, []float32{0, 0, 1, 1, 1, 1, 0, 0}}, // of two samples
		{models.CL, []int{2, 2}, []int{2}, []float32{0, 1}, []float32{0, 1, 0, 1}},
		{models.L, []int{2, 2}, []int{2}, []float32{0, 1}, []float32{0, 0, 1, 1}},
		{models.Points, []int{3}, []int{3}, []float32{0, 1, 1}, []float32{0, 1, 1}},
		{models.Points, []int{3}, []int{1, 3}, []float32{0, 1, 1}, []float32{0, 1, 1}},
		{models.TCHW, []int{2, 2, 1, 1}, []int{2, 1, 1}, []float32{0, 1}, []float32{0, 0, 1, 1}},
		{models.CHW, []int{2, 1, 2}, []int{2, 1, 2}, []float32{0, 1, 1, 0}, []float32{0, 1, 1, 0}},
	} {
		require.NoError(t, writeNPY(file, c.values, c.mask...))
		got, err := readMask(&models.Resolved{Shape: c.shape, Layout: c.layout}, []string{file}, nil)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%s %v of %v", c.layout, c.shape, c.mask)
	}
	require.NoError(t, writeNPY(file, []float32{0, 1}, 2))
	_, err := readMask(&models.Resolved{Shape: []int{3}, Layout: models.Points}, []string{file}, nil)
	require.EqualError(t, err, "--mask: "+file+": found an array [2], expected [3] or [n, 3]")

	picture := filepath.Join(dir, "q.png")
	writeQuarters(t, picture)
	got, err := readMask(&models.Resolved{Shape: []int{2, 2, 2}, Layout: models.HWC}, []string{picture}, nil)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float32{0, 0, 0.298, 0.298, 0.588, 0.588, 1, 1}, got, 1e-3)
	_, err = readMask(&models.Resolved{Shape: []int{1, 4, 4}, Layout: models.CHW}, []string{picture}, nil)
	require.ErrorContains(t, err, "found a picture of 2 x 2 pixels, expected 4 x 4, a sample's")
	got, err = readMask(&models.Resolved{Shape: []int{1, 1, 1}, Layout: models.CHW}, []string{picture}, []image.Point{{2, 2}})
	require.NoError(t, err)
	require.Len(t, got, 1)
}

// Files of a pattern come by their numbers.
func TestPatternsGoByNumbers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a10.png", "a9.png", "a001.png", "ax.png", "b2.png", "a3.jpg"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
	}
	files, err := expand([]string{filepath.Join(dir, "a%d.png"), "z.npy"})
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "a001.png"), filepath.Join(dir, "a9.png"), filepath.Join(dir, "a10.png"), "z.npy"}, files)
}
