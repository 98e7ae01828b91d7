package rewrite

import (
	"math"
	"slices"
	"strings"

	"odeon/onnx"
	"odeon/schedule"
)

// coefficient is a number of a moment for every sample of a batch: a constant, or a float64 value in the graph, of the clock's shape.
type coefficient struct {
	constant float64
	ref      onnx.Ref // None: it is the constant
}

func (k coefficient) is(v float64) bool { return k.ref == onnx.None && k.constant == v }

// coefficients are a moment in the graph.
type coefficients struct {
	input, scale coefficient
	x, p         []coefficient // for each prediction
}

// all are the coefficients, and picked the numbers of a moment in the same order.
func (k *coefficients) all() []*coefficient {
	all := []*coefficient{&k.input, &k.scale}
	for i := range k.x {
		all = append(all, &k.x[i], &k.p[i])
	}
	return all
}

func (m moment) all() []float64 {
	all := []float64{m.input, m.scale}
	for _, q := range m.to {
		all = append(all, q.X, q.P)
	}
	return all
}

func (c *change) newCoefficients() *coefficients {
	return &coefficients{x: make([]coefficient, len(c.to)), p: make([]coefficient, len(c.to))}
}

// tabled looks the moments of a discrete path up by the index, a whole number. Entries at which the change does not exist are NaN.
func (c *change) tabled(g *onnx.Graph, d *schedule.Discrete, index onnx.Ref) *coefficients {
	k := c.newCoefficients()
	tables := make([][]float64, len(k.all()))
	for i := range schedule.Index(d.Count()) {
		m, err := c.at(d.Time(i))
		row := m.all()
		for j := range tables {
			value := math.NaN()
			if err == nil {
				value = row[j]
			}
			tables[j] = append(tables[j], value)
		}
	}
	for j, into := range k.all() {
		if table := tables[j]; slices.Min(table) == slices.Max(table) {
			into.constant = table[0]
		} else {
			into.ref = gather(g, table, index)
		}
	}
	return k
}

// computed writes the moments as nodes, from the clock in float64: t, or a real index.
func (c *change) computed(g *onnx.Graph, clock onnx.Ref) *coefficients {
	path := along(g, c.onto, clock)
	own, ratio := path, onnx.None
	if c.across {
		own = along(g, c.own, c.inverse().write(g, path.ref("sigma")))
		ratio = c.ratio(g, path, own)
	}
	k := c.newCoefficients()
	names := schedule.TimeVariables(c.own)
	k.input = own.coefficient(c.time, names)
	k.scale = coefficient{constant: 1}
	if c.scale != nil {
		k.scale = own.coefficient(c.scale, names)
	}
	k.scale = k.scale.times(g, ratio)
	known := c.known()
	for i, to := range c.to {
		s := schedule.Symbolize(c.from, to, c.across, known)
		v := meeting(g, path, own)
		if s.Det != nil {
			v.values["det"] = func() onnx.Ref { return v.write(relation{s.Det, schedule.SymbolicVariables()}) }
		}
		k.x[i] = v.coefficient(s.X, schedule.SymbolicVariables()).times(g, ratio)
		k.p[i] = v.coefficient(s.P, schedule.SymbolicVariables())
	}
	c.mendEnds(g, clock, k)
	return k
}

// known are the variables of the paths that do not change along them, such as the derivatives along condot.
func (c *change) known() map[string]float64 {
	known := map[string]float64{}
	add := func(path schedule.Path, suffix string) {
		p, ok := path.(*schedule.Continuous)
		if !ok {
			return
		}
		for name, f := range p.Formulas() {
			if !f.Uses("t") {
				known[name+suffix] = f.Eval(0)
			}
		}
	}
	add(c.onto, "")
	if c.across {
		add(c.own, schedule.OwnSuffix)
	}
	return known
}

// ratio is s in x_A = s x: that of the paths' total standard deviations.
func (c *change) ratio(g *onnx.Graph, path, own *variables) onnx.Ref {
	square := func(v *variables) onnx.Ref { return v.write(relate("alpha^2+beta^2", "alpha", "beta")) }
	var ratio onnx.Ref
	switch plain, suffixed := preservesVariance(c.onto), preservesVariance(c.own); {
	case plain && suffixed:
		return onnx.None
	case plain:
		ratio = square(own)
	case suffixed:
		ratio = g.Node("Reciprocal", square(path))
	default:
		ratio = g.Node("Div", square(own), square(path))
	}
	return g.Node("Sqrt", ratio)
}

