package schedule

import (
	"cmp"
	"math"
	"slices"
)

// At the ends of a path a formula may be 0/0 or infinite where its limit is perfectly finite, and the conversion between two
// predictions with it: on polynomial(2) the velocity at t = 0 is 0 z + 0 eps, and still the score is -1 x + 0 velocity. A
// series decides such limits exactly. It is l'Hopital's rule of all orders at once, and works where derivatives are infinite.

// A series is the expansion of a function in rising, not necessarily whole powers of the distance s from an end:
// the sum of coef s^power over its terms, plus O(s^cut). The cut is +Inf where nothing is left out, and -Inf where
// nothing is known.
type series struct {
	terms []term
	cut   float64
}

type term struct{ power, coef float64 }

const (
	taylorTerms   = 8     // of the expansion of a function
	seriesTerms   = 24    // kept of a product
	powerTies     = 1e-9  // powers nearer than this are the same
	seriesRounded = 1e-13 // what is left of a sum relative to its summands when they cancel
)

var unknown = series{cut: math.Inf(-1)}

func exactly(terms ...term) series { return collect(terms, math.Inf(1)) }

// collect sorts terms by power, joins those of one power, and drops what cancels and what lies beyond the cut.
func collect(terms []term, cut float64) series {
	slices.SortStableFunc(terms, func(p, q term) int { return cmp.Compare(p.power, q.power) })
	var kept []term
	for i := 0; i < len(terms); {
		power, sum, size := terms[i].power, 0., 0.
		for ; i < len(terms) && terms[i].power-power < powerTies; i++ {
			sum += terms[i].coef
			size += math.Abs(terms[i].coef)
		}
		if math.IsNaN(sum) || math.IsInf(sum, 0) {
			return unknown
		}
		if power > cut-powerTies {
			break
		}
		if math.Abs(sum) <= seriesRounded*size {
			continue
		}
		if len(kept) == seriesTerms {
			cut = power
			break
		}
		kept = append(kept, term{power, sum})
	}
	return series{kept, cut}
}

// order is the power with which the series begins, or below which it has nothing.
func (a series) order() float64 {
	if len(a.terms) > 0 {
		return a.terms[0].power
	}
	return a.cut
}

// limit is the value as s goes to 0: infinite where a negative power leads, NaN where nothing is known.
func (a series) limit() float64 {
	switch order := a.order(); {
	case order > powerTies:
		return 0
	case len(a.terms) == 0:
		return math.NaN()
	case order < -powerTies:
		return math.Inf(int(sign(a.terms[0].coef)))
	}
	return a.terms[0].coef
}

func (a series) plus(b series) series {
	return collect(append(append([]term(nil), a.terms...), b.terms...), math.Min(a.cut, b.cut))
}

func (a series) times(b series) series {
	if a.isZero() || b.isZero() {
		return exactly()
	}
	terms := make([]term, 0, len(a.terms)*len(b.terms))
	for _, p := range a.terms {
		for _, q := range b.terms {
			terms = append(terms, term{p.power + q.power, p.coef * q.coef})
		}
	}
	return collect(terms, math.Min(a.order()+b.cut, b.order()+a.cut))
}

func (a series) isZero() bool { return len(a.terms) == 0 && math.IsInf(a.cut, 1) }

func (a series) scaled(k float64) series { return a.times(exactly(term{0, k})) }

func (a series) minus(b series) series { return a.plus(b.scaled(-1)) }

func (a series) over(b series) series { return a.times(b.power(-1)) }

// derivative is d/ds.
func (a series) derivative() series {
	var terms []term
	for _, p := range a.terms {
		if math.Abs(p.power) > powerTies {
			terms = append(terms, term{p.power - 1, p.power * p.coef})
		}
	}
	return collect(terms, a.cut-1)
}

// power is a^p = c^p s^(p e) (1+r)^p with c s^e the leading term.
func (a series) power(p float64) series {
	if p == 0 {
		return exactly(term{0, 1})
	}
	if len(a.terms) == 0 {
		if p > 0 && a.cut > 0 {
			return series{cut: a.cut * p}
		}
		return unknown
	}
	lead := a.terms[0]
	rest := a.times(exactly(term{-lead.power, 1 / lead.coef})).minus(exactly(term{0, 1}))
	binomial, coef := make([]float64, taylorTerms), 1.
	for k := range binomial {
		binomial[k] = coef
		coef *= (p - float64(k)) / float64(k+1)
	}
	return rest.compose(binomial).times(exactly(term{lead.power * p, math.Pow(lead.coef, p)}))
}

// compose is the sum of coefs[k] a^k, coefs being the first coefficients of a Taylor series, for an a that vanishes.
func (a series) compose(coefs []float64) series {
	if a.isZero() {
		return exactly(term{0, coefs[0]})
	}
	if a.order() <= 0 {
		return unknown
	}
	sum, power := exactly(), exactly(term{0, 1})
	for _, c := range coefs {
		sum = sum.plus(power.scaled(c))
		power = power.times(a)
	}
	return collect(sum.terms, math.Min(sum.cut, a.order()*float64(len(coefs))))
}

