package sampler

import (
	"context"
	"math"
)

// Clip turns net's prediction into the data prediction z = DataX x + DataP p, clipped to the plan's range: what the
// rows of a plan with Clip are written in. Rows that need the noise have it recomputed from the clipped z. A plan
// without Clip leaves net as it is. Guidance goes inside: Clip(Guide(net, g), plan).
//
// What is not finite stays so, in order that the walk stops there and does not hide it.
func Clip(net Network, plan *Plan) Network {
	if plan.Clip == nil {
		return net
	}
	return &clipped{net: net, lo: float32(plan.Clip[0]), hi: float32(plan.Clip[1])}
}

type clipped struct {
	net    Network
	lo, hi float32
}

func (c *clipped) Predict(ctx context.Context, dst, x []float32, at At) error {
	if err := c.net.Predict(ctx, dst, x, at); err != nil {
		return err
	}
	a, b := float32(at.DataX), float32(at.DataP)
	dst = dst[:len(x)]
	for i, v := range x {
		z := float32(a*v) + float32(b*dst[i])
		if z > c.hi && z <= math.MaxFloat32 {
			z = c.hi
		} else if z < c.lo && z >= -math.MaxFloat32 {
			z = c.lo
		}
		dst[i] = z
	}
	return nil
}
