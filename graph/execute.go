package graph

import "context"

// An Array is a value's elements in row-major order: Floats of a Float32 value, Ints of an Int64 or Bool one.
type Array struct {
	Shape  []int
	Floats []float32
	Ints   []int64
}

// NewArray is an array of zeros.
func NewArray(v *Value, batch int) *Array {
	a := &Array{Shape: v.Shape.For(batch)}
	if v.Type.IsFloat() {
		a.Floats = make([]float32, v.Shape.Count(batch))
	} else {
		a.Ints = make([]int64, v.Shape.Count(batch))
	}
	return a
}

// An Executor runs one graph for one size of the batch.
type Executor interface {
	// Run computes the graph's outputs into the arrays given, in the order of Graph.Outputs. The inputs are arrays for
	// Graph.Inputs and behind them for Graph.Parameters. No array is kept beyond the run, though an executor may hold
	// on to what it has made of one, so that the same arrays are cheap to give again; outputs must not be inputs.
	Run(ctx context.Context, outputs, inputs []*Array) error
	// Close frees what the executor holds.
	Close()
}
