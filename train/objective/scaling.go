package objective

import (
	"fmt"
	"math"

	"odeon/graph"
	"odeon/schedule"
)

// Scaling standardises data inside a network's graph, so that the layers see and give numbers of the order of 1 whatever the
// data, the path and the prediction. With mean m and standard deviation s of the data, the state x_t has mean alpha m and
// variance alpha^2 s^2 + beta^2, and the target a z + b eps has mean a m and variance a^2 s^2 + b^2. So
//
//	x_in = (x - alpha m)/sqrt(alpha^2 s^2 + beta^2),   p = a m + sqrt(a^2 s^2 + b^2) net(x_in, t).
//
// (The input's factor is c_in of Karras et al. 2022, https://arxiv.org/abs/2206.00364, table 1.) What a sampler sees is the state and the
// prediction as they are.
type Scaling struct {
	Mean, Std []float64   // of the data; a Std below 1e-6 counts as 1e-6
	Shape     graph.Shape // of both, broadcast against one sample: [3, 1, 1] for channels of pictures; nil for one number
}

const leastStd = 1e-6

// A Fit is a scaling for one objective.
type Fit struct {
	Scaling
	terms *terms
}

// For fits the scaling to an objective, and says what is wrong with either.
func (s Scaling) For(o *Objective) (*Fit, error) {
	t, err := o.terms()
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return &Fit{s, t}, nil
}

// tolerable is how far from 1 numbers may be before they are worth scaling.
const tolerable = 2.5

// Needed tells whether a network for the objective is worth the scaling: whether at some time a mean of the state or a target is beyond 2.5,
// or a standard deviation of theirs is beyond 2.5 or below 1/2.5. That depends on the path and the prediction, too: the score, the
// velocity on vp, and the states of ve and edm always are.
func (f *Fit) Needed() bool {
	const looks = 64
	for i := range looks + 1 {
		m := f.terms.at(f.terms.time(float64(i) / looks))
		if f.far(m.scale*m.alpha, m.scale*m.beta) {
			return true
		}
		for k := range m.targets {
			if f.far(m.data[k], m.noise[k]) {
				return true
			}
		}
	}
	return false
}

// far tells whether a z + b eps is far from numbers of the order of 1.
func (s Scaling) far(a, b float64) bool {
	for i, mean := range s.Mean {
		std := math.Hypot(a*s.std(i), b)
		if math.Abs(a*mean) > tolerable || std > tolerable || std < 1/tolerable {
			return true
		}
	}
	return false
}

func (s Scaling) std(i int) float64 { return max(s.Std[i], leastStd) }

func (s Scaling) check() error {
	if n := s.Shape.Count(1); len(s.Mean) != n || len(s.Std) != n {
		return fmt.Errorf("scaling: %d means and %d standard deviations, expected %d of each for the shape %v", len(s.Mean), len(s.Std), n, s.Shape)
	}
	for i := range s.Mean {
		if sum := s.Mean[i] + s.Std[i]; math.IsNaN(sum) || math.IsInf(sum, 0) || s.Std[i] < 0 {
			return fmt.Errorf("scaling: mean %v and standard deviation %v; expected finite numbers, the second not negative", s.Mean[i], s.Std[i])
		}
	}
	return nil
}

// Scaled is a scaling in a graph, with its coefficients as functions of the network's time input.
type Scaled struct {
	g              *graph.Graph
	mean, variance *graph.Value
	alpha, beta    *graph.Value
	data, noise    []*graph.Value // a and b of each prediction
}

// In adds the coefficients to a graph, for states of so many axes (the batch's included). time is the network's input, [batch], which
// must be a linear function of t, or of the index on a discrete path, so that the graph can tell t. Times outside the objective's
// Limits count as the nearest inside, so that all coefficients are finite.
func (f *Fit) In(g *graph.Graph, time *graph.Value, axes int) (*Scaled, error) {
	if scale := f.terms.Scale.String(); scale != "1" {
		return nil, fmt.Errorf("scaling: the state has the scale %s already; leave it out, the scaling inside the network takes its place", scale)
	}
	if len(f.Shape) >= axes {
		return nil, fmt.Errorf("scaling: means of shape %v for samples of %d axes", f.Shape, axes-1)
	}
	column := make([]int, axes)
	for i := range column {
		column[i] = 1
	}
	column[0] = graph.Batch
	scaled := &Scaled{g: g}
	if err := scaled.coefficients(f.terms, g.Reshape(time, column...)); err != nil {
		return nil, err
	}
	variance := make([]float64, len(f.Std))
	for i := range variance {
		variance[i] = f.std(i) * f.std(i)
	}
	scaled.mean, scaled.variance = g.Constant(f.Mean, f.Shape), g.Constant(variance, f.Shape)
	return scaled, nil
}

// Input is the state as the network sees it.
func (s *Scaled) Input(x *graph.Value) *graph.Value {
	return s.g.Div(s.g.Sub(x, s.g.Mul(s.alpha, s.mean)), s.std(s.alpha, s.beta))
}

