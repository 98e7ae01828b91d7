package render

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	return img
}

// level is the brightness that the documentation promises: rounded, clamped.
func level(v, lo, hi float64) uint8 {
	return uint8(math.Round(255 * min(max((v-lo)/(hi-lo), 0), 1)))
}

func TestAGridHoldsEveryNumber(t *testing.T) {
	// Six pictures of 60x64 in three channels: 3 columns, 2 rows, no enlargement.
	const n, h, w = 6, 60, 64
	path := filepath.Join(t.TempDir(), "x.png")
	x := noise(3, n*3*h*w)
	save(t, path, Samples{Shape: []int{3, h, w}, Layout: CHW, Range: [2]float64{-1, 2}}, Options{}, x)
	img := readPNG(t, path)
	require.Equal(t, image.Rect(0, 0, 3*(w+padding)+padding, 2*(h+padding)+padding), img.Bounds())
	white := color.NRGBA{255, 255, 255, 255}
	for py := range img.Bounds().Dy() {
		for px := range img.Bounds().Dx() {
			column, cx := (px-padding)/(w+padding), px-padding-(px-padding)/(w+padding)*(w+padding)
			row, cy := (py-padding)/(h+padding), py-padding-(py-padding)/(h+padding)*(h+padding)
			want := white
			if px >= padding && py >= padding && cx < w && cy < h {
				at := func(c int) uint8 { return level(float64(x[(((row*3+column)*3+c)*h+cy)*w+cx]), -1, 2) }
				want = color.NRGBA{at(0), at(1), at(2), 255}
			}
			require.Equal(t, want, color.NRGBAModel.Convert(img.At(px, py)), "pixel %d,%d", px, py)
		}
	}
}

func TestLayoutsOfTheSamePictureGiveTheSameFile(t *testing.T) {
	const n, h, w = 4, 9, 7
	chw := noise(4, n*3*h*w)
	hwc := make([]float32, len(chw))
	for k := range n {
		for c := range 3 {
			for p := range h * w {
				hwc[(k*h*w+p)*3+c] = chw[(k*3+c)*h*w+p]
			}
		}
	}
	folder := t.TempDir()
	a, b := filepath.Join(folder, "a.png"), filepath.Join(folder, "b.png")
	save(t, a, Samples{Shape: []int{3, h, w}, Layout: CHW}, Options{}, chw)
	save(t, b, Samples{Shape: []int{h, w, 3}, Layout: HWC}, Options{}, hwc)
	require.Equal(t, readPNG(t, a), readPNG(t, b))
}

func TestSmallPicturesAreEnlargedByAWholeFactor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	x := noise(5, 28*28)
	save(t, path, Samples{Shape: []int{28, 28}, Layout: HW}, Options{}, x)
	img := readPNG(t, path).(*image.Gray)
	require.Equal(t, image.Rect(0, 0, 56, 56), img.Bounds())
	for y := range 56 {
		for px := range 56 {
			require.Equal(t, level(float64(x[y/2*28+px/2]), -1, 1), img.GrayAt(px, y).Y)
		}
	}
}

func TestAFileOfASeriesIsThePictureItself(t *testing.T) {
	folder := t.TempDir()
	x := noise(5, 3*4*5*5)
	save(t, filepath.Join(folder, "x%d.png"), Samples{Shape: []int{4, 5, 5}, Layout: CHW}, Options{}, x)
	img := readPNG(t, filepath.Join(folder, "x2.png"))
	require.Equal(t, image.Rect(0, 0, 5, 5), img.Bounds())
	for p := range 25 {
		at := func(c int) uint8 { return level(float64(x[(2*4+c)*25+p]), -1, 1) }
		require.Equal(t, color.NRGBA{at(0), at(1), at(2), at(3)}, img.At(p%5, p/5), "RGBA, pixel %d", p)
	}
}

func TestBrightnessIsRoundedAndClamped(t *testing.T) {
	r, _ := newRaster(&Samples{Shape: []int{1, 1}, Layout: HW, Range: [2]float64{0, 255}})
	inf := math.Inf(1)
	for v, want := range map[float64]uint8{-1: 0, 0: 0, 0.4: 0, 0.6: 1, 1: 1, 254.4: 254, 254.6: 255, 255: 255, 300: 255, inf: 255, -inf: 0} {
		require.Equal(t, want, r.brightness(v), "%v", v)
	}
	require.Equal(t, uint8(0), r.brightness(math.NaN()))
}

