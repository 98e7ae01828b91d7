package sampler

import (
	"cmp"
	"math"

	"odeon/schedule"
)

// Solvers as diffusers has them, where it departs from the published method. They have no name on the command line: the configuration
// of a scheduler asks for them.

var (
	// DiffusersIPNDM is ipndm that begins in pure noise with x itself as the noise, and sees no data in it whatever the network says: in
	// float32 the difference of the two, over an alpha of 1e-8, is 0.
	DiffusersIPNDM = multistep{form: noiseForm, shares: adamsShares, blind: true}.solver("ipndm-blind", 4, 4, "ipndm that makes nothing of its first call", "diffusers, IPNDMScheduler")

	// DiffusersSDE3 is dpmpp-3m-sde with the sign of one half turned in the weight of the second difference.
	DiffusersSDE3     = sde(multistep{form: dataForm, over: byLambda, rule: turned(midpoints)}.solver("dpmpp-3m-sde-turned", 3, 3, "dpmpp-3m-sde with another third term", "diffusers"))
	DiffusersSDE3Heun = sde(multistep{form: dataForm, over: byLambda, rule: turned(thirds)}.solver("dpmpp-3m-sde-heun-turned", 3, 3, "dpmpp-2m-sde-heun with another third term", "diffusers"))

	// DiffusersDPMpp3S and DiffusersDPM3S are dpmpp-3s and dpm-3s whose second stage is of the midpoint form too.
	DiffusersDPMpp3S = halfway(dataForm).solver("dpmpp-3s-half", 0, 3, "dpmpp-3s with a second stage of the midpoint form", "diffusers")
	DiffusersDPM3S   = halfway(noiseForm).solver("dpm-3s-half", 0, 3, "dpm-3s with a second stage of the midpoint form", "diffusers")

	// DiffusersSA and DiffusersSANoise are the stochastic Adams solver (Xue et al. 2023, https://arxiv.org/abs/2309.05019) on the data prediction, with
	// UniPC's first moment for straight lines, and on the noise.
	DiffusersSA      = sde(multistep{form: dataForm, over: byLambda, rule: bh1, corrected: true}.solver("sa-bh1", 2, 4, "sa with the first moment of UniPC's bh1", "diffusers"))
	DiffusersSANoise = sde(multistep{form: noiseForm, over: byLambda, corrected: true}.solver("sa-noise", 2, 4, "sa on the noise", "diffusers"))
)

// DiffusersScoreSDE is predictor and corrector for networks of the score whose noise explodes (Song et al. 2021, https://arxiv.org/abs/2011.13456,
// algorithm 2, with the correctors of a level before its predictor), in x/alpha and sigma = beta/alpha:
//
//	x'/alpha' = x/alpha + (sigma^2 - sigma'^2) alpha s + sqrt(sigma^2 - sigma'^2) xi,
//
// after Corrector.Steps (1) of Langevin dynamics whose length is measured, with Corrector.Ratio (0.16).
var DiffusersScoreSDE = Solver{
	Name:    "score-sde",
	Summary: "Langevin dynamics of measured length at a level, and the reverse diffusion to the next",
	Source:  "Song et al. 2021, arXiv 2011.13456, algorithm 2",
	step:    (*builder).scoreSDE,
	works:   schedule.Score,
	knows:   byCorrector,
}

func (b *builder) scoreSDE(k int, from, to node) error {
	sigma, next := from.point.Sigma(), to.point.Sigma()
	if !(next < sigma) || from.point.Alpha == 0 {
		return &noCallError{t: from.t, why: "the reverse diffusion goes from a finite noise level beta/alpha to a lower one"}
	}
	steps := cmp.Or(b.settings.Corrector.Steps, 1)
	b.draws = steps + 1
	for range steps {
		row, err := b.call(k, from)
		if err != nil {
			return err
		}
		row.A, row.B, row.C = 1, []float64{1}, 1
		row.Ratio = cmp.Or(b.settings.Corrector.Ratio, 0.16)
		row.Next, row.Note = from.t, "Langevin, its length measured"
		b.append(row)
	}
	row, err := b.call(k, from)
	if err != nil {
		return err
	}
	square := (sigma - next) * (sigma + next)
	row.A, row.B, row.C = to.point.Alpha/from.point.Alpha, []float64{to.point.Alpha * square * from.point.Alpha}, to.point.Alpha*math.Sqrt(square)
	row.Next, row.Ends = to.t, true
	b.append(row)
	return nil
}

// turned is the weight in diffusers' multistep_dpm_solver_third_order_update of sde-dpmsolver++.
func turned(r rule) rule {
	return func(s *stride, degree, i int) float64 {
		if i == 2 {
			return thirds(s, degree, i) - s.scale
		}
		return r(s, degree, i)
	}
}

func halfway(f form) singlestep {
	m := dpm3(f, 0, 2)
	m.stages[1].rule = half
	return m
}
