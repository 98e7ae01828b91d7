package sampler

import (
	"cmp"
	"errors"
	"fmt"
	"math"
)

// Tolerance is how far a step of Adaptive may be off: its error, divided by Abs + Rel |x|, has a root mean square below 1 in every
// sample.
type Tolerance struct {
	Rel, Abs float64 // 0: 1e-4; the state is float32, so that a Rel below 1e-6 has no sense
	First    float64 // the first step; 0: a hundredth of the walk
	Most     int     // steps tried at most; 0: 10000
}

func (t Tolerance) check() error {
	if !finite(t.Rel, t.Abs, t.First) || min(t.Rel, t.Abs, t.First) < 0 || t.Most < 0 {
		return fmt.Errorf("tolerance %+v: expected numbers not below 0", t)
	}
	return nil
}

// checkTolerance: steps by a tolerance are not those of a grid.
func (s Settings) checkTolerance() error {
	switch {
	case s.Tolerance == Tolerance{}:
		return nil
	case len(s.Indexes) > 0 || len(s.Nodes) > 0 || s.Grid != nil || s.Steps != 0:
		return errors.New("dopri5 with a tolerance finds its own steps; leave steps, grid and indexes out")
	case s.Strength != 0 || s.Known || s.Invert || s.Resample != Resample{}:
		return errors.New("dopri5 with a tolerance finds its own steps, of which there is no share, no way back, no repetition and none beside known data; leave strength, invert, resample and mask out, or the tolerance")
	case s.Last == "mean" || s.Last == "ode":
		return fmt.Errorf("last %q is about the noise of the last step, and dopri5 draws none: leave last out", s.Last)
	}
	return nil
}

// usual fills in the defaults.
func (t Tolerance) usual() Tolerance {
	t.Rel, t.Abs, t.Most = cmp.Or(t.Rel, 1e-4), cmp.Or(t.Abs, 1e-4), cmp.Or(t.Most, 10_000)
	return t
}

// controller is the proportional-integral control of the step by the error, as a share of what is tolerated, of this step and the one
// before it: Hairer, Norsett and Wanner, IV.2, with the constants of their DOPRI5. A step after a rejected one does not grow.
type controller struct {
	before   float64
	rejected bool
}

// factor is that of the next step to this one.
func (c *controller) factor(worst float64) float64 {
	const beta = 0.04
	power := math.Pow(worst, 0.2-0.75*beta)
	if !(worst <= 1) {
		c.rejected = true
		if factor := 0.9 / power; factor > 0.2 { // and not where it is no number
			return factor
		}
		return 0.2
	}
	factor := min(5, max(0.2, 0.9*math.Pow(c.before, beta)/power))
	if c.rejected {
		factor = min(1, factor)
	}
	c.before, c.rejected = max(worst, 1e-4), false
	return factor
}
