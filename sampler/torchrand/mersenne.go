package torchrand

// mersenne is MT19937, the Mersenne Twister of 32-bit words (Matsumoto and Nishimura, "Mersenne Twister: a 623-dimensionally
// equidistributed uniform pseudo-random number generator", ACM TOMACS 8, 1998). Its state are 624 words x_0 ... x_623 with
//
//	x_(k+624) = x_(k+397) xor (upper bit of x_k, lower 31 bits of x_(k+1)) A
//
// where A is a shift to the right, followed by an exclusive or with 0x9908b0df where the bit shifted out was set. A turn
// replaces all 624 of them; what is given out are the words after a tempering.
type mersenne struct {
	state [turn]uint32
	next  int // place in the state of the next word; turn: another turn is due
	turns int // so far
}

// turn is the number of words in a state.
const turn = 624

// seeded is the generator that torch.manual_seed leaves: of the seed's 64 bits PyTorch uses the lower 32 (init_genrand of the
// authors' mt19937ar, 2002; Knuth's multiplier, The Art of Computer Programming 2, 3.3.4).
func seeded(seed uint64) mersenne {
	m := mersenne{next: turn}
	word := uint32(seed)
	for i := range m.state {
		if i > 0 {
			word = 1812433253*(word^word>>30) + uint32(i)
		}
		m.state[i] = word
	}
	return m
}

// twist takes the next turn.
func (m *mersenne) twist() {
	const middle = 397
	x := &m.state
	mix := func(upper, lower uint32) uint32 {
		y := upper&(1<<31) | lower&(1<<31-1)
		return y>>1 ^ 0x9908b0df&-(y&1)
	}
	for k := range turn - middle {
		x[k] = x[k+middle] ^ mix(x[k], x[k+1])
	}
	for k := turn - middle; k < turn-1; k++ {
		x[k] = x[k+middle-turn] ^ mix(x[k], x[k+1])
	}
	x[turn-1] = x[middle-1] ^ mix(x[turn-1], x[0])
	m.next = 0
	m.turns++
}

// word is the next word.
func (m *mersenne) word() uint32 {
	if m.next == turn {
		m.twist()
	}
	y := m.state[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// place is the number of words given out or passed over since the seed.
func (m *mersenne) place() int { return (m.turns-1)*turn + m.next }

// forward goes on to the word at a place that is not behind. Whole turns cost a nanosecond or so for each word.
func (m *mersenne) forward(place int) {
	for m.turns <= place/turn {
		m.twist()
	}
	m.next = place % turn
}
