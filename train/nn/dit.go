package nn

import (
	"fmt"
	"slices"

	"odeon/graph"
)

// DiT is a transformer on patches of pictures, video, sequences or clouds of points (Peebles and Xie, "Scalable diffusion models
// with transformers"):
//
//	c = SiLU(Linear(SiLU(Linear(TimeEmbedding(t)))) + the label's row)
//	h = Linear(Patches(x)) + positions
//	h = TransformerBlock(h, c)                               Depth times
//	u = Unpatches(Linear(Modulate(Normalize(h), scale, shift of c)))
//
// Fields that are zero are chosen from the data. In a text:
// dit(patch=2, width=128, depth=6, heads=4, mlp=4, positions=learned).
type DiT struct {
	Data      Data
	Patch     int    // side of a patch (the least with which there are at most 256 tokens)
	Width     int    // features of a token, even (128)
	Depth     int    // blocks (6)
	Heads     int    // of attention (32 features each)
	MLP       int    // hidden units of a block's two layers, in multiples of Width (4)
	Positions string // learned (the default), or sincos: fixed
}

func (n *DiT) parameters() []parameter {
	return []parameter{
		{name: "patch", value: &n.Patch, min: 1, max: 1 << 16},
		{name: "width", value: &n.Width, min: 1, max: 1 << 14},
		{name: "depth", value: &n.Depth, min: 1, max: 1000},
		{name: "heads", value: &n.Heads, min: 1, max: 1 << 12},
		{name: "mlp", value: &n.MLP, min: 1, max: 64},
		{name: "positions", value: &n.Positions, words: []string{"learned", "sincos"}},
	}
}

// String is what ParseNet reads back, every parameter written out.
func (n *DiT) String() string {
	s := *n
	s.settle()
	return write("dit", s.parameters())
}

// Check tells whether the fields are in range and fit each other and the data.
func (n *DiT) Check() error {
	s := *n
	s.settle()
	if err := s.Data.Check(); err != nil {
		return err
	}
	space := s.Data.space()
	if len(space) == 0 {
		return fmt.Errorf("dit: %s are one token each; mlp takes them", s.Data.axes().what)
	}
	if err := check("dit", s.parameters()); err != nil {
		return err
	}
	if err := checkPatch("dit", s.Data, s.Patch); err != nil {
		return err
	}
	unit := 2
	if s.Positions == "sincos" {
		unit = 2 * len(space)
	}
	switch {
	case s.Width%unit != 0:
		return fmt.Errorf("dit: width=%d must be a multiple of %d, for sines and cosines; width=%d would do",
			s.Width, unit, (s.Width/unit+1)*unit)
	case s.Width%s.Heads != 0:
		return fmt.Errorf("dit: width=%d does not divide by heads=%d; heads=%d or width=%d would do",
			s.Width, s.Heads, gcd(s.Width, s.Heads), (s.Width/s.Heads+1)*s.Heads)
	}
	return nil
}

// Forward adds the network.
func (n *DiT) Forward(b *Builder, in Inputs) *graph.Value {
	s := *n
	s.settle()
	x := s.Data.channelsFirst(b, in.State)
	space := slices.Clone(x.Shape[2:])
	c := b.SiLU(b.condition(s.Data, in, s.Width, s.Width, Small))

	h := b.Linear("in", b.Patches(x, s.Patch), s.Width, Xavier)
	if s.Positions == "sincos" {
		h = b.Add(h, b.SinCos(divided(space, s.Patch), s.Width))
	} else {
		h = b.Add(h, b.Parameter("positions", Small(0, 0), 1, h.Shape[1], s.Width))
	}
	for i := range s.Depth {
		h = b.TransformerBlock(fmt.Sprintf("block.%d", i), h, c, s.Heads, s.MLP*s.Width)
	}
	m := b.Modulation("out.modulation", c, s.Width, 2)
	h = b.Modulate(b.Normalize(h, 1e-6), m[0], m[1])

	out := s.Data.predictions() * s.Data.channels()
	h = b.Linear("out.linear", h, out*power(s.Patch, len(space)), Zero)
	return s.Data.channelsBack(b, b.Unpatches(h, s.Patch, out, space...))
}

// TransformerBlock is attention and two layers on tokens x [batch, tokens, width], each on normalized tokens that the condition c
// [batch, width] scales, shifts and gates (adaLN-zero: Peebles and Xie, figure 3):
//
//	x = x + gate1 Attention(Modulate(Normalize(x), scale1, shift1))
//	x = x + gate2 Linear(GELUTanh(Linear(Modulate(Normalize(x), scale2, shift2))))
//
// The gates begin with zeros, so that the block begins as the identity.
func (b *Builder) TransformerBlock(name string, x, c *graph.Value, heads, hidden int) *graph.Value {
	width := x.Shape[2]
	m := b.Modulation(name+".modulation", c, width, 6)
	h := b.Modulate(b.Normalize(x, 1e-6), m[0], m[1])
	x = b.Add(x, b.Mul(b.Attention(name+".attention", h, heads, Xavier, Xavier), m[2]))
	h = b.Modulate(b.Normalize(x, 1e-6), m[3], m[4])
	h = b.Linear(name+".mlp.0", h, hidden, Xavier)
	h = b.Linear(name+".mlp.1", b.GELUTanh(h), width, Xavier)
	return b.Add(x, b.Mul(h, m[5]))
}
