package torchrand

import (
	"fmt"
	"math"
	"strconv"
)

// BrownianInterval is torchsde's BrownianInterval: Brownian motions W on [T0, T1], one for each element, of which any
// increment can be asked for. It is a tree of intervals (Kidger, Foster, Li and Lyons, "Efficient and accurate gradients for
// neural SDEs", 2021; as a dyadic tree, Li, Wong, Chen and Duvenaud, "Scalable gradients for stochastic differential equations",
// 2020). The root's increment is sqrt(T1-T0) times the normals of its own seed. An interval [a, b] that is split at m has
// the Brownian bridge's increment on the left,
//
//	W(m) - W(a) = (m-a)/(b-a) (W(b) - W(a)) + sqrt((m-a)(b-m)/(b-a)) xi
//
// and the rest on the right. The seed of xi is a hash of the entropy, the interval's number in its row of the tree, and the
// row's (seedSequence).
//
// Where the tree is split at the times that were asked for, which is torchsde's default, the numbers depend on all earlier
// questions. A Dyadic tree is split in halves only, down to times of so many decimals, and the numbers depend on nothing else.
type BrownianInterval struct {
	T0, T1   float64
	Entropy  uint64
	Device   Device
	Pool     int  // words in the seeds' pool; 0: 8, as in torchsde
	Decimals int  // times are rounded to so many decimals (torchsde's tol 1e-6 is 6); 0: not at all
	Dyadic   bool // torchsde's halfway_tree; Decimals must be given

	root    *interval
	seed    uint32 // of the root's increment
	asked   int
	size    int // of the tensors drawn, of which dst is the part from number at on; 0: dst is all
	at      int
	buffers [][]float32 // increments of the intervals on the way down, by depth
}

// refinement is after how many questions torchsde refines a tree that is not dyadic.
const refinement = 100

// Increment fills dst with W(tb) - W(ta), ta <= tb; times outside T0 to T1 are moved to the ends, as torchsde does. All calls
// on one BrownianInterval take a dst of the same size.
func (b *BrownianInterval) Increment(dst []float32, ta, tb float64) error {
	if err := b.prepare(); err != nil {
		return err
	}
	if !(ta <= tb) {
		return fmt.Errorf("brownian interval: an increment from %v to %v, expected the earlier time first", ta, tb)
	}
	ta, tb = b.inside(ta), b.inside(tb)
	clear(dst)
	if ta == tb {
		return nil
	}
	b.asked++
	if !b.Dyadic && b.asked > refinement {
		return fmt.Errorf("brownian interval: torchsde refines its tree after %d increments, which is not done here; ask a dyadic tree", refinement)
	}
	whole := b.buffer(0, len(dst))
	if err := b.randn(whole, b.seed); err != nil {
		return err
	}
	std := float32(math.Sqrt(b.T1 - b.T0))
	for i := range whole {
		whole[i] *= std
	}
	return b.add(dst, b.root, whole, 0, ta, tb)
}

// prepare checks what was asked for, and plants the tree.
func (b *BrownianInterval) prepare() error {
	switch {
	case b.root != nil:
		return nil
	case !(b.T0 < b.T1) || math.IsInf(b.T1-b.T0, 0):
		return fmt.Errorf("brownian interval: from %v to %v, expected a finite interval", b.T0, b.T1)
	case b.Decimals < 0 || b.Dyadic && b.Decimals == 0:
		return fmt.Errorf("brownian interval: times of %d decimals, expected one at least for a dyadic tree", b.Decimals)
	}
	if b.Pool < 1 {
		b.Pool = 8
	}
	var seeds [1]uint32
	seedSequence(seeds[:], b.Entropy, b.Pool)
	b.seed = seeds[0]
	b.root = &interval{start: b.round(b.T0), end: b.round(b.T1), number: []uint32{0}}
	return nil
}

// inside is the time of the tree that t stands for.
func (b *BrownianInterval) inside(t float64) float64 {
	return b.round(min(max(t, b.root.start), b.root.end))
}

// round is Python's round(t, Decimals).
func (b *BrownianInterval) round(t float64) float64 {
	if b.Decimals == 0 {
		return t
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(t, 'f', b.Decimals, 64), 64)
	if err != nil {
		panic("torchrand: " + err.Error()) // of a number just written
	}
	return rounded
}

func (b *BrownianInterval) randn(dst []float32, seed uint32) error {
	if err := b.Device.randn(dst, uint64(seed), tensor{0, max(b.size, len(dst))}, b.at); err != nil {
		return fmt.Errorf("brownian interval: %w", err)
	}
	return nil
}

func (b *BrownianInterval) buffer(depth, size int) []float32 {
	for len(b.buffers) <= depth {
		b.buffers = append(b.buffers, make([]float32, size))
	}
	return b.buffers[depth][:size]
}

// interval is a node of the tree. One that is split has a seed for its bridge, and two parts.
type interval struct {
	start, end float64
	number     []uint32 // from the left, in its row of a full tree; lower words first
	depth      uint32

	seed        uint32
	left, right *interval
}

// split makes two parts, which meet at m.
func (b *BrownianInterval) split(n *interval, m float64) error {
	if !(n.start < m && m < n.end) {
		return fmt.Errorf("brownian interval: no time of %d decimals between %v and %v", b.Decimals, n.start, n.end)
	}
	var seeds [1]uint32
	seedSequence(seeds[:], b.Entropy, b.Pool, n.number, []uint32{n.depth})
	n.seed = seeds[0]
	n.left = &interval{start: n.start, end: m, number: twice(n.number, 0), depth: n.depth + 1}
	n.right = &interval{start: m, end: n.end, number: twice(n.number, 1), depth: n.depth + 1}
	return nil
}

// twice is 2 number + bit.
func twice(number []uint32, bit uint32) []uint32 {
	double := make([]uint32, len(number), len(number)+1)
	for i, word := range number {
		double[i] = word<<1 | bit
		bit = word >> 31
	}
	if bit != 0 {
		double = append(double, bit)
	}
	return double
}

// add adds the part of n from ta to tb to dst. w is the increment over all of n, and is used up.
func (b *BrownianInterval) add(dst []float32, n *interval, w []float32, depth int, ta, tb float64) error {
	if ta == n.start && tb == n.end {
		for i, x := range w {
			dst[i] += x
		}
		return nil
	}
	if n.left == nil {
		m := ta
		switch {
		case b.Dyadic:
			m = b.round(0.5 * (n.end + n.start))
		case ta == n.start:
			m = tb
		}
		if err := b.split(n, m); err != nil {
			return err
		}
	}

	// The bridge, in float32 as torchsde's tensors compute it; its coefficients are float64.
	m := n.left.end
	before, after, inverse := m-n.start, n.end-m, 1/(n.end-n.start)
	share, whole, std := float32(before), float32(inverse), float32(math.Sqrt(before*after*inverse))
	left := b.buffer(depth+1, len(w))
	if err := b.randn(left, n.seed); err != nil {
		return err
	}
	for i, xi := range left {
		mean := float32(float32(share*w[i]) * whole)
		left[i] = mean + float32(std*xi)
		w[i] -= left[i]
	}
	if ta < m {
		if err := b.add(dst, n.left, left, depth+1, ta, min(tb, m)); err != nil {
			return err
		}
	}
	if tb > m {
		return b.add(dst, n.right, w, depth+1, max(ta, m), tb)
	}
	return nil
}
