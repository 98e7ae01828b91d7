package render

import (
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

func (c *cloud) draw() image.Image { return c.still().raster(stillDPI) }

func (c *cloud) svg(w io.Writer, m Meta) error { return c.still().writeSVG(w, m) }

// still is the plot of the end points: in two dimensions where they lie; in one, how they are distributed, or where
// their way is known, how they came there.
func (c *cloud) still() *figure {
	b := c.view()
	switch {
	case c.dims == 2:
		return c.scatter(c.end, b, len(c.way) > 0, c.meta.Title)
	case len(c.way) > 0:
		return c.paths(b)
	}
	return c.histogram(c.end, b, 0, c.meta.Title)
}

// frames are the plots of all states, with the same axes.
func (c *cloud) frames() []image.Image {
	b := c.view()
	top := 0.0
	if c.dims == 1 {
		for _, state := range c.way {
			_, highest := c.counts(state, b)
			top = max(top, highest)
		}
	}
	return drawFigures(len(c.way), func(i int) *figure {
		title := fmt.Sprintf("t = %.2f", c.times[i])
		if c.dims == 2 {
			return c.scatter(c.way[i], b, false, title)
		}
		return c.histogram(c.way[i], b, top, title)
	})
}

// drawFigures draws the n figures of an animation with the colours that the first and the last have.
func drawFigures(n int, figure func(i int) *figure) []image.Image {
	first, last := figure(0).raster(reelDPI), figure(n-1).raster(reelDPI)
	colours := palette(256, first, last)
	frames := make([]image.Image, n)
	for i := range frames {
		img := last
		switch i {
		case n - 1:
		case 0:
			img = first
		default:
			img = figure(i).raster(reelDPI)
		}
		frames[i] = remap(img, colours, false)
	}
	return frames
}

// scatter draws points of the plane, over their ways if so asked.
func (c *cloud) scatter(points []float32, b box, behind bool, title string) *figure {
	p := newPlot(title)
	f := &figure{panels: []*plot.Plot{p}}
	dense := len(points)/2 > denseFrom
	if !dense {
		f.setLegend(c.classes)
	}
	f.equal(b)
	if behind {
		p.Add(&ways{c})
	}
	if dense {
		p.Add(&density{points})
	} else {
		p.Add(&dots{c, points, 1})
	}
	return f
}

// place maps data to a canvas, in its lengths from the left and the bottom.
func place(c draw.Canvas, p *plot.Plot) func(x, y float32) vg.Point {
	tx, ty := p.Transforms(&c)
	return func(x, y float32) vg.Point { return vg.Point{X: tx(float64(x)), Y: ty(float64(y))} }
}

// dots draws a disc for each point, smaller and more transparent the more there are.
type dots struct {
	c      *cloud
	points []float32
	size   float64 // of the discs; 1 in a figure of full width
}

// style is the radius in points of length and the opacity for n dots.
func (d *dots) style() (radius, opacity float64) {
	n := float64(len(d.points) / 2)
	crowd := min(max(math.Log10(n/100)/math.Log10(denseFrom/100), 0), 1)
	return d.size * (2.2 - 1.3*crowd), 0.9 - 0.55*crowd
}

func (d *dots) Plot(c draw.Canvas, p *plot.Plot) {
	at := place(c, p)
	radius, opacity := d.style()
	if _, pixels := c.Canvas.(*vgimg.Canvas); pixels || len(d.points)/2 > maxVector {
		overlay(c, func(layer *image.RGBA, scale float64, pixel func(vg.Point) (x, y float64)) {
			for i := 0; i < len(d.points); i += 2 {
				x, y := pixel(at(d.points[i], d.points[i+1]))
				stamp(layer, x, y, radius*scale, opacity, d.colour(i/2))
			}
		})
		return
	}
	for i := 0; i < len(d.points); i += 2 {
		x, y := d.points[i], d.points[i+1]
		if (box{p.X.Min, p.X.Max, p.Y.Min, p.Y.Max}).has(float64(x), float64(y)) {
			colour := d.colour(i / 2)
			colour.A = uint8(opacity*255 + 0.5)
			c.SetColor(colour)
			c.Fill(disc(at(x, y), vg.Length(radius)))
		}
	}
}

func (d *dots) colour(point int) color.NRGBA {
	return classColour(d.c.classOf(point), len(d.c.classes))
}

// stamp draws a disc into an image, each pixel weighted with how much of it the disc covers.
func stamp(img *image.RGBA, cx, cy, radius, opacity float64, colour color.NRGBA) {
	const far = 1e6
	if !(math.Abs(cx) < far && math.Abs(cy) < far) { // NaN is not
		return
	}
	square := image.Rect(int(cx-radius-1), int(cy-radius-1), int(cx+radius+2), int(cy+radius+2)).Intersect(img.Rect)
	for y := square.Min.Y; y < square.Max.Y; y++ {
		for x := square.Min.X; x < square.Max.X; x++ {
			distance := math.Hypot(float64(x)+0.5-cx, float64(y)+0.5-cy)
			cover := min(radius+0.5-distance, 1) * opacity
			if cover <= 0 {
				continue
			}
			pixel := img.Pix[img.PixOffset(x, y):]
			for k, v := range [4]uint8{colour.R, colour.G, colour.B, 255} { // premultiplied
				pixel[k] = uint8(float64(v)*cover + float64(pixel[k])*(1-cover) + 0.5)
			}
		}
	}
}

// overlay draws pixels over a canvas: into the image behind it, or as an image in a vector file. paint gets a layer that
// covers the canvas, its pixels in a point, and where a place on the canvas is in the layer.
func overlay(c draw.Canvas, paint func(layer *image.RGBA, scale float64, pixel func(vg.Point) (x, y float64))) {
	raster, ok := c.Canvas.(*vgimg.Canvas)
	if !ok {
		const scale = 2
		size := c.Size()
		layer := image.NewRGBA(image.Rect(0, 0, int(math.Ceil(size.X.Points()*scale)), int(math.Ceil(size.Y.Points()*scale))))
		paint(layer, scale, func(v vg.Point) (x, y float64) {
			return (v.X - c.Min.X).Points() * scale, (c.Max.Y - v.Y).Points() * scale
		})
		rect := c.Rectangle
		rect.Max.X = rect.Min.X + vg.Length(layer.Rect.Dx())/scale
		rect.Min.Y = rect.Max.Y - vg.Length(layer.Rect.Dy())/scale
		c.DrawImage(rect, layer)
		return
	}
	img := raster.Image()
	scale := raster.DPI() / vg.Inch.Points()
	height := float64(img.Bounds().Dy())
	left, top := math.Floor(c.Min.X.Points()*scale), math.Floor(height-c.Max.Y.Points()*scale)
	right, bottom := math.Ceil(c.Max.X.Points()*scale), math.Ceil(height-c.Min.Y.Points()*scale)
	layer := image.NewRGBA(image.Rect(0, 0, int(right-left), int(bottom-top)))
	paint(layer, scale, func(v vg.Point) (x, y float64) {
		return v.X.Points()*scale - left, height - v.Y.Points()*scale - top
	})
	imagedraw.Draw(img, layer.Rect.Add(image.Pt(int(left), int(top))), layer, image.Point{}, imagedraw.Over)
}

// ways draws where the points came from.
type ways struct{ c *cloud }

func (w *ways) Plot(c draw.Canvas, p *plot.Plot) {
	at := place(c, p)
	n := min(len(w.c.way[0])/2, maxPaths)
	for i := range n {
		var track []vg.Point
		for _, state := range w.c.way {
			if x, y := state[2*i], state[2*i+1]; finite(x) && finite(y) {
				track = append(track, at(x, y))
			}
		}
		stroke(c, track, pathColour(n), 0.5)
	}
}

// pathColour is fainter the more paths there are.
func pathColour(paths int) color.NRGBA {
	return color.NRGBA{0x60, 0x68, 0x78, uint8(255 * min(max(40/float64(paths), 0.18), 0.6))}
}

// stroke draws a polyline, clipped to the canvas.
func stroke(c draw.Canvas, track []vg.Point, colour color.Color, width vg.Length) {
	c.StrokeLines(draw.LineStyle{Color: colour, Width: width}, c.ClipLinesXY(track)...)
}
