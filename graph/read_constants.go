package graph

import (
	"math"
	"slices"

	"odeon/onnx"
)

// This file has what makes constants, and what tells shapes.

// constant is a Constant node in any of its forms.
func (c *call) constant() *Value {
	a := c.node.Attributes
	switch {
	case a["value"].Tensor != nil:
		named := c.scope.outer == nil
		return c.tensor(a["value"].Tensor, c.node.Outputs[0], named)
	case c.hasAttribute("value_float"):
		return c.g.Scalar(float64(a["value_float"].Float))
	case c.hasAttribute("value_int"):
		return c.g.Integers([]int64{a["value_int"].Int}, Shape{})
	case c.hasAttribute("value_floats"):
		list := a["value_floats"].Floats
		wide := make([]float64, len(list))
		convert(wide, list)
		return c.g.Constant(wide, Shape{len(wide)})
	case c.hasAttribute("value_ints"):
		list := a["value_ints"].Ints
		return c.g.Integers(list, Shape{len(list)})
	}
	fail("a constant in a form that is not known")
	return nil
}

func (c *call) constantOfShape() *Value {
	value := c.g.Scalar(0)
	if t := c.node.Attributes["value"].Tensor; t != nil {
		value = c.tensor(t, "value", false)
	}
	shape := fitting(shapeOf(c.ints(0)))
	if count(value.Shape) != 1 {
		fail("a value of shape %v, where one number is expected", value.Shape)
	}
	return c.g.Expand(c.g.Reshape(value), shape...)
}

// rangeOf is start, start + delta, ... before limit.
func (c *call) rangeOf() *Value {
	start, limit, delta := c.scalar(0), c.scalar(1), c.scalar(2)
	n := math.Ceil((limit - start) / delta)
	if math.IsNaN(n) || n < 0 {
		n = 0
	}
	c.spend(int64(min(n, mostSize)))
	floats, ints := make([]float64, int(n)), make([]int64, int(n))
	for i := range floats {
		floats[i] = start + float64(i)*delta
		ints[i] = int64(start) + int64(i)*int64(delta)
	}
	if c.args[0].Type.IsFloat() {
		return c.g.Constant(floats, Shape{len(floats)})
	}
	return c.g.Integers(ints, Shape{len(ints)})
}

func (c *call) eyeLike() *Value {
	s := c.arg(0).Shape
	if len(s) != 2 {
		fail("%v, where a matrix is expected", s)
	}
	c.spend(int64(count(s)))
	eye := make([]float64, count(s))
	for i := range s[0] {
		if j := i + limit(c.int("k", 0)); j >= 0 && j < s[1] {
			eye[i*s[1]+j] = 1
		}
	}
	t := c.args[0].Type
	if c.hasAttribute("dtype") {
		t = typeOf(onnx.DType(c.int("dtype", 0)), c.node.Outputs[0])
	}
	return c.converted(c.g.Constant(eye, s), t)
}

func (c *call) shape() *Value {
	s := c.arg(0).Shape
	end := func(name string, usual int) int {
		n := c.int(name, int64(usual))
		if n < 0 {
			n += int64(len(s))
		}
		return int(min(max(n, 0), int64(len(s))))
	}
	from, to := end("start", 0), end("end", len(s))
	sizes := make([]int64, 0, len(s))
	for i := from; i < to; i++ {
		sizes = append(sizes, int64(s[i]))
	}
	return c.g.Integers(sizes, Shape{len(sizes)})
}

func (c *call) size() *Value { return c.g.Integers([]int64{int64(count(c.arg(0).Shape))}, Shape{}) }

// nonZero lists the places of what is not zero, an axis a row.
func (c *call) nonZero() *Value {
	x := c.floats(0)
	shape := c.args[0].Shape
	places := make([][]int64, len(shape))
	at := make([]int64, len(shape))
	for _, v := range x {
		if v != 0 {
			for k := range at {
				places[k] = append(places[k], at[k])
			}
		}
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < int64(shape[k]) {
				break
			}
			at[k] = 0
		}
	}
	flat := slices.Concat(places...)
	if len(shape) == 0 {
		fail("a scalar, where an array is expected")
	}
	return c.g.Integers(flat, Shape{len(shape), len(flat) / len(shape)})
}
