package nn

import (
	"fmt"

	"odeon/graph"
)

// MLP is a network of affine layers for points and other small samples:
//
//	h = cat(x, TimeEmbedding(t)) W + b (+ the label's row)
//	h = h + SiLU(h) W + b               Depth-1 times (without "h +" where Block is plain)
//	u = SiLU(h) W + b
//
// Fields that are zero are chosen from the data. In a text: mlp(width=256, depth=4, time=256, block=residual).
type MLP struct {
	Data  Data
	Width int    // units of a hidden layer (256; 1024 for samples of more than 64 numbers)
	Depth int    // hidden layers (4)
	Time  int    // width of the time embedding, even (Width, at most 256); None: the network is not told the time
	Block string // residual (the default) or plain
}

func (n *MLP) parameters() []parameter {
	return []parameter{
		{name: "width", value: &n.Width, min: 1, max: 1 << 16},
		{name: "depth", value: &n.Depth, min: 1, max: 1000},
		{name: "time", value: &n.Time, min: None, max: 1 << 16},
		{name: "block", value: &n.Block, words: []string{"residual", "plain"}},
	}
}

// String is what ParseNet reads back, every parameter written out.
func (n *MLP) String() string {
	s := *n
	s.settle()
	return write("mlp", s.parameters())
}

// Check tells whether the fields are in range.
func (n *MLP) Check() error {
	s := *n
	s.settle()
	if err := s.Data.Check(); err != nil {
		return err
	}
	if err := check("mlp", s.parameters()); err != nil {
		return err
	}
	if s.Time != None && s.Time%2 != 0 {
		return fmt.Errorf("mlp: time=%d: half of the embedding are cosines and half are sines, so it must be even: time=%d would do",
			s.Time, s.Time+1)
	}
	return nil
}

// Forward adds the network.
func (n *MLP) Forward(b *Builder, in Inputs) *graph.Value {
	s := *n
	s.settle()
	x := b.Flatten(in.State)
	if s.Time != None {
		x = b.Concat(1, x, b.TimeEmbedding(in.Time, s.Time))
	}
	h := b.classify(s.Data, b.Linear("in", x, s.Width), in, Small)
	for i := 1; i < s.Depth; i++ {
		y := b.Linear(fmt.Sprintf("hidden.%d", i), b.SiLU(h), s.Width)
		if s.Block == "residual" {
			y = b.Add(h, y)
		}
		h = y
	}
	out := s.Data.Output()
	y := b.Linear("out", b.SiLU(h), product(out))
	return b.Reshape(y, append([]int{in.State.Shape[0]}, out...)...)
}
