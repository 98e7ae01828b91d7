package sampler

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Print writes the plan for people: what it was made from, then a row a line, numbers with ten significant digits and
// decimal points under each other. Columns that hold nothing are left out.
func (p *Plan) Print(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, line := range p.header() {
		if line[1] != "" {
			fmt.Fprintf(out, "%-11s %s\n", line[0], line[1])
		}
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(out, "%-11s %s\n", "warning", warning)
	}
	fmt.Fprintf(out, "\n%s\n\n", p.equation())

	columns := p.columns()
	for i := -1; i < len(p.Rows); i++ {
		var line strings.Builder
		for _, c := range columns {
			text := c.head
			if i >= 0 {
				text = c.cells[i]
			}
			fmt.Fprintf(&line, "%*s  ", c.width, text)
		}
		if i >= 0 {
			line.WriteString(p.Rows[i].Note)
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
	return out.Flush()
}

func (p *Plan) header() [][2]string {
	eta, clip, threshold, order, turn := "", "", "", "", ""
	if p.Turn > 0 {
		turn = fmt.Sprintf("the first %d steps go from data to noise", p.Turn)
	}
	if p.Order > 0 {
		order = strconv.Itoa(p.Order)
	}
	if p.Eta != nil {
		if eta = number(*p.Eta); p.Variance != "" {
			eta += ", variance " + p.Variance
		}
	}
	if p.Clip != nil {
		clip = fmt.Sprintf("%s,%s", number(p.Clip[0]), number(p.Clip[1]))
	}
	if p.Threshold != nil {
		threshold = p.Threshold.String()
	}
	return [][2]string{
		{"solver", p.Solver},
		{"as", p.As},
		{"path", shortened(p.Path)},
		{"prediction", p.Prediction},
		{"second", p.Second},
		{"functional", p.Functional},
		{"grid", shortened(p.Grid)},
		{"sigma", p.Sigma},
		{"order", order},
		{"eta", eta},
		{"clip", clip},
		{"threshold", threshold},
		{"from, to", fmt.Sprintf("t=%s, t=%s", number(p.From), number(p.To))},
		{"start", p.startText()},
		{"steps", fmt.Sprintf("%d, network calls %d", p.Steps, p.Calls())},
		{"inversion", turn},
		{"fitted", p.Fitted},
	}
}

// startText is the first state, in normals xi and given data z.
func (p *Plan) startText() string {
	xi, z := number(p.Start)+" xi", number(p.Signal)+" z"
	switch {
	case p.Signal == 0:
		return xi
	case p.Start == 0:
		return z
	}
	return z + " + " + xi
}

// shortened keeps the ends of a text that lists hundreds of numbers; the whole of it is in the plan's JSON.
func shortened(text string) string {
	const most = 96
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s ... %s (%d numbers; all of them with --json)", text[:most/2], text[len(text)-most/4:], 1+strings.Count(text, ","))
}

// equation is the row's formula with the terms that this plan has.
func (p *Plan) equation() string {
	text := "x' = A x"
	if p.keeps() {
		text += " + A0 x_base"
	}
	given := "p"
	if p.bounds() {
		given = "z"
	}
	symbol := given
	if p.Functional != "" {
		symbol = "f"
	}
	first, second := p.readBack()
	for j := range first {
		text += fmt.Sprintf(" + B%d %s_%d", j, symbol, j)
	}
	for j := range second {
		text += fmt.Sprintf(" + S%d q_%d", j, j)
	}
	if p.Draws() > 0 {
		text += " + C xi"
		if p.varied() {
			text += " exp(L q_0)"
		}
	}
	if p.looksBack() {
		text += " + C1 xi_1"
	}
	if p.bounds() {
		text += ",  z = clip(zx x + zp p)"
	}
	if p.Functional != "" {
		text += fmt.Sprintf(",  f = fx x + fp %s", given)
	}
	return text
}

// column is one column of the table: its name, the text of every row, and the width of the widest.
type column struct {
	head  string
	cells []string
	width int
}

func newColumn(head string, values []float64) column {
	c := column{head, aligned(values), len(head)}
	for _, s := range c.cells {
		c.width = max(c.width, len(s))
	}
	return c
}

func (p *Plan) columns() []column {
	var columns []column
	add := func(head string, always bool, value func(r *Row) float64) {
		values, empty := make([]float64, len(p.Rows)), true
		for i := range p.Rows {
			values[i] = value(&p.Rows[i])
			empty = empty && (values[i] == 0 || math.IsNaN(values[i]))
		}
		if always || !empty {
			columns = append(columns, newColumn(head, values))
		}
	}
	add("step", true, func(r *Row) float64 { return float64(r.Step) })
	add("t", true, func(r *Row) float64 { return r.T })
	add("next", true, func(r *Row) float64 { return r.Next })
	if slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Index != nil }) {
		add("index", true, func(r *Row) float64 {
			if r.Index == nil {
				return math.NaN()
			}
			return *r.Index
		})
	}
	add("input", true, func(r *Row) float64 { return ifCalled(r, r.Input) })
	if slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Scale != 1 }) {
		add("scale", true, func(r *Row) float64 { return r.Scale })
	}
	add("sigma", false, func(r *Row) float64 { return r.Sigma })
	if p.bounds() {
		add("zx", true, func(r *Row) float64 { return r.DataX })
		add("zp", true, func(r *Row) float64 { return r.DataP })
	}
	add("kx", false, func(r *Row) float64 { return r.KnownX })
	add("kz", false, func(r *Row) float64 { return r.KnownZ })
	add("fx", p.Functional != "", func(r *Row) float64 { return ifCalled(r, r.FX) })
	add("fp", p.Functional != "", func(r *Row) float64 { return ifCalled(r, r.FP) })
	add("A", true, func(r *Row) float64 { return r.A })
	add("A0", p.keeps(), func(r *Row) float64 { return r.A0 })
	first, second := p.readBack()
	for j := range first {
		add(fmt.Sprintf("B%d", j), true, func(r *Row) float64 { return entry(r.B, j) })
	}
	for j := range second {
		add(fmt.Sprintf("S%d", j), true, func(r *Row) float64 { return entry(r.S, j) })
	}
	add("C", false, func(r *Row) float64 { return r.C })
	add("ratio", false, func(r *Row) float64 { return r.Ratio })
	add("L", false, func(r *Row) float64 { return r.L })
	add("C1", false, func(r *Row) float64 { return r.C1 })
	add("draw1", false, func(r *Row) float64 { return float64(r.Draw1) })
	add("draw", false, func(r *Row) float64 { return float64(r.Draw) })
	return columns
}

// ifCalled is v, or a place left empty in a row that does not call the network.
func ifCalled(r *Row, v float64) float64 {
	if !r.Call {
		return math.NaN()
	}
	return v
}

// entry is a row's coefficient of prediction j, or a place left empty.
func entry(column []float64, j int) float64 {
	if j >= len(column) {
		return math.NaN()
	}
	return column[j]
}

// number is v with ten significant digits.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

// aligned is values as text with their decimal points under each other when set flush right. NaN is a place left empty.
func aligned(values []float64) []string {
	cells, most := make([]string, len(values)), 0
	after := func(s string) int {
		if i := strings.IndexByte(s, '.'); i >= 0 {
			return len(s) - i
		}
		return 0
	}
	for i, v := range values {
		if !math.IsNaN(v) {
			cells[i] = number(v)
			most = max(most, after(cells[i]))
		}
	}
	for i, s := range cells {
		cells[i] = s + strings.Repeat(" ", most-after(s))
	}
	return cells
}
