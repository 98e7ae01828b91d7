package sampler

// The methods that go by the last values of f. Orders count those values; the first steps have fewer, and so a lower order.

// AdamsBashforth is the linear multistep method on the velocity, with steps of any length (Hairer, Norsett and Wanner, Solving Ordinary
// Differential Equations I, III.5): the integral of the polynomial through the last slopes.
var AdamsBashforth = multistep{form: velocityForm, over: byMeasure}.solver("ab", 4, 4,
	"Adams-Bashforth of order 1 to 4 (4) on the velocity, one call a step")

// LMS is Adams-Bashforth on x/alpha and the noise level beta/alpha, as in k-diffusion's sample_lms.
var LMS = multistep{form: noiseForm, over: byMeasure}.solver("lms", 4, 4,
	"Adams-Bashforth of order 1 to 4 (4) in the noise level beta/alpha")

// DEIS is tAB-DEIS: the polynomial through the last noise predictions is one in t, and the integral is that of the exponential integrator
// (Zhang and Chen 2022, https://arxiv.org/abs/2204.13902, equation 15).
var DEIS = multistep{form: noiseForm, over: byTime}.solver("deis", 3, 4,
	"exponential multistep on the noise, polynomials in t; order 1 to 4 (3)")

// DEISLogRho is DEIS with polynomials in log(beta/alpha), as diffusers has it.
var DEISLogRho = multistep{form: noiseForm, over: byLambda}.solver("deis-lambda", 3, 4,
	"exponential multistep on the noise, polynomials in lambda; order 1 to 4 (3)")

// ExponentialAdams is the exponential multistep method on the data prediction with the exact integral, on any path and
// for any diffusion coefficient: Adams-Bashforth where f is not the velocity (Hochbruck and Ostermann 2010, section 2.4).
var ExponentialAdams = multistep{form: dataForm, over: byLambda}.solver("exponential-ab", 3, 4,
	"exponential multistep on the data prediction, integrals exact; order 1 to 4 (3); walks any sigma, or eta")

// adamsShares are the weights of Adams and Bashforth for equal steps, the newest first.
var adamsShares = [][]float64{
	{1},
	{3.0 / 2, -1.0 / 2},
	{23.0 / 12, -16.0 / 12, 5.0 / 12},
	{55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24},
}

// IPNDM takes the weights for equal steps, whatever the steps are (Zhang and Chen 2022, appendix H.2).
var IPNDM = multistep{form: noiseForm, shares: adamsShares}.solver("ipndm", 4, 4,
	"pndm with lower orders in its first steps; order 1 to 4 (4), for nearly equal steps")

// PNDM is IPNDM whose first three steps are of Runge's and Kutta's kind, four calls each (Liu et al. 2022, https://arxiv.org/abs/2202.09778,
// algorithm 2).
var PNDM = multistep{form: noiseForm, shares: adamsShares, starts: 3, start: runge()}.solver("pndm", 4, 4,
	"pseudo linear multistep; its first three steps are pseudo Runge-Kutta")

// PLMS is PNDM without that start: its first step is taken twice (as latent diffusion does).
var PLMS = multistep{form: noiseForm, shares: adamsShares, starts: 1, start: twice()}.solver("plms", 4, 4,
	"pndm whose first step is Heun's instead")

func runge() *singlestep {
	m := RK4.Tableau.exponential(noiseForm, byTime)
	m.lower = twice()
	return &m
}

func twice() *singlestep {
	m := Heun.Tableau.exponential(noiseForm, byTime)
	return &m
}

// solver gives a multistep method its name.
func (m multistep) solver(name string, order, highest int, summary string) Solver {
	return Solver{Name: name, Summary: summary, step: m.step, works: m.works(), order: order, highest: highest, noisy: m.noise()}
}

// noise is which noise the method adds up rightly: that of any diffusion coefficient in the data form, that of eta in both
// exponential forms where the polynomial is one in lambda.
func (m multistep) noise() noisy {
	switch {
	case m.over == byLambda && m.form == dataForm && m.shares == nil:
		return byEta | bySigma
	case m.over == byLambda && m.form == noiseForm && m.shares == nil:
		return byEta
	}
	return 0
}
