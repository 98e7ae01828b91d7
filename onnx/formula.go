package onnx

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// Formula writes a formula as nodes in float64 arithmetic. The variables are float64 values, in the order in which
// ParseFormula was given their names; they are broadcast against each other. A formula without variables is a scalar.
//
// ONNX Runtime has sine, but neither cosine nor tangent in float64, and no operator set has expm1 and log1p. They are made of
// what there is:
//
//   - sin and cos of x are sin(r) up to sign, where r is x less the nearest zero n pi/2. pi/2 is taken off in three parts
//     (Cody and Waite; the parts are those of fdlibm's __ieee754_rem_pio2), so that the zeros are those of the functions, and
//     beta = cos(pi/2 t) keeps its digits at t = 1. tan is their quotient. Up to |x| = 2^20 pi/2.
//   - expm1(x) = (u-1) x/log(u) with u = exp(x), and log1p(x) = log(u) x/(u-1) with u = 1+x, for |x| < 1: the rounding of u cancels
//     (Higham, Accuracy and Stability of Numerical Algorithms, 1.14.1; after Kahan).
//
// Each of these is right to 1e-15 relative; a formula's value is [schedule.Formula.Eval]'s as far as its own rounding allows.
func (g *Graph) Formula(f *schedule.Formula, variables ...Ref) Ref {
	names := f.Variables()
	if len(names) != len(variables) {
		panic(fmt.Sprintf("onnx: formula %q takes %d variables %v, got %d", f, len(names), names, len(variables)))
	}
	w := formulaWriter{Graph: g, done: map[string]Ref{}}
	for i, name := range names {
		w.done[name] = variables[i]
	}
	return w.write(f.Root())
}

// formulaWriter writes each subexpression once.
type formulaWriter struct {
	*Graph
	done map[string]Ref // by text
}

func (w formulaWriter) write(e *schedule.Expr) Ref {
	key := e.String()
	if known, ok := w.done[key]; ok {
		return known
	}
	args := make([]Argument, len(e.Args))
	refs := make([]Ref, len(e.Args))
	for i, arg := range e.Args {
		refs[i] = w.write(arg)
		args[i] = refs[i]
	}
	var v Ref
	switch e.Op {
	case schedule.OpNumber:
		v = w.number(e.Value)
	case schedule.OpVariable:
		panic(fmt.Sprintf("onnx: formula with the variable %q, which is not among its own", e.Name))
	case schedule.OpPow:
		if exponent := e.Args[1]; exponent.Op == schedule.OpNumber && exponent.Value == 2 {
			v = w.Node("Mul", refs[0], refs[0]) // as Eval does
		} else {
			v = w.Node("Pow", args...)
		}
	case schedule.OpSin:
		v = w.sine(refs[0], false)
	case schedule.OpCos:
		v = w.sine(refs[0], true)
	case schedule.OpTan:
		v = w.Node("Div", w.sine(refs[0], false), w.sine(refs[0], true))
	case schedule.OpExpm1:
		v = w.expm1(refs[0])
	case schedule.OpLog1p:
		v = w.log1p(refs[0])
	default:
		operator, ok := formulaOperators[e.Op]
		if !ok {
			panic(fmt.Sprintf("onnx: formula with an operation %v that has no nodes", e.Op))
		}
		v = w.Node(operator, args...)
	}
	w.done[key] = v
	return v
}

// formulaOperators are the operations that ONNX has as they are, and ONNX Runtime in float64.
var formulaOperators = map[schedule.Op]string{
	schedule.OpAdd:  "Add",
	schedule.OpSub:  "Sub",
	schedule.OpMul:  "Mul",
	schedule.OpDiv:  "Div",
	schedule.OpNeg:  "Neg",
	schedule.OpSqrt: "Sqrt",
	schedule.OpExp:  "Exp",
	schedule.OpLog:  "Log",
	schedule.OpTanh: "Tanh",
	schedule.OpAbs:  "Abs",
	schedule.OpSign: "Sign",
	schedule.OpMin:  "Min",
	schedule.OpMax:  "Max",
}

// number is a constant, once in a formula.
func (w formulaWriter) number(x float64) Ref {
	key := fmt.Sprintf("number %x", math.Float64bits(x)) // no formula's text
	if known, ok := w.done[key]; ok {
		return known
	}
	v := w.Const("", Scalar(x))
	w.done[key] = v
	return v
}

// pi/2 in parts of 33 bits, the last to full precision: n times the first two is exact for |n| < 2^20.
var halfPi = [3]float64{
	math.Float64frombits(0x3ff921fb54400000),
	math.Float64frombits(0x3dd0b4611a600000),
	math.Float64frombits(0x3ba3198a2e037073),
}

// sine is sin(x), or cos(x). Their zeros are the even and the odd multiples n of pi/2; between the nearest zero and x lies r, and
// the value is sin(r) times (-1)^k with n = 2k for the sine, -(-1)^k with n = 2k+1 for the cosine.
func (w formulaWriter) sine(x Ref, cosine bool) Ref {
	one, two := w.number(1), w.number(2)
	turns := w.Node("Mul", x, w.number(1/math.Pi))
	var k, n Ref
	if cosine {
		k = w.Node("Floor", turns)
		n = w.Node("Add", w.Node("Mul", k, two), one)
	} else {
		k = w.Node("Floor", w.Node("Add", turns, w.number(0.5)))
		n = w.Node("Mul", k, two)
	}
	r := x
	for _, part := range halfPi {
		r = w.Node("Sub", r, w.Node("Mul", n, w.number(part)))
	}
	odd := w.Node("Abs", w.Node("Mod", k, two, Int("fmod", 1)))
	sign := w.Node("Sub", one, w.Node("Mul", two, odd))
	if cosine {
		sign = w.Node("Neg", sign)
	}
	return w.Node("Mul", sign, w.Node("Sin", r))
}

// expm1 is e^x - 1 without the loss of digits near 0.
func (w formulaWriter) expm1(x Ref) Ref {
	one := w.number(1)
	u := w.Node("Exp", x)
	plain := w.Node("Sub", u, one)
	mended := w.Node("Div", w.Node("Mul", plain, x), w.Node("Log", u))
	return w.near(x, u, mended, plain)
}

// log1p is log(1+x) without the loss of digits near 0.
func (w formulaWriter) log1p(x Ref) Ref {
	u := w.Node("Add", x, w.number(1))
	plain := w.Node("Log", u)
	mended := w.Node("Div", w.Node("Mul", plain, x), w.Node("Sub", u, w.number(1)))
	return w.near(x, u, mended, plain)
}

// near chooses: x itself where u rounds to 1, the mended value for |x| < 1, else the plain one.
func (w formulaWriter) near(x, u, mended, plain Ref) Ref {
	one := w.number(1)
	small := w.Node("Less", w.Node("Abs", x), one)
	return w.Node("Where", w.Node("Equal", u, one), x, w.Node("Where", small, mended, plain))
}
