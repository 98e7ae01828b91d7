package sampler

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

var (
	condot   = Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	linear10 = func(t testing.TB) Model {
		return Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=10"), Prediction: schedule.Noise}
	}
	edm = func(t testing.TB) Model {
		return Model{Path: mustPath(t, "edm(0.002,80,7)"), Prediction: schedule.Data}
	}
)

func indexes(p *Plan) []float64 {
	var i []float64
	for _, row := range p.Rows {
		if row.Call {
			i = append(i, *row.Index)
		}
	}
	return i
}

// ofThePrediction are a row's weights of the state and of the network's own newest prediction.
func ofThePrediction(row Row) (x, p float64) {
	if row.FP == 0 {
		return row.A, row.B[0]
	}
	return row.A + row.B[0]*row.FX, row.B[0] * row.FP
}

// Printed pseudocode in lecture notes often loses a step: from 0 to n-1, or to n.
func TestAWalkTakesExactlyItsStepsFromFirstToLast(t *testing.T) {
	models := map[string]Model{"condot": condot, "discrete": linear10(t), "edm": edm(t)}
	for name, model := range models {
		for _, solver := range Solvers() {
			for _, n := range []int{1, 2, 3, 10} {
				plan := mustPlan(t, model, Settings{Solver: solver, Steps: n})
				require.Equal(t, n, plan.Steps, "%s %s", name, solver.Name)
				require.Equal(t, 0.0, plan.Rows[0].T)
				require.Equal(t, 1.0, plan.Rows[len(plan.Rows)-1].Next)
				ends, at := 0, plan.From
				for _, row := range plan.Rows {
					require.Equal(t, at, row.T, "a row begins where the last one ended")
					if at = row.Next; row.Ends {
						ends++
					}
				}
				require.Equal(t, n, ends)
			}
		}
	}
}

