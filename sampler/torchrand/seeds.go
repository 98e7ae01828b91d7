package torchrand

// seedSequence is NumPy's numpy.random.SeedSequence, which torchsde makes its seeds with: entropy and a spawn key, as 32-bit
// words, are hashed into a pool of so many words, and the pool into as many seeds as are asked for (M. E. O'Neill, "Developing
// a seed_seq alternative", 2015; the constants are hers). The spawn key follows the entropy, which is padded with zeros to the
// size of the pool first, so that a longer entropy is no spawn key.
func seedSequence(seeds []uint32, entropy uint64, pool int, spawnKey ...[]uint32) {
	words := []uint32{uint32(entropy)}
	if upper := uint32(entropy >> 32); upper != 0 {
		words = append(words, upper)
	}
	for len(words) < pool {
		words = append(words, 0)
	}
	for _, number := range spawnKey {
		words = append(words, number...)
	}

	h := hash{0x43b0d7e5, 0x931e8875}
	mixed := make([]uint32, pool)
	for i := range mixed {
		mixed[i] = h.word(words[i])
	}
	for from := range mixed {
		for to := range mixed {
			if from != to {
				mixed[to] = mix(mixed[to], h.word(mixed[from]))
			}
		}
	}
	for _, word := range words[pool:] {
		for to := range mixed {
			mixed[to] = mix(mixed[to], h.word(word))
		}
	}

	h = hash{0x8b51f9dd, 0x58f38ded}
	for i := range seeds {
		seeds[i] = h.word(mixed[i%pool])
	}
}

// hash is a hash of words whose constant moves on with each.
type hash struct{ constant, multiplier uint32 }

func (h *hash) word(x uint32) uint32 {
	x ^= h.constant
	h.constant *= h.multiplier
	x *= h.constant
	return x ^ x>>16
}

func mix(x, y uint32) uint32 {
	z := 0xca01f9dd*x - 0x4973f715*y
	return z ^ z>>16
}
