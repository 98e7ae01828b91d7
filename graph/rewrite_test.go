package graph_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/internal/ortest"
	"odeon/onnx"
)

// perturbed are weights a little away from those given, by exactly as much in float32 wherever the size allows.
func perturbed(weights [][]float32) [][]float32 {
	out := make([][]float32, len(weights))
	for i, w := range weights {
		out[i] = make([]float32, len(w))
		for k, x := range w {
			out[i][k] = x * 1.0625
		}
	}
	return out
}

// A file with other weights computes, in ONNX Runtime, what its graph computes with these weights; and it is read back with
// them.
func TestRewriteAgreesWithRuntime(t *testing.T) {
	rt := ortest.Open(t)
	for _, file := range []string{
		"moons-otcfm/model.onnx", "circles-score/score.onnx", "dino/model.onnx", "emnist-latent/flow.onnx", "mnist-vit/model.onnx",
		"mnist-geometric/model.onnx",
	} {
		t.Run(file, func(t *testing.T) {
			model, err := os.ReadFile(filepath.Join("..", "..", "shared", "pretrained", file))
			if err != nil {
				t.Skip("the pretrained networks are not there")
			}
			s := sourceOf(t, model, file)
			g, weights, err := graph.Read(s, nil, 2)
			require.NoError(t, err)
			weights = perturbed(weights)
			out, err := graph.Rewrite(s, g, weights)
			require.NoError(t, err)
			written, err := out.Bytes()
			require.NoError(t, err)
			require.InDelta(t, len(model), len(written), 1e4)

			inputs := fill(g)
			want := interpret(t, g, weights, inputs)
			requireClose(t, runtimeResults(t, rt, written, s.Info(), inputs, want), want, 1e-5)
			_, back, err := graph.Read(sourceOf(t, written, "written"), nil, 2)
			require.NoError(t, err)
			require.Equal(t, weights, back)
		})
	}
}

// half is a model whose weights are float16: one cast to float32, one made of codes.
func half(t *testing.T) []byte {
	g := onnx.NewGraph("half")
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
	numbers := func(t2 onnx.DType, dims []int64, list ...float32) onnx.Literal {
		l, err := onnx.Numbers(t2, list, dims...)
		require.NoError(t, err)
		return l
	}
	w := g.Const("w", numbers(onnx.Float16, []int64{2, 2}, 1, -2, 0.5, 4))
	book := g.Const("book", numbers(onnx.Float16, []int64{3}, -1, 0.25, 2))
	codes := g.Const("codes", onnx.Array([]uint8{0, 2, 1, 1}, 2, 2))
	index := g.Node("Cast", codes, onnx.Int("to", int64(onnx.Int32)))
	v := g.Node("Cast", g.Node("Gather", book, index, onnx.As("v")), onnx.Int("to", int64(onnx.Float32)))
	h := g.Node("Tanh", g.Node("MatMul", x, g.Node("Cast", w, onnx.Int("to", int64(onnx.Float32)))))
	bias := g.Node("Constant", onnx.Tensorial("value", numbers(onnx.Float32, []int64{2}, 3, 4)), onnx.As("bias"))
	g.Output("y", g.Node("Add", g.Node("MatMul", h, v), bias), onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
	model, err := g.Bytes()
	require.NoError(t, err)
	return model
}

func TestRewriteKeepsTypes(t *testing.T) {
	rt := ortest.Open(t)
	s := sourceOf(t, half(t), "half")
	g, weights, err := graph.Read(s, nil, 3)
	require.NoError(t, err)
	var names []string
	for _, p := range g.Parameters {
		names = append(names, p.Name)
	}
	require.ElementsMatch(t, []string{"w", "v", "bias"}, names)
	weights = perturbed(weights)
	out, err := graph.Rewrite(s, g, weights)
	require.NoError(t, err)
	written, err := out.Bytes()
	require.NoError(t, err)
	back := sourceOf(t, written, "written")
	parts, err := back.Parts()
	require.NoError(t, err)
	require.Equal(t, onnx.Float16, parts.Tensors[0].Type)
	inputs := fill(g)
	want := interpret(t, g, weights, inputs)
	requireClose(t, runtimeResults(t, rt, written, s.Info(), inputs, want), want, 1e-6)

	weights[0][0] = 1e6
	_, err = graph.Rewrite(s, g, weights)
	require.ErrorContains(t, err, "float16 holds numbers up to 65504")
}
