package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"odeon/internal/atomicfile"
)

// Run trains a network as the settings say, writes it, and tells what came of it. When the context ends, it leaves a
// checkpoint where there is a folder for them, no network, and returns the context's error.
func Run(ctx context.Context, s Settings) (*Result, error) {
	r, err := settle(s)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.open(); err != nil {
		return nil, err
	}
	if r.Observer != nil {
		r.Observer.Start(&r.facts)
	}
	err = r.loop(ctx)
	r.before, r.began = r.elapsed(), time.Now()
	if err != nil {
		return nil, r.rescue(err)
	}
	return r.finish(ctx)
}

// open finds out what can be found out before the first step: whether the files can be written, and whether the network fits;
// then it loads the executors and the checkpoint to go on from.
func (r *run) open() error {
	if r.Out != "" {
		if err := atomicfile.Writable(r.Out); err != nil {
			return err
		}
		if r.From != nil {
			var err error
			if r.decoder, err = r.From.Decode.Beside(r.Out); err != nil {
				return err
			}
		}
	}
	if r.Checkpoints != "" {
		shelf, err := openShelf(r.Checkpoints)
		if err != nil {
			return err
		}
		r.shelf = &shelf
		if steps, err := shelf.steps(); err == nil && len(steps) > 0 && !r.Resume {
			return fmt.Errorf("folder %s holds checkpoints of a run, the last at step %d: go on with --resume, or give another folder", r.Checkpoints, steps[0])
		}
	}
	e := engine{r.Runtime, r.Session}
	err := e.check()
	if err != nil {
		return err
	}
	if r.trainer, err = newTrainer(e, r.gradient, r.optimizer, r.ClipNorm, r.EMA > 0, r.size, r.parts, r.Workers); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	if r.held != nil {
		if r.valid, err = newValidator(e, r); err != nil {
			return err
		}
	}
	if r.Metrics != "" {
		if r.log, err = openMetrics(r.Metrics, r.step); err != nil {
			return err
		}
	}
	return nil
}

// begin sets the vectors: from the checkpoint where the run goes on, else as the network begins.
func (r *run) begin() error {
	if r.Resume {
		h, found, notes, err := r.shelf.load(r.record(), r.trainer.vectors.all())
		if err != nil {
			return err
		}
		r.facts.Notes = append(r.facts.Notes, notes...)
		if found {
			r.step, r.saved, r.before, r.history = h.Step, h.Step, h.Elapsed, h.History
			r.facts.Resumed = h.Step
			return nil
		}
		r.facts.Notes = append(r.facts.Notes, fmt.Sprintf("folder %s holds no checkpoint yet: the run starts at its beginning", r.Checkpoints))
	}
	weights, err := r.net.initial()
	if err != nil {
		return err
	}
	r.trainer.start(weights)
	return nil
}

// loop takes the steps.
func (r *run) loop(ctx context.Context) error {
	r.began = time.Now()
	free := make(chan *batch, 2)
	for range cap(free) {
		b, err := newBatch(&r.objective, r.train, r.part, r.size, r.parts*r.Workers)
		if err != nil {
			return err
		}
		free <- b
	}
	inner, stop := context.WithCancel(ctx)
	ready := feed(inner, r.train, r.Seed, int64(r.step), free)
	defer func() {
		stop()
		for range ready { // until nobody reads the data any more
		}
	}()
	pace := newPace(r.Batch)
	var watch watch

	// A run that goes on may have been stopped within what was due after its last step.
	if err := r.validate(ctx); err != nil {
		return err
	}
	for r.over = r.fraction(float64(r.step)) >= 1; !r.over; {
		b, open := <-ready
		if !open {
			return ctx.Err()
		}
		if b.err != nil {
			return fmt.Errorf("step %d: %w", r.step+1, b.err)
		}
		rate := r.Rate * r.shape.At(r.step, r.fraction(float64(r.step)+0.5))
		out, err := r.trainer.gradients(ctx, b)
		if err != nil {
			return err
		}
		free <- b
		if err := watch.see(out); err != nil {
			return r.diverged(err)
		}
		r.trainer.update(out, r.step+1, rate, 1-decayAt(r.EMA, r.step))
		r.step++
		r.over = r.fraction(float64(r.step)) >= 1
		r.history.add(r.step, out.loss, rate, out.norm)
		if err := r.after(ctx, out, rate, pace); err != nil {
			return err
		}
	}
	return nil
}

