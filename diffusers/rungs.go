package diffusers

import (
	"math"
	"slices"
	"sort"

	"odeon/sampler"
	"odeon/schedule"
)

// rungs is a ladder of whole timesteps, or one in the noise levels of flow matching. back says that it leads from data to noise.
func (c *config) rungs(back bool) (*ladder, error) {
	t, err := c.table()
	if err != nil {
		return nil, err
	}
	if c.on("rescale_betas_zero_snr") {
		t.lift()
	}
	l, trained := &ladder{table: t}, t.sigmas()
	noisiest := len(trained) - c.below(trained)
	if noisiest == 0 {
		return nil, c.bad("lambda_min_clipped", "which leaves no trained step: expected less than %.4g", -math.Log(float64(trained[0])))
	}
	if l.timesteps, err = c.wholeTimesteps(t, noisiest, back); err != nil {
		return nil, err
	}
	own, err := c.spreadAnew(l, trained, back)
	if err != nil {
		return nil, err
	}
	if own {
		l.timesteps = c.moved(l, trained)
	} else {
		l.sigmas = interpolated(l.timesteps, trained)
	}
	last, again := float64(trained[0]), l.sigmas[len(l.sigmas)-1]
	switch {
	case back && own:
		last = again
	case back:
		last = float64(trained[noisiest-1])
	case c.clean():
		last = 0
	case own && !c.has("lambda_min_clipped"), own && c.has("predictor_order"): // not the DPM-Solvers
		last = again
	}
	l.sigmas = round32(append(l.sigmas, last))
	if back && !c.Published { // diffusers lists a timestep once, and ends as many levels before the last
		l.timesteps = slices.Compact(l.timesteps)
		l.sigmas = l.sigmas[:len(l.timesteps)+1]
	}
	return l, c.monotone(l.sigmas, back)
}

// wholeTimesteps are those that are listed, or spaced over the trained ones up to the noisiest.
func (c *config) wholeTimesteps(t *table, noisiest int, back bool) ([]float64, error) {
	s := spacing{name: "linspace", trained: len(t.bars), last: noisiest, steps: c.steps, beyond: true, back: back}
	if c.has("timestep_spacing") {
		s.name, s.offset = c.word("timestep_spacing"), c.whole("steps_offset")
	}
	switch sigmas := c.numbers("sigmas"); {
	case c.isSet("timesteps"):
		if err := c.checkRegrid("timesteps"); err != nil {
			return nil, err
		}
		return c.with(t).descending(c.numbers("timesteps"))
	case sigmas == nil:
		if err := c.checkRegrid(""); err != nil {
			return nil, err
		}
		return c.spread(s)
	case !c.on("use_flow_sigmas"):
		return nil, c.bad("sigmas", "which the class takes only where it has the levels of flow matching: set use_flow_sigmas")
	default:
		s.steps = len(sigmas)
		if err := c.counted("sigmas", s.steps); err != nil {
			return nil, err
		}
	}
	if err := c.checkRegrid("sigmas"); err != nil {
		return nil, err
	}
	return c.spread(s)
}

// spreadAnew gives the ladder levels of its own, which do not come from the timesteps; false where none are asked for.
func (c *config) spreadAnew(l *ladder, trained []float32, back bool) (bool, error) {
	low, high := float64(trained[0]), float64(trained[len(trained)-1])
	if c.isSet("sigma_min") {
		low = c.number("sigma_min")
	}
	if c.isSet("sigma_max") {
		high = c.number("sigma_max")
	}
	if back {
		low, high = high, low
	}
	n := len(l.timesteps)
	levels, spread := c.regrid(low, high, n)
	flow := c.on("use_flow_sigmas")
	var err error
	switch {
	case spread && flow && c.on("use_karras_sigmas") && c.has("shift_terminal"): // UniPC: of x/alpha, as shares of the noise
		for i, s := range levels {
			levels[i] = s / (s + 1)
		}
	case spread && flow:
		return false, c.bad("use_flow_sigmas", "and so are levels of a table (use_karras_sigmas and the like); give one of them")
	case flow && back:
		return false, c.bad("use_flow_sigmas", "for which diffusers lists the levels from noise to data, though the class goes the other way: leave it out")
	case flow:
		levels, err = c.flowRungs()
	case spread:
	case c.on("use_lu_lambdas"):
		levels = exponentialLevels32(trained, n)
	}
	l.sigmas, l.flow = levels, flow
	return levels != nil, err
}

// moved are the timesteps of a ladder's own levels, which diffusers moves to whole numbers: karras' and Lu's to the nearest, but not where they
// are of flow matching or, in the class that has both, on the cosine table; and others down.
func (c *config) moved(l *ladder, trained []float32) []float64 {
	var list []float64
	whole := math.Trunc
	switch {
	case l.flow:
		for _, s := range l.sigmas {
			list = append(list, s*c.number("num_train_timesteps"))
		}
	default:
		list = timestepsOf(l.sigmas, trained)
		cosine := c.has("use_lu_lambdas") && c.word("beta_schedule") == "squaredcos_cap_v2"
		if (c.on("use_karras_sigmas") || c.on("use_lu_lambdas")) && !cosine {
			whole = math.RoundToEven
		}
	}
	for i, x := range list {
		if l.moved = l.moved || whole(x) != x; !c.Published {
			list[i] = whole(x)
		}
	}
	return list
}

