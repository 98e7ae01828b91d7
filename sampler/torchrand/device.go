package torchrand

import (
	"fmt"
	"math"

	"odeon/sampler"
)

// Device is where a generator lives: PyTorch's draw other numbers on a CPU than on a card.
type Device int

const (
	CPU Device = iota
	// CUDA is a card of NVIDIA's. Each element of a tensor is drawn by a thread of its own, as long as there are threads
	// enough; beyond CUDAThreads elements the numbers depend on the card, and are refused.
	CUDA
)

// CUDAThreads is how many elements a tensor on CUDA may have: the threads that an H100 runs at once, 2048 on each of 132
// multiprocessors. A smaller card reaches its own number earlier (an A100 with 221,184, an RTX 4090 with 196,608, a T4 with
// 40,960): from there on PyTorch lets a thread draw several elements, and its numbers are others than these.
const CUDAThreads = 132 * 2048

// String is PyTorch's name of the device.
func (d Device) String() string { return [...]string{"cpu", "cuda"}[d] }

// tensor is one call of randn on a generator of which nothing else is asked than tensors of as many numbers: call number
// call, counted from 0.
type tensor struct{ call, size int }

// randn fills dst with the elements from number at on of a tensor drawn on the device by the generator of a seed.
func (d Device) randn(dst []float32, seed uint64, t tensor, at int) error {
	if d == CUDA {
		return cuda(dst, seed, t, at)
	}
	m := seeded(seed)
	m.read(dst, t, at)
	return nil
}

// words is the number of words that a tensor takes on a CPU; below 16 elements a call leaves half a pair to the next, and
// that number does not exist.
func (t tensor) words() int {
	if t.size%block == 0 {
		return t.size
	}
	return t.size + block
}

// place is that of the first word on which the element at depends. Those behind it depend on no earlier word.
func (t tensor) place(at int) int {
	switch {
	case t.size < block:
		return (t.call*t.size + at) / 2 * 4
	case at >= t.body():
		return t.call*t.words() + t.size
	default:
		return t.call*t.words() + at/block*block
	}
}

// body is the number of elements before those that are drawn last.
func (t tensor) body() int {
	if t.size%block == 0 {
		return t.size
	}
	return t.size - block
}

// read fills dst with the elements from number at on, for a generator that is not yet beyond [tensor.place].
func (m *mersenne) read(dst []float32, t tensor, at int) {
	if len(dst) == 0 {
		return
	}
	if t.size < block {
		m.readScalars(dst, t.call*t.size+at)
		return
	}
	if before := t.body() - at; before > 0 {
		m.forward(t.place(at))
		n := min(before, len(dst))
		m.readBlocks(dst[:n], at%block)
		dst, at = dst[n:], at+n
	}
	if len(dst) > 0 {
		m.forward(t.place(at))
		m.readBlocks(dst, at-t.body())
	}
}

// readScalars fills dst with normals from number from on of the sequence of pairs. A pair's sine that one call leaves over is
// the next call's first element, so that all calls together are one sequence.
func (m *mersenne) readScalars(dst []float32, from int) {
	m.forward(from / 2 * 4)
	g := Generator{words: *m}
	if from%2 == 1 {
		g.scalar()
	}
	g.Randn(dst)
	*m = g.words
}

// readBlocks fills dst from the blocks that come next, beginning with element skip of the first.
func (m *mersenne) readBlocks(dst []float32, skip int) {
	var part [block]float32
	if skip > 0 {
		m.block(&part)
		dst = dst[copy(dst, part[skip:]):]
	}
	whole := len(dst) / block * block
	m.blocks(dst[:whole])
	if rest := dst[whole:]; len(rest) > 0 {
		m.block(&part)
		copy(rest, part[:])
	}
}

// cuda is randn on CUDA, whose generator is Philox 4x32-10 with the seed as key (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC11). The thread that draws element e in call k has the counter
//
//	(k mod 2^32, k div 2^32, e mod 2^32, e div 2^32)
//
// for it owns subsequence e of the generator, and a call of one number a thread takes four words of each. Of these, cuRAND's
// curand_normal4 makes four normals, and PyTorch uses the first: with u and v in (0, 1) from the first two words,
//
//	sqrt(-2 ln u) sin(2 pi v)
//
// PyTorch's own digits end where those of the card's fast sine do, at about 1e-6.
func cuda(dst []float32, seed uint64, t tensor, at int) error {
	if t.size > CUDAThreads {
		return fmt.Errorf("%d numbers in one call of randn on CUDA: more than %d, and what PyTorch draws depends on the card; draw fewer at a time", t.size, CUDAThreads)
	}
	for i := range dst {
		call, element := uint64(t.call), uint64(at+i)
		w0, w1, _, _ := sampler.Philox4x32(uint32(call), uint32(call>>32), uint32(element), uint32(element>>32), uint32(seed), uint32(seed>>32))
		u := fused(float32(w0), 0x1p-32, 0x1p-33)
		angle := fused(float32(w1), 2*math.Pi*0x1p-32, 2*math.Pi*0x1p-33)
		radius := float32(math.Sqrt(-2 * math.Log(float64(u))))
		dst[i] = radius * float32(math.Sin(float64(angle)))
	}
	return nil
}
