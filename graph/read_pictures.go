package graph

import (
	"math"
	"slices"
)

// This file has what moves windows over pictures (or sounds, or films), and what makes pictures larger and smaller.

// spatial are the axes behind samples and channels.
func spatial(x *Value) []int {
	if len(x.Shape) < 3 {
		fail("an array of shape %v, where samples with channels and at least one more axis are expected", x.Shape)
	}
	return allAxes(len(x.Shape))[2:]
}

// window reads how a window of the given sizes moves over x.
func (c *call) window(x *Value, kernel Shape) ConvAttrs {
	d := len(spatial(x))
	if len(kernel) != d {
		fail("windows of sizes %v over an array of shape %v", kernel, x.Shape)
	}
	list := func(name string, n int, usual int) []int {
		if !c.hasAttribute(name) {
			return slices.Repeat([]int{usual}, n)
		}
		out := []int(shapeOf(c.list(name, -1)))
		if len(out) != n {
			fail("%s %v for %d axes", name, out, d)
		}
		for _, k := range out {
			if k < 0 || k > math.MaxInt32 {
				fail("%s %v", name, out)
			}
		}
		return out
	}
	w := ConvAttrs{Stride: list("strides", d, 1), Dilation: list("dilations", d, 1), Groups: limit(c.int("group", 1))}
	pads := list("pads", 2*d, 0)
	w.Before, w.After = slices.Clone(pads[:d]), slices.Clone(pads[d:])
	for i := range d {
		if kernel[i] < 1 || w.Stride[i] < 1 || w.Dilation[i] < 1 {
			fail("windows of sizes %v, strides %v, dilations %v", kernel, w.Stride, w.Dilation)
		}
	}
	return w
}

// same pads so that there are as many windows as strides, where auto_pad says so; n are the sizes that the windows move over.
func (c *call) same(w *ConvAttrs, n, kernel Shape) {
	switch mode := c.text("auto_pad", "NOTSET"); mode {
	case "NOTSET", "":
	case "VALID":
		clear(w.Before)
		clear(w.After)
	case "SAME_UPPER", "SAME_LOWER":
		for i := range n {
			windows := (n[i] + w.Stride[i] - 1) / w.Stride[i]
			total := max(0, (windows-1)*w.Stride[i]+w.Dilation[i]*(kernel[i]-1)+1-n[i])
			w.Before[i], w.After[i] = total/2, total-total/2
			if mode == "SAME_LOWER" {
				w.Before[i], w.After[i] = w.After[i], w.Before[i]
			}
		}
	default:
		fail("auto_pad %q", mode)
	}
}

// weights is argument 1, the weights of a convolution over argument 0.
func (c *call) weights() (x, w *Value) {
	x, w = c.data(0), c.data(1)
	if spatial(x); len(w.Shape) != len(x.Shape) {
		fail("weights of shape %v for an array of shape %v", w.Shape, x.Shape)
	}
	if kernel := c.list("kernel_shape", -1); kernel != nil && !slices.Equal(shapeOf(kernel), w.Shape[2:]) {
		fail("kernel_shape %v and weights of shape %v", kernel, w.Shape)
	}
	return x, w
}

func (c *call) conv() *Value {
	x, w := c.weights()
	a := c.window(x, w.Shape[2:])
	c.same(&a, x.Shape[2:], w.Shape[2:])
	return c.biased(c.g.Conv(x, w, a))
}

// biased adds argument 2, a number for each channel.
func (c *call) biased(y *Value) *Value {
	if !c.has(2) {
		return y
	}
	return c.g.Add(y, c.alongAxis(c.data(2), 1, len(y.Shape)))
}

// convTranspose is the gradient of a convolution that would make x from what it makes.
func (c *call) convTranspose() *Value {
	x, w := c.weights()
	a := c.window(x, w.Shape[2:])
	d := len(w.Shape) - 2
	extra := shapeOf(c.list("output_padding", -1))
	if len(extra) == 0 {
		extra = make(Shape, d)
	}
	wanted := shapeOf(c.list("output_shape", -1))
	if len(extra) != d || len(wanted) != 0 && len(wanted) != d {
		fail("output_padding %v and output_shape %v for %d axes", extra, wanted, d)
	}
	auto := c.text("auto_pad", "NOTSET")
	if auto == "VALID" {
		clear(a.Before)
		clear(a.After)
	}
	shape := Shape{x.Shape[0], limit(int64(w.Shape[1]) * int64(a.Groups))}
	for i := range d {
		reach := a.Stride[i]*(x.Shape[2+i]-1) + extra[i] + a.Dilation[i]*(w.Shape[2+i]-1) + 1
		to := reach - a.Before[i] - a.After[i]
		if len(wanted) > 0 || auto == "SAME_UPPER" || auto == "SAME_LOWER" {
			to = x.Shape[2+i] * a.Stride[i]
			if len(wanted) > 0 {
				to = wanted[i]
			}
			total := max(0, reach-to)
			a.Before[i], a.After[i] = total/2, total-total/2
			if auto != "SAME_UPPER" {
				a.Before[i], a.After[i] = a.After[i], a.Before[i]
			}
		}
		if a.After[i] -= extra[i]; a.After[i] < 0 { // rows that no window of the convolution reaches
			a.After[i] = 0
		}
		shape = append(shape, to)
	}
	fitting(shape)
	return c.biased(c.g.ConvInput(x, w, a, shape))
}

