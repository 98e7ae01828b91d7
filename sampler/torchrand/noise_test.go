package torchrand

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
)

func normals(t *testing.T, z sampler.Noise, first, n, draw, dim int) []float32 {
	t.Helper()
	x := make([]float32, n*dim)
	require.NoError(t, z.Normals(x, first, n, draw))
	return x
}

func TestABatchIsDrawnAtOnce(t *testing.T) {
	for _, dim := range []int{1, 2, 3, 16, 21} {
		const samples = 7
		want := calls(11, 3, samples*dim)
		z := &Noise{Generators: Generators{Seed: 11, Samples: samples}}
		for _, draw := range []int{2, 0, 1, 2} {
			for first := range samples {
				n := samples - first
				require.Equal(t, want[draw][first*dim:], normals(t, z, first, n, draw, dim))
				require.Equal(t, want[draw][first*dim:(first+1)*dim], normals(t, z, first, 1, draw, dim))
			}
		}
	}
}

func TestASampleHasTheGeneratorOfItsOwnSeed(t *testing.T) {
	for _, dim := range []int{1, 3, 16, 21} {
		z := &Noise{Generators: Generators{Seed: 100, Seeds: PerSample}}
		walk := z.Walk(5, 4)
		for _, draw := range []int{0, 1, 1, 2, 0, 2} {
			var want []float32
			for k := 5; k < 9; k++ {
				want = append(want, calls(100+uint64(k), 3, dim)[draw]...)
			}
			require.Equal(t, want, normals(t, z, 5, 4, draw, dim))
			require.Equal(t, want, normals(t, walk, 5, 4, draw, dim))
			require.Equal(t, want[dim:3*dim], normals(t, walk, 6, 2, draw, dim))
			require.Equal(t, normals(t, z, 8, 2, draw, dim), normals(t, walk, 8, 2, draw, dim), "beyond the walk")
		}
	}
}

// Where the start is given the generator has drawn nothing before the walk's first draw.
func TestWithoutAStartTheFirstDrawComesFirst(t *testing.T) {
	for _, seeds := range []Seeds{Batch, PerSample} {
		for _, device := range []Device{CPU, CUDA} {
			g := Generators{Seed: 3, Seeds: seeds, Device: device, Samples: 4}
			later := &Noise{Generators: g, FirstDraw: 1}
			require.Equal(t, normals(t, &Noise{Generators: g}, 1, 3, 1, 5), normals(t, later, 1, 3, 2, 5))
			require.ErrorContains(t, later.Normals(make([]float32, 5), 0, 1, 0), "draw 0, expected one from 1")
		}
	}
}

func TestChunksAndWorkersDoNotChangeANumber(t *testing.T) {
	plan, err := sampler.OrnsteinUhlenbeck(1, 1, 0.1, 5)
	require.NoError(t, err)
	plan.Start = 1
	for _, seeds := range []Seeds{Batch, PerSample} {
		for _, device := range []Device{CPU, CUDA} {
			run := func(chunk, workers int) (all []float32) {
				job := sampler.Job{
					Plan: plan, N: 10, Dim: 3, Chunk: chunk, Workers: workers,
					Noise:   &Noise{Generators: Generators{Seed: 8, Seeds: seeds, Device: device, Samples: 10}},
					Network: func(int) (sampler.Network, error) { return nil, nil },
				}
				require.NoError(t, job.Run(context.Background(), func(x []float32, _, _ int) error {
					all = append(all, x...)
					return nil
				}))
				return all
			}
			require.Equal(t, run(10, 1), run(3, 2), "%v %v", seeds, device)
		}
	}
}

func TestNoiseIsReadByManyAtOnce(t *testing.T) {
	z := &Noise{Generators: Generators{Seed: 1, Samples: 64}}
	want := calls(1, 20, 64*50)
	var group sync.WaitGroup
	wrong := make([]int, 4)
	for w := range wrong {
		group.Go(func() {
			x := make([]float32, 16*50)
			for draw := range want {
				if err := z.Normals(x, 16*w, 16, draw); err != nil || !slices.Equal(x, want[draw][16*w*50:][:len(x)]) {
					wrong[w]++
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, make([]int, 4), wrong)
}

func TestNoiseThatPyTorchDoesNotHave(t *testing.T) {
	for _, c := range []struct {
		noise    Generators
		first, n int
		numbers  int
		message  string
	}{
		{Generators{Samples: 4}, 3, 2, 6, "torch noise: samples 3 to 4, and the batch that one generator draws has 4"},
		{Generators{Samples: 1 << 31}, 3, 2, 6, "torch noise: a batch of 2147483648 samples of 3 numbers, expected at most 1431655765 samples; draw fewer, or give each a generator of its own"},
		{Generators{Device: CUDA}, 100000, 2, 6, "torch noise: a batch of 100002 samples of 3 numbers, expected at most 90112 samples: beyond that what PyTorch draws depends on the card; draw fewer, or give each a generator of its own"},
		{Generators{Device: CUDA, Seeds: PerSample}, 0, 1, 270337, "torch noise: samples of 270337 numbers, expected at most 270336: beyond that"},
		{Generators{Samples: 4}, 0, 2, 5, "torch noise: a buffer of 5 numbers for 2 samples from number 0"},
		{Generators{Samples: 4}, -1, 2, 6, "torch noise: a buffer of 6 numbers for 2 samples from number -1"},
	} {
		err := (&Noise{Generators: c.noise}).Normals(make([]float32, c.numbers), c.first, c.n, 0)
		require.ErrorContains(t, err, c.message)
	}
}
