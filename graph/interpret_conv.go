package graph

// A geometry is a convolution of fixed sizes, with axes of size 1 in front so that there are always three.
//
// Its window's positions as a matrix, "im2col", have a row for each element of the window, channel by channel, and a
// column for each position; the convolution is the weights' product with it (Chellapilla, Puri and Simard, High
// performance convolutional neural networks for document processing, 2006).
type geometry struct {
	samples, groups  int
	inputs, outputs  int // channels in a group
	in, out, window  [3]int
	stride, dilation [3]int
	before           [3]int
	inSize, outSize  int  // elements of a channel
	rows             int  // of the matrix
	straight         bool // the matrix is x itself
	size             int  // of the matrix, 0 if it is x
}

// newGeometry is that of the convolution of x by w to y.
func newGeometry(c *ConvAttrs, x, w, y []int) *geometry {
	g := &geometry{
		samples: x[0], groups: c.Groups, inputs: x[1] / c.Groups, outputs: y[1] / c.Groups,
		in: [3]int{1, 1, 1}, out: [3]int{1, 1, 1}, window: [3]int{1, 1, 1}, stride: [3]int{1, 1, 1}, dilation: [3]int{1, 1, 1},
	}
	spare := 3 - len(c.Stride)
	copy(g.in[spare:], x[2:])
	copy(g.out[spare:], y[2:])
	copy(g.window[spare:], w[2:])
	copy(g.stride[spare:], c.Stride)
	copy(g.dilation[spare:], c.Dilation)
	copy(g.before[spare:], c.Before)
	g.inSize, g.outSize = sizeOf(g.in[:]), sizeOf(g.out[:])
	g.rows = g.inputs * sizeOf(g.window[:])
	g.straight = g.in == g.out && sizeOf(g.window[:]) == 1 && sizeOf(g.stride[:]) == 1 && g.before == [3]int{}
	if !g.straight {
		g.size = g.rows * g.outSize
	}
	return g
}

// weights is the number of a group's weights.
func (g *geometry) weights() int { return g.outputs * g.rows }

// x, y and w are a sample's and group's part of the arrays.
func (g *geometry) x(unit int) (from, to int) {
	return unit * g.inputs * g.inSize, (unit + 1) * g.inputs * g.inSize
}
func (g *geometry) y(unit int) (from, to int) {
	return unit * g.outputs * g.outSize, (unit + 1) * g.outputs * g.outSize
}
func (g *geometry) w(unit int) (from, to int) {
	group := unit % g.groups
	return group * g.weights(), (group + 1) * g.weights()
}

// walk visits the matrix in runs of the positions along the last axis: width elements from start on, of which those from
// first to last-1 are elements of x from at on, a stride apart, and the others zeros around it.
func (g *geometry) walk(visit func(start, width, first, last, at int)) {
	start, width := 0, g.out[2]
	for ch := range g.inputs {
		for kz := range g.window[0] {
			for ky := range g.window[1] {
				for kx := range g.window[2] {
					shift := kx*g.dilation[2] - g.before[2]
					first := min(width, max(0, (-shift+g.stride[2]-1)/g.stride[2]))
					last := max(first, min(width, (g.in[2]-shift+g.stride[2]-1)/g.stride[2]))
					if g.in[2] <= shift {
						last = first
					}
					for oz := range g.out[0] {
						z := oz*g.stride[0] - g.before[0] + kz*g.dilation[0]
						for oy := range g.out[1] {
							y := oy*g.stride[1] - g.before[1] + ky*g.dilation[1]
							if z < 0 || z >= g.in[0] || y < 0 || y >= g.in[1] {
								visit(start, width, 0, 0, 0)
							} else {
								row := ((ch*g.in[0]+z)*g.in[1] + y) * g.in[2]
								visit(start, width, first, last, row+first*g.stride[2]+shift)
							}
							start += width
						}
					}
				}
			}
		}
	}
}

