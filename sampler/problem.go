package sampler

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"odeon/schedule"
)

// Model is what a plan needs to know about a network.
type Model struct {
	Path       schedule.Path
	Prediction schedule.Prediction
	// Second is what the network gives beside Prediction in the same call; the zero value: nothing. A plan reads it where a
	// solver asks for just that, as Euler-Maruyama does for the score beside the velocity, and whatever else is asked for is
	// had from Prediction. It goes unread in a plan that clips.
	Second schedule.Prediction
	// Time is the number that the network is fed, in schedule.TimeVariables(Path). Nil: t; 1-t for a reverse velocity;
	// the index on a discrete path.
	Time *schedule.Formula
	// Scale is what the state is multiplied by before the network sees it. Nil: 1.
	Scale *schedule.Formula
	// Start is the standard deviation of the state at the first time. Nil: sqrt(alpha^2+beta^2) there; beta on ve and
	// edm; 1 on a discrete path.
	Start *schedule.Formula
	// Integer says that the network takes its time as an integer: Input is rounded, and on a discrete path alpha, beta
	// and t are those of the rounded index.
	Integer bool
}

// Settings says how to walk. The zero value works: each field says its default.
type Settings struct {
	Solver Solver        // Euler; DDIM on a discrete path, unless Sigma asks for an SDE
	Steps  int           // 50, or as many as Grid or Indexes lists; all trained steps of a discrete path with fewer
	Grid   schedule.Grid // uniform; trailing on a discrete path

	From *float64 // time of the first state: 0, or 0.01 where the first call or its conversion does not exist at 0
	To   *float64 // time of the last state: 1

	// Indexes are the trained indices at which the network is called, noisiest first, on a discrete path. They stand in
	// for Grid, From and To.
	Indexes []schedule.Index
	// Nodes are where the steps begin, and where the last one ends, in full detail; they stand in for Steps, Grid, Indexes, From
	// and To. Another program's schedule is walked so, digit by digit.
	Nodes []Node

	// EndIndex makes the walk on a discrete path end in the state at that index. Nil: at clean data. A named grid then
	// spaces its steps over what is noisier.
	EndIndex *schedule.Index

	Sigma    schedule.Diffusion // 0: the ODE
	Eta      *float64           // share of fresh noise, of the solvers that have one: 0 for ddim, 1 for ddpm and the SDE forms
	Variance string             // of ddim and ddpm with noise: "posterior" (default) or "beta"

	Order     int       // of the solvers that have several; 0: the solver's usual one
	Churn     Churn     // of euler-churn and heun-churn; the zero value: none
	Gamma     *float64  // of tcd: how far a step goes back to noise, 0 to 1; nil: 0.3
	Corrector Corrector // of predictor-corrector and annealed-langevin
	Tolerance Tolerance // of Adaptive, which finds its own steps; the zero value in a plan
	Boundary  float64   // of lcm: what a trained index (of a thousand) is multiplied by where it counts as far from the data; 0: 10

	// Last is how the walk ends: last.go. Default: "denoise" on a path that ends with noise left (ve, edm), for a named grid
	// that goes to t = 1, "none" otherwise.
	Last string

	As    string   // what the plan says of the form in which a method is taken
	Start *float64 // standard deviation of the first state; nil: the model's

	Clip      *[2]float64 // the data prediction is clipped to it at every call; nil: not
	Threshold *Threshold  // or to a range that depends on the sample; nil: not
	// Unclipped keeps the noise of ddim's steps that of the prediction before it was clipped. Otherwise the noise is what the clipped
	// data prediction leaves of the state.
	Unclipped bool

	// Strength lets the walk begin in given data (State.Noised) and is the share of it that is taken: of N steps the last
	// min(int(N Strength), N). 0: the whole walk, from noise alone.
	Strength float64
	// Known says that parts of the data are known (Inpaint): rows then tell what the prediction is where the data are.
	Known bool
	// Invert puts the same walk, taken backwards from given data to noise, before the walk to data.
	Invert bool
	// Resample goes through every part of the walk several times; the zero value: once.
	Resample Resample
}

// laterStarts are where a walk may start when it cannot start in pure noise: at t = 0.01, and on a table so short that
// this still is the noisiest step, at the next one.
func laterStarts(path schedule.Path) []float64 {
	starts := []float64{0.01}
	if d, ok := path.(*schedule.Discrete); ok && d.Count() > 1 {
		if next := d.Time(schedule.Index(d.Count() - 2)); next > starts[0] {
			starts = append(starts, next)
		}
	}
	return starts
}

