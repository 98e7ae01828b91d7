package sampler

import (
	"fmt"
	"math"
)

// The loop's arithmetic is float32. Every product is rounded before it is added, float32(a*b) + c: where the processor
// has a fused multiply-add the compiler would use it, and samples would differ from machine to machine.

// term is one summand of a row.
type term struct {
	c float32
	v []float32
}

// tile is how many elements are finished before the next are begun: few enough that what a row with many terms reads and
// writes again stays in the first-level cache.
const tile = 1024

// combine replaces the state by the row's linear combination and says whether it is finite.
func (x *State) combine(row *Row) bool { return x.write(x.X, row) }

// write stores the row's linear combination in to and says whether it is finite.
func (x *State) write(to []float32, row *Row) bool {
	terms := x.terms[:0]
	if row.A != 0 {
		terms = append(terms, term{float32(row.A), x.X})
	}
	if row.A0 != 0 {
		terms = append(terms, term{float32(row.A0), x.base})
	}
	for j, b := range row.B {
		if b != 0 {
			terms = append(terms, term{float32(b), x.preds[(x.head+j)%len(x.preds)]})
		}
	}
	for j, s := range row.S {
		if s != 0 {
			terms = append(terms, term{float32(s), x.preds[(x.head+j)%len(x.preds)][len(x.X):]})
		}
	}
	if row.C != 0 {
		terms = append(terms, term{float32(row.C), x.xi})
	}
	if row.C1 != 0 {
		earlier := x.xi
		if row.Draw > 0 {
			earlier = x.xi1
		}
		terms = append(terms, term{float32(row.C1), earlier})
	}
	x.terms = terms
	ok := true
	for i := 0; i < len(x.X); i += tile {
		end := min(i+tile, len(x.X))
		dst := to[i:end]
		sum(dst, terms, i, end)
		ok = finite32(dst) && ok
	}
	return ok
}

// sum writes the terms' sum over elements i to end to dst, adding them in order. dst may be a term's own elements.
func sum(dst []float32, terms []term, i, end int) {
	part := func(k int) (float32, []float32) { return terms[k].c, terms[k].v[i:end] }
	switch n := len(terms); {
	case n == 0:
		clear(dst)
		return
	case n == 1:
		a, u := part(0)
		scale(dst, a, u)
		return
	case n == 2:
		a, u := part(0)
		b, v := part(1)
		sum2(dst, a, u, b, v)
		return
	}
	a, u := part(0)
	b, v := part(1)
	c, w := part(2)
	sum3(dst, a, u, b, v, c, w)
	for k := 3; k < len(terms); k++ {
		a, u := part(k)
		sum2(dst, 1, dst, a, u)
	}
}

func scale(dst []float32, a float32, u []float32) {
	u = u[:len(dst)]
	for i := range dst {
		dst[i] = a * u[i]
	}
}

func sum2(dst []float32, a float32, u []float32, b float32, v []float32) {
	u, v = u[:len(dst)], v[:len(dst)]
	for i := range dst {
		dst[i] = float32(a*u[i]) + float32(b*v[i])
	}
}

func sum3(dst []float32, a float32, u []float32, b float32, v []float32, c float32, w []float32) {
	u, v, w = u[:len(dst)], v[:len(dst)], w[:len(dst)]
	for i := range dst {
		dst[i] = float32(float32(a*u[i])+float32(b*v[i])) + float32(c*w[i])
	}
}

// finite32 says whether all of x is finite. Adding one to the largest exponent, which infinities and NaNs have, carries
// into the sign's bit.
func finite32(x []float32) bool {
	const exponent, one = 0x7f800000, 0x00800000
	seen := uint32(0)
	for _, v := range x {
		seen |= math.Float32bits(v)&exponent + one
	}
	return seen>>31 == 0
}

// NonFiniteError says where a walk's state first stopped being finite.
type NonFiniteError struct {
	Step       int     // the solver step in which it happened, from 0; -1: the start was not finite
	T          float64 // the time of the state from which it was taken
	Sample     int     // number of the first sample concerned
	Prediction bool    // whether what the network returned was not finite already
}

// Error names the sample, the step and the time, and whether the network or the walk is to blame.
func (e *NonFiniteError) Error() string {
	switch {
	case e.Step < 0:
		return fmt.Sprintf("sample %d is not finite at the start (t=%.6g): the given state or noise holds a NaN or an infinity", e.Sample, e.T)
	case e.Prediction:
		return fmt.Sprintf("sample %d is not finite after step %d (t=%.6g): the network returned a NaN or an infinity", e.Sample, e.Step, e.T)
	}
	return fmt.Sprintf("sample %d is not finite after step %d (t=%.6g): the state outgrew float32, or the step's noise is not finite", e.Sample, e.Step, e.T)
}

// nonFinite finds the sample that is not finite after row; row is nil at the start.
func (x *State) nonFinite(plan *Plan, row *Row) error {
	dim := len(x.X) / x.N
	e := &NonFiniteError{Step: -1, T: plan.From, Sample: x.First}
	of := func(v []float32, k int) []float32 { return v[k*dim : (k+1)*dim] }
	k := 0
	for k < x.N-1 && finite32(of(x.X, k)) {
		k++
	}
	e.Sample += k
	if row != nil {
		e.Step, e.T = row.Step, row.T
	}
	if row != nil && row.Call {
		for given := x.preds[x.head]; len(given) > 0; given = given[len(x.X):] {
			e.Prediction = e.Prediction || !finite32(of(given, k))
		}
	}
	return e
}
