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

// reconstruction is how far data are from where they come back to, from data to noise and back.
func reconstruction(t *testing.T, model Model, s Settings) float64 {
	t.Helper()
	s.Invert = true
	data, worst := []float64{-1.1, 0.4, 1.6}, 0.0
	for i, x := range walk64(mustPlan(t, model, s), triple, model, data, nil) {
		worst = max(worst, math.Abs(x-data[i]))
	}
	return worst
}

func TestInversionErrorsShrinkWithTheOrder(t *testing.T) {
	for _, c := range []struct {
		path, prediction string
		solver           Solver
		order            float64
	}{
		{"condot", "velocity", Euler, 1}, {"condot", "velocity", Heun, 2}, {"condot", "velocity", RK4, 4},
		{"condot", "noise", DDIM, 1}, {"cosine", "v", RK4, 4}, {"cosine", "v", DDIM, 1},
		{"condot", "data", Heun, 2}, {"condot", "data", DDIM, 1}, // out of clean data by the signal
		{"edm(0.002,20,7)", "data", Heun, 2}, {"vp(0.1,20)", "noise", Heun, 1},
	} {
		model := Model{Path: mustPath(t, c.path), Prediction: predictions[c.prediction]}
		few := reconstruction(t, model, Settings{Solver: c.solver, Steps: 40})
		many := reconstruction(t, model, Settings{Solver: c.solver, Steps: 160})
		require.Greater(t, math.Log2(few/many)/2, c.order-0.25, "%s %s %s: %.3g, %.3g", c.path, c.prediction, c.solver.Name, few, many)
	}
}

// Whatever is predicted along which path, and whatever solver of the ODE walks.
func TestEverySolverOfTheODEInverts(t *testing.T) {
	for _, path := range []string{"condot", "vp(0.1,20)", "ve(0.02,20)", "betas=linear(1e-4,0.02); count=1000"} {
		for name, prediction := range predictions {
			model := Model{Path: mustPath(t, path), Prediction: prediction}
			for _, s := range Solvers() {
				set := Settings{Solver: s, Steps: 100, Invert: true}
				if _, err := NewPlan(model, set); err != nil {
					require.ErrorContains(t, err, "fresh noise", "%s %s %s", s.Name, path, name)
					continue
				}
				within := 0.04
				if s.Name == "euler" || s.Name == "ddim" || s.Name == "euler-churn" {
					within = 0.3 // first order
				}
				require.Less(t, reconstruction(t, model, set), within, "%s %s %s", s.Name, path, name)
			}
		}
	}
}

// The first half is the walk backwards, the second the walk itself, and between them lies the noise.
func TestAnInversionIsTwoWalks(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	for _, set := range []Settings{{Solver: Heun, Steps: 10}, {Sigma: mustSigma(t, "0.5*(1-t)"), Steps: 10}, {Solver: RK4, Steps: 10, Strength: 0.5}} {
		back := mustPlan(t, model, set)
		set.Invert = true
		both := mustPlan(t, model, set)
		half := len(both.Rows) - len(back.Rows)
		require.Equal(t, back.Steps, both.Turn)
		require.Equal(t, 2*back.Steps, both.Steps)
		require.Equal(t, []float64{1, 1, 1, 0}, []float64{both.From, both.To, both.Signal, both.Start})
		require.Equal(t, back.From, both.Rows[half].T)
		seen := []int{}
		for i, row := range both.Rows {
			if i >= half {
				want := back.Rows[i-half]
				row.Step -= both.Turn
				row.Draw, want.Draw = 0, 0
				require.Equal(t, want, row)
			} else {
				require.Less(t, row.Next, row.T+1e-9)
			}
			if draw := both.Rows[i].Draw; draw > 0 {
				seen = append(seen, draw)
			}
		}
		require.Equal(t, len(seen), len(slices.Compact(slices.Sorted(slices.Values(seen)))), "each draw once")
	}
}

