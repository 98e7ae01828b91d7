package graph

import (
	"fmt"
	"math"
	"slices"

	"odeon/onnx"
)

// The fastest convolutions of ONNX Runtime on a CPU work on blocks of channels: an array [n, c, h, w] lies in memory as [n, c/b, h, w,
// b], b the width of the processor's registers (8 or 16). For a network with fixed weights it chooses them itself; here, where
// weights are inputs, their nodes, of the domain com.microsoft.nchwc, are written out. On one thread of a processor with
// AVX-512 they compute 150 to 200 GFLOP/s where Conv computes 50 to 90.
//
// A Conv's weights [o, i, kernel] lie as [o/b, i/b, kernel, b of i, b of o]; where i is less than b, as [o/b, i, kernel, b of o], and x
// is not blocked.

// blockedConv is a convolution of plane pictures as the blocked nodes take it.
type blockedConv struct {
	kernel, stride, dilation []int
	before, after            []int
}

// plane brings sizes of one axis to two.
func plane(one int, list []int) []int {
	if len(list) == 1 {
		return []int{one, list[0]}
	}
	return list
}

// canBlock tells whether a convolution from so many channels to others can be computed in blocks.
func (w *writer) canBlock(c *ConvAttrs, from int) bool {
	return w.block > 0 && c.Groups == 1 && len(c.Stride) <= 2 && (from < w.block || from%w.block == 0)
}

// canTurn tells whether a ConvInput can be computed in blocks: each element of the result needs a weight, and none needs
// less than the convolution's edge leaves.
func (w *writer) canTurn(v *Value) bool {
	c := v.Attrs.Conv
	if !w.canBlock(c, v.Args[0].Shape[1]) {
		return false
	}
	for k := range c.Stride {
		for place := range c.Stride[k] {
			t := turn(v, k, place)
			if t.taps < 1 || t.before < 0 || t.after < 0 || c.Stride[k] > 1 && c.Dilation[k] > 1 {
				return false
			}
		}
	}
	return true
}

// A turned axis is what a ConvInput does along axis k for those elements of its result whose places leave the same remainder
// to the stride s: it is a Conv of dy by every s-th weight, the last one first.
type turned struct {
	first, taps   int // the first weight, and how many
	count         int // elements of the result
	before, after int // zeros around dy
}

// turn is how axis k is treated for a place's remainder. Element y = s q + place of the result is the sum of dy_p w_j over all
// j with s p + d j = y + before; j = first + s m and d = 1 where s > 1.
func turn(v *Value, k, place int) turned {
	c := v.Attrs.Conv
	kernel, size, small := v.Args[1].Shape[2+k], v.Shape[2+k], v.Args[0].Shape[2+k]
	s, d := c.Stride[k], c.Dilation[k]
	t := turned{first: (place + c.Before[k]) % s, count: (size + s - 1) / s}
	t.taps = (kernel - t.first + s - 1) / s
	t.before = d*(t.taps-1) - (place+c.Before[k]-t.first)/s
	t.after = t.count - t.before + d*(t.taps-1) - small
	return t
}

// blockedForward is a Conv; bias, one number for a channel of the result, may be None.
func (w *writer) blockedForward(v *Value, conv *Value, bias onnx.Ref) onnx.Ref {
	c := conv.Attrs.Conv
	x, weights := conv.Args[0], conv.Args[1]
	r := w.blockedNode(w.blockedInput(x), w.blockedWeights(weights), bias, conv.Shape[1], blockedConv{
		kernel: plane(1, weights.Shape[2:]), stride: plane(1, c.Stride), dilation: plane(1, c.Dilation),
		before: plane(0, c.Before), after: plane(0, c.After),
	})
	return w.unblocked(v, r, plane(1, conv.Shape[2:])...)
}

// blockedNode is the node itself. Its weights have been rounded up to whole blocks of out.
func (w *writer) blockedNode(x, weights, bias onnx.Ref, out int, c blockedConv) onnx.Ref {
	inputs := []onnx.Argument{x, weights}
	if bias != onnx.None {
		if rest := w.rest(out); rest > 0 {
			bias = w.node(nil, "Pad", bias, w.ints(0, rest))
		}
		inputs = append(inputs, bias)
	}
	return w.node(nil, "com.microsoft.nchwc:Conv", append(inputs,
		onnx.Ints("kernel_shape", int64s(c.kernel)...), onnx.Ints("strides", int64s(c.stride)...), onnx.Ints("dilations", int64s(c.dilation)...),
		onnx.Ints("pads", int64s(slices.Concat(c.before, c.after))...), onnx.Int("group", 1))...)
}