// after is what is due once a step is done: validation, metrics, a checkpoint, word to the observer.
func (r *run) after(ctx context.Context, out outcome, rate float64, pace *pace) error {
	p := Progress{Step: r.step, Steps: r.Steps, Loss: out.loss, Rate: rate, GradientNorm: out.norm}
	if err := r.validate(ctx); err != nil {
		return err
	}
	if v := r.history.last(); v != nil && v.Step == r.step {
		p.Validation = v
	}
	if r.log != nil {
		if err := r.log.add(&p, r.elapsed()); err != nil {
			return err
		}
	}
	due := r.shelf != nil && (r.over || r.step%r.Every == 0)
	if due {
		p.Checkpoint = r.shelf.name(r.step)
	}
	// The observer comes before the checkpoint: a run that goes on from there never leaves out a step that nobody saw.
	if err := r.observe(&p, pace); err != nil || !due {
		return err
	}
	return r.save()
}

// observe tells the observer where the run stands.
func (r *run) observe(p *Progress, pace *pace) error {
	if r.Observer == nil {
		return nil
	}
	if r.Preview > 0 && r.step%r.Preview == 0 {
		model, err := r.model(false)
		if err == nil {
			p.Network, err = model.Bytes()
		}
		if err != nil {
			return err
		}
	}
	p.Smooth, p.Elapsed, p.Fraction = r.history.Smooth, r.elapsed(), min(1, r.fraction(float64(r.step)))
	p.SamplesPerSecond, p.Left = pace.at(r.step, p.Elapsed, p.Fraction)
	p.Curve, p.Validations = r.history.Curve, r.history.Validations
	return r.Observer.Step(p)
}

// validate measures the loss on the data held out where that is due and not yet done.
func (r *run) validate(ctx context.Context) error {
	due := r.valid != nil && r.step > 0 && (r.over || r.step%r.validEvery() == 0)
	if v := r.history.last(); !due || v != nil && v.Step == r.step {
		return nil
	}
	v, err := r.valid.measure(ctx, r.trainer.best(), r.step)
	if err == nil {
		r.history.Validations = append(r.history.Validations, *v)
	}
	return err
}

// validEvery is how many steps lie between two validations: a fortieth of a run whose steps are known.
func (r *run) validEvery() int {
	if r.Steps > 0 {
		return max(r.Steps/40, 1)
	}
	return 250
}

// save writes a checkpoint of the present step.
func (r *run) save() error {
	h := header{Run: r.record(), Step: r.step, Elapsed: r.elapsed(), History: r.history}
	err := r.shelf.save(h, r.trainer.vectors.all())
	if err == nil {
		r.saved = r.step
	}
	return err
}

// rescue saves what a run has reached that ends before its time, but for one that has come to nothing, and says in the error from where
// one can go on.
func (r *run) rescue(err error) error {
	var d *DivergedError
	if errors.As(err, &d) || r.shelf == nil || r.step == 0 {
		return err
	}
	if r.saved != r.step {
		switch problem := r.save(); {
		case problem == nil:
		case problem.Error() == err.Error(): // it was saving that failed
			return err
		default:
			return fmt.Errorf("%w (and what was reached could not be saved: %w)", err, problem)
		}
	}
	return &SavedError{Err: err, File: r.shelf.name(r.saved), Step: r.saved}
}

// A SavedError says that a run ended early and from where it can go on: with --resume, as if it had never stopped.
type SavedError struct {
	Err  error
	File string // the checkpoint
	Step int
}

func (e *SavedError) Error() string {
	return fmt.Sprintf("%v; what was reached is in checkpoint %s, from which --resume goes on", e.Err, e.File)
}

func (e *SavedError) Unwrap() error { return e.Err }

// finish writes the network.
func (r *run) finish(ctx context.Context) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, r.rescue(err)
	}
	if err := finite(r.trainer.best()); err != nil {
		return nil, err
	}
	result := &Result{
		Network: r.facts.Network, Parameters: r.facts.Parameters, Steps: r.step, Elapsed: r.before, Loss: r.history.Smooth,
		Validations: r.history.Validations, Curve: r.history.Curve, Out: r.Out,
	}
	if r.Out == "" {
		return result, nil
	}
	var err error
	if result.Notes, err = r.write(); err != nil {
		return nil, r.rescue(err)
	}
	return result, nil
}

// close frees what the run holds, however far it came.
func (r *run) close() {
	if r.trainer != nil {
		r.trainer.Close()
	}
	if r.valid != nil {
		r.valid.Close()
	}
	if r.log != nil {
		r.log.Close()
	}
	if t, ok := r.net.(*tuned); ok {
		t.Close()
	}
}
