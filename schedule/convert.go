package schedule

import (
	"fmt"
	"math"
)

// A Conversion is one prediction in terms of another and of the state: q = X x + P p.
type Conversion struct{ X, P float64 }

// Convert is the conversion from one prediction to another at time t. With p = a z + b eps and q = c z + d eps,
//
//	det = alpha b - beta a,   X = (c b - d a)/det,   P = (alpha d - beta c)/det.
//
// At the ends of a path, where these may be 0/0, it is the limit from within. Where the limit does not exist the error is an
// *ImpossibleError: the velocity cannot be had from the noise where alpha = 0, nor the noise from the data where
// beta = 0. A prediction is always itself, whatever det.
func Convert(path Path, from, to Prediction, t float64) (Conversion, error) {
	return convertAt(path, from, to, t, path.At)
}

// ConvertAt is Convert at a point of the path that is at hand already.
func ConvertAt(path Path, from, to Prediction, pt Point) (Conversion, error) {
	return convertAt(path, from, to, pt.T, func(float64) Point { return pt })
}

func convertAt(path Path, from, to Prediction, t float64, at func(float64) Point) (Conversion, error) {
	if !from.Valid() || !to.Valid() {
		panic("schedule: Convert of the zero Prediction")
	}
	if from.Equal(to) {
		return Conversion{X: 0, P: 1}, nil
	}
	conversion, ok := convert(path, from, to, t, at)
	if !ok {
		if side, ok := path.(noiseSide); ok {
			path = side.Discrete
		}
		return Conversion{}, &ImpossibleError{From: from, To: to, Path: path, T: t}
	}
	return conversion, nil
}

func convert(path Path, from, to Prediction, t float64, at func(float64) Point) (Conversion, bool) {
	if c, ok := path.(*Continuous); ok && (t == 0 || t == 1) {
		if conversion, known := c.ends[int(t)].convert(from, to); known {
			return conversion, conversion.finite()
		}
	}
	pt := at(t)
	a, b := from.Weights(pt)
	c, d := to.Weights(pt)
	if conversion := solve(pt.Alpha, pt.Beta, a, b, c, d); conversion.finite() {
		return conversion, true
	}
	// Again with z and eps/beta as the unknowns: the score and beta' = betadbeta/beta stay finite where beta is 0.
	a, b = from.ScoreWeights(pt)
	c, d = to.ScoreWeights(pt)
	if conversion := solve(pt.Alpha, pt.Beta*pt.Beta, a, b, c, d); conversion.finite() {
		return conversion, true
	}
	conversion := Conversion{P: multiple(from, to, pt)}
	return conversion, conversion.finite()
}

// solve is the 2x2 solve: X and P such that c z + d e = X (alpha z + beta e) + P (a z + b e) for all z and e.
func solve(alpha, beta, a, b, c, d float64) Conversion {
	det := alpha*b - beta*a
	// + 0 makes a negative zero positive.
	return Conversion{X: (c*b-d*a)/det + 0, P: (alpha*d-beta*c)/det + 0}
}

// multiple is the factor by which to is from, whatever the path, for pairs that are multiples of each other as they are written;
// NaN for others.
func multiple(from, to Prediction, pt Point) float64 {
	a, b := from.Weights(pt)
	c, d := to.Weights(pt)
	_, w := from.ScoreWeights(pt)
	_, v := to.ScoreWeights(pt)
	reverse := from.Equal(Velocity) && to.Equal(ReverseVelocity) || from.Equal(ReverseVelocity) && to.Equal(Velocity)
	switch {
	case reverse:
		return -1
	case from.data.root.is(0) && to.data.root.is(0):
		if ratio := d / b; !math.IsNaN(ratio) && !math.IsInf(d, 0) && !math.IsInf(b, 0) {
			return ratio + 0
		}
		if math.IsInf(w, 0) {
			return math.NaN()
		}
		return v/w + 0
	case from.noise.root.is(0) && to.noise.root.is(0):
		return c/a + 0
	}
	return math.NaN()
}

