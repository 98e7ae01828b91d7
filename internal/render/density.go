package render

import (
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// density draws many points as a smooth density: dark where they crowd.
type density struct{ points []float32 }

func (d *density) Plot(c draw.Canvas, p *plot.Plot) {
	at := place(c, p)
	overlay(c, func(layer *image.RGBA, scale float64, pixel func(vg.Point) (x, y float64)) {
		w, h := layer.Rect.Dx(), layer.Rect.Dy()
		counts := make([]float32, w*h)
		for i := 0; i < len(d.points); i += 2 {
			x, y := pixel(at(d.points[i], d.points[i+1]))
			if x >= 0 && x < float64(w) && y >= 0 && y < float64(h) { // NaN is not
				counts[int(y)*w+int(x)]++
			}
		}
		// Wide enough that single points do not show: the more points, the finer.
		n := float64(len(d.points) / 2)
		blur(counts, w, h, 1.6*scale*math.Pow(denseFrom/n, 0.25))
		shade(layer, counts)
	})
}

// blur convolves with three boxes, which together are close to a Gaussian of the given standard deviation.
func blur(field []float32, w, h int, sigma float64) {
	// A box of half width r has variance r(r+1)/3.
	r := max(int(math.Round((math.Sqrt(1+4*sigma*sigma)-1)/2)), 1)
	line := make([]float32, max(w, h))
	pass := func(begin, step, n int) {
		sum := float32(0)
		for i := range min(r, n) {
			sum += field[begin+i*step]
		}
		for i := range n {
			if i+r < n {
				sum += field[begin+(i+r)*step]
			}
			if i > r {
				sum -= field[begin+(i-r-1)*step]
			}
			line[i] = sum / float32(2*r+1)
		}
		for i := range n {
			field[begin+i*step] = line[i]
		}
	}
	for range 3 {
		for y := range h {
			pass(y*w, 1, w)
		}
		for x := range w {
			pass(x, w, h)
		}
	}
}

// shades run from few points, transparent, to many.
var shades = []color.NRGBA{
	{0xd6, 0xe4, 0xf2, 0}, {0xae, 0xcb, 0xe6, 255}, {0x6a, 0x9f, 0xd0, 255}, {0x2f, 0x6d, 0xb3, 255}, {0x16, 0x3f, 0x80, 255}, {0x07, 0x1d, 0x48, 255},
}

// shade colours a density; its brightest thousandth is all alike, so that one spike does not pale the rest.
func shade(layer *image.RGBA, density []float32) {
	var positive []float32
	for _, v := range density {
		if v > 1e-3 {
			positive = append(positive, v)
		}
	}
	if len(positive) == 0 {
		return
	}
	slices.Sort(positive)
	top := float64(positive[len(positive)-1-len(positive)/1000])
	for i, v := range density {
		level := math.Sqrt(min(max(float64(v)/top, 0), 1)) * float64(len(shades)-1)
		k := min(int(level), len(shades)-2)
		f := level - float64(k)
		mix := func(a, b uint8) float64 { return float64(a)*(1-f) + float64(b)*f }
		alpha := mix(shades[k].A, shades[k+1].A) / 255
		layer.Pix[4*i] = uint8(mix(shades[k].R, shades[k+1].R)*alpha + 0.5)
		layer.Pix[4*i+1] = uint8(mix(shades[k].G, shades[k+1].G)*alpha + 0.5)
		layer.Pix[4*i+2] = uint8(mix(shades[k].B, shades[k+1].B)*alpha + 0.5)
		layer.Pix[4*i+3] = uint8(255*alpha + 0.5)
	}
}

// counts is the density of one-dimensional points in equal bins over the view, normalized to area one, and its highest
// value. The number of bins grows as the cube root of the points (Rice's rule).
func (c *cloud) counts(values []float32, b box) (bins []plotter.HistogramBin, highest float64) {
	n := min(max(int(2*math.Cbrt(float64(len(values)))), 8), 160)
	width := (b.x1 - b.x0) / float64(n)
	bins = make([]plotter.HistogramBin, n)
	for i := range bins {
		bins[i].Min, bins[i].Max = b.x0+float64(i)*width, b.x0+float64(i+1)*width
	}
	for _, v := range values {
		if x := (float64(v) - b.x0) / width; x >= 0 && x < float64(n) { // NaN is not
			bin := &bins[int(x)]
			bin.Weight += 1 / (width * float64(len(values)))
			highest = max(highest, bin.Weight)
		}
	}
	return bins, highest
}

// histogram draws one-dimensional points; top is the height of the axis, 0: as high as the bars.
func (c *cloud) histogram(values []float32, b box, top float64, title string) *figure {
	p := newPlot(title)
	bins, highest := c.counts(values, b)
	if top == 0 {
		top = highest
	}
	bars := &plotter.Histogram{Bins: bins, Width: bins[0].Max - bins[0].Min, FillColor: classColours[0]}
	bars.LineStyle = draw.LineStyle{Color: color.White, Width: 0.4}
	p.Add(bars)
	p.X.Min, p.X.Max = b.x0, b.x1
	p.Y.Min, p.Y.Max = 0, 1.05*max(top, 1e-9)
	return &figure{panels: []*plot.Plot{p}, height: 0.6 * figureWidth}
}

// paths draws one-dimensional points on their way, time to the right.
func (c *cloud) paths(b box) *figure {
	p := newPlot(c.meta.Title)
	p.X.Min, p.X.Max = slices.Min(c.times), slices.Max(c.times)
	p.Y.Min, p.Y.Max = b.x0, b.x1
	p.X.Label.Text = "t"
	p.Add(&tracks{c})
	return &figure{panels: []*plot.Plot{p}, height: 0.6 * figureWidth}
}

// tracks draws paths of one-dimensional points, with a dot at their end.
type tracks struct{ c *cloud }

func (w *tracks) Plot(c draw.Canvas, p *plot.Plot) {
	at := place(c, p)
	n := min(len(w.c.way[0]), maxPaths)
	for i := range n {
		var track []vg.Point
		for k, state := range w.c.way {
			if finite(state[i]) {
				track = append(track, at(float32(w.c.times[k]), state[i]))
			}
		}
		colour := classColour(w.c.classOf(i), len(w.c.classes))
		colour.A = uint8(255 * min(max(40/float64(n), 0.3), 0.8))
		stroke(c, track, colour, 0.6)
	}
}
