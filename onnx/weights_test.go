package onnx

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// layered is y = x + sum of w over its rows + small, with weights of every size that storing them tells apart.
func layered(weights []float32) *Graph {
	g := NewGraph("layered")
	x := g.Input("x", Float32, Free("n"))
	w := g.Const("w", Array(weights, int64(len(weights))))
	sum := g.Node("ReduceSum", w, Int("keepdims", 0))
	g.Output("y", g.Node("Add", g.Node("Add", x, sum), g.Const("small", Vector[float32](0.1))), Float32, Free("n"))
	return g
}

func ramp(n int) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(i%64) / 64 // exact in float16
	}
	return list
}

func saved(t testing.TB, g *Graph, o WriteOptions) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), g.name+".onnx")
	require.NoError(t, g.WriteFile(file, o))
	return file
}

// valuesOf is values for a model in a file.
func valuesOf(t testing.TB, file string, x ...float32) []float32 {
	t.Helper()
	n := []int64{int64(len(x))}
	out := make([]float32, len(x))
	s, err := openRuntime(t).NewSession(file, []string{"x"}, []string{"y"}, SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	t.Cleanup(s.Destroy)
	require.NoError(t, call(t, t.Context(), s).Run([]*Tensor{tensor(t, n, x)}, []*Tensor{tensor(t, n, out)}))
	return out
}

func size(t testing.TB, file string) int64 {
	t.Helper()
	stat, err := os.Stat(file)
	require.NoError(t, err)
	return stat.Size()
}

func TestWeightsInFloat16AndBack(t *testing.T) {
	first := saved(t, layered(ramp(4096)), WriteOptions{})
	want := valuesOf(t, first, 1, 2)

	g := Extend(opened(t, first))
	half := saved(t, g, WriteOptions{Weights: Float16Weights})
	require.Empty(t, g.Warnings())
	require.Less(t, size(t, half), size(t, first)-2*4096+200)
	require.Equal(t, want, valuesOf(t, half, 1, 2))
	info, err := ReadInfo(half)
	require.NoError(t, err)
	require.Equal(t, 1, info.Operators["Cast"]) // the small one stays

	// The way back takes the Cast away again.
	back := saved(t, Extend(opened(t, half)), WriteOptions{Weights: Float32Weights})
	require.Equal(t, want, valuesOf(t, back, 1, 2))
	info, err = ReadInfo(back)
	require.NoError(t, err)
	require.Zero(t, info.Operators["Cast"])
	require.Equal(t, size(t, first), size(t, back))

	// So does it where the model is embedded, in a loop too.
	loop := NewGraph("embedded")
	x := loop.Input("x", Float32, Free("n"))
	body := loop.Subgraph("body")
	body.Input("i", Int64)
	on := body.Input("on", Bool)
	body.Input("before", Float32, Free("n"))
	outputs, err := body.Embed(opened(t, half), "net.", map[string]Ref{"x": x})
	require.NoError(t, err)
	body.Output("still_on", on, Bool)
	body.Output("after", outputs["y"], Float32, Free("n"))
	loop.Output("y", loop.Node("Loop", loop.Const("", Scalar[int64](2)), loop.Const("", Scalar(true)), x, Body("body", body)), Float32, Free("n"))
	for _, o := range []WriteOptions{{}, {Weights: Float16Weights}, {Weights: Float32Weights}, {Place: External}, {Weights: Float32Weights, Place: External}} {
		require.Equal(t, want, valuesOf(t, saved(t, loop, o), 1, 2), o)
	}
}

// A half-precision network computes in half precision whatever its weights are stored in.
func TestWeightsThatAreUsedInFloat16AreCastToIt(t *testing.T) {
	weights := make([]Half, 512)
	Float16FromFloat32(weights, ramp(512))
	g := NewGraph("half")
	x := g.Input("x", Float32, Free("n"))
	sum := g.Node("ReduceSum", g.Const("w", Vector(weights...)), Int("keepdims", 0))
	g.Output("y", g.Node("Add", x, g.Node("Cast", sum, Int("to", int64(Float32)))), Float32, Free("n"))
	first := saved(t, g, WriteOptions{})
	wide := saved(t, Extend(opened(t, first)), WriteOptions{Weights: Float32Weights})
	require.Greater(t, size(t, wide), size(t, first)+1000)
	require.Equal(t, valuesOf(t, first, 1), valuesOf(t, wide, 1))
}

func TestNumbersOutsideFloat16StayInFloat32(t *testing.T) {
	for _, c := range []struct {
		largest float32
		warning string
	}{
		{65519, ""},
		{65520, `initializer "w" stays in float32: its largest number is 6.552e+04, and float16 holds numbers of the size 6e-5 to 65504`},
		{float32(math.Inf(1)), ""},
		{1e-6, "its largest number is 1e-06"},
	} {
		weights := make([]float32, 1024)
		weights[700] = -c.largest
		g := Extend(opened(t, saved(t, layered(weights), WriteOptions{})))
		file := saved(t, g, WriteOptions{Weights: Float16Weights})
		if c.warning == "" {
			require.Empty(t, g.Warnings())
			continue
		}
		require.Len(t, g.Warnings(), 1)
		require.Contains(t, g.Warnings()[0], c.warning)
		require.Equal(t, []float32{(1 - c.largest) + float32(0.1)}, valuesOf(t, file, 1))
	}
}

func TestWeightsMoveOutAndIn(t *testing.T) {
	first := saved(t, layered(ramp(4096)), WriteOptions{})
	want := valuesOf(t, first, 1, 2)

	out := saved(t, Extend(opened(t, first)), WriteOptions{Place: External})
	data := out + ".data"
	require.Equal(t, int64(4*4096), size(t, data))
	require.Less(t, size(t, out), int64(2000))
	require.Equal(t, want, valuesOf(t, out, 1, 2))

	// Into another folder they come along, and beside their own file nothing happens to them.
	other := saved(t, Extend(opened(t, out)), WriteOptions{})
	require.Equal(t, want, valuesOf(t, other, 1, 2))
	require.FileExists(t, filepath.Join(filepath.Dir(other), "layered.onnx.data"))
	beside := filepath.Join(filepath.Dir(out), "beside.onnx")
	require.NoError(t, Extend(opened(t, out)).WriteFile(beside, WriteOptions{}))
	require.Equal(t, want, valuesOf(t, beside, 1, 2))

	in := saved(t, Extend(opened(t, out)), WriteOptions{Place: Inline})
	require.Equal(t, size(t, first), size(t, in))
	require.Equal(t, want, valuesOf(t, in, 1, 2))
	require.NoFileExists(t, filepath.Join(filepath.Dir(in), "layered.onnx.data"))

	// In another type they stay outside, in a file of their own.
	half := filepath.Join(filepath.Dir(out), "half.onnx")
	require.NoError(t, Extend(opened(t, out)).WriteFile(half, WriteOptions{Weights: Float16Weights}))
	require.Equal(t, want, valuesOf(t, half, 1, 2))
	require.Equal(t, int64(2*4096), size(t, half+".data"))
	named := filepath.Join(filepath.Dir(out), "named.onnx")
	require.NoError(t, Extend(opened(t, half)).WriteFile(named, WriteOptions{Place: External, External: "w.bin"}))
	require.Equal(t, int64(2*4096), size(t, filepath.Join(filepath.Dir(out), "w.bin")))

	// The model may be rewritten in its place.
	require.NoError(t, Extend(opened(t, out)).WriteFile(out, WriteOptions{Weights: Float16Weights}))
	require.Equal(t, want, valuesOf(t, out, 1, 2))
}

// Tensors of graphs inside nodes and of Constant nodes are brought in, too.
func TestExternalWeightsEverywhereMoveIn(t *testing.T) {
	folder := t.TempDir()
	raw := make([]byte, 12)
	for i, v := range []float32{1, 20, 300} {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "w.bin"), raw, 0o644))
	outside := func(name, offset string) *message {
		var m message
		m.number(1, 1)
		m.number(2, int64(Float32))
		m.optional(8, name)
		for _, e := range []KeyValue{{"location", "w.bin"}, {"offset", offset}, {"length", "4"}} {
			var entry message
			entry.text(1, e.Key)
			entry.text(2, e.Value)
			m.message(13, &entry)
		}
		m.number(14, 1)
		return &m
	}
	g := NewGraph("everywhere")
	x := g.Input("x", Float32, Free("n"))
	a := g.Const("a", Vector[float32](0))
	constant := attribute("value", attrTensor, func(m *message) { m.message(5, outside("", "4")) })
	then, other := g.Subgraph("then"), g.Subgraph("else")
	b := then.Const("b", Vector[float32](0))
	then.Output("t", then.Node("Add", x, b), Float32, Free("n"))
	other.Output("e", other.Node("Identity", x), Float32, Free("n"))
	y := g.Node("If", g.Const("", Scalar(true)), Body("then_branch", then), Body("else_branch", other))
	y = g.Node("Add", g.Node("Add", y, a), g.Node("Constant", constant))
	g.Output("y", y, Float32, Free("n"))
	// The builder writes no external tensors: a and b are put in by hand.
	model := replaceTensors(t, built(t, g), map[string]*message{"a": outside("a", "0"), "b": outside("b", "8")})
	file := filepath.Join(folder, "everywhere.onnx")
	require.NoError(t, os.WriteFile(file, model, 0o644))
	require.Equal(t, []float32{322}, valuesOf(t, file, 1))

	require.Equal(t, []float32{322}, valuesOf(t, saved(t, Extend(opened(t, file)), WriteOptions{}), 1))
	in := saved(t, Extend(opened(t, file)), WriteOptions{Place: Inline})
	info, err := ReadInfo(in)
	require.NoError(t, err)
	require.Empty(t, info.External)
	require.Equal(t, []float32{322}, valuesOf(t, in, 1))

	embedded := NewGraph("embedded")
	outputs, err := embedded.Embed(opened(t, file), "e.", map[string]Ref{"x": embedded.Input("x", Float32, Free("n"))})
	require.NoError(t, err)
	embedded.Output("y", outputs["y"], Float32, Free("n"))
	for _, place := range []Place{KeepPlace, Inline, External} {
		require.Equal(t, []float32{322}, valuesOf(t, saved(t, embedded, WriteOptions{Place: place}), 1))
	}

	// A file of that name with something else in it is not written over.
	there := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(there, "w.bin"), []byte("other"), 0o644))
	err = embedded.WriteFile(filepath.Join(there, "out.onnx"), WriteOptions{})
	require.ErrorContains(t, err, "is in the way of the weights of that name")
	require.NoFileExists(t, filepath.Join(there, "out.onnx"))
	list, err := os.ReadDir(there)
	require.NoError(t, err)
	require.Len(t, list, 1) // no temporary file either
}

