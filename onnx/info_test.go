package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// sampleGraph has one of everything that Info tells: free and fixed axes, a scalar input, a Constant, two nested graphs, an
// operator of another domain, metadata.
func sampleGraph() *Graph {
	g := NewGraph("sample")
	g.Import("com.example", 1)
	x := g.Input("x", Float32, Free("n"), Fixed(2))
	t := g.Input("t", Float64)
	flag := g.Input("flag", Bool, Fixed(1))
	w := g.Const("w", Array([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	h := g.Node("MatMul", x, w)
	shift := g.Node("Constant", Tensorial("value", Vector[float32](1, 2, 3)))
	h = g.Node("Add", h, shift)
	then, other := g.Subgraph("then"), g.Subgraph("else")
	then.Output("twice", then.Node("Mul", h, then.Const("", Scalar[float32](2)), As("twice")), Float32, Free("n"), Fixed(3))
	other.Output("same", h, Float32, Free("n"), Fixed(3))
	y := g.Node("If", flag, Body("then_branch", then), Body("else_branch", other), As("y"))
	g.Output("y", y, Float32, Free("n"), Fixed(3))
	g.Output("late", g.Node("com.example:Later", t), Float64)
	g.Meta("odeon", `{"name": "sample"}`)
	return g
}

func built(t testing.TB, g *Graph) []byte {
	t.Helper()
	b, err := g.Bytes()
	require.NoError(t, err)
	return b
}

func TestInfoTellsWhatTheGraphHolds(t *testing.T) {
	model := built(t, sampleGraph())
	info, err := ReadInfoBytes(model, "sample.onnx")
	require.NoError(t, err)
	require.Equal(t, &Info{
		File:      "sample.onnx",
		Size:      int64(len(model)),
		IRVersion: 8,
		Producer:  "odeon",
		Graph:     "sample",
		Opsets:    []Opset{{"", 17}, {"com.example", 1}},
		Inputs: []Value{
			{"x", "tensor", Float32, []Dim{Free("n"), Fixed(2)}},
			{"t", "tensor", Float64, []Dim{}},
			{"flag", "tensor", Bool, []Dim{Fixed(1)}},
		},
		Outputs: []Value{
			{"y", "tensor", Float32, []Dim{Free("n"), Fixed(3)}},
			{"late", "tensor", Float64, []Dim{}},
		},
		Metadata: []KeyValue{{"odeon", `{"name": "sample"}`}},
		Operators: map[string]int{
			"MatMul": 1, "Constant": 1, "Add": 1, "If": 1, "Mul": 1, "Identity": 2, "com.example:Later": 1,
		},
		Initializers: 2, // w, and the 2 in the nested graph
		Parameters:   7,
		Constants:    3,
		external:     map[string]int64{},
	}, info)
	card, ok := info.Meta("odeon")
	require.True(t, ok)
	require.Equal(t, `{"name": "sample"}`, card)
	_, ok = info.Meta("other")
	require.False(t, ok)
	x, ok := info.Input("x")
	require.True(t, ok)
	require.Equal(t, "float32 [n, 2]", x.String())
	_, ok = info.Output("x")
	require.False(t, ok)
}

func TestParametersOfPublishedNetworks(t *testing.T) {
	folder := filepath.Join("..", "..", "shared", "pretrained")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the published networks are not in ../shared")
	}
	// What the networks' table states; mnist-geometric keeps the 16 frequencies of its time embedding beside 291,217 parameters.
	for file, want := range map[string]int64{
		"mnist-vit/model.onnx":       208705,
		"dino/model.onnx":            4546,
		"circles-score/score.onnx":   12866,
		"mnist-geometric/model.onnx": 291217 + 16,
	} {
		info, err := ReadInfo(filepath.Join(folder, filepath.FromSlash(file)))
		require.NoError(t, err)
		require.Equal(t, want, info.Parameters, file)
		require.Empty(t, info.Warnings, file)
	}
}

// Files of IR version 3 list their weights among their inputs.
func TestInputsThatInitializersFillAreNoInputs(t *testing.T) {
	info, err := ReadInfoBytes(modelOf(func(g *message) {
		for _, name := range []string{"w", "x", "s"} {
			g.message(11, Value{Name: name, Type: Float32, Shape: []Dim{Fixed(1)}}.encode())
		}
		g.message(5, Vector[float32](1).encode("w"))
		var sparse message
		sparse.message(1, Vector[float32](1).encode("s"))
		sparse.message(2, Vector[int64](0).encode(""))
		g.message(15, &sparse)
	}), "old.onnx")
	require.NoError(t, err)
	require.Len(t, info.Inputs, 1)
	require.Equal(t, "x", info.Inputs[0].Name)
	require.Equal(t, 2, info.Initializers)
}

func TestNodesOfFunctionsAreCounted(t *testing.T) {
	model := modelOf(func(*message) {})
	var m, function, node message
	node.text(4, "Gelu")
	node.text(7, "com.microsoft")
	function.text(1, "f")
	function.message(7, &node)
	function.message(7, &node)
	m.message(25, &function)
	info, err := ReadInfoBytes(append(model, m.open...), "functions.onnx")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"com.microsoft:Gelu": 2}, info.Operators)
}

