package graph_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/internal/ortest"
	"odeon/models"
	"odeon/onnx"
)

// sourceOf opens a model in memory.
func sourceOf(t testing.TB, model []byte, name string) *onnx.Source {
	t.Helper()
	s, err := onnx.SourceBytes(model, name)
	require.NoError(t, err)
	return s
}

// fill makes inputs of a graph: normals, times t from 0 to 1, and whole numbers from 0 to 9.
func fill(g *graph.Graph) []*graph.Array {
	rng := rand.New(rand.NewPCG(1, 2))
	var arrays []*graph.Array
	for _, v := range g.Inputs {
		a := graph.NewArray(v, 1)
		for i := range a.Floats {
			a.Floats[i] = float32(rng.NormFloat64())
			if v.Name == "t" {
				a.Floats[i] = rng.Float32()
			}
		}
		for i := range a.Ints {
			a.Ints[i] = rng.Int64N(10)
			if v.Type == onnx.Bool {
				a.Ints[i] %= 2
			}
		}
		arrays = append(arrays, a)
	}
	return arrays
}

// interpret runs a graph with its weights.
func interpret(t testing.TB, g *graph.Graph, weights [][]float32, inputs []*graph.Array) []*graph.Array {
	t.Helper()
	e, err := graph.Interpret(g, 1)
	require.NoError(t, err)
	defer e.Close()
	inputs = slices.Clone(inputs)
	for i, v := range g.Parameters {
		inputs = append(inputs, &graph.Array{Shape: v.Shape, Floats: weights[i]})
	}
	var outputs []*graph.Array
	for _, o := range g.Outputs {
		outputs = append(outputs, graph.NewArray(o.Value, 1))
	}
	require.NoError(t, e.Run(t.Context(), outputs, inputs))
	return outputs
}

// runtimeResults are ONNX Runtime's outputs for the same model.
func runtimeResults(t testing.TB, rt *onnx.Runtime, model []byte, info *onnx.Info, inputs, like []*graph.Array) []*graph.Array {
	t.Helper()
	names := func(list []onnx.Value) (out []string) {
		for _, v := range list {
			out = append(out, v.Name)
		}
		return out
	}
	s, err := rt.NewSessionBytes(info.File, model, names(info.Inputs), names(info.Outputs), onnx.SessionOptions{Provider: "cpu"})
	require.NoError(t, err)
	defer s.Destroy()
	call, err := s.NewCall(t.Context())
	require.NoError(t, err)
	defer call.Destroy()
	var ins, outs []*onnx.Tensor
	for i, a := range inputs {
		ins = append(ins, tensorOf(t, a, info.Inputs[i].Type))
	}
	results := make([]*graph.Array, len(like))
	read := make([]func(), len(like))
	for i, a := range like {
		b := &graph.Array{Shape: a.Shape, Floats: slices.Clone(a.Floats), Ints: slices.Clone(a.Ints)}
		results[i] = b
		if info.Outputs[i].Type == onnx.Bool {
			truths := make([]bool, len(a.Ints))
			tensor, err := onnx.NewTensor(sizes(a.Shape), truths)
			require.NoError(t, err)
			outs = append(outs, tensor)
			read[i] = func() {
				for k, v := range truths {
					b.Ints[k] = 0
					if v {
						b.Ints[k] = 1
					}
				}
			}
			continue
		}
		outs = append(outs, tensorOf(t, b, info.Outputs[i].Type))
	}
	require.NoError(t, call.Run(ins, outs))
	for _, f := range read {
		if f != nil {
			f()
		}
	}
	for _, tensor := range slices.Concat(ins, outs) {
		tensor.Destroy()
	}
	return results
}

func sizes(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, n := range shape {
		out[i] = int64(n)
	}
	return out
}

func tensorOf(t testing.TB, a *graph.Array, dtype onnx.DType) (tensor *onnx.Tensor) {
	t.Helper()
	var err error
	switch dtype {
	case onnx.Float32:
		tensor, err = onnx.NewTensor(sizes(a.Shape), a.Floats)
	case onnx.Int64:
		tensor, err = onnx.NewTensor(sizes(a.Shape), a.Ints)
	case onnx.Bool:
		truths := make([]bool, len(a.Ints))
		for i, v := range a.Ints {
			truths[i] = v != 0
		}
		tensor, err = onnx.NewTensor(sizes(a.Shape), truths)
	default:
		t.Fatalf("an array of type %v", dtype)
	}
	require.NoError(t, err)
	return tensor
}

// requireClose compares results, relative to the largest of those wanted.
func requireClose(t testing.TB, want, got []*graph.Array, tolerance float64) {
	t.Helper()
	for k := range want {
		require.Equal(t, want[k].Ints, got[k].Ints)
		scale, worst := 0., 0.
		for i, x := range want[k].Floats {
			y := got[k].Floats[i]
			if x == y || x != x && y != y {
				continue
			}
			scale = max(scale, math.Abs(float64(x)))
			if d := math.Abs(float64(x) - float64(y)); !(d <= worst) {
				worst = d
			}
		}
		require.LessOrEqual(t, worst, tolerance*max(scale, 1e-30), "output %d, of scale %g", k, scale)
	}
}

// Networks that other people trained, and how many parameters they have.
func TestReadPretrainedAgreesWithRuntime(t *testing.T) {
	rt := ortest.Open(t)
	for _, m := range []struct {
		file       string
		parameters int
	}{
		{"moons-otcfm/model.onnx", 8706},
		{"circles-score/score.onnx", 12866},
		{"dino/model.onnx", 4546},
		{"emnist-latent/flow.onnx", 23096},
		{"emnist-latent/decoder.onnx", 110801},
		{"mnist-vit/model.onnx", 208705},
		{"mnist-geometric/model.onnx", 291217},
	} {
		t.Run(m.file, func(t *testing.T) {
			model, err := os.ReadFile(filepath.Join("..", "..", "shared", "pretrained", m.file))
			if err != nil {
				t.Skip("the pretrained networks are not there")
			}
			s := sourceOf(t, model, m.file)
			g, weights, err := graph.Read(s, nil, 3)
			require.NoError(t, err)
			inputs := fill(g)
			got := interpret(t, g, weights, inputs)
			requireClose(t, runtimeResults(t, rt, model, s.Info(), inputs, got), got, 1e-5)
			n := 0
			for _, w := range weights {
				n += len(w)
			}
			require.Equal(t, m.parameters, n)
		})
	}
}

func TestReadEmbeddedAgreesWithRuntime(t *testing.T) {
	rt := ortest.Open(t)
	for _, m := range models.Embedded() {
		t.Run(m.Name, func(t *testing.T) {
			s := sourceOf(t, m.ONNX, m.Name)
			g, weights, err := graph.Read(s, nil, 5)
			require.NoError(t, err)
			inputs := fill(g)
			got := interpret(t, g, weights, inputs)
			requireClose(t, runtimeResults(t, rt, m.ONNX, s.Info(), inputs, got), got, 1e-5)
		})
	}
}
