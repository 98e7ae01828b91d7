package diffusers

import (
	"math"

	"odeon/sampler"
	"odeon/schedule"
)

// scoreClasses are those of networks of the score (Song et al. 2021, https://arxiv.org/abs/2011.13456).
func scoreClasses() []class {
	level := func(name string, usual float64) option {
		return option{name: name, kind: aNumber, usual: usual, within: &[2]float64{1e-9, 1e9}}
	}
	return []class{{
		name: "ScoreSdeVe", short: []string{"sde-ve", "score-sde"}, walk: walkScoreSDE,
		options: join([]option{
			{name: "num_train_timesteps", kind: aWhole, usual: 2000.0, elsewhere: "how many levels the object lists before set_timesteps"},
			{name: "snr", kind: aNumber, usual: 0.15, within: &[2]float64{1e-6, 0.69}},
			level("sigma_min", 0.01), level("sigma_max", 1348),
			{name: "sampling_eps", kind: aNumber, usual: 1e-5, within: &[2]float64{1e-9, 0.5}},
			{name: "correct_steps", kind: aWhole, usual: 1.0, within: &[2]float64{1, 1000}},
		}, calls(count())),
	}}
}

// walkScoreSDE steps through levels that fall geometrically from sigma_max to sigma_min, and from there to the data. The network is fed
// the level at the timesteps, which go from 1 to sampling_eps: all but the level that the state has.
func walkScoreSDE(c *config) (*Walk, error) {
	low, high, eps := c.number("sigma_min"), c.number("sigma_max"), c.number("sampling_eps")
	if !(low < high) {
		return nil, c.bad("sigma_min", "expected a level below sigma_max, %v", high)
	}
	path, err := schedule.VE(low, high)
	if err != nil {
		return nil, err
	}
	w := &Walk{
		Path: path, Prediction: schedule.Score, InitNoiseSigma: high, Start: high,
		Time: schedule.MustFormula("sigma", schedule.TimeVariables(path)...),
		Settings: sampler.Settings{
			Solver: sampler.DiffusersScoreSDE, Corrector: sampler.Corrector{Steps: c.whole("correct_steps"), Ratio: c.number("snr")},
		},
	}
	for i, time := range linspace32(1, eps, c.steps) {
		t := float64(time)
		w.Timesteps = append(w.Timesteps, t)
		w.Sigmas = append(w.Sigmas, float64(float32(low*math.Pow(high/low, t))))
		level := low // of a single step
		if last := c.steps - 1; last > 0 {
			level = math.Exp(math.Log(high) + float64(i)/float64(last)*(math.Log(low)-math.Log(high)))
		}
		w.Settings.Nodes = append(w.Settings.Nodes, exploding(path, level))
	}
	for i := range w.Sigmas {
		w.Settings.Nodes[i].Input = &w.Sigmas[i]
	}
	w.Settings.Nodes = append(w.Settings.Nodes, exploding(path, 0))
	return w, nil
}