func TestTypesThatAreNoTensors(t *testing.T) {
	info, err := ReadInfoBytes(modelOf(func(g *message) {
		typed := func(name string, num protowire.Number, inner *message) {
			var v, typ message
			typ.message(num, inner)
			v.text(1, name)
			v.message(2, &typ)
			g.message(11, &v)
		}
		var unranked, untyped message
		unranked.number(1, int64(Float16))
		typed("list", 4, &message{})
		typed("unranked", 1, &unranked)
		untyped.text(1, "untyped")
		g.message(11, &untyped)
		// Some exporters write a size of -1 for a free axis, and some no size at all.
		g.message(11, Value{Name: "odd", Type: Int64, Shape: []Dim{{Size: -1}, Free("")}}.encode())
	}), "odd.onnx")
	require.NoError(t, err)
	var got []string
	for _, v := range info.Inputs {
		got = append(got, v.Name+": "+v.String())
	}
	require.Equal(t, []string{
		"list: sequence", "unranked: float16 [...]", "untyped: of no stated type", "odd: int64 [?, ?]",
	}, got)
	require.False(t, info.Inputs[1].Known())
	require.True(t, info.Inputs[3].Known())
}

func TestVersionsThatTheRuntimeMayNotKnowAreReported(t *testing.T) {
	var m, set message
	m.number(1, 99)
	m.message(7, &message{})
	set.number(2, 50)
	m.message(8, &set)
	info, err := ReadInfoBytes(m.open, "future.onnx")
	require.NoError(t, err)
	require.Equal(t, []string{
		"IR version 99 is newer than ONNX Runtime 1.27 knows (13)",
		"operator set 50 is newer than ONNX Runtime 1.27 knows (26)",
	}, info.Warnings)
	info, err = ReadInfoBytes([]byte{0x3a, 0}, "bare.onnx") // an empty graph and nothing else
	require.NoError(t, err)
	require.Len(t, info.Warnings, 2)
}

// The walk holds a small window of the file: fields lie across its edge, and texts may be longer than it.
func TestFieldsAndTextsLargerThanTheWindow(t *testing.T) {
	g := NewGraph("long")
	h := g.Input("x", Float32, Free("n"))
	for i := range 5000 {
		h = g.Node([]string{"Relu", "Neg", "Sigmoid"}[i%3], h)
	}
	g.Output("y", h, Float32, Free("n"))
	text := strings.Repeat("0123456789", 10000)
	g.Meta("long", text)
	g.Meta("short", "end")
	info, err := ReadInfoBytes(built(t, g), "long.onnx")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"Relu": 1667, "Neg": 1667, "Sigmoid": 1666, "Identity": 1}, info.Operators)
	got, _ := info.Meta("long")
	require.Equal(t, text, got)
	got, _ = info.Meta("short")
	require.Equal(t, "end", got)
}

