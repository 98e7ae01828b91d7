package sampler

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// pull is a network that costs nothing and mixes no samples.
var pull = Func(func(dst, x []float32, at At) {
	for i, v := range x {
		dst[i] = float32(at.T) - v
	}
})

// The loop in float32 is the table in float64, up to float32's rounding.
func TestRunFollowsTheTable(t *testing.T) {
	const n = 700 // more than a tile of elements with two a sample
	for name, s := range map[string]Settings{
		"euler":          {Solver: Euler},
		"euler-maruyama": {Sigma: mustSigma(t, "1.5*(1-t)")},
		"heun":           {Solver: Heun},
		"rk4":            {Solver: RK4},
		"ddpm":           {Solver: DDPM},
		"clipped":        {Solver: Heun, Clip: &[2]float64{-0.5, 0.5}},
	} {
		for _, prediction := range predictions {
			model := Model{Path: schedule.CondOT(), Prediction: prediction}
			s.Steps, s.From, s.To = 20, ptr(0.1), ptr(0.9)
			plan := mustPlan(t, model, s)
			noise := Philox{Seed: 7}
			x := NewState(make([]float32, 2*n), n, 5)
			require.NoError(t, x.Draw(plan, noise))
			want := make([]float64, len(x.X))
			for i, v := range x.X {
				want[i] = float64(v)
			}
			want = walk64(plan, triple, model, want, func(draw int) []float64 {
				xi := make([]float32, len(x.X))
				require.NoError(t, noise.Normals(xi, 5, n, draw))
				return float64s(xi)
			})
			require.NoError(t, Run(t.Context(), plan, Clip(perfect(triple, model), plan), x, noise, nil))
			require.InDeltaSlice(t, want, float64s(x.X), 2e-5, "%s %s", name, prediction)
		}
	}
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// Sums of any number of terms are those of the rounded products, from left to right.
func TestCombineRoundsEveryProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fill := func() []float32 {
		v := make([]float32, 2*tile+3)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	for terms := range 7 {
		x := &State{X: fill(), base: fill(), xi: fill(), preds: [][]float32{fill(), fill(), fill(), fill()}, N: 1, head: 2}
		row := Row{A: 1.1}
		want := make([]float32, len(x.X))
		addends := []term{{1.1, x.X}, {-0.3, x.base}, {0.7, x.preds[2]}, {-1.7, x.preds[3]}, {0.2, x.preds[0]}, {0.9, x.xi}}
		if terms == 0 {
			row.A = 0
		}
		if terms > 1 {
			row.A0 = -0.3
		}
		row.B = []float64{0.7, -1.7, 0.2}[:min(max(terms-2, 0), 3)]
		if terms > 5 {
			row.C = 0.9
		}
		for i := range want {
			for _, a := range addends[:terms] {
				product := a.c * a.v[i]
				want[i] += product
			}
		}
		require.True(t, x.combine(&row))
		require.Equal(t, want, x.X, "%d terms", terms)
	}
}

func TestStepsAllocateNothing(t *testing.T) {
	for name, s := range map[string]Settings{
		"euler":          {},
		"euler-maruyama": {Sigma: mustSigma(t, "1.5*(1-t)")},
		"rk4":            {Solver: RK4},
		"ddpm, clipped":  {Solver: DDPM, Clip: &[2]float64{-1, 1}},
	} {
		s.Steps = 40
		plan := mustPlan(t, condot, s)
		net := Clip(Guide(FuncPair{pull, pull}, Guidance{Weight: 3}), plan)
		x := NewState(make([]float32, 300), 100, 0)
		obs := ObserverFunc(func(*Row, []float32) {})
		var noise Noise = Philox{Seed: 1}
		walk := func() { require.NoError(t, Run(context.Background(), plan, net, x, noise, obs)) }
		walk()
		require.Zero(t, testing.AllocsPerRun(10, walk), name)
	}
}

func TestGuidedStepsAllocateNothing(t *testing.T) {
	table := Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=100"), Prediction: schedule.Noise}
	for _, model := range []Model{condot, table} {
		weak := Model{Path: model.Path, Prediction: schedule.V, Time: formula(model.Path, "1-t")}
		both := Autoguided(pull, model, pull, weak)
		for _, g := range []Guidance{
			{Formula: formula(model.Path, "2+t")}, {Weight: 3, Rescale: 0.5}, {Weight: 3, Form: ZeroStar{2}}, {Weight: 3, Form: Perpendicular{0, 1, -0.5}},
		} {
			g.Model, g.Dim = model, 3
			plan := mustPlan(t, model, Settings{Steps: 40, From: ptr(0.01), To: ptr(0.98)})
			net := Guide(both, g)
			x := NewState(make([]float32, 300), 100, 0)
			walk := func() { require.NoError(t, Run(context.Background(), plan, net, x, nil, nil)) }
			walk()
			require.Zero(t, testing.AllocsPerRun(10, walk), g.String())
		}
	}
}

// Euler on an ODE holds the state and one prediction, guided one more; nothing else of that size.
func TestEulerHoldsOnePrediction(t *testing.T) {
	plan := mustPlan(t, condot, Settings{Steps: 3})
	x := NewState(make([]float32, 1000), 10, 0)
	require.NoError(t, Run(t.Context(), plan, pull, x, nil, nil))
	require.Len(t, x.preds, 1)
	require.Nil(t, x.base)
	require.Nil(t, x.xi)
	require.Equal(t, 1, mustPlan(t, condot, Settings{Steps: 3, Sigma: mustSigma(t, "1")}).history())
	require.Equal(t, 1, mustPlan(t, condot, Settings{Steps: 3, Solver: Midpoint}).history())
	require.Equal(t, 4, mustPlan(t, condot, Settings{Steps: 3, Solver: RK4}).history())
}

func TestTheObserverSeesEverySolverStep(t *testing.T) {
	plan := mustPlan(t, condot, Settings{Steps: 5, Solver: RK4})
	x := NewState([]float32{1, 2, 3}, 3, 0)
	var times []float64
	require.NoError(t, Run(t.Context(), plan, pull, x, nil, ObserverFunc(func(row *Row, seen []float32) {
		times = append(times, row.Next)
		require.Equal(t, x.X, seen)
	})))
	require.InDeltaSlice(t, []float64{0.2, 0.4, 0.6, 0.8, 1}, times, 1e-15)
}

func TestANonFiniteStateStopsTheWalkAndIsNamed(t *testing.T) {
	plan := mustPlan(t, condot, Settings{Steps: 10})
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		spoiled := Func(func(dst, x []float32, at At) {
			pull(dst, x, at)
			if at.Step == 4 {
				dst[3] = bad // the second element of the second sample
			}
		})
		x := NewState(make([]float32, 6), 3, 20)
		err := Run(t.Context(), plan, spoiled, x, nil, nil)
		var found *NonFiniteError
		require.ErrorAs(t, err, &found)
		require.Equal(t, &NonFiniteError{Step: 4, T: 0.4, Sample: 21, Prediction: true}, found)
		require.EqualError(t, err, "sample 21 is not finite after step 4 (t=0.4): the network returned a NaN or an infinity")

		// A clip does not hide it.
		clipping := mustPlan(t, condot, Settings{Steps: 10, Clip: &[2]float64{-1, 1}})
		x = NewState(make([]float32, 6), 3, 20)
		require.ErrorAs(t, Run(t.Context(), clipping, Clip(spoiled, clipping), x, nil, nil), &found)

		x = NewState(make([]float32, 6), 3, 20)
		x.AllowNonfinite = true
		require.NoError(t, Run(t.Context(), plan, spoiled, x, nil, nil))
		require.False(t, finite32(x.X[3:4]))
		require.True(t, finite32(x.X[:3]))

		x = NewState([]float32{0, 0, bad}, 3, 20)
		require.EqualError(t, Run(t.Context(), plan, pull, x, nil, nil),
			"sample 22 is not finite at the start (t=0): the given state or noise holds a NaN or an infinity")
	}
	x := NewState([]float32{math.MaxFloat32}, 1, 0)
	grow := Func(func(dst, x []float32, _ At) { copy(dst, x) })
	require.ErrorContains(t, Run(t.Context(), plan, grow, x, nil, nil), "after step 0 (t=0): the state outgrew float32")
	require.True(t, finite32([]float32{0, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}))
}

