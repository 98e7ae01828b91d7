package diffusers

import (
	"math"
	"strings"

	"odeon/sampler"
	"odeon/schedule"
)

// edmClasses are those of Karras et al. 2022, https://arxiv.org/abs/2206.00364: x = z + sigma eps, and a network whose input, output and
// time are preconditioned with the data's standard deviation.
func edmClasses() []class {
	levels := func(low, high, data float64) []option {
		return []option{
			{name: "sigma_min", kind: aNumber, usual: low, within: &[2]float64{1e-9, 1e9}},
			{name: "sigma_max", kind: aNumber, usual: high, within: &[2]float64{1e-9, 1e9}},
			{name: "sigma_data", kind: aNumber, usual: data, within: &[2]float64{1e-9, 1e9}},
			{name: "rho", kind: aNumber, usual: 7.0, within: &[2]float64{0.1, 100}},
		}
	}
	trained := func(n float64) option {
		return option{name: "num_train_timesteps", kind: aWhole, usual: n, within: &[2]float64{1, 1 << 20}}
	}
	schedules := func(usual string) option {
		return option{name: "sigma_schedule", kind: aWord, usual: usual, words: []string{"karras", "exponential"}}
	}
	multistep := []option{
		{name: "solver_order", kind: aWhole, usual: 2.0, within: &[2]float64{1, 3}},
		{name: "solver_type", kind: aWord, usual: "midpoint", words: []string{"midpoint", "heun"}},
		{name: "lower_order_final", kind: aSwitch, usual: true}, {name: "euler_at_final", kind: aSwitch, usual: false},
	}
	unused := trained(1000)
	unused.elsewhere = "how many levels the object lists before set_timesteps"
	return []class{
		{
			name: "EDMEuler", short: []string{"edm", "edm-euler"}, walk: walkEDMEuler,
			options: join(levels(0.002, 80, 0.5), []option{unused, schedules("karras")}, predicts("epsilon", "epsilon", "v_prediction"), finals(), churns(),
				calls(option{name: "sigmas", kind: aNumbers, only: "diffusers takes them for places between sigma_max and sigma_min"})),
		},
		{
			name: "EDMDPMSolverMultistep", short: []string{"edm-dpmsolver++"}, walk: walkEDMSolver,
			options: join(levels(0.002, 80, 0.5), []option{unused, schedules("karras")}, predicts("epsilon", "epsilon", "v_prediction"), multistep,
				thresholds(), []option{{name: "algorithm_type", kind: aWord, usual: "dpmsolver++", words: []string{"dpmsolver++", "sde-dpmsolver++"}}},
				finals(), calls(count())),
		},
		{
			name: "CosineDPMSolverMultistep", short: []string{"cosine-dpmsolver++"}, walk: walkCosine,
			options: join(levels(0.3, 500, 1), []option{unused, schedules("exponential")}, predicts("v_prediction", "epsilon", "v_prediction"), multistep,
				finals(), calls(count())),
		},
		{
			name: "CMStochasticIterative", short: []string{"cm", "consistency"}, walk: walkConsistency,
			options: join(levels(0.002, 80, 0.5), []option{
				trained(40), {name: "s_noise", kind: aNumber, usual: 1.0, only: "with it the noise is that of the next level"}, {name: "clip_denoised", kind: aSwitch, usual: true},
			}, calls(count(), listed("timesteps"))),
		},
		{
			name: "SCM", short: []string{"scm", "trigflow"}, walk: walkSCM,
			options: join([]option{unused}, predicts("trigflow", "trigflow"), levels(0, 0, 0.5)[2:3],
				calls(count(), listed("timesteps"), number("max_timesteps", 1.57080), number("intermediate_timesteps", 1.3))),
		},
	}
}

// edmPath is the path of the class's levels.
func (c *config) edmPath() (schedule.Path, error) {
	if !(c.number("sigma_min") < c.number("sigma_max")) {
		return nil, c.bad("sigma_min", "expected a level below sigma_max, %v", c.number("sigma_max"))
	}
	return schedule.EDM(c.number("sigma_min"), c.number("sigma_max"), c.number("rho"))
}

