package onnx

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// sourceOf opens a graph that is built here.
func sourceOf(t testing.TB, g *Graph) *Source {
	t.Helper()
	s, err := SourceBytes(built(t, g), g.name+".onnx")
	require.NoError(t, err)
	return s
}

// scaled is y = 2 x + b, with a branch that uses values around it: twice = If(always, 2 x, x).
func scaled(name string, opset int64) *Graph {
	g := NewGraph(name)
	g.Import("", opset)
	x := g.Input("x", Float32, Free("n"))
	w := g.Const("w", Vector[float32](2))
	b := g.Const("b", Vector[float32](1))
	then, other := g.Subgraph("then"), g.Subgraph("else")
	then.Output("twice", then.Node("Mul", x, w), Float32, Free("n"))
	other.Output("same", other.Node("Identity", x), Float32, Free("n"))
	v := g.Node("If", g.Const("always", Scalar(true)), Body("then_branch", then), Body("else_branch", other), As("v"))
	g.Output("y", g.Node("Add", v, b, As("y")), Float32, Free("n"))
	g.Meta("author", "Ada")
	g.Meta("odeon", "{}")
	return g
}

// values computes float32 outputs, one vector each, of a model with a float32 input x.
func values(t testing.TB, model []byte, x []float32, outputs ...string) [][]float32 {
	t.Helper()
	s := session(t, model, []string{"x"}, outputs)
	var list [][]float32
	var tensors []*Tensor
	n := []int64{int64(len(x))}
	for range outputs {
		list = append(list, make([]float32, len(x)))
		tensors = append(tensors, tensor(t, n, list[len(list)-1]))
	}
	require.NoError(t, call(t, t.Context(), s).Run([]*Tensor{tensor(t, n, x)}, tensors))
	return list
}

func TestNodesGoBeforeAndBehindTheModel(t *testing.T) {
	g := Extend(sourceOf(t, scaled("net", 14)))
	require.Equal(t, int64(14), g.Opset())
	y, ok := g.Value("y")
	require.True(t, ok)
	_, ok = g.Value("twice") // of a graph inside
	require.False(t, ok)
	ten := g.Const("", Vector[float32](10))
	inner := g.Rename("x", g.Unused("x_inner"))
	x := g.Input("x", Float32, Free("n"))
	behind := g.Node("Mul", y, ten)
	g.Feed(string(inner), g.Node("Sub", x, ten))
	g.DropOutput("y")
	g.Output("z", behind, Float32, Free("n"))
	g.Output("v2", g.Node("Identity", Ref("v")), Float32, Free("n"))
	g.Doc("changed")
	g.Meta("odeon", `{"name": "z"}`)
	g.Meta("odeon.history", "[]")
	g.DropMeta("author")
	model := built(t, g)
	require.Equal(t, model, built(t, g)) // writing changes nothing

	info, err := ReadInfoBytes(model, "extended")
	require.NoError(t, err)
	require.Equal(t, []KeyValue{{"odeon", `{"name": "z"}`}, {"odeon.history", "[]"}}, info.Metadata)
	require.Len(t, info.Inputs, 1)
	require.Equal(t, []string{"z", "v2"}, []string{info.Outputs[0].Name, info.Outputs[1].Name})
	require.Equal(t, [][]float32{{-150, 70}, {-16, 6}}, values(t, model, []float32{2, 13}, "z", "v2"))
}

// The input stays where what it is replaced by is computed from it.
func TestAnInputMayBeFedFromItself(t *testing.T) {
	g := Extend(sourceOf(t, scaled("net", 17)))
	x, _ := g.Value("x")
	g.Feed("x", g.Node("Neg", x))
	require.Equal(t, [][]float32{{-3, 5}}, values(t, built(t, g), []float32{2, -2}, "y"))
}

