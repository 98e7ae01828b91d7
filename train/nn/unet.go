package nn

import (
	"fmt"
	"slices"

	"odeon/graph"
)

// UNet is a convolutional network for pictures, audio and video (Ronneberger, Fischer and Brox, "U-Net"; with time as in Ho, Jain
// and Abbeel, "Denoising diffusion probabilistic models", appendix B). Level i has Mult[i] Channels channels; each level is Stride
// times smaller than the one before it, sizes rounded up.
//
//	c = SiLU(Linear(SiLU(Linear(TimeEmbedding(t)))) + the label's row)
//	h = Conv(x)
//	down, level by level: h = Downsample(h), except at the first; Blocks ResBlocks of h and c, each followed by attention where
//	  the level's longest side is in Attention; the result is kept
//	up, from the last level but one: h = Conv(Upsample(h)), cat(h, what was kept), Blocks ResBlocks likewise
//	u = Conv(SiLU(GroupNorm(h)))
//
// Convolutions have as many axes as the data have space: one for audio, two for pictures, three for video. With Patch > 1 the
// network works on patches of the data, cut along every axis, as if each were one element with that many more channels.
//
// Fields that are zero are chosen from the data. In a text:
// unet(channels=64, mult=1:2:4, blocks=1, attention=16, heads=4, groups=8, time=256, kernel=3, stride=2, patch=1).
type UNet struct {
	Data      Data
	Channels  int   // even; also the width of the time embedding
	Mult      []int // channels of each level, in multiples of Channels
	Blocks    []int // ResBlocks of each level on either way; one number: of every level (1)
	Attention []int // the sizes at which there is attention (nil: the last level's; empty: nowhere)
	Heads     int   // of attention (4, or what divides the channels)
	Groups    int   // of GroupNorm (8, or what divides the channels)
	Time      int   // width of the condition c (4 Channels)
	Kernel    int   // of convolutions, odd (3; 5 for audio)
	Stride    int   // from level to level (2; 4 for audio)
	Patch     int   // 1 up to 64 along the longest side
}

func (n *UNet) parameters() []parameter {
	return []parameter{
		{name: "channels", value: &n.Channels, min: 1, max: 1 << 12},
		{name: "mult", value: &n.Mult, min: 1, max: 64},
		{name: "blocks", value: &n.Blocks, min: 1, max: 64},
		{name: "attention", value: &n.Attention, min: 1, max: maxElements},
		{name: "heads", value: &n.Heads, min: 1, max: 1 << 12},
		{name: "groups", value: &n.Groups, min: 1, max: 1 << 12},
		{name: "time", value: &n.Time, min: 1, max: 1 << 16},
		{name: "kernel", value: &n.Kernel, min: 1, max: 63},
		{name: "stride", value: &n.Stride, min: 2, max: 16},
		{name: "patch", value: &n.Patch, min: 1, max: 64},
	}
}

// String is what ParseNet reads back, every parameter written out.
func (n *UNet) String() string {
	s := *n
	s.settle()
	return write("unet", s.parameters())
}

// Check tells whether the fields are in range and fit each other and the data.
func (n *UNet) Check() error {
	s := *n
	s.settle()
	if err := s.Data.Check(); err != nil {
		return err
	}
	if a := s.Data.axes(); a.layout == "points" || len(a.space()) == 0 {
		return fmt.Errorf("unet: %s have no neighbours to convolve with; mlp takes them", a.what)
	}
	if err := check("unet", s.parameters()); err != nil {
		return err
	}
	switch {
	case len(s.Mult) == 0:
		return fmt.Errorf("unet: mult=none: expected a number for each level, as in mult=1:2:4")
	case len(s.Blocks) != 1 && len(s.Blocks) != len(s.Mult):
		return fmt.Errorf("unet: blocks has %d numbers, mult has %d: expected one for each level, or one for all",
			len(s.Blocks), len(s.Mult))
	case s.Channels%2 != 0:
		return fmt.Errorf("unet: channels=%d: they are the width of the time embedding too, so they must be even: channels=%d would do",
			s.Channels, s.Channels+1)
	case s.Channels%s.Groups != 0:
		return fmt.Errorf("unet: channels=%d does not divide into groups=%d; groups=%d or channels=%d would do",
			s.Channels, s.Groups, gcd(s.Channels, s.Groups), (s.Channels/s.Groups+1)*s.Groups)
	case s.Kernel%2 == 0:
		return fmt.Errorf("unet: kernel=%d: it must be odd to have a middle; kernel=%d would do", s.Kernel, s.Kernel+1)
	}
	if err := checkPatch("unet", s.Data, s.Patch); err != nil {
		return err
	}
	longest := s.longest()
	for _, size := range s.Attention {
		if !slices.Contains(longest, size) {
			return fmt.Errorf("unet: attention=%d, but the longest sides of its levels are %s", size, list(longest, ", "))
		}
	}
	for i := range s.Mult {
		if c := s.width(i); s.attends(longest[i]) && c%s.Heads != 0 {
			return fmt.Errorf("unet: heads=%d does not divide the %d channels of level %d; heads=%d would", s.Heads, c, i, gcd(s.Heads, c))
		}
	}
	return nil
}