// formula replaces names in a formula by the class's numbers.
func (c *config) formula(formula string) string {
	pairs := []string{"data", written(c.number("sigma_data"))}
	if c.has("sigma_min") {
		pairs = append(pairs, "least", written(c.number("sigma_min")))
	}
	return strings.NewReplacer(pairs...).Replace(formula)
}

// preconditioned completes a walk on the path: the network F sees x/sqrt(sigma^2 + data^2), and z = c_skip x + c_out F.
func (c *config) preconditioned(w *Walk) (err error) {
	data, noise := "sigma/(data*sqrt(sigma^2+data^2))", "-data/sqrt(sigma^2+data^2)"
	if c.word("prediction_type") == "v_prediction" {
		data, noise = "-"+data, strings.TrimPrefix(noise, "-")
	}
	if w.Prediction, err = schedule.NewPrediction(c.formula(data), c.formula(noise), w.Path); err != nil {
		return err
	}
	w.Scale, err = schedule.ParseFormula(c.formula("1/sqrt(sigma^2+data^2)"), schedule.TimeVariables(w.Path)...)
	return err
}

// levels32 are n levels from the largest on in float32; the classes differ in where float32 begins.
func (c *config) levels32(double bool) []float64 {
	low, high, n := c.number("sigma_min"), c.number("sigma_max"), c.steps
	list := make([]float64, n)
	if c.word("sigma_schedule") == "exponential" {
		for i, x := range linspace32(math.Log(low), math.Log(high), n) {
			list[n-1-i] = float64(exp32(x))
		}
		return list
	}
	if double {
		return round32(karrasLevels(low, high, c.number("rho"), n))
	}
	first, last := math.Pow(high, 1/c.number("rho")), math.Pow(low, 1/c.number("rho"))
	for i, ramp := range linspace32(0, 1, n) {
		root := float32(first) + float32(ramp*float32(last-first))
		list[i] = float64(float32(math.Pow(float64(root), c.number("rho"))))
	}
	return list
}

// edm is the walk through levels by a solver.
func (c *config) edm(double bool, solver sampler.Solver) (*Walk, error) {
	path, err := c.edmPath()
	if err != nil {
		return nil, err
	}
	w := &Walk{Path: path, InitNoiseSigma: math.Sqrt(c.number("sigma_max")*c.number("sigma_max") + 1)}
	if err := c.preconditioned(w); err != nil {
		return nil, err
	}
	w.Time = schedule.MustFormula("0.25*log(sigma)", schedule.TimeVariables(path)...)
	sigmas := c.levels32(double)
	for _, s := range sigmas {
		w.Timesteps = append(w.Timesteps, float64(0.25*log32(float32(s))))
	}
	last := 0.0
	if c.word("final_sigmas_type") == "sigma_min" {
		if last = float64(float32(c.number("sigma_min"))); double {
			last = sigmas[len(sigmas)-1]
		}
	}
	if err := c.falling(sigmas); err != nil {
		return nil, err
	}
	w.Sigmas = append(sigmas, last)
	w.Start = w.InitNoiseSigma
	w.Settings.Solver, w.Settings.Start = solver, &w.Start
	for k, s := range w.Sigmas {
		n := exploding(path, s)
		if k < len(w.Timesteps) {
			n.Input = &w.Timesteps[k]
		}
		w.Settings.Nodes = append(w.Settings.Nodes, n)
	}
	return w, nil
}

// exploding is the place with a noise level on a path whose alpha is 1.
func exploding(path schedule.Path, sigma float64) sampler.Node {
	n := sampler.Node{T: 1, Alpha: 1, Beta: sigma}
	if sigma > 0 {
		n.T = schedule.TimeAt(path, -2*math.Log(sigma))
	}
	return n
}

func walkEDMEuler(c *config) (*Walk, error) {
	w, err := c.edm(true, sampler.DDIM)
	if err != nil {
		return nil, err
	}
	return w, c.churn(w)
}

func walkEDMSolver(c *config) (*Walk, error) {
	name := "dpmpp-2m"
	if c.word("algorithm_type") == "sde-dpmsolver++" {
		if name = "dpmpp-2m-sde"; c.whole("solver_order") == 3 {
			return nil, c.bad("solver_order", "and diffusers has sde-dpmsolver++ of orders 1 and 2 in this class")
		}
	}
	if c.word("solver_type") == "heun" {
		name += "-heun"
	}
	solver, err := sampler.SolverByName(name)
	if err != nil {
		return nil, err
	}
	w, err := c.edm(false, solver)
	if err != nil {
		return nil, err
	}
	c.limitOrders(w)
	if c.on("thresholding") {
		w.Settings.Threshold = &sampler.Threshold{Ratio: c.number("dynamic_thresholding_ratio"), Max: c.number("sample_max_value")}
	}
	return w, nil
}

