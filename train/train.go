package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run trains a network as the settings say, writes it, and tells what came of it. When the context ends, it leaves a
// checkpoint where there is a folder for them, no network, and returns the context's error.
func Run(ctx context.Context, s Settings) (*Result, error) {
	r, err := settle(s)
	if err != nil {
		return nil, err
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	defer r.close()
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
func (r *run) open() (err error) {
	if r.Out != "" {
		if err := writable(r.Out); err != nil {
			return err
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
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	e := engine{r.Runtime, r.Session}
	if err := e.check(); err != nil {
		return err
	}
	if r.trainer, err = newTrainer(e, r.net, r.optimizer, r.ClipNorm, r.EMA > 0, r.size, r.Accumulate, r.Workers); err != nil {
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
	inner, stop := context.WithCancel(ctx)
	defer stop()
	_, p := lossGraph(r.net)
	free := make(chan *batch, 2)
	for range cap(free) {
		b, err := newBatch(&r.objective, r.train, p, r.size, r.Accumulate*r.Workers)
		if err != nil {
			return err
		}
		free <- b
	}
	ready := feed(inner, r.train, r.Seed, int64(r.step), free)
	pace := newPace(r.Batch)
	watch := watch{limit: explosion}

	for r.began = time.Now(); r.fraction(float64(r.step)) < 1; {
		if err := ctx.Err(); err != nil {
			return err
		}
		rate := r.Rate * r.shape.At(r.step, r.fraction(float64(r.step)+0.5))
		b := <-ready
		if b.err != nil {
			return fmt.Errorf("step %d: %w", r.step+1, b.err)
		}
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
		r.history.add(r.step, out.loss, rate, out.norm)
		if err := r.after(ctx, out, rate, pace); err != nil {
			return err
		}
	}
	return nil
}

// after is what is due once a step is done: validation, metrics, a checkpoint, word to the observer.
func (r *run) after(ctx context.Context, out outcome, rate float64, pace *pace) error {
	last := r.fraction(float64(r.step)) >= 1
	p := Progress{Step: r.step, Steps: r.Steps, Loss: out.loss, Rate: rate, GradientNorm: out.norm}
	if r.valid != nil && (last || r.step%r.validEvery() == 0) {
		v, err := r.valid.measure(ctx, r.trainer.best(), r.step)
		if err != nil {
			return err
		}
		r.history.Validations = append(r.history.Validations, *v)
		p.Validation = v
	}
	if r.log != nil {
		if err := r.log.add(&p, r.elapsed()); err != nil {
			return err
		}
	}
	if r.shelf != nil && (last || r.step%r.Every == 0) {
		var err error
		if p.Checkpoint, err = r.save(); err != nil {
			return err
		}
	}
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
	p.Curve = r.history.Curve
	return r.Observer.Step(&p)
}

// validEvery is how many steps lie between two validations: a fortieth of a run whose steps are known.
func (r *run) validEvery() int {
	if r.Steps > 0 {
		return max(r.Steps/40, 1)
	}
	return 250
}

// save writes a checkpoint of the present step.
func (r *run) save() (string, error) {
	h := header{Run: r.record(), Step: r.step, Elapsed: r.elapsed(), History: r.history}
	name, err := r.shelf.save(h, r.trainer.vectors.all())
	if err == nil {
		r.saved = r.step
	}
	return name, err
}

// rescue saves what a run has reached that ends before its time, but for one that has come to nothing, and says in the error from where
// one can go on.
func (r *run) rescue(err error) error {
	var d *DivergedError
	if errors.As(err, &d) || r.shelf == nil || r.step == 0 {
		return err
	}
	if r.saved != r.step {
		if _, problem := r.save(); problem != nil {
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

// A DivergedError says that the loss became infinite, no number at all, or so large that nothing is left of what was learned.
type DivergedError struct {
	Step       int // the step that could not be taken
	Problem    string
	Rate       float64
	Checkpoint string // the last one before; "": none
}

func (e *DivergedError) Error() string {
	text := fmt.Sprintf("step %d: %s at a rate of %.3g; give a smaller --rate, such as %.1g, or a smaller --clip-norm", e.Step, e.Problem, e.Rate, e.Rate/4)
	if e.Checkpoint != "" {
		text += "; the last good checkpoint is " + e.Checkpoint
	}
	return text
}

func (r *run) diverged(problem error) error {
	e := &DivergedError{Step: r.step + 1, Problem: problem.Error(), Rate: r.Rate}
	if r.saved >= 0 {
		e.Checkpoint = r.shelf.name(r.saved)
	}
	return e
}

// A watch sees to it that a run that has come to nothing ends. Single losses may jump, as those of an unweighted score do; the
// median of the last window does not.
type watch struct {
	limit  float64 // how many times the least median a median may be
	losses []float64
	least  float64
}

const (
	window    = 101
	explosion = 1000
)

// see is an error where the loss or the gradient is not finite, or the loss has exploded.
func (w *watch) see(o outcome) error {
	if err := o.finite(); err != nil {
		return err
	}
	if w.losses = append(w.losses, o.loss); len(w.losses) < window {
		return nil
	}
	slices.Sort(w.losses)
	median := w.losses[window/2]
	w.losses = w.losses[:0]
	if w.least > 0 && median > w.limit*w.least {
		return fmt.Errorf("the loss has grown from %.4g to %.4g", w.least, median)
	}
	if w.least == 0 || median < w.least {
		w.least = median
	}
	return nil
}

// A pace tells how fast steps are taken of late.
type pace struct {
	batch int
	marks []mark // of the last steps, the oldest first
}

type mark struct {
	step     int
	at       time.Duration
	fraction float64
}

func newPace(batch int) *pace { return &pace{batch: batch} }

// paceMarks is over how many steps, and paceTime over how long at least, the pace is taken.
const (
	paceMarks = 256
	paceTime  = 5 * time.Second
)

// at takes a step in, and gives the samples per second and the time left, negative where it is not known.
func (p *pace) at(step int, now time.Duration, fraction float64) (perSecond float64, left time.Duration) {
	p.marks = append(p.marks, mark{step, now, fraction})
	for len(p.marks) > 2 && (len(p.marks) > paceMarks || now-p.marks[1].at > paceTime) {
		p.marks = p.marks[1:]
	}
	first := p.marks[0]
	if step == first.step || now == first.at {
		return 0, -1
	}
	perSecond = float64((step-first.step)*p.batch) / (now - first.at).Seconds()
	if done := fraction - first.fraction; done > 0 {
		return perSecond, time.Duration((1 - fraction) / done * float64(now-first.at))
	}
	return perSecond, -1
}

// finish writes the network.
func (r *run) finish(ctx context.Context) (*Result, error) {
	if err := finite(r.trainer.best()); err != nil {
		return nil, err
	}
	result := &Result{
		Network: r.facts.Network, Parameters: r.facts.Parameters, Steps: r.step, Elapsed: r.before, Loss: r.history.Smooth,
		Validations: r.history.Validations, Curve: r.history.Curve, Out: r.Out,
	}
	if r.Out == "" {
		return result, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, r.rescue(err)
	}
	var err error
	result.Notes, err = r.write()
	return result, err
}

// close frees what the run holds.
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
