package rewrite

import (
	"fmt"

	"odeon/onnx"
	"odeon/sampler"
)

const (
	// fewRows is how many rows of a plan are written one after another, each with its own copy of the network's nodes; more become
	// a loop. Without a loop a file runs where loops are slow or not known.
	fewRows = 4
	// fewNodes is up to how many nodes a network is so small that a loop goes over steps, with a copy for each of a step's rows:
	// between calls that take some microseconds, telling one row from another takes time.
	fewNodes = 64
)

// state is what a row passes on to the next, as values of a graph.
type state struct {
	x    onnx.Ref
	base onnx.Ref   // the state last kept; None where it is not read any more
	past []onnx.Ref // predictions, the newest first
}

// walk writes the plan's rows: x becomes the state at its end.
func (c *compiler) walk(x onnx.Ref) (onnx.Ref, error) {
	rows, s := c.plan.Rows, state{x: x}
	if len(rows) > fewRows {
		var err error
		stages, looped := c.stages()
		if s, err = c.loop(rows[:looped], rows[looped:], stages, s); err != nil {
			return onnx.None, err
		}
		rows = rows[looped:]
	}
	for i := range rows {
		t := c.table(rows[i : i+1])
		t.settle(c.g)
		var err error
		if s, err = c.row(c.g, t, s); err != nil {
			return onnx.None, err
		}
	}
	return s.x, nil
}

func (c *compiler) table(rows []sampler.Row) *table {
	t := newTable(rows, c.depth, c.r.Clock, c.guidance)
	if c.guide != nil {
		c.lead(t, rows)
	}
	return t
}

// stages is how many rows an iteration of the loop has, and how many rows at the plan's beginning are looped over: every row by
// itself or, with a small network, the steps that are alike.
func (c *compiler) stages() (stages, looped int) {
	rows := c.plan.Rows
	nodes := 0
	for _, n := range c.network.Info().Operators {
		nodes += n
	}
	stages = period(rows)
	if nodes > fewNodes || stages > fewRows {
		return 1, len(rows)
	}
	count := 0
	for i := range rows {
		if count++; rows[i].Ends && count != stages {
			break
		} else if rows[i].Ends {
			looped, count = i+1, 0
		}
	}
	if len(rows)-looped > fewRows {
		return 1, len(rows)
	}
	return stages, looped
}

// period is the largest number of rows that a step has.
func period(rows []sampler.Row) int {
	most, count := 0, 0
	for i := range rows {
		count++
		most = max(most, count)
		if rows[i].Ends {
			count = 0
		}
	}
	return most
}

// reach is how many earlier predictions rows read, and whether they read a state kept before them.
func reach(rows []sampler.Row) (past int, base bool) {
	calls, kept := 0, false
	for i := range rows {
		r := &rows[i]
		kept = kept || r.Keep
		if r.Call {
			calls++
		}
		past = max(past, len(r.B)-calls)
		base = base || r.A0 != 0 && !kept
	}
	return past, base
}

// loop writes rows as one loop, so many of them an iteration. From one iteration to the next, and to the rest of the plan behind
// the loop, it carries the state and what they read of earlier predictions and of the state last kept.
func (c *compiler) loop(rows, rest []sampler.Row, stages int, s state) (state, error) {
	g := c.g
	carried, base := reach(rest)
	for i := 0; i < len(rows); i += stages {
		past, kept := reach(rows[i : i+stages])
		carried, base = max(carried, past), base || kept
	}
	var tables []*table
	var narrow, wide []*column
	for r := range stages {
		var every []sampler.Row
		for i := r; i < len(rows); i += stages {
			every = append(every, rows[i])
		}
		t := c.table(every)
		tables = append(tables, t)
		n, w := t.varying()
		narrow, wide = append(narrow, n...), append(wide, w...)
		if _, same := t.call.constant(); !same {
			carried = c.depth // a row without a call leaves the newest prediction to the next one
		}
		if _, same := t.keep.constant(); !same {
			base = true
		}
	}
	if carried > 0 {
		zeros := g.Node("ConstantOfShape", g.Node("Shape", s.x))
		for range carried {
			s.past = append(s.past, zeros)
		}
	}
	if base {
		s.base = s.x
	}

	body := g.Subgraph("steps")
	index := body.Input(g.Unused("iteration"), onnx.Int64)
	going := body.Input(g.Unused("going"), onnx.Bool)
	inner := state{x: body.Input(g.Unused("x"), onnx.Float32, c.shape...)}
	if base {
		inner.base = body.Input(g.Unused("x_base"), onnx.Float32, c.shape...)
	}
	for j := range carried {
		inner.past = append(inner.past, body.Input(g.Unused(fmt.Sprintf("p_%d", j+1)), onnx.Float32, c.shape...))
	}
	if len(narrow) > 0 {
		read(body, store(g, narrow, period(rows)/stages), index, narrow)
	}
	if len(wide) > 0 {
		read(body, storeWide(g, wide), index, wide)
	}
	for _, t := range tables {
		t.index = index
		t.settle(body)
		var err error
		if inner, err = c.row(body, t, inner); err != nil {
			return s, err
		}
	}

	body.Output(g.Unused("go_on"), going, onnx.Bool)
	initial := []onnx.Argument{g.Const("", onnx.Scalar(int64(len(rows)/stages))), onnx.None, s.x}
	body.Output(g.Unused("x_next"), inner.x, onnx.Float32, c.shape...)
	if base {
		initial = append(initial, s.base)
		body.Output(g.Unused("x_base_next"), inner.base, onnx.Float32, c.shape...)
	}
	for j := range carried {
		initial = append(initial, s.past[j])
		body.Output(g.Unused(fmt.Sprintf("p_%d_next", j+1)), inner.past[j], onnx.Float32, c.shape...)
	}
	results := g.Nodes("Loop", len(initial)-2, append(initial, onnx.Body("body", body))...)
	s = state{x: results[0], past: results[len(results)-carried:]}
	if base {
		s.base = results[1]
	}
	return s, nil
}