// limitOrders gives the last steps lower orders: 1 in the last one and at most 2 in the one before, with fewer than 15 steps; and 1 in
// the last one to level 0, to a level already reached, or with euler_at_final.
func (c *config) limitOrders(w *Walk) {
	nodes, order := w.Settings.Nodes, c.whole("solver_order")
	w.Settings.Order = order
	last, few := len(nodes)-2, c.on("lower_order_final") && len(w.Timesteps) < 15
	if few || c.on("euler_at_final") || w.Sigmas[last+1] == 0 || w.Sigmas[last+1] == w.Sigmas[last] {
		nodes[last].Order = 1
	}
	if few && last > 0 {
		nodes[last-1].Order = min(2, order)
	}
}

// walkCosine is of Evans et al. 2024, https://arxiv.org/abs/2407.14358: the network is fed 2 atan(sigma)/pi, which on the cosine path is
// 1-t; there the state is what the network sees, for data of variance 1. Its noise is a Brownian motion in sigma.
func walkCosine(c *config) (*Walk, error) {
	if c.number("sigma_data") != 1 {
		return nil, c.bad("sigma_data", "and only 1 is supported, with which the states lie on the cosine path")
	}
	solver, err := sampler.SolverByName(map[string]string{"midpoint": "dpmpp-2m-sde", "heun": "dpmpp-2m-sde-heun"}[c.word("solver_type")])
	if err != nil {
		return nil, err
	}
	if c.whole("solver_order") > 2 {
		return nil, c.bad("solver_order", "and diffusers has orders 1 and 2 in this class")
	}
	w, err := c.edm(false, solver)
	if err != nil {
		return nil, err
	}
	w.Path, w.Prediction, w.Scale = schedule.Cosine(), schedule.V, nil
	if c.word("prediction_type") == "epsilon" {
		if w.Prediction, err = schedule.NewPrediction("beta", "-alpha", w.Path); err != nil {
			return nil, err
		}
	}
	w.Time = schedule.MustFormula("1-t", schedule.TimeVariables(w.Path)...)
	w.Motion = &sampler.Motion{Low: c.number("sigma_min"), High: c.number("sigma_max")}
	for k, sigma := range w.Sigmas {
		n := sampler.Node{T: 1 - math.Atan(sigma)/math.Pi*2, Alpha: 1 / math.Hypot(1, sigma)}
		n.Beta = sigma * n.Alpha
		if k < len(w.Timesteps) {
			w.Timesteps[k] = float64(float32(float32(math.Atan(sigma))/float32(math.Pi)) * 2)
			n.Input = &w.Timesteps[k]
			w.Motion.Spans = append(w.Motion.Spans, [2]float64{sigma, w.Sigmas[k+1]})
		}
		w.Settings.Nodes[k] = n
	}
	w.Start *= w.Settings.Nodes[0].Alpha
	c.limitOrders(w)
	if w.Sigmas[len(w.Sigmas)-1] > 0 {
		w.Settings.Last = sampler.LastRescale
	}
	return w, nil
}

