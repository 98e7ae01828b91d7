package cli

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"odeon/internal/array"
	"odeon/onnx"
)

// mask FILE N,N,... ROW: a .npy mask of pictures that are to be painted from this row on.
func mask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: mask FILE N,N,... ROW")
	}
	var shape []int
	size := 1
	for text := range strings.SplitSeq(args[1], ",") {
		n, err := strconv.Atoi(text)
		ts.Check(err)
		shape, size = append(shape, n), size*n
	}
	row, err := strconv.Atoi(args[2])
	ts.Check(err)
	values := make([]float32, size)
	height, width := shape[len(shape)-2], shape[len(shape)-1]
	for i := range values {
		if i/width%height >= row {
			values[i] = 1
		}
	}
	ts.Check(writeNPY(ts.MkAbs(args[0]), values, shape...))
}

// upper A B TOLERANCE: the upper halves of the pictures in two .npy files are the same.
func upper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: upper A B TOLERANCE")
	}
	a, b, tolerance := readPair(ts, args)
	x, y, size := a.Float32(), b.Float32(), a.Shape[2]*a.Shape[3]
	for i := range x {
		if d := math.Abs(float64(x[i] - y[i])); i%size < size/2 && d > tolerance {
			ts.Fatalf("sample %d differs by %g in its upper half", i/size, d)
		}
	}
}

// brokenFiles are pictures for the scripts: one that ends early, and one of a single pixel.
func brokenFiles(folder string) error {
	var b bytes.Buffer
	dot := image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.White})
	if err := gif.Encode(&b, dot, nil); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "dot.gif"), b.Bytes(), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "broken.png"), []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), 0o666)
}

// What odeon writes it also begins in: tables, recordings and arrays give the same first states. A walk there and back, with all its states,
// begins in the data themselves.
func TestEveryKindOfFileIsTheDataThatItHolds(t *testing.T) {
	t.Setenv(onnx.LibraryVariable, library(t))
	folder := t.TempDir()
	writeEffects(t, folder)
	odeon := func(words string) {
		var stdout, stderr bytes.Buffer
		args := strings.Fields(strings.ReplaceAll(words, "@", folder+string(filepath.Separator)))
		require.Zero(t, run(t.Context(), args, &stdout, &stderr), "%s: %s", words, stderr.String())
	}
	for _, c := range []struct {
		made, as string
		within   float64
	}{
		{"sample moons -n 5 --seed 3", "csv", 1e-6},
		{"sample @everything.onnx --shape 64 --layout L --rate 8000 --clip -0.9,0.9 --last none --steps 1 -n 1 --label 0", "wav", 1e-4},
		{"sample glyphs -n 1 --label 3", "png", 0.6}, // bytes, scaled up and down again
	} {
		odeon(c.made + " -o @x.npy -o @x." + c.as)
		odeon(strings.Replace(c.made, "--clip -0.9,0.9 --last none --steps 1", "", 1) + " --from @x." + c.as + " --invert --trajectories --steps 2 -o @way.npz")
		want, err := array.Read(filepath.Join(folder, "x.npy"))
		require.NoError(t, err)
		got, err := array.ReadNPZ(filepath.Join(folder, "way.npz"), "trajectory")
		require.NoError(t, err)
		values := want.Float32()
		for i, v := range values {
			values[i] = max(min(v, 1), -1)
			if c.as == "csv" {
				values[i] = v
			}
		}
		require.InDeltaSlice(t, values, got.Float32()[:len(values)], c.within, c.as)
	}
}

// From the data of real networks to noise and back: the error shrinks with the steps as the order of the solver has it. (dino has 50 trained
// steps, of which 25 are every other one; of its 1000 points the worst counts.)
func TestInversionOfPretrainedNetworks(t *testing.T) {
	for _, c := range []struct {
		name, network, reference, data string
		solver                         string
		steps                          [2]string
		within, gain                   float64 // of the error at the second number of steps, and of the first over the second
	}{
		{"emnist-latent", "flow.onnx", "reference_ode.npz", "latent", "euler", [2]string{"25", "100"}, 0.05, 3},
		{"emnist-latent", "flow.onnx", "reference_ode.npz", "latent", "ddim", [2]string{"25", "100"}, 0.05, 3},
		{"emnist-latent", "flow.onnx", "reference_ode.npz", "latent", "heun", [2]string{"25", "100"}, 1e-4, 30},
		{"emnist-latent", "flow.onnx", "reference_ode.npz", "latent", "rk4", [2]string{"10", "40"}, 1e-4, 100},
		{"dino", "model.onnx", "reference_ddpm.npz", "points", "ddim", [2]string{"25", "50"}, 0.08, 1.25},
		{"dino", "model.onnx", "reference_ddpm.npz", "points", "heun-edm", [2]string{"25", "50"}, 0.002, 3},
		{"dino", "model.onnx", "reference_ddpm.npz", "points", "rk4", [2]string{"25", "50"}, 0.002, 3},
	} {
		t.Run(c.name+"/"+c.solver, func(t *testing.T) {
			folder := filepath.Join(pretrained(t), c.name)
			data := extracted(t, filepath.Join(folder, c.reference), c.data)
			want, err := array.Read(data)
			require.NoError(t, err)
			var errors [2]float64
			for i, steps := range c.steps {
				got, r := sampled(t, filepath.Join(folder, c.network), "--card", "../../testdata/cards/"+c.name+".json", "--decode=false",
					"--from", data, "--invert", "--solver", c.solver, "--steps", steps)
				require.Zero(t, *r.Turn)
				errors[i] = difference(t, got, want)
			}
			t.Logf("largest error %.2g in %s steps, %.2g in %s", errors[0], c.steps[0], errors[1], c.steps[1])
			require.Less(t, errors[1], c.within)
			require.Greater(t, errors[0]/errors[1], c.gain)
		})
	}
}
