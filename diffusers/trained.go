package diffusers

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"odeon/sampler"
	"odeon/schedule"
)

// The classes that step from one trained index to another: their states are x = alpha z + beta eps, and an index below 0 is
// clean data.

func trainedClasses() []class {
	table := func(start, end float64, schedule string) []option {
		return betas(start, end, schedule, betaSchedules()...)
	}
	ddpms := table(0.0001, 0.02, "linear")
	latent := table(0.00085, 0.012, "scaled_linear") // of latent diffusion
	three := predicts("epsilon", "epsilon", "sample", "v_prediction")
	zero := switches(false, "rescale_betas_zero_snr")
	one := switches(true, "set_alpha_to_one")

	ddims := join(ddpms, clips(true), one, spaced("leading"), three, thresholds(), zero, etas(0), calls(count()), calls(switches(false, "use_clipped_model_output")...))
	posterior := join(ddpms, clips(true), variances(), spaced("leading"), three, thresholds(), zero, calls(count(), listed("timesteps")))
	turned := spaced("leading")
	turned[0].words = []string{"leading", "trailing"}
	turned[0].unsupported = map[string]string{"linspace": "diffusers has it in the classes from noise to data alone"}
	inverse := join(ddpms, clips(true), one, turned, three, zero, calls(count()))
	linear := join(ddpms, switches(false, "skip_prk_steps", "set_alpha_to_one"), spaced("leading"), predicts("epsilon", "epsilon", "v_prediction"), calls(count()))
	scaling := option{name: "timestep_scaling", kind: aNumber, usual: 10.0, within: &[2]float64{1e-6, 1e6}}
	distilled := join(latent, one, zero, three, calls(count(), listed("timesteps")), unread("this class spaces its timesteps by original_inference_steps",
		option{name: "timestep_spacing", kind: aText, usual: "leading"}, option{name: "steps_offset", kind: aWhole, usual: 0.0}),
		[]option{{name: "original_inference_steps", kind: aWhole, usual: 50.0, within: &[2]float64{1, 1 << 20}}})
	const quiet = "this class's step does not clip"
	video := join(latent, unread(quiet, join(clips(true), []option{number("sample_max_value", 1.0)})...), one, spaced("leading"), three, zero, calls(count()),
		[]option{{name: "snr_shift_scale", kind: aNumber, usual: 3.0, within: &[2]float64{1e-6, 1e6}}})
	decoder := join(clips(true), predicts("epsilon", "epsilon", "sample"), calls(count()),
		[]option{{name: "num_train_timesteps", kind: aWhole, usual: 1000.0, within: &[2]float64{2, 1 << 20}},
			{name: "beta_schedule", kind: aWord, usual: "squaredcos_cap_v2", words: []string{"squaredcos_cap_v2"}},
			{name: "variance_type", kind: aWord, usual: "fixed_small_log", words: []string{"fixed_small_log", "learned_range"}}})

	plain, evenly, few, shifted := (*config).trained, (*trained).timesteps, (*trained).distilled, (*config).shifted
	return []class{
		{name: "DDIM", short: []string{"ddim"}, options: ddims, walk: along(plain, evenly, ddim)},
		{name: "DDIMParallel", options: ddims, walk: along(plain, evenly, ddim)},
		{name: "DDIMInverse", short: []string{"ddim-inverse"}, options: inverse, walk: along(plain, evenly, ddimInverse)},
		{name: "DDPM", short: []string{"ddpm"}, options: posterior, walk: along(plain, evenly, ddpm)},
		{name: "DDPMParallel", options: posterior, walk: along(plain, evenly, ddpm)},
		{name: "UnCLIP", short: []string{"unclip"}, options: decoder, walk: along((*config).unclip, (*trained).ends, ddpm)},
		{name: "PNDM", short: []string{"pndm"}, options: linear, walk: along(plain, evenly, pndm)},
		{name: "LCM", short: []string{"lcm"}, options: join(distilled, clips(false), thresholds(), []option{scaling}), walk: along(plain, few, lcm)},
		{name: "TCD", short: []string{"tcd"}, walk: along(plain, few, tcd),
			options: join(distilled, unread(quiet, join(clips(false), thresholds())...), unread("this class has no boundary", scaling), etas(0.3))},
		{name: "CogVideoXDDIM", options: video, walk: along(shifted, evenly, cogVideoDDIM)},
		{name: "CogVideoXDPM", options: video, walk: along(shifted, evenly, cogVideoDPM)},
		{name: "RePaint", why: "its steps go back and forth between a picture and a mask; take DDPMScheduler, with --mask to fill in a part"},
	}
}