// rest is what n lacks to whole blocks.
func (w *writer) rest(n int) int { return (w.block - n%w.block) % w.block }

// once is what make makes, but only once for a key.
func (w *writer) once(key string, make func() onnx.Ref) onnx.Ref {
	r, ok := w.consts[key]
	if !ok {
		r = make()
		w.consts[key] = r
	}
	return r
}

// blockedInput is x [n, c, (h,) w] in blocks of channels, or as it is where that are fewer than a block.
func (w *writer) blockedInput(x *Value) onnx.Ref {
	r := w.value(x)
	return w.once("blocked "+string(r), func() onnx.Ref {
		size := x.Shape.For(w.batch)
		if len(size) == 3 {
			r = w.node(nil, "Reshape", r, w.ints(size[0], size[1], 1, size[2]))
		}
		if size[1] < w.block {
			return r
		}
		return w.node(nil, "com.microsoft.nchwc:ReorderInput", r)
	})
}

// unblocked is v, of its shape, from its blocks, which have h times w places.
func (w *writer) unblocked(v *Value, r onnx.Ref, have ...int) onnx.Ref {
	size := v.Shape.For(w.batch)
	want := plane(1, size[2:])
	steps := []func(v *Value){func(v *Value) {
		r = w.node(v, "com.microsoft.nchwc:ReorderOutput", r, onnx.Int("channels", int64(size[1])))
	}}
	if !slices.Equal(have, want) {
		steps = append(steps, func(v *Value) { r = w.node(v, "Slice", r, w.ints(0, 0), w.ints(want...), w.ints(2, 3)) })
	}
	if len(size) == 3 {
		steps = append(steps, func(v *Value) { r = w.node(v, "Reshape", r, w.ints(size...)) })
	}
	for i, step := range steps {
		if i < len(steps)-1 {
			step(nil)
		} else {
			step(v)
		}
	}
	return r
}

// blockedRows are the rows of r, [rows, n], in blocks: [rows/b, n, b], with rows of zeros up to whole blocks.
func (w *writer) blockedRows(r onnx.Ref, rows, n int) onnx.Ref {
	if rest := w.rest(rows); rest > 0 {
		r = w.node(nil, "Pad", w.node(nil, "Reshape", r, w.ints(rows, n)), w.ints(0, 0, rest, 0))
		rows += rest
	}
	r = w.node(nil, "Reshape", r, w.ints(1, rows, 1, n))
	return w.node(nil, "com.microsoft.nchwc:ReorderInput", r)
}

// blockedWeights are weights [o, i, kernel] for a Conv.
func (w *writer) blockedWeights(x *Value) onnx.Ref {
	r := w.value(x)
	return w.once("blocked weights "+string(r), func() onnx.Ref {
		kernel := plane(1, x.Shape[2:])
		r = w.kernelBlocks(r, x.Shape[0], x.Shape[1], kernel[0]*kernel[1])
		return w.kernelShape(r, x.Shape[0], x.Shape[1], kernel)
	})
}

// turnedWeights are weights [o, i, kernel] for the way back, from o to i, as [i/b, o/b, kh, kw, b of o, b of i].
func (w *writer) turnedWeights(x *Value) onnx.Ref {
	r := w.value(x)
	return w.once("turned weights "+string(r), func() onnx.Ref {
		kernel := plane(1, x.Shape[2:])
		o, i, k := x.Shape[0], x.Shape[1], kernel[0]*kernel[1]
		r = w.node(nil, "Reshape", r, w.ints(o, i, k))
		r = w.node(nil, "Transpose", r, onnx.Ints("perm", 1, 0, 2))
		r = w.kernelBlocks(r, i, o, k)
		b := w.block
		if o < b {
			return w.node(nil, "Reshape", r, w.ints((i+w.rest(i))/b, o, kernel[0], kernel[1], b))
		}
		return w.node(nil, "Reshape", r, w.ints((i+w.rest(i))/b, o/b, kernel[0], kernel[1], b*b))
	})
}

// kernelBlocks are weights [o, i, k] in their blocks.
func (w *writer) kernelBlocks(r onnx.Ref, o, i, k int) onnx.Ref {
	b := w.block
	r = w.blockedRows(r, o, i*k)
	if i < b {
		return r
	}
	r = w.node(nil, "Reshape", r, w.ints((o+w.rest(o))/b, i/b, b, k, b))
	return w.node(nil, "Transpose", r, onnx.Ints("perm", 0, 1, 3, 2, 4))
}

// kernelShape is how the node wants weights to look.
func (w *writer) kernelShape(r onnx.Ref, o, i int, kernel []int) onnx.Ref {
	return w.node(nil, "Reshape", r, w.ints(o+w.rest(o), i, kernel[0], kernel[1]))
}

