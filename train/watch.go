package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// A watch sees to it that a run that has come to nothing ends. Single losses may jump a thousandfold, as those of an unweighted score do;
// the median of many does not, and nothing jumps a millionfold and comes back with what was learned.
type watch struct {
	losses []float64
	least  float64 // the first loss, or the least median since
}

const (
	window   = 101
	mostRise = 1e3 // of a median, over the least
	mostJump = 1e6 // of a loss
)

// see is an error where the loss or the gradient is not finite, or the loss has exploded.
func (w *watch) see(o outcome) error {
	if err := o.finite(); err != nil {
		return err
	}
	grown := func(loss, most float64) error {
		if w.least > 0 && loss > most*w.least {
			return fmt.Errorf("the loss has grown from %.4g to %.4g", w.least, loss)
		}
		return nil
	}
	if w.least == 0 {
		w.least = o.loss
	}
	if err := grown(o.loss, mostJump); err != nil {
		return err
	}
	if w.losses = append(w.losses, o.loss); len(w.losses) < window {
		return nil
	}
	slices.Sort(w.losses)
	median := w.losses[window/2]
	w.losses = w.losses[:0]
	if err := grown(median, mostRise); err != nil {
		return err
	}
	w.least = min(w.least, median)
	return nil
}

// finite is an error where the numbers of a step are not finite.
func (o outcome) finite() error {
	bad := func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }
	switch {
	case bad(o.loss):
		return fmt.Errorf("the loss is %v", o.loss)
	case bad(o.norm):
		return errors.New("the gradient is not finite")
	}
	return nil
}

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
