package sampler

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// drift is the slope at n, in terms of the state and the predictions there: the velocity u, and for an SDE
// u + sigma^2/2 s with s the score. A step from data to noise (h < 0) has u - sigma^2/2 s: time runs against the
// process, and the noise spreads the particles the same way (Anderson 1982; Song et al. 2021, appendix D).
func (b *builder) drift(n node, h float64) (slope expression, sigma float64, err error) {
	if slope, err = b.functional(n, schedule.Velocity); err != nil {
		return slope, 0, err
	}
	if sigma, err = b.settings.Sigma.At(n.point); err != nil {
		return slope, 0, &noCallError{t: n.t, why: err.Error()}
	}
	if sigma == 0 {
		return slope, 0, nil
	}
	score, err := b.functional(n, schedule.Score)
	if err != nil {
		return slope, sigma, err
	}
	return slope.plus(math.Copysign(sigma*sigma/2, h), score), sigma, nil
}

// stiffness is what the builder has seen of sigma^2 h / (2 beta^2) > 1. The score pulls the noise towards its scale with
// the rate sigma^2 / (2 beta^2); a step longer than the inverse of that overshoots, more than twice of it diverges.
type stiffness struct {
	steps, worst int
	ratio, t     float64
}

// watch notes a step that is too long for its noise.
func (b *builder) watch(k int, from node, sigma, h float64) {
	ratio := sigma * sigma * math.Abs(h) / (2 * from.point.Beta * from.point.Beta)
	if !(ratio > 1) {
		return
	}
	b.stiff.steps++
	if ratio > b.stiff.ratio {
		b.stiff.worst, b.stiff.ratio, b.stiff.t = k, ratio, from.t
	}
}

// warning is empty where no step was too long.
func (s stiffness) warning() string {
	if s.steps == 0 {
		return ""
	}
	return fmt.Sprintf("Euler-Maruyama is unstable where sigma^2 h / (2 beta^2) > 1: %d of the steps, the worst %.4g at step %d (t=%.4g); "+
		"take more steps, an earlier last time, or a sigma that falls with beta", s.steps, s.ratio, s.worst, s.t)
}
