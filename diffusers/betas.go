package diffusers

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// diffusers keeps its tables in float32, and a walk that is to end where its walk ends begins with the same bits. So these are
// torch's operations on a CPU, each rounded as torch rounds it; schedule.Betas has the same schedules in float64.

// betaTables are the values of beta_schedule: count betas from first to last, index 0 the cleanest.
var betaTables = map[string]func(first, last float64, count int) []float32{
	"linear":            linspace32,
	"scaled_linear":     scaledLinear, // Rombach et al. 2022, https://arxiv.org/abs/2112.10752
	"sigmoid":           sigmoid,      // Xu et al. 2022, https://arxiv.org/abs/2203.02923
	"squaredcos_cap_v2": ofBars(cosineBar),
	"laplace":           ofBars(laplaceBar),
	"exp":               ofBars(func(s float64) float64 { return math.Exp(-12 * s) }),
}

// betaSchedules are their names.
func betaSchedules() []string { return slices.Sorted(maps.Keys(betaTables)) }

// betas are the options' table, in float32.
func (c *config) betas() ([]float32, error) {
	table, err := c.plainBetas()
	if err != nil || !c.on("rescale_betas_zero_snr") {
		return table, err
	}
	table = rescaleZeroSNR(table)
	return table, c.checkBetas(table)
}

// plainBetas are those before they are rescaled to end in pure noise.
func (c *config) plainBetas() ([]float32, error) {
	count := c.whole("num_train_timesteps")
	var table []float32
	if trained := c.numbers("trained_betas"); trained != nil {
		if len(trained) != count {
			return nil, fmt.Errorf("%s: trained_betas lists %d betas, but num_train_timesteps is %d; expected as many", c.Name(), len(trained), count)
		}
		for _, beta := range trained {
			table = append(table, float32(beta))
		}
	} else {
		of, ok := betaTables[c.word("beta_schedule")]
		if !ok {
			return nil, c.bad("beta_schedule", "expected one of %s", strings.Join(betaSchedules(), ", "))
		}
		table = of(c.number("beta_start"), c.number("beta_end"), count)
	}
	return table, c.checkBetas(table)
}

// checkBetas says which beta leaves no signal before the end.
func (c *config) checkBetas(table []float32) error {
	for i, beta := range table {
		if !(beta >= 0 && beta <= 1) || beta == 1 && i < len(table)-1 {
			return fmt.Errorf("%s: beta %d of the table is %v, expected 0 to below 1", c.Name(), i, beta)
		}
	}
	return nil
}

// linspace32 is torch.linspace in float32: from the nearer end, by a fused multiply and add (a product of two float32 is exact in
// float64).
func linspace32(first, last float64, count int) []float32 {
	a, b := float32(first), float32(last)
	list := make([]float32, count)
	step := float64((b - a) / float32(count-1))
	for i := range list {
		if i < count/2 {
			list[i] = float32(float64(a) + step*float64(i))
		} else {
			list[i] = float32(float64(b) - step*float64(count-1-i))
		}
	}
	if count == 1 {
		list[0] = a
	}
	return list
}

func scaledLinear(first, last float64, count int) []float32 {
	list := linspace32(math.Sqrt(first), math.Sqrt(last), count)
	for i, root := range list {
		list[i] = root * root
	}
	return list
}

func sigmoid(first, last float64, count int) []float32 {
	list := linspace32(-6, 6, count)
	for i, x := range list {
		share := 1 / (1 + float32(math.Exp(float64(-x))))
		list[i] = float32(share*float32(last-first)) + float32(first)
	}
	return list
}

// ofBars is the table of which bar(i/count) are the alpha-bars, no beta above 0.999.
func ofBars(bar func(s float64) float64) func(first, last float64, count int) []float32 {
	return func(_, _ float64, count int) []float32 {
		list := make([]float32, count)
		for i := range list {
			list[i] = float32(min(1-bar(float64(i+1)/float64(count))/bar(float64(i)/float64(count)), 0.999))
		}
		return list
	}
}

// cosineBar is of Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672, equation 17.
func cosineBar(s float64) float64 {
	c := math.Cos((s + 0.008) / 1.008 * math.Pi / 2)
	return c * c
}

// laplaceBar is of Hang et al. 2024, https://arxiv.org/abs/2407.03297, as diffusers has it: the root of the share of the signal.
func laplaceBar(s float64) float64 {
	lambda := -0.5 * math.Copysign(1, 0.5-s) * math.Log(1-2*math.Abs(0.5-s)+1e-6)
	snr := math.Exp(lambda)
	return math.Sqrt(snr / (1 + snr))
}

// alphaBars are torch.cumprod(1 - betas): the product in float64, each prefix rounded to float32.
func alphaBars(betas []float32) []float32 {
	bars := make([]float32, len(betas))
	product := 1.0
	for i, beta := range betas {
		product *= float64(1 - beta)
		bars[i] = float32(product)
	}
	return bars
}

// rescaleZeroSNR shifts and scales the alphas such that the last one is 0 and the first stays (Lin et al. 2024,
// https://arxiv.org/abs/2305.08891, algorithm 1).
func rescaleZeroSNR(betas []float32) []float32 {
	roots := alphaBars(betas)
	for i, bar := range roots {
		roots[i] = sqrt32(bar)
	}
	first, last := roots[0], roots[len(roots)-1]
	scale := first / (first - last)
	rescaled, before := make([]float32, len(betas)), float32(1)
	for i, root := range roots {
		root = (root - last) * scale
		bar := root * root
		rescaled[i] = 1 - bar/before
		before = bar
	}
	return rescaled
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }
