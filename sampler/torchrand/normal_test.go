package torchrand

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// PyTorch 2.9.1 on a processor with AVX2: zlib.crc32(torch.randn(1_000_003, generator=...manual_seed(12)).numpy().tobytes()).
func TestAMillionNormalsHaveTheSameBits(t *testing.T) {
	x := make([]float32, 1_000_003)
	NewGenerator(12).Randn(x)
	var bytes []byte
	for _, v := range x {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
	}
	require.EqualValues(t, 4176257226, crc32.ChecksumIEEE(bytes))
}

func TestLogarithmAndSineAreWithinTheirLastDigits(t *testing.T) {
	for i := 1; i <= 1<<24; i += 997 {
		x := float32(i) * 0x1p-24
		want := math.Log(float64(x))
		require.InDelta(t, want, logarithm(x), 1.2e-7*math.Abs(want)+1e-12, "ln %v", x)

		angle := float32(2*math.Pi) * x
		sin, cos := sineCosine(angle)
		require.InDelta(t, math.Sin(float64(angle)), sin, 1.2e-7)
		require.InDelta(t, math.Cos(float64(angle)), cos, 1.2e-7)
	}
}

func TestReducedTypesRoundToTheNearest(t *testing.T) {
	wide, half, brain := make([]float32, 160), make([]float32, 160), make([]float32, 160)
	NewGenerator(2).Randn(wide)
	NewGenerator(2).RandnFloat16(half)
	NewGenerator(2).RandnBFloat16(brain)
	for i, x := range wide {
		require.InEpsilon(t, x, half[i], 0x1p-11)
		require.InEpsilon(t, x, brain[i], 0x1p-8)
		require.Zero(t, math.Float32bits(brain[i])&0xffff, "bfloat16 is the upper half of float32")
		require.Zero(t, math.Float32bits(half[i])&(1<<13-1))
	}
}
