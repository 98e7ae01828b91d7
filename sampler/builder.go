package sampler

import (
	"errors"
	"fmt"
	"math"

	"odeon/schedule"
)

// builder is a plan in the making. Solvers ask it for nodes, for what a call of the network gives there, and for
// functionals of the data and the noise in terms of the state and the prediction; and append rows.
type builder struct {
	model    Model
	settings Settings
	eta      float64
	discrete *schedule.Discrete  // the model's path, where it is discrete
	basis    schedule.Prediction // what the rows' predictions are: the model's first, or the data where the plan clips
	works    schedule.Prediction // the functional that the rows' predictions are made into; none: they stay as they are
	second   schedule.Prediction // what the rows' second predictions are; none where the plan clips
	plan     *Plan
	stiff    stiffness
	values   []float64

	order int    // of the solver, where it has several
	total int    // steps of the walk
	jumps bool   // the last step is one to the data prediction
	quiet string // why the last step draws no noise; empty: it draws what it draws
	draws int    // draws of noise that a step has at most
	drawn int    // the number of the last one

	calls  int          // of the network, so far
	past   []evaluation // the last values of the functional that a multistep solver goes by, newest first
	used   []evaluation // and those that its last step went by, where it is to be taken again
	last   stride       // which was this
	retake bool         // and whether it is
}

// node is a time of the walk, with the path there.
type node struct {
	t     float64
	path  schedule.Path
	point schedule.Point

	input  *float64 // fed to the network in place of what the model says
	order  int      // the highest of the step that begins here; 0: the solver's
	stages []node   // later stages of that step, where they are given
	leads  *node    // where that step leads, where it is not the next node
	from   *node    // where the row that begins here counts from, of a stage, where that is not the step's begin
	noise  *float64 // the fresh noise of that step, where it is given
	widens float64  // and the power of the second prediction that it is multiplied by
	unused int      // draws that come before that noise
	eta    *float64 // the step's share of fresh noise
	again  int      // how many values that step is taken again by; 0: the solver says; below 0: it is not
}

// target is where the step that begins at n leads; next is where the next one begins.
func (n node) target(next node) node {
	if n.leads != nil {
		return *n.leads
	}
	return next
}

// clean says whether the state at n is clean data.
func (n node) clean() bool { return n.t == 1 && n.point.Beta == 0 }

// at is the node at t. On a discrete path a time within rounding of a trained one is that one, and so is every time
// where the network takes integers.
func (b *builder) at(t float64) node {
	if b.discrete == nil || t == 1 {
		return b.node(t)
	}
	i := b.discrete.Nearest(t)
	trained := b.discrete.Fraction(t) == float64(i)
	if !trained && !b.model.Integer {
		return b.node(t)
	}
	return b.index(i)
}

func (b *builder) node(t float64) node {
	return node{t: t, path: b.model.Path, point: b.model.Path.At(t)}
}

// index is the node of a trained index.
func (b *builder) index(i schedule.Index) node {
	t := b.discrete.Time(i)
	n := b.node(t)
	n.point.Index = float64(i)
	return n
}

// inside is n as the step between from and to sees it. The slopes of a discrete path jump at its trained steps, and at the
// step's cleaner end the one that belongs to the step is that on the side of the noise.
func (b *builder) inside(n, from, to node) node {
	if b.discrete == nil || n.t < max(from.t, to.t) {
		return n
	}
	index := n.point.Index
	n.path = b.discrete.NoiseSide()
	n.point = n.path.At(n.t)
	n.point.Index = index
	return n
}

// call is the row that calls the network at n, its coefficients still to be filled in.
func (b *builder) call(k int, n node) (Row, error) {
	row := b.still(k, n)
	row.Call = true
	b.values = schedule.TimeValues(b.values[:0], n.point)
	row.Input, row.Scale = b.model.feed(b.values, n.point)
	if n.input != nil {
		if row.Input = *n.input; b.model.Integer {
			row.Input = math.RoundToEven(row.Input)
		}
	}
	if !finite(row.Input, row.Scale) {
		return row, &noCallError{t: n.t, why: fmt.Sprintf("the network's time input would be %v and its scale %v", row.Input, row.Scale)}
	}
	if b.settings.Known {
		known, err := schedule.Convert(n.path, schedule.Data, b.basis, n.t)
		if err != nil {
			return row, err
		}
		row.KnownX, row.KnownZ = known.X, known.P
	}
	if b.plan.bounds() {
		data, err := schedule.ConvertAt(n.path, b.model.Prediction, schedule.Data, n.point)
		if err != nil {
			return row, err
		}
		row.DataX, row.DataP = data.X, data.P
	}
	if b.works.Valid() {
		return row, b.make(&row, b.works, n)
	}
	return row, nil
}

// feed is what the network is fed at a point of its path, where values are its formulas' variables: the number for its time, and the factor on
// the state.
func (m Model) feed(values []float64, p schedule.Point) (input, scale float64) {
	_, discrete := m.Path.(*schedule.Discrete)
	switch {
	case m.Time != nil:
		input = m.Time.Eval(values...)
	case discrete:
		input = p.Index
	case m.Prediction.Equal(schedule.ReverseVelocity):
		input = 1 - p.T
	default:
		input = p.T
	}
	if m.Integer {
		input = math.RoundToEven(input)
	}
	scale = 1
	if m.Scale != nil {
		scale = m.Scale.Eval(values...)
	}
	return input, scale
}

