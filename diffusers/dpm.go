package diffusers

import (
	"math"
	"strings"

	"odeon/sampler"
	"odeon/schedule"
)

// dpmClasses are the exponential integrators. They step in noise levels, their states are x = alpha z + beta eps, and their networks are
// fed whole timesteps, which karras and other levels are moved to while the levels themselves stay.
func dpmClasses() []class {
	start := betas(0.0001, 0.02, "linear", tableNames...)
	kinds := predicts("epsilon", "epsilon", "sample", "v_prediction", "flow_prediction")
	flow := []option{
		{name: "use_flow_sigmas", kind: aSwitch, usual: false},
		{name: "flow_shift", kind: aNumber, usual: 1.0, within: &[2]float64{1e-3, 1e6}},
	}
	dynamic := join(switches(false, "use_dynamic_shifting"), calls(number("mu", nil)),
		[]option{{name: "time_shift_type", kind: aWord, usual: "exponential", words: []string{"exponential", "linear"}}})
	order := []option{{name: "solver_order", kind: aWhole, usual: 2.0, within: &[2]float64{1, 3}}}
	clipped := []option{{name: "lambda_min_clipped", kind: aNumber, usual: math.Inf(-1)}}
	learned := unread("the network's second half is left out", option{name: "variance_type", kind: aWord, words: []string{"learned", "learned_range"}})
	lower := func(usual bool) []option { return switches(usual, "lower_order_final") }
	zero := switches(false, "rescale_betas_zero_snr")
	every := join(start, kinds, thresholds(), spreading(), flow, calls(count()))
	// A class takes the algorithm and the solver of its relatives for its own: midpoint, dpmsolver++, deis, logrho, bh2.
	const apart = "its noise is of a stage and a step apart, or asked for on the way from data to noise; take DPMSolverMultistepScheduler"
	sde := map[string]string{"sde-dpmsolver": apart, "sde-dpmsolver++": apart}
	algorithms := func(unsupported map[string]string, words ...string) []option {
		return []option{
			{name: "algorithm_type", kind: aWord, usual: "dpmsolver++", words: append(words, "deis"), unsupported: unsupported},
			{name: "solver_type", kind: aWord, usual: "midpoint", words: []string{"midpoint", "heun", "logrho", "bh1", "bh2"}},
		}
	}

	return []class{
		{
			name: "DPMSolverMultistep", short: []string{"dpmsolver", "dpmsolver++", "dpm", "dpmpp-2m"}, walk: over(false, (*config).dpm, (*config).final, ordered),
			options: join(every, dynamic, order, algorithms(nil, "dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver"), lower(true), clipped, learned,
				finals(), spaced("linspace"), zero, switches(false, "euler_at_final", "use_lu_lambdas"), calls(listed("timesteps"))),
		},
		{
			name: "DPMSolverMultistepInverse", short: []string{"dpm-inverse"}, walk: over(true, (*config).dpm, (*config).final, ordered),
			options: join(every, order, algorithms(sde, "dpmsolver++", "dpmsolver"), lower(true), clipped, learned, spaced("linspace"), switches(false, "euler_at_final")),
		},
		{
			name: "DPMSolverSinglestep", short: []string{"dpm-singlestep", "dpmpp-2s"}, walk: over(false, (*config).singlestep, (*config).whatever, grouped),
			options: join(every, dynamic, order, algorithms(sde, "dpmsolver++", "dpmsolver"), lower(false), clipped, learned, finals(), calls(listed("timesteps"))),
		},
		{
			name: "DEISMultistep", short: []string{"deis"}, walk: over(false, always(sampler.DEISLogRho), (*config).final, ordered),
			options: join(every, dynamic, order, lower(true), spaced("linspace"), []option{
				{name: "algorithm_type", kind: aWord, usual: "deis", words: []string{"deis", "dpmsolver", "dpmsolver++"}},
				{name: "solver_type", kind: aWord, usual: "logrho", words: []string{"logrho", "midpoint", "heun", "bh1", "bh2"}},
			}),
		},
		{
			name: "UniPCMultistep", short: []string{"unipc"}, walk: over(false, (*config).unipc, (*config).left, corrected),
			options: join(every, dynamic, order, lower(true), spaced("linspace"), finals(), zero, switches(true, "predict_x0"), calls(listed("sigmas")), []option{
				{name: "solver_type", kind: aWord, usual: "bh2", words: []string{"bh1", "bh2", "midpoint", "heun", "logrho"}},
				{name: "disable_corrector", kind: aNumbers, usual: []float64{}},
				{name: "solver_p", kind: aText, only: "a scheduler inside the scheduler"},
				{name: "sigma_min", kind: aNumber, within: &[2]float64{1e-9, 1e9}}, {name: "sigma_max", kind: aNumber, within: &[2]float64{1e-9, 1e9}},
				{name: "shift_terminal", kind: aNumber, within: &[2]float64{0, 1}},
			}),
		},
		{
			name: "SASolver", short: []string{"sa", "sa-solver"}, walk: over(false, (*config).stochastic, (*config).left, tau),
			options: join(every, lower(true), clipped, learned, spaced("linspace"), []option{
				{name: "predictor_order", kind: aWhole, usual: 2.0, within: &[2]float64{1, 4}},
				{name: "corrector_order", kind: aWhole, usual: 2.0, within: &[2]float64{1, 4}},
				{name: "algorithm_type", kind: aWord, usual: "data_prediction", words: []string{"data_prediction", "noise_prediction"}},
				{name: "tau_func", kind: aText, only: "a function of the timestep; it is 1 from 200 to 800, and 0 elsewhere"},
			}),
		},
		{
			name: "IPNDM", short: []string{"ipndm"}, walk: ipndm,
			options: []option{
				{name: "num_train_timesteps", kind: aWhole, usual: 1000.0, within: &[2]float64{1, 1 << 20}},
				{name: "trained_betas", kind: aNumbers, only: "its betas are levels of the walk, as many as it has steps"},
			},
		},
	}
}

