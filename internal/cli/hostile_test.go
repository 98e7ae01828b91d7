//go:build unix

package cli

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/machine"
	"odeon/onnx"
)

// network writes an ONNX file whose prediction y is made of the state x, [n, 2], by nodes.
func network(t *testing.T, nodes func(g *onnx.Graph, x, clock onnx.Ref) onnx.Ref) string {
	t.Helper()
	batch, two := onnx.Free("n"), onnx.Fixed(2)
	g := onnx.NewGraph("stranger")
	x := g.Input("x", onnx.Float32, batch, two)
	clock := g.Input("t", onnx.Float32, batch)
	g.Output("y", nodes(g, x, clock), onnx.Float32, batch, two)
	g.Meta("odeon", `{"prediction": "velocity", "path": "condot", "layout": "points"}`)
	data, err := g.Bytes()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "stranger.onnx")
	require.NoError(t, os.WriteFile(path, data, 0o666))
	return path
}

// failure samples the network and returns what is said on the process's stderr, ONNX Runtime's own lines included.
func failure(t *testing.T, path string) string {
	t.Helper()
	c := program(t, "sample", path, "-n", "2", "--steps", "4", "--batch", "2", "-o", "x.npy")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	require.Error(t, c.Run())
	require.Equal(t, exitFailed, c.ProcessState.ExitCode())
	require.Empty(t, listing(t, c.Dir))
	require.Regexp(t, `\Aodeon: [^\n]*\n\z`, stderr.String())
	return stderr.String()
}

func TestANetworkThatFailsIsOneMessage(t *testing.T) {
	for name, c := range map[string]struct {
		nodes func(g *onnx.Graph, x, clock onnx.Ref) onnx.Ref
		want  string
	}{
		"more than it declares": {func(g *onnx.Graph, x, _ onnx.Ref) onnx.Ref {
			return g.Node("Tile", x, g.Const("twice", onnx.Vector[int64](1, 2)))
		}, "Got: 2 Expected: 4"},
		"more memory than there is": {func(g *onnx.Graph, x, _ onnx.Ref) onnx.Ref {
			vast := g.Node("Expand", x, g.Const("vast", onnx.Vector[int64](400_000_000_000, 1, 2)))
			return g.Node("ReduceSum", vast, g.Const("axes", onnx.Vector[int64](0)), onnx.Int("keepdims", 0))
		}, "Failed to allocate memory for requested buffer of size 6400000000000"},
		"NaN from t = 0.75 on": {func(g *onnx.Graph, x, clock onnx.Ref) onnx.Ref {
			left := g.Node("Sub", g.Const("half", onnx.Vector[float32](0.5)), clock)
			return g.Node("Add", x, g.Node("Unsqueeze", g.Node("Sqrt", left), g.Const("axes", onnx.Vector[int64](1))))
		}, "not finite after step 3 (t=0.75)"},
		"an operator that is none": {func(g *onnx.Graph, x, _ onnx.Ref) onnx.Ref {
			return g.Node("Frobnicate", x)
		}, "No Op registered for Frobnicate"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, failure(t, network(t, c.nodes)), c.want)
		})
	}
}

func TestStatesThatNoMachineHoldsAreRefused(t *testing.T) {
	if math.IsInf(machine.Memory(), 1) {
		t.Skip("this system does not tell how much memory it has")
	}
	require.NoError(t, fits(split{Workers: 2, Chunk: 64}, 3*64*64, 2))
	require.ErrorContains(t, fits(split{Workers: 1, Chunk: 1}, 1e15, 2), "GB of memory")
	require.ErrorContains(t, fits(split{Workers: 1, Chunk: 1}, 3*64*64, 1e9), "GB of memory", "a plan that looks back on all of a long walk")
}

// An interruption before anything is open is told as one too.
func TestAnInterruptedCommandSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitInterrupted, run(ctx, []string{"sample", "--runtime", library(t), "-o", filepath.Join(t.TempDir(), "x.npy")}, &stdout, &stderr))
	require.Equal(t, "odeon: interrupted; no file was left incomplete\n", stderr.String())
}