type failing struct{ err error }

func (f failing) Predict(context.Context, []float32, []float32, At) error { return f.err }

func TestErrorsNameTheStep(t *testing.T) {
	plan := mustPlan(t, condot, Settings{Steps: 10, From: ptr(0.5), Sigma: mustSigma(t, "1-t")})
	broken := errors.New("out of memory")
	x := NewState(make([]float32, 4), 2, 0)
	err := Run(t.Context(), plan, failing{broken}, x, Philox{}, nil)
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "step 0 (t=0.5): out of memory")

	require.EqualError(t, Run(t.Context(), plan, pull, x, nil, nil), "the plan (euler) draws noise, and there is no source of it")

	short, err := NewRecorded(make([]float32, 3*4), 3, 2, 2)
	require.NoError(t, err)
	require.ErrorContains(t, Run(t.Context(), plan, pull, x, short, nil), "step 3 (t=0.65): ")

	ctx, cancel := context.WithCancel(t.Context())
	err = Run(ctx, plan, pull, x, Philox{}, ObserverFunc(func(row *Row, _ []float32) {
		if row.Step == 6 {
			cancel()
		}
	}))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "step 7 ")
}

// A step that adds none leaves its row of the noise unused: draws are numbered by steps.
func TestDrawsAreNumberedBySteps(t *testing.T) {
	plan := mustPlan(t, condot, Settings{Steps: 4, Sigma: mustSigma(t, "abs(t-0.25)")})
	var draws []int
	for _, row := range plan.Rows {
		draws = append(draws, row.Draw)
	}
	require.Equal(t, []int{1, 0, 3, 4}, draws)
	require.Equal(t, 4, plan.Draws())

	data := []float32{10, 20, 30, 40}
	recorded, err := NewRecorded(data, 4, 1, 1)
	require.NoError(t, err)
	x := NewState([]float32{0}, 1, 0)
	zero := Func(func(dst, _ []float32, _ At) { clear(dst) })
	for i := range plan.Rows { // only the noise is left
		plan.Rows[i].A = 1
	}
	require.NoError(t, Run(t.Context(), plan, zero, x, recorded, nil))
	require.InDelta(t, 0.25*0.5*10+0.25*0.5*30+0.5*0.5*40, x.X[0], 1e-5)
}

