package sampler

import (
	"bytes"
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// both is a network that gives velocity and score in one call.
var both = Model{Path: schedule.CondOT(), Prediction: schedule.Velocity, Second: schedule.Score}

// perfectPair gives both of a model's predictions exactly, the first for all samples and then the second.
func perfectPair(m exact.Mixture, model Model) Func {
	first, second := perfect(m, model), perfect(m, Model{Path: model.Path, Prediction: model.Second})
	return func(dst, x []float32, at At) {
		first(dst[:len(x)], x, at)
		second(dst[len(x):], x, at)
	}
}

// Where one prediction tells the other, the second one's column is the conversion left undone: with q = X x + P p in its
// place, the row is that of a network with the first prediction alone.
func TestTheSDEWithTwoPredictionsIsThatByConversion(t *testing.T) {
	for _, c := range []struct {
		path, sigma string
		model       Model
		from, to    float64
	}{
		{"condot", "1.5*(1-t)", both, 0, 0.95},
		{"condot", "beta", both, 0.9, 0.1},
		{"alpha=t; beta=sqrt(1-t)", "beta", both, 0, 0.95},
		{"cosine", "0.7", Model{Prediction: schedule.Score, Second: schedule.Velocity}, 0.05, 0.95},
		{"vp(0.1,10)", "forward", Model{Prediction: schedule.Noise, Second: schedule.Score}, 0, 0.9},
		{"betas=linear(1e-4,0.02); count=1000", "0.5", both, 0.1, 0.9},
	} {
		model := c.model
		model.Path = mustPath(t, c.path)
		s := Settings{Solver: Euler, Steps: 20, Sigma: mustSigma(t, c.sigma), From: &c.from, To: &c.to, Last: "none"}
		two := mustPlan(t, model, s)
		require.Equal(t, model.Second.String(), two.Second)
		alone := model
		alone.Second = schedule.Prediction{}
		one := mustPlan(t, alone, s)
		require.Empty(t, one.Second)
		for i, row := range two.Rows {
			require.Len(t, row.S, 1)
			q, err := schedule.Convert(model.Path, model.Prediction, model.Second, row.T)
			require.NoError(t, err)
			scale := 1 + math.Abs(row.S[0]*q.X) + math.Abs(row.S[0]*q.P)
			require.InDelta(t, one.Rows[i].A, row.A+row.S[0]*q.X, 1e-12*scale, "%s, row %d", c.path, i)
			require.InDelta(t, one.Rows[i].B[0], row.B[0]+row.S[0]*q.P, 1e-12*scale, "%s, row %d", c.path, i)
			require.Equal(t, one.Rows[i].C, row.C)
			require.Equal(t, one.Rows[i].Draw, row.Draw)
		}

		noise := Philox{Seed: 3}
		x := NewState(make([]float32, 100), 100, 0)
		require.NoError(t, x.Draw(two, noise))
		start := float64s(x.X)
		xi := func(draw int) []float64 {
			v := make([]float32, len(x.X))
			require.NoError(t, noise.Normals(v, 0, x.N, draw))
			return float64s(v)
		}
		want := walk64(two, triple, model, start, xi)
		require.InDeltaSlice(t, walk64(one, triple, alone, start, xi), want, 1e-6, c.path)
		require.NoError(t, Run(t.Context(), two, perfectPair(triple, model), x, noise, nil))
		require.InDeltaSlice(t, want, float64s(x.X), 2e-5, c.path)
	}
}

// The second prediction is there at the ends of a path, where it cannot be had from the first: a walk starts in clean data,
// or in pure noise, and keeps its weak order of 1.
func TestTwoPredictionsStartWhereNoConversionExists(t *testing.T) {
	g := gaussian(0.7, 0.5)
	for _, c := range []struct {
		path, sigma   string
		first, second schedule.Prediction
		from, to      float64
	}{
		{"condot", "0.5", schedule.Velocity, schedule.Score, 1, 0},
		{"alpha=t; beta=sqrt(1-t)", "0.8", schedule.Score, schedule.Velocity, 0, 0.9},
		{"alpha=t; beta=sqrt(1-t)", "sqrt(1+beta)", schedule.Score, schedule.Velocity, 0, 0.9},
	} {
		model := Model{Path: mustPath(t, c.path), Prediction: c.first, Second: c.second}
		s := Settings{Sigma: mustSigma(t, c.sigma), From: &c.from, To: &c.to, Last: "none"}
		alone := model
		alone.Second = schedule.Prediction{}
		_, err := NewPlan(alone, s)
		require.ErrorAs(t, err, new(*schedule.ImpossibleError))

		mean, variance := g.Moments(model.Path.At(c.from))
		wantMean, wantVariance := g.Moments(model.Path.At(c.to))
		var errors []float64
		for _, n := range []int{100, 200, 400, 800} {
			s.Steps = n
			plan := mustPlan(t, model, s)
			require.Equal(t, c.from, plan.From)
			require.Zero(t, plan.Rows[0].A-1, "the state is not part of the slope")
			m, v := gaussianMoments(t, plan, g, model, mean, variance)
			errors = append(errors, math.Abs(m-wantMean)+math.Abs(v-wantVariance))
		}
		require.InDelta(t, 1, slopes(errors)[2], 0.1, "%v: orders %.3f of errors %.3g", c, slopes(errors), errors)
		require.Less(t, errors[3], 0.02, "%v", c)
	}
	// Left to choose, the walk begins at t = 0 and has nothing to warn of.
	plan := mustPlan(t, Model{Path: mustPath(t, "alpha=t; beta=sqrt(1-t)"), Prediction: schedule.Score, Second: schedule.Velocity},
		Settings{Sigma: mustSigma(t, "beta"), To: ptr(0.9)})
	require.Zero(t, plan.From)
	require.Empty(t, plan.Warnings)
}

// pairOf counts calls, and sees that there is room for both predictions.
type pairOf struct {
	t     *testing.T
	calls int
}

func (p *pairOf) Predict(_ context.Context, dst, x []float32, _ At) error {
	p.calls++
	require.Len(p.t, dst, 2*len(x))
	clear(dst)
	return nil
}

func TestOneCallAStepGivesBothPredictions(t *testing.T) {
	net := &pairOf{t: t}
	plan := mustPlan(t, both, Settings{Steps: 12, Sigma: mustSigma(t, "1-t")})
	require.NoError(t, Run(t.Context(), plan, net, NewState(make([]float32, 6), 3, 0), Philox{}, nil))
	require.Equal(t, 12, net.calls)
	require.Equal(t, 12, plan.Calls())
}

// Guidance is affine, and each of the two predictions is guided by itself.
func TestGuidanceGuidesBothPredictions(t *testing.T) {
	fill := func(p, q float32) Func {
		return func(dst, x []float32, _ At) {
			for i := range x {
				dst[i], dst[len(x)+i] = p, q
			}
		}
	}
	dst := make([]float32, 4)
	net := Guide(FuncPair{fill(3, 30), fill(1, 10)}, Guidance{Weight: 2})
	require.NoError(t, net.Predict(t.Context(), dst, make([]float32, 2), At{}))
	require.Equal(t, []float32{5, 5, 50, 50}, dst)
}

// A plan in which no row reads the second prediction is the plan of a network without one, which need not compute it.
func TestTheSecondPredictionIsLeftOutWhereNothingAsksForIt(t *testing.T) {
	alone := both
	alone.Second = schedule.Prediction{}
	for name, s := range map[string]Settings{
		"euler": {}, "heun": {Solver: Heun}, "rk4": {Solver: RK4}, "ddim": {Solver: DDIM}, "ddpm": {Solver: DDPM},
		"an SDE that clips": {Sigma: mustSigma(t, "1-t"), Clip: &[2]float64{-1, 1}},
	} {
		s.Steps = 9
		plan := mustPlan(t, both, s)
		require.Equal(t, mustPlan(t, alone, s), plan, name)
		require.Empty(t, plan.Second, name)
	}
}

// Stages look back on second predictions as they do on first ones.
func TestASolverReadsWhicheverPredictionItAsksFor(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Score, Second: schedule.Velocity}
	s := Settings{Solver: RK4, Steps: 5}
	plan, velocity := mustPlan(t, model, s), mustPlan(t, condot, s)
	for i, row := range plan.Rows {
		want := velocity.Rows[i]
		require.Equal(t, []float64{0}, row.B)
		require.Equal(t, [2]float64{want.A, want.A0}, [2]float64{row.A, row.A0})
		for j, b := range want.B {
			if j < len(row.S) {
				require.Equal(t, b, row.S[j])
			} else {
				require.Zero(t, b)
			}
		}
	}
	require.Equal(t, 4, plan.history())

	x, y := NewState([]float32{-1, 0.3, 2}, 3, 0), NewState([]float32{-1, 0.3, 2}, 3, 0)
	require.NoError(t, Run(t.Context(), plan, perfectPair(triple, model), x, nil, nil))
	require.NoError(t, Run(t.Context(), velocity, perfect(triple, condot), y, nil, nil))
	require.Equal(t, y.X, x.X)

	langevin, err := Langevin(both, 1, 0.01, 3) // at t = 1 the score is not to be had from the velocity
	require.NoError(t, err)
	require.Equal(t, []float64{0.01}, langevin.Rows[0].S)
	require.Equal(t, 1.0, langevin.Rows[0].A)
}

