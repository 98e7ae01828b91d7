package sampler

import (
	"cmp"
	"math"

	"odeon/schedule"
)

// Solvers for networks that were trained to predict the data in one step.

// Consistency jumps to the predicted data and adds noise of the next level (Song et al. 2023, https://arxiv.org/abs/2303.01469, algorithm
// 1): x' = alpha' z + sqrt(beta'^2 - alpha'^2 sigma_min^2) xi, with sigma_min the noise left at the path's end.
var Consistency = Solver{
	Name:    "consistency",
	Summary: "to the predicted data, and fresh noise of the next level: for consistency models",
	Source:  "Song et al. 2023, arXiv 2303.01469, algorithm 1",
	step:    (*builder).consistency,
}

func (b *builder) consistency(k int, from, to node) error {
	row, data, err := b.predicted(k, from)
	if err != nil {
		return err
	}
	b.renoise(row, expression{}.plus(to.point.Alpha, data), to, to.point.Alpha*b.model.Path.At(1).Sigma())
	return nil
}

// predicted is the row that calls the network at n, and the data prediction there.
func (b *builder) predicted(k int, n node) (row Row, data expression, err error) {
	if row, err = b.call(k, n); err == nil {
		data, err = b.functional(n, schedule.Data)
	}
	return row, data, err
}

// renoise finishes the row as a step to e with fresh noise, up to that of the node to, of which e has as much as is kept.
func (b *builder) renoise(row Row, e expression, to node, kept float64) {
	row.becomes(e)
	row.C = math.Sqrt(max(0, (to.point.Beta-kept)*(to.point.Beta+kept)))
	row.Next, row.Ends = to.t, true
	b.append(row)
}

// LCM is multistep sampling of latent consistency models (Luo et al. 2023, https://arxiv.org/abs/2310.04378, algorithm 3):
// consistency with z replaced by c_skip x + c_out z, c_skip = s^2/(s^2 + tau^2), c_out = tau/sqrt(s^2 + tau^2), s = 1/2 and
// tau Settings.Boundary, 10, times the trained index (of a thousand on a path without).
var LCM = Solver{
	Name:    "lcm",
	Summary: "for latent consistency models: consistency with the boundary's skip",
	Source:  "Luo et al. 2023, arXiv 2310.04378, algorithm 3",
	step:    (*builder).lcm,
	knows:   byBoundary,
}

func (b *builder) lcm(k int, from, to node) error {
	row, data, err := b.predicted(k, from)
	if err != nil {
		return err
	}
	tau := 1000 * (1 - from.t)
	if b.discrete != nil {
		tau = from.point.Index
	}
	tau *= cmp.Or(b.settings.Boundary, 10)
	const square = 0.5 * 0.5
	skip := square / (square + tau*tau)
	denoised := expression{X: skip}.plus(tau/math.Sqrt(square+tau*tau), data)
	b.renoise(row, expression{}.plus(to.point.Alpha, denoised), to, 0)
	return nil
}

// TCD is strategic stochastic sampling (Zheng et al. 2024, https://arxiv.org/abs/2402.19159, algorithm 4): by data and noise to a
// time cleaner than the next by the share gamma, and back to the next by fresh noise.
var TCD = Solver{
	Name:    "tcd",
	Summary: "for trajectory consistency: past the next time by a share gamma (0.3), back by fresh noise",
	Source:  "Zheng et al. 2024, arXiv 2402.19159, algorithm 4",
	step:    (*builder).tcd,
	knows:   byGamma,
}

func (b *builder) tcd(k int, from, to node) error {
	gamma := 0.3
	if b.settings.Gamma != nil {
		gamma = *b.settings.Gamma
	}
	past := to
	switch {
	case len(from.stages) > 0:
		past = from.stages[0]
	case to.point.Beta == 0:
	case b.discrete == nil:
		past = b.at(1 - (1-gamma)*(1-to.t))
	default:
		past = b.index(schedule.Index((1 - gamma) * to.point.Index))
	}
	row, data, err := b.predicted(k, from)
	if err != nil {
		return err
	}
	noise, err := b.functional(from, schedule.Noise)
	if err != nil {
		return err
	}
	back := to.point.Alpha / past.point.Alpha
	kept := back * past.point.Beta
	b.renoise(row, expression{}.plus(to.point.Alpha, data).plus(kept, noise), to, kept)
	return nil
}
