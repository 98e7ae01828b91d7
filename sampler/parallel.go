package sampler

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Job is many samples on one plan. Samples are independent, so they are cut into chunks, and workers walk whole chunks
// through the whole plan side by side. Noise belongs to the sample: neither Chunk nor Workers changes a result, beyond
// what the network's own rounding makes of another batch.
type Job struct {
	Plan  *Plan
	N     int // samples
	First int // number of the first of them, in the run that the noise's seed stands for
	Dim   int // elements of one sample

	Chunk   int // samples in one network call; 0: all
	Workers int // chunks under way at once; 0: 1

	Noise Noise // may be nil where Init is given and the plan draws none
	// Init fills x, [n, Dim], with the first states of samples first to first+n-1. Nil: Start times draw 0 of Noise.
	Init func(x []float32, first, n int) error
	// Network makes a worker's own network. It is called for one worker after the other, before any walks.
	Network func(worker int) (Network, error)
	// Walk takes a chunk from its start to the end where that is not by the rows of Plan, which then says only where it starts. Nil: Run.
	Walk func(ctx context.Context, net Network, x *State, obs Observer) error
	// Observer makes the observer of one chunk, called on its worker's goroutine. Nil, or a nil observer: none.
	Observer func(first, n int) Observer

	AllowNonfinite bool
}

// Sink takes finished chunks: x is [n, Dim], samples first to first+n-1, and is used again afterwards.
type Sink func(x []float32, first, n int) error

// chunk is one of the parts of a job, with the states of its samples.
type chunk struct {
	number, first, n int
	x                []float32
}

// Run walks all samples and delivers them to sink in order, one chunk at a time, on one goroutine. At most Workers+1
// chunks exist at once, whatever N is. The first error, the sink's included, stops everything; so does ctx.
func (j *Job) Run(ctx context.Context, sink Sink) error {
	size, workers := j.Chunk, max(j.Workers, 1)
	if size <= 0 || size > j.N {
		size = j.N
	}
	if j.N < 1 || j.Dim < 1 || j.First < 0 {
		return fmt.Errorf("a job of %d samples of %d elements from number %d: expected at least one of each, from 0 on", j.N, j.Dim, j.First)
	}
	chunks := (j.N + size - 1) / size
	workers = min(workers, chunks)
	nets := make([]Network, workers)
	for w := range nets {
		var err error
		if nets[w], err = j.Network(w); err != nil {
			return err
		}
	}

	free := make(chan []float32, workers+1)
	for range min(workers+1, chunks) {
		free <- make([]float32, size*j.Dim)
	}
	finished := make(chan chunk, workers+1)
	var taken atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, net := range nets {
		group.Go(func() error {
			state := &State{AllowNonfinite: j.AllowNonfinite}
			for {
				// The memory comes first, the number after: the lowest number under way always has memory to finish in.
				var c chunk
				select {
				case c.x = <-free:
				case <-ctx.Done():
					return ctx.Err()
				}
				c.number = int(taken.Add(1)) - 1
				if c.number >= chunks {
					return nil
				}
				c.n = min(size, j.N-c.number*size)
				c.first = j.First + c.number*size
				c.x = c.x[:c.n*j.Dim]
				if err := j.walk(ctx, net, state, c); err != nil {
					return err
				}
				finished <- c
			}
		})
	}
	group.Go(func() error {
		early := map[int]chunk{}
		for next := 0; next < chunks; {
			select {
			case c := <-finished:
				early[c.number] = c
			case <-ctx.Done():
				return ctx.Err()
			}
			for c, ok := early[next]; ok; c, ok = early[next] {
				delete(early, next)
				if err := sink(c.x, c.first, c.n); err != nil {
					return err
				}
				free <- c.x[:cap(c.x)]
				next++
			}
		}
		// Workers that wait for memory learn here that no chunk is left.
		close(free)
		return nil
	})
	return group.Wait()
}

// walk takes one chunk from the start to the end of the plan.
func (j *Job) walk(ctx context.Context, net Network, state *State, c chunk) error {
	state.X, state.N, state.First = c.x, c.n, c.first
	noise := walking(j.Noise, c.first, c.n)
	var err error
	if j.Init != nil {
		err = j.Init(c.x, c.first, c.n)
	} else {
		err = state.Draw(j.Plan, noise)
	}
	if err != nil {
		return err
	}
	var obs Observer
	if j.Observer != nil {
		obs = j.Observer(c.first, c.n)
	}
	if j.Walk != nil {
		return j.Walk(ctx, net, state, obs)
	}
	return Run(ctx, j.Plan, net, state, noise, obs)
}
