package sampler

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// singlestep is an exponential Runge-Kutta method: it begins every step anew, and goes by f at stages within it.
type singlestep struct {
	form   form
	over   variable
	stages []stage // those after the first, which is the step's begin; the last is its end
	// lower takes a step of which a stage cannot be evaluated. Nil: f is taken as constant.
	lower *singlestep
	// motion says that the noise of a step is the end of a Brownian motion in beta/alpha, of which the stages' noise is the way there.
	// Else the noise of a stage is that of the SDE up to it.
	motion bool
}

// stage is a state within a step, or at its end, and how f is integrated up to it.
type stage struct {
	at    float64 // the share of the step, by the variable
	nodes []int   // the earlier stages whose f is interpolated, 0 the step's begin
	rule  rule
	// shares are fixed parts of the whole integral in place of nodes, one an earlier stage.
	shares []float64
}

// frozen is the step in which f is constant: DDIM, and the first order of all exponential methods.
func frozen(f form) *singlestep {
	return &singlestep{form: f, stages: []stage{{at: 1, nodes: []int{0}}}}
}

func (m singlestep) works() schedule.Prediction { return m.form.functional() }

// step writes a row for each stage: from its call to the state of the next stage, all counted from the step's begin.
func (m singlestep) step(b *builder, k int, from, to node) error {
	if order := from.order; order > 0 && order < len(m.stages) {
		return m.below().step(b, k, from, to)
	}
	calls := b.calls
	err := m.write(b, k, from, to)
	if why := err; impossible(why) && len(m.stages) > 1 {
		b.calls = calls
		lower := m.below()
		first := len(b.plan.Rows)
		if err = lower.step(b, k, from, to); err == nil && first < len(b.plan.Rows) && b.plan.Rows[first].Note == "" {
			b.plan.Rows[first].Note = fmt.Sprintf("order %d: %s", len(lower.stages), brief(why))
		}
	}
	return err
}

// below is the method of the next lower order.
func (m singlestep) below() *singlestep {
	if m.lower != nil {
		return m.lower
	}
	return frozen(m.form)
}

func (m singlestep) write(b *builder, k int, from, to node) error {
	if m.form == noiseForm && from.point.Alpha == 0 {
		return b.fromNoise(k, from, to)
	}
	if len(m.stages) > 1 && !finite(m.over.of(m.form, from), m.over.of(m.form, to)) {
		return &noCallError{t: from.t, why: "an end of the step has no log-SNR"}
	}
	at := from
	var rows []Row
	var values []evaluation
	var arrived float64 // noise that the state at hand has gathered within the step
	for i, stage := range m.stages {
		if i > 0 && b.discrete != nil && at.clean() {
			return &noCallError{t: from.t, why: "the network was not trained on clean data"}
		}
		row, err := b.call(k, at)
		if err != nil {
			return err
		}
		values = append(values, b.evaluated(at))
		target := to
		if i+1 < len(m.stages) {
			target = b.between(m.over, m.form, from, to, stage.at)
			if len(from.stages) > i {
				target = from.stages[i]
			}
		}
		begin := from
		if at.from != nil {
			begin = *at.from
		}
		s, err := b.stride(m.form, m.over, begin, target)
		if err != nil {
			return err
		}
		switch inner := i+1 < len(m.stages); {
		case len(m.stages) > 1 && s.straight():
			return &noCallError{t: from.t, why: "the step has no length in log-SNR, or none that is finite"}
		case inner && m.over.of(m.form, target) == m.over.of(m.form, from), stage.shares == nil && i > 0 && m.over.of(m.form, target) == m.over.of(m.form, at):
			return &noCallError{t: from.t, why: "two stages fall together"}
		}
		if row.A = s.keep; i > 0 {
			row.A, row.A0 = 0, s.keep
		}
		row.B = b.column(stage.weights(&s, values))
		if row.C = s.c; i > 0 && s.c != 0 { // the noise up to the stage before is a part of this one
			rest, err := b.stride(m.form, m.over, at, target)
			if err != nil {
				return err
			}
			if row.C1, row.C = rest.keep*arrived, rest.c; m.motion {
				start, middle, end := from.point.Sigma(), at.point.Sigma(), target.point.Sigma()
				row.C1 = s.c * math.Sqrt((start-middle)/(start-end))
				row.C = s.c * math.Sqrt((middle-end)/(start-end))
			}
		}
		arrived = s.c
		row.Keep = i == 0 && len(m.stages) > 1
		row.Next, row.Ends = target.t, i+1 == len(m.stages)
		rows = append(rows, row)
		at = target
	}
	b.remember(values[0])
	b.append(rows...)
	return nil
}

// weights are those of the stage's integral, and the values that they belong to.
func (g stage) weights(s *stride, values []evaluation) ([]evaluation, []float64) {
	if g.shares != nil {
		weights := make([]float64, len(g.shares))
		for i, share := range g.shares {
			weights[i] = share * s.whole
		}
		return values, weights
	}
	var used []evaluation
	var theta []float64
	for _, i := range g.nodes {
		used, theta = append(used, values[i]), append(theta, s.theta(values[i].node))
	}
	if len(used) == 1 {
		return used, []float64{s.whole}
	}
	return used, s.interpolated(theta, g.rule)
}

// exponential is a Runge-Kutta method of a form: the slopes of the tableau are f, and times are the variable.
func (t Tableau) exponential(f form, over variable) singlestep {
	m := singlestep{form: f, over: over}
	for i := 1; i < len(t.B); i++ {
		shares := make([]float64, i)
		for j, a := range t.A[i] {
			shares[j] = a / t.C[i]
		}
		m.stages = append(m.stages, stage{at: t.C[i], shares: shares})
	}
	m.stages = append(m.stages, stage{at: 1, shares: t.B})
	return m
}
