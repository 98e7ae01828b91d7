package sampler

import "odeon/schedule"

// multistep is a linear multistep method: f is the polynomial through its last values, at whatever distances, and its
// integral is exact but for the rule.
type multistep struct {
	form form
	over variable
	rule rule

	// shares are fixed parts of the whole integral in place of a polynomial's, by how many values there are.
	shares [][]float64
	// start takes the first steps where it is not nil, and starts is how many.
	start  *singlestep
	starts int
	// corrected says that a step is taken again once f at its end is known, from which the next one begins (UniC).
	corrected bool
	// blind takes pure noise for the noise itself, whatever the network says there, and the data for 0.
	blind bool
}

// mostSteps is how many values of f a multistep method looks back on.
const mostSteps = 4

func (m multistep) step(b *builder, k int, from, to node) error {
	if m.start != nil && k < m.starts && from.order != 1 {
		return m.start.step(b, k, from, to)
	}
	switch {
	case m.form == noiseForm && from.point.Alpha == 0 && m.blind:
		return b.blindly(k, from, to)
	case m.form == noiseForm && from.point.Alpha == 0:
		return b.fromNoise(k, from, to)
	case m.form == velocityForm && b.discrete != nil && to.clean():
		return b.jump(k, from, "to clean data")
	case m.form == velocityForm && b.discrete != nil && finite(from.lambda(), to.lambda()):
		m.over = byLambda
	}
	row, err := b.call(k, from)
	if err != nil {
		return err
	}
	now := b.evaluated(from)
	if m.corrected && b.retake {
		b.append(m.correct(b, row, now))
		row = b.still(k, from)
	}
	b.remember(now)

	s, err := b.stride(m.form, m.over, from, to)
	if err != nil {
		return err
	}
	order := b.order
	if from.order > 0 {
		order = min(order, from.order)
	}
	used := b.past[:m.within(b, &s, order)]
	row.A, row.B, row.C = s.keep, b.column(used, m.weights(&s, used)), s.c
	row.Keep = m.corrected
	row.Next, row.Ends = to.t, true
	b.append(row)
	b.retake, b.last = m.corrected && !s.straight() && from.again >= 0, s
	if from.again > 0 {
		used = b.past[:m.within(b, &s, from.again-1)]
	}
	b.used = append(b.used[:0], used...)
	return nil
}

// blindly is the first step of a blind method: x/beta is the noise, and the later steps read it.
func (b *builder) blindly(k int, from, to node) error {
	works := b.works
	b.works = schedule.Prediction{} // which the prediction does not make here
	row, err := b.call(k, from)
	if b.works = works; err != nil {
		return err
	}
	now := b.evaluated(from)
	b.remember(now)
	row.FX, row.FP = 1/from.point.Beta, 0
	row.B = []float64{to.point.Beta}
	row.Next, row.Ends, row.Note = to.t, true, "the state is pure noise, and no data are seen in it"
	b.append(row)
	return nil
}

// fromNoise is the first step of the noise form out of pure noise, where x tells the noise, and a prediction the data: it goes by
// the data prediction. No later step reads that one, since its log-SNR lies at infinity.
func (b *builder) fromNoise(k int, from, to node) error {
	b.evaluated(from)
	works := b.works
	if b.works = schedule.Data; b.basis.Equal(schedule.Data) {
		b.works = schedule.Prediction{}
	}
	row, err := b.call(k, from)
	if b.works = works; err != nil {
		return err
	}
	if b.plan.Functional != "" && row.FP == 0 {
		row.FP = 1
	}
	s, err := b.stride(dataForm, byLambda, from, to)
	if err != nil {
		return err
	}
	row.A, row.B, row.C = s.keep, []float64{s.whole}, s.c
	row.Next, row.Ends, row.Note = to.t, true, "by the data: the state is pure noise"
	b.append(row)
	return nil
}

// correct is the row that takes the last step again, with f at its end among the values.
func (m multistep) correct(b *builder, row Row, now evaluation) Row {
	s, used := b.last, append([]evaluation{now}, b.used...)
	row.A0, row.B, row.C1 = s.keep, b.column(used, m.weights(&s, used)), s.c
	row.Next, row.Note = row.T, "the last step, corrected"
	return row
}

func (m multistep) weights(s *stride, used []evaluation) []float64 {
	if m.shares != nil {
		weights := make([]float64, len(used))
		for i, share := range m.shares[len(used)-1] {
			weights[i] = share * s.whole
		}
		return weights
	}
	weights := []float64{s.whole}
	if len(used) > 1 {
		theta := make([]float64, len(used))
		for i, e := range used {
			theta[i] = s.theta(e.node)
		}
		weights = s.interpolated(theta, m.rule)
	}
	if m.form == velocityForm && m.over == byLambda {
		for i, e := range used {
			weights[i] /= e.point.DAlpha/e.point.Alpha - e.point.BetaDBeta/(e.point.Beta*e.point.Beta)
		}
	}
	return weights
}

// within is how many of the past values a step uses: up to the order, and only one where it leads to infinity or comes from there.
func (m multistep) within(b *builder, s *stride, order int) int {
	if s.straight() {
		return min(order, 1)
	}
	n := 0
	for n < min(order, len(b.past)) && (m.shares != nil || finite(s.over.of(s.form, b.past[n].node))) {
		n++
	}
	return n
}

// evaluated counts a call of the network at n.
func (b *builder) evaluated(n node) evaluation {
	b.calls++
	return evaluation{n, b.calls - 1}
}

// remember puts a value of f before the others.
func (b *builder) remember(e evaluation) {
	b.past = append([]evaluation{e}, b.past[:min(len(b.past), mostSteps-1)]...)
}

// works is the functional that the solver's rows are written in.
func (m multistep) works() schedule.Prediction { return m.form.functional() }

// half takes the first moment of a straight line as if f were constant over the step with its value in the middle.
func half(s *stride, degree, i int) float64 {
	if degree == 1 {
		return s.whole / 2
	}
	return s.moment(i)
}
