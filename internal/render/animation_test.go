package render

import (
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/kettek/apng"
	"github.com/stretchr/testify/require"
)

func readGIF(t *testing.T, path string) *gif.GIF {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	g, err := gif.DecodeAll(f)
	require.NoError(t, err)
	return g
}

func TestFramesAreFewWhateverTheSteps(t *testing.T) {
	for steps := 1; steps <= 3000; steps++ {
		frames := FrameSteps(steps)
		require.Len(t, frames, min(steps, maxFrames)+1)
		require.Zero(t, frames[0])
		require.Equal(t, steps, frames[len(frames)-1])
		for i := 1; i < len(frames); i++ {
			gap := frames[i] - frames[i-1]
			require.GreaterOrEqual(t, gap, 1)
			require.LessOrEqual(t, gap, steps/maxFrames+1)
		}
	}
	require.Equal(t, []int{0}, FrameSteps(0))
}

func TestAGIFOfAWalkShowsEachStateAndHoldsTheLast(t *testing.T) {
	const n, side = 3, 56
	for _, steps := range []int{1, 5, 40, 1000} {
		path := filepath.Join(t.TempDir(), "x.gif")
		o := Options{Times: times(steps)}
		x := noise(2, n*side*side)
		save(t, path, Samples{Shape: []int{1, side, side}, Layout: CHW}, o, x)
		g := readGIF(t, path)
		require.Len(t, g.Image, len(o.Times))
		total := 0
		for _, d := range g.Delay[:len(g.Delay)-1] {
			require.GreaterOrEqual(t, d, 4)
			require.LessOrEqual(t, d, 26)
			total += d
		}
		require.LessOrEqual(t, total, 300)
		require.Equal(t, 150, g.Delay[len(g.Delay)-1])
		// Grays are exact: the palette has all 256.
		for frame, at := range o.Times {
			state := straight(x, at)
			c := color.GrayModel.Convert(g.Image[frame].At(2+58+9, 2+4)).(color.Gray)
			require.Equal(t, level(float64(state[side*side+4*side+9]), -1, 1), c.Y, "frame %d", frame)
		}
	}
}

func TestAGIFOfVideoShowsItsFramesAtItsSpeed(t *testing.T) {
	const frames, side = 30, 56
	path := filepath.Join(t.TempDir(), "x.gif")
	x := noise(2, frames*side*side)
	sink := save(t, path, Samples{Shape: []int{frames, 1, side, side}, Layout: TCHW, FPS: 24}, Options{Times: times(5)}, x)
	require.Zero(t, sink.Shown(), "video does not show its way")
	g := readGIF(t, path)
	require.Len(t, g.Image, frames)
	total := 0
	for _, d := range g.Delay {
		total += d
	}
	require.Equal(t, 125, total, "30 frames at 24 a second last 1.25 seconds")
	for frame := range frames {
		c := color.GrayModel.Convert(g.Image[frame].At(3, 5)).(color.Gray)
		require.Equal(t, level(float64(x[frame*side*side+5*side+3]), -1, 1), c.Y)
	}
}

func TestAnAPNGKeepsColoursExactly(t *testing.T) {
	const side = 56
	path := filepath.Join(t.TempDir(), "x.apng")
	o := Options{Times: times(10)}
	x := noise(2, 3*side*side)
	save(t, path, Samples{Shape: []int{side, side, 3}, Layout: HWC}, o, x)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	a, err := apng.DecodeAll(f)
	require.NoError(t, err)
	require.Len(t, a.Frames, 11)
	for frame, at := range o.Times {
		state := straight(x, at)
		at := func(c int) uint8 { return level(float64(state[(7*side+9)*3+c]), -1, 1) }
		require.Equal(t, color.NRGBA{at(0), at(1), at(2), 255}, color.NRGBAModel.Convert(a.Frames[frame].Image.At(9, 7)))
	}
	require.InDelta(t, holdSeconds, a.Frames[10].GetDelay(), 1e-3)

	file, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, c := range chunks(t, file) {
		if c.name == "acTL" {
			require.EqualValues(t, 11, binary.BigEndian.Uint32(c.data), "frames")
			require.EqualValues(t, 0, binary.BigEndian.Uint32(c.data[4:]), "plays for ever")
		}
	}
}

func TestAnAnimationOfLargePicturesShrinksThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gif")
	x := make([]float32, 600*600)
	for i := range x {
		x[i] = 0.5
	}
	sink, err := NewSink(path, 20, Samples{Shape: []int{600, 600}, Layout: HW}, Options{Times: times(40)})
	require.NoError(t, err)
	defer sink.Abort()
	shown := sink.Shown()
	require.GreaterOrEqual(t, shown, 4)
	require.Less(t, shown, 20)
	f := sink.(*file).body.(walk).recorder.(*film)
	sink.Record(3, 0, x)
	require.Equal(t, level(0.5, -1, 1), f.sheets[3].gray.GrayAt(100, 100).Y)
	b := f.sheets[3].gray.Bounds()
	require.Less(t, b.Dx()*b.Dy()*41, maxReel*102/100)
}

func TestStatesBeyondTheShownSamplesAreIgnored(t *testing.T) {
	for _, s := range []Samples{{Shape: []int{256, 256}, Layout: HW}, {Shape: []int{10}, Layout: L}} {
		sink, err := NewSink(filepath.Join(t.TempDir(), "x.gif"), 100, s, Options{Times: times(40)})
		require.NoError(t, err)
		defer sink.Abort()
		require.Less(t, sink.Shown(), 50)
		sink.Record(0, 0, noise(1, 50*s.Size()))
		sink.Record(0, 50, noise(1, 50*s.Size()))
	}
}

func TestFewColoursKeepTheirValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	img := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	colours := make([]color.NRGBA, 200)
	for i := range colours { // in different cells of the colour cube
		colours[i] = color.NRGBA{uint8(i % 8 * 32), uint8(i / 8 % 8 * 32), uint8(i / 64 * 32), 255}
	}
	for y := range 30 {
		for x := range 40 {
			img.SetNRGBA(x, y, colours[r.IntN(len(colours))])
		}
	}
	for _, dither := range []bool{false, true} {
		out := remap(img, palette(256, img), dither)
		for y := range 30 {
			for x := range 40 {
				require.Equal(t, img.NRGBAAt(x, y), color.NRGBAModel.Convert(out.At(x, y)))
			}
		}
	}
}

func TestDitheringKeepsTheMeanOfAShade(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = 100
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	out := remap(img, color.Palette{color.RGBA{0, 0, 0, 255}, color.RGBA{255, 255, 255, 255}}, true)
	sum := 0.0
	for _, index := range out.Pix {
		sum += 255 * float64(index)
	}
	require.InDelta(t, 100, sum/64/64, 3)
}

func TestPalettesHoldAtMostTheColoursAskedFor(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 100, 100))
	r := rand.New(rand.NewPCG(2, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.IntN(256))
	}
	require.Len(t, palette(256, img), 256)
	require.Len(t, palette(7, img), 7)
}
