package torchrand

import "math"

// A normal is made of two uniform numbers u and v by the transform of Box and Muller (1958),
//
//	sqrt(-2 ln(1-u)) cos(2 pi v),  sqrt(-2 ln(1-u)) sin(2 pi v)
//
// and PyTorch has three ways to write a tensor with it (normal_kernel in ATen/native/cpu/DistributionTemplates.h):
//
//   - fewer than 16 numbers, of every type: in float64, a pair after the other. A sine that is left over is kept for the
//     generator's next such tensor.
//   - 16 numbers or more: a uniform number for each element is drawn first; then, in each block of 16, the first eight are
//     the u and the last eight the v, and become the cosines and the sines. Elements that make no whole block are never
//     transformed: 16 more are drawn at the end, and replace the tensor's last 16.
//   - 16 numbers or more in float16 or bfloat16: blocks in float32, rounded. Elements that make no whole block draw nothing
//     at first. (PyTorch 2.15 does so. In version 2.9 these types had uniform numbers of as few bits as they have themselves.)

// block is the number of elements that are transformed together, and the size from which on they are.
const block = 16

// spare is a pair's second normal, until it is asked for.
type spare struct {
	value float64
	kept  bool
}

// Randn is torch.randn: standard normals.
func (g *Generator) Randn(dst []float32) {
	if len(dst) < block {
		for i := range dst {
			dst[i] = float32(g.scalar())
		}
		return
	}
	g.words.blocks(dst)
	if len(dst)%block != 0 {
		for range len(dst) % block {
			g.words.word() // the uniform numbers of a block that never was
		}
		g.words.blocks(dst[len(dst)-block:])
	}
}

// Randn64 is torch.randn in float64.
func (g *Generator) Randn64(dst []float64) {
	if len(dst) < block {
		for i := range dst {
			dst[i] = g.scalar()
		}
		return
	}
	g.words.blocks64(dst)
	if len(dst)%block != 0 {
		for range len(dst) % block {
			g.words.double()
		}
		g.words.blocks64(dst[len(dst)-block:])
	}
}

// RandnFloat16 is torch.randn in float16, as float32 numbers that float16 holds.
func (g *Generator) RandnFloat16(dst []float32) { g.reduced(dst, 10, -14) }

// RandnBFloat16 is torch.randn in bfloat16, as float32 numbers that bfloat16 holds. PyTorch treats it as float16; from 16
// numbers on that was checked with float16 alone.
func (g *Generator) RandnBFloat16(dst []float32) { g.reduced(dst, 7, -126) }

// reduced is randn in a type with so many bits of fraction, and a smallest exponent of its normal numbers.
func (g *Generator) reduced(dst []float32, fraction, smallest int) {
	if len(dst) < block {
		g.Randn(dst)
	} else {
		g.words.blocks(dst)
		if len(dst)%block != 0 {
			g.words.blocks(dst[len(dst)-block:])
		}
	}
	for i, x := range dst {
		exponent := max(math.Ilogb(float64(x)), smallest)
		unit := math.Ldexp(1, exponent-fraction)
		dst[i] = float32(math.RoundToEven(float64(x)/unit) * unit)
	}
}

// scalar is the next normal in float64.
func (g *Generator) scalar() float64 {
	if g.spare.kept {
		g.spare.kept = false
		return g.spare.value
	}
	cos, sin := g.words.pair()
	g.spare = spare{sin, true}
	return cos
}

// pair makes two normals of the next four words. Here v comes first.
func (m *mersenne) pair() (cos, sin float64) {
	v, u := m.uniform64(), m.uniform64()
	radius := math.Sqrt(-2 * math.Log1p(-u))
	sin, cos = math.Sincos(2 * math.Pi * v)
	return radius * cos, radius * sin
}

// blocks fills the whole blocks of dst.
func (m *mersenne) blocks(dst []float32) {
	for ; len(dst) >= block; dst = dst[block:] {
		m.block((*[block]float32)(dst))
	}
}

// block makes 16 normals of the next 16 words. Each product is rounded to float32, that with 2 pi too.
func (m *mersenne) block(dst *[block]float32) {
	for i := range dst {
		dst[i] = m.uniform32()
	}
	for i := range block / 2 {
		radius := float32(math.Sqrt(float64(-2 * logarithm(1-dst[i]))))
		sin, cos := sineCosine(float32(2*math.Pi) * dst[i+block/2])
		dst[i], dst[i+block/2] = float32(radius*cos)+0, float32(radius*sin)+0 // PyTorch adds the mean, which leaves no -0
	}
}

// blocks64 is blocks in float64; two words make a uniform number.
func (m *mersenne) blocks64(dst []float64) {
	for ; len(dst) >= block; dst = dst[block:] {
		sixteen := dst[:block]
		for i := range sixteen {
			sixteen[i] = m.uniform64()
		}
		for i := range block / 2 {
			radius := math.Sqrt(-2 * math.Log(1-sixteen[i]))
			sin, cos := math.Sincos(2 * math.Pi * sixteen[i+block/2])
			sixteen[i], sixteen[i+block/2] = radius*cos, radius*sin
		}
	}
}
