package schedule_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

func TestFormulasMeanWhatTheyMeanOnPaper(t *testing.T) {
	const x, y = 0.3, 1.7
	for text, want := range map[string]float64{
		"1-t^2":           1 - x*x,
		"-t^2":            -(x * x),
		"(-t)^2":          x * x,
		"2^-1":            0.5,
		"2^3^2":           512,
		"(2^3)^2":         64,
		"2^-t^2":          math.Pow(2, -x*x),
		"2*t^2/y":         2 * x * x / y,
		"8/4/2":           1,
		"1-2-3":           -4,
		"-2^2":            -4,
		"2*-3":            -6,
		"--2":             2,
		"+t":              x,
		"1e-4+.5+2.":      2.5001,
		"1E+2":            100,
		"sqrt(1-t^2)":     math.Sqrt(1 - x*x),
		"exp(t)+expm1(t)": math.Exp(x) + math.Expm1(x),
		"log(t)+log1p(t)": math.Log(x) + math.Log1p(x),
		"sin(pi/2*t)":     math.Sin(math.Pi / 2 * x),
		"cos(t)-tan(t)":   math.Cos(x) - math.Tan(x),
		"tanh(y)":         math.Tanh(y),
		"abs(-t)":         x,
		"sign(-t)":        -1,
		"min(t,y)":        x,
		"max(t, y)":       y,
		"pow(t,y)":        math.Pow(x, y),
		"0.25*log(y/t)":   0.25 * math.Log(y/x),
		" t\t*\n2 ":       2 * x,
	} {
		f, err := schedule.ParseFormula(text, "t", "y")
		require.NoError(t, err, text)
		require.InDelta(t, want, f.Eval(x, y), 1e-15*math.Abs(want), text)
	}
}

func TestFormulaTextIsReadBackAsTheSameTree(t *testing.T) {
	for _, text := range []string{
		"t", "1-t^2", "-t^2", "(-t)^2", "2^-1", "2^3^2", "(2^3)^2", "a-(b-t)", "a-b-t", "a/(b*t)", "a/b*t", "a*(-b)", "a+(-b)", "-(-a)",
		"-(a+b)", "-(a*b)", "(-a)*b", "(a+b)*t", "a+b*t", "2^(-t^2)", "2^(a+b)", "(a*b)^t", "min(a,max(b,t))", "pow(a,b)", "pi", "1e-300", "0.1",
		"123456789.125", "a+(b+t)", "a*(b*t)", "sqrt(-a)", "-sqrt(a)", "(-2)^2",
	} {
		f := schedule.MustFormula(text, "t", "a", "b")
		again := schedule.MustFormula(f.String(), "t", "a", "b")
		require.True(t, f.Root().Equal(again.Root()), "%s written as %s", text, f)
	}
}

func TestFormulaErrorsPointAtTheMistake(t *testing.T) {
	for _, test := range []struct {
		text   string
		column int
		says   string
	}{
		{"", 1, "found the end, expected a number, pi, a variable (t, alpha)"},
		{"1-t^^2", 5, `found "^"`},
		{"1-tt", 3, `unknown name "tt" (did you mean "t"?)`},
		{"alhpa", 1, `(did you mean "alpha"?)`},
		{"sqr(t)", 1, `(did you mean "sqrt"?)`},
		{"2t", 2, `found "t", expected an operator`},
		{"2e", 2, `found "e", expected an operator`},
		{"(1-t", 5, `found the end, expected ")"`},
		{"1-t)", 4, `found ")", expected an operator`},
		{"sqrt t", 6, `found "t", expected "("`},
		{"min(t)", 6, `expected ","`},
		{"sin(t,2)", 6, `expected ")"`},
		{"1e999", 1, "beyond the range of float64"},
		{"1..2", 3, `found ".", expected an operator`},
		{".", 1, `expected a digit`},
		{"1-π", 3, `found "π"`},
		{"π-", 1, `found "π"`},
		{"t\x00", 2, "expected an operator"},
		{"\xff", 1, "expected a number"},
		{strings.Repeat("(", 999) + "t", 1001, `found the end, expected ")"`},
		{strings.Repeat("-", 50) + "t", 52, "nested more than 40 deep"},
		{strings.Repeat("t^", 50) + "t", 102, "nested more than 40 deep"},
		{strings.Repeat("sin(", 50) + "t" + strings.Repeat(")", 50), 243, "nested more than 40 deep"},
		{strings.Repeat("t-(", 50) + "t" + strings.Repeat(")", 50), 193, "nested more than 40 deep"},
		{strings.Repeat("t+", 200) + "t", 258, "more than 256 operations"},
		{strings.Repeat(" ", 2000) + "t", 1001, "at most 1000 are read"},
	} {
		_, err := schedule.ParseFormula(test.text, "t", "alpha")
		var formulaError *schedule.FormulaError
		require.ErrorAs(t, err, &formulaError, test.text)
		require.Equal(t, test.column, formulaError.Column, "%s: %v", test.text, err)
		require.Contains(t, err.Error(), test.says)
		require.Less(t, len(err.Error()), 500)
	}
}