func TestTheZeroSettingsAreTheContractsDefaults(t *testing.T) {
	plan := mustPlan(t, condot, Settings{})
	require.Equal(t, "euler", plan.Solver)
	require.Equal(t, "uniform", plan.Grid)
	require.Equal(t, 50, plan.Steps)
	require.Empty(t, plan.Sigma)

	plan = mustPlan(t, Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=1000"), Prediction: schedule.Noise}, Settings{})
	require.Equal(t, "ddim", plan.Solver)
	require.Equal(t, "trailing", plan.Grid)
	require.Equal(t, 50, plan.Steps)
	require.Equal(t, []float64{999, 979, 959}, indexes(plan)[:3])

	require.Equal(t, 10, mustPlan(t, linear10(t), Settings{}).Steps, "all trained steps of a short table")
	require.Equal(t, 7, mustPlan(t, linear10(t), Settings{EndIndex: ptr(schedule.Index(2))}).Steps)
}

func TestWhatTheNetworkIsFed(t *testing.T) {
	ve, disc := edm(t).Path, linear10(t).Path
	for _, c := range []struct {
		name         string
		model        Model
		input, scale float64 // at the first row
	}{
		{"t", condot, 0.1, 1},
		{"1-t for a reverse velocity", Model{Path: condot.Path, Prediction: schedule.ReverseVelocity}, 0.9, 1},
		{"the index on a discrete path", linear10(t), 8, 1},
		{"a formula of the index", Model{Path: disc, Prediction: schedule.Noise, Time: formula(disc, "(index+1)/count")}, 0.9, 1},
		{"an integer is the nearest", Model{Path: condot.Path, Prediction: schedule.Velocity, Time: formula(condot.Path, "998.7*t"), Integer: true}, 100, 1},
		{"log-sigma and a scaled state", Model{Path: ve, Prediction: schedule.Data, Time: formula(ve, "sigma"), Scale: formula(ve, "1/sqrt(1+sigma^2)")},
			ve.At(0.1).Beta, 1 / ve.At(0.1).Beta},
	} {
		row := mustPlan(t, c.model, Settings{From: ptr(0.1), Grid: schedule.Uniform, Steps: 2, To: ptr(0.5)}).Rows[0]
		require.InDelta(t, c.input, row.Input, 1e-12, c.name)
		require.InDelta(t, c.scale, row.Scale, 1e-4, c.name)
	}
}

func TestTheStartHasTheStatesStandardDeviation(t *testing.T) {
	ve := edm(t)
	own := condot
	own.Start = formula(own.Path, "2*beta")
	for _, c := range []struct {
		model Model
		from  float64
		want  float64
	}{
		{condot, 0, 1},
		{condot, 0.5, 0.7071067811865476},
		{ve, 0, 80},
		{Model{Path: mustPath(t, "ve(0.02,100)"), Prediction: schedule.Score}, 0, 100},
		{Model{Path: mustPath(t, "alpha=1; beta=100*(0.02/100)^t"), Prediction: schedule.Score}, 0, 100.00499987500625}, // hypot(1, 100): only the names say otherwise
		{Model{Path: mustPath(t, "vp(0.1,20)"), Prediction: schedule.Noise}, 0, 1},
		{linear10(t), 0, 1}, // though this table does not end in pure noise
		{own, 0.25, 1.5},
	} {
		require.InDelta(t, c.want, mustPlan(t, c.model, Settings{From: &c.from, Steps: 2}).Start, 1e-12)
	}
}

func TestAWalkStartsLaterWhereItsFirstStepDoesNotExist(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Noise}
	plan := mustPlan(t, model, Settings{Steps: 9})
	require.Equal(t, 0.01, plan.From)
	require.InDelta(t, 0.9900505, plan.Start, 1e-6)
	require.Equal(t, 9, plan.Steps)
	require.Len(t, plan.Warnings, 1)
	require.Contains(t, plan.Warnings[0], "the walk starts at t=0.01")

	_, err := NewPlan(model, Settings{From: ptr(0.0)})
	require.ErrorContains(t, err, "the walk cannot start at t=0: velocity cannot be had from noise at t=0")
	require.ErrorContains(t, err, "start inside, for example with --t-start 0.01")
	_, err = NewPlan(model, Settings{Grid: schedule.List{0, 0.5, 1}})
	require.ErrorContains(t, err, "begin the list inside, for example at 0.01")
	zeroSNR := Model{Path: mustPath(t, "alpha_bars=[0.9,0.5,0.1,0]"), Prediction: schedule.Noise}
	_, err = NewPlan(zeroSNR, Settings{Indexes: []schedule.Index{3, 1}})
	require.ErrorContains(t, err, "leave index 3 out")
	// So it is where the time input or sigma has no value there.
	model = condot
	model.Time = formula(model.Path, "log(sigma)")
	require.Equal(t, 0.01, mustPlan(t, model, Settings{Sigma: mustSigma(t, "0.3")}).From)
	require.Equal(t, 0.01, mustPlan(t, condot, Settings{Sigma: mustSigma(t, "forward")}).From)
	// On a short table t = 0.01 still is the noisiest step, where the grid is made of steps.
	plan = mustPlan(t, zeroSNR, Settings{})
	require.Equal(t, []float64{2, 1, 0}, indexes(plan))
	require.Equal(t, 0.01, mustPlan(t, zeroSNR, Settings{Grid: schedule.Uniform, Steps: 2, To: ptr(0.5)}).From)
	// The walk does not turn round where it ends before that.
	_, err = NewPlan(Model{Path: schedule.CondOT(), Prediction: schedule.Noise}, Settings{To: ptr(0.005)})
	require.ErrorContains(t, err, "the walk cannot start at t=0: ")
	// So it is where the state has no scale at t = 0.
	require.Equal(t, 0.01, mustPlan(t, Model{Path: mustPath(t, "alpha=1; beta=1/t-1"), Prediction: schedule.Velocity}, Settings{}).From)
	// A grid of noise levels has none for pure noise; a first time that was asked for is not given up in silence.
	plan = mustPlan(t, condot, Settings{Grid: schedule.Karras(7), From: ptr(0.0)})
	require.Equal(t, 0.01, plan.From)
	require.Equal(t, []string{"the walk starts at t=0.01 and not at 0, which grid karras(7) cannot begin with"}, plan.Warnings)
	require.Empty(t, mustPlan(t, condot, Settings{Grid: schedule.Karras(7)}).Warnings)
	// An identity needs no conversion.
	require.Equal(t, 0.0, mustPlan(t, condot, Settings{}).From)
	require.Equal(t, 0.0, mustPlan(t, Model{Path: schedule.CondOT(), Prediction: schedule.Data}, Settings{Solver: DDIM}).From)
}

