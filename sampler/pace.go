package sampler

import (
	"math"
	"slices"
)

// A step of Langevin dynamics may be as long as the state asks for: the prediction and the noise of a row with a Ratio r are multiplied by
// h and sqrt(2h), with
//
//	h = 2 (r |xi| / |p|)^2
//
// and |.| the mean over the batch of the samples' Euclidean norms (Song et al. 2021, https://arxiv.org/abs/2011.13456, algorithm 4). It is
// the one thing that samples of a batch do to one another. [Corrector] goes by the norms' means, at which r alone says how long a step is.

// pace multiplies the prediction and the noise of n samples by what the ratio makes of them.
func pace(p, xi []float32, ratio float64, n int) {
	h := 2 * math.Pow(ratio*meanNorm(xi, n)/meanNorm(p, n), 2)
	scale(p, float32(h), p)
	scale(xi, float32(math.Sqrt(2*h)), xi)
}

// meanNorm is the mean of the norms of n samples.
func meanNorm(v []float32, n int) float64 {
	mean := 0.0
	for sample := range slices.Chunk(v, len(v)/n) {
		square := 0.0
		for _, e := range sample {
			square += float64(e) * float64(e)
		}
		mean += math.Sqrt(square) / float64(n)
	}
	return mean
}

// Together says whether the samples of a batch bear on one another, so that all have to be walked in one.
func (p *Plan) Together() bool {
	return slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Ratio != 0 })
}
