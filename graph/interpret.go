package graph

import (
	"context"
	"fmt"

	"odeon/onnx"
)

// Interpret makes the executor that needs no library: plain Go in float32, matrix products by gonum's BLAS, large work
// on every core. It computes transcendental functions and sums in float64 and rounds once, so that it is also what
// other executors are held against.
//
// Equal values are computed once. Memory is laid out once: an array is used again as soon as its value is no longer
// needed, and a further Run allocates next to nothing. A Run at a time; it stops between two values once ctx is done. Indices out of range and
// integer divisions by zero are errors.
func Interpret(g *Graph, batch int) (Executor, error) {
	g = tidy(g)
	return newMachine[float32](g, batch, g.wanted())
}

// Evaluate computes some values of a graph in one precision or the other, all of them to their whole extent: the
// kernels of Interpret, for tests in float64. floats and ints hold the inputs and parameters that the values need, by
// value. An integer result is given as floats. It panics where Interpret would return an error.
func Evaluate[T float32 | float64](g *Graph, batch int, floats map[*Value][]T, ints map[*Value][]int64, want ...*Value) [][]T {
	m, err := newMachine[T](g, batch, want)
	if err != nil {
		panic(err)
	}
	results := make([][]T, len(want))
	outputs := make([]array[T], len(want))
	for i, v := range want {
		outputs[i] = newArray[T](v, batch)
	}
	inputs := make([]array[T], len(m.inputs))
	for i, in := range m.inputs {
		if in != nil {
			inputs[i] = array[T]{floats: floats[in.value], ints: ints[in.value]}
		}
	}
	if err := m.run(context.Background(), outputs, inputs); err != nil {
		panic(err)
	}
	for i, o := range outputs {
		results[i] = o.floats
		if o.floats == nil {
			results[i] = make([]T, len(o.ints))
			convert(results[i], o.ints)
		}
	}
	return results
}

// Run is that of Executor.
func (m *machine[T]) Run(ctx context.Context, outputs, inputs []*Array) error {
	own := func(list []*Array) []array[T] {
		r := make([]array[T], len(list))
		for i, a := range list {
			r[i].ints = a.Ints
			r[i].floats, _ = any(a.Floats).([]T)
		}
		return r
	}
	return m.run(ctx, own(outputs), own(inputs))
}

// Close drops the arrays.
func (m *machine[T]) Close() { *m = machine[T]{} }

// run computes the outputs.
func (m *machine[T]) run(ctx context.Context, outputs, inputs []array[T]) error {
	if len(inputs) != len(m.inputs) || len(outputs) != len(m.outputs) {
		return fmt.Errorf("graph: %d inputs and %d outputs given, where the graph has %d (parameters among them) and %d",
			len(inputs), len(outputs), len(m.inputs), len(m.outputs))
	}
	defer m.release()
	for i, in := range m.inputs {
		if in == nil {
			continue
		}
		if err := in.bind(inputs[i]); err != nil {
			return fmt.Errorf("graph: input %q: %w", in.value.Name, err)
		}
	}
	for i, out := range m.outputs {
		if out.direct {
			if err := out.bind(outputs[i]); err != nil {
				return fmt.Errorf("graph: output %d: %w", i, err)
			}
		}
	}
	for i := range m.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &m.steps[i]
		if err := s.kernel(s.result, s.args); err != nil {
			return fmt.Errorf("graph: %v: %w", s.result.value.Op, err)
		}
	}
	for i, out := range m.outputs {
		if !out.direct {
			if err := out.check(outputs[i]); err != nil {
				return fmt.Errorf("graph: output %d: %w", i, err)
			}
			copy(outputs[i].floats, out.floats)
			copy(outputs[i].ints, out.ints)
		}
	}
	return nil
}

// release forgets the caller's arrays.
func (m *machine[T]) release() {
	for _, a := range m.foreign {
		a.floats, a.ints = nil, nil
	}
}

// An array is where a value's elements are: floats of a Float32 value, ints of an Int64 or Bool one.
type array[T float] struct {
	value  *Value
	shape  []int
	floats []T
	ints   []int64
}

// newArray is an array of zeros.
func newArray[T float](v *Value, batch int) array[T] {
	a := array[T]{value: v, shape: v.Shape.For(batch)}
	if v.Type == onnx.Float32 {
		a.floats = make([]T, a.count())
	} else {
		a.ints = make([]int64, a.count())
	}
	return a
}

// count is the number of elements.
func (a *array[T]) count() int { return sizeOf(a.shape) }

// sizeOf is the number of elements of a shape without a batch.
func sizeOf(shape []int) int {
	n := 1
	for _, k := range shape {
		n *= k
	}
	return n
}

// bind makes a the caller's elements.
func (a *array[T]) bind(given array[T]) error {
	if err := a.check(given); err != nil {
		return err
	}
	a.floats, a.ints = given.floats, given.ints
	return nil
}

// check tells whether given elements are as many as there are in a, and of its type.
func (a *array[T]) check(given array[T]) error {
	floats, ints := a.count(), 0
	if a.value.Type != onnx.Float32 {
		floats, ints = ints, floats
	}
	if len(given.floats) != floats || len(given.ints) != ints {
		return fmt.Errorf("%d floats and %d integers, where %v of shape %v has %d and %d",
			len(given.floats), len(given.ints), a.value.Type, a.shape, floats, ints)
	}
	return nil
}
