package sampler

import (
	"context"
	"fmt"
)

// State is a chunk of samples under way: N of them, row after row in X, which are samples First, First+1, ... of the
// run. A walk changes X in place. State owns the walk's buffers and keeps them from one Run to the next.
type State struct {
	X              []float32
	N, First       int
	AllowNonfinite bool // walk on where a state is no longer finite

	base    []float32   // the kept state
	xi, xi1 []float32   // the noise last drawn, and the one before it
	preds   [][]float32 // what the last calls gave, a ring: preds[head] is the newest; [p; q] where there are two predictions
	head    int
	terms   []term
}

// NewState is a state of n samples whose numbers begin at first. It keeps x, whose length is a multiple of n.
func NewState(x []float32, n, first int) *State {
	if n < 1 || len(x)%n != 0 {
		panic(fmt.Sprintf("sampler: a state of %d values cannot hold %d samples", len(x), n))
	}
	return &State{X: x, N: n, First: first}
}

// Observer sees the state after each solver step. It may not change or keep x.
type Observer interface {
	Step(row *Row, x []float32)
}

// ObserverFunc makes a function an observer.
type ObserverFunc func(row *Row, x []float32)

// Step calls f.
func (f ObserverFunc) Step(row *Row, x []float32) { f(row, x) }

// Draw fills the state with the walk's start: draw 0 of the noise, times the plan's Start.
func (x *State) Draw(plan *Plan, noise Noise) error {
	if err := noise.Normals(x.X, x.First, x.N, 0); err != nil {
		return err
	}
	std := float32(plan.Start)
	for i := range x.X {
		x.X[i] *= std
	}
	return nil
}

// Run walks x through the plan: each row is x' = A x + A0 x_base + sum_j B_j p_j + sum_j S_j q_j + C xi + C1 xi_1. Net gives what the
// plan's Prediction says, and in the same call what Second says if it says anything; under a plan with Clip, wrap it in
// Clip. Noise may be nil for a plan that draws none, obs always.
//
// A state that is not finite stops the walk with a *NonFiniteError unless x allows it. Steps allocate nothing.
func Run(ctx context.Context, plan *Plan, net Network, x *State, noise Noise, obs Observer) error {
	if err := x.prepare(plan, noise); err != nil {
		return err
	}
	if !x.AllowNonfinite && !finite32(x.X) {
		return x.nonFinite(plan, nil)
	}
	for i := range plan.Rows {
		row := &plan.Rows[i]
		if err := x.read(ctx, net, noise, row); err != nil {
			return fmt.Errorf("step %d (t=%.4g): %w", row.Step, row.T, err)
		}
		if ok := x.combine(row); !ok && !x.AllowNonfinite {
			return x.nonFinite(plan, row)
		}
		if obs != nil && row.Ends {
			obs.Step(row, x.X)
		}
	}
	return nil
}

// prepare makes the buffers that the plan needs, and no others.
func (x *State) prepare(plan *Plan, noise Noise) error {
	if err := plan.Check(); err != nil {
		return err
	}
	draws := plan.Draws() > 0
	if draws && noise == nil {
		return fmt.Errorf("the plan (%s) draws noise, and there is no source of it", plan.Solver)
	}
	size := len(x.X)
	if draws {
		x.xi = sized(x.xi, size)
	}
	if plan.looksBack() {
		x.xi1 = sized(x.xi1, size)
	}
	if plan.keeps() {
		x.base = sized(x.base, size)
	}
	depth := plan.history()
	given := size
	if plan.Second != "" {
		given = 2 * size
	}
	for len(x.preds) < depth {
		x.preds = append(x.preds, nil)
	}
	x.preds, x.head = x.preds[:depth], 0
	for j := range x.preds {
		x.preds[j] = sized(x.preds[j], given)
	}
	return nil
}

func sized(buffer []float32, size int) []float32 {
	if cap(buffer) < size {
		return make([]float32, size)
	}
	return buffer[:size]
}

// read gets what the row reads: the kept state, the network's prediction and the noise.
func (x *State) read(ctx context.Context, net Network, noise Noise, row *Row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if row.Keep {
		copy(x.base, x.X)
	}
	if row.Call {
		x.head = (x.head + len(x.preds) - 1) % len(x.preds)
		if err := net.Predict(ctx, x.preds[x.head], x.X, row.At(x.First, x.N)); err != nil {
			return err
		}
		if row.FX != 0 || row.FP != 0 {
			p := x.preds[x.head][:len(x.X)]
			sum2(p, float32(row.FX), x.X, float32(row.FP), p)
		}
	}
	if row.Draw > 0 {
		if len(x.xi1) == len(x.xi) {
			x.xi, x.xi1 = x.xi1, x.xi
		}
		if err := noise.Normals(x.xi, x.First, x.N, row.Draw); err != nil {
			return err
		}
		if row.L != 0 {
			widen(x.xi, float32(row.L), x.preds[x.head][len(x.X):])
		}
		if row.Ratio != 0 {
			pace(x.preds[x.head][:len(x.X)], x.xi, row.Ratio, x.N)
		}
	}
	return nil
}
