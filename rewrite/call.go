package rewrite

import (
	"fmt"
	"slices"

	"odeon/models"
	"odeon/onnx"
)

// condition is an input of the network that does not change along the walk: the class, or a further input.
type condition struct {
	port         models.Port
	cond, uncond onnx.Ref // for all samples; the same value where the halves of guidance do not differ
	both         onnx.Ref // where guidance is used: of a batched port the rows of both halves, else the halves behind each other, [2, ...]
}

// How the halves of guidance are evaluated.
type halving int

const (
	unguided halving = iota // only the conditional one is
	together                // as one batch of twice the size
	apart                   // in a loop over the halves
	led                     // the other half is a weaker network's
)

// mostTogether is the largest state of one sample, in numbers, whose halves are one batch. It is the rule of [models.Network], 32 MB
// a call, for calls of sixteen samples.
const mostTogether = 1 << 19

func (c *compiler) halvingOf() halving {
	apartOnly := c.r.Batch > 0 || elements(c.r.Shape) > mostTogether
	guided := false
	for i := range c.plan.Rows {
		row := &c.plan.Rows[i]
		guided = guided || c.guidance.Evaluations(row) == 2
	}
	for _, e := range c.r.Extras {
		apartOnly = apartOnly || e.Null != nil && !e.Port.Batched
	}
	switch {
	case !guided:
		return unguided
	case c.r.Guide != nil:
		return led
	case apartOnly:
		return apart
	}
	return together
}

// predict writes what the row's rows are written in: the network's prediction under guidance and, where the plan clips, the
// clipped data prediction made of it; and where it has a functional, that. Given is the prediction before.
func (c *compiler) predict(g *onnx.Graph, t *table, x onnx.Ref) (made, given onnx.Ref, err error) {
	given, err = c.guided(g, t, x)
	if err != nil {
		return onnx.None, onnx.None, err
	}
	made = c.clipped(g, t, x, given)
	if c.plan.Functional != "" {
		made = sum(g, term{&t.fx, x}, term{&t.fp, made})
	}
	return made, given, nil
}

func (c *compiler) clipped(g *onnx.Graph, t *table, x, p onnx.Ref) onnx.Ref {
	if c.plan.Clip == nil && c.plan.Threshold == nil {
		return p
	}
	z := sum(g, term{&t.dataX, x}, term{&t.dataP, p})
	var bounded onnx.Ref
	if c.plan.Threshold != nil {
		bounded = c.thresholded(g, z)
	} else {
		lo, hi := g.Const("", onnx.Scalar(float32(c.plan.Clip[0]))), g.Const("", onnx.Scalar(float32(c.plan.Clip[1])))
		bounded = g.Node("Clip", z, lo, hi)
	}
	// z-z is 0, or not a number where z is not finite: such a z does not pass for a clipped one.
	return g.Node("Add", bounded, g.Node("Sub", z, z))
}

// thresholded writes [sampler.Threshold]: the quantile of |z| lies between two of the largest values, in falling order.
func (c *compiler) thresholded(g *onnx.Graph, z onnx.Ref) onnx.Ref {
	scalar := func(x float64) onnx.Ref { return g.Const("", onnx.Scalar(float32(x))) }
	dim := elements(c.r.Shape)
	flat := g.Node("Reshape", z, integers(g, -1, int64(dim)))
	at := c.plan.Threshold.Ratio * float64(dim-1)
	below := min(int(at), dim-1)
	largest := g.Nodes("TopK", 2, g.Node("Abs", flat), integers(g, int64(dim-below)), onnx.Int("axis", 1))[0]
	value := func(number int) onnx.Ref {
		return g.Node("Gather", largest, integers(g, int64(number)), onnx.Int("axis", 1))
	}
	s := value(dim - below - 1)
	if below < dim-1 {
		s = g.Node("Add", s, g.Node("Mul", scalar(at-float64(below)), g.Node("Sub", value(dim-below-2), s)))
	}
	if s = g.Node("Max", s, scalar(1)); c.plan.Threshold.Max != 0 {
		s = g.Node("Min", s, scalar(c.plan.Threshold.Max))
	}
	bounded := g.Node("Div", g.Node("Min", g.Node("Max", flat, g.Node("Neg", s)), s), s)
	return g.Node("Reshape", bounded, integers(g, append([]int64{-1}, sizes(c.r.Shape)...)...))
}

// doubled writes the sizes of a batch of both halves, once.
func (c *compiler) doubled() {
	if c.twice == onnx.None {
		c.twice = c.g.Node("Mul", c.n, integers(c.g, 2))
		c.halves = c.g.Node("Concat", c.n, c.n, onnx.Int("axis", 0))
	}
}

