package mixtures

import "odeon/onnx"

// pointsGraph writes the velocity of points in the plane. The squared distances |x - alpha z_i|^2 are sums over differences:
// expanding them into scalar products would lose the digits that matter where beta is small.
func pointsGraph(g *onnx.Graph, m Model) {
	n, two, count := onnx.Free("n"), onnx.Fixed(2), int64(len(m.Means))
	x := g.Input("x", onnx.Float32, n, two)
	t := g.Input("t", onnx.Float32, n)
	z := g.Const("z", onnx.Array(flat(m.Means), count, 2))

	p := newPath(g, t)
	xs := g.Nodes("Split", 2, x, onnx.Int("axis", 1))
	zs := g.Nodes("Split", 2, g.Node("Transpose", z), onnx.Int("axis", 0))
	var squares [2]onnx.Ref
	for k := range squares {
		difference := g.Node("Sub", xs[k], g.Node("Mul", p.alpha, zs[k]))
		squares[k] = g.Node("Mul", difference, difference)
	}
	distance := g.Node("Add", squares[0], squares[1], onnx.As("distance"))
	minusTwo := g.Const("minus_two", onnx.Scalar[float32](-2))
	logits := g.Node("Div", distance, g.Node("Mul", p.variance, minusTwo))

	g.Output("velocity", p.velocity(g, x, z, logits, "velocity"), onnx.Float32, n, two)
}

// glyphsGraph writes the velocity of pictures with classes. All components are as far from the origin, since every pixel of
// theirs is 1 or -1: what their distances to x differ by is the scalar product alone. A label of -1 is no label.
func glyphsGraph(g *onnx.Graph, m Model) {
	n := onnx.Free("n")
	shape := []onnx.Dim{n, onnx.Fixed(1), onnx.Fixed(side), onnx.Fixed(side)}
	x := g.Input("x", onnx.Float32, shape...)
	t := g.Input("t", onnx.Float32, n)
	label := g.Input("label", onnx.Int64, n)

	p := newPath(g, t)
	z := shiftedGlyphs(g, m)
	state := g.Node("Flatten", x, onnx.Int("axis", 1))
	product := g.Node("MatMul", state, g.Node("Transpose", z))
	logits := g.Node("Div", g.Node("Mul", p.alpha, product), p.variance)

	class := make([]int64, len(m.Means))
	for i := range class {
		class[i] = int64(i % len(m.Classes))
	}
	wanted := column(g, label, "wanted")
	none := g.Node("Less", wanted, g.Const("zero", onnx.Scalar[int64](0)))
	allowed := g.Node("Or", none, g.Node("Equal", wanted, g.Const("class", onnx.Array(class, 1, int64(len(class))))))
	logits = g.Node("Where", allowed, logits, g.Const("never", onnx.Scalar[float32](-1e30)))

	u := p.velocity(g, state, z, logits, "flat_velocity")
	g.Output("velocity", g.Node("Reshape", u, g.Node("Shape", x), onnx.As("velocity")), onnx.Float32, shape...)
}

// shiftedGlyphs writes the components of all places from the drawings at the first one: [places * glyphs, pixels].
func shiftedGlyphs(g *onnx.Graph, m Model) onnx.Ref {
	drawings := flat(m.Means[:len(m.Classes)])
	ink := make([]int8, len(drawings))
	for i, v := range drawings {
		ink[i] = int8(v)
	}
	z := g.Const("glyphs", onnx.Array(ink, int64(len(m.Classes)), side, side))
	z = g.Node("Cast", z, onnx.Int("to", int64(onnx.Float32)))
	z = g.Node("Pad", z, g.Const("border", onnx.Vector[int64](0, 1, 1, 0, 1, 1)), g.Const("ground", onnx.Scalar[float32](-1)))
	axes := g.Const("axes", onnx.Vector[int64](1, 2))
	var places []onnx.Argument
	for _, by := range shifts {
		down, right := int64(by[0]), int64(by[1])
		from := g.Const("", onnx.Vector(1-down, 1-right))
		to := g.Const("", onnx.Vector(1-down+side, 1-right+side))
		places = append(places, g.Node("Slice", z, from, to, axes))
	}
	z = g.Node("Concat", append(places, onnx.Int("axis", 0))...)
	return g.Node("Flatten", z, onnx.Int("axis", 1), onnx.As("z"))
}

// path is the straight path at the times of a batch, each value [n, 1].
type path struct {
	alpha, beta onnx.Ref
	spread      onnx.Ref // alpha s^2
	variance    onnx.Ref // beta^2 + alpha^2 s^2
}

func newPath(g *onnx.Graph, t onnx.Ref) path {
	alpha := column(g, t, "alpha")
	beta := g.Node("Sub", g.Const("one", onnx.Scalar[float32](1)), alpha, onnx.As("beta"))
	spread := g.Node("Mul", alpha, g.Const("s2", onnx.Scalar[float32](Std*Std)))
	variance := g.Node("Add", g.Node("Mul", beta, beta), g.Node("Mul", alpha, spread), onnx.As("variance"))
	return path{alpha, beta, spread, variance}
}

// velocity writes u = m + (alpha s^2 - beta)/v (x - alpha m) for x [n, d], components z [N, d] and logits [n, N].
func (p path) velocity(g *onnx.Graph, x, z, logits onnx.Ref, name string) onnx.Ref {
	r := g.Node("Softmax", logits, onnx.Int("axis", -1), onnx.As("responsibility"))
	mean := g.Node("MatMul", r, z, onnx.As("mean"))
	rest := g.Node("Sub", x, g.Node("Mul", p.alpha, mean))
	factor := g.Node("Div", g.Node("Sub", p.spread, p.beta), p.variance)
	return g.Node("Add", mean, g.Node("Mul", factor, rest), onnx.As(name))
}

// column turns [n] into [n, 1].
func column(g *onnx.Graph, v onnx.Ref, name string) onnx.Ref {
	return g.Node("Unsqueeze", v, g.Const("", onnx.Vector[int64](1)), onnx.As(name))
}

// flat is the means row by row.
func flat(rows [][]float64) []float32 {
	var out []float32
	for _, row := range rows {
		for _, v := range row {
			out = append(out, float32(v))
		}
	}
	return out
}
