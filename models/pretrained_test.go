package models

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
	"odeon/sampler"
	"odeon/schedule"
)

// pretrained is the ONNX file of a real network that other people trained, and its card.
func pretrained(t *testing.T, name, file string) (onnxFile, card string) {
	t.Helper()
	shared := filepath.Join("..", "..", "shared")
	if _, err := os.Stat(shared); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the pretrained networks in %s are not there", shared)
	}
	return filepath.Join(shared, "pretrained", name, file), filepath.Join("..", "testdata", "cards", name+".json")
}

var pretrainedFiles = map[string]string{
	"anime64": "model.onnx", "emnist-latent": "flow.onnx", "mnist-vit": "model.onnx", "dino": "model.onnx",
	"moons-otcfm": "model.onnx", "circles-score": "score.onnx", "mnist-geometric": "model.onnx",
}

// load reads an array that was computed in PyTorch beside a pretrained network.
func load(t *testing.T, folder, file, name string) *array.Array {
	t.Helper()
	a, err := array.ReadNPZ(filepath.Join("..", "..", "shared", "pretrained", folder, file), name)
	require.NoError(t, err)
	return a
}

// requireClose compares with a reference, relative to the reference's own scale.
func requireClose(t *testing.T, want, got []float32, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	scale, worst := 0.0, 0.0
	for i := range want {
		scale = max(scale, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(want[i])-float64(got[i])))
	}
	t.Logf("largest error %.2g of the scale", worst/scale)
	require.Less(t, worst, tolerance*scale)
}

func open(t *testing.T, name string) *Resolved {
	t.Helper()
	file, card := pretrained(t, name, pretrainedFiles[name])
	layer, err := OpenCard(card)
	require.NoError(t, err)
	m, err := Open(file, layer)
	require.NoError(t, err)
	return Resolve(m)
}

func integers(a *array.Array, t *testing.T) []int {
	t.Helper()
	values, err := a.Int64()
	require.NoError(t, err)
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
	}
	return out
}

func TestEveryCardIsReadAndWrittenBackTheSame(t *testing.T) {
	for name := range pretrainedFiles {
		t.Run(name, func(t *testing.T) {
			card, err := ReadCard(filepath.Join("..", "testdata", "cards", name+".json"))
			require.NoError(t, err)
			require.NotEmpty(t, card.Name)
			require.NotEmpty(t, card.Description)
			require.Equal(t, "MIT", card.License)
			require.NotEmpty(t, card.Source)
			require.Empty(t, card.Network, "the file is named on the command line")
			text, err := card.Text()
			require.NoError(t, err)
			again, err := ParseCard([]byte(text))
			require.NoError(t, err)
			second, err := again.Text()
			require.NoError(t, err)
			require.Equal(t, text, second)
		})
	}
}

func TestPretrainedNetworksResolveWithTheirCards(t *testing.T) {
	for name, file := range pretrainedFiles {
		t.Run(name, func(t *testing.T) {
			network, card := pretrained(t, name, file)
			layer, err := OpenCard(card)
			require.NoError(t, err)
			m, err := Open(network, layer)
			require.NoError(t, err)
			r := Resolve(m)
			require.NoError(t, r.Err())
			require.Zero(t, r.Batch)
			require.NotNil(t, r.Clock)
			if name == "emnist-latent" {
				require.Equal(t, "decoder.onnx", filepath.Base(r.Decode.File), "found beside the network, not beside the card")
			}
		})
	}
}

