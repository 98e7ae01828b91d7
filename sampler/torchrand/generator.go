package torchrand

import "fmt"

// Generator is a torch.Generator on a CPU. Each method draws what the function of that name in torch draws from it, and the
// order of calls matters as it does there. A Generator belongs to one goroutine.
type Generator struct {
	words mersenne
	spare spare
}

// NewGenerator is torch.Generator().manual_seed(seed). Seeds that differ by a multiple of 2^32 are the same generator, as in
// PyTorch; a negative seed of Python's is uint64(seed).
func NewGenerator(seed uint64) *Generator { return &Generator{words: seeded(seed)} }

// Uint32 is the next word.
func (g *Generator) Uint32() uint32 { return g.words.word() }

// Uint64 is the next two words, the upper half first.
func (g *Generator) Uint64() uint64 { return g.words.double() }

// Rand is torch.rand: uniform on [0, 1), in multiples of 2^-24.
func (g *Generator) Rand(dst []float32) {
	for i := range dst {
		dst[i] = g.words.uniform32()
	}
}

// Rand64 is torch.rand in float64: uniform on [0, 1), in multiples of 2^-53.
func (g *Generator) Rand64(dst []float64) {
	for i := range dst {
		dst[i] = g.words.uniform64()
	}
}

// Randint is torch.randint(low, high): whole numbers from low up to but not including high. It panics where there are none.
//
// A number is a word's remainder, and for 2^28 numbers or more to choose from, of two words (of older
// versions' only from 2^32 on).
func (g *Generator) Randint(dst []int64, low, high int64) {
	if low >= high {
		panic(fmt.Sprintf("torchrand: Randint from %d up to but not including %d", low, high))
	}
	span := uint64(high) - uint64(low)
	for i := range dst {
		var w uint64
		if span < 1<<28 {
			w = uint64(g.Uint32())
		} else {
			w = g.Uint64()
		}
		dst[i] = low + int64(w%span)
	}
}

// Randperm is torch.randperm: the numbers from 0 to n-1 in an order of their own, by the shuffle of Fisher and Yates from the
// front. It panics where n is negative, or from 2^32/20 on, where PyTorch takes other words.
func (g *Generator) Randperm(n int) []int {
	if n < 0 || n >= (1<<32-1)/20 {
		panic(fmt.Sprintf("torchrand: Randperm of %d numbers", n))
	}
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := range n - 1 {
		j := i + int(g.Uint32()%uint32(n-i))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

func (m *mersenne) double() uint64 {
	upper := m.word()
	return uint64(upper)<<32 | uint64(m.word())
}

func (m *mersenne) uniform32() float32 { return float32(m.word()&(1<<24-1)) * 0x1p-24 }

func (m *mersenne) uniform64() float64 { return float64(m.double()&(1<<53-1)) * 0x1p-53 }
