package schedule

import (
	"errors"
	"fmt"
	"math"
	"sort"
)

// An Index is a trained step of a discrete path in the literature's order: 0 is the cleanest, count-1 the noisiest.
type Index int

// maxTrained bounds tables that come from files.
const maxTrained = 100_000

// Discrete is a path given by a table of alpha-bars, alpha^2 at each trained step (Ho et al. 2020,
// https://arxiv.org/abs/2006.11239), with alpha^2 + beta^2 = 1.
//
// Trained index i of count sits at t = 1 - (i+1)/count, and t = 1 is clean data. Between entries log-SNR is linear in t; beside
// an entry without signal (or without noise) it is alpha (or beta) that is linear. Between index 0 and clean data there is
// no path, only the jump: At gives NaN there, and at t = 1 itself alpha 1, beta 0 and derivatives that are NaN. At an
// entry the derivatives are those towards the data; at index 0 those towards the noise.
type Discrete struct {
	text      string    // how it is written, where that is shorter than the table
	betas     []float64 // as given, or nil where alpha-bars were
	alphaBars []float64
	alpha     []float64
	beta      []float64
	logSNR    []float64
}

// NewDiscrete is the path of a table of alpha-bars: at least one, strictly falling, from at most 1 to at least 0.
func NewDiscrete(alphaBars []float64) (*Discrete, error) {
	n := len(alphaBars)
	if n == 0 {
		return nil, errors.New("path: the table of alpha-bars is empty")
	}
	if n > maxTrained {
		return nil, fmt.Errorf("path: a table of %d trained steps; at most %d are allowed", n, maxTrained)
	}
	d := &Discrete{
		alphaBars: append([]float64(nil), alphaBars...),
		alpha:     make([]float64, n),
		beta:      make([]float64, n),
		logSNR:    make([]float64, n),
	}
	for i, bar := range alphaBars {
		if !(0 <= bar && bar <= 1) {
			return nil, fmt.Errorf("path: alpha-bar[%d] is %g; expected 0 to 1", i, bar)
		}
		if i > 0 && bar >= alphaBars[i-1] {
			return nil, fmt.Errorf("path: alpha-bars must fall from index 0, the cleanest, but alpha-bar[%d] = %.10g is not below alpha-bar[%d] = %.10g", i, bar, i-1, alphaBars[i-1])
		}
		d.alpha[i] = math.Sqrt(bar)
		d.beta[i] = math.Sqrt(1 - bar)
		d.logSNR[i] = math.Log(bar) - math.Log1p(-bar)
	}
	return d, nil
}

// DiscreteFromBetas is the path with alpha-bar[i] = (1-beta[0]) ... (1-beta[i]), multiplied in float64. The betas are between 0 and
// 1; only the first may be 0, and only the last may be 1.
func DiscreteFromBetas(betas []float64) (*Discrete, error) {
	bars := make([]float64, len(betas))
	product := 1.
	for i, beta := range betas {
		if !(0 <= beta && beta <= 1) || beta == 0 && i > 0 || beta == 1 && i < len(betas)-1 {
			return nil, fmt.Errorf("path: betas[%d] is %g; expected 0 < beta < 1 (0 also at index 0, 1 also at the last)", i, beta)
		}
		product *= 1 - beta
		bars[i] = product
	}
	d, err := NewDiscrete(bars)
	if err != nil {
		return nil, err
	}
	d.betas = append([]float64(nil), betas...)
	return d, nil
}

// Count is the number of trained steps.
func (d *Discrete) Count() int { return len(d.alphaBars) }

// AlphaBar is alpha^2 at a trained step.
func (d *Discrete) AlphaBar(i Index) float64 { return d.alphaBars[i] }

// Time is where a trained step sits: 1 - (i+1)/count.
func (d *Discrete) Time(i Index) float64 {
	return float64(d.Count()-1-int(i)) / float64(d.Count())
}

// Fraction is the index at time t as a real number, (1-t) count - 1: -1 at clean data. What is whole but for rounding is whole.
func (d *Discrete) Fraction(t float64) float64 {
	fraction := (1-t)*float64(d.Count()) - 1
	if whole := math.Round(fraction); math.Abs(fraction-whole) < 1e-9 {
		return whole
	}
	return fraction
}

// Nearest is the trained step nearest to time t; halves go to the even index, as an integer input rounds them.
func (d *Discrete) Nearest(t float64) Index {
	return Index(min(max(math.RoundToEven(d.Fraction(t)), 0), float64(d.Count()-1)))
}

// At is the path at time t. The log-SNR has a kink at each trained step: the derivatives there are those on the side of the data,
// at index 0 those on the side of the noise. See NoiseSide.
func (d *Discrete) At(t float64) Point { return d.at(t, false) }

