package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
)

// The seven networks of ../shared/pretrained and the results that their own authors' code gives from a given start (and
// noise), as its README describes them.

const shared = "../../../shared"

// pretrained is the folder of real networks, or skips the test where a checkout has none.
func pretrained(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(shared, "pretrained")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("no ../shared/pretrained beside this checkout: the real networks and their references are not here")
	}
	return folder
}

// sampled runs odeon sample and reads the .npy that it writes.
func sampled(t *testing.T, args ...string) (*array.Array, report) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "samples.npy")
	var stdout, stderr bytes.Buffer
	args = append([]string{"sample", "--quiet", "--json", "-o", out}, args...)
	code := run(context.Background(), args, &stdout, &stderr)
	require.Zero(t, code, "odeon %v: %s", args, stderr.String())
	var r report
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &r))
	a, err := array.Read(out)
	require.NoError(t, err)
	return a, r
}

// extracted writes one array of a .npz as a .npy file, which --init and --noise take.
func extracted(t *testing.T, npz, name string) string {
	t.Helper()
	a, err := array.ReadNPZ(npz, name)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), name+".npy")
	require.NoError(t, writeNPY(file, a.Float32(), a.Shape...))
	return file
}

// difference is the largest error of got, relative to the largest value of want.
func difference(t *testing.T, got, want *array.Array) float64 {
	t.Helper()
	require.Equal(t, want.Shape, got.Shape)
	most, scale := 0.0, 0.0
	g, w := got.Float32(), want.Float32()
	for i := range w {
		most = max(most, math.Abs(float64(g[i])-float64(w[i])))
		scale = max(scale, math.Abs(float64(w[i])))
	}
	return most / scale
}

func clipToUnit(a *array.Array) {
	x := a.Float32()
	for i := range x {
		x[i] = min(max(x[i], 0), 1)
	}
}

func TestPretrainedNetworksMatchTheirReferences(t *testing.T) {
	for _, c := range []struct {
		name, network, reference string
		want                     string // array of the reference
		noise                    bool
		tolerance                float64
		flags                    []string
	}{
		{"emnist-latent", "flow.onnx", "reference_ode.npz", "image", false, 1e-4, nil},
		{"emnist-latent", "flow.onnx", "reference_ode.npz", "latent", false, 1e-4, []string{"--decode=false"}},
		{"emnist-latent", "flow.onnx", "reference_sde.npz", "image", true, 1e-4, []string{"--sigma", "1.5*(1-t)", "--label", "10-17"}},
		{"emnist-latent", "flow.onnx", "reference_sde.npz", "latent", true, 1e-4, []string{"--sigma", "1.5*(1-t)", "--label", "10-17", "--decode=false"}},
		// The authors compare a float32 t with float64 bounds, so that the steps at 0.30 and 0.70 are guided too.
		{"mnist-vit", "model.onnx", "reference_ode.npz", "image", false, 1e-4, []string{"--guidance-interval", "0.29,0.71"}},
		{"moons-otcfm", "model.onnx", "reference_ode.npz", "points", false, 1e-4, nil},
		{"dino", "model.onnx", "reference_ddpm.npz", "points", true, 1e-4, nil},
		{"anime64", "model.onnx", "reference_ddim.npz", "image", false, 1e-3, nil},
	} {
		t.Run(c.name+"/"+c.want, func(t *testing.T) {
			if testing.Short() && c.name == "anime64" {
				t.Skip("anime64 takes 10 s: left out of short runs")
			}
			folder := filepath.Join(pretrained(t), c.name)
			reference := filepath.Join(folder, c.reference)
			args := []string{filepath.Join(folder, c.network), "--card", "../../testdata/cards/" + c.name + ".json", "--init", extracted(t, reference, "x0")}
			if c.noise {
				args = append(args, "--noise", extracted(t, reference, "noise"))
			}
			got, _ := sampled(t, append(args, c.flags...)...)
			want, err := array.ReadNPZ(reference, c.want)
			require.NoError(t, err)
			if c.want == "image" && c.name == "emnist-latent" {
				clipToUnit(got) // the authors' pixels are clip(image, 0, 1)
			}
			d := difference(t, got, want)
			t.Logf("largest error %.2g of the result's scale", d)
			require.LessOrEqual(t, d, c.tolerance)
		})
	}
}