// NewPlan writes the table of a walk. It is arithmetic alone: no network is needed or called.
//
// A step whose first stage cannot be evaluated is an error; at the walk's first time, unless settings name that time,
// the walk starts at t = 0.01 instead, with a warning. A later stage that cannot be evaluated is stepped around, and its
// row says how.
func NewPlan(m Model, s Settings) (*Plan, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if s.Tolerance != (Tolerance{}) {
		return nil, errors.New("steps by a tolerance are found on the walk itself: there is no plan before it")
	}
	whole := s
	whole.Strength, whole.Invert = 0, false
	quiet, err := whole.quieter(m)
	if err != nil {
		return nil, err
	}
	plan, err := startable(m, &whole)
	if err == nil && (s.Strength != 0 || s.Invert) && plan.From > plan.To {
		return nil, fmt.Errorf("the walk goes from t=%.4g to t=%.4g, towards noise, and strength, mask and invert are about one to data: leave them out and give the data as the state to begin in (init), or take a walk to data", plan.From, plan.To)
	}
	if err == nil && (s.Strength != 0 || s.Invert) {
		s.From = whole.From
		plan, err = fromData(m, s, plan)
	}
	if err == nil && quiet != "" {
		plan.Warnings = append(plan.Warnings, quiet)
	}
	return plan, err
}

// startable is the whole walk, from noise, and puts into s the first time that it had to be given.
func startable(m Model, s *Settings) (*Plan, error) {
	plan, err := build(m, *s)
	var start *startError
	if !errors.As(err, &start) || s.From != nil || schedule.Lists(s.Grid) > 0 || len(s.Indexes) > 0 || len(s.Nodes) > 0 {
		return plan, err
	}
	for _, from := range laterStarts(m.Path) {
		s.From = &from
		plan, again := build(m, *s)
		switch {
		case again == nil && plan.From < plan.To:
			plan.Warnings = append(plan.Warnings, later(plan.From, start.why))
			return plan, nil
		case again != nil && !errors.As(again, new(*startError)):
			return nil, again
		}
	}
	return nil, err
}

// later is the warning that the walk starts at another time than its first.
func later(t float64, why error) string {
	return fmt.Sprintf("the walk starts at t=%.6g, since at its first time it could not: %v", t, why)
}

// startError says that the walk's first step does not exist where the walk starts.
type startError struct {
	t    float64
	why  error
	mend string
}

func (e *startError) Error() string {
	return fmt.Sprintf("the walk cannot start at t=%.6g: %v; %s", e.t, e.why, e.mend)
}

func (e *startError) Unwrap() error { return e.why }

func build(m Model, s Settings) (*Plan, error) {
	b, err := newBuilder(m, s)
	if err != nil {
		return nil, err
	}
	nodes, denoise, err := b.route()
	if err != nil {
		return nil, err
	}
	if nodes, err = b.lastPart(nodes, denoise); err != nil {
		return nil, err
	}
	b.total = len(nodes) - 1
	if denoise {
		b.total++
	}
	plan := b.plan
	plan.From = nodes[0].t
	if s.Strength == 0 && s.From != nil && plan.From != *s.From && b.discrete == nil {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("the walk starts at t=%.6g and not at %.6g, which grid %s cannot begin with", plan.From, *s.From, plan.Grid))
	}
	if err := b.begin(nodes[0]); err != nil {
		return nil, b.cannotStart(nodes[0], err)
	}
	passes := b.settings.Resample.passes(b.total)
	for k, pass := range passes {
		n := nodes[pass.node]
		if pass.undone > 0 {
			b.again(k, nodes, pass)
		}
		if b.drawn += n.unused; n.eta != nil {
			b.eta = *n.eta
		}
		if k == len(passes)-1 {
			b.end(nodes[len(nodes)-1])
		}
		if b.jumps || pass.node+1 == len(nodes) {
			err = b.jump(k, n, "denoise: to the data prediction")
		} else {
			err = b.step(k, n, n.target(nodes[pass.node+1]))
		}
		if k == 0 && impossible(err) {
			return nil, b.cannotStart(nodes[0], err)
		}
		if err != nil {
			return nil, fmt.Errorf("step %d (t=%.6g): %w", k, n.t, err)
		}
		if k == 0 {
			plan.Rows = slices.Grow(plan.Rows, len(plan.Rows)*b.total)
		}
	}
	if s.Last == LastRescale {
		b.rescale(nodes[len(nodes)-1])
	}
	last := &plan.Rows[len(plan.Rows)-1]
	plan.To, plan.Steps = last.Next, last.Step+1
	if w := b.stiff.warning(); w != "" {
		plan.Warnings = append(plan.Warnings, w)
	}
	return plan, plan.Check()
}

// cannotStart adds to an error how to start where the first step exists, if that is what it is about.
func (b *builder) cannotStart(first node, err error) error {
	if !impossible(err) {
		return err
	}
	within := slices.Max(laterStarts(b.model.Path))
	if first.t > 0.5 {
		within = 1 - within
	}
	_, listed := b.settings.Grid.(schedule.List)
	mend := fmt.Sprintf("start inside, for example with --t-start %v", within)
	switch {
	case len(b.settings.Nodes) > 0:
		mend = "leave the first node out"
	case len(b.settings.Indexes) > 0:
		mend = fmt.Sprintf("leave index %v out", first.point.Index)
	case listed:
		mend = fmt.Sprintf("begin the list inside, for example at %v", within)
	}
	return &startError{first.t, err, mend}
}

