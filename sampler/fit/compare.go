package fit

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"odeon/sampler"
	"odeon/schedule"
)

// Comparison is the error of a solver of the literature.
type Comparison struct {
	Solver, Grid string
	Error
}

// rivals are the solvers that a fitted plan is compared with, each on the path's usual grid and in equal steps of a root of the
// noise level.
var rivals = struct {
	solvers []string
	grids   []schedule.Grid
}{
	[]string{"euler", "ddim", "heun", "dpmpp-2m", "unipc"},
	[]schedule.Grid{nil, schedule.Karras(7)},
}

// compare walks samples that were not fitted, finely, by the fitted plan and by other solvers with as many calls.
func (r *Result) compare(ctx context.Context, p Problem, n *nodes, s Settings) error {
	held, err := p.walkFine(ctx, n, p.First+s.Samples, s.Held)
	if err != nil {
		return err
	}
	if r.Held, err = p.error(ctx, r.Plan, held); err != nil {
		return err
	}
	for _, name := range rivals.solvers {
		for _, grid := range rivals.grids {
			plan := n.rival(s, name, grid)
			if plan == nil {
				continue
			}
			e, err := p.error(ctx, plan, held)
			if errors.As(err, new(*sampler.NonFiniteError)) {
				continue
			}
			if err != nil {
				return err
			}
			r.Others = append(r.Others, Comparison{name, plan.Grid, e})
		}
	}
	slices.SortStableFunc(r.Others, func(a, b Comparison) int { return cmp.Compare(a.Mean, b.Mean) })
	return nil
}

// rival is a solver's plan of at most as many calls as the fitted one has, from the same start to the same end; nil where it has none.
func (n *nodes) rival(s Settings, solver string, grid schedule.Grid) *sampler.Plan {
	w := s.Walk
	w.Grid, w.From = grid, &n.times[0]
	var err error
	if w.Solver, err = sampler.SolverByName(solver); err != nil {
		return nil
	}
	for w.Steps = s.Calls; w.Steps > 0; w.Steps-- {
		if plan, err := sampler.NewPlan(n.model, w); err == nil && plan.Calls() <= s.Calls {
			return plan
		}
	}
	return nil
}