// pool reads the windows of a pooling. With ceil_mode the last window may reach beyond the padding: by so much is the
// padding enlarged, and beyond tells by how much.
func (c *call) pool() (x *Value, kernel Shape, w ConvAttrs, beyond []int) {
	x = c.data(0)
	kernel = shapeOf(c.attribute("kernel_shape").Ints)
	w = c.window(x, kernel)
	sizes := x.Shape[2:]
	c.same(&w, sizes, kernel)
	beyond = make([]int, len(kernel))
	for i, n := range sizes {
		reach := w.Dilation[i]*(kernel[i]-1) + 1
		room := n + w.Before[i] + w.After[i] - reach
		if room < 0 || reach > mostSize {
			fail("windows of sizes %v over an array of shape %v", kernel, x.Shape)
		}
		if rest := room % w.Stride[i]; c.int("ceil_mode", 0) != 0 && rest != 0 {
			// No window begins in the padding behind.
			if start := room - rest + w.Stride[i]; start < n+w.Before[i] {
				beyond[i] = w.Stride[i] - rest
				w.After[i] += beyond[i]
			}
		}
	}
	return x, kernel, w, beyond
}

// tiles cuts pictures into the windows where these lie side by side: [n, c, h/k, k, w/k, k], and the axes inside windows.
func (c *call) tiles(x *Value, kernel Shape, w ConvAttrs) (tiles *Value, inside []int, to Shape) {
	shape := Shape{x.Shape[0], x.Shape[1]}
	to = slices.Clone(shape)
	for i, k := range kernel {
		n := x.Shape[2+i]
		if w.Stride[i] != k || w.Dilation[i] != 1 || w.Before[i] != 0 || w.After[i] != 0 || n%k != 0 {
			return nil, nil, nil
		}
		inside = append(inside, len(shape)+1)
		shape = append(shape, n/k, k)
		to = append(to, n/k)
	}
	return c.g.Reshape(x, shape...), inside, to
}

// averagePool is a convolution of each channel with ones, over the number of elements that count.
func (c *call) averagePool() *Value {
	x, kernel, w, beyond := c.pool()
	size := fitting(kernel).Count(1)
	if tiles, inside, to := c.tiles(x, kernel, w); tiles != nil {
		return c.g.Reshape(c.scaled(c.g.Sum(tiles, false, inside...), 1/float64(size)), to...)
	}
	w.Groups = x.Shape[1]
	ones := slices.Concat(Shape{x.Shape[1], 1}, kernel)
	y := c.g.Conv(x, c.g.Expand(c.g.Scalar(1), ones...), w)
	padding := c.int("count_include_pad", 0) != 0
	rate := c.g.Scalar(1)
	for i, k := range kernel {
		n := x.Shape[2+i]
		c.spend(int64(y.Shape[2+i]) * int64(k))
		rates := make([]float64, y.Shape[2+i])
		for at := range rates {
			counted := 0
			for j := range k {
				place := at*w.Stride[i] + j*w.Dilation[i] - w.Before[i]
				if place >= 0 && place < n || padding && place < n+w.After[i]-beyond[i] {
					counted++
				}
			}
			rates[at] = 1 / float64(max(counted, 1))
		}
		rate = c.g.Mul(rate, c.alongAxis(c.g.Constant(rates, Shape{len(rates)}), 2+i, len(x.Shape)))
	}
	return c.g.Mul(y, rate)
}

// mostShifts bounds the windows whose maximum is taken shift by shift.
const mostShifts = 1 << 10

// lowest stands in the padding of a maximum.
const lowest = -math.MaxFloat32

func (c *call) maxPool() *Value {
	x, kernel, w, _ := c.pool()
	if tiles, inside, to := c.tiles(x, kernel, w); tiles != nil {
		return c.g.Reshape(c.g.ReduceMax(tiles, false, inside...), to...)
	}
	for i, k := range kernel {
		if k > mostShifts {
			fail("windows of sizes %v, where up to %d are expected", kernel, mostShifts)
		}
		x = c.padAxis(x, 2+i, w.Before[i], w.After[i], "constant", lowest)
		n := x.Shape[2+i]
		windows := (n-w.Dilation[i]*(k-1)-1)/w.Stride[i] + 1
		var top *Value
		for j := range k {
			from := j * w.Dilation[i]
			part := c.g.Slice(x, 2+i, from, from+(windows-1)*w.Stride[i]+1, w.Stride[i])
			if top == nil {
				top = part
			} else {
				top = c.g.Max(top, part)
			}
		}
		x = top
	}
	return x
}

