package graph

import (
	"math"
	"slices"
)

// A derivative is an operator's part in reverse accumulation: the cotangent of argument i of v, given that of v itself. dy
// broadcasts to v's shape, and the result to the argument's. A nil is zero.
//
// Each is written to take few passes over large arrays: by the result where that is cheaper than by the argument, and
// with what is small combined before what is large.
type derivative func(g *Graph, v, dy *Value, i int) *Value

// derivatives has that of each operator whose result is Float32. Input, Parameter and Constant have no arguments; Not,
// Less and Equal have results that do not vary.
var derivatives = [operatorsCount]derivative{
	Neg:        func(g *Graph, v, dy *Value, _ int) *Value { return times(g, g.Scalar(-1), dy) },
	Exp:        func(g *Graph, v, dy *Value, _ int) *Value { return times(g, dy, v) },
	Log:        func(g *Graph, v, dy *Value, _ int) *Value { return g.Div(dy, v.Args[0]) },
	Sqrt:       func(g *Graph, v, dy *Value, _ int) *Value { return g.Div(times(g, g.Scalar(0.5), dy), v) },
	Reciprocal: func(g *Graph, v, dy *Value, _ int) *Value { return g.Neg(times(g, dy, g.Mul(v, v))) },
	Sin:        func(g *Graph, v, dy *Value, _ int) *Value { return times(g, dy, g.Cos(v.Args[0])) },
	Cos:        func(g *Graph, v, dy *Value, _ int) *Value { return g.Neg(times(g, dy, g.Sin(v.Args[0]))) },
	Tanh:       func(g *Graph, v, dy *Value, _ int) *Value { return times(g, dy, g.Sub(g.Scalar(1), g.Mul(v, v))) },
	Sigmoid:    func(g *Graph, v, dy *Value, _ int) *Value { return times(g, dy, g.Sub(v, g.Mul(v, v))) },
	Erf: func(g *Graph, v, dy *Value, _ int) *Value { // 2/sqrt(pi) exp(-x^2)
		x := v.Args[0]
		return g.Mul(times(g, g.Scalar(2/math.Sqrt(math.Pi)), dy), g.Exp(g.Neg(g.Mul(x, x))))
	},
	Abs:   func(g *Graph, v, dy *Value, _ int) *Value { return times(g, dy, g.Sign(v.Args[0])) },
	Sign:  flat,
	Floor: flat,
	Cast:  func(_ *Graph, _, dy *Value, _ int) *Value { return dy },

	Add: func(g *Graph, v, dy *Value, i int) *Value { return sumTo(g, dy, v.Shape, v.Args[i].Shape) },
	Sub: func(g *Graph, v, dy *Value, i int) *Value {
		d := sumTo(g, dy, v.Shape, v.Args[i].Shape)
		if i == 1 {
			d = times(g, g.Scalar(-1), d)
		}
		return d
	},
	Mul: product,
	Div: quotient,
	Pow: power,
	Max: func(g *Graph, v, dy *Value, i int) *Value {
		return chosen(g, v, dy, i, g.Less(v.Args[1], v.Args[0]), 0)
	},
	Min: func(g *Graph, v, dy *Value, i int) *Value {
		return chosen(g, v, dy, i, g.Less(v.Args[0], v.Args[1]), 0)
	},
	Where: func(g *Graph, v, dy *Value, i int) *Value { return chosen(g, v, dy, i, v.Args[0], 1) },

	MatMul: matrixProduct,

	Transpose: func(g *Graph, v, dy *Value, _ int) *Value {
		inverse := make([]int, len(v.Attrs.Axes))
		for i, p := range v.Attrs.Axes {
			inverse[p] = i
		}
		if len(dy.Shape) == 0 {
			return dy
		}
		return g.Transpose(ranked(g, dy, len(v.Shape)), inverse...)
	},
	Reshape: func(g *Graph, v, dy *Value, _ int) *Value {
		if len(dy.Shape) == 0 {
			return dy
		}
		return g.Reshape(full(g, dy, v.Shape), v.Args[0].Shape...)
	},
	Expand:    func(g *Graph, v, dy *Value, _ int) *Value { return sumTo(g, dy, v.Shape, v.Args[0].Shape) },
	Sum:       func(g *Graph, v, dy *Value, _ int) *Value { return kept(g, v, dy) },
	ReduceMax: greatest,
	Concat: func(g *Graph, v, dy *Value, i int) *Value {
		axis, start := v.Attrs.Axes[0], 0
		for _, a := range v.Args[:i] {
			start += a.Shape[axis]
		}
		end := start + v.Args[i].Shape[axis]
		if end < 0 { // batches behind each other: one axis counts them
			batches := slices.Concat(v.Shape[:axis], []int{-v.Shape[axis], Batch}, v.Shape[axis+1:])
			part := g.Slice(g.Reshape(full(g, dy, v.Shape), batches...), axis, -start, -end, 1)
			return g.Reshape(part, v.Args[i].Shape...)
		}
		return section(g, v, dy, axis, start, end)
	},
	Slice: spacedOut,
	Pad: func(g *Graph, v, dy *Value, _ int) *Value {
		axis, n := v.Attrs.Axes[0], v.Attrs.Start
		return section(g, v, dy, axis, n, n+v.Args[0].Shape[axis])
	},
	Gather: func(g *Graph, v, dy *Value, _ int) *Value {
		return g.Scatter(full(g, dy, v.Shape), v.Args[1], v.Attrs.Axes[0], v.Args[0].Shape)
	},
	Scatter: func(g *Graph, v, dy *Value, _ int) *Value {
		return g.Gather(full(g, dy, v.Shape), v.Args[1], v.Attrs.Axes[0])
	},

	// A convolution is linear in each of its arguments, so is each of its gradients, and the three are each other's.
	Conv: func(g *Graph, v, dy *Value, i int) *Value {
		x, w := v.Args[0], v.Args[1]
		if dy = full(g, dy, v.Shape); i == 0 {
			return g.ConvInput(dy, w, *v.Attrs.Conv, x.Shape)
		}
		return g.ConvWeight(x, dy, *v.Attrs.Conv, w.Shape)
	},
	ConvInput: func(g *Graph, v, dx *Value, i int) *Value {
		y, w := v.Args[0], v.Args[1]
		if dx = full(g, dx, v.Shape); i == 0 {
			return g.Conv(dx, w, *v.Attrs.Conv)
		}
		return g.ConvWeight(dx, y, *v.Attrs.Conv, w.Shape)
	},
	ConvWeight: func(g *Graph, v, dw *Value, i int) *Value {
		x, y := v.Args[0], v.Args[1]
		if dw = full(g, dw, v.Shape); i == 0 {
			return g.ConvInput(y, dw, *v.Attrs.Conv, x.Shape)
		}
		return g.Conv(x, dw, *v.Attrs.Conv)
	},

	Softmax: func(g *Graph, v, dy *Value, _ int) *Value { // y (dy - sum(y dy))
		p := times(g, dy, v)
		return g.Sub(p, g.Mul(v, g.Sum(p, true, len(v.Shape)-1)))
	},
	Normalize: normalized,
	InverseStd: func(g *Graph, v, dy *Value, _ int) *Value { // -(x - mean)/(n std^3)
		x := v.Args[0]
		scale := g.Mul(g.Mul(v, v), g.Scalar(-1/float64(x.Shape[len(x.Shape)-1])))
		return g.Mul(g.Normalize(x, v.Attrs.Eps), times(g, dy, scale))
	},
}

