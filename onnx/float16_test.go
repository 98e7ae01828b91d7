package onnx

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// half is the definition of binary16 (IEEE 754-2019, 3.4): sign, 5 bits of exponent, 10 of fraction.
func half(h Half) float64 {
	sign := 1.0
	if h>>15 == 1 {
		sign = -1
	}
	exponent, fraction := int(h>>10&31), float64(h&1023)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

func allHalves() []Half {
	all := make([]Half, 1<<16)
	for i := range all {
		all[i] = Half(i)
	}
	return all
}

func TestEveryFloat16WidensToItsDefinition(t *testing.T) {
	all := allHalves()
	wide := make([]float32, len(all))
	Float32FromFloat16(wide, all)
	for i, h := range all {
		want := half(h)
		if math.IsNaN(want) {
			require.True(t, math.IsNaN(float64(wide[i])), "%04x", h)
			continue
		}
		require.Equal(t, math.Float32bits(float32(want)), math.Float32bits(wide[i]), "%04x", h)
	}
}

func TestEveryFloat16SurvivesTheWayThroughFloat32(t *testing.T) {
	all := allHalves()
	wide := make([]float32, len(all))
	back := make([]Half, len(all))
	Float32FromFloat16(wide, all)
	Float16FromFloat32(back, wide)
	for i, h := range all {
		if math.IsNaN(half(h)) {
			require.Equal(t, h&0x8000|0x7e00, back[i], "%04x", h)
			continue
		}
		require.Equal(t, h, back[i], "%04x", h)
	}
}

// Between two neighbouring float16 the halfway point goes to the one whose last bit is 0, and the float32 next to it on either
// side to the nearer one. The neighbour of the largest, 65504, is taken as 65536: what rounds there is infinite.
func TestFloat16RoundsToNearestAndTiesToEven(t *testing.T) {
	for h := Half(0); h < 0x7c00; h++ {
		low, high := half(h), half(h+1)
		if math.IsInf(high, 1) {
			high = 65536
		}
		middle := float32((low + high) / 2)
		even := h + h&1
		src := []float32{
			math.Nextafter32(middle, 0), middle, math.Nextafter32(middle, 1e9),
			-math.Nextafter32(middle, 0), -middle, -math.Nextafter32(middle, 1e9),
		}
		got := make([]Half, len(src))
		Float16FromFloat32(got, src)
		require.Equal(t, []Half{h, even, h + 1, h | 0x8000, even | 0x8000, (h + 1) | 0x8000}, got, "above %v", low)
	}
}

func TestFloat16OfTheExtremes(t *testing.T) {
	src := []float32{math.MaxFloat32, float32(math.Inf(-1)), math.SmallestNonzeroFloat32, 0, float32(math.Copysign(0, -1)), 65519.996, 65520}
	got := make([]Half, len(src))
	Float16FromFloat32(got, src)
	require.Equal(t, []Half{0x7c00, 0xfc00, 0, 0, 0x8000, 0x7bff, 0x7c00}, got)
	require.Panics(t, func() { Float16FromFloat32(got, src[:1]) })
	require.Panics(t, func() { Float32FromFloat16(src[:1], got) })
}

func BenchmarkFloat16FromFloat32(b *testing.B) {
	src, dst := make([]float32, 1<<16), make([]Half, 1<<16)
	for i := range src {
		src[i] = float32(i)/1024 - 32
	}
	b.SetBytes(4 * int64(len(src)))
	for b.Loop() {
		Float16FromFloat32(dst, src)
	}
}
