package schedule

import (
	"fmt"
	"math"
	"strings"
)

// A Grid says at which times a walk stops.
type Grid interface {
	// Times are n+1 times for n steps, strictly monotone, from the first time (or the nearest that the grid admits) to the last. Walks from
	// data to noise, from > to, are made by all grids but those of trained steps.
	Times(path Path, from, to float64, n int) ([]float64, error)
	// String is the text that ParseGrid reads back.
	String() string
}

// Lists is how many times or noise levels a grid lists; 0: it spaces them itself.
func Lists(g Grid) int {
	switch g := g.(type) {
	case List:
		return len(g)
	case Sigmas:
		return len(g)
	}
	return 0
}

// maxSteps bounds what is asked for in files and on command lines.
const maxSteps = 1_000_000

// A Rule is a grid without parameters, by its name.
type Rule string

// The grids without parameters.
const (
	Uniform   Rule = "uniform"   // equal steps of t
	Quadratic Rule = "quadratic" // 1-t is the square of equal steps: finer towards the data
	// LogSNR makes equal steps of the log-SNR. Ends without signal or without noise are met as by Karras.
	LogSNR Rule = "logsnr"
	// The trained steps of a discrete path, as diffusers spaces them, and clean data. See trained.go.
	Leading  Rule = "leading"
	Trailing Rule = "trailing"
	Linspace Rule = "linspace"
)

// String is the rule's name.
func (r Rule) String() string { return string(r) }

// Times are n+1 times by the rule. It is an error where they coincide in float64, and where a spacing of trained steps is asked for
// on a path without them, from data to noise, or for more steps than there are.
func (r Rule) Times(path Path, from, to float64, n int) ([]float64, error) {
	same := func(u float64) float64 { return u }
	switch r {
	case Uniform:
		return warped(r, path, from, to, n, same, same)
	case Quadratic:
		return warped(r, path, from, to, n, math.Sqrt, func(u float64) float64 { return u * u })
	case LogSNR:
		return byNoise(r, path, from, to, n, same, same)
	}
	return trained(r, path, from, to, n)
}

// Shift moves a uniform grid towards the noise (s > 1) or the data: with u = 1-t the noise, u' = s u/(1 + (s-1) u). The ends stay.
// Esser et al. 2024, https://arxiv.org/abs/2403.03206, equation 23.
type Shift float64

// String is "shift(3)".
func (s Shift) String() string { return call{"shift", []float64{float64(s)}}.String() }

// Times are n+1 times, shifted; an error unless the factor is above 0 and at most 1e6.
func (s Shift) Times(path Path, from, to float64, n int) ([]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	k := float64(s)
	return warped(s, path, from, to, n,
		func(u float64) float64 { return u / (k - (k-1)*u) },
		func(u float64) float64 { return k * u / (1 + (k-1)*u) })
}

func (s Shift) check() error {
	if !(s > 0 && s <= 1e6) {
		return fmt.Errorf("grid %s: expected a factor above 0 and at most 1e6, as in shift(3)", s)
	}
	return nil
}

// Karras makes equal steps of the noise level's root (beta/alpha)^(1/rho). Karras et al. 2022,
// https://arxiv.org/abs/2206.00364, equation 5.
//
// A walk that would begin in pure noise (alpha = 0) begins a hundredth of its length later instead. Where it ends in clean data
// (beta = 0), or in pure noise, the grid is laid up to a hundredth of the walk's length before that end, and one step leads to the end
// itself; a walk that begins in clean data begins with such a step. On a discrete path the nearest trained step stands in for the hundredth.
type Karras float64

// String is "karras(7)".
func (k Karras) String() string { return call{"karras", []float64{float64(k)}}.String() }

// Times are n+1 times; an error unless rho is between 0.1 and 100.
func (k Karras) Times(path Path, from, to float64, n int) ([]float64, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	rho := float64(k)
	return byNoise(k, path, from, to, n,
		func(logSNR float64) float64 { return math.Exp(-logSNR / 2 / rho) },
		func(root float64) float64 { return -2 * rho * math.Log(root) })
}

