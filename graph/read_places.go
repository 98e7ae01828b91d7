package graph

import (
	"slices"

	"odeon/onnx"
)

// This file has what puts elements in other places.

func (c *call) reshape() *Value {
	x := c.arg(0)
	to := shapeOf(c.list("shape", 1))
	open, rest := -1, 1
	for i, n := range to {
		switch {
		case n == 0 && c.int("allowzero", 0) == 0:
			if i >= len(x.Shape) {
				fail("%v to %v", x.Shape, to)
			}
			to[i] = x.Shape[i]
		case n == -1 && open < 0:
			open = i
			continue
		}
		if n = to[i]; n < 0 || n > 0 && rest > mostSize/n {
			fail("%v to %v", x.Shape, to)
		}
		rest *= n
	}
	if open >= 0 {
		if rest == 0 || count(x.Shape)%rest != 0 {
			fail("%v to %v", x.Shape, to)
		}
		to[open] = count(x.Shape) / rest
	}
	return c.g.Reshape(x, to...)
}

func (c *call) flatten() *Value {
	x := c.arg(0)
	n := c.int("axis", 1)
	if n < 0 {
		n += int64(len(x.Shape))
	}
	if n < 0 || n > int64(len(x.Shape)) {
		fail("axis %d of an array with %d axes", n, len(x.Shape))
	}
	return c.g.Reshape(x, count(x.Shape[:n]), count(x.Shape[n:]))
}

func (c *call) squeeze() *Value {
	x := c.arg(0)
	list := c.list("axes", 1)
	var gone []int
	if list == nil {
		for i, n := range x.Shape {
			if n == 1 {
				gone = append(gone, i)
			}
		}
	} else {
		gone = axes(list, len(x.Shape))
	}
	var to Shape
	for i, n := range x.Shape {
		if !slices.Contains(gone, i) {
			to = append(to, n)
		} else if n != 1 {
			fail("axis %d of %v, which has more than one entry", i, x.Shape)
		}
	}
	return c.g.Reshape(x, to...)
}

func (c *call) unsqueeze() *Value {
	x := c.arg(0)
	list := c.list("axes", 1)
	added := axes(list, len(x.Shape)+len(list))
	to := slices.Clone(x.Shape)
	for _, i := range added {
		to = slices.Insert(to, i, 1)
	}
	return c.g.Reshape(x, to...)
}

func (c *call) transpose() *Value {
	x := c.arg(0)
	perm := allAxes(len(x.Shape))
	slices.Reverse(perm)
	if c.hasAttribute("perm") {
		perm = []int(shapeOf(c.list("perm", -1)))
	}
	return c.g.Transpose(x, perm...)
}

func (c *call) expand() *Value {
	x := c.arg(0)
	return c.g.Expand(x, fitting(broadcast(Expand, x.Shape, fitting(shapeOf(c.ints(1)))))...)
}

// tile repeats each axis: it gets an axis before it, which is expanded.
func (c *call) tile() *Value {
	x := c.arg(0)
	times := c.ints(1)
	if len(times) != len(x.Shape) {
		fail("%d repeats of %v", len(times), x.Shape)
	}
	var apart, repeated, to Shape
	for i, n := range shapeOf(times) {
		size := x.Shape[i]
		apart = append(apart, 1, size)
		repeated = append(repeated, n, size)
		fitting(repeated)
		to = append(to, n*size)
	}
	return c.g.Reshape(c.g.Expand(c.g.Reshape(x, apart...), repeated...), to...)
}

func (c *call) concat() *Value {
	x := c.arg(0)
	for i := range c.args {
		c.arg(i)
	}
	return c.g.Concat(axis(c.attribute("axis").Int, len(x.Shape)), c.args...)
}

// split cuts an axis in parts of given sizes, or in equal ones of which the last may be smaller.
func (c *call) split() []*Value {
	x := c.arg(0)
	k := axis(c.int("axis", 0), len(x.Shape))
	sizes := shapeOf(c.list("split", 1))
	if len(sizes) == 0 {
		n := limit(c.int("num_outputs", int64(len(c.node.Outputs))))
		if n < 1 || n > len(c.node.Outputs) {
			fail("%d parts for %d results", n, len(c.node.Outputs))
		}
		each := (x.Shape[k] + n - 1) / n
		for i := range n {
			sizes = append(sizes, min(each, max(0, x.Shape[k]-i*each)))
		}
	}
	parts := make([]*Value, len(sizes))
	at := 0
	for i, n := range sizes {
		if n < 0 || n > x.Shape[k]-at {
			fail("parts of sizes %v of axis %d of %v", sizes, k, x.Shape)
		}
		parts[i] = c.g.Slice(x, k, at, at+n, 1)
		at += n
	}
	return parts
}

