package cli

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
	"odeon/sampler"
)

// python is a Python that has ONNX Runtime and numpy, or the test is skipped.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here to run scripts/run_compiled.py")
	}
	if err := exec.Command(path, "-c", "import numpy, onnxruntime").Run(); err != nil {
		t.Skip("python3 has no onnxruntime or no numpy here; pip install onnxruntime numpy")
	}
	return path
}

// normals writes standard normals of a seed as a .npy file: draw 0, and behind each other the draws from 1 on.
func normals(t *testing.T, n, draws int, shape ...int) (start, steps string) {
	t.Helper()
	dim := 1
	for _, size := range shape {
		dim *= size
	}
	noise := sampler.Philox{Seed: 5}
	write := func(name string, first, draws int, leading ...int) string {
		file := filepath.Join(t.TempDir(), name)
		x := make([]float32, draws*n*dim)
		for k := range draws {
			require.NoError(t, noise.Normals(x[k*n*dim:][:n*dim], 0, n, first+k))
		}
		require.NoError(t, writeNPY(file, x, append(leading, shape...)...))
		return file
	}
	return write("start.npy", 0, 1, n), write("steps.npy", 1, draws, draws, n)
}

func TestThePythonScriptGivesTheSamplesOfOdeon(t *testing.T) {
	interpreter := python(t)
	for _, c := range []struct {
		name  string
		model []string
		shape []int
		noise bool
		walk  []string
		run   []string // the script's own flags
	}{
		{"moons", []string{"moons"}, []int{2}, true, []string{"--steps", "30", "--sigma", "1-t"}, nil},
		{"glyphs", []string{"glyphs"}, []int{1, 16, 16}, false, []string{"--steps", "10", "--guidance", "3", "--guidance-interval", "0.2,0.8"}, nil},
		{"emnist-latent", []string{"emnist-latent", "flow.onnx"}, []int{1, 7, 7}, false, []string{"--steps", "5"}, nil},
		{"mnist-vit", []string{"mnist-vit", "model.onnx"}, []int{1, 28, 28}, false, []string{"--steps", "5", "--label", "3,7"}, []string{"--label", "3,7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.model
			if len(c.model) > 1 {
				args = []string{filepath.Join(append([]string{pretrained(t)}, c.model...)...), "--card", "../../testdata/cards/" + c.name + ".json"}
			}
			start, steps := normals(t, 12, 30, c.shape...)
			given := append([]string{"--init-noise", start}, c.walk...)
			script := append([]string{"../../scripts/run_compiled.py"}, c.run...)
			if c.noise {
				given = append(given, "--noise", steps)
				script = append(script, "--step-noise", steps)
			}
			want, _ := sampled(t, append(args, given...)...)

			file, out := filepath.Join(t.TempDir(), "sampler.onnx"), filepath.Join(t.TempDir(), "samples.npy")
			var stdout, stderr bytes.Buffer
			walk := c.walk[:len(c.walk)-len(c.run)] // a class is an input of the file
			compile := append(append([]string{"compile"}, args...), append(walk, file)...)
			require.Zero(t, run(context.Background(), compile, &stdout, &stderr), "odeon %v: %s", compile, stderr.String())
			script = append(script, file, "--noise", start, "-o", out)
			text, err := exec.Command(interpreter, script...).CombinedOutput()
			require.NoError(t, err, "%v: %s", script, text)
			got, err := array.Read(out)
			require.NoError(t, err)
			require.LessOrEqual(t, difference(t, got, want), 1e-5)
		})
	}
}
