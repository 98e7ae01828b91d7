package graph

import "odeon/onnx"

// Op is an operator: how a value is made of its arguments.
type Op uint8

// The operators. Binary ones broadcast as numpy does.
const (
	Input Op = iota
	Parameter
	Constant

	Neg
	Exp
	Log
	Sqrt
	Reciprocal
	Sin
	Cos
	Tanh
	Sigmoid
	Erf
	Abs
	Sign
	Floor
	Not // of Bool

	Add
	Sub
	Mul
	Div
	Pow
	Max
	Min
	Less  // Bool
	Equal // Bool

	Where // condition, then, else
	Cast  // Attrs.Type

	MatMul // of the last two axes; Attrs.TransA, TransB; earlier axes broadcast

	Transpose // Attrs.Axes: the permutation
	Reshape   // Attrs.Shape
	Expand    // Attrs.Shape: broadcast to it
	Sum       // over Attrs.Axes, which stay with size 1 where Attrs.Keep
	ReduceMax // likewise
	Concat    // along Attrs.Axes[0]
	Slice     // along Attrs.Axes[0]: elements Start, Start+Step, ... before Stop; Step > 0
	Pad       // along Attrs.Axes[0]: Start zeros before and Stop behind
	Gather    // x, indices: rows of axis Attrs.Axes[0] by number; the axis is replaced by the indices' shape
	Scatter   // rows, indices: the gradient of Gather: zeros of Attrs.Shape to which the rows are added

	Conv       // x [n, c, ...], w [out, c/groups, ...]: Attrs.Conv
	ConvInput  // dy, w: the gradient of Conv by its x, whose shape is Attrs.Shape. Also a transposed convolution
	ConvWeight // x, dy: the gradient of Conv by its w, whose shape is Attrs.Shape
	Softmax    // over the last axis
	Normalize  // over the last axis: (x - mean)/sqrt(variance + Attrs.Eps)
	InverseStd // over the last axis, kept with size 1: 1/sqrt(variance + Attrs.Eps)

	operatorsCount = iota
)

// Attrs are an operator's constants; which of them count is said beside each Op.
type Attrs struct {
	Axes              []int // never negative
	Shape             Shape
	Keep              bool
	Start, Stop, Step int
	TransA, TransB    bool
	Type              onnx.DType
	Eps               float64
	Conv              *ConvAttrs
}

// ConvAttrs say how a convolution's window moves; each list has an entry for every spatial axis (1 to 3 of them).
type ConvAttrs struct {
	Stride, Dilation []int
	Before, After    []int // zeros in front and behind
	Groups           int
}

func (g *Graph) Neg(x *Value) *Value        { return g.apply(Neg, Attrs{}, x) }
func (g *Graph) Exp(x *Value) *Value        { return g.apply(Exp, Attrs{}, x) }
func (g *Graph) Log(x *Value) *Value        { return g.apply(Log, Attrs{}, x) }
func (g *Graph) Sqrt(x *Value) *Value       { return g.apply(Sqrt, Attrs{}, x) }
func (g *Graph) Reciprocal(x *Value) *Value { return g.apply(Reciprocal, Attrs{}, x) }
func (g *Graph) Sin(x *Value) *Value        { return g.apply(Sin, Attrs{}, x) }
func (g *Graph) Cos(x *Value) *Value        { return g.apply(Cos, Attrs{}, x) }
func (g *Graph) Tanh(x *Value) *Value       { return g.apply(Tanh, Attrs{}, x) }
func (g *Graph) Sigmoid(x *Value) *Value    { return g.apply(Sigmoid, Attrs{}, x) }
func (g *Graph) Erf(x *Value) *Value        { return g.apply(Erf, Attrs{}, x) }
func (g *Graph) Abs(x *Value) *Value        { return g.apply(Abs, Attrs{}, x) }
func (g *Graph) Sign(x *Value) *Value       { return g.apply(Sign, Attrs{}, x) }
func (g *Graph) Floor(x *Value) *Value      { return g.apply(Floor, Attrs{}, x) }
func (g *Graph) Not(x *Value) *Value        { return g.apply(Not, Attrs{}, x) }

func (g *Graph) Add(a, b *Value) *Value   { return g.apply(Add, Attrs{}, a, b) }
func (g *Graph) Sub(a, b *Value) *Value   { return g.apply(Sub, Attrs{}, a, b) }
func (g *Graph) Mul(a, b *Value) *Value   { return g.apply(Mul, Attrs{}, a, b) }
func (g *Graph) Div(a, b *Value) *Value   { return g.apply(Div, Attrs{}, a, b) }
func (g *Graph) Pow(a, b *Value) *Value   { return g.apply(Pow, Attrs{}, a, b) }
func (g *Graph) Max(a, b *Value) *Value   { return g.apply(Max, Attrs{}, a, b) }
func (g *Graph) Min(a, b *Value) *Value   { return g.apply(Min, Attrs{}, a, b) }
func (g *Graph) Less(a, b *Value) *Value  { return g.apply(Less, Attrs{}, a, b) }
func (g *Graph) Equal(a, b *Value) *Value { return g.apply(Equal, Attrs{}, a, b) }

