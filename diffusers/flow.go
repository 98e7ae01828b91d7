package diffusers

import (
	"fmt"
	"math"

	"odeon/sampler"
	"odeon/schedule"
)

// flowClasses are those of flow matching: the straight path x = (1-sigma) z + sigma eps, sigma = 1-t, whose network gives eps - z and is
// fed num_train_timesteps sigma.
func flowClasses() []class {
	const tokens = "a pipeline makes mu of it and of the number of tokens; give mu itself"
	dynamic := []option{
		{name: "num_train_timesteps", kind: aWhole, usual: 1000.0, within: &[2]float64{1, 1 << 20}},
		{name: "shift", kind: aNumber, usual: 1.0, within: &[2]float64{1e-3, 1e6}},
		{name: "use_dynamic_shifting", kind: aSwitch, usual: false},
		{name: "base_shift", kind: aNumber, usual: 0.5, elsewhere: tokens}, {name: "max_shift", kind: aNumber, usual: 1.15, elsewhere: tokens},
		{name: "base_image_seq_len", kind: aWhole, usual: 256.0, elsewhere: tokens}, {name: "max_image_seq_len", kind: aWhole, usual: 4096.0, elsewhere: tokens},
		{name: "invert_sigmas", kind: aSwitch, usual: false},
		{name: "shift_terminal", kind: aNumber, within: &[2]float64{0, 1}},
		{name: "time_shift_type", kind: aWord, usual: "exponential", words: []string{"exponential", "linear"}},
	}
	lists := calls(count(), listed("sigmas"), listed("timesteps"), number("mu", nil))
	const quiet = "diffusers' step reads it and does nothing with it"
	return []class{
		{
			name: "FlowMatchEulerDiscrete", short: []string{"flow", "flow-euler", "flowmatch"}, flow: true, walk: walkFlowEuler,
			options: join(dynamic, spreading(), switches(false, "stochastic_sampling"), lists, calls(
				option{name: "s_churn", kind: aNumber, usual: 0.0, only: quiet}, option{name: "s_tmin", kind: aNumber, usual: 0.0, only: quiet},
				option{name: "s_tmax", kind: aNumber, usual: math.Inf(1), only: quiet}, option{name: "s_noise", kind: aNumber, usual: 1.0, only: quiet})),
		},
		{
			name: "FlowMatchHeunDiscrete", short: []string{"flow-heun"}, flow: true, walk: walkFlowHeun,
			options: join(dynamic[:2], calls(count(),
				option{name: "s_churn", kind: aNumber, usual: 0.0, only: "noise added as on a variance exploding path leaves the straight one"})),
		},
		{
			name: "FlowMatchLCM", short: []string{"flow-lcm"}, flow: true, walk: walkFlowLCM,
			options: join(dynamic, spreading(), lists, []option{
				{name: "scale_factors", kind: aNumbers, only: "states of several sizes"},
				{name: "upscale_mode", kind: aText, usual: "bicubic", elsewhere: "how scale_factors enlarge a state"},
			}),
		},
		{
			name: "LTXEulerAncestralRF", short: []string{"flow-ancestral"}, flow: true, walk: walkFlowAncestral,
			options: join(dynamic[:1], []option{
				{name: "eta", kind: aNumber, usual: 1.0, within: &[2]float64{0, 1}},
				{name: "s_noise", kind: aNumber, usual: 1.0, only: "the noise keeps the state on the path"},
			}, calls(count(), listed("sigmas"), listed("timesteps"))),
		},
	}
}