// resize makes each axis longer or shorter: for the nearest element by taking it, for those between by a product with the
// weights of both.
func (c *call) resize() *Value {
	x := c.data(0)
	rank := len(x.Shape)
	mode := c.text("mode", "nearest")
	if c.int("antialias", 0) != 0 || c.text("keep_aspect_ratio_policy", "stretch") != "stretch" {
		fail("with antialias or keep_aspect_ratio_policy")
	}
	along := allAxes(rank)
	if c.hasAttribute("axes") {
		along = nil
		for _, n := range c.list("axes", -1) {
			along = append(along, axis(n, rank))
		}
	}
	scales := c.scales()
	var sizes Shape
	if len(scales) == 0 && c.has(3) {
		sizes = shapeOf(c.ints(3))
	}
	if len(scales) != len(along) && len(sizes) != len(along) {
		fail("%d scales and %d sizes for %d axes", len(scales), len(sizes), len(along))
	}
	for i, k := range along {
		n := x.Shape[k]
		to, scale := 0, 0.
		if len(scales) > 0 {
			scale = scales[i]
			if !(scale > 0) || scale*float64(n) > mostSize {
				fail("a scale of %g", scale)
			}
			to = int(math.Floor(float64(n) * scale))
		} else {
			to = sizes[i]
			scale = float64(to) / float64(n)
		}
		shape := slices.Clone(x.Shape)
		shape[k] = to
		fitting(shape)
		if to == n || n == 0 {
			continue
		}
		x = c.resizeAxis(x, k, to, scale, mode)
	}
	return x
}

// scales are an attribute up to version 7, input 1 up to 10, input 2 from 11 on.
func (c *call) scales() []float64 {
	if v, ok := c.node.Attributes["scales"]; ok {
		out := make([]float64, len(v.Floats))
		convert(out, v.Floats)
		return out
	}
	i := 2
	if c.opset < 11 || c.node.Operator == "Upsample" {
		i = 1
	}
	if !c.has(i) {
		return nil
	}
	return c.floats(i)
}

func (c *call) resizeAxis(x *Value, k, to int, scale float64, mode string) *Value {
	n := x.Shape[k]
	switch mode {
	case "nearest":
		c.spend(int64(to))
		places := make([]int64, to)
		whole := to%n == 0
		for i := range places {
			places[i] = int64(min(max(c.nearest(c.coordinate(i, n, to, scale)), 0), float64(n-1)))
			whole = whole && int(places[i]) == i*n/to
		}
		if whole { // each element several times
			apart := slices.Insert(slices.Clone(x.Shape), k+1, 1)
			repeated := slices.Insert(slices.Clone(x.Shape), k+1, to/n)
			shape := slices.Clone(x.Shape)
			shape[k] = to
			return c.g.Reshape(c.g.Expand(c.g.Reshape(x, apart...), repeated...), shape...)
		}
		return c.g.Gather(x, c.g.Integers(places, Shape{to}), k)
	case "linear":
		c.spend(int64(to) * int64(n))
		weights := make([]float64, n*to)
		for i := range to {
			at := min(max(c.coordinate(i, n, to, scale), 0), float64(n-1))
			low := int(math.Floor(at))
			weights[low*to+i] += 1 - (at - float64(low))
			weights[min(low+1, n-1)*to+i] += at - float64(low)
		}
		return c.along(x, k, func(x *Value) *Value { return c.matMul(x, c.g.Constant(weights, Shape{n, to})) })
	}
	fail("mode %q, where nearest or linear is expected", mode)
	return nil
}

// coordinate is the place among n elements that element i of the result has, in the arithmetic of float32, which ONNX Runtime
// has it in: where it falls between two elements, digits decide.
func (c *call) coordinate(i, n, to int, factor float64) float64 {
	usual := "half_pixel"
	if c.opset < 11 || c.node.Operator == "Upsample" {
		usual = "asymmetric"
	}
	at, scale := float32(i), float32(factor)
	switch mode := c.text("coordinate_transformation_mode", usual); mode {
	case "asymmetric":
		return float64(at / scale)
	case "half_pixel":
		return float64((at+0.5)/scale - 0.5)
	case "pytorch_half_pixel":
		if to == 1 {
			return 0
		}
		return float64((at+0.5)/scale - 0.5)
	case "align_corners":
		if to == 1 {
			return 0
		}
		return float64(at * float32(n-1) / float32(to-1))
	default:
		fail("coordinate_transformation_mode %q", mode)
	}
	return 0
}

// nearest rounds a place; before version 11 always down.
func (c *call) nearest(at float64) float64 {
	usual := "round_prefer_floor"
	if c.opset < 11 || c.node.Operator == "Upsample" {
		usual = "floor"
	}
	switch mode := c.text("nearest_mode", usual); mode {
	case "floor":
		return math.Floor(at)
	case "ceil":
		return math.Ceil(at)
	case "round_prefer_floor":
		return math.Ceil(at - 0.5)
	case "round_prefer_ceil":
		return math.Floor(at + 0.5)
	default:
		fail("nearest_mode %q", mode)
	}
	return 0
}
