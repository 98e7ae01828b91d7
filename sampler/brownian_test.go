package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// brownian is n paths of Brownian motion on [0, 1], built from the noise source as a walk builds them:
//
//	W_0 = 0,  W_{t_k} = W_{t_{k-1}} + sqrt(t_k - t_{k-1}) xi_k,  xi_k draw k
//
// It returns paths[k][s] = W_{t_k} of sample s.
func brownian(t *testing.T, seed uint64, n int, times []float64) (paths [][]float64) {
	t.Helper()
	require.Zero(t, times[0])
	paths = append(paths, make([]float64, n))
	for k := 1; k < len(times); k++ {
		scale := math.Sqrt(times[k] - times[k-1])
		next := make([]float64, n)
		for s, xi := range normals(t, Philox{Seed: seed}, 0, n, k, 1) {
			next[s] = paths[k-1][s] + scale*float64(xi)
		}
		paths = append(paths, next)
	}
	return paths
}

// increment is W_t - W_s for every path.
func increment(ws, wt []float64) []float64 {
	d := make([]float64, len(ws))
	for i := range d {
		d[i] = wt[i] - ws[i]
	}
	return d
}

// correlation of two samples of mean zero and known deviations, times sqrt(n): standard normal if they are independent.
func correlation(x, y []float64, dx, dy float64) float64 {
	sum := 0.0
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum / (dx * dy * math.Sqrt(float64(len(x))))
}

// requireNormal checks mean, variance and distribution against N(0, deviation^2).
func requireNormal(t *testing.T, x []float64, deviation float64, what string, args ...any) {
	t.Helper()
	args = append([]any{what}, args...)
	mean, square, root := 0.0, 0.0, math.Sqrt(float64(len(x)))
	for _, v := range x {
		mean += v / deviation
		square += v*v/(deviation*deviation) - 1
	}
	require.Less(t, math.Abs(mean)/root, unlikely, args...)
	require.Less(t, math.Abs(square)/(math.Sqrt2*root), unlikely, args...)
	require.Less(t, kolmogorovSmirnov(x, deviation), 2.2, args...)
}

var uneven = []float64{0, 0.1, 0.15, 0.4, 0.8, 1}

func TestBrownianIncrementsAreGaussianWithTheElapsedTimeAsVariance(t *testing.T) {
	paths := brownian(t, 1, 1<<16, uneven)
	for _, w := range paths[0] {
		require.Zero(t, w, "W_0")
	}
	for i, s := range uneven {
		for j := i + 1; j < len(uneven); j++ {
			requireNormal(t, increment(paths[i], paths[j]), math.Sqrt(uneven[j]-s), "W_%g - W_%g", uneven[j], s)
		}
	}
}

func TestBrownianIncrementsAreIndependentOfThePastAndOfTheStart(t *testing.T) {
	const n = 1 << 16
	paths := brownian(t, 2, n, uneven)
	start := make([]float64, n)
	for s, x := range normals(t, Philox{Seed: 2}, 0, n, 0, 1) {
		start[s] = float64(x)
	}
	for i, s := range uneven {
		for j := i + 1; j < len(uneven); j++ {
			later, deviation := increment(paths[i], paths[j]), math.Sqrt(uneven[j]-s)
			require.Less(t, math.Abs(correlation(start, later, 1, deviation)), unlikely, "start and W_%g - W_%g", uneven[j], s)
			for past := 1; past <= i; past++ {
				r := correlation(paths[past], later, math.Sqrt(uneven[past]), deviation)
				require.Less(t, math.Abs(r), unlikely, "W_%g and W_%g - W_%g", uneven[past], uneven[j], s)
			}
		}
	}
}

// E W_s W_t = min(s, t), from which a Gaussian process is Brownian motion.
func TestBrownianCovarianceIsTheEarlierTime(t *testing.T) {
	const n = 1 << 16
	paths := brownian(t, 3, n, uneven)
	for i, s := range uneven {
		for j, u := range uneven {
			sum := 0.0
			for k := range n {
				sum += paths[i][k] * paths[j][k]
			}
			least := min(s, u)
			deviation := math.Sqrt((s*u + least*least) / n)
			require.LessOrEqual(t, math.Abs(sum/n-least), unlikely*deviation, "times %g and %g", s, u)
		}
	}
}

// Four times, each interval cut into m: the sums over the fine increments are distributed as the coarse increments are.
func TestBrownianMotionOnARefinedGridIsTheSameProcess(t *testing.T) {
	const n = 1 << 14
	coarse := []float64{0, 0.25, 0.5, 1}
	for _, m := range []int{1, 4, 32} {
		fine := []float64{0}
		for i := 1; i < len(coarse); i++ {
			for k := 1; k <= m; k++ {
				fine = append(fine, coarse[i-1]+(coarse[i]-coarse[i-1])*float64(k)/float64(m))
			}
		}
		paths := brownian(t, 4, n, fine)
		var last []float64
		for i := 1; i < len(coarse); i++ {
			d, deviation := increment(paths[(i-1)*m], paths[i*m]), math.Sqrt(coarse[i]-coarse[i-1])
			if i > 1 {
				r := correlation(last, d, math.Sqrt(coarse[i-1]-coarse[i-2]), deviation)
				require.Less(t, math.Abs(r), unlikely, "grid refined %d times", m)
			}
			last = append([]float64(nil), d...)
			requireNormal(t, d, deviation, "grid refined %d times, interval %d", m, i)
		}
	}
}

// sum (dW)^2 over a grid of K steps on [0, 1] has mean 1 and variance 2/K: it tends to the elapsed time.
func TestBrownianQuadraticVariationIsTheElapsedTime(t *testing.T) {
	const n = 256
	for _, steps := range []int{16, 256, 1024} {
		times := make([]float64, steps+1)
		for k := range times {
			times[k] = float64(k) / float64(steps)
		}
		paths := brownian(t, 5, n, times)
		mean, spread := 0.0, 0.0
		for s := range n {
			variation := 0.0
			for k := 1; k <= steps; k++ {
				variation += (paths[k][s] - paths[k-1][s]) * (paths[k][s] - paths[k-1][s])
			}
			mean += (variation - 1) / n
			spread += (variation - 1) * (variation - 1) / n
		}
		variance := 2 / float64(steps)
		require.Less(t, math.Abs(mean), unlikely*math.Sqrt(variance/n), "%d steps", steps)
		require.InEpsilon(t, variance, spread, 0.5, "%d steps", steps) // more than five deviations of a mean of 256 squares
	}
}
