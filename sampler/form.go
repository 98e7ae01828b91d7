package sampler

import (
	"math"

	"odeon/schedule"
)

// A form writes the walk as an integral of one functional f of data and noise, and a solver approximates f by a polynomial:
//
//	x'/w' = x/w + int f dm
//
//	form       f     w       m
//	data       z     beta    alpha/beta
//	noise      eps   alpha   beta/alpha
//	velocity   u     1       t; on a discrete path lambda, and u/lambda' for u
//
// (On a discrete path t only counts the trained steps, and u jumps at each of them with the slope of lambda; u/lambda' does not.)
//
// The first two follow from x = alpha z + beta eps alone, since along the ODE alpha dz + beta deps = 0; they are exact however far
// a step goes, as long as f does not change, and on a straight line in m. With lambda = log(alpha/beta), m is exp(lambda)
// in the data form and exp(-lambda) in the noise form, which makes of the integral the exponential one of Lu et al. 2022,
// https://arxiv.org/abs/2206.00927, proposition 3.1, on any path.
//
// An SDE's score draws the state towards the data. With K the integral of sigma^2/(2 beta^2) dt, the data form holds for every
// diffusion coefficient if w is beta exp(-K) and m is alpha/w; the noise then adds up to beta' sqrt(1 - exp(-2 (K'-K))).
type form int

const (
	noForm form = iota
	dataForm
	noiseForm
	velocityForm
)

// functional is the form's f.
func (f form) functional() schedule.Prediction {
	return [...]schedule.Prediction{{}, schedule.Data, schedule.Noise, schedule.Velocity}[f]
}

// weights are w and w m, without K. Both are finite where m is not.
func (f form) weights(n node) (w, wm float64) {
	switch f {
	case dataForm:
		return n.point.Beta, n.point.Alpha
	case noiseForm:
		return n.point.Alpha, n.point.Beta
	}
	return 1, n.t
}

// A variable is what the polynomials that stand for f are polynomials in.
type variable int

const (
	byMeasure variable = iota // m itself: t, or the noise level beta/alpha of the noise form
	byLambda                  // half the log-SNR
	byTime
)

// of is the variable's value at a node.
func (v variable) of(f form, n node) float64 {
	switch v {
	case byLambda:
		return n.lambda()
	case byTime:
		return n.t
	}
	w, wm := f.weights(n)
	return wm / w
}

// lambda is half the log-SNR.
func (n node) lambda() float64 { return math.Log(n.point.Alpha) - math.Log(n.point.Beta) }

// between is the node at a share of the way from one to another, by the variable. On a discrete path with an integer time input it
// is the nearest trained step.
func (b *builder) between(v variable, f form, from, to node, share float64) node {
	if share == 1 {
		return to
	}
	x, y := v.of(f, from), v.of(f, to)
	at := x + share*(y-x)
	switch {
	case v == byLambda:
		return b.at(schedule.TimeAt(b.model.Path, 2*at))
	case v == byMeasure && f == dataForm:
		return b.at(schedule.TimeAt(b.model.Path, 2*math.Log(at)))
	case v == byMeasure && f == noiseForm:
		return b.at(schedule.TimeAt(b.model.Path, -2*math.Log(at)))
	}
	return b.at(from.t + share*(to.t-from.t))
}

// stride is the form over one step: x' = keep x + int f dm + c xi, where the integral of 1 is whole.
type stride struct {
	form     form
	over     variable
	from, to node
	path     schedule.Path

	keep, whole, c float64
	rate           float64   // m grows like exp(rate theta) from the step's begin, theta = 0, to its end, theta = 1
	within         []float64 // w' m of the form at the nodes of gauss, where the variable is the time; nil: not yet known
	scale          float64   // int exp(rate (theta - 1)) rate d theta is multiplied by this
}

// stride measures the step from one node to another.
func (b *builder) stride(f form, over variable, from, to node) (stride, error) {
	s := stride{form: f, over: over, from: from, to: to, path: b.model.Path}
	w, wm := f.weights(from)
	w1, wm1 := f.weights(to)
	h := to.lambda() - from.lambda()
	switch f {
	case dataForm:
		decay, err := b.decay(from, to, h)
		if err != nil {
			return s, err
		}
		s.keep = w1 / w * math.Exp(-decay)
		s.whole = wm1 - s.keep*wm
		s.c = w1 * math.Sqrt(-math.Expm1(-2*decay))
		s.rate, s.scale = h+decay, wm1
	case noiseForm:
		// d(x/alpha) = (1+eta) eps dm + noise of variance 2 eta exp(-2 lambda) d lambda; 1-eta on the way to noise.
		// To clean data it is the ODE's jump.
		eta := b.eta
		if to.point.Beta == 0 {
			eta = 0
		}
		share := 1 + math.Copysign(eta, h)
		s.keep = w1 / w
		s.whole = share * (wm1 - s.keep*wm)
		if eta != 0 {
			s.c = math.Sqrt(eta * math.Abs(s.keep*wm-wm1) * (s.keep*wm + wm1))
		}
		s.rate, s.scale = -h, share*wm1
	default:
		s.keep, s.whole = 1, wm1-wm
		if over == byLambda {
			s.whole = h
		}
	}
	if b.quiet != "" {
		s.c = 0
	}
	if !finite(s.keep, s.whole, s.c) {
		return s, &noCallError{t: from.t, why: "the state there is not made of the " + f.functional().String() + " that the solver goes by"}
	}
	return s, nil
}

