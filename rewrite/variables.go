package rewrite

import (
	"math"
	"strings"

	"odeon/onnx"
	"odeon/schedule"
)

// variables are the variables of a path at the times of a batch: float64 values in a graph, one a sample, each written when it
// is first asked for.
type variables struct {
	g         *onnx.Graph
	made      map[string]onnx.Ref
	values    map[string]func() onnx.Ref // how those are written that are no formula
	relations map[string]relation        // the formulas of the others
	rest      *variables                 // where all else is looked up
}

// relation is a variable in terms of others.
type relation struct {
	formula *schedule.Formula
	names   []string
}

func relate(text string, names ...string) relation {
	return relation{schedule.MustFormula(text, names...), names}
}

// ref is a variable's value.
func (v *variables) ref(name string) onnx.Ref {
	if made, ok := v.made[name]; ok {
		return made
	}
	var made onnx.Ref
	if value, ok := v.values[name]; ok {
		made = value()
	} else if r, ok := v.relations[name]; ok {
		made = v.write(r)
	} else if v.rest != nil {
		made = v.rest.ref(name)
	} else {
		panic("rewrite: a path has no variable " + name)
	}
	if v.made == nil {
		v.made = map[string]onnx.Ref{}
	}
	v.made[name] = made
	return made
}

// write adds the nodes of a formula.
func (v *variables) write(r relation) onnx.Ref {
	refs := make([]onnx.Ref, len(r.names))
	for i, name := range r.names {
		if r.formula.Uses(name) {
			refs[i] = v.ref(name)
		}
	}
	return v.g.Formula(r.formula, refs...)
}

// anyPath are the relations that hold along every path.
var anyPath = map[string]relation{
	"sigma":  relate("beta/alpha", "alpha", "beta"),
	"logsnr": relate("2*(log(alpha)-log(beta))", "alpha", "beta"),
}

// clockOf is the variable that says where on a path a state is, which is what a converted network is fed.
func clockOf(path schedule.Path) string {
	if _, ok := path.(*schedule.Discrete); ok {
		return "index"
	}
	return "t"
}

// along are the variables of a path at the clock's times.
func along(g *onnx.Graph, path schedule.Path, clock onnx.Ref) *variables {
	if d, ok := path.(*schedule.Discrete); ok {
		return alongTable(g, d, clock)
	}
	c := path.(*schedule.Continuous)
	v := &variables{g: g, made: map[string]onnx.Ref{"t": clock}, values: map[string]func() onnx.Ref{}, relations: map[string]relation{}}
	for name, f := range c.Formulas() {
		v.relations[name] = relation{f, []string{"t"}}
	}
	for _, relations := range []map[string]relation{anyPath, shortcuts[c.Name]} {
		for name, r := range relations {
			v.relations[name] = r
		}
	}
	if c.Name == "cosine" { // whose angles are within a quarter turn, where the sine alone is exact, its zero too
		for name, angle := range map[string]relation{"alpha": relate("pi/2*t", "t"), "beta": relate("pi/2*(1-t)", "t")} {
			v.values[name] = func() onnx.Ref { return g.Node("Sin", v.write(angle)) }
		}
	}
	return v
}

// shortcuts are relations of named paths that take fewer nodes than the derivatives.
var shortcuts = map[string]map[string]relation{
	"cosine": {
		"dalpha":    relate("pi/2*beta", "beta"),
		"dbeta":     relate("-pi/2*alpha", "alpha"),
		"betadbeta": relate("beta*dbeta", "beta", "dbeta"),
	},
}

// preservesVariance says whether alpha^2 + beta^2 = 1.
func preservesVariance(path schedule.Path) bool {
	c, ok := path.(*schedule.Continuous)
	return !ok || c.Name == "cosine" || strings.HasPrefix(c.Name, "vp(")
}