func TestAStageThatDoesNotExistIsSteppedAroundAndMarked(t *testing.T) {
	data := Model{Path: schedule.CondOT(), Prediction: schedule.Data}
	for solver, want := range map[string][]string{
		"heun":     {"by euler: no velocity from data at t=1"},
		"midpoint": {""},
		"rk4":      {"by midpoint: no velocity from data at t=1"},
	} {
		s, err := SolverByName(solver)
		require.NoError(t, err)
		plan := mustPlan(t, data, Settings{Solver: s, Steps: 3})
		last := plan.Rows[len(plan.Rows)-1]
		require.Equal(t, want[0], last.Note)
		require.Equal(t, 2, last.Step)
		require.Equal(t, 1.0, last.Next)
		require.Empty(t, plan.Rows[0].Note)
	}
	// Where the middle cannot be evaluated either, Euler is left; the table of the network's times has a hole in it.
	hole := data
	hole.Time = formula(hole.Path, "sqrt(0.85-t)") // no number from t = 0.85 on
	plan := mustPlan(t, hole, Settings{Solver: RK4, Steps: 4})
	require.Contains(t, plan.Rows[len(plan.Rows)-1].Note, "by euler: the network's time input would be NaN")
	// A network that predicts the velocity is used as it is, at t = 1 too.
	require.Equal(t, 40, mustPlan(t, condot, Settings{Solver: RK4, Steps: 10}).Calls())
}

func TestAWalkThatEndsWithNoiseLeftDenoises(t *testing.T) {
	ve := edm(t)
	for _, c := range []struct {
		name    string
		s       Settings
		denoise bool
		to      float64
	}{
		{"a named grid", Settings{Steps: 5}, true, 1},
		{"to t = 1, said so", Settings{Steps: 5, To: ptr(1.0)}, true, 1},
		{"told not to", Settings{Steps: 5, Last: "none"}, false, 1},
		{"a list", Settings{Grid: schedule.List{0, 0.2, 0.4, 0.6, 0.8, 1}}, false, 1},
		{"a list, told to", Settings{Grid: schedule.List{0, 0.2, 0.4, 0.6, 0.8}, Last: "denoise"}, true, 1},
		{"an earlier end", Settings{Steps: 5, To: ptr(0.8)}, false, 0.8},
		{"an earlier end, told to", Settings{Steps: 5, To: ptr(0.8), Last: "denoise"}, true, 1},
	} {
		for _, solver := range Solvers() {
			c.s.Solver = solver
			plan := mustPlan(t, ve, c.s)
			last := plan.Rows[len(plan.Rows)-1]
			require.Equal(t, 5, plan.Steps, c.name)
			require.Equal(t, c.to, plan.To, c.name)
			require.Equal(t, c.denoise, last.Note == "denoise: to the data prediction", c.name)
			if c.denoise {
				a, p := ofThePrediction(last)
				require.InDeltaSlice(t, []float64{0, 1}, []float64{a, p}, 1e-12, c.name)
			}
		}
	}
	require.NotContains(t, mustPlan(t, condot, Settings{Steps: 5, Last: "denoise"}).Rows[4].Note, "denoise", "no noise is left on condot")
}

