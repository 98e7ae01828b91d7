package train

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/blas/blas32"

	"odeon/graph"
)

// layout says how a long vector, of all of a network's parameters one behind the other, is cut into them.
type layout struct {
	length int
	shapes []graph.Shape
}

func newLayout(parameters []*graph.Value) layout {
	l := layout{shapes: make([]graph.Shape, len(parameters))}
	for i, p := range parameters {
		l.shapes[i] = p.Shape
		l.length += p.Shape.Count(1)
	}
	return l
}

// arrays is a vector as the parameters' arrays. They share its memory.
func (l layout) arrays(vector []float32) []*graph.Array {
	arrays := make([]*graph.Array, len(l.shapes))
	from := 0
	for i, shape := range l.shapes {
		n := shape.Count(1)
		arrays[i] = &graph.Array{Shape: shape, Floats: vector[from : from+n : from+n]}
		from += n
	}
	return arrays
}

// weights is a vector as the parameters' numbers.
func (l layout) weights(vector []float32) [][]float32 {
	list := make([][]float32, len(l.shapes))
	for i, a := range l.arrays(vector) {
		list[i] = a.Floats
	}
	return list
}

// stretch is how much of a vector a goroutine treats at a time. Sums are taken stretch by stretch, so that they come out the same
// whatever the number of goroutines.
const stretch = 1 << 15

// stretches calls work for every stretch of n numbers, on so many goroutines.
func stretches(n, goroutines int, work func(index, from, to int)) {
	count := (n + stretch - 1) / stretch
	goroutines = min(goroutines, count)
	var group sync.WaitGroup
	for k := range goroutines {
		group.Go(func() {
			for i := count * k / goroutines; i < count*(k+1)/goroutines; i++ {
				work(i, i*stretch, min(n, (i+1)*stretch))
			}
		})
	}
	group.Wait()
}

// sum adds the other vectors to the first and returns the norm of the result.
func sum(first []float32, others [][]float32, goroutines int) (norm float64) {
	squares := make([]float64, (len(first)+stretch-1)/stretch)
	stretches(len(first), goroutines, func(index, from, to int) {
		for _, o := range others {
			add(first[from:to], o[from:to])
		}
		part := blas32.Vector{N: to - from, Data: first[from:to], Inc: 1}
		squares[index] = float64(blas32.Dot(part, part))
	})
	total := 0.
	for _, s := range squares {
		total += s
	}
	return math.Sqrt(total)
}

// add adds x to dst.
func add(dst, x []float32) {
	blas32.Axpy(1, blas32.Vector{N: len(x), Data: x, Inc: 1}, blas32.Vector{N: len(dst), Data: dst, Inc: 1})
}
