package fit

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// unknown is one number that is fitted: a coefficient of a row, or the time of its call.
type unknown struct {
	row    int
	column int // of student.coef; atTime: the time
}

const atTime = -1

// refineBoth refines the two students of the search, both of them a little, and then one: that with the moved times if it is twice as
// close. They suit rows that are fitted one by one, so that it begins ahead, and mostly ends behind when all are fitted together.
func refineBoth(ctx context.Context, known, moved *student, fine *walked, effort int) (*student, error) {
	const trial, ahead = 3, 2 // steps, times
	w := moved
	if !known.nodes.only && known != moved {
		tried, err := known.refine(ctx, fine, effort, trial)
		if err != nil {
			return nil, err
		}
		if w, err = moved.refine(ctx, fine, effort, trial); err != nil {
			return nil, err
		}
		if mean(tried.errors(fine.end)) < ahead*mean(w.errors(fine.end)) {
			w = tried
		}
	}
	return w.refine(ctx, fine, effort, math.MaxInt)
}

// refine lowers the error at the end, of which the rows' own errors do not tell, over times and coefficients together: by Levenberg
// and Marquardt's form of Gauss and Newton's method (Nocedal and Wright 2006, section 10.3). The derivatives are differences of walks
// that begin where the number has its effect: some N^3/6 calls for a plan of N.
//
// Some samples lie where the walk parts between two kinds of data, and there is no plan that takes all of these to the right side;
// the squares of their errors would outweigh all others. So the sum is Cauchy's, of c^2 log(1 + e^2/c^2) over the samples, c three
// times the median of e: Newton's equations then have the weights 1/(1 + e^2/c^2).
//
// It takes so many steps at most, within the effort; a student that has settled is left as it is.
func (w *student) refine(ctx context.Context, fine *walked, effort, steps int) (*student, error) {
	const (
		tries  = 6
		enough = 1e-3 // of the sum, below which another step is not worth its calls
	)
	for ; steps > 0 && !w.settled; steps-- {
		e := w.errors(fine.end)
		c := max(3*median(e), math.SmallestNonzeroFloat64)
		sum := cauchy(e, c)
		unknowns := w.unknowns(effort - *w.calls)
		if len(unknowns) == 0 || !(sum > 0) {
			break
		}
		gram, right, err := w.equations(ctx, fine, unknowns, e, c)
		if err != nil {
			return nil, err
		}
		var better *student
		for try := 0; try < tries && better == nil; try++ {
			v, err := w.changed(ctx, unknowns, gram, right)
			if err != nil {
				return nil, err
			}
			if v != nil && cauchy(v.errors(fine.end), c) < sum {
				better = v
				better.damping = max(w.damping/5, 1e-9)
			}
			w.damping *= 6
		}
		if better == nil {
			w.settled = true
			break
		}
		w = better
		w.settled = cauchy(w.errors(fine.end), c) > (1-enough)*sum
	}
	return w, nil
}

// unknowns are what a step of the refinement changes: all times and coefficients; or, where that needs more than half of the calls
// that are left, the times and as many coefficients of each row, its newest, as can be had for it.
func (w *student) unknowns(left int) []unknown {
	rows := len(w.coef)
	for columns := rows + 1; columns > 0; columns-- {
		var list []unknown
		cost := rows
		for k := range rows {
			if k > 0 && !w.nodes.only {
				list = append(list, unknown{k, atTime})
				cost += rows - k
			}
			for j := range min(k+2, columns) {
				list = append(list, unknown{k, j})
				cost += rows - k - 1
			}
		}
		if cost <= left && (columns <= 2 || 2*cost <= left) {
			return list
		}
	}
	return nil
}

// equations are those of Gauss and Newton, G s = g with G = J W J^T and g = J W (target - end), J the derivatives of the end.
func (w *student) equations(ctx context.Context, fine *walked, unknowns []unknown, e []float64, c float64) (*mat.SymDense, []float64, error) {
	end := w.x[len(w.x)-1]
	picked := pick(len(end))
	root := make([]float64, len(picked)) // of the weight
	rest := make([]float64, len(picked))
	for i, at := range picked {
		ratio := e[at/w.problem.Dim] / c
		root[i] = 1 / math.Sqrt(1+ratio*ratio)
		rest[i] = root[i] * (float64(fine.end[at]) - end[at])
	}
	j := mat.NewDense(len(unknowns), len(picked), nil)
	for row, u := range unknowns {
		moved, by, err := w.moved(ctx, u)
		if err != nil {
			return nil, nil, err
		}
		derivative := j.RawRowView(row)
		for i, at := range picked {
			derivative[i] = root[i] * (moved[at] - end[at]) / by
		}
	}
	gram, right := mat.NewSymDense(len(unknowns), nil), mat.NewVecDense(len(unknowns), nil)
	gram.SymOuterK(1, j)
	right.MulVec(j, mat.NewVecDense(len(rest), rest))
	return gram, right.RawVector().Data, nil
}

// mostEquations are enough to tell the unknowns by.
const mostEquations = 1 << 17

// pick chooses that many elements of the samples, evenly, where there are more.
func pick(elements int) []int {
	picked := make([]int, min(elements, mostEquations))
	for i := range picked {
		picked[i] = i * elements / len(picked)
	}
	return picked
}

// moved is the walk's end after a small change of an unknown.
func (w *student) moved(ctx context.Context, u unknown) (end []float64, by float64, err error) {
	k := u.row
	if u.column == atTime {
		times := w.times()
		next := w.nodes.latest
		if k+1 < len(times) {
			next = times[k+1]
		}
		by = 1e-3 * (next - times[k-1])
		if times[k]+by > next || times[k]+by > w.nodes.latest {
			by = -by
		}
		v := w.fork(k)
		times[k] += by
		if err := v.at(times); err != nil {
			return nil, 0, err
		}
		err = v.walk(ctx, k)
		return v.x[len(v.x)-1], by, err
	}
	by = 1e-3
	v := w.fork(k + 1)
	next := slices.Clone(w.x[k+1])
	for i, b := range w.basis(k)[u.column] {
		next[i] += by * b
	}
	v.x[k+1] = next
	err = v.walk(ctx, k+1)
	return v.x[len(v.x)-1], by, err
}

// changed is the student after a step of Newton's method with a damping; nil where that step leads astray.
func (w *student) changed(ctx context.Context, unknowns []unknown, gram *mat.SymDense, right []float64) (*student, error) {
	s, ok := damped(gram, right, w.damping)
	if !ok {
		return nil, nil
	}
	v := w.fork(0)
	times := w.times()
	for k := range v.coef {
		v.coef[k] = slices.Clone(v.coef[k])
	}
	for i, u := range unknowns {
		if u.column == atTime {
			times[u.row] += s[i]
		} else {
			v.coef[u.row][u.column] += s[i]
		}
	}
	if !w.nodes.admits(times) {
		return nil, nil
	}
	if err := v.at(times); err != nil {
		return nil, err
	}
	return v, v.walk(ctx, 0)
}

// cauchy is the sum of c^2 log(1 + e^2/c^2) over the samples' errors; infinite where one is no number.
func cauchy(errors []float64, c float64) float64 {
	sum := 0.0
	for _, e := range errors {
		sum += c * c * math.Log1p(e/c*(e/c))
	}
	if math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
