package objective

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
)

// couple is what a coupling makes of random data and noise.
func couple(t *testing.T, c Coupling, n, dim int, labels []int64) (partner []int, z, noise []float32) {
	t.Helper()
	z, noise = make([]float32, n*dim), make([]float32, n*dim)
	require.NoError(t, sampler.Philox{Seed: 1}.Normals(z, 0, n, 0))
	require.NoError(t, sampler.Philox{Seed: 2}.Normals(noise, 0, n, 0))
	u := make([]float64, n)
	require.NoError(t, sampler.Philox{Seed: 3}.Uniforms(u, 0, 1, 0))
	k, err := newCoupler(c, n, dim)
	require.NoError(t, err)
	partner = make([]int, n)
	require.NoError(t, k.couple(partner, z, noise, labels, u))
	return partner, z, noise
}

// meanDistance is the mean squared distance of the pairs.
func meanDistance(z, noise []float32, partner []int) float64 {
	dim, sum := len(z)/len(partner), 0.
	for i, j := range partner {
		for k := range dim {
			d := float64(z[i*dim+k] - noise[j*dim+k])
			sum += d * d
		}
	}
	return sum / float64(len(partner))
}

func identity(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

func TestTransportIsExactAndNearerThanChance(t *testing.T) {
	const n = 64
	for _, dim := range []int{1, 2, 50} {
		partner, z, noise := couple(t, Coupling{Kind: Transport}, n, dim, nil)
		requirePermutation(t, partner)
		cost := make([]float64, n*n)
		for i := range n {
			for j := range n {
				for k := range dim {
					d := float64(z[i*dim+k] - noise[j*dim+k])
					cost[i*n+j] += d * d
				}
			}
		}
		best := total(cost, newAssigner(n).solve(cost, n)) / n
		// The products are float32: a distance is right to 1e-6 of the squared lengths.
		require.InDelta(t, best, meanDistance(z, noise, partner), 1e-5*float64(dim))
		require.Less(t, best, 0.9*meanDistance(z, noise, identity(n)))
	}
}

// In one dimension the best pairing sorts both sides.
func TestTransportOnALineSorts(t *testing.T) {
	partner, z, noise := couple(t, Coupling{Kind: Transport}, 100, 1, nil)
	paired := make([][2]float32, len(z))
	for i, j := range partner {
		paired[i] = [2]float32{z[i], noise[j]}
	}
	slices.SortFunc(paired, func(p, q [2]float32) int { return int(math.Copysign(1, float64(p[0]-q[0]))) })
	require.True(t, slices.IsSortedFunc(paired, func(p, q [2]float32) int { return int(math.Copysign(1, float64(p[1]-q[1]))) }))
}

// A label says nothing about the noise: it stays among those that its class drew, each once, and each class is paired at its best.
func TestTransportStaysInsideAClass(t *testing.T) {
	const n, dim = 60, 3
	labels := make([]int64, n)
	for i := range labels {
		labels[i] = int64(i*i) % 4 // classes 0 and 1, in an order that is not sorted
	}
	partner, z, noise := couple(t, Coupling{Kind: Transport}, n, dim, labels)
	requirePermutation(t, partner)
	for i, j := range partner {
		require.Equal(t, labels[i], labels[j])
	}
	free, _, _ := couple(t, Coupling{Kind: Transport}, n, dim, nil)
	require.Less(t, meanDistance(z, noise, free), meanDistance(z, noise, partner))
	require.Less(t, meanDistance(z, noise, partner), meanDistance(z, noise, identity(n)))
	one, _, _ := couple(t, Coupling{Kind: Transport}, n, dim, slices.Repeat([]int64{7}, n))
	require.Equal(t, free, one, "one class is all")
	alone, _, _ := couple(t, Coupling{Kind: Transport}, n, dim, knuthLabels(n))
	require.Equal(t, identity(n), alone, "classes of one")
}

func knuthLabels(n int) []int64 {
	labels := make([]int64, n)
	for i := range labels {
		labels[i] = int64(n - i)
	}
	return labels
}

// Every row of a plan sums to 1 and every column, over n, too, to the tolerance at which the iteration stops; with more regularisation
// the plan is flatter.
func TestSinkhornsPlanHasItsMarginals(t *testing.T) {
	for _, eps := range []float64{0.01, 0.05, 0.5, 10} {
		for _, kind := range []string{"random", "points"} {
			const n = 50
			s := newSinkhorn(n + 3) // larger than needed
			s.plan(costs(kind, n), n, eps)
			columns := make([]float64, n)
			for i := range n {
				row := 0.
				for j := range n {
					row += s.kernel[i*n+j]
					columns[j] += s.kernel[i*n+j]
				}
				require.InDelta(t, 1, row, 1e-12)
			}
			for j, sum := range columns {
				require.InDelta(t, 1, sum, 0.02, "column %d, eps %v", j, eps)
			}
		}
	}
}

// As eps goes to 0 the plan's cost falls to that of the assignment, and as it grows to that of independence.
func TestSinkhornLiesBetweenTransportAndChance(t *testing.T) {
	const n = 40
	cost := costs("points", n)
	planned := func(eps float64) float64 {
		s, sum := newSinkhorn(n), 0.
		s.plan(cost, n, eps)
		for i, c := range cost {
			sum += c * s.kernel[i]
		}
		return sum
	}
	best := total(cost, newAssigner(n).solve(cost, n))
	chance := 0.
	for _, c := range cost {
		chance += c / n
	}
	require.InEpsilon(t, best, planned(0.001), 0.02)
	require.InEpsilon(t, chance, planned(100), 0.02)
	require.Less(t, planned(0.01), planned(0.1))
	require.Less(t, planned(0.1), planned(1))
}

// Every sample's noise is drawn from its row of the plan.
func TestSinkhornDrawsFromThePlan(t *testing.T) {
	const n, draws = 8, 4000
	s := newSinkhorn(n)
	s.plan(costs("points", n), n, 0.3)
	u := make([]float64, draws)
	require.NoError(t, sampler.Philox{}.Uniforms(u, 0, 1, 0))
	for i := range n {
		counts := make([]float64, n)
		for _, v := range u {
			counts[s.draw(i, v)]++
		}
		for j, count := range counts {
			p := s.kernel[i*n+j]
			require.InDelta(t, p, count/draws, 4*math.Sqrt(p*(1-p)/draws)+1e-9)
		}
	}
	partner, z, noise := couple(t, Coupling{Kind: Sinkhorn}, 64, 2, nil)
	require.Less(t, meanDistance(z, noise, partner), meanDistance(z, noise, identity(64)))
}

// Distances all zero, or so large beside reg that the scalings leave float64 many times over.
func TestSinkhornSurvivesExtremes(t *testing.T) {
	const n = 16
	wild := costs("random", n)
	for i := range wild {
		wild[i] = math.Pow(10, 12*wild[i])
	}
	for _, cost := range [][]float64{make([]float64, n*n), wild} {
		s := newSinkhorn(n)
		s.plan(cost, n, leastEps)
		for _, p := range s.kernel {
			require.False(t, math.IsNaN(p))
		}
	}
}

func TestACouplingThatCannotBeReadSaysWhatCan(t *testing.T) {
	for text, want := range map[string]string{
		"independant":   `unknown coupling "independant" (did you mean "independent"?); expected independent, ot, or sinkhorn(0.05)`,
		"OT":            `(did you mean "ot"?)`,
		"0.1":           `unknown coupling "0.1"`,
		"ot(3)":         "found 1 arguments",
		"sinkhorn(0)":   "at least 0.001, in units of the mean squared distance; for less take ot",
		"sinkhorn(1,2)": "found 2 arguments",
		"sinkhorn(1":    "closing bracket",
	} {
		_, err := ParseCoupling(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
	for text, want := range map[string]string{"": "independent", "ot": "ot", "sinkhorn": "sinkhorn(0.05)", "sinkhorn(1/8)": "sinkhorn(0.125)"} {
		c, err := ParseCoupling(text)
		require.NoError(t, err)
		require.Equal(t, want, c.String())
	}
}

func TestACouplingRefusesWhatItCannotPair(t *testing.T) {
	_, err := (&Objective{Coupling: Coupling{Kind: Transport}}).NewBatch(100_000, 1)
	require.ErrorContains(t, err, "the batch is 100000; expected at most 8192, or coupling independent")
	b, err := (&Objective{Coupling: Coupling{Kind: Transport}}).NewBatch(2, 1)
	require.NoError(t, err)
	require.ErrorContains(t, b.Fill([]float32{1, float32(math.NaN())}, nil, 0, 0), "infinite or not a number")
}