// The fields that Odeon does not know stay, in the model, the graph, nodes and tensors, also where something beside them changes.
func TestUnknownFieldsAreKept(t *testing.T) {
	mark := func(m *message, text string) { m.text(1999, text) }
	var m, graph, node, tensor, set message
	node.text(1, "x")
	mark(&node, "of the node")
	node.text(1, "w")
	node.text(2, "y")
	node.text(4, "Add")
	tensor.splice(Vector[float32](5).encode("w"))
	mark(&tensor, "of the tensor")
	mark(&graph, "of the graph")
	graph.message(1, &node)
	graph.message(5, &tensor)
	x := Value{Name: "x", Type: Float32, Shape: []Dim{Free("n")}}.encode()
	mark(x, "of the input")
	graph.message(11, x)
	graph.message(12, Value{Name: "y", Type: Float32, Shape: []Dim{Free("n")}}.encode())
	m.number(1, 8)
	m.message(7, &graph)
	set.number(2, 17)
	m.message(8, &set)
	mark(&m, "of the model")
	s, err := SourceBytes(m.open, "marked.onnx")
	require.NoError(t, err)

	g := Extend(s)
	g.Rename("x", "renamed")
	g.Rename("w", "weight")
	g.Output("z", g.Node("Neg", Ref("y")), Float32, Free("n"))
	model := built(t, g)
	for _, text := range []string{"of the graph", "of the node", "of the tensor", "of the input", "of the model"} {
		require.Equal(t, 1, bytes.Count(model, []byte(text)), text)
	}
	require.Equal(t, 3, bytes.Count(model, []byte("renamed"))+bytes.Count(model, []byte("weight"))-1)
}

func TestWhatAFileCausesIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		change func(g *Graph)
		want   string
	}{
		"a name of the model":        {func(g *Graph) { g.Node("Neg", Ref("x"), As("v")) }, `net.onnx has a value named "v", and a new value was to be named so`},
		"a name inside a branch":     {func(g *Graph) { g.Const("twice", Scalar[float32](1)) }, `net.onnx has a value named "twice"`},
		"an input that is not there": {func(g *Graph) { g.Feed("t", "x") }, `net.onnx: has no input "t"`},
		"no output of that name":     {func(g *Graph) { g.DropOutput("v") }, `has no output "v" to be dropped`},
		"no output at all":           {func(g *Graph) { g.DropOutput("y") }, `no output would be left`},
		"nothing to rename":          {func(g *Graph) { g.Rename("q", "r") }, `has no value "q" to be renamed to "r"`},
		"a circle": {func(g *Graph) { g.Feed("x", g.Node("Neg", Ref("y"))) },
			`the input "x" is fed from "neg_1", which needs what the model computes: a circle`},
		"a feed of another type": {func(g *Graph) { g.Feed("x", g.Const("", Vector(1.5))) }, `the input "x" takes float32, and is fed float64`},
		"edges of two types": {func(g *Graph) { g.Node("Add", Ref("y"), g.Const("", Vector(1.5))) },
			`input 1 ("const_1") of the Add node "add_1" is float64 where float32 is expected`},
		"an output of another type":     {func(g *Graph) { g.Output("z", g.Node("Neg", Ref("y")), Float64) }, `"z" is declared as float64 and computed as float32`},
		"a value that is gone":          {func(g *Graph) { g.Node("Neg", Ref("v")); g.Rename("v", "u") }, `uses "v", which nothing before it defines`},
		"another operator set":          {func(g *Graph) { g.Import("", 18) }, `imports version 17 of operator set "", and version 18 is wanted`},
		"metadata that is no text":      {func(g *Graph) { g.Meta("odeon", "\xff") }, `metadata "odeon": its value is not text in UTF-8`},
		"metadata without a key":        {func(g *Graph) { g.Meta("", "x") }, `metadata key ""`},
		"an output there is already":    {func(g *Graph) { g.Output("y", "y", Float32) }, `the output "y" is there twice`},
		"a name that is no text":        {func(g *Graph) { g.Const("\xff", Scalar[float32](1)) }, `its name is not text in UTF-8`},
		"a shape that is no whole list": {func(g *Graph) { g.Node("Reshape", Ref("y"), g.Const("", Vector[float32](1))) }, `is float32 where int64 is expected`},
	} {
		t.Run(name, func(t *testing.T) {
			g := Extend(sourceOf(t, scaled("net", 17)))
			c.change(g)
			require.ErrorContains(t, g.Check(), c.want)
			_, err := g.Bytes()
			require.ErrorContains(t, err, c.want)
			file := filepath.Join(t.TempDir(), "out.onnx")
			require.ErrorContains(t, g.WriteFile(file, WriteOptions{}), c.want)
			require.NoFileExists(t, file)
		})
	}
}

