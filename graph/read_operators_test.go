package graph_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/internal/ortest"
	"odeon/onnx"
)

// A trial is one operator with attributes in one version of the operator set, on inputs.
type trial struct {
	operator string
	opset    int64
	inputs   []any // []int64: data of this shape; onnx.Literal: a constant; nil: left out
	with     []setting
	results  int // more than one, where not 0
	inner    func(g *onnx.Graph) []onnx.Argument
}

// data is the shape of an input of floating-point numbers; whole and truth are those of other types.
func data(shape ...int64) any { return shape }

type whole []int64

type truth []int64

// A known input is a constant of whole numbers.
type known struct {
	ints   []int64
	scalar bool
}

func list(numbers ...int64) known { return known{ints: numbers} }

func number(n int64) known { return known{[]int64{n}, true} }

func floats(numbers ...float32) onnx.Literal { return onnx.Vector(numbers...) }

func one[T onnx.Element](x T) onnx.Literal { return onnx.Scalar(x) }

// table is a constant of normals.
func table(dims ...int64) onnx.Literal {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(math.Sin(float64(7*i+1))) * 1.5
	}
	return onnx.Array(out, dims...)
}

// above is a constant of numbers above 0.
func above(n int) onnx.Literal {
	out := make([]float32, n)
	for i := range out {
		out[i] = 0.5 + float32(i%5)
	}
	return floats(out...)
}

// A setting is an attribute of a trial. Those of whole numbers can be had with others.
type setting struct {
	name string
	ints []int64
	list bool
	made onnx.Attribute // where there are no ints
}

func (s setting) attribute() onnx.Attribute {
	switch {
	case s.ints == nil:
		return s.made
	case s.list:
		return onnx.Ints(s.name, s.ints...)
	}
	return onnx.Int(s.name, s.ints[0])
}

func i(name string, n int64) setting { return setting{name: name, ints: []int64{n}} }

func s(name string, list ...int64) setting { return setting{name: name, ints: list, list: true} }

func f(name string, x float32) setting { return setting{made: onnx.Float(name, x)} }

func w(name, text string) setting { return setting{made: onnx.Text(name, text)} }

func with(a ...setting) []setting { return a }

