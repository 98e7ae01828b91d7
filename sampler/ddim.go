package sampler

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// DDIM steps from one noise level to the next through the predicted data and noise (Song, Meng and Ermon 2021, equation
// 12), on any path. Its eta, 0 unless set, is the share of fresh noise. On a variance-exploding path it is what
// k-diffusion calls Euler.
var DDIM = Solver{
	Name:    "ddim",
	Summary: "through the predicted data and noise",
	Source:  "Song, Meng and Ermon 2021, arXiv 2010.02502",
	step:    (*builder).ddim,
	orders:  []int{1},
	knows:   byEta | byVariance,
	eta:     0,
}

// DDPM is ancestral sampling (Ho, Jain and Abbeel 2020, algorithm 2): DDIM with eta 1, whose noise has the posterior's
// variance, or the forward step's with Variance "beta".
var DDPM = Solver{
	Name:    "ddpm",
	Summary: "ancestral sampling: ddim with eta 1",
	Source:  "Ho, Jain and Abbeel 2020, arXiv 2006.11239",
	step:    (*builder).ddim,
	orders:  []int{1},
	knows:   byEta | byVariance,
	eta:     1,
}

// ddim writes x' = alpha_next z + sqrt(beta_next^2 - s^2) eps + s xi.
//
// With r = alpha/alpha_next and bhat^2 = beta^2 - r^2 beta_next^2, the variance of the forward process from the next
// state to this one, s = eta (beta_next/beta) bhat. In terms of q = (alpha/beta) / (alpha_next/beta_next), the ratio of
// signal to noise before and after, bhat = beta sqrt(1-q^2), s = eta beta_next sqrt(1-q^2) and
// beta_next^2 - s^2 = beta_next^2 (1 - eta^2 + eta^2 q^2): nothing cancels, and no beta that may be 0 divides. From pure
// noise (alpha = 0), q is 0.
func (b *builder) ddim(k int, from, to node) error {
	here, next, eta := from.point, to.point, b.eta
	q, kept, c := 0.0, 1.0, 0.0
	if eta != 0 && next.Beta != 0 && from.noise == nil {
		if here.Alpha != 0 {
			q = here.Alpha * next.Beta / (here.Beta * next.Alpha)
		}
		if !(q < 1+1e-12) {
			return fmt.Errorf("%s with eta %v adds fresh noise, which it can only on the way from noise to data; "+
				"the step from t=%.6g to t=%.6g goes the other way: take eta 0", b.plan.Solver, eta, from.t, to.t)
		}
		q = min(q, 1)
		fresh := math.Sqrt((1 - q) * (1 + q))
		if c = eta * next.Beta * fresh; b.settings.Variance == "beta" {
			c = here.Beta * fresh
		}
		if kept = (1-eta)*(1+eta) + eta*eta*q*q; kept < 0 {
			return fmt.Errorf("eta %v asks for more fresh noise than there is at t=%.6g: take an eta of at most %.6g", eta, to.t, 1/fresh)
		}
	}
	m := next.Beta * math.Sqrt(kept)

	row, err := b.call(k, from)
	if err != nil {
		return err
	}
	var data, noise expression
	if next.Alpha != 0 {
		if data, err = b.functional(from, schedule.Data); err != nil {
			return err
		}
	}
	if m != 0 {
		if noise, err = b.functional(from, schedule.Noise); err != nil {
			return err
		}
	}
	row.becomes(expression{}.plus(next.Alpha, data).plus(m, noise))
	if row.C = c; from.noise != nil {
		row.C, row.L = *from.noise, from.widens
	}
	row.Next, row.Ends = to.t, true
	b.append(row)
	return nil
}

// jump writes the step from n to the data prediction itself: ddim's step to clean data.
func (b *builder) jump(k int, n node, note string) error {
	row, data, err := b.predicted(k, n)
	if err != nil {
		return err
	}
	row.becomes(data)
	row.Next, row.Ends, row.Note = 1, true, note
	b.append(row)
	return nil
}