// flat is the rule of steps.
func flat(*Graph, *Value, *Value, int) *Value { return nil }

// mean is over the last axis, which stays.
func (g *Graph) mean(x *Value) *Value {
	last := len(x.Shape) - 1
	return g.Mul(g.Sum(x, true, last), g.Scalar(1/float64(x.Shape[last])))
}

// normalized is the rule of y = (x - mean)/std: (dy - mean(dy) - y mean(y dy))/std.
func normalized(g *Graph, v, dy *Value, _ int) *Value {
	inverse := g.InverseStd(v.Args[0], v.Attrs.Eps)
	if d, f := scaled(v, dy); f != nil {
		return groupNormalized(g, v, d, f, inverse)
	}
	dy = full(g, dy, v.Shape)
	along := g.Mul(v, g.mean(g.Mul(v, dy)))
	return g.Mul(g.Sub(g.Sub(dy, g.mean(dy)), along), inverse)
}

// scaled tells whether the cotangent of v, rows [n, groups, size], is an array d [n, channels, space...] times a factor f
// of each channel, [channels, 1...] or with axes for n in front: so it is where groups of channels are normalized and
// then scaled.
func scaled(v, dy *Value) (d, f *Value) {
	if dy.Op != Reshape || dy.Args[0].Op != Mul || !slices.Equal(dy.Shape, v.Shape) || len(v.Shape) < 2 {
		return nil, nil
	}
	p, axis := dy.Args[0], len(v.Shape)-2 // of the channels and of the groups
	d, f = p.Args[0], p.Args[1]
	if len(p.Shape) <= axis || !slices.Equal(d.Shape, p.Shape) || !slices.Equal(p.Shape[:axis], v.Shape[:axis]) {
		return nil, nil
	}
	own, channels, groups := axis-len(p.Shape)+len(f.Shape), p.Shape[axis], v.Shape[axis]
	if own < 0 || f.Shape[own] != channels || groups < 1 || channels < 1 || channels%groups != 0 {
		return nil, nil
	}
	if n, batch := f.Shape[own+1:].per(); n != 1 || batch {
		return nil, nil
	}
	return d, f
}

