package diffusers

import (
	"cmp"
	"math"
	"slices"

	"odeon/sampler"
	"odeon/schedule"
)

// levelClasses are the classes that step in the noise level sigma = beta/alpha. diffusers keeps the state over alpha; here it is
// the state of the variance preserving path of the same table, which is what diffusers feeds the network.
func levelClasses() []class {
	return []class{
		{
			name: "EulerDiscrete", short: []string{"euler"}, walk: walkEuler,
			options: join(betas(0.0001, 0.02, "linear", tableNames...), predicts("epsilon", "epsilon", "sample", "original_sample", "v_prediction"),
				[]option{
					{name: "interpolation_type", kind: aWord, usual: "linear", words: []string{"linear", "log_linear"}},
					{name: "sigma_min", kind: aNumber}, {name: "sigma_max", kind: aNumber},
					{name: "timestep_type", kind: aWord, usual: "discrete", words: []string{"discrete", "continuous"}},
				},
				spreading(), spaced("linspace"), switches(false, "rescale_betas_zero_snr"), finals(), churns(),
				calls(listed("timesteps"), listed("sigmas"))),
		},
		{
			name: "EulerAncestralDiscrete", short: []string{"euler_a", "euler-ancestral"}, walk: stepped(sampler.EulerAncestral),
			options: join(betas(0.0001, 0.02, "linear", tableNames...), predicts("epsilon", "epsilon", "v_prediction"),
				spaced("linspace"), switches(false, "rescale_betas_zero_snr"), calls(count())),
		},
		{
			name: "HeunDiscrete", short: []string{"heun"}, walk: walkHeun,
			options: join(betas(0.00085, 0.012, "linear", append(tableNames, "exp")...), predicts("epsilon", "epsilon", "sample", "v_prediction"),
				spreading(), switches(false, "clip_sample"), []option{number("clip_sample_range", 1.0)}, spaced("linspace"),
				calls(count(), listed("timesteps"))),
		},
		{
			name: "LMSDiscrete", short: []string{"lms"}, walk: stepped(sampler.LMS),
			options: join(betas(0.0001, 0.02, "linear", tableNames...), spreading(), predicts("epsilon", "epsilon", "sample", "v_prediction"),
				spaced("linspace"), calls(count(), option{name: "order", kind: aWhole, usual: 4.0, within: &[2]float64{1, 4}})),
		},
		{
			name: "KDPM2Discrete", short: []string{"kdpm2", "dpm2"}, walk: walkKDPM2,
			options: join(betas(0.00085, 0.012, "linear", tableNames...), spreading(), predicts("epsilon", "epsilon", "v_prediction"),
				spaced("linspace"), calls(count())),
		},
		{
			name: "KDPM2AncestralDiscrete", short: []string{"kdpm2_a", "kdpm2-ancestral", "dpm2_a"}, walk: walkKDPM2Ancestral,
			options: join(betas(0.00085, 0.012, "linear", tableNames...), spreading(), predicts("epsilon", "epsilon", "v_prediction"),
				spaced("linspace"), calls(count())),
		},
		{
			name: "DPMSolverSDE", short: []string{"dpmsolver-sde", "dpmpp-sde"}, walk: walkSDE, double: true,
			options: join(betas(0.00085, 0.012, "linear", tableNames...), predicts("epsilon", "epsilon", "v_prediction"), spreading(),
				[]option{{name: "noise_sampler_seed", kind: aWhole, within: &[2]float64{0, 1 << 53}}},
				spaced("linspace"), calls(count(), number("s_noise", 1.0))),
		},
	}
}

// tableNames are the beta_schedules that the classes with noise levels know.
var tableNames = []string{"linear", "scaled_linear", "squaredcos_cap_v2"}

// finals is final_sigmas_type.
func finals() []option {
	return []option{{name: "final_sigmas_type", kind: aWord, usual: "zero", words: []string{"zero", "sigma_min"}}}
}

// churns are the arguments of step that add noise (Karras et al. 2022, algorithm 2).
func churns() []option {
	return calls(count(), number("s_churn", 0.0), number("s_tmin", 0.0), number("s_tmax", math.Inf(1)), number("s_noise", 1.0))
}

// count is set_timesteps' number of steps.
func count() option {
	return option{name: "num_inference_steps", kind: aWhole, within: &[2]float64{1, 1 << 20}}
}

func listed(name string) option { return option{name: name, kind: aNumbers} }

// ladder is a list of noise levels, noisiest first, and the timesteps at which the network sees them. The last level, where the walk
// ends, has none.
type ladder struct {
	table             *table
	sigmas, timesteps []float64
	exact             []float64 // the levels before they are rounded to float32
	between           bool      // whether levels at timesteps that are not whole are not those of the network's time
	flow              bool      // whether sigma is the share of the noise on the straight path of flow matching
	moved             bool      // whether a timestep is not that of its level
}

