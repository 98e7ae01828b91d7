package sampler

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A spread network gives what its parts would, whatever their number and the chunks, and each chunk knows its first sample.
func TestASpreadNetworkIsOneNetwork(t *testing.T) {
	const n, dim = 23, 2
	one := Func(func(dst, x []float32, at At) {
		for i, v := range x {
			dst[i] = v*float32(at.Input) + float32(at.First+i/dim)
		}
	})
	x, want := make([]float32, n*dim), make([]float32, n*dim)
	for i := range x {
		x[i] = float32(i * i)
	}
	at := At{Input: 0.5, First: 100}
	require.NoError(t, one.Predict(t.Context(), want, x, at))
	for _, workers := range []int{1, 2, 5, 40} {
		for _, chunk := range []int{0, 1, 7, 23, 100} {
			nets := make([]Network, workers)
			for i := range nets {
				nets[i] = one
			}
			dst := make([]float32, n*dim)
			require.NoError(t, Spread(nets, dim, chunk).Predict(t.Context(), dst, x, at))
			require.Equal(t, want, dst, "%d workers, chunks of %d", workers, chunk)
		}
	}
}

type refusing struct{ calls *atomic.Int64 }

func (f refusing) Predict(ctx context.Context, _, _ []float32, _ At) error {
	f.calls.Add(1)
	return errors.Join(errors.New("no"), ctx.Err())
}

func TestASpreadNetworkStopsAtAnError(t *testing.T) {
	var calls atomic.Int64
	x := make([]float32, 1000)
	err := Spread([]Network{refusing{&calls}, refusing{&calls}}, 1, 1).Predict(t.Context(), x, x, At{})
	require.ErrorContains(t, err, "no")
	require.LessOrEqual(t, calls.Load(), int64(2), "each part stops at its own")
}