// slice takes elements start, start+step, ... before end of some axes. From the end to the beginning they are gathered.
func (c *call) slice() *Value {
	x := c.arg(0)
	starts, ends := c.list("starts", 1), c.list("ends", 2)
	along, steps := c.list("axes", 3), c.list("steps", 4)
	if len(ends) != len(starts) || along != nil && len(along) != len(starts) || steps != nil && len(steps) != len(starts) {
		fail("%d starts, %d ends, %d axes and %d steps", len(starts), len(ends), len(along), len(steps))
	}
	for i := range starts {
		k, step := i, int64(1)
		if along != nil {
			k = axis(along[i], len(x.Shape))
		} else if k >= len(x.Shape) {
			fail("%d starts for %v", len(starts), x.Shape)
		}
		if steps != nil {
			step = steps[i]
		}
		n := int64(x.Shape[k])
		place := func(at, low, high int64) int64 {
			if at < 0 {
				at = max(at, -n-1) + n
			}
			return min(max(at, low), high)
		}
		switch {
		case step > 0:
			from, to := place(starts[i], 0, n), place(ends[i], 0, n)
			if to <= from {
				from, to = 0, 0
			}
			if from != 0 || to != n || step != 1 {
				x = c.g.Slice(x, k, int(from), int(to), int(min(step, max(n, 1))))
			}
		case step < 0:
			var places []int64
			end := place(ends[i], -1, n-1)
			for at := place(starts[i], -1, n-1); at > end && at >= 0; at += max(step, -n-1) {
				places = append(places, at)
			}
			c.spend(int64(len(places)))
			x = c.g.Gather(x, c.g.Integers(places, Shape{len(places)}), k)
		default:
			fail("a step of 0")
		}
	}
	return x
}

// pad puts a constant around the elements, or copies of them.
func (c *call) pad() *Value {
	x := c.arg(0)
	pads := c.list("pads", 1)
	value := c.float("value", 0)
	if c.has(2) {
		value = c.scalar(2)
	}
	along := allAxes(len(x.Shape))
	if c.has(3) {
		along = nil
		for _, n := range c.ints(3) {
			along = append(along, axis(n, len(x.Shape)))
		}
	}
	if len(pads) != 2*len(along) {
		fail("%d sizes of padding for %d axes", len(pads), len(along))
	}
	mode := c.text("mode", "constant")
	for i, k := range along {
		before, after := limit(pads[i]), limit(pads[len(along)+i])
		if from, to := max(0, -before), x.Shape[k]-max(0, -after); from > 0 || to < x.Shape[k] {
			if from > to {
				fail("padding %v of %v", pads, x.Shape)
			}
			x = c.g.Slice(x, k, from, to, 1)
		}
		x = c.padAxis(x, k, max(0, before), max(0, after), mode, value)
	}
	return x
}

func (c *call) padAxis(x *Value, k, before, after int, mode string, value float64) *Value {
	if before == 0 && after == 0 {
		return x
	}
	n := x.Shape[k]
	total := slices.Clone(x.Shape)
	total[k] += before + after
	fitting(total)
	if mode == "constant" {
		if value == 0 {
			return c.g.Pad(x, k, before, after)
		}
		var parts []*Value
		for _, width := range []int{before, -1, after} {
			switch {
			case width < 0:
				parts = append(parts, x)
			case width > 0:
				s := slices.Clone(x.Shape)
				s[k] = width
				parts = append(parts, c.g.Expand(c.number(value, x), s...))
			}
		}
		return c.g.Concat(k, parts...)
	}
	if n == 0 {
		fail("padding of %v with copies of nothing", x.Shape)
	}
	c.spend(int64(n + before + after))
	places := make([]int64, 0, n+before+after)
	for at := -before; at < n+after; at++ {
		from := at
		switch mode {
		case "edge":
			from = min(max(at, 0), n-1)
		case "wrap":
			from = ((at % n) + n) % n
		case "reflect":
			if period := max(2*n-2, 1); n > 1 {
				from = ((at % period) + period) % period
				from = min(from, period-from)
			} else {
				from = 0
			}
		default:
			fail("mode %q", mode)
		}
		places = append(places, int64(from))
	}
	return c.g.Gather(x, c.g.Integers(places, Shape{len(places)}), k)
}

func (c *call) gather() *Value {
	x := c.arg(0)
	k := axis(c.int("axis", 0), len(x.Shape))
	return c.g.Gather(x, c.places(c.arg(1), x.Shape[k]), k)
}

