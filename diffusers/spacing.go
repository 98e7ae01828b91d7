package diffusers

import (
	"fmt"
	"math"
	"slices"
)

// spread lists the timesteps of a spacing.
func (c *config) spread(s spacing) ([]float64, error) {
	list, err := s.timesteps()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name(), err)
	}
	return list, nil
}

// spacing is how the timesteps of a walk, trained indices, are spread over those that a network was trained at: timestep_spacing
// (Lin et al. 2024, https://arxiv.org/abs/2305.08891, table 2).
type spacing struct {
	name    string // leading, trailing or linspace
	trained int    // num_train_timesteps
	last    int    // those up to which the walk goes, where the noisiest are left out; 0: all
	steps   int
	offset  int // steps_offset, of leading
	// beyond says that linspace and leading lists have one step more, whose cleanest is not walked: the DPM-Solver family.
	beyond bool
	// back lists the cleanest first, and leaves out the noisiest of the longer list.
	back bool
}

// timesteps lists the trained indices, the noisiest first.
func (s spacing) timesteps() ([]float64, error) {
	if s.steps < 1 || s.steps > s.trained {
		return nil, fmt.Errorf("%d steps: expected 1 to %d, the trained steps (num_train_timesteps)", s.steps, s.trained)
	}
	last, count := s.trained, s.steps
	if s.last > 0 {
		last = s.last
	}
	if s.beyond {
		count++
	}
	list := make([]float64, count)
	switch s.name {
	case "linspace":
		for i := range list {
			list[i] = math.RoundToEven(linspace64(0, float64(last-1), i, count))
		}
	case "leading":
		for i := range list {
			list[i] = float64(i*(last/count) + s.offset)
		}
	case "trailing":
		// numpy.arange(last, 0, -trained/steps), which now and then has an entry too many: beside 0 by rounding, hence timestep -1.
		delta := float64(last) - float64(s.trained)/float64(s.steps) - float64(last)
		list = list[:0]
		for i := range s.steps {
			if t := math.RoundToEven(float64(last)+float64(float64(i)*delta)) - 1; t >= 0 {
				list = append(list, t)
			}
		}
		if s.back {
			slices.Reverse(list)
		}
		return list, nil
	default:
		return nil, fmt.Errorf("timestep_spacing is %q, expected leading, trailing or linspace", s.name)
	}
	if !s.back {
		slices.Reverse(list)
	}
	return list[:s.steps], nil
}

// linspace64 is entry i of numpy.linspace(first, last, count).
func linspace64(first, last float64, i, count int) float64 {
	switch {
	case count == 1:
		return first
	case i == count-1:
		return last
	}
	return float64(float64(i)*((last-first)/float64(count-1))) + first
}