// diffusers' DDIMInverseScheduler (0.31, schedulers/scheduling_ddim_inverse.py, step): from the noise level of the index below, fed the
// index of the level that the step comes to, x' = sqrt(abar') z + sqrt(1-abar') eps; below index 0 abar is 1.
func TestInversionGoesUpAsInDiffusers(t *testing.T) {
	path := mustPath(t, "betas=linear(1e-4,0.02); count=1000").(*schedule.Discrete)
	model := Model{Path: path, Prediction: schedule.Noise, Integer: true}
	indexes := []schedule.Index{800, 600, 400, 200, 0}
	plan := mustPlan(t, model, Settings{Indexes: indexes, Invert: true})
	require.Equal(t, 5, plan.Turn)
	bar := 1.0
	for k, i := range []schedule.Index{0, 200, 400, 600, 800} {
		row, next := plan.Rows[k], path.AlphaBar(i)
		require.Equal(t, float64(i), row.Input)
		require.InDelta(t, math.Sqrt(next/bar), row.A, 1e-12)
		require.InDelta(t, math.Sqrt(1-next)-math.Sqrt(next/bar)*math.Sqrt(1-bar), row.B[0], 1e-12)
		bar = next
	}
	for k, i := range indexes {
		require.Equal(t, float64(i), plan.Rows[5+k].Input)
	}
}

// With a diffusion coefficient the drift to noise is u - sigma^2/2 s, and both ways keep the marginals.
func TestInversionKeepsTheMarginals(t *testing.T) {
	const n = 20000
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	for _, set := range []Settings{
		{Sigma: mustSigma(t, "1.5*(1-t)"), Steps: 400}, {Sigma: mustSigma(t, "t*(1-t)"), Steps: 400}, {Solver: Heun, Steps: 50},
		{Solver: RK4, Steps: 50, Strength: 0.5},
	} {
		set.Invert = true
		plan := mustPlan(t, model, set)
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(quantile(triple, (float64(i)+0.5)/n, schedule.Point{Alpha: 1}))
		}
		state, noise := NewState(make([]float32, n), n, 0), Philox{Seed: 5}
		require.NoError(t, state.Noised(plan, noise, Rows{Data: data, Dim: 1}))
		require.Equal(t, data, state.X)
		var middle []float32
		require.NoError(t, Run(context.Background(), plan, perfect(triple, model), state, noise, ObserverFunc(func(row *Row, x []float32) {
			if row.Step == plan.Turn-1 {
				middle = slices.Clone(x)
			}
		})))
		from := plan.Rows[len(plan.Rows)-1].T
		for i := range plan.Rows {
			from = min(from, plan.Rows[i].Next)
		}
		require.Less(t, farthest(middle, triple, model.Path.At(from)), 0.015, "noise, %s %s", plan.Solver, plan.Sigma)
		require.Less(t, farthest(state.X, triple, model.Path.At(1)), 0.015, "data, %s %s", plan.Solver, plan.Sigma)
	}
}

// farthest is the statistic of Kolmogorov and Smirnov: how far the distribution functions of numbers and of a mixture at a point of its path are
// apart. Of 20000 true samples 0.1 percent are farther than 0.0138.
func farthest(x []float32, m exact.Mixture, at schedule.Point) float64 {
	sorted := slices.Sorted(slices.Values(x))
	worst, n := 0.0, float64(len(x))
	for i, v := range sorted {
		u := m.CDF(float64(v), at)
		worst = max(worst, math.Abs(u-float64(i)/n), math.Abs(u-float64(i+1)/n))
	}
	return worst
}

func TestInversionRefusesWhatCannotBe(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	for want, set := range map[string]Settings{
		"resampling adds fresh noise": {Resample: Resample{Times: 2}},
		"known parts of the data":     {Known: true},
		"fresh noise":                 {Solver: DDPM},
		"strength is 1.5":             {Strength: 1.5},
		"strength is NaN":             {Strength: math.NaN()},
	} {
		set.Invert = true
		_, err := NewPlan(model, set)
		require.ErrorContains(t, err, want)
	}
	_, err := NewPlan(Model{Path: mustPath(t, "ve(0.02,20)"), Prediction: schedule.Noise}, Settings{Steps: 1, Invert: true})
	require.ErrorContains(t, err, "no way back")
}