// over is the walk of a class over its rungs, back from data to noise or not: the solver, the highest order of step k of n, 0 the solver's,
// and what else its step does.
func over(back bool, solver func(*config) (sampler.Solver, error), order func(c *config, k, n int) int, more func(c *config, w *Walk) error) func(c *config) (*Walk, error) {
	return func(c *config) (*Walk, error) {
		l, err := c.rungs(back)
		if err != nil {
			return nil, err
		}
		s, err := solver(c)
		if err != nil {
			return nil, err
		}
		w, err := c.climbing(l, s, order)
		if err != nil {
			return nil, err
		}
		return w, more(c, w)
	}
}

// named is a named solver of package sampler.
func named(name string) sampler.Solver {
	s, err := sampler.SolverByName(name)
	if err != nil {
		panic("diffusers: " + err.Error())
	}
	return s
}

// always is a class's only solver.
func always(s sampler.Solver) func(*config) (sampler.Solver, error) {
	return func(*config) (sampler.Solver, error) { return s, nil }
}

// final is how the last steps have a lower order: where they are few, and where they lead to clean data.
func (c *config) final(k, n int) int {
	few := c.on("lower_order_final") && n < 15
	switch {
	case k == n-1 && (few || c.on("euler_at_final") || c.clean()):
		return 1
	case k == n-2 && few:
		return 2
	}
	return 0
}

// left is how the order falls with the steps that are left.
func (c *config) left(k, n int) int {
	if c.on("lower_order_final") {
		return n - k
	}
	return 0
}

// whatever is the solver's own order.
func (c *config) whatever(k, n int) int { return 0 }

// clean says whether the walk ends at clean data.
func (c *config) clean() bool {
	return c.has("final_sigmas_type") && c.word("final_sigmas_type") == "zero"
}

