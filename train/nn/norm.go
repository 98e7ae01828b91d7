package nn

import (
	"slices"

	"odeon/graph"
)

// GroupNorm normalizes each sample over groups of channels and all of space, (x - mean)/sqrt(variance + 1e-5), and then scales
// and shifts each channel (Wu and He, "Group normalization"). x is [batch, channels, space...], channels a multiple of groups.
func (b *Builder) GroupNorm(name string, x *graph.Value, groups int) *graph.Value {
	channels := x.Shape[1]
	h := b.Reshape(x, x.Shape[0], groups, product(x.Shape[1:])/groups)
	h = b.Reshape(b.Normalize(h, 1e-5), x.Shape...)
	gamma := b.Parameter(name+".weight", Init{Value: 1}, channels)
	beta := b.Parameter(name+".bias", Init{}, channels)
	return b.Add(b.Mul(h, b.channels(gamma, x)), b.channels(beta, x))
}

// LayerNorm normalizes over the last axis, (x - mean)/sqrt(variance + 1e-5), and then scales and shifts each feature (Ba, Kiros
// and Hinton, "Layer normalization"). Normalize is the same without weights.
func (b *Builder) LayerNorm(name string, x *graph.Value) *graph.Value {
	n := x.Shape[len(x.Shape)-1]
	gamma := b.Parameter(name+".weight", Init{Value: 1}, n)
	beta := b.Parameter(name+".bias", Init{}, n)
	return b.Add(b.Mul(b.Normalize(x, 1e-5), gamma), beta)
}

// channels brings v, [channels] or [batch, channels], to a shape that broadcasts along the space of x.
func (b *Builder) channels(v, x *graph.Value) *graph.Value {
	ones := slices.Repeat([]int{1}, len(x.Shape)-2)
	return b.Reshape(v, append(slices.Clone(v.Shape), ones...)...)
}
