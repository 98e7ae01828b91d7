package schedule

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// A Prediction is what a network gives: a linear functional a z + b eps of data z and noise eps (its conditional
// expectation given x, that is). The zero value is none. Compare with Equal.
type Prediction struct {
	name string
	// The weights, in weightVariables. score is b beta, written such that it stays finite where beta vanishes.
	data, noise, score *Formula
}

// The named predictions.
var (
	Data            = named("data", "1", "0", "0")                                 // z, often written x0 or x1
	Noise           = named("noise", "0", "1", "beta")                             // eps
	Score           = named("score", "0", "-1/beta", "-1")                         // grad log p_t = -eps/beta
	Velocity        = named("velocity", "dalpha", "dbeta", "betadbeta")            // u = alpha' z + beta' eps
	V               = named("v", "-beta", "alpha", "alpha*beta")                   // Salimans and Ho 2022, https://arxiv.org/abs/2202.00512
	ReverseVelocity = named("reverse-velocity", "-dalpha", "-dbeta", "-betadbeta") // -u: time runs from data to noise
)

// Predictions are the named predictions.
func Predictions() []Prediction {
	return []Prediction{Velocity, Data, Noise, Score, V, ReverseVelocity}
}

// weightVariables are the variables of weights: those of time, and the path's derivatives.
var weightVariables = append(append([]string(nil), timeVariables...), "dalpha", "dbeta", "betadbeta")

func named(name, data, noise, score string) Prediction {
	return Prediction{
		name:  name,
		data:  MustFormula(data, weightVariables...),
		noise: MustFormula(noise, weightVariables...),
		score: MustFormula(score, weightVariables...),
	}
}

// ParsePrediction is the prediction of that name: velocity, data, noise, score, v or reverse-velocity.
func ParsePrediction(name string) (Prediction, error) {
	var names []string
	for _, p := range Predictions() {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return Prediction{}, fmt.Errorf("unknown prediction %q%s; expected one of %s, or a functional {\"data\": \"a\", \"noise\": \"b\"}",
		clip(name, 40), hint(name, names), strings.Join(names, ", "))
}

// NewPrediction is the functional a z + b eps with a and b formulas in TimeVariables(path). It is an error where it tells
// nothing about z and eps beyond x itself: both weights zero, or a : b = alpha : beta at all times.
func NewPrediction(data, noise string, path Path) (Prediction, error) {
	a, err := weight("data", data, path)
	if err != nil {
		return Prediction{}, err
	}
	b, err := weight("noise", noise, path)
	if err != nil {
		return Prediction{}, err
	}
	beta := MustFormula("beta", weightVariables...).root
	p := Prediction{
		name:  fmt.Sprintf("%s*z + %s*eps", bracketed(a), bracketed(b)),
		data:  a,
		noise: b,
		score: &Formula{root: mul(b.root, beta), variables: weightVariables},
	}
	return p, p.check(path)
}

// weight reads a formula in the path's TimeVariables, which are the first of weightVariables.
func weight(which, text string, path Path) (*Formula, error) {
	f, err := ParseFormula(text, TimeVariables(path)...)
	if err != nil {
		return nil, fmt.Errorf("prediction: weight of %s: %w", which, err)
	}
	return &Formula{root: f.root, variables: weightVariables}, nil
}

func bracketed(f *Formula) string {
	if f.root.prec() < precPower {
		return "(" + f.String() + ")"
	}
	return f.String()
}

func (p Prediction) check(path Path) error {
	times := sampleTimes(path)
	zero, parallel := len(times) > 0, len(times) > 0
	for _, t := range times {
		pt := path.At(t)
		a, b := p.Weights(pt)
		if math.IsNaN(a) || math.IsInf(a, 0) || math.IsNaN(b) || math.IsInf(b, 0) {
			return fmt.Errorf("prediction %s: the weights are %g and %g at t=%.4g of path %s; they must be finite there", p, a, b, t, describe(path))
		}
		zero = zero && a == 0 && b == 0
		parallel = parallel && math.Abs(pt.Alpha*b-pt.Beta*a) <= 1e-13*(math.Abs(pt.Alpha*b)+math.Abs(pt.Beta*a))
	}
	switch {
	case zero:
		return errors.New("prediction: both weights are zero; a network that gives nothing cannot be sampled")
	case parallel:
		return fmt.Errorf("prediction %s: on path %s this is a multiple of x = alpha z + beta eps itself, which says nothing new about data and noise", p, describe(path))
	}
	return nil
}

// sampleTimes are a few times well inside a path, with signal and noise.
func sampleTimes(path Path) []float64 {
	if d, ok := path.(*Discrete); ok {
		var times []float64
		for k := range min(d.Count(), 16) {
			i := k * d.Count() / min(d.Count(), 16)
			if !math.IsInf(d.logSNR[i], 0) {
				times = append(times, d.Time(Index(i)))
			}
		}
		return times
	}
	return []float64{0.0625, 0.1875, 0.3125, 0.4375, 0.5625, 0.6875, 0.8125, 0.9375}
}

// String is the prediction's name, or its functional "(1-t)*z + t*eps".
func (p Prediction) String() string {
	if !p.Valid() {
		return "no prediction"
	}
	return p.name
}

// Valid reports whether this is a prediction at all and not the zero value.
func (p Prediction) Valid() bool { return p.data != nil }

// Equal reports whether both are the same functional, written the same way.
func (p Prediction) Equal(q Prediction) bool {
	if !p.Valid() || !q.Valid() {
		return p.Valid() == q.Valid()
	}
	return p.data.root.Equal(q.data.root) && p.noise.root.Equal(q.noise.root)
}

// Weights are a and b of the functional a z + b eps at a point of the path. They may be infinite at an end.
func (p Prediction) Weights(pt Point) (a, b float64) {
	var values [10]float64
	p.values(&values, pt)
	return p.data.root.eval(values[:]), p.noise.root.eval(values[:])
}

// Formulas are the weights a and b as formulas, in the first ten of SymbolicVariables.
func (p Prediction) Formulas() (data, noise *Formula) {
	if !p.Valid() {
		panic("schedule: the zero Prediction has no weights")
	}
	return p.data, p.noise
}

// ScoreWeights are a and w with which the prediction is a z - w score, score = -eps/beta. So w = b beta, but finite where
// beta is 0 and b infinite, as for the velocity at t = 1 of a path with beta = sqrt(1-t).
func (p Prediction) ScoreWeights(pt Point) (a, w float64) {
	var values [10]float64
	p.values(&values, pt)
	return p.data.root.eval(values[:]), p.score.root.eval(values[:])
}

func (p Prediction) values(values *[10]float64, pt Point) {
	if !p.Valid() {
		panic("schedule: the zero Prediction has no weights")
	}
	*values = [10]float64{pt.T, pt.Alpha, pt.Beta, pt.Sigma(), 0, pt.Index, pt.Count, pt.DAlpha, pt.DBeta, pt.BetaDBeta}
	if p.Uses("logsnr") {
		values[4] = pt.LogSNR()
	}
}

// Uses reports whether one of the weights is written with the variable.
func (p Prediction) Uses(variable string) bool {
	return p.data.Uses(variable) || p.noise.Uses(variable)
}
