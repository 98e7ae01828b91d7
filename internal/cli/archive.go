package cli

import (
	"fmt"

	"odeon/internal/machine"
	"odeon/internal/render"
	"odeon/models"
	"odeon/sampler"
)

// archive holds the arrays of the whole run that a .npz keeps beside the samples. They fill chunk by chunk, from the workers'
// goroutines: chunks do not overlap.
type archive struct {
	count, dim int // samples, elements of a state
	turn       int // the step at which the way from noise to data begins

	init       []float32 // [n, ...]: the first states of the way from noise to data
	latents    []float32 // [n, ...]: the last states, where samples are decoded from them; else nil
	trajectory []float32 // [steps+1, n, ...]: all states on the way, under --trajectories; else nil
	times      []float64 // of these states
	labels     []int64   // -1: no class; nil where the model has no classes
}

func newArchive(req request, e *engine, plan *sampler.Plan, run models.Run) (*archive, error) {
	a := &archive{count: req.count, dim: e.dim, turn: plan.Turn, times: stateTimes(plan)}
	states := 1
	if e.decoded != nil {
		states++
	}
	if req.trajectories {
		states += len(a.times)
	}
	if need := 4 * float64(states) * float64(a.count) * float64(a.dim); need > machine.Memory() {
		return nil, fmt.Errorf("--out: a .npz holds %d states of each sample in memory, here %.1f GB; .npy takes samples as they come", states, need/1e9)
	}
	size := a.count * a.dim
	a.init = make([]float32, size)
	if e.decoded != nil {
		a.latents = make([]float32, size)
	}
	if req.trajectories {
		a.trajectory = make([]float32, len(a.times)*size)
	}
	for i := range req.count {
		if len(run.Labels) == 0 {
			break
		}
		label := run.Labels[i%len(run.Labels)]
		if label == models.NullLabel {
			label = -1
		}
		a.labels = append(a.labels, int64(label))
	}
	return a, nil
}

// addTo promises the arrays to a file, which reads them when it is finished.
func (a *archive) addTo(file render.Archive, state []int) {
	shape := append([]int{a.count}, state...)
	file.Add("init", shape, a.init)
	file.Add("t", []int{len(a.times)}, a.times)
	if a.latents != nil {
		file.Add("latents", shape, a.latents)
	}
	if a.labels != nil {
		file.Add("labels", []int{a.count}, a.labels)
	}
	if a.trajectory != nil {
		file.Add("trajectory", append([]int{len(a.times)}, shape...), a.trajectory)
	}
}

// state takes the states of the samples at, at+1, ... after so many steps.
func (a *archive) state(step int, x []float32, at int) {
	if a == nil {
		return
	}
	if step == a.turn {
		copy(a.init[at*a.dim:], x)
	}
	if step == len(a.times)-1 && a.latents != nil {
		copy(a.latents[at*a.dim:], x)
	}
	if a.trajectory != nil {
		copy(a.trajectory[(step*a.count+at)*a.dim:], x)
	}
}

// stateTimes are the times of the states that a walk passes: the start's, then one after each step.
func stateTimes(plan *sampler.Plan) []float64 {
	times := []float64{plan.From}
	for i := range plan.Rows {
		if plan.Rows[i].Ends {
			times = append(times, plan.Rows[i].Next)
		}
	}
	return times
}
