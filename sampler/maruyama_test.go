package sampler

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

func gaussian(mean, std float64) exact.Mixture { return exact.Gaussian([]float64{mean}, std) }

// Weak order 1, without Monte Carlo: on a Gaussian the mean and the variance of Euler-Maruyama's state obey recursions,
// which are followed exactly.
func TestEulerMaruyamaHasWeakOrderOne(t *testing.T) {
	g := gaussian(0.7, 0.5)
	for _, c := range []struct {
		path, sigma string
		from, to    float64
	}{
		{"condot", "1", 0, 1},
		{"condot", "1.5*(1-t)", 0, 1},
		{"condot", "1.5*(1-t)", 1, 0}, // data to noise: the drift is u - sigma^2/2 s
		{"cosine", "beta", 0, 1},
		{"cosine", "0.7", 0.9, 0.1},
		{"vp(0.1,10)", "forward", 0, 0.95},
		{"ve(0.05,5)", "0.5", 0.3, 1},
	} {
		model := Model{Path: mustPath(t, c.path), Prediction: schedule.Velocity}
		if c.path[0] == 'v' {
			model.Prediction = schedule.Score
		}
		mean, variance := g.Moments(model.Path.At(c.from))
		wantMean, wantVariance := g.Moments(model.Path.At(c.to))
		var errors []float64
		for _, n := range []int{100, 200, 400, 800} {
			plan := mustPlan(t, model, Settings{Steps: n, Sigma: mustSigma(t, c.sigma), From: &c.from, To: &c.to, Last: "none"})
			m, v := gaussianMoments(t, plan, g, model, mean, variance)
			errors = append(errors, math.Abs(m-wantMean)+math.Abs(v-wantVariance))
		}
		require.InDelta(t, 1, slopes(errors)[2], 0.1, "%v: orders %.3f of errors %.3g", c, slopes(errors), errors)
		require.Less(t, errors[3], 0.02, "%v", c)
	}
}

// From data to noise the drift is u - sigma^2/2 s. With the forward sigma it is (alpha'/alpha) x, whatever the data are
// and whatever is predicted: the process that makes the noise needs no network (Song et al. 2021, equation 5).
func TestForwardSigmaMakesNoiseWithoutTheNetwork(t *testing.T) {
	for _, text := range []string{"condot", "cosine", "polynomial(2)", "vp(0.1,20)", "ve(0.02,100)", "edm(0.002,80,7)", "alpha=t; beta=sqrt(1-t)", "betas=cosine; count=1000"} {
		for name, prediction := range predictions {
			model := Model{Path: mustPath(t, text), Prediction: prediction}
			plan := mustPlan(t, model, Settings{Solver: Euler, Grid: schedule.Uniform, Steps: 10, Sigma: schedule.ForwardDiffusion, From: ptr(0.95), To: ptr(0.05), Last: "none"})
			seen := model.Path
			if d, ok := seen.(*schedule.Discrete); ok {
				seen = d.NoiseSide() // where the step goes
			}
			for _, row := range plan.Rows {
				p, h := seen.At(row.T), row.Next-row.T
				require.Negative(t, h)
				require.InDelta(t, 1+h*p.DAlpha/p.Alpha, row.A, 1e-12*(1+row.Sigma*row.Sigma/(p.Beta*p.Beta)), "%s from %s at t=%g", text, name, row.T)
				require.InDelta(t, 0, row.B[0], 1e-12*(1+row.Sigma*row.Sigma/p.Beta), "%s from %s at t=%g", text, name, row.T)
				require.InDelta(t, row.Sigma*math.Sqrt(-h), row.C, 1e-15*row.C)
			}
		}
	}
}

// ksDistance is the largest distance between the samples' distribution function and the mixture's.
func ksDistance(x []float32, m exact.Mixture, p schedule.Point) float64 {
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	worst, n := 0.0, float64(len(sorted))
	for i, v := range sorted {
		cdf := m.CDF(float64(v), p)
		worst = max(worst, cdf-float64(i)/n, float64(i+1)/n-cdf)
	}
	return worst
}

func moments(x []float32) (mean, variance float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, variance / float64(len(x))
}

// walkMany walks n one-dimensional samples of a seed with two workers.
func walkMany(t *testing.T, plan *Plan, m exact.Mixture, model Model, n int, seed uint64) []float32 {
	t.Helper()
	x := make([]float32, 0, n)
	job := Job{
		Plan: plan, N: n, Dim: 1, Chunk: 5000, Workers: 2, Noise: Philox{Seed: seed},
		Network: func(int) (Network, error) { return perfect(m, model), nil },
	}
	require.NoError(t, job.Run(context.Background(), func(chunk []float32, _, _ int) error {
		x = append(x, chunk...)
		return nil
	}))
	return x
}

// With a perfect network the diffusion coefficient is free: every sigma_t ends in the data's distribution. The
// thresholds are the statistic's 0.1 % point (1.95/sqrt(n), Smirnov 1948), and four standard errors of
// the moments, each with room for the bias of order h that Euler-Maruyama has.
func TestEveryDiffusionCoefficientKeepsTheMarginals(t *testing.T) {
	m := exact.Mixture{Weights: []float64{0.6, 0.4}, Means: [][]float64{{-1}, {0.8}}, Stds: []float64{0.25, 0.4}}
	n := 100_000
	if testing.Short() {
		n = 20_000
	}
	for i, c := range []struct {
		path, sigma string
		steps       int
	}{
		{"condot", "0", 20},
		{"condot", "0.5", 60},
		{"condot", "1.5*(1-t)", 80},
		{"vp(0.1,10)", "forward", 80},
		{"condot", "2", 200},
	} {
		h := 1 / float64(c.steps)
		model := Model{Path: mustPath(t, c.path), Prediction: schedule.Velocity}
		settings := Settings{Steps: c.steps, Sigma: mustSigma(t, c.sigma), Grid: schedule.Quadratic}
		if c.sigma == "0" {
			settings.Solver = Heun
		}
		if c.path != "condot" {
			model.Prediction = schedule.Score
		}
		plan := mustPlan(t, model, settings)
		x := walkMany(t, plan, m, model, n, uint64(100+i))
		end := model.Path.At(plan.To)
		ks := ksDistance(x, m, end)
		require.Less(t, ks, 1.95/math.Sqrt(float64(n))+0.5*h, "%v", c)
		mean, variance := moments(x)
		wantMean, wantVariance := m.Moments(end)
		se := math.Sqrt(wantVariance / float64(n))
		require.InDelta(t, wantMean, mean, 4*se+h, "%v", c)
		require.InDelta(t, wantVariance, variance, 4*math.Sqrt2*se+2*h, "%v", c)
		t.Logf("%s, sigma %s: KS %.4f, mean off by %.4f, variance by %.4f", c.path, c.sigma, ks, mean-wantMean, variance-wantVariance)
	}
}

func TestAnUnstableStepIsWarnedOf(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	// At sigma = 1 and t = 0.96, sigma^2 h / (2 beta^2) = 0.04/(2 * 0.04^2) = 12.5; it passes 1 at beta = sqrt(h/2) = 0.141.
	plan := mustPlan(t, model, Settings{Steps: 25, Sigma: mustSigma(t, "1")})
	require.Len(t, plan.Warnings, 1)
	require.Contains(t, plan.Warnings[0], "3 of the steps, the worst 12.5 at step 24 (t=0.96)")
	require.Empty(t, mustPlan(t, model, Settings{Steps: 25, Sigma: mustSigma(t, "1.5*(1-t)")}).Warnings)
	require.Empty(t, mustPlan(t, model, Settings{Steps: 25}).Warnings)
}