// Files of IR version 3 list their weights among their inputs.
func TestModelsThatListTheirWeightsAsInputs(t *testing.T) {
	var m, graph, node, set message
	node.text(1, "x")
	node.text(1, "w")
	node.text(2, "y")
	node.text(4, "Add")
	graph.message(1, &node)
	graph.text(2, "old")
	graph.message(5, Array(ramp(300), 300).encode("w"))
	for _, name := range []string{"w", "x"} {
		graph.message(11, Value{Name: name, Type: Float32, Shape: []Dim{Fixed(300)}}.encode())
	}
	graph.message(12, Value{Name: "y", Type: Float32, Shape: []Dim{Fixed(300)}}.encode())
	m.number(1, 3)
	m.message(7, &graph)
	set.number(2, 13)
	m.message(8, &set)
	var model bytes.Buffer
	require.NoError(t, m.writeTo(&model))
	s, err := SourceBytes(model.Bytes(), "old.onnx")
	require.NoError(t, err)
	want := ramp(300)
	for i := range want {
		want[i]++
	}
	ones := make([]float32, 300)
	for i := range ones {
		ones[i] = 1
	}

	g := Extend(s)
	g.Output("z", g.Node("Add", Ref("y"), g.Const("", Scalar[float32](0))), Float32, Fixed(300))
	extended := built(t, g)
	require.Equal(t, want, values(t, extended, ones, "z")[0])
	half, err := g.encodeModel(&encoder{storage: storage{weights: Float16Weights}})
	require.NoError(t, err)
	var halved bytes.Buffer
	require.NoError(t, half.writeTo(&halved))
	require.Equal(t, want, values(t, halved.Bytes(), ones, "z")[0])
	require.Less(t, halved.Len(), len(extended)-400)

	h := NewGraph("new")
	outputs, err := h.Embed(s, "a.", map[string]Ref{"x": h.Input("x", Float32, Fixed(300))})
	require.NoError(t, err)
	h.Output("z", outputs["y"], Float32, Fixed(300))
	require.Equal(t, want, values(t, built(t, h), ones, "z")[0])
}

func TestOldOperatorSetsTakeNoNodes(t *testing.T) {
	s := sourceOf(t, scaled("old", 12))
	g := Extend(s)
	g.Meta("odeon", "new")
	require.NoError(t, g.Check())
	g.Node("Neg", Ref("y"))
	require.ErrorContains(t, g.Check(), "uses version 12 of the standard operator set, and Odeon adds nodes to models of version 13 to 26")
	h := NewGraph("h")
	_, err := h.Embed(s, "a.", map[string]Ref{"x": h.Input("x", Float32)})
	require.ErrorContains(t, err, "uses version 12 of the standard operator set")
}

func TestEmbeddedModelsAreNamedApart(t *testing.T) {
	g := NewGraph("chain")
	x := g.Input("x", Float32, Free("n"))
	s := sourceOf(t, scaled("net", 14))
	first, err := g.Embed(s, "a.", map[string]Ref{"x": x})
	require.NoError(t, err)
	second, err := g.Embed(s, "b.", map[string]Ref{"x": first["y"]})
	require.NoError(t, err)
	third, err := g.Embed(sourceOf(t, scaled("other", 14)), "c.", map[string]Ref{"x": second["y"]})
	require.NoError(t, err)
	g.Output("z", third["y"], Float32, Free("n"))
	require.Equal(t, int64(14), g.Opset())
	require.Equal(t, Float32, g.TypeOf(second["y"]))
	model := built(t, g)
	require.Equal(t, [][]float32{{15, -1}}, values(t, model, []float32{1, -1}, "z"))
	info, err := ReadInfoBytes(model, "chain")
	require.NoError(t, err)
	require.Equal(t, 6, info.Initializers) // w, b and always, once for two copies of one source

	// A model can be put into its own extension.
	h := Extend(s)
	again, err := h.Embed(s, "a.", map[string]Ref{"x": "y"})
	require.NoError(t, err)
	h.Output("z", again["y"], Float32, Free("n"))
	require.Equal(t, [][]float32{{7, -1}}, values(t, built(t, h), []float32{1, -1}, "z"))
}

