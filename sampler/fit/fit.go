package fit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"odeon/sampler"
	"odeon/schedule"
)

// Problem is the field that a plan is fitted to, and the samples that it is fitted on.
type Problem struct {
	Model   sampler.Model
	Network sampler.Network // guided, if it is to be, and not clipped; it is called with all samples at once
	Noise   sampler.Noise   // of the starts
	First   int             // number of the first sample; the others follow
	Dim     int             // elements of one
}

// Settings say how to fit. Fields that are zero have the values that they name.
type Settings struct {
	Calls   int // network calls of the plan, at least 1; there is no default
	Samples int // that are fitted: 64, or as many more as have 6144 elements together
	Held    int // samples after those, on which the errors are told: half as many
	Fine    int // steps of the fine walk: 1000, and all trained steps where the network takes integers
	Effort  int // calls with all samples, at most, that are spent on times and coefficients: 2000

	// Walk says where the walk begins and ends, and how it clips: From, To, EndIndex, Last, Clip and Threshold. The others must be zero.
	Walk sampler.Settings
}

// MostCalls is the most network calls that a plan can be fitted with.
const MostCalls = 128

// Result is a fitted plan, and how close to the fine walk it comes.
type Result struct {
	Plan   *sampler.Plan
	Fine   *sampler.Plan
	Fitted Error        // on the samples that were fitted
	Held   Error        // on those that were not
	Others []Comparison // plans of solvers with as many calls, on those that were not; the closest first

	Samples, HeldSamples int
}

// Fit fits a plan of few calls. It is a function of its arguments alone, whatever the machine, up to the rounding of the network.
func Fit(ctx context.Context, p Problem, s Settings) (*Result, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	s = s.For(p.Dim)
	nodes, err := newNodes(p.Model, s)
	if err != nil {
		return nil, err
	}
	budget := cmp.Or(s.Effort, usualEffort)
	teacher, err := p.walkFine(ctx, nodes, p.First, s.Samples)
	if err != nil {
		return nil, err
	}
	known, moved, err := search(ctx, p, nodes, teacher, s.Calls, budget)
	if err != nil {
		return nil, err
	}
	w, err := refineBoth(ctx, known, moved, teacher, budget)
	if err != nil {
		return nil, err
	}
	result := &Result{Plan: w.plan(), Fine: nodes.fine, Samples: s.Samples, HeldSamples: s.Held}
	if result.Fitted, err = p.error(ctx, result.Plan, teacher); err != nil {
		return nil, err
	}
	return result, result.compare(ctx, p, nodes, s)
}

func (s Settings) check() error {
	w := s.Walk
	var shaped []string
	for _, part := range []struct {
		name string
		set  bool
	}{
		{"solver", w.Solver.Name != "" || len(w.Solver.Tableau.B) > 0}, {"steps", w.Steps != 0}, {"grid", w.Grid != nil},
		{"indexes", len(w.Indexes) > 0}, {"nodes", len(w.Nodes) > 0}, {"order", w.Order != 0}, {"tolerance", w.Tolerance != sampler.Tolerance{}},
		{"churn", w.Churn != sampler.Churn{}}, {"gamma", w.Gamma != nil}, {"corrector", w.Corrector != sampler.Corrector{}},
		{"boundary", w.Boundary != 0}, {"start", w.Start != nil}, {"unclipped", w.Unclipped},
	} {
		if part.set {
			shaped = append(shaped, part.name)
		}
	}
	switch {
	case s.Calls < 1 || s.Calls > MostCalls:
		return fmt.Errorf("found %d network calls, expected 1 to %d", s.Calls, MostCalls)
	case s.Samples < 0 || s.Held < 0 || s.Fine < 0 || s.Effort < 0:
		return errors.New("samples, fine steps and effort of a fit are not below 0")
	case len(shaped) > 0:
		return fmt.Errorf("a fit finds times and coefficients itself; leave %s out", strings.Join(shaped, " and "))
	case !w.Sigma.IsZero() || w.Eta != nil && *w.Eta != 0 || w.Variance != "":
		return errors.New("a fitted plan walks along the ODE, without noise: leave sigma, eta and variance out")
	case w.Strength != 0 || w.Known || w.Invert || w.Resample != sampler.Resample{}:
		return errors.New("a fitted plan goes from noise to data, once: leave strength, known data, inversion and resampling out")
	}
	return nil
}

const usualEffort = 2000

// For is s with its numbers of samples settled, for samples of dim elements.
func (s Settings) For(dim int) Settings {
	const fewest, most, elements = 64, 4096, 6144
	s.Samples = cmp.Or(s.Samples, min(max(fewest, elements/dim), most))
	s.Held = cmp.Or(s.Held, (s.Samples+1)/2)
	return s
}

// Cost is what a fit takes, at most and about: evaluations of the network for one sample, and bytes of memory.
type Cost struct {
	Calls  int64
	Memory float64
}

// CostOf is the cost of a fit, which need not have been begun.
func CostOf(p Problem, s Settings) (Cost, error) {
	if err := s.check(); err != nil {
		return Cost{}, err
	}
	s = s.For(p.Dim)
	n, err := newNodes(p.Model, s)
	if err != nil {
		return Cost{}, err
	}
	fine, numbers := len(n.times), float64(s.Samples)*float64(p.Dim)
	others := s.Calls * (1 + len(rivals.solvers)*len(rivals.grids))
	const walks = 4 // in float64: the two of the search, one that is tried, and one for a derivative
	unknowns := s.Calls * (s.Calls + 5) / 2
	return Cost{
		Calls:  int64(s.Samples)*int64(fine+cmp.Or(s.Effort, usualEffort)+s.Calls) + int64(s.Held)*int64(fine+others),
		Memory: numbers*float64(4*fine+8*walks*2*s.Calls) + 8*float64(unknowns)*min(numbers, mostEquations),
	}, nil
}

// Teacher is the fine walk in words.
func (r *Result) Teacher() string {
	return fmt.Sprintf("%d steps of %s from t=%.6g to t=%.6g", r.Fine.Steps, r.Fine.Solver, r.Fine.From, r.Fine.To)
}

// plan is the student's table, as any walk runs it.
func (w *student) plan() *sampler.Plan {
	plan := *w.skeleton
	times := make(schedule.List, 0, len(plan.Rows)+1)
	plan.Rows = slices.Clone(plan.Rows)
	for k := range plan.Rows {
		row := &plan.Rows[k]
		row.A, row.B, row.Note = w.coef[k][0], slices.Clone(w.coef[k][1:]), "fitted"
		times = append(times, row.T)
	}
	if end := plan.Rows[len(plan.Rows)-1].Next; end > times[len(times)-1] {
		times = append(times, end)
	}
	plan.Solver, plan.Order, plan.Eta, plan.Grid = "fitted", 0, nil, times.String()
	plan.Warnings = w.nodes.fine.Warnings
	return &plan
}
