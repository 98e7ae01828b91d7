package render

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
)

// descent is a loss that falls as 1/step from to floor, which is its greatest and its least value.
func descent(n int, from, floor float64) []Loss {
	losses := make([]Loss, n)
	for i := range losses {
		losses[i] = Loss{int64(i + 1), floor + (from-floor)/(1+float64(i)/10)}
	}
	return losses
}

func drawnLosses(t *testing.T, l Losses) image.Image {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteLosses(&b, Meta{Title: "moons", Text: []Field{{"seed", "7"}}}, l))
	require.Contains(t, b.String(), "seed\x007")
	img, err := png.Decode(&b)
	require.NoError(t, err)
	return img
}

func TestALossCurveIsDrawnOfAnyLosses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, batches := range map[string][]Loss{
		"none":         nil,
		"one":          {{1, 2}},
		"constant":     {{1, 2}, {2, 2}, {3, 2}},
		"zero":         {{1, 0}, {2, 0}},
		"never finite": {{1, nan}, {2, inf}},
		"some finite":  {{1, 3}, {2, nan}, {3, inf}, {4, 1}},
		"many":         descent(100_000, 100, 0.1),
		"at one step":  {{5, 1}, {5, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			size := drawnLosses(t, Losses{Batches: batches}).Bounds().Size()
			require.Equal(t, image.Pt(720, 446), size)
			require.Greater(t, drawnLosses(t, Losses{Batches: batches, Held: batches, Buckets: []float64{1, nan, 2}}).Bounds().Dy(), size.Y)
		})
	}
}

func TestTheAxisIsLogarithmicWhereTheLossFallsFar(t *testing.T) {
	logarithmic := func(l Losses) bool {
		_, yes := lossPanel("", l).Y.Scale.(plot.LogScale)
		return yes
	}
	require.True(t, logarithmic(Losses{Batches: descent(1000, 100, 0.1)}))
	require.False(t, logarithmic(Losses{Batches: descent(1000, 2, 1)}))
	require.True(t, logarithmic(Losses{Batches: descent(1000, 2, 1), Held: []Loss{{500, 0.1}}}), "held-out losses count as well")
	require.False(t, logarithmic(Losses{Batches: descent(1000, 100, 0)[:1]}), "one loss does not fall")
	require.False(t, logarithmic(Losses{Batches: []Loss{{1, 10}, {2, 0}}, Held: []Loss{{1, 10}, {2, 0}}}), "zero has no logarithm")
}

// One batch in a thousand that is far off shows, however long the run.
func TestTheEnvelopeKeepsExtremes(t *testing.T) {
	losses := descent(200_000, 2, 1)
	losses[123_456].Loss, losses[150_000].Loss, losses[7].Loss = 50, -3, math.NaN()
	curve := envelope(losses)
	require.LessOrEqual(t, len(curve), 2*curvePoints)
	highest, lowest, last := 0., 0., math.Inf(-1)
	for _, p := range curve {
		highest, lowest = max(highest, p.Y), min(lowest, p.Y)
		require.GreaterOrEqual(t, p.X, last)
		last = p.X
	}
	require.Equal(t, 50., highest)
	require.Equal(t, -3., lowest)
}

// A centred mean of a straight line is the line itself; losses that are not finite are left out of it.
func TestTheRunningMeanLagsNowhere(t *testing.T) {
	line := make([]Loss, 10_000)
	for i := range line {
		line[i] = Loss{int64(i), 3 + 2*float64(i)}
	}
	curve := smoothed(line)
	for _, p := range curve[:len(curve)*9/10] { // the window is cut off at the end
		require.InDelta(t, 3+2*p.X, p.Y, 1e-6)
	}
	require.Zero(t, curve[0].X)
	require.Equal(t, 9999., curve[len(curve)-1].X)
	line[5000].Loss = math.Inf(1)
	for _, p := range smoothed(line) {
		require.True(t, finite(p.Y))
	}
	require.Empty(t, smoothed(line[:3]))
}

func TestTicksOfALogarithmicAxis(t *testing.T) {
	labels := func(lo, hi float64) (list []string) {
		for _, tick := range (logTicks{}).Ticks(lo, hi) {
			list = append(list, tick.Label)
		}
		return list
	}
	require.Equal(t, []string{"0.05", "0.1", "0.2", "0.5", "1", "2", "5"}, labels(0.03, 6))
	require.Equal(t, []string{"1e-05", "0.0001", "0.001", "0.01", "0.1", "1", "10"}, labels(1e-5, 10))
}