// flowLevels are the noise levels of set_timesteps, without the last, in float64 or float32 where diffusers has an array of it.
func (c *config) flowLevels() (sigmas, timesteps []float64, err error) {
	trained := c.number("num_train_timesteps")
	kept := func(x float64) float64 { return x } // the precision of the array
	single := func(x float64) float64 { return float64(float32(x)) }
	switch {
	case c.isSet("sigmas"):
		sigmas, kept = round32(c.numbers("sigmas")), single
	case c.isSet("timesteps"):
		timesteps, kept = round32(c.numbers("timesteps")), single
		for _, t := range timesteps {
			sigmas = append(sigmas, single(t/trained))
		}
	default:
		first, last := c.flowEnds()
		for i := range c.steps {
			sigmas = append(sigmas, linspace64(first*trained, last*trained, i, c.steps)/trained)
		}
	}
	for _, list := range []string{"sigmas", "timesteps"} {
		if c.isSet(list) {
			if err := c.counted(list, len(sigmas)); err != nil {
				return nil, nil, err
			}
		}
	}
	shift, err := c.shift()
	if err != nil {
		return nil, nil, err
	}
	for i := range sigmas {
		sigmas[i] = shift(sigmas[i], kept)
	}
	if c.has("shift_terminal") && c.number("shift_terminal") != 0 {
		factor := kept(kept(1-sigmas[len(sigmas)-1]) / (1 - c.number("shift_terminal")))
		for i, s := range sigmas {
			sigmas[i] = kept(1 - kept(kept(1-s)/factor))
		}
	}
	if err := c.checkRegrid(""); err != nil {
		return nil, nil, err
	}
	if spread, ok := c.regrid(sigmas[len(sigmas)-1], sigmas[0], len(sigmas)); ok {
		sigmas = spread
	}
	return round32(sigmas), timesteps, nil
}

// flowEnds are the largest and the smallest level of training, sigma_max and sigma_min of the constructor. There diffusers shifts them
// already, and a second time with the rest of the grid; the published method shifts once (Esser et al. 2024,
// https://arxiv.org/abs/2403.03206, equation 23).
func (c *config) flowEnds() (first, last float64) {
	trained := float32(c.number("num_train_timesteps"))
	end := func(sigma float32) float64 {
		if c.has("shift") && !c.on("use_dynamic_shifting") && !c.Published {
			shift := float32(c.number("shift"))
			sigma = float32(shift*sigma) / (1 + float32(float32(c.number("shift")-1)*sigma))
		}
		return float64(sigma)
	}
	return end(1), end(1 / trained)
}

// twice says whether the shift is applied twice to the levels.
func (c *config) twice() bool {
	return c.has("shift") && c.number("shift") != 1 && !c.on("use_dynamic_shifting") &&
		!(c.has("sigmas") && (c.isSet("sigmas") || c.isSet("timesteps")))
}

// shift is how levels move towards the noise: s sigma/(1 + (s-1) sigma), or with the shift of the picture's size m/(m + 1/sigma - 1), m
// = exp(mu).
func (c *config) shift() (func(sigma float64, kept func(float64) float64) float64, error) {
	if c.on("use_dynamic_shifting") {
		if !c.isSet("mu") {
			return nil, c.bad("use_dynamic_shifting", "and the shift mu of the picture's size is not given: give --scheduler-option mu=...; "+
				"for n tokens it lies on the line through (%v, %v) and (%v, %v)",
				c.number("base_image_seq_len"), c.number("base_shift"), c.number("max_image_seq_len"), c.number("max_shift"))
		}
		m := c.number("mu")
		if c.word("time_shift_type") == "exponential" {
			m = math.Exp(m)
		}
		if !(m > 0) || math.IsInf(m, 0) {
			return nil, c.bad("mu", "expected one that shifts by a positive factor")
		}
		return func(sigma float64, kept func(float64) float64) float64 {
			return kept(m / kept(m+kept(kept(1/sigma)-1)))
		}, nil
	}
	s := 1.0
	if c.has("shift") {
		s = c.number("shift")
	}
	if c.isSet("mu") {
		return nil, c.bad("mu", "and use_dynamic_shifting is not on: set it, or leave mu out")
	}
	return func(sigma float64, kept func(float64) float64) float64 {
		return kept(kept(s*sigma) / kept(1+kept((s-1)*sigma)))
	}, nil
}

// flow is the walk of set_timesteps by a solver, and on to level 0.
func (c *config) flow(solver sampler.Solver) (*Walk, error) {
	sigmas, timesteps, err := c.flowLevels()
	if err != nil {
		return nil, err
	}
	return c.flowThrough(sigmas, timesteps, 0, solver)
}