// blockedBackward is a ConvInput. Elements of the result with the same remainders to the strides are one convolution; those of all
// remainders are put together in the end, block by block.
func (w *writer) blockedBackward(v *Value) onnx.Ref {
	c := v.Attrs.Conv
	dy, weights := v.Args[0], v.Args[1]
	x, all := w.blockedInput(dy), w.turnedWeights(weights)
	channels := v.Shape[1] + w.rest(v.Shape[1])
	stride := plane(1, c.Stride)
	axis := func(k, place int) turned {
		if k -= 2 - len(c.Stride); k < 0 {
			return turned{taps: 1, count: 1}
		}
		return turn(v, k, place)
	}
	part := func(places ...int) onnx.Ref {
		conv := blockedConv{stride: []int{1, 1}, dilation: plane(1, c.Dilation)}
		var first, behind, steps []int
		for k, place := range places {
			t := axis(k, place)
			conv.kernel, conv.before, conv.after = append(conv.kernel, t.taps), append(conv.before, t.before), append(conv.after, t.after)
			first, steps = append(first, t.first+stride[k]*(t.taps-1)), append(steps, -stride[k])
			behind = append(behind, math.MinInt64) // all that there are
			if end := t.first - stride[k]; end >= 0 {
				behind[k] = end
			}
		}
		taken := w.node(nil, "Slice", all, w.ints(first...), w.ints(behind...), w.ints(2, 3), w.ints(steps...))
		taken = w.node(nil, "Reshape", taken, w.ints(channels, weights.Shape[0], conv.kernel[0], conv.kernel[1]))
		return w.blockedNode(x, taken, onnx.None, channels, conv)
	}
	h, wide := axis(0, 0).count, axis(1, 0).count
	groups := v.Shape.For(w.batch)[0] * channels / w.block
	rows := make([]onnx.Ref, stride[0])
	for a := range rows {
		columns := make([]onnx.Ref, stride[1])
		for b := range columns {
			columns[b] = part(a, b)
		}
		rows[a] = w.woven(columns, groups*h, wide, w.block)
	}
	r := w.woven(rows, groups, h, wide*stride[1]*w.block)
	if len(rows) > 1 || stride[1] > 1 {
		r = w.node(nil, "Reshape", r, w.ints(v.Shape.For(w.batch)[0], channels, h*stride[0], wide*stride[1]))
	}
	return w.unblocked(v, r, h*stride[0], wide*stride[1])
}

// woven takes turns with pieces of n numbers of each of the parts, which have count of them in each of the groups.
func (w *writer) woven(parts []onnx.Ref, groups, count, n int) onnx.Ref {
	if len(parts) == 1 {
		return parts[0]
	}
	list := []onnx.Argument{onnx.Int("axis", 2)}
	for _, p := range parts {
		list = append(list, w.node(nil, "Reshape", p, w.ints(groups, count, n)))
	}
	return w.node(nil, "Concat", list...)
}

// canBlockWeight tells whether a ConvWeight from x to dy can be computed in blocks of samples.
func (w *writer) canBlockWeight(v *Value) bool {
	c := v.Attrs.Conv
	if w.block == 0 || c.Groups != 1 || len(c.Stride) > 2 || slices.Max(c.Dilation) > 1 {
		return false
	}
	return v.Shape[0]%w.block == 0 || v.Shape[1]%w.block == 0 && slices.Max(c.Stride) == 1
}

// A picture is an array [n, c, (h,) w].
type picture struct {
	value    *Value
	channels int
	size     []int
}

// blockedWeight is a ConvWeight. Where the stride is 1 and only x has whole blocks of channels, x and dy change places: the
// same sums appear, those of the last weight first.
func (w *writer) blockedWeight(v *Value) onnx.Ref {
	c := v.Attrs.Conv
	high := func(list []int, one int) []int { // one axis stands upright here: its rows can be divided
		if len(list) == 1 {
			return []int{list[0], one}
		}
		return list
	}
	x := picture{v.Args[0], v.Shape[1], high(v.Args[0].Shape[2:], 1)}
	dy := picture{v.Args[1], v.Shape[0], high(v.Args[1].Shape[2:], 1)}
	kernel, before, stride := high(v.Shape[2:], 1), high(c.Before, 0), high(c.Stride, 1)
	if dy.channels%w.block == 0 {
		r := w.weightSums(x, dy, kernel, stride, before)
		return w.node(v, "Reshape", r, w.ints(v.Shape...))
	}
	r := w.weightSums(dy, x, kernel, stride, []int{kernel[0] - 1 - before[0], kernel[1] - 1 - before[1]})
	r = w.node(nil, "Reshape", r, w.ints(x.channels, dy.channels, kernel[0]*kernel[1]))
	r = w.node(nil, "Slice", r, w.ints(-1), w.ints(math.MinInt64), w.ints(2), w.ints(-1))
	return w.node(v, "Reshape", w.node(nil, "Transpose", r, onnx.Ints("perm", 1, 0, 2)), w.ints(v.Shape...))
}

