package sampler

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// boxMullerReference is the formula with package math's functions in float64. The angle is first reduced exactly to an
// eighth of a turn around zero, so that the sine keeps its relative accuracy next to its zeros.
func boxMullerReference(w0, w1 uint32) (x, y float64) {
	r := math.Sqrt(-2 * math.Log((float64(w0)+1)/(1<<32)))
	quadrant := math.Floor(float64(w1)/(1<<30) + 0.5)
	sin, cos := math.Sincos(math.Pi / 2 * (float64(w1)/(1<<30) - quadrant))
	switch int(quadrant) & 3 {
	case 0:
		return r * cos, r * sin
	case 1:
		return -r * sin, r * cos
	case 2:
		return -r * cos, -r * sin
	}
	return r * sin, -r * cos
}

// ulps is the distance of x from the exact value in units of x's last place.
func ulps(x float32, exact float64) float64 {
	place := float64(math.Nextafter32(float32(math.Abs(float64(x))), math.MaxFloat32)) - math.Abs(float64(x))
	return math.Abs(float64(x)-exact) / place
}

func TestTheTransformIsRoundedToTheNearestFloat(t *testing.T) {
	var words []uint32
	for i := range uint32(1 << 10) { // both ends, and both sides of every quadrant and of every power of two
		words = append(words, i, math.MaxUint32-i)
		words = append(words, i%8<<29+i/8, i%8<<29-i/8-1, 1<<(i%32)+i/32, 1<<(i%32)-i/32)
	}
	for block := range uint32(1 << 16) {
		w0, w1, w2, w3 := Philox4x32(block, 0, 0, 0, 1, 0)
		words = append(words, w0, w1, w2, w3)
	}

	worst, missed, count := 0.0, 0, 0
	check := func(w0, w1 uint32) {
		x, y := boxMuller(w0, w1)
		a, b := boxMullerReference(w0, w1)
		worst = max(worst, ulps(x, a), ulps(y, b))
		for _, same := range []bool{x == float32(a), y == float32(b)} {
			if count++; !same {
				missed++
			}
		}
	}
	for i, w := range words {
		check(w, words[(i+1)%len(words)])
		check(w, words[(7*i+3)%len(words)])
		check(words[(5*i+1)%len(words)], w)
	}
	require.LessOrEqual(t, worst, 0.5+0.002, "errors in units of the last place")
	require.LessOrEqual(t, float64(missed)/float64(count), 1.0/500, "results that are not the nearest float32")
}

func TestTheNormalsReachSixAndTwoThirds(t *testing.T) {
	largest := math.Sqrt(64 * math.Ln2) // 6.6604
	for quadrant, want := range [][2]float64{{1, 0}, {0, 1}, {-1, 0}, {0, -1}} {
		x, y := boxMuller(0, uint32(quadrant)<<30)
		require.Equal(t, float32(want[0]*largest), x)
		require.Equal(t, float32(want[1]*largest), y)
	}

	// The largest word is u = 1, and ln 1 = 0 exactly; one below it is sqrt(2 2^-32).
	x, y := boxMuller(math.MaxUint32, 12345)
	require.Zero(t, x)
	require.Zero(t, y)
	x, _ = boxMuller(math.MaxUint32-1, 0)
	require.InEpsilon(t, math.Sqrt(2)/(1<<16), x, 1e-7)
}

// many is a fixed sample of 2^23 normals, long enough for four or five beyond five standard deviations.
func many(t *testing.T) []float32 { return normals(t, Philox{Seed: 20240229}, 0, 1<<11, 1, 1<<12) }

// Every bound below is on a statistic that is standard normal if the generator is right: 4.5 is exceeded once in 150,000.
const unlikely = 4.5

func TestMomentsUpToTheSixth(t *testing.T) {
	x := many(t)
	var sums [7]float64
	for _, v := range x {
		power := 1.0
		for k := range sums {
			sums[k] += power
			power *= float64(v)
		}
	}
	moment := []float64{1, 0, 1, 0, 3, 0, 15, 0, 105, 0, 945, 0, 10395} // E X^k = (k-1)!! for even k
	for k := 1; k <= 6; k++ {
		deviation := math.Sqrt((moment[2*k] - moment[k]*moment[k]) / float64(len(x)))
		require.Less(t, math.Abs(sums[k]/float64(len(x))-moment[k])/deviation, unlikely, "moment %d", k)
	}
}

func TestTails(t *testing.T) {
	x := many(t)
	for _, at := range []float64{1, 2, 3, 4, 5} {
		var above, below float64
		for _, v := range x {
			if float64(v) > at {
				above++
			}
			if float64(v) < -at {
				below++
			}
		}
		expected := float64(len(x)) * math.Erfc(at/math.Sqrt2) / 2
		require.Less(t, math.Abs(above-expected)/math.Sqrt(expected), unlikely, "%g above %g, expected %g", above, at, expected)
		require.Less(t, math.Abs(below-expected)/math.Sqrt(expected), unlikely, "%g below -%g, expected %g", below, at, expected)
	}
}