// decay is how much K grows over a step in which lambda grows by h: eta h, for sigma^2 = 2 eta |lambda'| beta^2, or the integral.
func (b *builder) decay(from, to node, h float64) (float64, error) {
	if b.eta != 0 {
		return b.eta * math.Abs(h), nil
	}
	if b.settings.Sigma.IsZero() || to.point.Beta == 0 {
		return 0, nil
	}
	sum := 0.0
	for i, share := range gauss.nodes {
		p := b.model.Path.At(from.t + share*(to.t-from.t))
		sigma, err := b.settings.Sigma.At(p)
		if err != nil {
			return 0, &noCallError{t: p.T, why: err.Error()}
		}
		sum += gauss.weights[i] * sigma * sigma / (2 * p.Beta * p.Beta)
	}
	return sum * math.Abs(to.t-from.t), nil
}

// straight says whether f can only be taken as constant: an end of the step lies at infinity, or the step stays where it is.
func (s *stride) straight() bool {
	furthest := gauss.nodes[len(gauss.nodes)-1]
	if s.over == byTime && !finite(s.path.At(s.from.t+furthest*(s.to.t-s.from.t)).Alpha) {
		return true // between the cleanest trained step and clean data
	}
	x, y := s.over.of(s.form, s.from), s.over.of(s.form, s.to)
	return !finite(x, y) || x == y
}

// theta is where a node lies, by the variable: 0 at the step's begin, 1 at its end, below 0 before.
func (s *stride) theta(n node) float64 {
	x := s.over.of(s.form, s.from)
	return (s.over.of(s.form, n) - x) / (s.over.of(s.form, s.to) - x)
}

// moment is w' int theta^i dm.
func (s *stride) moment(i int) float64 {
	switch {
	case i == 0:
		return s.whole
	case s.over == byMeasure || s.form == velocityForm:
		return s.whole / float64(i+1)
	case s.over == byLambda:
		return s.scale * exponential(i, s.rate)
	}
	// By parts: w'm' - i int theta^(i-1) w' m d theta, with w' m = wm (w'/w).
	w1, wm1 := s.form.weights(s.to)
	if s.within == nil {
		for _, theta := range gauss.nodes {
			n := node{path: s.path, point: s.path.At(s.from.t + theta*(s.to.t-s.from.t))}
			w, wm := s.form.weights(n)
			s.within = append(s.within, wm*w1/w)
		}
	}
	sum := 0.0
	for j, theta := range gauss.nodes {
		sum += gauss.weights[j] * math.Pow(theta, float64(i-1)) * s.within[j]
	}
	return wm1 - float64(i)*sum
}

// exponential is r int theta^i exp(r (theta-1)) d theta from 0 to 1. It is i! r phi_(i+1)(-r) of the exponential integrators
// (Hochbruck and Ostermann 2010, equation 2.10). By parts it is 1 - (i/r) times the one before, which cancels where r is small.
func exponential(i int, r float64) float64 {
	if math.Abs(r) > 4 {
		value := -math.Expm1(-r)
		for k := 1; k <= i; k++ {
			value = 1 - float64(k)/r*value
		}
		return value
	}
	sum := 0.0
	for j, theta := range gauss.nodes {
		sum += gauss.weights[j] * math.Pow(theta, float64(i)) * math.Exp(r*(theta-1))
	}
	return r * sum
}

// gauss is the Gauss-Legendre rule of twelve points on [0, 1] (Abramowitz and Stegun 1964, table 25.4).
var gauss = func() (rule struct{ nodes, weights []float64 }) {
	for _, point := range [][2]float64{
		{0.125233408511468915472, 0.249147045813402785001}, {0.367831498998180193753, 0.233492536538354808761},
		{0.587317954286617447297, 0.203167426723065921749}, {0.769902674194304687037, 0.160078328543346226335},
		{0.904117256370474856678, 0.106939325995318430960}, {0.981560634246719250690, 0.047175336386511827195},
	} {
		rule.nodes = append(rule.nodes, (1-point[0])/2, (1+point[0])/2)
		rule.weights = append(rule.weights, point[1]/2, point[1]/2)
	}
	return rule
}()

// A rule is how a solver departs from the exact integral of theta^i, for a polynomial of the given degree. Nil: not at all.
type rule func(s *stride, degree, i int) float64

// interpolated are the weights of f at the nodes theta: the integral of the polynomial through them.
func (s *stride) interpolated(theta []float64, r rule) []float64 {
	weights := make([]float64, len(theta))
	for i := range weights {
		if weights[i] = s.moment(i); r != nil && i > 0 {
			weights[i] = r(s, len(theta)-1, i)
		}
	}
	vandermonde(weights, theta)
	for i, w := range weights {
		if math.Abs(w) < 1e-13*math.Abs(s.whole) { // what rounding leaves of a weight that is 0
			weights[i] = 0
		}
	}
	return weights
}

// vandermonde solves sum_j theta_j^i c_j = m_i, c in place of m (Bjorck and Pereyra 1970; Golub and Van Loan, algorithm 4.6.2).
func vandermonde(m, theta []float64) {
	last := len(theta) - 1
	for k := range last {
		for i := last; i > k; i-- {
			m[i] -= theta[k] * m[i-1]
		}
	}
	for k := last - 1; k >= 0; k-- {
		for i := k + 1; i <= last; i++ {
			m[i] /= theta[i] - theta[i-k-1]
		}
		for i := k; i < last; i++ {
			m[i] -= m[i+1]
		}
	}
}

// evaluation is a value of f that the plan remembers: where it was taken, and in which of the plan's calls.
type evaluation struct {
	node
	call int
}

// column is a row's B: weights of evaluations, the newest first.
func (b *builder) column(from []evaluation, weights []float64) []float64 {
	var column []float64
	for i, e := range from {
		age := b.calls - 1 - e.call
		for len(column) <= age {
			column = append(column, 0)
		}
		column[age] += weights[i]
	}
	return column
}
