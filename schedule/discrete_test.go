package schedule_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// Numbers by numpy 2 in float64, from diffusers' formulas: linspace(1e-4, 0.02, 1000); linspace(sqrt(0.00085), sqrt(0.012), 1000)^2;
// min(1 - f((i+1)/n)/f(i/n), 0.999) with f(s) = cos((s+0.008)/1.008 pi/2)^2; sigmoid(linspace(-6, 6, 1000)) (0.02-1e-4) + 1e-4;
// alpha-bars by cumprod(1-betas).
func TestBetasAreThoseOfDiffusers(t *testing.T) {
	for text, want := range map[string]struct {
		betas [5]float64 // at 0, 1, 499, 998, 999
		bars  [3]float64 // at 0, 499, 999
	}{
		"linear(1e-4,0.02)": {
			[5]float64{0.0001, 0.00011991991991991993, 0.010040040040040039, 0.01998008008008008, 0.02},
			[3]float64{0.9999, 0.07858724288177824, 4.035829765375676e-05}},
		"scaled_linear(0.00085,0.012)": {
			[5]float64{0.00085, 0.0008546986554056862, 0.004803792980550717, 0.011982376333083366, 0.012},
			[3]float64{0.99915, 0.27766965045646763, 0.004660098513077238}},
		"cosine": {
			[5]float64{4.128422482196914e-05, 4.614175273665033e-05, 0.0031458862304780677, 0.7499993929011166, 0.999},
			[3]float64{0.999958715775178, 0.4938435904406382, 2.4287669070348567e-09}},
		"sigmoid(1e-4,0.02)": {
			[5]float64{0.00014920520081703202, 0.00014979833041933025, 0.010020120209938985, 0.01995020166958067, 0.01995079479918297},
			[3]float64{0.9998507947991829, 0.30193105660219516, 3.968181990533219e-05}},
	} {
		betas, err := schedule.Betas(text, 1000)
		require.NoError(t, err)
		for k, i := range []int{0, 1, 499, 998, 999} {
			require.InEpsilon(t, want.betas[k], betas[i], 1e-11, "%s %d", text, i)
		}
		d, err := schedule.DiscreteFromBetas(betas)
		require.NoError(t, err)
		for k, i := range []schedule.Index{0, 499, 999} {
			require.InEpsilon(t, want.bars[k], d.AlphaBar(i), 1e-11, "%s %d", text, i)
		}
	}
}

// Numbers by numpy 2, from diffusers' rescale_zero_terminal_snr of linspace(1e-4, 0.02, 1000).
func TestRescalingEndsInPureNoise(t *testing.T) {
	betas, err := schedule.Betas("linear(1e-4,0.02)", 1000)
	require.NoError(t, err)
	rescaled, err := schedule.RescaleZeroSNR(betas)
	require.NoError(t, err)
	for i, want := range map[int]float64{0: 9.999999999976694e-05, 499: 0.010271042549541587, 998: 0.7522672311504701, 999: 1} {
		require.InEpsilon(t, want, rescaled[i], 1e-10, "%d", i)
	}
	d := parsePath(t, "betas=linear(1e-4,0.02); count=1000; zero_snr=true").(*schedule.Discrete)
	for i, want := range map[schedule.Index]float64{0: 0.9999, 499: 0.07602875054711478, 998: 4.213262465088073e-09} {
		require.InEpsilon(t, want, d.AlphaBar(i), 1e-10, "%d", i)
	}
	require.Zero(t, d.AlphaBar(999))
}

func TestTrainedStepsSitAtTheirTimes(t *testing.T) {
	for _, count := range []int{1, 2, 7, 50, 300, 1000, 1001, 99999} {
		bars := make([]float64, count)
		for i := range bars {
			bars[i] = 1 - float64(i+1)/float64(count+1)
		}
		d, err := schedule.NewDiscrete(bars)
		require.NoError(t, err)
		require.Equal(t, count, d.Count())
		require.Zero(t, d.Time(schedule.Index(count-1)))
		require.Equal(t, -1.0, d.Fraction(1))
		for i := range schedule.Index(count) {
			require.InDelta(t, 1-(float64(i)+1)/float64(count), d.Time(i), 1e-15)
			require.Equal(t, float64(i), d.Fraction(d.Time(i)))
			require.Equal(t, i, d.Nearest(d.Time(i)))
			p := d.At(1 - (float64(i)+1)/float64(count)) // rounded otherwise than Time
			require.Equal(t, [4]float64{math.Sqrt(bars[i]), math.Sqrt(1 - bars[i]), float64(i), float64(count)}, [4]float64{p.Alpha, p.Beta, p.Index, p.Count})
		}
		require.Equal(t, schedule.Index(0), d.Nearest(1))
	}
}

