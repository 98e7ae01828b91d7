package sampler

import (
	"context"
	"math"
)

// Clip turns net's prediction into the data prediction z = DataX x + DataP p, clipped to the plan's range, or by its threshold: what the
// rows of a plan with Clip or Threshold are written in. Rows that need the noise have it recomputed from the clipped z. A plan
// without either leaves net as it is. Guidance goes inside: Clip(Guide(net, g), plan).
//
// What is not finite stays so, in order that the walk stops there and does not hide it.
func Clip(net Network, plan *Plan) Network {
	if plan.ReadsUnclipped() {
		net = repeated{net}
	}
	switch {
	case plan.Threshold != nil:
		return &thresholded{net: net, Threshold: *plan.Threshold}
	case plan.Clip != nil:
		return &clipped{net: net, lo: float32(plan.Clip[0]), hi: float32(plan.Clip[1])}
	}
	return net
}

// repeated gives the prediction as the second one too: that is left as it is when the first is clipped.
type repeated struct{ net Network }

func (t repeated) Predict(ctx context.Context, dst, x []float32, at At) error {
	err := t.net.Predict(ctx, dst[:len(x)], x, at)
	copy(dst[len(x):], dst[:len(x)])
	return err
}

type clipped struct {
	net    Network
	lo, hi float32
}

func (c *clipped) Predict(ctx context.Context, dst, x []float32, at At) error {
	if err := c.net.Predict(ctx, dst, x, at); err != nil {
		return err
	}
	dst = dst[:len(x)]
	data(dst, x, at)
	clip(dst, c.lo, c.hi)
	return nil
}

// thresholded clips each sample to a range of its own, and scales it back to [-1, 1].
type thresholded struct {
	Threshold
	net    Network
	buffer []float32
}

func (c *thresholded) Predict(ctx context.Context, dst, x []float32, at At) error {
	if err := c.net.Predict(ctx, dst, x, at); err != nil {
		return err
	}
	dst = dst[:len(x)]
	data(dst, x, at)
	dim := len(x) / max(at.N, 1)
	c.buffer = sized(c.buffer, dim)
	for begin := 0; begin < len(dst); begin += dim {
		z := dst[begin : begin+dim]
		if !finite32(z) {
			continue
		}
		s := c.bound(z, c.buffer)
		clip(z, -s, s)
		for i := range z {
			z[i] /= s
		}
	}
	return nil
}

// data makes the data prediction of p in place.
func data(p, x []float32, at At) {
	a, b := float32(at.DataX), float32(at.DataP)
	for i, v := range x {
		p[i] = float32(a*v) + float32(b*p[i])
	}
}

// clip moves what is finite into the range.
func clip(z []float32, lo, hi float32) {
	for i, v := range z {
		if v > hi && v <= math.MaxFloat32 {
			z[i] = hi
		} else if v < lo && v >= -math.MaxFloat32 {
			z[i] = lo
		}
	}
}
