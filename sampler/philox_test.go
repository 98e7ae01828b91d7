package sampler

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The vectors are Random123's (kat_vectors, lines "Philox4x32 10").
func TestPhiloxGivesThePublishedWords(t *testing.T) {
	for _, v := range []struct{ counter, key, want []uint32 }{
		{
			[]uint32{0, 0, 0, 0}, []uint32{0, 0},
			[]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		}, {
			[]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, []uint32{0xffffffff, 0xffffffff},
			[]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		}, { // the digits of pi
			[]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, []uint32{0xa4093822, 0x299f31d0},
			[]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		w0, w1, w2, w3 := Philox4x32(v.counter[0], v.counter[1], v.counter[2], v.counter[3], v.key[0], v.key[1])
		require.Equal(t, v.want, []uint32{w0, w1, w2, w3})
	}
}

func normals(t *testing.T, noise Noise, first, n, draw, dim int) []float32 {
	t.Helper()
	dst := make([]float32, n*dim)
	require.NoError(t, noise.Normals(dst, first, n, draw))
	return dst
}

// Samples made once must be made again by every later version: these bits never change. The listed ones are the formulas
// of boxMuller in 40 digits (mpmath), rounded once. GOAMD64=v3 lets the compiler fuse products into sums, as it does on
// arm64 by itself; under it too this test must pass.
func TestTheNormalsOfASeedNeverChange(t *testing.T) {
	bits := func(x []float32) (b []uint32) {
		for _, v := range x {
			b = append(b, math.Float32bits(v))
		}
		return b
	}
	require.Equal(t, []uint32{
		0x3f7dbb33, 0xbf6cb6b0, 0xbf1e1b9f, 0xbef6d1b2, 0xbe1d5357, 0x3e392a6d, 0x3f54ec98, 0x3e4a2da3,
	}, bits(normals(t, Philox{}, 0, 1, 0, 8)))
	require.Equal(t, []uint32{
		0xbf0b9d66, 0x3f570eb2, 0x3e51937a, // sample 41
		0xbf895fc7, 0xbf840957, 0x3f9326d4, // sample 42
	}, bits(normals(t, Philox{Seed: 0xfedcba9876543210}, 41, 2, 1000, 3)))

	// FNV-1a over a million of them.
	hash := uint64(14695981039346656037)
	for _, b := range bits(normals(t, Philox{Seed: 1}, 0, 1024, 1, 1024)) {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	require.Equal(t, uint64(0xd56d2558a28535a6), hash)
}

// The layout that the doc comment of Philox promises.
func TestACounterIsBlockDrawAndSample(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("sample numbers have 32 bits on this machine")
	}
	seed, draw, sample := uint64(0x0123456789abcdef), int64(0xfffffff0), int64(0x3456789a<<32|0x89abcdef)
	x := normals(t, Philox{Seed: seed}, int(sample-1), 2, int(draw), 12)[12:]
	for block := range 3 {
		w0, w1, w2, w3 := Philox4x32(uint32(block), 0xfffffff0, 0x89abcdef, 0x3456789a, 0x89abcdef, 0x01234567)
		want := make([]float32, 4)
		want[0], want[1] = boxMuller(w0, w1)
		want[2], want[3] = boxMuller(w2, w3)
		require.Equal(t, want, x[4*block:4*block+4])
	}
}

func TestASampleIsTheSameInAnyBatch(t *testing.T) {
	noise := Philox{Seed: 1}
	for _, dim := range []int{1, 2, 3, 4, 5, 7, 12, 301} {
		for _, draw := range []int{0, 1, 50} {
			whole := normals(t, noise, 0, 8, draw, dim)

			var threes []float32
			for first := 0; first < 8; first += 3 {
				threes = append(threes, normals(t, noise, first, min(3, 8-first), draw, dim)...)
			}
			require.Equal(t, whole, threes, "batches of 3, dim %d, draw %d", dim, draw)
			require.Equal(t, whole[5*dim:], normals(t, noise, 5, 3, draw, dim), "--first 5 -n 3, dim %d, draw %d", dim, draw)
		}
	}
}

func TestAnElementIsTheSameWhateverFollowsIt(t *testing.T) {
	long := normals(t, Philox{Seed: 2}, 7, 1, 3, 64)
	for dim := range 64 {
		require.Equal(t, long[:dim], normals(t, Philox{Seed: 2}, 7, 1, 3, dim))
	}
}

func TestASampleIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	const n, dim = 64, 33
	whole := normals(t, Philox{Seed: 3}, 0, n, 1, dim)
	for _, threads := range []int{1, 2, 3, 8} {
		parts := make([]float32, n*dim)
		var wait sync.WaitGroup
		for thread := range threads {
			from, to := thread*n/threads, (thread+1)*n/threads
			wait.Go(func() {
				if err := (Philox{Seed: 3}).Normals(parts[from*dim:to*dim], from, to-from, 1); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		require.Equal(t, whole, parts, "%d threads", threads)
	}
}

func TestPhiloxAllocatesNothing(t *testing.T) {
	dst := make([]float32, 3*5)
	var noise Noise = Philox{Seed: 1}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if noise.Normals(dst, 0, 3, 1) != nil {
			t.Fail()
		}
	}))
}

