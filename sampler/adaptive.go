package sampler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"odeon/schedule"
)

// DormandPrince is the method of order 5 of Dormand and Prince 1980, with equal steps where it is a plan. Adaptive chooses
// the steps by the difference to its embedded method of order 4.
var DormandPrince = Solver{
	Name:    "dopri5",
	Summary: "in steps of the grid, or of its own by a tolerance",
	Source:  "Dormand and Prince 1980",
	knows:   byTolerance,
	Tableau: Tableau{
		A: [][]float64{
			{},
			{1.0 / 5},
			{3.0 / 40, 9.0 / 40},
			{44.0 / 45, -56.0 / 15, 32.0 / 9},
			{19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
			{9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
		},
		B: []float64{35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
		C: []float64{0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1},
	},
	Instead: &RK4,
}

// embedded is the difference of the weights of order 5 and 4, with the slope at the step's end as the seventh.
var embedded = []float64{71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40}

// Adapted is what Adaptive did.
type Adapted struct {
	Plan     *Plan // the steps taken, which Run walks again
	Calls    int   // of the network, for the chunk, those of rejected steps included
	Rejected int   // steps
}

// Adaptive walks x along the ODE by Dormand's and Prince's pair with steps of its own choice, and so builds its rows as it goes; the loop's
// body is Run's. The settings' Tolerance, first and last time and Clip count. All samples of x take the same steps, the longest that
// every one of them tolerates, so that what a sample comes to depends, within the tolerance, on those beside it: where it may not, walk
// each alone.
//
// Where the velocity does not exist at the last time, or the network was not trained there, the walk ends with a jump along the predicted
// data and noise: from a thousandth of its length, on a discrete path from index 0.
func Adaptive(ctx context.Context, m Model, s Settings, net Network, x *State, obs Observer) (*Adapted, error) {
	w, err := newAdaptive(m, s)
	if err != nil {
		return nil, err
	}
	if remembers(net) {
		return nil, errors.New("dopri5 with a tolerance takes steps again, and the momentum of guidance goes by the step before: leave it out, or take a grid")
	}
	w.net, w.x, w.obs = net, x, obs
	return &w.Adapted, w.run(ctx)
}

// Ahead is what is known of Adaptive's plan before the walk: all but its rows.
func Ahead(m Model, s Settings) (*Plan, error) {
	w, err := newAdaptive(m, s)
	if err != nil {
		return nil, err
	}
	return w.plan, nil
}

// adaptive is a walk by Adaptive under way.
type adaptive struct {
	Adapted
	*builder
	tol        Tolerance
	begin, end node // of the steps by tolerance
	last       node // of the walk: beyond end where a jump leads there
	denoise    bool // to the data prediction at last

	net Network
	x   *State
	obs Observer
	err []float32
}

func newAdaptive(m Model, s Settings) (*adaptive, error) {
	if m.Integer {
		return nil, errors.New("dopri5 with a tolerance goes to any time, and the network takes whole numbers for it: take a grid")
	}
	s.Solver = DormandPrince
	s.Solver.works = schedule.Velocity
	b, err := newBuilder(m, s)
	if err != nil {
		return nil, err
	}
	w := &adaptive{builder: b, tol: s.Tolerance.usual()}
	if err := b.checkTrained(); err != nil {
		return nil, err
	}
	from, to, err := b.ends()
	if err != nil {
		return nil, err
	}
	w.denoise = b.denoises(to)
	if from == to {
		return nil, fmt.Errorf("no step from t=%v to t=%v: expected two times", from, to)
	}
	var why error
	if w.begin, why, err = w.reachable(from, to, 0.01, s.From != nil); err != nil {
		return nil, b.cannotStart(b.at(from), err)
	}
	if why != nil {
		w.plan.Warnings = append(w.plan.Warnings, later(w.begin.t, why))
	}
	w.last = b.at(to)
	if w.end, _, err = w.reachable(to, from, 0.001, false); err != nil {
		return nil, err
	}
	if w.begin.t == w.end.t {
		return nil, fmt.Errorf("no room between t=%.6g and t=%.6g for a step by tolerance", from, to)
	}
	w.plan.Grid = fmt.Sprintf("by tolerance %g, %g", w.tol.Rel, w.tol.Abs)
	w.Plan = w.plan
	if w.plan.From, w.plan.To = w.begin.t, to; w.denoise {
		w.plan.To = 1
	}
	w.plan.Start, err = b.start(w.begin)
	return w, err
}

// reachable is the node at t, or one a share of the way to other if no velocity is to be had there, which why says.
func (w *adaptive) reachable(t, other, share float64, fixed bool) (n node, why, err error) {
	n = w.at(t)
	if w.discrete != nil && t == 1 {
		return w.index(0), nil, nil
	}
	if _, why = w.call(0, n); why == nil || !impossible(why) || fixed {
		return n, nil, why
	}
	n = w.at(t + share*(other-t))
	_, err = w.call(0, n)
	return n, why, err
}

func (w *adaptive) run(ctx context.Context) error {
	at, h := w.begin, cmp.Or(w.tol.First, 0.01)*(w.end.t-w.begin.t)
	if w.tol.First > 0 {
		h = math.Copysign(w.tol.First, h)
	}
	pace := controller{before: 1e-4}
	k, known := 0, false // whether the slope at hand is known already
	for tried := 0; at.t != w.end.t; tried++ {
		to := w.at(at.t + h)
		if left := w.end.t - at.t; math.Abs(left) <= math.Abs(h)*(1+1e-9) {
			to = w.end
		}
		if tried == w.tol.Most || to.t == at.t {
			return fmt.Errorf("dopri5 came to t=%.6g in %d steps, %d of them rejected, and the next is %.3g: ask for less accuracy", at.t, tried, w.Rejected, h)
		}
		rows, judge, err := w.attempt(k, at, to)
		if err != nil {
			return err
		}
		if tried == 0 {
			trial := *w.plan
			trial.Rows, trial.Steps = append(rows[:len(rows):len(rows)], judge), 2
			if err := w.x.prepare(&trial, nil); err != nil {
				return err
			}
			w.err = make([]float32, len(w.x.X))
		}
		worst, err := w.try(ctx, rows, judge, known)
		if err != nil {
			return err
		}
		h = (to.t - at.t) * pace.factor(worst)
		known = true
		if !(worst <= 1) {
			w.Rejected++
			copy(w.x.X, w.x.base)
			w.x.head = (w.x.head + len(w.x.preds) - 1) % len(w.x.preds) // the oldest of seven slopes is the step's first
			continue
		}
		w.append(rows...)
		if w.obs != nil {
			w.obs.Step(&rows[len(rows)-1], w.x.X)
		}
		at, k = to, k+1
	}
	return w.finish(k, at)
}

// finish leads from the last step by tolerance to the walk's end, with the slope that the step's judge has asked for.
func (w *adaptive) finish(k int, at node) error {
	var err error
	switch w.plan.Steps = k + 1; {
	case w.denoise:
		err = w.jump(k, at, "denoise: to the data prediction")
	case at.t != w.last.t:
		err = w.ddim(k, at, w.last)
	default:
		w.plan.Steps = k
		return w.plan.Check()
	}
	if err != nil {
		return err
	}
	row := w.plan.Rows[len(w.plan.Rows)-1]
	if !w.x.combine(&row) && !w.x.AllowNonfinite {
		return w.x.nonFinite(w.plan, &row)
	}
	if w.obs != nil {
		w.obs.Step(&row, w.x.X)
	}
	return w.plan.Check()
}

// attempt is a step in rows, written in slopes, and the row that calls the network at its end and judges it.
func (w *adaptive) attempt(k int, from, to node) (rows []Row, judge Row, err error) {
	tab, h := DormandPrince.Tableau, to.t-from.t
	weights := append(tab.A[1:len(tab.A):len(tab.A)], tab.B)
	at := from
	for i, column := range weights {
		row, err := w.call(k, at)
		if err != nil {
			return nil, judge, err
		}
		if row.A0 = 1; i == 0 {
			row.A, row.A0, row.Keep = 1, 0, true
		}
		row.B = scaled(h, newestFirst(column, 1))
		if at = to; i+2 < len(weights) {
			at = w.at(from.t + tab.C[i+1]*h)
		}
		row.Next, row.Ends = at.t, i+1 == len(weights)
		rows = append(rows, row)
	}
	judge, err = w.call(k+1, to)
	judge.B, judge.Ends = scaled(h, newestFirst(embedded, 1)), true
	return rows, judge, err
}

func scaled(h float64, column []float64) []float64 {
	for i := range column {
		column[i] *= h
	}
	return column
}

// try walks the rows and returns how the worst sample's error compares to the tolerance.
func (w *adaptive) try(ctx context.Context, rows []Row, judge Row, known bool) (float64, error) {
	x := w.x
	for i := range rows {
		row := rows[i]
		if row.Call = i > 0 || !known; row.Call {
			w.Calls++
		}
		if err := x.read(ctx, w.net, nil, &row); err != nil {
			return 0, fmt.Errorf("step %d (t=%.4g): %w", row.Step, row.T, err)
		}
		if !x.combine(&row) && !x.AllowNonfinite {
			return 0, x.nonFinite(w.plan, &row)
		}
	}
	w.Calls++
	if err := x.read(ctx, w.net, nil, &judge); err != nil {
		return 0, fmt.Errorf("step %d (t=%.4g): %w", judge.Step, judge.T, err)
	}
	x.write(w.err, &judge)
	dim, worst := len(x.X)/x.N, 0.0
	for k := range x.N {
		sum := 0.0
		for i := k * dim; i < (k+1)*dim; i++ {
			size := math.Max(math.Abs(float64(x.X[i])), math.Abs(float64(x.base[i])))
			e := float64(w.err[i]) / (w.tol.Abs + w.tol.Rel*size)
			sum += e * e
		}
		worst = math.Max(worst, math.Sqrt(sum/float64(dim)))
	}
	return worst, nil
}