// trials try every operator, in the forms that its versions have.
func trials() []trial {
	x := []any{data(2, 3, 4)}
	two := []any{data(2, 3, 4), data(3, 1)}
	ints := []any{whole{2, 5}, list(3, -2, 1, 5, 2)}
	picture := []any{data(2, 4, 6, 7)}
	var all []trial
	add := func(operator string, opset int64, inputs []any, with ...setting) {
		all = append(all, trial{operator: operator, opset: opset, inputs: inputs, with: with})
	}
	for _, name := range []string{
		"Abs", "Neg", "Sign", "Exp", "Reciprocal", "Sin", "Cos", "Tan", "Tanh", "Sinh", "Cosh", "Sigmoid", "Erf", "Identity", "Floor", "Ceil",
		"Round", "Relu", "LeakyRelu", "ThresholdedRelu", "Elu", "Selu", "Celu", "Softplus", "Softsign", "HardSigmoid", "IsNaN",
	} {
		add(name, 13, x)
	}
	add("Mish", 18, x)
	add("HardSwish", 14, x)
	add("Log", 13, []any{above(7)})
	add("Sqrt", 13, []any{above(7)})
	add("Round", 13, []any{floats(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4, -0.6, 1e6+0.5)})
	add("Elu", 9, x, f("alpha", 0.3))
	add("Celu", 12, x, f("alpha", 2))
	add("Selu", 9, x, f("alpha", 1.5), f("gamma", 0.9))
	add("LeakyRelu", 9, x, f("alpha", 1.5))
	add("HardSigmoid", 9, x, f("alpha", 0.5), f("beta", 0.4))
	add("PRelu", 9, []any{data(2, 3, 4), table(3, 1)})
	add("Gelu", 20, x)
	add("Gelu", 20, x, w("approximate", "tanh"))
	add("Swish", 24, x, f("alpha", 1.3))
	add("com.microsoft:Gelu", 17, x)
	add("com.microsoft:QuickGelu", 17, x, f("alpha", 1.2))
	for _, name := range []string{"Add", "Sub", "Mul", "Div", "Max", "Min", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"} {
		add(name, 13, two)
		add(name, 13, []any{data(4), table(2, 1)})
	}
	for _, name := range []string{"Add", "Sub", "Mul", "Div", "Max", "Min", "Less", "Greater", "Equal"} {
		add(name, 13, ints)
	}
	add("Neg", 13, []any{whole{3}})
	add("Sum", 13, []any{data(2, 3), data(3), table(2, 1)})
	add("Mean", 13, []any{data(2, 3), data(3), table(2, 1)})
	add("Max", 13, []any{data(2, 3), data(3), table(2, 1)})
	for _, power := range []float32{1, 2, 3, 0.5, -1, 1.5} {
		add("Pow", 13, []any{above(6), one(power)})
	}
	add("Pow", 13, []any{data(2, 3), number(2)})
	add("Pow", 13, []any{whole{2, 3}, number(2)})
	add("Pow", 13, []any{data(3), list(1, 2, 3)})
	add("Mod", 13, ints)
	add("Mod", 13, []any{whole{4}, list(-3, 3, -2, 2)})
	add("Mod", 13, []any{data(4), floats(-3, 3, -2, 2)}, i("fmod", 1))
	add("Clip", 6, x, f("min", -0.5), f("max", 0.25))
	add("Clip", 6, x, f("max", 0.25))
	add("Clip", 13, []any{data(2, 3), one[float32](-0.5), one[float32](0.25)})
	add("Clip", 13, []any{data(2, 3), nil, one[float32](0.25)})
	add("Clip", 13, []any{whole{6}, number(2)})
	for _, name := range []string{"And", "Or", "Xor"} {
		add(name, 13, []any{truth{2, 3}, truth{3}})
	}
	add("Not", 13, []any{truth{5}})
	add("Where", 13, []any{truth{3, 1}, data(2, 1, 4), table(4)})
	add("Where", 13, []any{truth{3}, whole{3}, number(7)})
	add("Cast", 13, []any{whole{4}}, i("to", int64(onnx.Float32)))
	add("Cast", 13, []any{data(2, 3)}, i("to", int64(onnx.Int64)))
	add("Cast", 13, []any{data(2, 3)}, i("to", int64(onnx.Bool)))
	add("Cast", 13, []any{truth{3}}, i("to", int64(onnx.Float32)))
	add("CastLike", 15, []any{whole{4}, data(1)})
	add("DequantizeLinear", 13, []any{onnx.Array([]uint8{0, 3, 200, 7, 9, 255}, 2, 3), floats(0.5, 2, 0.1), onnx.Vector[uint8](1, 2, 3)}, i("axis", 1))
	add("DequantizeLinear", 13, []any{onnx.Array([]int8{0, 3, -100, 7}, 4), one[float32](0.25)})

	add("Constant", 13, nil, setting{made: onnx.Tensorial("value", table(2, 3))})
	add("Constant", 13, nil, f("value_float", 2.5))
	add("Constant", 13, nil, s("value_ints", 3, 4))
	add("ConstantOfShape", 9, []any{list(2, 3)}, setting{made: onnx.Tensorial("value", floats(1.5))})
	add("ConstantOfShape", 9, []any{list(4)})
	add("Range", 11, []any{number(2), number(11), number(3)})
	add("Range", 11, []any{one[float32](1), one[float32](-1), one[float32](-0.25)})
	add("EyeLike", 9, []any{data(3, 4)}, i("k", 1))
	add("Shape", 15, x)
	add("Shape", 15, x, i("start", -2), i("end", 3))
	add("Size", 13, x)
	add("NonZero", 13, []any{onnx.Array([]float32{0, 1, 2, 0, 0, 3}, 2, 3)})

	add("Reshape", 13, []any{data(2, 3, 4), list(0, -1)})
	add("Reshape", 13, []any{data(2, 3, 4), list(4, 2, -1, 1)})
	add("Flatten", 13, x, i("axis", 2))
	add("Flatten", 13, x, i("axis", 0))
	add("Flatten", 13, x, i("axis", -1))
	add("Squeeze", 11, []any{data(2, 1, 3, 1)}, s("axes", 1))
	add("Squeeze", 13, []any{data(2, 1, 3, 1), list(-1)})
	add("Squeeze", 13, []any{data(2, 1, 3, 1)})
	add("Unsqueeze", 11, x, s("axes", 0, 4))
	add("Unsqueeze", 13, []any{data(2, 3), list(-1, 1)})
	add("Transpose", 13, x)
	add("Transpose", 13, x, s("perm", 1, 2, 0))
	add("Expand", 13, []any{data(3, 1), list(2, 1, 4)})
	add("Expand", 13, []any{data(2, 3, 4), list(1)})
	add("Tile", 13, []any{data(2, 3), list(2, 3)})
	add("Concat", 13, []any{data(2, 3), table(2, 1), data(2, 2)}, i("axis", -1))
	add("Slice", 9, x, s("starts", 1, -3), s("ends", 3, 100), s("axes", 1, 2))
	add("Slice", 9, x, s("starts", 1), s("ends", 1<<31))
	add("Slice", 13, []any{data(5, 7), list(-1, 1), list(math.MinInt64, math.MaxInt64), list(0, 1), list(-2, 3)})
	add("Slice", 13, []any{data(5, 7), list(4), list(1), list(1), list(-1)})
	add("Slice", 13, []any{data(5, 7), list(-4), list(-1)})
	all = append(all,
		trial{operator: "Split", opset: 11, inputs: []any{data(2, 6)}, with: with(i("axis", 1), s("split", 1, 3, 2)), results: 3},
		trial{operator: "Split", opset: 13, inputs: []any{data(2, 6), list(4, 2)}, with: with(i("axis", -1)), results: 2},
		trial{operator: "Split", opset: 13, inputs: []any{data(2, 6)}, with: with(i("axis", 1)), results: 2},
		trial{operator: "Split", opset: 18, inputs: []any{data(7, 2)}, with: with(i("num_outputs", 3)), results: 3},
		trial{operator: "Dropout", opset: 13, inputs: []any{data(2, 3)}, results: 2},
	)
	add("Pad", 9, x, s("pads", 0, 1, 2, 0, 0, 1), f("value", 2))
	add("Pad", 13, []any{data(3, 4), list(1, 0, 2, 3)})
	add("Pad", 13, []any{data(3, 4), list(1, -1, 0, 3), one[float32](1.5)})
	for _, mode := range []string{"reflect", "edge"} {
		add("Pad", 13, []any{data(3, 4), list(2, 1, 1, 3)}, w("mode", mode))
	}
	add("Pad", 19, []any{data(3, 4), list(2, 1, 1, 3)}, w("mode", "wrap"))
	add("Pad", 18, []any{data(3, 4), list(2, 1), nil, list(-1)})
	add("Gather", 13, []any{data(5, 3), list(-1, 0, 2)})
	add("Gather", 13, []any{data(2, 5), onnx.Array([]int64{1, 4, -5, 0}, 2, 2)}, i("axis", 1))
	add("Gather", 13, []any{table(10, 3), whole{2, 3}})
	add("Gather", 13, []any{data(2, 5), number(3)}, i("axis", -1))
	add("OneHot", 11, []any{whole{4}, number(6), floats(-1, 3)})
	add("OneHot", 11, []any{list(1, -2, 9), number(4), floats(0, 1)}, i("axis", 0))
	for _, k := range []int64{-1, 0, 1} {
		add("Trilu", 14, []any{data(2, 3, 4), number(k)})
		add("Trilu", 14, []any{data(2, 3, 4), number(k)}, i("upper", 0))
	}
	add("DepthToSpace", 13, []any{data(2, 8, 3, 2)}, i("blocksize", 2))
	add("DepthToSpace", 13, []any{data(2, 8, 3, 2)}, i("blocksize", 2), w("mode", "CRD"))
	add("SpaceToDepth", 13, []any{data(2, 3, 4, 6)}, i("blocksize", 2))

	add("MatMul", 13, []any{data(2, 3, 4), table(4, 5)})
	add("MatMul", 13, []any{data(2, 1, 3, 4), data(5, 4, 2)})
	add("MatMul", 13, []any{data(4), data(2, 4, 3)})
	add("MatMul", 13, []any{data(3, 4), table(4)})
	add("MatMul", 13, []any{data(4), table(4)})
	add("Gemm", 13, []any{data(2, 3), table(3, 5), table(5)})
	add("Gemm", 13, []any{data(3, 2), table(5, 3), table(2, 1)}, i("transA", 1), i("transB", 1), f("alpha", 0.5), f("beta", 2))
	add("Gemm", 13, []any{data(2, 3), table(3, 5)})
	for equation, shapes := range map[string][]any{
		"bqd,bkd->bqk": {data(2, 3, 4), data(2, 5, 4)}, "bhqk,bkhd->bqhd": {data(2, 3, 4, 5), data(2, 5, 3, 6)}, "ij->ji": {data(2, 3)},
		"ij->": {data(2, 3)}, "ijk,k": {data(2, 3, 4), data(4)}, "i,j->ij": {data(3), data(4)}, "...ij,...jk->...ik": {data(2, 3, 4), data(2, 4, 5)},
		"nchw,c,h->nw": {data(2, 3, 4, 5), data(3), data(4)}, "bi,bi->b": {data(3, 4), data(3, 4)}, "ab,cb->ca": {data(2, 3), table(4, 3)},
		"b...i,ij->b...j": {data(2, 5, 3), table(3, 4)},
	} {
		add("Einsum", 12, shapes, w("equation", equation))
	}
	add("CumSum", 14, []any{data(2, 3, 4), number(1)})
	add("CumSum", 14, []any{data(2, 3, 4), number(-1)}, i("reverse", 1), i("exclusive", 1))
	add("CumSum", 14, []any{whole{2, 5}, number(1)})
	for _, name := range []string{"ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSum"} {
		add(name, 11, x, s("axes", 1, -1))
		add(name, 11, x, s("axes", 0), i("keepdims", 0))
		add(name, 11, x, i("keepdims", 0))
		add(name, 18, []any{data(2, 3, 4), list(-2)})
		add(name, 18, []any{data(2, 3, 4)}, i("noop_with_empty_axes", 1))
	}
	add("ReduceLogSum", 13, []any{above(6)}, s("axes", 0))
	add("ReduceSum", 13, []any{data(2, 3, 4), list(2, 0)}, i("keepdims", 0))
	add("ReduceProd", 13, []any{list(2, 3, 4)}, i("keepdims", 0))

	add("Conv", 11, []any{data(2, 4, 6, 7), table(5, 4, 3, 3), table(5)}, s("pads", 1, 1, 1, 1))
	add("Conv", 11, []any{data(2, 4, 6, 7), table(6, 2, 3, 2)}, i("group", 2), s("strides", 2, 1), s("dilations", 1, 2), s("pads", 0, 1, 2, 1))
	add("Conv", 11, []any{data(2, 4, 9), table(4, 1, 3)}, i("group", 4), w("auto_pad", "SAME_UPPER"), s("strides", 2))
	add("Conv", 11, []any{data(1, 2, 5, 4), table(3, 2, 2, 2)}, w("auto_pad", "SAME_LOWER"), s("kernel_shape", 2, 2))
	add("Conv", 11, []any{data(1, 2, 3, 4, 5), table(2, 2, 2, 2, 3), table(2)}, w("auto_pad", "VALID"))
	add("ConvTranspose", 11, []any{data(2, 4, 3, 5), table(4, 3, 2, 2), table(3)}, s("strides", 2, 2))
	add("ConvTranspose", 11, []any{data(2, 4, 3, 5), table(4, 3, 3, 3)}, s("strides", 2, 2), s("pads", 1, 1, 1, 1), s("output_padding", 1, 1))
	add("ConvTranspose", 11, []any{data(2, 4, 3), table(4, 2, 3)}, i("group", 2), s("strides", 3), s("dilations", 2), s("output_padding", 2))
	add("ConvTranspose", 11, []any{data(1, 2, 3, 3), table(2, 1, 3, 3)}, s("strides", 2, 2), s("output_shape", 6, 6))
	add("ConvTranspose", 11, []any{data(1, 2, 3, 3), table(2, 1, 3, 3)}, s("strides", 2, 2), w("auto_pad", "SAME_UPPER"))
	for _, name := range []string{"AveragePool", "MaxPool"} {
		add(name, 11, []any{data(2, 3, 6, 4)}, s("kernel_shape", 2, 2), s("strides", 2, 2))
		add(name, 11, picture, s("kernel_shape", 3, 2), s("strides", 2, 1), s("pads", 1, 0, 1, 1))
		add(name, 11, picture, s("kernel_shape", 3, 3), s("strides", 2, 2), i("ceil_mode", 1))
		add(name, 11, picture, s("kernel_shape", 3, 3), w("auto_pad", "SAME_UPPER"), s("strides", 2, 2))
		add(name, 11, []any{data(2, 3, 9)}, s("kernel_shape", 3))
	}
	add("AveragePool", 11, picture, s("kernel_shape", 3, 2), s("pads", 1, 0, 1, 1), i("count_include_pad", 1))
	add("MaxPool", 11, picture, s("kernel_shape", 2, 3), s("dilations", 2, 2))
	add("GlobalAveragePool", 11, picture)
	add("GlobalMaxPool", 11, picture)
	for _, opset := range []int64{11, 13} {
		for _, name := range []string{"Softmax", "LogSoftmax"} {
			add(name, opset, x)
			add(name, opset, x, i("axis", 1))
			add(name, opset, x, i("axis", 0))
		}
	}
	add("LayerNormalization", 17, []any{data(2, 3, 4), table(4), table(4)})
	add("LayerNormalization", 17, []any{data(2, 3, 4), table(3, 4)}, i("axis", 1), f("epsilon", 0.1))
	add("RMSNormalization", 23, []any{data(2, 3, 4), table(4)})
	add("InstanceNormalization", 11, []any{data(2, 3, 4, 5), table(3), table(3)})
	add("GroupNormalization", 18, []any{data(2, 6, 4), table(3), table(3)}, i("num_groups", 3))
	add("GroupNormalization", 21, []any{data(2, 6, 4), table(6), table(6)}, i("num_groups", 3))
	add("BatchNormalization", 9, []any{data(2, 3, 4), table(3), table(3), table(3), above(3)})
	add("BatchNormalization", 15, []any{data(2, 3, 4, 2), table(3), table(3), table(3), above(3)}, f("epsilon", 0.01))
	add("LpNormalization", 9, []any{data(2, 3, 4)}, i("axis", 1))
	add("LpNormalization", 9, []any{data(2, 3, 4)}, i("p", 1))

	var none any
	add("Upsample", 9, []any{data(1, 2, 3, 4), floats(1, 1, 2, 3)})
	add("Resize", 10, []any{data(1, 2, 3, 4), floats(1, 1, 2, 2)})
	for _, mode := range []string{"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"} {
		for _, factor := range []float32{2, 1.5, 0.6} {
			add("Resize", 13, []any{data(1, 2, 3, 4), none, floats(1, 1, factor, 2)}, w("mode", "linear"), w("coordinate_transformation_mode", mode))
			for _, nearest := range []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"} {
				add("Resize", 13, []any{data(1, 2, 5, 4), none, floats(1, 1, factor, 2)}, w("nearest_mode", nearest), w("coordinate_transformation_mode", mode))
			}
		}
	}
	add("Resize", 13, []any{data(1, 2, 3, 4), none, none, list(1, 2, 6, 6)}, w("coordinate_transformation_mode", "asymmetric"), w("nearest_mode", "floor"))

	all = append(all,
		trial{operator: "If", opset: 13, inputs: []any{one(true)}, inner: branches},
		trial{operator: "If", opset: 13, inputs: []any{one(false)}, inner: branches},
		trial{operator: "Loop", opset: 13, inputs: []any{number(3), one(true), data(2, 2)}, results: 2, inner: body},
	)
	return all
}

