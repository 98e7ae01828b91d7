package sampler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"odeon/internal/nearest"
	"odeon/schedule"
)

// Solver says how one step of a walk is written as rows. The zero value is the path's default. A solver with a Tableau
// is that Runge-Kutta method; a program may bring its own.
type Solver struct {
	Name    string
	Summary string
	Source  string // where the method was published
	Tableau Tableau
	// Instead takes a step whose later stage falls where the velocity does not exist. Nil: Euler.
	Instead *Solver

	step  func(b *builder, k int, from, to node) error // nil: the Tableau
	works schedule.Prediction                          // what its rows are written in; none: the network's prediction

	order, highest int     // the default and the highest order; 0: it has one
	orders         []int   // of its error on the ODE, with steps of any length, at its order 1, 2, ...; none: it has noise of its own, or needs equal steps
	knows          setting // which settings beside those of every solver
	eta            float64 // default share of fresh noise
	draws          int     // draws of noise a step has at most; 0: 1
}

// setting is one that not every solver knows.
type setting int

const (
	byEta setting = 1 << iota
	byVariance
	bySigma
	byChurn
	byGamma
	byCorrector
	byTolerance
	byBoundary
)

// particular are the settings that a solver may not know: their names, whether they are given, and who knows them.
var particular = []struct {
	setting
	name  string
	given func(s Settings) bool
	known string
}{
	{byEta, "eta", func(s Settings) bool { return s.Eta != nil }, "ddim"},
	{byVariance, "variance", func(s Settings) bool { return s.Variance != "" }, "ddpm"},
	{byChurn, "churn", func(s Settings) bool { return s.Churn != Churn{} }, "heun-churn or euler-churn"},
	{byGamma, "gamma", func(s Settings) bool { return s.Gamma != nil }, "tcd"},
	{byCorrector, "corrector", func(s Settings) bool { return s.Corrector != Corrector{} }, "predictor-corrector or annealed-langevin"},
	{byBoundary, "boundary", func(s Settings) bool { return s.Boundary != 0 }, "lcm"},
	{byTolerance, "tolerance", func(s Settings) bool { return s.Tolerance != Tolerance{} }, "dopri5"},
}

// Solvers lists the solvers that have names, the simplest first.
func Solvers() []Solver {
	return slices.Concat(
		[]Solver{Euler, Heun, Midpoint, RK4, DormandPrince, DDIM, DDPM},
		[]Solver{AdamsBashforth, LMS, IPNDM, PNDM, PLMS, DEIS, DEISLogRho, ExponentialAdams},
		dpmSolvers(),
		uniSolvers(),
		[]Solver{HeunEDM, RK4Lambda, EulerAncestral, KDPM2, KDPM2Ancestral, EulerChurn, HeunChurn},
		[]Solver{Consistency, LCM, TCD, PredictorCorrector, AnnealedLangevin},
	)
}

// SolverByName finds a named solver.
func SolverByName(name string) (Solver, error) {
	var names []string
	for _, s := range Solvers() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Solver{}, fmt.Errorf("unknown solver %q%s; odeon solvers lists the %d that there are, and tableau(...) is a Runge-Kutta method of your own",
		name, nearest.Hint(spelled.Replace(name), names), len(names))
}

// spelled writes DPM++ 2M and dpmpp_2m as they are written here, so that the nearest name is found.
var spelled = strings.NewReplacer("+", "p", " ", "-", "_", "-")

// walksSDE: Euler's method with noise of scale sigma sqrt(h) is Euler-Maruyama; more stages need more than that.
func (s Solver) walksSDE() bool {
	return s.knows&bySigma != 0 || s.step == nil && len(s.Tableau.B) == 1
}

// hasEta: whether the solver mixes fresh noise into the state by a share of its own.
func (s Solver) hasEta() bool { return s.knows&byEta != 0 }

// check says whether the settings make sense for the solver.
func (s Solver) check(set Settings) error {
	if s.step == nil {
		if err := s.Tableau.check(); err != nil {
			return fmt.Errorf("solver %s: %w", s.Name, err)
		}
	}
	if !set.Sigma.IsZero() && !s.walksSDE() {
		return fmt.Errorf("solver %s does not walk an SDE, but sigma is %s: take euler (Euler-Maruyama) or exponential-ab, or sigma 0%s",
			s.Name, set.Sigma, map[bool]string{true: "; this solver's own noise is set by eta"}[s.hasEta()])
	}
	for _, p := range particular {
		if p.given(set) && s.knows&p.setting == 0 {
			return fmt.Errorf("solver %s has no %s: take %s, or leave %s out", s.Name, p.name, p.known, p.name)
		}
	}
	switch {
	case set.Eta != nil && !(finite(*set.Eta) && *set.Eta >= 0):
		return fmt.Errorf("eta is %v, expected a share of fresh noise: 0 (none) to 1 (ddpm's)", *set.Eta)
	case set.Eta != nil && *set.Eta != 0 && !set.Sigma.IsZero():
		return fmt.Errorf("eta %v and sigma %s both say how much noise is added; give one", *set.Eta, set.Sigma)
	case set.Variance != "" && set.Variance != "posterior" && set.Variance != "beta":
		return fmt.Errorf("unknown variance %q%s; known are posterior, beta", set.Variance, nearest.Hint(set.Variance, []string{"posterior", "beta"}))
	case set.Variance == "beta" && s.noise(set) == 0:
		return fmt.Errorf("variance %q scales the noise of a step, but solver %s with eta 0 draws none: take ddpm, or an eta above 0", set.Variance, s.Name)
	case set.Order != 0 && s.highest == 0:
		return fmt.Errorf("solver %s has one order, found order %d: leave order out", s.Name, set.Order)
	case set.Order < 0 || set.Order > s.highest:
		return fmt.Errorf("solver %s has the orders 1 to %d, found %d", s.Name, s.highest, set.Order)
	case set.Gamma != nil && !(*set.Gamma >= 0 && *set.Gamma <= 1):
		return fmt.Errorf("gamma is %v, expected a share of the way back to noise, 0 to 1", *set.Gamma)
	case !(set.Boundary >= 0 && finite(set.Boundary)):
		return fmt.Errorf("boundary is %v, expected a positive number", set.Boundary)
	}
	return cmp.Or(set.Churn.check(), set.Corrector.check(), set.Tolerance.check())
}

// noise is the share of fresh noise under the settings.
func (s Solver) noise(set Settings) float64 {
	switch {
	case set.Eta != nil:
		return *set.Eta
	case !set.Sigma.IsZero():
		return 0
	}
	return s.eta
}
