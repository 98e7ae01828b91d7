package nn

import (
	"fmt"
	"math"

	"odeon/graph"
)

// Attention is multi-head self-attention among the tokens of each sample, x [batch, tokens, width]:
//
//	q, k, v = x W_q + b_q, x W_k + b_k, x W_v + b_v
//	result  = softmax(q k^T/sqrt(d)) v of each head, joined, times W_o, plus b_o
//
// with d = width/heads features a head (Vaswani et al., "Attention is all you need", section 3.2). The schemes are those of the
// three first products and of the last; fewer of them leave PyTorch's.
func (b *Builder) Attention(name string, x *graph.Value, heads int, schemes ...Scheme) *graph.Value {
	tokens, width := x.Shape[1], x.Shape[2]
	if width%heads != 0 {
		panic(fmt.Sprintf("nn: attention %q: %d features do not divide by %d heads", name, width, heads))
	}
	d := width / heads
	first, last := schemes[:min(1, len(schemes))], schemes[min(1, len(schemes)):]
	split := func(part string, scale float64, axes ...int) *graph.Value {
		h := b.Linear(name+"."+part, x, width, first...)
		if scale != 1 {
			h = b.Mul(h, b.Scalar(scale))
		}
		return b.Transpose(b.Reshape(h, x.Shape[0], tokens, heads, d), axes...)
	}
	q := split("q", 1/math.Sqrt(float64(d)), 0, 2, 1, 3) // scaled here, where there are fewer numbers than in q k^T
	k := split("k", 1, 0, 2, 3, 1)                       // transposed
	v := split("v", 1, 0, 2, 1, 3)
	h := b.MatMul(b.Softmax(b.MatMul(q, k)), v)
	h = b.Reshape(b.Transpose(h, 0, 2, 1, 3), x.Shape...)
	return b.Linear(name+".out", h, width, last...)
}
