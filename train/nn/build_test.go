package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/onnx"
)

// built is a network in a graph of its own.
type built struct {
	*Builder
	in  Inputs
	out *graph.Value
}

func build(t testing.TB, net Net, d Data) built {
	t.Helper()
	b := NewBuilder(graph.New())
	in := Inputs{
		State: b.Input("x", onnx.Float32, append(graph.Shape{graph.Batch}, d.Shape...)),
		Time:  b.Input("t", onnx.Float32, graph.Shape{graph.Batch}),
	}
	if d.Classes > 0 {
		in.Label = b.Input("label", onnx.Int64, graph.Shape{graph.Batch})
	}
	out := net.Forward(b, in)
	require.Len(t, b.Inits, len(b.Parameters))
	return built{b, in, out}
}

func parse(t testing.TB, text string, d Data) Net {
	t.Helper()
	net, err := ParseNet(text, d)
	require.NoError(t, err)
	return net
}

// feed are values for a built network: weights, and a state of waves.
func (n built) feed(batch int, weights [][]float64, times []float64, labels []int64) (map[*graph.Value][]float64, map[*graph.Value][]int64) {
	floats := map[*graph.Value][]float64{n.in.Time: times}
	for k, p := range n.Parameters {
		floats[p] = weights[k]
	}
	x := make([]float64, n.in.State.Shape.Count(batch))
	for i := range x {
		x[i] = math.Sin(0.37 * float64(i))
	}
	floats[n.in.State] = x
	return floats, map[*graph.Value][]int64{n.in.Label: labels}
}

// scrambled are weights that depend on nothing but their numbers, as in testdata/torch_reference.py.
func scrambled(b *Builder) [][]float64 {
	weights := make([][]float64, len(b.Parameters))
	for k, p := range b.Parameters {
		n := p.Shape.Count(1)
		fan := 12.0
		switch {
		case len(p.Shape) == 2:
			fan = float64(p.Shape[0])
		case len(p.Shape) > 2:
			fan = float64(n / p.Shape[0])
		}
		weights[k] = make([]float64, n)
		for e := range weights[k] {
			h := uint32(e)*2654435761 + uint32(k)*40503 + 1
			h = (h ^ h>>15) * 2246822519
			h ^= h >> 13
			weights[k][e] = (float64(h)/(1<<31) - 1) * math.Sqrt(3/fan)
		}
	}
	return weights
}
