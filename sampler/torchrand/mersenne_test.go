package torchrand

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The C++ standard (rand.predef) gives the 10000th word of the generator seeded with 5489.
func TestTheTenThousandthWord(t *testing.T) {
	m := seeded(5489)
	for range 9999 {
		m.word()
	}
	require.EqualValues(t, 4123659995, m.word())
	require.Equal(t, 10000, m.place())
}

func TestForwardIsTheSameAsReading(t *testing.T) {
	read := seeded(3)
	var words []uint32
	for range 3 * turn {
		words = append(words, read.word())
	}
	for _, place := range []int{0, 1, turn - 1, turn, turn + 1, 2*turn + 5} {
		m := seeded(3)
		m.forward(place)
		require.Equal(t, place, m.place())
		m.forward(place)
		require.Equal(t, words[place], m.word(), "place %d", place)
	}
}

func TestOnlyTheLower32BitsOfASeedCount(t *testing.T) {
	for _, seed := range []uint64{0, 1 << 32, 1<<63 - 1<<32} {
		require.Equal(t, NewGenerator(0).Uint64(), NewGenerator(seed).Uint64())
	}
	minusOne := -1
	require.Equal(t, NewGenerator(1<<32-1).Uint32(), NewGenerator(uint64(minusOne)).Uint32())
}

func BenchmarkWords(b *testing.B) {
	m := seeded(1)
	b.SetBytes(4 * turn)
	for b.Loop() {
		m.twist()
	}
}

func BenchmarkRandn(b *testing.B) {
	g, x := NewGenerator(1), make([]float32, 4*64*64)
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		g.Randn(x)
	}
}
