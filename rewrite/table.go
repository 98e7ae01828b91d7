package rewrite

import (
	"math"
	"slices"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

// column is one number of a plan's rows: the same in all of them, or read from the table row by row.
type column struct {
	values []float64
	ref    onnx.Ref // its value in the row at hand, of shape [1]; None where it is always 0 or always 1
}

// constant is the number that all rows have, as float32 tells them apart.
func (c *column) constant() (float64, bool) {
	for _, v := range c.values {
		if float32(v) != float32(c.values[0]) {
			return 0, false
		}
	}
	return c.values[0], true
}

// is says whether all rows have the number v.
func (c *column) is(v float64) bool {
	k, ok := c.constant()
	return ok && k == v
}

// times is x multiplied by the column's number. A product with one is x itself.
func (c *column) times(g *onnx.Graph, x onnx.Ref) onnx.Ref {
	if c.is(1) {
		return x
	}
	return g.Node("Mul", x, c.ref)
}

// table is some rows of a plan, column by column: those that one place in a graph stands for, all rows or one of every so many
// in a loop, else a single one. What they do not use is thus never written.
type table struct {
	a, a0, c, c1 column
	b            []column
	s            column // of the prediction before it was clipped
	scale        column
	dataX, dataP column
	fx, fp       column // of the functional that the rows are written in, where the plan has one
	call, keep   column // 1 or 0
	draw, draw1  column // row of step_noise; that of the noise before it
	steering            // of guidance
	guidance     sampler.Guidance
	guide        *table // what a weaker network is fed; nil: there is none

	draws int      // rows of step_noise, where the row of the table is that of step_noise as well; else 0
	index onnx.Ref // the row at hand, in a loop

	input    column // what the network is fed for its time
	timeless bool   // the network is not told it
	wide     bool   // float32 has too few digits for it
}

// newTable reads rows, which look back on depth predictions. Where a row keeps the state, x and x_base are the same: its A is
// written as A0, so that one of the two columns of a Runge-Kutta method is empty.
func newTable(rows []sampler.Row, depth int, clock *models.Port, g sampler.Guidance) *table {
	t := &table{b: make([]column, depth), guidance: g}
	for i := range rows {
		r := &rows[i]
		a, a0 := r.A, r.A0
		if r.Keep && a0 == 0 {
			a, a0 = 0, a
		}
		t.steering.read(g, r)
		for _, cell := range []struct {
			column *column
			value  float64
		}{
			{&t.a, a}, {&t.a0, a0}, {&t.c, r.C}, {&t.c1, r.C1}, {&t.s, only(r.S)}, {&t.fx, r.FX}, {&t.fp, r.FP}, {&t.scale, r.Scale}, {&t.dataX, r.DataX}, {&t.dataP, r.DataP},
			{&t.call, truth(r.Call)}, {&t.keep, truth(r.Keep)}, {&t.draw, float64(max(r.Draw, 1) - 1)}, {&t.draw1, float64(max(r.Draw1, 1) - 1)},
			{&t.input, r.Input},
		} {
			cell.column.values = append(cell.column.values, cell.value)
		}
		for j := range t.b {
			b := 0.0
			if j < len(r.B) {
				b = r.B[j]
			}
			t.b[j].values = append(t.b[j].values, b)
		}
	}
	t.draws = drawnInOrder(rows)
	switch {
	case clock == nil:
		t.timeless = true
	case clock.Type.IsInteger():
		t.wide = slices.ContainsFunc(t.input.values, func(v float64) bool { return math.Abs(v) > exact })
	default:
		t.wide = clock.Type == onnx.Float64
	}
	return t
}

// drawnInOrder is how many rows draw, where the first does so from row 0 of step_noise, the next from row 1 and so on, and those that
// draw nothing come last; 0 where it is otherwise.
func drawnInOrder(rows []sampler.Row) int {
	draws := 0
	for i := range rows {
		if k := rows[i].Draw; k == i+1 {
			draws++
		} else if k != 0 {
			return 0
		}
	}
	for i := range draws {
		if rows[i].Draw == 0 {
			return 0
		}
	}
	return draws
}

// exact is the whole number up to which float32 holds all.
const exact = 1 << 24

// only is a row's coefficient of the second prediction of its own call, of which a compiled file reads no earlier ones.
func only(s []float64) float64 {
	if len(s) == 0 {
		return 0
	}
	return s[0]
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// factors are the columns that states, predictions and noise are multiplied by.
func (t *table) factors() []*column {
	all := []*column{&t.a, &t.a0, &t.s, &t.c, &t.c1, &t.fx, &t.fp, &t.scale, &t.dataX, &t.dataP}
	for j := range t.b {
		all = append(all, &t.b[j])
	}
	return append(all, t.steering.factors(t.guidance)...)
}

// varying are the columns that a loop reads from its tables, those that need more than float32 apart.
func (t *table) varying() (narrow, wide []*column) {
	for _, c := range append(t.factors(), &t.call, &t.keep, &t.draw, &t.draw1, &t.halves, &t.silent, &t.input) {
		switch _, same := c.constant(); {
		case c == &t.input && t.timeless, c == &t.draw && t.draws > 0:
		case c == &t.input && t.wide && len(c.values) > 1:
			wide = append(wide, c)
		case !same:
			narrow = append(narrow, c)
		}
	}
	if t.guide != nil {
		n, w := t.guide.varying()
		narrow, wide = append(narrow, n...), append(wide, w...)
	}
	return narrow, wide
}

// settle writes the numbers that are the same in all rows.
func (t *table) settle(g *onnx.Graph) {
	for _, c := range t.factors() {
		if v, ok := c.constant(); ok && v != 0 && v != 1 && !(c == &t.scale && t.silent.is(1)) {
			c.ref = g.Const("", onnx.Vector(float32(v)))
		}
	}
	if t.guide != nil {
		t.guide.settle(g)
	}
	switch v, same := t.input.constant(); {
	case t.timeless || !same || t.silent.is(1): // no network is fed
	case !t.wide:
		t.input.ref = g.Const("", onnx.Vector(float32(v)))
	case len(t.input.values) == 1:
		t.input.ref = g.Const("", onnx.Vector(v))
	}
}

// store puts columns into g, and returns them as one value, [rows, columns]. Rows recur in some way after every period of them.
func store(g *onnx.Graph, columns []*column, period int) onnx.Ref {
	best := pack(columns, period, 0)
	for skip := 1; skip < period; skip++ {
		if p := pack(columns, period, skip); len(p.columns) < len(best.columns) {
			best = p
		}
	}
	data := make([]float32, 0, len(best.columns)*len(best.columns[0]))
	for k := range best.columns[0] {
		for _, values := range best.columns {
			data = append(data, orZero(values[k]))
		}
	}
	stored := g.Const(g.Unused("table"), onnx.Array(data, int64(len(best.columns[0])), int64(len(best.columns))))
	dealt := g.Node("Gather", stored, integers(g, best.order...), onnx.Int("axis", 1))
	all := g.Node("Reshape", dealt, integers(g, -1, int64(len(columns))))
	if best.skip == 0 {
		return all
	}
	first := int64(best.skip)
	return g.Node("Slice", all, integers(g, first), integers(g, first+int64(len(columns[0].values))), integers(g, 0))
}

// storeWide is store for columns that need float64.
func storeWide(g *onnx.Graph, columns []*column) onnx.Ref {
	rows := len(columns[0].values)
	var data []float64
	for i := range rows {
		for _, c := range columns {
			data = append(data, c.values[i])
		}
	}
	return g.Const(g.Unused("table"), onnx.Array(data, int64(rows), int64(len(columns))))
}

// read gives the columns of a stored table their values in the row of this index, a scalar of int64.
func read(g *onnx.Graph, table, index onnx.Ref, columns []*column) {
	row := g.Node("Gather", table, index)
	if len(columns) == 1 {
		columns[0].ref = row
		return
	}
	ones := integers(g, slices.Repeat([]int64{1}, len(columns))...)
	for i, ref := range g.Nodes("Split", len(columns), row, ones, onnx.Int("axis", 0)) {
		columns[i].ref = ref
	}
}

// packing is columns seen as one row for every period of rows. Of the columns that this makes many are the same: zeros, the
// coefficients of a Runge-Kutta method, and what belongs to a time at which the network is called twice. Each is stored once, and
// order says which is where.
type packing struct {
	skip    int // cells left empty before the first row
	columns [][]float32
	order   []int64
}

// empty stands for a cell that belongs to no row, and so may hold anything.
var empty = float32(math.NaN())

func isEmpty(v float32) bool { return v != v }

func orZero(v float32) float32 {
	if isEmpty(v) {
		return 0
	}
	return v
}

func pack(columns []*column, period, skip int) packing {
	p := packing{skip: skip}
	rows := len(columns[0].values)
	for r := range period {
		for _, c := range columns {
			values := make([]float32, (skip+rows+period-1)/period)
			for k := range values {
				values[k] = empty
				if i := k*period + r - skip; i >= 0 && i < rows {
					values[k] = float32(c.values[i])
				}
			}
			p.order = append(p.order, int64(p.place(values)))
		}
	}
	return p
}

// place finds a stored column that agrees with values, and fills its empty cells from them; else it stores them.
func (p *packing) place(values []float32) int {
	for at, have := range p.columns {
		agree := true
		for k, v := range values {
			agree = agree && (have[k] == v || isEmpty(have[k]) || isEmpty(v))
		}
		if !agree {
			continue
		}
		for k, v := range values {
			if isEmpty(have[k]) {
				have[k] = v
			}
		}
		return at
	}
	p.columns = append(p.columns, values)
	return len(p.columns) - 1
}

// integers is a constant vector of int64: sizes, axes, indices.
func integers(g *onnx.Graph, values ...int64) onnx.Ref {
	return g.Const("", onnx.Vector(values...))
}
