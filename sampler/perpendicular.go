package sampler

import (
	"fmt"
	"math"
	"strconv"

	"odeon/schedule"
)

// Perpendicular is adaptive projected guidance (Sadat et al. 2024, https://arxiv.org/abs/2410.02416, algorithm 1). Of the difference of the data
// predictions what is parallel to c makes samples glaring, and what is perpendicular makes them better:
//
//	p = c + (w - 1) (d - (1 - Eta) <d, c>/|c|^2 c),   d = m (c - u + Momentum d_before),   m = min(1, Norm/|d|)
//
// with d_before the difference, momentum included and not shortened, at the first call of the step before. It is a sample's own, and nothing
// before the first step that is guided. Within a step it stays as it is, so that to a solver's stages the field is a function of state and
// time.
type Perpendicular struct {
	Eta      float64 // of the parallel part: 0 leaves it out, 1 is classifier-free guidance
	Norm     float64 // the difference is not longer; 0: it is as long as it is
	Momentum float64 // -0.5 and its like, which let it lead away from where it led; 0: none
}

// Functional is the data, as in the paper.
func (Perpendicular) Functional() schedule.Prediction { return schedule.Data }

func (a Perpendicular) direction(u, c, x []float32, to schedule.Conversion) {
	dd, dc, cc := 0.0, 0.0, 0.0
	for i, v := range x {
		d, z := float64(c[i]-u[i]), value(to, v, c[i])
		dd, dc, cc = dd+d*d, dc+float64(d*z), cc+float64(z*z)
	}
	m := 1.0
	if norm := math.Abs(to.P) * math.Sqrt(dd); a.Norm > 0 && norm > a.Norm {
		m = a.Norm / norm
	}
	along, m32 := float32((1-a.Eta)*quotient(dc, cc)), float32(m)
	for i, v := range x {
		u[i] = m32 * (float32(c[i]-u[i]) - float32(along*float32(value(to, v, c[i]))))
	}
}

// remembers says whether what a network predicts goes by the steps before.
func remembers(net Network) bool {
	switch n := net.(type) {
	case *clipped:
		return remembers(n.net)
	case *thresholded:
		return remembers(n.net)
	case repeated:
		return remembers(n.net)
	case *guided:
		a, ok := n.Form.(Perpendicular)
		return ok && a.Momentum != 0
	}
	return false
}

// momentum remembers the differences of a chunk, in the data prediction, from step to step.
type momentum struct {
	step        int
	before, now []float32 // of the first calls of the step before, and of this one; empty: none
}

// add adds what is remembered, times beta, to the difference c - u, by way of u; p times the prediction is the data but for the state.
func (m *momentum) add(u, c []float32, beta, p float64, step int) {
	first := len(m.now) != len(u) || step != m.step
	if first {
		goesOn := len(m.now) == len(u) && step == m.step+1
		m.before, m.now = m.now, sized(m.before, len(u))
		if !goesOn {
			m.before = sized(m.before, len(u))
			clear(m.before)
		}
		m.step = step
	}
	to, b, back := float32(p), float32(beta), float32(1/p)
	for i, before := range m.before {
		d := float32(to*float32(c[i]-u[i])) + float32(b*before)
		u[i] = c[i] - float32(back*d)
		if first {
			m.now[i] = d
		}
	}
}

// String is apg(eta,norm,momentum).
func (a Perpendicular) String() string {
	return fmt.Sprintf("apg(%s,%s,%s)", short(a.Eta), short(a.Norm), short(a.Momentum))
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
