package graph

import (
	"fmt"

	"odeon/onnx"
)

// A sample graph is one operator, with one choice of its attributes, between inputs and an output.
type sample struct {
	name  string
	build func(g *Graph) *Value
}

// in is an input that no other has the name of.
func in(g *Graph, shape ...int) *Value {
	return g.Input(fmt.Sprint("x", len(g.Inputs)), onnx.Float32, shape)
}

// positive is an input of numbers above 0, as test runs fill those with "positive" in their name.
func positive(g *Graph, shape ...int) *Value {
	return g.Input(fmt.Sprint("positive", len(g.Inputs)), onnx.Float32, shape)
}

// integers is an input of integers from 0 to 2.
func integers(g *Graph, shape ...int) *Value {
	return g.Input(fmt.Sprint("n", len(g.Inputs)), onnx.Int64, shape)
}

const b = Batch

// samples has every operator with every kind of attributes.
func samples() []sample {
	var list []sample
	add := func(name string, build func(g *Graph) *Value) { list = append(list, sample{name, build}) }
	for op := Neg; op <= Floor; op++ {
		add(op.String(), func(g *Graph) *Value {
			if op == Log || op == Sqrt || op == Reciprocal {
				return g.apply(op, Attrs{}, positive(g, b, 3))
			}
			return g.apply(op, Attrs{}, in(g, b, 3))
		})
	}
	for _, op := range []Op{Neg, Abs, Sign} {
		add(op.String()+" of integers", func(g *Graph) *Value { return g.apply(op, Attrs{}, integers(g, b, 3)) })
	}
	for op := Add; op <= Equal; op++ {
		for _, shapes := range [][2][]int{{{b, 3}, {b, 3}}, {{b, 3}, {3}}, {{1, 3}, {b, 1}}, {{b, 2, 3}, {}}, {{}, {b}}} {
			add(fmt.Sprintf("%v %v %v", op, Shape(shapes[0]), Shape(shapes[1])), func(g *Graph) *Value {
				return g.apply(op, Attrs{}, positive(g, shapes[0]...), positive(g, shapes[1]...))
			})
		}
		if op != Pow {
			add(op.String()+" of integers", func(g *Graph) *Value {
				return g.apply(op, Attrs{}, integers(g, b, 3), g.Add(integers(g, b, 3), g.Integers([]int64{1}, Shape{})))
			})
		}
	}
	add("Not", func(g *Graph) *Value { return g.Not(g.Less(in(g, b, 3), in(g, 3))) })
	add("Equal of flags", func(g *Graph) *Value { return g.Equal(g.Less(in(g, b, 3), in(g, 3)), g.Less(in(g, b, 3), in(g, 3))) })
	add("flags as input", func(g *Graph) *Value { return g.Not(g.Input("flag", onnx.Bool, Shape{b, 2})) })
	add("Where", func(g *Graph) *Value { return g.Where(g.Less(in(g, b, 3), in(g, 3)), in(g, b, 1), in(g, b, 3)) })
	add("Where of integers", func(g *Graph) *Value {
		return g.Where(g.Less(integers(g, b, 3), integers(g, 3)), integers(g, b, 1), integers(g, b, 3))
	})
	for _, from := range []onnx.DType{onnx.Float32, onnx.Int64, onnx.Bool} {
		for _, to := range []onnx.DType{onnx.Float32, onnx.Int64, onnx.Bool} {
			add(fmt.Sprintf("Cast %v %v", from, to), func(g *Graph) *Value { return g.Cast(g.Input("x", from, Shape{b, 3}), to) })
		}
	}
	for _, shapes := range [][2][]int{{{b, 3}, {3, 4}}, {{b, 2, 3}, {3, 4}}, {{b, 2, 3}, {b, 3, 4}}, {{b, 1, 2, 3}, {5, 3, 4}}, {{2, 3}, {b, 3, 4}}} {
		for turns := range 4 {
			add(fmt.Sprintf("MatMul %v %v %d", Shape(shapes[0]), Shape(shapes[1]), turns), func(g *Graph) *Value {
				turned := func(s []int, turn bool) []int {
					s = append([]int{}, s...)
					if n := len(s); turn {
						s[n-1], s[n-2] = s[n-2], s[n-1]
					}
					return s
				}
				x := in(g, turned(shapes[0], turns&1 > 0)...)
				return g.MatMulT(x, in(g, turned(shapes[1], turns&2 > 0)...), turns&1 > 0, turns&2 > 0)
			})
		}
	}
	add("MatMul over the batch", func(g *Graph) *Value { return g.MatMulT(in(g, b, 3), in(g, b, 4), true, false) })
	add("Transpose", func(g *Graph) *Value { return g.Transpose(in(g, b, 2, 3), 2, 0, 1) })
	add("Transpose of integers", func(g *Graph) *Value { return g.Transpose(integers(g, b, 2, 3), 2, 0, 1) })
	add("Reshape", func(g *Graph) *Value { return g.Reshape(in(g, b, 6, 2), -3, 4) })
	add("Reshape to an axis more", func(g *Graph) *Value { return g.Reshape(in(g, -2, 6), b, 2, 1, 6) })
	add("Reshape of fixed", func(g *Graph) *Value { return g.Mul(g.Reshape(in(g, 6), 2, 3), in(g, b, 1, 1)) })
	add("Expand", func(g *Graph) *Value { return g.Expand(in(g, b, 1), 2, b, 3) })
	add("Expand to the batch", func(g *Graph) *Value { return g.Concat(1, g.Expand(in(g, 3), b, 3), in(g, b, 1)) })
	add("Expand to twice the batch", func(g *Graph) *Value { return g.Concat(1, g.Expand(in(g, 3), -2, 3), in(g, -4, 2).reshaped(g, -2, 4)) })
	for _, op := range []Op{Sum, ReduceMax} {
		for _, axes := range [][]int{{0}, {1}, {0, 2}, {0, 1, 2}, {}} {
			for _, keep := range []bool{false, true} {
				add(fmt.Sprint(op, axes, keep), func(g *Graph) *Value {
					return g.apply(op, Attrs{Axes: axes, Keep: keep}, in(g, b, 3, 4))
				})
			}
		}
	}
	add("Concat", func(g *Graph) *Value { return g.Concat(1, in(g, b, 2), in(g, b, 3), in(g, b, 1)) })
	add("Concat of batches", func(g *Graph) *Value { return g.Concat(0, in(g, b, 2), in(g, -2, 2)) })
	add("Slice", func(g *Graph) *Value { return g.Slice(in(g, b, 7), 1, 1, 6, 2) })
	add("Slice of integers", func(g *Graph) *Value { return g.Slice(integers(g, b, 7), 1, 2, 4, 1) })
	add("Pad", func(g *Graph) *Value { return g.Pad(in(g, b, 2, 3), 1, 2, 1) })
	add("Gather", func(g *Graph) *Value { return g.Gather(in(g, 3, 4), integers(g, b), 0) })
	add("Gather along another axis", func(g *Graph) *Value { return g.Gather(in(g, b, 3, 4), integers(g, 2, 5), 1) })
	add("Gather one", func(g *Graph) *Value { return g.Gather(in(g, b, 3), integers(g), 1) })
	add("Scatter", func(g *Graph) *Value { return g.Scatter(in(g, b, 4), integers(g, b), 0, Shape{3, 4}) })
	add("Scatter tables", func(g *Graph) *Value { return g.Scatter(in(g, b, 5, 4), integers(g, b, 5), 0, Shape{3, 4}) })
	add("Scatter along another axis", func(g *Graph) *Value {
		return g.Scatter(in(g, b, 2, 5, 4), integers(g, 2, 5), 1, Shape{b, 3, 4})
	})
	add("Scatter one", func(g *Graph) *Value { return g.Scatter(in(g, b), integers(g), 1, Shape{b, 3}) })
	for _, c := range windows {
		add("Conv "+c.name, func(g *Graph) *Value { return g.Conv(in(g, c.x...), in(g, c.w...), c.attrs) })
		add("ConvInput "+c.name, func(g *Graph) *Value {
			return g.ConvInput(in(g, convShape(Conv, c.x, c.w, &c.attrs)...), in(g, c.w...), c.attrs, c.x)
		})
		add("ConvWeight "+c.name, func(g *Graph) *Value {
			return g.ConvWeight(in(g, c.x...), in(g, convShape(Conv, c.x, c.w, &c.attrs)...), c.attrs, c.w)
		})
	}
	add("Softmax", func(g *Graph) *Value { return g.Softmax(in(g, b, 2, 5)) })
	for _, shape := range []Shape{{b, 2, 5}, {b, 5}, {b, 3, 2, 5}, {2, b, 5}, {b, 600}} {
		add("Normalize "+shape.String(), func(g *Graph) *Value { return g.Normalize(in(g, shape...), 1e-5) })
		add("InverseStd "+shape.String(), func(g *Graph) *Value { return g.InverseStd(in(g, shape...), 1e-5) })
		add("Normalize and InverseStd "+shape.String(), func(g *Graph) *Value {
			x := in(g, shape...)
			return g.Mul(g.Normalize(x, 1e-5), g.InverseStd(x, 1e-5))
		})
	}
	// What the writer makes fewer nodes of.
	add("MatMul and bias", func(g *Graph) *Value { return g.Add(g.MatMul(in(g, b, 3), in(g, 3, 4)), in(g, 4)) })
	for _, shapes := range [][2]Shape{{{b, 300}, {b, 520}}, {{b, 40}, {b, 300}}, {{-400, 10}, {-400, 300}}} {
		add(fmt.Sprint("gradient of weights ", shapes), func(g *Graph) *Value {
			return g.MatMulT(in(g, shapes[0]...), in(g, shapes[1]...), true, false)
		})
	}
	add("bias of channels", func(g *Graph) *Value {
		c := ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}
		return g.Add(g.Reshape(in(g, 3), 3, 1, 1), g.Conv(in(g, b, 2, 4, 5), in(g, 3, 2, 3, 3), c))
	})
	add("SiLU", func(g *Graph) *Value {
		x := in(g, b, 3)
		return g.Mul(g.Sigmoid(x), x)
	})
	for _, shapes := range [][2]Shape{{{b, 3, 1, 1}, {b, 3, 1, 1}}, {{3, 1, 1}, {b, 1, 1, 1}}, {{}, {1, 3, 1, 1}}, {{b, 3, 4, 1}, {5}}} {
		add(fmt.Sprint("scale and shift ", shapes), func(g *Graph) *Value {
			return g.Add(g.Mul(in(g, shapes[0]...), in(g, b, 3, 4, 5)), in(g, shapes[1]...))
		})
	}
	for _, keep := range []bool{false, true} {
		add(fmt.Sprint("Sum of products ", keep), func(g *Graph) *Value {
			return g.Sum(g.Mul(in(g, b, 2, 20, 15), in(g, b, 2, 20, 15)), keep, 3, 2)
		})
	}
	add("constants", func(g *Graph) *Value {
		c := g.Cast(g.add(&Value{Op: Constant, Type: onnx.Bool, Shape: Shape{3}, Ints: []int64{1, 0, 1}}), onnx.Float32)
		return g.Add(g.Mul(in(g, b, 3), g.Constant([]float64{1, 2, 3}, Shape{3})), g.Add(c, g.Cast(g.Integers([]int64{4}, Shape{1}), onnx.Float32)))
	})
	return list
}

