package render

import (
	"fmt"
	"image"
	"io"
	"math"
)

// padding is the white space around the tiles of a grid, in pixels.
const padding = 2

// A grid shows at most maxTiles samples and takes at most maxPixels pixels (64 MB in colour).
const (
	maxTiles  = 400
	maxPixels = 1 << 24
)

// sheet is an image of equal tiles, filled in any order, different tiles from different goroutines too.
type sheet struct {
	raster        raster
	columns, rows int
	scale, pad    int
	gray          *image.Gray // one of the two
	colour        *image.NRGBA
	pix           []uint8
	stride, bytes int
}

func newSheet(r raster, columns, rows, scale, pad int) *sheet {
	s := &sheet{raster: r, columns: columns, rows: rows, scale: scale, pad: pad}
	w, h := s.cell()
	bounds := image.Rect(0, 0, columns*w+pad, rows*h+pad)
	var paper uint8 = 255
	switch r.colours() {
	case 1:
		s.gray = image.NewGray(bounds)
		s.pix, s.stride, s.bytes = s.gray.Pix, s.gray.Stride, 1
	case 4:
		paper = 0 // transparent, as the tiles may be
		fallthrough
	default:
		s.colour = image.NewNRGBA(bounds)
		s.pix, s.stride, s.bytes = s.colour.Pix, s.colour.Stride, 4
	}
	if paper != 0 && (pad > 0 || columns*rows > 1) {
		for i := range s.pix {
			s.pix[i] = paper
		}
	}
	return s
}

// cell is the size of a tile with the padding on one side.
func (s *sheet) cell() (width, height int) {
	w, h := s.raster.size()
	return w*s.scale + s.pad, h*s.scale + s.pad
}

func (s *sheet) image() image.Image {
	if s.gray != nil {
		return s.gray
	}
	return s.colour
}

// draw fills one tile, counted row by row, from the numbers of one picture.
func (s *sheet) draw(tile int, x []float32) {
	cw, ch := s.cell()
	w, h := s.raster.size()
	top := (tile/s.columns)*ch + s.pad
	left := (tile%s.columns)*cw + s.pad
	for row := range h {
		begin := (top+row*s.scale)*s.stride + left*s.bytes
		line := s.pix[begin : begin+w*s.scale*s.bytes]
		to := 0
		for column := range w {
			s.raster.pixel(line[to:to+s.bytes], x, row, column)
			to += s.bytes
			for range s.scale - 1 {
				copy(line[to:to+s.bytes], line[to-s.bytes:to])
				to += s.bytes
			}
		}
		for range s.scale - 1 {
			begin += s.stride
			copy(s.pix[begin:], line)
		}
	}
}

// columnsFor arranges n tiles of the given size: about as wide as high, with few gaps in the last row; where the classes
// go round in order, one column for each if that does not make it much higher than wide.
func columnsFor(n, width, height, classes int) int {
	if rows := (n + classes - 1) / max(classes, 1); classes >= 4 && classes <= 20 && n >= 2*classes && rows*height <= 2*classes*width {
		return classes
	}
	ideal := math.Sqrt(float64(n) * float64(height) / float64(width))
	best, fewest := 0, n
	for c := max(int(math.Ceil(ideal-1e-9)), 1); c <= max(int(ideal*1.6), int(math.Ceil(ideal))); c++ {
		if gaps := (c - n%c) % c; gaps < fewest || best == 0 {
			best, fewest = c, gaps
		}
	}
	return min(max(best, 1), n)
}

// scene is what can be drawn as one picture once all samples are there.
type scene interface {
	add(first int, x []float32)
	notes() []string
	draw() image.Image
	svg(w io.Writer, m Meta) error
}

// pictures is a grid of pictures.
type pictures struct {
	sheet *sheet
	shown int
	size  int
	note  []string
}

func newPictures(r *request) *pictures {
	raster, note := newRaster(&r.Samples)
	p := &pictures{size: r.Size(), shown: 1}
	if note != "" {
		p.note = append(p.note, note)
	}
	if r.single {
		p.sheet = newSheet(raster, 1, 1, 1, 0)
		return p
	}
	scale := raster.enlargement()
	p.shown = fitting(r.n, maxTiles, maxPixels, raster, scale)
	p.note = append(p.note, shownNote(p.shown, r.n)...)
	w, h := raster.size()
	columns := min(r.Columns, p.shown)
	if columns == 0 {
		columns = columnsFor(p.shown, w, h, len(r.Labels))
	}
	pad := padding
	if p.shown == 1 {
		pad = 0
	}
	p.sheet = newSheet(raster, columns, (p.shown+columns-1)/columns, scale, pad)
	return p
}

// fitting is how many tiles fit into a number of pixels; at least one.
func fitting(n, tiles, pixels int, r raster, scale int) int {
	w, h := r.size()
	one := (w*scale + padding) * (h*scale + padding)
	return max(min(n, tiles, pixels/one), 1)
}

func shownNote(shown, n int) []string {
	if shown == n {
		return nil
	}
	return []string{fmt.Sprintf("shows the first %d of %d samples; %%d in the name writes a file for each, .npy holds all", shown, n)}
}

func (p *pictures) add(first int, x []float32) {
	for k := first; k < p.shown && len(x) > 0; k++ {
		p.sheet.draw(k, x[:p.size])
		x = x[p.size:]
	}
}

func (p *pictures) notes() []string   { return p.note }
func (p *pictures) draw() image.Image { return p.sheet.image() }

func (p *pictures) svg(w io.Writer, m Meta) error { return embedSVG(w, p.draw(), m) }