func TestADiscretePathIsWalkedThroughItsTrainedIndices(t *testing.T) {
	model := linear10(t)
	end := ptr(schedule.Index(2))
	for _, c := range []struct {
		s    Settings
		want []float64
		to   float64
	}{
		{Settings{Indexes: []schedule.Index{9, 4, 1}}, []float64{9, 4, 1}, 1},
		{Settings{Indexes: []schedule.Index{9, 4}, EndIndex: end}, []float64{9, 4}, 0.7},
		{Settings{Steps: 10}, []float64{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, 1},
		{Settings{Steps: 7, EndIndex: end}, []float64{9, 8, 7, 6, 5, 4, 3}, 0.7},
		{Settings{Steps: 2, EndIndex: end, Grid: schedule.Uniform}, []float64{9, 5.5}, 0.7},
		{Settings{Steps: 3, Grid: schedule.Leading}, []float64{6, 3, 0}, 1},
	} {
		for _, solver := range Solvers() {
			c.s.Solver = solver
			plan := mustPlan(t, model, c.s)
			var starts []float64
			for _, row := range plan.Rows {
				require.GreaterOrEqual(t, *row.Index, 0.0)
				if len(starts) <= row.Step {
					starts = append(starts, *row.Index)
				}
			}
			require.InDeltaSlice(t, c.want, starts, 1e-12)
			require.InDelta(t, c.to, plan.To, 1e-12)
			last, p := plan.Rows[len(plan.Rows)-1], model.Path.At(plan.Rows[len(plan.Rows)-1].T)
			// The jump, x' = z, but of those that go by several predictions, and of LCM, whose boundary is index 0.
			if c.to == 1 && last.Call && last.A0 == 0 && len(last.B) == 1 && solver.Name != "lcm" {
				x, noise := ofThePrediction(last)
				require.InDelta(t, 1/p.Alpha, x, 1e-12, solver.Name)
				require.InDelta(t, -p.Beta/p.Alpha, noise, 1e-12, solver.Name)
				require.Zero(t, last.C)
			}
		}
	}
}

// Where the network takes integers the state lives at the rounded index: alpha, beta, t, and the stages' own step.
func TestIntegerTimesSnapToTrainedIndices(t *testing.T) {
	model := linear10(t)
	model.Integer = true
	plan := mustPlan(t, model, Settings{Solver: Midpoint, Grid: schedule.List{0, 0.3, 0.6}})
	trained := model.Path.(*schedule.Discrete)
	for _, row := range plan.Rows {
		require.Equal(t, float64(int(*row.Index)), *row.Index)
		require.Equal(t, *row.Index, row.Input)
		require.Equal(t, trained.Time(schedule.Index(*row.Index)), row.T)
	}
	require.Equal(t, []float64{9, 8, 6, 4}, indexes(plan)) // the middles 7.5 and 4.5 are rounded to even
	first := plan.Rows[0]                                  // its stage sits at index 8: a step of 0.1, not half of 0.3
	u, err := schedule.Convert(model.Path, model.Prediction, schedule.Velocity, 0)
	require.NoError(t, err)
	require.InDelta(t, 1+0.1*u.X, first.A, 1e-12)

	_, err = NewPlan(model, Settings{Solver: Euler, Grid: schedule.List{0, 0.41, 0.42, 1}})
	require.ErrorContains(t, err, "t=0.41 and t=0.42 both stand for trained index 5")
}

func TestSettingsThatContradictEachOtherAreErrors(t *testing.T) {
	disc, ve := linear10(t), edm(t)
	sigma := mustSigma(t, "1")
	for _, c := range []struct {
		model Model
		s     Settings
		want  string
	}{
		{condot, Settings{Solver: Heun, Sigma: sigma}, "solver heun does not walk an SDE, but sigma is 1: take euler (Euler-Maruyama)"},
		{condot, Settings{Solver: DDPM, Sigma: sigma}, "this solver's own noise is set by eta"},
		{condot, Settings{Solver: Euler, Eta: ptr(1.0)}, "solver euler has no eta: take ddim, or leave eta out"},
		{condot, Settings{Solver: DDIM, Eta: ptr(-1.0)}, "eta is -1, expected a share of fresh noise"},
		{condot, Settings{Solver: RK4, Variance: "beta"}, "solver rk4 has no variance: take ddpm"},
		{condot, Settings{Solver: DDIM, Variance: "beta"}, "solver ddim with eta 0 draws none"},
		{condot, Settings{Solver: DDPM, Variance: "learned"}, `unknown variance "learned"`},
		{condot, Settings{Last: "denoised"}, `last is "denoised" (did you mean "denoise"?); expected denoise, none, mean, ode`},
		{condot, Settings{Steps: -1}, "found -1 steps"},
		{condot, Settings{Clip: &[2]float64{1, -1}}, "clip 1,-1 is no range"},
		{condot, Settings{From: ptr(0.5), To: ptr(0.5)}, "no step from t=0.5 to t=0.5"},
		{condot, Settings{To: ptr(1.5)}, "expected times from 0 (noise) to 1 (data)"},
		{condot, Settings{Steps: 4, Grid: schedule.List{0, 0.5, 1}}, "found 4 steps, but grid list(0,0.5,1) has 2"},
		{condot, Settings{From: ptr(0.1), Grid: schedule.List{0, 0.5, 1}}, "the grid lists times from 0 to 1 itself"},
		{condot, Settings{Indexes: []schedule.Index{3}}, "indexes belong to a discrete path, and the path is condot"},
		{condot, Settings{EndIndex: ptr(schedule.Index(3))}, "indexes belong to a discrete path"},
		{disc, Settings{Indexes: []schedule.Index{10, 3}}, "10 is not a trained index; expected 0 to 9"},
		{disc, Settings{Indexes: []schedule.Index{3, 3}}, "3 comes after 3; list the noisiest first"},
		{disc, Settings{Indexes: []schedule.Index{3, 4}}, "4 comes after 3"},
		{disc, Settings{Indexes: []schedule.Index{3, 2}, Steps: 3}, "found 3 steps, but 2 indexes are listed"},
		{disc, Settings{Indexes: []schedule.Index{3}, Grid: schedule.Trailing}, "leave grid, t-start and t-end out"},
		{disc, Settings{Indexes: []schedule.Index{3}, EndIndex: ptr(schedule.Index(3))}, "end-index 3 is not below the last of the indexes, 3"},
		{disc, Settings{EndIndex: ptr(schedule.Index(-1))}, "end-index: -1 is not a trained index"},
		{disc, Settings{EndIndex: ptr(schedule.Index(1)), To: ptr(0.5)}, "both say where the walk ends"},
		{disc, Settings{EndIndex: ptr(schedule.Index(1)), Last: "denoise"}, "leave end-index out"},
		{disc, Settings{Steps: 11}, "11 steps asked of 10 trained ones"},
		{disc, Settings{Grid: schedule.List{1, 0}}, "only the last step of a walk may go there"},
		{Model{Path: ve.Path, Prediction: ve.Prediction, Start: formula(ve.Path, "-1")}, Settings{}, "the start's standard deviation is -1"},
		{condot, Settings{Solver: DDPM, From: ptr(0.9), To: ptr(0.1)}, "adds fresh noise, which it can only on the way from noise to data"},
		{Model{Path: condot.Path, Prediction: schedule.Data}, Settings{From: ptr(1.0), To: ptr(0.0)}, "--t-start 0.99"},
		{Model{Prediction: schedule.Data}, Settings{}, "no path"},
		{Model{Path: condot.Path}, Settings{}, "no prediction"},
		{condot, Settings{Solver: Solver{Name: "half", Tableau: Tableau{A: [][]float64{{}}, B: []float64{0.5}, C: []float64{0}}}}, "solver half: tableau: the weights sum to 0.5"},
		{condot, Settings{Solver: Solver{Name: "back", Tableau: Tableau{A: [][]float64{{1}}, B: []float64{1}, C: []float64{1}}}}, "the method must be explicit"},
	} {
		_, err := NewPlan(c.model, c.s)
		require.ErrorContains(t, err, c.want)
	}
}

func TestSolversAreFoundByName(t *testing.T) {
	for _, s := range Solvers() {
		found, err := SolverByName(s.Name)
		require.NoError(t, err)
		require.Equal(t, s.Name, found.Name)
		require.NotEmpty(t, s.Summary)
	}
	_, err := SolverByName("huen")
	require.EqualError(t, err, fmt.Sprintf(`unknown solver "huen" (did you mean "heun"?); odeon solvers lists the %d that there are, and tableau(...) is a Runge-Kutta method of your own`, len(Solvers())))
	_, err = SolverByName("DPM++ 2M")
	require.ErrorContains(t, err, `did you mean "dpmpp-2m"?`)
}

// A plan of a thousand steps by every solver, on a path of formulas and on a table.
func BenchmarkPlanOfThousandSteps(b *testing.B) {
	for _, path := range []string{"vp(0.1,20)", "betas=linear(1e-4,0.02); count=1000"} {
		for _, s := range Solvers() {
			b.Run(path[:2]+"/"+s.Name, func(b *testing.B) {
				model := Model{Path: mustPath(b, path), Prediction: schedule.Noise}
				for b.Loop() {
					mustPlan(b, model, Settings{Solver: s, Steps: 1000})
				}
			})
		}
	}
}
