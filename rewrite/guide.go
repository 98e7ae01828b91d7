package rewrite

import (
	"fmt"

	"odeon/onnx"
	"odeon/sampler"
)

// guidable says which guidance a graph cannot do.
func guidable(g sampler.Guidance, plan *sampler.Plan) error {
	if f, ok := g.Form.(sampler.Perpendicular); ok && f.Momentum != 0 {
		return fmt.Errorf("guidance by %s: a compiled file keeps no momentum; leave it out, --guidance-form 'apg(%g,%g)', or sample without compiling", f, f.Eta, f.Norm)
	}
	return g.Check(plan)
}

// steering are the numbers of guidance in the rows of a table.
type steering struct {
	halves         column // 2 where both are evaluated
	silent         column // 1 where the field is zero, and nothing is evaluated
	back           column // then the prediction is so many times the state
	weight, excess column // w and w - 1, where it is a formula
	toX, toP       column // of the form's functional
	own            column // toX/toP
}

// read adds a row.
func (s *steering) read(g sampler.Guidance, row *sampler.Row) {
	halves, back, w, toX, toP := 1.0, 0.0, 1.0, 0.0, 1.0
	silent := row.Call && g.Silent(row.Step)
	switch {
	case silent:
		c, _ := g.Steer(row.At(0, 1)) // it exists: the plan was checked
		back = c.X
	case g.Applies(row.T):
		halves, w = 2, g.At(row.T)
		if g.Form != nil && row.Call {
			c, _ := g.Steer(row.At(0, 1))
			toX, toP = c.X, c.P
		}
	}
	for _, cell := range []struct {
		column *column
		value  float64
	}{
		{&s.halves, halves}, {&s.silent, truth(silent)}, {&s.back, back},
		{&s.weight, w}, {&s.excess, float64(float32(w) - 1)}, {&s.toX, toX}, {&s.toP, toP}, {&s.own, toX / toP},
	} {
		cell.column.values = append(cell.column.values, cell.value)
	}
}

// factors are the columns that something is multiplied by, as far as this guidance uses them.
func (s *steering) factors(g sampler.Guidance) []*column {
	used := []*column{&s.back}
	weight := &s.weight
	switch g.Form.(type) {
	case sampler.ZeroStar:
		used, weight = append(used, &s.toX, &s.toP, &s.own), &s.excess
	case sampler.Perpendicular:
		used, weight = append(used, &s.toX, &s.toP), &s.excess
	}
	if g.Formula != nil {
		used = append(used, weight)
	}
	return used
}

// guided writes the prediction under guidance where the row is guided, else the conditional half alone, and a field of zero without a call of
// the network where it is silent. In a loop of which only some rows are guided, it is a matter of sizes: the batch has one half or
// two, and the last of one half is also its first, so that the formulas leave it as it is.
func (c *compiler) guided(g *onnx.Graph, t *table, x onnx.Ref) (onnx.Ref, error) {
	switch {
	case t.silent.is(0):
		return c.steered(g, t, x)
	case t.silent.is(1):
		return multiple(g, &t.back, x), nil
	}
	zero, field := g.Subgraph("silent"), g.Subgraph("not silent")
	zero.Output(g.Unused("silent"), multiple(zero, &t.back, x), onnx.Float32, c.shape...)
	p, err := c.steered(field, t, x)
	if err != nil {
		return onnx.None, err
	}
	field.Output(g.Unused("field"), p, onnx.Float32, c.shape...)
	return g.Node("If", as(g, t.silent.ref, onnx.Bool), onnx.Body("then_branch", zero), onnx.Body("else_branch", field)), nil
}

// multiple is the column's number times x, which may be zero.
func multiple(g *onnx.Graph, c *column, x onnx.Ref) onnx.Ref {
	if p := sum(g, term{c, x}); p != onnx.None {
		return p
	}
	return g.Node("ConstantOfShape", g.Node("Shape", x))
}

func (c *compiler) steered(g *onnx.Graph, t *table, x onnx.Ref) (onnx.Ref, error) {
	if c.halving == unguided || t.halves.is(1) {
		return c.alone(g, t, x)
	}
	cond, uncond, err := c.both(g, t, x)
	if err != nil {
		return onnx.None, err
	}
	if c.guidance.Form == nil && c.guidance.Rescale == 0 {
		return g.Node("Add", uncond, c.weighted(g, t, g.Node("Sub", cond, uncond), &t.weight)), nil
	}
	w := c.rowwise(g)
	var p onnx.Ref
	switch form := c.guidance.Form.(type) {
	case sampler.ZeroStar:
		p = g.Node("Add", cond, c.weighted(g, t, zeroStar(w, t, cond, uncond, x), &t.excess))
	case sampler.Perpendicular:
		p = g.Node("Add", cond, c.weighted(g, t, perpendicular(w, t, form, cond, uncond, x), &t.excess))
	default:
		p = g.Node("Add", uncond, c.weighted(g, t, g.Node("Sub", cond, uncond), &t.weight))
	}
	if phi := c.guidance.Rescale; phi != 0 {
		ratio := w.quotient(w.deviation(cond), w.deviation(p), 1)
		p = g.Node("Mul", p, w.narrow(g.Node("Add", g.Node("Mul", ratio, w.number(phi)), w.number(1-phi))))
	}
	return p, nil
}