// dpm is the multistep solver of algorithm_type and solver_type.
func (c *config) dpm() (sampler.Solver, error) {
	algorithm, heun := c.word("algorithm_type"), c.word("solver_type") == "heun"
	solver := map[string][2]string{
		"dpmsolver++":     {"dpmpp-2m", "dpmpp-2m-heun"},
		"deis":            {"dpmpp-2m", "dpmpp-2m-heun"},
		"dpmsolver":       {"dpm-2m", "dpm-2m-heun"},
		"sde-dpmsolver++": {"dpmpp-2m-sde", "dpmpp-2m-sde-heun"},
		"sde-dpmsolver":   {"dpm-2m-sde", "dpm-2m-sde-heun"},
	}[algorithm]
	third := c.whole("solver_order") == 3
	switch {
	case third && algorithm == "sde-dpmsolver":
		return sampler.Solver{}, c.bad("solver_order", "and algorithm_type sde-dpmsolver has a second order at most: take 2")
	case c.clean() && strings.HasSuffix(algorithm, "dpmsolver"):
		return sampler.Solver{}, c.bad("final_sigmas_type", "but algorithm_type %s goes by the noise, which cannot be seen in clean data: take sigma_min, or %s++", algorithm, algorithm)
	case third && algorithm == "sde-dpmsolver++" && !c.Published && heun:
		return sampler.DiffusersSDE3Heun, nil
	case third && algorithm == "sde-dpmsolver++" && !c.Published:
		return sampler.DiffusersSDE3, nil
	case heun:
		return named(solver[1]), nil
	}
	return named(solver[0]), nil
}

// ordered sets the order of a multistep solver.
func ordered(c *config, w *Walk) error {
	w.Settings.Order = c.whole("solver_order")
	if w.Settings.Order == 3 && c.word("algorithm_type") == "sde-dpmsolver++" {
		w.departs("a half in the third term has the other sign", "the third term is that of the Taylor series")
	}
	return nil
}

// singlestep is the solver with as many calls a step as solver_order.
func (c *config) singlestep() (sampler.Solver, error) {
	if s, err := c.dpm(); err != nil { // of which options go together
		return s, err
	}
	heun, noise, third := c.word("solver_type") == "heun", c.word("algorithm_type") == "dpmsolver", c.whole("solver_order") == 3
	name := "dpmpp-"
	if noise {
		name = "dpm-"
	}
	switch half := third && !heun && !c.Published; {
	case half && noise:
		return sampler.DiffusersDPM3S, nil
	case half:
		return sampler.DiffusersDPMpp3S, nil
	case third:
		name += "3s"
	default:
		name += "2s"
	}
	if heun {
		name += "-heun"
	}
	return named(name), nil
}

// grouped makes steps of one, two and three calls, which are as many timesteps: a step's stages are at the timesteps within it.
func grouped(c *config, w *Walk) error {
	flat, orders := w.Settings.Nodes, c.orders(len(w.Timesteps))
	w.Settings.Nodes = nil
	for k := 0; k < len(orders); {
		calls := 1
		for k+calls < len(orders) && orders[k+calls] == calls+1 {
			calls++
		}
		n := flat[k]
		n.Order, n.Stages = calls, flat[k+1:k+calls]
		w.Settings.Nodes = append(w.Settings.Nodes, n)
		k += calls
	}
	w.Settings.Nodes = append(w.Settings.Nodes, flat[len(flat)-1])
	if c.whole("solver_order") == 3 && c.word("solver_type") != "heun" {
		w.departs("the second stage of a third order step is of the midpoint form", "the second stage of a third order step integrates its line exactly")
	}
	return nil
}

