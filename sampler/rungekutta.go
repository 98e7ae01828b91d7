package sampler

import (
	"fmt"
	"math"
	"slices"
)

// Euler is Euler's method, of order 1. With a diffusion coefficient it is Euler-Maruyama, of weak order 1: the left
// end's drift and sigma, and noise sigma(t) sqrt(h) (Kloeden and Platen 1992, 10.2).
var Euler = Solver{
	Name:    "euler",
	Summary: "a step along the velocity; Euler-Maruyama where sigma is not 0",
	Source:  "Euler 1768; Maruyama 1955",
	Tableau: Tableau{
		A: [][]float64{{}},
		B: []float64{1},
		C: []float64{0},
	},
}

// Heun is the trapezoidal method with Euler's predictor, of order 2 (Karras et al. 2022, algorithm 1).
var Heun = Solver{
	Name:    "heun",
	Summary: "the mean of both ends' slopes",
	Source:  "Heun 1900; Karras et al. 2022, arXiv 2206.00364",
	Tableau: Tableau{
		A: [][]float64{{}, {1}},
		B: []float64{1.0 / 2, 1.0 / 2},
		C: []float64{0, 1},
	},
}

// Midpoint is the explicit midpoint method, of order 2.
var Midpoint = Solver{
	Name:    "midpoint",
	Summary: "the slope in the middle",
	Source:  "Runge 1895",
	Tableau: Tableau{
		A: [][]float64{{}, {1.0 / 2}},
		B: []float64{0, 1},
		C: []float64{0, 1.0 / 2},
	},
}

// RK4 is the classical Runge-Kutta method, of order 4 (Kutta 1901).
var RK4 = Solver{
	Name:    "rk4",
	Summary: "the classical Runge-Kutta method",
	Source:  "Kutta 1901",
	Tableau: Tableau{
		A: [][]float64{{}, {1.0 / 2}, {0, 1.0 / 2}, {0, 0, 1}},
		B: []float64{1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6},
		C: []float64{0, 1.0 / 2, 1.0 / 2, 1},
	},
	Instead: &Midpoint,
}

// linear is a state or a slope as a linear combination of what a step knows: the state at its start, and the
// predictions of its stages, first and second, oldest first.
type linear struct {
	base float64
	p, q []float64
}

// newLinear is base times the state, with room for so many predictions.
func newLinear(base float64, predictions int) linear {
	both := make([]float64, 2*predictions)
	return linear{base: base, p: both[:predictions], q: both[predictions:]}
}

// add adds c k, which knows no more predictions.
func (l *linear) add(c float64, k linear) {
	l.base = plus(l.base, c*k.base)
	for j := range k.p {
		l.p[j] = plus(l.p[j], c*k.p[j])
		l.q[j] = plus(l.q[j], c*k.q[j])
	}
}

// newestFirst is a row's column of coefficients that are listed oldest first, without the oldest zeros; least of them stay.
func newestFirst(coefficients []float64, least int) []float64 {
	for len(coefficients) > least && coefficients[0] == 0 {
		coefficients = coefficients[1:]
	}
	if len(coefficients) == 0 {
		return nil
	}
	column := slices.Clone(coefficients)
	slices.Reverse(column)
	return column
}

// plus is a + b, and 0 where nothing but the rounding of the two is left.
func plus(a, b float64) float64 {
	const ulps = 4 * 0x1p-52
	if sum := a + b; math.Abs(sum) > ulps*math.Max(math.Abs(a), math.Abs(b)) {
		return sum
	}
	return 0
}

// rungeKutta writes one step of a tableau. Slopes are linear in the stage's state and predictions, k = X x + P p + S q, so
// that every stage's state is a linear combination of the step's start and the predictions up to it, whatever is
// predicted: the states in between drop out, and a row reads only x_base and predictions.
//
// On a discrete path with an integer time input a stage sits at the nearest trained index, and its state is taken there.
func (b *builder) rungeKutta(s Solver, k int, from, to node) error {
	if b.discrete != nil && to.clean() {
		return b.jump(k, from, "to clean data")
	}
	if from.order == 1 {
		s = Euler
	}
	tab, h := s.Tableau, to.t-from.t
	stages := len(tab.B)
	rows := make([]Row, stages)
	states := make([]linear, stages+1) // of each stage, and of the step's end
	slopes := make([]linear, stages)
	sigma := 0.0
	for i := range stages {
		n := from
		switch {
		case i > 0 && tab.C[i] == 1:
			n = to
		case i > 0:
			n = b.at(from.t + tab.C[i]*h)
		}
		states[i] = newLinear(1, i)
		for j, a := range tab.A[i] {
			states[i].add(a*(n.t-from.t)/tab.C[i], slopes[j])
		}
		row, slope, err := b.stage(k, b.inside(n, from, to), h)
		if i > 0 && impossible(err) {
			return b.instead(s, err, k, from, to)
		}
		if err != nil {
			return err
		}
		rows[i], sigma = row, row.Sigma
		slopes[i] = newLinear(0, i+1)
		slopes[i].add(slope.X, states[i])
		slopes[i].p[i] += slope.P
		slopes[i].q[i] += slope.S
	}
	states[stages] = newLinear(1, stages)
	for i, w := range tab.B {
		states[stages].add(h*w, slopes[i])
	}

	for i := range rows {
		row, next := &rows[i], states[i+1]
		if i == 0 {
			row.A, row.Keep = next.base, stages > 1
		} else {
			row.A0 = next.base
		}
		row.B, row.S = newestFirst(next.p, 1), newestFirst(next.q, 0)
		row.Next = to.t
		if i+1 < stages {
			row.Next = rows[i+1].T
		}
	}
	last := &rows[stages-1]
	last.Ends = true
	last.C = sigma * math.Sqrt(math.Abs(h))
	b.watch(k, from, sigma, h)
	b.append(rows...)
	return nil
}

// stage is the row that calls the network at n, and the slope there in terms of the state and the predictions.
func (b *builder) stage(k int, n node, h float64) (Row, expression, error) {
	row, err := b.call(k, n)
	if err != nil {
		return row, expression{}, err
	}
	slope, sigma, err := b.drift(n, h)
	row.Sigma = sigma
	return row, slope, err
}

// instead takes the step with the solver's stand-in, because of why, and marks its rows.
func (b *builder) instead(s Solver, why error, k int, from, to node) error {
	other := Euler
	if s.Instead != nil {
		other = *s.Instead
	}
	first := len(b.plan.Rows)
	if err := b.rungeKutta(other, k, from, to); err != nil {
		return err
	}
	for i := first; i < len(b.plan.Rows); i++ {
		if row := &b.plan.Rows[i]; row.Note == "" {
			row.Note = fmt.Sprintf("by %s: %s", other.Name, brief(why))
		}
	}
	return nil
}