// clips are clip_sample and its range.
func clips(usual bool) []option {
	return []option{{name: "clip_sample", kind: aSwitch, usual: usual}, {name: "clip_sample_range", kind: aNumber, usual: 1.0, within: &[2]float64{1e-6, 1e6}}}
}

// etas is the argument eta of step.
func etas(usual float64) []option {
	return calls(option{name: "eta", kind: aNumber, usual: usual, within: &[2]float64{0, 1}})
}

// unread marks options that the class takes and does not read.
func unread(why string, list ...option) []option {
	for i := range list {
		list[i].elsewhere = why
	}
	return list
}

// variances are variance_type of DDPM.
func variances() []option {
	return []option{{
		name: "variance_type", kind: aWord, usual: "fixed_small", words: []string{"fixed_small", "fixed_small_log", "fixed_large", "learned_range"},
		unsupported: map[string]string{
			"fixed_large_log": "diffusers takes the root of a negative logarithm, which is not a number",
			"learned":         "diffusers takes the network's second half for the variance itself, where the networks that are known give its logarithm's place (learned_range)",
		},
	}}
}

// trained is a class and its table.
type trained struct {
	*config
	*table
	levels []float64 // its alpha-bars, as the class computes with them
	single []float32 // its betas, where the class takes those for steps from one trained index to the next
}

func (c *config) trained() (*trained, error) {
	t, err := c.table()
	if err != nil {
		return nil, err
	}
	return c.with(t), nil
}

// with is a class with a table.
func (c *config) with(t *table) *trained {
	levels := make([]float64, len(t.bars))
	for i, bar := range t.bars {
		levels[i] = float64(bar)
	}
	return &trained{config: c, table: t, levels: levels}
}

// at is the node of a trained index. Below 0 it is clean data, or what index 0 is where set_alpha_to_one is off.
func (t *trained) at(index float64) sampler.Node {
	i := min(max(index, 0), float64(len(t.levels)-1))
	if index < 0 && (!t.has("set_alpha_to_one") || t.on("set_alpha_to_one")) {
		return sampler.Node{T: 1, Alpha: 1}
	}
	bar := t.levels[int(i)]
	return sampler.Node{T: t.path.Time(schedule.Index(i)), Alpha: math.Sqrt(bar), Beta: math.Sqrt(1 - bar), Input: &i}
}

// timesteps are those that are given, or those of the spacing.
func (t *trained) timesteps() ([]float64, error) {
	if !t.isSet("timesteps") {
		list, err := t.spread(spacing{name: t.word("timestep_spacing"), trained: len(t.levels), steps: t.steps, offset: t.whole("steps_offset")})
		if err == nil && list[0] >= float64(len(t.levels)) {
			err = fmt.Errorf("%s: the first of %d timesteps is %v, beyond the %d trained ones; lower steps_offset (%d)", t.Name(), t.steps, list[0], len(t.levels), t.whole("steps_offset"))
		}
		return list, err
	}
	return t.descending(t.numbers("timesteps"))
}

