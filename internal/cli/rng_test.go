package cli

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
	"odeon/onnx"
)

// The start of moons along condot has standard deviation 1: it is torch.manual_seed(0); torch.randn(8, 2), and
// torch.randn(6, 2), which is too small for blocks of 16. The numbers are found wherever PyTorch is taught.
func TestTheStartIsPyTorchsRandn(t *testing.T) {
	t.Setenv(onnx.LibraryVariable, library(t))
	for count, want := range map[string][]float32{
		"8": {
			-1.1258398, -1.1523602, -0.25057858, -0.43387884, 0.84871036, 0.6920092, -0.31601277, -2.1152194,
			0.32227492, -1.2633348, 0.3499832, 0.3081339, 0.11984151, 1.2376579, 1.1167772, -0.24727814,
		},
		"6": {
			1.5409961, -0.2934289, -2.1787894, 0.56843126, -1.0845224, -1.3985955,
			0.40334684, 0.83802634, -0.7192576, -0.40334353, -0.59663534, 0.18203649,
		},
	} {
		file := filepath.Join(t.TempDir(), "x.npz")
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(t.Context(), []string{"sample", "moons", "-n", count, "--rng", "torch", "--steps", "1", "-o", file}, &stdout, &stderr), stderr.String())
		init, err := array.ReadNPZ(file, "init")
		require.NoError(t, err)
		require.InDeltaSlice(t, want, init.Float32(), 2e-6)
	}
}