func (c Conversion) finite() bool {
	sum := c.X + c.P
	return !math.IsNaN(sum) && !math.IsInf(c.X, 0) && !math.IsInf(c.P, 0)
}

// convert solves the same equations in series, and takes the limit of the solution. known is false where the series do not
// tell (an essential singularity, say).
func (e *end) convert(from, to Prediction) (conversion Conversion, known bool) {
	alpha, beta := e.variables[1], e.variables[2]
	a, b := from.data.root.expand(e.variables), from.noise.root.expand(e.variables)
	c, d := to.data.root.expand(e.variables), to.noise.root.expand(e.variables)
	det := alpha.times(b).minus(beta.times(a))
	x := c.times(b).minus(d.times(a))
	p := alpha.times(d).minus(beta.times(c))
	conversion = Conversion{X: x.over(det).limit() + 0, P: p.over(det).limit() + 0}
	// A prediction that is itself infinite there (as the data and eps/beta are not) tells nothing, except about its multiples.
	infinite := math.IsInf(a.limit(), 0) || math.IsInf(b.times(beta).limit(), 0)
	if infinite && (len(x.terms) > 0 || conversion.P == 0) {
		conversion = Conversion{X: math.Inf(1), P: math.Inf(1)}
	}
	return conversion, !math.IsNaN(conversion.X) && !math.IsNaN(conversion.P)
}

// ImpossibleError says that a conversion has no limit at a time. Its message names the times at which the conversion exists.
type ImpossibleError struct {
	From, To Prediction
	Path     Path
	T        float64
}

// Error says what cannot be had from what, when, why, and at which times it can.
func (e *ImpossibleError) Error() string {
	return fmt.Sprintf("%s cannot be had from %s at t=%.6g on path %s: %s%s", e.To, e.From, e.T, describe(e.Path), e.reason(), e.safe())
}

func (e *ImpossibleError) reason() string {
	p := e.Path.At(e.T)
	if d, ok := e.Path.(*Discrete); ok && math.IsNaN(p.Alpha) {
		return fmt.Sprintf("the path has no states there, only its %d trained steps with what lies between them, and clean data at t=1", d.Count())
	}
	switch {
	case p.Alpha == 0:
		return "the state is pure noise there (alpha = 0) and the limit does not exist"
	case p.Beta == 0:
		return "the state is clean data there (beta = 0) and the limit does not exist"
	case math.IsNaN(p.Alpha + p.Beta):
		return "alpha or beta is not a number there"
	case math.IsNaN(p.DAlpha + p.DBeta):
		return "the path has no derivative there"
	}
	return "the network's prediction says nothing there beyond the state itself"
}

// safe lists where the conversion exists, judged at the ends of the path and inside it.
func (e *ImpossibleError) safe() string {
	exists := func(t float64) bool {
		_, ok := convert(e.Path, e.From, e.To, t, e.Path.At)
		return ok
	}
	if d, ok := e.Path.(*Discrete); ok {
		last, first := Index(d.Count()-1), Index(0)
		if !exists(d.Time(last)) {
			last--
		}
		if !exists(d.Time(first)) {
			first++
		}
		if first > last {
			return "; it exists at no trained step"
		}
		return fmt.Sprintf("; it exists at the trained steps %d to %d (t from %.6g to %.6g)", last, first, d.Time(last), d.Time(first))
	}
	for _, t := range append(sampleTimes(e.Path), e.T) {
		if 0 < t && t < 1 && !exists(t) {
			return "" // not a matter of the ends: no interval can be promised
		}
	}
	less := map[bool]string{true: "<=", false: "<"}
	return fmt.Sprintf("; it exists for 0 %s t %s 1", less[exists(0)], less[exists(1)])
}

// describe is the path's text, or what it is where that would fill the screen.
func describe(path Path) string {
	text := path.String()
	if d, ok := path.(*Discrete); ok && len(text) > 100 {
		return fmt.Sprintf("(a table of %d)", d.Count())
	}
	return clip(text, 100)
}
