package graph

import (
	"fmt"
	"slices"

	"odeon/onnx"
)

// Gradient adds to g the derivatives of the scalar y (rank 0, Float32) by each of wrt, with their shapes; zeros where
// y does not depend on one. They are values like any others, so that a gradient has gradients of its own.
//
// It is reverse accumulation: from y backwards, each value's cotangent dy = d y/d value is handed on to its arguments
// by the rules in gradient_rules.go. Only what lies between y and wrt is computed. A cotangent may have any shape that
// broadcasts to its value's: the derivative of a sum is not copied out to the summed array's shape before something
// asks for it.
func Gradient(g *Graph, y *Value, wrt ...*Value) []*Value {
	if len(y.Shape) != 0 || y.Type != onnx.Float32 {
		panic(fmt.Sprintf("graph: the gradient of a %v of shape %v, where only a Float32 of rank 0 has one", y.Type, y.Shape))
	}
	values := slices.Clone(g.Values) // the rules add more
	reached := make(map[*Value]bool) // from wrt, by way of Float32 values
	for _, v := range wrt {
		reached[v] = v.Type == onnx.Float32
	}
	for _, v := range values {
		if v.Type == onnx.Float32 && slices.ContainsFunc(v.Args, func(a *Value) bool { return reached[a] }) {
			reached[v] = true
		}
	}

	cotangents := map[*Value]*Value{y: g.Scalar(1)}
	add := func(x, dx *Value) {
		if sum := cotangents[x]; sum != nil {
			dx = g.Add(sum, dx)
		}
		cotangents[x] = dx
	}
	for _, v := range slices.Backward(values) {
		dy := cotangents[v]
		if dy == nil || !reached[v] {
			continue
		}
		if x, s := gated(v); s != nil && reached[s] && !slices.Contains(wrt, s) {
			dx := times(g, dy, s)
			if reached[x] {
				add(x, dx)
			}
			add(s.Args[0], g.Mul(v, g.Sub(dy, dx)))
			continue
		}
		for i, x := range v.Args {
			if !reached[x] {
				continue
			}
			if dx := derivatives[v.Op](g, v, dy, i); dx != nil {
				add(x, dx)
			}
		}
	}

	gradients := make([]*Value, len(wrt))
	for i, v := range wrt {
		dv := cotangents[v]
		if dv == nil || !reached[v] {
			dv = g.Scalar(0)
		}
		gradients[i] = full(g, dv, v.Shape)
	}
	return gradients
}

// gated tells whether y = x s with s = sigmoid(u), as in SiLU, where u is x, and GELU by way of tanh. From dx = s dy
// follows du = y (dy - dx), three passes over the arrays where those two steps on their own would take five.
func gated(y *Value) (x, s *Value) {
	if y.Op != Mul {
		return nil, nil
	}
	for i, s := range y.Args {
		if x := y.Args[1-i]; s.Op == Sigmoid && slices.Equal(x.Shape, s.Shape) {
			return x, s
		}
	}
	return nil, nil
}

// full is d in the shape to which it broadcasts.
func full(g *Graph, d *Value, shape Shape) *Value {
	if slices.Equal(d.Shape, shape) {
		return d
	}
	return g.Expand(d, shape...)
}

// ranked is d with axes of size 1 in front, so that it has as many as there are in a shape to which it broadcasts.
func ranked(g *Graph, d *Value, rank int) *Value {
	if len(d.Shape) == rank {
		return d
	}
	return g.Reshape(d, slices.Concat(slices.Repeat([]int{1}, rank-len(d.Shape)), d.Shape)...)
}

// sumTo undoes the broadcasting of an argument: it adds up d, which stands for an array of the shape from, over those
// axes along which an array of the shape to was repeated. The result broadcasts to the shape to.
func sumTo(g *Graph, d *Value, from, to Shape) *Value {
	lead := len(from) - len(to)
	var axes []int
	short := false // d itself is still to be repeated along an axis that is added up
	for i, n := range from {
		if (i < lead || to[i-lead] == 1) && n != 1 {
			axes = append(axes, i)
			if j := i - len(from) + len(d.Shape); j < 0 || d.Shape[j] == 1 {
				short = true
			}
		}
	}
	switch {
	case short:
		d = full(g, d, from)
	case len(axes) > 0:
		d = ranked(g, d, len(from))
	}
	if lead > 0 && len(axes) > 0 && axes[len(axes)-1] < lead && len(axes) == lead {
		return g.Sum(d, false, axes...)
	}
	for end := len(axes); end > 0; { // those behind first: what is left is small, and the same for several sums of one array
		start := end - 1
		for start > 0 && axes[start-1] == axes[start]-1 {
			start--
		}
		d = g.Sum(d, true, axes[start:end]...)
		end = start
	}
	if extra := len(d.Shape) - len(to); extra > 0 {
		d = g.Reshape(d, d.Shape[extra:]...)
	}
	return d
}

// times is a b, where either may be a constant number, or a product with one, which then become one number.
func times(g *Graph, a, b *Value) *Value {
	x, constant := onlyElement(b)
	if constant {
		a, b = b, a
	} else if x, constant = onlyElement(a); !constant {
		return g.Mul(a, b)
	}
	if y, constant := onlyElement(b); constant {
		return g.Scalar(x * y)
	}
	if b.Op == Mul {
		for i, v := range b.Args {
			if y, constant := onlyElement(v); constant {
				a, b, x = g.Scalar(x*y), b.Args[1-i], x*y
				break
			}
		}
	}
	switch x {
	case 1:
		return b
	case -1:
		return g.Neg(b)
	}
	return g.Mul(a, b)
}

// onlyElement is a constant's only element.
func onlyElement(v *Value) (x float64, ok bool) {
	if v.Op == Constant && len(v.Shape) == 0 && len(v.Floats) == 1 {
		return v.Floats[0], true
	}
	return 0, false
}