func TestTheStartIsTheDrawTimesItsDeviation(t *testing.T) {
	plan := mustPlan(t, edm(t), Settings{Steps: 2})
	x, unit := NewState(make([]float32, 8), 4, 3), make([]float32, 8)
	require.NoError(t, x.Draw(plan, Philox{Seed: 9}))
	require.NoError(t, Philox{Seed: 9}.Normals(unit, 3, 4, 0))
	for i, v := range unit {
		require.Equal(t, float32(80)*v, x.X[i])
	}
	require.PanicsWithValue(t, "sampler: a state of 7 values cannot hold 2 samples", func() { NewState(make([]float32, 7), 2, 0) })
}

// Memory is the floor: a row of Euler reads two numbers and writes one.
func BenchmarkCombine(b *testing.B) {
	const size = 1 << 16
	x := &State{X: make([]float32, size), N: 1, base: make([]float32, size), xi: make([]float32, size)}
	for range 4 {
		x.preds = append(x.preds, make([]float32, size))
	}
	for name, row := range map[string]Row{
		"euler":          {A: 1, B: []float64{0.1}},
		"euler-maruyama": {A: 1, B: []float64{0.1}, C: 0.1},
		"rk4":            {A0: 1, B: []float64{0.1, 0.1, 0.1, 0.1}},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * size)
			for b.Loop() {
				x.combine(&row)
			}
		})
	}
}

// What a step costs beside its network.
func BenchmarkStepOfOneSample(b *testing.B) {
	plan := mustPlan(b, condot, Settings{Steps: 100})
	x := NewState(make([]float32, 2), 1, 0)
	zero := Func(func(dst, _ []float32, _ At) { clear(dst) })
	for b.Loop() {
		if err := Run(context.Background(), plan, zero, x, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/step")
}