// NoiseSide is the same path with the derivatives at a trained step those on the side of the noise (at the noisiest, of the data). It
// is what a step sees that touches the trained step from there: a Runge-Kutta stage at the step's cleaner end needs the slope
// inside the step to keep its order.
func (d *Discrete) NoiseSide() Path { return noiseSide{d} }

type noiseSide struct{ *Discrete }

func (d noiseSide) At(t float64) Point { return d.at(t, true) }

func (d *Discrete) at(t float64, noise bool) Point {
	nan := math.NaN()
	fraction, count := d.Fraction(t), float64(d.Count())
	p := Point{T: t, Alpha: nan, Beta: nan, DAlpha: nan, DBeta: nan, BetaDBeta: nan, Index: fraction, Count: count}
	if t == 1 {
		p.Alpha, p.Beta = 1, 0
		return p
	}
	if !(0 <= fraction && fraction <= count-1) {
		return p
	}
	whole := int(fraction)
	isEntry := fraction == float64(whole)
	cleaner := whole // the entry on the data side of the segment that holds t
	if isEntry && whole > 0 && (!noise || whole == d.Count()-1) {
		cleaner--
	}
	if cleaner+1 < d.Count() {
		d.between(&p, cleaner, fraction-float64(cleaner))
	}
	if isEntry {
		p.Alpha, p.Beta = d.alpha[whole], d.beta[whole]
	}
	return p
}

// between sets alpha, beta and their derivatives at weight w from entry i (w = 0) to the noisier entry i+1 (w = 1).
func (d *Discrete) between(p *Point, i int, w float64) {
	dw := -float64(d.Count()) // dw/dt
	switch cleaner, noisier := d.logSNR[i], d.logSNR[i+1]; {
	case math.IsInf(noisier, -1): // no signal at i+1: alpha falls in a line
		p.Alpha, p.DAlpha = d.alpha[i]*(1-w), -d.alpha[i]*dw
		p.Beta = math.Sqrt((1 - p.Alpha) * (1 + p.Alpha))
		p.BetaDBeta = -p.Alpha*p.DAlpha + 0 // not a negative zero
		p.DBeta = p.BetaDBeta / p.Beta
	case math.IsInf(cleaner, 1): // no noise at i: beta rises in a line
		p.Beta, p.DBeta = d.beta[i+1]*w, d.beta[i+1]*dw
		p.Alpha = math.Sqrt((1 - p.Beta) * (1 + p.Beta))
		p.BetaDBeta = p.Beta * p.DBeta
		p.DAlpha = -p.BetaDBeta / p.Alpha
	default: // alpha^2 = 1/(1 + exp(-l)), l the log-SNR; (alpha^2)' = alpha^2 beta^2 l'
		l, dl := cleaner+w*(noisier-cleaner), (noisier-cleaner)*dw
		p.Alpha, p.Beta = 1/math.Sqrt(1+math.Exp(-l)), 1/math.Sqrt(1+math.Exp(l))
		p.DAlpha = p.Alpha * p.Beta * p.Beta * dl / 2
		p.DBeta = -p.Beta * p.Alpha * p.Alpha * dl / 2
		p.BetaDBeta = p.Beta * p.DBeta
	}
}

// timeAt inverts the log-SNR, from t = 0 to the time of index 0.
func (d *Discrete) timeAt(logSNR float64) float64 {
	// The first entry that is no cleaner than what is sought; the log-SNR falls with the index.
	noisier := sort.Search(d.Count(), func(i int) bool { return d.logSNR[i] <= logSNR })
	switch noisier {
	case 0:
		return d.Time(0)
	case d.Count():
		return 0
	}
	i := noisier - 1
	var w float64
	switch {
	case math.IsInf(d.logSNR[i+1], -1):
		w = 1 - 1/math.Sqrt(1+math.Exp(-logSNR))/d.alpha[i]
	case math.IsInf(d.logSNR[i], 1):
		w = 1 / math.Sqrt(1+math.Exp(logSNR)) / d.beta[i+1]
	default:
		w = (d.logSNR[i] - logSNR) / (d.logSNR[i] - d.logSNR[i+1])
	}
	return (float64(d.Count()-1-i) - w) / float64(d.Count())
}

// String is how the table was written: "betas=linear(0.0001,0.02); count=1000", or all its numbers.
func (d *Discrete) String() string {
	switch {
	case d.text != "":
		return d.text
	case d.betas != nil:
		return "betas=[" + numbers(d.betas) + "]"
	}
	return "alpha_bars=[" + numbers(d.alphaBars) + "]"
}