// Output is prediction k, made of what the network gives for it.
func (s *Scaled) Output(k int, net *graph.Value) *graph.Value {
	return s.g.Add(s.g.Mul(s.data[k], s.mean), s.g.Mul(s.std(s.data[k], s.noise[k]), net))
}

// std is the standard deviation of a z + b eps.
func (s *Scaled) std(a, b *graph.Value) *graph.Value {
	return s.g.Sqrt(s.g.Add(s.g.Mul(s.g.Mul(a, a), s.variance), s.g.Mul(b, b)))
}

// coefficients sets alpha, beta and the predictions' weights as functions of the number that the network is fed.
func (s *Scaled) coefficients(o *terms, fed *graph.Value) error {
	if o.discrete != nil {
		return s.tabulated(o, fed)
	}
	path, ok := o.Path.(*schedule.Continuous)
	if !ok {
		return fmt.Errorf("scaling: the path %s has no formulas", o.Path)
	}
	t, err := invert(s.g, fed, o.Time, func(t float64) float64 { return o.at(t).time }, o.limits.From, o.limits.To)
	if err != nil {
		return err
	}
	values := pathValues{g: s.g, path: path, known: map[string]*graph.Value{"t": t}}
	s.alpha, s.beta = values.named("alpha"), values.named("beta")
	for _, p := range o.Predictions {
		a, b := p.Formulas()
		s.data = append(s.data, values.formula(a))
		s.noise = append(s.noise, values.formula(b))
	}
	return nil
}

// tabulated looks the coefficients up by trained index.
func (s *Scaled) tabulated(o *terms, fed *graph.Value) error {
	cleanest, noisiest := int(o.limits.Cleanest), int(o.limits.Noisiest)
	index, err := invert(s.g, fed, o.Time, func(i float64) float64 { return o.fed(i) }, float64(cleanest), float64(noisiest))
	if err != nil {
		return err
	}
	index = s.g.Sub(index, s.g.Scalar(float64(cleanest)))
	column := func(of func(m moment) float64) *graph.Value {
		numbers := make([]float64, noisiest-cleanest+1)
		for i := range numbers {
			numbers[i] = of(o.at(o.discrete.Time(schedule.Index(cleanest + i))))
		}
		return table(s.g, numbers, index)
	}
	s.alpha = column(func(m moment) float64 { return m.alpha })
	s.beta = column(func(m moment) float64 { return m.beta })
	for k := range o.Predictions {
		s.data = append(s.data, column(func(m moment) float64 { return m.data[k] }))
		s.noise = append(s.noise, column(func(m moment) float64 { return m.noise[k] }))
	}
	return nil
}

// fed is what the network is fed for a trained index, whole or not.
func (o *terms) fed(index float64) float64 {
	count := float64(o.discrete.Count())
	return o.at(1 - (index+1)/count).time
}

// invert is x, from first to last, of the number p + q x that the network is fed.
func invert(g *graph.Graph, fed *graph.Value, formula *schedule.Formula, of func(x float64) float64, first, last float64) (*graph.Value, error) {
	p, q, ok := line(of, first, last)
	if !ok {
		return nil, fmt.Errorf("scaling: the network is fed %s, from which its graph cannot tell the time; expected a linear function of t (of index on a discrete path), or leave the scaling out", formula)
	}
	x := fed
	if q != 1 {
		x = g.Mul(x, g.Scalar(1/q))
	}
	if p != 0 {
		x = g.Sub(x, g.Scalar(p/q))
	}
	return g.Min(g.Max(x, g.Scalar(first)), g.Scalar(last)), nil
}

// pathValues are the variables of a path in a graph, each made when it is first asked for.
type pathValues struct {
	g     *graph.Graph
	path  *schedule.Continuous
	known map[string]*graph.Value
}

// derived are the variables that are made of others.
var derived = map[string]*schedule.Formula{
	"sigma":  schedule.MustFormula("beta/alpha", "alpha", "beta"),
	"logsnr": schedule.MustFormula("2*(log(alpha)-log(beta))", "alpha", "beta"),
}

func (v pathValues) named(name string) *graph.Value {
	if value, ok := v.known[name]; ok {
		return value
	}
	f, ok := v.path.Formulas()[name]
	if !ok {
		f, ok = derived[name]
	}
	if !ok {
		panic(fmt.Sprintf("objective: the variable %q does not exist on the path %s", name, v.path))
	}
	value := v.formula(f)
	v.known[name] = value
	return value
}

// formula is a formula in variables of the path.
func (v pathValues) formula(f *schedule.Formula) *graph.Value {
	values := make([]*graph.Value, len(f.Variables()))
	for i, name := range f.Variables() {
		if f.Uses(name) {
			values[i] = v.named(name)
		}
	}
	return Formula(v.g, f, values...)
}
