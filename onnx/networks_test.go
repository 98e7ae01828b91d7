package onnx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The published networks, and the sizes of their inputs for two samples.
var networks = []struct {
	file   string
	output string
	inputs []networkInput
	result []int64
}{
	{"anime64/model.onnx", "eps", []networkInput{{"image_input", Float32, []int64{2, 64, 64, 3}}, {"time_input", Int64, []int64{2}}}, []int64{2, 64, 64, 3}},
	{"circles-score/score.onnx", "output", []networkInput{{"x", Float32, []int64{2, 2}}, {"t", Float32, []int64{2, 1}}}, []int64{2, 2}},
	{"dino/model.onnx", "eps", []networkInput{{"x", Float32, []int64{2, 2}}, {"t", Float32, []int64{2, 1}}}, []int64{2, 2}},
	{"emnist-latent/decoder.onnx", "image", []networkInput{{"z", Float32, []int64{2, 1, 7, 7}}}, []int64{2, 1, 28, 28}},
	{"emnist-latent/flow.onnx", "v", []networkInput{{"xt", Float32, []int64{2, 1, 7, 7}}, {"t", Float32, []int64{2, 1, 1, 1}}, {"y", Float32, []int64{2, 47}}}, []int64{2, 1, 7, 7}},
	{"mnist-geometric/model.onnx", "eps", []networkInput{{"x", Float32, []int64{2, 1, 28, 28}}, {"t", Float32, []int64{2}}}, []int64{2, 1, 28, 28}},
	{"mnist-vit/model.onnx", "x1_pred", []networkInput{{"x", Float32, []int64{2, 1, 28, 28}}, {"t", Float32, []int64{2, 1, 1, 1}}, {"y", Int64, []int64{2}}}, []int64{2, 1, 28, 28}},
	{"moons-otcfm/model.onnx", "v", []networkInput{{"x", Float32, []int64{2, 2}}, {"t", Float32, []int64{2, 1}}}, []int64{2, 2}},
}

type networkInput struct {
	name  string
	dtype DType
	shape []int64
}

// published is the path of a published network.
func published(t testing.TB, file string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "pretrained", filepath.FromSlash(file))
	if _, err := os.Stat(path); err != nil {
		t.Skip("the published networks are not in ../shared")
	}
	return path
}

