package torchrand

import (
	"fmt"
	"math"

	"odeon/sampler"
)

// BrownianTree is a [sampler.Noise] of what diffusers' DPMSolverSDEScheduler draws (its BrownianTreeNoiseSampler, after
// k-diffusion's): increments of one Brownian motion in sigma, the noise level, for each element, divided by their standard
// deviation,
//
//	(W(high) - W(low)) / sqrt(high - low), with its sign turned where sigma falls
//
// so that draws over intervals that overlap belong together, and a finer grid of times follows the same motion. It is a dyadic
// [BrownianInterval] with a pool of 24 words and times of 6 decimals; diffusers' noise_sampler_seed is Seed. Batch is one
// tree for the tensor of all samples, and PerSample, which is a list of seeds in diffusers, one for each sample. Sigmas are
// rounded to float32 first, as they are there.
//
// It has no start: draw 0 comes from elsewhere, as with [sampler.Composite]. A BrownianTree holds no state but what it says;
// each draw goes down the tree from its root, which makes the normals of some forty tensors.
type BrownianTree struct {
	Generators
	Low, High float64      // the smallest sigma of the schedule that is not 0, and the largest
	Spans     [][2]float64 // draw k of the walk belongs to the step from sigma Spans[k-1][0] to Spans[k-1][1]
}

// Normals fills dst, [n, dim], with draw number draw of the samples first to first+n-1.
func (b BrownianTree) Normals(dst []float32, first, n, draw int) error {
	parts, err := b.parts(dst, first, n)
	if err != nil {
		return err
	}
	if draw < 1 || draw > len(b.Spans) {
		return fmt.Errorf("brownian tree: draw %d, and it has %d spans, from draw 1 on", draw, len(b.Spans))
	}
	from, to := float32(b.Spans[draw-1][0]), float32(b.Spans[draw-1][1])
	std := float32(math.Sqrt(math.Abs(float64(to - from))))
	if !(std > 0) {
		return fmt.Errorf("brownian tree: draw %d spans sigma %v to %v, expected two different ones", draw, from, to)
	}
	if to < from {
		from, to, std = to, from, -std
	}
	for _, p := range parts {
		interval := BrownianInterval{
			T0: float64(float32(b.Low)), T1: float64(float32(b.High)), Entropy: p.seed, Device: b.Device,
			Pool: 24, Decimals: 6, Dyadic: true, size: p.size, at: p.at,
		}
		if err := interval.Increment(p.dst, float64(from), float64(to)); err != nil {
			return err
		}
		for i := range p.dst {
			p.dst[i] /= std
		}
	}
	return nil
}

var _ sampler.Noise = BrownianTree{}