// branches are the graphs of an If.
func branches(g *onnx.Graph) (bodies []onnx.Argument) {
	outer := g.Input("outer", onnx.Float32, onnx.Fixed(2))
	for branch, operator := range map[string]string{"then_branch": "Sin", "else_branch": "Cos"} {
		sub := g.Subgraph(operator)
		sub.Output(operator+"_out", sub.Node(operator, outer), onnx.Float32, onnx.Fixed(2))
		bodies = append(bodies, onnx.Body(branch, sub))
	}
	return bodies
}

// body adds the square of the round's number to what is carried, and stacks it.
func body(g *onnx.Graph) []onnx.Argument {
	sub := g.Subgraph("body")
	round, goOn := sub.Input("round", onnx.Int64), sub.Input("go", onnx.Bool)
	carried := sub.Input("carried", onnx.Float32, onnx.Fixed(2), onnx.Fixed(2))
	number := sub.Node("Cast", round, onnx.Int("to", int64(onnx.Float32)))
	next := sub.Node("Add", carried, sub.Node("Mul", number, number))
	sub.Output("go_out", goOn, onnx.Bool)
	sub.Output("carried_out", next, onnx.Float32, onnx.Fixed(2), onnx.Fixed(2))
	sub.Output("stacked", sub.Node("Sin", next), onnx.Float32, onnx.Fixed(2), onnx.Fixed(2))
	return []onnx.Argument{onnx.Body("body", sub)}
}

