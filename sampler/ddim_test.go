package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// Where the data are one point, the predicted data and noise are the true ones: a jump of any length on any path is exact.
func TestDdimIsExactOnAPoint(t *testing.T) {
	point := exact.Gaussian([]float64{0.7}, 0)
	for _, path := range []string{"condot", "cosine", "vp(0.1,20)", "ve(0.05,5)", "alpha=t; beta=sqrt(1-t)", "betas=linear(1e-4,0.02); count=1000"} {
		for name, prediction := range predictions {
			model := Model{Path: mustPath(t, path), Prediction: prediction}
			from, to := model.Path.At(0.1), model.Path.At(0.8)
			plan := mustPlan(t, model, Settings{Solver: DDIM, Steps: 1, From: &from.T, To: &to.T, Last: "none", Grid: schedule.Uniform})
			x := walk64(plan, point, model, []float64{from.Alpha*0.7 + from.Beta*1.3}, nil)
			require.InDelta(t, to.Alpha*0.7+to.Beta*1.3, x[0], 1e-12, "%s %s", path, name)
		}
	}
}

// Fresh noise in any share keeps a point's marginals N(alpha m, beta^2) at every step, exactly: bhat is the forward
// process's own noise, and s leaves beta_next^2 in all.
func TestEveryEtaKeepsAPointsMarginals(t *testing.T) {
	point := exact.Gaussian([]float64{0.7}, 0)
	for _, path := range []string{"condot", "cosine", "ve(0.05,5)", "betas=linear(1e-4,0.02); count=1000"} {
		for _, eta := range []float64{0, 0.3, 1} {
			model := Model{Path: mustPath(t, path), Prediction: schedule.Noise}
			plan := mustPlan(t, model, Settings{Solver: DDIM, Eta: &eta, Steps: 7, From: ptr(0.1), To: ptr(0.9), Last: "none", Grid: schedule.Uniform})
			from, to := model.Path.At(plan.From), model.Path.At(plan.To)
			mean, variance := gaussianMoments(t, plan, point, model, from.Alpha*0.7, from.Beta*from.Beta)
			require.InDelta(t, to.Alpha*0.7, mean, 1e-12, "%s eta %v", path, eta)
			require.InDelta(t, to.Beta*to.Beta, variance, 1e-12, "%s eta %v", path, eta)
			require.Equal(t, eta != 0, plan.Draws() > 0)
		}
	}
}

// On data with a spread, ancestral sampling is right up to order 1 in the step.
func TestDdpmHasWeakOrderOne(t *testing.T) {
	g := gaussian(0.7, 0.5)
	for _, variance := range []string{"posterior", "beta"} {
		model := Model{Path: mustPath(t, "cosine"), Prediction: schedule.V}
		wantMean, wantVariance := g.Moments(model.Path.At(0.95))
		var errors []float64
		for _, n := range []int{100, 200, 400, 800} {
			plan := mustPlan(t, model, Settings{Solver: DDPM, Variance: variance, Steps: n, To: ptr(0.95)})
			m, v := gaussianMoments(t, plan, g, model, 0, 1)
			errors = append(errors, math.Abs(m-wantMean)+math.Abs(v-wantVariance))
		}
		require.InDelta(t, 1, slopes(errors)[2], 0.1, "%s: errors %.3g", variance, errors)
	}
}

// The coefficients of Ho, Jain and Abbeel 2020, equations 6, 7 and 11, in their notation: beta_i, alpha_i = 1 - beta_i, abar.
func TestDdpmIsTheLiteratures(t *testing.T) {
	betas, err := schedule.Betas("linear(1e-4,0.02)", 100)
	require.NoError(t, err)
	path, err := schedule.DiscreteFromBetas(betas)
	require.NoError(t, err)
	plan := func(p schedule.Prediction, variance string) []Row {
		return mustPlan(t, Model{Path: path, Prediction: p}, Settings{Solver: DDPM, Steps: 100, Variance: variance}).Rows
	}
	data, noise, beta := plan(schedule.Data, ""), plan(schedule.Noise, "posterior"), plan(schedule.Data, "beta")
	for k := range 100 {
		i := 99 - k
		abar, before := path.AlphaBar(schedule.Index(i)), 1.0
		if i > 0 {
			before = path.AlphaBar(schedule.Index(i - 1))
		}
		near := func(want, found float64) {
			t.Helper()
			require.InEpsilon(t, 1+want, 1+found, 1e-10, "index %d", i)
		}
		near(math.Sqrt(before)*betas[i]/(1-abar), data[k].B[0])
		near(math.Sqrt(1-betas[i])*(1-before)/(1-abar), data[k].A)
		near(1/math.Sqrt(1-betas[i]), noise[k].A)
		near(-betas[i]/math.Sqrt(1-abar)/math.Sqrt(1-betas[i]), noise[k].B[0])
		near(math.Sqrt((1-before)/(1-abar)*betas[i]), data[k].C)
		require.Equal(t, i, int(*data[k].Index))
		if i == 0 {
			require.Zero(t, beta[k].C, "no noise where beta_next is 0")
			continue
		}
		near(math.Sqrt(betas[i]), beta[k].C)
		require.Equal(t, data[k].A, beta[k].A)
	}
}

// k-diffusion's sample_euler: x + (x - denoised)/sigma (sigma_next - sigma).
func TestOnAVarianceExplodingPathDdimIsEulerInSigma(t *testing.T) {
	model := Model{Path: mustPath(t, "edm(0.002,80,7)"), Prediction: schedule.Data}
	plan := mustPlan(t, model, Settings{Solver: DDIM, Steps: 10, Grid: mustGrid(t, "karras(7)")})
	for _, row := range plan.Rows[:9] {
		d := (model.Path.At(row.Next).Beta - model.Path.At(row.T).Beta) / model.Path.At(row.T).Beta
		require.InDelta(t, 1+d, row.A, 1e-12)
		require.InDelta(t, -d, row.B[0], 1e-12)
	}
	require.Equal(t, []float64{0, 1}, []float64{plan.Rows[9].A, plan.Rows[9].B[0]}, "the last step takes the denoised picture")
}

// A path that starts in pure noise: with eta 1 nothing of the old noise is kept. A zero-SNR table is one.
func TestDdpmFromPureNoise(t *testing.T) {
	path := mustPath(t, "alpha_bars=[0.9,0.5,0.1,0]")
	plan := mustPlan(t, Model{Path: path, Prediction: schedule.V}, Settings{Solver: DDPM, Steps: 4})
	first := plan.Rows[0] // z = -v where alpha = 0
	require.Zero(t, first.A)
	require.InDelta(t, -math.Sqrt(0.1), first.B[0], 1e-15)
	require.InDelta(t, math.Sqrt(0.9), first.C, 1e-15)
	_, err := NewPlan(Model{Path: path, Prediction: schedule.V}, Settings{Solver: DDIM, Steps: 4, Eta: ptr(1.2)})
	require.ErrorContains(t, err, "eta 1.2 asks for more fresh noise than there is at t=0.25: take an eta of at most 1")
}
