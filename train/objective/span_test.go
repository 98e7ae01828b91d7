package objective

import (
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

func objective(t testing.TB, path, predictions, weight string) Objective {
	p, err := schedule.ParsePath(path)
	require.NoError(t, err)
	named, err := ParsePredictions(predictions, p)
	require.NoError(t, err)
	w, err := ParseWeight(weight, p)
	require.NoError(t, err)
	return Objective{Path: p, Predictions: named, Weight: w}
}

func TestTimesStayFromEndsWhereTheTargetDoesNotExist(t *testing.T) {
	for _, c := range []struct {
		path, prediction, weight string
		from, to                 float64
	}{
		{"condot", "velocity", "", 0, 1},
		{"condot", "noise", "", 0, 1},
		{"condot", "score", "", 0, 1 - 1e-5},        // beta^2 keeps the loss bounded
		{"condot", "score", "beta", 0, 1 - 1e-3},    // 1/beta
		{"condot", "score", "uniform", 0, 1 - 1e-3}, // 1/beta^2: the loss diverges
		{"condot", "velocity,score", "", 0, 1 - 1e-5},
		{"condot", "velocity", "1/t", 1e-3, 1},
		{"condot", "velocity", "1/(1+exp(logsnr))", 0, 1},
		{"cosine", "v", "min-snr(5)", 0, 1},
		{"vp(0.1,20)", "noise", "", 0, 1},
		{"vp(0.1,20)", "velocity", "", 0, 1 - 1e-3}, // beta' = alpha' alpha/beta
		{"vp(0.1,20)", "velocity", "beta^2", 0, 1 - 1e-5},
		{"alpha=t; beta=sqrt(1-t)", "velocity", "", 0, 1 - 1e-3},
		{"polynomial(0.5)", "velocity", "", 1e-3, 1},
		{"ve(0.02,100)", "score", "uniform", 0, 1}, // noise is left at the end
	} {
		limits, err := objective(t, c.path, c.prediction, c.weight).Limits()
		require.NoError(t, err)
		require.Equal(t, Limits{From: c.from, To: c.to}, limits, "%s on %s, weight %q", c.prediction, c.path, c.weight)
	}
}

func TestTimesStayFromEndsWhereTheNetworksTimeIsInfinite(t *testing.T) {
	o := objective(t, "condot", "velocity", "")
	o.Time = schedule.MustFormula("0.25*log(sigma)", schedule.TimeVariables(o.Path)...)
	limits, err := o.Limits()
	require.NoError(t, err)
	require.Equal(t, Limits{From: 1e-5, To: 1 - 1e-5}, limits)
}

func TestTrainedIndicesWithoutATargetAreLeftOut(t *testing.T) {
	// Index 0 is clean data, and the last one pure noise.
	o := objective(t, "alpha_bars=[1,0.6,0.3,0]", "score", "")
	limits, err := o.Limits()
	require.NoError(t, err)
	require.Equal(t, Limits{From: 0, To: 0.5, Noisiest: 3, Cleanest: 1}, limits)
	o = objective(t, "alpha_bars=[1,0.6,0.3,0]", "noise", "")
	limits, err = o.Limits()
	require.NoError(t, err)
	require.Equal(t, Limits{From: 0, To: 0.75, Noisiest: 3, Cleanest: 0}, limits)
}

func TestASpanIsKeptWhereTheObjectiveExists(t *testing.T) {
	o := objective(t, "condot", "score", "uniform")
	o.Span = [2]float64{0.1, 1}
	limits, err := o.Limits()
	require.NoError(t, err)
	require.Equal(t, Limits{From: 0.1, To: 1 - 1e-3}, limits)
	for _, batch := range times(t, o, 100, 5) {
		for _, at := range batch {
			require.True(t, 0.1 <= at && at <= 1-1e-3)
		}
	}
	for span, want := range map[[2]float64]string{
		{0.5, 0.2}: "expected 0 <= from <= to <= 1", {0, 2}: "expected 0 <= from <= to <= 1", {1, 1}: "where the objective does not exist", {0.9999, 1}: "where the objective does not exist",
	} {
		o.Span = span
		require.ErrorContains(t, o.Check(), want, "%v", span)
	}
	table := objective(t, "betas=linear(1e-4,0.02); count=10", "noise", "")
	table.Span = [2]float64{0.25, 0.55}
	limits, err = table.Limits()
	require.NoError(t, err)
	require.Equal(t, schedule.Index(4), limits.Cleanest)
	require.Equal(t, schedule.Index(6), limits.Noisiest)
	table.Span = [2]float64{0.91, 0.99}
	require.ErrorContains(t, table.Check(), "no trained step of the path lies between")
}
