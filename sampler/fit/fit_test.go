package fit

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
	"odeon/schedule"
)

// exact is the field of data that are normal around a mean, of standard deviation std in each element, or that are so around the mean
// and around minus the mean, equally often: E[z | x], for x = alpha z + beta eps.
type exact struct {
	path      schedule.Path
	mean, std float64
	both      bool
}

func (e exact) data(x, t float64) float64 {
	p := e.path.At(t)
	variance := p.Alpha*p.Alpha*e.std*e.std + p.Beta*p.Beta
	gain := p.Alpha * e.std * e.std / variance
	mean := e.mean
	if e.both {
		mean *= math.Tanh(p.Alpha * e.mean * x / variance)
	}
	return mean + gain*(x-p.Alpha*mean)
}

// problem is the field as a network that predicts p.
func (e exact) problem(p schedule.Prediction) Problem {
	return Problem{
		Model: sampler.Model{Path: e.path, Prediction: p},
		Network: sampler.Func(func(dst, x []float32, at sampler.At) {
			c, err := schedule.Convert(e.path, schedule.Data, p, at.T)
			if err != nil {
				c.P = math.NaN() // at an end, where some solvers would ask for it
			}
			for i, v := range x {
				dst[i] = float32(c.X*float64(v) + c.P*e.data(float64(v), at.T))
			}
		}),
		Noise: sampler.Philox{Seed: 5}, Dim: 3,
	}
}

func mustPath(t *testing.T, text string) schedule.Path {
	t.Helper()
	p, err := schedule.ParsePath(text)
	require.NoError(t, err)
	return p
}

func mustFit(t *testing.T, p Problem, s Settings) *Result {
	t.Helper()
	r, err := Fit(t.Context(), p, s)
	require.NoError(t, err)
	require.Equal(t, s.Calls, r.Plan.Calls())
	return r
}

// The flow of a normal distribution is linear, so that one call says where a sample ends:
//
//	x_1 = mean + std (x_0 - alpha_0 mean)/std_0,   std_t^2 = alpha_t^2 std^2 + beta_t^2.
func TestOneCallIsExactOnANormalDistribution(t *testing.T) {
	for _, path := range []string{"condot", "cosine", "polynomial(2)"} {
		t.Run(path, func(t *testing.T) {
			e := exact{path: mustPath(t, path), mean: 1.5, std: 0.4}
			p := e.problem(schedule.Data)
			last := math.Inf(1)
			for _, steps := range []int{50, 200, 800} {
				r := mustFit(t, p, Settings{Calls: 1, Samples: 20, Fine: steps})
				require.Less(t, r.Held.RMS, 2e-6, "the fine walk's map is linear too, and samples that were not fitted end where it takes them")

				start, err := p.run(t.Context(), &sampler.Plan{Start: r.Plan.Start, Steps: 1, Rows: []sampler.Row{{A: 1, Ends: true}}}, nil, 100, 50)
				require.NoError(t, err)
				end, err := p.run(t.Context(), r.Plan, p.Network, 100, 50)
				require.NoError(t, err)
				from, most := e.path.At(r.Plan.From), 0.0
				for i, x := range start {
					want := e.mean + e.std*(float64(x)-from.Alpha*e.mean)/math.Hypot(from.Alpha*e.std, from.Beta)
					most = max(most, math.Abs(float64(end[i])-want))
				}
				require.Less(t, most, last/5, "as close as the fine walk of %d steps", steps)
				last = most
			}
		})
	}
}

// With the times fixed, a row that follows polynomials of degree k from k+1 slopes has one choice, which is Adams and Bashforth's.
func TestARowOnPolynomialFieldsIsAdamsBashforth(t *testing.T) {
	times := []float64{0, 0.2, 0.5, 0.7, 1}
	for order := 1; order <= 4; order++ {
		solver, err := sampler.SolverByName("ab")
		require.NoError(t, err)
		plan, err := sampler.NewPlan(sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Velocity},
			sampler.Settings{Solver: solver, Order: order, Grid: schedule.List(times)})
		require.NoError(t, err)
		want := plan.Rows[len(plan.Rows)-1]

		// Random polynomials through random states: x(t) = x_0 + sum_i c_i t^(i+1)/(i+1), slopes sum_i c_i t^i.
		const n = 200
		random := make([]float64, (order+1)*n)
		require.NoError(t, sampler.Philox{}.Uniforms(random, 0, 1, 0))
		for i := range random {
			random[i] = 2*random[i] - 1
		}
		state := func(t float64, k int) float64 {
			x := random[k]
			for i := range order {
				x += random[(i+1)*n+k] * math.Pow(t, float64(i+1)) / float64(i+1)
			}
			return x
		}
		slope := func(t float64, k int) (u float64) {
			for i := range order {
				u += random[(i+1)*n+k] * math.Pow(t, float64(i))
			}
			return u
		}
		now := len(times) - 2
		basis, target := make([][]float64, order+1), make([]float32, n)
		for j := range basis {
			basis[j] = make([]float64, n)
		}
		for k := range n {
			basis[0][k], target[k] = state(times[now], k), float32(state(times[now+1], k))
			for j := range order {
				basis[j+1][k] = slope(times[now-j], k)
			}
		}
		// Each fit is held to the one before it, so that the hold fades (Tikhonov's iteration).
		got := make([]float64, order+1)
		for range 1000 {
			got = leastSquares(basis, got, target)
		}
		require.InDelta(t, want.A, got[0], 1e-4)
		require.InDeltaSlice(t, want.B, got[1:], 1e-4)
	}
}

