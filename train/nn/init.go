package nn

import (
	"fmt"
	"math"

	"odeon/sampler"
)

// Init is how a parameter begins: each of its numbers is Value + Normal n + Uniform u, n drawn from N(0, 1) and u uniformly from
// [-1, 1]. The zero value is zero.
type Init struct{ Value, Normal, Uniform float64 }

// A Scheme is the Init of a weight by which fanIn numbers are summed into each result, and fanOut likewise on the way back.
type Scheme func(fanIn, fanOut int) Init

// Torch is what PyTorch's Linear and Conv begin with, weights and biases: U(-1/sqrt(fanIn), 1/sqrt(fanIn)).
func Torch(fanIn, _ int) Init { return Init{Uniform: 1 / math.Sqrt(float64(fanIn))} }

// Xavier is U(-a, a), a = sqrt(6/(fanIn + fanOut)): the variance of what goes forward and of what goes back is kept half-way
// (Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", equation 16).
func Xavier(fanIn, fanOut int) Init { return Init{Uniform: math.Sqrt(6 / float64(fanIn+fanOut))} }

// He is N(0, 2/fanIn): the variance is kept through layers that let half of it pass (He, Zhang, Ren and Sun, "Delving deep into
// rectifiers", equation 10).
func He(fanIn, _ int) Init { return Init{Normal: math.Sqrt(2 / float64(fanIn))} }

// Zero is 0: a residual branch that ends in it does nothing at first, so that depth does no harm (Goyal et al., "Accurate, large
// minibatch SGD", section 5.1; ADM's zero_module; adaLN-zero).
func Zero(_, _ int) Init { return Init{} }

// Small is N(0, 0.02^2), what transformers' embeddings begin with (GPT, BERT, DiT).
func Small(_, _ int) Init { return Init{Normal: 0.02} }

// initDraw is the draw of the noise that parameters begin with: one that no training step reaches.
const initDraw = math.MaxInt32

// Initialize draws the parameters, in the order of b.Parameters. The noise in element e of parameter k is a function of
// (seed, k, e) alone.
func Initialize(b *Builder, seed uint64) [][]float32 {
	if len(b.Inits) != len(b.Parameters) {
		panic(fmt.Sprintf("nn: the graph has %d parameters, the builder added %d of them", len(b.Parameters), len(b.Inits)))
	}
	weights := make([][]float32, len(b.Parameters))
	for k, p := range b.Parameters {
		weights[k] = make([]float32, p.Shape.Count(1))
		b.Inits[k].fill(weights[k], seed, k)
	}
	return weights
}

// fill draws parameter number k. Products are rounded before they are added, so that no compiler fuses the two.
func (i Init) fill(dst []float32, seed uint64, k int) {
	noise := sampler.Philox{Seed: seed}
	var normals []float32
	var uniforms []float64
	var err error
	if i.Normal != 0 {
		normals = make([]float32, len(dst))
		err = noise.Normals(normals, k, 1, initDraw)
	}
	if i.Uniform != 0 && err == nil {
		uniforms = make([]float64, len(dst))
		err = noise.Uniforms(uniforms, k, 1, initDraw)
	}
	if err != nil {
		panic("nn: " + err.Error()) // a parameter of more than 2^34 numbers
	}
	for e := range dst {
		x := i.Value
		if normals != nil {
			x += float64(i.Normal * float64(normals[e]))
		}
		if uniforms != nil {
			x += float64(i.Uniform * (2*uniforms[e] - 1))
		}
		dst[e] = float32(x)
	}
}
