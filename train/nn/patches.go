package nn

import (
	"odeon/graph"
)

// Patches cuts x [batch, channels, space...] into tokens, [batch, tokens, channels size^axes]: a token holds the elements of a
// cube of that size, channel by channel (Dosovitskiy et al., "An image is worth 16x16 words"). Sizes of space are multiples of it.
func (b *Builder) Patches(x *graph.Value, size int) *graph.Value {
	space := x.Shape[2:]
	cut := graph.Shape{x.Shape[0], x.Shape[1]}
	tokens := 1
	for _, n := range space {
		cut = append(cut, n/size, size)
		tokens *= n / size
	}
	h := b.Transpose(b.Reshape(x, cut...), patchAxes(len(space))...)
	return b.Reshape(h, x.Shape[0], tokens, product(x.Shape[1:])/tokens)
}

// Unpatches is the way back from Patches to [batch, channels, space...].
func (b *Builder) Unpatches(x *graph.Value, size, channels int, space ...int) *graph.Value {
	cut, whole := graph.Shape{x.Shape[0]}, graph.Shape{x.Shape[0], channels}
	for _, n := range space {
		cut = append(cut, n/size)
		whole = append(whole, n)
	}
	cut = append(cut, channels)
	for range space {
		cut = append(cut, size)
	}
	back := make([]int, len(cut))
	for i, axis := range patchAxes(len(space)) {
		back[axis] = i
	}
	return b.Reshape(b.Transpose(b.Reshape(x, cut...), back...), whole...)
}

// patchAxes bring [batch, channels, n, size, m, size ...] to [batch, n, m ..., channels, size, size ...].
func patchAxes(d int) []int {
	axes := []int{0}
	for i := range d {
		axes = append(axes, 2+2*i)
	}
	axes = append(axes, 1)
	for i := range d {
		axes = append(axes, 3+2*i)
	}
	return axes
}
