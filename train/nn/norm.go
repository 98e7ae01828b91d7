package nn

import (
	"slices"

	"odeon/graph"
)

// GroupNorm normalizes each sample over groups of channels and all of space, (x - mean)/sqrt(variance + 1e-5), and then scales
// and shifts each channel (Wu and He, "Group normalization"). x is [batch, channels, space...], channels a multiple of groups.
//
// It is written as x scale + shift with two numbers for each sample and channel, which takes the fewest passes over x forwards and
// backwards: the mean and the mean square of x, and one more. The variance is the difference of mean square and squared mean. In float32
// that is good as long as the mean is not hundreds of times the deviation; where rounding would make it negative it is 0.
func (b *Builder) GroupNorm(name string, x *graph.Value, groups int) *graph.Value {
	channels := x.Shape[1]
	gamma := b.Parameter(name+".weight", Init{Value: 1}, channels)
	beta := b.Parameter(name+".bias", Init{}, channels)
	n := product(x.Shape[1:]) / groups
	h := b.Reshape(x, x.Shape[0], groups, n)
	average := func(v *graph.Value) *graph.Value { return b.Mul(b.Sum(v, true, 2), b.Scalar(1/float64(n))) }
	mean := average(h)
	variance := b.Max(b.Sub(average(b.Mul(h, h)), b.Mul(mean, mean)), b.Scalar(0))
	inverse := b.Reciprocal(b.Sqrt(b.Add(variance, b.Scalar(1e-5))))

	parts := []int{1, groups, channels / groups}
	scale := b.Mul(inverse, b.Reshape(gamma, parts...))
	shift := b.Sub(b.Reshape(beta, parts...), b.Mul(mean, scale))
	each := func(v *graph.Value) *graph.Value { return b.channels(b.Reshape(v, x.Shape[0], channels), x) }
	return b.Add(b.Mul(x, each(scale)), each(shift))
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
