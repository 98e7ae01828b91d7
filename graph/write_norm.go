package graph

import (
	"fmt"

	"odeon/onnx"
)

// normalize is what ONNX Runtime does fastest. On the CPU its LayerNormalization, which has both results, takes some five to ten
// times as long as its InstanceNormalization, which does not tell the deviation, and three times as long as the steps one by one.
func (w *writer) normalize(v *Value) onnx.Ref {
	pair := w.pair(v)
	switch {
	case pair == nil && v.Op == Normalize && (w.fused || w.batch == 0):
		return w.instanceNormalize(v)
	case w.fused:
		return w.spelledNormalize(v, pair)
	}
	x := v.Args[0]
	ones := w.filled(1, x.Shape[len(x.Shape)-1])
	inputs := []onnx.Argument{w.value(x), ones, onnx.Int("axis", -1), onnx.Float("epsilon", float32(v.Attrs.Eps))}
	if pair == nil && v.Op == Normalize {
		return w.node(v, "LayerNormalization", inputs...)
	}
	normal, inverse := v, pair
	if v.Op == InverseStd {
		normal, inverse = pair, v
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
func (w *writer) spelledNormalize(v, pair *Value) onnx.Ref {
	x := w.value(v.Args[0])
	size := v.Args[0].Shape.For(w.batch)
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
	normal, inverse := v, pair
	if v.Op == InverseStd {
		normal, inverse = pair, v
	}
	r := w.node(inverse, "Reciprocal", w.node(nil, "Sqrt", w.node(nil, "Add", variance, w.scalar(v.Attrs.Eps))))
	w.refs[inverse] = r
	if normal != nil {
		w.refs[normal] = w.node(normal, "Mul", d, r)
	}
	return w.refs[v]
}

// pair is the InverseStd of what a Normalize normalizes, or the other way round, or nil.
func (w *writer) pair(v *Value) *Value {
	other := InverseStd
	if v.Op == InverseStd {
		other = Normalize
	}
	for _, u := range w.users[v.Args[0]] {
		if u.Op == other && u.Attrs.Eps == v.Attrs.Eps {
			return u
		}
	}
	return nil
}

// filled is a constant list of n times the same number.
func (w *writer) filled(c float32, n int) onnx.Ref {
	return w.constant(fmt.Sprint(c, " times ", n), "list", func() onnx.Literal { return onnx.Vector(repeat(c, n)...) })
}