// alone evaluates the network by itself, or its conditional half.
func (c *compiler) alone(g *onnx.Graph, t *table, x onnx.Ref) (onnx.Ref, error) {
	return c.evaluate(g, t, t.scale.times(g, x), c.n, func(cond condition) onnx.Ref { return cond.cond })
}

// both evaluates the halves of guidance.
func (c *compiler) both(g *onnx.Graph, t *table, x onnx.Ref) (cond, uncond onnx.Ref, err error) {
	switch c.halving {
	case together:
		return c.together(g, t, t.scale.times(g, x))
	case apart:
		return c.apart(g, t, t.scale.times(g, x))
	}
	if cond, err = c.alone(g, t, x); err != nil {
		return onnx.None, onnx.None, err
	}
	if t.halves.is(2) {
		uncond, err = c.weaker(g, t, x)
		return cond, uncond, err
	}
	one, two := g.Subgraph("unguided"), g.Subgraph("guided")
	if uncond, err = c.weaker(two, t, x); err != nil {
		return onnx.None, onnx.None, err
	}
	two.Output(g.Unused("weaker"), uncond, onnx.Float32, c.shape...)
	one.Output(g.Unused("same"), one.Node("Identity", cond), onnx.Float32, c.shape...)
	guided := g.Node("Greater", t.halves.ref, g.Const("", onnx.Vector[float32](1)))
	return cond, g.Node("If", guided, onnx.Body("then_branch", two), onnx.Body("else_branch", one)), nil
}

// weighted is w d or, of the column of excesses, (w - 1) d; w is the file's input or the row's number.
func (c *compiler) weighted(g *onnx.Graph, t *table, d onnx.Ref, column *column) onnx.Ref {
	switch {
	case c.guidance.Formula != nil:
		return multiple(g, column, d)
	case column == &t.excess:
		return g.Node("Mul", g.Node("Sub", c.weight, g.Const("", onnx.Scalar[float32](1))), d)
	}
	return g.Node("Mul", c.weight, d)
}

// zeroStar is c - s u, as [sampler.ZeroStar] has it.
func zeroStar(w rowwise, t *table, cond, uncond, x onnx.Ref) onnx.Ref {
	g := w.Graph
	fc, fu := w.wide(sum(g, term{&t.toX, x}, term{&t.toP, cond})), w.wide(sum(g, term{&t.toX, x}, term{&t.toP, uncond}))
	s := w.quotient(w.dot(fc, fu), w.dot(fu, fu), 0)
	d := g.Node("Sub", cond, g.Node("Mul", w.narrow(s), uncond))
	if t.own.is(0) {
		return d
	}
	rest := w.narrow(g.Node("Sub", w.number(1), s))
	return g.Node("Add", d, g.Node("Mul", rest, t.own.times(g, x)))
}

// perpendicular is the direction of [sampler.Perpendicular].
func perpendicular(w rowwise, t *table, form sampler.Perpendicular, cond, uncond, x onnx.Ref) onnx.Ref {
	g := w.Graph
	d, z := g.Node("Sub", cond, uncond), sum(g, term{&t.toX, x}, term{&t.toP, cond})
	wide, data := w.wide(d), w.wide(z)
	along := g.Node("Mul", w.quotient(w.dot(wide, data), w.dot(data, data), 0), w.number(1-form.Eta))
	out := g.Node("Sub", d, g.Node("Mul", w.narrow(along), z))
	if form.Norm == 0 {
		return out
	}
	length := g.Node("Mul", g.Node("Sqrt", w.dot(wide, wide)), w.wide(g.Node("Abs", multiple(g, &t.toP, g.Const("", onnx.Vector[float32](1))))))
	return g.Node("Mul", w.narrow(g.Node("Min", w.number(1), w.quotient(w.number(form.Norm), length, 1))), out)
}

// rowwise writes sums over each sample, in float64 as the walk takes them.
type rowwise struct {
	*onnx.Graph
	axes onnx.Ref
	dim  int // numbers of a sample
}

func (c *compiler) rowwise(g *onnx.Graph) rowwise {
	var axes []int64
	for i := range c.r.Shape {
		axes = append(axes, int64(i)+1)
	}
	return rowwise{g, integers(g, axes...), elements(c.r.Shape)}
}

func (w rowwise) wide(v onnx.Ref) onnx.Ref   { return as(w.Graph, v, onnx.Float64) }
func (w rowwise) narrow(v onnx.Ref) onnx.Ref { return as(w.Graph, v, onnx.Float32) }

func (w rowwise) number(v float64) onnx.Ref { return w.Const("", onnx.Scalar(v)) }

func (w rowwise) dot(a, b onnx.Ref) onnx.Ref { return w.Node("ReduceSum", w.Node("Mul", a, b), w.axes) }

// quotient is a/b, or the number instead where b is zero.
func (w rowwise) quotient(a, b onnx.Ref, instead float64) onnx.Ref {
	return w.Node("Where", w.Node("Equal", b, w.number(0)), w.number(instead), w.Node("Div", a, b))
}

// deviation is the unbiased standard deviation.
func (w rowwise) deviation(p onnx.Ref) onnx.Ref {
	wide := w.wide(p)
	mean := w.Node("Div", w.Node("ReduceSum", wide, w.axes), w.number(float64(w.dim)))
	from := w.Node("Sub", wide, mean)
	return w.Node("Sqrt", w.Node("Div", w.dot(from, from), w.number(float64(w.dim-1))))
}
