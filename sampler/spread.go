package sampler

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Spread makes one network of several that are alike, for states of dim elements: samples are cut into chunks of at most so many, and each
// of the networks predicts one chunk after another, side by side with the others. They give one prediction each.
func Spread(nets []Network, dim, chunk int) Network { return &spread{nets, dim, max(1, chunk)} }

type spread struct {
	nets       []Network
	dim, chunk int
}

func (s *spread) Predict(ctx context.Context, dst, x []float32, at At) error {
	n := len(x) / s.dim
	starts := make(chan int, (n+s.chunk-1)/s.chunk)
	for i := 0; i < n; i += s.chunk {
		starts <- i
	}
	close(starts)
	group, ctx := errgroup.WithContext(ctx)
	for _, net := range s.nets {
		group.Go(func() error {
			for i := range starts {
				at, from, to := at, i*s.dim, min(i+s.chunk, n)*s.dim
				at.First += i
				if err := net.Predict(ctx, dst[from:to], x[from:to], at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
