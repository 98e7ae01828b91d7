package cli

import (
	"context"
	"fmt"
	"slices"

	"odeon/sampler"
)

// A chunk comes in on its worker's goroutine as it walks: its first states (init), each step and the decoding at the end
// (observer). It leaves in order, on one goroutine (deliver).

// init makes the first states of a chunk, and shows them to what records the way.
func (o *outputs) init(ctx context.Context, plan *sampler.Plan, s source) func(x []float32, first, n int) error {
	return func(x []float32, first, n int) error {
		if err := s.draw(plan, x, first, n); err != nil {
			return err
		}
		return o.record(ctx, 0, x, first)
	}
}

// observer counts progress, records frames, and decodes a chunk at the end of its walk.
func (o *outputs) observer(ctx context.Context, plan *sampler.Plan, bar *progress, g sampler.Guidance) func(first, n int) sampler.Observer {
	evaluations := make([]int64, plan.Steps) // of one sample, by step
	for i := range plan.Rows {
		evaluations[plan.Rows[i].Step] += int64(g.Evaluations(&plan.Rows[i]))
	}
	return func(first, n int) sampler.Observer {
		return sampler.ObserverFunc(func(row *sampler.Row, x []float32) {
			bar.Done.Add(evaluations[row.Step] * int64(n))
			if err := o.record(ctx, row.Step+1, x, first); err != nil {
				o.fail(err)
			}
			if row.Step == plan.Steps-1 && o.engine.decoded != nil {
				if err := o.decode(ctx, x, first, n); err != nil {
					o.fail(err)
				}
			}
		})
	}
}

// record shows the states after so many steps to the files that keep them or show the way.
func (o *outputs) record(ctx context.Context, step int, x []float32, first int) error {
	frame, ok := o.frames[step]
	at := first - o.first
	o.archive.state(step, x, at)
	if !ok || at >= o.shown {
		return nil
	}
	n := min(len(x)/o.engine.dim, o.shown-at)
	x = x[:n*o.engine.dim]
	if o.engine.decoded != nil {
		data := o.take(n)
		defer o.give(data)
		if err := o.engine.decode(ctx, data, x); err != nil {
			return err
		}
		x = data
	}
	for _, sink := range o.sinks {
		if sink.Shown() > 0 {
			sink.Record(frame, at, x)
		}
	}
	return nil
}

func (o *outputs) decode(ctx context.Context, x []float32, first, n int) error {
	data := o.take(n)
	if err := o.engine.decode(ctx, data, x); err != nil {
		return err
	}
	if i := slices.IndexFunc(data, nonFinite); i >= 0 && !o.nonfinite {
		return fmt.Errorf("decoder: sample %d decodes to a value that is not finite (%g), from a finite latent; check the decoder's \"scale\" and \"shift\" in the card, or keep such samples with --allow-nonfinite", first+i/(len(data)/n), data[i])
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.decoded[first] = data
	return nil
}

func nonFinite(v float32) bool { return v-v != 0 }

// take is memory for n decoded samples; give returns it.
func (o *outputs) take(n int) []float32 {
	size := n
	for _, d := range o.engine.decoded {
		size *= d
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, s := range o.spare {
		if cap(s) >= size {
			o.spare = slices.Delete(o.spare, i, i+1)
			return s[:size]
		}
	}
	return make([]float32, size)
}

func (o *outputs) give(data []float32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare = append(o.spare, data)
}

func (o *outputs) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

// deliver hands a finished chunk, decoded where there is a decoder, to every file. Chunks come in order.
func (o *outputs) deliver(x []float32, first, n int) error {
	o.mu.Lock()
	err, data := o.err, o.decoded[first]
	delete(o.decoded, first)
	o.mu.Unlock()
	if err != nil {
		return err
	}
	if o.engine.decoded != nil {
		x = data
		defer o.give(data)
	}
	for _, sink := range o.sinks {
		if err := sink.Write(first-o.first, x); err != nil {
			return outputError{err}
		}
	}
	return nil
}