// analytic is f(a) by f's Taylor series around the value at which a begins; derivative(k, x) is the k-th derivative of f at
// x. It is unknown where a is infinite.
func (a series) analytic(derivative func(k int, x float64) float64) series {
	x := a.limit()
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return unknown
	}
	coefs, factorial := make([]float64, taylorTerms), 1.
	for k := range coefs {
		coefs[k] = derivative(k, x) / factorial
		factorial *= float64(k + 1)
	}
	return a.minus(exactly(term{0, x})).compose(coefs)
}

// expand is the tree's series, given those of its variables by slot.
func (e *Expr) expand(variables []series) series {
	switch e.Op {
	case OpNumber:
		return exactly(term{0, e.Value})
	case OpVariable:
		return variables[e.slot]
	}
	a := e.Args[0].expand(variables)
	var b series
	if len(e.Args) == 2 {
		b = e.Args[1].expand(variables)
	}
	switch e.Op {
	case OpAdd:
		return a.plus(b)
	case OpSub:
		return a.minus(b)
	case OpMul:
		return a.times(b)
	case OpDiv:
		return a.over(b)
	case OpPow:
		if b.isZero() {
			return exactly(term{0, 1})
		}
		if len(b.terms) == 1 && b.terms[0].power == 0 && math.IsInf(b.cut, 1) {
			return a.power(b.terms[0].coef)
		}
		return expSeries(b.times(logSeries(a)))
	case OpNeg:
		return a.scaled(-1)
	case OpSqrt:
		return a.power(0.5)
	case OpExp:
		return expSeries(a)
	case OpExpm1:
		return expm1Series(a)
	case OpLog:
		return logSeries(a)
	case OpLog1p:
		return logSeries(a.plus(exactly(term{0, 1})))
	case OpSin:
		return a.analytic(sinDerivative)
	case OpCos:
		return a.analytic(cosDerivative)
	case OpTan:
		return a.analytic(sinDerivative).over(a.analytic(cosDerivative))
	case OpTanh: // expm1(2a)/(expm1(2a)+2)
		grown := expm1Series(a.scaled(2))
		return grown.over(grown.plus(exactly(term{0, 2})))
	case OpAbs:
		return a.times(a.sign())
	case OpSign:
		return a.sign()
	case OpMin, OpMax:
		if difference := a.minus(b).sign(); math.IsNaN(difference.limit()) {
			return unknown
		} else if (difference.limit() < 0) == (e.Op == OpMin) {
			return a
		}
		return b
	}
	return unknown
}

func expSeries(a series) series {
	return a.analytic(func(_ int, x float64) float64 { return math.Exp(x) })
}

func expm1Series(a series) series {
	return a.analytic(func(k int, x float64) float64 {
		if k == 0 {
			return math.Expm1(x)
		}
		return math.Exp(x)
	})
}

// logSeries is unknown where the logarithm is infinite: it grows more slowly than any power.
func logSeries(a series) series {
	return a.analytic(func(k int, x float64) float64 {
		if k == 0 {
			return math.Log(x)
		}
		return -math.Gamma(float64(k)) * math.Pow(-1/x, float64(k))
	})
}

func sinDerivative(k int, x float64) float64 {
	value := [...]float64{math.Sin(x), math.Cos(x), -math.Sin(x), -math.Cos(x)}[k%4]
	if math.Abs(x) > 1 && math.Abs(value) < 4e-16*math.Abs(x) {
		return 0 // cos(pi/2) and sin(pi) vanish but for the rounding of pi
	}
	return value
}

func cosDerivative(k int, x float64) float64 { return sinDerivative(k+1, x) }

// sign is the sign that the function has beside the end.
func (a series) sign() series {
	switch {
	case len(a.terms) > 0:
		return exactly(term{0, sign(a.terms[0].coef)})
	case a.isZero():
		return a
	}
	return unknown
}

// An end is a path at t = 0 or t = 1: its point, and the series of the variables in which predictions are written.
type end struct {
	point     Point
	variables []series // as weightVariables
}

// expand computes an end of the path.
func (c *Continuous) expand(t float64) *end {
	time, direction := exactly(term{1, 1}), 1.
	if t == 1 {
		time, direction = exactly(term{0, 1}, term{1, -1}), -1
	}
	alpha := c.Alpha.root.expand([]series{time})
	beta := c.Beta.root.expand([]series{time})
	dAlpha := alpha.derivative().scaled(direction)
	dBeta := beta.derivative().scaled(direction)
	sigma := beta.over(alpha)
	logSNR := logSeries(sigma).scaled(-2)

	p := c.inside(t)
	betaDBeta := beta.times(dBeta)
	for _, v := range []struct {
		value *float64
		limit float64
	}{{&p.Alpha, alpha.limit()}, {&p.Beta, beta.limit()}, {&p.DAlpha, dAlpha.limit()}, {&p.DBeta, dBeta.limit()}, {&p.BetaDBeta, betaDBeta.limit()}} {
		if !math.IsNaN(v.limit) && (v.limit == 0 || math.IsNaN(*v.value) || math.IsInf(v.limit, 0)) {
			*v.value = v.limit
		}
	}
	return &end{
		point:     p,
		variables: []series{time, alpha, beta, sigma, logSNR, unknown, unknown, dAlpha, dBeta, betaDBeta},
	}
}