// weightSums are, for i of x's channels and o of dy's, the sums
//
//	r_oikl = sum over n, p, q of dy_nopq x_n,i,s p + k - before,s q + l - before
//
// as one Conv in which samples have taken the place of channels, and of which dy is the weights. There x lies as [i/c, n/b, h, w,
// c of i, b of n]: blocks of c channels are its samples, and within a block the channels are part of the width, over which
// the kernel steps by a dilation of c. The result, [i/c, o/b, kernel, c of i, b of o], has as many columns as the kernel times c.
//
// The kernel is as large as a picture. So that it stays in the processor's cache, pictures are divided into parts of some
// rows, which are further samples, each with those rows of x that it needs.
func (w *writer) weightSums(x, dy picture, kernel, stride, before []int) onnx.Ref {
	const cache = 1 << 19 // bytes
	b, n := w.block, x.value.Shape.For(w.batch)[0]
	all := n + w.rest(n) // with samples of zeros, up to whole blocks
	height, width := dy.size[0], dy.size[1]
	rows := height
	for k := 1; k <= height && rows*width*b*min(dy.channels, 4*b)*4 > cache; k++ {
		if height%k == 0 {
			rows = height / k
		}
	}
	parts := height / rows
	seen := stride[0]*(rows-1) + kernel[0]
	high, wide := stride[0]*(height-1)+kernel[0], stride[1]*(width-1)+kernel[1]

	// x, with the zeros around it that the convolution sees.
	c := b
	if x.channels%b != 0 {
		c = x.channels
	}
	blocks, column := x.channels/c, b*c
	r := w.once(fmt.Sprint("by samples ", w.value(x.value)), func() onnx.Ref {
		r := w.blockedInput(x.value)
		if c != b {
			r = w.node(nil, "Reshape", w.value(x.value), w.ints(n, x.channels, x.size[0]*x.size[1]))
			r = w.node(nil, "Transpose", r, onnx.Ints("perm", 0, 2, 1))
		}
		return w.blockedRows(r, n, x.channels*x.size[0]*x.size[1])
	})
	if around := []int{before[0], before[1], high - x.size[0] - before[0], wide - x.size[1] - before[1]}; slices.ContainsFunc(around, func(k int) bool { return k != 0 }) {
		r = w.node(nil, "Reshape", r, w.ints(all/b*blocks, x.size[0], x.size[1]*column))
		r = w.node(nil, "Pad", r, w.ints(0, around[0], around[1]*column, 0, around[2], around[3]*column))
	}
	if parts > 1 || all > b && blocks > 1 {
		var list []int
		for i := range blocks {
			for m := range all / b {
				for part := range parts {
					for row := range seen {
						list = append(list, (m*blocks+i)*high+part*rows*stride[0]+row)
					}
				}
			}
		}
		r = w.node(nil, "Reshape", r, w.ints(all/b*blocks*high, wide*column))
		r = w.node(nil, "Gather", r, w.ints(list...), onnx.Int("axis", 0))
	}
	r = w.node(nil, "Reshape", r, w.ints(blocks, all*parts, seen, wide*c))

	// dy, as weights.
	weights := w.blockedInput(dy.value)
	if all > n {
		weights = w.node(nil, "Reshape", weights, w.ints(n, -1))
		weights = w.node(nil, "Pad", weights, w.ints(0, 0, all-n, 0))
	}
	weights = w.node(nil, "Reshape", weights, w.ints(all/b, b, dy.channels/b, height*width, b))
	weights = w.node(nil, "Transpose", weights, onnx.Ints("perm", 2, 0, 3, 1, 4))
	weights = w.node(nil, "Reshape", weights, w.ints(dy.channels, all*parts, rows, width))

	r = w.blockedNode(r, weights, onnx.None, dy.channels, blockedConv{
		kernel: []int{rows, width}, stride: []int{1, 1}, dilation: []int{stride[0], stride[1] * c}, before: []int{0, 0}, after: []int{0, 0},
	})
	r = w.node(nil, "Reshape", r, w.ints(blocks, dy.channels/b, kernel[0]*kernel[1], c, b))
	return w.node(nil, "Transpose", r, onnx.Ints("perm", 1, 4, 0, 3, 2))
}
