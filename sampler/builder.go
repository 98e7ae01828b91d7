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
	second   schedule.Prediction // what the rows' second predictions are; none where the plan clips
	plan     *Plan
	stiff    stiffness
	values   []float64
}

// node is a time of the walk, with the path there.
type node struct {
	t     float64
	path  schedule.Path
	point schedule.Point
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

func (b *builder) node(t float64) node { return node{t, b.model.Path, b.model.Path.At(t)} }

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
	row := Row{Step: k, T: n.t, Scale: 1, Call: true}
	b.values = schedule.TimeValues(b.values[:0], n.point)
	switch {
	case b.model.Time != nil:
		row.Input = b.model.Time.Eval(b.values...)
	case b.discrete != nil:
		row.Input = n.point.Index
	case b.model.Prediction.Equal(schedule.ReverseVelocity):
		row.Input = 1 - n.t
	default:
		row.Input = n.t
	}
	if b.model.Integer {
		row.Input = math.RoundToEven(row.Input)
	}
	if b.model.Scale != nil {
		row.Scale = b.model.Scale.Eval(b.values...)
	}
	if !finite(row.Input, row.Scale) {
		return row, &noCallError{t: n.t, why: fmt.Sprintf("the network's time input would be %v and its scale %v", row.Input, row.Scale)}
	}
	if b.discrete != nil {
		index := n.point.Index
		row.Index = &index
	}
	if b.plan.Clip != nil {
		data, err := schedule.Convert(n.path, b.model.Prediction, schedule.Data, n.t)
		if err != nil {
			return row, err
		}
		row.DataX, row.DataP = data.X, data.P
	}
	return row, nil
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
	if want.Equal(b.second) && !want.Equal(b.basis) {
		return expression{S: 1}, nil
	}
	c, err := schedule.Convert(n.path, b.basis, want, n.t)
	return expression{X: c.X, P: c.P}, err
}

// becomes makes the row one whose new state is e in the state and the predictions of its own call.
func (r *Row) becomes(e expression) {
	r.A, r.B = e.X, []float64{e.P}
	if e.S != 0 {
		r.S = []float64{e.S}
	}
}

// append adds finished rows. Those that add noise draw their step's number.
func (b *builder) append(rows ...Row) {
	for _, row := range rows {
		if row.C != 0 {
			row.Draw = row.Step + 1
		}
		// A negative zero is a zero: as text it would be a difference that is none.
		for _, v := range []*float64{&row.A, &row.A0, &row.C, &row.DataX, &row.DataP} {
			*v += 0
		}
		for _, column := range [][]float64{row.B, row.S} {
			for j := range column {
				column[j] += 0
			}
		}
		if len(row.S) > 0 {
			b.plan.Second = b.second.String()
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
	return err.Error()
}
