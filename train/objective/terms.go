package objective

import (
	"fmt"
	"math"
	"slices"

	"odeon/schedule"
)

// terms are an objective with its defaults written out, ready to be evaluated at a time.
type terms struct {
	Objective
	discrete *schedule.Discrete // nil on a path without a table
	rules    [mostPredictions]rule
	limits   Limits
}

// A moment is what an objective says about one time: the state is scale (alpha z + beta eps), target k is data[k] z + noise[k] eps, and
// its square error has weight[k].
type moment struct {
	time        float64 // what the network is fed
	scale       float64
	alpha, beta float64
	targets     int
	data, noise [mostPredictions]float64
	weight      [mostPredictions]float64
}

// terms checks the objective and finds the times at which it exists.
func (o Objective) terms() (*terms, error) {
	o = o.filled()
	t := &terms{Objective: o}
	t.discrete, _ = o.Path.(*schedule.Discrete)
	if err := checkPredictions(o.Predictions); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name    string
		formula *schedule.Formula
	}{{"time", o.Time}, {"scale", o.Scale}} {
		if want := schedule.TimeVariables(o.Path); !slices.Equal(f.formula.Variables(), want) {
			return nil, fmt.Errorf("%s %q is a formula in %v, expected one in %v, the variables of the path %s", f.name, f.formula, f.formula.Variables(), want, o.Path)
		}
	}
	if !(o.DropLabel >= 0 && o.DropLabel < 1) {
		return nil, fmt.Errorf("drop-label is %v, expected a share from 0 to below 1, such as 0.1", o.DropLabel)
	}
	if err := o.Weight.check(o.Predictions, o.Path); err != nil {
		return nil, err
	}
	for k, p := range o.Predictions {
		t.rules[k] = o.Weight.rule(p)
	}
	if err := o.Times.check(); err != nil {
		return nil, err
	}
	if err := o.Coupling.check(); err != nil {
		return nil, err
	}
	var err error
	t.limits, err = t.findLimits()
	return t, err
}

// at evaluates everything at time t.
func (o *terms) at(t float64) moment {
	pt := o.Path.At(t)
	values := newVariables(pt)
	m := moment{alpha: pt.Alpha, beta: pt.Beta, targets: len(o.Predictions)}
	m.time = o.Time.Eval(values.time()...)
	m.scale = o.Scale.Eval(values.time()...)
	for k, p := range o.Predictions {
		m.data[k], m.noise[k] = p.Weights(pt)
		m.weight[k] = o.rules[k].at(o.Path, p.Prediction, pt, values)
	}
	return m
}

// second is the greatest weighted second moment w (a^2 + b^2) of a target whose data have unit variance: what the loss of a network
// that gives 0 is made of.
func (m *moment) second() float64 {
	greatest := 0.
	for k := range m.targets {
		// math.Max keeps a NaN.
		greatest = math.Max(greatest, m.weight[k]*(m.data[k]*m.data[k]+m.noise[k]*m.noise[k]))
	}
	return greatest
}

// finite reports whether a network can be trained at this time at all.
func (m *moment) finite() bool {
	// A sum is finite only if all its summands are, and none of these cancel.
	sum := math.Abs(m.time) + math.Abs(m.scale) + math.Abs(m.alpha) + math.Abs(m.beta) + m.second()
	for k := range m.targets {
		sum += math.Abs(m.data[k]) + math.Abs(m.noise[k])
	}
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// variables are the values at one point of what formulas of times and of weights are written in.
type variables struct {
	values [10]float64 // schedule.WeightValues: t, alpha, beta, sigma, logsnr, index, count, dalpha, dbeta, betadbeta
	table  bool
}

func newVariables(pt schedule.Point) *variables {
	return &variables{schedule.WeightValues(pt), !math.IsNaN(pt.Count)}
}

// time are the values of schedule.TimeVariables.
func (v *variables) time() []float64 {
	if v.table {
		return v.values[:7]
	}
	return v.values[:5]
}

// weightVariables are the names in which weights are written: the path's time variables and its derivatives.
func weightVariables(path schedule.Path) []string {
	return append(schedule.TimeVariables(path), schedule.SymbolicVariables()[7:10]...)
}

// weight are the values of weightVariables, in dst.
func (v *variables) weight(dst *[10]float64) []float64 {
	return append(append(dst[:0], v.time()...), v.values[7:]...)
}
