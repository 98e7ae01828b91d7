package fit

import (
	"context"
	"math"
	"slices"

	"odeon/sampler"
)

// walked is a walk of some samples: the states at its calls of the network, and at its end.
type walked struct {
	first, n int
	states   [][]float32
	end      []float32
}

// recorder keeps the states at which a network is called.
type recorder struct {
	sampler.Network
	states [][]float32
}

func (r *recorder) Predict(ctx context.Context, dst, x []float32, at sampler.At) error {
	r.states = append(r.states, slices.Clone(x))
	return r.Network.Predict(ctx, dst, x, at)
}

// walkFine walks the samples first, first+1, ... along the fine plan, and keeps where they come by.
func (p Problem) walkFine(ctx context.Context, n *nodes, first, count int) (*walked, error) {
	r := &recorder{Network: p.Network}
	end, err := p.run(ctx, n.fine, r, first, count)
	return &walked{first, count, r.states, end}, err
}

// run is where a plan takes the samples first, first+1, ...
func (p Problem) run(ctx context.Context, plan *sampler.Plan, net sampler.Network, first, count int) ([]float32, error) {
	x := sampler.NewState(make([]float32, count*p.Dim), count, first)
	if err := x.Draw(plan, p.Noise); err != nil {
		return nil, err
	}
	return x.X, sampler.Run(ctx, plan, sampler.Clip(net, plan), x, p.Noise, nil)
}

// Error is the distance of samples from where the fine walk takes them: the root mean square over a sample's elements.
type Error struct {
	Mean float64 // over the samples
	RMS  float64 // root of the mean square over the samples, which the few furthest rule
}

// error is the error of a plan on the samples of a fine walk.
func (p Problem) error(ctx context.Context, plan *sampler.Plan, fine *walked) (Error, error) {
	x, err := p.run(ctx, plan, p.Network, fine.first, fine.n)
	if err != nil {
		return Error{}, err
	}
	return Distance(x, fine.end, fine.n), nil
}

// Distance is how far n samples are from others, or from where they should be; x and y hold them one after the other.
func Distance(x, y []float32, n int) Error {
	e, dim := Error{}, len(x)/n
	for k := range n {
		square := 0.0
		for i := k * dim; i < (k+1)*dim; i++ {
			d := float64(x[i]) - float64(y[i])
			square += d * d / float64(dim)
		}
		e.Mean += math.Sqrt(square) / float64(n)
		e.RMS += square / float64(n)
	}
	e.RMS = math.Sqrt(e.RMS)
	return e
}