// monotone checks that levels fall, or rise on the way back. A walk may end with a step that stays where it is.
func (c *config) monotone(sigmas []float64, back bool) error {
	if n := len(sigmas); sigmas[n-1] == sigmas[n-2] {
		sigmas = sigmas[:n-1]
	}
	if back {
		sigmas = slices.Clone(sigmas)
		slices.Reverse(sigmas)
	}
	return c.falling(sigmas)
}

// exponentialLevels32 are equal steps of the logarithm between trained levels, whose logarithms are float32: use_lu_lambdas.
func exponentialLevels32(trained []float32, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = math.Exp(linspace64(float64(log32(trained[len(trained)-1])), float64(log32(trained[0])), i, n))
	}
	return list
}

// below is how many of the noisiest trained steps are left out: those whose half log-SNR is below lambda_min_clipped.
func (c *config) below(trained []float32) int {
	if !c.has("lambda_min_clipped") {
		return 0
	}
	least := c.number("lambda_min_clipped")
	return len(trained) - sort.Search(len(trained), func(i int) bool { return -math.Log(float64(trained[i])) < least })
}

// flowRungs are levels of flow matching, from below 1 down, at equal distances but for the shift s sigma/(1 + (s-1) sigma). UniPC begins at
// the largest of them; the others leave it out and end at the smallest.
func (c *config) flowRungs() ([]float64, error) {
	given, smallest := c.numbers("sigmas"), 1/c.number("num_train_timesteps")
	shift := c.number("flow_shift")
	whole := c.has("shift_terminal") // UniPC
	mu := c.isSet("mu")
	switch {
	case mu && !c.on("use_dynamic_shifting"):
		return nil, c.bad("mu", "and use_dynamic_shifting is not on: set it, or leave mu out")
	case whole && c.on("use_dynamic_shifting") && !mu:
		return nil, c.bad("use_dynamic_shifting", "and the shift mu of the picture's size is not given: give --scheduler-option mu=...")
	case mu && c.word("time_shift_type") == "linear":
		shift = c.number("mu")
	case mu:
		shift = math.Exp(c.number("mu"))
	}
	if !(shift > 0) || math.IsInf(shift, 0) {
		return nil, c.bad("mu", "expected one that shifts by a positive factor")
	}
	list := slices.Clone(given)
	for i := range c.steps {
		if given == nil && whole {
			list = append(list, linspace64(1, smallest, i, c.steps+1))
		} else if given == nil {
			list = append(list, 1-linspace64(1, smallest, c.steps-i, c.steps+1))
		}
	}
	for i, s := range list {
		if list[i] = shift * s / (1 + (shift-1)*s); mu && whole {
			list[i] = shift / (shift + (1/s - 1))
		}
	}
	if whole && c.number("shift_terminal") != 0 {
		factor := (1 - list[len(list)-1]) / (1 - c.number("shift_terminal"))
		for i, s := range list {
			list[i] = 1 - (1-s)/factor
		}
	}
	const tiny = 1e-6 // so that the first log-SNR is finite
	if whole && math.Abs(list[0]-1) < tiny {
		list[0] -= tiny
	}
	return list, nil
}

// climbing is the walk up or down a ladder by a solver. order is the highest of step k of n, 0 the solver's.
func (c *config) climbing(l *ladder, solver sampler.Solver, order func(c *config, k, n int) int) (*Walk, error) {
	word := c.word("prediction_type")
	if (word == "flow_prediction") && !l.flow {
		return nil, c.bad("prediction_type", "which needs the noise levels of flow matching: set use_flow_sigmas")
	}
	prediction, err := predictionOf(word)
	if err != nil {
		return nil, err
	}
	w := &Walk{Path: l.table.path, Prediction: prediction, Timesteps: l.timesteps, Sigmas: l.sigmas, InitNoiseSigma: 1, Start: 1}
	w.Settings.Solver, w.Settings.Start = solver, &w.Start
	if l.moved {
		w.departs("the network is fed whole timesteps beside those of the levels", "the network is fed the timesteps of the levels, as real numbers")
	}
	if c.on("thresholding") {
		if c.has("predict_x0") && !c.on("predict_x0") {
			return nil, c.bad("thresholding", "and predict_x0 is off, where the class does not threshold: leave one of them out")
		}
		w.Settings.Threshold = c.threshold()
	}
	if l.flow {
		w.Path = schedule.CondOT()
		w.Time = schedule.MustFormula(written(c.number("num_train_timesteps"))+"*(1-t)", schedule.TimeVariables(w.Path)...)
	}
	n := len(l.timesteps)
	for k, sigma := range l.sigmas {
		input := 0.0
		if k < n {
			input = l.timesteps[k]
		}
		at := l.table.node(sigma, input)
		if l.flow {
			at = sampler.Node{T: 1 - sigma, Alpha: 1 - sigma, Beta: sigma, Input: &input}
		}
		if k < n {
			at.Order = order(c, k, n)
		}
		w.Settings.Nodes = append(w.Settings.Nodes, at)
	}
	return w, nil
}
