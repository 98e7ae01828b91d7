package rewrite

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"odeon/onnx"
	"odeon/schedule"
)

// inverse finds where on a path the noise level is sigma = beta/alpha: t, or the index on a discrete path. Noise levels beyond the path's
// own are its ends'.
type inverse struct {
	text  string // for people: "t_A = 1/(1+sigma)"
	write func(g *onnx.Graph, sigma onnx.Ref) onnx.Ref
}

// invert finds the inverse of a path: in closed form where there is one, exactly for a table, else by a table of its own.
func invert(path schedule.Path) inverse {
	if d, ok := path.(*schedule.Discrete); ok {
		return inverse{
			text:  "index_A from the table, between whose entries log(1/sigma^2) is linear",
			write: func(g *onnx.Graph, sigma onnx.Ref) onnx.Ref { return indexOf(g, d, sigma) },
		}
	}
	c := path.(*schedule.Continuous)
	noisiest, cleanest := c.At(0).Sigma(), c.At(1).Sigma()
	inner := closedForm(c)
	if inner.write == nil {
		inner = tabulate(c).inverse()
	}
	if cleanest == 0 && math.IsInf(noisiest, 1) && c.Name != "" {
		return inner // whatever sigma, in [0, 1]
	}
	return inverse{inner.text, func(g *onnx.Graph, sigma onnx.Ref) onnx.Ref {
		return bounded(g, inner.write(g, bounded(g, sigma, cleanest, noisiest)), 0, 1)
	}}
}

// closedForm is the inverse of a named path.
func closedForm(c *schedule.Continuous) inverse {
	name, rest, _ := strings.Cut(strings.TrimSuffix(c.Name, ")"), "(")
	var a []float64
	for text := range strings.SplitSeq(rest, ",") {
		value, _ := strconv.ParseFloat(text, 64) // of a name that schedule wrote
		a = append(a, value)
	}
	switch name {
	case "condot":
		return byFormula("1/(1+sigma)")
	case "polynomial":
		return byFormula("(1/(1+sigma))^%v", 1/a[0])
	case "ve":
		return byFormula("log(%v/sigma)/%v", a[1], math.Log(a[1]/a[0]))
	case "edm":
		first, last := math.Pow(a[1], 1/a[2]), math.Pow(a[0], 1/a[2])
		return byFormula("(%v-sigma^%v)/%v", first, 1/a[2], first-last)
	case "vp": // -log alpha = A s^2 + B s with s = 1-t, solved in the form without cancellation
		A, B := (a[1]-a[0])/4, a[0]/2
		if B == 0 {
			return byFormula("1-sqrt(log1p(sigma^2)/2/%v)", A)
		}
		return byFormula("1-log1p(sigma^2)/(%v+sqrt(%v+%v*log1p(sigma^2)))", B, B*B, 2*A)
	case "cosine":
		return inverse{"t_A = 1-2/pi*atan(sigma)", cosineTime}
	}
	return inverse{}
}

func byFormula(format string, numbers ...any) inverse {
	text := fmt.Sprintf(format, numbers...)
	f := schedule.MustFormula(text, "sigma")
	return inverse{"t_A = " + f.String(), func(g *onnx.Graph, sigma onnx.Ref) onnx.Ref { return g.Formula(f, sigma) }}
}

// cosineTime is 1 - 2/pi atan(sigma). ONNX Runtime has the arc tangent in float32 alone: that of q = min(sigma, 1/sigma) <= 1 is brought
// to float64 by one step of tan(a - b) = (tan a - tan b)/(1 + tan a tan b), a - b being some 1e-8.
func cosineTime(g *onnx.Graph, sigma onnx.Ref) onnx.Ref {
	q := g.Node("Min", sigma, g.Node("Abs", g.Node("Reciprocal", sigma))) // sigma may be -0
	rough := g.Node("Atan", as(g, q, onnx.Float32))
	angle := as(g, rough, onnx.Float64)
	exact := schedule.MustFormula("angle+(q*cos(angle)-sin(angle))/(cos(angle)+q*sin(angle))", "angle", "q")
	share := g.Node("Mul", g.Formula(exact, angle, q), scalar(g, 2/math.Pi)) // of a quarter turn
	noisy := g.Node("Greater", sigma, scalar(g, 1))
	return g.Node("Where", noisy, share, g.Node("Sub", scalar(g, 1), share))
}

// indexOf inverts a table exactly: the entries that are cleaner are counted, which finds the segment, in which the log-SNR is linear
// (or alpha, or beta, beside an entry without signal or noise).
func indexOf(g *onnx.Graph, d *schedule.Discrete, sigma onnx.Ref) onnx.Ref {
	table, last := logSNRs(d), d.Count()-1
	if last == 0 {
		return g.Node("Mul", sigma, scalar(g, 0))
	}
	level := g.Formula(schedule.MustFormula("-2*log(sigma)", "sigma"), sigma)
	segment := bounded(g, g.Node("Sub", countGreater(g, table, level), scalar(g, 1)), 0, float64(last-1))
	entry := as(g, segment, onnx.Int64)
	w := g.Node("Div", g.Node("Sub", level, gather(g, table, entry)), gather(g, differences(table), entry))
	if math.IsInf(table[last], -1) {
		alpha := schedule.MustFormula(fmt.Sprintf("1-1/sqrt(1+sigma^2)/%v", d.At(d.Time(schedule.Index(last-1))).Alpha), "sigma")
		there := g.Node("Equal", segment, scalar(g, float64(last-1)))
		w = g.Node("Where", there, g.Formula(alpha, sigma), w)
	}
	if math.IsInf(table[0], 1) {
		beta := schedule.MustFormula(fmt.Sprintf("1/sqrt(1+1/sigma^2)/%v", d.At(d.Time(1)).Beta), "sigma")
		there := g.Node("Equal", segment, scalar(g, 0))
		w = g.Node("Where", there, g.Formula(beta, sigma), w)
	}
	return g.Node("Add", segment, bounded(g, w, 0, 1))
}

// countGreater counts the entries of a table that are greater than a level, for each level.
func countGreater(g *onnx.Graph, table []float64, level onnx.Ref) onnx.Ref {
	column := g.Node("Reshape", level, integers(g, -1, 1))
	row := g.Const("", onnx.Array(table, 1, int64(len(table))))
	greater := as(g, g.Node("Less", column, row), onnx.Float64)
	count := g.Node("ReduceSum", greater, integers(g, 1))
	return g.Node("Reshape", count, g.Node("Shape", level))
}
