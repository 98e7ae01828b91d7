package schedule

import "math"

// derive is the derivative of e with respect to the variable, by the rules of calculus, built with the simplifying
// constructors below. Every rule names the derivative of an argument once, so that the tree grows at most quadratically with
// the depth.
func derive(e *Expr, variable string) *Expr {
	if !e.Uses(variable) {
		return constant(0)
	}
	if e.Op == OpVariable {
		return constant(1)
	}
	g := e.Args[0]
	dg := derive(g, variable)
	if len(e.Args) == 1 {
		return chainRule(e, g, dg)
	}
	h := e.Args[1]
	dh := derive(h, variable)
	switch e.Op {
	case OpAdd:
		return add(dg, dh)
	case OpSub:
		return sub(dg, dh)
	case OpMul:
		return add(mul(dg, h), mul(g, dh))
	case OpDiv:
		if !h.Uses(variable) {
			return div(dg, h)
		}
		return div(sub(mul(dg, h), mul(g, dh)), pow(h, constant(2)))
	case OpPow:
		switch {
		case !h.Uses(variable): // h g^(h-1) g'
			return mul(mul(h, pow(g, sub(h, constant(1)))), dg)
		case !g.Uses(variable): // g^h log(g) h'
			return mul(mul(e, apply(OpLog, g)), dh)
		}
		return mul(e, add(mul(dh, apply(OpLog, g)), div(mul(h, dg), g)))
	case OpMin, OpMax: // the weights of g' and h' are 0 and 1, or both 1/2 where g = h
		side := apply(OpSign, sub(g, h))
		if e.Op == OpMin {
			side = neg(side)
		}
		one := constant(1)
		return div(add(mul(add(one, side), dg), mul(sub(one, side), dh)), constant(2))
	}
	panic("schedule: no derivative of " + e.Op.String())
}

// chainRule is the derivative of a function of one argument g with derivative dg.
func chainRule(e, g, dg *Expr) *Expr {
	one, two := constant(1), constant(2)
	switch e.Op {
	case OpNeg:
		return neg(dg)
	case OpSqrt:
		return div(dg, mul(two, e))
	case OpExp:
		return mul(e, dg)
	case OpExpm1:
		return mul(apply(OpExp, g), dg)
	case OpLog:
		return div(dg, g)
	case OpLog1p:
		return div(dg, add(one, g))
	case OpSin:
		return mul(apply(OpCos, g), dg)
	case OpCos:
		return neg(mul(apply(OpSin, g), dg))
	case OpTan:
		return div(dg, pow(apply(OpCos, g), two))
	case OpTanh:
		return mul(sub(one, pow(e, two)), dg)
	case OpAbs:
		return mul(apply(OpSign, g), dg)
	case OpSign:
		return constant(0)
	}
	panic("schedule: no derivative of " + e.Op.String())
}

// halfSquareDerivative is (f^2)'/2 = f f', without the infinities that f' has where f is a root that vanishes.
func halfSquareDerivative(f *Formula, variable string) *Formula {
	root := div(derive(pow(simplify(f.root), constant(2)), variable), constant(2))
	return &Formula{root: root, variables: f.variables}
}

// simplify builds the tree anew with the simplifying constructors.
func simplify(e *Expr) *Expr {
	if len(e.Args) == 0 {
		return e
	}
	a := simplify(e.Args[0])
	if len(e.Args) == 1 {
		if e.Op == OpNeg {
			return neg(a)
		}
		return apply(e.Op, a)
	}
	b := simplify(e.Args[1])
	if build, ok := constructors[e.Op]; ok {
		return build(a, b)
	}
	return apply(e.Op, a, b)
}

var constructors = map[Op]func(a, b *Expr) *Expr{OpAdd: add, OpSub: sub, OpMul: mul, OpDiv: div, OpPow: pow}

// The constructors below keep trees small. They look at most two levels down, and change a value only where it was not
// finite (0*x is 0 whatever x is).

func constant(x float64) *Expr { return &Expr{Op: OpNumber, Value: x} }

func (e *Expr) is(x float64) bool { return e.Op == OpNumber && e.Value == x }

// apply is the operation on its arguments, computed where all are numbers and the result is finite.
func apply(op Op, args ...*Expr) *Expr {
	for _, arg := range args {
		if arg.Op != OpNumber {
			return &Expr{Op: op, Args: args}
		}
	}
	e := &Expr{Op: op, Args: args}
	if value := e.eval(nil); !math.IsNaN(value) && !math.IsInf(value, 0) {
		return constant(value)
	}
	return e
}

func neg(a *Expr) *Expr {
	switch {
	case a.is(0):
		return constant(0)
	case a.Op == OpNeg:
		return a.Args[0]
	case a.Op == OpSub:
		return sub(a.Args[1], a.Args[0])
	}
	return apply(OpNeg, a)
}

