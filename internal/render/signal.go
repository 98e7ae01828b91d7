package render

import (
	"fmt"
	"image"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A plot of signals shows the first maxSignals samples, one below the other, each with at most maxLines channels.
const (
	maxSignals = 6
	maxLines   = 4
)

// maxColumns is the detail that a line plot keeps of a signal: lowest and highest value in so many parts.
const maxColumns = 700

// signals collects one-dimensional signals, in the detail that a plot can show.
type signals struct {
	meta         Meta
	channels     int // of a sample; maxLines are drawn
	length, rate int
	shownN       int
	times        []float64
	end          [][]float32   // by sample, channels one after the other
	way          [][][]float32 // by time and sample
	note         []string
}

func newSignals(r *request, frames int) *signals {
	s := &signals{meta: r.Meta, channels: 1, length: r.Shape[0], rate: r.Rate, times: r.Times[:frames]}
	if r.Layout == CL {
		s.channels, s.length = r.Shape[0], r.Shape[1]
	}
	s.shownN = min(r.n, maxSignals)
	s.note = shownNote(s.shownN, r.n)
	if s.channels > maxLines {
		s.note = append(s.note, fmt.Sprintf("shows the first %d of %d channels", maxLines, s.channels))
	}
	s.end = make([][]float32, s.shownN)
	s.way = make([][][]float32, frames)
	for i := range s.way {
		s.way[i] = make([][]float32, s.shownN)
	}
	return s
}

// keep reduces a sample to what is drawn of it.
func (s *signals) keep(x []float32) []float32 {
	var kept []float32
	for c := range min(s.channels, maxLines) {
		kept = append(kept, outline(x[c*s.length:(c+1)*s.length])...)
	}
	return kept
}

// outline keeps a short signal as it is, and of a long one the lowest and highest value of each part.
func outline(x []float32) []float32 {
	if len(x) <= 2*maxColumns {
		return x
	}
	kept := make([]float32, 0, 2*maxColumns)
	for i := range maxColumns {
		part := x[i*len(x)/maxColumns : (i+1)*len(x)/maxColumns]
		lo, hi := part[0], part[0]
		for _, v := range part {
			lo, hi = min(lo, v), max(hi, v)
		}
		kept = append(kept, lo, hi)
	}
	return kept
}

func (s *signals) add(first int, x []float32) { s.fill(s.end, first, x) }

func (s *signals) shown() int {
	if len(s.way) == 0 {
		return 0
	}
	return s.shownN
}

func (s *signals) record(frame, first int, x []float32) { s.fill(s.way[frame], first, x) }

func (s *signals) fill(dst [][]float32, first int, x []float32) {
	size := s.channels * s.length
	for k := first; k < s.shownN && len(x) > 0; k++ {
		dst[k] = append([]float32(nil), s.keep(x[:size])...)
		x = x[size:]
	}
}

func (s *signals) notes() []string { return s.note }

func (s *signals) draw() image.Image { return s.figure(s.end, s.meta.Title).raster(stillDPI) }

func (s *signals) svg(w io.Writer, m Meta) error { return s.figure(s.end, s.meta.Title).writeSVG(w, m) }

func (s *signals) frames() []image.Image {
	return drawFigures(len(s.way), func(i int) *figure {
		return s.figure(s.way[i], fmt.Sprintf("t = %.2f", s.times[i]))
	})
}

// figure draws the samples with one scale, that of the final ones.
func (s *signals) figure(samples [][]float32, title string) *figure {
	var all []float64
	for _, x := range s.end {
		all = append(all, column(x, 1, 0)...)
	}
	lo, hi := interval(all)
	margin := 0.05 * (hi - lo)
	f := &figure{height: vg.Length(len(samples))*0.8*vg.Inch + 0.4*vg.Inch}
	if len(samples) < 3 {
		f.height = vg.Length(len(samples))*1.4*vg.Inch + 0.4*vg.Inch
	}
	for i, x := range samples {
		p := newPlot("")
		p.X.Min, p.X.Max = 0, float64(max(s.length-1, 1))
		if s.rate > 0 {
			p.X.Max /= float64(s.rate)
		}
		p.Y.Min, p.Y.Max = lo-margin, hi+margin
		p.Y.Tick.Marker = ticks{niceStep((hi - lo) / 3)}
		if i == 0 {
			p.Title.Text = title
		}
		if i < len(samples)-1 {
			p.X.Tick.Marker = silent{}
			p.X.Tick.Label.Font.Size = 1
		} else if s.rate > 0 {
			p.X.Label.Text = "seconds"
		}
		p.Add(&lines{x, min(s.channels, maxLines)})
		f.panels = append(f.panels, p)
	}
	return f
}

// silent marks the ticks without saying their values. The blank label makes them major ones, which have grid lines.
type silent struct{}

func (silent) Ticks(lo, hi float64) []plot.Tick {
	list := ticks{}.Ticks(lo, hi)
	for i := range list {
		list[i].Label = " "
	}
	return list
}

// lines draws the channels of one sample.
type lines struct {
	x        []float32
	channels int
}

func (l *lines) Plot(c draw.Canvas, p *plot.Plot) {
	at := place(c, p)
	n := len(l.x) / l.channels
	for channel := range l.channels {
		var track []vg.Point
		for i, v := range l.x[channel*n : (channel+1)*n] {
			if finite(v) {
				x := p.X.Min + (p.X.Max-p.X.Min)*float64(i)/float64(max(n-1, 1))
				track = append(track, at(float32(x), v))
			}
		}
		// In pieces: the rasterizer's time grows with the square of how often one line crosses a row of pixels.
		const piece = 32
		for len(track) > 1 {
			stroke(c, track[:min(piece+1, len(track))], classColour(channel, l.channels), 0.7)
			track = track[min(piece, len(track)-1):]
		}
	}
}
