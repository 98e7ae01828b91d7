package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// The exact field of a mixture stands where a network would.

// triple has three components of unlike weight and width; none is so narrow that its field is stiff.
var triple = exact.Mixture{Weights: []float64{0.5, 0.3, 0.2}, Means: [][]float64{{-1.2}, {0.4}, {1.5}}, Stds: []float64{0.3, 0.2, 0.4}}

// perfect is the network that predicts what can be known: E[prediction | x]. Not for several goroutines.
func perfect(m exact.Mixture, model Model) Func {
	var x64, p64 []float64
	at := schedule.Point{T: math.NaN()}
	return func(dst, x []float32, a At) {
		if a.T != at.T {
			at = model.Path.At(a.T)
		}
		if len(x64) < len(x) {
			x64, p64 = make([]float64, len(x)), make([]float64, len(x))
		}
		for i, v := range x {
			x64[i] = float64(v)
		}
		m.Predict(p64[:len(x)], x64[:len(x)], model.Prediction, at)
		for i := range dst {
			dst[i] = float32(p64[i])
		}
	}
}

// walk64 reads a plan's table in float64, so that no rounding hides an order of convergence. xi gives a row's noise.
func walk64(plan *Plan, m exact.Mixture, model Model, x []float64, xi func(draw int) []float64) []float64 {
	var base, noise []float64
	depth := plan.history()
	var preds, seconds [][]float64
	for _, row := range plan.Rows {
		if row.Keep {
			base = x
		}
		if row.Call {
			p := make([]float64, len(x))
			m.Predict(p, x, model.Prediction, model.Path.At(row.T))
			if plan.Clip != nil {
				for i := range p {
					p[i] = min(max(row.DataX*x[i]+row.DataP*p[i], plan.Clip[0]), plan.Clip[1])
				}
			}
			if row.FP != 0 {
				for i := range p {
					p[i] = row.FX*x[i] + row.FP*p[i]
				}
			}
			preds = append([][]float64{p}, preds[:min(len(preds), depth)]...)
			if plan.Second != "" {
				q := make([]float64, len(x))
				m.Predict(q, x, model.Second, model.Path.At(row.T))
				seconds = append([][]float64{q}, seconds[:min(len(seconds), depth)]...)
			}
		}
		earlier := noise
		if row.Draw > 0 {
			noise = xi(row.Draw)
		}
		next := make([]float64, len(x))
		for i := range x {
			next[i] = row.A * x[i]
			if row.A0 != 0 {
				next[i] += row.A0 * base[i]
			}
			for j, b := range row.B {
				next[i] += b * preds[j][i]
			}
			for j, s := range row.S {
				next[i] += s * seconds[j][i]
			}
			if row.C != 0 {
				next[i] += row.C * noise[i]
			}
			if row.C1 != 0 {
				next[i] += row.C1 * earlier[i]
			}
		}
		x = next
	}
	return x
}

// gaussianMoments walks the mean and the variance of a Gaussian state through a plan of single-stage steps, exactly: a
// perfect network of a Gaussian is affine in x, p = c + d x, and so is every row.
func gaussianMoments(t *testing.T, plan *Plan, m exact.Mixture, model Model, mean, variance float64) (float64, float64) {
	t.Helper()
	for _, row := range plan.Rows {
		require.True(t, row.A0 == 0 && len(row.B) <= 1)
		if !row.Call {
			mean, variance = row.A*mean, row.A*row.A*variance+row.C*row.C
			continue
		}
		p := make([]float64, 2)
		m.Predict(p, []float64{0, 1}, model.Prediction, model.Path.At(row.T))
		if row.FP != 0 {
			p[0], p[1] = row.FP*p[0], row.FX+row.FP*p[1]
		}
		a, c := row.A+row.B[0]*(p[1]-p[0]), row.B[0]*p[0]
		for _, s := range row.S {
			m.Predict(p, []float64{0, 1}, model.Second, model.Path.At(row.T))
			a, c = a+s*(p[1]-p[0]), c+s*p[0]
		}
		mean = a*mean + c
		variance = a*a*variance + row.C*row.C
	}
	return mean, variance
}

// quantile inverts the mixture's distribution function under the path at p.
func quantile(m exact.Mixture, u float64, p schedule.Point) float64 {
	lo, hi := -100.0, 100.0
	for range 200 {
		if mid := (lo + hi) / 2; m.CDF(mid, p) < u {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// flow is where the probability flow takes x from one time to another: in one dimension it keeps the distribution
// function.
func flow(m exact.Mixture, path schedule.Path, x, from, to float64) float64 {
	return quantile(m, m.CDF(x, path.At(from)), path.At(to))
}

func mustPlan(t testing.TB, m Model, s Settings) *Plan {
	t.Helper()
	p, err := NewPlan(m, s)
	require.NoError(t, err)
	return p
}

func mustPath(t testing.TB, text string) schedule.Path {
	t.Helper()
	p, err := schedule.ParsePath(text)
	require.NoError(t, err)
	return p
}

func mustSigma(t testing.TB, text string) schedule.Diffusion {
	t.Helper()
	d, err := schedule.ParseDiffusion(text)
	require.NoError(t, err)
	return d
}

func mustGrid(t testing.TB, text string) schedule.Grid {
	t.Helper()
	g, err := schedule.ParseGrid(text)
	require.NoError(t, err)
	return g
}

func formula(m schedule.Path, text string) *schedule.Formula {
	return schedule.MustFormula(text, schedule.TimeVariables(m)...)
}

func ptr[T any](v T) *T { return &v }

var predictions = map[string]schedule.Prediction{
	"data": schedule.Data, "noise": schedule.Noise, "score": schedule.Score, "velocity": schedule.Velocity, "v": schedule.V,
}
