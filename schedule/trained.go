package schedule

import (
	"fmt"
	"math"
)

// The spacings of trained steps, as diffusers computes them, from noisy to clean, for n of count steps. Lin et al. 2024,
// https://arxiv.org/abs/2305.08891, table 2. Rounding is numpy's: halves to even.
var spacings = map[Rule]func(i, n, count int) float64{
	// (arange(0, n) * (count // n))[::-1]
	Leading: func(i, n, count int) float64 { return float64((n - 1 - i) * (count / n)) },
	// round(arange(count, 0, -count/n)) - 1
	Trailing: func(i, n, count int) float64 {
		return math.RoundToEven(float64(count)-float64(i)*(float64(count)/float64(n))) - 1
	},
	// linspace(0, count-1, n).round()[::-1]
	Linspace: func(i, n, count int) float64 { return math.RoundToEven(linspace(0, float64(count-1), n-1-i, n)) },
}

// trained are the times of n trained steps of a discrete path, followed by `to`. A walk over part of the path spaces the trained
// steps of that part: those from the one nearest to `from` to the last before `to`.
func trained(g Rule, path Path, from, to float64, n int) ([]float64, error) {
	spacing, ok := spacings[g]
	if !ok {
		return nil, fmt.Errorf("grid: unknown name %q", string(g))
	}
	d, ok := path.(*Discrete)
	if !ok {
		return nil, fmt.Errorf("grid %s spaces the trained steps of a discrete path, and path %s has none; grids that fit are uniform, quadratic, shift(3), logsnr, karras(7), list(...)", g, describe(path))
	}
	if err := checkWalk(g, from, to, n); err != nil {
		return nil, err
	}
	if from > to {
		return nil, fmt.Errorf("grid %s: runs from noise to data, not from t=%g to t=%g; take uniform, or a list", g, from, to)
	}
	cleanest := Index(math.Floor(d.Fraction(to))) + 1 // of the steps before `to`
	count := int(d.Nearest(from) - cleanest + 1)
	if n > count {
		return nil, fmt.Errorf("grid %s: %d steps asked of %d trained ones (t from %g to %g); ask for at most %d", g, n, max(count, 0), from, to, max(count, 0))
	}
	times := make([]float64, n+1)
	for i := range n {
		times[i] = d.Time(cleanest + Index(spacing(i, n, count)))
	}
	times[n] = to
	return times, checkTimes(g, path, times)
}