// together evaluates the halves as one batch, the conditional one first.
func (c *compiler) together(g *onnx.Graph, t *table, x onnx.Ref) (cond, uncond onnx.Ref, err error) {
	if t.halves.is(2) {
		c.doubled()
		p, err := c.evaluate(g, t, g.Node("Concat", x, x, onnx.Int("axis", 0)), c.twice, func(cond condition) onnx.Ref { return cond.both })
		if err != nil {
			return onnx.None, onnx.None, err
		}
		parts := g.Nodes("Split", 2, p, c.halves, onnx.Int("axis", 0))
		return parts[0], parts[1], nil
	}
	halves := as(g, t.halves.ref, onnx.Int64)
	rows := g.Node("Mul", c.n, halves)
	tiles := halves
	if rank := len(c.shape); rank > 1 {
		ones := make([]int64, rank-1)
		for i := range ones {
			ones[i] = 1
		}
		tiles = g.Node("Concat", halves, integers(g, ones...), onnx.Int("axis", 0))
	}
	zero := integers(g, 0)
	p, err := c.evaluate(g, t, g.Node("Tile", x, tiles), rows, func(cond condition) onnx.Ref {
		if !cond.port.Batched {
			return cond.cond
		}
		return g.Node("Slice", cond.both, zero, rows, zero)
	})
	if err != nil {
		return onnx.None, onnx.None, err
	}
	return g.Node("Slice", p, zero, c.n, zero), g.Node("Slice", p, g.Node("Sub", rows, c.n), rows, zero), nil
}

// apart evaluates one half after the other, for networks that take one size of batch or have inputs that belong to no sample.
func (c *compiler) apart(g *onnx.Graph, t *table, x onnx.Ref) (cond, uncond onnx.Ref, err error) {
	count := g.Const("", onnx.Scalar(int64(2)))
	if !t.halves.is(2) {
		count = g.Node("Squeeze", as(g, t.halves.ref, onnx.Int64), integers(g, 0))
	}
	body := g.Subgraph("half")
	half := body.Input(g.Unused("half"), onnx.Int64)
	going := body.Input(g.Unused("halving"), onnx.Bool)
	p, err := c.evaluate(body, t, x, c.n, func(cond condition) onnx.Ref {
		if cond.both == onnx.None {
			return cond.cond
		}
		return body.Node("Gather", cond.both, half)
	})
	if err != nil {
		return onnx.None, onnx.None, err
	}
	body.Output(g.Unused("halve_on"), going, onnx.Bool)
	body.Output(g.Unused("half_prediction"), p, onnx.Float32, c.shape...)
	parts := g.Node("Loop", count, onnx.None, onnx.Body("body", body))
	first, last := g.Const("", onnx.Scalar(int64(0))), g.Const("", onnx.Scalar(int64(-1)))
	return g.Node("Gather", parts, first), g.Node("Gather", parts, last), nil
}

// evaluate writes a call of the network: x, [rows, ...] of float32, becomes a prediction of that shape and type.
func (c *compiler) evaluate(g *onnx.Graph, t *table, x, rows onnx.Ref, value func(condition) onnx.Ref) (onnx.Ref, error) {
	r := c.r
	feeds := map[string]onnx.Ref{r.State.Name: cast(g, x, onnx.Float32, r.State.Type)}
	if !r.State.Batched {
		feeds[r.State.Name] = g.Node("Reshape", feeds[r.State.Name], integers(g, sizes(r.Shape)...))
	}
	if r.Clock != nil {
		feeds[r.Clock.Name] = c.time(g, t, rows)
	}
	for _, cond := range c.conditions {
		feeds[cond.port.Name] = value(cond)
	}
	c.copies++
	outputs, err := g.Embed(c.network, fmt.Sprintf("%s_%d/", c.name, c.copies), feeds)
	if err != nil {
		return onnx.None, err
	}
	p := cast(g, outputs[r.Output.Name], r.Output.Type, onnx.Float32)
	if s := r.Slice; s != nil {
		lead := int64(1)
		if r.Output.Batched {
			lead = 0
		}
		p = sliced(g, p, lead, s)
	}
	if r.Slice != nil || !r.Output.Batched || !slices.Equal(r.Output.Row, r.Shape) {
		p = g.Node("Reshape", p, integers(g, append([]int64{-1}, sizes(r.Shape)...)...))
	}
	return p, nil
}

// sliced is the part of an output that is the prediction, [lead, outer, part, inner]; a lead of 0 is as many as there are.
func sliced(g *onnx.Graph, p onnx.Ref, lead int64, s *models.Slice) onnx.Ref {
	blocks := g.Node("Reshape", p, integers(g, lead, int64(s.Outer), -1, int64(s.Inner)))
	return g.Node("Slice", blocks, integers(g, int64(s.From)), integers(g, int64(s.To)), integers(g, 2))
}

// time is the row's number for the network's time input, in that input's type and shape.
func (c *compiler) time(g *onnx.Graph, t *table, rows onnx.Ref) onnx.Ref {
	from := onnx.Float32
	if t.wide {
		from = onnx.Float64
	}
	clock := c.r.Clock
	v := cast(g, t.input.ref, from, clock.Type)
	if !clock.Batched {
		return g.Node("Reshape", v, integers(g, sizes(clock.Row)...))
	}
	shape := rows
	if row := sizes(clock.Row); len(row) > 0 {
		outside := g
		if rows == c.n || rows == c.twice {
			outside = c.g // one shape for all rows
		}
		shape = outside.Node("Concat", rows, integers(outside, row...), onnx.Int("axis", 0))
	}
	return g.Node("Expand", v, shape)
}