// Forward adds the network.
func (n *UNet) Forward(b *Builder, in Inputs) *graph.Value {
	s := *n
	s.settle()
	longest, last := s.longest(), len(s.Mult)-1
	blocks := func(way string, i int, h, c *graph.Value) *graph.Value {
		for j := range s.Blocks[min(i, len(s.Blocks)-1)] {
			h = b.ResBlock(fmt.Sprintf("%s.%d.block.%d", way, i, j), h, c, s.width(i), s.Kernel, s.Groups)
			if s.attends(longest[i]) {
				h = b.AttentionBlock(fmt.Sprintf("%s.%d.attention.%d", way, i, j), h, s.Heads, s.Groups)
			}
		}
		return h
	}

	x := s.Data.channelsFirst(b, in.State)
	space := x.Shape[2:]
	if s.Patch > 1 {
		x = b.spatial(b.Patches(x, s.Patch), divided(space, s.Patch))
	}
	c := b.SiLU(b.condition(s.Data, in, s.Channels, s.Time))
	h := b.Conv("in", x, s.Channels, s.Kernel, 1)
	var kept []*graph.Value
	for i := range s.Mult {
		if i > 0 {
			h = b.Downsample(fmt.Sprintf("down.%d.shrink", i), h, s.Stride)
		}
		h = blocks("down", i, h, c)
		kept = append(kept, h)
	}
	for i := last - 1; i >= 0; i-- {
		h = b.Upsample(h, s.Stride, kept[i].Shape[2:]...)
		h = b.Conv(fmt.Sprintf("up.%d.grow", i), h, s.width(i), s.Kernel, 1)
		h = blocks("up", i, b.Concat(1, h, kept[i]), c)
	}
	h = b.SiLU(b.GroupNorm("out.norm", h, s.Groups))
	out := s.Data.predictions() * s.Data.channels()
	if s.Patch == 1 {
		h = b.Conv("out.conv", h, out, s.Kernel, 1, Zero)
	} else {
		h = b.Conv("out.conv", h, out*power(s.Patch, len(space)), s.Kernel, 1, Zero)
		h = b.Unpatches(b.tokens(h), s.Patch, out, space...)
	}
	return s.Data.channelsBack(b, h)
}

// width is the number of channels of a level.
func (n *UNet) width(level int) int { return n.Channels * n.Mult[level] }

// sides are the sizes of a level along the axes of space: those of the data over Patch, and then over Stride, rounded up.
func (n *UNet) sides(level int) []int {
	sides := divided(n.Data.space(), n.Patch)
	for range level {
		for i, k := range sides {
			sides[i] = (k + n.Stride - 1) / n.Stride
		}
	}
	return sides
}

// longest is the longest side of each level.
func (n *UNet) longest() []int {
	longest := make([]int, len(n.Mult))
	for i := range longest {
		longest[i] = slices.Max(n.sides(i))
	}
	return longest
}

func (n *UNet) attends(size int) bool { return slices.Contains(n.Attention, size) }

// ResBlock is a residual block of two convolutions on x [batch, channels, space...] that is told c [batch, width]:
//
//	h = Conv(SiLU(GroupNorm(x))) + Linear(c)
//	result = Conv(SiLU(GroupNorm(h))) + x
//
// with out channels; where x has another number, it is brought to it by a convolution of kernel 1. The second convolution
// begins with zeros. (Ho, Jain and Abbeel; He et al., "Identity mappings in deep residual networks".)
func (b *Builder) ResBlock(name string, x, c *graph.Value, out, kernel, groups int) *graph.Value {
	h, bias := b.conv(name+".conv1", b.SiLU(b.GroupNorm(name+".norm1", x, groups)), out, kernel, 1, nil)
	shift := b.Add(b.Linear(name+".condition", c, out), bias) // added to h in one pass
	h = b.Add(h, b.channels(shift, h))
	h = b.Conv(name+".conv2", b.SiLU(b.GroupNorm(name+".norm2", h, groups)), out, kernel, 1, Zero)
	if x.Shape[1] != out {
		x = b.Conv(name+".skip", x, out, 1, 1)
	}
	return b.Add(h, x)
}

// AttentionBlock is x + Attention(GroupNorm(x)) with all places in space as tokens; its last product begins with zeros. (Ho, Jain
// and Abbeel.)
func (b *Builder) AttentionBlock(name string, x *graph.Value, heads, groups int) *graph.Value {
	h := b.tokens(b.GroupNorm(name+".norm", x, groups))
	h = b.Attention(name, h, heads, Torch, Zero)
	return b.Add(x, b.spatial(h, x.Shape[2:]))
}

// tokens is x [batch, channels, space...] as [batch, tokens, channels]; spatial is the way back.
func (b *Builder) tokens(x *graph.Value) *graph.Value {
	return b.Transpose(b.Reshape(x, x.Shape[0], x.Shape[1], product(x.Shape[2:])), 0, 2, 1)
}

func (b *Builder) spatial(x *graph.Value, space []int) *graph.Value {
	return b.Reshape(b.Transpose(x, 0, 2, 1), append([]int{x.Shape[0], x.Shape[2]}, space...)...)
}
