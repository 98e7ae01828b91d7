package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"odeon/graph"
	"odeon/internal/ortest"
	"odeon/models"
	"odeon/onnx"
)

// parametersOf reads the parameters' names.
func parametersOf(t *testing.T, model []byte) (names []string) {
	t.Helper()
	g, _, err := graph.Read(sourceOf(t, model, "weights"), nil, 2)
	require.NoError(t, err)
	for _, p := range g.Parameters {
		names = append(names, p.Name)
	}
	return names
}

// What acts as a weight is a parameter, and what is a table, a mask or a single number is none.
func TestWeightsAreToldFromOtherConstants(t *testing.T) {
	cast := func(to onnx.DType) onnx.Argument { return onnx.Int("to", int64(to)) }
	for name, c := range map[string]struct {
		want  []string
		build func(g *onnx.Graph, x, t, y onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref
	}{
		"frequencies of a time, and a layer on its waves": {[]string{"w"}, func(g *onnx.Graph, x, t, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			waves := g.Node("Sin", g.Node("Mul", t, weight("frequencies", 1, 4)))
			return g.Node("Add", x, g.Node("MatMul", waves, weight("w", 4, 4)))
		}},
		"frequencies as a product of matrices": {[]string{"w"}, func(g *onnx.Graph, x, t, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			turns := g.Node("Mul", g.Node("MatMul", t, weight("frequencies", 1, 2)), g.Const("tau", onnx.Scalar[float32](6.28)))
			waves := g.Node("Concat", g.Node("Sin", turns), g.Node("Cos", turns), onnx.Int("axis", 1))
			return g.Node("Add", x, g.Node("MatMul", waves, weight("w", 4, 4)))
		}},
		"a layer of sines": {[]string{"w", "b", "v"}, func(g *onnx.Graph, x, t, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			h := g.Node("Sin", g.Node("Add", g.Node("MatMul", x, weight("w", 4, 4)), weight("b", 4)))
			return g.Node("MatMul", h, weight("v", 4, 4))
		}},
		"positions, scales, and a mask": {[]string{"w", "positions", "scale"}, func(g *onnx.Graph, x, _, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			h := g.Node("Add", g.Node("MatMul", x, weight("w", 4, 4)), weight("positions", 1, 4))
			h = g.Node("Add", h, g.Const("mask", onnx.Vector[float32](0, -1e9, 0, 0)))
			return g.Node("Mul", h, weight("scale", 4))
		}},
		"means and deviations of the data": {[]string{"w"}, func(g *onnx.Graph, x, _, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			return g.Node("MatMul", g.Node("Div", g.Node("Sub", x, weight("mean", 4)), weight("deviation", 4)), weight("w", 4, 4))
		}},
		"an embedding of classes": {[]string{"rows"}, func(g *onnx.Graph, x, _, y onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			return g.Node("Add", x, g.Node("Gather", weight("rows", 10, 4), y))
		}},
		"a token in place of a class": {[]string{"rows", "token"}, func(g *onnx.Graph, x, _, y onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			none := g.Node("Unsqueeze", g.Node("Equal", y, g.Const("nine", onnx.Scalar[int64](9))), g.Const("last", onnx.Vector[int64](1)))
			return g.Node("Add", x, g.Node("Where", none, weight("token", 1, 4), g.Node("Gather", weight("rows", 10, 4), y)))
		}},
		"a matrix used twice, once transposed": {[]string{"w"}, func(g *onnx.Graph, x, _, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			w := weight("w", 4, 4)
			return g.Node("MatMul", g.Node("Tanh", g.Node("MatMul", x, w)), g.Node("Transpose", w))
		}},
		"a length and a direction": {[]string{"direction", "length"}, func(g *onnx.Graph, x, _, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			v := weight("direction", 4, 4)
			norm := g.Node("ReduceL2", v, onnx.Ints("axes", 0))
			return g.Node("MatMul", x, g.Node("Mul", g.Node("Div", v, norm), weight("length", 1, 4)))
		}},
		"codes and a book": {[]string{"made"}, func(g *onnx.Graph, x, _, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			codes := g.Node("Cast", g.Const("codes", onnx.Array(make([]uint8, 16), 4, 4)), cast(onnx.Int32))
			return g.Node("MatMul", x, g.Node("Gather", weight("book", 3), codes, onnx.As("made")))
		}},
		"running statistics": {[]string{"w", "scale", "shift"}, func(g *onnx.Graph, x, _, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			h := g.Node("MatMul", x, weight("w", 4, 4))
			return g.Node("BatchNormalization", h, weight("scale", 4), weight("shift", 4), weight("mean", 4), weight("variance", 4))
		}},
		"the bias of one channel": {[]string{"w", "b"}, func(g *onnx.Graph, x, _, _ onnx.Ref, weight func(string, ...int64) onnx.Ref) onnx.Ref {
			h := g.Node("Add", g.Node("MatMul", x, weight("w", 4, 1)), weight("b", 1))
			return g.Node("Mul", g.Node("Add", x, h), g.Const("half", onnx.Vector[float32](0.5)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := onnx.NewGraph("weights")
			n := onnx.Free("n")
			x, clock, y := g.Input("x", onnx.Float32, n, onnx.Fixed(4)), g.Input("t", onnx.Float32, n, onnx.Fixed(1)), g.Input("y", onnx.Int64, n)
			result := c.build(g, x, clock, y, func(name string, dims ...int64) onnx.Ref { return g.Const(name, table(dims...)) })
			g.Output("out", result, onnx.Float32, n, onnx.Fixed(4))
			model, err := g.Bytes()
			require.NoError(t, err)
			require.ElementsMatch(t, c.want, parametersOf(t, model))
		})
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	n := onnx.Free("n")
	for want, build := range map[string]func(g *onnx.Graph) onnx.Ref{
		`node "odd" (Hardmax): the operator`:                func(g *onnx.Graph) onnx.Ref { return g.Node("Hardmax", g.Input("x", onnx.Float32, n), onnx.As("odd")) },
		`the file leaves axis 1 of input "x", [n, m], open`: func(g *onnx.Graph) onnx.Ref { return g.Input("x", onnx.Float32, n, onnx.Free("m")) },
		`node "y" (Reshape): [2, 3] to [4, 2]`: func(g *onnx.Graph) onnx.Ref {
			return g.Node("Reshape", g.Input("x", onnx.Float32, n, onnx.Fixed(3)), g.Const("s", list64(4, 2)), onnx.As("y"))
		},
		`node "y" (MatMul): shapes [2, 3] and [2, 2]`: func(g *onnx.Graph) onnx.Ref {
			return g.Node("MatMul", g.Input("x", onnx.Float32, n, onnx.Fixed(3)), g.Const("w", table(2, 2)), onnx.As("y"))
		},
		`node "y" (Gather): index 7 of 3 rows`: func(g *onnx.Graph) onnx.Ref {
			return g.Node("Gather", g.Input("x", onnx.Float32, onnx.Fixed(3)), g.Const("i", list64(7)), onnx.As("y"))
		},
		`node "y" (Reshape): its input 1, "s", depends on the data`: func(g *onnx.Graph) onnx.Ref {
			return g.Node("Reshape", g.Input("x", onnx.Float32, n), g.Input("s", onnx.Int64, onnx.Fixed(1)), onnx.As("y"))
		},
		`node "y" (Div): a division by zero`: func(g *onnx.Graph) onnx.Ref {
			return g.Node("Div", g.Const("a", list64(1)), g.Const("b", list64(0)), onnx.As("y"))
		},
		`more numbers to be computed while reading than the size of the`: func(g *onnx.Graph) onnx.Ref {
			return g.Node("Range", g.Const("a", scalar64(0)), g.Const("b", scalar64(1<<30)), g.Const("c", scalar64(1)), onnx.As("y"))
		},
		`"x" is of type string`: func(g *onnx.Graph) onnx.Ref { return g.Input("x", onnx.String, n) },
	} {
		g := onnx.NewGraph("wrong")
		y := build(g)
		dtype := g.TypeOf(y)
		if dtype == onnx.Undefined {
			dtype = onnx.Float32
		}
		g.Output("out", g.Node("Identity", y), dtype)
		model, err := g.Bytes()
		require.NoError(t, err)
		_, _, err = graph.Read(sourceOf(t, model, "wrong.onnx"), nil, 2)
		require.ErrorAs(t, err, new(*graph.ReadError))
		require.ErrorContains(t, err, "wrong.onnx: ")
		require.ErrorContains(t, err, want)
	}
}

func list64(n ...int64) onnx.Literal { return onnx.Vector(n...) }

func scalar64(n int64) onnx.Literal { return onnx.Scalar(n) }

// Shapes that are given settle what the file leaves open, and must agree with what it says.
func TestGivenShapes(t *testing.T) {
	g := onnx.NewGraph("shapes")
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Free("m"), onnx.Fixed(3))
	g.Output("y", g.Node("Neg", x), onnx.Float32, onnx.Free("n"), onnx.Free("m"), onnx.Fixed(3))
	model, err := g.Bytes()
	require.NoError(t, err)
	s := sourceOf(t, model, "shapes.onnx")
	read, _, err := graph.Read(s, map[string]graph.Shape{"x": {graph.Batch, 5, 3}}, 4)
	require.NoError(t, err)
	require.Equal(t, graph.Shape{4, 5, 3}, read.Outputs[0].Value.Shape)
	_, _, err = graph.Read(s, map[string]graph.Shape{"x": {graph.Batch, 5, 2}}, 4)
	require.ErrorContains(t, err, `input "x" is [n, m, 3] in the file, and [batch, 5, 2] is given for it in batches of 4`)
	_, _, err = graph.Read(s, map[string]graph.Shape{"x": {graph.Batch, 5}}, 4)
	require.ErrorContains(t, err, `input "x" is [n, m, 3] in the file, and [batch, 5] is given for it`)
}

// A function of the file, with an attribute of the calling node's and one by default.
func TestFunctionsAreRead(t *testing.T) {
	message := func(fields ...[]byte) (b []byte) {
		for _, f := range fields {
			b = append(b, f...)
		}
		return b
	}
	bytes := func(num protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
	}
	text := func(num protowire.Number, s string) []byte { return bytes(num, []byte(s)) }
	number := func(num protowire.Number, n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), n)
	}
	float := func(num protowire.Number, bits uint32) []byte {
		return protowire.AppendFixed32(protowire.AppendTag(nil, num, protowire.Fixed32Type), bits)
	}
	const half = 0x3f000000
	leaky := bytes(7, message(text(1, "a"), text(2, "b"), text(4, "LeakyRelu"), bytes(5, message(text(1, "alpha"), text(21, "slope"), number(20, 1)))))
	elu := bytes(7, message(text(1, "b"), text(2, "c"), text(4, "Elu"), bytes(5, message(text(1, "alpha"), text(21, "height"), number(20, 1)))))
	function := message(text(1, "Bent"), text(10, "own"), text(4, "a"), text(5, "c"), leaky, elu, text(6, "slope"),
		bytes(11, message(text(1, "height"), float(2, half), number(20, 1))), bytes(9, number(2, 17)))

	g := onnx.NewGraph("functions")
	g.Import("own", 1)
	x := g.Input("x", onnx.Float32, onnx.Fixed(6))
	g.Output("y", g.Node("own:Bent", x, onnx.Float("slope", 2)), onnx.Float32, onnx.Fixed(6))
	model, err := g.Bytes()
	require.NoError(t, err)
	model = append(model, bytes(25, function)...)

	s := sourceOf(t, model, "functions")
	read, weights, err := graph.Read(s, nil, 1)
	require.NoError(t, err)
	inputs := fill(read)
	got := interpret(t, read, weights, inputs)
	requireClose(t, runtimeResults(t, ortest.Open(t), model, s.Info(), inputs, got), got, 1e-6)
}

// A reading for another batch shares the weights of the first, and gives the same graph as without them.
func TestKnownWeightsAreNotReadAgain(t *testing.T) {
	digits, ok := models.EmbeddedByName(models.Default)
	require.True(t, ok)
	s := sourceOf(t, digits.ONNX, digits.Name)
	g, weights, err := graph.Read(s, nil, 1)
	require.NoError(t, err)
	known := map[string][]float32{}
	for i, p := range g.Parameters {
		known[p.Name] = weights[i]
	}
	g, again, err := graph.ReadAgain(s, nil, 3, known)
	require.NoError(t, err)
	for i, p := range g.Parameters {
		require.Same(t, &known[p.Name][0], &again[i][0], p.Name)
	}
	fresh, others, err := graph.Read(s, nil, 3)
	require.NoError(t, err)
	require.Equal(t, fresh, g)
	require.Equal(t, others, again)
}
