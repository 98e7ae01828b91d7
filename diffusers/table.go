package diffusers

import (
	"fmt"

	"odeon/schedule"
)

// table is the noise levels that a network was trained at, index 0 the cleanest: alpha-bars, as a class's object holds them in
// alphas_cumprod, and the path of that table, by name where it has one. The path's alpha and beta are those of float64; the
// nodes of a walk carry those of the alpha-bars.
type table struct {
	bars []float32
	path *schedule.Discrete
}

// table is that of the options.
func (c *config) table() (*table, error) {
	betas, err := c.betas()
	if err != nil {
		return nil, err
	}
	t := &table{bars: alphaBars(betas)}
	switch name := c.word("beta_schedule"); {
	case c.isSet("trained_betas"), name == "laplace", name == "exp":
		list := make([]float64, len(betas))
		for i, beta := range betas {
			list[i] = float64(beta)
		}
		t.path, err = schedule.DiscreteFromBetas(list)
	default:
		text := "cosine"
		if name != "squaredcos_cap_v2" {
			text = fmt.Sprintf("%s(%v,%v)", name, c.number("beta_start"), c.number("beta_end"))
		}
		text = fmt.Sprintf("betas=%s; count=%d", text, len(betas))
		if c.on("rescale_betas_zero_snr") {
			text += "; zero_snr=true"
		}
		t.path, err = discrete(schedule.ParsePath(text))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name(), err)
	}
	return t, nil
}

// discrete is a path that is a table.
func discrete(path schedule.Path, err error) (*schedule.Discrete, error) {
	table, _ := path.(*schedule.Discrete)
	return table, err
}

// lift makes of an alpha-bar of 0 the smallest number above 0 of float16, so that the first noise level is finite: 4096.
func (t *table) lift() {
	t.bars[len(t.bars)-1] = 1.0 / (1 << 24)
}

// sigmas are the noise levels sqrt((1-bar)/bar), in float32.
func (t *table) sigmas() []float32 {
	list := make([]float32, len(t.bars))
	for i, bar := range t.bars {
		list[i] = sqrt32((1 - bar) / bar)
	}
	return list
}
