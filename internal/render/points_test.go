package render

import (
	"image"
	"image/color"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

func TestAUnitIsAsLongOnBothAxes(t *testing.T) {
	for _, b := range []box{{-1, 1, -1, 1}, {-5, 5, -1, 1}, {0, 1, 0, 100}, {1e6, 1e6 + 3, -1e-3, 1e-3}} {
		f := &figure{panels: nil}
		f.panels = append(f.panels, newPlot("title"))
		f.equal(b)
		p := f.panels[0]
		canvas := draw.NewCanvas(vgimg.New(figureWidth, f.height), figureWidth, f.height)
		size := p.DataCanvas(f.inner(canvas)).Size()
		x, y := float64(size.X)/(p.X.Max-p.X.Min), float64(size.Y)/(p.Y.Max-p.Y.Min)
		require.InEpsilon(t, x, y, 0.01, "%v", b)
		require.LessOrEqual(t, p.X.Min, b.x0+1e-9*math.Abs(b.x0))
		require.GreaterOrEqual(t, p.X.Max, b.x1-1e-9*math.Abs(b.x1))
		require.LessOrEqual(t, p.Y.Min, b.y0)
		require.GreaterOrEqual(t, p.Y.Max, b.y1)
	}
}

// dark finds the centre of the pixels of a plot's points.
func dark(img image.Image) (x, y float64) {
	n := 0.0
	each(img, func(px, py int, r, g, b uint8) {
		if int(b)-int(r) > 60 {
			x, y, n = x+float64(px), y+float64(py), n+1
		}
	})
	return x / n, y / n
}

func TestPointsLieWhereTheAxesSay(t *testing.T) {
	folder := t.TempDir()
	corners := []float32{-3, -2, 3, -2, -3, 2, 3, 2}
	s := Samples{Shape: []int{2}, Layout: Points}
	a, b := filepath.Join(folder, "a.png"), filepath.Join(folder, "b.png")
	// The corners fix the axes; the other points move the centre of what is drawn.
	crowd := func(px, py float32) []float32 {
		x := append([]float32(nil), corners...)
		for range 100 {
			x = append(x, px+float32(len(x)%7)*0.05, py)
		}
		return x
	}
	save(t, a, s, Options{}, crowd(1, 1))
	save(t, b, s, Options{}, crowd(-1, 1))
	ax, ay := dark(readPNG(t, a))
	bx, by := dark(readPNG(t, b))
	require.Greater(t, ax, bx+50)
	require.InDelta(t, ay, by, 2)
	save(t, b, s, Options{}, crowd(1, -1))
	_, by = dark(readPNG(t, b))
	require.Greater(t, by, ay+50, "y points up")
}

func TestOneFarPointDoesNotSqueezeTheRest(t *testing.T) {
	x := noise(1, 2*5000)
	x[100], x[1001] = 1e6, float32(math.NaN())
	path := filepath.Join(t.TempDir(), "x.png")
	sink := save(t, path, Samples{Shape: []int{2}, Layout: Points}, Options{}, x)
	require.Equal(t, []string{path + ": leaves out 2 of 5000 points that lie far from the others or are not finite"}, sink.Warnings())
}

func TestTheWayWidensTheViewButNotWithoutLimit(t *testing.T) {
	c := &cloud{dims: 2, end: []float32{-1, -1, 1, 1}, way: [][]float32{{-2, 0, 400, 0}}}
	b := c.view()
	require.Equal(t, box{-2 - 0.25, 3 + 0.25, -1 - 0.1, 1 + 0.1}, b)
}

func TestPointsWithoutExtentHaveAView(t *testing.T) {
	for _, end := range [][]float32{{5, 5, 5, 5}, {0, 0}, {float32(math.NaN()), float32(math.Inf(1))}} {
		c := &cloud{dims: 2, end: end}
		b := c.view()
		require.Greater(t, b.x1-b.x0, 0.1)
		require.Greater(t, b.y1-b.y0, 0.1)
	}
}

func TestManyPointsAreKeptUpToALimit(t *testing.T) {
	c := newCloud(&request{n: 1 << 22, Samples: Samples{Shape: []int{4, 3}, Layout: Points}}, 0)
	require.Equal(t, maxPoints/4, c.shownN)
	require.Equal(t, []string{
		"shows the first 2 of 3 coordinates",
		"shows the first 262144 of 4194304 samples; %d in the name writes a file for each, .npy holds all",
	}, c.notes())
	c.add(0, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	require.Equal(t, []float32{1, 2, 4, 5, 7, 8, 10, 11}, c.end)
}

func TestAHistogramHasAreaOne(t *testing.T) {
	c := &cloud{dims: 1, end: noise(1, 10000)}
	b := c.view()
	bins, highest := c.counts(c.end, b)
	area := 0.0
	for _, bin := range bins {
		area += bin.Weight * (bin.Max - bin.Min)
	}
	require.InDelta(t, 1, area, 1e-9)
	require.InDelta(t, 1/math.Sqrt(2*math.Pi), highest, 0.05, "the standard normal's density at 0")
}

func TestBlurSpreadsWithTheGivenWidthAndKeepsTheSum(t *testing.T) {
	const side = 101
	for _, sigma := range []float64{1.5, 4, 9} {
		field := make([]float32, side*side)
		field[50*side+50] = 1
		blur(field, side, side, sigma)
		sum, variance := 0.0, 0.0
		for i, v := range field {
			sum += float64(v)
			variance += float64(v) * float64((i%side-50)*(i%side-50))
		}
		require.InDelta(t, 1, sum, 1e-4)
		require.InEpsilon(t, sigma, math.Sqrt(variance), 0.2)
	}
}

func TestClassesHaveDifferentColours(t *testing.T) {
	for _, n := range []int{2, 10, 16} {
		seen := map[color.NRGBA]bool{}
		for i := range n {
			seen[classColour(i, n)] = true
		}
		require.Len(t, seen, n)
	}
}

func TestTicksAreRoundNumbersWithoutNoise(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   []string
	}{
		{-1.1, 1.1, []string{"-1", "-0.5", "0", "0.5", "1"}},
		{0, 0.31, []string{"0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"}},
		{-4.2, 4.2, []string{"-4", "-2", "0", "2", "4"}},
		{0, 16000, []string{"0", "5000", "10000", "15000"}},
	} {
		var labels []string
		for _, mark := range (ticks{}).Ticks(c.lo, c.hi) {
			labels = append(labels, mark.Label)
		}
		require.Equal(t, c.want, labels)
	}
	require.NotEmpty(t, ticks{}.Ticks(1e9, 1e9+1e-7), "beyond the resolution of the labels")
}

func TestALongSignalKeepsItsExtremes(t *testing.T) {
	x := noise(1, 100_000)
	x[54321], x[99999] = 100, -100
	kept := outline(x)
	require.Len(t, kept, 2*maxColumns)
	lo, hi := kept[0], kept[0]
	for _, v := range kept {
		lo, hi = min(lo, v), max(hi, v)
	}
	require.Equal(t, float32(-100), lo)
	require.Equal(t, float32(100), hi)
	short := noise(1, 500)
	require.Equal(t, short, outline(short))
}

func TestFiguresHaveTheSizeOfTheirMedium(t *testing.T) {
	c := newCloud(&request{n: 4, Samples: Samples{Shape: []int{2}, Layout: Points}}, 0)
	c.add(0, noise(1, 8))
	f := c.still()
	require.Equal(t, 720, f.raster(stillDPI).Bounds().Dx())
	require.Equal(t, 480, f.raster(reelDPI).Bounds().Dx())
	require.LessOrEqual(t, f.height, vg.Length(figureWidth))
}
