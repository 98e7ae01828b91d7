package torchrand

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
)

// reference finds a file of the numbers that PyTorch and torchsde drew.
func reference(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "reference", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not in ../shared/reference", name)
	}
	return path
}

func drawn(t *testing.T, name string) *array.Array {
	t.Helper()
	a, err := array.ReadNPZ(reference(t, "torch_rng.npz"), name)
	require.NoError(t, err)
	return a
}

// Every tensor of the file: two calls of randn, one after the other, of one generator.
func TestRandnHasPyTorchsBits(t *testing.T) {
	names, err := array.Names(reference(t, "torch_rng.npz"))
	require.NoError(t, err)
	pattern := regexp.MustCompile(`^randn_seed(\d+)_n(\d+)_(\w+)$`)
	kinds := map[string]int{}
	for _, name := range names {
		parts := pattern.FindStringSubmatch(name)
		if parts == nil {
			continue
		}
		kinds[parts[3]]++
		t.Run(name, func(t *testing.T) {
			seed, err := strconv.ParseUint(parts[1], 10, 64)
			require.NoError(t, err)
			n, err := strconv.Atoi(parts[2])
			require.NoError(t, err)
			g := NewGenerator(seed)
			want := drawn(t, name)
			if parts[3] == "float64" {
				got := make([]float64, 2*n)
				g.Randn64(got[:n])
				g.Randn64(got[n:])
				for i, x := range want.Float64() {
					require.InDelta(t, x, got[i], 4e-16*math.Max(1, math.Abs(x)), "element %d", i) // libm's last bit
				}
				return
			}
			draw := map[string]func([]float32){"float32": g.Randn, "float16": g.RandnFloat16}[parts[3]]
			require.NotNil(t, draw)
			got := make([]float32, 2*n)
			draw(got[:n])
			draw(got[n:])
			require.Equal(t, want.Float32(), got)
		})
	}
	require.Equal(t, []int{41, 42, 12}, []int{kinds["float32"], kinds["float64"], kinds["float16"]})
}

func TestUniformsAndIntegersArePyTorchs(t *testing.T) {
	for _, seed := range []uint64{0, 7} {
		uniform := make([]float32, 40)
		NewGenerator(seed).Rand(uniform)
		require.Equal(t, drawn(t, "rand_seed"+strconv.FormatUint(seed, 10)).Float32(), uniform)

		whole := make([]int64, 40)
		NewGenerator(seed).Randint(whole, 0, 1000)
		want, err := drawn(t, "randint_seed"+strconv.FormatUint(seed, 10)).Int64()
		require.NoError(t, err)
		require.Equal(t, want, whole)
	}
	want, err := drawn(t, "randperm_seed0").Int64()
	require.NoError(t, err)
	for i, k := range NewGenerator(0).Randperm(50) {
		require.EqualValues(t, want[i], k)
	}
}

// randn(3), randn(16), randn(5), randn(2, 3, 4) of one generator: the third number of the second pair outlives a tensor in
// blocks.
func TestTensorsOfAllSizesShareAGenerator(t *testing.T) {
	g := NewGenerator(7)
	var got []float32
	for _, n := range []int{3, 16, 5, 24} {
		x := make([]float32, n)
		g.Randn(x)
		got = append(got, x...)
	}
	require.Equal(t, drawn(t, "mixed_seed7").Float32(), got)
}

func TestNoiseIsALatentOfPyTorchs(t *testing.T) {
	for _, seed := range []uint64{0, 7} {
		x := make([]float32, 4*64*64)
		require.NoError(t, (&Noise{Generators: Generators{Seed: seed, Samples: 1}}).Normals(x, 0, 1, 0))
		ends := append(x[:64:64], x[len(x)-64:]...)
		require.Equal(t, drawn(t, "latent_seed"+strconv.FormatUint(seed, 10)+"_first64_last64").Float32(), ends)
	}
}

// vectors are numbers that an independent port made; those of the CPU are found in many places, as torch.randn(n) after
// torch.manual_seed(seed).
func vectors(t *testing.T) map[string][]float64 {
	t.Helper()
	text, err := os.ReadFile(reference(t, "rng_vectors.json"))
	require.NoError(t, err)
	v := map[string][]float64{}
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

func TestVectorsOfTheCPU(t *testing.T) {
	pattern := regexp.MustCompile(`^cpu_randn_seed(\d+)_n(\d+)$`)
	seen := 0
	for name, want := range vectors(t) {
		parts := pattern.FindStringSubmatch(name)
		if parts == nil {
			continue
		}
		seen++
		seed, err := strconv.ParseUint(parts[1], 10, 64)
		require.NoError(t, err)
		x := make([]float32, len(want))
		NewGenerator(seed).Randn(x)
		for i := range want {
			require.InDelta(t, want[i], x[i], 2e-6, name)
		}
	}
	require.Equal(t, 7, seen)
}

// The vectors are in float64, and PyTorch's in float32.
func TestVectorsOfCUDA(t *testing.T) {
	v := vectors(t)
	for draw, name := range []string{"philox_seed0_n12_f64math", "philox_seed0_second_call_n4_f64math"} {
		x := make([]float32, len(v[name]))
		require.NotEmpty(t, x)
		require.NoError(t, (&Noise{Generators: Generators{Device: CUDA}}).Normals(x, 0, 1, draw))
		for i := range x {
			require.InDelta(t, v[name][i], x[i], 1e-6, "%s %d", name, i)
		}
	}
}

func TestSeedSequenceIsNumPys(t *testing.T) {
	v := vectors(t)
	for name, key := range map[string][][]uint32{
		"numpy_seedsequence_entropy0_pool24_generate_state3":            nil,
		"numpy_seedsequence_entropy0_spawn(0,0)_pool24_generate_state4": {{0}, {0}},
	} {
		require.NotEmpty(t, v[name])
		seeds := make([]uint32, len(v[name]))
		seedSequence(seeds, 0, 24, key...)
		for i, want := range v[name] {
			require.EqualValues(t, want, seeds[i], name)
		}
	}
}

// Increments over (5, 10), (2.5, 5), (0.1, 2.5) and (6, 7), in this order: the tree is split where they say.
func TestBrownianIntervalIsTorchsdes(t *testing.T) {
	want := drawn(t, "brownian_seed0").Float32()
	b := BrownianInterval{T0: 0.1, T1: 10}
	for i, q := range [][2]float64{{5, 10}, {2.5, 5}, {0.1, 2.5}, {6, 7}} {
		x := make([]float32, 6)
		require.NoError(t, b.Increment(x, q[0], q[1]))
		require.Equal(t, want[6*i:6*i+6], x)
	}
}
