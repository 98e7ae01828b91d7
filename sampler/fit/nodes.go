package fit

import (
	"cmp"
	"errors"
	"fmt"

	"odeon/sampler"
	"odeon/schedule"
)

// teaching is the solver of the fine walk: the second order on the data prediction, at one call a step. Its coefficients are also
// those that a fit with too little to go by stays close to.
const teaching = "dpmpp-2m"

// usualFine is how many steps a fine walk has, unless the settings or a table of trained steps say.
const usualFine = 1000

// nodes are the times at which the fine walk calls the network, and where it leads.
type nodes struct {
	model   sampler.Model
	walk    sampler.Settings // solver, end and clipping of every plan between such times
	times   []float64
	end     sampler.Node
	denoise bool // the last call's row is the step to the data prediction

	latest float64 // time at which the network may be called, and whether the walk's end is later
	open   bool
	only   bool // the network takes no times between these: it was trained at integers

	fine *sampler.Plan
}

// newNodes lays out the fine walk.
func newNodes(m sampler.Model, s Settings) (*nodes, error) {
	walk := s.Walk
	var err error
	if walk.Solver, err = sampler.SolverByName(teaching); err != nil {
		return nil, err
	}
	to := 1.0
	d, discrete := m.Path.(*schedule.Discrete)
	switch {
	case walk.EndIndex != nil && discrete:
		to = d.Time(*walk.EndIndex)
	case walk.To != nil:
		to = *walk.To
	}
	if walk.From != nil && *walk.From >= to {
		return nil, fmt.Errorf("a fitted plan goes from noise to data, and this walk from t=%v to t=%v", *walk.From, to)
	}
	probe, err := sampler.NewPlan(m, walk)
	if err != nil {
		return nil, err
	}
	from := probe.From
	n := &nodes{model: m, end: sampler.Node{T: to}, latest: to, open: true, only: discrete && m.Integer}
	n.denoise = m.Path.At(to).Beta > 0 && (walk.Last == "denoise" || walk.Last == "" && to == 1)
	n.walk = sampler.Settings{Solver: walk.Solver, Clip: walk.Clip, Threshold: walk.Threshold}
	if n.denoise {
		n.walk.Last, n.open = "denoise", false
	}
	if discrete && to == 1 && !n.denoise {
		n.latest, n.open = d.Time(0), false
	}
	if n.only {
		n.times = trained(d, from, n.latest, n.open, cmp.Or(s.Fine, d.Count()))
	} else {
		n.times = spread(from, n.latest, n.open, cmp.Or(s.Fine, usualFine))
	}
	if len(n.times) < s.Calls {
		return nil, fmt.Errorf("found %d network calls, but the fine walk from t=%.6g to t=%.6g has only %d: fit fewer calls, or take more fine steps",
			s.Calls, from, to, len(n.times))
	}
	if n.fine, err = n.plan(n.times); err != nil {
		return nil, err
	}
	n.fine.Warnings = append(n.fine.Warnings, probe.Warnings...)
	return n, nil
}

// spread are count equal steps from the first time to the last, which is one of them unless the range is open.
func spread(from, to float64, open bool, count int) []float64 {
	times := make([]float64, count)
	intervals := float64(count)
	if !open {
		intervals = float64(max(1, count-1))
	}
	for i := range times {
		times[i] = from + (to-from)*(float64(i)/intervals)
	}
	return times
}

// trained are the times of the trained steps, or of so many of them.
func trained(d *schedule.Discrete, from, to float64, open bool, count int) []float64 {
	var all []float64
	for i := d.Nearest(from); i >= 0; i-- {
		if t := d.Time(i); t < to || t == to && !open {
			all = append(all, t)
		}
	}
	if len(all) <= count {
		return all
	}
	times := make([]float64, count)
	for k := range times {
		times[k] = all[k*(len(all)-1)/max(1, count-1)]
	}
	return times
}

// plan is a walk that calls the network at these times, by the teacher's solver.
func (n *nodes) plan(times []float64) (*sampler.Plan, error) {
	s := n.walk
	for _, t := range times {
		s.Nodes = append(s.Nodes, sampler.Node{T: t})
	}
	if !n.denoise {
		s.Nodes = append(s.Nodes, n.end)
	}
	plan, err := sampler.NewPlan(n.model, s)
	if err != nil {
		return nil, err
	}
	if plan.Calls() != len(times) || len(plan.Rows) != len(times) {
		return nil, errors.New("the fine walk's solver has rows that are no step of one network call")
	}
	return plan, nil
}

// admits says whether times are in order and where the network may be called; one that is later becomes the latest.
func (n *nodes) admits(times []float64) bool {
	const closest = 1e-4 // two times may come to each other, of the whole walk's length
	gap := closest * (n.latest - n.times[0])
	for k := 1; k < len(times); k++ {
		if !n.open {
			times[k] = min(times[k], n.latest)
		}
		if !(times[k]-times[k-1] >= gap) {
			return false
		}
	}
	return !n.open || n.latest-times[len(times)-1] >= gap
}