func TestOtherChannelsAreGrayPicturesSideBySide(t *testing.T) {
	for _, c := range []struct{ channels, shown int }{{2, 2}, {16, 8}} {
		path := filepath.Join(t.TempDir(), "x.png")
		x := noise(6, c.channels*64*60)
		sink := save(t, path, Samples{Shape: []int{c.channels, 64, 60}, Layout: CHW}, Options{}, x)
		img := readPNG(t, path).(*image.Gray)
		require.Equal(t, image.Rect(0, 0, c.shown*61-1, 64), img.Bounds())
		for k := range c.shown {
			require.Equal(t, level(float64(x[k*64*60+5*60+7]), -1, 1), img.GrayAt(k*61+7, 5).Y)
		}
		require.Equal(t, c.shown < c.channels, len(sink.Warnings()) == 1)
	}
	// Latents of three or four channels are no colours.
	path := filepath.Join(t.TempDir(), "x.png")
	x := noise(6, 4*64*64)
	save(t, path, Samples{Shape: []int{4, 64, 64}, Layout: CHW, Latent: true}, Options{}, x)
	img := readPNG(t, path).(*image.Gray)
	require.Equal(t, level(float64(x[3*4096]), -3, 3), img.GrayAt(3*65, 0).Y)
}

func TestAGridShowsASensibleNumberAndSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	sink := save(t, path, Samples{Shape: []int{2, 2}, Layout: HW}, Options{}, noise(1, 500*4))
	require.Equal(t, []string{path + ": shows the first 400 of 500 samples; %d in the name writes a file for each, .npy holds all"}, sink.Warnings())
	require.Equal(t, 20*58+2, readPNG(t, path).Bounds().Dx())
	// 1024x1024 pixels a picture: sixteen fill the image.
	r, err := NewSink(path, 100, Samples{Shape: []int{1024, 1024}, Layout: HW}, Options{})
	require.NoError(t, err)
	defer r.Abort()
	require.Equal(t, 15, r.(*file).body.(*still).scene.(*pictures).shown)
}

func TestColumnsLeaveFewGaps(t *testing.T) {
	for _, c := range []struct{ n, w, h, classes, want int }{
		{1, 28, 28, 0, 1}, {2, 28, 28, 0, 2}, {4, 28, 28, 0, 2}, {8, 28, 28, 0, 4}, {10, 28, 28, 0, 5}, {16, 28, 28, 0, 4},
		{17, 28, 28, 0, 6}, {50, 28, 28, 0, 10}, {100, 28, 28, 0, 10}, {400, 28, 28, 0, 20},
		{20, 28, 28, 10, 10}, {16, 28, 28, 10, 4}, {200, 28, 28, 10, 10}, {400, 28, 28, 10, 20}, {8, 256, 64, 0, 2},
	} {
		require.Equal(t, c.want, columnsFor(c.n, c.w, c.h, c.classes), "%+v", c)
	}
}

func TestAContactSheetHasARowForEachVideo(t *testing.T) {
	const n, frames, h, w = 2, 12, 60, 56
	path := filepath.Join(t.TempDir(), "x.png")
	x := noise(7, n*frames*h*w)
	sink := save(t, path, Samples{Shape: []int{frames, 1, h, w}, Layout: TCHW}, Options{}, x)
	require.Len(t, sink.Warnings(), 1)
	img := readPNG(t, path).(*image.Gray)
	require.Equal(t, image.Rect(0, 0, 8*(w+2)+2, 2*(h+2)+2), img.Bounds())
	chosen := spread(frames, 8)
	require.Equal(t, []int{0, 2, 3, 5, 6, 8, 9, 11}, chosen)
	for k := range n {
		for column, f := range chosen {
			v := x[((k*frames+f)*h+11)*w+13]
			require.Equal(t, level(float64(v), -1, 1), img.GrayAt(2+column*(w+2)+13, 2+k*(h+2)+11).Y)
		}
	}
}

func TestAStripShowsPicturesOnTheirWay(t *testing.T) {
	const n, side = 2, 56
	path := filepath.Join(t.TempDir(), "x.png")
	x := noise(7, n*side*side)
	o := Options{Times: times(20), Trajectories: true}
	save(t, path, Samples{Shape: []int{side, side}, Layout: HW}, o, x)
	img := readPNG(t, path).(*image.Gray)
	require.Equal(t, image.Rect(0, 0, 8*58+2, 2*58+2), img.Bounds())
	for column, f := range spread(21, 8) {
		state := straight(x, o.Times[f])
		require.Equal(t, level(float64(state[side*side+3]), -1, 1), img.GrayAt(2+column*58+3, 2+58).Y)
	}
}

