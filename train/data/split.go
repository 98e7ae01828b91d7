package data

import "fmt"

// Split takes a share of the samples out, for validation: train and held have no sample in common. Which ones go is a
// function of the seed. Where samples are windows that overlap, the held-out ones are the last, and windows that reach into
// them belong to neither set.
//
// Of an endless set, held is endless too: the samples from number 2^62 on.
//
// Closing either closes s.
func Split(s Set, share float64, seed uint64) (train, held Set, err error) {
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("validation share %v, expected more than 0 and less than 1", share)
	}
	name := fmt.Sprintf("split %v %d", share, seed)
	if s.Len() < 0 {
		return s, &part{Set: s, n: -1, first: 1 << 62, name: name + " held"}, nil
	}
	n := s.Len()
	h := max(int(share*float64(n)+0.5), 1)
	overlap := 0
	if w, ok := s.(interface{ overlap() int }); ok {
		overlap = w.overlap()
	}
	if n-h-overlap < 1 {
		return nil, nil, fmt.Errorf("%s: a validation share of %v leaves %d samples to train on, expected one at least", s, share, max(n-h-overlap, 0))
	}
	var order *Order
	if overlap == 0 {
		o := NewOrder(n, mix(seed^0x73706c6974)) // "split": another order than a run of the same seed goes in
		order = &o
	}
	train = &part{Set: s, n: n - h - overlap, order: order, name: name + " train"}
	held = &part{Set: s, n: h, first: int64(n - h), order: order, name: name + " held"}
	return train, held, nil
}

// part is the samples of a set at positions first to first+n-1 of an order; without one, by number.
type part struct {
	Set
	n     int
	first int64
	order *Order
	name  string
}

func (p *part) Len() int { return p.n }

// Read reads the samples that stand at these positions.
func (p *part) Read(dst []float32, labels []int64, indices []int64) error {
	there := make([]int64, len(indices))
	for k, i := range indices {
		if i < 0 || p.n >= 0 && i >= int64(p.n) {
			panic(fmt.Sprintf("data: sample %d of %d", i, p.n))
		}
		there[k] = p.first + i
		if p.order != nil {
			there[k] = p.order.Index(p.first + i)
		}
	}
	return p.Set.Read(dst, labels, there)
}

// Fingerprint adds the part to the set's.
func (p *part) Fingerprint() string { return p.Set.Fingerprint() + " " + p.name }

// String adds how many samples the part has.
func (p *part) String() string {
	if p.n < 0 {
		return p.Set.String()
	}
	return fmt.Sprintf("%d of %s", p.n, p.Set)
}
