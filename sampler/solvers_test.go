package sampler

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// On equal steps of lambda the methods with the weights for equal steps have an order too.
func TestPseudoNumericalMethodsConverge(t *testing.T) {
	for _, c := range []struct {
		name string
		want float64
	}{{"ipndm", 1.9}, {"plms", 1.9}, {"pndm", 1.9}} {
		s, err := SolverByName(c.name)
		require.NoError(t, err)
		model := Model{Path: schedule.Cosine(), Prediction: schedule.V}
		errors := errorsOf(t, model, Settings{Solver: s}, 0.1, 0.9, []int{80, 160, 320, 640}, func(n int) schedule.List {
			return spacings["logsnr"](t, model.Path, 0.1, 0.9, n)
		})
		require.Greater(t, slopes(errors)[2], c.want, "%s: %.3g", c.name, errors)
	}
}

// Where the data are one point, data and noise do not change along the flow, and everything but a solver in the velocity is exact.
func TestExponentialSolversAreExactOnAPoint(t *testing.T) {
	point := exact.Gaussian([]float64{0.7}, 0)
	for _, s := range Solvers() {
		if !s.works.Valid() || s.works.Equal(schedule.Velocity) || s.eta != 0 {
			continue
		}
		for _, path := range []string{"condot", "cosine", "vp(0.1,20)", "ve(0.05,5)", "alpha=t; beta=sqrt(1-t)", "betas=linear(1e-4,0.02); count=1000"} {
			model := Model{Path: mustPath(t, path), Prediction: schedule.V}
			from, to := model.Path.At(0.1), model.Path.At(0.8)
			plan := mustPlan(t, model, Settings{Solver: s, Steps: 7, From: &from.T, To: &to.T, Last: "none", Grid: schedule.Uniform})
			x := walk64(plan, point, model, []float64{from.Alpha*0.7 + from.Beta*1.3}, nil)
			require.InDelta(t, to.Alpha*0.7+to.Beta*1.3, x[0], 1e-10, "%s %s", path, s.Name)
		}
	}
}

