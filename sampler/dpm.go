package sampler

// DPM-Solver goes by the noise, DPM-Solver++ by the data prediction, with polynomials in lambda. Lu et al. 2022,
// https://arxiv.org/abs/2206.00927 and https://arxiv.org/abs/2211.01095.

// thirds is what the multistep solvers take for the second moment: half of it, which makes their third order one in name
// and of a smaller error than the second. (In the singlestep solvers it is whole.)
func thirds(s *stride, degree, i int) float64 {
	if i == 2 {
		return s.moment(2) / 2
	}
	return s.moment(i)
}

// midpoints is half for a straight line and thirds for a parabola: the midpoint forms of the authors' code.
func midpoints(s *stride, degree, i int) float64 {
	if degree == 1 {
		return half(s, degree, i)
	}
	return thirds(s, degree, i)
}

// dpms are the stages of the singlestep solvers of order 2 and 3: DPM-Solver-2 and 3 of the papers.
func dpm2(f form, r rule) singlestep {
	return singlestep{form: f, over: byLambda, stages: []stage{
		{at: 1.0 / 2, nodes: []int{0}},
		{at: 1, nodes: []int{0, 1}, rule: r},
	}}
}

// DPMSolverSDE is k-diffusion's sample_dpmpp_sde: the noise of a stage and that of its step are increments of one Brownian motion in the
// noise level beta/alpha.
var DPMSolverSDE = sde(dpm2(dataForm, half).moved().solver("dpmpp-sde-sigma", byEta, 2,
	"dpmpp-sde whose noise is a Brownian motion in beta/alpha", "k-diffusion, sample_dpmpp_sde"))

// sde is the solver with eta 1.
func sde(s Solver) Solver {
	s.eta = 1
	return s
}

// moved is the method with the noise of a Brownian motion in beta/alpha.
func (m singlestep) moved() singlestep {
	m.motion = true
	return m
}

// dpm3 is of third order; with all its stages in the last, and in the steps that are of second order only, it has Heun's weights.
func dpm3(f form, last ...int) singlestep {
	lower := dpm2(f, half)
	if len(last) == 3 {
		lower = dpm2(f, nil)
	}
	return singlestep{form: f, over: byLambda, lower: &lower, stages: []stage{
		{at: 1.0 / 3, nodes: []int{0}},
		{at: 2.0 / 3, nodes: []int{0, 1}},
		{at: 1, nodes: last},
	}}
}