func (k Karras) check() error {
	if !(k >= 0.1 && k <= 100) {
		return fmt.Errorf("grid %s: expected rho between 0.1 and 100, as in karras(7)", k)
	}
	return nil
}

// A List is the grid itself. It says where the walk begins and ends, whatever Times is asked for; n must be 0 or fit.
type List []float64

// String is "list(0,0.1,1)".
func (l List) String() string { return call{"list", l}.String() }

// Times are the list, copied; an error unless its times lie one beyond the other, between 0 and 1.
func (l List) Times(path Path, _, _ float64, n int) ([]float64, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := countedSteps(l, len(l)-1, n); err != nil {
		return nil, err
	}
	times := append([]float64(nil), l...)
	return times, checkTimes(l, path, times)
}

// check is what can be known without a path.
// countedSteps: a grid that lists its times has as many steps as are asked for, if any are.
func countedSteps(g Grid, listed, asked int) error {
	if asked != 0 && asked != listed {
		return fmt.Errorf("grid %s: has %d steps, but %d were asked for; leave the number of steps out", abbreviated(g), listed, asked)
	}
	return nil
}

func (l List) check() error {
	if len(l) < 2 {
		return fmt.Errorf("grid %s: expected at least two times, as in list(0,0.1,1)", l)
	}
	return checkTimes(l, nil, l)
}

// gridForms are the grids that have a name.
var gridForms = []form[Grid]{
	rule(Uniform), rule(Quadratic), rule(LogSNR), rule(Leading), rule(Trailing), rule(Linspace),
	{"shift", []string{"factor"}, "shift(3)", func(a []float64) (Grid, error) { return Shift(a[0]), nil }},
	{"karras", []string{"rho"}, "karras(7)", func(a []float64) (Grid, error) { return Karras(a[0]), nil }},
	{"exponential", nil, "exponential", func([]float64) (Grid, error) { return LogSNR, nil }},
	{"polyexponential", []string{"rho"}, "polyexponential(1.5)", func(a []float64) (Grid, error) { return PolyExponential(a[0]), nil }},
	{"beta", []string{"a", "b"}, "beta(0.6,0.6)", func(a []float64) (Grid, error) { return Beta{a[0], a[1]}, nil }},
	{"dynamic", []string{"tokens"}, "dynamic(1024)", func(a []float64) (Grid, error) { return Dynamic(a[0]), nil }},
	{"sigmas", anyNumber, "sigmas(80,10,1,0)", func(a []float64) (Grid, error) { return Sigmas(a), nil }},
	{"list", anyNumber, "list(0,0.1,1)", func(a []float64) (Grid, error) { return List(a), nil }},
}

func rule(r Rule) form[Grid] {
	return form[Grid]{name: string(r), example: string(r), build: func([]float64) (Grid, error) { return r, nil }}
}

// ParseGrid reads a grid and checks its numbers: uniform, quadratic, shift(3), logsnr, karras(7), exponential,
// polyexponential(1.5), beta(0.6,0.6), dynamic(1024), leading, trailing, linspace, sigmas(80,1,0) or list(0,0.1,1).
func ParseGrid(text string) (Grid, error) {
	c, err := parseCall(text)
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	g, err := find(c, gridForms, "name", "uniform, quadratic, shift(3), dynamic(1024), logsnr or exponential, polyexponential(1.5), karras(7), beta(0.6,0.6), leading, trailing, linspace, sigmas(80,1,0) or list(0,0.1,1)")
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	if checked, ok := g.(interface{ check() error }); ok {
		return g, checked.check()
	}
	return g, nil
}

// checkWalk is an error unless from, to and n make a walk.
func checkWalk(g Grid, from, to float64, n int) error {
	if !(0 <= from && from <= 1 && 0 <= to && to <= 1) || from == to {
		return fmt.Errorf("grid %s: a walk from t=%g to t=%g; expected two different times between 0 and 1", abbreviated(g), from, to)
	}
	if n < 1 || n > maxSteps {
		return fmt.Errorf("grid %s: %d steps; expected 1 to %d", abbreviated(g), n, maxSteps)
	}
	return nil
}

