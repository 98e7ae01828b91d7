package render

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"slices"
)

// bins is the number of colours that a palette is chosen from: 5 bits a channel.
const bins = 1 << 15

// bin is a cell of the colour cube with what lies in it.
type bin struct {
	key   int
	count float64
	sum   [3]float64
}

// axis is the coarse value of one channel.
func (b *bin) axis(c int) int { return b.key >> (5 * (2 - c)) & 31 }

// palette chooses at most n colours for pictures by median cut (Heckbert, Color image quantization for frame buffer
// display, SIGGRAPH 1982): the box of colours with the largest extent times root of its pixels is halved until there are
// n boxes, whose means are the colours.
func palette(n int, pictures ...image.Image) color.Palette {
	cells := make([]bin, bins)
	for _, img := range pictures {
		each(img, func(_, _ int, r, g, b uint8) {
			cell := &cells[key(int(r), int(g), int(b))]
			cell.count++
			cell.sum[0] += float64(r)
			cell.sum[1] += float64(g)
			cell.sum[2] += float64(b)
		})
	}
	var used []bin
	for k, cell := range cells {
		if cell.count > 0 {
			cell.key = k
			used = append(used, cell)
		}
	}
	boxes := []box3{newBox3(used)}
	for len(boxes) < n {
		at := 0
		for i := range boxes {
			if boxes[i].score > boxes[at].score {
				at = i
			}
		}
		if boxes[at].score == 0 {
			break
		}
		low, high := boxes[at].halve()
		boxes[at] = newBox3(low)
		boxes = append(boxes, newBox3(high))
	}
	p := make(color.Palette, len(boxes))
	for i, box := range boxes {
		var sum [3]float64
		for _, b := range box.bins {
			for c := range sum {
				sum[c] += b.sum[c]
			}
		}
		p[i] = color.RGBA{uint8(sum[0]/box.count + 0.5), uint8(sum[1]/box.count + 0.5), uint8(sum[2]/box.count + 0.5), 255}
	}
	return p
}

func key(r, g, b int) int { return r>>3<<10 | g>>3<<5 | b>>3 }

// box3 is a part of the colour cube.
type box3 struct {
	bins    []bin
	count   float64 // pixels
	channel int     // along which it is longest
	score   float64 // its urgency to be halved; 0 where it holds one cell
}

func newBox3(bins []bin) box3 {
	b := box3{bins: bins}
	extent := 0
	for c := range 3 {
		lo, hi := 31, 0
		for i := range bins {
			v := bins[i].axis(c)
			lo, hi = min(lo, v), max(hi, v)
		}
		if hi-lo > extent {
			b.channel, extent = c, hi-lo
		}
	}
	for i := range bins {
		b.count += bins[i].count
	}
	b.score = float64(extent) * math.Sqrt(b.count)
	return b
}

// halve cuts a box at the median of its pixels along its longest channel; both parts hold at least one cell.
func (b *box3) halve() (low, high []bin) {
	slices.SortFunc(b.bins, func(p, q bin) int {
		return cmp.Or(cmp.Compare(p.axis(b.channel), q.axis(b.channel)), cmp.Compare(p.key, q.key))
	})
	cut, sum := 0, 0.0
	for cut < len(b.bins)-1 && sum < b.count/2 {
		sum += b.bins[cut].count
		cut++
	}
	return b.bins[:cut:cut], b.bins[cut:]
}

// each visits the pixels of a picture, transparent ones over white.
func each(img image.Image, visit func(x, y int, r, g, b uint8)) {
	bounds := img.Bounds()
	over := func(v, alpha uint8) uint8 { return uint8((int(v)*int(alpha) + 255*(255-int(alpha)) + 127) / 255) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			switch m := img.(type) {
			case *image.NRGBA:
				p := m.Pix[m.PixOffset(x, y):]
				visit(x, y, over(p[0], p[3]), over(p[1], p[3]), over(p[2], p[3]))
			case *image.RGBA: // plots: opaque
				p := m.Pix[m.PixOffset(x, y):]
				visit(x, y, p[0], p[1], p[2])
			default:
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				visit(x, y, over(c.R, c.A), over(c.G, c.A), over(c.B, c.A))
			}
		}
	}
}

// remap draws a picture with the colours of a palette. With dither the error of each pixel is handed to its neighbours
// (Floyd and Steinberg, 1976), which keeps smooth shades smooth.
func remap(img image.Image, p color.Palette, dither bool) *image.Paletted {
	bounds := img.Bounds()
	out := image.NewPaletted(bounds, p)
	nearest := make([]int16, bins) // index+1 by coarse colour
	colours := make([][3]int, len(p))
	for i, c := range p {
		v := c.(color.RGBA)
		colours[i] = [3]int{int(v.R), int(v.G), int(v.B)}
	}
	width := bounds.Dx()
	current, next := make([][3]int, width+2), make([][3]int, width+2) // errors in sixteenths, one pixel of margin
	row := bounds.Min.Y
	each(img, func(x, y int, r, g, b uint8) {
		if y != row {
			row = y
			current, next = next, current
			clear(next)
		}
		i := x - bounds.Min.X
		want := [3]int{int(r), int(g), int(b)}
		if dither {
			for c := range want {
				want[c] = min(max(want[c]+current[i+1][c]/16, 0), 255)
			}
		}
		k := key(want[0], want[1], want[2])
		if nearest[k] == 0 {
			nearest[k] = int16(closest(colours, want) + 1)
		}
		index := int(nearest[k] - 1)
		out.Pix[(y-bounds.Min.Y)*out.Stride+i] = uint8(index)
		if dither {
			for c := range want {
				e := want[c] - colours[index][c]
				current[i+2][c] += 7 * e
				next[i][c] += 3 * e
				next[i+1][c] += 5 * e
				next[i+2][c] += e
			}
		}
	})
	return out
}

// closest is the palette's colour at the least distance.
func closest(colours [][3]int, want [3]int) int {
	best, least := 0, math.MaxInt
	for i, c := range colours {
		r, g, b := c[0]-want[0], c[1]-want[1], c[2]-want[2]
		if d := r*r + g*g + b*b; d < least {
			best, least = i, d
		}
	}
	return best
}
