package onnx

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// formulaValues computes formulas in x and y through ONNX Runtime, at many points at once.
func formulaValues(t *testing.T, formulas []*schedule.Formula, x, y []float64) [][]float64 {
	t.Helper()
	openRuntime(t)
	g := NewGraph("formulas")
	vx, vy := g.Input("x", Float64, Free("n")), g.Input("y", Float64, Free("n"))
	var names []string
	var values [][]float64
	var tensors []*Tensor
	n := int64(len(x))
	zero := g.Node("Sub", vx, vx)
	for i, f := range formulas {
		names = append(names, fmt.Sprintf("out%d", i))
		values = append(values, make([]float64, n))
		tensors = append(tensors, tensor(t, []int64{n}, values[i]))
		v := g.Formula(f, vx, vy)
		if !f.Uses("x") && !f.Uses("y") {
			v = g.Node("Add", v, zero)
		}
		g.Output(names[i], v, Float64, Free("n"))
	}
	c := call(t, t.Context(), session(t, built(t, g), []string{"x", "y"}, names))
	require.NoError(t, c.Run([]*Tensor{tensor(t, []int64{n}, x), tensor(t, []int64{n}, y)}, tensors))
	return values
}

// Each function at arguments where its digits are easily lost: near its zeros, near 0, at both ends of its range. The
// values are those of Go's math package, whose results are right to about 1e-16.
func TestFunctionsInFloat64(t *testing.T) {
	var x, y []float64
	add := func(v float64) { x, y = append(x, v, -v), append(y, 1.25, 1.25) }
	for e := -300; e <= 2; e++ {
		for _, m := range []float64{1, 1.7, 3.3} {
			add(m * math.Pow(10, float64(e)))
		}
	}
	for k := range 400 {
		zero := float64(k) * math.Pi / 2
		for _, off := range []float64{0, 1e-15, 1e-9, 1e-3, 0.4} {
			add(zero + off)
			add(zero - off)
		}
		add(math.Abs(math.Log(float64(k) + 0.5)))
		add(1 + float64(k)*1e-5)
	}
	texts := []string{
		"sin(x)", "cos(x)", "tan(x)", "tanh(x)", "exp(x)", "expm1(x)", "log(abs(x))", "log1p(x)", "sqrt(abs(x))", "abs(x)", "sign(x)",
		"abs(x)^y", "abs(x)^0.5", "x^2", "x^3", "min(x,y)", "max(x,y)", "-x", "x/y", "pi", "cos(pi/2*x)", "sin(0)", "1-x",
	}
	var formulas []*schedule.Formula
	for _, text := range texts {
		formulas = append(formulas, schedule.MustFormula(text, "x", "y"))
	}
	exact := map[string]func(x float64) float64{
		"sin(x)":      exactSine,
		"cos(x)":      exactCosine,
		"tan(x)":      func(x float64) float64 { return exactSine(x) / exactCosine(x) },
		"cos(pi/2*x)": func(x float64) float64 { return exactCosine(math.Pi / 2 * x) },
	}
	for i, got := range formulaValues(t, formulas, x, y) {
		worst := 0.
		for k := range got {
			want := formulas[i].Eval(x[k], y[k])
			if f := exact[texts[i]]; f != nil {
				want = f(x[k])
			}
			if math.IsNaN(want) || math.IsInf(want, 0) || want == 0 || math.Abs(want) < 1e-305 {
				require.True(t, got[k] == want || math.IsNaN(got[k]) && math.IsNaN(want) || math.Abs(want) < 1e-305 && math.Abs(got[k]-want) < 1e-305,
					"%s at %g: %g, want %g", texts[i], x[k], got[k], want)
				continue
			}
			worst = max(worst, math.Abs(got[k]-want)/math.Abs(want))
		}
		t.Logf("%-12s %.1e", texts[i], worst)
		tolerance := 1e-15
		if formulas[i].Root().Op == schedule.OpPow {
			tolerance = 5e-14 // of Go's power
		}
		require.LessOrEqual(t, worst, tolerance, texts[i])
	}
}

// exactSine is sin(x) with x brought near its zero in 300 bits. Go's own sine keeps its digits there only for small x.
func exactSine(x float64) float64 { return exactTurn(x, 2*math.Round(x/math.Pi)) }

func exactCosine(x float64) float64 { return exactTurn(x, 2*math.Floor(x/math.Pi)+1) }

