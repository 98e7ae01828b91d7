package schedule

import (
	"fmt"
	"math"
)

// A Path is a Gaussian conditional path p_t(x|z) = N(alpha_t z, beta_t^2 I), that is x_t = alpha_t z + beta_t eps, with t from
// 0 (noise) to 1 (data).
type Path interface {
	// At is the path at time t.
	At(t float64) Point
	// String is the text that ParsePath reads back as the same path.
	String() string
}

// A Point is a path at one time.
type Point struct {
	T           float64
	Alpha, Beta float64 // x = Alpha z + Beta eps
	// Derivatives with respect to t. DBeta may be infinite at an end (sqrt(1-t) at t = 1) where BetaDBeta = (beta^2)'/2 is not.
	DAlpha, DBeta, BetaDBeta float64
	Index, Count             float64 // the trained index as a real number, and their number; NaN on paths without a table
}

// Sigma is the noise level beta/alpha of the EDM papers.
func (p Point) Sigma() float64 { return p.Beta / p.Alpha }

// LogSNR is log(alpha^2/beta^2).
func (p Point) LogSNR() float64 { return 2 * (math.Log(p.Alpha) - math.Log(p.Beta)) }

// timeVariables are the names in which cards write formulas; the last two exist on discrete paths.
var timeVariables = []string{"t", "alpha", "beta", "sigma", "logsnr", "index", "count"}

// TimeVariables are the variables of a path in which formulas for a network's time input, its scale, and custom predictions
// are written: t, alpha, beta, sigma = beta/alpha, logsnr = log(alpha^2/beta^2), and on a discrete path index and count.
func TimeVariables(path Path) []string {
	if _, ok := path.(*Discrete); ok {
		return append([]string(nil), timeVariables...)
	}
	return append([]string(nil), timeVariables[:5]...)
}

// TimeValues are the values of TimeVariables at a point, in the same order, stored in dst (which grows if it has no room).
func TimeValues(dst []float64, p Point) []float64 {
	dst = append(dst[:0], p.T, p.Alpha, p.Beta, p.Sigma(), p.LogSNR())
	if !math.IsNaN(p.Count) {
		dst = append(dst, p.Index, p.Count)
	}
	return dst
}

// Continuous is a path given by two formulas of t. Its derivatives are symbolic, hence exact. NewPath and the named paths make
// it; it never changes.
type Continuous struct {
	Name        string // how a named path is written, "vp(0.1,20)"; empty for others
	Alpha, Beta *Formula

	dAlpha, dBeta, betaDBeta *Formula
	ends                     [2]*end // at t = 0 and t = 1
	inverse                  func(logSNR float64) float64
}

// NewPath is the path with the given formulas in t. It is an error unless alpha, beta and their derivatives are finite on
// 0 < t < 1, neither is negative, and alpha/beta rises (less and less noise); alpha may vanish at t = 0 and beta at
// t = 1.
func NewPath(alpha, beta string) (*Continuous, error) {
	a, err := ParseFormula(alpha, "t")
	if err != nil {
		return nil, fmt.Errorf("path: alpha: %w", err)
	}
	b, err := ParseFormula(beta, "t")
	if err != nil {
		return nil, fmt.Errorf("path: beta: %w", err)
	}
	c := newContinuous("", a, b)
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

func newContinuous(name string, alpha, beta *Formula) *Continuous {
	c := &Continuous{
		Name:      name,
		Alpha:     alpha,
		Beta:      beta,
		dAlpha:    alpha.Derivative("t"),
		dBeta:     beta.Derivative("t"),
		betaDBeta: halfSquareDerivative(beta, "t"),
	}
	c.ends = [2]*end{c.expand(0), c.expand(1)}
	return c
}

// At is the path at time t. At the ends it is the limit from within, and what is zero but for rounding is zero.
func (c *Continuous) At(t float64) Point {
	if t == 0 || t == 1 {
		return c.ends[int(t)].point
	}
	return c.inside(t)
}

func (c *Continuous) inside(t float64) Point {
	return Point{
		T:         t,
		Alpha:     c.Alpha.Eval(t),
		Beta:      c.Beta.Eval(t),
		DAlpha:    c.dAlpha.Eval(t),
		DBeta:     c.dBeta.Eval(t),
		BetaDBeta: c.betaDBeta.Eval(t),
		Index:     math.NaN(),
		Count:     math.NaN(),
	}
}

// String is the path's name, or its formulas as "alpha=...; beta=...".
func (c *Continuous) String() string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("alpha=%s; beta=%s", c.Alpha, c.Beta)
}

// checkedTimes is how many times a path is looked at when it is read.
const checkedTimes = 512

func (c *Continuous) check() error {
	var before Point
	for i := 1; i < checkedTimes; i++ {
		t := float64(i) / checkedTimes
		p := c.inside(t)
		if err := c.checkAt(p); err != nil {
			return err
		}
		if i > 1 && !(p.Alpha*before.Beta > before.Alpha*p.Beta) {
			return fmt.Errorf("path %s: alpha/beta must rise with t (t = 0 is noise, t = 1 is data), but goes from %.6g at t=%.4g to %.6g at t=%.4g%s",
				describe(c), before.Alpha/before.Beta, before.T, p.Alpha/p.Beta, p.T, c.reversedHint())
		}
		before = p
	}
	return nil
}

func (c *Continuous) checkAt(p Point) error {
	for _, v := range []struct {
		name     string
		value    float64
		positive bool
	}{{"alpha", p.Alpha, true}, {"beta", p.Beta, true}, {"the derivative of alpha", p.DAlpha, false}, {"the derivative of beta", p.DBeta, false}} {
		if math.IsNaN(v.value) || math.IsInf(v.value, 0) {
			return fmt.Errorf("path %s: %s is %g at t=%.4g; it must be finite for 0 < t < 1", describe(c), v.name, v.value, p.T)
		}
		if v.positive && v.value <= 0 {
			return fmt.Errorf("path %s: %s is %.4g at t=%.4g; it must be positive for 0 < t < 1", describe(c), v.name, v.value, p.T)
		}
	}
	return nil
}

// reversedHint recognises a path written with time running from data to noise.
func (c *Continuous) reversedHint() string {
	first, last := c.inside(1./checkedTimes), c.inside(1-1./checkedTimes)
	if first.Alpha*last.Beta > last.Alpha*first.Beta {
		return "; written for time that runs from data to noise? Put 1-t in place of t"
	}
	return ""
}
