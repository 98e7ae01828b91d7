package data

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryEpochIsAPermutation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 4097} {
		o := NewOrder(n, uint64(n))
		for epoch := range int64(3) {
			seen := make([]bool, n)
			for k := range int64(n) {
				i := o.Index(epoch*int64(n) + k)
				require.True(t, i >= 0 && i < int64(n) && !seen[i], "n = %d, position %d: sample %d", n, k, i)
				seen[i] = true
			}
		}
	}
}

func TestAnOrderCanBeEnteredAnywhere(t *testing.T) {
	o := NewOrder(100, 5)
	all := make([]int64, 1000)
	o.Indices(all, 0)
	for _, first := range []int64{0, 1, 99, 100, 250, 937} {
		some := make([]int64, 63)
		o.Indices(some, first)
		require.Equal(t, all[first:first+63], some)
		require.Equal(t, all[first], o.Index(first))
	}
	require.NotEqual(t, all[:100], all[100:200], "epochs differ")
	other := make([]int64, 100)
	NewOrder(100, 6).Indices(other, 0)
	require.NotEqual(t, all[:100], other, "seeds differ")
}

// Over many epochs, every sample stands at every position equally often, and every pair of samples at every pair of positions.
// The statistic is chi square over its degrees of freedom: 1 with a deviation of sqrt(2/degrees), of which five are granted.
func TestPermutationsAreEven(t *testing.T) {
	const epochs = 10_000
	for _, n := range []int{2, 3, 6, 16, 23, 100} {
		single, pair := make([]float64, n*n), make([]float64, n*n)
		o := NewOrder(n, 1)
		order := make([]int64, n)
		for e := range int64(epochs) {
			o.Indices(order, e*int64(n))
			for k, i := range order {
				single[k*n+int(i)]++
			}
			pair[int(order[0])*n+int(order[n-1])]++
		}
		require.InDelta(t, 1, chiSquare(single, epochs/float64(n))/float64((n-1)*(n-1)), 5*math.Sqrt(2/float64((n-1)*(n-1))), "n = %d", n)
		cells := n * (n - 1)
		require.InDelta(t, 1, (chiSquare(pair, epochs/float64(cells))-float64(n)*epochs/float64(cells))/float64(cells-1),
			5*math.Sqrt(2/float64(cells-1)), "n = %d, first and last", n)
	}
}

// chiSquare is the sum of (found - expected)^2/expected.
func chiSquare(found []float64, expected float64) float64 {
	sum := 0.0
	for _, f := range found {
		sum += (f - expected) * (f - expected) / expected
	}
	return sum
}

func TestLargeOrdersStayBelowTheirSize(t *testing.T) {
	for _, n := range []int{1<<31 + 11, 1 << 40, math.MaxInt} {
		o := NewOrder(n, 1)
		for k := range int64(1000) {
			i := o.Index(k)
			require.True(t, i >= 0 && i < int64(n))
		}
	}
}

func TestAnEndlessSetComesInItsOwnOrder(t *testing.T) {
	require.EqualValues(t, 12345, NewOrder(-1, 7).Index(12345))
}

func BenchmarkOrder(b *testing.B) {
	o := NewOrder(60_000, 0)
	dst := make([]int64, 64)
	for k := int64(0); b.Loop(); k += 64 {
		o.Indices(dst, k)
	}
}
