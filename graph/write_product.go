package graph

import (
	"slices"

	"odeon/onnx"
)

// matMul is a Gemm where both are matrices, and a MatMul of transposed arguments elsewhere; ONNX Runtime computes those
// without transposing.
func (w *writer) matMul(v *Value) onnx.Ref {
	x, y := v.Args[0], v.Args[1]
	a := v.Attrs
	switch {
	case len(x.Shape) != 2 || len(y.Shape) != 2 || v.Type != onnx.Float32:
		return w.node(v, "MatMul", w.turned(x, a.TransA), w.turned(y, a.TransB))
	case w.batch > 0 && a.TransA && !a.TransB:
		return w.gradientProduct(v)
	}
	return w.node(v, "Gemm", w.value(x), w.value(y), flag("transA", a.TransA), flag("transB", a.TransB))
}

// gradientProduct is x' y, the gradient of a product's weights, in the order that suits ONNX Runtime best. Its Gemm takes
// time to transpose x, and does so once for every 128 columns of y. So the narrower one had better be y; and where both are
// wide and not high, x is transposed once and for all. (On the shapes of a network of 784, 1024, 1024 and 784 units with a
// batch of 256, that takes 0.83 of the time.)
func (w *writer) gradientProduct(v *Value) onnx.Ref {
	const panel = 128 // columns
	x, y := v.Args[0], v.Args[1]
	k, m, n := x.Shape.For(w.batch)[0], x.Shape[1], y.Shape[1]
	switch {
	case min(m, n) >= 4*panel && k <= 4*panel:
		return w.node(v, "Gemm", w.turned(x, true), w.value(y))
	case n > max(m, panel) && k >= n:
		return w.node(v, "Transpose", w.node(nil, "Gemm", w.value(y), w.value(x), flag("transA", true)))
	}
	return w.node(v, "Gemm", w.value(x), w.value(y), flag("transA", true))
}

func flag(name string, on bool) onnx.Attribute {
	if on {
		return onnx.Int(name, 1)
	}
	return onnx.Int(name, 0)
}

// turned is x with its last two axes exchanged, if so wanted.
func (w *writer) turned(x *Value, turn bool) onnx.Ref {
	if !turn {
		return w.value(x)
	}
	perm := make([]int64, len(x.Shape))
	for i := range perm {
		perm[i] = int64(i)
	}
	slices.Reverse(perm[len(perm)-2:])
	return w.node(nil, "Transpose", w.value(x), onnx.Ints("perm", perm...))
}
