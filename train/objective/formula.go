package objective

import (
	"fmt"
	"math"

	"odeon/graph"
	"odeon/onnx"
	"odeon/schedule"
)

// Formula adds a formula to a graph. The variables are float32 values, in the order in which ParseFormula was given their names; they are
// broadcast against each other, and one that does not occur in the formula may be nil. A formula without variables is a scalar.
//
// What float32 would lose beside zeros is kept: expm1(x) is 2 tanh(x/2)/(1 - tanh(x/2)), whose relative error is that of tanh,
// and log1p(x) is log(u) x/(u-1) with u = 1+x, where the rounding of u cancels (Higham, Accuracy and Stability of Numerical
// Algorithms, 1.14.1; after Kahan).
func Formula(g *graph.Graph, f *schedule.Formula, variables ...*graph.Value) *graph.Value {
	names := f.Variables()
	if len(names) != len(variables) {
		panic(fmt.Sprintf("objective: formula %q takes %d variables %v, got %d", f, len(names), names, len(variables)))
	}
	w := formulaWriter{Graph: g, done: map[string]*graph.Value{}}
	for i, name := range names {
		if variables[i] != nil {
			w.done[name] = variables[i]
		}
	}
	return w.write(f.Root())
}

// formulaWriter writes each subexpression once.
type formulaWriter struct {
	*graph.Graph
	done map[string]*graph.Value // by text
}

func (w formulaWriter) write(e *schedule.Expr) *graph.Value {
	key := e.String()
	if known, ok := w.done[key]; ok {
		return known
	}
	if e.Op == schedule.OpVariable {
		panic(fmt.Sprintf("objective: the variable %q of a formula was not given", e.Name))
	}
	args := make([]*graph.Value, len(e.Args))
	for i, arg := range e.Args {
		args[i] = w.write(arg)
	}
	v := w.node(e, args)
	w.done[key] = v
	return v
}

// The operations that a graph has as they are.
var (
	formulaUnary = map[schedule.Op]func(*graph.Graph, *graph.Value) *graph.Value{
		schedule.OpNeg:  (*graph.Graph).Neg,
		schedule.OpSqrt: (*graph.Graph).Sqrt,
		schedule.OpExp:  (*graph.Graph).Exp,
		schedule.OpLog:  (*graph.Graph).Log,
		schedule.OpSin:  (*graph.Graph).Sin,
		schedule.OpCos:  (*graph.Graph).Cos,
		schedule.OpTanh: (*graph.Graph).Tanh,
		schedule.OpAbs:  (*graph.Graph).Abs,
		schedule.OpSign: (*graph.Graph).Sign,
	}
	formulaBinary = map[schedule.Op]func(*graph.Graph, *graph.Value, *graph.Value) *graph.Value{
		schedule.OpAdd: (*graph.Graph).Add,
		schedule.OpSub: (*graph.Graph).Sub,
		schedule.OpMul: (*graph.Graph).Mul,
		schedule.OpDiv: (*graph.Graph).Div,
		schedule.OpPow: (*graph.Graph).Pow,
		schedule.OpMin: (*graph.Graph).Min,
		schedule.OpMax: (*graph.Graph).Max,
	}
)

func (w formulaWriter) node(e *schedule.Expr, args []*graph.Value) *graph.Value {
	if unary, ok := formulaUnary[e.Op]; ok {
		return unary(w.Graph, args[0])
	}
	switch e.Op {
	case schedule.OpNumber:
		return w.Scalar(e.Value)
	case schedule.OpTan:
		return w.Div(w.Sin(args[0]), w.Cos(args[0]))
	case schedule.OpExpm1:
		return w.expm1(args[0])
	case schedule.OpLog1p:
		return w.log1p(args[0])
	case schedule.OpPow:
		if exponent := e.Args[1]; exponent.Op == schedule.OpNumber && exponent.Value == 2 {
			return w.Mul(args[0], args[0])
		}
	}
	binary, ok := formulaBinary[e.Op]
	if !ok {
		panic(fmt.Sprintf("objective: formula with an operation %v that has no nodes", e.Op))
	}
	return binary(w.Graph, args[0], args[1])
}

// expm1 is e^x - 1; above 1, where tanh comes to lose digits and nothing cancels, it is computed as it is written.
func (w formulaWriter) expm1(x *graph.Value) *graph.Value {
	one := w.Scalar(1)
	half := w.Tanh(w.Mul(x, w.Scalar(0.5)))
	small := w.Less(x, one)
	mended := w.Div(w.Mul(half, w.Scalar(2)), w.Sub(one, w.Where(small, half, w.Scalar(0))))
	return w.Where(small, mended, w.Sub(w.Exp(x), one))
}

// log1p is log(1+x); x itself where 1+x rounds to 1.
func (w formulaWriter) log1p(x *graph.Value) *graph.Value {
	one := w.Scalar(1)
	u := w.Add(x, one)
	rounded := w.Equal(u, one)
	rise := w.Where(rounded, one, w.Sub(u, one))
	return w.Where(rounded, x, w.Div(w.Mul(w.Log(u), x), rise))
}

// table adds a look-up of numbers by an index that lies between the first and the last, linear between the entries.
func table(g *graph.Graph, numbers []float64, index *graph.Value) *graph.Value {
	entries := g.Constant(numbers, graph.Shape{len(numbers)})
	last := g.Scalar(float64(len(numbers) - 1))
	below := g.Floor(index)
	above := g.Min(g.Add(below, g.Scalar(1)), last)
	entry := func(i *graph.Value) *graph.Value { return g.Gather(entries, g.Cast(i, onnx.Int64), 0) }
	part := g.Sub(index, below)
	return g.Add(g.Mul(entry(below), g.Sub(g.Scalar(1), part)), g.Mul(entry(above), part))
}

// line is p and q of a function that is p + q x, which is tried at some numbers from first to last; ok is false if it is not.
func line(f func(x float64) float64, first, last float64) (p, q float64, ok bool) {
	width := last - first
	if width == 0 {
		return f(first) - first, 1, true
	}
	q = (f(first+0.75*width) - f(first+0.25*width)) / (0.5 * width)
	p = f(first+0.25*width) - q*(first+0.25*width)
	for i := range 17 {
		x := first + width*(float64(i)+0.5)/17
		if off := f(x) - (p + q*x); !(math.Abs(off) <= 1e-9*(math.Abs(p)+math.Abs(q*width))) {
			return 0, 0, false
		}
	}
	return p, q, q != 0
}