// columns makes the matrix of x.
func columns[T float](g *geometry, matrix, x []T) []T {
	if g.straight {
		return x
	}
	stride := g.stride[2]
	g.walk(func(start, width, first, last, at int) {
		run := matrix[start : start+width]
		clear(run[:first])
		if first < last {
			copyRow(run[first:last], x[at:], stride)
		}
		clear(run[last:])
	})
	return matrix
}

// addColumns adds each element of the matrix to that of x which it was copied from.
func addColumns[T float](g *geometry, x, matrix []T) {
	stride := g.stride[2]
	g.walk(func(start, _, first, last, at int) {
		for _, e := range matrix[start+first : start+last] {
			x[at] += e
			at += stride
		}
	})
}

// convKernel is y = w columns(x), for each sample and group.
func convKernel[T float](c *crew[T], y *array[T], args []*array[T]) kernel[T] {
	g := newGeometry(y.value.Attrs.Conv, args[0].shape, args[1].shape, y.shape)
	units := g.samples * g.groups
	return func(y *array[T], args []*array[T]) error {
		x, w := args[0].floats, args[1].floats
		c.do(units, units*g.weights()*g.outSize/4, func(worker, from, to int) {
			for u := from; u < to; u++ {
				matrix := columns(g, c.scratch(worker, g.size), part(x, g.x, u))
				gemm(false, false, g.outputs, g.outSize, g.rows, part(w, g.w, u), matrix, 0, part(y.floats, g.y, u))
			}
		})
		return nil
	}
}

// convInputKernel is columns(dx) = w' dy, where elements of dx that are in several columns get their sum.
func convInputKernel[T float](c *crew[T], dx *array[T], args []*array[T]) kernel[T] {
	g := newGeometry(dx.value.Attrs.Conv, dx.shape, args[1].shape, args[0].shape)
	units := g.samples * g.groups
	return func(dx *array[T], args []*array[T]) error {
		dy, w := args[0].floats, args[1].floats
		c.do(units, units*g.weights()*g.outSize/4, func(worker, from, to int) {
			for u := from; u < to; u++ {
				to := part(dx.floats, g.x, u)
				if g.straight {
					gemm(true, false, g.rows, g.outSize, g.outputs, part(w, g.w, u), part(dy, g.y, u), 0, to)
					continue
				}
				matrix := c.scratch(worker, g.size)
				gemm(true, false, g.rows, g.outSize, g.outputs, part(w, g.w, u), part(dy, g.y, u), 0, matrix)
				clear(to)
				addColumns(g, to, matrix)
			}
		})
		return nil
	}
}

// convWeightKernel is dw = dy columns(x)', added up over the samples: by several sums, each of consecutive samples, that
// are added in order whoever computed them.
func convWeightKernel[T float](c *crew[T], dw *array[T], args []*array[T]) kernel[T] {
	g := newGeometry(dw.value.Attrs.Conv, args[0].shape, dw.shape, args[1].shape)
	size := dw.count()
	sums := min(4, g.samples)
	return func(dw *array[T], args []*array[T]) error {
		x, dy := args[0].floats, args[1].floats
		partial := c.shared(size * sums)
		clear(partial)
		c.do(sums, g.samples*g.groups*g.weights()*g.outSize/4, func(worker, from, to int) {
			for s := from; s < to; s++ {
				sum := partial[s*size : (s+1)*size]
				for u := g.samples * s / sums * g.groups; u < g.samples*(s+1)/sums*g.groups; u++ {
					matrix := columns(g, c.scratch(worker, g.size), part(x, g.x, u))
					gemm(false, true, g.outputs, g.rows, g.outSize, part(dy, g.y, u), matrix, 1, part(sum, g.w, u))
				}
			}
		})
		clear(dw.floats)
		for s := range sums {
			for i, e := range partial[s*size : (s+1)*size] {
				dw.floats[i] += e
			}
		}
		return nil
	}
}

// part is that of a sample and group.
func part[T float](all []T, of func(unit int) (from, to int), unit int) []T {
	from, to := of(unit)
	return all[from:to]
}
