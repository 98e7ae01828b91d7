package graph

import "slices"

// This file has matrix products, reductions and normalisations.

// matMul is numpy's: of lists, too, which lose their axis in the result.
func (c *call) matMul(a, b *Value) *Value {
	rowless, columnless := len(a.Shape) == 1, len(b.Shape) == 1
	if rowless {
		a = c.g.Reshape(a, 1, a.Shape[0])
	}
	if columnless {
		b = c.g.Reshape(b, b.Shape[0], 1)
	}
	y := c.g.MatMul(a, b)
	shape := slices.Clone(y.Shape)
	if columnless {
		shape = slices.Delete(shape, len(shape)-1, len(shape))
	}
	if rowless {
		k := len(y.Shape) - 2
		shape = slices.Delete(shape, k, k+1)
	}
	if len(shape) < len(y.Shape) {
		y = c.g.Reshape(y, shape...)
	}
	return y
}

// gemm is alpha A B + beta C.
func (c *call) gemm() *Value {
	a, b := c.data(0), c.data(1)
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		fail("arrays of shapes %v and %v, where matrices are expected", a.Shape, b.Shape)
	}
	y := c.g.MatMulT(a, b, c.int("transA", 0) != 0, c.int("transB", 0) != 0)
	y = c.scaled(y, c.float("alpha", 1))
	if c.has(2) {
		y = c.g.Add(y, c.scaled(c.data(2), c.float("beta", 1)))
	}
	return y
}

// reduction is an operator over axes that are an attribute or an input; f keeps them.
func reduction(f func(c *call, x *Value, axes []int) *Value) operator {
	return func(c *call) *Value {
		x := c.arg(0)
		along := allAxes(len(x.Shape))
		if list := c.list("axes", 1); len(list) > 0 {
			along = axes(list, len(x.Shape))
		} else if c.int("noop_with_empty_axes", 0) != 0 {
			along = nil // as in ONNX Runtime, what is done with each element is still done
		}
		y := f(c, x, along)
		if c.int("keepdims", 1) != 0 || len(along) == 0 {
			return y
		}
		shape := Shape{}
		for i, n := range y.Shape {
			if !slices.Contains(along, i) {
				shape = append(shape, n)
			}
		}
		return c.g.Reshape(y, shape...)
	}
}

// mean is over axes, which stay.
func (c *call) mean(x *Value, axes []int) *Value {
	n := 1
	for _, k := range axes {
		n *= x.Shape[k]
	}
	return c.scaled(c.g.Sum(x, true, axes...), 1/float64(n))
}

func (c *call) reduceMin(x *Value, axes []int) *Value {
	return c.g.Neg(c.g.ReduceMax(c.g.Neg(x), true, axes...))
}

// mostFactors bounds products that are written out.
const mostFactors = 64

func (c *call) reduceProd(x *Value, axes []int) *Value {
	for _, k := range axes {
		n := x.Shape[k]
		if n < 1 || n > mostFactors {
			fail("a product of %d factors, where up to %d are expected", n, mostFactors)
		}
		y := c.g.Slice(x, k, 0, 1, 1)
		for i := 1; i < n; i++ {
			y = c.g.Mul(y, c.g.Slice(x, k, i, i+1, 1))
		}
		x = y
	}
	return x
}

func (c *call) logSumExp(x *Value, axes []int) *Value {
	top := c.g.ReduceMax(x, true, axes...)
	return c.g.Add(top, c.g.Log(c.g.Sum(c.g.Exp(c.g.Sub(x, top)), true, axes...)))
}

// cumSum adds up along an axis, as a product with a triangle of ones.
func (c *call) cumSum() *Value {
	x := c.arg(0)
	k := axis(int64(c.scalar(1)), len(x.Shape))
	n := x.Shape[k]
	c.spend(int64(n) * int64(n))
	ones := make([]float64, n*n)
	for from := range n {
		for to := range n {
			before := from < to
			if c.int("reverse", 0) != 0 {
				before = from > to
			}
			if before || from == to && c.int("exclusive", 0) == 0 {
				ones[from*n+to] = 1
			}
		}
	}
	y := c.along(c.converted(x, c.g.Scalar(0).Type), k, func(x *Value) *Value {
		return c.matMul(x, c.g.Constant(ones, Shape{n, n}))
	})
	return c.converted(y, x.Type)
}

// along does something along an axis that knows how to do it along the last.
func (c *call) along(x *Value, axis int, f func(*Value) *Value) *Value {
	last := len(x.Shape) - 1
	if axis == last {
		return f(x)
	}
	perm := swap(len(x.Shape), axis, last)
	return c.g.Transpose(f(c.g.Transpose(x, perm...)), perm...)
}