func TestEmbeddingSaysWhatIsWrong(t *testing.T) {
	s := sourceOf(t, scaled("net", 14))
	for name, c := range map[string]struct {
		embed func(g *Graph, x Ref) error
		want  string
	}{
		"nothing fed":   {func(g *Graph, x Ref) error { _, err := g.Embed(s, "a.", nil); return err }, `net.onnx: its input "x" is fed from nothing`},
		"no such input": {func(g *Graph, x Ref) error { _, err := g.Embed(s, "a.", map[string]Ref{"x": x, "t": x}); return err }, `has no input "t"; its inputs are "x"`},
		"another type": {func(g *Graph, x Ref) error {
			_, err := g.Embed(s, "a.", map[string]Ref{"x": g.Const("", Scalar(1.))})
			return err
		}, `takes float32, and is fed float64`},
		"a prefix used": {func(g *Graph, x Ref) error {
			g.Embed(s, "a.", map[string]Ref{"x": x})
			_, err := g.Embed(s, "a.", map[string]Ref{"x": x})
			return err
		}, `choose another prefix than "a."`},
		"no prefix": {func(g *Graph, x Ref) error {
			g.Const("w", Scalar(1.))
			_, err := g.Embed(s, "", map[string]Ref{"x": x})
			return err
		}, `its value "w" is taken`},
		"two operator sets": {func(g *Graph, x Ref) error {
			g.Embed(s, "a.", map[string]Ref{"x": x})
			_, err := g.Embed(sourceOf(t, scaled("decoder", 13)), "b.", map[string]Ref{"x": x})
			return err
		},
			"decoder.onnx: uses version 13 of the standard operator set, and the graph that it is put into uses version 14 (net.onnx): one file has one version"},
		"an operator set asked for": {func(g *Graph, x Ref) error {
			g.Import("", 17)
			_, err := g.Embed(s, "a.", map[string]Ref{"x": x})
			return err
		}, "uses version 14 of the standard operator set, and the graph that it is put into uses version 17"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewGraph("outer")
			require.ErrorContains(t, c.embed(g, g.Input("x", Float32, Free("n"))), c.want)
		})
	}
}

// Functions, and the operators of their domain, come along; different ones of one name do not.
func TestFunctionsComeAlong(t *testing.T) {
	turning := func(operator string) *Source {
		var m, function, node, set message
		node.text(1, "a")
		node.text(2, "b")
		node.text(4, operator)
		function.text(1, "Turn")
		function.text(4, "a")
		function.text(5, "b")
		function.message(7, &node)
		set.number(2, 17)
		function.message(9, &set)
		function.text(10, "local")
		m.message(25, &function)
		g := NewGraph("f")
		g.Import("local", 1)
		g.Output("y", g.Node("local:Turn", g.Input("x", Float32, Free("n"))), Float32, Free("n"))
		s, err := SourceBytes(append(built(t, g), m.open...), operator+".onnx")
		require.NoError(t, err)
		return s
	}
	g := NewGraph("two")
	x := g.Input("x", Float32, Free("n"))
	first, err := g.Embed(turning("Neg"), "a.", map[string]Ref{"x": x})
	require.NoError(t, err)
	second, err := g.Embed(turning("Neg"), "b.", map[string]Ref{"x": first["y"]})
	require.NoError(t, err)
	g.Output("z", g.Node("Add", second["y"], x), Float32, Free("n"))
	require.Equal(t, [][]float32{{6, 8}}, values(t, built(t, g), []float32{3, 4}, "z"))
	_, err = g.Embed(turning("Abs"), "c.", map[string]Ref{"x": x})
	require.ErrorContains(t, err, `Neg.onnx and Abs.onnx define the operator "local:Turn" differently`)
}

func TestSourcesThatCannotBeBuiltUpon(t *testing.T) {
	version := func(ir int64) []byte {
		var m message
		m.number(1, ir)
		return append(m.open, built(t, scaled("net", 17))[2:]...) // the version is the first field, and small
	}
	twice := built(t, scaled("net", 17))
	twice = append(twice, 0x3a, 0) // field 7, empty
	imports := func(list ...Opset) []byte {
		var m message
		m.number(1, 8)
		m.message(7, &message{})
		(&Graph{}).encodeOpsets(&m, list)
		return m.open
	}
	for _, c := range []struct {
		want  string
		model []byte
	}{
		{"has IR version 14 of the ONNX format, and Odeon rewrites versions up to 13", version(14)},
		{"states no version of the ONNX format", version(0)},
		{"a second graph", twice},
		{`imports the operator set "" twice`, imports(Opset{"", 17}, Opset{"ai.onnx", 17})},
		{"uses version 99 of the standard operator set", imports(Opset{"", 99})},
		{"holds no graph", []byte{8, 8}},
	} {
		_, err := SourceBytes(c.model, "net.onnx")
		require.ErrorContains(t, err, c.want)
		require.ErrorContains(t, err, "net.onnx: ")
	}
	_, err := OpenSource(filepath.Join(t.TempDir(), "none.onnx"))
	require.ErrorIs(t, err, os.ErrNotExist)
	s, err := SourceBytes(version(3), "net.onnx")
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
