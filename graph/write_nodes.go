package graph

import (
	"fmt"
	"slices"

	"odeon/onnx"
)

// emit makes the nodes of a value as its operator says: one node for most. Convolutions are in write_conv.go; what writes
// several operators at once, in write_fusions.go.
func (w *writer) emit(v *Value) onnx.Ref {
	a := v.Attrs
	switch v.Op {
	case Neg, Exp, Log, Sqrt, Reciprocal, Sin, Cos, Tanh, Sigmoid, Erf, Abs, Sign, Floor, Not,
		Add, Sub, Mul, Div, Pow, Max, Min, Less, Equal, Where:
		return w.node(v, v.Op.String(), w.args(v)...)
	case Constant:
		return w.number(v)
	case Cast:
		return w.node(v, "Cast", w.value(v.Args[0]), onnx.Int("to", int64(v.Type)))
	case MatMul:
		return w.matMul(v)
	case Transpose:
		return w.node(v, "Transpose", w.value(v.Args[0]), onnx.Ints("perm", int64s(a.Axes)...))
	case Reshape:
		return w.node(v, "Reshape", w.value(v.Args[0]), w.ints(w.flexible(v.Shape)...))
	case Expand:
		return w.expand(v)
	case Sum:
		return w.node(v, "ReduceSum", w.value(v.Args[0]), w.ints(a.Axes...), flag("keepdims", a.Keep))
	case ReduceMax:
		return w.node(v, "ReduceMax", w.value(v.Args[0]), onnx.Ints("axes", int64s(a.Axes)...), flag("keepdims", a.Keep))
	case Concat:
		return w.node(v, "Concat", append(w.args(v), onnx.Int("axis", int64(a.Axes[0])))...)
	case Slice:
		return w.node(v, "Slice", w.value(v.Args[0]), w.ints(a.Start), w.ints(a.Stop), w.ints(a.Axes[0]), w.ints(a.Step))
	case Pad:
		pads := make([]int, 2*len(v.Shape))
		pads[a.Axes[0]], pads[len(v.Shape)+a.Axes[0]] = a.Start, a.Stop
		return w.node(v, "Pad", w.value(v.Args[0]), w.ints(pads...))
	case Gather:
		return w.node(v, "Gather", w.value(v.Args[0]), w.value(v.Args[1]), onnx.Int("axis", int64(a.Axes[0])))
	case Scatter:
		return w.scatter(v)
	case Conv:
		return w.conv(v)
	case ConvInput:
		return w.convInput(v)
	case ConvWeight:
		return w.convWeight(v)
	case Softmax:
		return w.node(v, "Softmax", w.value(v.Args[0]), onnx.Int("axis", -1))
	case Normalize, InverseStd:
		return w.normalize(v)
	}
	panic(fmt.Sprintf("graph: operator %v cannot be written", v.Op))
}

// flexible is a shape for Reshape, which finds one size itself.
func (w *writer) flexible(s Shape) []int {
	if w.batch > 0 {
		return s.For(w.batch)
	}
	s = slices.Clone(s)
	for i, n := range s {
		if n < 0 {
			s[i] = -1
		}
	}
	return s
}

// number is a Constant.
func (w *writer) number(v *Value) onnx.Ref {
	if v.Type == onnx.Float32 && len(v.Shape) == 0 {
		return w.scalar(v.Floats[0])
	}
	var l onnx.Literal
	switch v.Type {
	case onnx.Float32:
		numbers := make([]float32, len(v.Floats))
		convert(numbers, v.Floats)
		l = onnx.Array(numbers, int64s(v.Shape)...)
	case onnx.Bool:
		flags := make([]bool, len(v.Ints))
		for i, n := range v.Ints {
			flags[i] = n != 0
		}
		l = onnx.Array(flags, int64s(v.Shape)...)
	default:
		l = onnx.Array(v.Ints, int64s(v.Shape)...)
	}
	return w.out.Const(w.fresh("const"), l)
}

// expand needs the batch's size only where x does not have it.
func (w *writer) expand(v *Value) onnx.Ref {
	x := v.Args[0]
	target := slices.Clone(v.Shape)
	for i, n := range x.Shape { // a size that x has already needs no number
		if k := len(v.Shape) - len(x.Shape) + i; n == v.Shape[k] && n < 0 {
			target[k] = 1
		}
	}
	return w.node(v, "Expand", w.value(x), w.shape(v, target))
}

// scatter adds the rows up by number.
func (w *writer) scatter(v *Value) onnx.Ref {
	rows, indices, axis := v.Args[0], v.Args[1], v.Attrs.Axes[0]
	zeros := w.node(nil, "ConstantOfShape", w.shape(v, v.Shape), onnx.Tensorial("value", zero(v.Type)))
	if axis == 0 {
		list := w.node(nil, "Reshape", w.value(indices), w.ints(append(w.flexible(indices.Shape), 1)...))
		return w.node(v, "ScatterND", zeros, list, w.value(rows), onnx.Text("reduction", "add"))
	}
	// ScatterElements wants as many indices as there are elements: the indices' axes become one.
	n, _ := indices.Shape.per()
	flat := slices.Concat(v.Shape[:axis], Shape{n}, v.Shape[axis+1:])
	if indices.Shape.HasBatch() {
		flat[axis] = -n
	}
	column := slices.Repeat([]int{1}, len(flat))
	column[axis] = flat[axis]
	list := w.node(nil, "Reshape", w.value(indices), w.ints(w.flexible(column)...))
	list = w.node(nil, "Expand", list, w.shape(v, flat))
	updates := w.node(nil, "Reshape", w.value(rows), w.ints(w.flexible(flat)...))
	return w.node(v, "ScatterElements", zeros, list, updates, onnx.Int("axis", int64(axis)), onnx.Text("reduction", "add"))
}

// zero is one element of a type, for ConstantOfShape.
func zero(t onnx.DType) onnx.Literal {
	if t == onnx.Float32 {
		return onnx.Vector[float32](0)
	}
	return onnx.Vector[int64](0)
}
