package models_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/models"
	"odeon/models/internal/mixtures"
	"odeon/onnx"
	"odeon/schedule"
)

func TestEmbeddedFilesAreWhatTheGeneratorWrites(t *testing.T) {
	made := mixtures.Models()
	kept := models.Embedded()
	trained := 1 // digits, which comes first
	require.Len(t, kept, trained+len(made))
	for i, m := range made {
		want, err := m.Bytes()
		require.NoError(t, err)
		require.Equal(t, m.Name, kept[trained+i].Name)
		require.Equal(t, m.Description, kept[trained+i].Description)
		require.Equal(t, want, kept[trained+i].ONNX, "%s: run go generate ./models", m.Name)
	}
	files, err := filepath.Glob(filepath.Join("embedded", "*"))
	require.NoError(t, err)
	require.Len(t, files, len(kept), "a file that no model is made for")
}

func TestEmbeddedModelsAreFoundByName(t *testing.T) {
	require.Equal(t, models.Default, models.Embedded()[0].Name)
	m, ok := models.EmbeddedByName("glyphs")
	require.True(t, ok)
	require.NotEmpty(t, m.Description)
	_, ok = models.EmbeddedByName("glyph")
	require.False(t, ok)
}

func TestEmbeddedModelsAreSmallAndComplete(t *testing.T) {
	for _, m := range models.Embedded() {
		most := 20 << 10
		if m.Name == "digits" {
			most = 3_000_000
		}
		require.LessOrEqual(t, len(m.ONNX), most, m.Name)
		info, err := onnx.ReadInfoBytes(m.ONNX, m.Name)
		require.NoError(t, err)
		require.Empty(t, info.Warnings, m.Name)
		require.Equal(t, m.Name, cardInside(t, m).Name)

		opened, err := models.Open(m.Name)
		require.NoError(t, err)
		resolved := models.Resolve(opened)
		require.Empty(t, resolved.Problems, m.Name)
		require.Empty(t, resolved.Guesses, m.Name)
		require.True(t, resolved.Prediction.Equal(schedule.Velocity), m.Name)
	}
}

func cardInside(t *testing.T, m models.EmbeddedModel) *models.Card {
	t.Helper()
	info, err := onnx.ReadInfoBytes(m.ONNX, m.Name)
	require.NoError(t, err)
	text, ok := info.Meta("odeon")
	require.True(t, ok, m.Name)
	card, err := models.ParseCard([]byte(text))
	require.NoError(t, err, m.Name)
	return card
}

func TestTheDefaultDrawsTenClassesWithGuidance(t *testing.T) {
	m, err := models.Open("")
	require.NoError(t, err)
	r := models.Resolve(m)
	require.Equal(t, "digits", m.Name)
	require.Equal(t, []int{1, 28, 28}, r.Shape)
	require.Equal(t, models.CHW, r.Layout)
	classes, err := r.Labels.All()
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, classes)
	require.NoError(t, r.CanGuide())
}

// What README.md says of digits is how the file that is here came about: the card, the data and the steps of its command.
func TestDigitsIsWhatItsCommandTrains(t *testing.T) {
	digits, ok := models.EmbeddedByName("digits")
	require.True(t, ok)
	card := cardInside(t, digits)

	said, err := models.ReadCard("digits.card.json")
	require.NoError(t, err)
	want, err := json.Marshal(said)
	require.NoError(t, err)
	kept, err := json.Marshal(models.Card{
		Name: card.Name, Description: card.Description, License: card.License, Source: card.Source, Sampling: card.Sampling,
	})
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(kept), "odeon convert puts digits.card.json into a file: --card")

	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	command := regexp.MustCompile(`(?m)^odeon train --data (\S+) .*--card models/digits.card.json --steps (\d+) `).FindStringSubmatch(string(page))
	require.NotNil(t, command, "README.md has no command that trains digits")
	require.Contains(t, card.Training["data"], command[1]+": 10000 samples")
	require.Equal(t, command[2], card.Training["steps"], "the embedded file is not the one that README.md's command trains")
}

