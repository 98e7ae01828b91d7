package exact_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

var mixture = exact.Mixture{
	Weights: []float64{0.5, 1.5},
	Means:   [][]float64{{-1}, {0.75}},
	Stds:    []float64{0.3, 0.2},
}

func TestScoreIsTheGradientOfTheLogDensity(t *testing.T) {
	m := exact.Mixture{Weights: []float64{1, 2}, Means: [][]float64{{-1, 0}, {0.5, 2}}, Stds: []float64{0.3, 0.6}}
	p := schedule.CondOT().At(0.6)
	x := []float64{0.1, 0.7}
	score := make([]float64, 2)
	m.Predict(score, x, schedule.Score, p)
	for k := range x {
		const h = 1e-5
		up, down := append([]float64(nil), x...), append([]float64(nil), x...)
		up[k] += h
		down[k] -= h
		require.InDelta(t, (m.LogDensity(up, p)-m.LogDensity(down, p))/(2*h), score[k], 1e-8)
	}
}

func TestDensityIsTheDerivativeOfTheCDF(t *testing.T) {
	p := schedule.Cosine().At(0.4)
	for _, x := range []float64{-2, -0.3, 0, 0.5, 1.7} {
		const h = 1e-5
		slope := (mixture.CDF(x+h, p) - mixture.CDF(x-h, p)) / (2 * h)
		require.InDelta(t, math.Exp(mixture.LogDensity([]float64{x}, p)), slope, 1e-9)
	}
	require.InDelta(t, 1, mixture.CDF(50, p), 1e-15)
}

func TestMomentsAreTheIntegralsOfTheDensity(t *testing.T) {
	p := schedule.CondOT().At(0.7)
	var total, first, second float64
	const h = 1e-3
	for x := -8.0; x < 8; x += h {
		density := math.Exp(mixture.LogDensity([]float64{x}, p)) * h
		total += density
		first += x * density
		second += x * x * density
	}
	mean, variance := mixture.Moments(p)
	require.InDelta(t, 1, total, 1e-9)
	require.InDelta(t, first, mean, 1e-9)
	require.InDelta(t, second-first*first, variance, 1e-9)
}

// The density moves with its velocity: dp/dt + d(p u)/dx = 0, on every path.
func TestVelocityTransportsTheDensity(t *testing.T) {
	for _, text := range []string{"condot", "cosine", "vp(0.1,20)", "polynomial(2)", "ve(0.1,10)", "edm(0.1,10,7)", "alpha=t; beta=sqrt(1-t)"} {
		path, err := schedule.ParsePath(text)
		require.NoError(t, err)
		density := func(x, s float64) float64 { return math.Exp(mixture.LogDensity([]float64{x}, path.At(s))) }
		flux := func(x, s float64) float64 {
			u := make([]float64, 1)
			mixture.Predict(u, []float64{x}, schedule.Velocity, path.At(s))
			return u[0] * density(x, s)
		}
		const h = 1e-5
		for _, x := range []float64{-1.2, -0.4, 0, 0.3, 0.9} {
			const s = 0.55
			change := (density(x, s+h) - density(x, s-h)) / (2 * h)
			require.InDelta(t, 0, change+(flux(x+h, s)-flux(x-h, s))/(2*h), 1e-7, "%s at %g", text, x)
		}
	}
}
