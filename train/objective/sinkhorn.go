package objective

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
)

// A sinkhorn finds entropic transport plans between two batches of n equal weights,
//
//	P = argmin sum_ij P_ij (cost_ij + reg log P_ij),  rows and columns of P summing to 1/n,
//
// as P_ij = exp((f_i + g_j - cost_ij)/reg) (Cuturi 2013, https://arxiv.org/abs/1306.0895). The scalings exp(f/reg), exp(g/reg) are
// iterated on a kernel into which they are absorbed before they leave the range of float64, which is the log domain at
// the price of products of matrices with vectors (Schmitzer 2019, https://arxiv.org/abs/1610.06519, algorithm 2).
type sinkhorn struct {
	f, g   []float64 // potentials that the kernel holds
	a, b   []float64 // scalings beside them
	sums   []float64
	kernel []float64 // exp((f_i + g_j - cost_ij)/reg), [size, size]; after plan, row i is the distribution of its partner
	size   int
}

const (
	sinkhornSteps     = 200
	sinkhornTolerance = 1e-3  // of the rows' sums, relative
	sinkhornRange     = 1e100 // of the scalings
	annealFrom        = 0.1   // a smaller eps is approached from here on
	annealFactor      = 4
)

func newSinkhorn(n int) *sinkhorn {
	return &sinkhorn{
		f: make([]float64, n), g: make([]float64, n), a: make([]float64, n), b: make([]float64, n),
		sums: make([]float64, n), kernel: make([]float64, n*n),
	}
}

// plan solves for costs [n, n], with reg = eps times their mean. A small reg, for which the iteration is slow, is approached by fourths
// from larger ones, each starting from the potentials of the one before. Each stops when all rows are right to 1e-3, or after 200 rounds;
// the rows are made exact at the end.
func (s *sinkhorn) plan(cost []float64, n int, eps float64) {
	mean := 0.
	for _, c := range cost {
		mean += c / float64(len(cost))
	}
	if !(mean > 0) {
		mean = 1 // all distances are zero: every plan is as good
	}
	s.startPotentials(cost, n)
	first := eps
	for first < annealFrom {
		first *= annealFactor
	}
	for e := first; e > 0.99*eps; e /= annealFactor {
		s.iterate(cost, n, e*mean)
	}
	s.fill(cost, n, eps*mean)
	for i := range n {
		row := s.kernel[i*n : (i+1)*n]
		floats.Scale(1/floats.Sum(row), row)
	}
}

// startPotentials are such that no row and no column of the kernel is all but zero: f_i = min_j cost_ij, g_j = min_i (cost_ij - f_i).
func (s *sinkhorn) startPotentials(cost []float64, n int) {
	for i := range n {
		s.f[i] = slices.Min(cost[i*n : (i+1)*n])
		s.g[i] = math.Inf(1)
		s.a[i], s.b[i] = 1, 1
	}
	for i := range n {
		for j, c := range cost[i*n : (i+1)*n] {
			s.g[j] = min(s.g[j], c-s.f[i])
		}
	}
}

// iterate scales rows and columns in turn for one reg, from the potentials that there are, and leaves its own.
func (s *sinkhorn) iterate(cost []float64, n int, reg float64) {
	a, b, sums := s.a[:n], s.b[:n], s.sums[:n]
	kernel := blas64.General{Rows: n, Cols: n, Stride: n, Data: s.kernel[:n*n]}
	product := func(t blas.Transpose, x []float64) {
		blas64.Gemv(t, 1, kernel, blas64.Vector{N: n, Data: x, Inc: 1}, 0, blas64.Vector{N: n, Data: sums, Inc: 1})
	}
	s.fill(cost, n, reg)
	for step := range sinkhornSteps {
		product(blas.NoTrans, b)
		off := 0.
		for i, sum := range sums {
			off = max(off, math.Abs(a[i]*sum*float64(n)-1))
			a[i] = 1 / (sum * float64(n))
		}
		if step > 0 && off < sinkhornTolerance {
			break
		}
		product(blas.Trans, a)
		for j, sum := range sums {
			b[j] = 1 / (sum * float64(n))
		}
		largest, smallest := max(slices.Max(a), slices.Max(b)), min(slices.Min(a), slices.Min(b))
		if largest > sinkhornRange || smallest < 1/sinkhornRange {
			s.fold(n, reg)
			s.fill(cost, n, reg)
		}
	}
	s.fold(n, reg)
}

// fold moves the scalings into the potentials.
func (s *sinkhorn) fold(n int, reg float64) {
	for i := range n {
		s.f[i] += reg * math.Log(s.a[i])
		s.g[i] += reg * math.Log(s.b[i])
		s.a[i], s.b[i] = 1, 1
	}
}

// fill makes the kernel of the potentials.
func (s *sinkhorn) fill(cost []float64, n int, reg float64) {
	for i := range n {
		row := s.kernel[i*n : (i+1)*n]
		for j, c := range cost[i*n : (i+1)*n] {
			row[j] = math.Exp((s.f[i] + s.g[j] - c) / reg)
		}
	}
	s.size = n
}

// draw is the partner of row i of the last plan that a uniform u picks. Different rows may pick the same partner: each noise is used once
// on average.
func (s *sinkhorn) draw(i int, u float64) int {
	row := s.kernel[i*s.size : (i+1)*s.size]
	for j, p := range row {
		if u -= p; u < 0 {
			return j
		}
	}
	return len(row) - 1
}