// groupNormalized is the rule of y = (x - mean)/std for dy = d f, as scaled finds it. Both means are then those of the
// channels' sums of d and y d, times f, and the result is d (f/std) - (y mean(y dy)/std + mean(dy)/std), in which all
// but d and y is small: no pass over the arrays makes dy, and the gradients of scale and shift have the same sums.
func groupNormalized(g *Graph, v, d, f, inverse *Value) *Value {
	last := len(v.Shape) - 1
	groups, channels := v.Shape[last-1], d.Shape[last-1]
	space := make([]int, len(d.Shape)-last)
	for i := range space {
		space[i] = last + i
	}
	grouped := func(x *Value) *Value { // [..., channels, 1...] as [..., groups, channels/groups]
		lead := x.Shape[:len(x.Shape)-len(space)-1]
		return g.Reshape(x, slices.Concat(lead, []int{groups, channels / groups})...)
	}
	mean := func(x *Value) *Value { // of x f over a row
		total := g.Sum(grouped(g.Mul(g.Sum(x, true, space...), f)), true, last)
		return g.Mul(total, g.Scalar(1/float64(v.Shape[last])))
	}
	constant := g.Mul(mean(d), inverse)
	along := g.Mul(mean(g.Mul(d, g.Reshape(v, d.Shape...))), inverse)
	factor := g.Mul(inverse, grouped(f))
	factor = g.Reshape(factor, slices.Concat(d.Shape[:last], slices.Repeat([]int{1}, len(space)))...)
	return g.Sub(g.Reshape(g.Mul(d, factor), v.Shape...), g.Add(g.Mul(v, along), constant))
}

// product is the rule of a b; that of a square is taken whole, when its first argument's turn comes.
func product(g *Graph, v, dy *Value, i int) *Value {
	a, b := v.Args[0], v.Args[1]
	switch {
	case a == b && i == 0:
		return times(g, times(g, g.Scalar(2), dy), a)
	case a == b:
		return nil
	}
	return sumTo(g, times(g, dy, v.Args[1-i]), v.Shape, v.Args[i].Shape)
}

// quotient is the rule of a/b: dy/b and -sum(dy y)/b.
func quotient(g *Graph, v, dy *Value, i int) *Value {
	a, b := v.Args[0], v.Args[1]
	switch {
	case i == 1:
		return g.Neg(g.Div(sumTo(g, times(g, dy, v), v.Shape, b.Shape), b))
	case slices.Equal(b.Shape, v.Shape):
		return sumTo(g, g.Div(dy, b), v.Shape, a.Shape)
	}
	return sumTo(g, times(g, dy, g.Reciprocal(b)), v.Shape, a.Shape)
}

// power is the rule of a^b: b a^(b-1) and y log(a). The second is 0 where a is, as is the first where a constant b is
// 0, whatever a.
func power(g *Graph, v, dy *Value, i int) *Value {
	a, b := v.Args[0], v.Args[1]
	if i == 1 {
		slope := g.Where(g.Equal(a, g.Scalar(0)), g.Scalar(0), g.Mul(v, g.Log(a)))
		return sumTo(g, times(g, dy, slope), v.Shape, b.Shape)
	}
	if len(b.Floats) == 1 && slices.Equal(a.Shape, v.Shape) {
		n := b.Floats[0]
		dy = times(g, g.Scalar(n), dy)
		switch n {
		case 0:
			return nil
		case 0.5:
			return g.Div(dy, v)
		case 1:
			return dy
		case 2:
			return times(g, dy, a)
		case 3:
			return times(g, dy, g.Mul(a, a))
		}
		return times(g, dy, g.Pow(a, g.Scalar(n-1)))
	}
	less := g.Sub(b, g.Scalar(1))
	if b.Op == Constant {
		numbers := make([]float64, len(b.Floats))
		for i, n := range b.Floats {
			if n != 0 {
				numbers[i] = n - 1
			}
		}
		less = g.Constant(numbers, b.Shape)
	}
	return sumTo(g, times(g, dy, g.Mul(b, g.Pow(a, less))), v.Shape, a.Shape)
}

