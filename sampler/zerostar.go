package sampler

import (
	"fmt"

	"odeon/schedule"
)

// ZeroStar is CFG-Zero* (Fan et al. 2025, https://arxiv.org/abs/2503.18886), which corrects an unconditional velocity that is too long or
// too short:
//
//	p = s u + w (c - s u),   s = <c, u> / |u|^2
//
// s is each sample's own, and s u the projection of c on u. In the first steps, where a network knows least, the field is zero.
type ZeroStar struct {
	Steps int // solver steps without a field, and without a call of the network
}

// Functional is the velocity, as in the paper. Along a path with alpha^2 + beta^2 = 1 it is a multiple of v, and s the same for both.
func (ZeroStar) Functional() schedule.Prediction { return schedule.Velocity }

// direction is d = c - s u: p = c + (w - 1) d.
func (ZeroStar) direction(u, c, x []float32, to schedule.Conversion) {
	cu, uu := 0.0, 0.0
	for i, v := range x {
		fc, fu := value(to, v, c[i]), value(to, v, u[i])
		cu, uu = cu+float64(fc*fu), uu+float64(fu*fu)
	}
	s := quotient(cu, uu)
	own := 0.0 // of x: the functional's X x is in both, and s takes part of one away
	if to.X != 0 {
		own = (1 - s) * (to.X / to.P)
	}
	s32, own32 := float32(s), float32(own)
	for i, v := range x {
		u[i] = float32(c[i]-float32(s32*u[i])) + float32(own32*v)
	}
}

// String is zero-star(steps).
func (z ZeroStar) String() string { return fmt.Sprintf("zero-star(%d)", z.Steps) }
