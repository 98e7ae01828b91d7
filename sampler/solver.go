package sampler

import (
	"fmt"
	"strings"

	"odeon/internal/nearest"
)

// Solver says how one step of a walk is written as rows. The zero value is the path's default. A solver with a Tableau
// is that Runge-Kutta method; a program may bring its own.
type Solver struct {
	Name    string
	Summary string
	Tableau Tableau
	// Instead takes a step whose later stage falls where the velocity does not exist. Nil: Euler.
	Instead *Solver

	step func(b *builder, k int, from, to node) error // nil: the Tableau
	eta  float64                                      // default share of fresh noise, of the solvers that have one
}

// Solvers lists the solvers that have names, the simplest first.
func Solvers() []Solver { return []Solver{Euler, Heun, Midpoint, RK4, DDIM, DDPM} }

// SolverByName finds a named solver.
func SolverByName(name string) (Solver, error) {
	var names []string
	for _, s := range Solvers() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Solver{}, fmt.Errorf("unknown solver %q%s; known are %s", name, nearest.Hint(name, names), strings.Join(names, ", "))
}

// walksSDE: Euler's method with noise of scale sigma sqrt(h) is Euler-Maruyama; more stages need more than that.
func (s Solver) walksSDE() bool { return s.step == nil && len(s.Tableau.B) == 1 }

// hasEta: whether the solver mixes fresh noise into the state by a share of its own.
func (s Solver) hasEta() bool { return s.step != nil }

// check says whether the settings make sense for the solver.
func (s Solver) check(set Settings) error {
	if s.step == nil {
		if err := s.Tableau.check(); err != nil {
			return fmt.Errorf("solver %s: %w", s.Name, err)
		}
	}
	if !set.Sigma.IsZero() && !s.walksSDE() {
		return fmt.Errorf("solver %s does not walk an SDE, but sigma is %s: take euler (Euler-Maruyama), or sigma 0%s",
			s.Name, set.Sigma, map[bool]string{true: "; this solver's own noise is set by eta"}[s.hasEta()])
	}
	switch {
	case set.Eta != nil && !s.hasEta():
		return fmt.Errorf("solver %s has no eta, found %v: take ddim, or leave eta out", s.Name, *set.Eta)
	case set.Eta != nil && !(finite(*set.Eta) && *set.Eta >= 0):
		return fmt.Errorf("eta is %v, expected a share of fresh noise: 0 (none) to 1 (ddpm's)", *set.Eta)
	case set.Variance != "" && set.Variance != "posterior" && set.Variance != "beta":
		return fmt.Errorf("unknown variance %q%s; known are posterior, beta", set.Variance, nearest.Hint(set.Variance, []string{"posterior", "beta"}))
	case set.Variance != "" && !s.hasEta():
		return fmt.Errorf("solver %s draws no posterior noise, found variance %q: take ddpm, or leave variance out", s.Name, set.Variance)
	case set.Variance == "beta" && s.noise(set) == 0:
		return fmt.Errorf("variance %q scales the noise of a step, but solver %s with eta 0 draws none: take ddpm, or an eta above 0", set.Variance, s.Name)
	}
	return nil
}

// noise is the share of fresh noise under the settings.
func (s Solver) noise(set Settings) float64 {
	if set.Eta != nil {
		return *set.Eta
	}
	return s.eta
}
