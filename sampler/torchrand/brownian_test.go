package torchrand

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func dyadic(seed uint64) *BrownianInterval {
	return &BrownianInterval{T0: 0.1, T1: 10, Entropy: seed, Pool: 24, Decimals: 6, Dyadic: true}
}

func increment(t *testing.T, b *BrownianInterval, size int, ta, tb float64) []float32 {
	t.Helper()
	x := make([]float32, size)
	require.NoError(t, b.Increment(x, ta, tb))
	return x
}

func TestIncrementsAdd(t *testing.T) {
	b := dyadic(4)
	parts, whole := make([]float32, 20), increment(t, b, 20, 0.25, 7.123456)
	for _, q := range [][2]float64{{0.25, 0.250001}, {0.250001, 3}, {3, 7}, {7, 7.123456}} {
		for i, x := range increment(t, b, 20, q[0], q[1]) {
			parts[i] += x
		}
	}
	for i := range whole {
		require.InDelta(t, whole[i], parts[i], 3e-6)
	}
}

func TestADyadicTreeForgetsWhatItWasAsked(t *testing.T) {
	asked := dyadic(1 << 40)
	for k := range 150 { // more than torchsde lets other trees live
		increment(t, asked, 5, 0.1+float64(k)/100, 5)
	}
	require.Equal(t, increment(t, dyadic(1<<40), 5, 2, 3), increment(t, asked, 5, 2, 3))
	require.NotEqual(t, increment(t, dyadic(1<<40), 5, 2, 3), increment(t, dyadic(0), 5, 2, 3), "all of the entropy counts")
}

func TestAnOrdinaryTreeRemembers(t *testing.T) {
	fresh, asked := &BrownianInterval{T1: 1}, &BrownianInterval{T1: 1}
	increment(t, asked, 5, 0, 0.3)
	require.NotEqual(t, increment(t, fresh, 5, 0, 0.5), increment(t, asked, 5, 0, 0.5))
	for range refinement - 2 {
		increment(t, asked, 5, 0, 0.3)
	}
	require.ErrorContains(t, asked.Increment(make([]float32, 5), 0, 0.3), "torchsde refines its tree after 100 increments")
}

// Over [a, b] an increment is normal with variance b - a; over intervals that do not meet, independent.
func TestIncrementsAreBrownian(t *testing.T) {
	const n = 200000
	b := dyadic(2)
	x, y := increment(t, b, n, 1, 1.7), increment(t, b, n, 1.7, 6)
	var xx, yy, xy float64
	for i := range x {
		xx += float64(x[i]) * float64(x[i]) / n
		yy += float64(y[i]) * float64(y[i]) / n
		xy += float64(x[i]) * float64(y[i]) / n
	}
	require.InDelta(t, 0.7, xx, 5*0.7*math.Sqrt(2.0/n))
	require.InDelta(t, 4.3, yy, 5*4.3*math.Sqrt(2.0/n))
	require.InDelta(t, 0, xy, 5*math.Sqrt(0.7*4.3/n))
}

func TestTimesOutsideAreMovedToTheEnds(t *testing.T) {
	require.Equal(t, increment(t, dyadic(3), 4, 0.1, 10), increment(t, dyadic(3), 4, 0, 11))
	require.Equal(t, make([]float32, 4), increment(t, dyadic(3), 4, 11, 12))
	require.Equal(t, make([]float32, 4), increment(t, dyadic(3), 4, 2.0000001, 2.0000003), "the same six decimals")
}

func TestIntervalsThatAreNone(t *testing.T) {
	for message, b := range map[string]*BrownianInterval{
		"from 1 to 1, expected a finite interval":     {T0: 1, T1: 1},
		"from NaN to 1, expected a finite interval":   {T0: math.NaN(), T1: 1},
		"from 0 to +Inf, expected a finite interval":  {T1: math.Inf(1)},
		"times of 0 decimals, expected one at least":  {T1: 1, Dyadic: true},
		"times of -1 decimals, expected one at least": {T1: 1, Decimals: -1},
	} {
		require.ErrorContains(t, b.Increment(make([]float32, 2), 0.25, 0.5), message)
	}
	vast := &BrownianInterval{T0: 1e308, T1: 1.7e308, Decimals: 6, Dyadic: true}
	require.ErrorContains(t, vast.Increment(make([]float32, 2), 1.2e308, 1.3e308), "no time of 6 decimals between 1e+308 and 1.7e+308")
	require.ErrorContains(t, dyadic(0).Increment(make([]float32, 2), 3, 2), "from 3 to 2, expected the earlier time first")
	require.ErrorContains(t, dyadic(0).Increment(make([]float32, 2), math.NaN(), 2), "expected the earlier time first")
	large := &BrownianInterval{T1: 1, Device: CUDA}
	require.ErrorContains(t, large.Increment(make([]float32, CUDAThreads+1), 0, 1), "on CUDA")
}

func TestNumbersOfMoreThanOneWordDouble(t *testing.T) {
	number := []uint32{1}
	for range 31 {
		number = twice(number, 0)
	}
	require.Equal(t, []uint32{1 << 31}, number)
	require.Equal(t, []uint32{1, 1}, twice(number, 1))
}
