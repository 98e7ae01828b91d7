package sampler

import (
	"fmt"
	"math"
	"strings"

	"odeon/internal/nearest"
	"odeon/schedule"
)

// A Form is a direction d in which guidance goes: p = c + (w - 1) d. It is linear algebra with one sample's predictions in a functional of
// its own; a direction d of that functional f = X x + P p is d/P of the prediction.
type Form interface {
	fmt.Stringer
	// Functional is the prediction in which the form works.
	Functional() schedule.Prediction
	// direction replaces a sample's u by d, all in the network's own prediction; to makes the functional of it.
	direction(u, c, x []float32, to schedule.Conversion)
}

// value is the functional X x + P p, in float64.
func value(to schedule.Conversion, x, p float32) float64 {
	return float64(to.X*float64(x)) + float64(to.P*float64(p))
}

// quotient is a/b; what has no length is projected on by nothing.
func quotient(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// forms are how forms are written: a name and, in brackets, numbers that may be left out from the end.
var forms = []struct {
	name  string
	args  []string
	usual []float64
	build func(a []float64) (Form, error)
}{
	{"cfg", nil, nil, func([]float64) (Form, error) { return nil, nil }},
	{"zero-star", []string{"steps"}, []float64{1}, func(a []float64) (Form, error) {
		if a[0] < 0 || a[0] > 1e6 || a[0] != math.Trunc(a[0]) {
			return nil, fmt.Errorf("zero-star: found %g steps without a field, expected a whole number from 0", a[0])
		}
		return ZeroStar{Steps: int(a[0])}, nil
	}},
	{"apg", []string{"eta", "norm", "momentum"}, []float64{0, 0, 0}, func(a []float64) (Form, error) {
		switch {
		case a[1] < 0:
			return nil, fmt.Errorf("apg: found the norm %g, expected a number above 0, or 0 for none", a[1])
		case !(-1 < a[2] && a[2] < 1):
			return nil, fmt.Errorf("apg: found the momentum %g, expected a number above -1 and below 1", a[2])
		}
		return Perpendicular{Eta: a[0], Norm: a[1], Momentum: a[2]}, nil
	}},
}

// ParseForm reads a form: cfg, which is nil; zero-star, zero-star(steps); apg, apg(eta,norm,momentum).
func ParseForm(text string) (Form, error) {
	name, given, err := schedule.ParseCall(text)
	if err != nil {
		return nil, fmt.Errorf("%.40q: %w", text, err)
	}
	var names []string
	for _, f := range forms {
		if f.name != name {
			names = append(names, f.name)
			continue
		}
		if len(given) > len(f.args) {
			return nil, fmt.Errorf("%s takes (%s), found %d numbers", name, strings.Join(f.args, ", "), len(given))
		}
		return f.build(append(given, f.usual[len(given):]...))
	}
	return nil, fmt.Errorf("unknown form of guidance %.40q%s; expected cfg, zero-star(steps) or apg(eta,norm,momentum)", name, nearest.Hint(name, names))
}
