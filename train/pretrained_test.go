package train

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/train/data"
)

// Real networks that other people trained, each with data of the shape that it is for.
func TestPretrainedNetworksAreTrainedOn(t *testing.T) {
	shared := filepath.Join("..", "..", "shared")
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("the pretrained networks in %s are not there", shared)
	}
	digits := filepath.Join(shared, "data", "mnist-t10k")
	images, labels := filepath.Join(digits, "t10k-images-idx3-ubyte.gz"), filepath.Join(digits, "t10k-labels-idx1-ubyte.gz")
	latents := filepath.Join(shared, "pretrained", "emnist-latent", "reference_ode.npz")
	for _, c := range []struct {
		name, file, data, labels string
		rate                     float64
		steps, batch             int
	}{
		{"moons-otcfm", "model.onnx", "pinwheel", "", 1e-3, 60, 256},
		{"dino", "model.onnx", "8gaussians", "", 1e-3, 60, 256},
		{"circles-score", "score.onnx", "moons", "", 1e-3, 60, 256},
		{"emnist-latent", "flow.onnx", latents + ":latent", "", 1e-3, 30, 32},
		{"mnist-vit", "model.onnx", images, labels, 3e-5, 60, 16},
		{"mnist-geometric", "model.onnx", images, "", 1e-4, 8, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, there := executors(t)["cpu"]
			if !there && c.batch < 16 {
				t.Skip("too slow without ONNX Runtime")
			}
			if !there {
				e = executors(t)[pure]
			}
			layer, err := models.OpenCard(filepath.Join("..", "testdata", "cards", c.name+".json"))
			require.NoError(t, err)
			model, err := models.Open(filepath.Join(shared, "pretrained", c.name, c.file), layer)
			require.NoError(t, err)
			set, err := data.Open(c.data, data.Options{Labels: c.labels})
			require.NoError(t, err)
			defer set.Close()
			s := Settings{
				Data: set, From: models.Resolve(model), Steps: c.steps, Batch: c.batch, Rate: c.rate, EMA: -1, Schedule: "constant",
				Validation: 0.3, Runtime: e.runtime, Session: e.options, Out: filepath.Join(t.TempDir(), "tuned.onnx"),
			}
			o := &recorder{}
			s.Observer = o
			result, err := Run(t.Context(), s)
			require.NoError(t, err)
			// The same held-out samples with the same noise at the first and at the last step.
			first, last := result.Validations[0].Loss, result.Validations[len(result.Validations)-1].Loss
			t.Logf("%d parameters, loss %.4g to %.4g", result.Parameters, first, last)
			require.Less(t, last, first)

			again, err := models.Open(s.Out)
			require.NoError(t, err)
			require.NoError(t, models.Resolve(again).Err())
		})
	}
}
