package torchrand

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// calls are consecutive tensors of one generator, as PyTorch draws them.
func calls(seed uint64, n, size int) [][]float32 {
	g := NewGenerator(seed)
	x := make([][]float32, n)
	for k := range x {
		x[k] = make([]float32, size)
		g.Randn(x[k])
	}
	return x
}

// A tensor may be asked for in any part; elements from a tensor's blocks, from its redrawn end and from a pair that another
// call left over are found where they are.
func TestAPartOfATensorIsThatPart(t *testing.T) {
	for _, size := range []int{1, 2, 3, 15, 16, 17, 31, 32, 37, 48, 100} {
		for call, want := range calls(5, 4, size) {
			for at := range size {
				for _, n := range []int{1, 2, 15, 16, 17, size - at} {
					x := make([]float32, min(n, size-at))
					require.NoError(t, CPU.randn(x, 5, tensor{call, size}, at))
					require.Equal(t, want[at:at+len(x)], x, "call %d of %d numbers from %d on", call, size, at)
				}
			}
		}
	}
}

func TestOnCUDAALargerTensorBeginsWithTheSameNumbers(t *testing.T) {
	small, large := make([]float32, 10), make([]float32, 4)
	require.NoError(t, CUDA.randn(small, 9, tensor{2, 10}, 0))
	require.NoError(t, CUDA.randn(large, 9, tensor{2, 1000}, 3))
	require.Equal(t, small[3:7], large)

	high := make([]float32, 4)
	require.NoError(t, CUDA.randn(high, 9+1<<32, tensor{2, 1000}, 3))
	require.NotEqual(t, large, high, "all 64 bits of a seed count")

	err := CUDA.randn(large, 0, tensor{0, CUDAThreads + 1}, 0)
	require.EqualError(t, err, "270337 numbers in one call of randn on CUDA: more than 270336, and what PyTorch draws depends on the card; draw fewer at a time")
	require.Equal(t, "cuda", fmt.Sprint(CUDA))
}

func TestATapeIsReadInAnyOrder(t *testing.T) {
	const size = 70000
	want := calls(6, 9, size)
	var short tape // keeps few states
	short.kept, short.every = []mersenne{seeded(6)}, turn
	for _, step := range []struct{ call, at int }{{8, 5}, {0, 0}, {3, 69990}, {8, 69999}, {1, 16}, {8, 64}} {
		tensor := tensor{step.call, size}
		for _, tp := range []*tape{&short, {}} {
			for len(tp.kept) > 20 && tp == &short {
				tp.thin()
			}
			m := tp.at(6, tensor.place(step.at))
			x := make([]float32, min(50, size-step.at))
			m.read(x, tensor, step.at)
			require.Equal(t, want[step.call][step.at:step.at+len(x)], x)
		}
	}
}
