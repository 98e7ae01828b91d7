package render

import (
	"fmt"
	"image"
	"io"
)

// A contact sheet has a row for each sample, of at most maxRows, and at most maxColumnFrames frames from left to right.
const (
	maxRows         = 16
	maxColumnFrames = 8
)

// contact is a sheet of some frames of each sample: of video, or of a picture's way from noise.
type contact struct {
	sheet  *sheet
	video  bool
	rows   int
	frames []int // shown, in the columns
	size   int
	note   []string
}

// newContact lays out video, or pictures at so many times.
func newContact(r *request, times int) *contact {
	raster, note := newRaster(&r.Samples)
	c := &contact{video: r.kind == video, size: r.Size()}
	if note != "" {
		c.note = append(c.note, note)
	}
	total := times
	if c.video {
		total = raster.frames
	}
	c.frames = spread(total, maxColumnFrames)
	if c.video && len(c.frames) < total {
		c.note = append(c.note, fmt.Sprintf("shows %d of %d frames of each sample; .gif and .apng show all", len(c.frames), total))
	}
	scale := raster.enlargement()
	c.rows = fitting(r.n, maxRows, maxPixels/len(c.frames), raster, scale)
	c.note = append(c.note, shownNote(c.rows, r.n)...)
	c.sheet = newSheet(raster, len(c.frames), c.rows, scale, padding)
	return c
}

// spread chooses at most k of n things, evenly, with the first and the last.
func spread(n, k int) []int {
	list := make([]int, min(n, k))
	for i := range list {
		if gaps := len(list) - 1; gaps > 0 {
			list[i] = (2*i*(n-1) + gaps) / (2 * gaps)
		}
	}
	return list
}

func (c *contact) add(first int, x []float32) {
	if !c.video {
		return // the last state was recorded
	}
	for k := first; k < c.rows && len(x) > 0; k++ {
		for column, t := range c.frames {
			c.sheet.draw(k*len(c.frames)+column, c.sheet.raster.frame(x[:c.size], t))
		}
		x = x[c.size:]
	}
}

func (c *contact) shown() int { return c.rows }

func (c *contact) record(frame, first int, x []float32) {
	for column, t := range c.frames {
		for k := first; t == frame && len(x) > 0; k++ {
			c.sheet.draw(k*len(c.frames)+column, x[:c.size])
			x = x[c.size:]
		}
	}
}

func (c *contact) notes() []string   { return c.note }
func (c *contact) draw() image.Image { return c.sheet.image() }

func (c *contact) svg(w io.Writer, m Meta) error { return embedSVG(w, c.draw(), m) }
