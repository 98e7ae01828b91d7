package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// A step of measured length is h = 2 (r |xi|/|s|)^2 long: here with |xi| the mean of 5 and 13, |s| the mean of the two scores' norms.
func TestAStepIsAsLongAsNoiseAndScoreSay(t *testing.T) {
	ve, err := schedule.VE(0.01, 10)
	require.NoError(t, err)
	m := Model{Path: ve, Prediction: schedule.Score}
	plan, err := NewPlan(m, Settings{Solver: DiffusersScoreSDE, Corrector: Corrector{Ratio: 0.1}, Nodes: []Node{{T: 0.5}, {T: 0.75}}})
	require.NoError(t, err)
	require.True(t, plan.Together())
	require.Len(t, plan.Rows, 2)

	score := Func(func(dst, x []float32, at At) {
		for i, v := range x {
			dst[i] = -2 * v
		}
	})
	x := NewState([]float32{3, 4, -6, 8}, 2, 0)
	noise, err := NewRecorded([]float32{3, 4, 5, 12, 1, 0, 0, -1}, 2, 2, 2)
	require.NoError(t, err)
	require.NoError(t, Run(t.Context(), plan, score, x, noise, nil))

	h := 2 * math.Pow(0.1*((5.0+13)/2)/((10.0+20)/2), 2)
	sigma, next := ve.At(0.5).Beta, ve.At(0.75).Beta
	g := sigma*sigma - next*next
	for i, want := range []struct{ x, first, second float64 }{{3, 3, 1}, {4, 4, 0}, {-6, 5, 0}, {8, 12, -1}} {
		langevin := want.x*(1-2*h) + math.Sqrt(2*h)*want.first
		require.InEpsilon(t, langevin*(1-2*g)+math.Sqrt(g)*want.second, x.X[i], 1e-5)
	}

	plan.Rows[0].Ratio = -0.1
	require.ErrorContains(t, plan.Check(), "has ratio -0.1")
}
