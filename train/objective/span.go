package objective

import (
	"errors"
	"fmt"

	"odeon/schedule"
)

// Limits are the times that an objective is trained on: From <= t <= To, and on a discrete path the trained indices from Noisiest
// down to Cleanest.
//
// A whole path is 0 to 1. An end is left out where a target, its weighted second moment w (a^2 + b^2), the number that the network
// is fed or the scale of its state is infinite there or does not exist: the score where beta = 0, the velocity where beta' is
// infinite (vp, sqrt(1-t)), log(sigma) at both ends. The distance kept is
//
//   - 1e-5 where the weight keeps w (a^2 + b^2) bounded, as beta^2 does for the score (Song et al. 2021,
//     https://arxiv.org/abs/2011.13456, appendix C, stop at the same distance);
//   - 1e-3 where it grows without bound, as for the score without a weight, whose loss is then of order 1/1e-3 = 1000.
//
// On a discrete path the trained indices for which something is infinite are left out, at either end.
type Limits struct {
	From, To           float64
	Noisiest, Cleanest schedule.Index // 0 on other paths
}

const (
	near = 1e-5 // kept from an end where the loss stays bounded
	far  = 1e-3 // and where it does not
)

// Limits are the times that the objective is trained on.
func (o Objective) Limits() (Limits, error) {
	t, err := o.terms()
	if err != nil {
		return Limits{}, err
	}
	return t.limits, nil
}

func (o *terms) findLimits() (Limits, error) {
	span := o.Span
	if span == [2]float64{} {
		span = [2]float64{0, 1}
	}
	if !(0 <= span[0] && span[0] <= span[1] && span[1] <= 1) {
		return Limits{}, fmt.Errorf("the times to train on go from %v to %v, expected 0 <= from <= to <= 1", o.Span[0], o.Span[1])
	}
	if o.discrete != nil {
		return o.trainedLimits(span)
	}
	l := Limits{From: span[0], To: span[1]}
	if l.From == 0 {
		l.From = o.distance(0, 1)
	}
	if l.To == 1 {
		l.To = 1 - o.distance(1, -1)
	}
	if l.From > l.To || l.From == l.To && span[0] != span[1] {
		return Limits{}, fmt.Errorf("the times to train on, %v to %v, lie where the objective does not exist; widen them", span[0], span[1])
	}
	return l, o.checkInside(l)
}

// distance is how far times stay from an end, inwards being the direction away from it.
func (o *terms) distance(end, inwards float64) float64 {
	at := o.at(end)
	if at.finite() {
		return 0
	}
	closer, wider := o.at(end+inwards*near), o.at(end+inwards*far)
	// A second moment that grows like 1/distance is 100 times as large at the nearer time, like 1/sqrt(distance) 10 times.
	if closer.finite() && closer.second() < 5*wider.second() {
		return near
	}
	return far
}

// checkInside evaluates the objective at many times: all must exist, and no weight may be negative.
func (o *terms) checkInside(l Limits) error {
	const checked = 256
	learns := false
	for i := range checked + 1 {
		t := l.From + (l.To-l.From)*float64(i)/checked
		if i == checked {
			t = l.To
		}
		weighs, err := o.checkAt(t)
		if err != nil {
			return err
		}
		learns = learns || weighs
	}
	if !learns {
		return errors.New("weight: it is zero at all times; nothing would be learned")
	}
	return nil
}

// checkAt is an error where the objective does not exist at a time; weighs tells whether an error there counts at all.
func (o *terms) checkAt(t float64) (weighs bool, err error) {
	m := o.at(t)
	for k := range o.Predictions {
		if m.weight[k] < 0 {
			return false, fmt.Errorf("weight %s is %.4g at t=%.6g; it must not be negative", o.rules[k], m.weight[k], t)
		}
		weighs = weighs || m.weight[k] > 0
	}
	if !m.finite() {
		return false, fmt.Errorf("the objective does not exist at t=%.6g of path %s: %s; train on other times, or mend the formula", t, o.Path, o.describe(&m))
	}
	return weighs, nil
}

// describe lists the numbers of a moment, one of which is not finite.
func (o *terms) describe(m *moment) string {
	text := fmt.Sprintf("alpha %.4g, beta %.4g, time %s = %.4g, scale %s = %.4g", m.alpha, m.beta, o.Time, m.time, o.Scale, m.scale)
	for k, p := range o.Predictions {
		text += fmt.Sprintf(", %s = %.4g z + %.4g eps with weight %s = %.4g", p.Name, m.data[k], m.noise[k], o.rules[k], m.weight[k])
	}
	return text
}

// trainedLimits are the usable trained indices of a discrete path.
func (o *terms) trainedLimits(span [2]float64) (Limits, error) {
	usable := func(i schedule.Index) bool {
		t := o.discrete.Time(i)
		m := o.at(t)
		return span[0] <= t && t <= span[1] && m.finite()
	}
	cleanest, noisiest := schedule.Index(0), schedule.Index(o.discrete.Count()-1)
	for cleanest < noisiest && !usable(cleanest) {
		cleanest++
	}
	for noisiest > cleanest && !usable(noisiest) {
		noisiest--
	}
	learns := false
	for i := cleanest; i <= noisiest; i++ {
		weighs, err := o.checkAt(o.discrete.Time(i))
		if err != nil {
			return Limits{}, fmt.Errorf("trained step %d: %w", i, err)
		}
		learns = learns || weighs
	}
	if t := o.discrete.Time(cleanest); t < span[0] || t > span[1] {
		return Limits{}, fmt.Errorf("no trained step of the path lies between t=%v and t=%v", span[0], span[1])
	}
	if !learns {
		return Limits{}, errors.New("weight: it is zero at all trained steps; nothing would be learned")
	}
	return Limits{From: o.discrete.Time(noisiest), To: o.discrete.Time(cleanest), Noisiest: noisiest, Cleanest: cleanest}, nil
}

// time is the time at which a law puts u, a number from 0 to 1: along the span, or at a trained step. The uniform law
// makes all trained steps equally likely.
func (o *terms) time(u float64) float64 {
	if o.discrete == nil {
		return o.limits.From + (o.limits.To-o.limits.From)*u
	}
	count := float64(o.limits.Noisiest - o.limits.Cleanest + 1)
	return o.discrete.Time(o.limits.Noisiest - schedule.Index(min(u*count, count-1)))
}
