package models

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/internal/ortest"
	"odeon/onnx"
	"odeon/sampler"
)

// goNetwork is a resolved model that Go computes, for one worker.
func goNetwork(t testing.TB, r *Resolved, run Run) *Network {
	t.Helper()
	require.NoError(t, r.Err())
	session, err := r.NewSession(nil, onnx.SessionOptions{Provider: Go})
	require.NoError(t, err)
	t.Cleanup(session.Destroy)
	require.Equal(t, "go", session.Provider())
	net, err := NewNetwork(r, session, run)
	require.NoError(t, err)
	t.Cleanup(net.Close)
	return net
}

// Whatever the types and shapes of inputs, Go evaluates a network as ONNX Runtime does, in both halves of guidance.
func TestGoEvaluatesAsTheRuntimeDoes(t *testing.T) {
	x := states(10, 2)
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16, onnx.Int32, onnx.Int64} {
		for _, batch := range []onnx.Dim{free, fixed(1), fixed(4)} {
			for k, g := range []testGraph{
				{time: dtype, clock: []onnx.Dim{batch}},
				{time: dtype, clock: []onnx.Dim{}, label: dtype},
				{clock: []onnx.Dim{batch, fixed(1)}, label: onnx.Float16, classes: 4, hidden: true},
				{clock: []onnx.Dim{fixed(1)}, noise: true},
			} {
				if g.batch = batch; dtype.IsFloat() {
					g.state = dtype
				}
				t.Run(fmt.Sprintf("%d %s batch %s", k, dtype, batch), func(t *testing.T) {
					card, run := `{"time": "3"}`, Run{}
					if g.label != onnx.Undefined {
						card, run.Labels = `{"time": "3", "labels": {"count": 3, "null": 3}, "inputs": {"label": "y"}}`, []int{0, 2, 1}
					}
					if g.noise {
						card = `{"time": "3", "output": "v"}`
					}
					if g.classes > 0 {
						card = `{"labels": {"count": 3, "encoding": "onehot", "null": 3}}`
					}
					r := g.resolve(t, card)
					one, two := network(t, r, run), goNetwork(t, r, run)
					for _, input := range []float64{3, 7} {
						at := sampler.At{Input: input, Scale: 1}
						require.Equal(t, predict(t, one, x, at), predict(t, two, x, at))
						if g.label == onnx.Undefined {
							continue
						}
						var halves [2][2][]float32
						for i, net := range []*Network{one, two} {
							halves[i] = [2][]float32{make([]float32, len(x)), make([]float32, len(x))}
							require.NoError(t, net.PredictBoth(context.Background(), halves[i][0], halves[i][1], x, at))
						}
						require.Equal(t, halves[0], halves[1])
					}
				})
			}
		}
	}
}

// Real networks agree within the rounding of float32, and so does a decoder.
func TestGoEvaluatesPretrainedNetworks(t *testing.T) {
	for name := range pretrainedFiles {
		if name == "anime64" {
			continue // 63 million parameters are no small network
		}
		t.Run(name, func(t *testing.T) {
			r := open(t, name)
			var run Run
			if r.Label != nil {
				run.Labels = []int{1, NullLabel, 2}
			}
			one, two := network(t, r, run), goNetwork(t, r, run)
			x := make([]float32, 3*r.Dim())
			for i := range x {
				x[i] = float32(i%17)/8 - 1
			}
			at := sampler.At{Input: 0.5, Scale: 1}
			requireClose(t, predict(t, one, x, at), predict(t, two, x, at), 1e-5)
			if r.Decode == nil {
				return
			}
			var decoded [2][]float32
			for i, provider := range []string{"cpu", Go} {
				session, err := r.Decode.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: provider, Threads: 1})
				require.NoError(t, err)
				defer session.Destroy()
				d, err := NewDecoder(t.Context(), r, session)
				require.NoError(t, err)
				defer d.Close()
				n, _ := product(d.Shape)
				decoded[i] = make([]float32, 3*n)
				require.NoError(t, d.Decode(t.Context(), decoded[i], x))
			}
			requireClose(t, decoded[0], decoded[1], 1e-5)
		})
	}
}

func TestWhatGoCannotComputeIsNamed(t *testing.T) {
	g := onnx.NewGraph("strange")
	x, clock := g.Input("x", onnx.Float32, free, fixed(2)), g.Input("t", onnx.Float32, free)
	g.Output("v", g.Node("Hardmax", g.Node("Add", x, g.Node("Unsqueeze", clock, g.Const("one", onnx.Vector[int64](1)))), onnx.As("odd")), onnx.Float32, free, fixed(2))
	model, err := g.Bytes()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "strange.onnx")
	require.NoError(t, os.WriteFile(file, model, 0o644))
	card, err := ParseCard([]byte(`{"prediction": "velocity", "path": "condot"}`))
	require.NoError(t, err)
	m, err := Open(file, Layer{From: "the test", Card: card})
	require.NoError(t, err)
	r := Resolve(m)
	_, err = r.NewSession(nil, onnx.SessionOptions{Provider: Go})
	require.ErrorContains(t, err, `node "odd" (Hardmax)`)
	require.ErrorContains(t, err, "--provider cpu")
	require.ErrorAs(t, err, new(*graph.ReadError))

	_, err = open(t, "dino").NewSession(nil, onnx.SessionOptions{Provider: Go, ProviderOptions: map[string]string{"a": "b"}})
	require.ErrorContains(t, err, "no options")
}
