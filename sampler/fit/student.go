package fit

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"odeon/sampler"
)

// student is a walk of few calls, of all samples that are fitted, in float64. It can be taken up again at any of its rows.
type student struct {
	problem  Problem
	nodes    *nodes
	skeleton *sampler.Plan // times, and what is fed to the network and made of what it gives; its A and B are the teacher's
	calls    *int          // of the network, by all students together
	n        int           // samples

	coef [][]float64 // of row k: A, B_0, B_1, ...
	x    [][]float64 // the states before row k; the last one is the walk's end
	f    [][]float64 // what row k's call gives

	damping float64 // of the next step of the refinement
	settled bool    // no step of it leads closer
}

// newStudent is a walk with calls at some times, before its first row.
func newStudent(p Problem, n *nodes, times []float64, fine *walked, calls *int) (*student, error) {
	w := &student{
		problem: p, nodes: n, calls: calls, n: fine.n, damping: 1e-3,
		coef: make([][]float64, len(times)), x: make([][]float64, len(times)+1), f: make([][]float64, len(times)),
	}
	w.x[0] = float64s(fine.states[0])
	return w, w.at(times)
}

// at sets the times of the student's calls.
func (w *student) at(times []float64) (err error) {
	w.skeleton, err = w.nodes.plan(times)
	return err
}

// times are those of the calls.
func (w *student) times() []float64 {
	times := make([]float64, len(w.skeleton.Rows))
	for k := range times {
		times[k] = w.skeleton.Rows[k].T
	}
	return times
}

// fork is a student that has walked as far as this one before row k, and shares that part with it.
func (w *student) fork(k int) *student {
	v := *w
	v.coef = slices.Clone(w.coef)
	v.x = append(slices.Clone(w.x[:k+1]), make([][]float64, len(w.x)-k-1)...)
	v.f = append(slices.Clone(w.f[:k]), make([][]float64, len(w.f)-k)...)
	return &v
}

// call makes f of row k.
func (w *student) call(ctx context.Context, k int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	row := &w.skeleton.Rows[k]
	x := make([]float32, len(w.x[k]))
	for i, v := range w.x[k] {
		x[i] = float32(v)
	}
	p := make([]float32, len(x))
	*w.calls++
	if err := sampler.Clip(w.problem.Network, w.skeleton).Predict(ctx, p, x, row.At(w.problem.First, len(x)/w.problem.Dim)); err != nil {
		return err
	}
	f := float64s(p)
	if row.FP != 0 {
		for i := range f {
			f[i] = row.FX*w.x[k][i] + row.FP*f[i]
		}
	}
	w.f[k] = f
	return nil
}

// basis is what row k combines: the state, and what the calls gave, the newest first.
func (w *student) basis(k int) [][]float64 {
	basis := [][]float64{w.x[k]}
	for j := k; j >= 0; j-- {
		basis = append(basis, w.f[j])
	}
	return basis
}

// step makes the state after row k.
func (w *student) step(k int) {
	next := make([]float64, len(w.x[k]))
	for j, b := range w.basis(k) {
		c := w.coef[k][j]
		for i := range next {
			next[i] += c * b[i]
		}
	}
	w.x[k+1] = next
}

// walk takes the rows from k on.
func (w *student) walk(ctx context.Context, k int) error {
	for ; k < len(w.coef); k++ {
		if err := w.call(ctx, k); err != nil {
			return err
		}
		w.step(k)
	}
	return nil
}

// learn fits row k to what is to be reached after it, and takes it.
func (w *student) learn(k int, target []float32) {
	row := &w.skeleton.Rows[k]
	prior := make([]float64, k+2)
	prior[0] = row.A
	copy(prior[1:], row.B)
	w.coef[k] = leastSquares(w.basis(k), prior, target)
	w.step(k)
}

// ridge is how much a row's coefficients are held to the teacher's: a share of each one's weight in the equations. Predictions of
// neighbouring times are nearly the same, and a row that told them apart by large coefficients would lose the digits of float32.
// floor is a share of the largest weight that is always added: a prediction may be zero but for rounding (the mean of the data,
// from pure noise), and then says nothing, however it is multiplied.
const (
	ridge = 1e-6
	floor = 1e-9
)

// leastSquares are the coefficients c that minimize |sum_j c_j basis_j - target|^2 + sum_j h_j (c_j - prior_j)^2, with the holds
// h_j = ridge |basis_j|^2 + floor max_i |basis_i|^2.
func leastSquares(basis [][]float64, prior []float64, target []float32) []float64 {
	m := len(basis)
	rest := float64s(target)
	for j, b := range basis {
		for i := range rest {
			rest[i] -= prior[j] * b[i]
		}
	}
	gram, right := mat.NewSymDense(m, nil), make([]float64, m)
	for i, a := range basis {
		for j := i; j < m; j++ {
			gram.SetSym(i, j, dot(a, basis[j]))
		}
		right[i] = dot(a, rest)
	}
	c := slices.Clone(prior)
	change, ok := damped(gram, right, ridge)
	for j := range change {
		if ok {
			c[j] += change[j]
		}
	}
	return c
}

// damped solves (G + damping diag G + floor max G) s = g for a matrix G that has no negative eigenvalue but by rounding.
func damped(gram *mat.SymDense, g []float64, damping float64) (s []float64, ok bool) {
	m := gram.SymmetricDim()
	a := mat.NewSymDense(m, nil)
	a.CopySym(gram)
	most := math.SmallestNonzeroFloat64
	for i := range m {
		most = max(most, gram.At(i, i))
	}
	for i := range m {
		a.SetSym(i, i, gram.At(i, i)*(1+damping)+floor*most)
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(a) {
		return nil, false
	}
	into := mat.NewVecDense(m, nil)
	if err := cholesky.SolveVecTo(into, mat.NewVecDense(m, g)); err != nil {
		if _, near := err.(mat.Condition); !near {
			return nil, false
		}
	}
	s = into.RawVector().Data
	return s, finite(s)
}

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// errors are the samples' distances from where the fine walk takes them, each the root mean square over its elements.
func (w *student) errors(end []float32) []float64 {
	x, dim := w.x[len(w.x)-1], w.problem.Dim
	errors := make([]float64, w.n)
	for k := range errors {
		for i := k * dim; i < (k+1)*dim; i++ {
			d := x[i] - float64(end[i])
			errors[k] += d * d / float64(dim)
		}
		errors[k] = math.Sqrt(errors[k])
	}
	return errors
}

// mean is infinite where a value is no number.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v / float64(len(values))
	}
	if math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}