// meteredReader counts what is read of it.
type meteredReader struct {
	io.ReaderAt
	bytes int
}

func (c *meteredReader) ReadAt(p []byte, at int64) (int, error) {
	c.bytes += len(p)
	return c.ReaderAt.ReadAt(p, at)
}

func TestWeightsAreNotRead(t *testing.T) {
	g := NewGraph("large")
	const each = 1 << 20
	h := g.Input("x", Float32, Free("n"))
	for i := range 16 {
		h = g.Node("Add", h, g.Const(fmt.Sprint("w", i), RawArray(Float32, make([]byte, 4*each), each)))
	}
	g.Output("y", h, Float32, Free("n"))
	model := built(t, g)
	r := &meteredReader{ReaderAt: bytes.NewReader(model)}
	var info *Info
	var err error
	spent := allocated(func() { info, err = ReadInfoFrom(r, int64(len(model)), "large.onnx") })
	require.NoError(t, err)
	require.Equal(t, int64(16*each), info.Parameters)
	require.Less(t, r.bytes, 1<<20, "of %d bytes", len(model))
	require.Less(t, spent, uint64(1<<20))
}

// allocated is the memory that f asks for.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// modelOf is a model whose graph is written by hand.
func modelOf(fill func(g *message)) []byte {
	var m, g, set message
	fill(&g)
	m.number(1, 8)
	m.message(7, &g)
	set.number(2, 17)
	m.message(8, &set)
	var b bytes.Buffer
	_ = m.writeTo(&b)
	return b.Bytes()
}

// nested is a model with graphs inside graphs.
func nested(depth int) []byte {
	inner := &message{}
	for range depth {
		var attribute, node, graph message
		attribute.message(6, inner)
		node.message(5, &attribute)
		graph.message(1, &node)
		inner = &graph
	}
	return modelOf(func(g *message) { g.open = inner.open; g.parts = inner.parts; g.size = inner.size })
}

// tensorOf is a model with one initializer written by hand.
func tensorOf(fill func(t *message)) []byte {
	return modelOf(func(g *message) {
		var t message
		fill(&t)
		g.message(5, &t)
	})
}