// orders are those of the singlestep method at each of n timesteps: 1, 2, 3, 1, 2, 3, ... The last ones are lower where n is not a multiple of
// the order, and where the walk leads to clean data.
func (c *config) orders(n int) []int {
	order, zero := c.whole("solver_order"), c.clean()
	list := make([]int, n)
	for k := range list {
		list[k] = k%order + 1
	}
	if lower := c.on("lower_order_final") || n%order != 0 || zero; lower && order > 1 && n%order == 0 {
		list[n-1] = 1
		if order == 3 && n >= 3 {
			list[n-3], list[n-2], list[n-1] = 1, 2, 1
		}
	}
	if zero {
		list[n-1] = 1
	}
	return list
}

// unipc is the solver by solver_type, on the data prediction or the noise.
func (c *config) unipc() (sampler.Solver, error) {
	name := "unipc"
	switch {
	case !c.on("predict_x0") && c.clean():
		return sampler.Solver{}, c.bad("predict_x0", "but the noise cannot be seen in clean data, where the walk ends: set final_sigmas_type to sigma_min")
	case !c.on("predict_x0"):
		name += "-noise"
	}
	if c.word("solver_type") == "bh1" {
		name += "-bh1"
	}
	return named(name), nil
}

// corrected: a step is taken again by the first call of the next one, but for those that disable_corrector lists.
func corrected(c *config, w *Walk) error {
	w.Settings.Order = c.whole("solver_order")
	for _, k := range c.numbers("disable_corrector") {
		if k != math.Trunc(k) || k < 0 {
			return c.bad("disable_corrector", "expected the numbers of steps, counted from 0")
		}
		if int(k) < len(w.Timesteps) {
			w.Settings.Nodes[int(k)].Again = -1
		}
	}
	return nil
}

// stochastic is the stochastic Adams solver on what algorithm_type names.
func (c *config) stochastic() (sampler.Solver, error) {
	if c.word("algorithm_type") == "noise_prediction" {
		return sampler.DiffusersSANoise, nil
	}
	return sampler.DiffusersSA, nil
}

// tau is the share of fresh noise of the stochastic Adams solver: 1 from timestep 200 to 800, and 0 elsewhere.
func tau(c *config, w *Walk) error {
	w.Settings.Order = c.whole("predictor_order")
	idle := 0 // steps that draw noise, and multiply it by a tau of 0
	for k, t := range w.Timesteps {
		eta, n := 0.0, &w.Settings.Nodes[k]
		if idle++; t >= 200 && t <= 800 {
			eta, n.Unused, idle = 1, idle-1, 0
		}
		n.Eta, n.Again = &eta, min(c.whole("corrector_order"), k+2)
		if c.on("lower_order_final") {
			n.Again = min(n.Again, len(w.Timesteps)-k+1)
		}
	}
	return nil
}

// ipndm is the improved pseudo linear multistep method (Zhang and Chen 2022, https://arxiv.org/abs/2204.13902, appendix H.2) on the
// trigonometric path, of which it lists noise levels sin^2 of equal steps.
func ipndm(c *config) (*Walk, error) {
	path := schedule.Cosine()
	w := &Walk{Path: path, Prediction: schedule.V, InitNoiseSigma: 1, Start: 1, Time: schedule.MustFormula("1-t", schedule.TimeVariables(path)...)}
	w.Settings.Solver, w.Settings.Start = sampler.DiffusersIPNDM, &w.Start
	for _, step := range linspace32(1, 0, c.steps+1) {
		root := float32(math.Sin(float64(float32(step * math.Pi / 2))))
		beta := root * root
		alpha := sqrt32(1 - beta*beta)
		time := float64(float32(math.Atan2(float64(beta), float64(alpha))) / math.Pi * 2)
		n := sampler.Node{T: 1 - time, Alpha: float64(alpha), Beta: float64(beta), Input: &time}
		w.Settings.Nodes = append(w.Settings.Nodes, n)
		w.Timesteps = append(w.Timesteps, time)
	}
	w.Timesteps = w.Timesteps[:c.steps]
	w.departs("the first call is made nothing of", "the first step goes by the data that the network predicts")
	if c.Published {
		w.Settings.Solver = sampler.IPNDM
	}
	return w, nil
}