// named says whether a solver was chosen.
func (s Solver) named() bool { return s.Name != "" || len(s.Tableau.B) > 0 }

// Check says what contradicts itself in the settings, whatever the model. NewPlan's plans pass it.
func (s Settings) Check() error {
	switch {
	case s.Steps < 0:
		return fmt.Errorf("found %d steps, expected at least 1", s.Steps)
	case s.Clip != nil && !(finite(s.Clip[:]...) && s.Clip[0] < s.Clip[1]):
		return fmt.Errorf("clip %v,%v is no range: give the lower end first", s.Clip[0], s.Clip[1])
	case s.Clip != nil && s.Threshold != nil:
		return errors.New("clip and threshold both bound the data prediction; give one")
	case s.Threshold != nil && s.Threshold.check() != nil:
		return s.Threshold.check()
	case s.Unclipped && (s.Clip == nil && s.Threshold == nil || s.Solver.knows&byVariance == 0):
		return errors.New("unclipped says what the noise of ddim's steps is where the data prediction is clipped: give a clip, or leave unclipped out")
	case s.Start != nil && !(finite(*s.Start) && *s.Start >= 0):
		return fmt.Errorf("start is %v, expected a standard deviation, 0 or more", *s.Start)
	}
	if s.Solver.named() {
		if err := s.Solver.check(s); err != nil {
			return err
		}
	}
	return cmp.Or(s.checkLast(), s.checkTolerance(), s.checkNodes(), s.checkEdit(), s.checkIndexes())
}

// newBuilder fills in the defaults and checks what can be checked before there are times.
func newBuilder(m Model, s Settings) (*builder, error) {
	switch {
	case m.Path == nil:
		return nil, errors.New("no path: the model must say along which path it was trained")
	case !m.Prediction.Valid():
		return nil, errors.New("no prediction: the model must say what it predicts")
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	b := &builder{model: m, basis: m.Prediction, second: m.Second}
	b.discrete, _ = m.Path.(*schedule.Discrete)
	if !s.Solver.named() {
		s.Solver = Euler
		if b.discrete != nil && s.Sigma.IsZero() {
			s.Solver = DDIM
		}
	}
	if err := s.Solver.check(s); err != nil {
		return nil, err
	}
	if s.Grid == nil && len(s.Indexes) == 0 && len(s.Nodes) == 0 {
		s.Grid = schedule.Uniform
		if b.discrete != nil {
			s.Grid = schedule.Trailing
		}
	}
	grid := s.Grid
	if levels, ok := s.Grid.(schedule.Sigmas); ok {
		times, err := levels.Times(m.Path, 0, 1, 0)
		if err != nil {
			return nil, err
		}
		s.Grid = schedule.List(times)
	}
	b.settings = s
	b.plan = &Plan{Solver: s.Solver.Name, As: s.As, Path: m.Path.String(), Prediction: m.Prediction.String(), Grid: "indexes"}
	if len(s.Nodes) > 0 {
		b.plan.Grid = "nodes"
	}
	if grid != nil {
		b.plan.Grid = grid.String()
	}
	if !s.Sigma.IsZero() {
		b.plan.Sigma = s.Sigma.String()
	}
	if s.Solver.hasEta() {
		b.eta = s.Solver.noise(s)
		eta := b.eta
		b.plan.Eta = &eta
		given := slices.ContainsFunc(s.Nodes, func(n Node) bool { return n.Noise != nil })
		if b.eta != 0 && s.Solver.knows&byVariance != 0 && !given {
			b.plan.Variance = cmp.Or(s.Variance, "posterior")
		}
	}
	if s.Known {
		b.second = schedule.Prediction{}
	}
	if s.Clip != nil {
		clip := *s.Clip
		b.plan.Clip, b.basis, b.second = &clip, schedule.Data, schedule.Prediction{}
	}
	if s.Threshold != nil {
		threshold := *s.Threshold
		b.plan.Threshold, b.basis, b.second = &threshold, schedule.Data, schedule.Prediction{}
	}
	if s.Unclipped {
		b.second = m.Prediction
	}
	if highest := s.Solver.highest; highest > 0 {
		b.order = cmp.Or(s.Order, s.Solver.order)
		b.plan.Order = b.order
	}
	b.draws = cmp.Or(s.Solver.draws, 1)
	if s.Resample.times() > 1 {
		b.draws++
	}
	if works := s.Solver.works; works.Valid() && !works.Equal(b.basis) {
		b.works = works
		b.plan.Functional = works.String()
	}
	return b, nil
}

// step writes one step of the solver.
func (b *builder) step(k int, from, to node) error {
	if s := b.settings.Solver; s.step != nil {
		return s.step(b, k, from, to)
	}
	return b.rungeKutta(b.settings.Solver, k, from, to)
}
