package models

import (
	"errors"
	"fmt"
)

// wraps are tensors around the caller's own float32 buffers, a few of them, since a walk with several stages writes its
// predictions into several buffers in turn.
type wraps struct {
	list []wrapped
	next int
}

type wrapped struct {
	first  *float32
	n      int
	tensor tensor
}

const mostWraps = 8

// of is the tensor of n samples that b is.
func (w *wraps) of(r runner, b []float32, p Port, n int) (tensor, error) {
	if len(b) == 0 {
		return nil, errors.New("no samples")
	}
	for i := range w.list {
		if w.list[i].first == &b[0] && w.list[i].n == n {
			return w.list[i].tensor, nil
		}
	}
	t, err := r.wrap(numbers[float32](b), p.shape(n))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", p.Name, err)
	}
	if len(w.list) < mostWraps {
		w.list = append(w.list, wrapped{&b[0], n, t})
		return t, nil
	}
	w.list[w.next].tensor.Destroy()
	w.list[w.next] = wrapped{&b[0], n, t}
	w.next = (w.next + 1) % mostWraps
	return t, nil
}

func (w *wraps) clear() {
	for i := range w.list {
		w.list[i].tensor.Destroy()
	}
	w.list, w.next = w.list[:0], 0
}
