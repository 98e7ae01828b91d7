package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// spacing are n+1 times from one to another.
type spacing func(t *testing.T, path schedule.Path, from, to float64, n int) []float64

// spacings are even, uneven in ways that are smooth, and uneven in ways that are not.
var spacings = map[string]spacing{
	"uniform": named("uniform"), "karras": named("karras(7)"), "logsnr": named("logsnr"),
	"zigzag": warped(func(u float64, i, n int) float64 { // steps long and short in turn, and longer towards the middle
		return u + 0.1*math.Sin(2*math.Pi*u)/math.Pi + 0.2*float64(i%2)/float64(n)
	}),
	"random": func(_ *testing.T, _ schedule.Path, from, to float64, n int) []float64 {
		random := rand.New(rand.NewPCG(7, uint64(n)))
		return warped(func(u float64, _, n int) float64 { return u + 0.6*(random.Float64()-0.5)/float64(n) })(nil, nil, from, to, n)
	},
}

func named(grid string) spacing {
	return func(t *testing.T, path schedule.Path, from, to float64, n int) []float64 {
		times, err := mustGrid(t, grid).Times(path, from, to, n)
		require.NoError(t, err)
		return times
	}
}

func warped(at func(u float64, i, n int) float64) spacing {
	return func(_ *testing.T, _ schedule.Path, from, to float64, n int) []float64 {
		times := []float64{from}
		for i := 1; i < n; i++ {
			times = append(times, from+(to-from)*at(float64(i)/float64(n), i, n))
		}
		return append(times, to)
	}
}

// eased makes of the first step a dozen that double, so that the low order in which multistep methods begin does not show: a first step
// of order 1 alone costs h^2, whatever follows.
func eased(times []float64) schedule.List {
	list := schedule.List{times[0]}
	for k := 14; k > 0; k-- {
		list = append(list, times[0]+(times[1]-times[0])*math.Pow(2, -float64(k)))
	}
	return append(list, times[1:]...)
}

// errorsOf are a solver's errors against the mixture's flow, for numbers of steps that double.
func errorsOf(t *testing.T, model Model, s Settings, from, to float64, steps []int, grid func(n int) schedule.List) []float64 {
	t.Helper()
	start := []float64{-1.7, 0.2, 1.1}
	var want, errors []float64
	for _, x := range start {
		want = append(want, flow(triple, model.Path, x, from, to))
	}
	for _, n := range steps {
		s.Grid, s.Last = grid(n), "none"
		worst := 0.0
		for i, x := range walk64(mustPlan(t, model, s), triple, model, start, nil) {
			worst = max(worst, math.Abs(x-want[i]))
		}
		errors = append(errors, worst)
	}
	return errors
}

// reaches says whether errors fall with the order, as far as they are above rounding, at the finest grids or over all of them: what is
// measured may be a little below it for the next term of the error's expansion, and on a random grid for the luck of its steps.
func reaches(errors []float64, order float64) bool {
	last := len(errors) - 1
	for last > 1 && errors[last] < 1e-10 {
		last--
	}
	return math.Log2(errors[last-1]/errors[last]) > 0.85*order || math.Log2(errors[0]/errors[last])/float64(last) > 0.85*order
}

// asked are the orders that a solver can be asked for, 0 where it has one, and those of its error.
func asked(s Solver) map[int]float64 {
	orders := map[int]float64{}
	for p, want := range s.About().Orders {
		if s.highest == 0 {
			orders[0] = float64(want)
		} else {
			orders[p+1] = float64(want)
		}
	}
	return orders
}

// ode are the settings that make the solver's walk one of the ODE.
func ode(s Solver, order int) Settings {
	set := Settings{Solver: s, Order: order}
	if s.hasEta() {
		set.Eta = ptr(0.0)
	}
	return set
}

// Each solver has the order that it says, at each order that it can be asked for, on grids that are even or not.
func TestEverySolverHasItsOrderOnEveryGrid(t *testing.T) {
	for _, c := range []struct {
		path, prediction string
		from, to         float64
	}{
		{"condot", "velocity", 0.1, 0.9},
		{"condot", "noise", 0.9, 0.1}, // data to noise
		{"vp(0.1,10)", "noise", 0.15, 0.9},
		{"ve(0.05,5)", "data", 0.2, 0.95},
		{"cosine", "v", 0.1, 0.9},
	} {
		for name, grid := range spacings {
			t.Run(fmt.Sprintf("%s %v %s", c.path, c.from, name), func(t *testing.T) {
				t.Parallel()
				model := Model{Path: mustPath(t, c.path), Prediction: predictions[c.prediction]}
				for _, s := range Solvers() {
					for order, want := range asked(s) {
						steps := []int{80, 160, 320}
						if want >= 3 {
							steps = []int{40, 80, 160, 320}
						}
						if s.step == nil && want >= 5 { // or nothing is left but rounding
							steps = []int{6, 12, 24, 48}
						}
						errors := errorsOf(t, model, ode(s, order), c.from, c.to, steps, func(n int) schedule.List {
							return eased(grid(t, model.Path, c.from, c.to, n))
						})
						if !reaches(errors, want) {
							t.Errorf("%s, order %d (%v): orders %.3f of errors %.3g", s.Name, order, want, slopes(errors), errors)
						}
					}
				}
			})
		}
	}
}
