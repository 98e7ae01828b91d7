package data

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTwoPartsOfASetShareNothingAndMissNothing(t *testing.T) {
	values := make([]float32, 100)
	for i := range values {
		values[i] = float32(i)
	}
	s := open(t, write(t, t.TempDir(), "a.npy", npy("<f4", "(100,)", values)), Options{})
	train, held, err := Split(s, 0.1, 3)
	require.NoError(t, err)
	require.Equal(t, 90, train.Len())
	require.Equal(t, 10, held.Len())
	x, _ := first(t, train, 90)
	y, _ := first(t, held, 10)
	require.ElementsMatch(t, values, append(x, y...))
	require.NotEqual(t, values[90:], y, "they are chosen, not the last")

	again, _, err := Split(s, 0.1, 3)
	require.NoError(t, err)
	require.Equal(t, train.Fingerprint(), again.Fingerprint())
	other, _, err := Split(s, 0.1, 4)
	require.NoError(t, err)
	require.NotEqual(t, train.Fingerprint(), other.Fingerprint())
	require.NotEqual(t, train.Fingerprint(), held.Fingerprint())
	require.True(t, strings.HasPrefix(train.String(), "90 of "))
}

func TestOverlappingWindowsAreSplitWithoutOverlap(t *testing.T) {
	text := make([]byte, 200)
	for i := range text {
		text[i] = byte('0' + i%70)
	}
	path := write(t, t.TempDir(), "a.txt", text)
	for _, stride := range []int{1, 3, 10, 20} {
		s := open(t, path, Options{Window: 10, Stride: stride})
		train, held, err := Split(s, 0.2, 0)
		require.NoError(t, err)
		require.LessOrEqual(t, train.Len()+held.Len(), s.Len())
		if stride < 10 {
			lastOfTrain, firstOfHeld := (train.Len()-1)*stride+9, (s.Len()-held.Len())*stride
			require.Less(t, lastOfTrain, firstOfHeld, "stride %d", stride)
			require.LessOrEqual(t, firstOfHeld-lastOfTrain, stride, "nothing is given away needlessly")
		} else {
			require.Equal(t, s.Len(), train.Len()+held.Len())
		}
	}
}

func TestAnEndlessSetHoldsOutOtherPoints(t *testing.T) {
	s := open(t, "moons", Options{})
	train, held, err := Split(s, 0.5, 0)
	require.NoError(t, err)
	require.Equal(t, -1, held.Len())
	x, _ := first(t, train, 10)
	y, _ := first(t, held, 10)
	require.NotEqual(t, x, y)
	whole, _ := first(t, s, 10)
	require.Equal(t, whole, x)
}

func TestBadShares(t *testing.T) {
	s := open(t, write(t, t.TempDir(), "a.npy", npy("<f4", "(3,)", []float32{1, 2, 3})), Options{})
	for _, share := range []float64{0, 1, -0.5, math.NaN()} {
		_, _, err := Split(s, share, 0)
		require.ErrorContains(t, err, "expected more than 0 and less than 1")
	}
	_, _, err := Split(s, 0.99, 0)
	require.ErrorContains(t, err, "leaves 0 samples to train on")
}

func TestMeasureGivesMeansAndDeviationsByChannel(t *testing.T) {
	dir := t.TempDir()
	s := open(t, write(t, dir, "points.npy", npy("<f4", "(4, 2)", []float32{0, 10, 2, 10, 0, 30, 2, 30})), Options{})
	stats, err := Measure(s, 100)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{1, 20}, stats.Mean, 1e-12)
	require.InDeltaSlice(t, []float64{1, 10}, stats.Std, 1e-12)
	// Of the eight numbers: mean 10.5, mean of squares (4 + 4 + 2 100 + 2 900)/8 = 251.
	require.InDelta(t, 10.5, stats.Total[0], 1e-12)
	require.InDelta(t, math.Sqrt(251-10.5*10.5), stats.Total[1], 1e-12)

	// Planes of a picture: 0 and 255 become -1 and 1.
	s = open(t, write(t, dir, "p.npy", npy("|u1", "(1, 3, 1, 2)", []byte{0, 0, 255, 255, 0, 255})), Options{Shape: []int{3, 1, 2}})
	stats, err = Measure(s, 100)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{-1, 1, 0}, stats.Mean, 1e-12)
	require.InDeltaSlice(t, []float64{0, 0, 1}, stats.Std, 1e-12)

	// A part of many, in several pieces, is near the whole: 10,000 uniform numbers, mean 1/2 and deviation 1/sqrt(12).
	many := make([]float32, 50_000)
	for i := range many {
		many[i] = float32(i) / 50_000
	}
	s = open(t, write(t, dir, "m.npy", npy("<f4", "(50000,)", many)), Options{})
	stats, err = Measure(s, 10_000)
	require.NoError(t, err)
	require.InDelta(t, 0.5, stats.Mean[0], 5/math.Sqrt(12*10_000))
	require.InDelta(t, 1/math.Sqrt(12), stats.Std[0], 0.01)
}