func TestFittedPlansAreCloserThanAnySolverOfAsManyCalls(t *testing.T) {
	for _, c := range []struct {
		name, path string
		prediction schedule.Prediction
		integer    bool
	}{
		{"straight", "condot", schedule.Velocity, false},
		{"cosine", "cosine", schedule.V, false},
		{"diffusion", "vp(0.1,20)", schedule.Noise, false},
		{"variance exploding", "ve(0.02,50)", schedule.Score, false},
		{"preconditioned", "edm(0.002,80,7)", schedule.Data, false},
		{"trained steps", "betas=linear(1e-4,0.02); count=1000", schedule.Noise, true},
		{"few trained steps", "betas=linear(1e-5,1e-2); count=50", schedule.V, false},
		{"score", "condot", schedule.Score, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := exact{path: mustPath(t, c.path), mean: 1, std: 0.2, both: true}.problem(c.prediction)
			p.Model.Integer = c.integer
			for _, calls := range []int{2, 3, 5, 8} {
				r := mustFit(t, p, Settings{Calls: calls, Samples: 200, Fine: 200})
				require.GreaterOrEqual(t, len(r.Others), 5)
				require.True(t, slices.IsSortedFunc(r.Others, func(a, b Comparison) int { return int(math.Copysign(1, a.Mean-b.Mean)) }))
				require.Less(t, r.Held.Mean, r.Others[0].Mean/3, "%d calls, beside %v", calls, r.Others[0])
			}
		})
	}
}

func TestFitsAreTheSameAgain(t *testing.T) {
	p := exact{path: schedule.CondOT(), mean: 1, std: 0.2, both: true}.problem(schedule.Velocity)
	s := Settings{Calls: 4, Samples: 50, Fine: 60}
	a, b := mustFit(t, p, s), mustFit(t, p, s)
	require.Equal(t, a, b)
	p.Noise = sampler.Philox{Seed: 6}
	require.NotEqual(t, a.Plan, mustFit(t, p, s).Plan)
}

func TestAFittedPlanComesBackFromItsFile(t *testing.T) {
	p := exact{path: schedule.CondOT(), mean: 1, std: 0.2, both: true}.problem(schedule.Velocity)
	plan := mustFit(t, p, Settings{Calls: 3, Samples: 20, Fine: 40}).Plan
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	read, err := sampler.ReadPlan(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, plan, read)
	require.NoError(t, read.Suits(p.Model))
	grid, err := schedule.ParseGrid(read.Grid)
	require.NoError(t, err)
	require.Equal(t, []float64{plan.Rows[0].T, plan.Rows[1].T, plan.Rows[2].T, 1}, []float64(grid.(schedule.List)))
}

// A network that takes integers is called at the trained steps alone, and one that does not, between them too; none is called past the cleanest.
func TestNetworksAreCalledWhereTheyWereTrained(t *testing.T) {
	for _, integer := range []bool{true, false} {
		p := exact{path: mustPath(t, "betas=linear(1e-3,0.2); count=20"), mean: 1, std: 0.2, both: true}.problem(schedule.Noise)
		p.Model.Integer = integer
		whole := true
		for calls := 1; calls <= 20; calls++ {
			last := math.Inf(1)
			for _, row := range mustFit(t, p, Settings{Calls: calls, Samples: 20, Effort: 60}).Plan.Rows {
				require.GreaterOrEqual(t, row.Input, 0.0)
				require.LessOrEqual(t, row.Input, 19.0)
				require.Less(t, row.Input, last)
				last = row.Input
				whole = whole && row.Input == math.Trunc(row.Input)
			}
		}
		require.Equal(t, integer, whole)
	}
}

func TestAFitBeginsAndEndsWhereTheWalkDoes(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	index := schedule.Index(3)
	for _, c := range []struct {
		name, path string
		prediction schedule.Prediction
		walk       sampler.Settings
		from, to   float64
	}{
		{"all of it", "condot", schedule.Velocity, sampler.Settings{}, 0, 1},
		{"a part", "condot", schedule.Velocity, sampler.Settings{From: number(0.1), To: number(0.7)}, 0.1, 0.7},
		{"to the data prediction", "condot", schedule.Velocity, sampler.Settings{To: number(0.7), Last: "denoise"}, 0, 1},
		{"where the noise tells no data", "condot", schedule.Noise, sampler.Settings{}, 0.01, 1},
		{"to an index", "betas=linear(1e-3,0.2); count=20", schedule.Noise, sampler.Settings{EndIndex: &index}, 0, 0.8},
		{"with noise left", "ve(0.02,5)", schedule.Noise, sampler.Settings{Last: "none"}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := exact{path: mustPath(t, c.path), mean: 1, std: 0.2, both: true}.problem(c.prediction)
			r := mustFit(t, p, Settings{Calls: 3, Samples: 100, Fine: 100, Walk: c.walk})
			require.Equal(t, []float64{c.from, c.to}, []float64{r.Plan.From, r.Plan.To})
			require.Equal(t, c.from, r.Plan.Rows[0].T)
			require.Equal(t, c.to, r.Plan.Rows[2].Next)
			require.Less(t, r.Held.Mean, r.Others[0].Mean)
		})
	}
}