// climb is the ladder that most classes with a table have: timesteps as they are spaced, or listed, their levels, or levels spread
// anew with the timesteps that belong to them.
func (c *config) climb() (*ladder, error) {
	table, err := c.table()
	if err != nil {
		return nil, err
	}
	if c.on("rescale_betas_zero_snr") {
		table.lift()
	}
	l := &ladder{table: table}
	trained := table.sigmas()
	if c.isSet("sigmas") {
		if err := c.checkRegrid("sigmas"); err != nil {
			return nil, err
		}
		l.sigmas = round32(c.numbers("sigmas"))
		if len(l.sigmas) < 2 {
			return nil, c.bad("sigmas", "expected two levels at least, where the walk begins and where it ends")
		}
		l.timesteps = round32(timestepsOf(l.sigmas[:len(l.sigmas)-1], trained))
		return l, cmp.Or(c.counted("sigmas", len(l.timesteps)), c.falling(l.sigmas))
	}
	if l.timesteps, err = c.spacedTimesteps(); err != nil {
		return nil, err
	}
	n := len(l.timesteps)
	l.sigmas = interpolated(l.timesteps, trained)
	if l.between = !slices.Equal(l.sigmas, throughLogs(l.timesteps, trained)); c.Published {
		l.sigmas = throughLogs(l.timesteps, trained)
	}
	if c.has("interpolation_type") && c.word("interpolation_type") == "log_linear" {
		l.sigmas = logLinear(trained, n)
	}
	low, high := l.sigmas[len(l.sigmas)-1], l.sigmas[0]
	if c.has("sigma_min") {
		if c.isSet("sigma_min") {
			low = c.number("sigma_min")
		}
		if c.isSet("sigma_max") {
			high = c.number("sigma_max")
		}
		if !(low > 0 && low < high) && n > 1 {
			return nil, c.bad("sigma_min", "with sigma_max %v: expected a positive level below the largest", high)
		}
	}
	if sigmas, ok := c.regrid(low, high, n); ok {
		l.sigmas, l.timesteps, l.between = sigmas, timestepsOf(sigmas, trained), false
	}
	last := 0.0
	if c.has("final_sigmas_type") && c.word("final_sigmas_type") == "sigma_min" {
		last = float64(trained[0])
	}
	l.exact = append(l.sigmas[:len(l.sigmas):len(l.sigmas)], last)
	l.sigmas = round32(l.exact)
	if n := len(l.sigmas); last > 0 && n > 1 && l.sigmas[n-2] == last {
		return l, c.falling(l.sigmas[:n-1]) // a last step that stays where it is
	}
	return l, c.falling(l.sigmas)
}

// throughLogs are the levels at timesteps that need not be whole, on the straight line in log sigma between two trained ones: those whose
// timesteps timestepsOf gives back.
func throughLogs(timesteps []float64, trained []float32) []float64 {
	levels := interpolated(timesteps, trained)
	for k, t := range timesteps {
		if i := int(t); t != math.Trunc(t) && i+1 < len(trained) {
			low, high := math.Log(float64(trained[i])), math.Log(float64(trained[i+1]))
			levels[k] = math.Exp(low + (t-float64(i))*(high-low))
		}
	}
	return levels
}

// logLinear is interpolation_type log_linear: so many levels in equal steps of the logarithm, and one more, in float32.
func logLinear(trained []float32, n int) []float64 {
	logs := linspace32(float64(log32(trained[len(trained)-1])), float64(log32(trained[0])), n+1)
	list := make([]float64, n+1)
	for i, x := range logs {
		list[i] = float64(exp32(x))
	}
	return list
}

// spacedTimesteps are those of timestep_spacing, in the class's precision, or those that are listed.
func (c *config) spacedTimesteps() ([]float64, error) {
	trained := c.whole("num_train_timesteps")
	if c.isSet("timesteps") {
		list := round32(c.numbers("timesteps"))
		for i, t := range list {
			if t < 0 || t > float64(trained-1) || i > 0 && !(t < list[i-1]) {
				return nil, c.bad("timesteps", "expected numbers from %d to 0 that fall", trained-1)
			}
		}
		return list, cmp.Or(c.counted("timesteps", len(list)), c.checkRegrid("timesteps"))
	}
	if err := c.checkRegrid(""); err != nil {
		return nil, err
	}
	if c.word("timestep_spacing") == "linspace" {
		list := make([]float64, c.steps)
		for i := range list {
			list[c.steps-1-i] = linspace64(0, float64(trained-1), i, c.steps)
		}
		if !c.class.double {
			list = round32(list)
		}
		return list, nil
	}
	return c.spread(spacing{name: c.word("timestep_spacing"), trained: trained, steps: c.steps, offset: c.whole("steps_offset")})
}

// initial is init_noise_sigma: the largest level, or for leading timesteps the standard deviation of data of variance 1 with that noise.
func (c *config) initial(l *ladder) float64 {
	highest := float32(slices.Max(l.sigmas))
	if c.word("timestep_spacing") == "leading" {
		return float64(sqrt32(highest*highest + 1))
	}
	return float64(highest)
}