func TestStepsWithTwoPredictionsAllocateNothing(t *testing.T) {
	plan := mustPlan(t, both, Settings{Steps: 40, Sigma: mustSigma(t, "1-t")})
	pair := Func(func(dst, x []float32, at At) {
		pull(dst[:len(x)], x, at)
		pull(dst[len(x):], x, at)
	})
	net := Guide(FuncPair{pair, pair}, Guidance{Weight: 3})
	x := NewState(make([]float32, 300), 100, 0)
	var noise Noise = Philox{Seed: 1}
	walk := func() { require.NoError(t, Run(context.Background(), plan, net, x, noise, nil)) }
	walk()
	require.Zero(t, testing.AllocsPerRun(10, walk))
}

func TestANonFiniteSecondPredictionIsTheNetworksFault(t *testing.T) {
	plan := mustPlan(t, both, Settings{Steps: 10, Sigma: mustSigma(t, "1-t")})
	spoiled := Func(func(dst, x []float32, at At) {
		clear(dst)
		if at.Step == 4 {
			dst[len(x)+3] = float32(math.NaN()) // of the second sample
		}
	})
	err := Run(t.Context(), plan, spoiled, NewState(make([]float32, 6), 3, 20), Philox{}, nil)
	require.EqualError(t, err, "sample 21 is not finite after step 4 (t=0.4): the network returned a NaN or an infinity")
}

func TestThePrintedTableHasTheSecondColumn(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, mustPlan(t, both, Settings{Steps: 2, Sigma: mustSigma(t, "1-t")}).Print(&text))
	require.Equal(t, `solver      euler
path        condot
prediction  velocity
second      score
grid        uniform
sigma       1-t
from, to    t=0, t=1
start       1 xi
steps       2, network calls 2

x' = A x + B0 p_0 + S0 q_0 + C xi

step    t  next  input  sigma  A   B0      S0             C  draw
   0  0     0.5    0      1    1  0.5  0.25    0.7071067812     1
   1  0.5   1      0.5    0.5  1  0.5  0.0625  0.3535533906     2
`, text.String())
}