// What a graph tells must not be asked for: prediction and path, and what names alone cannot say, are enough.
func TestPretrainedNetworksResolveWithLittleMoreThanPredictionAndPath(t *testing.T) {
	for _, c := range []struct {
		name, card               string
		state, clock, label, out string
		shape                    []int
		layout                   Layout
		integer                  bool
	}{
		{"anime64", `{"prediction": "noise", "path": {"betas": "cosine", "count": 300}}`, "image_input", "time_input", "", "eps", []int{64, 64, 3}, HWC, true},
		{"emnist-latent", `{"prediction": "velocity", "path": "condot", "labels": {"count": 47, "null": "zeros"}}`, "xt", "t", "y", "v", []int{1, 7, 7}, CHW, false},
		{"mnist-vit", `{"prediction": "data", "path": "condot"}`, "x", "t", "y", "x1_pred", []int{1, 28, 28}, CHW, false},
		{"dino", `{"prediction": "noise", "path": {"betas": "linear(1e-5,1e-2)", "count": 50}}`, "x", "t", "", "eps", []int{2}, Points, false},
		{"moons-otcfm", `{"prediction": "velocity", "path": "condot"}`, "x", "t", "", "v", []int{2}, Points, false},
		{"circles-score", `{"prediction": "score", "path": {"alpha": "t", "beta": "sqrt(1-t)"}}`, "x", "t", "", "output", []int{2}, Points, false},
		{"mnist-geometric", `{"prediction": "noise", "path": {"betas": "linear(1e-4,0.02)", "count": 1001}, "time": "index/1000"}`, "x", "t", "", "eps", []int{1, 28, 28}, CHW, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			network, _ := pretrained(t, c.name, pretrainedFiles[c.name])
			card, err := ParseCard([]byte(c.card))
			require.NoError(t, err)
			m, err := Open(network, Layer{From: "the command line", Card: card})
			require.NoError(t, err)
			r := Resolve(m)
			require.NoError(t, r.Err())
			require.Equal(t, c.state, r.State.Name)
			require.Equal(t, c.clock, r.Clock.Name)
			require.Equal(t, c.out, r.Output.Name)
			require.Equal(t, c.shape, r.Shape)
			require.Equal(t, c.layout, r.Layout)
			require.Equal(t, c.integer, r.Sampling().Integer)
			if c.label == "" {
				require.Nil(t, r.Label)
			} else {
				require.Equal(t, c.label, r.Label.Name)
			}
		})
	}
}

func TestWhatNoGraphTellsIsAskedForWithTheChoices(t *testing.T) {
	network, _ := pretrained(t, "moons-otcfm", "model.onnx")
	m, err := Open(network)
	require.NoError(t, err)
	err = Resolve(m).Err()
	var unsettled *UnsettledError
	require.ErrorAs(t, err, &unsettled)
	require.Len(t, unsettled.Problems, 2)
	for _, words := range []string{`"path"`, "--path", "condot", `"prediction"`, "--prediction", "velocity", "reverse-velocity"} {
		require.ErrorContains(t, err, words)
	}
}

// The table in the card is the reference's own; the named cosine table caps betas at 0.999 where these stop at 0.9999.
func TestAnimeBetasAreListedBecauseTheNamedTableDiffersAtItsNoisyEnd(t *testing.T) {
	card, err := ReadCard(filepath.Join("..", "testdata", "cards", "anime64.json"))
	require.NoError(t, err)
	var listed struct{ Betas []float64 }
	require.NoError(t, json.Unmarshal(card.Path, &listed))
	named, err := schedule.Betas("cosine", 300)
	require.NoError(t, err)
	require.Len(t, listed.Betas, 300)
	require.InDeltaSlice(t, named[:299], listed.Betas[:299], 1e-12)
	require.Equal(t, 0.999, named[299])
	require.Equal(t, 0.9999, listed.Betas[299])
}

// One call of each network on the inputs that PyTorch had.
func TestPretrainedNetworksGiveTheReferencesPrediction(t *testing.T) {
	t.Run("mnist-vit", func(t *testing.T) {
		r := open(t, "mnist-vit")
		x, times := load(t, "mnist-vit", "parity.npz", "x"), load(t, "mnist-vit", "parity.npz", "t").Float32()
		labels := integers(load(t, "mnist-vit", "parity.npz", "y"), t)
		labels[1] = NullLabel // the reference's -1
		net := network(t, r, Run{Labels: labels})
		got := make([]float32, x.Len())
		for k := range 3 { // a time of its own for each sample
			row := got[k*784 : (k+1)*784]
			require.NoError(t, net.Predict(context.Background(), row, x.Float32()[k*784:(k+1)*784], sampler.At{Input: float64(times[k]), Scale: 1, First: k}))
		}
		requireClose(t, load(t, "mnist-vit", "parity.npz", "ref").Float32(), got, 1e-5)
	})
	t.Run("anime64", func(t *testing.T) {
		r := open(t, "anime64")
		x, times := load(t, "anime64", "parity.npz", "image_input"), integers(load(t, "anime64", "parity.npz", "time_input"), t)
		net := network(t, r, Run{})
		got := make([]float32, x.Len())
		for k := range 3 {
			row := got[k*12288 : (k+1)*12288]
			require.NoError(t, net.Predict(context.Background(), row, x.Float32()[k*12288:(k+1)*12288], sampler.At{Input: float64(times[k]), Scale: 1, First: k}))
		}
		requireClose(t, load(t, "anime64", "parity.npz", "eps").Float32(), got, 1e-3)
	})
}
