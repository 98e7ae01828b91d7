package nn

import (
	"slices"

	"odeon/graph"
)

// Conv correlates x [batch, channels, space...] with a kernel of the same size along one, two or three axes of space and adds a
// bias. It pads with (kernel-1)/2 zeros on either side (kernel odd), so that stride 1 keeps all sizes n, and stride s leaves
// ceil(n/s) of each. Schemes are as in Linear.
func (b *Builder) Conv(name string, x *graph.Value, out, kernel, stride int, scheme ...Scheme) *graph.Value {
	y, bias := b.conv(name, x, out, kernel, stride, scheme)
	return b.Add(y, b.channels(bias, y))
}

// conv is Conv without its bias added.
func (b *Builder) conv(name string, x *graph.Value, out, kernel, stride int, scheme []Scheme) (y, bias *graph.Value) {
	d := len(x.Shape) - 2
	each := func(n int) []int { return slices.Repeat([]int{n}, d) }
	taps := product(each(kernel))
	shape := append([]int{out, x.Shape[1]}, each(kernel)...)
	w, bias := b.weightAndBias(name, scheme, x.Shape[1]*taps, out*taps, out, shape...)
	return b.Graph.Conv(x, w, graph.ConvAttrs{
		Stride: each(stride), Dilation: each(1), Before: each((kernel - 1) / 2), After: each((kernel - 1) / 2), Groups: 1,
	}), bias
}

// Downsample is a convolution with a stride, its kernel 2 stride - 1 wide so that it sees everything: n becomes ceil(n/stride).
// It keeps the number of channels.
func (b *Builder) Downsample(name string, x *graph.Value, stride int) *graph.Value {
	return b.Conv(name, x, x.Shape[1], 2*stride-1, stride)
}

// Upsample repeats each element scale times along each axis of space and cuts off what exceeds the given sizes, such as 7 of
// 4 repeated twice: the way back from Downsample for any size.
func (b *Builder) Upsample(x *graph.Value, scale int, space ...int) *graph.Value {
	apart := slices.Clone(x.Shape[:2])
	wide, joined := slices.Clone(apart), slices.Clone(apart)
	for _, n := range x.Shape[2:] {
		apart, wide, joined = append(apart, n, 1), append(wide, n, scale), append(joined, n*scale)
	}
	y := b.Reshape(b.Expand(b.Reshape(x, apart...), wide...), joined...)
	for i, n := range space {
		if y.Shape[2+i] != n {
			y = b.Slice(y, 2+i, 0, n, 1)
		}
	}
	return y
}
