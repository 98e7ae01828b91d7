package sampler

import (
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// slopes are the orders between successive errors, when the number of steps doubles from one to the next.
func slopes(errors []float64) []float64 {
	var s []float64
	for k := 1; k < len(errors); k++ {
		s = append(s, math.Log2(errors[k-1]/errors[k]))
	}
	return s
}

// The global error against the flow of the mixture, which is known: it keeps the distribution function. The measured
// order may be off by an amount that halves with the step, as the next term of the error's expansion does.
func TestEachSolverHasItsOrder(t *testing.T) {
	solvers := []struct {
		Solver
		order float64
	}{
		{Euler, 1}, {Heun, 2}, {Midpoint, 2}, {RK4, 4}, {DDIM, 1},
		// A tableau of one's own: Kutta's third-order method (1901).
		{Solver{Name: "kutta3", Tableau: Tableau{A: [][]float64{{}, {0.5}, {-1, 2}}, B: []float64{1. / 6, 2. / 3, 1. / 6}, C: []float64{0, 0.5, 1}}}, 3},
	}
	for _, c := range []struct {
		path, prediction string
		from, to         float64
	}{
		{"condot", "velocity", 0, 1},
		{"condot", "data", 0, 0.9},
		{"condot", "noise", 0.1, 1},
		{"cosine", "v", 0, 1},
		{"vp(0.1,10)", "score", 0.1, 0.9},
		{"alpha=t; beta=sqrt(1-t)", "noise", 0.1, 0.9},
		{"ve(0.05,5)", "data", 0.2, 1},
	} {
		for _, solver := range solvers {
			t.Run(c.path+" "+c.prediction+" "+solver.Name, func(t *testing.T) {
				model := Model{Path: mustPath(t, c.path), Prediction: predictions[c.prediction]}
				start := []float64{-1.7, -0.4, 0.2, 1.1}
				var errors []float64
				for _, n := range []int{40, 80, 160, 320} {
					plan := mustPlan(t, model, Settings{Solver: solver.Solver, Steps: n, From: &c.from, To: &c.to, Last: "none"})
					worst := 0.0
					for i, x := range walk64(plan, triple, model, start, nil) {
						worst = max(worst, math.Abs(x-flow(triple, model.Path, start[i], c.from, c.to)))
					}
					errors = append(errors, worst)
				}
				found := slopes(errors)
				require.InDelta(t, solver.order, found[2], 0.12*solver.order, "orders %.3f of errors %.3g", found, errors)
				require.Less(t, errors[3], 0.05)
			})
		}
	}
}

// The slopes of a table jump at its trained steps. Each step takes them as they are inside it, and methods that look back take none that
// jump, so that walks which stop at the trained steps keep their order, in both directions. DEIS goes by polynomials in t itself, in which
// the noise has kinks there.
func TestTheJumpsOfATableDoNotCostTheOrder(t *testing.T) {
	model := Model{Path: mustPath(t, "alpha_bars=[0.99,0.97,0.93,0.85,0.74,0.6,0.44,0.28,0.15,0.06]"), Prediction: schedule.Noise}
	for _, way := range [][2]float64{{0, 0.9}, {0.9, 0}} {
		for _, s := range Solvers() {
			for order, want := range asked(s) {
				if s.Name == "deis" {
					want = min(want, 2)
				}
				steps := []int{36, 72, 144, 288}
				if s.step == nil && want >= 5 {
					steps = []int{9, 18, 36, 72}
				}
				errors := errorsOf(t, model, ode(s, order), way[0], way[1], steps, func(n int) schedule.List {
					return eased(spacings["uniform"](t, model.Path, way[0], way[1], n))
				})
				if !reaches(errors, want) {
					t.Errorf("%s, order %d (%v), %v: orders %.3f of errors %.3g", s.Name, order, want, way, slopes(errors), errors)
				}
			}
		}
	}
}

// A multistep method of any order begins with a step of order 1, whose error stays: what it costs is the square of that one step.
func TestAFirstStepOfOrderOneLeavesTheSquareOfItself(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	for _, s := range []Solver{AdamsBashforth, ExponentialAdams, DEIS, LMS} {
		errors := errorsOf(t, model, Settings{Solver: s, Order: 4}, 0.1, 0.9, []int{80, 160, 320}, func(n int) schedule.List {
			return spacings["uniform"](t, model.Path, 0.1, 0.9, n)
		})
		require.InDelta(t, 2, slopes(errors)[1], 0.2, "%s: errors %.3g", s.Name, errors)
	}
}

// A stage whose velocity does not exist is stepped around, so that the walk to clean data keeps an order: the last step's
// own error is of one order more than the walk's.
func TestSteppingAroundTheEndCostsAtMostTheStandInsOrder(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Data}
	for solver, order := range map[string]float64{"heun": 2, "midpoint": 2, "rk4": 3} {
		s, err := SolverByName(solver)
		require.NoError(t, err)
		var errors []float64
		for _, n := range []int{80, 160, 320, 640} {
			x := walk64(mustPlan(t, model, Settings{Solver: s, Steps: n}), triple, model, []float64{0.3}, nil)
			errors = append(errors, math.Abs(x[0]-flow(triple, model.Path, 0.3, 0, 1)))
		}
		require.Greater(t, slopes(errors)[2], order-0.25, "%s: orders %.3f of errors %.3g", solver, slopes(errors), errors)
	}
}

