package render

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math"

	"github.com/kettek/apng"
)

// An animation of a walk shows at most maxFrames+1 states in about walkSeconds, then holds the last.
const (
	maxFrames   = 40
	walkSeconds = 2.4
	holdSeconds = 1.5
)

// maxReel is about how many pixels all frames of an animation have together (64 MB in colour).
const maxReel = 1 << 24

// maxCell is the size above which pictures are made smaller in an animation.
const maxCell = 256

// defaultFPS is the speed of video whose model does not tell it.
const defaultFPS = 10

// FrameSteps chooses which states of a walk of so many steps an animation shows, evenly: 0 is the start, steps the end.
// It gives all of them up to 40 steps and 41 of them beyond.
func FrameSteps(steps int) []int { return spread(steps+1, maxFrames+1) }

// reel is what an animation is made of.
type reel interface {
	add(first int, x []float32)
	notes() []string
	frames() []image.Image // gray, NRGBA, or Paletted with one palette
}

// animation is the body of a file of moving pictures.
type animation struct {
	reel
	seconds func(frame int) float64 // how long it is shown
	meta    Meta
	encode  func(w io.Writer, frames []image.Image, seconds func(int) float64, m Meta) error
}

// walk is an animation whose frames are states on the way.
type walk struct {
	*animation
	recorder
}

func openGIF(r *request) (body, error)  { return newAnimation(r, encodeGIF) }
func openAPNG(r *request) (body, error) { return newAnimation(r, encodeAPNG) }

func newAnimation(r *request, encode func(io.Writer, []image.Image, func(int) float64, Meta) error) (body, error) {
	a := &animation{meta: r.Meta, encode: encode}
	if r.kind == video {
		fps := r.FPS
		if fps <= 0 {
			fps = defaultFPS
		}
		a.reel = newFilm(r)
		a.seconds = func(int) float64 { return 1 / fps }
		return a, nil
	}
	frames := len(r.Times)
	if frames == 0 {
		return nil, errNoTimes
	}
	a.seconds = func(frame int) float64 {
		if frame == frames-1 {
			return holdSeconds
		}
		return min(max(walkSeconds/float64(frames), 0.04), 0.25)
	}
	switch r.kind {
	case picture:
		f := newFilm(r)
		a.reel = f
		return walk{a, f}, nil
	case signal:
		s := newSignals(r, frames)
		a.reel = s
		return walk{a, s}, nil
	default:
		c := newCloud(r, frames)
		if c.wayN < r.n {
			c.note = shownNote(c.wayN, r.n)
		}
		a.reel = c
		return walk{a, c}, nil
	}
}

func (a *animation) write(_ io.Writer, first int, x []float32) error {
	a.add(first, x)
	return nil
}

func (a *animation) finish(w io.Writer) error { return a.encode(w, a.frames(), a.seconds, a.meta) }

// film is a grid of pictures for each frame: the states of a walk, or the frames of video.
type film struct {
	sheets []*sheet
	video  bool
	shownN int
	size   int
	note   []string
}

func newFilm(r *request) *film {
	raster, note := newRaster(&r.Samples)
	f := &film{video: r.kind == video, size: r.Size()}
	count := len(r.Times)
	if f.video {
		count = raster.frames
	}
	if note != "" {
		f.note = append(f.note, note)
	}
	raster.shrink = (max(raster.width, raster.height) + maxCell - 1) / maxCell
	scale := raster.enlargement()
	f.shownN = fitting(r.n, 64, maxReel/count, raster, scale)
	f.note = append(f.note, shownNote(f.shownN, r.n)...)
	pad := padding
	if f.shownN == 1 {
		pad = 0
	}
	w, h := raster.size()
	columns := columnsFor(f.shownN, w, h, len(r.Labels))
	for range count {
		f.sheets = append(f.sheets, newSheet(raster, columns, (f.shownN+columns-1)/columns, scale, pad))
	}
	return f
}

func (f *film) shown() int {
	if f.video {
		return 0
	}
	return f.shownN
}

func (f *film) record(frame, first int, x []float32) {
	for k := first; len(x) > 0; k++ {
		f.sheets[frame].draw(k, x[:f.size])
		x = x[f.size:]
	}
}

func (f *film) add(first int, x []float32) {
	if !f.video {
		return // the last state was recorded
	}
	for k := first; k < f.shownN && len(x) > 0; k++ {
		for t, s := range f.sheets {
			s.draw(k, s.raster.frame(x[:f.size], t))
		}
		x = x[f.size:]
	}
}

func (f *film) notes() []string { return f.note }

func (f *film) frames() []image.Image {
	list := make([]image.Image, len(f.sheets))
	for i, s := range f.sheets {
		list[i] = s.image()
	}
	return list
}

// encodeGIF gives gray frames a palette of 256 grays, and each colour frame a palette of its own.
func encodeGIF(w io.Writer, frames []image.Image, seconds func(int) float64, _ Meta) error {
	var grays color.Palette
	for i := range 256 {
		grays = append(grays, color.RGBA{uint8(i), uint8(i), uint8(i), 255})
	}
	g := &gif.GIF{}
	elapsed, shown := 0.0, 0
	for i, frame := range frames {
		var p *image.Paletted
		switch m := frame.(type) {
		case *image.Paletted:
			p = m
		case *image.Gray:
			p = &image.Paletted{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect, Palette: grays}
		default:
			p = remap(frame, palette(256, frame), true)
		}
		g.Image = append(g.Image, p)
		// Delays are whole hundredths of a second: rounding the running time keeps the speed. Below 2 viewers slow down.
		elapsed += seconds(i)
		delay := max(int(math.Round(100*elapsed))-shown, 2)
		shown += delay
		g.Delay = append(g.Delay, delay)
	}
	return gif.EncodeAll(w, g)
}

func encodeAPNG(w io.Writer, frames []image.Image, seconds func(int) float64, m Meta) error {
	var a apng.APNG
	for i, frame := range frames {
		milliseconds := max(math.Round(1000*seconds(i)), 1)
		if milliseconds > math.MaxUint16 {
			return fmt.Errorf("a frame is shown for %v seconds, expected at most 65", seconds(i))
		}
		a.Frames = append(a.Frames, apng.Frame{Image: frame, DelayNumerator: uint16(milliseconds), DelayDenominator: 1000})
	}
	return apng.Encode(&annotated{w: w, fields: m.Text}, a)
}
