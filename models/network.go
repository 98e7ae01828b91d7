package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"odeon/sampler"
)

// Run is what a run asks of a network beside its states.
type Run struct {
	// First is the run's first sample number (--first), the least that sampler.At.First will be. Labels and rows of --set go
	// by the number counted from 0, which is the sample number less First.
	First int
	// Count is how many samples the run has, 0 where that is not known; inputs with a row a sample are compared with it
	// beforehand, and with each call in any case.
	Count int
	// Labels are the classes: sample k, counted from 0, gets entry k modulo their number.
	Labels []int
}

// Network is a model that a session evaluates, as package sampler calls it. It belongs to one worker; workers share
// the session.
type Network struct {
	caller      caller
	resolved    *Resolved
	run         Run
	chunk       int // number of the chunk's first sample
	evaluations atomic.Int64
}

var _ sampler.Conditional = (*Network)(nil)

// NewNetwork prepares a resolved model for one worker. Destroy it with Close; session stays the caller's. A model with a
// second prediction gives both, first all samples of the first; see [Resolved.For].
func NewNetwork(r *Resolved, session Session, run Run) (*Network, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	if err := r.checkRun(run); err != nil {
		return nil, err
	}
	first := output{port: r.Output, parts: []*Slice{r.Slice}}
	if r.Varied {
		if r.Slice == nil {
			return nil, r.noVariance()
		}
		first.parts = append(first.parts, r.Slice.next())
	}
	n := &Network{
		resolved: r, run: run, chunk: -1,
		caller: caller{runner: newRunner(session), batch: r.Batch, state: r.State, outputs: []output{first}},
	}
	if r.Second != nil {
		n.caller.outputs = append(n.caller.outputs, wholly(r.Second.Output))
	}
	for _, in := range r.Model.Info.Inputs {
		n.caller.inputs = append(n.caller.inputs, n.input(in.Name))
	}
	if r.Slice != nil && r.Slice.Channels == 0 {
		if err := n.countChannels(); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

// checkRun compares a run with what the network takes.
func (r *Resolved) checkRun(run Run) error {
	if r.Label != nil && len(run.Labels) == 0 {
		return fmt.Errorf("%s: input %q takes a class, and none is given; give --label", r.Model.Path(), r.Label.Name)
	}
	for _, label := range run.Labels {
		if label == NullLabel && r.Label != nil && r.Labels.Null == nil {
			return r.noNull()
		}
	}
	for _, e := range r.Extras {
		if e.Rows > 1 && run.Count > e.Rows {
			return r.tooFewRows(e, run.Count)
		}
	}
	return nil
}

func (r *Resolved) tooFewRows(e Extra, samples int) error {
	return fmt.Errorf("%s: input %q is given %d rows, and the run has %d samples; give a row for each, or one for all", r.Model.Path(), e.Port.Name, e.Rows, samples)
}

// input finds what fills an input of this name.
func (n *Network) input(name string) input {
	r := n.resolved
	if r.Clock != nil && name == r.Clock.Name {
		return input{port: *r.Clock, often: true, fill: func(b buffer, q request, rows int) {
			if !r.Clock.Batched {
				rows = 1
			}
			b.fill(0, rows, q.time)
		}}
	}
	if r.Label != nil && name == r.Label.Name {
		return input{port: *r.Label, fill: n.fillLabels, often: !r.Label.Batched}
	}
	for _, e := range r.Extras {
		if name == e.Port.Name {
			return input{port: e.Port, fill: e.fill}
		}
	}
	return input{port: r.State}
}

// fillLabels writes each row's class.
func (n *Network) fillLabels(b buffer, q request, rows int) {
	labels, width := n.resolved.Labels, n.resolved.Label.width()
	if !n.resolved.Label.Batched {
		rows = 1
	}
	for i := range rows {
		null, sample := q.null(i, rows)
		label := n.run.Labels[sample%len(n.run.Labels)]
		if negative := n.resolved.Negative; null && negative != nil {
			label, null = *negative, false
		}
		zeros := false
		if (null || label == NullLabel) && labels.Null != nil {
			label, zeros = labels.Null.Index, labels.Null.Zeros
		}
		if labels.Encoding == Index {
			b.fill(i, i+1, float64(label))
			continue
		}
		b.fill(i*width, (i+1)*width, 0)
		if !zeros {
			b.fill(i*width+label, i*width+label+1, 1)
		}
	}
}

// fill writes each row's value of a further input.
func (e Extra) fill(b buffer, q request, rows int) {
	width := e.Port.width()
	for i := range rows {
		null, sample := q.null(i, rows)
		a := e.Value
		if null && e.Null != nil {
			a = *e.Null
		}
		if len(a.Data) == 1 {
			b.fill(i*width, (i+1)*width, a.Data[0])
			continue
		}
		row := min(sample, len(a.Data)/width-1) // rows of one value for all, and of padding, are the last there is
		b.load(i*width, a.Data[row*width:(row+1)*width])
	}
}

// countChannels runs the network once where the graph does not tell how many channels its output has.
func (n *Network) countChannels() error {
	r, s := n.resolved, *n.resolved.Slice
	row, err := n.caller.probe(context.Background())
	if err != nil {
		return err
	}
	total, _ := product(row)
	s.Channels = total / (s.Outer * s.Inner)
	if r.Varied && s.next().To > s.Channels {
		return r.noVariance()
	}
	if s.Outer*s.Channels*s.Inner != total || s.To > s.Channels {
		return fmt.Errorf("%s: output.channels [%d, %d] do not fit output %q, which has shape %v a sample", r.Model.Path(), s.From, s.To, r.Output.Name, row)
	}
	n.caller.outputs[0].port.Row, n.caller.outputs[0].parts = row, []*Slice{&s}
	if r.Varied {
		n.caller.outputs[0].parts = []*Slice{&s, s.next()}
	}
	n.caller.Close()
	return nil
}

// Predict evaluates the network at a chunk of samples, x [n, dim] and dst as long, or twice as long with two predictions.
func (n *Network) Predict(ctx context.Context, dst, x []float32, at sampler.At) error {
	return n.evaluate(ctx, conditional, dst, nil, x, at)
}

// mostTogether is the largest state, in bytes, whose two halves are evaluated in one call. Beyond it a call is long enough
// for itself, and the doubled state would only take memory.
const mostTogether = 32 << 20

// PredictBoth evaluates both halves of guidance: in one call where the batch is free, else in two.
func (n *Network) PredictBoth(ctx context.Context, cond, uncond, x []float32, at sampler.At) error {
	if err := n.resolved.CanGuide(); err != nil {
		return err
	}
	if n.caller.batch == 0 && 4*len(x) <= mostTogether && n.separable() {
		return n.evaluate(ctx, both, cond, uncond, x, at)
	}
	if err := n.evaluate(ctx, conditional, cond, nil, x, at); err != nil {
		return err
	}
	return n.evaluate(ctx, unconditional, uncond, nil, x, at)
}

// separable says whether every input that differs between the halves has rows of its own for each.
func (n *Network) separable() bool {
	return !slices.ContainsFunc(n.resolved.Extras, func(e Extra) bool { return e.Null != nil && !e.Port.Batched })
}

// evaluate evaluates one half of guidance, or both.
func (n *Network) evaluate(ctx context.Context, half half, dst, dst2, x []float32, at sampler.At) error {
	if at.First != n.chunk {
		n.caller.forget()
		n.chunk = at.First
	}
	q := request{half: half, mul: float32(at.Scale), time: at.Input, first: at.First - n.run.First}
	samples := len(x) / n.caller.state.width()
	if err := n.check(q.first, samples); err != nil {
		return err
	}
	if have, want := len(dst), n.caller.results()*len(x); have != want {
		return fmt.Errorf("%s: the network gives %d predictions of a state, %d numbers, and the walk has room for %d; plan with Resolved.Sampling, and load Resolved.For the plan",
			n.resolved.Model.Path(), n.caller.results(), want, have)
	}
	evaluations := samples
	if half == both {
		evaluations *= 2
	}
	n.evaluations.Add(int64(evaluations))
	return n.explain(n.caller.evaluate(ctx, q, dst, dst2, x))
}

// check says whether every sample has its row of the further inputs; samples are counted from 0 in the run.
func (n *Network) check(first, samples int) error {
	if first < 0 {
		return fmt.Errorf("sample %d is before the run's first, %d", first+n.run.First, n.run.First)
	}
	for _, e := range n.resolved.Extras {
		if e.Rows > 1 && first+samples > e.Rows {
			return n.resolved.tooFewRows(e, first+samples)
		}
	}
	return nil
}

// Evaluations is how many samples the network has been evaluated at so far. It may be asked while the network runs.
func (n *Network) Evaluations() int64 { return n.evaluations.Load() }

// Spent is the time that the network's calls took inside the session. Ask when no call is under way.
func (n *Network) Spent() time.Duration { return n.caller.spent }

// Close frees what the session holds for this network; the session stays.
func (n *Network) Close() { n.caller.Close() }

// explain adds to an error of a session what the network was fed.
func (n *Network) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	ports := []string{fmt.Sprintf("state %q of samples %v", n.caller.state.Name, n.caller.state.Row)}
	if n.resolved.Clock != nil {
		ports = append(ports, fmt.Sprintf("time %q", n.resolved.Clock.Name))
	}
	if n.resolved.Label != nil {
		ports = append(ports, fmt.Sprintf("class %q", n.resolved.Label.Name))
	}
	var outputs []string
	for _, o := range n.caller.outputs {
		outputs = append(outputs, fmt.Sprintf("output %q of samples %v", o.port.Name, o.port.Row))
	}
	return fmt.Errorf("%w (fed: %s; expected: %s; where a role is wrong, give \"inputs\", \"output\" or \"shape\" in a card)",
		err, strings.Join(ports, ", "), strings.Join(outputs, ", "))
}