// conditioned writes the values of the class and of the further inputs, for all samples, before the walk begins; those of a weaker network
// too.
func (c *compiler) conditioned() error {
	r, g := c.r, c.g
	if r.Label != nil {
		cond := condition{port: *r.Label, cond: c.encoded(c.label)}
		if c.halving == together || c.halving == apart {
			other := int64(-1)
			if r.Negative != nil && *r.Negative != models.NullLabel {
				other = int64(*r.Negative)
			}
			if other >= 0 || r.Labels.Null != nil {
				cond.uncond = c.encoded(g.Node("Expand", integers(g, other), c.n))
			}
		}
		c.conditions = append(c.conditions, cond)
	}
	for _, e := range r.Extras {
		if e.Rows > 1 {
			return fmt.Errorf("%s: input %q is given %d rows, and a compiled file holds one value for all samples; give one row, or compile a file for each", r.Model.Path(), e.Port.Name, e.Rows)
		}
		cond := condition{port: e.Port, cond: c.repeated(e.Port, e.Value)}
		if c.halving != led && c.halving != unguided && e.Null != nil {
			cond.uncond = c.repeated(e.Port, *e.Null)
		}
		c.conditions = append(c.conditions, cond)
	}
	for i := range c.conditions {
		cond := &c.conditions[i]
		switch {
		case c.halving == together && !cond.port.Batched:
			cond.both = cond.cond
		case c.halving == together && cond.uncond == onnx.None:
			cond.both = g.Node("Concat", cond.cond, cond.cond, onnx.Int("axis", 0))
		case c.halving == together:
			cond.both = g.Node("Concat", cond.cond, cond.uncond, onnx.Int("axis", 0))
		case cond.uncond != onnx.None:
			first := integers(g, 0)
			cond.both = g.Node("Concat", g.Node("Unsqueeze", cond.cond, first), g.Node("Unsqueeze", cond.uncond, first), onnx.Int("axis", 0))
		}
	}
	return c.open(c.r.Guide)
}

// encoded writes classes, [n] of int64, as the network takes them. One below 0 stands for no class: what the card says of it, or
// zeros in a one-hot row.
func (c *compiler) encoded(label onnx.Ref) onnx.Ref {
	g, labels, port := c.g, c.r.Labels, c.r.Label
	if null := labels.Null; null != nil && !null.Zeros {
		below := g.Node("Less", label, integers(g, 0))
		label = g.Node("Where", below, integers(g, int64(null.Index)), label)
	}
	if labels.Encoding == models.OneHot {
		places := make([]int64, elements(port.Row))
		for i := range places {
			places[i] = int64(i)
		}
		label = g.Node("Equal", g.Node("Unsqueeze", label, integers(g, 1)), integers(g, places...))
		label = as(g, label, port.Type)
	} else {
		label = cast(g, label, onnx.Int64, port.Type)
	}
	shape := sizes(port.Row)
	if port.Batched {
		if len(shape) == 0 || labels.Encoding == models.OneHot && len(shape) == 1 {
			return label
		}
		shape = append([]int64{-1}, shape...)
	}
	return g.Node("Reshape", label, integers(g, shape...))
}

// repeated writes one value for all samples.
func (c *compiler) repeated(port models.Port, a models.Array) onnx.Ref {
	g := c.g
	shape := sizes(port.Row)
	data := a.Data
	if len(data) == 1 {
		full := make([]float64, elements(port.Row))
		for i := range full {
			full[i] = data[0]
		}
		data = full
	}
	if port.Batched {
		shape = append([]int64{1}, shape...)
	}
	v := onnx.None
	if port.Type == onnx.Float32 || port.Type == onnx.Float16 {
		narrow := make([]float32, len(data))
		for i := range narrow {
			narrow[i] = float32(data[i])
		}
		v = cast(g, g.Const("", onnx.Array(narrow, shape...)), onnx.Float32, port.Type)
	} else {
		v = cast(g, g.Const("", onnx.Array(data, shape...)), onnx.Float64, port.Type)
	}
	if !port.Batched {
		return v
	}
	return g.Node("Expand", v, g.Node("Concat", c.n, integers(g, shape[1:]...), onnx.Int("axis", 0)))
}

// cast changes the type of a value where it has another.
func cast(g *onnx.Graph, v onnx.Ref, from, to onnx.DType, more ...onnx.Argument) onnx.Ref {
	if from == to {
		return v
	}
	return as(g, v, to, more...)
}

// as is a value in a type.
func as(g *onnx.Graph, v onnx.Ref, to onnx.DType, more ...onnx.Argument) onnx.Ref {
	return g.Node("Cast", append(more, v, onnx.Int("to", int64(to)))...)
}

func sizes(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, size := range shape {
		out[i] = int64(size)
	}
	return out
}

func elements(shape []int) int {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return n
}
