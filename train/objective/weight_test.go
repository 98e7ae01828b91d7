package objective

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// paths are one of each kind: straight, variance preserving with an infinite derivative, exploding, a table.
func paths(t testing.TB) []schedule.Path {
	var list []schedule.Path
	for _, text := range []string{"condot", "cosine", "vp(0.1,20)", "ve(0.02,100)", "alpha=t; beta=sqrt(1-t)", "betas=linear(1e-4,0.02); count=100"} {
		path, err := schedule.ParsePath(text)
		require.NoError(t, err)
		list = append(list, path)
	}
	return list
}

func weightAt(t testing.TB, text string, path schedule.Path, p schedule.Prediction, at float64) float64 {
	w, err := ParseWeight(text, path)
	require.NoError(t, err)
	pt := path.At(at)
	return w.rule(Name(p)).at(path, p, pt, newVariables(pt))
}

// Hang et al. 2023, section 3.4: min(SNR, 5) for the data, min(1, 5/SNR) for the noise, min(SNR, 5)/(SNR + 1) for v.
func TestMinSNRIsThePapersForEachPrediction(t *testing.T) {
	path := schedule.Cosine()
	for _, at := range []float64{0.1, 0.3, 0.5, 0.7, 0.9, 0.99} {
		pt := path.At(at)
		snr := pt.Alpha * pt.Alpha / (pt.Beta * pt.Beta)
		for _, c := range []struct {
			p    schedule.Prediction
			want float64
		}{
			{schedule.Data, math.Min(snr, 5)},
			{schedule.Noise, math.Min(1, 5/snr)},
			{schedule.V, math.Min(snr, 5) / (snr + 1)},
		} {
			require.InEpsilon(t, c.want, weightAt(t, "min-snr(5)", path, c.p, at), 1e-12, "%s at %v", c.p, at)
		}
	}
}

// An error e of the data is an error P e of the prediction, P by schedule.Convert: the weighted errors are the same, whatever
// is predicted.
func TestMinSNRIsOneLossWhateverIsPredicted(t *testing.T) {
	for _, path := range paths(t) {
		for _, p := range schedule.Predictions() {
			for _, at := range []float64{0.1, 0.25, 0.5, 0.8, 0.95} {
				pt := path.At(at)
				c, err := schedule.Convert(path, schedule.Data, p, at)
				require.NoError(t, err)
				want := math.Min(pt.Alpha*pt.Alpha/(pt.Beta*pt.Beta), 3)
				got := weightAt(t, "min-snr(3)", path, p, at) * c.P * c.P
				require.InEpsilon(t, want, got, 1e-9, "%s on %s at %v", p, path, at)
			}
		}
	}
}

// At the ends min-snr is 0/0 for some predictions; the limits are those of the formulas of the paper.
func TestMinSNRHasItsLimitsAtTheEnds(t *testing.T) {
	path := schedule.CondOT()
	for _, c := range []struct {
		p        schedule.Prediction
		at, want float64
	}{
		{schedule.Data, 0, 0}, {schedule.Data, 1, 5},
		{schedule.Noise, 0, 1}, {schedule.Noise, 1, 0},
		{schedule.V, 0, 0}, {schedule.V, 1, 0},
	} {
		require.InDelta(t, c.want, weightAt(t, "min-snr", path, c.p, c.at), 1e-6, "%s at %v", c.p, c.at)
	}
	zero, err := schedule.ParsePath("betas=linear(1e-4,0.02); count=100; zero_snr=true")
	require.NoError(t, err)
	require.InDelta(t, 1, weightAt(t, "min-snr", zero, schedule.Noise, 0), 1e-6, "pure noise")
}

func TestTheScoreIsWeighedByBetaSquaredUnlessAsked(t *testing.T) {
	path := schedule.CondOT()
	require.Equal(t, 0.0625, weightAt(t, "", path, schedule.Score, 0.75))
	require.Equal(t, 1., weightAt(t, "", path, schedule.Velocity, 0.75))
	require.Equal(t, 1., weightAt(t, "uniform", path, schedule.Score, 0.75))
	require.Equal(t, weightAt(t, "min-snr(3)", path, schedule.Data, 0.75), weightAt(t, "min-snr(max(2,3))", path, schedule.Data, 0.75))
	require.Equal(t, 0.25, weightAt(t, "beta", path, schedule.Score, 0.75))
	require.InDelta(t, 2*math.Log(3), weightAt(t, "logsnr", path, schedule.Velocity, 0.75), 1e-12)
	require.Equal(t, 2., weightAt(t, "dalpha-dbeta", path, schedule.Velocity, 0.75))
	both := "velocity=2; score=uniform"
	require.Equal(t, 2., weightAt(t, both, path, schedule.Velocity, 0.75))
	require.Equal(t, 1., weightAt(t, both, path, schedule.Score, 0.75))
	require.Equal(t, 0.0625, weightAt(t, "velocity=2", path, schedule.Score, 0.75))
	table := paths(t)[5]
	require.Equal(t, 0.5, weightAt(t, "index/(count-2)", table, schedule.Noise, 0.5))
}

func TestAWeightThatCannotBeReadSaysWhatCan(t *testing.T) {
	for text, want := range map[string]string{
		"unifrom":                 `unknown weight "unifrom" (did you mean "uniform"?); expected uniform, min-snr(5), or a formula in t, alpha,`,
		"min-srn(5)":              `(did you mean "min-snr"?)`,
		"minsnr(5)":               `(did you mean "min-snr"?)`,
		"min-snr(-1)":             "gamma above 0, as in min-snr(5)",
		"min-snr(5":               "expected a closing bracket",
		"min-snr(t)":              "unknown name \"t\"",
		"uniform(2)":              "expected uniform, or min-snr",
		"beta^":                   "found the end",
		"index":                   `unknown weight "index"; expected uniform`,
		"beta*gamma":              `unknown name "gamma"`,
		"speed=1":                 `unknown prediction "speed"`,
		"score=1; score=2":        "two weights for the same prediction",
		"1; beta":                 "two weights for the same prediction",
		"velocity=1; score=bet^2": "did you mean \"beta\"",
	} {
		_, err := ParseWeight(text, schedule.CondOT())
		require.ErrorContains(t, err, want, "%q", text)
	}
	w, err := ParseWeight("score=1", schedule.CondOT())
	require.NoError(t, err)
	require.ErrorContains(t, Objective{Weight: w}.Check(), "weight: one is given for score, which the network does not predict")
	w, err = ParseWeight("beta^2", schedule.CondOT())
	require.NoError(t, err)
	require.ErrorContains(t, Objective{Path: paths(t)[5], Weight: w}.Check(), "another kind of path")
	for text, want := range map[string]string{"-beta": "must not be negative", "t-0.5": "must not be negative", "0": "nothing would be learned", "1/(t-0.5)^2": "does not exist at t=0.5"} {
		w, err := ParseWeight(text, schedule.CondOT())
		require.NoError(t, err)
		require.ErrorContains(t, Objective{Weight: w}.Check(), want, "%q", text)
	}
}