// The relations between two entries of a table, as schedule.Discrete has them: top is alpha (or beta) at the entry where it is not 0, and w
// the distance from the cleaner entry to the noisier.
var (
	// Log-SNR l linear in t: alpha^2 = 1/(1 + exp(-l)), (alpha^2)' = alpha^2 beta^2 l'.
	betweenEntries = map[string]relation{
		"t":         relate("1-(index+1)/count", "index", "count"),
		"alpha":     relate("1/sqrt(1+exp(-l))", "l"),
		"beta":      relate("1/sqrt(1+exp(l))", "l"),
		"dalpha":    relate("alpha*beta^2*dl/2", "alpha", "beta", "dl"),
		"dbeta":     relate("-beta*alpha^2*dl/2", "alpha", "beta", "dl"),
		"betadbeta": relate("beta*dbeta", "beta", "dbeta"),
	}
	// Beside an entry without signal, alpha is linear.
	besideNoise = map[string]relation{
		"alpha":     relate("top*(1-w)", "top", "w"),
		"beta":      relate("sqrt((1-alpha)*(1+alpha))", "alpha"),
		"dalpha":    relate("top*count", "top", "count"),
		"betadbeta": relate("-alpha*dalpha", "alpha", "dalpha"),
		"dbeta":     relate("betadbeta/beta", "betadbeta", "beta"),
	}
	// Beside an entry without noise, beta is.
	besideData = map[string]relation{
		"beta":      relate("top*w", "top", "w"),
		"alpha":     relate("sqrt((1-beta)*(1+beta))", "beta"),
		"dbeta":     relate("-top*count", "top", "count"),
		"betadbeta": relate("beta*dbeta", "beta", "dbeta"),
		"dalpha":    relate("-betadbeta/alpha", "betadbeta", "alpha"),
	}
)

// alongTable are the variables of a discrete path at real indices. The segment that counts is the one that holds the index, or the next
// towards the data where the index is an entry.
func alongTable(g *onnx.Graph, d *schedule.Discrete, index onnx.Ref) *variables {
	logSNR, last := logSNRs(d), d.Count()-1
	v := &variables{g: g, made: map[string]onnx.Ref{"index": index}, relations: map[string]relation{}}
	v.values = map[string]func() onnx.Ref{
		"count": func() onnx.Ref { return scalar(g, float64(d.Count())) },
		"segment": func() onnx.Ref { // by its cleaner entry
			return bounded(g, g.Node("Sub", g.Node("Ceil", index), scalar(g, 1)), 0, float64(max(last-1, 0)))
		},
		"entry": func() onnx.Ref { return g.Node("Cast", v.ref("segment"), onnx.Int("to", int64(onnx.Int64))) },
		"w":     func() onnx.Ref { return g.Node("Sub", index, v.ref("segment")) },
		"step":  func() onnx.Ref { return gather(g, differences(logSNR), v.ref("entry")) },
		"start": func() onnx.Ref { return gather(g, logSNR, v.ref("entry")) },
	}
	v.relations["l"] = relate("start+w*step", "start", "w", "step")
	v.relations["dl"] = relate("-count*step", "count", "step")
	for _, relations := range []map[string]relation{anyPath, betweenEntries} {
		for name, r := range relations {
			v.relations[name] = r
		}
	}
	if last > 0 && math.IsInf(logSNR[last], -1) {
		v = v.except(last-1, besideNoise, d.At(d.Time(schedule.Index(last-1))).Alpha)
	}
	if last > 0 && math.IsInf(logSNR[0], 1) {
		v = v.except(0, besideData, d.At(d.Time(1)).Beta)
	}
	return v
}

// except has other relations in one segment.
func (v *variables) except(segment int, relations map[string]relation, top float64) *variables {
	there := &variables{g: v.g, relations: relations, rest: v, values: map[string]func() onnx.Ref{
		"top": func() onnx.Ref { return scalar(v.g, top) },
	}}
	inside := v.g.Node("Equal", v.ref("segment"), scalar(v.g, float64(segment)))
	both := &variables{g: v.g, relations: anyPath, rest: v, values: map[string]func() onnx.Ref{}}
	for name := range relations {
		both.values[name] = func() onnx.Ref { return v.g.Node("Where", inside, there.ref(name), v.ref(name)) }
	}
	return both
}

func logSNRs(d *schedule.Discrete) []float64 {
	values := make([]float64, d.Count())
	for i := range values {
		bar := d.AlphaBar(schedule.Index(i))
		values[i] = math.Log(bar) - math.Log1p(-bar)
	}
	return values
}

// differences are those between neighbours; the last is 0, so that they are as many.
func differences(values []float64) []float64 {
	out := make([]float64, len(values))
	for i := range len(values) - 1 {
		out[i] = values[i+1] - values[i]
	}
	return out
}

func scalar(g *onnx.Graph, v float64) onnx.Ref { return g.Const("", onnx.Scalar(v)) }

// gather is each entry's value in a table.
func gather(g *onnx.Graph, table []float64, entry onnx.Ref) onnx.Ref {
	return g.Node("Gather", g.Const("", onnx.Vector(table...)), entry)
}

// bounded is the value within bounds; infinite ones are none.
func bounded(g *onnx.Graph, v onnx.Ref, lo, hi float64) onnx.Ref {
	if !math.IsInf(lo, 0) {
		v = g.Node("Max", v, scalar(g, lo))
	}
	if !math.IsInf(hi, 0) {
		v = g.Node("Min", v, scalar(g, hi))
	}
	return v
}
