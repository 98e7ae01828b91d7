package nn

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
)

var samples = []Data{
	{Shape: []int{2}},
	{Shape: []int{3}, Layout: "points", Classes: 4, Predictions: 2},
	{Shape: []int{100}},
	{Shape: []int{20, 2}, Layout: "points", Predictions: 2},
	{Shape: []int{50, 3}, Layout: "points", Classes: 2},
	{Shape: []int{64}, Layout: "L"},
	{Shape: []int{2048}, Layout: "L", Predictions: 2},
	{Shape: []int{48, 27}, Predictions: 2},
	{Shape: []int{48, 27}, Layout: "L"},
	{Shape: []int{1, 4096}, Layout: "CL", Classes: 3},
	{Shape: []int{2, 999}, Layout: "CL", Predictions: 2},
	{Shape: []int{28, 28}, Layout: "HW", Classes: 10},
	{Shape: []int{9, 5}, Layout: "HW", Predictions: 2},
	{Shape: []int{1, 28, 28}, Layout: "CHW", Classes: 10},
	{Shape: []int{4, 4, 4}, Layout: "CHW"},
	{Shape: []int{3, 1, 1}, Layout: "CHW"},
	{Shape: []int{7, 11, 3}, Layout: "HWC", Predictions: 3},
	{Shape: []int{3, 32, 48}},
	{Shape: []int{5, 3, 12, 9}, Layout: "TCHW", Classes: 2},
	{Shape: []int{4, 8, 8, 3}, Layout: "THWC", Predictions: 2},
}

func TestResultsHaveTheShapeOfTheData(t *testing.T) {
	for _, d := range samples {
		for _, f := range families {
			net, err := ParseNet(f.name, d)
			if err != nil {
				require.Contains(t, err.Error(), "mlp takes them")
				continue
			}
			t.Run(fmt.Sprint(f.name, d.Shape, d.Layout), func(t *testing.T) {
				n := build(t, net, d)
				require.Equal(t, append(graph.Shape{graph.Batch}, d.Output()...), n.out.Shape)
				parts := d.Split(n.Graph, n.out)
				require.Len(t, parts, max(d.Predictions, 1))
				for _, p := range parts {
					require.Equal(t, n.in.State.Shape, p.Shape)
				}
			})
		}
	}
}

func TestNamesOfParametersAreUniqueAndStable(t *testing.T) {
	d := Data{Shape: []int{1, 8, 8}, Classes: 2}
	names := func(text string) []string {
		var list []string
		n := build(t, parse(t, text, d), d)
		for _, p := range n.Parameters {
			list = append(list, p.Name)
		}
		seen := map[string]bool{}
		for _, name := range list {
			require.False(t, seen[name], name)
			seen[name] = true
		}
		return list
	}
	// Files hold these names: they do not change.
	require.Equal(t, []string{
		"in.weight", "in.bias", "label.weight", "hidden.1.weight", "hidden.1.bias", "out.weight", "out.bias",
	}, names("mlp(width=8, depth=2)"))
	require.Equal(t, []string{
		"time.0.weight", "time.0.bias", "time.1.weight", "time.1.bias", "label.weight", "in.weight", "in.bias",
		"down.0.block.0.norm1.weight", "down.0.block.0.norm1.bias", "down.0.block.0.conv1.weight", "down.0.block.0.conv1.bias",
		"down.0.block.0.condition.weight", "down.0.block.0.condition.bias",
		"down.0.block.0.norm2.weight", "down.0.block.0.norm2.bias", "down.0.block.0.conv2.weight", "down.0.block.0.conv2.bias",
		"down.0.attention.0.norm.weight", "down.0.attention.0.norm.bias",
		"down.0.attention.0.q.weight", "down.0.attention.0.q.bias", "down.0.attention.0.k.weight", "down.0.attention.0.k.bias",
		"down.0.attention.0.v.weight", "down.0.attention.0.v.bias", "down.0.attention.0.out.weight", "down.0.attention.0.out.bias",
		"out.norm.weight", "out.norm.bias", "out.conv.weight", "out.conv.bias",
	}, names("unet(channels=8, mult=1, blocks=1)"))
	require.Equal(t, []string{
		"time.0.weight", "time.0.bias", "time.1.weight", "time.1.bias", "label.weight", "in.weight", "in.bias", "positions",
		"block.0.modulation.weight", "block.0.modulation.bias",
		"block.0.attention.q.weight", "block.0.attention.q.bias", "block.0.attention.k.weight", "block.0.attention.k.bias",
		"block.0.attention.v.weight", "block.0.attention.v.bias", "block.0.attention.out.weight", "block.0.attention.out.bias",
		"block.0.mlp.0.weight", "block.0.mlp.0.bias", "block.0.mlp.1.weight", "block.0.mlp.1.bias",
		"out.modulation.weight", "out.modulation.bias", "out.linear.weight", "out.linear.bias",
	}, names("dit(width=8, depth=1)"))
}

