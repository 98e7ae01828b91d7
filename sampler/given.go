package sampler

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"odeon/schedule"
)

// Rows are arrays that belong to samples, row after row of Dim numbers: one row for all samples, or one for each from sample
// number First on.
type Rows struct {
	Data  []float32
	Dim   int
	First int
}

// of is the row of a sample.
func (r Rows) of(sample int) []float32 {
	if len(r.Data) == r.Dim {
		return r.Data
	}
	at := (sample - r.First) * r.Dim
	return r.Data[at : at+r.Dim]
}

// check: there is a row for each of the samples first to first+n-1.
func (r Rows) check(first, n, dim int) error {
	switch {
	case r.Dim != dim || r.Dim == 0 || len(r.Data)%r.Dim != 0:
		return fmt.Errorf("%d numbers given in rows of %d, and a sample has %d", len(r.Data), r.Dim, dim)
	case len(r.Data) != r.Dim && (first < r.First || first-r.First+n > len(r.Data)/r.Dim):
		return fmt.Errorf("given are %s, and the walk asks for %s: give one row for all, or one for every sample",
			span(len(r.Data)/r.Dim, r.First, "row"), span(n, first, "sample"))
	}
	return nil
}

// Noised fills the state with the walk's start from given data: Signal z + Start eps, with eps draw 0 of the noise, as the path
// has it at the walk's first time.
func (x *State) Noised(plan *Plan, noise Noise, data Rows) error {
	dim := len(x.X) / x.N
	if err := data.check(x.First, x.N, dim); err != nil {
		return err
	}
	clear(x.X)
	if plan.Start != 0 {
		if err := x.Draw(plan, noise); err != nil {
			return err
		}
	}
	signal := float32(plan.Signal)
	for k := range x.N {
		z := data.of(x.First + k)
		sum2(x.X[k*dim:(k+1)*dim], 1, x.X[k*dim:(k+1)*dim], signal, z)
	}
	return nil
}

// begin says what the first state is made of: noise alone, or the data that are given and noise, as the path has them there.
func (b *builder) begin(n node) (err error) {
	if b.settings.Strength == 0 {
		b.plan.Start, err = b.start(n)
		return err
	}
	b.plan.FromData, b.plan.Signal, b.plan.Start = true, n.point.Alpha, n.point.Beta
	if !finite(b.plan.Signal, b.plan.Start) {
		return &noCallError{t: n.t, why: fmt.Sprintf("the path has %v data and %v noise there", b.plan.Signal, b.plan.Start)}
	}
	return nil
}

// start is the standard deviation of the state at the first node. On ve and edm the data are not scaled away at the noisy
// end, and the start is the noise alone.
func (b *builder) start(n node) (float64, error) {
	if b.settings.Start != nil {
		return *b.settings.Start, nil
	}
	if formula := b.model.Start; formula != nil {
		b.values = schedule.TimeValues(b.values[:0], n.point)
		std := formula.Eval(b.values...)
		if !finite(std) || std < 0 {
			return 0, fmt.Errorf("the start's standard deviation is %v at t=%.6g, expected a number not below 0: mend the formula %s (field start)", std, n.t, formula)
		}
		return std, nil
	}
	if b.discrete != nil {
		return 1, nil
	}
	if path, ok := b.model.Path.(*schedule.Continuous); ok && (strings.HasPrefix(path.Name, "ve(") || strings.HasPrefix(path.Name, "edm(")) {
		return n.point.Beta, nil
	}
	std := math.Hypot(n.point.Alpha, n.point.Beta)
	if !finite(std) {
		return 0, &noCallError{t: n.t, why: fmt.Sprintf("the state's standard deviation there is %v", std)}
	}
	return std, nil
}

// lastPart keeps the nodes of the last steps, whose share of the walk Strength is: min(int(N Strength), N) of N steps, as
// diffusers has it. From given data noised to where they begin, a walk changes as much as it has steps (Meng et al. 2022,
// SDEdit, https://arxiv.org/abs/2108.01073).
func (b *builder) lastPart(nodes []node, denoise bool) ([]node, error) {
	strength := b.settings.Strength
	if strength == 0 {
		return nodes, nil
	}
	steps := len(nodes) - 1
	if denoise {
		steps++
	}
	kept := min(int(float64(steps)*strength), steps)
	if kept < 1 {
		return nil, fmt.Errorf("strength %v of %d steps is less than one step: take a strength of at least %.4g, or more steps", strength, steps, math.Ceil(1e4/float64(steps))/1e4)
	}
	return nodes[steps-kept:], nil
}

// checkEdit finds what contradicts itself in how a walk begins in data.
func (s Settings) checkEdit() error {
	switch r := s.Resample; {
	case !(s.Strength >= 0 && s.Strength <= 1):
		return fmt.Errorf("strength is %v, expected a share of the walk above 0, up to 1, the whole of it", s.Strength)
	case r.Times < 0 || r.Length < 0:
		return fmt.Errorf("resample %d times in parts of %d steps: expected numbers of at least 1", r.Times, r.Length)
	case s.Invert && r.times() > 1:
		return errors.New("resampling adds fresh noise, which an inversion does without; leave resample or invert out")
	case s.Invert && s.Known:
		return errors.New("known parts of the data stay as they are anyway; leave out either them (mask) or invert")
	}
	return nil
}