// chunk is one part of a PNG file.
type chunk struct {
	name string
	data []byte
}

func chunks(t *testing.T, file []byte) []chunk {
	t.Helper()
	require.Equal(t, "\x89PNG\r\n\x1a\n", string(file[:8]))
	var list []chunk
	for rest := file[8:]; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		require.Equal(t, crc32.ChecksumIEEE(rest[4:8+n]), binary.BigEndian.Uint32(rest[8+n:]), "checksum")
		list = append(list, chunk{string(rest[4:8]), rest[8 : 8+n]})
		rest = rest[12+n:]
	}
	return list
}

func TestPNGTellsHowItWasMade(t *testing.T) {
	meta := Meta{Text: []Field{{"model", "moons"}, {"seed", "7"}, {"café", "größe"}, {"label", "猫"}, {"", "no\x00name"}}}
	for _, extension := range []string{".png", ".apng"} {
		path := filepath.Join(t.TempDir(), "x"+extension)
		save(t, path, Samples{Shape: []int{9, 9}, Layout: HW}, Options{Meta: meta, Times: times(3)}, noise(1, 81))
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		c := chunks(t, file)
		require.Equal(t, "IHDR", c[0].name)
		require.Equal(t, []chunk{
			{"tEXt", []byte("model\x00moons")},
			{"tEXt", []byte("seed\x007")},
			{"tEXt", []byte("caf\xe9\x00gr\xf6\xdfe")},
			{"iTXt", []byte("label\x00\x00\x00\x00\x00猫")},
			{"tEXt", []byte("Comment\x00noname")},
		}, c[1:6])
		require.Equal(t, "IEND", c[len(c)-1].name)
	}
}

func TestTextChunksSurviveAnyPiecesOfWriting(t *testing.T) {
	var whole bytes.Buffer
	require.NoError(t, png.Encode(&annotated{w: &whole, fields: []Field{{"seed", "7"}}}, image.NewGray(image.Rect(0, 0, 3, 3))))
	var plain bytes.Buffer
	require.NoError(t, png.Encode(&plain, image.NewGray(image.Rect(0, 0, 3, 3))))
	for size := 1; size <= 40; size++ {
		var b bytes.Buffer
		a := &annotated{w: &b, fields: []Field{{"seed", "7"}}}
		for rest := plain.Bytes(); len(rest) > 0; {
			n, err := a.Write(rest[:min(size, len(rest))])
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.Equal(t, whole.Bytes(), b.Bytes(), "pieces of %d", size)
	}
}

func TestSVGIsWellFormedAndTellsHowItWasMade(t *testing.T) {
	meta := Meta{Title: "a < b", Text: []Field{{"model", "x & y"}, {"seed", "7"}}}
	for _, k := range kinds {
		if k.samples.Vocabulary != nil {
			continue
		}
		path := filepath.Join(t.TempDir(), "x.svg")
		save(t, path, k.samples, Options{Meta: meta, Times: times(3), Trajectories: true}, noise(1, 10*k.samples.Size()))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		var title, desc string
		for d := xml.NewDecoder(bytes.NewReader(data)); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err, k.name)
			if e, ok := token.(xml.StartElement); ok {
				switch e.Name.Local {
				case "title":
					require.NoError(t, d.DecodeElement(&title, &e))
				case "desc":
					require.NoError(t, d.DecodeElement(&desc, &e))
				}
			}
		}
		require.Equal(t, "a < b", title)
		require.Equal(t, "model: x & y; seed: 7", desc)
		require.NotContains(t, string(data), "image/jpg")
		require.NotContains(t, string(data), "font-family:Liberation Sans;")
	}
}

func TestAVectorPlotOfManyPointsStaysSmall(t *testing.T) {
	for _, c := range []struct{ n, most int }{{1000, 200_000}, {maxVector + 1000, 400_000}, {denseFrom + 1000, 400_000}} {
		path := filepath.Join(t.TempDir(), "x.svg")
		save(t, path, Samples{Shape: []int{2}, Layout: Points}, Options{}, noise(1, 2*c.n))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Less(t, len(data), c.most)
		require.Equal(t, c.n > maxVector, strings.Contains(string(data), "data:image/png;base64,"))
	}
}