// overClasses applies f over an axis; up to version 12 over all axes from one on.
func (c *call) overClasses(f func(*Graph, *Value) *Value) *Value {
	x := c.data(0)
	if c.opset >= 13 {
		k := axis(c.int("axis", -1), len(x.Shape))
		return c.along(x, k, func(x *Value) *Value { return f(c.g, x) })
	}
	k := axis(c.int("axis", 1), len(x.Shape))
	flat := c.g.Reshape(x, count(x.Shape[:k]), count(x.Shape[k:]))
	return c.g.Reshape(f(c.g, flat), x.Shape...)
}

// logSoftmax is over the last axis.
func logSoftmax(g *Graph, x *Value) *Value {
	last := len(x.Shape) - 1
	x = g.Sub(x, g.ReduceMax(x, true, last))
	return g.Sub(x, g.Log(g.Sum(g.Exp(x), true, last)))
}

// layerNormalization is over all axes from one on.
func (c *call) layerNormalization() *Value {
	x := c.data(0)
	k := axis(c.int("axis", -1), len(x.Shape))
	y := c.g.Normalize(c.g.Reshape(x, count(x.Shape[:k]), count(x.Shape[k:])), c.float("epsilon", 1e-5))
	y = c.g.Mul(c.g.Reshape(y, x.Shape...), c.data(1))
	if c.has(2) {
		y = c.g.Add(y, c.data(2))
	}
	return y
}

// rmsNormalization divides by the root of the mean square, over all axes from one on.
func (c *call) rmsNormalization() *Value {
	x := c.data(0)
	over := allAxes(len(x.Shape))[axis(c.int("axis", -1), len(x.Shape)):]
	square := c.shifted(c.mean(c.g.Mul(x, x), over), c.float("epsilon", 1e-5))
	return c.g.Mul(c.g.Mul(x, c.g.Reciprocal(c.g.Sqrt(square))), c.data(1))
}

// channels is how many channels an array [n, c, ...] has.
func channels(x *Value) int {
	if len(x.Shape) < 2 {
		fail("an array of shape %v, where samples with channels are expected", x.Shape)
	}
	return x.Shape[1]
}

func (c *call) instanceNormalization() *Value {
	x := c.data(0)
	y := c.grouped(x, channels(x), c.float("epsilon", 1e-5))
	return c.affine(y, 1, 2)
}

// groupNormalization has a scale for each group in version 18 and for each channel from 21 on.
func (c *call) groupNormalization() *Value {
	x := c.data(0)
	groups := limit(c.attribute("num_groups").Int)
	if groups < 1 || channels(x)%groups != 0 {
		fail("%d channels in %d groups", channels(x), groups)
	}
	y := c.grouped(x, groups, c.float("epsilon", 1e-5))
	if scale := c.data(1); len(scale.Shape) == 1 && scale.Shape[0] == groups && groups != channels(x) {
		y = c.g.Reshape(y, x.Shape[0], groups, count(x.Shape[1:])/groups)
		return c.g.Reshape(c.affine(y, 1, 2), x.Shape...)
	}
	return c.affine(y, 1, 2)
}

// grouped normalises groups of channels.
func (c *call) grouped(x *Value, groups int, eps float64) *Value {
	flat := c.g.Reshape(x, x.Shape[0], groups, count(x.Shape[1:])/max(groups, 1))
	return c.g.Reshape(c.g.Normalize(flat, eps), x.Shape...)
}

// affine is y times argument scale plus argument bias, both along the axis of channels.
func (c *call) affine(y *Value, scale, bias int) *Value {
	rank := len(y.Shape)
	y = c.g.Mul(y, c.alongAxis(c.data(scale), 1, rank))
	return c.g.Add(y, c.alongAxis(c.data(bias), 1, rank))
}

// batchNormalization is that of inference: the running statistics are no weights.
func (c *call) batchNormalization() []*Value {
	if c.int("training_mode", 0) != 0 {
		fail("in the mode for training; export the model for inference")
	}
	x := c.data(0)
	channels(x)
	rank := len(x.Shape)
	mean, variance := c.data(3), c.data(4)
	c.fixed[mean], c.fixed[variance] = true, true
	rate := c.g.Reciprocal(c.g.Sqrt(c.shifted(variance, c.float("epsilon", 1e-5))))
	y := c.g.Mul(c.g.Sub(x, c.alongAxis(mean, 1, rank)), c.alongAxis(rate, 1, rank))
	return []*Value{c.affine(y, 1, 2)}
}

// lpNormalization divides by the 1- or 2-norm along an axis.
func (c *call) lpNormalization() *Value {
	x := c.data(0)
	k := axis(c.int("axis", -1), len(x.Shape))
	switch p := c.int("p", 2); p {
	case 1:
		return c.g.Div(x, c.g.Sum(c.g.Abs(x), true, k))
	case 2:
		return c.g.Div(x, c.g.Sqrt(c.g.Sum(c.g.Mul(x, x), true, k)))
	default:
		fail("the %d-norm", p)
	}
	return nil
}
