package nn

import "slices"

// What suits the data. Sizes are for a processor of a few cores and hours, not days; a graphics card bears more.

const (
	smallSample  = 64   // numbers of a sample for which a wide MLP is a waste
	longSequence = 1024 // elements of a sequence beyond which it is a signal rather than a text
	fewTokens    = 256  // that a transformer is given
	manyTokens   = 1024 // beyond which attention, whose cost grows with their square, is left out of a U-Net
)

// choose is the family that suits the data.
func choose(d Data) string {
	a := d.axes()
	switch {
	case len(a.space()) == 0, a.layout == "points" && product(d.Shape) <= smallSample:
		return "mlp"
	case a.layout == "points", a.what == "sequences" && d.space()[0] <= longSequence:
		return "dit"
	}
	return "unet"
}

func (n *MLP) settle() {
	if n.Data.Check() != nil {
		return
	}
	width := 256
	if product(n.Data.Shape) > smallSample {
		width = 1024
	}
	set(&n.Width, width)
	set(&n.Depth, 4)
	set(&n.Time, max(2, min(n.Width, 256)/2*2))
	if n.Block == "" {
		n.Block = "residual"
	}
}

// unetSize is what pictures and video up to a longest side take, after patches are cut.
type unetSize struct {
	side, channels int
	mult           []int
}

var unetSizes = []unetSize{
	{8, 64, []int{1, 2}},
	{32, 32, []int{1, 2, 4}},
	{64, 64, []int{1, 2, 4}},
	{maxElements, 64, []int{1, 2, 4, 4}},
}

func (n *UNet) settle() {
	if n.Data.Check() != nil || len(n.Data.space()) == 0 {
		return
	}
	space := n.Data.space()
	audio := len(space) == 1
	for _, patch := range []int{4, 2} {
		if slices.Max(space) > 32*patch && divides(patch, space) && !audio {
			set(&n.Patch, patch)
		}
	}
	set(&n.Patch, 1)
	if audio {
		set(&n.Kernel, 5)
		set(&n.Stride, 4)
	}
	set(&n.Kernel, 3)
	set(&n.Stride, 2)

	side := slices.Max(divided(space, n.Patch))
	size := unetSizes[slices.IndexFunc(unetSizes, func(s unetSize) bool { return side <= s.side })]
	if audio {
		size = unetSize{channels: 32, mult: []int{1}}
		for ; side > fewTokens && len(size.mult) < 6; side /= n.Stride {
			size.mult = append(size.mult, min(2*size.mult[len(size.mult)-1], 4))
		}
	}
	set(&n.Channels, size.channels)
	if n.Mult == nil {
		n.Mult = size.mult
	}
	last := len(n.Mult) - 1
	if n.Blocks == nil && last >= 0 { // the last level's are the cheapest
		n.Blocks = append(slices.Repeat([]int{1}, last), 2)
	}
	if n.Attention == nil {
		n.Attention = []int{}
		if last >= 0 && product(n.sides(last)) <= manyTokens {
			n.Attention = []int{slices.Max(n.sides(last))}
		}
	}
	set(&n.Heads, gcd(n.Channels, 4))
	set(&n.Groups, gcd(n.Channels, 8))
	set(&n.Time, 4*n.Channels)
}

func (n *DiT) settle() {
	if n.Data.Check() != nil || len(n.Data.space()) == 0 {
		return
	}
	space := n.Data.space()
	patch := 1
	for p := 1; p <= 64 && n.Data.axes().layout != "points"; p++ {
		if divides(p, space) && product(divided(space, patch)) > fewTokens {
			patch = p
		}
	}
	set(&n.Patch, patch)
	set(&n.Width, 128)
	set(&n.Depth, 6)
	if n.Width%32 == 0 {
		set(&n.Heads, n.Width/32)
	}
	set(&n.Heads, gcd(n.Width, 4))
	set(&n.MLP, 4)
	if n.Positions == "" {
		n.Positions = "learned"
	}
}

// set gives a field that is zero a value.
func set(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}
