package schedule_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// Quantiles in closed form: of Beta(1, 1), Beta(2, 1), Beta(1, 3) and the arcsine law, and scipy.stats.beta.ppf([0.1, 0.5, 0.9], 0.6, 0.6).
func TestBetaQuantiles(t *testing.T) {
	for _, p := range []float64{0, 0.01, 0.3, 0.5, 0.77, 0.999, 1} {
		require.InDelta(t, p, schedule.BetaQuantile(p, 1, 1), 1e-14)
		require.InDelta(t, math.Sqrt(p), schedule.BetaQuantile(p, 2, 1), 1e-14)
		require.InDelta(t, 1-math.Cbrt(1-p), schedule.BetaQuantile(p, 1, 3), 1e-14)
		s := math.Sin(math.Pi * p / 2)
		require.InDelta(t, s*s, schedule.BetaQuantile(p, 0.5, 0.5), 1e-13)
	}
	require.InDelta(t, 0.5, schedule.BetaQuantile(0.5, 0.6, 0.6), 1e-14)
	require.InDelta(t, 1-schedule.BetaQuantile(0.1, 0.6, 0.6), schedule.BetaQuantile(0.9, 0.6, 0.6), 1e-14)
}

func TestPolyexponentialGridsFollowTheirFormula(t *testing.T) {
	path := parsePath(t, "ve(0.02,100)")
	for _, rho := range []float64{0.5, 1, 3} {
		got, err := schedule.PolyExponential(rho).Times(path, 0, 1, 8)
		require.NoError(t, err)
		for i, s := range got {
			ramp := math.Pow(1-float64(i)/8, rho)
			require.InEpsilon(t, math.Exp(ramp*math.Log(100/0.02)+math.Log(0.02)), path.At(s).Sigma(), 1e-9)
		}
	}
	require.Equal(t, times(t, "logsnr", path, 0, 1, 8), times(t, "exponential", path, 0, 1, 8))
	require.InDeltaSlice(t, times(t, "logsnr", path, 0, 1, 8), times(t, "polyexponential(1)", path, 0, 1, 8), 1e-14)
}

func TestBetaGridsAreUniformForTheUniformLaw(t *testing.T) {
	require.InDeltaSlice(t, times(t, "uniform", schedule.CondOT(), 0, 1, 7), times(t, "beta(1,1)", schedule.CondOT(), 0, 1, 7), 1e-14)
	got := times(t, "beta(0.6,0.6)", schedule.CondOT(), 0.1, 0.9, 9)
	for i := range got { // dense at both ends, and alike
		require.InDelta(t, 1-got[9-i], got[i], 1e-12)
	}
	require.Less(t, got[1]-got[0], got[5]-got[4])
}

// FLUX.1's numbers: mu = 0.5 at 256 tokens, 1.15 at 4096, so that 1024 tokens have 0.63.
func TestTheDynamicShiftOfSizes(t *testing.T) {
	require.InDelta(t, math.Exp(0.5), float64(schedule.Dynamic(256)), 1e-14)
	require.InDelta(t, math.Exp(1.15), float64(schedule.Dynamic(4096)), 1e-14)
	require.InDelta(t, math.Exp(0.63), float64(schedule.Dynamic(1024)), 1e-14)
}

func TestListedNoiseLevelsAreThePathsOwn(t *testing.T) {
	for _, text := range []string{"condot", "edm(0.002,80,7)", "vp(0.1,20)", "betas=linear(1e-4,0.02); count=1000", "alpha=t; beta=sqrt(1-t)"} {
		path := parsePath(t, text)
		got := times(t, "sigmas(20,5,1,0.1)", path, 0, 1, 0)
		for i, sigma := range []float64{20, 5, 1, 0.1} {
			require.InEpsilon(t, sigma, path.At(got[i]).Sigma(), 1e-9, text)
		}
	}
	require.Equal(t, 1.0, times(t, "sigmas(5,1,0)", schedule.CondOT(), 0, 1, 2)[2])
	for text, says := range map[string]string{
		"sigmas(1)":     "expected at least two noise levels",
		"sigmas(5,6,1)": "noise level 6 follows 5; each must lie beyond",
		"sigmas(5,-1)":  "noise level number 2 is -1",
	} {
		_, err := schedule.ParseGrid(text)
		require.ErrorContains(t, err, says)
	}
	_, err := schedule.Sigmas{500, 1}.Times(parsePath(t, "edm(0.002,80,7)"), 0, 1, 0)
	require.ErrorContains(t, err, "has no noise level 500, the nearest is 80 at t=0")
	_, err = schedule.Sigmas{5, 1}.Times(schedule.CondOT(), 0, 1, 3)
	require.ErrorContains(t, err, "has 1 steps, but 3 were asked for")
}
