package schedule

import (
	"errors"
	"fmt"
	"math"
)

// A betaSchedule is beta i of count.
type betaSchedule func(i, count int) float64

var firstAndLast = []string{"first", "last"}

// betaSchedules are the named schedules of betas, as diffusers computes them, in float64.
var betaSchedules = []form[betaSchedule]{
	{"linear", firstAndLast, "linear(1e-4,0.02)", func(ends []float64) (betaSchedule, error) {
		return func(i, count int) float64 { return linspace(ends[0], ends[1], i, count) }, nil
	}},
	// Linear in the square root, of latent diffusion (Rombach et al. 2022).
	{"scaled_linear", firstAndLast, "scaled_linear(0.00085,0.012)", func(ends []float64) (betaSchedule, error) {
		return func(i, count int) float64 {
			root := linspace(math.Sqrt(ends[0]), math.Sqrt(ends[1]), i, count)
			return root * root
		}, nil
	}},
	{"cosine", nil, "cosine", func([]float64) (betaSchedule, error) { return cosineBeta, nil }},
	// GeoDiff (Xu et al. 2022): a logistic curve over [-6, 6].
	{"sigmoid", firstAndLast, "sigmoid(1e-4,0.02)", func(ends []float64) (betaSchedule, error) {
		return func(i, count int) float64 {
			return ends[0] + (ends[1]-ends[0])/(1+math.Exp(-linspace(-6, 6, i, count)))
		}, nil
	}},
}

// cosineBeta is of Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672, equation 17.
func cosineBeta(i, count int) float64 {
	bar := func(s float64) float64 {
		c := math.Cos((s + 0.008) / 1.008 * math.Pi / 2)
		return c * c
	}
	return min(1-bar(float64(i+1)/float64(count))/bar(float64(i)/float64(count)), 0.999)
}

// Betas are the count betas of a named schedule, index 0 the cleanest: "linear(1e-4,0.02)", "scaled_linear(0.00085,0.012)",
// "cosine" (offset 0.008, capped at 0.999; also "squaredcos_cap_v2"), "sigmoid(1e-4,0.02)".
func Betas(text string, count int) ([]float64, error) {
	betas, _, err := namedBetas(text, count)
	return betas, err
}

// namedBetas also gives the schedule's canonical text.
func namedBetas(text string, count int) ([]float64, string, error) {
	if count < 1 || count > maxTrained {
		return nil, "", fmt.Errorf("betas %s: count is %d; expected 1 to %d", clip(text, 40), count, maxTrained)
	}
	c, err := parseCall(text)
	if err != nil {
		return nil, "", fmt.Errorf("betas: %w", err)
	}
	if c.name == "squaredcos_cap_v2" { // diffusers' name for it
		c.name = "cosine"
	}
	beta, err := find(c, betaSchedules, "schedule", "linear(first,last), scaled_linear(first,last), cosine or sigmoid(first,last)")
	if err != nil {
		return nil, "", fmt.Errorf("betas: %w", err)
	}
	for i, arg := range c.args {
		if !(0 <= arg && arg <= 1) {
			return nil, "", fmt.Errorf("betas %s: the %s beta is %g; expected 0 to 1", clip(text, 40), firstAndLast[i], arg)
		}
	}
	betas := make([]float64, count)
	for i := range betas {
		betas[i] = beta(i, count)
	}
	return betas, c.String(), nil
}

// linspace is numpy's: entry i of count from first to last, both included.
func linspace(first, last float64, i, count int) float64 {
	if i == count-1 && count > 1 {
		return last
	}
	if count == 1 {
		return first
	}
	return first + float64(i)*((last-first)/float64(count-1))
}

// RescaleZeroSNR changes betas such that the last step is pure noise (alpha-bar 0) and the first keeps its alpha-bar.
// Lin et al. 2024, https://arxiv.org/abs/2305.08891, algorithm 1.
func RescaleZeroSNR(betas []float64) ([]float64, error) {
	if len(betas) < 2 {
		return nil, errors.New("betas: rescaling to zero terminal SNR needs at least two")
	}
	roots := make([]float64, len(betas))
	product := 1.
	for i, beta := range betas {
		product *= 1 - beta
		roots[i] = math.Sqrt(product)
	}
	first, last := roots[0], roots[len(roots)-1]
	rescaled := make([]float64, len(betas))
	before := 1.
	for i, root := range roots {
		root = (root - last) * (first / (first - last))
		ratio := root / before
		rescaled[i] = 1 - ratio*ratio
		before = root
	}
	return rescaled, nil
}
