package sampler

import (
	"fmt"
	"math"
)

// uniformBit sets the counters of uniforms apart from those of normals: the highest bit of a counter, which no sample
// number reaches, since these are not negative ints.
const uniformBit = 1 << 63

// Uniforms fills dst, [n, dim], with draw number draw of the samples first, first+1, ..., first+n-1: numbers
//
//	u = (w + 1/2)/2^32,  w a word of the generator,
//
// so that 2^-33 <= u <= 1 - 2^-33 and neither u nor 1-u is ever 0. They are exact in float64. The place in the counter
// is that of the normals (see Philox) with the highest bit set,
//
//	counter = (element/4, draw, sample mod 2^32, 2^31 + sample div 2^32)
//
// and element e is word e mod 4 of its block. Uniforms and normals of one seed thus never share a word, whatever their
// numbers; and as with the normals, an element depends on nothing but (Seed, sample, draw, element).
func (p Philox) Uniforms(dst []float64, first, n, draw int) error {
	dim, err := noiseDim(len(dst), first, n, draw)
	if err != nil {
		return err
	}
	if err := checkCounter(dim, draw); err != nil {
		return err
	}
	for s := range n {
		p.fillUniforms(dst[s*dim:(s+1)*dim], (uint64(first)+uint64(s))|uniformBit, uint32(draw))
	}
	return nil
}

// checkCounter tells whether the generator can count so many elements and so high a draw.
func checkCounter(dim, draw int) error {
	if uint64(draw) > math.MaxUint32 {
		return fmt.Errorf("noise: draw %d, but the generator counts draws in 32 bits (0 to %d)", draw, uint32(math.MaxUint32))
	}
	if uint64(dim) > 4<<32 {
		return fmt.Errorf("noise: %d elements in a sample, but the generator counts to 2^34", dim)
	}
	return nil
}

// fillUniforms writes the elements of one sample.
func (p Philox) fillUniforms(dst []float64, sample uint64, draw uint32) {
	low, high := uint32(sample), uint32(sample>>32)
	k0, k1 := uint32(p.Seed), uint32(p.Seed>>32)
	for block := uint32(0); len(dst) > 0; block++ {
		w0, w1, w2, w3 := Philox4x32(block, draw, low, high, k0, k1)
		four := [4]float64{unit(w0), unit(w1), unit(w2), unit(w3)}
		dst = dst[copy(dst, four[:]):]
	}
}

// unit is (w + 1/2)/2^32.
func unit(w uint32) float64 { return (float64(w) + 0.5) * 0x1p-32 }
