package sampler

import "math"

// A step of Langevin dynamics may be as long as the state asks for: a row with a Ratio r is x' = A x + h B p + sqrt(2h) C xi, with
//
//	h = 2 (r |xi| / |p|)^2
//
// and |.| the mean over the batch of the samples' Euclidean norms (Song et al. 2021, https://arxiv.org/abs/2011.13456, algorithm 4). It is
// the one thing that samples of a batch do to one another. [Corrector] goes by the norms' means, at which r alone says how long a step is.

// paced is the row, with the length that it has at this state.
func (x *State) paced(row *Row) *Row {
	if row.Ratio == 0 {
		return row
	}
	h := 2 * math.Pow(row.Ratio*x.norm(x.xi)/x.norm(x.preds[x.head]), 2)
	x.pace = append(x.pace[:0], h*row.B[0])
	own := *row
	own.B, own.C = x.pace, math.Sqrt(2*h)*row.C
	x.own = own
	return &x.own
}

// norm is the mean over the samples of v of their norms.
func (x *State) norm(v []float32) float64 {
	dim, mean := len(x.X)/x.N, 0.0
	for k := range x.N {
		square := 0.0
		for _, e := range v[k*dim : (k+1)*dim] {
			square += float64(e) * float64(e)
		}
		mean += math.Sqrt(square) / float64(x.N)
	}
	return mean
}

// Together says whether the samples of a batch bear on one another, so that all have to be walked in one.
func (p *Plan) Together() bool {
	for i := range p.Rows {
		if p.Rows[i].Ratio != 0 {
			return true
		}
	}
	return false
}
