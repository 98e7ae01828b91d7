package sampler

import "fmt"

// Philox is the noise of one seed: standard normals that are a pure function of
//
//	(Seed, sample, draw, element)
//
// and of nothing else, so that a sample comes out bit for bit whatever the batch size, the number of goroutines, the
// shard it is computed in, the size of its neighbours or the machine.
//
// The words come from Philox 4x32-10, a bijection of 128-bit counters chosen by a 64-bit key (Salmon, Moraes, Dror and
// Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11). One counter gives four words, and they give four normals
// (see boxMuller):
//
//	counter = (element/4, draw, sample mod 2^32, sample div 2^32)
//	key     = (Seed mod 2^32, Seed div 2^32)
//	elements 4b and 4b+1 come from words 0 and 1 of block b, elements 4b+2 and 4b+3 from words 2 and 3
//
// element counts through one sample, flattened; draw 0 is the start and draw k the k-th draw of the walk. Element e does
// not depend on how many follow it: a last block that is not full gives the same first elements as a full one. Samples
// have 63 bits, draws 32, and a sample may hold 2^34 elements. Neither draws nor samples overlap, for all are different
// counters; those with the highest bit set are the Uniforms'.
//
// A walk on a finer grid of times draws another Brownian path, not the same path in more detail: draw k is the k-th
// increment whatever its length.
//
// The zero value is seed 0. Philox holds no state; its methods may be called from several goroutines at once.
type Philox struct{ Seed uint64 }

// Normals fills dst, [n, dim], with draw number draw of the samples first, first+1, ..., first+n-1.
func (p Philox) Normals(dst []float32, first, n, draw int) error {
	dim, err := noiseDim(len(dst), first, n, draw)
	if err != nil {
		return err
	}
	if err := checkCounter(dim, draw); err != nil {
		return err
	}
	for s := range n {
		p.fill(dst[s*dim:(s+1)*dim], uint64(first)+uint64(s), uint32(draw), 0)
	}
	return nil
}

// Elements fills dst with the elements from, from+1, ... of one sample's draw, so that several goroutines can share a large
// sample. From is a multiple of 4.
func (p Philox) Elements(dst []float32, sample, draw, from int) error {
	if from < 0 || from%4 != 0 {
		return fmt.Errorf("noise: elements from %d on, expected a multiple of 4", from)
	}
	if _, err := noiseDim(len(dst), sample, 1, draw); err != nil {
		return err
	}
	if err := checkCounter(from+len(dst), draw); err != nil {
		return err
	}
	p.fill(dst, uint64(sample), uint32(draw), uint32(from/4))
	return nil
}

// fill writes elements of one sample, from the first of a block on.
func (p Philox) fill(dst []float32, sample uint64, draw, block uint32) {
	low, high := uint32(sample), uint32(sample>>32)
	k0, k1 := uint32(p.Seed), uint32(p.Seed>>32)
	for ; len(dst) >= 4; dst = dst[4:] {
		w0, w1, w2, w3 := Philox4x32(block, draw, low, high, k0, k1)
		four := dst[:4]
		four[0], four[1] = boxMuller(w0, w1)
		four[2], four[3] = boxMuller(w2, w3)
		block++
	}
	if len(dst) == 0 {
		return
	}
	w0, w1, w2, w3 := Philox4x32(block, draw, low, high, k0, k1)
	var four [4]float32
	four[0], four[1] = boxMuller(w0, w1)
	if len(dst) > 2 {
		four[2], four[3] = boxMuller(w2, w3)
	}
	copy(dst, four[:])
}

// Philox4x32 is Philox 4x32-10: ten rounds of two 32 by 32 bit products each,
//
//	(c0, c1, c2, c3) -> (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0))
//
// with the key raised by two Weyl constants (the golden ratio and sqrt(3)-1, times 2^32) between rounds. The constants
// are Random123's.
func Philox4x32(c0, c1, c2, c3, k0, k1 uint32) (w0, w1, w2, w3 uint32) {
	const (
		multiplier0, multiplier1 = 0xD2511F53, 0xCD9E8D57
		weyl0, weyl1             = 0x9E3779B9, 0xBB67AE85
	)
	for range 10 {
		p0 := multiplier0 * uint64(c0)
		p1 := multiplier1 * uint64(c2)
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0 += weyl0
		k1 += weyl1
	}
	return c0, c1, c2, c3
}