// walkConsistency is of Song et al. 2023, https://arxiv.org/abs/2303.01469: preconditioned such that at the smallest level z = x, and fed
// 250 log(sigma).
func walkConsistency(c *config) (*Walk, error) {
	path, err := c.edmPath()
	if err != nil {
		return nil, err
	}
	trained := c.whole("num_train_timesteps")
	var steps []float64
	switch {
	case c.isSet("timesteps"):
		steps = c.numbers("timesteps")
		if err := c.counted("timesteps", len(steps)); err != nil {
			return nil, err
		}
		for i, t := range steps {
			if t != math.Trunc(t) || t < 0 || t >= float64(trained) || i > 0 && t >= steps[i-1] {
				return nil, c.bad("timesteps", "expected whole numbers from %d to 0 that fall", trained-1)
			}
		}
	case c.steps > trained:
		return nil, c.bad("num_train_timesteps", "and %d steps are asked for: take at most as many", c.steps)
	default:
		for i := range c.steps {
			steps = append(steps, float64((c.steps-1-i)*(trained/c.steps)))
		}
	}
	w := &Walk{Path: path, InitNoiseSigma: c.number("sigma_max"), Start: c.number("sigma_max")}
	skip, out := "data^2/((sigma-least)^2+data^2)", "((sigma-least)*data/sqrt(sigma^2+data^2))"
	if w.Prediction, err = schedule.NewPrediction(c.formula("(1-"+skip+")/"+out), c.formula("-sigma*"+skip+"/"+out), path); err != nil {
		return nil, err
	}
	w.Scale = schedule.MustFormula(c.formula("1/sqrt(sigma^2+data^2)"), schedule.TimeVariables(path)...)
	w.Time = schedule.MustFormula("250*log(sigma)", schedule.TimeVariables(path)...)
	low, high, rho := c.number("sigma_min"), c.number("sigma_max"), c.number("rho")
	first, last := math.Pow(high, 1/rho), math.Pow(low, 1/rho)
	for i := range steps {
		ramp := steps[len(steps)-1-i] / float64(trained-1)
		sigma := math.Pow(first+ramp*(last-first), rho)
		w.Timesteps = append(w.Timesteps, 250*math.Log(sigma))
		w.Sigmas = append(w.Sigmas, float64(float32(sigma)))
	}
	w.Sigmas = append(w.Sigmas, float64(float32(low)))
	for k, sigma := range w.Sigmas {
		n := exploding(path, sigma)
		if k < len(steps) {
			n.Input = &w.Timesteps[k]
			// At the smallest level the network says nothing new: the data are the state, which is clipped already.
			if sigma <= w.Sigmas[len(steps)] && k > 0 {
				continue
			}
		}
		w.Settings.Nodes = append(w.Settings.Nodes, n)
	}
	w.Settings.Solver, w.Settings.Start = sampler.Consistency, &w.Start
	if c.on("clip_denoised") {
		w.Settings.Clip = &[2]float64{-1, 1}
	}
	return w, nil
}

// walkSCM is of Chen et al. 2025, https://arxiv.org/abs/2503.09641, on the path x = cos(s) z + sin(s) eps with noise of the data's
// deviation, by Lu and Song 2024, https://arxiv.org/abs/2410.11081. The network is fed s.
func walkSCM(c *config) (*Walk, error) {
	path, err := schedule.NewPath("sin(pi*t/2)", c.formula("data*sin(pi*(1-t)/2)"))
	if err != nil {
		return nil, err
	}
	w := &Walk{Path: path, InitNoiseSigma: 1, Start: c.number("sigma_data")}
	if w.Prediction, err = schedule.NewPrediction(c.formula("-beta/data"), c.formula("data*alpha"), path); err != nil {
		return nil, err
	}
	w.Time = schedule.MustFormula("pi*(1-t)/2", schedule.TimeVariables(path)...)
	most := c.number("max_timesteps")
	switch {
	case c.isSet("timesteps"):
		w.Timesteps = round32(c.numbers("timesteps"))
		if err := c.counted("timesteps", len(w.Timesteps)-1); err != nil {
			return nil, err
		}
	case c.steps == 2 && c.isSet("intermediate_timesteps"):
		w.Timesteps = round32([]float64{most, c.number("intermediate_timesteps"), 0})
	default:
		for _, t := range linspace32(most, 0, c.steps+1) {
			w.Timesteps = append(w.Timesteps, float64(t))
		}
	}
	for k, s := range w.Timesteps {
		if s < 0 || s > 1.58 || k > 0 && !(s < w.Timesteps[k-1]) || len(w.Timesteps) < 2 {
			return nil, c.bad("timesteps", "expected two or more angles from pi/2 (noise) down to 0 (data)")
		}
		n := sampler.Node{T: max(0, 1-2*s/math.Pi), Alpha: max(0, math.Cos(s)), Beta: c.number("sigma_data") * math.Sin(s)}
		n.Input = &w.Timesteps[k]
		w.Settings.Nodes = append(w.Settings.Nodes, n)
	}
	w.Settings.Solver, w.Settings.Start = sampler.Consistency, &w.Start
	return w, nil
}
