package graph

import "slices"

// parameters decides what of the file is weights, makes parameters of that and constants of all else that depends on no
// input, and drops what is not needed. [Read] says how weights are told. The result is the parameters' numbers.
func (r *reader) parameters() [][]float32 {
	r.varies(nil) // of all
	r.g.prune()
	j := judge{reader: r, learned: map[*Value]bool{}, uses: map[*Value][]*Value{}, plain: map[*Value]bool{}}
	for _, v := range r.g.Values {
		for _, a := range v.Args {
			j.uses[a] = append(j.uses[a], v)
		}
	}
	for _, v := range r.g.Values {
		if !r.varying[v] {
			continue
		}
		for i, a := range v.Args {
			switch strength := j.strength(v, i); {
			case r.varying[a]:
				j.learned[v] = j.learned[v] || j.learned[a]
			case strength != no && j.weigh(a, strength, v.Op == Add):
				j.learned[v] = true
			}
		}
	}
	// What is left of constants, if it is not computed from weights.
	for _, v := range r.g.Values {
		if v.Op == Parameter || slices.ContainsFunc(v.Args, func(a *Value) bool { return r.varying[a] }) {
			r.varying[v] = true
		}
	}
	for _, v := range r.g.Values {
		if r.varying[v] {
			for _, a := range v.Args {
				r.settle(a)
			}
		}
	}
	for _, o := range r.g.Outputs {
		r.settle(o.Value)
	}
	r.g.prune()
	var weights [][]float32
	for _, v := range r.g.Values {
		if v.Op != Parameter {
			continue
		}
		r.g.Parameters = append(r.g.Parameters, v)
		weights = append(weights, r.weight(v))
	}
	return weights
}

// settle makes a constant of what neither an input nor a weight enters.
func (r *reader) settle(v *Value) {
	if r.varying[v] {
		return
	}
	r.fold(v)
	n := r.numbers(v)
	v.Floats, v.Ints = n.Floats, n.Ints
}

// weight is the numbers of a parameter, or of a tensor in the file.
func (r *reader) weight(v *Value) []float32 {
	if known := r.before[r.names[v]]; known != nil && len(known) == count(v.Shape) {
		return known
	}
	if numbers := r.weights[v]; numbers != nil {
		return numbers
	}
	numbers, err := r.stored[v].Floats()
	if err != nil {
		fail("%s", err)
	}
	r.weights[v] = numbers
	return numbers
}

// judge tells weights from other constants.
type judge struct {
	*reader
	learned map[*Value]bool     // what knows of a weight
	uses    map[*Value][]*Value // where a value goes
	plain   map[*Value]bool     // see pure
}

// strength is how much speaks for a weight.
type strength int

const (
	no     strength = iota
	likely          // unless it is a single number
	sure
)

// strength looks at the use that v makes of its argument i, which depends on no input.
func (j *judge) strength(v *Value, i int) strength {
	learned := func(i int) bool { return j.learned[v.Args[i]] }
	switch v.Op {
	case MatMul:
		if !learned(1-i) && len(j.uses[v]) > 0 && !slices.ContainsFunc(j.uses[v], j.beyondWaves) {
			return no
		}
		return sure
	case Conv, ConvInput:
		return sure
	case Gather:
		if i == 0 {
			return likely
		}
	case Add, Sub, Mul, Div:
		switch other := v.Args[1-i]; {
		case other.Op == MatMul || other.Op == Conv || other.Op == ConvInput:
			return sure
		case learned(1 - i):
			return likely
		}
	case Where:
		if i > 0 && learned(3-i) {
			return likely
		}
	case Concat:
		if slices.ContainsFunc(v.Args, func(a *Value) bool { return j.learned[a] }) {
			return likely
		}
	}
	return no
}

// beyondWaves tells whether a value that uses a product is something else than sines and cosines.
func (j *judge) beyondWaves(v *Value) bool {
	switch v.Op {
	case Sin, Cos:
		return false
	case Mul, Reshape:
		return slices.ContainsFunc(j.uses[v], j.beyondWaves)
	}
	return true
}

// weigh makes parameters of the tensors that v is made of, or of v itself. It tells whether there are any.
func (j *judge) weigh(v *Value, s strength, added bool) bool {
	switch {
	case v.Op == Parameter:
		return true
	case !v.Type.IsFloat():
		return false
	case j.stored[v] != nil:
		if j.fixed[v] || j.names[v] == "" || count(v.Shape) == 0 || count(v.Shape) == 1 && (s != sure || len(v.Shape) == 0) || added && j.isMask(v) {
			return false
		}
		v.Op, v.Name, v.Floats = Parameter, j.names[v], nil
		return true
	case v.Op == Constant:
		return false
	case !j.pure(v) && !layout[v.Op] && j.names[v] != "" && count(v.Shape) > 1:
		j.fold(v)
		narrow := make([]float32, len(v.Floats))
		convert(narrow, v.Floats)
		j.weights[v] = narrow
		v.Op, v.Name, v.Floats = Parameter, j.names[v], nil
		return true
	}
	any := false
	for _, a := range v.Args {
		any = j.weigh(a, s, added) || any
	}
	return any
}

// layout is the operators that only put elements in other places.
var layout = [operatorsCount]bool{Transpose: true, Reshape: true, Expand: true, Concat: true, Slice: true}

// pure tells whether a value is computed from tensors of floating-point numbers by arithmetic alone.
func (j *judge) pure(v *Value) (pure bool) {
	if known, ok := j.plain[v]; ok {
		return known
	}
	defer func() { j.plain[v] = pure }()
	if !v.Type.IsFloat() || v.Op == Gather || v.Op == Where {
		return false
	}
	for _, a := range v.Args {
		if !j.pure(a) {
			return false
		}
	}
	return true
}

// isMask tells whether all numbers are 0 or so low that an exponential makes nothing of them.
func (j *judge) isMask(v *Value) bool {
	return !slices.ContainsFunc(j.weight(v), func(x float32) bool { return x != 0 && !(x < -1e4) })
}