// exactTurn is the sine, or for odd n the cosine, of x, n pi/2 being the zero of it beside x.
func exactTurn(x, n float64) float64 {
	const digits = "1.57079632679489661923132169163975144209858469968755291048747229615390820314310449931401741267105853399107404326"
	quarter, _, _ := big.ParseFloat(digits, 10, 300, big.ToNearestEven)
	zero := new(big.Float).SetPrec(300).SetFloat64(n)
	r, _ := new(big.Float).SetPrec(300).Sub(big.NewFloat(x).SetPrec(300), zero.Mul(zero, quarter)).Float64()
	if k := int(math.Abs(n)) % 4; k == 2 || n > 0 && k == 1 || n < 0 && k == 3 {
		return -math.Sin(r)
	}
	return math.Sin(r)
}

// randomFormula is a formula of a depth; positive arguments keep square roots and logarithms real.
func randomFormula(r *rand.Rand, depth int) string {
	if depth == 0 {
		return []string{"x", "y", "pi", "0.37", "2", "1"}[r.IntN(6)]
	}
	a, b := randomFormula(r, depth-1), randomFormula(r, depth-1)
	form := []string{
		"(%[1]s)+(%[2]s)", "(%[1]s)*(%[2]s)", "(%[1]s)/(1+(%[2]s)^2)", "-(%[1]s)", "sqrt(1+abs(%[1]s))", "exp(-abs(%[1]s))", "expm1(-abs(%[1]s))",
		"log(1.5+abs(%[1]s))", "log1p(abs(%[1]s))", "sin(tanh(%[1]s))", "cos(tanh(%[1]s))", "tan(tanh(%[1]s))", "tanh(%[1]s)", "abs(%[1]s)",
		"min(%[1]s,%[2]s)", "max(%[1]s,%[2]s)", "(1+abs(%[1]s))^tanh(%[2]s)", "(%[1]s)^2", "0.5-sign(%[1]s)", "(%[1]s)-0.3*(%[2]s)",
	}[r.IntN(20)]
	return strings.NewReplacer("%[1]s", a, "%[2]s", b).Replace(form)
}

func TestRandomFormulas(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var formulas []*schedule.Formula
	for len(formulas) < 120 {
		if f, err := schedule.ParseFormula(randomFormula(r, 1+r.IntN(3)), "x", "y"); err == nil {
			formulas = append(formulas, f)
		}
	}
	var x, y []float64
	for range 64 {
		x, y = append(x, r.NormFloat64()), append(y, r.Float64())
	}
	for i, got := range formulaValues(t, formulas, x, y) {
		for k := range got {
			want := formulas[i].Eval(x[k], y[k])
			// Sums of the formula may cancel: the size of the formula's largest part is 1 or more.
			require.InDelta(t, want, got[k], 1e-12*max(1, math.Abs(want)), "%v at %g, %g", formulas[i], x[k], y[k])
		}
	}
}

func TestFormulasOfPaths(t *testing.T) {
	x, y := []float64{0, 1e-9, 0.1, 0.5, 0.9, 1 - 1e-9, 1}, make([]float64, 7)
	for _, text := range []string{
		"sin(pi/2*x)", "cos(pi/2*x)", "sqrt(-expm1(-9.95*(1-x)^2-0.1*(1-x)))", "80^(1/7)+x*(0.002^(1/7)-80^(1/7))", "0.25*log(1.5-x)", "100*(0.02/100)^x",
	} {
		f := schedule.MustFormula(text, "x", "y")
		for k, got := range formulaValues(t, []*schedule.Formula{f}, x, y)[0] {
			require.InEpsilon(t, 1+f.Eval(x[k], 0), 1+got, 1e-15, text)
			if want := f.Eval(x[k], 0); want != 0 {
				require.InEpsilon(t, want, got, 1e-14, "%s at %g", text, x[k])
			}
		}
	}
}

func TestASubexpressionIsWrittenOnce(t *testing.T) {
	g := NewGraph("once")
	x := g.Input("x", Float64)
	g.Output("out", g.Formula(schedule.MustFormula("exp(x)/(1+exp(x))", "x"), x), Float64)
	info, err := ReadInfoBytes(built(t, g), "once.onnx")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"Exp": 1, "Add": 1, "Div": 1, "Identity": 1}, info.Operators)
}
