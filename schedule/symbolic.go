package schedule

import "slices"

// A Symbolic is a conversion written out: q = X x + P p, as [Convert] computes it inside a path, with formulas in place of numbers. They
// are what a rewritten network's graph computes, and what people read.
//
// The formulas are in SymbolicVariables. X and P may use det, which stands for Det.
type Symbolic struct {
	Det  *Formula // alpha b - beta a; nil where it is so short that X and P have it written out
	X, P *Formula
}

// SymbolicVariables are the variables of a Symbolic: those of a path in which predictions are written (the path's time variables,
// then dalpha, dbeta and betadbeta), the same of the network's own path where that is another one (alpha_A, ...), and det.
func SymbolicVariables() []string {
	variables := slices.Clone(weightVariables)
	for _, name := range weightVariables {
		variables = append(variables, name+OwnSuffix)
	}
	return append(variables, "det")
}

// OwnSuffix marks the variables of the network's own path where two paths meet in one formula.
const OwnSuffix = "_A"

// Symbolize writes the conversion from one prediction to another out. Across paths, the prediction `from` and the state x_A in
//
//	q = X x_A + P p
//
// are those of the network's own path, whose variables have OwnSuffix, while `to` is along the path of the plain variables; both speak of
// the same data z and noise eps. Variables whose values are known, since they are the same all along the path, are written as numbers.
func Symbolize(from, to Prediction, across bool, known map[string]float64) Symbolic {
	if !from.Valid() || !to.Valid() {
		panic("schedule: Symbolize of the zero Prediction")
	}
	s := symbols{across, known}
	alpha, beta := s.variable("alpha"), s.variable("beta")
	a, b := s.own(from.data.root), s.own(from.noise.root)
	c, d := s.plain(to.data.root), s.plain(to.noise.root)
	x, p, det := constant(0), constant(1), (*Expr)(nil)
	switch {
	case a.Equal(c) && b.Equal(d):
	case a.Equal(neg(c)) && b.Equal(neg(d)):
		p = constant(-1)
	case a.is(0) && c.is(0): // multiples of the noise
		p = div(d, b)
	case b.is(0) && d.is(0): // multiples of the data
		p = div(c, a)
	default:
		det = sub(mul(alpha, b), mul(beta, a))
		divisor := det
		if det.Op == OpNumber || det.Op == OpVariable || det.Op == OpNeg && det.Args[0].Op == OpVariable {
			det = nil
		} else {
			divisor = s.variable("det")
		}
		x = div(sub(mul(c, b), mul(d, a)), divisor)
		p = div(sub(mul(alpha, d), mul(beta, c)), divisor)
	}
	formula := func(root *Expr) *Formula { return &Formula{root: root, variables: SymbolicVariables()} }
	symbolic := Symbolic{X: formula(x), P: formula(p)}
	if det != nil {
		symbolic.Det = formula(det)
	}
	return symbolic
}

// symbols puts trees into the variables of a Symbolic.
type symbols struct {
	across bool
	known  map[string]float64
}

// variable is a variable of the network's own path, or det.
func (s symbols) variable(name string) *Expr {
	if s.across && name != "det" {
		name += OwnSuffix
	}
	return s.plainVariable(name)
}

func (s symbols) plainVariable(name string) *Expr {
	if value, ok := s.known[name]; ok {
		return constant(value)
	}
	return &Expr{Op: OpVariable, Name: name, slot: slices.Index(SymbolicVariables(), name)}
}

// own is the tree in the variables of the network's own path, plain the tree in those of the path.
func (s symbols) own(e *Expr) *Expr   { return signed(simplify(replace(e, s.variable))) }
func (s symbols) plain(e *Expr) *Expr { return signed(simplify(replace(e, s.plainVariable))) }

// replace puts trees in place of variables.
func replace(e *Expr, variable func(name string) *Expr) *Expr {
	if e.Op == OpVariable {
		return variable(e.Name)
	}
	if len(e.Args) == 0 {
		return e
	}
	replaced := &Expr{Op: e.Op}
	for _, arg := range e.Args {
		replaced.Args = append(replaced.Args, replace(arg, variable))
	}
	return replaced
}

// signed has the sign of a quotient in front of it, where two of them cancel.
func signed(e *Expr) *Expr {
	if e.Op == OpDiv && e.Args[0].Op == OpNumber && e.Args[0].Value < 0 {
		return neg(div(constant(-e.Args[0].Value), e.Args[1]))
	}
	return e
}

// Formulas are the path's variables in which predictions are written, as formulas in t: alpha, beta, dalpha, dbeta, and betadbeta =
// (beta^2)'/2, which is finite where dbeta is infinite only because beta vanishes.
func (c *Continuous) Formulas() map[string]*Formula {
	return map[string]*Formula{"alpha": c.Alpha, "beta": c.Beta, "dalpha": c.dAlpha, "dbeta": c.dBeta, "betadbeta": c.betaDBeta}
}

// WeightValues are the values, at a point, of the variables in which predictions are written: the first ten of
// SymbolicVariables.
func WeightValues(p Point) [10]float64 {
	return [10]float64{p.T, p.Alpha, p.Beta, p.Sigma(), p.LogSNR(), p.Index, p.Count, p.DAlpha, p.DBeta, p.BetaDBeta}
}
