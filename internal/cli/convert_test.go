package cli

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// converted runs odeon convert, and returns the file that it wrote.
func converted(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.onnx")
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), append([]string{"convert", args[0], out}, args[1:]...), &stdout, &stderr)
	require.Zero(t, code, "odeon convert %v: %s", args, stderr.String())
	return out
}

// pretrainedNetworks are the seven networks with a short walk inside the times at which all predictions exist.
var pretrainedNetworks = []struct {
	name, network string
	slow          bool
	walk          []string
}{
	{"moons-otcfm", "model.onnx", false, []string{"-n", "64", "--steps", "6", "--t-start", "0.02", "--t-end", "0.98"}},
	{"circles-score", "score.onnx", false, []string{"-n", "64", "--steps", "6", "--t-start", "0.02", "--t-end", "0.98"}},
	{"dino", "model.onnx", false, []string{"-n", "64", "--steps", "7"}},
	{"emnist-latent", "flow.onnx", false, []string{"-n", "6", "--steps", "5", "--t-start", "0.02", "--t-end", "0.98"}},
	{"mnist-vit", "model.onnx", false, []string{"-n", "3", "--steps", "4", "--t-start", "0.2", "--t-end", "0.95"}},
	{"mnist-geometric", "model.onnx", false, []string{"-n", "2", "--indexes", "999,700,350,90"}},
	{"anime64", "model.onnx", true, []string{"-n", "1", "--indexes", "200", "--end-index", "100"}},
}

func TestConvertedNetworksSampleAsBefore(t *testing.T) {
	for _, c := range pretrainedNetworks {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.slow {
				t.Skip("left out of short runs")
			}
			network := filepath.Join(pretrained(t), c.name, c.network)
			card := "../../testdata/cards/" + c.name + ".json"
			want, _ := sampled(t, append([]string{network, "--card", card}, c.walk...)...)
			for _, to := range schedule.Predictions() {
				got, _ := sampled(t, append([]string{converted(t, network, "--card", card, "--to", to.String())}, c.walk...)...)
				d := difference(t, got, want)
				t.Logf("%s: largest difference %.2g of the result's scale", to, d)
				require.LessOrEqual(t, d, 1e-4, "%s", to)
			}
		})
	}
}

// The walk along straight paths starts, by the card inside, where the old path did.
func TestANetworkMovedToStraightPathsGivesTheSamePictures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 2000 steps: left out of short runs")
	}
	network, card := filepath.Join(pretrained(t), "mnist-geometric", "model.onnx"), "../../testdata/cards/mnist-geometric.json"
	want, _ := sampled(t, network, "--card", card, "-n", "2", "--solver", "ddim", "--indexes", "1000-1", "--end-index", "0")
	moved := converted(t, network, "--card", card, "--to", "velocity", "--path", "condot")
	got, _ := sampled(t, moved, "-n", "2", "--solver", "euler", "--steps", "1000")
	sum, g, w := 0., got.Float32(), want.Float32()
	for i := range w {
		sum += math.Abs(float64(g[i]) - float64(w[i]))
	}
	t.Logf("mean absolute difference %.2g of the range", sum/float64(len(w)))
	require.LessOrEqual(t, sum/float64(len(w)), 1e-2)
}
