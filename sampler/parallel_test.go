package sampler

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func testJob(t *testing.T, chunk, workers int) Job {
	return Job{
		Plan: mustPlan(t, condot, Settings{Steps: 8, Sigma: mustSigma(t, "1.5*(1-t)")}),
		N:    53, First: 7, Dim: 3, Chunk: chunk, Workers: workers,
		Noise:   Philox{Seed: 3},
		Network: func(int) (Network, error) { return pull, nil },
	}
}

func collect(t *testing.T, job Job) []float32 {
	t.Helper()
	all, next := []float32{}, job.First
	require.NoError(t, job.Run(t.Context(), func(x []float32, first, n int) error {
		require.Equal(t, next, first, "chunks come in order")
		require.Len(t, x, n*job.Dim)
		next += n
		all = append(all, x...)
		return nil
	}))
	require.Equal(t, job.First+job.N, next)
	return all
}

func TestSamplesDoNotDependOnChunksAndWorkers(t *testing.T) {
	want := collect(t, testJob(t, 0, 1))
	require.Len(t, want, 53*3)
	for _, chunk := range []int{1, 2, 7, 53, 100} {
		for _, workers := range []int{1, 2, 5} {
			require.Equal(t, want, collect(t, testJob(t, chunk, workers)), "chunk %d, %d workers", chunk, workers)
		}
	}
	shard := testJob(t, 4, 2)
	shard.First, shard.N = 7+20, 5
	require.Equal(t, want[20*3:25*3], collect(t, shard), "a shard has the run's own samples")
}

func TestAGivenStartStandsInForTheDraw(t *testing.T) {
	job := testJob(t, 10, 2)
	job.Init = func(x []float32, first, n int) error {
		err := Philox{Seed: 3}.Normals(x, first, n, 0)
		for i := range x {
			x[i] *= float32(job.Plan.Start)
		}
		return err
	}
	require.Equal(t, collect(t, testJob(t, 0, 1)), collect(t, job))
}

// Bounded memory: a slow sink holds the workers up, and a slow chunk those that come after it.
func TestNoMoreChunksExistThanWorkersAndOne(t *testing.T) {
	const workers = 3
	job := testJob(t, 2, workers)
	var alive, most atomic.Int64
	job.Init = func(x []float32, first, n int) error {
		now := alive.Add(1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		if first == job.First+4 {
			time.Sleep(10 * time.Millisecond)
		}
		return nil
	}
	require.NoError(t, job.Run(t.Context(), func([]float32, int, int) error {
		time.Sleep(time.Millisecond)
		alive.Add(-1)
		return nil
	}))
	require.LessOrEqual(t, most.Load(), int64(workers+1))
	require.Zero(t, alive.Load())
}

func TestTheFirstErrorStopsTheJob(t *testing.T) {
	broken := errors.New("broken")
	for name, spoil := range map[string]func(j *Job){
		"network":  func(j *Job) { j.Network = func(int) (Network, error) { return failing{broken}, nil } },
		"no start": func(j *Job) { j.Init = func([]float32, int, int) error { return broken } },
		"factory": func(j *Job) {
			j.Network = func(worker int) (Network, error) {
				if worker == 1 {
					return nil, broken
				}
				return pull, nil
			}
		},
	} {
		job := testJob(t, 2, 2)
		spoil(&job)
		require.ErrorIs(t, job.Run(t.Context(), func([]float32, int, int) error { return nil }), broken, name)
	}
	job := testJob(t, 2, 2)
	delivered := 0
	require.ErrorIs(t, job.Run(t.Context(), func([]float32, int, int) error {
		if delivered++; delivered == 3 {
			return broken
		}
		return nil
	}), broken)
	require.Equal(t, 3, delivered)

	job.N = 0
	require.ErrorContains(t, job.Run(t.Context(), nil), "a job of 0 samples")
}

func TestCancellingStopsTheJob(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	job := testJob(t, 1, 3)
	job.Network = func(int) (Network, error) {
		return networkFunc(func(ctx context.Context, dst, x []float32, at At) error {
			if at.First == job.First+9 {
				cancel()
			}
			return ctx.Err()
		}), nil
	}
	require.ErrorIs(t, job.Run(ctx, func([]float32, int, int) error { return nil }), context.Canceled)
}

func TestEveryChunkHasItsObserver(t *testing.T) {
	job := testJob(t, 10, 2)
	var mu sync.Mutex
	seen := map[int]int{}
	job.Observer = func(first, n int) Observer {
		return ObserverFunc(func(*Row, []float32) {
			mu.Lock()
			defer mu.Unlock()
			seen[first] += n
		})
	}
	collect(t, job)
	require.Equal(t, map[int]int{7: 80, 17: 80, 27: 80, 37: 80, 47: 80, 57: 24}, seen)
}
