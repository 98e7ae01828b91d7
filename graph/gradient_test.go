package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"odeon/onnx"
)

// testBatch is the size of the batch in shapes with one.
const testBatch = 3

// A gradientCase is a function of float arrays to be differentiated.
type gradientCase struct {
	op       Op // the operator that it is about
	name     string
	args     []Shape
	build    func(g *Graph, x []*Value) *Value
	from, to float64 // where the arguments' elements are; -2 to 2 if both are 0
}

func unary(op Op, from, to float64) gradientCase {
	return gradientCase{op: op, args: []Shape{{Batch, 4}}, from: from, to: to, build: func(g *Graph, x []*Value) *Value {
		return g.apply(op, Attrs{}, x[0])
	}}
}

// broadcasting is an operator of two arguments under every kind of broadcasting.
func broadcasting(op Op, from, to float64) (list []gradientCase) {
	for _, shapes := range [][]Shape{
		{{2, 3}, {2, 3}},
		{{2, 3}, {}},
		{{}, {4}},
		{{Batch, 3}, {3}},
		{{Batch, 1}, {Batch, 4}},
		{{1, 4}, {Batch, 1}},
		{{2, Batch, 3}, {2, 1, 1}},
		{{3, 1, 2}, {Batch, 1, 4, 1}},
	} {
		list = append(list, gradientCase{op: op, name: fmt.Sprint(shapes), args: shapes, from: from, to: to,
			build: func(g *Graph, x []*Value) *Value { return g.apply(op, Attrs{}, x[0], x[1]) }})
	}
	return list
}