// meeting are the variables of a conversion: those of the path, and of the network's own with their suffix.
func meeting(g *onnx.Graph, path, own *variables) *variables {
	v := &variables{g: g, values: map[string]func() onnx.Ref{}, rest: path}
	for _, name := range schedule.SymbolicVariables() {
		if plain, ok := strings.CutSuffix(name, schedule.OwnSuffix); ok {
			v.values[name] = func() onnx.Ref { return own.ref(plain) }
		}
	}
	return v
}

// coefficient writes a formula, unless it is a constant.
func (v *variables) coefficient(f *schedule.Formula, names []string) coefficient {
	if !slices.ContainsFunc(names, f.Uses) {
		return coefficient{constant: f.Eval(make([]float64, len(names))...)}
	}
	return coefficient{ref: v.write(relation{f, names})}
}

func (k coefficient) times(g *onnx.Graph, factor onnx.Ref) coefficient {
	switch {
	case factor == onnx.None || k.is(0):
		return k
	case k.is(1):
		return coefficient{ref: factor}
	}
	return coefficient{ref: g.Node("Mul", k.in(g), factor)}
}

// in is the coefficient as a value of the graph.
func (k coefficient) in(g *onnx.Graph) onnx.Ref {
	if k.ref == onnx.None {
		return scalar(g, k.constant)
	}
	return k.ref
}

// mendEnds puts the limits in place of what the formulas give at an end of the path, where they give something else (0/0, say).
func (c *change) mendEnds(g *onnx.Graph, clock onnx.Ref, k *coefficients) {
	ends := []struct {
		t, clock float64
		beyond   string // the operator that tells times there
	}{{0, 0, "LessOrEqual"}, {1, 1, "GreaterOrEqual"}}
	if d, ok := c.onto.(*schedule.Discrete); ok {
		noisiest := schedule.Index(d.Count() - 1)
		ends[0].t, ends[0].clock, ends[0].beyond = d.Time(noisiest), float64(noisiest), "GreaterOrEqual"
		ends[1].t, ends[1].clock, ends[1].beyond = d.Time(0), 0, "LessOrEqual"
	}
	for _, end := range ends {
		m, err := c.at(end.t)
		if err != nil || same(m.all(), c.raw(end.t).all()) {
			continue
		}
		there := g.Node(end.beyond, clock, scalar(g, end.clock))
		limits := m.all()
		for j, into := range k.all() {
			if into.ref != onnx.None {
				into.ref = g.Node("Where", there, scalar(g, limits[j]), into.ref)
			}
		}
	}
}

func same(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 1e-9*math.Abs(x) })
}

// raw is the moment at an end of the path as the nodes compute it: from the formulas' own values there.
func (c *change) raw(t float64) moment {
	point := rawPoint(c.onto, t)
	own, ratio := point, 1.
	if c.across {
		own = rawPoint(c.own, schedule.TimeAt(c.own, c.onto.At(t).LogSNR()))
		ratio = math.Sqrt((own.Alpha*own.Alpha + own.Beta*own.Beta) / (point.Alpha*point.Alpha + point.Beta*point.Beta))
	}
	values := schedule.TimeValues(nil, own)
	m := moment{input: c.time.Eval(values...), scale: ratio}
	if c.integer {
		m.input = math.RoundToEven(m.input)
	}
	if c.scale != nil {
		m.scale *= c.scale.Eval(values...)
	}
	for _, s := range c.solutions {
		x, p := evaluate(s, point, own)
		m.to = append(m.to, schedule.Conversion{X: x * ratio, P: p})
	}
	return m
}

func rawPoint(path schedule.Path, t float64) schedule.Point {
	c, ok := path.(*schedule.Continuous)
	if !ok {
		return path.At(t)
	}
	f := c.Formulas()
	return schedule.Point{
		T: t, Alpha: f["alpha"].Eval(t), Beta: f["beta"].Eval(t), DAlpha: f["dalpha"].Eval(t), DBeta: f["dbeta"].Eval(t), BetaDBeta: f["betadbeta"].Eval(t),
		Index: math.NaN(), Count: math.NaN(),
	}
}
