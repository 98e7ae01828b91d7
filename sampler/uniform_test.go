package sampler

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func uniforms(t *testing.T, p Philox, first, n, draw, dim int) []float64 {
	t.Helper()
	dst := make([]float64, n*dim)
	require.NoError(t, p.Uniforms(dst, first, n, draw))
	return dst
}

// The layout that the doc comment of Uniforms promises: the counter of the normals with its highest bit set.
func TestAUniformIsAWordOfItsOwnCounter(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("sample numbers have 32 bits on this machine")
	}
	seed, draw, sample := uint64(0x0123456789abcdef), int64(0xfffffff0), int64(0x3456789a<<32|0x89abcdef)
	u := uniforms(t, Philox{Seed: seed}, int(sample-1), 2, int(draw), 11)[11:]
	var want []float64
	for block := range uint32(3) {
		w0, w1, w2, w3 := Philox4x32(block, 0xfffffff0, 0x89abcdef, 0xb456789a, 0x89abcdef, 0x01234567)
		for _, w := range []uint32{w0, w1, w2, w3} {
			want = append(want, (float64(w)+0.5)/(1<<32))
		}
	}
	require.Equal(t, want[:11], u)
}

// Runs made once must be made again by every later version: these numbers never change. They were computed by another program (Philox in
// Python, which gives Random123's known answers).
func TestTheUniformsOfASeedNeverChange(t *testing.T) {
	require.Equal(t, []float64{0.866024979040958, 0.5133486998965964, 0.7006868977332488, 0.24261553690303117, 0.41986484930384904}, uniforms(t, Philox{}, 0, 1, 0, 5))
}

func TestAUniformIsNeitherZeroNorOne(t *testing.T) {
	require.Equal(t, 0x1p-33, unit(0))
	require.Equal(t, 1-0x1p-33, unit(math.MaxUint32))
	require.Positive(t, 1-unit(math.MaxUint32))
}

// Kolmogorov and Smirnov's distance of n numbers from the uniform law is below 1.95/sqrt(n) but once in a thousand seeds; this is one
// seed. Neighbours, in a sample, between samples and between draws, are uncorrelated to 4/sqrt(n).
func TestUniformsAreUniformAndIndependent(t *testing.T) {
	const n, dim = 1 << 12, 16
	u := uniforms(t, Philox{Seed: 5}, 0, n, 0, dim)
	next := uniforms(t, Philox{Seed: 5}, 0, n, 1, dim)
	correlation := func(x, y []float64) float64 {
		sum := 0.
		for i := range x {
			sum += 12 * (x[i] - 0.5) * (y[i] - 0.5)
		}
		return math.Abs(sum) / float64(len(x))
	}
	size := float64(len(u))
	require.Less(t, correlation(u[:len(u)-1], u[1:]), 4/math.Sqrt(size), "elements")
	require.Less(t, correlation(u[:len(u)-dim], u[dim:]), 4/math.Sqrt(size), "samples")
	require.Less(t, correlation(u, next), 4/math.Sqrt(size), "draws")
	slices.Sort(u)
	distance := 0.
	for i, x := range u {
		distance = max(distance, math.Abs(x-float64(i)/size), math.Abs(x-float64(i+1)/size))
	}
	require.Less(t, distance, 1.95/math.Sqrt(size))
}

func TestUniformsAreTheSameInAnyBatch(t *testing.T) {
	for _, dim := range []int{1, 3, 4, 9} {
		whole := uniforms(t, Philox{Seed: 1}, 0, 8, 2, dim)
		require.Equal(t, whole[5*dim:], uniforms(t, Philox{Seed: 1}, 5, 3, 2, dim))
		require.Equal(t, whole[:dim-1], uniforms(t, Philox{Seed: 1}, 0, 1, 2, dim-1))
	}
}

func TestUniformsAllocateNothing(t *testing.T) {
	dst := make([]float64, 15)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if (Philox{Seed: 1}).Uniforms(dst, 0, 3, 1) != nil {
			t.Fail()
		}
	}))
}

func TestUniformsRefuseWhatTheGeneratorCannotCount(t *testing.T) {
	require.ErrorContains(t, Philox{}.Uniforms(make([]float64, 7), 0, 2, 0), "7 numbers does not hold 2 samples")
	require.ErrorContains(t, Philox{}.Uniforms(make([]float64, 2), -1, 2, 0), "negative")
	if big := int64(math.MaxUint32); strconv.IntSize == 64 {
		require.ErrorContains(t, Philox{}.Uniforms(make([]float64, 2), 0, 2, int(big+1)), "counts draws in 32 bits")
	}
}
