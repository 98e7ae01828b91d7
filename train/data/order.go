package data

import (
	"math/bits"
)

// Order says which sample comes when: position k of a run through n samples holds sample k mod n of permutation k div n, one
// permutation an epoch, so that every sample comes once in each epoch. It is a pure function of (n, seed, k) and takes no
// memory: a run can be entered anywhere.
//
// The permutation is a Feistel network on the b bits that count to n, b = max(8, ceil(log2 n)), with halves of b/2 and b-b/2
// bits that trade places each round; where it leads to n or beyond, it is walked on until it is back below n (Black and
// Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). Round keys come from the seed and the epoch.
type Order struct {
	n    int64
	seed uint64
	bits uint
}

// NewOrder is the order of a set of n samples. For an endless set, n < 0, position k holds sample k.
func NewOrder(n int, seed uint64) Order {
	if n == 0 {
		panic("data: an order of no samples")
	}
	o := Order{n: int64(n), seed: seed}
	if n > 1 {
		o.bits = max(leastBits, uint(bits.Len64(uint64(n)-1)))
	}
	return o
}

// Index is the sample at position k >= 0.
func (o Order) Index(k int64) int64 {
	if k < 0 {
		panic("data: a position below 0")
	}
	if o.n < 0 {
		return k
	}
	return o.index(o.keys(k/o.n), k%o.n)
}

// Indices fills dst with the samples at positions first, first+1, ...
func (o Order) Indices(dst []int64, first int64) {
	if first < 0 {
		panic("data: a position below 0")
	}
	var keys [rounds]uint64
	epoch := int64(-1)
	for i := range dst {
		k := first + int64(i)
		if o.n < 0 {
			dst[i] = k
			continue
		}
		if e := k / o.n; e != epoch {
			keys, epoch = o.keys(e), e
		}
		dst[i] = o.index(keys, k%o.n)
	}
}

const (
	rounds    = 8
	leastBits = 8 // in halves of less than four bits, too few permutations are ever met
)

func (o Order) keys(epoch int64) (keys [rounds]uint64) {
	state := mix(o.seed^0x6f72646572) ^ mix(uint64(epoch)+1) // "order"
	for r := range keys {
		state += 0x9e3779b97f4a7c15
		keys[r] = mix(state)
	}
	return keys
}

// index walks the Feistel network until it is below n again; of more than 128 samples, at most half of all numbers lie beyond.
func (o Order) index(keys [rounds]uint64, k int64) int64 {
	if o.n == 1 {
		return 0
	}
	low, high := o.bits/2, o.bits-o.bits/2
	x := uint64(k)
	for {
		left, right := x>>low, x&(1<<low-1)
		l, r := high, low // bits of left and right
		for _, key := range keys {
			left, right = right, (left^mix(right^key))&(1<<l-1)
			l, r = r, l
		}
		x = left<<r | right
		if x < uint64(o.n) {
			return int64(x)
		}
	}
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection of 64 bits that scatters them.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