func gradientCases() []gradientCase {
	list := []gradientCase{
		unary(Neg, 0, 0), unary(Exp, 0, 0), unary(Log, 0.2, 3), unary(Sqrt, 0.2, 3), unary(Reciprocal, 0.3, 2), unary(Reciprocal, -2, -0.3),
		unary(Sin, 0, 0), unary(Cos, 0, 0), unary(Tanh, 0, 0), unary(Sigmoid, 0, 0), unary(Erf, 0, 0), unary(Abs, 0, 0),
		unary(Sign, 0, 0), unary(Floor, 0, 0),
	}
	list = append(list, broadcasting(Add, 0, 0)...)
	list = append(list, broadcasting(Sub, 0, 0)...)
	list = append(list, broadcasting(Mul, 0, 0)...)
	list = append(list, broadcasting(Div, 0.4, 2)...)
	list = append(list, broadcasting(Pow, 0.4, 2)...)
	list = append(list, broadcasting(Max, 0, 0)...)
	list = append(list, broadcasting(Min, 0, 0)...)

	add := func(op Op, name string, build func(g *Graph, x []*Value) *Value, args ...Shape) {
		list = append(list, gradientCase{op: op, name: name, args: args, build: build})
	}
	add(Mul, "square", func(g *Graph, x []*Value) *Value { return g.Mul(x[0], x[0]) }, Shape{Batch, 3})
	add(Mul, "silu", func(g *Graph, x []*Value) *Value { return g.Mul(x[0], g.Sigmoid(x[0])) }, Shape{Batch, 3})
	add(Mul, "silu, turned", func(g *Graph, x []*Value) *Value { return g.Mul(g.Sigmoid(x[0]), x[0]) }, Shape{Batch, 3})
	for _, n := range []float64{0, 1, 2, 3, 4, -1} {
		add(Pow, fmt.Sprintf("x^%g", n), func(g *Graph, x []*Value) *Value { return g.Pow(x[0], g.Scalar(n)) }, Shape{Batch, 3})
	}
	add(Pow, "powers by column", func(g *Graph, x []*Value) *Value {
		return g.Pow(x[0], g.Constant([]float64{0, 1, 2, 3, -2}, Shape{5}))
	}, Shape{Batch, 5})
	add(Pow, "powers of one number", func(g *Graph, x []*Value) *Value {
		return g.Pow(x[0], g.Constant([]float64{0, 1, 2, 3, -2}, Shape{5}))
	}, Shape{Batch, 1})
	add(Pow, "square, with axes added", func(g *Graph, x []*Value) *Value {
		return g.Pow(x[0], g.Constant([]float64{2}, Shape{1, 1, 1}))
	}, Shape{Batch, 4})
	list = append(list, gradientCase{op: Pow, name: "root", args: []Shape{{Batch, 3}}, from: 0.3, to: 2,
		build: func(g *Graph, x []*Value) *Value { return g.Pow(x[0], g.Scalar(0.5)) }})

	add(Where, "by row", func(g *Graph, x []*Value) *Value {
		return g.Where(g.Less(g.Integers([]int64{0, 1, 2}, Shape{3, 1}), g.Integers([]int64{1}, Shape{})), x[0], x[1])
	}, Shape{Batch, 3, 4}, Shape{4})
	add(Where, "by element", func(g *Graph, x []*Value) *Value {
		return g.Where(g.Less(x[0], x[1]), x[0], g.Mul(x[1], x[1]))
	}, Shape{Batch, 3}, Shape{Batch, 1})
	add(Cast, "", func(g *Graph, x []*Value) *Value { return g.Cast(x[0], onnx.Float32) }, Shape{Batch, 3})

	for _, ta := range []bool{false, true} {
		for _, tb := range []bool{false, true} {
			turn := func(s Shape, t bool) Shape {
				s = append(Shape{}, s...)
				if n := len(s); t {
					s[n-2], s[n-1] = s[n-1], s[n-2]
				}
				return s
			}
			for _, s := range [][2]Shape{
				{{2, 3}, {3, 4}},
				{{Batch, 3}, {3, 4}},
				{{2, Batch}, {Batch, 4}},
				{{Batch, 2, 3}, {3, 4}},
				{{Batch, 2, 5, 3}, {3, 4}},
				{{Batch, 2, 3}, {1, 3, 4}},
				{{Batch, 2, 3}, {Batch, 3, 4}},
				{{2, 3}, {Batch, 3, 4}},
				{{Batch, 1, 2, 3}, {5, 3, 4}},
				{{2, 3}, {1, 1, 3, 4}},
			} {
				add(MatMul, fmt.Sprint(s, ta, tb), func(g *Graph, x []*Value) *Value { return g.MatMulT(x[0], x[1], ta, tb) },
					turn(s[0], ta), turn(s[1], tb))
			}
		}
	}

	add(Transpose, "matrix", func(g *Graph, x []*Value) *Value { return g.Transpose(x[0], 1, 0) }, Shape{Batch, 4})
	add(Transpose, "heads", func(g *Graph, x []*Value) *Value { return g.Transpose(x[0], 0, 2, 1, 3) }, Shape{Batch, 2, 3, 4})
	add(Transpose, "cycle", func(g *Graph, x []*Value) *Value { return g.Transpose(x[0], 2, 0, 1) }, Shape{2, Batch, 4})
	add(Reshape, "", func(g *Graph, x []*Value) *Value { return g.Reshape(x[0], -2, 6) }, Shape{Batch, 3, 4})
	add(Reshape, "to one", func(g *Graph, x []*Value) *Value { return g.Reshape(x[0], 1, 1) }, Shape{})
	add(Expand, "", func(g *Graph, x []*Value) *Value { return g.Expand(x[0], 2, Batch, 4, 3) }, Shape{Batch, 1, 3})
	add(Expand, "number", func(g *Graph, x []*Value) *Value { return g.Expand(x[0], Batch, 2) }, Shape{})
	for _, keep := range []bool{false, true} {
		for _, axes := range [][]int{{}, {0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}, {2, 0}} {
			add(Sum, fmt.Sprint(axes, keep), func(g *Graph, x []*Value) *Value { return g.Sum(x[0], keep, axes...) }, Shape{Batch, 2, 4})
			add(ReduceMax, fmt.Sprint(axes, keep), func(g *Graph, x []*Value) *Value { return g.ReduceMax(x[0], keep, axes...) }, Shape{Batch, 2, 4})
		}
	}
	add(Concat, "", func(g *Graph, x []*Value) *Value { return g.Concat(1, x...) }, Shape{Batch, 2, 2}, Shape{Batch, 1, 2}, Shape{Batch, 3, 2})
	add(Concat, "with itself", func(g *Graph, x []*Value) *Value { return g.Concat(0, x[0], x[0]) }, Shape{3, 2})
	add(Concat, "batches", func(g *Graph, x []*Value) *Value { return g.Concat(1, x...) }, Shape{2, Batch, 2}, Shape{2, -2, 2})
	add(Slice, "", func(g *Graph, x []*Value) *Value { return g.Slice(x[0], 1, 1, 4, 1) }, Shape{Batch, 5, 2})
	add(Slice, "steps", func(g *Graph, x []*Value) *Value { return g.Slice(x[0], 1, 1, 7, 3) }, Shape{Batch, 7, 2})
	add(Slice, "steps, short", func(g *Graph, x []*Value) *Value { return g.Slice(x[0], 1, 0, 4, 2) }, Shape{Batch, 7})
	add(Slice, "steps to the end", func(g *Graph, x []*Value) *Value { return g.Slice(x[0], 1, 1, 6, 2) }, Shape{Batch, 6})
	add(Slice, "nothing", func(g *Graph, x []*Value) *Value { return g.Slice(x[0], 0, 2, 2, 2) }, Shape{5, Batch})
	add(Pad, "", func(g *Graph, x []*Value) *Value { return g.Pad(x[0], 1, 2, 1) }, Shape{Batch, 3, 2})
	add(Pad, "one", func(g *Graph, x []*Value) *Value { return g.Pad(x[0], 1, 0, 3) }, Shape{Batch, 1})
	indices := func(g *Graph) *Value { return g.Integers([]int64{2, 0, 2, 1, 0, 0}, Shape{2, 3}) }
	add(Gather, "first axis", func(g *Graph, x []*Value) *Value { return g.Gather(x[0], indices(g), 0) }, Shape{4, 3})
	add(Gather, "inner axis", func(g *Graph, x []*Value) *Value { return g.Gather(x[0], indices(g), 1) }, Shape{Batch, 3, 2})
	add(Scatter, "first axis", func(g *Graph, x []*Value) *Value { return g.Scatter(x[0], indices(g), 0, Shape{4, 5}) }, Shape{2, 3, 5})
	add(Scatter, "inner axis", func(g *Graph, x []*Value) *Value {
		return g.Scatter(x[0], indices(g), 1, Shape{Batch, 3, 2})
	}, Shape{Batch, 2, 3, 2})

	for _, c := range gradientConvolutions {
		x, w, y := c.x, c.w, c.y()
		add(Conv, c.name, func(g *Graph, v []*Value) *Value { return g.Conv(v[0], v[1], c.attrs) }, x, w)
		add(ConvInput, c.name, func(g *Graph, v []*Value) *Value { return g.ConvInput(v[0], v[1], c.attrs, x) }, y, w)
		add(ConvWeight, c.name, func(g *Graph, v []*Value) *Value { return g.ConvWeight(v[0], v[1], c.attrs, w) }, x, y)
	}

	for _, s := range []Shape{{5}, {Batch, 4}, {Batch, 2, 3}} {
		add(Softmax, fmt.Sprint(s), func(g *Graph, x []*Value) *Value { return g.Softmax(x[0]) }, s)
		add(Normalize, fmt.Sprint(s), func(g *Graph, x []*Value) *Value { return g.Normalize(x[0], 0.1) }, s)
		add(InverseStd, fmt.Sprint(s), func(g *Graph, x []*Value) *Value { return g.InverseStd(x[0], 0.1) }, s)
	}
	return list
}

