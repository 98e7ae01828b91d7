package sampler

import (
	"cmp"
	"fmt"
	"math"

	"odeon/schedule"
)

// Corrector is Langevin dynamics at the noise level that a step has come to: Steps of x' = x + h s + sqrt(2h) xi with
// h = 2 (Ratio beta)^2, s the score (Song et al. 2021, https://arxiv.org/abs/2011.13456, algorithms 4 and 5, with the norms of noise and score
// by their means, so that a step is linear).
type Corrector struct {
	Steps int     // 0: 1 of predictor-corrector, 5 of annealed-langevin
	Ratio float64 // of signal to noise; 0: 0.16
}

func (c Corrector) check() error {
	if c.Steps < 0 || c.Steps > 10_000 || !(c.Ratio >= 0 && c.Ratio < 0.7) {
		return fmt.Errorf("a Langevin corrector of %d steps with ratio %v: expected steps from 1 on, and a ratio from 0 to 0.7, where it grows unstable", c.Steps, c.Ratio)
	}
	return nil
}

// PredictorCorrector goes from level to level by ancestral sampling, and corrects by Langevin dynamics.
var PredictorCorrector = Solver{
	Name:    "predictor-corrector",
	Summary: "ancestral sampling, and Langevin dynamics at each level",
	Source:  "Song et al. 2021, arXiv 2011.13456, algorithms 2 and 3",
	step:    corrected((*builder).ddim, 1, 1),
	knows:   byEta | byCorrector,
	eta:     1,
}

// AnnealedLangevin goes from level to level as it is, in x/alpha, and leaves the rest to Langevin dynamics (Song and Ermon 2019,
// https://arxiv.org/abs/1907.05600, algorithm 1).
var AnnealedLangevin = Solver{
	Name:    "annealed-langevin",
	Summary: "Langevin dynamics at level after level",
	Source:  "Song and Ermon 2019, arXiv 1907.05600, algorithm 1",
	step:    corrected((*builder).carry, 0, 5),
	knows:   byCorrector,
}

// corrected is predict, which draws so often, and some steps of Langevin dynamics, unless no noise is left to move in.
func corrected(predict func(b *builder, k int, from, to node) error, draws, usual int) func(b *builder, k int, from, to node) error {
	return func(b *builder, k int, from, to node) error {
		steps := cmp.Or(b.settings.Corrector.Steps, usual)
		b.draws = draws + steps
		if b.settings.Resample.times() > 1 {
			b.draws++
		}
		if err := predict(b, k, from, to); err != nil || to.point.Beta == 0 {
			return err
		}
		if b.quiet != "" && b.settings.Last == "ode" {
			return nil
		}
		b.plan.Rows[len(b.plan.Rows)-1].Ends = false
		h := 2 * math.Pow(cmp.Or(b.settings.Corrector.Ratio, 0.16)*to.point.Beta, 2)
		for i := range steps {
			row, err := b.call(k, to)
			if err != nil {
				return err
			}
			score, err := b.functional(to, schedule.Score)
			if err != nil {
				return err
			}
			row.becomes(expression{X: 1}.plus(h, score))
			row.C = math.Sqrt(2 * h)
			row.Next, row.Ends, row.Note = to.t, i+1 == steps, "Langevin"
			b.append(row)
		}
		return nil
	}
}

// carry keeps x/alpha, and pure noise as it is in x/beta; to clean data it takes the prediction.
func (b *builder) carry(k int, from, to node) error {
	if to.point.Beta == 0 {
		return b.jump(k, from, "to clean data")
	}
	row := b.still(k, from)
	row.Next, row.Ends, row.A = to.t, true, to.point.Alpha/from.point.Alpha
	if from.point.Alpha == 0 { // pure noise
		row.A = to.point.Beta / from.point.Beta
	}
	b.append(row)
	return nil
}
