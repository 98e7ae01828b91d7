package fit

import (
	"context"
	"slices"
	"sort"

	"odeon/schedule"
)

// searchShare is the most of the effort that goes into the choice of times, before times and coefficients are refined together.
const searchShare = 0.2

// starts are the grids of which the best one is where the search begins, those that are good for most networks before the others.
var starts = []schedule.Grid{
	schedule.Beta{A: 0.6, B: 0.6}, schedule.Quadratic, schedule.Uniform, schedule.Shift(0.5),
	schedule.LogSNR, schedule.Karras(3), schedule.Karras(7), schedule.Shift(2),
}

// placed is a student whose times are those at places of the fine walk, with the mean of its errors.
type placed struct {
	*student
	places []int
	error  float64
}

// search chooses times for the calls among those of the fine walk: those of the known grid on which rows that are fitted one by one
// come closest, and the same after each has been moved for as long as that brings them closer.
func search(ctx context.Context, p Problem, n *nodes, fine *walked, count, effort int) (known, moved *student, err error) {
	calls, budget := 0, int(searchShare*float64(effort))
	var first placed
	for _, places := range n.candidates(count) {
		if first.student != nil && calls+count > budget {
			break
		}
		w, err := newStudent(p, n, n.chosen(places), fine, &calls)
		if err != nil {
			return nil, nil, err
		}
		if err := w.follow(ctx, fine, places, 0); err != nil {
			return nil, nil, err
		}
		if e := mean(w.errors(fine.end)); first.student == nil || e < first.error {
			first = placed{w, places, e}
		}
	}
	then, err := first.move(ctx, fine, budget)
	return first.student, then.student, err
}

// move moves each time back and forth for as long as the error at the end falls, by steps that are halved.
func (w placed) move(ctx context.Context, fine *walked, budget int) (placed, error) {
	n, last := w.nodes, len(w.places)-1
	for stride := max(1, len(n.times)/(3*len(w.places))); stride > 0; stride /= 2 {
		for better := true; better; {
			before := w.error
			for k := 1; k <= last; k++ {
				for _, by := range []int{-stride, stride} {
					places := slices.Clone(w.places)
					places[k] += by
					end := len(n.times)
					if k < last {
						end = places[k+1]
					}
					if places[k] <= places[k-1] || places[k] >= end || *w.calls+last+1-k > budget {
						continue
					}
					v := w.fork(k)
					if err := v.at(n.chosen(places)); err != nil {
						return w, err
					}
					v.learn(k-1, fine.states[places[k]])
					if err := v.follow(ctx, fine, places, k); err != nil {
						return w, err
					}
					if e := mean(v.errors(fine.end)); e < w.error {
						w = placed{v, places, e}
					}
				}
			}
			better = w.error < 0.999*before
		}
	}
	return w, nil
}

// follow fits the rows from k on, each on the states that the walk comes to, to the states of the fine walk at places.
func (w *student) follow(ctx context.Context, fine *walked, places []int, k int) error {
	for ; k < len(places); k++ {
		if err := w.call(ctx, k); err != nil {
			return err
		}
		target := fine.end
		if k+1 < len(places) {
			target = fine.states[places[k+1]]
		}
		w.learn(k, target)
	}
	return nil
}

// chosen are the times at places of the fine walk.
func (n *nodes) chosen(places []int) []float64 {
	times := make([]float64, len(places))
	for k, i := range places {
		times[k] = n.times[i]
	}
	return times
}

// candidates are the known grids of so many calls, as places of the fine walk, each once: those to the walk's end, and those to
// the latest time at which the network is called, where that is another. Grids that the path does not admit are left out.
func (n *nodes) candidates(calls int) [][]int {
	var list [][]int
	add := func(times []float64, err error) {
		if err != nil || len(times) < calls {
			return
		}
		places := n.places(times[:calls])
		if !slices.ContainsFunc(list, func(p []int) bool { return slices.Equal(p, places) }) {
			list = append(list, places)
		}
	}
	for _, grid := range starts {
		if !n.denoise {
			add(grid.Times(n.model.Path, n.times[0], n.end.T, calls))
		}
		if !n.open {
			add(grid.Times(n.model.Path, n.times[0], n.latest, calls-1))
		}
	}
	add(spread(n.times[0], n.latest, n.open, calls), nil) // which every path admits
	return list
}

// places are the fine walk's times nearest to the given ones, the first its first, and none twice.
func (n *nodes) places(times []float64) []int {
	places := make([]int, len(times))
	for k, t := range times {
		i := sort.SearchFloat64s(n.times, t)
		if i > 0 && (i == len(n.times) || t-n.times[i-1] < n.times[i]-t) {
			i--
		}
		if k > 0 {
			i = max(i, places[k-1]+1)
		}
		places[k] = min(i, len(n.times)-(len(times)-k))
	}
	places[0] = 0
	return places
}