// Clipping is a part of the field: the plan is written in the clipped data prediction, and fitted under it.
func TestAFitUnderClipping(t *testing.T) {
	p := exact{path: schedule.CondOT(), mean: 1, std: 0.3, both: true}.problem(schedule.Velocity)
	r := mustFit(t, p, Settings{Calls: 4, Samples: 100, Fine: 100, Walk: sampler.Settings{Clip: &[2]float64{-1, 1}}})
	require.Equal(t, &[2]float64{-1, 1}, r.Plan.Clip)
	r = mustFit(t, p, Settings{Calls: 4, Samples: 100, Fine: 100, Walk: sampler.Settings{Threshold: &sampler.Threshold{Ratio: 0.9}}})
	require.Equal(t, &sampler.Threshold{Ratio: 0.9}, r.Plan.Threshold)
	require.Equal(t, r.Plan.Threshold, r.Fine.Threshold)
	require.Less(t, r.Held.Mean, r.Others[0].Mean/3)
}

// At the start of a walk the data prediction is the data's mean. Where that is zero but for rounding, no coefficient of it means anything.
func TestTheRoundingOfAZeroIsNotMultiplied(t *testing.T) {
	p := exact{path: schedule.CondOT(), mean: 1, std: 0.2, both: true}.problem(schedule.Velocity)
	for _, row := range mustFit(t, p, Settings{Calls: 5, Samples: 200, Fine: 200}).Plan.Rows {
		require.Less(t, math.Abs(row.B[len(row.B)-1]), 5.0)
	}
}

func TestTheCostOfAFitIsKnownBeforehand(t *testing.T) {
	p := exact{path: schedule.CondOT(), mean: 1, std: 0.2, both: true}.problem(schedule.Velocity)
	net, evaluated := p.Network, int64(0)
	p.Network = sampler.Func(func(dst, x []float32, at sampler.At) {
		evaluated += int64(len(x) / p.Dim)
		_ = net.Predict(context.Background(), dst, x, at)
	})
	for _, calls := range []int{1, 4, 12, 30} {
		s := Settings{Calls: calls, Samples: 30, Held: 10, Fine: 60, Effort: 400}
		cost, err := CostOf(p, s)
		require.NoError(t, err)
		evaluated = 0
		mustFit(t, p, s)
		require.Less(t, float64(evaluated), 1.5*float64(cost.Calls), "%d calls", calls)
		require.Greater(t, cost.Memory, 4*30*3*60.0)
	}
}

func TestWhatCannotBeFittedIsSaid(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	sigma, err := schedule.ParseDiffusion("1-t")
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		s    Settings
		want string
	}{
		{"nothing", Settings{}, "found 0 network calls, expected 1 to 128"},
		{"too many calls", Settings{Calls: 129}, "found 129 network calls"},
		{"more than the fine walk's", Settings{Calls: 9, Fine: 8}, "the fine walk from t=0 to t=1 has only 8: fit fewer calls, or take more fine steps"},
		{"negative", Settings{Calls: 2, Samples: -1}, "not below 0"},
		{"a solver", Settings{Calls: 2, Walk: sampler.Settings{Solver: sampler.Heun, Steps: 3}}, "leave solver and steps out"},
		{"a start", Settings{Calls: 2, Walk: sampler.Settings{Start: new(float64), Boundary: 3}}, "leave boundary and start out"},
		{"an SDE", Settings{Calls: 2, Walk: sampler.Settings{Sigma: sigma}}, "walks along the ODE, without noise"},
		{"noise", Settings{Calls: 2, Walk: sampler.Settings{Eta: number(1)}}, "walks along the ODE, without noise"},
		{"given data", Settings{Calls: 2, Walk: sampler.Settings{Strength: 0.5}}, "goes from noise to data, once"},
		{"to noise", Settings{Calls: 2, Walk: sampler.Settings{From: number(0.9), To: number(0.1)}}, "goes from noise to data, and this walk from t=0.9 to t=0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Fit(t.Context(), exact{path: schedule.CondOT(), std: 1}.problem(schedule.Velocity), c.s)
			require.ErrorContains(t, err, c.want)
		})
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Fit(ctx, exact{path: schedule.CondOT(), std: 1}.problem(schedule.Velocity), Settings{Calls: 2})
	require.ErrorIs(t, err, context.Canceled)
}
