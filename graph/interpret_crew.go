package graph

import (
	"runtime"
	"sync"
)

// A crew is the workers that large work is shared among, each with memory of its own that is kept from one use to the
// next.
type crew[T float] struct {
	memory [][]T // by worker
	common []T
}

// newCrew is a crew with a worker for each processor that Go uses.
func newCrew[T float]() *crew[T] {
	return &crew[T]{memory: make([][]T, runtime.GOMAXPROCS(0))}
}

// scratch is n elements of a worker's own, with whatever its last use left in them.
func (c *crew[T]) scratch(worker, n int) []T {
	if len(c.memory[worker]) < n {
		c.memory[worker] = make([]T, n)
	}
	return c.memory[worker][:n]
}

// shared is n elements for all workers, likewise.
func (c *crew[T]) shared(n int) []T {
	if len(c.common) < n {
		c.common = make([]T, n)
	}
	return c.common[:n]
}

// do calls f for parts of 0 to n-1 that cover it: for the whole at once where work, the number of operations on
// elements, is too little to share. Which worker does a part never changes a result.
func (c *crew[T]) do(n, work int, f func(worker, from, to int)) {
	workers := min(len(c.memory), n, work>>14)
	if workers < 2 {
		if n > 0 {
			f(0, 0, n)
		}
		return
	}
	var wait sync.WaitGroup
	for k := 1; k < workers; k++ {
		wait.Go(func() { f(k, n*k/workers, n*(k+1)/workers) })
	}
	f(0, 0, n/workers)
	wait.Wait()
}
