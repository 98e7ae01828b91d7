package sampler

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// Langevin is overdamped Langevin dynamics dX = s(X) d tau + sqrt(2) dW in the field s = grad log p_t of one time t, by
// Euler-Maruyama: x' = x + h s + sqrt(2h) xi (Roberts and Tweedie 1996, the unadjusted algorithm). The field does not
// move; the law tends to p_t, up to an error of order h.
func Langevin(m Model, t, h float64, steps int) (*Plan, error) {
	switch {
	case !finite(h) || h <= 0:
		return nil, fmt.Errorf("step %v of Langevin dynamics: expected more than 0", h)
	case steps < 1:
		return nil, fmt.Errorf("found %d steps, expected at least 1", steps)
	}
	b, err := newBuilder(m, Settings{Solver: Euler, Steps: steps})
	if err != nil {
		return nil, err
	}
	n := b.at(t)
	score, err := b.functional(n, schedule.Score)
	if err != nil {
		return nil, err
	}
	for k := range steps {
		row, err := b.call(k, n)
		if err != nil {
			return nil, err
		}
		row.becomes(expression{X: 1}.plus(h, score))
		row.C = math.Sqrt(2 * h)
		row.Next, row.Ends, row.Sigma = n.t, true, math.Sqrt2
		b.append(row)
	}
	p := b.plan
	p.Solver, p.Grid, p.Steps = "langevin", fmt.Sprintf("t stays, h=%v", h), steps
	p.From, p.To = n.t, n.t
	if p.Start, err = b.start(n); err != nil {
		return nil, err
	}
	return p, p.Check()
}

// OrnsteinUhlenbeck is the process dX = -theta X dt + sigma dW, started at X = 0, on a grid of step h. Its transition is
// Gaussian and the rows are exact (Uhlenbeck and Ornstein 1930):
//
//	x' = exp(-theta h) x + sigma sqrt((1 - exp(-2 theta h)) / (2 theta)) xi
//
// No network is called. With theta = 0 it is Brownian motion. The rows are exact in float64; a walk in float32 knows
// exp(-theta h) to 6e-8, so that a theta h below 1e-5 decays by another rate, off by some percent at 1e-6.
func OrnsteinUhlenbeck(theta, sigma, h float64, steps int) (*Plan, error) {
	if !finite(theta, sigma, h) || theta < 0 || sigma < 0 || h <= 0 || steps < 1 {
		return nil, fmt.Errorf("an Ornstein-Uhlenbeck process with theta %v, sigma %v and %d steps of %v: expected theta and sigma not below 0, and steps above 0", theta, sigma, steps, h)
	}
	variance := h
	if theta > 0 {
		variance = -math.Expm1(-2*theta*h) / (2 * theta)
	}
	p := &Plan{Solver: "ornstein-uhlenbeck", Grid: fmt.Sprintf("h=%v", h), Sigma: fmt.Sprint(sigma), To: float64(steps) * h, Steps: steps}
	for k := range steps {
		row := Row{
			Step: k, T: float64(k) * h, Next: float64(k+1) * h, Scale: 1, Ends: true,
			A: math.Exp(-theta * h), C: sigma * math.Sqrt(variance), Sigma: sigma,
		}
		if row.C != 0 {
			row.Draw = k + 1
		}
		p.Rows = append(p.Rows, row)
	}
	return p, p.Check()
}
