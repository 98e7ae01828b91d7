package rewrite

import (
	"fmt"
	"math"
	"slices"

	"odeon/onnx"
	"odeon/schedule"
)

// timeTable inverts a path that has no closed inverse. It holds w as a function of l = -log sigma, cubic between knots with the exact
// slopes (Hermite), where w is t seen from the ends at which sigma is 0 or infinite: log t, -log(1-t), or the sum of both. Where
// alpha and beta vanish like powers of the distance to an end, w is linear in l beside it, so that beyond the last knot the table goes on
// straight and loses nothing.
type timeTable struct {
	time   *schedule.Formula // t of w
	level  []float64         // l at the knots, rising
	w      []float64         // w there
	slope  []float64         // dw/dl there
	cubics [4][]float64      // of the segments, in powers of the share x of a segment

	timeError, noiseError float64 // the largest ones found: in t, and in sigma relative to itself
}

const (
	knots   = 1024
	nearest = 1e-9 // to an end at which sigma is 0 or infinite
)

// tabulate makes the table of a path and measures it.
func tabulate(c *schedule.Continuous) *timeTable {
	noiseEnd, dataEnd := math.IsInf(c.At(0).Sigma(), 1), c.At(1).Sigma() == 0
	table := &timeTable{time: schedule.MustFormula("w", "w")}
	place := func(t float64) (w, slope float64) { return t, 1 } // w of t, and dw/dt
	from, to := 0., 1.
	switch {
	case noiseEnd && dataEnd:
		table.time = schedule.MustFormula("1/(1+exp(-w))", "w")
		place = func(t float64) (w, slope float64) { return math.Log(t / (1 - t)), 1 / (t * (1 - t)) }
		from, to = nearest, 1-nearest
	case noiseEnd:
		table.time = schedule.MustFormula("exp(w)", "w")
		place = func(t float64) (w, slope float64) { return math.Log(t), 1 / t }
		from = nearest
	case dataEnd:
		table.time = schedule.MustFormula("1-exp(-w)", "w")
		place = func(t float64) (w, slope float64) { return -math.Log1p(-t), 1 / (1 - t) }
		to = 1 - nearest
	}
	first, _ := place(from)
	last, _ := place(to)
	var times []float64 // half of them uniform in w, half in t
	for i := range knots/2 + 1 {
		share := float64(i) / (knots / 2)
		times = append(times, table.time.Eval(first+(last-first)*share), from+(to-from)*share)
	}
	slices.Sort(times)
	for _, t := range times {
		p := c.At(t)
		w, slope := place(t)
		level := -math.Log(p.Sigma())
		slope /= p.DAlpha/p.Alpha - p.DBeta/p.Beta
		if n := len(table.level) - 1; !finite(level, slope) || n >= 0 && level <= table.level[n] {
			continue
		}
		table.level = append(table.level, level)
		table.w = append(table.w, w)
		table.slope = append(table.slope, slope)
	}
	table.fit()
	table.measure(c, first, last)
	return table
}

// fit finds the cubics.
func (t *timeTable) fit() {
	for i := range len(t.level) - 1 {
		h, rise := t.level[i+1]-t.level[i], t.w[i+1]-t.w[i]
		m, n := h*t.slope[i], h*t.slope[i+1]
		for k, c := range [4]float64{t.w[i], m, 3*rise - 2*m - n, m + n - 2*rise} {
			t.cubics[k] = append(t.cubics[k], c)
		}
	}
}

// measure looks between the knots, and uniformly in t.
func (t *timeTable) measure(c *schedule.Continuous, from, to float64) {
	for i := range 4*knots - 1 {
		share := (float64(i) + 1) / (4 * knots)
		for _, time := range []float64{share, t.time.Eval(from + (to-from)*share)} {
			sigma := c.At(time).Sigma()
			found := t.eval(sigma)
			t.timeError = max(t.timeError, math.Abs(found-time))
			t.noiseError = max(t.noiseError, math.Abs(c.At(found).Sigma()/sigma-1))
		}
	}
}

// eval is what the nodes compute.
func (t *timeTable) eval(sigma float64) float64 {
	level := -math.Log(sigma)
	last := len(t.level) - 1
	i, at := slices.BinarySearch(t.level[1:last], level) // the segment; a knot belongs to the one behind it
	if at {
		i++
	}
	x := min(max((level-t.level[i])/(t.level[i+1]-t.level[i]), 0), 1)
	w := t.cubics[0][i] + x*(t.cubics[1][i]+x*(t.cubics[2][i]+x*t.cubics[3][i]))
	w += min(level-t.level[0], 0)*t.slope[0] + max(level-t.level[last], 0)*t.slope[last]
	return min(max(t.time.Eval(w), 0), 1)
}

// inverse writes the table into a graph.
func (t *timeTable) inverse() inverse {
	text := fmt.Sprintf("t_A from a table of %d noise levels, off by at most %.1g in t and by %.1g of sigma", len(t.level), t.timeError, t.noiseError)
	return inverse{text, func(g *onnx.Graph, sigma onnx.Ref) onnx.Ref {
		last := len(t.level) - 1
		level := g.Formula(schedule.MustFormula("-log(sigma)", "sigma"), sigma)
		segment := bounded(g, g.Node("Sub", scalar(g, float64(last)), countGreater(g, t.level, level)), 0, float64(last-1))
		entry := as(g, segment, onnx.Int64)
		x := g.Node("Div", g.Node("Sub", level, gather(g, t.level[:last], entry)), gather(g, differences(t.level)[:last], entry))
		x = bounded(g, x, 0, 1)
		w := gather(g, t.cubics[3], entry)
		for k := 2; k >= 0; k-- {
			w = g.Node("Add", gather(g, t.cubics[k], entry), g.Node("Mul", x, w))
		}
		below := bounded(g, g.Node("Sub", level, scalar(g, t.level[0])), math.Inf(-1), 0)
		above := bounded(g, g.Node("Sub", level, scalar(g, t.level[last])), 0, math.Inf(1))
		w = g.Node("Add", w, g.Node("Mul", below, scalar(g, t.slope[0])))
		w = g.Node("Add", w, g.Node("Mul", above, scalar(g, t.slope[last])))
		return g.Formula(t.time, w)
	}}
}