func TestLongSumsAreNotDeep(t *testing.T) {
	f := schedule.MustFormula(strings.Repeat("t+", 120)+"t", "t")
	require.Equal(t, 121.0, f.Eval(1))
	require.Equal(t, 121.0, f.Derivative("t").Eval(1))
}

func TestFormulaWithoutVariablesSaysSo(t *testing.T) {
	_, err := schedule.ParseFormula("t")
	require.ErrorContains(t, err, "no variables are allowed here")
}

// differentiable are formulas with an interval in which they are smooth.
var differentiable = []struct {
	text   string
	lo, hi float64
}{
	{"t", 0, 1}, {"3", 0, 1}, {"1-t^2", 0, 1}, {"t^3*(1-t)", 0, 1}, {"sqrt(1-t^2)", 0.1, 0.9}, {"1/(1+t)", 0, 1}, {"t/(2-t)", 0, 1},
	{"exp(-19.9*(1-t)^2/4-0.1*(1-t)/2)", 0, 1}, {"sqrt(-expm1(-19.9*(1-t)^2/2-0.1*(1-t)))", 0, 0.9},
	{"sin(pi/2*t)*cos(t)", 0, 1}, {"tan(t)", 0, 1}, {"tanh(3*t)", 0, 1}, {"log(1+t)+log1p(t^2)", 0, 1}, {"2^t", 0, 1}, {"t^t", 0.2, 1},
	{"(1+t)^(2-t)", 0, 1}, {"pow(t,2.5)", 0.1, 1}, {"100*(0.02/100)^t", 0, 1}, {"abs(t-2)", 0, 1}, {"min(t,1-t)", 0, 0.45},
	{"min(t,1-t)", 0.55, 1}, {"max(t^2,t-5)", 0, 1}, {"sign(t+1)*t", 0, 1}, {"-(-t)", 0, 1}, {"sqrt(t)*sqrt(t)", 0.1, 1}, {"(sqrt(t)*3)^2", 0.1, 1},
	{"t-t", 0, 1}, {"t/t", 0.1, 1}, {"2*(3*(4*t))", 0, 1}, {"(t/4)*8", 0, 1}, {"exp(t)^3", 0, 1}, {"(2/(1+t))^4", 0, 1},
	{"(80^(1/7)+t*(0.002^(1/7)-80^(1/7)))^7", 0, 0.9},
}

func TestDerivativeIsTheLimitOfDifferences(t *testing.T) {
	for _, test := range differentiable {
		f := schedule.MustFormula(test.text, "t")
		first := f.Derivative("t")
		second := first.Derivative("t")
		for i := 1; i < 10; i++ {
			x := test.lo + (test.hi-test.lo)*float64(i)/10
			for _, pair := range [][2]*schedule.Formula{{f, first}, {first, second}} {
				const h = 1e-5
				want := (pair[0].Eval(x+h) - pair[0].Eval(x-h)) / (2 * h)
				require.InDelta(t, want, pair[1].Eval(x), 2e-7*(1+math.Abs(want)), "(%s)' = %s at %g", pair[0], pair[1], x)
			}
		}
	}
}

func TestDerivativesArePartial(t *testing.T) {
	f := schedule.MustFormula("t^2*alpha", "t", "alpha")
	require.Equal(t, "2*(t*alpha)", f.Derivative("t").String())
	require.Equal(t, "t^2", f.Derivative("alpha").String())
	require.Equal(t, "0", f.Derivative("beta").String())
	require.Equal(t, 12.0, f.Derivative("t").Eval(2, 3))
}

