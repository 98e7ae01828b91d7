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

func dpm3(f form, last ...int) singlestep {
	lower := dpm2(f, half)
	return singlestep{form: f, over: byLambda, lower: &lower, stages: []stage{
		{at: 1.0 / 3, nodes: []int{0}},
		{at: 2.0 / 3, nodes: []int{0, 1}},
		{at: 1, nodes: last},
	}}
}

// dpmSolvers are the named members of the family: form, multistep or singlestep, midpoint or Heun's weights, ODE or SDE.
func dpmSolvers() []Solver {
	multi := func(f form, r rule) multistep { return multistep{form: f, over: byLambda, rule: r} }
	sde := func(s Solver) Solver {
		s.eta = 1
		return s
	}
	return []Solver{
		multi(dataForm, midpoints).solver("dpmpp-2m", 2, 3, "DPM-Solver++ multistep, order 1 to 3 (2); eta adds noise, sigma any"),
		multi(dataForm, thirds).solver("dpmpp-2m-heun", 2, 3, "dpmpp-2m with the exact integral of the straight line"),
		multi(dataForm, midpoints).solver("dpmpp-3m", 3, 3, "dpmpp-2m of order 3"),
		sde(multi(dataForm, midpoints).solver("dpmpp-2m-sde", 2, 3, "SDE-DPM-Solver++: dpmpp-2m with eta 1")),
		sde(multi(dataForm, thirds).solver("dpmpp-2m-sde-heun", 2, 3, "dpmpp-2m-heun with eta 1")),
		sde(multi(dataForm, midpoints).solver("dpmpp-3m-sde", 3, 3, "dpmpp-3m with eta 1")),
		dpm2(dataForm, half).solver("dpmpp-2s", byEta, "DPM-Solver++ singlestep, order 2: two calls a step"),
		dpm2(dataForm, nil).solver("dpmpp-2s-heun", byEta, "dpmpp-2s with the exact integral of the straight line"),
		dpm3(dataForm, 0, 2).solver("dpmpp-3s", 0, "DPM-Solver++ singlestep, order 3: three calls a step"),
		dpm3(dataForm, 0, 1, 2).solver("dpmpp-3s-heun", 0, "dpmpp-3s with the parabola through all its stages"),
		sde(dpm2(dataForm, half).solver("dpmpp-sde", byEta, "dpmpp-2s with eta 1: the noise of the stage is a part of the step's")),
		ancestral(dpm2(dataForm, half).solver("dpmpp-2s-ancestral", byEta, "dpmpp-2s to a lower noise level, and fresh noise")),
		multi(noiseForm, midpoints).solver("dpm-2m", 2, 3, "DPM-Solver multistep on the noise, order 1 to 3 (2)"),
		multi(noiseForm, thirds).solver("dpm-2m-heun", 2, 3, "dpm-2m with the exact integral of the straight line"),
		multi(noiseForm, midpoints).solver("dpm-3m", 3, 3, "dpm-2m of order 3"),
		sde(multi(noiseForm, midpoints).solver("dpm-2m-sde", 2, 2, "SDE-DPM-Solver on the noise")),
		dpm2(noiseForm, half).solver("dpm-2s", 0, "DPM-Solver-2: two calls a step"),
		dpm2(noiseForm, nil).solver("dpm-2s-heun", 0, "dpm-2s with the exact integral of the straight line"),
		dpm3(noiseForm, 0, 2).solver("dpm-3s", 0, "DPM-Solver-3: three calls a step"),
		dpm3(noiseForm, 0, 1, 2).solver("dpm-3s-heun", 0, "dpm-3s with the parabola through all its stages"),
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
	uni := func(f form, r rule) multistep { return multistep{form: f, over: byLambda, rule: r, corrected: true} }
	return []Solver{
		uni(dataForm, half).solver("unipc", 2, 3, "UniPC with bh2 on the data prediction: predictor and corrector, one call a step; order 1 to 3 (2)"),
		uni(dataForm, bh1).solver("unipc-bh1", 2, 3, "UniPC with bh1"),
		uni(noiseForm, half).solver("unipc-noise", 2, 3, "UniPC with bh2 on the noise"),
		uni(dataForm, nil).solver("sa", 3, 4, "exponential predictor and corrector, integrals exact, order 1 to 4 (3); with eta the stochastic Adams solver"),
	}
}

// solver gives a singlestep method its name.
func (m singlestep) solver(name string, n noisy, summary string) Solver {
	return Solver{Name: name, Summary: summary, step: m.step, works: m.works(), noisy: n, draws: len(m.stages)}
}
