package data

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"odeon/models"
)

func encoded(m image.Image, encode func(b *bytes.Buffer) error) []byte {
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asPNG(m image.Image) []byte {
	return encoded(m, func(b *bytes.Buffer) error { return png.Encode(b, m) })
}

// gray is a picture of one gray.
func gray(w, h int, v byte) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = v
	}
	return m
}

// colour is a picture of one colour.
func colour(w, h int, c color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, c)
		}
	}
	return m
}

func TestAFolderOfPicturesOfOneSizeKeepsItsPixels(t *testing.T) {
	dir := t.TempDir()
	want := make([][]byte, 3)
	for i, name := range []string{"a.png", "b.png", "c.png"} {
		m := gray(5, 4, 0)
		r := rand.New(rand.NewPCG(uint64(i), 0))
		for k := range m.Pix {
			m.Pix[k] = byte(r.IntN(256))
		}
		want[i] = m.Pix
		write(t, dir, name, asPNG(m))
	}
	write(t, dir, "README.md", []byte("passed over"))
	write(t, dir, ".hidden.png", []byte("passed over"))
	write(t, dir, ".cache/d.png", []byte("passed over"))
	s := open(t, dir, Options{})
	require.Equal(t, 3, s.Len())
	require.Equal(t, []int{1, 4, 5}, s.Shape())
	require.Equal(t, models.CHW, s.Layout())
	require.Equal(t, &[2]float64{-1, 1}, s.Range())
	require.Nil(t, s.Labels())
	for range 2 { // decoded, and from the cache
		x, _ := first(t, s, 3)
		for k, v := range bytes.Join(want, nil) {
			require.InDelta(t, float32(v)/127.5-1, x[k], 1e-6)
		}
	}
}

func TestEveryKindOfPictureIsRead(t *testing.T) {
	dir := t.TempDir()
	red := colour(8, 8, color.NRGBA{R: 255, A: 255})
	write(t, dir, "a.png", asPNG(red))
	write(t, dir, "b.jpg", encoded(red, func(b *bytes.Buffer) error { return jpeg.Encode(b, red, &jpeg.Options{Quality: 100}) }))
	write(t, dir, "c.gif", encoded(red, func(b *bytes.Buffer) error { return gif.Encode(b, red, nil) }))
	write(t, dir, "d.bmp", encoded(red, func(b *bytes.Buffer) error { return bmp.Encode(b, red) }))
	write(t, dir, "e.TIFF", encoded(red, func(b *bytes.Buffer) error { return tiff.Encode(b, red, nil) }))
	// The same as a lossless WebP, by libwebp: x/image has no encoder.
	write(t, dir, "f.webp", []byte("RIFF\x1c\x00\x00\x00WEBPVP8L\x0f\x00\x00\x00\x2f\x07\xc0\x01\x00\x07\x10\xfd\x8f\xfe\x07\x22\xa2\xff\x01\x00"))
	s := open(t, dir, Options{Size: 2})
	require.Equal(t, []int{3, 2, 2}, s.Shape())
	x, _ := first(t, s, 6)
	for i := range 6 {
		for k := range 12 {
			want := -1.0
			if k < 4 {
				want = 1
			}
			require.InDelta(t, want, x[12*i+k], 0.02, "picture %d, element %d", i, k)
		}
	}
	require.Equal(t, []int{1, 2, 2}, open(t, dir, Options{Shape: []int{1, 2, 2}}).Shape())
}

func TestPicturesOfManySizesAreCroppedInTheMiddleAndScaled(t *testing.T) {
	dir := t.TempDir()
	// Twice as wide as high, the outer quarters white: a square in the middle is black.
	wide := gray(40, 20, 255)
	for y := range 20 {
		for x := 10; x < 30; x++ {
			wide.Pix[y*wide.Stride+x] = 0
		}
	}
	write(t, dir, "wide.png", asPNG(wide))
	write(t, dir, "tall.png", asPNG(gray(13, 90, 0)))
	s := open(t, dir, Options{})
	require.Equal(t, []int{1, 13, 13}, s.Shape(), "a square of the least side")
	x, _ := first(t, s, 2)
	for k, v := range x {
		require.InDelta(t, -1, v, 1e-6, "element %d", k)
	}
	s = open(t, dir, Options{Shape: []int{3, 4, 8}})
	require.Equal(t, []int{3, 4, 8}, s.Shape())
	x, _ = first(t, s, 2)
	require.InDelta(t, 1, x[3*4*8], 1e-6, "the whole width of the wide one: its left is white")
}

func TestScalingDownAverages(t *testing.T) {
	board := gray(64, 64, 0)
	for y := range 64 {
		for x := range 64 {
			board.Pix[64*y+x] = byte(255 * ((x + y) % 2))
		}
	}
	dir := t.TempDir()
	write(t, dir, "board.png", asPNG(board))
	x, _ := first(t, open(t, dir, Options{Size: 8}), 1)
	for _, v := range x {
		require.InDelta(t, 0, v, 0.02, "black and white make gray")
	}
}

func TestTransparencyShowsWhite(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.png", asPNG(colour(4, 4, color.NRGBA{R: 255, A: 0})))
	x, _ := first(t, open(t, dir, Options{}), 1)
	for _, v := range x {
		require.InDelta(t, 1, v, 1e-6)
	}
}

