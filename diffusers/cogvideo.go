package diffusers

import (
	"fmt"
	"math"

	"odeon/sampler"
	"odeon/schedule"
)

// CogVideoX (Yang et al. 2024, https://arxiv.org/abs/2408.06072) divides the signal-to-noise ratio of its table by snr_shift_scale, and
// then shifts the table to an end in pure noise.

// shifted is that table. Of scaled_linear it is computed in float64. What is rescaled to end in pure noise is the shifted table alone.
func (c *config) shifted() (*trained, error) {
	betas, err := c.plainBetas()
	if err != nil {
		return nil, err
	}
	bars, shift := make([]float64, len(betas)), c.number("snr_shift_scale")
	exact := c.word("beta_schedule") == "scaled_linear" && !c.isSet("trained_betas")
	first, last, product := math.Sqrt(c.number("beta_start")), math.Sqrt(c.number("beta_end")), 1.0
	for i, beta := range alphaBars(betas) {
		bars[i] = float64(beta)
		if exact {
			root := linspace64(first, last, i, len(bars))
			product *= 1 - root*root
			bars[i] = product
		}
		bars[i] /= shift + (1-shift)*bars[i]
	}
	if c.on("rescale_betas_zero_snr") {
		clean, noisy := math.Sqrt(bars[0]), math.Sqrt(bars[len(bars)-1])
		for i, bar := range bars {
			root := (math.Sqrt(bar) - noisy) * clean / (clean - noisy)
			bars[i] = root * root
		}
	}
	path, err := schedule.NewDiscrete(bars)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name(), err)
	}
	return &trained{config: c, table: &table{path: path}, levels: bars}, nil
}

// cogVideoDDIM is DDIM without fresh noise; the arguments of its step that say otherwise do nothing.
func cogVideoDDIM(t *trained, w *Walk) error {
	w.Settings.Solver = sampler.DDIM
	t.through(w, t.below(w, w.Timesteps))
	return nil
}

// cogVideoDPM is SDE-DPM-Solver++ (2M), whose first step and last are of order 1. The steps between draw noise twice, and use the
// second.
func cogVideoDPM(t *trained, w *Walk) error {
	w.Settings.Solver = named("dpmpp-2m-sde")
	t.through(w, t.below(w, w.Timesteps))
	for k, index := range w.Timesteps {
		if n := &w.Settings.Nodes[k]; n.Leads.Beta == 0 || index < t.stride() {
			n.Order = 1
		} else if k > 0 {
			n.Unused = 1
		}
	}
	return nil
}