// build makes a model of the trial. Outputs have the types and numbers of axes given.
func (c trial) build(t testing.TB, outputs []*graph.Value) []byte {
	t.Helper()
	g := onnx.NewGraph("trial")
	g.Import("", c.opset)
	if c.operator == "com.microsoft:Gelu" || c.operator == "com.microsoft:QuickGelu" {
		g.Import("com.microsoft", 1)
	}
	var refs []onnx.Ref
	var arguments []onnx.Argument
	input := func(t onnx.DType, shape []int64) onnx.Ref {
		dims := make([]onnx.Dim, len(shape))
		for k, n := range shape {
			dims[k] = onnx.Fixed(n)
		}
		return g.Input(fmt.Sprint("x", len(refs)), t, dims...)
	}
	for k, in := range c.inputs {
		ref := onnx.None
		switch in := in.(type) {
		case []int64:
			ref = input(onnx.Float32, in)
		case whole:
			ref = input(onnx.Int64, in)
		case truth:
			ref = input(onnx.Bool, in)
		case known:
			l := onnx.Vector(in.ints...)
			if in.scalar {
				l = onnx.Scalar(in.ints[0])
			}
			ref = g.Const(fmt.Sprint("c", k), l)
		case onnx.Literal:
			ref = g.Const(fmt.Sprint("c", k), in)
		}
		refs = append(refs, ref)
		arguments = append(arguments, ref)
	}
	if c.inner != nil {
		arguments = append(arguments, c.inner(g)...)
	}
	for _, a := range c.with {
		arguments = append(arguments, a.attribute())
	}
	ys := g.Nodes(c.operator, max(1, c.results), arguments...)
	g.Input("unused", onnx.Float32, onnx.Fixed(1)) // a session needs one
	for k, y := range ys {
		dtype, dims := g.TypeOf(y), []onnx.Dim(nil)
		if dtype == onnx.Undefined {
			dtype = onnx.Float32
		}
		if outputs != nil {
			dtype = outputs[k].Type
			for range outputs[k].Shape {
				dims = append(dims, onnx.Free(""))
			}
		}
		g.Output(fmt.Sprint("y", k), y, dtype, dims...)
	}
	model, err := g.Bytes()
	require.NoError(t, err)
	return model
}

// Every operator, in the forms that its versions have, is read as what ONNX Runtime computes.
func TestReadOperatorsAgreeWithRuntime(t *testing.T) {
	rt := ortest.Open(t)
	trials := trials()
	tried := map[string]bool{}
	for k, c := range trials {
		tried[c.operator] = true
		t.Run(fmt.Sprintf("%d %s %d", k, c.operator, c.opset), func(t *testing.T) {
			g, _, err := graph.Read(sourceOf(t, c.build(t, nil), "trial"), nil, 1)
			require.NoError(t, err)
			var outputs []*graph.Value
			for _, o := range g.Outputs {
				outputs = append(outputs, o.Value)
			}
			model := c.build(t, outputs)
			s := sourceOf(t, model, "trial")
			g, weights, err := graph.Read(s, nil, 1)
			require.NoError(t, err)
			inputs := fill(g)
			got := interpret(t, g, weights, inputs)
			requireClose(t, runtimeResults(t, rt, model, s.Info(), inputs, got), got, 2e-6)
		})
	}
	for _, name := range graph.KnownOperators() {
		require.True(t, tried[name], "%s is not tried", name)
	}
}