// chosen is the rule of what takes each element from one of two arguments, those numbered from on: from the first of
// them where a condition holds, else from the second. Where the two arguments of Max or Min are equal it is the second
// that counts, so that max(x, 0) has derivative 0 at 0.
func chosen(g *Graph, v, dy *Value, i int, condition *Value, from int) *Value {
	d, other := dy, g.Scalar(0)
	if i != from {
		d, other = other, d
	}
	return sumTo(g, g.Where(condition, d, other), v.Shape, v.Args[i].Shape)
}

// matrixProduct is the rule of c = a b, da = dc b', db = a' dc, each transposed as its array is.
func matrixProduct(g *Graph, v, dc *Value, i int) *Value {
	a, b := v.Args[0], v.Args[1]
	ta, tb := v.Attrs.TransA, v.Attrs.TransB
	dc = full(g, dc, v.Shape)
	if i == 0 {
		d := dc
		if ta {
			d = g.MatMulT(b, dc, tb, true)
		} else {
			d = g.MatMulT(dc, b, false, !tb)
		}
		return sumTo(g, d, d.Shape, a.Shape)
	}
	if n, _ := b.Shape[:len(b.Shape)-2].per(); n == 1 && !b.Shape[:len(b.Shape)-2].HasBatch() && !ta && slices.Equal(a.Shape[:len(a.Shape)-1], dc.Shape[:len(dc.Shape)-1]) {
		a, dc = g.rows(a), g.rows(dc) // one product with a long sum in place of a sum of products
	}
	var d *Value
	if tb {
		d = g.MatMulT(dc, a, true, ta)
	} else {
		d = g.MatMulT(a, dc, !ta, false)
	}
	if len(d.Shape) < len(b.Shape) {
		return g.Reshape(d, b.Shape...)
	}
	return sumTo(g, d, d.Shape, b.Shape)
}

// rows is x as a matrix of its last axis' rows.
func (g *Graph) rows(x *Value) *Value {
	last := len(x.Shape) - 1
	if last == 1 {
		return x
	}
	n, batch := x.Shape[:last].per()
	if batch {
		n = -n
	}
	return g.Reshape(x, n, x.Shape[last])
}

// kept is an array in the shape of v, a reduction, in the shape that v has where the axes stay.
func kept(g *Graph, v, d *Value) *Value {
	x, a := v.Args[0], v.Attrs
	if a.Keep || len(d.Shape) == 0 {
		return d
	}
	shape := slices.Clone(x.Shape)
	d = ranked(g, d, len(v.Shape))
	j := 0
	for i := range shape {
		if slices.Contains(a.Axes, i) {
			shape[i] = 1
		} else {
			shape[i] = d.Shape[j]
			j++
		}
	}
	return g.Reshape(d, shape...)
}

// greatest is the rule of ReduceMax: equals share alike.
func greatest(g *Graph, v, dy *Value, _ int) *Value {
	x := v.Args[0]
	ones := g.Cast(g.Equal(x, kept(g, v, v)), v.Type)
	count := g.Sum(ones, true, v.Attrs.Axes...)
	return g.Mul(ones, g.Div(kept(g, v, dy), count))
}

// section is a part of dy, which broadcasts to v's shape, along an axis.
func section(g *Graph, v, dy *Value, axis, start, stop int) *Value {
	if i := axis - len(v.Shape) + len(dy.Shape); i < 0 || dy.Shape[i] == 1 {
		if v.Shape[axis] != 1 || stop-start == 1 {
			return dy
		}
	}
	return g.Slice(ranked(g, dy, len(v.Shape)), axis, start, stop, 1)
}

// spacedOut is the rule of Slice: the elements go back to their places, Step apart, with zeros between and around.
func spacedOut(g *Graph, v, dy *Value, _ int) *Value {
	axis, start, step := v.Attrs.Axes[0], v.Attrs.Start, v.Attrs.Step
	size, count := v.Args[0].Shape[axis], v.Shape[axis]
	d := full(g, dy, v.Shape)
	if step > 1 && count > 0 {
		d = g.Reshape(d, slices.Insert(slices.Clone(d.Shape), axis+1, 1)...)
		d = g.Pad(d, axis+1, 0, step-1)
		shape := slices.Clone(v.Shape)
		shape[axis] = count * step
		d = g.Reshape(d, shape...)
		d = g.Slice(d, axis, 0, min(count*step, size-start), 1)
	}
	return g.Pad(d, axis, start, size-start-d.Shape[axis])
}
