package sampler

import "odeon/schedule"

// The methods that go by the last values of f. Orders count those values; the first steps have fewer, and so a lower order.

// AdamsBashforth is the linear multistep method on the velocity, with steps of any length (Hairer, Norsett and Wanner, Solving Ordinary
// Differential Equations I, III.5): the integral of the polynomial through the last slopes.
var AdamsBashforth = multistep{form: velocityForm, over: byMeasure}.solver("ab", 4, 4,
	"Adams-Bashforth on the velocity, steps of any length",
	"Hairer, Norsett and Wanner, III.5")

// LMS is Adams-Bashforth on x/alpha and the noise level beta/alpha, as in k-diffusion's sample_lms.
var LMS = multistep{form: noiseForm, over: byMeasure}.solver("lms", 4, 4,
	"Adams-Bashforth in the noise level beta/alpha",
	"k-diffusion, sample_lms")

// DEIS is tAB-DEIS: the polynomial through the last noise predictions is one in t, and the integral is that of the exponential integrator
// (Zhang and Chen 2022, https://arxiv.org/abs/2204.13902, equation 15).
var DEIS = multistep{form: noiseForm, over: byTime}.solver("deis", 3, 4,
	"exponential multistep on the noise, polynomials in t",
	"Zhang and Chen 2022, arXiv 2204.13902")

// DEISLogRho is DEIS with polynomials in log(beta/alpha), as diffusers has it.
var DEISLogRho = multistep{form: noiseForm, over: byLambda}.solver("deis-lambda", 3, 4,
	"exponential multistep on the noise, polynomials in lambda",
	"diffusers, DEISMultistepScheduler")

// ExponentialAdams is the exponential multistep method on the data prediction with the exact integral, on any path and
// for any diffusion coefficient: Adams-Bashforth where f is not the velocity (Hochbruck and Ostermann 2010, section 2.4).
var ExponentialAdams = multistep{form: dataForm, over: byLambda}.solver("exponential-ab", 3, 4,
	"exponential multistep on the data prediction, integrals exact; any sigma",
	"Hochbruck and Ostermann 2010, section 2.4")

// adamsShares are the weights of Adams and Bashforth for equal steps, the newest first.
var adamsShares = [][]float64{
	{1},
	{3.0 / 2, -1.0 / 2},
	{23.0 / 12, -16.0 / 12, 5.0 / 12},
	{55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24},
}

// IPNDM takes the weights for equal steps, whatever the steps are (Zhang and Chen 2022, appendix H.2).
var IPNDM = multistep{form: noiseForm, shares: adamsShares}.solver("ipndm", 4, 4,
	"pndm with lower orders in its first steps; for nearly equal steps",
	"Zhang and Chen 2022, appendix H.2")

// PNDM is IPNDM whose first three steps are of Runge's and Kutta's kind, four calls each (Liu et al. 2022, https://arxiv.org/abs/2202.09778,
// algorithm 2).
var PNDM = multistep{form: noiseForm, shares: adamsShares, starts: 3, start: runge()}.solver("pndm", 4, 4,
	"pseudo linear multistep, first three steps pseudo Runge-Kutta; for equal steps",
	"Liu et al. 2022, arXiv 2202.09778, algorithm 2")

// PLMS is PNDM without that start: its first step is taken twice (as latent diffusion does).
var PLMS = multistep{form: noiseForm, shares: adamsShares, starts: 1, start: twice()}.solver("plms", 4, 4,
	"pndm whose first step is Heun's instead; for equal steps",
	"latent diffusion, PLMSSampler")

func runge() *singlestep {
	m := RK4.Tableau.exponential(noiseForm, byTime)
	m.lower = twice()
	return &m
}

func twice() *singlestep {
	m := Heun.Tableau.exponential(noiseForm, byTime)
	return &m
}

// Unconverted is the solver on the network's own predictions p: where it would take w f of earlier values, it takes that functional
// of w p and of the state in which the step begins. With weights that add up to the whole that is the same where p is f; where
// it is not, p is taken as constant, and not f.
func (s Solver) Unconverted() Solver {
	f, step := s.works, s.step
	s.works = schedule.Prediction{}
	s.step = func(b *builder, k int, from, to node) error {
		first := len(b.plan.Rows)
		if err := step(b, k, from, to); err != nil {
			return err
		}
		for i := range b.plan.Rows[first:] {
			row, begin := &b.plan.Rows[first+i], from
			if i > 0 && i <= len(from.stages) && from.stages[i-1].from != nil {
				begin = *from.stages[i-1].from
			}
			c, err := schedule.Convert(begin.path, b.basis, f, begin.t)
			if err != nil {
				return err
			}
			state := &row.A
			if i > 0 {
				state = &row.A0
			}
			for j, w := range row.B {
				*state += w * c.X
				row.B[j] = w * c.P
			}
		}
		return nil
	}
	return s
}

// solver gives a multistep method its name.
func (m multistep) solver(name string, order, highest int, summary, source string) Solver {
	s := Solver{Name: name, Summary: summary, Source: source, step: m.step, works: m.works(), order: order, highest: highest, knows: m.noise()}
	for p := 1; p <= highest && m.shares == nil; p++ {
		s.orders = append(s.orders, m.converges(p))
	}
	return s
}

// converges is the order of the error, at the method's order p: a corrector's is one more, and thirds is one less than third.
func (m multistep) converges(p int) int {
	switch {
	case m.corrected:
		return p + 1
	case m.rule != nil:
		return min(p, 2)
	}
	return p
}

// noise is which noise the method adds up rightly: that of any diffusion coefficient in the data form, that of eta in both
// exponential forms where the polynomial is one in lambda.
func (m multistep) noise() setting {
	switch {
	case m.over == byLambda && m.form == dataForm && m.shares == nil:
		return byEta | bySigma
	case m.over == byLambda && m.form == noiseForm && m.shares == nil:
		return byEta
	}
	return 0
}
