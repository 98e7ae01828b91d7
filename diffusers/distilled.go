package diffusers

import (
	"fmt"
	"math"

	"odeon/sampler"
)

// Networks that were distilled to go far in one step are called at some of the steps of that training.

// distilled lists the timesteps: of original_inference_steps, k trained steps apart, those at equal distances in the list.
func (t *trained) distilled() ([]float64, error) {
	if t.isSet("timesteps") {
		return t.descending(t.numbers("timesteps"))
	}
	origin := t.whole("original_inference_steps")
	if origin > len(t.levels) {
		return nil, t.bad("original_inference_steps", "expected at most the %d trained steps", len(t.levels))
	}
	if t.steps > origin {
		return nil, fmt.Errorf("%s: %d steps, expected at most original_inference_steps, %d", t.Name(), t.steps, origin)
	}
	list := make([]float64, t.steps)
	for i := range list {
		place := int(linspaceOpen(float64(origin), i, t.steps))
		list[i] = float64((origin-place)*(len(t.levels)/origin) - 1)
	}
	return list, nil
}

// linspaceOpen is entry i of numpy.linspace(0, last, count, endpoint=False).
func linspaceOpen(last float64, i, count int) float64 { return float64(i) * (last / float64(count)) }

// lcm is multistep consistency sampling, whose last step ends at what it predicts (Luo et al. 2023,
// https://arxiv.org/abs/2310.04378, algorithm 3).
func lcm(t *trained, w *Walk) error {
	w.Settings.Solver, w.Settings.Boundary = sampler.LCM, t.number("timestep_scaling")
	t.through(w, next(w.Timesteps))
	last, clean := len(w.Timesteps), sampler.Node{T: 1, Alpha: 1}
	w.Settings.Nodes[last], w.Settings.Nodes[last-1].Leads = clean, &clean
	return nil
}

// tcd is strategic stochastic sampling, gamma called eta; its last step ends at index 0 (Zheng et al. 2024,
// https://arxiv.org/abs/2402.19159, algorithm 4).
func tcd(t *trained, w *Walk) error {
	gamma := t.number("eta")
	w.Settings.Solver, w.Settings.Gamma = sampler.TCD, &gamma
	to := func(k int) float64 { return max(0, next(w.Timesteps)(k)) }
	t.through(w, to)
	for k := range w.Timesteps {
		past := math.Floor(float64(float32(1-gamma) * float32(to(k))))
		w.Settings.Nodes[k].Stages = []sampler.Node{t.at(past)}
	}
	return nil
}
