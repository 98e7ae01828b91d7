package sampler

import (
	"context"
	"fmt"

	"odeon/schedule"
)

// Guidance leads samples from what a poorer prediction u says towards what a better one, c, says, and on:
//
//	p = u + w (c - u) = c + (w - 1) (c - u)
//
// c and u are the conditional and the unconditional half of a network (classifier-free guidance, Ho and Salimans 2022,
// https://arxiv.org/abs/2207.12598), or a network and a weaker one ([Autoguided]). The formula is affine in the predictions with
// weights that sum to one, so that guiding one prediction guides every other. Form says which other direction stands in for c - u.
type Guidance struct {
	Weight  float64           // w: 1 is c alone, 0 is u
	Formula *schedule.Formula // w in schedule.TimeVariables(Model.Path), in place of Weight; nil: Weight
	// Interval keeps guidance to the steps strictly inside it (Kynkaanniemi et al. 2024, https://arxiv.org/abs/2404.07724). Nil: every step.
	Interval *[2]float64
	Form     Form    // nil: c - u
	Rescale  float64 // phi: how much of the way a sample's guided prediction is brought to the standard deviation of c; 0: none

	Model Model // the network, for Formula and Form
	Dim   int   // elements of one sample, for Form and Rescale
}

// String is the weight, and how guidance is done where it is not classifier-free guidance alone.
func (g Guidance) String() string {
	text := short(g.Weight)
	if g.Formula != nil {
		text = g.Formula.String()
	}
	if g.Form != nil {
		text += " by " + g.Form.String()
	}
	if g.Rescale != 0 {
		text += ", rescaled by " + short(g.Rescale)
	}
	return text
}

// Guides says whether there is a time at which a call may evaluate both halves.
func (g Guidance) Guides() bool { return g.Weight != 1 || g.Formula != nil }

// At is the weight at time t: 1 outside the interval.
func (g Guidance) At(t float64) float64 {
	switch {
	case g.Interval != nil && !(g.Interval[0] < t && t < g.Interval[1]):
		return 1
	case g.Formula == nil:
		return g.Weight
	}
	var values [7]float64
	return g.Formula.Eval(schedule.TimeValues(values[:0], g.Model.Path.At(t))...)
}

// Applies says whether a call at time t evaluates both halves.
func (g Guidance) Applies(t float64) bool { return g.At(t) != 1 }

// Silent says whether the field is zero in a step, and no network is called.
func (g Guidance) Silent(step int) bool {
	z, ok := g.Form.(ZeroStar)
	return ok && step < z.Steps && g.Guides()
}

// Evaluations counts the network evaluations of one sample in a row of a plan: a call is one, and two where guidance applies.
func (g Guidance) Evaluations(row *Row) int {
	switch {
	case !row.Call || g.Silent(row.Step):
		return 0
	case g.Applies(row.T):
		return 2
	}
	return 1
}

// Evaluations counts the network evaluations of one sample on a whole plan.
func Evaluations(plan *Plan, g Guidance) int {
	n := 0
	for i := range plan.Rows {
		n += g.Evaluations(&plan.Rows[i])
	}
	return n
}

// Check says whether a plan can be walked under this guidance: at every call the weight is finite, and what the form works in exists.
func (g Guidance) Check(plan *Plan) error {
	if !g.Guides() {
		return nil
	}
	varied := plan.Second == LearnedVariance // which guidance leaves as the conditional half says it
	if z, ok := g.Form.(ZeroStar); ok && z.Steps > 0 && varied {
		return fmt.Errorf("guidance: %s calls no network in its first steps, and their noise has the variance that the network learned; leave its steps out, or take a scheduler of fixed variances", g.variant())
	}
	if (g.Form != nil || g.Rescale != 0) && plan.Second != "" && !varied && !plan.ReadsUnclipped() {
		return fmt.Errorf("guidance: %s is of one prediction, and the plan reads two, %s and %s; give --prediction %s, from which the other is converted, or --sigma 0",
			g.variant(), plan.Prediction, plan.Second, plan.Prediction)
	}
	for i := range plan.Rows {
		row := &plan.Rows[i]
		if !row.Call {
			continue
		}
		w := g.At(row.T)
		if !finite(w) {
			return fmt.Errorf("guidance %s is %v at t=%.6g; give a formula that is finite at every step, or an interval without that time", g.Formula, w, row.T)
		}
		if g.Form == nil || !g.Silent(row.Step) && w == 1 {
			continue
		}
		if _, err := g.Steer(row.At(0, 1)); err != nil {
			return fmt.Errorf("step %d: %w", row.Step, err)
		}
	}
	return nil
}

