package schedule

import "fmt"

// A Formula is an arithmetic expression in named variables: sqrt(1-t^2), 0.25*log(sigma).
//
// Formulas are made of numbers, pi, + - * / ^ and the functions sqrt exp expm1 log log1p sin cos tan tanh abs sign min
// max pow, computed in float64. ^ is the power; it groups to the right and binds tighter than * and than the minus in front, so
// that 1-t^2 and -t^2 mean what they do on paper; 2^-1 is one half. A Formula never changes and may be shared.
type Formula struct {
	root      *Expr
	variables []string
}

// MustFormula is ParseFormula for formulas that the program itself holds; it panics where ParseFormula returns an error.
func MustFormula(text string, variables ...string) *Formula {
	f, err := ParseFormula(text, variables...)
	if err != nil {
		panic("schedule: " + err.Error())
	}
	return f
}

// Eval is the formula's value; values are those of the variables, in the order that ParseFormula was given. Nothing is
// allocated. Outside a function's domain the value is NaN or infinite, as in package math.
func (f *Formula) Eval(values ...float64) float64 {
	if len(values) != len(f.variables) {
		panic(fmt.Sprintf("schedule: formula %q takes the values of %d variables %v, got %d", f, len(f.variables), f.variables, len(values)))
	}
	return f.root.eval(values)
}

// Derivative is the exact partial derivative with respect to the variable, simplified: constants are folded, zeros and ones
// go, and sqrt(g)^2 is g. It is a formula in the same variables. abs, min and max have the mean of their one-sided
// derivatives where they bend.
func (f *Formula) Derivative(variable string) *Formula {
	return &Formula{root: derive(simplify(f.root), variable), variables: f.variables}
}

// String is a text that ParseFormula reads back as the same tree. The text of a derivative may be longer than
// ParseFormula admits.
func (f *Formula) String() string { return f.root.String() }

// Uses reports whether the variable occurs in the formula.
func (f *Formula) Uses(variable string) bool { return f.root.Uses(variable) }

// Variables lists the names that may occur in the formula, in the order of Eval's values. The list is not to be changed.
func (f *Formula) Variables() []string { return f.variables }

// Root is the formula's tree, to be read.
func (f *Formula) Root() *Expr { return f.root }
