package graph

import (
	"fmt"

	"odeon/onnx"
)

// A Graph is a list of values, each computed from earlier ones. The methods named after operators add one value and
// return it; sizes that do not fit are a panic with a *ShapeError, which Read turns into an error.
//
//	g := graph.New()
//	x := g.Input("x", onnx.Float32, graph.Shape{graph.Batch, 2})
//	w := g.Parameter("w", graph.Shape{2, 3})
//	g.Output("y", g.Tanh(g.MatMul(x, w)))
type Graph struct {
	Values     []*Value // in an order in which they can be computed
	Inputs     []*Value // those of Op Input, in the order of their making
	Parameters []*Value // those of Op Parameter
	Outputs    []Output
}

// An Output is a value that the graph is there for, under a name.
type Output struct {
	Name  string
	Value *Value
}

// A Value is one array in a graph.
type Value struct {
	Op    Op
	Args  []*Value
	Attrs Attrs
	Shape Shape
	Type  onnx.DType // Float32 (whatever the precision it is computed in), Int64 or Bool
	Name  string     // of inputs and parameters

	// What a Constant holds: Floats for Float32, Ints for Int64 and Bool (0 or 1).
	Floats []float64
	Ints   []int64
}

// New is an empty graph.
func New() *Graph { return &Graph{} }

func (g *Graph) add(v *Value) *Value {
	g.Values = append(g.Values, v)
	return v
}

// Input adds a value that the caller gives at each run.
func (g *Graph) Input(name string, t onnx.DType, shape Shape) *Value {
	v := g.add(&Value{Op: Input, Name: name, Type: t, Shape: shape})
	g.Inputs = append(g.Inputs, v)
	return v
}

// Parameter adds a trained value: an input of a training step, an initializer of the file that is written.
func (g *Graph) Parameter(name string, shape Shape) *Value {
	v := g.add(&Value{Op: Parameter, Name: name, Type: onnx.Float32, Shape: shape})
	g.Parameters = append(g.Parameters, v)
	return v
}

// Constant adds fixed numbers, in row-major order.
func (g *Graph) Constant(numbers []float64, shape Shape) *Value {
	if n := shape.Count(1); n != len(numbers) || shape.HasBatch() {
		panic(&ShapeError{fmt.Sprintf("a constant of shape %v with %d numbers", shape, len(numbers))})
	}
	return g.add(&Value{Op: Constant, Type: onnx.Float32, Shape: shape, Floats: numbers})
}

// Scalar is a Constant of rank 0.
func (g *Graph) Scalar(c float64) *Value { return g.Constant([]float64{c}, Shape{}) }

// Integers adds fixed integers, in row-major order.
func (g *Graph) Integers(numbers []int64, shape Shape) *Value {
	if n := shape.Count(1); n != len(numbers) || shape.HasBatch() {
		panic(&ShapeError{fmt.Sprintf("a constant of shape %v with %d integers", shape, len(numbers))})
	}
	return g.add(&Value{Op: Constant, Type: onnx.Int64, Shape: shape, Ints: numbers})
}

// Output names a value that the graph is there for.
func (g *Graph) Output(name string, v *Value) {
	g.Outputs = append(g.Outputs, Output{name, v})
}

// apply adds the result of an operator.
func (g *Graph) apply(op Op, attrs Attrs, args ...*Value) *Value {
	shape, t := infer(op, attrs, args)
	return g.add(&Value{Op: op, Args: args, Attrs: attrs, Shape: shape, Type: t})
}
