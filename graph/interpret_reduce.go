package graph

import (
	"math"
	"slices"
)

// reduceKernel adds up over axes, or takes the greatest. The sums are in float64, in the order of the elements.
func reduceKernel[T float](c *crew[T], y, x *array[T]) kernel[T] {
	// The axes that stay and those that go, each with the strides of x; neighbours of one kind are one axis.
	var stay, gone axesOf
	for axis, stride := range rowMajor(x.shape) {
		kind := &stay
		if slices.Contains(y.value.Attrs.Axes, axis) {
			kind = &gone
		}
		kind.dims, kind.strides = append(kind.dims, x.shape[axis]), append(kind.strides, stride)
	}
	for _, kind := range []*axesOf{&stay, &gone} {
		kind.dims, kind.strides = merged(kind.dims, kind.strides)
	}
	greatest := y.value.Op == ReduceMax
	work := x.count()
	return both(y.value.Type,
		func(y []T, args [][]T) { reduce(c, y, args[0], stay, gone, greatest, work) },
		func(y []int64, args [][]int64) { reduce(c, y, args[0], stay, gone, greatest, work) }, 1)
}

// axesOf are axes with the places of their elements.
type axesOf struct{ dims, strides []int }

// split takes off the last axis, if its elements are neighbours.
func (a axesOf) split() (rest axesOf, inner int) {
	last := len(a.dims) - 1
	if a.strides[last] != 1 {
		return a, 1
	}
	return axesOf{a.dims[:last], a.strides[:last]}, a.dims[last]
}

// reduce goes through x row by row of neighbouring elements, which either all go into one element of y or each into its
// own.
func reduce[T float, E element](c *crew[T], y, x []E, stay, gone axesOf, greatest bool, work int) {
	start := 0.0
	if greatest {
		start = math.Inf(-1)
	}
	outer, width := stay.split()
	inner, length := gone.split()
	times := sizeOf(inner.dims)
	chunks := (width + chunk - 1) / chunk
	c.do(sizeOf(outer.dims)*chunks, work, func(_, from, to int) {
		var sums [chunk]float64
		for u := from; u < to; u++ {
			first := u % chunks * chunk
			n := min(chunk, width-first)
			at := index(u/chunks, outer.dims, outer.strides) + first
			for i := range n {
				sums[i] = start
			}
			for t := range times {
				from := at + index(t, inner.dims, inner.strides)
				switch row := x[from : from+n*length]; {
				case length > 1 && greatest:
					sums[0] = max(sums[0], float64(slices.Max(row)))
				case length > 1:
					sums[0] += sum(row)
				case greatest:
					for i, e := range row {
						sums[i] = max(sums[i], float64(e))
					}
				default:
					for i, e := range row {
						sums[i] += float64(e)
					}
				}
			}
			to := y[u/chunks*width+first:]
			for i := range n {
				to[i] = E(sums[i])
			}
		}
	})
}

// sum adds up in float64, in four interleaved sums.
func sum[E element](x []E) float64 {
	var a, b, c, d float64
	for len(x) >= 4 {
		a += float64(x[0])
		b += float64(x[1])
		c += float64(x[2])
		d += float64(x[3])
		x = x[4:]
	}
	for _, e := range x {
		a += float64(e)
	}
	return a + b + (c + d)
}

// rowKernel is Softmax, Normalize or InverseStd, which see the last axis' rows one by one.
func rowKernel[T float](c *crew[T], y, x *array[T]) kernel[T] {
	n, work := x.shape[len(x.shape)-1], 8*x.count()
	eps := y.value.Attrs.Eps
	var row func(y, x []T)
	switch y.value.Op {
	case Softmax:
		row = softmax[T]
	case Normalize:
		row = func(y, x []T) {
			mean, variance := moments(x)
			scale := 1 / math.Sqrt(variance+eps)
			for i, e := range x {
				y[i] = T((float64(e) - mean) * scale)
			}
		}
	default: // InverseStd
		row = func(y, x []T) {
			_, variance := moments(x)
			y[0] = T(1 / math.Sqrt(variance+eps))
		}
	}
	width := y.shape[len(y.shape)-1]
	return func(y *array[T], args []*array[T]) error {
		to, x := y.floats, args[0].floats
		c.do(len(x)/n, work, func(_, from, end int) {
			for r := from; r < end; r++ {
				row(to[r*width:(r+1)*width], x[r*n:(r+1)*n])
			}
		})
		return nil
	}
}

func softmax[T float](y, x []T) {
	top := float64(slices.Max(x))
	total := 0.0
	for i, e := range x {
		p := math.Exp(float64(e) - top)
		y[i] = T(p)
		total += p
	}
	for i := range y {
		y[i] = T(float64(y[i]) / total)
	}
}

// moments are the mean of x and the mean square of what differs from it.
func moments[T float](x []T) (mean, variance float64) {
	mean = sum(x) / float64(len(x))
	for _, e := range x {
		d := float64(e) - mean
		variance += d * d
	}
	return mean, variance / float64(len(x))
}
