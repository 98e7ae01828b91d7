package sampler

import (
	"math"

	"odeon/schedule"
)

// EulerLateChurn is EulerChurn as diffusers takes it: the noise is added after the network's call, and the step goes by what the
// network said of the state before it. One call and one row a step. It has no name on the command line.
var EulerLateChurn = Solver{
	Name:    "euler-late-churn",
	Summary: "euler-churn with the noise added after the call, as in diffusers; with churn",
	step:    (*builder).lateChurn,
	knows:   byChurn,
}

// lateChurn writes, in X = x/alpha, X' = Y + (sigma' - sigma_hat) eps(Y, p), with Y = X + sqrt(sigma_hat^2 - sigma^2) xi, and eps the
// noise that p means at the level sigma_hat.
func (b *builder) lateChurn(k int, from, to node) error {
	c, sigma := b.settings.Churn, from.point.Sigma()
	level := sigma * (1 + c.gamma(sigma, b.total))
	if level == sigma {
		return b.ddim(k, from, to)
	}
	row, err := b.call(k, from)
	if err != nil {
		return err
	}
	hat := from
	hat.point.Beta = level * hat.point.Alpha
	hat.path = pinned{hat.path, hat.point}
	noise, err := b.functional(hat, schedule.Noise)
	if err != nil {
		return err
	}
	step := to.point.Sigma() - level
	y := 1 + step*noise.X*hat.point.Alpha
	row.becomes(expression{X: to.point.Alpha * y / from.point.Alpha, P: to.point.Alpha * step * noise.P})
	row.C = c.deviation() * to.point.Alpha * y * math.Sqrt((level-sigma)*(level+sigma))
	row.Next, row.Ends = to.t, true
	b.append(row)
	return nil
}