// A gradientConvolution is one to be differentiated.
type gradientConvolution struct {
	name  string
	x, w  Shape
	attrs ConvAttrs
}

func (c gradientConvolution) y() Shape { return convShape(Conv, c.x, c.w, &c.attrs) }

var gradientConvolutions = []gradientConvolution{
	{"3x3, same size", Shape{Batch, 2, 4, 3}, Shape{3, 2, 3, 3}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}},
	{"1x1", Shape{Batch, 3, 2, 2}, Shape{4, 3, 1, 1}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{0, 0}, []int{0, 0}, 1}},
	{"1x1, stride 2", Shape{Batch, 2, 4, 3}, Shape{2, 2, 1, 1}, ConvAttrs{[]int{2, 2}, []int{1, 1}, []int{0, 0}, []int{0, 0}, 1}},
	{"stride 2, some elements unseen", Shape{Batch, 2, 6, 5}, Shape{3, 2, 3, 2}, ConvAttrs{[]int{2, 3}, []int{1, 1}, []int{1, 0}, []int{0, 0}, 1}},
	{"dilated, padded unevenly", Shape{2, 1, 5, 6}, Shape{2, 1, 2, 3}, ConvAttrs{[]int{1, 2}, []int{3, 2}, []int{2, 0}, []int{1, 3}, 1}},
	{"two groups", Shape{Batch, 4, 3, 3}, Shape{6, 2, 2, 2}, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{0, 1}, []int{1, 0}, 2}},
	{"depthwise", Shape{Batch, 3, 4}, Shape{3, 1, 3}, ConvAttrs{[]int{1}, []int{1}, []int{1}, []int{1}, 3}},
	{"one axis", Shape{Batch, 2, 7}, Shape{3, 2, 3}, ConvAttrs{[]int{2}, []int{2}, []int{3}, []int{1}, 1}},
	{"window wider than the input", Shape{Batch, 1, 2}, Shape{2, 1, 5}, ConvAttrs{[]int{1}, []int{1}, []int{4}, []int{4}, 1}},
	{"three axes", Shape{Batch, 2, 3, 2, 4}, Shape{2, 2, 2, 1, 3}, ConvAttrs{[]int{1, 1, 2}, []int{2, 1, 1}, []int{1, 0, 2}, []int{0, 0, 1}, 1}},
}

