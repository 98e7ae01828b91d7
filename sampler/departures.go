package sampler

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
