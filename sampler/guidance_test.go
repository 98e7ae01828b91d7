package sampler

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// counting is a conditional network whose halves are 3 and 1, and that counts its calls.
type counting struct{ single, both int }

func (c *counting) Predict(_ context.Context, dst, _ []float32, _ At) error {
	c.single++
	for i := range dst {
		dst[i] = 3
	}
	return nil
}

func (c *counting) PredictBoth(_ context.Context, cond, uncond, _ []float32, _ At) error {
	c.both++
	for i := range cond {
		cond[i], uncond[i] = 3, 1
	}
	return nil
}

func TestGuidanceIsTheAffineCombination(t *testing.T) {
	for weight, want := range map[float64]float32{0: 1, 1: 3, 2.5: 6, -1: -1} {
		dst := make([]float32, 2)
		require.NoError(t, Guide(new(counting), Guidance{Weight: weight}).Predict(t.Context(), dst, make([]float32, 2), At{}))
		require.Equal(t, []float32{want, want}, dst, "weight %v", weight)
	}
}

// Strictly inside the interval, and without one at every step, t = 0 included. Outside and at weight 1 there is no
// unconditional evaluation.
func TestGuidanceEvaluatesBothHalvesOnlyWhereItApplies(t *testing.T) {
	plan := mustPlan(t, condot, Settings{Steps: 10})
	for _, c := range []struct {
		g            Guidance
		single, both int
	}{
		{Guidance{Weight: 1}, 10, 0},
		{Guidance{Weight: 4}, 0, 10},
		{Guidance{Weight: 4, Interval: &[2]float64{0.3, 0.7}}, 7, 3}, // 0.4, 0.5, 0.6
		{Guidance{Weight: 4, Interval: &[2]float64{0.29, 0.71}}, 5, 5},
		{Guidance{Weight: 0}, 0, 10},
	} {
		net := new(counting)
		x := NewState(make([]float32, 4), 2, 0)
		require.NoError(t, Run(t.Context(), plan, Guide(net, c.g), x, nil, nil))
		require.Equal(t, counting{c.single, c.both}, *net, "%+v", c.g)
		require.Equal(t, c.single+2*c.both, Evaluations(plan, c.g))
	}
	require.Equal(t, 10, plan.Calls())
}

// Guiding one prediction guides every other: the weights sum to one and conversions are affine in the prediction.
func TestGuidanceDoesNotDependOnWhatIsPredicted(t *testing.T) {
	g := Guidance{Weight: 2.5}
	var first []float32
	for name, prediction := range predictions {
		model := Model{Path: schedule.CondOT(), Prediction: prediction}
		plan := mustPlan(t, model, Settings{Solver: Heun, Steps: 20, From: ptr(0.1), To: ptr(0.9)})
		x := NewState([]float32{-1, 0.2, 0.7}, 3, 0)
		net := Guide(FuncPair{Cond: perfect(gaussian(0.5, 0.3), model), Uncond: perfect(triple, model)}, g)
		require.NoError(t, Run(t.Context(), plan, net, x, nil, nil))
		if first == nil {
			first = x.X
		}
		require.InDeltaSlice(t, float64s(first), float64s(x.X), 1e-5, name)
	}
}

// Clipping comes after guidance, and what the rows need besides the data is recomputed from the clipped prediction.
func TestClippingKeepsTheDataPredictionInRange(t *testing.T) {
	wide := gaussian(0, 3)
	for name, prediction := range predictions {
		model := Model{Path: schedule.CondOT(), Prediction: prediction}
		for _, solver := range []Solver{Euler, Heun, DDIM} {
			plan := mustPlan(t, model, Settings{Solver: solver, Steps: 10, From: ptr(0.1), Clip: &[2]float64{-0.5, 1}})
			x := NewState([]float32{-2, 0.1, 2}, 3, 0)
			net := Clip(Guide(FuncPair{perfect(wide, model), perfect(triple, model)}, Guidance{Weight: 1.5}), plan)
			seen := Network(networkFunc(func(ctx context.Context, dst, x []float32, at At) error {
				err := net.Predict(ctx, dst, x, at)
				for _, z := range dst {
					require.True(t, -0.5 <= z && z <= 1)
				}
				return err
			}))
			require.NoError(t, Run(t.Context(), plan, seen, x, nil, nil))
			// The last step is one to clean data, the prediction itself.
			require.InDelta(t, -0.5, x.X[0], 1e-6, "%s %s", name, solver.Name)
			require.InDelta(t, 1, x.X[2], 1e-6, "%s %s", name, solver.Name)
		}
	}
	plan := mustPlan(t, condot, Settings{})
	require.Equal(t, Network(failing{}), Clip(failing{}, plan), "a plan that does not clip leaves the network as it is")
}

// By hand on condot, from t = 0.5 and x = 2 to t = 0.75. The halves predict 0.3 and 0.9, which the weight 2 takes to -0.3: inside
// the range, though 0.9 is not. Then z = -0.3, eps = (x - 0.5 z)/0.5 = 4.3, x' = 0.75 z + 0.25 eps = 0.85. With the weight 0, z = 0.9
// is clipped to 0.5, eps = 3.5 and x' = 1.25.
func TestClippingComesAfterGuidanceAndTheNoiseFollowsIt(t *testing.T) {
	constant := func(v float32) Func { return func(dst, _ []float32, _ At) { dst[0] = v } }
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Data}
	for weight, want := range map[float64]float64{2: 0.85, 0: 1.25} {
		for _, solver := range []Solver{DDIM, Euler} { // the same thing on condot
			plan := mustPlan(t, model, Settings{Solver: solver, Steps: 1, From: ptr(0.5), To: ptr(0.75), Clip: &[2]float64{-0.5, 0.5}})
			x := NewState([]float32{2}, 1, 0)
			net := Clip(Guide(FuncPair{Cond: constant(0.3), Uncond: constant(0.9)}, Guidance{Weight: weight}), plan)
			require.NoError(t, Run(t.Context(), plan, net, x, nil, nil))
			require.InDelta(t, want, x.X[0], 1e-6, "weight %v, %s", weight, solver.Name)
		}
	}
}

type networkFunc func(ctx context.Context, dst, x []float32, at At) error

func (f networkFunc) Predict(ctx context.Context, dst, x []float32, at At) error {
	return f(ctx, dst, x, at)
}