func opened(t testing.TB, path string) *Source {
	t.Helper()
	s, err := OpenSource(path)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// feed makes tensors of some numbers for the inputs, the same each time.
func feed(t testing.TB, inputs []networkInput) []*Tensor {
	r := rand.New(rand.NewPCG(1, 2))
	var list []*Tensor
	for _, in := range inputs {
		if in.dtype == Int64 {
			data := make([]int64, product(in.shape))
			for i := range data {
				data[i] = r.Int64N(10)
			}
			list = append(list, tensor(t, in.shape, data))
			continue
		}
		data := make([]float32, product(in.shape))
		for i := range data {
			data[i] = float32(r.NormFloat64())
		}
		list = append(list, tensor(t, in.shape, data))
	}
	return list
}

// computed runs a model in a file or, without a path, in bytes on those numbers.
func computed(t testing.TB, path string, model []byte, inputs []networkInput, output string, result []int64) []float32 {
	t.Helper()
	r := openRuntime(t)
	var names []string
	for _, in := range inputs {
		names = append(names, in.name)
	}
	var s *Session
	var err error
	if path != "" {
		s, err = r.NewSession(path, names, []string{output}, SessionOptions{Provider: "cpu", Threads: 1})
	} else {
		s, err = r.NewSessionBytes("rewritten", model, names, []string{output}, SessionOptions{Provider: "cpu", Threads: 1})
	}
	require.NoError(t, err)
	defer s.Destroy()
	out := make([]float32, product(result))
	require.NoError(t, call(t, t.Context(), s).Run(feed(t, inputs), []*Tensor{tensor(t, result, out)}))
	return out
}

// free is a shape with its first size left open.
func free(shape []int64) []Dim {
	dims := []Dim{Free("n")}
	for _, d := range shape[1:] {
		dims = append(dims, Fixed(d))
	}
	return dims
}

func TestAModelThatIsExtendedByNothingStaysAsItIs(t *testing.T) {
	for _, n := range networks {
		path := published(t, n.file)
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := Extend(opened(t, path)).Bytes()
		require.NoError(t, err, n.file)
		require.True(t, bytes.Equal(want, got), n.file)
	}
}

func TestExtendedNetworksComputeWhatTheyDid(t *testing.T) {
	for _, n := range networks {
		path := published(t, n.file)
		want := computed(t, path, nil, n.inputs, n.output, n.result)
		g := Extend(opened(t, path))
		inner := g.Rename(n.output, g.Unused("inner_"+n.output))
		g.DropOutput(string(inner))
		// A new node behind, under the output's name, and one before, that the first input goes through.
		g.Output(n.output, g.Node("Identity", inner, As(n.output)), Float32, free(n.result)...)
		x, ok := g.Value(n.inputs[0].name)
		require.True(t, ok)
		g.Feed(n.inputs[0].name, g.Node("Neg", g.Node("Neg", x)))
		file := filepath.Join(t.TempDir(), "extended.onnx")
		require.NoError(t, g.WriteFile(file, WriteOptions{}), n.file)
		require.Equal(t, want, computed(t, file, nil, n.inputs, n.output, n.result), n.file)
	}
}

func TestEmbeddedNetworksComputeWhatTheyDid(t *testing.T) {
	for _, n := range networks {
		path := published(t, n.file)
		want := computed(t, path, nil, n.inputs, n.output, n.result)
		s := opened(t, path)

		plain := NewGraph("plain")
		feeds := map[string]Ref{}
		for _, in := range n.inputs {
			feeds[in.name] = plain.Input(in.name, in.dtype, free(in.shape)...)
		}
		outputs, err := plain.Embed(s, "net.", feeds)
		require.NoError(t, err)
		plain.Output("out_y", outputs[n.output], Float32, free(n.result)...)
		require.Equal(t, want, computed(t, "", built(t, plain), n.inputs, "out_y", n.result), n.file)

		// A loop that goes round twice.
		single := NewGraph("loop")
		single.Output("out_y", looped(t, single, n.inputs, n.result, func(body *Graph, feeds map[string]Ref) Ref {
			outputs, err := body.Embed(s, "net.", feeds)
			require.NoError(t, err)
			return outputs[n.output]
		}), Float32, free(n.result)...)
		require.Equal(t, want, computed(t, "", built(t, single), n.inputs, "out_y", n.result), n.file)

		// An If within it whose branches both hold the network: three copies, one set of weights.
		several := NewGraph("loop")
		several.Output("out_y", looped(t, several, n.inputs, n.result, func(body *Graph, feeds map[string]Ref) Ref {
			_, err := body.Embed(s, "first.", feeds)
			require.NoError(t, err)
			then, other := body.Subgraph("then"), body.Subgraph("else")
			for k, g := range []*Graph{then, other} {
				outputs, err := g.Embed(s, fmt.Sprintf("branch%d.", k), feeds)
				require.NoError(t, err)
				g.Output(fmt.Sprintf("result%d", k), outputs[n.output], Float32, free(n.result)...)
			}
			return body.Node("If", Ref("on"), Body("then_branch", then), Body("else_branch", other))
		}), Float32, free(n.result)...)
		model := built(t, several)
		require.Less(t, float64(len(model)), float64(s.Info().Size)+2.5*sizeOfNodes(s)+float64(4*product(n.result)), n.file)
		// ONNX Runtime fuses less where weights come from outside, and rounds otherwise.
		require.InDeltaSlice(t, want, computed(t, "", model, n.inputs, "out_y", n.result), 1e-4, n.file)
	}
}

// looped is the value that a loop's body computes in the second of two rounds.
func looped(t *testing.T, g *Graph, inputs []networkInput, result []int64, compute func(body *Graph, feeds map[string]Ref) Ref) Ref {
	feeds := map[string]Ref{}
	for _, in := range inputs {
		feeds[in.name] = g.Input(in.name, in.dtype, free(in.shape)...)
	}
	body := g.Subgraph("body")
	body.Input("i", Int64)
	body.Input("on", Bool)
	body.Input("before", Float32, free(result)...)
	after := compute(body, feeds)
	body.Output("still_on", Ref("on"), Bool)
	body.Output("after", after, Float32, free(result)...)
	start := g.Const("start", Array(make([]float32, product(result)), result...))
	return g.Node("Loop", g.Const("", Scalar[int64](2)), g.Const("", Scalar(true)), start, Body("body", body))
}

// sizeOfNodes is how much of the file the nodes take, with room for longer names.
func sizeOfNodes(s *Source) float64 {
	var sum int64
	for _, n := range s.graph.nodes {
		sum += n.end - n.begin + int64(16*(2+len(n.inputs)+len(n.outputs)))
	}
	return float64(sum)
}

func TestALargeModelIsRewrittenWithoutBeingHeld(t *testing.T) {
	path := published(t, "anime64/model.onnx")
	file := filepath.Join(t.TempDir(), "extended.onnx")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := opened(t, path)
	g := Extend(s)
	g.Output("twice", g.Node("Add", Ref("eps"), Ref("eps")), Float32, free([]int64{1, 64, 64, 3})...)
	require.NoError(t, g.WriteFile(file, WriteOptions{}))
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20))
}
