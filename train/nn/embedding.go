package nn

import (
	"math"

	"odeon/graph"
)

// Embedding has a trained row of numbers for each of rows labels: label [batch] int64 becomes [batch, width]. Without a scheme
// rows begin as N(0, 1), as PyTorch's do.
func (b *Builder) Embedding(name string, label *graph.Value, rows, width int, scheme ...Scheme) *graph.Value {
	init := Init{Normal: 1}
	if len(scheme) > 0 {
		init = scheme[0](rows, width)
	}
	return b.Gather(b.Parameter(name+".weight", init, rows, width), label, 0)
}

// TimeEmbedding is cat(cos(1000 t f), sin(1000 t f)) with the frequencies f_k = 10000^(-k/(width/2)), k = 0 ... width/2 - 1: t
// [batch] becomes [batch, width], width even. These are the position encodings of transformers (Vaswani et al., "Attention is all
// you need", section 3.5) at 1000 t, the step of a diffusion of 1000 steps (Ho, Jain and Abbeel, "Denoising diffusion
// probabilistic models", appendix B).
func (b *Builder) TimeEmbedding(t *graph.Value, width int) *graph.Value {
	f := make([]float64, width/2)
	for k := range f {
		f[k] = 1000 * math.Pow(10000, -float64(k)/float64(len(f)))
	}
	angle := b.Mul(b.Reshape(t, t.Shape[0], 1), b.Constant(f, graph.Shape{1, len(f)}))
	return b.Concat(1, b.Cos(angle), b.Sin(angle))
}

// SinCos are fixed positions of tokens on a grid, [1, tokens, width] (Vaswani et al.; on two and more axes as in He et al.,
// "Masked autoencoders are scalable vision learners"): each axis has its share of width/axes features, the first half of them
// sin(p f_k), the second cos(p f_k), p the token's number along the axis. Width is a multiple of twice the axes.
func (b *Builder) SinCos(grid []int, width int) *graph.Value {
	share := width / len(grid)
	tokens := product(grid)
	table := make([]float64, 0, tokens*width)
	for token := range tokens {
		after := tokens
		for _, n := range grid {
			after /= n
			p := float64(token / after % n)
			for k := range share / 2 {
				table = append(table, math.Sin(p*math.Pow(10000, -float64(k)/float64(share/2))))
			}
			for k := range share / 2 {
				table = append(table, math.Cos(p*math.Pow(10000, -float64(k)/float64(share/2))))
			}
		}
	}
	return b.Constant(table, graph.Shape{1, tokens, width})
}