// descending checks timesteps that are given.
func (t *trained) descending(list []float64) ([]float64, error) {
	if err := t.counted("timesteps", len(list)); err != nil {
		return nil, err
	}
	for i, v := range list {
		switch {
		case v != math.Trunc(v) || v < 0 || v >= float64(len(t.levels)):
			return nil, t.bad("timesteps", "expected trained indices, whole numbers from 0 to %d", len(t.levels)-1)
		case i > 0 && v >= list[i-1]:
			return nil, t.bad("timesteps", "expected falling numbers, the noisiest first")
		}
	}
	return list, nil
}

// stride is how many trained steps one step goes.
func (t *trained) stride() float64 { return float64(len(t.levels) / t.steps) }

// below is where the step of each timestep leads: to the stride below it, whatever the next timestep of the list is; in the published
// method to that.
func (t *trained) below(w *Walk, list []float64) func(k int) float64 {
	following := next(list)
	for k, index := range list {
		const fixed = "steps are num_train_timesteps/steps long"
		if max(index-t.stride(), -1) != following(k) && !strings.Contains(w.Departs, fixed) {
			w.departs(fixed, "steps lead to the next timestep")
		}
	}
	if t.Published {
		return following
	}
	return func(k int) float64 { return list[k] - t.stride() }
}

// along is the walk of a class: the noise levels that its network was trained at, those of them that it is called at, and the steps between.
func along(table func(*config) (*trained, error), list func(*trained) ([]float64, error), steps func(t *trained, w *Walk) error) func(c *config) (*Walk, error) {
	return func(c *config) (*Walk, error) {
		t, err := table(c)
		if err != nil {
			return nil, err
		}
		w := &Walk{Path: t.path, InitNoiseSigma: 1, Start: 1}
		w.Settings.Start = &w.Start
		if w.Prediction, err = predictionOf(t.word("prediction_type")); err != nil {
			return nil, err
		}
		if w.Timesteps, err = list(t); err != nil {
			return nil, err
		}
		switch {
		case t.has("clip_sample") && t.class.option("clip_sample").elsewhere != "":
		case t.on("thresholding"):
			w.Settings.Threshold = t.threshold()
		default:
			w.Settings.Clip = t.clip()
		}
		return w, steps(t, w)
	}
}

// bounded says whether the data prediction is clipped.
func (w *Walk) bounded() bool { return w.Settings.Clip != nil || w.Settings.Threshold != nil }

// clip is the range of clip_sample; nil where it is off.
func (c *config) clip() *[2]float64 {
	if !c.on("clip_sample") {
		return nil
	}
	r := c.number("clip_sample_range")
	return &[2]float64{-r, r}
}

// threshold is dynamic thresholding by its options.
func (c *config) threshold() *sampler.Threshold {
	return &sampler.Threshold{Ratio: c.number("dynamic_thresholding_ratio"), Max: c.number("sample_max_value")}
}

// through makes the walk one of steps that lead from each timestep to that of to.
func (t *trained) through(w *Walk, to func(k int) float64) {
	for k, index := range w.Timesteps {
		n, next := t.at(index), t.at(to(k))
		n.Leads = &next
		w.Settings.Nodes = append(w.Settings.Nodes, n)
	}
	w.finish()
}

// finish adds the node to which the last step leads.
func (w *Walk) finish() {
	nodes := w.Settings.Nodes
	w.Settings.Nodes = append(nodes, *nodes[len(nodes)-1].Leads)
}

// next is the timestep after the k-th of a list, -1 after the last.
func next(list []float64) func(k int) float64 {
	return func(k int) float64 {
		if k+1 < len(list) {
			return list[k+1]
		}
		return -1
	}
}

// ddim: a step leads num_train_timesteps/steps down, and the noise is that of the prediction before it was clipped (Song, Meng and
// Ermon 2021, https://arxiv.org/abs/2010.02502, equation 12).
func ddim(t *trained, w *Walk) error {
	eta := t.number("eta")
	w.Settings.Solver, w.Settings.Eta = sampler.DDIM, &eta
	if w.bounded() && !t.on("use_clipped_model_output") {
		w.Settings.Unclipped = !t.Published
		w.departs("the noise is that of the prediction before it was clipped", "the noise is what the clipped data leave of the state")
	}
	t.through(w, t.below(w, w.Timesteps))
	return nil
}

