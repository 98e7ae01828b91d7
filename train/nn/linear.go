package nn

import "odeon/graph"

// Linear is x W + b along the last axis, W [in, out]. Without a scheme both begin as PyTorch's do; with one, W begins as it says
// and b with zeros.
func (b *Builder) Linear(name string, x *graph.Value, out int, scheme ...Scheme) *graph.Value {
	rank := len(x.Shape)
	in := x.Shape[rank-1]
	w, bias := b.weightAndBias(name, scheme, in, out, out, in, out)
	if rank == 2 {
		return b.Add(b.MatMul(x, w), bias)
	}
	// One product of matrices is faster than a stack of them.
	shape := append(x.Shape[:rank-1:rank-1], out)
	y := b.MatMul(b.Reshape(x, product(x.Shape[:rank-1]), in), w)
	return b.Reshape(b.Add(y, bias), shape...)
}

// Flatten joins all axes but the batch: [batch, features].
func (b *Builder) Flatten(x *graph.Value) *graph.Value {
	if len(x.Shape) == 2 {
		return x
	}
	return b.Reshape(x, x.Shape[0], product(x.Shape[1:]))
}