func (v *Value) reshaped(g *Graph, shape ...int) *Value { return g.Reshape(v, shape...) }

// windows have every kind of window.
var windows = []struct {
	name  string
	x, w  Shape
	attrs ConvAttrs
}{
	{"1x1", Shape{b, 2, 4, 5}, Shape{3, 2, 1, 1}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{0, 0}, []int{0, 0}, 1}},
	{"3x3", Shape{b, 2, 4, 5}, Shape{3, 2, 3, 3}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}},
	{"uneven padding", Shape{b, 2, 4, 5}, Shape{3, 2, 2, 3}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{0, 2}, []int{1, 0}, 1}},
	{"wide padding", Shape{b, 2, 4, 5}, Shape{3, 2, 2, 1}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{3, 1}, []int{2, 1}, 1}},
	{"stride 2, even", Shape{b, 2, 6, 4}, Shape{3, 2, 3, 3}, ConvAttrs{[]int{2, 2}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}},
	{"stride 2, odd", Shape{b, 2, 7, 5}, Shape{3, 2, 3, 3}, ConvAttrs{[]int{2, 2}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}},
	{"stride 4, patches", Shape{b, 2, 8, 8}, Shape{3, 2, 4, 4}, ConvAttrs{[]int{4, 4}, []int{1, 1}, []int{0, 0}, []int{0, 0}, 1}},
	{"stride 3 and 1, rest", Shape{b, 2, 9, 5}, Shape{3, 2, 2, 3}, ConvAttrs{[]int{3, 1}, []int{1, 1}, []int{1, 1}, []int{0, 1}, 1}},
	{"dilated", Shape{b, 2, 7, 6}, Shape{3, 2, 3, 2}, ConvAttrs{[]int{1, 1}, []int{2, 3}, []int{2, 1}, []int{2, 2}, 1}},
	{"dilated and strided", Shape{b, 2, 9, 8}, Shape{3, 2, 3, 2}, ConvAttrs{[]int{2, 3}, []int{2, 2}, []int{2, 1}, []int{2, 2}, 1}},
	{"groups", Shape{b, 4, 4, 5}, Shape{6, 2, 3, 3}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 2}},
	{"groups, strided", Shape{b, 4, 6, 5}, Shape{6, 2, 3, 3}, ConvAttrs{[]int{2, 2}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 2}},
	{"depthwise", Shape{b, 3, 4, 5}, Shape{3, 1, 3, 3}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 3}},
	{"one axis", Shape{b, 2, 7}, Shape{3, 2, 3}, ConvAttrs{[]int{2}, []int{1}, []int{1}, []int{1}, 1}},
	{"three axes", Shape{b, 2, 4, 3, 5}, Shape{3, 2, 3, 2, 3}, ConvAttrs{[]int{1, 1, 1}, []int{1, 1, 1}, []int{1, 1, 1}, []int{1, 0, 1}, 1}},
	{"three axes, strided", Shape{b, 2, 4, 3, 5}, Shape{3, 2, 3, 2, 3}, ConvAttrs{[]int{2, 1, 2}, []int{1, 1, 1}, []int{1, 0, 1}, []int{1, 0, 1}, 1}},
}