func TestDerivativesAreSimplified(t *testing.T) {
	for text, want := range map[string]string{
		"t":                 "1",
		"1-t":               "-1",
		"t^2":               "2*t",
		"sqrt(1-t)^2":       "-1",
		"(0.5*sqrt(1-t))^2": "-0.25",
		"(t^0.5)^2":         "1",
		"sqrt(t)":           "0.5/sqrt(t)",
		"sin(pi*t)":         "3.141592653589793*cos(pi*t)",
		"3*t/6":             "0.5",
		"exp(t)^2":          "2*exp(2*t)",
		"0*log(t)":          "0",
	} {
		got := schedule.MustFormula(text, "t").Derivative("t").String()
		want = strings.ReplaceAll(want, "3.141592653589793", "pi")
		require.Equal(t, want, got, text)
	}
}

func TestKinksHaveTheMeanOfTheirSlopes(t *testing.T) {
	require.Equal(t, 0.0, schedule.MustFormula("abs(t)", "t").Derivative("t").Eval(0))
	require.Equal(t, 0.0, schedule.MustFormula("min(t,1-t)", "t").Derivative("t").Eval(0.5))
	require.Equal(t, 1.5, schedule.MustFormula("max(t,2*t)", "t").Derivative("t").Eval(0))
}

// A formula that nests as deep as it may must not cost seconds: its derivative, walked as a tree, stays small.
func TestDerivativesGrowQuadratically(t *testing.T) {
	var size func(e *schedule.Expr) int
	size = func(e *schedule.Expr) int {
		n := 1
		for _, arg := range e.Args {
			n += size(arg)
		}
		return n
	}
	for _, pair := range [][2]string{
		{"t^", ""}, {"(", ")^t"}, {"t*(1+", ")"}, {"t/(1+", ")"}, {"sqrt(1+", ")"}, {"tanh(1+", ")"}, {"tan(t*", ")"}, {"min(t*t,", ")"}, {"max(", ",t)"},
		{"abs(t-", ")"}, {"log1p(t+", ")"}, {"expm1(t*", ")"}, {"pow(", ",3)"}, {"t-(-1)*(", ")"},
	} {
		f := schedule.MustFormula(strings.Repeat(pair[0], 18)+"t"+strings.Repeat(pair[1], 18), "t")
		n := size(f.Root())
		require.LessOrEqual(t, size(f.Derivative("t").Root()), 4*n*n, pair[0])
	}
}

func TestUsesFindsVariables(t *testing.T) {
	f := schedule.MustFormula("1+sqrt(alpha)", "t", "alpha")
	require.True(t, f.Uses("alpha"))
	require.False(t, f.Uses("t"))
}

func TestEvalAllocatesNothing(t *testing.T) {
	f := schedule.MustFormula("sqrt(-expm1(-19.9*(1-t)^2/2-0.1*(1-t)))*alpha", "t", "alpha")
	require.Zero(t, testing.AllocsPerRun(100, func() { f.Eval(0.3, 2) }))
}

func TestEvalPanicsOnAWrongNumberOfValues(t *testing.T) {
	require.PanicsWithValue(t, `schedule: formula "t" takes the values of 1 variables [t], got 2`, func() {
		schedule.MustFormula("t", "t").Eval(1, 2)
	})
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func FuzzParseFormula(f *testing.F) {
	for _, test := range differentiable {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		formula, err := schedule.ParseFormula(text, "t", "alpha")
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
			return
		}
		again, err := schedule.ParseFormula(formula.String(), "t", "alpha")
		if err != nil {
			// Brackets that writing adds may pass the limit on length.
			if len(formula.String()) <= 1000 {
				t.Fatalf("%q is written as %q, which is not read: %v", text, formula, err)
			}
			return
		}
		if formula.String() != again.String() {
			t.Errorf("%q is written as %q, then as %q", text, formula, again)
		}
		slope := formula.Derivative("t")
		for _, x := range []float64{0, 0.25, 1, -3} {
			if !same(formula.Eval(x, 2), again.Eval(x, 2)) {
				t.Errorf("%q is %g at %g, %q is %g", text, formula.Eval(x, 2), x, again, again.Eval(x, 2))
			}
			slope.Eval(x, 2)
		}
	})
}
