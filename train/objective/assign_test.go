package objective

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// knuth are the numbers of Knuth's MMIX generator, the upper 53 bits of x <- 6364136223846793005 x + 1442695040888963407, in [0, 1). They
// are easy to make in any language.
func knuth(seed uint64, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		seed = seed*6364136223846793005 + 1442695040888963407
		list[i] = float64(seed>>11) / (1 << 53)
	}
	return list
}

// costs are n x n costs: "random" ones, squared distances of "points" in the square, the second set denser at the axes, or "ints" from 0 to 9.
func costs(kind string, n int) []float64 {
	if kind != "points" {
		c := knuth(uint64(n), n*n)
		for i := range c {
			if kind == "ints" {
				c[i] = math.Floor(10 * c[i])
			}
		}
		return c
	}
	c, p := make([]float64, n*n), knuth(uint64(n), 4*n)
	for i := range n {
		for j := range n {
			for k := range 2 {
				q := p[2*n+2*j+k]
				d := p[2*i+k] - q*q
				c[i*n+j] += d * d
			}
		}
	}
	return c
}

func total(cost []float64, columns []int) float64 {
	sum := 0.
	for i, j := range columns {
		sum += cost[i*len(columns)+j]
	}
	return sum
}

func requirePermutation(t *testing.T, columns []int) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(columns))
	for i, j := range sorted {
		require.Equal(t, i, j)
	}
}

// The least totals are those of scipy.optimize.linear_sum_assignment (scipy 1.17.1, numpy 2) on the same costs.
func TestTheAssignmentCostsWhatScipysDoes(t *testing.T) {
	for _, c := range []struct {
		kind string
		n    int
		want float64
	}{
		{"random", 10, 1.445030656326501}, {"random", 64, 1.622198614117244}, {"random", 256, 1.6502867701185928},
		{"points", 10, 0.7975334429531074}, {"points", 64, 2.263691758682227}, {"points", 256, 18.421244385237955},
		{"ints", 10, 10}, {"ints", 64, 0}, {"ints", 256, 0},
	} {
		columns := newAssigner(c.n).solve(costs(c.kind, c.n), c.n)
		requirePermutation(t, columns)
		require.InDelta(t, c.want, total(costs(c.kind, c.n), columns), 1e-12*float64(c.n), "%s %d", c.kind, c.n)
	}
}

// The prices left behind prove the assignment to be the best: every row has its cheapest column. The sum of u_i = min_j (c_ij - v_j) and
// v_j is then a lower bound of every assignment's cost (duality) that this one attains.
func TestThePricesProveTheAssignment(t *testing.T) {
	for _, kind := range []string{"random", "points", "ints"} {
		for _, n := range []int{2, 3, 17, 100, 300} {
			a, cost := newAssigner(n), costs(kind, n)
			columns := a.solve(cost, n)
			bound := 0.
			for i := range n {
				least := math.Inf(1)
				for j := range n {
					least = min(least, cost[i*n+j]-a.v[j])
				}
				bound += least + a.v[i]
			}
			require.InDelta(t, bound, total(cost, columns), 1e-11*float64(n), "%s %d", kind, n)
		}
	}
}

// All permutations, for small problems with and without ties.
func TestTheAssignmentIsTheBestOfAll(t *testing.T) {
	var best func(cost []float64, n, i int, used uint) float64
	best = func(cost []float64, n, i int, used uint) float64 {
		if i == n {
			return 0
		}
		least := math.Inf(1)
		for j := range n {
			if used&(1<<j) == 0 {
				least = min(least, cost[i*n+j]+best(cost, n, i+1, used|1<<j))
			}
		}
		return least
	}
	a := newAssigner(8)
	for n := 1; n <= 8; n++ {
		for seed := range 20 {
			if n == 8 && seed > 3 {
				break
			}
			for _, coarse := range []float64{1, 3} {
				cost := knuth(uint64(1000*n+seed), n*n)
				if coarse > 1 {
					for i := range cost {
						cost[i] = math.Floor(coarse * cost[i])
					}
				}
				columns := a.solve(cost, n)
				requirePermutation(t, columns)
				require.InDelta(t, best(cost, n, 0, 0), total(cost, columns), 1e-12, "n %d, seed %d", n, seed)
			}
		}
	}
}

func TestEqualCostsAreSettledTheSameWay(t *testing.T) {
	for _, n := range []int{5, 64} {
		require.Equal(t, newAssigner(n).solve(make([]float64, n*n), n), newAssigner(n).solve(make([]float64, n*n), n))
		a := newAssigner(n)
		first := slices.Clone(a.solve(costs("ints", n), n))
		a.solve(costs("points", n), n)
		require.Equal(t, first, a.solve(costs("ints", n), n), "after another problem")
	}
}

func BenchmarkAssignment(b *testing.B) {
	for _, kind := range []string{"random", "points"} {
		for _, n := range []int{64, 256, 1024} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				a, cost := newAssigner(n), costs(kind, n)
				for b.Loop() {
					a.solve(cost, n)
				}
			})
		}
	}
}
