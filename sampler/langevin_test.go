package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// Whatever the network predicts, the walk is x' = x + h s + sqrt(2h) xi, whose stationary variance on a Gaussian of
// standard deviation s is s^2/(1 - h/(2 s^2)), known in closed form: v = (1 - h/s^2)^2 v + 2h.
func TestLangevinTendsToTheMarginalOfItsTime(t *testing.T) {
	g := gaussian(0.7, 0.5)
	for name, prediction := range predictions {
		model := Model{Path: mustPath(t, "cosine"), Prediction: prediction}
		at := model.Path.At(0.6)
		mean, variance := g.Moments(at)
		for _, h := range []float64{0.02, 0.01, 0.005} {
			plan, err := Langevin(model, 0.6, h, 3000)
			require.NoError(t, err)
			m, v := gaussianMoments(t, plan, g, model, 5, 9)
			require.InDelta(t, mean, m, 1e-9, name)
			require.InDelta(t, variance/(1-h/(2*variance)), v, 1e-9, name)
			require.InDelta(t, variance, v, h, "%s: the bias is of order h", name)
		}
	}
	_, err := Langevin(condot, 0.5, -1, 10)
	require.ErrorContains(t, err, "step -1 of Langevin dynamics")
	_, err = Langevin(condot, 0.5, 0.1, 0)
	require.ErrorContains(t, err, "found 0 steps")
	_, err = Langevin(condot, 1, 0.1, 10)
	var impossible *schedule.ImpossibleError
	require.ErrorAs(t, err, &impossible)
}

// Mean and variance are those of the process at every step, whatever the step's length: the rows are exact.
func TestOrnsteinUhlenbeckIsExactAtEveryStep(t *testing.T) {
	const theta, sigma = 1.3, 0.8
	for _, h := range []float64{0.01, 0.5, 4} {
		plan, err := OrnsteinUhlenbeck(theta, sigma, h, 5)
		require.NoError(t, err)
		require.Zero(t, plan.Calls())
		mean, variance := 2.0, 0.3
		for _, row := range plan.Rows {
			mean, variance = row.A*mean, row.A*row.A*variance+row.C*row.C
			decay := math.Exp(-theta * row.Next)
			require.InDelta(t, 2*decay, mean, 1e-12)
			require.InDelta(t, 0.3*decay*decay+sigma*sigma/(2*theta)*(1-decay*decay), variance, 1e-12)
		}
	}
	brownian, err := OrnsteinUhlenbeck(0, 1, 0.25, 4)
	require.NoError(t, err)
	require.Equal(t, []float64{1, 0.5}, []float64{brownian.Rows[0].A, brownian.Rows[0].C})
	_, err = OrnsteinUhlenbeck(-1, 1, 0.1, 3)
	require.ErrorContains(t, err, "expected theta and sigma not below 0")
}