var malformed = []struct {
	name, want string
	model      []byte
}{
	{"claims more than the file", "at byte 2, field 7 claims 1099511627776 bytes where 3 are left",
		append(protowire.AppendVarint([]byte{8, 8, 0x3a}, 1<<40), 1, 2, 3)},
	{"claims more than a number holds", "claims 18446744073709551615 bytes",
		protowire.AppendVarint([]byte{8, 8, 0x3a}, 1<<64-1)},
	{"weights claim more than their tensor", "in initializer 0: field 9 claims 200 bytes where 0 are left",
		tensorOf(func(t *message) { t.head(9, 200) })},
	{"inner message longer than outer", "claims 100 bytes",
		modelOf(func(g *message) { g.head(1, 100); g.open = append(g.open, 1, 2) })},
	{"number of eleven bytes", "a number is cut off or longer than 10 bytes",
		append([]byte{8}, bytes.Repeat([]byte{0xff}, 11)...)},
	{"field number zero", "0 is no field number", []byte{0, 1}},
	{"group", "wire type 3, which ONNX does not use", []byte{8, 8, 0x3b, 0x3c}},
	{"graph is a number", "field 7 has wire type 0 where 2 is expected", []byte{8, 8, 0x38, 1}},
	{"version is a text", "field 1 has wire type 2 where 0 is expected", []byte{0x0a, 1, 'x', 0x3a, 0}},
	{"no graph", "it holds no graph", []byte{8, 8}},
	{"fixed field cut off", "field 9 is cut off", []byte{8, 8, 0x4d, 1}},
	{"sizes multiply beyond 2^63", "multiply to more than 2^63",
		tensorOf(func(t *message) { t.number(1, 1<<40); t.number(1, 1<<40) })},
	{"negative size", "a tensor with an axis of size -5", tensorOf(func(t *message) { t.number(1, -5) })},
	{"too many axes", "more than 64 axes",
		tensorOf(func(t *message) { t.blob(1, bytes.Repeat([]byte{1}, 100)) })},
	{"tensors sum beyond 2^63", "claim more than 2^63 elements", modelOf(func(g *message) {
		for range 3 {
			var t message
			t.number(1, 1<<62)
			g.message(5, &t)
		}
	})},
	{"nested too deep", "graphs nested deeper than 64", nested(100)},
	{"shape of too many axes", "a shape with more than 64 axes",
		modelOf(func(g *message) {
			g.message(11, Value{Name: "x", Type: Float32, Shape: make([]Dim, 100)}.encode())
		})},
	{"too many inputs", "more than 16384 inputs", modelOf(func(g *message) {
		for range maxList + 1 {
			g.text(11, "")
		}
	})},
	{"operator name too long", "a name of 20000 bytes", modelOf(func(g *message) {
		var n message
		n.text(4, strings.Repeat("x", 20000))
		g.message(1, &n)
	})},
	{"text too long", "a text of 9000000 bytes", modelOf(func(g *message) { g.text(2, strings.Repeat("x", 9000000)) })},
	{"negative offset of external data", `external data has the offset "-1"`, externalModel("w.bin", "offset", "-1")},
	{"length of external data is no number", `external data has the length "1e3"`, externalModel("w.bin", "length", "1e3")},
}

func TestMalformedFilesGiveOneClearErrorAndCostNothing(t *testing.T) {
	for _, c := range malformed {
		t.Run(c.name, func(t *testing.T) {
			var err error
			spent := allocated(func() { _, err = ReadInfoBytes(c.model, "bad.onnx") })
			format, ok := errors.AsType[*FormatError](err)
			require.True(t, ok, "%v", err)
			require.ErrorContains(t, err, c.want)
			require.True(t, strings.HasPrefix(err.Error(), "bad.onnx: "), err)
			require.LessOrEqual(t, format.Offset, int64(len(c.model)))
			require.Less(t, spent, uint64(256<<10)+300*uint64(len(c.model)))
		})
	}
}

// A file cut short is noticed, unless the cut falls between two fields of the model, where the rest could as well be a
// shorter model.
func TestTruncatedFilesAreErrors(t *testing.T) {
	model := built(t, sampleGraph())
	whole := 0
	for n := range model {
		if _, err := ReadInfoBytes(model[:n], "cut.onnx"); err == nil {
			whole++
		} else {
			_, ok := errors.AsType[*FormatError](err)
			require.True(t, ok, "cut at %d: %v", n, err)
		}
	}
	require.LessOrEqual(t, whole, 3) // behind the graph and each of the two operator sets
}

func TestAnyByteMayBeWrong(t *testing.T) {
	model := built(t, sampleGraph())
	for i := range model {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(model)
			bad[i] ^= flip
			if info, err := ReadInfoBytes(bad, "flipped.onnx"); err == nil {
				require.NotNil(t, info)
			}
		}
	}
}

func TestFileThatShrinksWhileItIsRead(t *testing.T) {
	model := built(t, sampleGraph())
	_, err := ReadInfoFrom(bytes.NewReader(model[:100]), int64(len(model)), "shrinking.onnx")
	require.ErrorContains(t, err, "the file ends earlier than its size of")
}

func TestReadingErrorsAreHandedOn(t *testing.T) {
	_, err := ReadInfoFrom(brokenDisk{}, 100, "unlucky.onnx")
	require.ErrorIs(t, err, errDisk)
	require.ErrorContains(t, err, "unlucky.onnx: ")
}

var errDisk = errors.New("input/output error")

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, errDisk }
