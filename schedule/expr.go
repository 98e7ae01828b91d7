package schedule

import (
	"math"
	"strconv"
	"strings"
)

// Op is what a node of a formula's tree does with its arguments.
type Op uint8

// The operations of formulas. OpPow is both a^b and pow(a,b).
const (
	OpNumber Op = iota
	OpVariable
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpPow
	OpNeg
	OpSqrt
	OpExp
	OpExpm1
	OpLog
	OpLog1p
	OpSin
	OpCos
	OpTan
	OpTanh
	OpAbs
	OpSign
	OpMin
	OpMax
)

// operations holds how each operation is written and how tightly it binds. Functions bind as tightly as a name.
var operations = [...]struct {
	text string
	args int
	prec int
}{
	OpNumber:   {"number", 0, precAtom},
	OpVariable: {"variable", 0, precAtom},
	OpAdd:      {"+", 2, precSum},
	OpSub:      {"-", 2, precSum},
	OpMul:      {"*", 2, precProduct},
	OpDiv:      {"/", 2, precProduct},
	OpPow:      {"^", 2, precPower},
	OpNeg:      {"-", 1, precNeg},
	OpSqrt:     {"sqrt", 1, precAtom},
	OpExp:      {"exp", 1, precAtom},
	OpExpm1:    {"expm1", 1, precAtom},
	OpLog:      {"log", 1, precAtom},
	OpLog1p:    {"log1p", 1, precAtom},
	OpSin:      {"sin", 1, precAtom},
	OpCos:      {"cos", 1, precAtom},
	OpTan:      {"tan", 1, precAtom},
	OpTanh:     {"tanh", 1, precAtom},
	OpAbs:      {"abs", 1, precAtom},
	OpSign:     {"sign", 1, precAtom},
	OpMin:      {"min", 2, precAtom},
	OpMax:      {"max", 2, precAtom},
}

const (
	precSum = iota + 1
	precProduct
	precNeg
	precPower
	precAtom
)

// String is the operation as formulas write it: "+", "sqrt".
func (o Op) String() string {
	if int(o) < len(operations) {
		return operations[o].text
	}
	return "Op(" + strconv.Itoa(int(o)) + ")"
}

// Expr is one node of a formula's tree. Trees are shared between formulas: read them, never change them.
type Expr struct {
	Op    Op
	Value float64 // of an OpNumber
	Name  string  // of an OpVariable
	Args  []*Expr

	slot int // the variable's place in Eval's values
}

// Uses reports whether the variable occurs in the tree.
func (e *Expr) Uses(variable string) bool {
	if e.Op == OpVariable {
		return e.Name == variable
	}
	for _, arg := range e.Args {
		if arg.Uses(variable) {
			return true
		}
	}
	return false
}

// Equal reports whether both trees are the same.
func (e *Expr) Equal(o *Expr) bool {
	if e == o {
		return true
	}
	if e.Op != o.Op || e.Name != o.Name || e.Value != o.Value || len(e.Args) != len(o.Args) {
		return false
	}
	for i := range e.Args {
		if !e.Args[i].Equal(o.Args[i]) {
			return false
		}
	}
	return true
}

// eval is the value of the tree with the variables' values by slot.
func (e *Expr) eval(values []float64) float64 {
	switch len(e.Args) {
	case 0:
		if e.Op == OpVariable {
			return values[e.slot]
		}
		return e.Value
	case 1:
		return unary(e.Op, e.Args[0].eval(values))
	default:
		return binary(e.Op, e.Args[0].eval(values), e.Args[1].eval(values))
	}
}

func unary(op Op, x float64) float64 {
	switch op {
	case OpNeg:
		return -x
	case OpSqrt:
		return math.Sqrt(x)
	case OpExp:
		return math.Exp(x)
	case OpExpm1:
		return math.Expm1(x)
	case OpLog:
		return math.Log(x)
	case OpLog1p:
		return math.Log1p(x)
	case OpSin:
		return math.Sin(x)
	case OpCos:
		return math.Cos(x)
	case OpTan:
		return math.Tan(x)
	case OpTanh:
		return math.Tanh(x)
	case OpAbs:
		return math.Abs(x)
	case OpSign:
		return sign(x)
	}
	panic("schedule: " + op.String() + " does not take one argument")
}

func binary(op Op, x, y float64) float64 {
	switch op {
	case OpAdd:
		return x + y
	case OpSub:
		return x - y
	case OpMul:
		return x * y
	case OpDiv:
		return x / y
	case OpPow:
		if y == 2 {
			return x * x // correctly rounded, which math.Pow is not
		}
		return math.Pow(x, y)
	case OpMin:
		return math.Min(x, y)
	case OpMax:
		return math.Max(x, y)
	}
	panic("schedule: " + op.String() + " does not take two arguments")
}

// sign is -1, 0 or 1, and NaN of NaN.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// String writes the tree with the fewest brackets that let it be read back as the same tree.
func (e *Expr) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

// prec is how tightly the node binds when written; a negative number is written like a negation.
func (e *Expr) prec() int {
	if e.Op == OpNumber && math.Signbit(e.Value) {
		return precNeg
	}
	return operations[e.Op].prec
}

func (e *Expr) write(b *strings.Builder) {
	// operand writes an argument, in brackets if it binds less tightly than min.
	operand := func(arg *Expr, min int) {
		if arg.prec() < min {
			b.WriteByte('(')
			arg.write(b)
			b.WriteByte(')')
			return
		}
		arg.write(b)
	}
	prec := operations[e.Op].prec
	switch {
	case e.Op == OpNumber && e.Value == math.Pi:
		b.WriteString("pi")
	case e.Op == OpNumber:
		b.WriteString(number(e.Value))
	case e.Op == OpVariable:
		b.WriteString(e.Name)
	case e.Op == OpNeg:
		b.WriteByte('-')
		operand(e.Args[0], precNeg)
	case e.Op == OpPow:
		operand(e.Args[0], precAtom)
		b.WriteByte('^')
		operand(e.Args[1], precNeg)
	case prec == precAtom:
		b.WriteString(e.Op.String())
		b.WriteByte('(')
		for i, arg := range e.Args {
			if i > 0 {
				b.WriteByte(',')
			}
			arg.write(b)
		}
		b.WriteByte(')')
	default:
		operand(e.Args[0], prec)
		b.WriteString(e.Op.String())
		operand(e.Args[1], prec+1)
	}
}

// number writes x in the fewest digits that are read back as x.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
