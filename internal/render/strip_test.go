package render

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var letters = strings.Split("abcdefghijklmnopqrstuvwxyz \n", "")

// moments adds n moments of noise.
func moments(t *testing.T, s Samples, each, n int) *Strip {
	t.Helper()
	strip, err := NewStrip(s, each)
	require.NoError(t, err)
	for k := range n {
		strip.Add(Moment{k, fmt.Sprintf("step %d", 100*k), noise(uint64(k), each*s.Size())})
	}
	return strip
}

func titles(s *Strip) (list []string) {
	for _, m := range s.kept {
		list = append(list, m.Title)
	}
	return list
}

func TestAStripIsDrawnOfEveryKind(t *testing.T) {
	for name, c := range map[string]struct {
		s    Samples
		each int
	}{
		"points":           {Samples{Shape: []int{2}, Layout: Points}, 100},
		"classes":          {Samples{Shape: []int{2}, Layout: Points, Labels: []string{"a", "b"}}, 100},
		"a line":           {Samples{Shape: []int{1}, Layout: Points}, 100},
		"several a sample": {Samples{Shape: []int{5, 3}, Layout: Points}, 100},
		"gray":             {Samples{Shape: []int{1, 28, 28}, Layout: CHW}, 10},
		"colour":           {Samples{Shape: []int{8, 8, 3}, Layout: HWC}, 4},
		"video":            {Samples{Shape: []int{6, 1, 8, 8}, Layout: TCHW}, 4},
		"sound":            {Samples{Shape: []int{2, 400}, Layout: CL, Rate: 8000}, 3},
		"text":             {Samples{Shape: []int{64, len(letters)}, Vocabulary: letters}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, moments(t, c.s, c.each, 5).Write(&b, Meta{Text: []Field{{"model", "x"}}}))
			require.Contains(t, b.String(), "model\x00x")
			_, err := png.Decode(&b)
			require.NoError(t, err)
			moments(t, c.s, c.each, 1).draw()
		})
	}
	_, err := NewStrip(Samples{Shape: []int{2}, Layout: CHW}, 4)
	require.ErrorContains(t, err, "layout CHW does not fit")
}

func TestAStripKeepsEvenlySpreadMomentsAndTheLast(t *testing.T) {
	s := Samples{Shape: []int{1, 2, 2}, Layout: CHW}
	require.Equal(t, []string{"step 0", "step 100", "step 200"}, titles(moments(t, s, 1, 3)))
	long := moments(t, s, 1, 30)
	spread := []string{"step 0", "step 400", "step 800", "step 1200", "step 1600", "step 2000", "step 2400", "step 2800", "step 2900"}
	require.Equal(t, spread, titles(long))
	row := moments(t, s, 1, 1).draw().Bounds().Dy()
	require.Equal(t, len(spread)*row, long.draw().Bounds().Dy())
	require.LessOrEqual(t, len(moments(t, s, 1, 10_000).kept), mostMoments)
}

// What a strip has kept is enough to go on with it.
func TestAStripGoesOnFromItsMoments(t *testing.T) {
	s := Samples{Shape: []int{1, 2, 2}, Layout: CHW}
	for _, stop := range []int{1, 5, 12, 13, 14, 24, 25, 29} {
		before := moments(t, s, 1, stop)
		after, err := NewStrip(s, 1)
		require.NoError(t, err)
		for _, m := range before.Moments() {
			after.Add(m)
		}
		for k := stop; k < 30; k++ {
			after.Add(Moment{k, fmt.Sprintf("step %d", 100*k), noise(uint64(k), 4)})
		}
		require.Equal(t, moments(t, s, 1, 30).kept, after.kept, "stopped after %d", stop)
	}
}

// A row's pictures are those of a grid; what was given may change afterwards.
func TestARowOfAStripHoldsThePictures(t *testing.T) {
	strip, err := NewStrip(Samples{Shape: []int{1, 64, 64}, Layout: CHW}, 2)
	require.NoError(t, err)
	x := make([]float32, 2*64*64)
	for i := range x {
		x[i] = -1
	}
	strip.Add(Moment{0, "step 1", x})
	for i := range x {
		x[i] = 1
	}
	strip.Add(Moment{1, "step 2", x})
	img := strip.draw()
	left, row := pixels(labelWidth), img.Bounds().Dy()/2
	for k := range 2 {
		at := image.Pt(left+padding+k*(64+padding)+10, 20)
		r, _, _, _ := img.At(at.X, at.Y).RGBA()
		require.Zero(t, r, "black")
		r, _, _, _ = img.At(at.X, at.Y+row).RGBA()
		require.EqualValues(t, 0xffff, r, "white")
	}
}

func TestAPageHasALineForEachText(t *testing.T) {
	p := newPage(&request{n: 2, Samples: Samples{Shape: []int{5}, Vocabulary: letters}})
	p.add(0, []float32{7, 4, 11, 11, 14, 22, 27, 17, 99, 3})
	require.Equal(t, "hello", p.lines[0])
	require.Contains(t, p.lines[1], "expected the index of a token")
	p = newPage(&request{n: 1, Samples: Samples{Shape: []int{3}, Vocabulary: letters}})
	p.add(0, []float32{0, 27, 1})
	require.Equal(t, []string{"a¶b"}, p.lines)
	long := newPage(&request{n: 100, Samples: Samples{Shape: []int{500}, Vocabulary: letters}})
	long.add(0, make([]float32, 100*500))
	require.Len(t, long.lines, maxTexts)
	require.Len(t, []rune(long.lines[0]), maxRunes)
	require.Equal(t, []string{"shows the first 64 of 100 samples; %d in the name writes a file for each, .npy holds all"}, long.notes())
}

// A grid whose columns are given, so that a class is a row.
func TestAGridHasTheColumnsAskedFor(t *testing.T) {
	r := &request{n: 30, kind: picture, Samples: Samples{Shape: []int{1, 28, 28}, Layout: CHW}, Options: Options{Columns: 10}}
	p := newPictures(r)
	require.Equal(t, 10, p.sheet.columns)
	require.Equal(t, 3, p.sheet.rows)
	r.n = 4
	require.Equal(t, 4, newPictures(r).sheet.columns, "not more than there are")
}