func TestSubfoldersAreClasses(t *testing.T) {
	dir := t.TempDir()
	for name, v := range map[string]byte{"cat/1.png": 10, "cat/more/2.png": 20, "ant/3.png": 30, "bee/4.png": 40} {
		write(t, dir, name, asPNG(gray(2, 2, v)))
	}
	s := open(t, dir, Options{})
	require.Equal(t, &Labels{Count: 3, Names: []string{"ant", "bee", "cat"}}, s.Labels())
	x, labels := first(t, s, 4)
	require.Equal(t, []int64{0, 1, 2, 2}, labels)
	for i, v := range []float32{30, 40, 10, 20} {
		require.InDelta(t, v/127.5-1, x[4*i], 1e-6)
	}
	require.Nil(t, open(t, dir, Options{Labels: NoLabels}).Labels())

	numbered := t.TempDir()
	for _, name := range []string{"10/a.png", "2/a.png", "1/a.png"} {
		write(t, numbered, name, asPNG(gray(2, 2, 0)))
	}
	require.Equal(t, []string{"1", "2", "10"}, open(t, numbered, Options{}).Labels().Names, "numbers in their order")

	loose := write(t, dir, "loose.png", asPNG(gray(2, 2, 0)))
	_, err := Open(dir, Options{})
	require.ErrorContains(t, err, loose)
	require.ErrorContains(t, err, "belong to no class")
	require.Equal(t, 5, open(t, dir, Options{Labels: NoLabels}).Len())
}

func TestTheCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		write(t, dir, string(rune('a'+i))+".png", asPNG(gray(10, 10, byte(i))))
	}
	for limit, kept := range map[int64]int{350: 3, -1: 0, 0: 10} {
		s := open(t, dir, Options{Cache: limit}).(*pictureSet)
		for range 2 {
			x, _ := first(t, s, 10)
			require.InDelta(t, 9/127.5-1, x[999], 1e-6)
		}
		count := 0
		for i := range s.cache {
			if s.cache[i].Load() != nil {
				count++
			}
		}
		require.Equal(t, kept, count)
	}
}

func TestBadFolders(t *testing.T) {
	good := asPNG(gray(4, 4, 9))
	huge := encoded(gray(1, 1, 0), func(b *bytes.Buffer) error { return bmp.Encode(b, gray(1, 1, 0)) })
	binary.LittleEndian.PutUint32(huge[18:], 30_000)
	binary.LittleEndian.PutUint32(huge[22:], 30_000)
	for name, c := range map[string]struct {
		files map[string][]byte
		o     Options
		want  string
	}{
		"empty":       {nil, Options{}, "holds neither pictures"},
		"other":       {map[string][]byte{"a.md": []byte("x")}, Options{}, "holds neither pictures"},
		"unsupported": {map[string][]byte{"a.png": good, "b.heic": good}, Options{}, "b.heic is of a kind that is not read"},
		"not a png":   {map[string][]byte{"a.png": good, "b.png": []byte("hello")}, Options{}, "b.png: begins like no picture"},
		"no bytes":    {map[string][]byte{"a.png": nil}, Options{}, "a.png: is empty"},
		"cut":         {map[string][]byte{"a.png": good[:20]}, Options{}, "a.png: ends early"},
		"bomb":        {map[string][]byte{"a.bmp": huge}, Options{}, "a.bmp: claims 30000 x 30000 pixels in"},
		"both":        {map[string][]byte{"a.png": good, "b.wav": good}, Options{}, "expected one of them"},
		"shape":       {map[string][]byte{"a.png": good}, Options{Shape: []int{2, 4, 4}}, "expected [1, h, w] or [3, h, w]"},
		"layout":      {map[string][]byte{"a.png": good}, Options{Layout: models.HWC}, "--layout HWC"},
		"one class":   {map[string][]byte{"a/a.png": good}, Options{Labels: OwnLabels}, "two sub-folders or more"},
		"too large":   {map[string][]byte{"a.png": good}, Options{Size: 10_000}, "at most 2^26 elements"},
	} {
		dir := t.TempDir()
		for file, content := range c.files {
			write(t, dir, file, content)
		}
		_, err := Open(dir, c.o)
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, dir, name)
	}
}

func TestAPictureThatBreaksLaterIsNamed(t *testing.T) {
	dir := t.TempDir()
	good := asPNG(gray(40, 40, 9))
	write(t, dir, "a.png", good)
	path := write(t, dir, "b.png", good)
	s := open(t, dir, Options{})
	x := make([]float32, Dim(s))
	write(t, dir, "b.png", good[:len(good)-20])
	require.NoError(t, s.Read(x, nil, []int64{0}))
	require.ErrorContains(t, s.Read(x, nil, []int64{1}), path+": has ")

	broken := bytes.Clone(good)
	broken[len(broken)-20] ^= 1 // in the compressed pixels: the checksum tells
	write(t, dir, "b.png", broken)
	require.ErrorContains(t, s.Read(x, nil, []int64{1}), path+": not a readable picture")

	fingerprint := open(t, filepath.Dir(path), Options{}).Fingerprint()
	write(t, dir, "b.png", good)
	require.NotEqual(t, fingerprint, open(t, dir, Options{}).Fingerprint())
}