// A differentiated case is a case's scalar f, the sum of its result with random weights, and what belongs to it.
type differentiated struct {
	g      *Graph
	args   []*Value
	values map[*Value][]float64
	rnd    *rand.Rand
}

func differentiate(c gradientCase) (d *differentiated, f *Value) {
	d = &differentiated{g: New(), values: make(map[*Value][]float64), rnd: rand.New(rand.NewPCG(1, 2))}
	if c.from == 0 && c.to == 0 {
		c.from, c.to = -2, 2
	}
	for i, s := range c.args {
		x := d.g.Input(fmt.Sprint("x", i), onnx.Float32, s)
		d.values[x] = d.random(s, c.from, c.to)
		d.args = append(d.args, x)
	}
	return d, d.weighed(c.build(d.g, d.args))
}

func (d *differentiated) random(s Shape, from, to float64) []float64 {
	list := make([]float64, s.Count(testBatch))
	for i := range list {
		list[i] = from + (to-from)*d.rnd.Float64()
	}
	return list
}

// weighed is the sum of arrays' elements with random weights.
func (d *differentiated) weighed(list ...*Value) *Value {
	total := d.g.Scalar(0)
	for _, v := range list {
		w := d.g.Input("weights", onnx.Float32, v.Shape)
		d.values[w] = d.random(v.Shape, -1, 1)
		axes := make([]int, len(v.Shape))
		for i := range axes {
			axes[i] = i
		}
		total = d.g.Add(total, d.g.Sum(d.g.Mul(w, v), false, axes...))
	}
	return total
}

// compare holds the gradients of f against central differences (f(x + h) - f(x - h))/(2 h), whose error is about h^2
// from the third derivative and 1e-16/h from rounding: 1e-10 for h = 1e-5, and some thousands of that near poles.
func (d *differentiated) compare(t *testing.T, f *Value, gradients []*Value) {
	t.Helper()
	m, err := newMachine[float64](d.g, testBatch, []*Value{f})
	if err != nil {
		t.Fatal(err)
	}
	inputs := make([]array[float64], len(m.inputs))
	for i, in := range m.inputs {
		if in != nil {
			inputs[i].floats = d.values[in.value]
		}
	}
	result := make([]float64, 1)
	at := func(e *float64, x float64) float64 {
		old := *e
		*e = x
		if err := m.run(t.Context(), []array[float64]{{floats: result}}, inputs); err != nil {
			t.Fatal(err)
		}
		*e = old
		return result[0]
	}
	computed := Evaluate(d.g, testBatch, d.values, nil, gradients...)
	for i, x := range d.args {
		if got, want := gradients[i].Shape.String(), x.Shape.String(); got != want {
			t.Errorf("gradient %d has shape %v, want %v", i, got, want)
			continue
		}
		for k := range d.values[x] {
			const h = 1e-5
			e := &d.values[x][k]
			want := (at(e, *e+h) - at(e, *e-h)) / (2 * h)
			if got := computed[i][k]; !(math.Abs(got-want) <= 1e-6*(1+math.Abs(want))) {
				t.Errorf("d/dx%d[%d] is %.10g, by finite differences %.10g", i, k, got, want)
			}
		}
	}
}

func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for _, c := range gradientCases() {
		t.Run(fmt.Sprintf("%v %s", c.op, c.name), func(t *testing.T) {
			d, f := differentiate(c)
			d.compare(t, f, Gradient(d.g, f, d.args...))
		})
	}
}

// Each rule is made of operators that have rules, so a gradient's gradient is right as well.
func TestSecondGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for _, c := range gradientCases() {
		t.Run(fmt.Sprintf("%v %s", c.op, c.name), func(t *testing.T) {
			d, f := differentiate(c)
			f = d.weighed(Gradient(d.g, f, d.args...)...)
			d.compare(t, f, Gradient(d.g, f, d.args...))
		})
	}
}

func TestEveryOperatorWithAFloatResultHasAGradientThatIsTested(t *testing.T) {
	tested := make(map[Op]bool)
	for _, c := range gradientCases() {
		d, _ := differentiate(c)
		for _, v := range d.g.Values {
			if v.Op == c.op {
				tested[c.op] = true
			}
		}
	}
	exempt := map[Op]bool{Input: true, Parameter: true, Constant: true, Not: true, Less: true, Equal: true}
	for op := range Op(operatorsCount) {
		if has := derivatives[op] != nil; has == exempt[op] {
			t.Errorf("%v: has a derivative: %v", op, has)
		}
		if tested[op] == exempt[op] {
			t.Errorf("%v: is tested: %v", op, tested[op])
		}
	}
}
