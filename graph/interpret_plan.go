package graph

import (
	"cmp"
	"fmt"
	"slices"

	"odeon/onnx"
)

// A machine is a graph laid out for one size of the batch: the steps that compute its values in order, each with its
// kernel and its arrays.
type machine[T float] struct {
	inputs  []*array[T] // of Graph.Inputs and Graph.Parameters; nil where nothing needs one
	outputs []output[T]
	steps   []step[T]
	foreign []*array[T] // those whose elements are the caller's, for one run
}

// A step computes one value.
type step[T float] struct {
	kernel kernel[T]
	result *array[T]
	args   []*array[T]
}

// A kernel computes a value's elements from those of its arguments.
type kernel[T float] func(y *array[T], args []*array[T]) error

// view tells whether the result is the argument under another shape.
func (s *step[T]) view() bool { return s.result.value.Op == Reshape }

// An output is the array of a wanted value: computed straight into the caller's, or copied there at the end.
type output[T float] struct {
	*array[T]
	direct bool
}

// newMachine lays out what the wanted values need.
func newMachine[T float](g *Graph, batch int, want []*Value) (*machine[T], error) {
	if batch < 1 {
		return nil, fmt.Errorf("graph: a batch of %d, where at least 1 is needed", batch)
	}
	m := &machine[T]{}
	needed := reachable(g.Values, want)
	arrays := make(map[*Value]*array[T])
	place := func(v *Value) *array[T] {
		arrays[v] = &array[T]{value: v, shape: v.Shape.For(batch)}
		return arrays[v]
	}
	for _, v := range slices.Concat(g.Inputs, g.Parameters) {
		if needed[v] {
			m.foreign = append(m.foreign, place(v))
		}
		m.inputs = append(m.inputs, arrays[v])
	}
	c := newCrew[T]()
	for _, v := range g.Values {
		switch {
		case !needed[v] || v.Op == Input || v.Op == Parameter:
		case v.Op == Constant:
			a := place(v)
			a.ints = v.Ints
			if v.Type == onnx.Float32 {
				a.floats = make([]T, len(v.Floats))
				convert(a.floats, v.Floats)
			}
		default:
			s := step[T]{result: place(v)}
			for _, x := range v.Args {
				s.args = append(s.args, arrays[x])
			}
			s.kernel = newKernel(c, s.result, s.args)
			m.steps = append(m.steps, s)
		}
	}
	for _, v := range want {
		m.outputs = append(m.outputs, output[T]{array: arrays[v]})
	}
	m.layOut()
	return m, nil
}

// layOut gives every result its memory: the caller's for a wanted one, its argument's for a view, else a part of one
// of two arenas, shared with others that are needed at other times.
func (m *machine[T]) layOut() {
	owner := make(map[*array[T]]*array[T]) // in whose memory an array lies
	last := make(map[*array[T]]int)        // the step that needs this memory last
	for i, s := range m.steps {
		owner[s.result] = s.result
		for _, a := range s.args {
			if owner[a] == nil { // an input or a constant
				owner[a] = a
			}
			last[owner[a]] = i
		}
		if s.view() {
			owner[s.result] = owner[s.args[0]]
			m.foreign = append(m.foreign, s.result)
		}
	}
	outside := make(map[*array[T]]bool)
	for i, o := range m.outputs {
		last[owner[o.array]] = len(m.steps)
		if len(o.value.Args) > 0 && owner[o.array] == o.array && !outside[o.array] {
			m.outputs[i].direct, outside[o.array] = true, true
			m.foreign = append(m.foreign, o.array)
		}
	}

	var floats, ints []*block[T]
	at := make(map[*array[T]]*block[T])
	for i, s := range m.steps {
		y := s.result
		if owner[y] != y || outside[y] {
			continue
		}
		for _, x := range s.args { // written over an argument that nobody else needs
			if b := at[owner[x]]; b != nil && last[owner[x]] == i && s.overwrites(x, owner) {
				b.last, b.arrays = last[y], append(b.arrays, y)
				at[y] = b
				break
			}
		}
		if at[y] == nil {
			list := &ints
			if y.value.Type == onnx.Float32 {
				list = &floats
			}
			at[y] = &block[T]{size: y.count(), first: i, last: last[y], arrays: []*array[T]{y}}
			*list = append(*list, at[y])
		}
	}
	arena := make([]T, pack(floats))
	for _, b := range floats {
		for _, a := range b.arrays {
			a.floats = arena[b.offset:][:a.count()]
		}
	}
	integers := make([]int64, pack(ints))
	for _, b := range ints {
		for _, a := range b.arrays {
			a.ints = integers[b.offset:][:a.count()]
		}
	}
}

// overwrites tells whether the result may be written over the argument x while it is computed: each element needs that
// element of x and no other.
func (s *step[T]) overwrites(x *array[T], owner map[*array[T]]*array[T]) bool {
	y := s.result
	if op := y.value.Op; op < Neg || op > Cast || (x.value.Type == onnx.Float32) != (y.value.Type == onnx.Float32) {
		return false
	}
	return !slices.ContainsFunc(s.args, func(a *array[T]) bool {
		return owner[a] == owner[x] && !slices.Equal(a.shape, y.shape)
	})
}

// A block is memory that is needed from one step to another, for arrays that follow each other in it.
type block[T float] struct {
	size, first, last int
	offset            int
	arrays            []*array[T]
}

// pack places blocks so that no two overlap both in memory and in time, and returns how much they take: the largest
// first, each at the lowest place that is free (Pisarchyk and Lee, Efficient memory management for deep neural net
// inference, 2020, "greedy by size").
func pack[T float](blocks []*block[T]) (size int) {
	order := slices.Clone(blocks)
	slices.SortStableFunc(order, func(a, b *block[T]) int { return cmp.Compare(b.size, a.size) })
	var placed []*block[T] // by offset
	for _, b := range order {
		for _, p := range placed {
			if p.first > b.last || p.last < b.first {
				continue
			}
			if p.offset >= b.offset+b.size {
				break
			}
			b.offset = max(b.offset, p.offset+p.size)
		}
		i, _ := slices.BinarySearchFunc(placed, b, func(p, b *block[T]) int { return cmp.Compare(p.offset, b.offset) })
		placed = slices.Insert(placed, i, b)
		size = max(size, b.offset+b.size)
	}
	return size
}