func add(a, b *Expr) *Expr {
	switch {
	case a.is(0):
		return b
	case b.is(0):
		return a
	case b.Op == OpNeg:
		return sub(a, b.Args[0])
	case a.Op == OpNeg:
		return sub(b, a.Args[0])
	case b.Op == OpNumber && b.Value < 0 && a.Op != OpNumber:
		return sub(a, constant(-b.Value))
	}
	return apply(OpAdd, a, b)
}

func sub(a, b *Expr) *Expr {
	switch {
	case b.is(0):
		return a
	case a.is(0):
		return neg(b)
	case b.Op == OpNeg:
		return add(a, b.Args[0])
	case b.Op == OpNumber && b.Value < 0 && a.Op != OpNumber:
		return add(a, constant(-b.Value))
	case a.Equal(b):
		return constant(0)
	}
	return apply(OpSub, a, b)
}

func mul(a, b *Expr) *Expr {
	if b.Op == OpNumber && a.Op != OpNumber {
		a, b = b, a // numbers in front
	}
	switch {
	case a.is(0) || b.is(0):
		return constant(0)
	case a.is(1):
		return b
	case b.is(1):
		return a
	case a.is(-1):
		return neg(b)
	case a.Op == OpNeg:
		return neg(mul(a.Args[0], b))
	case b.Op == OpNeg:
		return neg(mul(a, b.Args[0]))
	case a.Op == OpMul && a.Args[0].Op == OpNumber:
		return mul(a.Args[0], mul(a.Args[1], b))
	case a.Op != OpNumber && b.Op == OpMul && b.Args[0].Op == OpNumber:
		return mul(b.Args[0], mul(a, b.Args[1]))
	case b.Op == OpMul && computable(OpMul, a, b.Args[0]):
		return mul(apply(OpMul, a, b.Args[0]), b.Args[1])
	case b.Op == OpDiv && computable(OpDiv, a, b.Args[1]):
		return mul(apply(OpDiv, a, b.Args[1]), b.Args[0])
	case a.Op == OpSqrt && a.Equal(b):
		return a.Args[0]
	}
	return apply(OpMul, a, b)
}

func div(a, b *Expr) *Expr {
	switch {
	case a.is(0):
		return constant(0)
	case b.is(1):
		return a
	case a.Op == OpNeg:
		return neg(div(a.Args[0], b))
	case b.Op == OpNeg:
		return neg(div(a, b.Args[0]))
	case a.Op == OpMul && computable(OpDiv, a.Args[0], b):
		return mul(apply(OpDiv, a.Args[0], b), a.Args[1])
	case b.Op == OpMul && computable(OpDiv, a.factor(), b.factor()):
		return div(mul(apply(OpDiv, a.factor(), b.factor()), a.rest()), b.rest())
	case a.Equal(b):
		return constant(1)
	}
	return apply(OpDiv, a, b)
}

// computable reports whether both are numbers and the result of the operation is finite, so that apply gives a number.
func computable(op Op, a, b *Expr) bool {
	return a.Op == OpNumber && b.Op == OpNumber && apply(op, a, b).Op == OpNumber
}

// factor is the number in front of a product, or the tree itself where none is; rest is what it multiplies.
func (e *Expr) factor() *Expr {
	if e.Op == OpMul && e.Args[0].Op == OpNumber {
		return e.Args[0]
	}
	return e
}

func (e *Expr) rest() *Expr {
	if e.Op == OpMul && e.Args[0].Op == OpNumber {
		return e.Args[1]
	}
	return constant(1)
}

// pow knows the powers of powers: with n whole, sqrt(g)^2 = g, (g^p)^n = g^(p n), exp(g)^n = exp(n g), |g|^2 = g^2, and a
// product is raised factor by factor. All hold wherever the left side is finite.
func pow(a, n *Expr) *Expr {
	switch {
	case n.is(0):
		return constant(1)
	case n.is(1):
		return a
	case n.is(0.5):
		return apply(OpSqrt, a)
	}
	if n.Op == OpNumber && n.Value == math.Trunc(n.Value) {
		even := math.Mod(n.Value, 2) == 0
		switch {
		case a.Op == OpSqrt && even:
			return pow(a.Args[0], div(n, constant(2)))
		case a.Op == OpPow && a.Args[1].Op == OpNumber:
			return pow(a.Args[0], mul(a.Args[1], n))
		case a.Op == OpExp:
			return apply(OpExp, mul(n, a.Args[0]))
		case (a.Op == OpAbs || a.Op == OpNeg) && even:
			return pow(a.Args[0], n)
		case a.Op == OpMul && n.Value > 0:
			return mul(pow(a.Args[0], n), pow(a.Args[1], n))
		case a.Op == OpDiv && n.Value > 0:
			return div(pow(a.Args[0], n), pow(a.Args[1], n))
		}
	}
	return apply(OpPow, a, n)
}