// checkTimes is an error unless the times are monotone, between 0 and 1, and on the path.
func checkTimes(g Grid, path Path, times []float64) error {
	rising := times[len(times)-1] > times[0]
	for i, t := range times {
		if !(0 <= t && t <= 1) {
			return fmt.Errorf("grid %s: time number %d is %g; expected times between 0 and 1", abbreviated(g), i+1, t)
		}
		if i > 0 && (t == times[i-1] || (t > times[i-1]) != rising) {
			return fmt.Errorf("grid %s: time %.10g follows %.10g; each time must lie beyond the one before it (fewer steps, or times in order)", abbreviated(g), t, times[i-1])
		}
		if d, ok := path.(*Discrete); ok && t < 1 && d.Fraction(t) < 0 {
			return fmt.Errorf("grid %s: time %.10g lies between the cleanest trained step (t=%.10g) and clean data, where the path has no states; take fewer steps, or the grid trailing", abbreviated(g), t, d.Time(0))
		}
	}
	return nil
}

func abbreviated(g Grid) string {
	if text := g.String(); len(text) > 60 {
		return text[:strings.LastIndexByte(text[:60], ',')+1] + "...)"
	}
	return g.String()
}

// warped makes equal steps of flat(1-t); bend is flat's inverse.
func warped(g Grid, path Path, from, to float64, n int, flat, bend func(u float64) float64) ([]float64, error) {
	if err := checkWalk(g, from, to, n); err != nil {
		return nil, err
	}
	times := make([]float64, n+1)
	first, last := flat(1-from), flat(1-to)
	for i := range times {
		w := float64(i) / float64(n)
		times[i] = 1 - bend(first+w*(last-first))
	}
	if g == Uniform {
		for i := range times { // without the detour by 1-t, which rounds
			times[i] = from + (to-from)*(float64(i)/float64(n))
		}
	}
	times[0], times[n] = from, to
	return times, checkTimes(g, path, times)
}

// byNoise makes equal steps of flat(logSNR), with single steps from or to an end where the log-SNR is infinite; bend is flat's inverse.
func byNoise(g Grid, path Path, from, to float64, n int, flat, bend func(float64) float64) ([]float64, error) {
	return byNoiseAt(g, path, from, to, n, func(w float64) float64 { return w }, flat, bend)
}

// byNoiseAt is byNoise with steps that are equal by the inverse of share.
func byNoiseAt(g Grid, path Path, from, to float64, n int, share, flat, bend func(float64) float64) ([]float64, error) {
	if err := checkWalk(g, from, to, n); err != nil {
		return nil, err
	}
	first, last := from, to
	var before, after []float64
	if logSNR := path.At(from).LogSNR(); math.IsInf(logSNR, 0) {
		first = inward(path, from, to)
		if logSNR > 0 {
			before = []float64{from}
		}
	}
	if math.IsInf(path.At(to).LogSNR(), 0) {
		last = inward(path, to, from)
		after = []float64{to}
	}
	inner := n - len(before) - len(after) // steps of the grid proper
	var times []float64
	switch {
	case inner < 0:
		return []float64{from, to}, nil
	case inner == 0 && len(before) > 0:
		times = []float64{last}
	case inner == 0:
		times = []float64{first}
	default:
		lo, hi := flat(path.At(first).LogSNR()), flat(path.At(last).LogSNR())
		times = make([]float64, inner+1)
		for i := range times {
			w := share(float64(i) / float64(inner))
			times[i] = TimeAt(path, bend(lo+w*(hi-lo)))
		}
		times[0], times[inner] = first, last
	}
	times = append(append(before, times...), after...)
	return times, checkTimes(g, path, times)
}

// inward is the time beside an end at which the log-SNR is finite again: a hundredth of the walk away, or the next trained step.
func inward(path Path, end, other float64) float64 {
	d, ok := path.(*Discrete)
	if !ok {
		return end + 0.01*(other-end)
	}
	i := d.Nearest(end)
	for math.IsInf(d.logSNR[i], 1) && int(i) < d.Count()-1 {
		i++
	}
	for math.IsInf(d.logSNR[i], -1) && i > 0 {
		i--
	}
	return d.Time(i)
}
