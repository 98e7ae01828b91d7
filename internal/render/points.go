package render

import (
	"fmt"
	"math"
	"slices"
)

// Limits of what a plot of points keeps and draws.
const (
	maxPoints      = 1 << 20 // kept for a picture
	maxFramePoints = 20000   // kept for each frame of an animation
	maxPaths       = 256     // drawn behind the end points
	denseFrom      = 20000   // from so many on a density is drawn, not dots
	maxVector      = 5000    // dots of an SVG; above they are pixels in it
)

// cloud collects points for a plot: of each the first two coordinates, or the only one.
type cloud struct {
	meta      Meta
	dims      int // drawn: 1 or 2
	stride    int // coordinates of a point
	perSample int
	classes   []string // distinct, in order of appearance; nil where there is one or none
	class     []int    // of sample k: class[k mod len]
	shownN    int      // samples kept
	end       []float32
	times     []float64
	wayN      int         // samples whose way is kept
	way       [][]float32 // a state for each time
	note      []string
}

// newCloud keeps the way at so many times; 0: the end points only.
func newCloud(r *request, frames int) *cloud {
	c := &cloud{meta: r.Meta, dims: 1, stride: 1, perSample: 1, times: r.Times[:frames]}
	if len(r.Shape) > 0 {
		c.stride = r.Shape[len(r.Shape)-1]
		c.perSample = r.Size() / c.stride
		c.dims = min(c.stride, 2)
	}
	if c.stride > 2 {
		c.note = append(c.note, fmt.Sprintf("shows the first 2 of %d coordinates", c.stride))
	}
	number := map[string]int{}
	for _, name := range r.Labels {
		if _, known := number[name]; !known {
			number[name] = len(c.classes)
			c.classes = append(c.classes, name)
		}
		c.class = append(c.class, number[name])
	}
	if len(c.classes) < 2 {
		c.classes, c.class = nil, nil
	}
	c.shownN = max(min(r.n, maxPoints/c.perSample), 1)
	if c.shownN < r.n {
		c.note = append(c.note, shownNote(c.shownN, r.n)...)
	}
	if frames > 0 {
		c.wayN = max(min(r.n, maxFramePoints/c.perSample), 1)
		c.way = make([][]float32, frames)
		for i := range c.way {
			c.way[i] = make([]float32, c.wayN*c.perSample*c.dims)
		}
	}
	return c
}

func (c *cloud) add(first int, x []float32) {
	if first >= c.shownN {
		return
	}
	n := min(len(x)/(c.perSample*c.stride), c.shownN-first) * c.perSample
	at := len(c.end)
	c.end = append(c.end, make([]float32, n*c.dims)...)
	c.take(c.end[at:], x)
}

// take copies the drawn coordinates of as many points as dst holds.
func (c *cloud) take(dst, x []float32) {
	for i := 0; i < len(dst); i += c.dims {
		copy(dst[i:i+c.dims], x[i/c.dims*c.stride:])
	}
}

func (c *cloud) shown() int { return c.wayN }

func (c *cloud) record(frame, first int, x []float32) {
	width := c.perSample * c.dims
	c.take(c.way[frame][first*width:first*width+len(x)/c.stride*c.dims], x)
}

func (c *cloud) notes() []string { return c.note }

// classOf is the class of point i.
func (c *cloud) classOf(i int) int {
	if c.class == nil {
		return 0
	}
	return c.class[i/c.perSample%len(c.class)]
}

// box is the part of the plane that a plot shows.
type box struct{ x0, x1, y0, y1 float64 }

func (b box) has(x, y float64) bool { return x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1 }

// interval is the range of the finite values that a plot shows: all of them, unless a few lie so far out that they
// would squeeze the others; then the middle 99.8 percent.
func interval(values []float64) (lo, hi float64) {
	if len(values) == 0 {
		return -1, 1
	}
	slices.Sort(values)
	lo, hi = values[0], values[len(values)-1]
	cut := len(values) / 1000
	a, b := values[cut], values[len(values)-1-cut]
	if hi-lo > 1.5*(b-a) && b > a {
		lo, hi = a-0.1*(b-a), b+0.1*(b-a)
	}
	if hi-lo < 1e-6*max(math.Abs(lo), math.Abs(hi), 1e-300) {
		half := max(math.Abs(lo)*0.1, 1)
		return lo - half, hi + half
	}
	return lo, hi
}

// column is one coordinate of points, without what is not finite.
func column(points []float32, dims, d int) []float64 {
	values := make([]float64, 0, len(points)/dims)
	for i := d; i < len(points); i += dims {
		if finite(points[i]) {
			values = append(values, float64(points[i]))
		}
	}
	return values
}

// span1 is the shown range of a coordinate: that of the end points, grown to what their way needs but at most to three
// times its width (a variance-exploding path starts a hundred times farther out), with a margin.
func (c *cloud) span1(d int) (lo, hi float64) {
	lo, hi = interval(column(c.end, c.dims, d))
	if len(c.way) > 0 {
		a, b := interval(column(c.way[0], c.dims, d))
		width := hi - lo
		lo, hi = min(lo, max(a, lo-width)), max(hi, min(b, hi+width))
	}
	margin := 0.05 * (hi - lo)
	return lo - margin, hi + margin
}

// view is the shown part of the plane, or of the line. It notes how many end points it leaves out.
func (c *cloud) view() box {
	var b box
	b.x0, b.x1 = c.span1(0)
	if c.dims == 2 {
		b.y0, b.y1 = c.span1(1)
	}
	n := 0
	for i := 0; i < len(c.end); i += c.dims {
		y := b.y0
		if c.dims == 2 {
			y = float64(c.end[i+1])
		}
		if !b.has(float64(c.end[i]), y) {
			n++
		}
	}
	if n > 0 {
		c.note = append(c.note, fmt.Sprintf("leaves out %d of %d points that lie far from the others or are not finite", n, len(c.end)/c.dims))
	}
	return b
}
