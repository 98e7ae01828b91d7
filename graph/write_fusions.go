package graph

import (
	"fmt"
	"slices"

	"odeon/onnx"
)

// fuse writes a value together with some of those that it is made of, in fewer nodes, or gives None.
func (w *writer) fuse(v *Value) onnx.Ref {
	for _, f := range []func(*Value) onnx.Ref{w.affine, w.biased, w.scaled, w.silu, w.dots} {
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

// biased is a convolution that adds a number to each channel.
func (w *writer) biased(v *Value) onnx.Ref {
	if v.Op != Add {
		return onnx.None
	}
	for i, y := range v.Args {
		bias := v.Args[1-i]
		if y.Op != Conv || !w.single(y) || !slices.Equal(y.Shape, v.Shape) {
			continue
		}
		channels := make(Shape, len(y.Shape)-1) // of [channels, 1, 1]
		for k := range channels {
			channels[k] = 1
		}
		channels[0] = y.Shape[1]
		if !slices.Equal(bias.Shape, channels) {
			continue
		}
		list := w.node(nil, "Reshape", w.value(bias), w.ints(-1))
		if w.canBlock(y.Attrs.Conv, y.Args[0].Shape[1]) {
			return w.blockedForward(v, y, list)
		}
		return w.node(v, "Conv", append([]onnx.Argument{w.value(y.Args[0]), w.value(y.Args[1]), list}, window(y.Attrs.Conv)...)...)
	}
	return onnx.None
}

// scaled is a x + b with numbers a and b that are the same along the last axes of x, as a BatchNormalization, which takes one pass
// where Mul and Add take two.
func (w *writer) scaled(v *Value) onnx.Ref {
	if !w.fused || v.Op != Add || v.Type != onnx.Float32 {
		return onnx.None
	}
	for i, m := range v.Args {
		b := v.Args[1-i]
		if m.Op != Mul || !w.single(m) || !slices.Equal(m.Shape, v.Shape) {
			continue
		}
		for k, x := range m.Args {
			a := m.Args[1-k]
			lead := max(leading(a.Shape, len(v.Shape)), leading(b.Shape, len(v.Shape)))
			size := v.Shape.For(w.batch)
			if lead < 1 || !slices.Equal(x.Shape, v.Shape) || sizeOf(size[lead:]) < 16 {
				continue
			}
			rows := sizeOf(size[:lead])
			list := func(c *Value) onnx.Ref {
				shape := slices.Concat(slices.Repeat([]int{1}, len(size)-len(c.Shape)), c.Shape.For(w.batch))[:lead]
				r := w.node(nil, "Reshape", w.value(c), w.ints(shape...))
				if !slices.Equal(shape, size[:lead]) {
					r = w.node(nil, "Expand", r, w.ints(size[:lead]...))
				}
				return w.node(nil, "Reshape", r, w.ints(rows))
			}
			r := w.node(nil, "Reshape", w.value(x), w.ints(1, rows, sizeOf(size[lead:])))
			r = w.node(nil, "BatchNormalization", r, list(a), list(b), w.filled(0, rows), w.filled(1, rows), onnx.Float("epsilon", 0))
			return w.node(v, "Reshape", r, w.ints(size...))
		}
	}
	return onnx.None
}

// leading is how many axes of a shape of so many axes are left when those of size 1 behind are cut off.
func leading(s Shape, rank int) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 1 {
			return rank - len(s) + i + 1
		}
	}
	return 0
}

// silu is x sigmoid(x) in one pass.
func (w *writer) silu(v *Value) onnx.Ref {
	if !w.fused || v.Op != Mul {
		return onnx.None
	}
	for i, s := range v.Args {
		if x := v.Args[1-i]; s.Op == Sigmoid && s.Args[0] == x {
			return w.node(v, "com.microsoft:QuickGelu", w.value(x), onnx.Float("alpha", 1))
		}
	}
	return onnx.None
}

// dots are sums of a b over the last axes as products of rows with columns, which need no array of the products.
func (w *writer) dots(v *Value) onnx.Ref {
	if !w.fused || v.Op != Sum || v.Args[0].Op != Mul || !w.single(v.Args[0]) {
		return onnx.None
	}
	m := v.Args[0]
	a, b := m.Args[0], m.Args[1]
	size := m.Shape.For(w.batch)
	lead := len(size) - len(v.Attrs.Axes)
	axes := slices.Sorted(slices.Values(v.Attrs.Axes))
	if !slices.Equal(a.Shape, b.Shape) || lead < 0 || len(axes) == 0 || axes[0] != lead || sizeOf(size[lead:]) < 256 {
		return onnx.None
	}
	list := func(x *Value) onnx.Ref {
		return w.once(fmt.Sprint("rows ", lead, w.value(x)), func() onnx.Ref {
			return w.node(nil, "Reshape", w.value(x), w.ints(sizeOf(size[:lead]), 1, sizeOf(size[lead:])))
		})
	}
	r := w.node(nil, "com.microsoft:FusedMatMul", list(a), list(b), flag("transB", true))
	return w.node(v, "Reshape", r, w.ints(v.Shape.For(w.batch)...))
}
