package schedule

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeriesDecideLimits(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for text, want := range map[string]float64{
		"sin(t)/t":                     1,
		"(1-cos(t))/t^2":               0.5,
		"tan(2*t)/t":                   2,
		"tanh(3*t)/t":                  3,
		"(exp(t)-1-t)/t^2":             0.5,
		"expm1(t)/t":                   1,
		"(log(1+t)-t)/t^2":             -0.5,
		"log1p(t)/sin(t)":              1,
		"sqrt(t^2+t^3)/t":              1,
		"t^1.5/t^0.5/t":                1,
		"(sqrt(1+t)-sqrt(1-t))/t":      1,
		"(1+t)^(1/t)":                  math.E,
		"(2^t-1)/t":                    math.Ln2,
		"min(t,2*t)/t":                 1,
		"max(t,2*t)/t":                 2,
		"min(t,t)/t":                   1,
		"abs(t-2*t)/t":                 1,
		"sign(-t)":                     -1,
		"cos(pi/2-t)/t":                1,
		"sin(pi+t)/t":                  -1,
		"(t-t)/t":                      0,
		"0*t":                          0,
		"t^0":                          1,
		"sqrt(t)":                      0,
		"1/t":                          inf,
		"-1/sqrt(t)":                   -inf,
		"(1-exp(-t^3))/(t-sin(t))":     6,
		"(sin(sqrt(t))-sqrt(t))/t^1.5": -1. / 6,
		"t^20/(t^20+t^21)":             1,
		// Not powers of t, and so not decided.
		"log(t)":             nan,
		"t*log(t)":           nan,
		"exp(-1/t)":          nan,
		"tanh(1/t)":          nan,
		"abs(exp(-1/t))":     nan,
		"min(1,t*log(t))":    nan,
		"sin(1/t)":           nan,
		"sqrt(-t)":           nan,
		"log(-1-t)":          nan,
		"1/(t-t)":            nan,
		"(exp(t)-exp(t))^-1": nan,
	} {
		got := MustFormula(text, "t").root.expand([]series{exactly(term{1, 1})}).limit()
		if math.IsNaN(want) || math.IsInf(want, 0) {
			require.True(t, got == want || math.IsNaN(got) && math.IsNaN(want), "%s: %g", text, got)
		} else {
			require.InDelta(t, want, got, 1e-14, text)
		}
	}
}

func TestSeriesAreNearWhatTheyExpand(t *testing.T) {
	const s = 1e-3
	for _, text := range []string{"sin(2*t+1)", "cos(t)^3", "exp(sqrt(t))", "tanh(t+1)", "log(2+t)*t", "(1+t)^0.3", "sqrt(t+t^2)", "1/(t^1.5-2)", "tan(1+t)", "log1p(t)", "expm1(3*t)", "t^-0.5+t", "2^(t+1)"} {
		f := MustFormula(text, "t")
		expansion := f.root.expand([]series{exactly(term{1, 1})})
		sum, slope := 0., 0.
		for _, p := range expansion.terms {
			sum += p.coef * math.Pow(s, p.power)
		}
		for _, p := range expansion.derivative().terms {
			slope += p.coef * math.Pow(s, p.power)
		}
		require.InDelta(t, f.Eval(s), sum, 1e-11*math.Abs(f.Eval(s)), text)
		require.InDelta(t, f.Derivative("t").Eval(s), slope, 1e-9*math.Abs(slope), text)
	}
}
