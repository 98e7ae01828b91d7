package diffusers

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// regrids are the ways in which the noise levels between the largest and the smallest can be spread anew, by the switches that ask
// for them.
var regrids = []struct {
	option string
	levels func(low, high float64, n int) []float64
}{
	{"use_karras_sigmas", func(low, high float64, n int) []float64 { return karrasLevels(low, high, 7, n) }},
	{"use_exponential_sigmas", exponentialLevels},
	{"use_beta_sigmas", betaLevels},
}

// spreading are the options of regrids.
func spreading() []option {
	var names []string
	for _, r := range regrids {
		names = append(names, r.option)
	}
	return switches(false, names...)
}

// regrid is n noise levels from high to low by the switch that is on; false where none is.
func (c *config) regrid(low, high float64, n int) ([]float64, bool) {
	for _, r := range regrids {
		if c.on(r.option) {
			return r.levels(low, high, n), true
		}
	}
	return nil, false
}

// checkRegrid: at most one switch is on, and none where the levels are listed.
func (c *config) checkRegrid(listed string) error {
	before := listed
	for _, r := range regrids {
		switch {
		case !c.on(r.option):
		case before != "":
			return fmt.Errorf("%s: both %s and %s say which noise levels there are; give one", c.Name(), before, r.option)
		default:
			before = r.option
		}
	}
	return nil
}

// karrasLevels is Karras et al. 2022, https://arxiv.org/abs/2206.00364, equation 5.
func karrasLevels(low, high, rho float64, n int) []float64 {
	list := make([]float64, n)
	first, last := math.Pow(high, 1/rho), math.Pow(low, 1/rho)
	for i := range list {
		list[i] = math.Pow(first+linspace64(0, 1, i, n)*(last-first), rho)
	}
	return list
}

// exponentialLevels makes equal steps of the logarithm.
func exponentialLevels(low, high float64, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = math.Exp(linspace64(math.Log(high), math.Log(low), i, n))
	}
	return list
}

// betaLevels are quantiles of the beta distribution with both parameters 0.6 (Lee et al. 2024, https://arxiv.org/abs/2407.12173).
func betaLevels(low, high float64, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = low + schedule.BetaQuantile(1-linspace64(0, 1, i, n), 0.6, 0.6)*(high-low)
	}
	return list
}

// timestepsOf are the timesteps, as real numbers, that noise levels have among the trained ones, of which the cleanest is first: on the
// straight line in log sigma between two neighbours.
func timestepsOf(sigmas []float64, trained []float32) []float64 {
	logs := make([]float32, len(trained))
	for i, sigma := range trained {
		logs[i] = log32(sigma)
	}
	list := make([]float64, len(sigmas))
	for k, sigma := range sigmas {
		at := math.Log(math.Max(sigma, 1e-10))
		low, high, i := neighbours(at, logs)
		w := (float64(low) - at) / float64(low-high)
		w = min(max(w, 0), 1)
		list[k] = float64((1-w)*float64(i)) + float64(w*float64(i+1))
	}
	return list
}

// timesteps32 is timestepsOf in float32 throughout.
func timesteps32(sigmas, trained []float32) []float64 {
	logs := make([]float32, len(trained))
	for i, sigma := range trained {
		logs[i] = log32(sigma)
	}
	list := make([]float64, len(sigmas))
	for k, sigma := range sigmas {
		at := log32(max(sigma, 1e-10))
		low, high, i := neighbours(float64(at), logs)
		w := (low - at) / (low - high)
		w = min(max(w, 0), 1)
		list[k] = float64(float32((1-w)*float32(i)) + float32(w*float32(i+1)))
	}
	return list
}

// neighbours are two entries of a rising list between which x lies, or the two nearest.
func neighbours(x float64, list []float32) (low, high float32, i int) {
	for j, v := range list {
		if x-float64(v) >= 0 {
			i = j
		}
	}
	i = min(i, len(list)-2)
	return list[i], list[i+1], i
}

// interpolated is numpy.interp of a list at real indices.
func interpolated(at []float64, list []float32) []float64 {
	values := make([]float64, len(at))
	last := len(list) - 1
	for k, x := range at {
		i := min(int(max(x, 0)), last)
		if values[k] = float64(list[i]); i < last && x > float64(i) {
			slope := float64(list[i+1]) - float64(list[i])
			values[k] = float64(slope*(x-float64(i))) + float64(list[i])
		}
	}
	return values
}

func log32(x float32) float32 { return float32(math.Log(float64(x))) }
func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }

// round32 rounds numbers to float32.
func round32(list []float64) []float64 {
	rounded := make([]float64, len(list))
	for i, x := range list {
		rounded[i] = float64(float32(x))
	}
	return rounded
}

// falling checks that noise levels fall, to 0 at last where they do.
func (c *config) falling(sigmas []float64) error {
	for i, sigma := range sigmas {
		switch {
		case math.IsNaN(sigma) || math.IsInf(sigma, 0) || sigma < 0 || sigma == 0 && i+1 < len(sigmas):
			return fmt.Errorf("%s: noise level %d of %d is %v, expected a positive number, 0 only at the end", c.Name(), i, len(sigmas), sigma)
		case i > 0 && !(sigma < sigmas[i-1]):
			return fmt.Errorf("%s: noise level %v comes after %v, and sigmas must fall: take fewer steps, or list other sigmas", c.Name(), sigma, sigmas[i-1])
		}
	}
	return nil
}
