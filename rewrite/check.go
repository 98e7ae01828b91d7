package rewrite

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// Tolerance is how far a converted network may be from the conversion in memory: of the largest number there is, since both
// round the network's own result to float32.
const Tolerance = 1e-5

// Check runs the converted network from file beside the original with the conversion done in memory, at random states and
// times, the ends of the safe ones among them. It returns the largest difference, relative to the largest value of its call.
func (c *Converted) Check(ctx context.Context, runtime *onnx.Runtime, original *models.Resolved, file string) (worst float64, err error) {
	before, closeBefore, err := load(runtime, original)
	if err != nil {
		return 0, err
	}
	defer closeBefore()
	for i := range c.change.to {
		m, err := models.Open(file, models.Layer{From: "the check", Card: c.single(i)})
		if err != nil {
			return worst, err
		}
		m.Card.Decoder = nil // what it decodes is not looked at, nor need its file be there
		after, closeAfter, err := load(runtime, models.Resolve(m))
		if err != nil {
			return worst, err
		}
		difference, err := c.checkOne(ctx, before, after, i)
		closeAfter()
		if worst = max(worst, difference); err != nil {
			return worst, err
		}
	}
	return worst, nil
}

// single is the card of prediction i alone.
func (c *Converted) single(i int) *models.Card {
	if len(c.change.to) == 1 {
		return nil
	}
	name := c.change.to[i].String()
	return &models.Card{Prediction: &models.Prediction{Name: name}, Output: &models.Output{Name: c.Card.Predictions[name]}}
}

// load prepares a network for a few samples of some classes.
func load(runtime *onnx.Runtime, r *models.Resolved) (network *models.Network, end func(), err error) {
	if err := r.Err(); err != nil {
		return nil, nil, err
	}
	session, err := r.NewSession(runtime, onnx.SessionOptions{Provider: "cpu"})
	if err != nil {
		return nil, nil, err
	}
	var run models.Run
	if r.Labels != nil {
		for k := range max(1, min(r.Labels.Count, checked)) {
			run.Labels = append(run.Labels, k)
		}
	}
	if network, err = models.NewNetwork(r, session, run); err != nil {
		session.Destroy()
		return nil, nil, err
	}
	return network, func() {
		network.Close()
		session.Destroy()
	}, nil
}

func (c *Converted) checkOne(ctx context.Context, before, after *models.Network, i int) (worst float64, err error) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, t := range c.times(random) {
		difference, err := c.compare(ctx, before, after, i, t, random)
		if err != nil {
			return worst, err
		}
		if !(difference <= Tolerance) {
			return difference, fmt.Errorf("the new network's %s differs from the conversion in memory by %.2g of the largest value at t=%.6g, and %.0e is allowed: nothing was written",
				c.change.to[i], difference, t, Tolerance)
		}
		worst = max(worst, difference)
	}
	return worst, nil
}

// samples of a call.
const checked = 3

// compare is one call of both networks.
func (c *Converted) compare(ctx context.Context, before, after *models.Network, i int, t float64, random *rand.Rand) (float64, error) {
	m, err := c.change.at(t)
	if err != nil {
		return 0, err
	}
	point := c.change.onto.At(t)
	spread, size := math.Hypot(point.Alpha, point.Beta), checked*c.dim
	x, p, q := make([]float32, size), make([]float32, size), make([]float32, size)
	for k := range x {
		x[k] = float32(random.NormFloat64() * spread)
	}
	if err := before.Predict(ctx, p, x, sampler.At{T: t, Input: m.input, Scale: m.scale}); err != nil {
		return 0, err
	}
	fed := sampler.At{T: t, Input: t, Scale: 1}
	if d, ok := c.change.onto.(*schedule.Discrete); ok {
		fed.Input = d.Fraction(t)
	}
	if c.change.none() {
		fed.Input, fed.Scale = m.input, m.scale
	}
	if err := after.Predict(ctx, q, x, fed); err != nil {
		return 0, err
	}
	most, scale := 0.0, 0.0
	for k := range x {
		want := m.to[i].X*float64(x[k]) + m.to[i].P*float64(p[k])
		most = max(most, math.Abs(float64(q[k])-want)) // NaN stays NaN
		scale = max(scale, math.Abs(want))
	}
	if most == 0 {
		return 0, nil
	}
	return most / scale, nil
}

// times are those at which a conversion is checked, as float32 holds them: the ends of the safe ones, beside them, and inside.
func (c *Converted) times(random *rand.Rand) []float64 {
	s := c.safe
	if d, ok := c.change.onto.(*schedule.Discrete); ok {
		times := []float64{s.From, s.To}
		for range 6 {
			i := s.first + schedule.Index(random.IntN(int(s.last-s.first)+1))
			times = append(times, d.Time(i))
		}
		return times
	}
	times := []float64{1.0 / 1024, 1 - 1.0/1024}
	if !c.change.across { // across, the own time may be so near to an end that no float64 has the digits of its distance
		times = append(times, 1.0/(1<<20), 1-1.0/(1<<20))
	}
	if !s.FromOpen {
		times = append(times, 0)
	}
	if !s.ToOpen {
		times = append(times, 1)
	}
	for range 6 {
		times = append(times, float64(random.Float32()))
	}
	return times
}