func TestBetweenEntriesTheLogSNRIsLinear(t *testing.T) {
	d := parsePath(t, "betas=linear(1e-4,0.02); count=100").(*schedule.Discrete)
	for i := schedule.Index(0); i < 99; i += 7 {
		cleaner, noisier := d.At(d.Time(i)).LogSNR(), d.At(d.Time(i+1)).LogSNR()
		for _, w := range []float64{0.25, 0.5, 0.9} {
			p := d.At(d.Time(i) - w/100)
			require.InDelta(t, cleaner+w*(noisier-cleaner), p.LogSNR(), 1e-11)
			require.InDelta(t, 1, p.Alpha*p.Alpha+p.Beta*p.Beta, 1e-15)
			require.InDelta(t, float64(i)+w, p.Index, 1e-9)
		}
	}
}

func TestDerivativesAtEntriesLookTowardsTheData(t *testing.T) {
	d := parsePath(t, "betas=linear(1e-3,0.2); count=20").(*schedule.Discrete)
	const h = 1e-6
	for i := range schedule.Index(20) {
		s, step := d.Time(i), h
		if i == 0 {
			step = -h // there is only noise beyond
		}
		p := d.At(s)
		require.InDelta(t, (d.At(s+step).Alpha-p.Alpha)/step, p.DAlpha, 1e-4, "%d", i)
		require.InDelta(t, (d.At(s+step).Beta-p.Beta)/step, p.DBeta, 1e-4, "%d", i)
	}
}

func TestOnlyAJumpLeadsFromTheCleanestStepToTheData(t *testing.T) {
	d := parsePath(t, "betas=linear(1e-4,0.02); count=10").(*schedule.Discrete)
	p := d.At(1)
	require.Equal(t, [3]float64{1, 0, -1}, [3]float64{p.Alpha, p.Beta, p.Index})
	require.True(t, math.IsNaN(p.DAlpha) && math.IsNaN(p.DBeta) && math.IsNaN(p.BetaDBeta))
	for _, s := range []float64{0.95, -0.1, 1.1, math.NaN()} {
		require.True(t, math.IsNaN(d.At(s).Alpha), "%g", s)
	}
}

func TestTablesMayBeginCleanAndEndInNoise(t *testing.T) {
	d, err := schedule.NewDiscrete([]float64{1, 0.75, 0.25, 0})
	require.NoError(t, err)
	first, last := d.At(0.75), d.At(0)
	require.Equal(t, [2]float64{1, 0}, [2]float64{first.Alpha, first.Beta})
	require.Equal(t, [4]float64{0, 1, 2, 0}, [4]float64{last.Alpha, last.Beta, last.DAlpha, last.DBeta}) // alpha rises to 1/2 in 1/4
	require.InDelta(t, 0.25, d.At(0.125).Alpha, 1e-15)
	require.InDelta(t, 0.25, d.At(0.625).Beta, 1e-15)

	single, err := schedule.NewDiscrete([]float64{0.5})
	require.NoError(t, err)
	require.Equal(t, math.Sqrt(0.5), single.At(0).Alpha)
	require.True(t, math.IsNaN(single.At(0).DAlpha))
}

// A table whose betas are given is multiplied out in float64 and read back bit for bit.
func TestListedTablesSurviveTheirText(t *testing.T) {
	betas, err := schedule.Betas("linear(1e-4,0.02)", 1000)
	require.NoError(t, err)
	d, err := schedule.DiscreteFromBetas(betas)
	require.NoError(t, err)
	again := parsePath(t, d.String()).(*schedule.Discrete)
	raw, err := json.Marshal(map[string]any{"betas": betas})
	require.NoError(t, err)
	fromJSON, err := schedule.PathFromJSON(raw)
	require.NoError(t, err)
	for i := range schedule.Index(1000) {
		require.Equal(t, d.AlphaBar(i), again.AlphaBar(i))
		require.Equal(t, d.AlphaBar(i), fromJSON.(*schedule.Discrete).AlphaBar(i))
	}
}