// dpmSolvers are the named members of the family: form, multistep or singlestep, midpoint or Heun's weights, ODE or SDE.
func dpmSolvers() []Solver {
	multi := func(f form, r rule) multistep { return multistep{form: f, over: byLambda, rule: r} }
	const (
		dpm   = "Lu et al. 2022, arXiv 2206.00927"
		dpmpp = "Lu et al. 2022, arXiv 2211.01095"
		k     = "k-diffusion, sample_"
	)
	return []Solver{
		multi(dataForm, midpoints).solver("dpmpp-2m", 2, 3, "DPM-Solver++ multistep, midpoint form; any sigma", dpmpp),
		multi(dataForm, thirds).solver("dpmpp-2m-heun", 2, 3, "dpmpp-2m with the exact integral of the straight line", dpmpp),
		multi(dataForm, midpoints).solver("dpmpp-3m", 3, 3, "dpmpp-2m of order 3 (its error is of order 2)", dpmpp),
		sde(multi(dataForm, midpoints).solver("dpmpp-2m-sde", 2, 3, "SDE-DPM-Solver++: dpmpp-2m with eta 1", dpmpp)),
		sde(multi(dataForm, thirds).solver("dpmpp-2m-sde-heun", 2, 3, "dpmpp-2m-heun with eta 1", dpmpp)),
		sde(multi(dataForm, midpoints).solver("dpmpp-3m-sde", 3, 3, "dpmpp-3m with eta 1", k+"dpmpp_3m_sde")),
		dpm2(dataForm, half).solver("dpmpp-2s", byEta, 2, "DPM-Solver++ singlestep, midpoint form", dpmpp),
		dpm2(dataForm, nil).solver("dpmpp-2s-heun", byEta, 2, "dpmpp-2s with the exact integral of the straight line", dpmpp),
		dpm3(dataForm, 0, 2).solver("dpmpp-3s", 0, 3, "DPM-Solver++ singlestep, by its first and last stage", dpmpp),
		dpm3(dataForm, 0, 1, 2).solver("dpmpp-3s-heun", 0, 3, "dpmpp-3s with the parabola through all its stages", dpmpp),
		sde(dpm2(dataForm, half).solver("dpmpp-sde", byEta, 2, "dpmpp-2s with eta 1, the stage's noise a part of the step's", k+"dpmpp_sde")),
		DPMSolverSDE,
		ancestral(dpm2(dataForm, half).solver("dpmpp-2s-ancestral", byEta, 2, "dpmpp-2s to a lower noise level, and fresh noise", k+"dpmpp_2s_ancestral")),
		multi(noiseForm, midpoints).solver("dpm-2m", 2, 3, "DPM-Solver multistep on the noise, midpoint form", dpm),
		multi(noiseForm, thirds).solver("dpm-2m-heun", 2, 3, "dpm-2m with the exact integral of the straight line", dpm),
		multi(noiseForm, midpoints).solver("dpm-3m", 3, 3, "dpm-2m of order 3 (its error is of order 2)", dpm),
		sde(multi(noiseForm, midpoints).solver("dpm-2m-sde", 2, 2, "SDE-DPM-Solver on the noise: dpm-2m with eta 1", dpmpp)),
		sde(multi(noiseForm, thirds).solver("dpm-2m-sde-heun", 2, 2, "dpm-2m-heun with eta 1", dpmpp)),
		dpm2(noiseForm, half).solver("dpm-2s", 0, 2, "DPM-Solver-2, singlestep", dpm),
		dpm2(noiseForm, nil).solver("dpm-2s-heun", 0, 2, "dpm-2s with the exact integral of the straight line", dpm),
		dpm3(noiseForm, 0, 2).solver("dpm-3s", 0, 3, "DPM-Solver-3, singlestep", dpm),
		dpm3(noiseForm, 0, 1, 2).solver("dpm-3s-heun", 0, 3, "dpm-3s with the parabola through all its stages", dpm),
	}
}

// UniPC of variant bh takes, for a straight line, half of B(h) for the first moment: h itself (bh1), or exp(h)-1 (bh2), which makes it
// half of the whole. From a parabola on its moments are exact, and B cancels. Zhao et al. 2023,
// https://arxiv.org/abs/2302.04867, algorithms 1 and 2.
func bh1(s *stride, degree, i int) float64 {
	if degree == 1 {
		return s.scale * s.rate / 2
	}
	return s.moment(i)
}

// uniSolvers are UniPC and its kin: a predictor, and the same step again with f at its end.
func uniSolvers() []Solver {
	const uniPC = "Zhao et al. 2023, arXiv 2302.04867"
	uni := func(f form, r rule) multistep { return multistep{form: f, over: byLambda, rule: r, corrected: true} }
	return []Solver{
		uni(dataForm, half).solver("unipc", 2, 3, "UniPC with bh2 on the data prediction: predictor and corrector", uniPC),
		uni(dataForm, bh1).solver("unipc-bh1", 2, 3, "UniPC with bh1", uniPC),
		uni(noiseForm, half).solver("unipc-noise", 2, 3, "UniPC with bh2 on the noise", uniPC),
		uni(noiseForm, bh1).solver("unipc-noise-bh1", 2, 3, "UniPC with bh1 on the noise", uniPC),
		uni(dataForm, nil).solver("sa", 3, 4, "exponential predictor and corrector, integrals exact; with eta the stochastic Adams solver", "Xue et al. 2023, arXiv 2309.05019"),
	}
}

// solver gives a singlestep method its name.
func (m singlestep) solver(name string, knows setting, order int, summary, source string) Solver {
	return Solver{Name: name, Summary: summary, Source: source, step: m.step, works: m.works(), orders: []int{order}, knows: knows, draws: len(m.stages)}
}