// flowThrough is the walk through levels to the last one. Timesteps are those of the levels where they are nil.
func (c *config) flowThrough(sigmas, timesteps []float64, last float64, solver sampler.Solver) (*Walk, error) {
	if err := c.falling(append(sigmas[:len(sigmas):len(sigmas)], last)); err != nil {
		return nil, err
	}
	if sigmas[0] > 1 {
		return nil, fmt.Errorf("%s: noise level %v: expected levels from 1 (noise) to 0 (data)", c.Name(), sigmas[0])
	}
	trained := float32(c.number("num_train_timesteps"))
	w := &Walk{Path: schedule.CondOT(), Prediction: schedule.ReverseVelocity, InitNoiseSigma: 1, Start: 1}
	w.Time = schedule.MustFormula(written(float64(trained))+"*(1-t)", schedule.TimeVariables(w.Path)...)
	if c.on("invert_sigmas") { // t itself, from 0 (noise) to 1, and what the network gives is its velocity
		w.Prediction = schedule.Velocity
		w.Time = schedule.MustFormula(written(float64(trained))+"*t", schedule.TimeVariables(w.Path)...)
		for i, s := range sigmas {
			sigmas[i] = float64(1 - float32(s))
		}
		timesteps, last = nil, 1-last
	}
	if timesteps == nil {
		for _, s := range sigmas {
			timesteps = append(timesteps, float64(float32(s)*trained))
		}
	}
	w.Timesteps, w.Sigmas = timesteps, append(sigmas, last)
	w.Settings.Solver, w.Settings.Start = solver, &w.Start
	for k, s := range w.Sigmas {
		n := sampler.Node{T: 1 - s, Alpha: 1 - s, Beta: s}
		if c.on("invert_sigmas") {
			n = sampler.Node{T: s, Alpha: s, Beta: 1 - s}
		}
		if k < len(timesteps) {
			n.Input = &timesteps[k]
		}
		w.Settings.Nodes = append(w.Settings.Nodes, n)
	}
	if c.twice() {
		w.Departs, w.Instead = "the shift moves the smallest level twice", "each level is shifted once"
	}
	return w, nil
}

func walkFlowEuler(c *config) (*Walk, error) {
	if c.on("stochastic_sampling") {
		return walkFlowLCM(c)
	}
	return c.flow(sampler.Euler)
}

// walkFlowLCM jumps to the data and adds the noise of the next level.
func walkFlowLCM(c *config) (*Walk, error) {
	if c.on("invert_sigmas") {
		return nil, c.bad("invert_sigmas", "with which diffusers' step of fresh noise takes the share of the data for that of the noise, and ends in noise alone: leave it out")
	}
	return c.flow(sampler.Consistency)
}

// walkFlowHeun takes its last step by Euler.
func walkFlowHeun(c *config) (*Walk, error) {
	w, err := c.flow(sampler.Heun)
	if err != nil {
		return nil, err
	}
	w.Settings.Nodes[len(w.Settings.Nodes)-2].Order = 1
	w.Timesteps, w.Sigmas = doubled(w.Timesteps, len(w.Timesteps)), doubled(w.Sigmas, len(w.Sigmas)-1)
	return w, nil
}

// walkFlowAncestral goes past each level, to sigma' (1 + (sigma'/sigma - 1) eta), and back by fresh noise. Its lists are complete, the
// last level with them, and timesteps are taken for levels too.
func walkFlowAncestral(c *config) (*Walk, error) {
	for _, name := range []string{"sigmas", "timesteps"} {
		if c.isSet(name) {
			return c.flowList(name)
		}
	}
	w, err := c.flow(sampler.TCD)
	if err != nil {
		return nil, err
	}
	return w, c.passBy(w)
}

// flowList is walkFlowAncestral through listed levels.
func (c *config) flowList(name string) (*Walk, error) {
	levels := c.numbers(name)
	if len(levels) < 2 {
		return nil, c.bad(name, "expected two levels at least, where the walk begins and where it ends")
	}
	if err := c.counted(name, len(levels)-1); err != nil {
		return nil, err
	}
	w, err := c.flowThrough(round32(levels[:len(levels)-1]), nil, levels[len(levels)-1], sampler.TCD)
	if err != nil {
		return nil, err
	}
	w.Timesteps = append(w.Timesteps, float64(float32(w.Sigmas[len(levels)-1])*float32(c.number("num_train_timesteps"))))
	return w, c.passBy(w)
}

// passBy gives each step the place beyond its end, from where fresh noise leads back.
func (c *config) passBy(w *Walk) error {
	for k := range w.Settings.Nodes[:len(w.Settings.Nodes)-1] {
		s, next := w.Sigmas[k], w.Sigmas[k+1]
		past := next * (1 + (next/s-1)*c.number("eta"))
		w.Settings.Nodes[k].Stages = []sampler.Node{{T: 1 - past, Alpha: 1 - past, Beta: past}}
	}
	return nil
}
