package graph

import "slices"

// subpixel is the same graph with cheaper convolutions of enlarged pictures. A Conv with kernel k of x repeated s times along each axis
// adds up the same element of x several times, with different weights; it is what a transposed convolution of x itself
// is, of stride s and kernel k + s - 1, whose weights are those sums:
//
//	w'_m = sum of w_j over 0 <= m - (k-1-j) < s
//
// For k = 3 and s = 2 that takes 16 products for an element of x and not 36. (Shi et al., "Is the deconvolution layer the same
// as a convolutional layer?", https://arxiv.org/abs/1609.07009, read backwards.) Both gradients are such, too.
func subpixel(g *Graph) *Graph {
	return tidy(rebuild(g, cheaper))
}

// cheaper is what subpixel makes of a value.
func cheaper(g *Graph, v *Value, now map[*Value]*Value) *Value {
	switch v.Op {
	case Conv:
		if x, scale := enlarged(v.Args[0]); x != nil && v.Attrs.Conv.simple(v.Args[1].Shape[2:]) {
			w := widening{v.Args[1].Shape, scale}
			return g.ConvInput(now[x], w.widen(g, now[v.Args[1]]), w.attrs(v.Attrs.Conv), v.Shape)
		}
	case ConvWeight:
		if x, scale := enlarged(v.Args[0]); x != nil && v.Attrs.Conv.simple(v.Shape[2:]) {
			w := widening{v.Shape, scale}
			return w.narrow(g, g.ConvWeight(now[v.Args[1]], now[x], w.attrs(v.Attrs.Conv), w.shape()))
		}
	case Reshape: // of the sums over the copies of an element
		if d, scale := reduced(v); d != nil && d.Op == ConvInput && d.Attrs.Conv.simple(d.Args[1].Shape[2:]) {
			w := widening{d.Args[1].Shape, scale}
			return g.Conv(now[d.Args[0]], w.widen(g, now[d.Args[1]]), w.attrs(d.Attrs.Conv))
		}
	}
	return g.add(v.of(now))
}

// simple tells whether a window moves over every place and is one piece, and pads less than its width.
func (c *ConvAttrs) simple(kernel Shape) bool {
	for k := range c.Stride {
		if c.Stride[k] != 1 || c.Dilation[k] != 1 || c.Before[k] >= kernel[k] || c.After[k] >= kernel[k] {
			return false
		}
	}
	return c.Groups == 1
}

// enlarged is the x, [n, c, space], of which v is each element scale times along every axis of space; nil where it is no such.
func enlarged(v *Value) (x *Value, scale []int) {
	if v.Op != Reshape || v.Args[0].Op != Expand || v.Args[0].Args[0].Op != Reshape {
		return nil, nil
	}
	wide, apart := v.Args[0], v.Args[0].Args[0]
	x = apart.Args[0]
	scale = factors(x.Shape, wide.Shape, v.Shape)
	if len(scale) == 0 || !slices.Equal(apart.Shape, spaced(x.Shape)) {
		return nil, nil
	}
	return x, scale
}

// reduced is the x of which v, [n, c, space], has each sum of scale elements along every axis of space; nil where it is no such.
func reduced(v *Value) (x *Value, scale []int) {
	if v.Op != Reshape || v.Args[0].Op != Sum {
		return nil, nil
	}
	sum := v.Args[0]
	for sum.Op == Sum && sum.Attrs.Keep {
		sum = sum.Args[0]
	}
	if sum.Op != Reshape || !slices.Equal(v.Args[0].Shape, spaced(v.Shape)) {
		return nil, nil
	}
	x = sum.Args[0]
	scale = factors(v.Shape, sum.Shape, x.Shape)
	if len(scale) == 0 {
		return nil, nil
	}
	return x, scale
}

// spaced is the shape [n, c, h, 1, w, 1] of [n, c, h, w].
func spaced(low Shape) Shape {
	if len(low) < 2 {
		return nil
	}
	s := slices.Clone(low[:2])
	for _, n := range low[2:] {
		s = append(s, n, 1)
	}
	return s
}

// factors are the factors by which low, [n, c, h, w], [n, c, h, sh, w, sw] and high, [n, c, h sh, w sw], differ; nil where they differ in
// another way.
func factors(low, apart, high Shape) []int {
	if len(low) < 3 || len(apart) != 2*len(low)-2 || len(high) != len(low) || !slices.Equal(low[:2], apart[:2]) || !slices.Equal(low[:2], high[:2]) {
		return nil
	}
	var scale []int
	for k, n := range low[2:] {
		s := apart[3+2*k]
		if apart[2+2*k] != n || high[2+k] != n*s {
			return nil
		}
		scale = append(scale, s)
	}
	return scale
}

// A widening is of weights [o, i, kernel] for pictures enlarged by scale.
type widening struct {
	weights Shape
	scale   []int
}

// shape is that of the wide weights, [i, o, kernel + scale - 1].
func (w widening) shape() Shape {
	s := Shape{w.weights[1], w.weights[0]}
	for k, n := range w.weights[2:] {
		s = append(s, n+w.scale[k]-1)
	}
	return s
}

// attrs are those of the transposed convolution in place of c.
func (w widening) attrs(c *ConvAttrs) ConvAttrs {
	a := ConvAttrs{Stride: w.scale, Dilation: c.Dilation, Groups: 1}
	for k, n := range w.weights[2:] {
		a.Before, a.After = append(a.Before, n-1-c.Before[k]), append(a.After, n-1-c.After[k])
	}
	return a
}

// matrix has a row for each weight of a kernel, a column for each wide one.
func (w widening) matrix(g *Graph) *Value {
	m := [][]float64{{1}}
	for k, n := range w.weights[2:] { // the product of all axes' matrices
		s := w.scale[k]
		var next [][]float64
		for _, row := range m {
			for j := range n {
				var list []float64
				for _, c := range row {
					for i := range n + s - 1 {
						if t := i - (n - 1 - j); t >= 0 && t < s {
							list = append(list, c)
						} else {
							list = append(list, 0)
						}
					}
				}
				next = append(next, list)
			}
		}
		m = next
	}
	return g.Constant(slices.Concat(m...), Shape{len(m), len(m[0])})
}

// widen makes wide weights.
func (w widening) widen(g *Graph, weights *Value) *Value {
	m := w.matrix(g)
	s := w.shape()
	wide := g.MatMul(g.Reshape(weights, s[0]*s[1], m.Shape[0]), m)
	wide = g.Reshape(wide, slices.Concat(Shape{s[1], s[0]}, s[2:])...)
	return g.Transpose(wide, swap(len(s), 0, 1)...)
}

// narrow makes the gradient by the weights from that by the wide ones.
func (w widening) narrow(g *Graph, wide *Value) *Value {
	m := w.matrix(g)
	d := g.Reshape(g.Transpose(wide, swap(len(wide.Shape), 0, 1)...), wide.Shape[0]*wide.Shape[1], m.Shape[1])
	return g.Reshape(g.MatMulT(d, m, false, true), w.weights...)
}
