package sampler

import (
	"errors"
	"fmt"

	"odeon/schedule"
)

// Node is a place on a walk, given in full: where a step begins, and in what detail it is taken.
type Node struct {
	T           float64 // its time; it names the row, and stages that are not given lie between the times
	Alpha, Beta float64 // of the state there; both 0: the path's at T

	Input  *float64 // what the network is fed for its time; nil: what the model says
	Index  *float64 // the trained index, on a discrete path; nil: that of T
	Order  int      // the highest order of the step that begins here; 0: the solver's
	Stages []Node   // where the later stages of that step are; nil: where the solver puts them
	Leads  *Node    // where that step leads, where that is not where the next one begins
	// From is where the path is counted from in the row that begins at this node, of Stages, where that is not the step's begin.
	From *Node
	// Noise is the standard deviation of the fresh noise that the step adds, of ddim and ddpm, to the state of alpha and beta where it
	// leads, which then is its mean; nil: the solver says both.
	Noise *float64
	// Widens: that noise is multiplied by exp(Widens q), with q the network's second prediction, a [LearnedVariance]; 0: not.
	Widens float64
	Unused int      // draws that are made before the step's own and not used
	Eta    *float64 // the step's share of fresh noise, of the solvers that have an eta; nil: that of the settings
	// Again is how many values a solver with a corrector goes by when it takes the step again, the one at its end included: 0 one more
	// than at first, below 0 it does not.
	Again int
}

// pinned is a path that has a given point at its time.
type pinned struct {
	schedule.Path
	point schedule.Point
}

func (p pinned) At(t float64) schedule.Point {
	if t == p.point.T {
		return p.point
	}
	return p.Path.At(t)
}

// given makes nodes of Nodes.
func (b *builder) given(list []Node) []node {
	var nodes []node
	for _, g := range list {
		n := b.at(g.T)
		if g.Alpha != 0 || g.Beta != 0 {
			n.point.T, n.t = g.T, g.T
			n.point.Alpha, n.point.Beta = g.Alpha, g.Beta
			n.point.BetaDBeta = g.Beta * n.point.DBeta
			n.path = pinned{b.model.Path, n.point}
		}
		if g.Index != nil {
			n.point.Index = *g.Index
		}
		n.input, n.order, n.stages = g.Input, g.Order, b.given(g.Stages)
		n.noise, n.widens, n.unused, n.eta, n.again = g.Noise, g.Widens, g.Unused, g.Eta, g.Again
		if g.From != nil {
			n.from = &b.given([]Node{*g.From})[0]
		}
		if g.Leads != nil {
			n.leads = &b.given([]Node{*g.Leads})[0]
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// checkNodes: nodes say alone where the walk goes.
func (s Settings) checkNodes() error {
	listed := len(s.Nodes)
	switch {
	case listed == 0:
		return nil
	case s.Grid != nil || s.From != nil || s.To != nil || len(s.Indexes) > 0 || s.EndIndex != nil:
		return errors.New("nodes say where to walk; leave grid, indexes, first and last time and end index out")
	case listed == 1 && s.Last != "denoise":
		return errors.New("found one node: expected at least two, or last denoise")
	case s.Steps != 0 && s.Steps != listed-1 && !(s.Last == "denoise" && s.Steps == listed):
		return fmt.Errorf("found %d steps, but %d nodes: leave steps out", s.Steps, listed)
	}
	for i, n := range s.Nodes {
		if !finite(n.T, n.Alpha, n.Beta) || n.Alpha < 0 || n.Beta < 0 {
			return fmt.Errorf("node %d: t %v, alpha %v and beta %v: expected finite numbers, alpha and beta not below 0", i, n.T, n.Alpha, n.Beta)
		}
		if (n.Noise != nil || n.Widens != 0) && s.Solver.knows&byVariance == 0 {
			return fmt.Errorf("node %d: says how much noise the step adds, which solver %s decides itself: take ddim or ddpm", i, s.Solver.Name)
		}
		if n.Eta != nil && !s.Solver.hasEta() {
			return fmt.Errorf("node %d: has an eta of its own, and solver %s has none", i, s.Solver.Name)
		}
	}
	return nil
}
