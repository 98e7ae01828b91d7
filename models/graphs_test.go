package models

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/onnx"
	"odeon/sampler"
)

// testGraph describes a small network whose result tells everything it was fed:
//
//	out = x + time + 10 class + 1000 (no class) + the further input
type testGraph struct {
	batch    onnx.Dim // free("n") where it is the zero value
	shape    []int64  // one sample's; [2] where nil
	state    onnx.DType
	time     onnx.DType
	clock    []onnx.Dim // nil: no time input
	label    onnx.DType // Undefined: no label input
	classes  int64      // 0: the label is an index; else a one-hot row of so many
	extra    onnx.DType // Undefined: none
	feature  []onnx.Dim // the further input's shape
	channels int        // how many further channels the output has behind the prediction, on axis
	axis     int
	noise    bool // a second output
	hidden   bool // the output's shape is left open
	meta     string
}

var free = onnx.Free("n")

func fixed(n int64) onnx.Dim { return onnx.Fixed(n) }

func dims(sizes ...int64) []onnx.Dim {
	out := make([]onnx.Dim, len(sizes))
	for i, n := range sizes {
		out[i] = onnx.Fixed(n)
	}
	return out
}

func orFloat32(t onnx.DType) onnx.DType {
	if t == onnx.Undefined {
		return onnx.Float32
	}
	return t
}

func (g testGraph) build(t testing.TB) []byte {
	t.Helper()
	b := onnx.NewGraph("probe")
	if g.batch == (onnx.Dim{}) {
		g.batch = free
	}
	if g.shape == nil {
		g.shape = []int64{2}
	}
	width := int64(1)
	for _, n := range g.shape {
		width *= n
	}
	cast := func(v onnx.Ref, to onnx.DType) onnx.Ref { return b.Node("Cast", v, onnx.Int("to", int64(to))) }
	column := b.Const("column", onnx.Vector[int64](-1, 1))
	state := append([]onnx.Dim{g.batch}, dims(g.shape...)...)
	out := cast(b.Input("x", orFloat32(g.state), slices.Clone(state)...), onnx.Float32)
	out = b.Node("Reshape", out, b.Const("rows", onnx.Vector(-1, width)))
	if g.clock != nil {
		time := cast(b.Input("t", orFloat32(g.time), g.clock...), onnx.Float32)
		out = b.Node("Add", out, b.Node("Reshape", time, column))
	}
	switch {
	case g.label != onnx.Undefined && g.classes == 0:
		class := cast(b.Input("y", g.label, g.batch), onnx.Float32)
		class = b.Node("Mul", class, b.Const("ten", onnx.Scalar[float32](10)))
		out = b.Node("Add", out, b.Node("Reshape", class, column))
	case g.label != onnx.Undefined:
		numbers := make([]float32, g.classes)
		for i := range numbers {
			numbers[i] = 10*float32(i) - 1000
		}
		rows := cast(b.Input("y", g.label, g.batch, fixed(g.classes)), onnx.Float32)
		class := b.Node("MatMul", rows, b.Const("numbers", onnx.Array(numbers, g.classes, 1)))
		out = b.Node("Add", out, b.Node("Add", class, b.Const("thousand", onnx.Scalar[float32](1000))))
	}
	if g.extra != onnx.Undefined {
		out = b.Node("Add", out, cast(b.Input("h", g.extra, g.feature...), onnx.Float32))
	}
	shape := append([]int64{-1}, g.shape...)
	out = b.Node("Reshape", out, b.Const("shape", onnx.Vector(shape...)))
	if g.channels > 0 {
		more := []onnx.Ref{out}
		for range g.channels {
			more = append(more, b.Node("Neg", out))
		}
		arguments := []onnx.Argument{onnx.Int("axis", int64(g.axis+1))}
		for _, m := range more {
			arguments = append(arguments, m)
		}
		out = b.Node("Concat", arguments...)
		state[g.axis+1].Size *= int64(1 + g.channels)
	}
	out = cast(out, orFloat32(g.state))
	if g.hidden {
		for i := range state[1:] {
			state[i+1] = onnx.Free("")
		}
	}
	b.Output("v", out, orFloat32(g.state), state...)
	if g.noise {
		b.Output("w", b.Node("Neg", out), orFloat32(g.state), state...)
	}
	if g.meta != "" {
		b.Meta("odeon", g.meta)
	}
	bytes, err := b.Bytes()
	require.NoError(t, err)
	return bytes
}

// write makes a file of the graph.
func (g testGraph) write(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, g.build(t), 0o644))
	return path
}

// resolve opens the graph under a card that is completed with prediction and path.
func (g testGraph) resolve(t testing.TB, card string, sets ...Set) *Resolved {
	t.Helper()
	given, err := ParseCard([]byte(card))
	require.NoError(t, err)
	plain := &Card{Prediction: &Prediction{Name: "velocity"}, Path: json.RawMessage(`"condot"`)}
	m, err := Open(g.write(t, t.TempDir(), "net.onnx"), Layer{From: "the test", Card: plain}, Layer{From: "the test's card", Card: given})
	require.NoError(t, err)
	return Resolve(m, sets...)
}

// network loads a resolved model for one worker.
func network(t testing.TB, r *Resolved, run Run) *Network {
	t.Helper()
	require.NoError(t, r.Err())
	session, err := r.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	t.Cleanup(session.Destroy)
	net, err := NewNetwork(r, session, run)
	require.NoError(t, err)
	t.Cleanup(net.Close)
	return net
}

// states are n different states of a width, small numbers that every float type holds.
func states(n, width int) []float32 {
	x := make([]float32, n*width)
	for i := range x {
		x[i] = float32(i%31) - 15
	}
	return x
}

func predict(t *testing.T, net *Network, x []float32, at sampler.At) []float32 {
	t.Helper()
	dst := make([]float32, len(x))
	require.NoError(t, net.Predict(context.Background(), dst, x, at))
	return dst
}

// add is x with f(sample, element) added to every element.
func add(x []float32, width int, f func(k, i int) float32) []float32 {
	out := slices.Clone(x)
	for i := range out {
		out[i] += f(i/width, i%width)
	}
	return out
}