// node is the place on the table's path with a noise level.
func (t *table) node(sigma, input float64) sampler.Node {
	n := sampler.Node{T: 1, Alpha: 1 / math.Hypot(1, sigma), Input: &input}
	if n.Beta = sigma * n.Alpha; sigma > 0 {
		n.T = schedule.TimeAt(t.path, -2*math.Log(sigma))
		// A trained level is that of its step, whatever float32 made of it.
		if i := t.path.Nearest(n.T); math.Abs(t.path.Fraction(n.T)-float64(i)) < 1e-3 {
			n.T = t.path.Time(i)
		}
	}
	return n
}

// walk goes down the ladder by a solver.
func (c *config) walk(l *ladder, solver sampler.Solver) (*Walk, error) {
	prediction, err := predictionOf(c.word("prediction_type"))
	if err != nil {
		return nil, err
	}
	w := &Walk{Path: l.table.path, Prediction: prediction, Timesteps: l.timesteps, Sigmas: l.sigmas, InitNoiseSigma: c.initial(l)}
	w.Settings.Solver = solver
	walked := l.sigmas[:len(l.timesteps)+1] // log_linear lists one more
	for k, sigma := range walked {
		input := 0.0
		if k < len(l.timesteps) {
			input = l.timesteps[k]
		}
		w.Settings.Nodes = append(w.Settings.Nodes, l.table.node(sigma, input))
	}
	w.Start = w.InitNoiseSigma * w.Settings.Nodes[0].Alpha
	w.Settings.Start = &w.Start
	if l.between {
		w.Departs = "between two trained steps sigma is a straight line, and the network's time one of log sigma"
		w.Instead = "between two trained steps log sigma is a straight line of the network's time"
	}
	if walked[len(walked)-1] > 0 {
		w.Settings.Last = sampler.LastRescale
	}
	return w, nil
}

// stepped is the class that goes down its ladder by a solver, and has no more to say.
func stepped(solver sampler.Solver) func(c *config) (*Walk, error) {
	return func(c *config) (*Walk, error) {
		l, err := c.climb()
		if err != nil {
			return nil, err
		}
		l.timesteps = round32(l.timesteps)
		w, err := c.walk(l, solver)
		if err == nil && c.has("order") {
			w.Settings.Order = c.whole("order")
		}
		return w, err
	}
}

func walkEuler(c *config) (*Walk, error) {
	l, err := c.climb()
	if err != nil {
		return nil, err
	}
	if c.word("timestep_type") == "continuous" && c.word("prediction_type") == "v_prediction" {
		if c.isSet("timesteps") {
			return nil, c.bad("timesteps", "but timestep_type continuous feeds the network log(sigma)/4: give sigmas, or leave it out")
		}
		l.timesteps = nil
		for _, sigma := range l.sigmas[:len(l.sigmas)-1] {
			l.timesteps = append(l.timesteps, float64(0.25*log32(float32(sigma))))
		}
	}
	l.timesteps = round32(l.timesteps)
	w, err := c.walk(l, sampler.DDIM)
	if err != nil {
		return nil, err
	}
	if c.word("timestep_type") == "continuous" && c.word("prediction_type") == "v_prediction" {
		w.Time = schedule.MustFormula("0.25*log(sigma)", schedule.TimeVariables(w.Path)...)
	}
	return w, c.churn(w)
}

// churn adds noise at every step, if the arguments of step ask for it. diffusers adds it after the network was called.
func (c *config) churn(w *Walk) error {
	if c.number("s_churn") == 0 || c.number("s_tmax") == 0 {
		return nil
	}
	if !(c.number("s_noise") > 0) {
		return c.bad("s_noise", "expected the deviation of the noise of s_churn, above 0")
	}
	churn := sampler.Churn{Amount: c.number("s_churn"), Min: c.number("s_tmin"), Noise: c.number("s_noise")}
	if most := c.number("s_tmax"); !math.IsInf(most, 1) {
		churn.Max = most
	}
	w.Settings.Churn = churn
	w.departs("the noise of s_churn is added after the network's call", "the noise of s_churn is added before the network's call")
	if c.Published {
		w.Settings.Solver = sampler.EulerChurn
		return nil
	}
	if c.word("prediction_type") == "v_prediction" && c.has("beta_start") {
		return c.bad("s_churn", "and with prediction_type v_prediction diffusers' own step takes the noise level before the noise for the one after it, "+
			"which is not supported: take the published method (--as published), or leave s_churn out")
	}
	w.Settings.Solver = sampler.EulerLateChurn
	return nil
}

func walkHeun(c *config) (*Walk, error) {
	l, err := c.climb()
	if err != nil {
		return nil, err
	}
	l.timesteps = round32(l.timesteps)
	w, err := c.walk(l, sampler.HeunEDM)
	if err != nil {
		return nil, err
	}
	w.Timesteps, w.Sigmas = doubled(l.timesteps, len(l.timesteps)), doubled(l.sigmas, len(l.sigmas)-1)
	w.Settings.Clip = c.clip()
	return w, nil
}

// doubled repeats the entries of a list from the second up to number end.
func doubled(list []float64, end int) []float64 {
	out := slices.Clone(list[:1])
	for i, x := range list[1:] {
		if out = append(out, x); i+1 < end {
			out = append(out, x)
		}
	}
	return out
}
