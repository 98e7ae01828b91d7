package graph

import (
	"slices"

	"odeon/onnx"
)

// fuse writes a value together with some of those that it is made of, in fewer nodes, or gives None.
func (w *writer) fuse(v *Value) onnx.Ref {
	for _, f := range []func(*Value) onnx.Ref{w.affine} {
		if r := f(v); r != onnx.None {
			return r
		}
	}
	return onnx.None
}

// single tells whether a value is only there for the one that uses it.
func (w *writer) single(v *Value) bool { return w.uses[v] == 1 }

// affine is a b + c as one Gemm.
func (w *writer) affine(v *Value) onnx.Ref {
	if v.Op != Add || len(v.Shape) != 2 || v.Type != onnx.Float32 {
		return onnx.None
	}
	for i, m := range v.Args {
		c := v.Args[1-i]
		if m.Op == MatMul && len(m.Args[0].Shape) == 2 && len(m.Args[1].Shape) == 2 && w.single(m) && slices.Equal(m.Shape, v.Shape) {
			return w.node(v, "Gemm", w.value(m.Args[0]), w.value(m.Args[1]), w.value(c), flag("transA", m.Attrs.TransA), flag("transB", m.Attrs.TransB))
		}
	}
	return onnx.None
}