// places are indices of n rows, of which negative ones count from behind. What is known beforehand is checked.
func (c *call) places(v *Value, n int) *Value {
	if v.Type != onnx.Int64 {
		fail("indices of type %v, where whole numbers are expected", v.Type)
	}
	if list, ok := c.known(v); ok {
		out := list.Ints
		for i, at := range list.Ints {
			if at < int64(-n) || at >= int64(n) {
				fail("index %d of %d rows", at, n)
			}
			if at < 0 {
				if &out[0] == &list.Ints[0] {
					out = slices.Clone(list.Ints)
				}
				out[i] += int64(n)
			}
		}
		if len(out) > 0 && &out[0] != &list.Ints[0] {
			return c.g.Integers(out, v.Shape)
		}
		return v
	}
	zero, size := c.number(0, v), c.number(float64(n), v)
	return c.g.Where(c.g.Less(v, zero), c.g.Add(v, size), v)
}

func (c *call) oneHot() *Value {
	depth := limit(int64(c.scalar(1)))
	values := c.floats(2)
	if len(values) != 2 || depth < 0 {
		fail("depth %d and %d values, where two are expected", depth, len(values))
	}
	indices := c.converted(c.arg(0), onnx.Int64)
	k := axis(c.int("axis", -1), len(indices.Shape)+1)
	size := c.number(float64(depth), indices)
	indices = c.g.Where(c.g.Less(indices, c.number(0, indices)), c.g.Add(indices, size), indices)
	c.spend(int64(depth))
	rows := make([]int64, depth)
	for i := range rows {
		rows[i] = int64(i)
	}
	hot := c.g.Equal(
		c.g.Reshape(indices, slices.Insert(slices.Clone(indices.Shape), k, 1)...),
		c.alongAxis(c.g.Integers(rows, Shape{depth}), k, len(indices.Shape)+1))
	off, on := c.number(values[0], c.args[2]), c.number(values[1], c.args[2])
	return c.g.Where(hot, on, off)
}

// trilu keeps a matrix on one side of a diagonal.
func (c *call) trilu() *Value {
	x := c.arg(0)
	rank := len(x.Shape)
	if rank < 2 {
		fail("%v, where a matrix is expected", x.Shape)
	}
	k := 0
	if c.has(1) {
		k = limit(int64(c.scalar(1)))
	}
	n, m := x.Shape[rank-2], x.Shape[rank-1]
	c.spend(int64(n) * int64(m))
	keep := make([]int64, n*m)
	for i := range n {
		for j := range m {
			if upper := c.int("upper", 1) != 0; upper && j-i >= k || !upper && j-i <= k {
				keep[i*m+j] = 1
			}
		}
	}
	zero := c.number(0, x)
	if x.Type == onnx.Bool {
		return c.converted(c.g.Where(c.truths(keep, Shape{n, m}), c.converted(x, onnx.Int64), c.g.Integers([]int64{0}, Shape{})), onnx.Bool)
	}
	return c.g.Where(c.truths(keep, Shape{n, m}), x, zero)
}

// blocks is the edge of the squares that channels are spread over, and the picture's sizes.
func (c *call) blocks() (x *Value, b, n, ch, h, w int) {
	x = c.arg(0)
	b = limit(c.attribute("blocksize").Int)
	if len(x.Shape) != 4 || b < 1 {
		fail("blocks of %d by %d in %v", b, b, x.Shape)
	}
	return x, b, x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
}

func (c *call) depthToSpace() *Value {
	x, b, n, ch, h, w := c.blocks()
	if ch%b != 0 || ch/b%b != 0 {
		fail("%d channels in blocks of %d by %d", ch, b, b)
	}
	ch = ch / b / b
	if c.text("mode", "DCR") == "CRD" {
		x = c.g.Transpose(c.g.Reshape(x, n, ch, b, b, h, w), 0, 1, 4, 2, 5, 3)
	} else {
		x = c.g.Transpose(c.g.Reshape(x, n, b, b, ch, h, w), 0, 3, 4, 1, 5, 2)
	}
	return c.g.Reshape(x, n, ch, h*b, w*b)
}

func (c *call) spaceToDepth() *Value {
	x, b, n, ch, h, w := c.blocks()
	if h%b != 0 || w%b != 0 {
		fail("%v in blocks of %d by %d", x.Shape, b, b)
	}
	x = c.g.Transpose(c.g.Reshape(x, n, ch, h/b, b, w/b, b), 0, 3, 5, 1, 2, 4)
	return c.g.Reshape(x, n, ch*b*b, h/b, w/b)
}

// dropout passes everything on; a mask is of ones.
func (c *call) dropout() []*Value {
	if c.has(2) && c.holds(2) {
		fail("a dropout in the mode for training; export the model for inference")
	}
	x := c.arg(0)
	return []*Value{x, c.g.Not(c.g.Less(c.g.Abs(x), c.number(0, x)))}
}
