package graph

import (
	"fmt"
	"slices"
	"strings"

	"odeon/onnx"
)

// Batch is the size of an axis along which the batch's samples lie.
const Batch = -1

// A Shape lists the sizes of an array's axes. A negative size -k is k times the batch; a shape has at most one such.
type Shape []int

// HasBatch tells whether a size depends on the batch.
func (s Shape) HasBatch() bool { return slices.ContainsFunc(s, func(n int) bool { return n < 0 }) }

// Count is the number of elements for a batch.
func (s Shape) Count(batch int) int {
	n := 1
	for _, k := range s {
		if k < 0 {
			k *= -batch
		}
		n *= k
	}
	return n
}

// For is the shape for a batch: no size is negative any more.
func (s Shape) For(batch int) []int {
	r := make([]int, len(s))
	for i, n := range s {
		if n < 0 {
			n *= -batch
		}
		r[i] = n
	}
	return r
}

// String is the shape as messages show it: "[batch, 49 batch, 3]".
func (s Shape) String() string {
	words := make([]string, len(s))
	for i, n := range s {
		switch {
		case n == Batch:
			words[i] = "batch"
		case n < 0:
			words[i] = fmt.Sprintf("%d batch", -n)
		default:
			words[i] = fmt.Sprint(n)
		}
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// per is the product of the sizes, for one sample where the batch is among them.
func (s Shape) per() (n int, batch bool) {
	n = 1
	for _, k := range s {
		if k < 0 {
			k, batch = -k, true
		}
		n *= k
	}
	return n, batch
}

// A ShapeError says which sizes do not fit.
type ShapeError struct{ Problem string }

func (e *ShapeError) Error() string { return "graph: " + e.Problem }

func misfit(op Op, format string, a ...any) {
	panic(&ShapeError{op.String() + ": " + fmt.Sprintf(format, a...)})
}

// broadcast is the common shape of arrays that are combined element by element.
func broadcast(op Op, shapes ...Shape) Shape {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	r := make(Shape, rank)
	for i := range r {
		r[i] = 1
	}
	for _, s := range shapes {
		for i, n := range s {
			switch p := &r[rank-len(s)+i]; {
			case *p == 1:
				*p = n
			case n != 1 && n != *p:
				misfit(op, "shapes %v do not broadcast", shapes)
			}
		}
	}
	return r
}

// infer is the shape and type of an operator's result.
func infer(op Op, a Attrs, args []*Value) (Shape, onnx.DType) {
	var x Shape
	var t onnx.DType
	if len(args) > 0 {
		x, t = args[0].Shape, args[0].Type
	}
	axis := func(rank int) int {
		if len(a.Axes) != 1 || a.Axes[0] < 0 || a.Axes[0] >= rank {
			misfit(op, "axis %v of shape %v", a.Axes, x)
		}
		return a.Axes[0]
	}
	fixed := func(i int) int {
		if x[i] < 0 {
			misfit(op, "axis %d of shape %v is the batch's", i, x)
		}
		return x[i]
	}
	switch op {
	case Neg, Exp, Log, Sqrt, Reciprocal, Sin, Cos, Tanh, Sigmoid, Erf, Abs, Sign, Floor, Not:
		return x, t
	case Cast:
		return x, a.Type
	case Add, Sub, Mul, Div, Pow, Max, Min, Less, Equal:
		if args[1].Type != t {
			misfit(op, "types %v and %v", t, args[1].Type)
		}
		if op == Less || op == Equal {
			t = onnx.Bool
		}
		return broadcast(op, x, args[1].Shape), t
	case Where:
		if args[1].Type != args[2].Type || t != onnx.Bool {
			misfit(op, "types %v, %v and %v", t, args[1].Type, args[2].Type)
		}
		return broadcast(op, x, args[1].Shape, args[2].Shape), args[1].Type
	case MatMul:
		y := args[1].Shape
		if len(x) < 2 || len(y) < 2 {
			misfit(op, "shapes %v and %v: two axes at least", x, y)
		}
		n, k := x[len(x)-2], x[len(x)-1]
		if a.TransA {
			n, k = k, n
		}
		l, m := y[len(y)-2], y[len(y)-1]
		if a.TransB {
			l, m = m, l
		}
		if k != l {
			misfit(op, "shapes %v and %v (transposed: %v, %v)", x, y, a.TransA, a.TransB)
		}
		return append(broadcast(op, x[:len(x)-2], y[:len(y)-2]), n, m), t
	case Transpose:
		r := make(Shape, len(x))
		seen := make([]bool, len(x))
		if len(a.Axes) != len(x) {
			misfit(op, "permutation %v of shape %v", a.Axes, x)
		}
		for i, p := range a.Axes {
			if p < 0 || p >= len(x) || seen[p] {
				misfit(op, "permutation %v of shape %v", a.Axes, x)
			}
			r[i], seen[p] = x[p], true
		}
		return r, t
	case Reshape:
		n, batch := x.per()
		if m, b := a.Shape.per(); m != n || b != batch {
			misfit(op, "%v to %v", x, a.Shape)
		}
		return a.Shape, t
	case Expand:
		if s := broadcast(op, x, a.Shape); !slices.Equal(s, a.Shape) {
			misfit(op, "%v to %v", x, a.Shape)
		}
		return a.Shape, t
	case Sum, ReduceMax:
		r := slices.Clone(x)
		for _, i := range a.Axes {
			if i < 0 || i >= len(x) {
				misfit(op, "axes %v of shape %v", a.Axes, x)
			}
			r[i] = 1
		}
		if !a.Keep {
			r = r[:0]
			for i, n := range x {
				if !slices.Contains(a.Axes, i) {
					r = append(r, n)
				}
			}
		}
		return r, t
	case Concat:
		k := axis(len(x))
		r := slices.Clone(x)
		for _, v := range args[1:] {
			if len(v.Shape) != len(x) || v.Type != t {
				misfit(op, "shapes %v and %v", x, v.Shape)
			}
			for i, n := range v.Shape {
				switch {
				case i != k && n != r[i], i == k && (n < 0) != (r[i] < 0):
					misfit(op, "shapes %v and %v along axis %d", x, v.Shape, k)
				case i == k:
					r[i] += n
				}
			}
		}
		return r, t
	case Slice:
		k := axis(len(x))
		r := slices.Clone(x)
		if n := fixed(k); a.Start < 0 || a.Stop > n || a.Start > a.Stop || a.Step < 1 {
			misfit(op, "%d:%d:%d of %d", a.Start, a.Stop, a.Step, n)
		}
		r[k] = (a.Stop - a.Start + a.Step - 1) / a.Step
		return r, t
	case Pad:
		k := axis(len(x))
		r := slices.Clone(x)
		if fixed(k); a.Start < 0 || a.Stop < 0 {
			misfit(op, "%d and %d zeros", a.Start, a.Stop)
		}
		r[k] += a.Start + a.Stop
		return r, t
	case Gather:
		k := axis(len(x))
		fixed(k)
		if args[1].Type != onnx.Int64 {
			misfit(op, "indices of type %v", args[1].Type)
		}
		return slices.Concat(x[:k], args[1].Shape, x[k+1:]), t
	case Scatter:
		k := axis(len(a.Shape))
		if want := slices.Concat(a.Shape[:k], args[1].Shape, a.Shape[k+1:]); !slices.Equal(want, x) {
			misfit(op, "rows %v and indices %v into %v", x, args[1].Shape, a.Shape)
		}
		return a.Shape, t
	case Conv:
		return convShape(op, x, args[1].Shape, a.Conv), t
	case ConvInput:
		if s := convShape(op, a.Shape, args[1].Shape, a.Conv); !slices.Equal(s, x) {
			misfit(op, "%v where the convolution gives %v", x, s)
		}
		return a.Shape, t
	case ConvWeight:
		if s := convShape(op, x, a.Shape, a.Conv); !slices.Equal(s, args[1].Shape) {
			misfit(op, "%v where the convolution gives %v", args[1].Shape, s)
		}
		return a.Shape, t
	case Softmax, Normalize, InverseStd:
		if len(x) == 0 || fixed(len(x)-1) == 0 {
			misfit(op, "shape %v", x)
		}
		if op == InverseStd {
			x = slices.Clone(x)
			x[len(x)-1] = 1
		}
		return x, t
	}
	panic(fmt.Sprintf("graph: operator %v has no rule for its shape", op))
}

// convShape is the shape of a convolution's result: floor((n + before + after - dilation (k-1) - 1)/stride) + 1 along
// each spatial axis.
func convShape(op Op, x, w Shape, c *ConvAttrs) Shape {
	d := len(x) - 2
	if d < 1 || d > 3 || len(w) != len(x) || len(c.Stride) != d || len(c.Dilation) != d || len(c.Before) != d || len(c.After) != d {
		misfit(op, "input %v, weights %v and %d strides, where 1 to 3 axes have a window", x, w, len(c.Stride))
	}
	if c.Groups < 1 || x[1] != w[1]*c.Groups || w[0]%c.Groups != 0 {
		misfit(op, "input %v and weights %v in %d groups", x, w, c.Groups)
	}
	r := Shape{x[0], w[0]}
	for i := range d {
		room := x[2+i] + c.Before[i] + c.After[i] - c.Dilation[i]*(w[2+i]-1) - 1
		if x[2+i] < 0 || w[2+i] < 1 || c.Stride[i] < 1 || c.Dilation[i] < 1 || c.Before[i] < 0 || c.After[i] < 0 || room < 0 {
			misfit(op, "input %v, weights %v, strides %v, dilations %v, padding %v and %v", x, w, c.Stride, c.Dilation, c.Before, c.After)
		}
		r = append(r, room/c.Stride[i]+1)
	}
	return r
}