// On a Gaussian the flow is linear: x - alpha m scales with the standard deviation of the path.
func TestAGaussianIsCarriedByItsStandardDeviation(t *testing.T) {
	g := gaussian(0.7, 0.5)
	for _, path := range []string{"condot", "cosine", "polynomial(2)"} {
		model := Model{Path: mustPath(t, path), Prediction: schedule.Velocity}
		plan := mustPlan(t, model, Settings{Solver: RK4, Steps: 200})
		x := walk64(plan, g, model, []float64{-2, 0, 1}, nil)
		require.InDeltaSlice(t, []float64{0.7 - 2*0.5, 0.7, 0.7 + 0.5}, x, 1e-6, path)
	}
}

// Walking back from data to noise and forth again is the identity up to the solver's error.
func TestTheOdeCanBeWalkedBackwards(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	back := mustPlan(t, model, Settings{Solver: RK4, Steps: 200, From: ptr(1.0), To: ptr(0.0)})
	forth := mustPlan(t, model, Settings{Solver: RK4, Steps: 200})
	start := []float64{-1, 0.3, 1.4}
	noise := walk64(back, triple, model, start, nil)
	for i, x := range noise {
		require.InDelta(t, flow(triple, model.Path, start[i], 1, 0), x, 1e-6)
	}
	require.InDeltaSlice(t, start, walk64(forth, triple, model, noise, nil), 1e-6)
}

// What is predicted changes the table and not the walk: every solver on every kind of path, by every prediction.
func TestEveryPredictionWalksTheSameWay(t *testing.T) {
	for _, path := range []string{
		"condot", "cosine", "polynomial(2)", "vp(0.1,10)", "ve(0.05,5)", "edm(0.01,20,7)", "alpha=t; beta=sqrt(1-t)", "alpha=sin(pi*t/2); beta=1-t",
		"betas=linear(1e-4,0.02); count=1000", "betas=cosine; count=200", "alpha_bars=[0.99,0.97,0.93,0.85,0.74,0.6,0.44,0.28,0.15,0.06]",
	} {
		all := maps.Clone(predictions)
		var err error
		all["reverse velocity"] = schedule.ReverseVelocity
		all["custom"], err = schedule.NewPrediction("1-t/2", "t-2", mustPath(t, path))
		require.NoError(t, err)
		for _, solver := range Solvers() {
			var first []float64
			for name, prediction := range all {
				model := Model{Path: mustPath(t, path), Prediction: prediction}
				if _, ok := model.Path.(*schedule.Discrete); ok && strings.Contains(name, "velocity") {
					continue // its velocity jumps at the trained steps: which one a network means there nobody knows
				}
				plan := mustPlan(t, model, Settings{Solver: solver, Steps: 20, From: ptr(0.1), To: ptr(0.9), Last: "none", Grid: schedule.Uniform})
				x := walk64(plan, triple, model, []float64{-0.5, 1.1}, func(int) []float64 { return []float64{0.3, -0.8} })
				if first == nil {
					first = x
				}
				require.InDeltaSlice(t, first, x, 1e-9, "%s %s %s", path, solver.Name, name)
			}
		}
	}
}

// From the start that the path has to the end that it has, by every solver of the ODE, on every path and by every prediction: the data's
// quantiles are met as closely as so few steps allow.
func TestEverySolverComesFromNoiseToDataOnEveryPath(t *testing.T) {
	for _, path := range []string{
		"condot", "cosine", "polynomial(2)", "vp(0.1,20)", "ve(0.02,50)", "edm(0.002,80,7)", "alpha=t; beta=sqrt(1-t)",
		"betas=linear(1e-4,0.02); count=1000", "betas=cosine; count=200",
	} {
		for name, prediction := range predictions {
			model := Model{Path: mustPath(t, path), Prediction: prediction}
			if _, ok := model.Path.(*schedule.Discrete); ok && name == "velocity" {
				continue
			}
			for _, solver := range Solvers() {
				if len(solver.About().Orders) == 0 && solver.highest == 0 {
					continue // noise of its own
				}
				if solver.Name == "pndm" && path == "betas=cosine; count=200" {
					continue // its first steps weigh four slopes as if the noise level, which falls there by hundreds, were steady
				}
				set := ode(solver, 0)
				if set.Steps = 80; solver.About().Orders != nil && solver.About().Orders[0] == 1 && solver.highest == 0 {
					set.Steps = 199
				}
				plan := mustPlan(t, model, set)
				var start []float64
				for _, u := range []float64{0.03, 0.2, 0.4, 0.7, 0.95} {
					start = append(start, quantile(triple, u, model.Path.At(plan.From)))
				}
				end := model.Path.At(plan.To)
				for i, x := range walk64(plan, triple, model, start, nil) {
					want := flow(triple, model.Path, start[i], plan.From, plan.To)
					if !(math.Abs(want-x) < 0.12+3*end.Beta) { // denoised: within the noise that was left
						t.Errorf("%s %s %s: from %v to %v, expected %v", path, name, solver.Name, start[i], x, want)
					}
				}
			}
		}
	}
}