func TestPhiloxRefusesWhatItCannotCount(t *testing.T) {
	noise := Philox{}
	require.ErrorContains(t, noise.Normals(make([]float32, 7), 0, 2, 0), "7 numbers does not hold 2 samples")
	require.ErrorContains(t, noise.Normals(make([]float32, 7), 0, 0, 0), "7 numbers does not hold 0 samples")
	require.ErrorContains(t, noise.Normals(make([]float32, 2), -1, 2, 0), "negative")
	require.ErrorContains(t, noise.Normals(make([]float32, 2), 0, 2, -3), "draw -3")
	require.NoError(t, noise.Normals(nil, 0, 0, 0))
	if big := int64(math.MaxUint32); strconv.IntSize == 64 {
		require.NoError(t, noise.Normals(make([]float32, 2), 0, 2, int(big)))
		require.ErrorContains(t, noise.Normals(make([]float32, 2), 0, 2, int(big+1)), "counts draws in 32 bits (0 to 4294967295)")
	}
}

// Sample 5 drawn among others, and by a shard that begins with it.
func ExamplePhilox() {
	noise := Philox{Seed: 1}
	batch, alone := make([]float32, 8*3), make([]float32, 3)
	if err := noise.Normals(batch, 0, 8, 0); err != nil {
		fmt.Println(err)
	}
	if err := noise.Normals(alone, 5, 1, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(batch[5*3:][:3])
	fmt.Println(alone)
	// Output:
	// [0.34610748 -0.28383088 -1.1692804]
	// [0.34610748 -0.28383088 -1.1692804]
}

// The figure "M/s" is millions of normals a second: a picture of many elements, and points of two, which use half of
// each block. Run with -cpu 1,2 to see that threads do not wait for each other.
func BenchmarkPhiloxNormals(b *testing.B) {
	for _, shape := range []struct {
		name   string
		n, dim int
	}{{"3x64x64", 1, 3 * 64 * 64}, {"1000x2", 1000, 2}} {
		b.Run(shape.name, func(b *testing.B) {
			size := shape.n * shape.dim
			b.RunParallel(func(pb *testing.PB) {
				dst := make([]float32, size)
				for pb.Next() {
					if err := (Philox{Seed: 1}).Normals(dst, 0, shape.n, 1); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)*float64(size)/1e6/b.Elapsed().Seconds(), "M/s")
		})
	}
}

func TestALargeSampleCanBeDrawnInPieces(t *testing.T) {
	noise := Philox{Seed: 7}
	whole := normals(t, noise, 3, 1, 2, 103)
	pieces := make([]float32, 103)
	for _, part := range [][2]int{{0, 40}, {40, 100}, {100, 103}} {
		require.NoError(t, noise.Elements(pieces[part[0]:part[1]], 3, 2, part[0]))
	}
	require.Equal(t, whole, pieces)
	require.EqualError(t, noise.Elements(pieces, 0, 0, 3), "noise: elements from 3 on, expected a multiple of 4")
}