// ddimInverse goes from data to noise: the network is fed the timestep to which a step leads, and not that at which it begins.
func ddimInverse(t *trained, w *Walk) error {
	slices.Reverse(w.Timesteps)
	w.Settings.Solver, w.Settings.Unclipped = sampler.DDIM, w.bounded()
	for _, index := range w.Timesteps {
		n, to := t.at(min(index-t.stride(), float64(len(t.levels)-1))), t.at(index)
		n.Input, n.Leads = to.Input, &to
		w.Settings.Nodes = append(w.Settings.Nodes, n)
	}
	w.finish()
	return nil
}

// ddpm is ancestral sampling from timestep to timestep (Ho, Jain and Abbeel 2020, https://arxiv.org/abs/2006.11239, algorithm 2). Noise is
// drawn in every step but one at timestep 0; on the way to clean data it is that of variance_type too.
func ddpm(t *trained, w *Walk) error {
	following := next(w.Timesteps)
	w.Settings.Solver = sampler.DDPM
	t.through(w, following)
	for k, index := range w.Timesteps {
		t.posterior(&w.Settings.Nodes[k], int(index), int(following(k)))
	}
	return nil
}

// posterior is the step from one timestep to another, or to -1: with r = alpha-bar/alpha-bar', the share of one step's signal,
//
//	mean = sqrt(alpha-bar') (1-r)/(1-alpha-bar) z + sqrt(r) (1-alpha-bar')/(1-alpha-bar) x,  variance (1-alpha-bar')/(1-alpha-bar) (1-r)
//
// (Ho et al. 2020, equation 7). Near clean data 1-r is small, and what float32 leaves of it counts, so that it is taken in float32.
func (t *trained) posterior(n *sampler.Node, from, to int) {
	const least = 1e-20 // the variance on the way to clean data, as diffusers has it
	before, after := t.bars[from], float32(1)
	if to >= 0 {
		after = t.bars[to]
	}
	r := before / after
	large := 1 - r
	if t.single != nil && to == from-1 {
		large, r = t.single[from], 1-t.single[from]
	}
	z := sqrt32(after) * large / (1 - before)
	x := sqrt32(r) * (1 - after) / (1 - before)
	n.Leads.Alpha, n.Leads.Beta = float64(z)+float64(x)*n.Alpha, float64(x)*n.Beta

	small := max(least, float64((1-after)/(1-before)*large))
	std := 0.0
	switch word := t.word("variance_type"); {
	case from == 0:
	case word == "fixed_large":
		std = math.Sqrt(float64(large))
	case word == "learned_range":
		std, n.Widens = math.Pow(small*float64(large), 0.25), math.Log(float64(large)/small)/4
	default:
		std = math.Sqrt(small)
	}
	n.Noise = &std
}

// unclip is the table of the decoder of Ramesh et al. 2022, https://arxiv.org/abs/2204.06125.
func (c *config) unclip() (*trained, error) {
	count := c.whole("num_train_timesteps")
	betas := betaTables["squaredcos_cap_v2"](0, 0, count)
	path, err := discrete(schedule.ParsePath(fmt.Sprintf("betas=cosine; count=%d", count)))
	if err != nil {
		return nil, err
	}
	t := c.with(&table{bars: alphaBars(betas), path: path})
	t.single = betas
	return t, nil
}

// ends are timesteps at equal distances of which the last is 0.
func (t *trained) ends() ([]float64, error) {
	if t.steps < 2 || t.steps > len(t.levels) {
		return nil, fmt.Errorf("%s: %d steps, expected 2 to %d", t.Name(), t.steps, len(t.levels))
	}
	ratio := float64(len(t.levels)-1) / float64(t.steps-1)
	list := make([]float64, t.steps)
	for i := range list {
		list[t.steps-1-i] = math.RoundToEven(float64(i) * ratio)
	}
	return list, nil
}