// A tiny network of each kind, with every kind of space, odd sizes, classes and two predictions among them.
var tiny = []struct {
	text string
	data Data
}{
	{"mlp(width=6, depth=3, time=4)", Data{Shape: []int{2}, Classes: 3}},
	{"mlp(width=5, depth=2, time=none, block=plain)", Data{Shape: []int{3}, Predictions: 2}},
	{"unet(channels=4, mult=1:2, blocks=1, attention=2, heads=2, groups=2, time=6)", Data{Shape: []int{3, 3}, Layout: "HW", Classes: 2}},
	{"unet(channels=2, mult=1:2, blocks=1:2, attention=none, groups=2, time=4, stride=3)", Data{Shape: []int{1, 7}, Layout: "CL", Predictions: 2}},
	{"unet(channels=2, mult=1:2, blocks=1, groups=1, time=4)", Data{Shape: []int{3, 2, 3, 2}, Layout: "THWC"}},
	{"unet(channels=4, mult=1:1, blocks=1, groups=2, time=4, patch=2)", Data{Shape: []int{4, 6, 1}, Layout: "HWC", Predictions: 2}},
	{"dit(patch=2, width=8, depth=1, heads=2, mlp=2)", Data{Shape: []int{2, 4, 4}, Classes: 2}},
	{"dit(patch=1, width=4, depth=2, heads=1, mlp=1, positions=sincos)", Data{Shape: []int{3, 2}, Predictions: 2}},
}

// The derivative of sum(y^2)/2 by each parameter against (f(w+h) - f(w-h))/2h, whose error is of order h^2 = 1e-8 beside rounding of
// 1e-16/h = 1e-12, relative to values of order 1.
func TestGradientsAreDifferences(t *testing.T) {
	const h, batch = 1e-4, 2
	for _, c := range tiny {
		t.Run(c.text, func(t *testing.T) {
			n := build(t, parse(t, c.text, c.data), c.data)
			axes := make([]int, len(n.out.Shape))
			for i := range axes {
				axes[i] = i
			}
			y := n.Mul(n.Scalar(0.5), n.Sum(n.Mul(n.out, n.out), false, axes...))
			want := append(graph.Gradient(n.Graph, y, n.Parameters...), y)
			weights := scrambled(n.Builder)
			floats, ints := n.feed(batch, weights, []float64{0.3, 0.85}, []int64{1, int64(c.data.Classes)})
			results := graph.Evaluate(n.Graph, batch, floats, ints, want...)
			require.NotZero(t, results[len(results)-1][0])
			value := func() float64 { return graph.Evaluate(n.Graph, batch, floats, ints, y)[0][0] }
			for k, p := range n.Parameters {
				for e := 0; e < len(weights[k]); e += 1 + len(weights[k])/3 { // a few of each
					w := weights[k][e]
					weights[k][e] = w + h
					up := value()
					weights[k][e] = w - h
					down := value()
					weights[k][e] = w
					require.InDelta(t, (up-down)/(2*h), results[k][e], 1e-5*(1+results[len(results)-1][0]), "%s[%d]", p.Name, e)
				}
			}
		})
	}
}

func TestASampleIsTheSameInAnyBatch(t *testing.T) {
	for _, c := range tiny {
		n := build(t, parse(t, c.text, c.data), c.data)
		floats, ints := n.feed(3, scrambled(n.Builder), []float64{0.1, 0.5, 0.9}, []int64{0, 1, int64(c.data.Classes)})
		all := graph.Evaluate(n.Graph, 3, floats, ints, n.out)[0]
		size := len(floats[n.in.State]) / 3
		floats[n.in.State] = floats[n.in.State][2*size:]
		floats[n.in.Time] = floats[n.in.Time][2:]
		ints[n.in.Label] = ints[n.in.Label][2:]
		last := graph.Evaluate(n.Graph, 1, floats, ints, n.out)[0]
		require.InDeltaSlice(t, all[2*len(last):], last, 1e-12, c.text) // sums may be taken in another order
	}
}

func TestEveryLabelHasARowAndNullTheLast(t *testing.T) {
	d := Data{Shape: []int{2, 2}, Layout: "HW", Classes: 3}
	for _, text := range []string{"mlp(width=8, depth=2)", "unet(channels=8, mult=1, blocks=1, groups=2)", "dit(width=8, depth=1, patch=1)"} {
		n := build(t, parse(t, text, d), d)
		weights := scrambled(n.Builder)
		for k, p := range n.Parameters {
			if p.Name == "label.weight" {
				require.Equal(t, 4, p.Shape[0])
				width := p.Shape[1]
				clear(weights[k][width*3:]) // the null row
				copy(weights[k], weights[k][width:2*width])
			}
		}
		result := func(label int64) []float64 {
			floats, ints := n.feed(1, weights, []float64{0.5}, []int64{label})
			return graph.Evaluate(n.Graph, 1, floats, ints, n.out)[0]
		}
		require.Equal(t, result(0), result(1), text) // rows made equal
		require.NotEqual(t, result(0), result(2), text)
		require.NotEqual(t, result(0), result(3), text)
		require.Panics(t, func() { parse(t, text, d).Forward(NewBuilder(graph.New()), Inputs{State: n.in.State, Time: n.in.Time}) })
	}
}
