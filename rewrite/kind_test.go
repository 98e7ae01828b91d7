package rewrite

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/onnx"
)

// kind describes a small network, out = sin(x + time/10 + class/2 + a further input).
type kind struct {
	batch    onnx.Dim // free("n") where it is the zero value
	shape    []int64
	state    onnx.DType // float32 where it is Undefined
	clock    onnx.DType // float32 where it is Undefined
	dims     []onnx.Dim // of the clock; nil: no clock
	label    onnx.DType // Undefined: no classes
	classes  int64      // 0: the class is an index; else a row of so many
	extra    []onnx.Dim // nil: no further input
	channels int64      // further channels of the output, before and behind the prediction
	axis     int64      // where they are
	flat     bool       // the output is [n, width]
	nodes    int        // further nodes that change nothing
	opset    int64
}

func (k kind) build(t testing.TB) []byte {
	t.Helper()
	g := onnx.NewGraph("kind")
	if k.opset > 0 {
		g.Import("", k.opset)
	}
	if k.batch == (onnx.Dim{}) {
		k.batch = onnx.Free("n")
	}
	for _, dtype := range []*onnx.DType{&k.state, &k.clock} {
		if *dtype == onnx.Undefined {
			*dtype = onnx.Float32
		}
	}
	row := make([]onnx.Dim, len(k.shape))
	ones := []int64{-1}
	for i, size := range k.shape {
		row[i], ones = onnx.Fixed(size), append(ones, 1)
	}
	float := func(v onnx.Ref) onnx.Ref { return as(g, v, onnx.Float32) }
	column := func(v onnx.Ref, factor float32) onnx.Ref {
		return g.Node("Mul", g.Node("Reshape", float(v), integers(g, ones...)), g.Const("", onnx.Scalar(factor)))
	}
	out := float(g.Input("x", k.state, append([]onnx.Dim{k.batch}, row...)...))
	if k.dims != nil {
		out = g.Node("Add", out, column(g.Input("t", k.clock, k.dims...), 0.1))
	}
	if k.label != onnx.Undefined && k.classes == 0 {
		out = g.Node("Add", out, column(g.Input("y", k.label, k.batch), 0.5))
	} else if k.label != onnx.Undefined {
		weights := make([]float32, k.classes)
		for i := range weights {
			weights[i] = 1 + float32(i)
		}
		y := g.Node("MatMul", float(g.Input("y", k.label, k.batch, onnx.Fixed(k.classes))), g.Const("", onnx.Array(weights, k.classes, 1)))
		out = g.Node("Add", out, column(y, 0.5))
	}
	if k.extra != nil {
		out = g.Node("Add", out, column(g.Node("ReduceMean", float(g.Input("c", onnx.Float64, k.extra...)), onnx.Ints("axes", int64(len(k.extra)-1)), onnx.Int("keepdims", 0)), 1))
	}
	out = g.Node("Sin", out)
	for range k.nodes {
		out = g.Node("Neg", out)
	}
	if k.channels > 0 {
		other := g.Node("Exp", out)
		out = g.Node("Concat", other, out, other, onnx.Int("axis", k.axis))
		row = slices.Clone(row)
		row[k.axis-1].Size *= 3
	}
	if k.flat {
		out = g.Node("Flatten", out)
		row = []onnx.Dim{onnx.Fixed(int64(elements([]int{int(k.shape[0]), int(k.shape[1]), int(k.shape[2])})))}
	}
	g.Output("out", as(g, out, k.state), k.state, append([]onnx.Dim{k.batch}, row...)...)
	b, err := g.Bytes()
	require.NoError(t, err)
	return b
}

func (k kind) resolve(t testing.TB, card string, sets ...models.Set) *models.Resolved {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kind.onnx")
	require.NoError(t, os.WriteFile(file, k.build(t), 0o666))
	if card != "" {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), "kind.odeon.json"), []byte(card), 0o666))
	}
	return settled(t, file, sets...)
}

// withDecoder resolves a small flow whose states a second network of the same kind decodes.
func withDecoder(t testing.TB, network, decoder kind, fields string) *models.Resolved {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "net.onnx"), network.build(t), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "decoder.onnx"), decoder.build(t), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "net.odeon.json"),
		[]byte(`{"prediction": "velocity", "path": "condot", "decoder": {"network": "decoder.onnx"`+fields+`}}`), 0o666))
	return settled(t, filepath.Join(dir, "net.onnx"))
}
