package rewrite

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// span is an interval of a path's times. On a discrete path it is one of trained steps, whose ends belong to it.
type span struct {
	From, To         float64
	FromOpen, ToOpen bool
	But              []float64      // times inside at which the network's prediction says nothing
	first, last      schedule.Index // the cleanest and the noisiest, on a discrete path
	discrete         bool
}

// String is the interval as people read it: 0 < t <= 1, or index 0 to 298 (t from 0.00333333 to 0.996667).
func (s span) String() string {
	if s.discrete {
		return fmt.Sprintf("index %d to %d (t from %.6g to %.6g)", s.first, s.last, s.From, s.To)
	}
	less := map[bool]string{true: "<", false: "<="}
	text := fmt.Sprintf("%.6g %s t %s %.6g", s.From, less[s.FromOpen], less[s.ToOpen], s.To)
	for _, t := range s.But {
		text += fmt.Sprintf(", not at t=%.6g (nor close to it)", t)
	}
	return text
}

// looks is how often a path is looked at inside.
const looks = 64

// safe are the times at which a change exists: a whole path but for its ends. It is an error where there is more in the way.
func (c *change) safe() (span, error) {
	if d, ok := c.onto.(*schedule.Discrete); ok {
		return c.safeSteps(d)
	}
	s := span{From: 0, To: 1}
	for i := range looks {
		if _, err := c.at((float64(i) + 0.5) / looks); err != nil {
			return s, err
		}
	}
	s.But = c.silent()
	_, first := c.at(0)
	_, last := c.at(1)
	s.FromOpen, s.ToOpen = first != nil, last != nil
	return s, nil
}

// silent are the times at which the network's prediction is a multiple of the state: where det = alpha b - beta a changes its sign.
func (c *change) silent() (times []float64) {
	if len(c.solutions) == 0 || c.solutions[0].Det == nil {
		return nil
	}
	det := func(t float64) float64 {
		own := c.onto.At(t)
		if c.across {
			own = c.own.At(schedule.TimeAt(c.own, own.LogSNR()))
		}
		a, b := c.from.Weights(own)
		return own.Alpha*b - own.Beta*a
	}
	const steps = 512
	for i := 1; i < steps-1; i++ {
		lo, hi := (float64(i)+0.5)/steps, (float64(i)+1.5)/steps
		if !(det(lo)*det(hi) < 0) {
			continue
		}
		for range 40 {
			if mid := (lo + hi) / 2; det(lo)*det(mid) > 0 {
				lo = mid
			} else {
				hi = mid
			}
		}
		times = append(times, hi)
	}
	return times
}

func (c *change) safeSteps(d *schedule.Discrete) (span, error) {
	s := span{discrete: true, first: -1}
	var missing error
	for i := range schedule.Index(d.Count()) {
		_, err := c.at(d.Time(i))
		switch {
		case err != nil && s.first >= 0 && int(i) < d.Count()-1:
			return s, err
		case err != nil:
			missing = err
		case s.first < 0:
			s.first = i
			fallthrough
		default:
			s.last = i
		}
	}
	if s.first < 0 {
		return s, missing
	}
	s.From, s.To = d.Time(s.last), d.Time(s.first)
	return s, nil
}

// genuine are the times of the new path at which the network's own path has the same ratio of signal to noise. At others the
// network is asked at its nearest end.
func (c *change) genuine() span {
	noisy, clean := 0., 1.
	if d, ok := c.own.(*schedule.Discrete); ok {
		noisy, clean = d.Time(schedule.Index(d.Count()-1)), d.Time(0)
	}
	s := span{From: schedule.TimeAt(c.onto, c.own.At(noisy).LogSNR()), To: schedule.TimeAt(c.onto, c.own.At(clean).LogSNR())}
	if d, ok := c.onto.(*schedule.Discrete); ok {
		s.discrete = true
		s.first, s.last = schedule.Index(math.Ceil(d.Fraction(s.To))), schedule.Index(math.Floor(d.Fraction(s.From)))
	}
	return s
}