// Where is a where the condition holds and b elsewhere.
func (g *Graph) Where(condition, a, b *Value) *Value { return g.apply(Where, Attrs{}, condition, a, b) }

// Cast is x in another type; Float32 to Int64 cuts towards zero.
func (g *Graph) Cast(x *Value, t onnx.DType) *Value { return g.apply(Cast, Attrs{Type: t}, x) }

// MatMul is the matrix product a b over the last two axes; earlier axes broadcast.
func (g *Graph) MatMul(a, b *Value) *Value { return g.apply(MatMul, Attrs{}, a, b) }

// MatMulT is MatMul with either matrix transposed.
func (g *Graph) MatMulT(a, b *Value, transA, transB bool) *Value {
	return g.apply(MatMul, Attrs{TransA: transA, TransB: transB}, a, b)
}

// Transpose permutes axes: axis i of the result is axis perm[i] of x.
func (g *Graph) Transpose(x *Value, perm ...int) *Value {
	return g.apply(Transpose, Attrs{Axes: perm}, x)
}

// Reshape keeps the elements' order; at most one size of the new shape may be a multiple of the batch.
func (g *Graph) Reshape(x *Value, shape ...int) *Value {
	return g.apply(Reshape, Attrs{Shape: shape}, x)
}

// Expand broadcasts x to the shape.
func (g *Graph) Expand(x *Value, shape ...int) *Value {
	return g.apply(Expand, Attrs{Shape: shape}, x)
}

// Sum adds up over axes; with keep they stay, with size 1.
func (g *Graph) Sum(x *Value, keep bool, axes ...int) *Value {
	return g.apply(Sum, Attrs{Axes: axes, Keep: keep}, x)
}

// ReduceMax is the greatest element over axes.
func (g *Graph) ReduceMax(x *Value, keep bool, axes ...int) *Value {
	return g.apply(ReduceMax, Attrs{Axes: axes, Keep: keep}, x)
}

// Concat joins arrays along an axis.
func (g *Graph) Concat(axis int, xs ...*Value) *Value {
	return g.apply(Concat, Attrs{Axes: []int{axis}}, xs...)
}

// Slice takes elements start, start+step, ... before stop of an axis.
func (g *Graph) Slice(x *Value, axis, start, stop, step int) *Value {
	return g.apply(Slice, Attrs{Axes: []int{axis}, Start: start, Stop: stop, Step: step}, x)
}

// Pad puts zeros before and behind an axis.
func (g *Graph) Pad(x *Value, axis, before, behind int) *Value {
	return g.apply(Pad, Attrs{Axes: []int{axis}, Start: before, Stop: behind}, x)
}

// Gather takes rows of an axis by their numbers, from 0; the axis is replaced by the indices' shape.
func (g *Graph) Gather(x, indices *Value, axis int) *Value {
	return g.apply(Gather, Attrs{Axes: []int{axis}}, x, indices)
}

// Scatter adds rows to zeros of the given shape, at the places from which Gather would take them.
func (g *Graph) Scatter(rows, indices *Value, axis int, shape Shape) *Value {
	return g.apply(Scatter, Attrs{Axes: []int{axis}, Shape: shape}, rows, indices)
}

// Conv correlates x [n, c, spatial...] with w [out, c/groups, kernel...].
func (g *Graph) Conv(x, w *Value, a ConvAttrs) *Value { return g.apply(Conv, Attrs{Conv: &a}, x, w) }

// ConvInput is the gradient of Conv by its input, of the given shape: a transposed convolution.
func (g *Graph) ConvInput(dy, w *Value, a ConvAttrs, x Shape) *Value {
	return g.apply(ConvInput, Attrs{Conv: &a, Shape: x}, dy, w)
}

// ConvWeight is the gradient of Conv by its weights, of the given shape.
func (g *Graph) ConvWeight(x, dy *Value, a ConvAttrs, w Shape) *Value {
	return g.apply(ConvWeight, Attrs{Conv: &a, Shape: w}, x, dy)
}

// Softmax is exp(x)/sum exp(x) over the last axis.
func (g *Graph) Softmax(x *Value) *Value { return g.apply(Softmax, Attrs{}, x) }

// Normalize is (x - mean)/sqrt(variance + eps) over the last axis, with the variance of the whole (divided by n).
func (g *Graph) Normalize(x *Value, eps float64) *Value {
	return g.apply(Normalize, Attrs{Eps: eps}, x)
}

// InverseStd is 1/sqrt(variance + eps) over the last axis, which stays with size 1.
func (g *Graph) InverseStd(x *Value, eps float64) *Value {
	return g.apply(InverseStd, Attrs{Eps: eps}, x)
}

var opNames = [operatorsCount]string{
	"Input", "Parameter", "Constant",
	"Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Cos", "Tanh", "Sigmoid", "Erf", "Abs", "Sign", "Floor", "Not",
	"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Less", "Equal", "Where", "Cast", "MatMul",
	"Transpose", "Reshape", "Expand", "Sum", "ReduceMax", "Concat", "Slice", "Pad", "Gather", "Scatter",
	"Conv", "ConvInput", "ConvWeight", "Softmax", "Normalize", "InverseStd",
}

// String is the operator's name.
func (op Op) String() string { return opNames[op] }
