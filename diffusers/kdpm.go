package diffusers

import (
	"math"

	"odeon/sampler"
)

// The classes that call the network at a noise level in the middle of each step, in the middle of the logarithm.

func walkKDPM2(c *config) (*Walk, error) {
	l, err := c.climbKDPM2()
	if err != nil {
		return nil, err
	}
	middles := make([]float32, len(l.sigmas)-1) // of step k, from sigma k to k+1
	for k := range middles {
		middles[k] = exp32(halfway(log32(float32(l.sigmas[k+1])), log32(float32(l.sigmas[k]))))
	}
	return c.walkMiddles(l, middles, sampler.KDPM2)
}

// walkKDPM2Ancestral has the middle of the way to the lower level sigma_down = sqrt(sigma'^2 - sigma_up^2), see sampler.EulerAncestral.
func walkKDPM2Ancestral(c *config) (*Walk, error) {
	l, err := c.climbKDPM2()
	if err != nil {
		return nil, err
	}
	middles := make([]float32, len(l.sigmas)-1)
	for k := range middles {
		s, next := float32(l.sigmas[k]), float32(l.sigmas[k+1])
		up := sqrt32(float32(float32(next*next)*(float32(s*s)-float32(next*next))) / float32(s*s))
		down := sqrt32(float32(next*next) - float32(up*up))
		middles[k] = exp32(halfway(log32(s), log32(down)))
	}
	return c.walkMiddles(l, middles, sampler.KDPM2Ancestral)
}

// halfway is torch.lerp with weight 1/2.
func halfway(a, b float32) float32 { return b - float32(float32(b-a)*0.5) }

// climbKDPM2 is climb, but that timesteps of karras levels are whole, and those of other levels float64.
func (c *config) climbKDPM2() (*ladder, error) {
	l, err := c.climb()
	if err == nil && c.on("use_karras_sigmas") {
		for i, t := range l.timesteps {
			l.timesteps[i] = math.RoundToEven(t)
		}
	}
	return l, err
}

// walkMiddles goes down the ladder with a stage in the middle of each step but the last, which leads to level 0.
func (c *config) walkMiddles(l *ladder, middles []float32, solver sampler.Solver) (*Walk, error) {
	w, err := c.walk(l, solver)
	if err != nil {
		return nil, err
	}
	middles = middles[:len(middles)-1]
	times := timesteps32(middles, l.table.sigmas())
	for k, sigma := range middles {
		w.Settings.Nodes[k].Stages = []sampler.Node{l.table.node(float64(sigma), times[k])}
	}
	w.Timesteps = interleaved(l.timesteps, times)
	w.Sigmas = append(doubled(l.sigmas, len(l.sigmas)), 0)
	return w, nil
}

// interleaved puts the middles between the others.
func interleaved(list, middles []float64) []float64 {
	out := []float64{list[0]}
	for k, t := range middles {
		out = append(out, t, list[k+1])
	}
	return out
}

// walkSDE is dpmpp-sde of k-diffusion: its noise is one Brownian motion in sigma, and timesteps are float64.
func walkSDE(c *config) (*Walk, error) {
	l, err := c.climb()
	if err != nil {
		return nil, err
	}
	w, err := c.walk(l, sampler.DPMSolverSDE)
	if err != nil {
		return nil, err
	}
	n := len(l.timesteps)
	proposed := make([]float64, n-1)
	for k := range proposed {
		from, to := -math.Log(l.exact[k]), -math.Log(l.exact[k+1])
		proposed[k] = math.Exp(-(from + (to-from)*0.5))
	}
	times := timestepsOf(proposed, l.table.sigmas())
	w.Motion = &sampler.Motion{Low: l.sigmas[n-1], High: l.sigmas[0]}
	through := func(sigma float64) float32 { return exp32(log32(float32(sigma))) }
	for k := range proposed {
		from, to := -log32(float32(l.sigmas[k])), -log32(float32(l.sigmas[k+1]))
		middle := exp32(-(from + float32((to-from)*0.5)))
		w.Settings.Nodes[k].Stages = []sampler.Node{l.table.node(float64(middle), times[k])}
		start, end := through(l.sigmas[k]), through(l.sigmas[k+1])
		w.Motion.Spans = append(w.Motion.Spans, [2]float64{float64(start), float64(middle)}, [2]float64{float64(middle), float64(end)})
	}
	if c.isSet("noise_sampler_seed") {
		seed := uint64(c.number("noise_sampler_seed"))
		w.Motion.Seed = &seed
	}
	w.Timesteps, w.Sigmas = interleaved(l.timesteps, times), doubled(l.sigmas, n)
	if s := c.number("s_noise"); s != 1 {
		return nil, c.bad("s_noise", "and only 1 is supported")
	}
	return w, nil
}