// still is a row at n that does not call the network.
func (b *builder) still(k int, n node) Row {
	row := Row{Step: k, T: n.t, Scale: 1}
	if b.discrete != nil {
		index := n.point.Index
		row.Index = &index
	}
	return row
}

// make lets the row remember the functional f in place of the prediction.
func (b *builder) make(row *Row, f schedule.Prediction, n node) error {
	c, err := schedule.ConvertAt(n.path, b.basis, f, n.point)
	if err == nil && c.P == 0 {
		err = &noCallError{t: n.t, why: fmt.Sprintf("%s says nothing of the %s there", b.basis, f)}
	}
	row.FX, row.FP = c.X, c.P
	return err
}

// expression is a functional of the data and the noise in what a call knows: X x + P p + S q, with x the state, p the
// call's prediction and q its second one.
type expression struct{ X, P, S float64 }

// plus is e + c f.
func (e expression) plus(c float64, f expression) expression {
	return expression{e.X + c*f.X, e.P + c*f.P, e.S + c*f.S}
}

// functional is the expression of a prediction at n. What the network gives is taken as it is, at every time; anything
// else is had from the first prediction.
func (b *builder) functional(n node, want schedule.Prediction) (expression, error) {
	if b.works.Valid() {
		c, err := schedule.ConvertAt(n.path, b.works, want, n.point)
		return expression{X: c.X, P: c.P}, err
	}
	if b.settings.Unclipped && want.Equal(schedule.Noise) {
		c, err := schedule.Convert(n.path, b.model.Prediction, want, n.t)
		return expression{X: c.X, S: c.P}, err
	}
	if want.Equal(b.second) && !want.Equal(b.basis) {
		return expression{S: 1}, nil
	}
	c, err := schedule.ConvertAt(n.path, b.basis, want, n.point)
	return expression{X: c.X, P: c.P}, err
}

// becomes makes the row one whose new state is e in the state and the predictions of its own call.
func (r *Row) becomes(e expression) {
	r.A, r.B = e.X, []float64{e.P}
	if e.S != 0 {
		r.S = []float64{e.S}
	}
}

// draw is the number of the next draw of noise in step k. A step has as many numbers as it may need, used or not; but another program
// draws when it needs a number, so that under Nodes draws follow one another.
func (b *builder) draw(k int) int {
	if len(b.settings.Nodes) == 0 {
		b.drawn = max(b.drawn, k*b.draws)
	}
	b.drawn++
	return b.drawn
}

// rescale adds to the last step, which ends at n, that its state is divided by alpha.
func (b *builder) rescale(n node) {
	if n.point.Alpha == 1 {
		return
	}
	last := &b.plan.Rows[len(b.plan.Rows)-1]
	last.Ends = false
	row := b.still(last.Step, n)
	row.Next, row.A, row.Ends, row.Note = n.t, 1/n.point.Alpha, true, "over alpha: the data and the noise that is left"
	b.append(row)
}

// noise adds noise of standard deviation c to the last row.
func (b *builder) noise(c float64) {
	if row := &b.plan.Rows[len(b.plan.Rows)-1]; c != 0 && b.quiet == "" {
		row.C, row.Draw = c, b.draw(row.Step)
	}
}

// append adds finished rows. Those that add noise draw it.
func (b *builder) append(rows ...Row) {
	for _, row := range rows {
		if row.C1 != 0 {
			row.Draw1 = b.drawn
		}
		if b.hush(&row); row.C != 0 {
			row.Draw = b.draw(row.Step)
		}
		// A negative zero is a zero: as text it would be a difference that is none.
		for _, v := range []*float64{&row.A, &row.A0, &row.C, &row.C1, &row.FX, &row.FP, &row.DataX, &row.DataP, &row.KnownX, &row.KnownZ} {
			*v += 0
		}
		for _, column := range [][]float64{row.B, row.S} {
			for j := range column {
				column[j] += 0
			}
		}
		switch {
		case len(row.S) > 0:
			b.plan.Second = b.second.String()
		case row.L != 0:
			b.plan.Second = LearnedVariance
		}
		b.plan.Rows = append(b.plan.Rows, row)
	}
}

// noCallError says that the network or the SDE cannot be evaluated at a time.
type noCallError struct {
	t   float64
	why string
}

func (e *noCallError) Error() string { return fmt.Sprintf("no step from t=%.6g: %s", e.t, e.why) }

// impossible says whether err means that what a step needs does not exist at its time.
func impossible(err error) bool {
	var conversion *schedule.ImpossibleError
	var call *noCallError
	return errors.As(err, &conversion) || errors.As(err, &call)
}

// brief is what does not exist, in the few words that fit beside a row.
func brief(err error) string {
	var e *schedule.ImpossibleError
	if errors.As(err, &e) {
		return fmt.Sprintf("no %s from %s at t=%.6g", e.To, e.From, e.T)
	}
	var call *noCallError
	if errors.As(err, &call) {
		return call.why
	}
	return err.Error()
}
