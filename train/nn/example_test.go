package nn_test

import (
	"fmt"

	"odeon/graph"
	"odeon/onnx"
	"odeon/train/nn"
)

// Mixer is MLP-Mixer (Tolstikhin et al., "MLP-Mixer: an all-MLP architecture for vision", section 2), told the time, for
// pictures of 1x28x28.
type Mixer struct{ Width, Depth int }

func (m Mixer) String() string { return fmt.Sprintf("mixer(width=%d, depth=%d)", m.Width, m.Depth) }

func (m Mixer) Forward(b *nn.Builder, in nn.Inputs) *graph.Value {
	mlp := func(name string, u *graph.Value) *graph.Value {
		features := u.Shape[2]
		return b.Linear(name+".1", b.GELU(b.Linear(name+".0", u, 2*features)), features, nn.Zero)
	}
	turn := func(u *graph.Value) *graph.Value { return b.Transpose(u, 0, 2, 1) }

	x := b.Linear("in", b.Patches(in.State, 4), m.Width) // [batch, 49, width]
	t := b.Linear("time", b.TimeEmbedding(in.Time, m.Width), m.Width)
	x = b.Add(x, b.Reshape(t, graph.Batch, 1, m.Width))
	for i := range m.Depth {
		name := fmt.Sprintf("block.%d.", i)
		x = b.Add(x, turn(mlp(name+"tokens", turn(b.LayerNorm(name+"norm1", x)))))
		x = b.Add(x, mlp(name+"channels", b.LayerNorm(name+"norm2", x)))
	}
	x = b.Linear("out", b.LayerNorm("norm", x), 16)
	return b.Unpatches(x, 4, 1, 28, 28)
}

// A network of one's own is a type with two methods; it trains like the others.
func Example() {
	b := nn.NewBuilder(graph.New())
	in := nn.Inputs{
		State: b.Input("x", onnx.Float32, graph.Shape{graph.Batch, 1, 28, 28}),
		Time:  b.Input("t", onnx.Float32, graph.Shape{graph.Batch}),
	}
	net := Mixer{Width: 64, Depth: 2}
	b.Output("velocity", net.Forward(b, in))
	weights := nn.Initialize(b, 1)

	fmt.Println(net, b.Outputs[0].Value.Shape)
	fmt.Println(b.ParameterCount(), "numbers in", len(weights), "parameters")
	fmt.Println(b.Parameters[0].Name, b.Parameters[0].Shape, weights[0][:2])
	// Output:
	// mixer(width=64, depth=2) [batch, 1, 28, 28]
	// 59582 numbers in 32 parameters
	// in.weight [16, 64] [0.04492668 0.11672841]
}

func ExampleParseNet() {
	digits := nn.Data{Shape: []int{1, 28, 28}, Classes: 10}
	for _, text := range []string{"", "unet(channels=64, mult=1:2)", "dit(patch=4)", "unet(mult=1:2, attention=16)"} {
		net, err := nn.ParseNet(text, digits)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(net)
	}
	// Output:
	// unet(channels=32, mult=1:2:4, blocks=1:1:2, attention=7, heads=4, groups=8, time=128, kernel=3, stride=2, patch=1)
	// unet(channels=64, mult=1:2, blocks=1:2, attention=14, heads=4, groups=8, time=256, kernel=3, stride=2, patch=1)
	// dit(patch=4, width=128, depth=6, heads=4, mlp=4, positions=learned)
	// unet: attention=16, but the longest sides of its levels are 28, 14
}
