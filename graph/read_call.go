package graph

import (
	"math"
	"slices"

	"odeon/onnx"
)

// call is one node with its arguments.
type call struct {
	*reader
	node  *onnx.Node
	scope *scope
	opset int64
	args  []*Value // nil where one is left out
}

// has tells whether argument i is given.
func (c *call) has(i int) bool { return i < len(c.args) && c.args[i] != nil }

// arg is argument i.
func (c *call) arg(i int) *Value {
	if !c.has(i) {
		fail("input %d is not given", i)
	}
	return c.args[i]
}

// data is argument i, which must be of float32.
func (c *call) data(i int) *Value {
	v := c.arg(i)
	if !v.Type.IsFloat() {
		fail("input %d is of type %v, where floating-point numbers are expected", i, v.Type)
	}
	return v
}

// attribute is an attribute that must be there.
func (c *call) attribute(name string) onnx.Setting {
	v, ok := c.node.Attributes[name]
	if !ok {
		fail("attribute %q is not given", name)
	}
	return v
}

func (c *call) hasAttribute(name string) bool {
	_, ok := c.node.Attributes[name]
	return ok
}

func (c *call) int(name string, usual int64) int64 {
	if v, ok := c.node.Attributes[name]; ok {
		return v.Int
	}
	return usual
}

func (c *call) float(name string, usual float64) float64 {
	if v, ok := c.node.Attributes[name]; ok {
		return float64(v.Float)
	}
	return usual
}

func (c *call) text(name, usual string) string {
	if v, ok := c.node.Attributes[name]; ok {
		return v.Text
	}
	return usual
}

// ints is what argument i holds: whole numbers or truth values that depend on no input.
func (c *call) ints(i int) []int64 {
	n, ok := c.known(c.arg(i))
	switch {
	case !ok:
		fail("its input %d, %q, depends on the data, where what is known beforehand is expected", i, c.node.Inputs[i])
	case c.args[i].Type.IsFloat():
		fail("its input %d, %q, is of type %v, where whole numbers are expected", i, c.node.Inputs[i], c.args[i].Type)
	}
	return n.Ints
}

// floats is what argument i holds: numbers that depend on no input.
func (c *call) floats(i int) []float64 {
	n, ok := c.known(c.arg(i))
	if !ok {
		fail("its input %d, %q, depends on the data, where what is known beforehand is expected", i, c.node.Inputs[i])
	}
	if !c.args[i].Type.IsFloat() {
		out := make([]float64, len(n.Ints))
		convert(out, n.Ints)
		return out
	}
	return n.Floats
}

// scalar is the one number of argument i.
func (c *call) scalar(i int) float64 {
	n := c.floats(i)
	if len(n) != 1 {
		fail("its input %d, %q, has %d numbers, where one is expected", i, c.node.Inputs[i], len(n))
	}
	return n[0]
}

// holds tells whether argument i, a truth value, is known to be true.
func (c *call) holds(i int) bool { return c.scalar(i) != 0 }

// list is integers that are an attribute or, in later versions of an operator, input i; nil where neither is given.
func (c *call) list(name string, i int) []int64 {
	if v, ok := c.node.Attributes[name]; ok {
		return nonNil(v.Ints)
	}
	if i >= 0 && c.has(i) {
		return nonNil(c.ints(i))
	}
	return nil
}

func nonNil(list []int64) []int64 {
	if list == nil {
		return []int64{}
	}
	return list
}

// axis is an axis of an array of some rank; a negative one counts from behind.
func axis(n int64, rank int) int {
	if n < 0 {
		n += int64(rank)
	}
	if n < 0 || n >= int64(rank) {
		fail("axis %d of an array with %d axes", n, rank)
	}
	return int(n)
}

// axes are some of the axes of an array, in their order.
func axes(list []int64, rank int) []int {
	out := make([]int, len(list))
	for i, n := range list {
		out[i] = axis(n, rank)
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		fail("axes %v, one of them twice", list)
	}
	return out
}

// allAxes are 0, 1, ... up to rank.
func allAxes(rank int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = i
	}
	return out
}

// count is the product of sizes.
func count(s Shape) int { return s.Count(1) }

// number is a constant of rank 0 of v's type.
func (r *reader) number(c float64, v *Value) *Value {
	if v.Type.IsFloat() {
		return r.g.Scalar(c)
	}
	return r.g.Integers([]int64{int64(c)}, Shape{})
}

// truths is a constant of type bool.
func (r *reader) truths(list []int64, shape Shape) *Value {
	return r.g.add(&Value{Op: Constant, Type: onnx.Bool, Shape: shape, Ints: list})
}

// limit brings an integer that means a place on an axis into what an int can be added to.
func limit(n int64) int { return int(min(max(n, math.MinInt32), math.MaxInt32)) }