// ONNX Runtime computes in float32 what the closed form gives in float64, at every time and both ends, for each class and
// for none.
func TestEmbeddedModelsAreTheExactFieldOfTheirMixture(t *testing.T) {
	runtime := ortest.Found(t)
	for _, m := range mixtures.Models() {
		t.Run(m.Name, func(t *testing.T) {
			kept, ok := models.EmbeddedByName(m.Name)
			require.True(t, ok)
			net := newField(t, runtime, kept.ONNX, m)
			labels := []int{-1}
			if m.Classes != nil {
				labels = append(labels, 0, len(m.Classes)-1, slices.Index(m.Classes, "heart"))
			}
			for _, label := range labels {
				for _, time := range []float32{0, 0.01, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1} {
					worst := net.error(t, time, label)
					require.LessOrEqual(t, worst, 1e-5, "t=%v label %d", time, label)
				}
			}
		})
	}
}

// field is an embedded model in a session, with a batch of states.
type field struct {
	model           mixtures.Model
	call            *onnx.Call
	x, time, out    []float32
	label           []int64
	inputs, outputs []*onnx.Tensor
}

func newField(t *testing.T, runtime *onnx.Runtime, file []byte, m mixtures.Model) *field {
	info, err := onnx.ReadInfoBytes(file, m.Name)
	require.NoError(t, err)
	names := make([]string, len(info.Inputs))
	for i, v := range info.Inputs {
		names[i] = v.Name
	}
	session, err := runtime.NewSessionBytes(m.Name, file, names, []string{"velocity"}, onnx.SessionOptions{})
	require.NoError(t, err)
	t.Cleanup(session.Destroy)

	d := len(m.Means[0])
	states := int64(max(20, 400/d))
	f := &field{
		model: m,
		x:     make([]float32, states*int64(d)),
		out:   make([]float32, states*int64(d)),
		time:  make([]float32, states),
		label: make([]int64, states),
	}
	f.call, err = session.NewCall(t.Context())
	require.NoError(t, err)
	t.Cleanup(f.call.Destroy)
	shape := []int64{states}
	for _, dim := range info.Inputs[0].Shape[1:] {
		shape = append(shape, dim.Size)
	}
	f.inputs = []*onnx.Tensor{tensor(t, shape, f.x), tensor(t, shape[:1], f.time)}
	if m.Classes != nil {
		f.inputs = append(f.inputs, tensor(t, shape[:1], f.label))
	}
	f.outputs = []*onnx.Tensor{tensor(t, shape, f.out)}
	return f
}

func tensor[T onnx.Element](t *testing.T, shape []int64, data []T) *onnx.Tensor {
	made, err := onnx.NewTensor(shape, data)
	require.NoError(t, err)
	t.Cleanup(made.Destroy)
	return made
}

// error is the largest difference between network and closed form over states that the path visits at this time, as a
// fraction of the largest velocity (of 1 where that is smaller).
func (f *field) error(t *testing.T, time float32, label int) float64 {
	exact := f.model.Exact(label)
	point := schedule.CondOT().At(float64(time))
	random := rand.New(rand.NewPCG(1, 2))
	d := exact.Dim()
	x := make([]float64, len(f.x))
	for i := range x {
		mean := exact.Means[i/d*7919%len(exact.Means)]
		z := mean[i%d] + mixtures.Std*random.NormFloat64()
		f.x[i] = float32(point.Alpha*z + point.Beta*random.NormFloat64())
		x[i] = float64(f.x[i])
	}
	for i := range f.time {
		f.time[i], f.label[i] = time, int64(label)
	}
	require.NoError(t, f.call.Run(f.inputs, f.outputs))
	want := make([]float64, len(x))
	exact.Predict(want, x, schedule.Velocity, point)
	scale, worst := 1.0, 0.0
	for i, w := range want {
		scale = max(scale, w, -w)
		worst = max(worst, w-float64(f.out[i]), float64(f.out[i])-w)
	}
	return worst / scale
}
