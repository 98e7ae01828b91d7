package sampler

import (
	"cmp"
	"context"
	"fmt"
)

// Inpaint is net where the data are known in part. Mask is how much of each element is to be painted: 1 all of it, as net predicts,
// 0 nothing, and the data prediction there is Data itself. The plan is one of Settings.Known.
//
// Every row then holds for the known elements too, whatever the solver and the path: from alpha Data + beta eps (State.Noised) they
// move along alpha Data + beta eps, with the start's eps under an ODE and with such noise as the solver adds under an SDE, and come to
// Data where the noise ends. That is the replacement of Song et al. 2021, https://arxiv.org/abs/2011.13456, appendix I.2, with noise
// that goes along the walk and is not drawn anew at every step.
//
// The rest is drawn given the known part as it is at the same time, noise included, and not given Data: near for the ODE, nearer
// the more noise the solver turns over, and exact where every step is taken again and again (Resample).
//
// It is an error if the plan does not say what a prediction is where the data are known.
func Inpaint(net Network, plan *Plan, known Known) (Network, error) {
	for i := range plan.Rows {
		if row := &plan.Rows[i]; row.Call && row.KnownX == 0 && row.KnownZ == 0 {
			return nil, fmt.Errorf("the plan was not made for data that are known in part: step %d does not say what its prediction is there; make it for such data (a mask), as odeon sample --mask FILE --save-plan PLAN does", row.Step)
		}
	}
	return &inpainted{net, known}, nil
}

// Known is what is given of the data.
type Known struct{ Data, Mask Rows }

type inpainted struct {
	net   Network
	known Known
}

func (n *inpainted) Predict(ctx context.Context, dst, x []float32, at At) error {
	if err := n.net.Predict(ctx, dst, x, at); err != nil {
		return err
	}
	dim := n.known.Mask.Dim
	samples := len(x) / max(dim, 1)
	if err := cmp.Or(n.known.Mask.check(at.First, samples, dim), n.known.Data.check(at.First, samples, dim)); err != nil {
		return err
	}
	kx, kz := float32(at.KnownX), float32(at.KnownZ)
	for i := 0; i < len(x); i += dim {
		sample := at.First + i/dim
		data, mask := n.known.Data.of(sample), n.known.Mask.of(sample)
		p, x := dst[i:i+dim], x[i:i+dim]
		for k, m := range mask {
			if m == 1 {
				continue
			}
			known := float32(kx*x[k]) + float32(kz*data[k])
			p[k] = float32(m*p[k]) + float32((1-m)*known)
		}
	}
	return nil
}