// exactMoments walks mean and covariances of a Gaussian state exactly through any plan: every number of the walk is an affine function
// of the start and the draws, written as [mean, start, draw 1, draw 2, ...].
func exactMoments(plan *Plan, m exact.Mixture, model Model, mean, std float64) (float64, float64) {
	width := 2 + plan.Draws()
	x := make([]float64, width)
	x[0], x[1] = mean, std
	var base, noise []float64
	var preds [][]float64
	for _, row := range plan.Rows {
		if row.Keep {
			base = x
		}
		if row.Call {
			p := make([]float64, 2)
			m.Predict(p, []float64{0, 1}, model.Prediction, model.Path.At(row.T))
			if row.FP != 0 {
				p[0], p[1] = row.FP*p[0], row.FX+row.FP*p[1]
			}
			f := make([]float64, width)
			for i, v := range x {
				f[i] = (p[1] - p[0]) * v
			}
			f[0] += p[0]
			preds = append([][]float64{f}, preds[:min(len(preds), plan.history())]...)
		}
		earlier := noise
		if row.Draw > 0 {
			noise = make([]float64, width)
			noise[1+row.Draw] = 1
		}
		next := make([]float64, width)
		for i := range next {
			next[i] = row.A * x[i]
			if row.A0 != 0 {
				next[i] += row.A0 * base[i]
			}
			for j, b := range row.B {
				next[i] += b * preds[j][i]
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
	variance := 0.0
	for _, v := range x[1:] {
		variance += v * v
	}
	return x[0], variance
}

// The marginals of the data's Gaussian, whatever the noise: the weak order is what mean and variance converge with.
func TestSdeSolversKeepTheMarginals(t *testing.T) {
	g := gaussian(0.7, 0.5)
	for _, c := range []struct {
		name  string
		s     Settings
		least float64 // the weak order
	}{
		{"dpmpp-2m-sde", Settings{}, 0.9}, {"dpmpp-2m-sde-heun", Settings{}, 0.9}, {"dpmpp-3m-sde", Settings{}, 0.9},
		{"dpmpp-2m", Settings{Eta: ptr(0.5)}, 0.9}, {"dpmpp-sde", Settings{}, 1.8}, {"dpmpp-sde", Settings{Eta: ptr(0.3)}, 1.8},
		{"dpm-2m-sde", Settings{}, 0.9}, {"sa", Settings{Eta: ptr(1.0)}, 0.9}, {"sa", Settings{Eta: ptr(0.4)}, 0.9}, {"unipc", Settings{Eta: ptr(1.0)}, 0.9},
		{"exponential-ab", Settings{Sigma: mustSigma(t, "1.5*(1-t)")}, 0.9}, {"exponential-ab", Settings{Sigma: mustSigma(t, "forward"), Order: 1}, 0.9},
		{"dpmpp-2m", Settings{Sigma: mustSigma(t, "1")}, 0.9}, {"exponential-ab", Settings{Sigma: mustSigma(t, "beta")}, 0.9},
		{"euler-ancestral", Settings{}, 0.9}, {"kdpm2-ancestral", Settings{}, 0.9}, {"dpmpp-2s-ancestral", Settings{}, 0.9},
		{"euler-churn", Settings{Churn: Churn{Amount: 10}}, 0.9}, {"heun-churn", Settings{Churn: Churn{Amount: 10}}, 1.8},
	} {
		solver, err := SolverByName(c.name)
		require.NoError(t, err)
		for _, prediction := range []string{"data", "noise", "velocity"} {
			model := Model{Path: mustPath(t, "cosine"), Prediction: predictions[prediction]}
			from, to := model.Path.At(0.1), model.Path.At(0.95)
			mean, variance := g.Moments(from)
			wantMean, wantVariance := g.Moments(to)
			var errors []float64
			for _, n := range []int{40, 80, 160, 320} {
				s := c.s
				s.Solver, s.Steps, s.From, s.To, s.Grid, s.Last = solver, n, &from.T, &to.T, schedule.LogSNR, "none"
				plan := mustPlan(t, model, s)
				require.Positive(t, plan.Draws(), c.name)
				m, v := exactMoments(plan, g, model, mean, math.Sqrt(variance))
				errors = append(errors, math.Abs(m-wantMean)+math.Abs(v-wantVariance))
			}
			t.Logf("%s %v %s: %.3f of %.3g", c.name, c.s.Sigma, prediction, slopes(errors), errors)
			require.Greater(t, slopes(errors)[2], c.least, "%s %s: errors %.3g", c.name, prediction, errors)
		}
	}
}

// Of the SDE's solvers one call a step is all, whatever sigma and whatever is predicted.
func TestSdeStepsCallTheNetworkOnce(t *testing.T) {
	for _, sigma := range []string{"1", "forward", "beta", "1.5*(1-t)", "sin^2"} {
		for _, prediction := range predictions {
			for _, name := range []string{"euler", "exponential-ab", "dpmpp-2m", "dpmpp-3m", "sa", "unipc"} {
				s, err := SolverByName(name)
				require.NoError(t, err)
				plan := mustPlan(t, Model{Path: schedule.CondOT(), Prediction: prediction}, Settings{Solver: s, Sigma: mustSigma(t, sigma), Steps: 9, From: ptr(0.05), To: ptr(0.95)})
				require.Equal(t, 9, plan.Calls())
				require.LessOrEqual(t, plan.Draws(), 9)
			}
		}
	}
}

// A jump in any diffusion coefficient is exact on a point: the stiff pull of the score is part of the exponential.
func TestExponentialStepsAreExactOnAPointForEverySigma(t *testing.T) {
	point := exact.Gaussian([]float64{0.7}, 0)
	for _, sigma := range []string{"1", "10", "1.5*(1-t)", "beta"} {
		model := Model{Path: schedule.CondOT(), Prediction: schedule.Noise}
		plan := mustPlan(t, model, Settings{Solver: ExponentialAdams, Sigma: mustSigma(t, sigma), Steps: 3, From: ptr(0.1), To: ptr(0.9)})
		from, to := model.Path.At(0.1), model.Path.At(0.9)
		mean, variance := exactMoments(plan, point, model, from.Alpha*0.7, from.Beta)
		require.InDelta(t, to.Alpha*0.7, mean, 1e-9)
		require.InDelta(t, to.Beta*to.Beta, variance, 1e-9, sigma)
	}
}

// Ancestral steps are ddpm's, on every path.
func TestEulerAncestralIsDdpm(t *testing.T) {
	for _, path := range []string{"condot", "cosine", "ve(0.05,5)", "betas=linear(1e-4,0.02); count=1000"} {
		for _, eta := range []float64{0, 0.5, 1} {
			model := Model{Path: mustPath(t, path), Prediction: schedule.Data}
			s := Settings{Steps: 8, Eta: &eta, From: ptr(0.1), To: ptr(0.9), Last: "none", Grid: schedule.Uniform}
			s.Solver = EulerAncestral
			a := walk64(mustPlan(t, model, s), triple, model, []float64{0.3}, func(k int) []float64 { return []float64{math.Sin(float64(k))} })
			s.Solver = DDPM
			b := walk64(mustPlan(t, model, s), triple, model, []float64{0.3}, func(k int) []float64 { return []float64{math.Sin(float64(k))} })
			require.InDelta(t, b[0], a[0], 1e-10, "%s %v", path, eta)
		}
	}
}

// Known identities between the families.
func TestMethodsOfOneNameAgree(t *testing.T) {
	model := Model{Path: mustPath(t, "vp(0.1,10)"), Prediction: schedule.Noise}
	walk := func(name string, set Settings) float64 {
		s, err := SolverByName(name)
		require.NoError(t, err)
		set.Solver, set.Steps, set.From, set.To = s, 12, ptr(0.1), ptr(0.9)
		return walk64(mustPlan(t, model, set), triple, model, []float64{0.3}, func(k int) []float64 { return []float64{math.Sin(float64(k))} })[0]
	}
	for _, first := range []string{"lms", "deis", "deis-lambda", "exponential-ab", "dpmpp-2m", "dpm-2m", "ipndm"} {
		require.InDelta(t, walk("ddim", Settings{}), walk(first, Settings{Order: 1}), 1e-11, first)
	}
	require.InDelta(t, walk("deis-lambda", Settings{Order: 2}), walk("dpm-2m-heun", Settings{}), 1e-11)
	require.InDelta(t, walk("exponential-ab", Settings{Order: 2}), walk("dpmpp-2m-heun", Settings{}), 1e-11)
	require.InDelta(t, walk("dpmpp-2s", Settings{Eta: ptr(1.0)}), walk("dpmpp-sde", Settings{}), 1e-11)
	require.InDelta(t, walk("dpmpp-2s", Settings{}), walk("dpmpp-2s-ancestral", Settings{Eta: ptr(0.0)}), 1e-11)
	require.InDelta(t, walk("ddim", Settings{Eta: ptr(1.0)}), walk("exponential-ab", Settings{Order: 1, Eta: ptr(1.0)}), 1e-11)
	require.InDelta(t, walk("ddim", Settings{Eta: ptr(1.0)}), walk("exponential-ab", Settings{Order: 1, Sigma: schedule.ForwardDiffusion}), 1e-9)
}

func TestConsistencySolversOnAPoint(t *testing.T) {
	point := exact.Gaussian([]float64{0.7}, 0)
	for _, path := range []string{"condot", "cosine", "ve(0.05,5)", "betas=linear(1e-4,0.02); count=1000"} {
		for _, s := range []Solver{Consistency, TCD} {
			model := Model{Path: mustPath(t, path), Prediction: schedule.Data}
			from, to := model.Path.At(0.1), model.Path.At(0.8)
			plan := mustPlan(t, model, Settings{Solver: s, Steps: 4, From: &from.T, To: &to.T, Last: "none", Grid: schedule.Uniform})
			mean, variance := exactMoments(plan, point, model, from.Alpha*0.7, from.Beta)
			left := 0.0
			if s.Name == "consistency" {
				left = to.Alpha * model.Path.At(1).Sigma()
			}
			require.InDelta(t, to.Alpha*0.7, mean, 1e-12)
			require.InDelta(t, to.Beta*to.Beta-left*left, variance, 1e-12, "%s %s", s.Name, path)
		}
	}
}

// Langevin dynamics keeps the level's distribution up to its step, so that many corrections cost no more than one.
func TestPredictorCorrectorKeepsTheMarginals(t *testing.T) {
	g := gaussian(0.7, 0.5)
	model := Model{Path: mustPath(t, "ve(0.05,5)"), Prediction: schedule.Score}
	wantMean, wantVariance := g.Moments(model.Path.At(0.9))
	for _, c := range []struct {
		Solver
		Corrector
		within float64
	}{
		{PredictorCorrector, Corrector{Steps: 1, Ratio: 0.05}, 0.02},
		{PredictorCorrector, Corrector{Steps: 20, Ratio: 0.05}, 0.02},
		{AnnealedLangevin, Corrector{Steps: 100, Ratio: 0.1}, 0.05},
	} {
		plan := mustPlan(t, model, Settings{Solver: c.Solver, Corrector: c.Corrector, Steps: 400, To: ptr(0.9)})
		mean, variance := gaussianMoments(t, plan, g, model, 0, 25)
		require.InDelta(t, wantMean, mean, c.within, "%s %+v", c.Name, c.Corrector)
		require.InEpsilon(t, wantVariance, variance, c.within, "%s %+v", c.Name, c.Corrector)
	}
}

// Data to noise and back, by every solver of the ODE.
func TestInversionBringsTheDataBack(t *testing.T) {
	model := Model{Path: mustPath(t, "betas=scaled_linear(0.00085,0.012); count=1000"), Prediction: schedule.Noise}
	for _, name := range []string{"ddim", "ab", "lms", "deis", "dpmpp-2m", "dpm-2m", "unipc", "dpmpp-2s", "heun-edm"} {
		s, err := SolverByName(name)
		require.NoError(t, err)
		set := Settings{Solver: s, Steps: 400, Grid: schedule.LogSNR, From: ptr(0.99), To: ptr(0.05), Last: "none"}
		noise := walk64(mustPlan(t, model, set), triple, model, []float64{0.4, -1.1}, nil)
		set.From, set.To = set.To, set.From
		require.InDeltaSlice(t, []float64{0.4, -1.1}, walk64(mustPlan(t, model, set), triple, model, noise, nil), 0.02, name)
	}
}

func TestAdaptiveStepsMeetTheirTolerance(t *testing.T) {
	for _, c := range []struct {
		path, prediction string
	}{{"condot", "velocity"}, {"condot", "data"}, {"vp(0.1,20)", "noise"}, {"edm(0.002,80,7)", "data"}, {"cosine", "v"}} {
		model := Model{Path: mustPath(t, c.path), Prediction: predictions[c.prediction]}
		calls := 0
		net := Func(func(dst, x []float32, at At) {
			calls++
			perfect(triple, model)(dst, x, at)
		})
		var before int
		for _, tol := range []float64{1e-2, 1e-3, 1e-5} {
			calls = 0
			x := NewState([]float32{-1.7, -0.4, 0.2, 1.1}, 4, 0)
			steps := 0
			done, err := Adaptive(context.Background(), model, Settings{Tolerance: Tolerance{Rel: tol, Abs: tol}}, net, x, ObserverFunc(func(*Row, []float32) { steps++ }))
			require.NoError(t, err, c.path)
			require.Equal(t, calls, done.Calls)
			require.Equal(t, done.Plan.Steps, steps)
			require.GreaterOrEqual(t, calls, before)
			before = calls
			for i, start := range []float64{-1.7, -0.4, 0.2, 1.1} {
				require.InDelta(t, flow(triple, model.Path, start, done.Plan.From, done.Plan.To), x.X[i], 60*tol+0.002, "%s %v", c.path, tol)
			}
			// The plan that it made is walked again by Run, to the same bits.
			again := NewState([]float32{-1.7, -0.4, 0.2, 1.1}, 4, 0)
			require.NoError(t, Run(context.Background(), done.Plan, perfect(triple, model), again, nil, nil))
			require.Equal(t, x.X, again.X)
		}
	}
}

// A walk by tolerance ends as others do: on a path that ends with noise left with a step to the data prediction, at the time asked for, in
// both directions, and on a table.
func TestAdaptiveWalksEndAsOthersDo(t *testing.T) {
	walk := func(model Model, s Settings, x float32) (float64, *Adapted) {
		s.Tolerance = Tolerance{Rel: 1e-5, Abs: 1e-5}
		state := NewState([]float32{x}, 1, 0)
		done, err := Adaptive(context.Background(), model, s, perfect(triple, model), state, nil)
		require.NoError(t, err)
		ahead, err := Ahead(model, s)
		require.NoError(t, err)
		require.Equal(t, []float64{done.Plan.From, done.Plan.To, done.Plan.Start}, []float64{ahead.From, ahead.To, ahead.Start})
		return float64(state.X[0]), done
	}
	ve := Model{Path: mustPath(t, "ve(0.02,50)"), Prediction: schedule.Noise}
	x, done := walk(ve, Settings{}, 30)
	last := done.Plan.Rows[len(done.Plan.Rows)-1]
	require.Equal(t, "denoise: to the data prediction", last.Note)
	require.InDelta(t, flow(triple, ve.Path, 30, 0, 1), x, 0.05)
	y, done := walk(ve, Settings{Last: "none"}, 30)
	require.NotContains(t, done.Plan.Rows[len(done.Plan.Rows)-1].Note, "denoise")
	require.InDelta(t, flow(triple, ve.Path, 30, 0, 1), y, 1e-3)

	condot := Model{Path: schedule.CondOT(), Prediction: schedule.Noise}
	x, done = walk(condot, Settings{}, 0.4)
	require.Equal(t, 0.01, done.Plan.From)
	require.Contains(t, done.Plan.Warnings[0], "the walk starts at t=0.01, since")
	require.InDelta(t, flow(triple, condot.Path, 0.4, 0.01, 1), x, 1e-3)
	x, _ = walk(condot, Settings{From: ptr(0.9), To: ptr(0.1)}, 0.4)
	require.InDelta(t, flow(triple, condot.Path, 0.4, 0.9, 0.1), x, 1e-3)

	table := Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=1000"), Prediction: schedule.Noise}
	end := schedule.Index(20)
	x, done = walk(table, Settings{EndIndex: &end}, 0.4)
	require.InDelta(t, 0.979, done.Plan.To, 1e-12)
	require.InDelta(t, flow(triple, table.Path, 0.4, 0, 0.979), x, 1e-2)
	_, err := Ahead(condot, Settings{EndIndex: &end})
	require.ErrorContains(t, err, "indexes belong to a discrete path")
	_, err = NewPlan(condot, Settings{Solver: Heun, Tolerance: Tolerance{Rel: 1}})
	require.ErrorContains(t, err, "solver heun has no tolerance")
	_, err = NewPlan(condot, Settings{Solver: DormandPrince, Tolerance: Tolerance{Rel: 1}})
	require.ErrorContains(t, err, "there is no plan before it")
}

// What is said of a solver before it is chosen: how often it calls the network in a step, and which settings are its own.
func TestAboutASolver(t *testing.T) {
	for name, want := range map[string]struct {
		calls    int
		settings []string
	}{
		"euler": {1, []string{"sigma"}}, "heun": {2, []string{}}, "rk4": {4, []string{}}, "dopri5": {6, []string{"tolerance"}}, "ddpm": {1, []string{"eta", "variance"}},
		"ab": {1, []string{"order"}}, "pndm": {1, []string{"order"}}, "unipc": {1, []string{"order", "sigma", "eta"}}, "dpmpp-2m-sde": {1, []string{"order", "sigma", "eta"}},
		"dpmpp-2s-ancestral": {2, []string{"eta"}}, "kdpm2-ancestral": {2, []string{"eta"}}, "dpm-3s": {3, []string{}}, "heun-churn": {2, []string{"churn"}},
		"tcd": {1, []string{"gamma"}}, "predictor-corrector": {2, []string{"eta", "corrector"}}, "annealed-langevin": {5, []string{"corrector"}},
	} {
		s, err := SolverByName(name)
		require.NoError(t, err)
		about := s.About()
		require.Equal(t, want.calls, about.Calls, name)
		require.Equal(t, want.settings, about.Settings, name)
	}
	for _, s := range Solvers() {
		require.NotEmpty(t, s.About().Source, s.Name)
	}
}

func TestNodesSayEverything(t *testing.T) {
	model := Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=1000"), Prediction: schedule.Noise}
	at := func(t float64) schedule.Point { return model.Path.At(t) }
	nodes := []Node{
		{T: 0.1, Input: ptr(123.5)},
		{T: 0.5, Alpha: at(0.5).Alpha, Beta: at(0.5).Beta},
		{T: 0.9, Leads: &Node{T: 0.95}},
		{T: 1},
	}
	plan := mustPlan(t, model, Settings{Nodes: nodes})
	require.Equal(t, 123.5, plan.Rows[0].Input)
	require.Equal(t, 0.95, plan.Rows[2].Next)
	plain := mustPlan(t, model, Settings{Grid: schedule.List{0.1, 0.5, 0.9}})
	for k := range 2 {
		require.InDelta(t, plain.Rows[k].A, plan.Rows[k].A, 1e-14)
		require.InDelta(t, plain.Rows[k].B[0], plan.Rows[k].B[0], 1e-14)
	}
	// A step's stage where it is put.
	stage := Node{T: 0.3, Input: ptr(700.25)}
	solver, err := SolverByName("dpmpp-2s")
	require.NoError(t, err)
	plan = mustPlan(t, model, Settings{Solver: solver, Nodes: []Node{{T: 0.1, Stages: []Node{stage}}, {T: 0.6}}})
	require.Equal(t, 700.25, plan.Rows[1].Input)
	require.Equal(t, 0.3, plan.Rows[1].T)
	_, err = NewPlan(model, Settings{Nodes: nodes, From: ptr(0.1)})
	require.ErrorContains(t, err, "nodes say where to walk")
}

func TestSettingsThatASolverDoesNotKnowAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		want string
	}{
		{"heun", Settings{Order: 2}, "solver heun has one order, found order 2"},
		{"ab", Settings{Order: 5}, "solver ab has the orders 1 to 4, found 5"},
		{"lms", Settings{Eta: ptr(1.0)}, "solver lms has no eta"},
		{"unipc", Settings{Eta: ptr(1.0), Sigma: schedule.ForwardDiffusion}, "both say how much noise"},
		{"dpmpp-2s", Settings{Sigma: schedule.ForwardDiffusion}, "does not walk an SDE"},
		{"heun", Settings{Churn: Churn{Amount: 1}}, "solver heun has no churn: take heun-churn or euler-churn, or leave churn out"},
		{"heun-churn", Settings{Churn: Churn{Amount: -1}}, "expected numbers not below 0"},
		{"ddim", Settings{Gamma: ptr(0.2)}, "has no gamma"},
		{"tcd", Settings{Gamma: ptr(1.2)}, "gamma is 1.2"},
		{"ddim", Settings{Corrector: Corrector{Steps: 1}}, "solver ddim has no corrector"},
		{"predictor-corrector", Settings{Corrector: Corrector{Ratio: 3}}, "grows unstable"},
	} {
		s, err := SolverByName(c.name)
		require.NoError(t, err)
		c.s.Solver = s
		_, err = NewPlan(condot, c.s)
		require.ErrorContains(t, err, c.want)
	}
}

// Moments by parts against a fine sum.
func TestTheMomentsOfTheExponential(t *testing.T) {
	for _, r := range []float64{-12, -4.1, -3.9, -1, -1e-3, 0, 1e-6, 0.5, 3.9, 4.1, 30} {
		for i := range 5 {
			const n = 20000
			sum := 0.0
			for k := range n {
				theta := (float64(k) + 0.5) / n
				sum += math.Pow(theta, float64(i)) * r * math.Exp(r*(theta-1)) / n
			}
			require.InDelta(t, sum, exponential(i, r), 1e-6*math.Max(1, math.Abs(sum)), "i=%d r=%v", i, r)
		}
	}
}

func TestVandermondeWeightsIntegratePolynomials(t *testing.T) {
	theta := []float64{0, -0.7, -2.2, -2.9, 1}
	m := []float64{1, 1. / 2, 1. / 3, 1. / 4, 1. / 5}
	c := append([]float64(nil), m...)
	vandermonde(c, theta)
	for i, want := range m {
		sum := 0.0
		for j, v := range c {
			sum += v * math.Pow(theta[j], float64(i))
		}
		require.InDelta(t, want, sum, 1e-13)
	}
}

// A row may read the noise before its own; Run, and the plan's text.
func TestARowReadsTheNoiseBeforeItsOwn(t *testing.T) {
	plan := &Plan{Solver: "own", Steps: 3, Rows: []Row{
		{Step: 0, Scale: 1, A: 1, C: 1, Draw: 1, Ends: true},
		{Step: 1, Scale: 1, A: 1, C: 10, C1: 100, Draw: 2, Draw1: 1, Ends: true},
		{Step: 2, Scale: 1, A: 1, C1: 1000, Draw1: 2, Ends: true},
	}}
	noise, err := NewRecorded([]float32{1, 2}, 2, 1, 1)
	require.NoError(t, err)
	x := NewState([]float32{0}, 1, 0)
	require.NoError(t, Run(context.Background(), plan, nil, x, noise, nil))
	require.Equal(t, float32(1+20+100+2000), x.X[0])
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	read, err := ReadPlan(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, plan, read)
	var printed bytes.Buffer
	require.NoError(t, plan.Print(&printed))
	require.Contains(t, printed.String(), "C1 xi_1")
	plan.Rows[2].Draw1 = 1
	require.ErrorContains(t, plan.Check(), "reads the noise of draw 1, but the last drawn is 2")
	plan.Rows[0].C1 = 1
	require.ErrorContains(t, plan.Check(), "reads an earlier noise, but none was drawn")
}

func ExampleSolvers() {
	for _, s := range Solvers()[:3] {
		fmt.Println(s.Name)
	}
	// Output:
	// euler
	// heun
	// midpoint
}