// replaceTensors puts other tensors in the place of named ones, wherever they are.
func replaceTensors(t *testing.T, model []byte, tensors map[string]*message) []byte {
	t.Helper()
	s := &Source{info: &Info{File: "replace.onnx"}, file: bytes.NewReader(model), size: int64(len(model))}
	e := &encoder{}
	replaced := 0
	var walk func(m *message, p piece, k kind)
	walk = func(m *message, p piece, k kind) {
		x := indexer{walker: newWalker(s.file, s.size), source: &Source{apart: map[string]bool{}}, texts: map[string]string{}}
		for f := range x.fields(field{begin: p.body, end: p.end}) {
			inner := contents[k][f.num]
			if k == 0 && f.num == 7 {
				inner = aGraph
			}
			switch {
			case inner == aTensor && tensors[x.tensor(f).name] != nil:
				x.pos = f.body
				m.message(f.num, tensors[x.tensor(f).name])
				replaced++
			case inner == aGraph || inner == aNode || inner == anAttribute:
				var sub message
				walk(&sub, f.piece, inner)
				m.message(f.num, &sub)
			default:
				e.copy(m, s, f.begin, f.end)
			}
		}
		require.NoError(t, x.err)
	}
	var m message
	walk(&m, piece{body: 0, end: s.size}, 0)
	require.Equal(t, len(tensors), replaced)
	require.Empty(t, m.parts)
	return m.open
}

func TestPlacesThatCannotBe(t *testing.T) {
	g := layered(ramp(1024))
	file := filepath.Join(t.TempDir(), "out.onnx")
	for want, o := range map[string]WriteOptions{
		"the name of a file in the model's folder is expected": {Place: External, External: "../w.bin"},
		"which is the model itself":                            {Place: External, External: "out.onnx"},
		"and they are not to be moved there":                   {External: "w.bin"},
	} {
		require.ErrorContains(t, g.WriteFile(file, o), want)
		require.NoFileExists(t, file)
	}
}

func TestASourceThatChangesWhileItIsCopied(t *testing.T) {
	file := saved(t, layered(ramp(4096)), WriteOptions{})
	g := Extend(opened(t, file))
	require.NoError(t, os.Truncate(file, 300))
	require.ErrorContains(t, g.WriteFile(filepath.Join(t.TempDir(), "out.onnx"), WriteOptions{}), "layered.onnx: the file changed while it was copied")
}
