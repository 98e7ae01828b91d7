package graph

import (
	"math"
	"slices"

	"odeon/onnx"
)

// window are a Conv's attributes.
func window(c *ConvAttrs) []onnx.Argument {
	return []onnx.Argument{
		onnx.Ints("strides", int64s(c.Stride)...), onnx.Ints("dilations", int64s(c.Dilation)...),
		onnx.Ints("pads", int64s(slices.Concat(c.Before, c.After))...), onnx.Int("group", int64(c.Groups)),
	}
}

func (w *writer) conv(v *Value) onnx.Ref {
	if w.canBlock(v.Attrs.Conv, v.Args[0].Shape[1]) {
		return w.blockedForward(v, v, onnx.None)
	}
	return w.node(v, "Conv", append(w.args(v), window(v.Attrs.Conv)...)...)
}

// convInput is a Conv of dy with the weights flipped and their channels exchanged where the stride is 1 (twice as fast as
// a ConvTranspose in ONNX Runtime 1.27), and a ConvTranspose elsewhere.
func (w *writer) convInput(v *Value) onnx.Ref {
	if w.canTurn(v) {
		return w.blockedBackward(v)
	}
	c := v.Attrs.Conv
	dy, weights := v.Args[0], v.Args[1]
	kernel := weights.Shape[2:]
	d := len(kernel)
	back := ConvAttrs{Stride: slices.Repeat([]int{1}, d), Dilation: c.Dilation, Before: make([]int, d), After: make([]int, d), Groups: c.Groups}
	plain := true
	for i, k := range kernel {
		back.Before[i] = c.Dilation[i]*(k-1) - c.Before[i]
		back.After[i] = v.Shape[2+i] - dy.Shape[2+i] + c.Before[i]
		plain = plain && c.Stride[i] == 1 && back.Before[i] >= 0 && back.After[i] >= 0
	}
	if plain {
		return w.node(v, "Conv", append([]onnx.Argument{w.value(dy), w.flipped(weights, c.Groups)}, window(&back)...)...)
	}
	// What is left over at the end, because the stride does not divide the way, is never read: zeros.
	rest := make([]int, d)
	for i, k := range kernel {
		rest[i] = v.Shape[2+i] - (c.Stride[i]*(dy.Shape[2+i]-1) + c.Dilation[i]*(k-1) + 1 - c.Before[i] - c.After[i])
	}
	return w.node(v, "ConvTranspose", append([]onnx.Argument{w.value(dy), w.value(weights), onnx.Ints("output_padding", int64s(rest)...)}, window(c)...)...)
}

// flipped are weights [out, c/groups, kernel...] as [c, out/groups, kernel...], each kernel from its end.
func (w *writer) flipped(x *Value, groups int) onnx.Ref {
	s := x.Shape
	d := len(s) - 2
	r := w.value(x)
	if slices.Max(s[2:]) > 1 {
		back, end := w.ints(slices.Repeat([]int{-1}, d)...), w.ints(slices.Repeat([]int{math.MinInt64}, d)...)
		r = w.node(nil, "Slice", r, back, end, w.ints(allAxes(len(s))[2:]...), back)
	}
	return w.exchanged(r, s, groups)
}

// exchanged is r of shape s = [groups*a, b, ...] as [groups*b, a, ...].
func (w *writer) exchanged(r onnx.Ref, s Shape, groups int) onnx.Ref {
	if groups == 1 {
		return w.node(nil, "Transpose", r, onnx.Ints("perm", int64s(swap(len(s), 0, 1))...))
	}
	a, b, rest := s[0]/groups, s[1], s[2:]
	r = w.node(nil, "Reshape", r, w.ints(slices.Concat([]int{groups, a, b}, rest)...))
	r = w.node(nil, "Transpose", r, onnx.Ints("perm", int64s(swap(len(s)+1, 1, 2))...))
	return w.node(nil, "Reshape", r, w.ints(slices.Concat([]int{groups * b, a}, rest)...))
}

// swap is the permutation of n axes that exchanges two.
func swap(n, i, j int) []int {
	perm := allAxes(n)
	perm[i], perm[j] = j, i
	return perm
}

// convWeight is a Conv in which samples and channels have changed places: dy moves over x as a kernel, in steps of the
// dilation, its elements apart by the stride.
func (w *writer) convWeight(v *Value) onnx.Ref {
	if w.canBlockWeight(v) {
		return w.blockedWeight(v)
	}
	c := v.Attrs.Conv
	x, dy := v.Args[0], v.Args[1]
	d, g := len(v.Shape)-2, c.Groups
	spatial := x.Shape[2:]
	channels := v.Shape[1]
	turn := onnx.Ints("perm", int64s(swap(d+2, 0, 1))...)
	var r onnx.Ref
	if g == 1 {
		r = w.node(nil, "Transpose", w.value(x), turn)
	} else { // [n, g c, ...] to [c, g n, ...]
		all := x.Shape[0] * g
		r = w.node(nil, "Reshape", w.value(x), w.ints(w.flexible(slices.Concat(Shape{x.Shape[0], g, channels}, spatial))...))
		r = w.node(nil, "Transpose", r, onnx.Ints("perm", int64s(swap(d+3, 0, 2))...))
		r = w.node(nil, "Reshape", r, w.ints(w.flexible(slices.Concat(Shape{channels, all}, spatial))...))
	}
	move := ConvAttrs{Stride: c.Dilation, Dilation: c.Stride, Before: c.Before, After: c.After, Groups: g}
	r = w.node(nil, "Conv", append([]onnx.Argument{r, w.node(nil, "Transpose", w.value(dy), turn)}, window(&move)...)...)
	for i, k := range v.Shape[2:] {
		room := spatial[i] + c.Before[i] + c.After[i] - c.Stride[i]*(dy.Shape[2+i]-1) - 1
		if room/c.Dilation[i]+1 > k {
			r = w.node(nil, "Slice", r, w.ints(0), w.ints(k), w.ints(2+i))
		}
	}
	return w.node(v, "Transpose", r, turn)
}
