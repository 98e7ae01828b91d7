package graph

import (
	"fmt"
	"slices"

	"odeon/onnx"
)

// viewKernel copies an array of the result's elements that lie regularly in the argument: Transpose, Expand and Slice.
func viewKernel[T float](c *crew[T], y, x *array[T]) kernel[T] {
	strides := rowMajor(x.shape)
	start := 0
	switch a := y.value.Attrs; y.value.Op {
	case Transpose:
		permuted := make([]int, len(strides))
		for i, p := range a.Axes {
			permuted[i] = strides[p]
		}
		strides = permuted
	case Slice:
		start = a.Start * strides[a.Axes[0]]
		strides[a.Axes[0]] *= a.Step
	default: // Expand
		for axis, n := range x.shape {
			if n == 1 {
				strides[axis] = 0
			}
		}
		strides = slices.Concat(make([]int, len(y.shape)-len(strides)), strides)
	}
	dims, strides := merged(y.shape, strides)
	return both(y.value.Type,
		func(y []T, args [][]T) { gather(c, y, args[0], start, dims, strides) },
		func(y []int64, args [][]int64) { gather(c, y, args[0], start, dims, strides) }, 1)
}

// rowMajor are the strides of an array's axes.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	stride := 1
	for axis, n := range slices.Backward(shape) {
		strides[axis] = stride
		stride *= n
	}
	return strides
}

// merged leaves out axes of size 1 and takes neighbouring axes as one where their elements follow each other. There is
// at least one axis, with at least one element if there are any.
func merged(shape, strides []int) (dims, steps []int) {
	for i, n := range shape {
		last := len(dims) - 1
		switch {
		case n == 1:
		case last >= 0 && steps[last] == n*strides[i]:
			dims[last] *= n
			steps[last] = strides[i]
		default:
			dims, steps = append(dims, n), append(steps, strides[i])
		}
	}
	if len(dims) == 0 {
		return []int{1}, []int{1}
	}
	return dims, steps
}

// tile is how many rows of a transposed matrix are copied together, so that what is fetched into the cache for one
// element serves its neighbours too.
const tile = 16

// gather copies to y, which has the given dims, elements of x from a start on.
func gather[T float, E element](c *crew[T], y, x []E, start int, dims, strides []int) {
	if len(y) == 0 {
		return
	}
	last := len(dims) - 1
	n, step := dims[last], strides[last]
	rows := len(y) / n
	if step == 1 || step == 0 || last == 0 || strides[last-1] >= step {
		c.do(rows, len(y), func(_, from, to int) {
			for r := from; r < to; r++ {
				copyRow(y[r*n:r*n+n], x[start+index(r, dims[:last], strides):], step)
			}
		})
		return
	}
	// Along the last axis but one, the argument's elements lie closer together than along the last.
	m, near := dims[last-1], strides[last-1]
	tiles := (m + tile - 1) / tile
	c.do(rows/m*tiles, len(y), func(_, from, to int) {
		for t := from; t < to; t++ {
			first := t % tiles * tile
			height := min(tile, m-first)
			block := x[start+index(t/tiles, dims[:last-1], strides)+first*near:]
			to := y[(t/tiles*m+first)*n:]
			for i := range n {
				column := block[i*step:]
				for j := range height {
					to[j*n+i] = column[j*near]
				}
			}
		}
	})
}

// copyRow copies elements that lie some steps apart.
func copyRow[E element](y, x []E, step int) {
	switch step {
	case 0:
		for i := range y {
			y[i] = x[0]
		}
	case 1:
		copy(y, x)
	default:
		for i := range y {
			y[i] = x[i*step]
		}
	}
}

// placeKernel puts arguments behind each other along an axis: Concat, and Pad with zeros before and behind.
func placeKernel[T float](y *array[T], args []*array[T]) kernel[T] {
	a := y.value.Attrs
	axis := a.Axes[0]
	outer, inner := sizeOf(y.shape[:axis]), sizeOf(y.shape[axis+1:])
	before, behind := 0, 0
	if y.value.Op == Pad {
		before, behind = a.Start*inner, a.Stop*inner
	}
	width := y.shape[axis] * inner
	parts := make([]int, len(args))
	for i, x := range args {
		parts[i] = x.shape[axis] * inner
	}
	return both(y.value.Type,
		func(y []T, args [][]T) { place(y, args, outer, width, before, behind, parts) },
		func(y []int64, args [][]int64) { place(y, args, outer, width, before, behind, parts) }, len(args))
}

// place fills the rows of y with zeros, a row of each argument, and zeros.
func place[E element](y []E, args [][]E, outer, width, before, behind int, parts []int) {
	for r := range outer {
		row := y[r*width : (r+1)*width]
		clear(row[:before])
		at := before
		for i, n := range parts {
			at += copy(row[at:], args[i][r*n:(r+1)*n])
		}
		clear(row[width-behind:])
	}
}

// gatherKernel takes rows by number.
func gatherKernel[T float](y *array[T], args []*array[T]) kernel[T] {
	x, axis := args[0], y.value.Attrs.Axes[0]
	outer, n, inner := sizeOf(x.shape[:axis]), x.shape[axis], sizeOf(x.shape[axis+1:])
	isFloat := y.value.Type == onnx.Float32
	return func(y *array[T], args []*array[T]) error {
		x, indices := args[0], args[1].ints
		if err := inRange(indices, n); err != nil {
			return err
		}
		if isFloat {
			takeRows(y.floats, x.floats, indices, outer, n, inner)
		} else {
			takeRows(y.ints, x.ints, indices, outer, n, inner)
		}
		return nil
	}
}

func takeRows[E element](y, x []E, indices []int64, outer, n, inner int) {
	for o := range outer {
		for i, k := range indices {
			copy(y[(o*len(indices)+i)*inner:][:inner], x[(o*n+int(k))*inner:][:inner])
		}
	}
}

// scatterKernel adds rows up by number.
func scatterKernel[T float](y *array[T], _ []*array[T]) kernel[T] {
	axis := y.value.Attrs.Axes[0]
	outer, n, inner := sizeOf(y.shape[:axis]), y.shape[axis], sizeOf(y.shape[axis+1:])
	isFloat := y.value.Type == onnx.Float32
	return func(y *array[T], args []*array[T]) error {
		rows, indices := args[0], args[1].ints
		if err := inRange(indices, n); err != nil {
			return err
		}
		if isFloat {
			addRows(y.floats, rows.floats, indices, outer, n, inner)
		} else {
			addRows(y.ints, rows.ints, indices, outer, n, inner)
		}
		return nil
	}
}

func addRows[E element](y, rows []E, indices []int64, outer, n, inner int) {
	clear(y)
	for o := range outer {
		for i, k := range indices {
			row := rows[(o*len(indices)+i)*inner:][:inner]
			for j, e := range y[(o*n+int(k))*inner:][:inner] {
				y[(o*n+int(k))*inner+j] = e + row[j]
			}
		}
	}
}

// inRange tells whether indices count rows of n.
func inRange(indices []int64, n int) error {
	for i, k := range indices {
		if k < 0 || k >= int64(n) {
			return fmt.Errorf("index %d at place %d of %d, where rows are numbered from 0 to %d", k, i, len(indices), n-1)
		}
	}
	return nil
}
