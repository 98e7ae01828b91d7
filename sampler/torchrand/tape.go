package torchrand

import "sync"

// tape reads the words of one generator from any place, though they can only be made one after the other: it keeps the
// generator's state every so many turns, as far as it was ever asked, and goes on from the nearest. It keeps at most 4096
// states, which are 10 MB; where that is not enough it forgets every second. The zero value is ready.
//
// The first to ask for a place waits until all words before it were made; those who ask again wait for as many as lie between
// two states.
type tape struct {
	mu    sync.Mutex
	kept  []mersenne // kept[i] stands i*every words from the seed
	every int
}

// mostKept is the number of states that a tape keeps at most; an even one.
const mostKept = 4096

// at is the generator of a seed, the same in all calls, standing at a place.
func (t *tape) at(seed uint64, place int) mersenne {
	m := t.before(seed, place)
	m.forward(place)
	return m
}

// before is the last kept state that is not beyond a place.
func (t *tape) before(seed uint64, place int) mersenne {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil {
		t.kept, t.every = []mersenne{seeded(seed)}, 64*turn
	}
	for len(t.kept)*t.every <= place {
		if len(t.kept) == mostKept {
			t.thin()
			continue
		}
		m := t.kept[len(t.kept)-1]
		m.forward(len(t.kept) * t.every)
		t.kept = append(t.kept, m)
	}
	return t.kept[place/t.every]
}

// thin forgets every second state.
func (t *tape) thin() {
	half := len(t.kept) / 2
	for i := range half {
		t.kept[i] = t.kept[2*i]
	}
	t.kept = t.kept[:half]
	t.every *= 2
}
