package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
)

// The four networks that training is measured on. Parameters and numbers are PyTorch 2.9.1's in float64, printed by
// testdata/torch_reference.py: elements 0, n/3, n/2 and n-1 of the result for two samples, and the root of the mean square.
var references = []struct {
	name, text string
	shape      []int
	parameters int
	want       []float64
}{
	{"mlp2d", "mlp(width=256, depth=4, time=256, block=plain)", []int{2}, 264194,
		[]float64{0.6201546296, -0.007933238279, 0.6987364752, -0.07818154894, 0.4687749239}},
	{"mlp784", "mlp(width=1024, depth=2, time=none, block=plain)", []int{784}, 2657040,
		[]float64{0.4305523206, 0.07111343033, 0.3727093005, 0.1072011445, 0.3939367795}},
	{"unet28", "unet(channels=32, mult=1:2:4, blocks=1, attention=none, groups=8, time=128)", []int{1, 28, 28}, 656961,
		[]float64{0.2088308857, -0.1237617591, 0.2819259384, 0.3010443432, 0.1369779466}},
	{"dit28", "dit(patch=4, width=128, depth=4, heads=4)", []int{1, 28, 28}, 1263888,
		[]float64{0.07972192293, -0.16447666, 2.185218602, 0.9076373179, 1.175030786}},
}

func TestTheBenchmarkNetworksAreThoseOfPyTorch(t *testing.T) {
	for _, r := range references {
		t.Run(r.name, func(t *testing.T) {
			n := build(t, parse(t, r.text, Data{Shape: r.shape}), Data{Shape: r.shape})
			require.Equal(t, r.parameters, n.ParameterCount())

			floats, ints := n.feed(2, scrambled(n.Builder), []float64{0.25, 0.875}, nil)
			y := graph.Evaluate(n.Graph, 2, floats, ints, n.out)[0]
			square := 0.0
			for _, v := range y {
				square += v * v / float64(len(y))
			}
			got := []float64{y[0], y[len(y)/3], y[len(y)/2], y[len(y)-1], math.Sqrt(square)}
			require.InDeltaSlice(t, r.want, got, 1e-8) // ten digits were printed

			// The angles of the time embedding reach 1000, where float32's neighbours are 6e-5 apart: PyTorch's own float32 is up
			// to 2.4e-5 from these numbers (dit28).
			singles := map[*graph.Value][]float32{}
			for v, numbers := range floats {
				for _, x := range numbers {
					singles[v] = append(singles[v], float32(x))
				}
			}
			for i, v := range graph.Evaluate(n.Graph, 2, singles, ints, n.out)[0] {
				require.InDelta(t, y[i], v, 2e-5)
			}
		})
	}
}
