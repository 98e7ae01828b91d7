package sampler

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// fromData is the walk that begins in given data: the last part of the whole walk, after the way there if it is inverted.
func fromData(m Model, s Settings, whole *Plan) (*Plan, error) {
	back, err := build(m, s)
	if err != nil {
		return nil, err
	}
	if back.From == whole.From {
		back.Warnings = whole.Warnings
	}
	if !s.Invert {
		return back, nil
	}
	b, err := newBuilder(m, s)
	if err != nil {
		return nil, err
	}
	there, err := b.inverse()
	if err != nil {
		return nil, fmt.Errorf("invert: %w", err)
	}
	return joined(there, back, b.draws), nil
}

// inverse writes the steps of the walk from the last to the first, each from its cleaner end to its noisier one. A walk that ends
// with a step to the data prediction has no such step here: the data are the state where it began.
func (b *builder) inverse() (*Plan, error) {
	nodes, denoise, err := b.route()
	if err != nil {
		return nil, err
	}
	if nodes, err = b.lastPart(nodes, denoise); err != nil {
		return nil, err
	}
	if len(nodes) < 2 {
		return nil, errors.New("of a walk that is one step to the data prediction there is no way back: take more steps")
	}
	slices.Reverse(nodes)
	for i := range nodes { // what is given for a step is given for the one to data
		n := &nodes[i]
		n.order, n.stages, n.leads, n.from, n.again = 0, nil, nil, nil, 0
		n.noise, n.widens, n.unused, n.eta = nil, 0, 0, nil
	}
	b.total = len(nodes) - 1
	plan := b.plan
	plan.From, plan.To, plan.Steps = nodes[0].t, nodes[b.total].t, b.total
	plan.FromData, plan.Signal = true, nodes[0].point.Alpha
	for k, from := range nodes[:b.total] {
		if err := b.invert(k, from, nodes[k+1]); err != nil {
			return nil, fmt.Errorf("step %d (t=%.6g): %w", k, from.t, err)
		}
	}
	if plan.Draws() > 0 && b.settings.Sigma.IsZero() && b.settings.Eta == nil {
		return nil, fmt.Errorf("solver %s draws fresh noise, and would not come to the noise that the data are made from: take one of the ODE, such as ddim, heun or dpmpp-2m", plan.Solver)
	}
	if w := b.stiff.warning(); w != "" {
		plan.Warnings = append(plan.Warnings, w)
	}
	return plan, plan.Check()
}

// invert writes one step towards noise. On a discrete path ddim's is fed the index of its noisier end, and so is the step out of clean
// data by any solver: in this way diffusers' DDIMInverseScheduler goes up, through the indices at which the walk to data calls
// the network, and clean data is none of them. A step out of clean data that does not exist is one by the signal.
func (b *builder) invert(k int, from, to node) error {
	step := b.step
	if b.discrete != nil && (from.clean() || b.plan.Solver == DDIM.Name) {
		step = b.ddim
		end, err := b.call(k, to)
		if err != nil {
			return err
		}
		from.input = &end.Input
	}
	before := *b
	err := step(k, from, to)
	if from.clean() && impossible(err) {
		*b = before
		b.bySignal(k, from, to, err)
		return nil
	}
	return err
}

// bySignal is the step out of clean data where the noise there cannot be told, because of why. As long as the data have a density it
// is E[eps | x] = -beta s, and 0 where beta is: x' = alpha'/alpha x is off by beta'^2 only.
func (b *builder) bySignal(k int, from, to node, why error) {
	row := b.still(k, from)
	row.A = to.point.Alpha / from.point.Alpha
	row.Next, row.Ends, row.Note = to.t, true, "by the signal: "+brief(why)
	b.append(row)
}

// joined is one plan of the way from data to noise and the way back. A step draws so many times at most.
func joined(there, back *Plan, draws int) *Plan {
	p := *back
	p.From, p.FromData, p.Start, p.Signal, p.Turn = there.From, true, 0, there.Signal, there.Steps
	p.Steps += there.Steps
	if p.Second == "" {
		p.Second = there.Second
	}
	p.Rows = slices.Clone(there.Rows)
	for _, row := range back.Rows {
		row.Step += there.Steps
		if row.Draw > 0 {
			row.Draw += there.Steps * draws
		}
		if row.Draw1 > 0 {
			row.Draw1 += there.Steps * draws
		}
		p.Rows = append(p.Rows, row)
	}
	p.Warnings = slices.Compact(slices.Concat(there.Warnings, back.Warnings))
	return &p
}

// ThereAndBack calls one network on a plan's way from data to noise, and another on the way back: the same one with another class, say.
func ThereAndBack(plan *Plan, there, back Network) Network {
	return &thereAndBack{plan.Turn, there, back}
}

type thereAndBack struct {
	turn        int
	there, back Network
}

func (n *thereAndBack) Predict(ctx context.Context, dst, x []float32, at At) error {
	if at.Step < n.turn {
		return n.there.Predict(ctx, dst, x, at)
	}
	return n.back.Predict(ctx, dst, x, at)
}
