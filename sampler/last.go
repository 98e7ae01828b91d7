package sampler

import (
	"fmt"
	"slices"
	"strings"

	"odeon/internal/nearest"
	"odeon/schedule"
)

// Lasts are the ways to take the last step, by the names that Settings.Last knows: what it leads to, and with how much noise.
// (Song et al. 2021, https://arxiv.org/abs/2011.13456, appendix G; SiT's last steps: Ma et al. 2024, https://arxiv.org/abs/2401.08740,
// where they are called Tweedie, Mean and Euler.)
var Lasts = []struct{ Name, Summary string }{
	{"denoise", "to the data prediction, where noise is left: by the path, and then it is one of the steps, or by the SDE's last step"},
	{"none", "to the last time as every other step, with its noise"},
	{"mean", "to the last time, with the step's noise left out"},
	{"ode", "to the last time by the ODE: without the noise, and without the drift that makes up for it"},
}

// LastRescale is one more way, that of a scheduler's configuration: to the last time as every other step, and what comes out is the last
// state over alpha, the data and the noise that is left.
const LastRescale = "rescale"

func (s Settings) checkLast() error {
	if s.Last == "" || s.Last == LastRescale {
		return nil
	}
	var names []string
	for _, last := range Lasts {
		names = append(names, last.Name)
	}
	if !slices.Contains(names, s.Last) {
		return fmt.Errorf("last is %q%s; expected %s", s.Last, nearest.Hint(s.Last, names), strings.Join(names, ", "))
	}
	return nil
}

// end readies the builder for the last step of the walk, which leads to the node to.
func (b *builder) end(to node) {
	switch b.settings.Last {
	case "denoise":
		b.jumps = to.clean() && !b.settings.Sigma.IsZero()
	case "mean":
		b.quiet = "mean: its noise left out"
	case "ode":
		b.quiet, b.eta = "by the ODE", 0
		b.settings.Sigma, b.settings.Churn = schedule.Diffusion{}, Churn{}
	}
}

// hush leaves the noise out of a row of the last step.
func (b *builder) hush(row *Row) {
	if b.quiet == "" {
		return
	}
	if row.C = 0; row.Note == "" && row.Ends {
		row.Note = b.quiet
	}
}

// quieter says whether the last step can be taken with less noise: it has some, and for the ODE the solver has one.
func (s Settings) quieter(m Model) (warning string, err error) {
	if s.Last != "mean" && s.Last != "ode" {
		return "", nil
	}
	last := s.Last
	s.Last = "none"
	plan, err := startable(m, &s)
	if err != nil {
		return "", nil // for NewPlan to tell
	}
	solver := plan.Solver
	switch known := s.Solver.knows; {
	case plan.Draws() == 0:
		return "", fmt.Errorf("last %q is about the noise of the last step, and this walk by %s draws none: leave last out, or draw noise by sigma, eta or churn", last, solver)
	case last == "ode" && s.Solver.named() && known&(byEta|bySigma|byChurn) == 0 && !s.Solver.walksSDE():
		return "", fmt.Errorf("last %q: solver %s has no ODE; take mean, none or denoise", last, solver)
	case !slices.ContainsFunc(plan.Rows, func(r Row) bool { return r.Step == plan.Steps-1 && r.Draw > 0 }):
		return fmt.Sprintf("last %s changes nothing: the last step draws no noise as it is", last), nil
	}
	return "", nil
}
