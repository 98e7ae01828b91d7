package diffusers

import (
	"fmt"

	"odeon/sampler"
)

// pndm is the pseudo linear multistep method (Liu et al. 2022, https://arxiv.org/abs/2202.09778): its first three steps are of
// Runge's and Kutta's kind with four calls each, or with skip_prk_steps the first step is taken twice. diffusers takes the weights
// of the method for whatever is predicted, and makes noise of it with the state of the step's begin.
func pndm(t *trained, w *Walk) error {
	list := w.Timesteps
	w.Timesteps = nil // they are listed as often as the network is called there
	switch {
	case t.on("skip_prk_steps"):
		w.Settings.Solver = sampler.PLMS
		t.plms(w, list)
	case len(list) < 4:
		return fmt.Errorf("%s: %d steps, expected 4 at least: three of them are Runge and Kutta's; or set skip_prk_steps", t.Name(), len(list))
	default:
		w.Settings.Solver = sampler.PNDM
		for i := range 3 {
			t.rungeKutta(w, list[i], list[i+1])
		}
		t.multistep(w, list[3:])
	}
	if !t.Published {
		w.Settings.Solver = w.Settings.Solver.Unconverted()
	}
	if t.word("prediction_type") == "v_prediction" {
		w.departs("the weights of the multistep method are of v", "the weights of the multistep method are of the noise")
	}
	return nil
}

// multistep are steps down from each timestep.
func (t *trained) multistep(w *Walk, list []float64) {
	below := t.below(w, list)
	for k, index := range list {
		n, to := t.at(index), t.at(below(k))
		n.Leads = &to
		w.Timesteps, w.Settings.Nodes = append(w.Timesteps, index), append(w.Settings.Nodes, n)
	}
	w.finish()
}

// plms takes the first step to the stride below, and again to the second timestep, counted from the stride above that.
func (t *trained) plms(w *Walk, list []float64) {
	if len(list) == 1 {
		t.multistep(w, list)
		w.Settings.Nodes[0].Order = 1
		return
	}
	n, stage, to := t.at(list[0]), t.at(t.below(w, list)(0)), t.at(list[1])
	stage.Input = to.Input
	if from := list[1] + t.stride(); from != list[0] && !t.Published {
		counted := t.at(from)
		stage.From = &counted
	}
	n.Stages, n.Leads = []sampler.Node{stage}, &to
	w.Timesteps, w.Settings.Nodes = append(w.Timesteps, list[0], list[1]), append(w.Settings.Nodes, n)
	t.multistep(w, list[1:])
}

// rungeKutta is the step from one timestep to the next by way of half the stride, four calls of the network.
func (t *trained) rungeKutta(w *Walk, from, to float64) {
	half := float64(int(t.stride()) / 2)
	n, end := t.at(from), t.at(to)
	middle := to + half
	first, second, third := t.at(from-half), t.at(middle), t.at(middle-half)
	first.Input, third.Input = second.Input, end.Input
	n.Stages, n.Leads = []sampler.Node{first, second, third}, &end
	w.Timesteps, w.Settings.Nodes = append(w.Timesteps, from, middle, middle, to), append(w.Settings.Nodes, n)
}