// row writes x' = A x + A0 x_base + sum_j B_j p_j + S q + C xi + C1 xi_1, q the prediction before it was clipped, with sums and roundings in [sampler.Run]'s order.
func (c *compiler) row(g *onnx.Graph, t *table, s state) (state, error) {
	switch {
	case t.keep.is(1):
		s.base = s.x
	case !t.keep.is(0):
		s.base = g.Node("Where", as(g, t.keep.ref, onnx.Bool), s.x, s.base)
	}
	var err error
	var given onnx.Ref
	if s.past, given, err = c.predictions(g, t, s); err != nil {
		return s, err
	}
	terms := []term{{&t.a, s.x}, {&t.a0, s.base}}
	for j := range t.b {
		if j < len(s.past) {
			terms = append(terms, term{&t.b[j], s.past[j]})
		}
	}
	terms = append(terms, term{&t.s, given})
	if !t.c.is(0) {
		terms = append(terms, term{&t.c, c.draw(g, t)})
	}
	if !t.c1.is(0) {
		terms = append(terms, term{&t.c1, c.drawn(g, &t.draw1)})
	}
	if x := sum(g, terms...); x != onnx.None {
		s.x = x
	} else {
		s.x = g.Node("ConstantOfShape", g.Node("Shape", s.x))
	}
	return s, nil
}

// term is one summand of a row.
type term struct {
	c *column
	v onnx.Ref
}

// sum adds the terms one after another and leaves out those that are always zero; None where all are.
func sum(g *onnx.Graph, terms ...term) onnx.Ref {
	total := onnx.None
	for _, t := range terms {
		switch {
		case t.c.is(0):
		case total == onnx.None:
			total = t.c.times(g, t.v)
		default:
			total = g.Node("Add", total, t.c.times(g, t.v))
		}
	}
	return total
}

// draw is the row's noise. A row that draws none is given some, which it multiplies by zero.
func (c *compiler) draw(g *onnx.Graph, t *table) onnx.Ref {
	_, same := t.draw.constant()
	switch {
	case same || t.draws == 0:
		return c.drawn(g, &t.draw)
	case t.draws == len(t.draw.values):
		return g.Node("Gather", c.stepNoise, t.index)
	}
	return g.Node("Gather", c.stepNoise, g.Node("Min", t.index, g.Const("", onnx.Scalar(int64(t.draws-1)))))
}

// drawn is the noise of the row of step_noise that a column says.
func (c *compiler) drawn(g *onnx.Graph, row *column) onnx.Ref {
	if k, same := row.constant(); same {
		return g.Node("Gather", c.stepNoise, g.Const("", onnx.Scalar(int64(k))))
	}
	return g.Node("Gather", c.stepNoise, g.Node("Squeeze", as(g, row.ref, onnx.Int64), integers(g, 0)))
}

// predictions are those that the row reads, the newest first: the network's at x, where the row calls it, and those before; and what the
// network gave, where every row calls it.
func (c *compiler) predictions(g *onnx.Graph, t *table, s state) (past []onnx.Ref, given onnx.Ref, err error) {
	switch {
	case t.call.is(0):
		return s.past, onnx.None, nil
	case t.call.is(1):
		p, given, err := c.predict(g, t, s.x)
		return c.newest(p, s.past), given, err
	}
	called, kept := g.Subgraph("called"), g.Subgraph("not called")
	p, _, err := c.predict(called, t, s.x)
	if err != nil {
		return nil, onnx.None, err
	}
	for j, v := range c.newest(p, s.past) {
		called.Output(g.Unused(fmt.Sprintf("called_%d", j)), v, onnx.Float32, c.shape...)
		kept.Output(g.Unused(fmt.Sprintf("kept_%d", j)), s.past[j], onnx.Float32, c.shape...)
	}
	calls := as(g, t.call.ref, onnx.Bool)
	return g.Nodes("If", len(s.past), calls, onnx.Body("then_branch", called), onnx.Body("else_branch", kept)), onnx.None, nil
}

// newest puts a prediction before the others and forgets what no row reads any more.
func (c *compiler) newest(p onnx.Ref, past []onnx.Ref) []onnx.Ref {
	all := append([]onnx.Ref{p}, past...)
	return all[:min(len(all), c.depth)]
}

// lookback is how many predictions a plan's rows read, their own included.
func lookback(plan *sampler.Plan) (depth int) {
	for i := range plan.Rows {
		if depth = max(depth, len(plan.Rows[i].B)); plan.Rows[i].Call {
			depth = max(depth, 1)
		}
	}
	return depth
}
