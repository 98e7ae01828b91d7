package graph

import (
	"context"
	"slices"
)

// This file computes what depends on no input, with the kernels of Evaluate in float64.

// numbers is what a constant holds.
type numbers struct {
	Floats []float64
	Ints   []int64
}

// smallTensor is how many numbers of a tensor stay in memory once they were read.
const smallTensor = 1 << 10

// spend accounts for numbers that are computed while reading.
func (r *reader) spend(n int64) {
	if r.room -= n; r.room < 0 {
		fail("more numbers to be computed while reading than the size of the file warrants")
	}
}

// varies tells whether a value depends on an input.
func (r *reader) varies(v *Value) bool {
	for ; r.scanned < len(r.g.Values); r.scanned++ {
		u := r.g.Values[r.scanned]
		if u.Op == Input || slices.ContainsFunc(u.Args, func(a *Value) bool { return r.varying[a] }) {
			r.varying[u] = true
		}
	}
	return r.varying[v]
}

// known is what v holds where that depends on no input.
func (r *reader) known(v *Value) (n numbers, ok bool) {
	if !r.fold(v) {
		return n, false
	}
	return r.numbers(v), true
}

// fold makes a constant of v where it depends on no input.
func (r *reader) fold(v *Value) bool {
	if v.Op == Constant {
		return true
	}
	if r.varies(v) {
		return false
	}
	sub := &Graph{}
	seen := map[*Value]bool{}
	var collect func(v *Value)
	collect = func(v *Value) {
		if seen[v] {
			return
		}
		seen[v] = true
		for _, a := range v.Args {
			collect(a)
		}
		if v.Op != Constant {
			r.spend(int64(count(v.Shape)))
		}
		sub.Values = append(sub.Values, v)
	}
	collect(v)
	var weights []*Value // which are constants for the time being
	for _, u := range sub.Values {
		if u.Op == Parameter {
			weights = append(weights, u)
			u.Op = Constant
			u.Floats = make([]float64, count(u.Shape))
			convert(u.Floats, r.weight(u))
		} else if n := r.numbers(u); r.stored[u] != nil {
			u.Floats, u.Ints = n.Floats, n.Ints
		}
	}
	m, err := newMachine[float64](sub, 1, []*Value{v})
	if err != nil {
		fail("%s", err)
	}
	out := newArray[float64](v, 1)
	if err := m.run(context.Background(), []array[float64]{out}, nil); err != nil {
		fail("%s", err)
	}
	for _, u := range sub.Values {
		if r.stored[u] != nil && count(u.Shape) > smallTensor {
			u.Floats, u.Ints = nil, nil
		}
	}
	for _, u := range weights {
		u.Op, u.Floats = Parameter, nil
	}
	v.Op, v.Args, v.Attrs = Constant, nil, Attrs{}
	v.Floats, v.Ints = out.floats, out.ints
	return true
}

// numbers is what a constant holds. Those of a large tensor in the file are not kept.
func (r *reader) numbers(v *Value) numbers {
	t := r.stored[v]
	if t == nil || v.Floats != nil || v.Ints != nil {
		return numbers{v.Floats, v.Ints}
	}
	var n numbers
	var err error
	if v.Type.IsFloat() {
		var narrow []float32
		narrow, err = t.Floats()
		n.Floats = make([]float64, len(narrow))
		convert(n.Floats, narrow)
	} else {
		n.Ints, err = t.Ints()
	}
	if err != nil {
		fail("%s", err)
	}
	if count(v.Shape) <= smallTensor {
		v.Floats, v.Ints = n.Floats, n.Ints
	}
	return n
}