// kolmogorovSmirnov is sqrt(n) times the largest distance between the empirical distribution of x, which it sorts, and
// that of a normal of the given standard deviation. It exceeds 2.2 with probability 2 exp(-2 2.2^2) = 1.3e-4.
func kolmogorovSmirnov(x []float64, deviation float64) float64 {
	slices.Sort(x)
	n, distance := float64(len(x)), 0.0
	for i, v := range x {
		cdf := math.Erfc(-v/deviation/math.Sqrt2) / 2
		distance = max(distance, cdf-float64(i)/n, float64(i+1)/n-cdf)
	}
	return math.Sqrt(n) * distance
}

func TestTheDistributionIsNormal(t *testing.T) {
	wide := func(x []float32) (w []float64) {
		for _, v := range x {
			w = append(w, float64(v))
		}
		return w
	}
	require.Less(t, kolmogorovSmirnov(wide(many(t)[:1<<20]), 1), 2.2, "the elements of some samples")
	require.Less(t, kolmogorovSmirnov(wide(normals(t, Philox{Seed: 5}, 0, 1<<18, 0, 1)), 1), 2.2, "the first element of many samples")

	var draws, seeds []float64
	for k := range 1 << 16 {
		draws = append(draws, wide(normals(t, Philox{Seed: 5}, 3, 1, k, 3))...)
		seeds = append(seeds, wide(normals(t, Philox{Seed: uint64(k)}, 0, 1, 0, 3))...)
	}
	require.Less(t, kolmogorovSmirnov(draws, 1), 2.2, "many draws of one sample")
	require.Less(t, kolmogorovSmirnov(seeds, 1), 2.2, "many seeds")
}

// neighbours are pairs of normals that stand side by side in some sense, and must know nothing of each other.
func neighbours(t *testing.T) map[string][2][]float32 {
	const n, dim = 1 << 9, 1 << 10
	here := normals(t, Philox{Seed: 11}, 0, n, 1, dim)
	pairs := map[string][2][]float32{
		"samples": {here, normals(t, Philox{Seed: 11}, 1, n, 1, dim)},
		"draws":   {here, normals(t, Philox{Seed: 11}, 0, n, 2, dim)},
		"seeds":   {here, normals(t, Philox{Seed: 12}, 0, n, 1, dim)},
		"seeds 2^32 apart": {
			here, normals(t, Philox{Seed: 11 + 1<<32}, 0, n, 1, dim),
		},
	}
	for lag := 1; lag <= 8; lag++ {
		pairs[fmt.Sprintf("elements %d apart", lag)] = [2][]float32{here[:len(here)-lag], here[lag:]}
	}
	var first, second []float32 // the two that come from one pair of words share their radius
	for i := 0; i < len(here); i += 2 {
		first, second = append(first, here[i]), append(second, here[i+1])
	}
	pairs["cosine and sine"] = [2][]float32{first, second}
	return pairs
}

func TestNeighboursAreUncorrelated(t *testing.T) {
	for name, pair := range neighbours(t) {
		var product, square, mixed float64
		for i, a := range pair[0] {
			x, y := float64(a), float64(pair[1][i])
			product += x * y                // variance 1
			square += (x*x - 1) * (y*y - 1) // variance 4: the radii
			mixed += x*(y*y-1) + y*(x*x-1)  // variance 4
		}
		root := math.Sqrt(float64(len(pair[0])))
		require.Less(t, math.Abs(product)/root, unlikely, name)
		require.Less(t, math.Abs(square)/(2*root), unlikely, "squares: %s", name)
		require.Less(t, math.Abs(mixed)/(2*root), unlikely, "value and square: %s", name)
	}
}

// Pairs fall into 16 x 16 cells of equal probability.
func TestPairsFillTheSquareEvenly(t *testing.T) {
	const bins = 16
	bin := func(x float32) int {
		return min(int(bins*math.Erfc(-float64(x)/math.Sqrt2)/2), bins-1)
	}
	for name, pair := range neighbours(t) {
		var counts [bins][bins]float64
		for i, a := range pair[0] {
			counts[bin(a)][bin(pair[1][i])]++
		}
		expected, chi := float64(len(pair[0]))/(bins*bins), 0.0
		for _, row := range counts {
			for _, count := range row {
				chi += (count - expected) * (count - expected) / expected
			}
		}
		// Chi-square with k degrees of freedom has mean k and variance 2k.
		const freedom = bins*bins - 1
		require.Less(t, math.Abs(chi-freedom)/math.Sqrt(2*freedom), unlikely, name)
	}
}
