package train

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// A Schedule says which share of the greatest rate each step has: it rises in a straight line over the warm-up and is then
// a formula of the fraction f of the run that is over.
//
// The warm-up is the first twentieth of the run, or its first 1000 steps where that is sooner: Adam divides by an average
// of squared gradients over 1/(1-beta2) = 1000 steps, which at first rests on few of them.
type Schedule struct{ shape *schedule.Formula }

const (
	warmShare = 0.05
	warmSteps = 1000
)

// shapes are the named schedules, formulas in f.
var shapes = map[string]string{
	"cosine":   "(1+cos(pi*f))/2", // Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, equation 5 with one period
	"constant": "1",
	"linear":   "1-f",
}

// ParseSchedule reads a schedule: "cosine" (also ""), "constant", "linear", or a formula in f, such as "max(0.1, 1-f)".
func ParseSchedule(text string) (Schedule, error) {
	formula := text
	if text == "" {
		text = DefaultSchedule
	}
	if named, ok := shapes[text]; ok {
		formula = named
	}
	f, err := schedule.ParseFormula(formula, "f")
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: expected cosine, constant, linear or a formula in f, the fraction of the run that is over: %w", text, err)
	}
	s := Schedule{f}
	for i := range 1001 {
		if y := f.Eval(float64(i) / 1000); !(y >= 0) || math.IsInf(y, 1) {
			return Schedule{}, fmt.Errorf("schedule %q: is %.4g at f = %.4g, expected a share of the rate, 0 or more", text, y, float64(i)/1000)
		}
	}
	return s, nil
}

// At is the share of the greatest rate for a step before which k steps were done and the fraction f of the run is over.
func (s Schedule) At(k int, f float64) float64 {
	f = min(max(f, 0), 1)
	warm := min(1, max(float64(k+1)/warmSteps, f/warmShare))
	return warm * s.shape.Eval(f)
}

// String is the formula.
func (s Schedule) String() string { return s.shape.String() }