// Steer is the conversion that the form needs in a call: to its functional and, where the field is zero, back from it.
func (g Guidance) Steer(at At) (c schedule.Conversion, err error) {
	from, to := g.Model.Prediction, g.Form.Functional()
	if g.Silent(at.Step) {
		from, to = to, from
	}
	if c, err = schedule.Convert(g.Model.Path, from, to, at.T); err != nil {
		return c, fmt.Errorf("guidance by %s works in the %s: %w", g.Form, g.Form.Functional(), err)
	}
	if a, ok := g.Form.(Perpendicular); ok && a.Momentum != 0 && c.P == 0 {
		return c, fmt.Errorf("guidance by %s: the data prediction does not depend on the network at t=%.6g, and its momentum cannot be had there; step there with a solver that does not call it at the end, such as euler, end before, or leave the momentum out", g.Form, at.T)
	}
	return c, nil
}

// variant names what goes beyond c - u.
func (g Guidance) variant() string {
	if g.Form != nil {
		return g.Form.String()
	}
	return "a rescaling"
}

// Guide is net under guidance. Where guidance does not apply the conditional half is evaluated alone.
func Guide(net Conditional, g Guidance) Network {
	if !g.Guides() {
		return net
	}
	if (g.Form != nil || g.Rescale != 0) && g.Dim < 1 {
		panic("sampler: guidance with a form or a rescaling needs to know the size of a sample")
	}
	return &guided{Guidance: g, net: net}
}

type guided struct {
	Guidance
	net    Conditional
	uncond []float32
	momentum
}

func (g *guided) Predict(ctx context.Context, dst, x []float32, at At) error {
	if g.Silent(at.Step) {
		back, err := g.Steer(at)
		scale(dst[:len(x)], float32(back.X), x)
		return err
	}
	w := g.At(at.T)
	if w == 1 {
		return g.net.Predict(ctx, dst, x, at)
	}
	g.uncond = sized(g.uncond, len(dst))
	if err := g.net.PredictBoth(ctx, dst, g.uncond, x, at); err != nil {
		return err
	}
	if g.Form == nil && g.Rescale == 0 {
		if at.Varied { // the second half is the variance, and no prediction
			dst = dst[:len(x)]
		}
		affine(dst, g.uncond[:len(dst)], float32(w))
		return nil
	}
	var to schedule.Conversion
	if g.Form != nil {
		var err error
		if to, err = g.Steer(at); err != nil {
			return err
		}
		if a, ok := g.Form.(Perpendicular); ok && a.Momentum != 0 {
			g.momentum.add(g.uncond, dst, a.Momentum, to.P, at.Step)
		}
	}
	for i := 0; i < len(x); i += g.Dim {
		c, u := dst[i:i+g.Dim], g.uncond[i:i+g.Dim]
		g.guide(c, u, x[i:i+g.Dim], float32(w), to)
	}
	return nil
}

// guide replaces c, of one sample, by its guided prediction.
func (g *guided) guide(c, u, x []float32, w float32, to schedule.Conversion) {
	before := 0.0
	if g.Rescale != 0 {
		before = deviation(c)
	}
	if g.Form == nil {
		affine(c, u, w)
	} else {
		g.Form.direction(u, c, x, to)
		sum2(c, 1, c, w-1, u)
	}
	if g.Rescale != 0 {
		rescale(c, before, g.Rescale)
	}
}

// affine replaces c by u + w (c - u).
func affine(c, u []float32, w float32) {
	c = c[:len(u)]
	for i, u := range u {
		c[i] = u + float32(w*float32(c[i]-u))
	}
}
