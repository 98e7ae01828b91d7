package sampler

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"odeon/schedule"
)

// defaultSteps is 50, or all trained steps from one time to another where a discrete path has fewer.
func (b *builder) defaultSteps(from, to float64) int {
	const usual = 50
	if b.discrete == nil {
		return usual
	}
	trained := math.Abs(b.discrete.Fraction(from) - b.discrete.Fraction(to))
	return max(1, min(usual, int(trained)))
}

// route is the walk's nodes, first to last, and whether one more step takes the last one's state to the data prediction.
func (b *builder) route() (nodes []node, denoise bool, err error) {
	if err := b.checkTrained(); err != nil {
		return nil, false, err
	}
	if len(b.settings.Nodes) > 0 {
		return b.given(b.settings.Nodes), b.settings.Last == "denoise", nil
	}
	if len(b.settings.Indexes) > 0 {
		return b.indexed(), false, nil
	}
	times, denoise, err := b.gridTimes()
	if err != nil {
		return nil, false, err
	}
	for _, t := range times {
		nodes = append(nodes, b.at(t))
	}
	return nodes, denoise, b.checkNodes(nodes, times)
}

// checkIndexes: listed indices fall, and they and an index to end at say alone where the walk goes.
func (s Settings) checkIndexes() error {
	for k, i := range s.Indexes {
		if k > 0 && i >= s.Indexes[k-1] {
			return fmt.Errorf("indexes: %d comes after %d; list the noisiest first, each once", i, s.Indexes[k-1])
		}
	}
	switch listed := len(s.Indexes); {
	case listed > 0 && (s.Grid != nil || s.From != nil || s.To != nil):
		return errors.New("indexes say where to walk; leave grid, t-start and t-end out")
	case listed > 0 && s.Steps != 0 && s.Steps != listed:
		return fmt.Errorf("found %d steps, but %d indexes are listed: leave steps out", s.Steps, listed)
	case s.EndIndex == nil:
	case listed > 0 && *s.EndIndex >= s.Indexes[listed-1]:
		return fmt.Errorf("end-index %d is not below the last of the indexes, %d", *s.EndIndex, s.Indexes[listed-1])
	case s.To != nil:
		return fmt.Errorf("end-index %d and t-end %v both say where the walk ends; give one", *s.EndIndex, *s.To)
	case s.Last == "denoise":
		return fmt.Errorf("end-index %d keeps the noise of that index, and last \"denoise\" takes it away: leave end-index out", *s.EndIndex)
	}
	return nil
}

// checkTrained: indices are those of a discrete path.
func (b *builder) checkTrained() error {
	s := b.settings
	indexes, what := s.Indexes, "indexes"
	if s.EndIndex != nil {
		indexes = append(slices.Clone(indexes), *s.EndIndex)
		what = "end-index"
	}
	for _, i := range indexes {
		switch {
		case b.discrete == nil:
			return fmt.Errorf("%s: indexes belong to a discrete path, and the path is %s; say where to walk with t-start, t-end and grid", what, b.model.Path)
		case i < 0 || int(i) >= b.discrete.Count():
			return fmt.Errorf("%s: %d is not a trained index; expected 0 to %d", what, i, b.discrete.Count()-1)
		}
	}
	return nil
}

// indexed is the route through the listed indices, to clean data or the index to end at.
func (b *builder) indexed() []node {
	s := b.settings
	var nodes []node
	for _, i := range s.Indexes {
		nodes = append(nodes, b.index(i))
	}
	if s.EndIndex == nil {
		return append(nodes, b.at(1))
	}
	return append(nodes, b.index(*s.EndIndex))
}

// ends are the first and the last time that the settings ask for.
func (b *builder) ends() (from, to float64, err error) {
	s := b.settings
	from, to = 0, 1
	if list, ok := s.Grid.(schedule.List); ok && len(list) > 0 {
		from, to = list[0], list[len(list)-1]
		if s.From != nil && *s.From != from || s.To != nil && *s.To != to || s.EndIndex != nil {
			return 0, 0, fmt.Errorf("the grid lists times from %.6g to %.6g itself; leave first and last time and end index out", from, to)
		}
	}
	if s.From != nil {
		from = *s.From
	}
	if s.To != nil {
		to = *s.To
	}
	if s.EndIndex != nil {
		to = b.discrete.Time(*s.EndIndex)
	}
	if !(from >= 0 && from <= 1 && to >= 0 && to <= 1) {
		return 0, 0, fmt.Errorf("the walk goes from t=%v to t=%v, expected times from 0 (noise) to 1 (data)", from, to)
	}
	return from, to, nil
}

// denoises says whether a walk to the time to, where noise is left, ends with a step to the data prediction.
func (b *builder) denoises(to float64) bool {
	_, listed := b.settings.Grid.(schedule.List)
	left := b.model.Path.At(to).Beta > 0
	return left && (b.settings.Last == "denoise" || b.settings.Last == "" && !listed && to == 1)
}

// gridTimes asks the grid for its times. A walk that ends with a step to the data prediction has one time fewer.
func (b *builder) gridTimes() (times []float64, denoise bool, err error) {
	from, to, err := b.ends()
	if err != nil {
		return nil, false, err
	}
	s := b.settings
	list, listed := s.Grid.(schedule.List)
	denoise = b.denoises(to)
	extra := 0
	if denoise {
		extra = 1
	}

	steps := s.Steps
	switch own := len(list) - 1 + extra; {
	case listed && steps != 0 && steps != own:
		return nil, false, fmt.Errorf("found %d steps, but grid %s has %d: leave steps out", steps, shortened(b.plan.Grid), own)
	case listed:
		steps = own
	case steps == 0:
		steps = b.defaultSteps(from, to)
	}
	inner := steps - extra // steps of the grid proper
	switch {
	case inner == 0 && denoise:
		return []float64{from}, true, nil
	case inner < 1 || from == to:
		return nil, false, fmt.Errorf("no step from t=%v to t=%v: expected two times", from, to)
	}
	if times, err = s.Grid.Times(b.model.Path, from, to, inner); err != nil {
		return nil, false, err
	}
	if len(times) != inner+1 {
		return nil, false, fmt.Errorf("grid %s gave %d times for %d steps, expected one more than steps", s.Grid, len(times), inner)
	}
	return times, denoise, nil
}

// checkNodes: times go one way, and on a discrete path the network is called only where it was trained.
func (b *builder) checkNodes(nodes []node, times []float64) error {
	for k, n := range nodes {
		if b.discrete != nil && (n.t != 1 && n.t > b.discrete.Time(0) || n.t == 1 && k+1 < len(nodes)) {
			return fmt.Errorf("t=%.6g lies past the cleanest trained index (t=%.6g), where the network was not trained: "+
				"only the last step of a walk may go there, to t=1", times[k], b.discrete.Time(0))
		}
		if k == 0 {
			continue
		}
		if step := n.t - nodes[k-1].t; step == 0 || step > 0 != (nodes[len(nodes)-1].t > nodes[0].t) {
			if b.discrete != nil && times[k] != times[k-1] {
				return fmt.Errorf("t=%.6g and t=%.6g both stand for trained index %v: take fewer steps or another grid", times[k-1], times[k], n.point.Index)
			}
			return fmt.Errorf("time %.6g comes after %.6g on the way from %.6g to %.6g: times must go one way", n.t, nodes[k-1].t, nodes[0].t, nodes[len(nodes)-1].t)
		}
	}
	return nil
}
