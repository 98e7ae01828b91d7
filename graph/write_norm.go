package graph

import (
	"fmt"
	"slices"

	"odeon/onnx"
)

// normalize is what ONNX Runtime does fastest. On the CPU its LayerNormalization, which has both results, takes some five to ten
// times as long as its InstanceNormalization, which does not tell the deviation, and three times as long as the steps one by one.
func (w *writer) normalize(v *Value) onnx.Ref {
	normal, inverse := w.pair(v)
	switch {
	case inverse == nil && (w.fused || w.batch == 0):
		return w.instanceNormalize(v)
	case w.fused:
		w.spelledNormalize(normal, inverse)
		return w.refs[v]
	}
	x := v.Args[0]
	ones := w.filled(1, x.Shape[len(x.Shape)-1])
	inputs := []onnx.Argument{w.value(x), ones, onnx.Int("axis", -1), onnx.Float("epsilon", float32(v.Attrs.Eps))}
	if inverse == nil {
		return w.node(v, "LayerNormalization", inputs...)
	}
	for _, result := range []*Value{normal, nil, inverse} {
		inputs = append(inputs, w.result(result, "LayerNormalization"))
	}
	results := w.out.Nodes("LayerNormalization", 3, inputs...)
	w.refs[normal], w.refs[inverse] = results[0], results[2]
	return w.refs[v]
}

// instanceNormalize is a normalization of channels, which rows are.
func (w *writer) instanceNormalize(v *Value) onnx.Ref {
	x, eps := w.value(v.Args[0]), onnx.Float("epsilon", float32(v.Attrs.Eps))
	if len(v.Shape) == 3 && v.Shape[1] > 0 {
		n := v.Shape[1]
		return w.node(v, "InstanceNormalization", x, w.filled(1, n), w.filled(0, n), eps)
	}
	rows := w.node(nil, "Reshape", x, w.ints(-1, 1, v.Shape[len(v.Shape)-1]))
	rows = w.node(nil, "InstanceNormalization", rows, w.filled(1, 1), w.filled(0, 1), eps)
	return w.node(v, "Reshape", rows, w.ints(w.flexible(v.Shape)...))
}

// spelledNormalize is the same in simple steps, of which the runtime has fast versions: d = x - mean, 1/std, d/std.
// normal may be nil.
func (w *writer) spelledNormalize(normal, inverse *Value) {
	x := w.value(inverse.Args[0])
	size := inverse.Args[0].Shape.For(w.batch)
	last := len(size) - 1
	axis := onnx.Ints("axes", int64(last))
	d := w.node(nil, "Sub", x, w.node(nil, "ReduceMean", x, axis))
	var variance onnx.Ref
	if n := size[last]; n <= 512 {
		variance = w.node(nil, "ReduceMean", w.node(nil, "Mul", d, d), axis)
	} else { // of long rows the products with themselves
		rows := w.node(nil, "Reshape", d, w.ints(-1, 1, n))
		products := w.node(nil, "com.microsoft:FusedMatMul", rows, rows, flag("transB", true))
		size[last] = 1
		variance = w.node(nil, "Mul", w.node(nil, "Reshape", products, w.ints(size...)), w.scalar(1/float64(n)))
	}
	r := w.node(inverse, "Reciprocal", w.node(nil, "Sqrt", w.node(nil, "Add", variance, w.scalar(inverse.Attrs.Eps))))
	w.refs[inverse] = r
	if normal != nil {
		w.refs[normal] = w.node(normal, "Mul", d, r)
	}
}

// pair is v and what else there is of the normalization that it belongs to: nil where that is not there.
func (w *writer) pair(v *Value) (normal, inverse *Value) {
	for _, u := range w.users[v.Args[0]] { // v among them
		switch {
		case u.Attrs.Eps != v.Attrs.Eps:
		case u.Op == Normalize:
			normal = u
		case u.Op == InverseStd:
			inverse = u
		}
	}
	return normal, inverse
}

// filled is a constant list of n times the same number.
func (w *writer) filled(c float32, n int) onnx.Ref {
	return w.once(fmt.Sprint(c, " times ", n), func() onnx.Ref { return w.out.Const(w.fresh("list"), onnx.Vector(slices.Repeat([]float32{c}, n)...)) })
}
