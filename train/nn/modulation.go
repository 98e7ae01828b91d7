package nn

import "odeon/graph"

// Modulation makes of a condition c, [batch, width], count vectors [batch, 1, width] that shift, scale and gate tokens: the parts
// of one product with weights that begin with zeros (adaLN-zero: Peebles and Xie, "Scalable diffusion models with transformers",
// section 3.2). c has passed through SiLU.
func (b *Builder) Modulation(name string, c *graph.Value, width, count int) []*graph.Value {
	all := b.Linear(name, c, count*width, Zero)
	parts := make([]*graph.Value, count)
	for i := range parts {
		parts[i] = b.Reshape(b.Slice(all, 1, i*width, (i+1)*width, 1), c.Shape[0], 1, width)
	}
	return parts
}

// Modulate is x (1 + scale) + shift.
func (b *Builder) Modulate(x, scale, shift *graph.Value) *graph.Value {
	return b.Add(b.Mul(x, b.Add(scale, b.Scalar(1))), shift)
}
