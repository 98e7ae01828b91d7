package sampler

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// From data the walk is the end of the walk from noise, of as many steps as diffusers' pipelines take: min(int(N strength), N).
func TestStrengthTakesTheLastSteps(t *testing.T) {
	for _, path := range []string{"condot", "vp(0.1,20)", "ve(0.02,20)", "betas=linear(1e-4,0.02); count=1000"} {
		for name, prediction := range predictions {
			model := Model{Path: mustPath(t, path), Prediction: prediction}
			for _, c := range []struct {
				solver      Solver
				steps, kept int
				strength    float64
			}{{Euler, 50, 40, 0.8}, {Heun, 10, 10, 1}, {RK4, 50, 28, 0.58}, {DDIM, 20, 1, 0.05}, {DDPM, 30, 9, 0.3}} {
				set := Settings{Solver: c.solver, Steps: c.steps}
				whole := mustPlan(t, model, set)
				set.Strength = c.strength
				part := mustPlan(t, model, set)
				require.Equal(t, c.kept, part.Steps)
				rows := whole.Rows[len(whole.Rows)-len(part.Rows):]
				for i, want := range rows {
					want.Step -= whole.Steps - part.Steps
					got := part.Rows[i]
					want.Draw, got.Draw = 0, 0
					require.Equal(t, want, got, "%s %s %s", path, name, c.solver.Name)
				}
				at := model.Path.At(rows[0].T)
				require.Equal(t, []float64{rows[0].T, at.Alpha, at.Beta}, []float64{part.From, part.Signal, part.Start})
			}
		}
	}
}

func TestStrengthBelowOneStep(t *testing.T) {
	_, err := NewPlan(Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}, Settings{Steps: 50, Strength: 0.01})
	require.EqualError(t, err, "strength 0.01 of 50 steps is less than one step: take a strength of at least 0.02, or more steps")
}

// Sample k is row k of the data and its own noise, whatever the chunk.
func TestNoisedBelongsToTheSample(t *testing.T) {
	plan := &Plan{Signal: 0.5, Start: 2}
	data := Rows{Data: []float32{1, 2, 3, 4, 5, 6, 7, 8}, Dim: 2, First: 3}
	whole := NewState(make([]float32, 8), 4, 3)
	require.NoError(t, whole.Noised(plan, Philox{Seed: 1}, data))
	part := NewState(make([]float32, 4), 2, 4)
	require.NoError(t, part.Noised(plan, Philox{Seed: 1}, data))
	require.Equal(t, whole.X[2:6], part.X)
	eps := make([]float32, 8)
	require.NoError(t, Philox{Seed: 1}.Normals(eps, 3, 4, 0))
	for i, x := range whole.X {
		require.InDelta(t, 0.5*data.Data[i]+2*eps[i], x, 1e-6)
	}
	shared := NewState(make([]float32, 4), 2, 9)
	require.NoError(t, shared.Noised(&Plan{Signal: 1}, nil, Rows{Data: []float32{1, 2}, Dim: 2}))
	require.Equal(t, []float32{1, 2, 1, 2}, shared.X)

	for want, rows := range map[string]Rows{
		"3 numbers given in rows of 2":       {Data: []float32{1, 2, 3}, Dim: 2},
		"one row for all, or one for every":  {Data: []float32{1, 2, 3, 4}, Dim: 2, First: 0},
		"2 numbers given in rows of 1, and ": {Data: []float32{1, 2}, Dim: 1},
	} {
		require.ErrorContains(t, NewState(make([]float32, 8), 4, 0).Noised(plan, Philox{}, rows), want)
	}
}

func TestPassesOfResampling(t *testing.T) {
	require.Equal(t, "[{0 0} {1 0} {2 0}]", fmt.Sprint(Resample{}.passes(3)))
	require.Equal(t, "[{0 0} {0 1} {1 0} {1 1}]", fmt.Sprint(Resample{Times: 2}.passes(2)))
	require.Equal(t, "[{0 0} {1 0} {0 2} {1 0} {2 0} {2 1}]", fmt.Sprint(Resample{Times: 2, Length: 2}.passes(3)))
}
