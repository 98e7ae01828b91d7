package models

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/onnx"
)

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func parse(t *testing.T, text string) *Card {
	t.Helper()
	card, err := ParseCard([]byte(text))
	require.NoError(t, err)
	return card
}

func TestALaterCardOverridesAnEarlierOneFieldByField(t *testing.T) {
	first := parse(t, `{"name": "a", "license": "MIT", "prediction": "noise", "shape": [2], "range": [0, 1],
		"inputs": {"state": "x", "time": "t"}, "constants": {"h": 1, "g": 2}, "labels": {"count": 3, "encoding": "onehot"},
		"decoder": {"network": "d.onnx", "scale": 2}, "sampling": {"steps": 10, "solver": "heun"}}`)
	second := parse(t, `{"name": "b", "shape": [3, 4], "inputs": {"time": "s", "label": "y"}, "constants": {"h": [5]},
		"labels": {"null": "zeros"}, "decoder": {"shift": 1}, "sampling": {"guidance": 2, "steps": 20}}`)
	card, from := Merge(Layer{From: "first", Card: first}, Layer{From: "nothing"}, Layer{From: "second", Card: second})
	text, err := card.Text()
	require.NoError(t, err)
	require.JSONEq(t, `{"name": "b", "license": "MIT", "prediction": "noise", "shape": [3, 4], "range": [0, 1],
		"inputs": {"state": "x", "time": "s", "label": "y"}, "constants": {"h": [5], "g": 2}, "labels": {"count": 3, "encoding": "onehot", "null": "zeros"},
		"decoder": {"network": "d.onnx", "scale": 2, "shift": 1}, "sampling": {"steps": 20, "solver": "heun", "guidance": 2}}`, text)
	require.Equal(t, "first", from["prediction"])
	require.Equal(t, "second", from["shape"])
	require.NotContains(t, from, "path")
	require.Equal(t, Array{Data: []float64{1}}, first.Constants["h"], "the layers stay as they were")
	require.Equal(t, 3, first.Labels.Count)
	require.Nil(t, first.Labels.Null)
}

func TestOnePredictionAndSeveralReplaceEachOther(t *testing.T) {
	one := Layer{From: "one", Card: parse(t, `{"prediction": "noise", "output": "eps"}`)}
	two := Layer{From: "two", Card: parse(t, `{"predictions": {"velocity": "u", "score": "s"}}`)}
	card, _ := Merge(one, two)
	require.Nil(t, card.Prediction)
	require.Nil(t, card.Output)
	require.Len(t, card.Predictions, 2)
	card, _ = Merge(two, one)
	require.Equal(t, "noise", card.Prediction.Name)
	require.Empty(t, card.Predictions)
	chosen := Layer{From: "chosen", Card: parse(t, `{"prediction": "score"}`)}
	card, from := Merge(two, chosen)
	require.Equal(t, "s", card.Output.Name, "one of several comes with its output")
	require.Equal(t, "two", from["output"])
}

// A later word for one of several predictions takes the output that goes with it, and the other way round.
func TestOneOfSeveralPredictionsComesWithItsOutput(t *testing.T) {
	two := Layer{From: "two", Card: parse(t, `{"predictions": {"velocity": "u", "score": "s"}}`)}
	for _, c := range []struct{ first, last, prediction, output string }{
		{`{}`, `{"prediction": "score"}`, "score", "s"},
		{`{"prediction": "score"}`, `{"prediction": "velocity"}`, "velocity", "u"},
		{`{}`, `{"output": "u"}`, "velocity", "u"},
		{`{}`, `{"output": {"name": "s", "channels": [0, 3]}}`, "score", "s"},
		{`{}`, `{"prediction": "score", "output": {"channels": [0, 3]}}`, "score", "s"},
		{`{}`, `{"prediction": "noise", "output": "u"}`, "noise", "u"},
		{`{"output": "s"}`, `{"prediction": "data"}`, "data", "s"},
	} {
		card, from := Merge(two, Layer{From: "first", Card: parse(t, c.first)}, Layer{From: "last", Card: parse(t, c.last)})
		require.Empty(t, card.Predictions)
		require.Equal(t, c.prediction, card.Prediction.Name, c.last)
		require.Equal(t, c.output, card.Output.Name, c.last)
		require.NotEmpty(t, from["output"])
		require.NotEmpty(t, from["prediction"])
	}
	card, _ := Merge(two, Layer{From: "last", Card: parse(t, `{"prediction": "noise"}`)})
	require.Nil(t, card.Output, "no output goes with a prediction that was not named")
	require.Len(t, two.Card.Predictions, 2, "the layers stay as they were")
}

func TestCardsAreLookedForInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	file := testGraph{meta: `{"name": "inside", "license": "inside", "source": "inside", "description": "inside"}`}.write(t, dir, "net.onnx")
	open := func(over ...Layer) *Model {
		m, err := Open(file, over...)
		require.NoError(t, err)
		return m
	}
	require.Equal(t, "inside", open().Card.Name)
	writeFile(t, dir, "card.json", `{"name": "folder", "license": "folder"}`)
	m := open()
	require.Equal(t, []string{"folder", "folder", "inside"}, []string{m.Card.Name, m.Card.License, m.Card.Source})
	writeFile(t, dir, "net.odeon.json", `{"name": "beside"}`)
	m = open()
	require.Equal(t, []string{"beside", "inside", "inside"}, []string{m.Card.Name, m.Card.License, m.Card.Source}, "the file's own card stands in place of card.json")
	given, err := OpenCard(writeFile(t, dir, "other.json", `{"name": "given", "license": "given", "network": "elsewhere.onnx"}`))
	require.NoError(t, err)
	m = open(given, Layer{From: "the command line", Card: &Card{Name: "flag"}})
	require.Equal(t, []string{"flag", "given", "inside"}, []string{m.Card.Name, m.Card.License, m.Card.Source})
	require.Equal(t, file, m.File, "--card overrides everything but the network")
	require.Equal(t, "card "+filepath.Join(dir, "other.json"), m.From["license"])
}

func TestAModelIsAFileACardAFolderOrAName(t *testing.T) {
	dir := t.TempDir()
	file := testGraph{}.write(t, dir, "net.onnx")
	for name, files := range map[string]map[string]string{
		"the network":                    {},
		"a network and a card":           {"net.odeon.json": `{}`},
		"a network and a folder's card":  {"card.json": `{}`},
		"a network and its decoder":      {"card.json": `{"decoder": {"network": "decoder.onnx"}}`, "decoder.onnx": ""},
		"two networks and a card of one": {"card.json": `{"network": "net.onnx"}`, "decoder.onnx": ""},
		"two networks, one with a card":  {"net.odeon.json": `{}`, "decoder.onnx": ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			bytes, err := os.ReadFile(file)
			require.NoError(t, err)
			network := writeFile(t, folder, "net.onnx", string(bytes))
			for name, text := range files {
				writeFile(t, folder, name, text)
			}
			m, err := Open(folder)
			require.NoError(t, err)
			require.Equal(t, network, m.File)
			require.Equal(t, "net", m.Name)
			for name := range files {
				if filepath.Ext(name) == ".json" {
					m, err := Open(filepath.Join(folder, name))
					require.NoError(t, err)
					require.Equal(t, network, m.File)
				}
			}
		})
	}
	folder := t.TempDir()
	writeFile(t, folder, "decoder.onnx", "")
	writeFile(t, folder, "card.json", `{"network": "parts/net.onnx", "decoder": {"network": "decoder.onnx"}}`)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "parts"), 0o755))
	below := testGraph{}.write(t, filepath.Join(folder, "parts"), "net.onnx")
	m, err := Open(folder)
	require.NoError(t, err)
	require.Equal(t, below, m.File, "the network that the card names, not the only one in the folder")

	m, err = Open("rings")
	require.NoError(t, err)
	require.Equal(t, "rings", m.Path())
	m, err = Open("")
	require.NoError(t, err)
	require.Equal(t, Default, m.Name)
}

func TestAModelCalledModelIsNamedAfterItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "faces")
	require.NoError(t, os.Mkdir(dir, 0o755))
	m, err := Open(testGraph{}.write(t, dir, "model.onnx"))
	require.NoError(t, err)
	require.Equal(t, "faces", m.Name)
}

func TestWhatCannotBeOpenedIsToldWithWhatWasFound(t *testing.T) {
	dir := t.TempDir()
	testGraph{}.write(t, dir, "outside.onnx")
	text := string(testGraph{}.build(t))
	for _, c := range []struct {
		name  string
		files map[string]string
		open  string // inside the folder
		says  []string
	}{
		{"empty folder", nil, "", []string{"there is no ONNX file", "give one of them"}},
		{"several networks", map[string]string{"a.onnx": "", "b.onnx": ""}, "", []string{"there are 2 ONNX files (a.onnx, b.onnx)", "give one of them as MODEL"}},
		{"several cards", map[string]string{"a.onnx": "", "b.onnx": "", "a.odeon.json": "{}", "b.odeon.json": "{}"}, "", []string{"there are 2 cards (a.odeon.json, b.odeon.json)"}},
		{"a pipeline", map[string]string{"model_index.json": "{}", "unet/model.onnx": ""}, "", []string{"_class_name", "DDPMPipeline"}},
		{"a pipeline's index", map[string]string{"model_index.json": "{}"}, "model_index.json", []string{"_class_name"}},
		{"a card that leaves its folder", map[string]string{"card.json": `{"network": "../outside.onnx"}`}, "card.json", []string{`"../outside.onnx" leaves the card's folder`, "--card"}},
		{"a card with an absolute path", map[string]string{"card.json": `{"network": "/outside.onnx"}`}, "card.json", []string{"leaves the card's folder"}},
		{"a card without its file", map[string]string{"card.json": `{"network": "net.onnx"}`}, "card.json", []string{"there is no file", "net.onnx"}},
		{"a card that names no file", map[string]string{"card.json": `{}`, "a.onnx": "", "b.onnx": ""}, "card.json", []string{`field "network" is not given`, "a.onnx, b.onnx"}},
		{"a wrong card beside", map[string]string{"a.onnx": text, "a.odeon.json": `{"nam": 1}`}, "a.onnx", []string{"a.odeon.json", `unknown field "nam" (did you mean "name"?)`}},
		{"a wrong card inside", map[string]string{"a.onnx": string(testGraph{meta: `{"nam": 1}`}.build(t))}, "a.onnx", []string{`the card inside (metadata entry "odeon")`, `unknown field "nam"`}},
		{"cards that contradict each other", map[string]string{"a.onnx": string(testGraph{meta: `{"labels": {"count": 2}}`}.build(t)), "a.odeon.json": `{"labels": {"names": ["x"]}}`}, "a.onnx",
			[]string{"cards merged", "a.odeon.json", "found 1 names"}},
		{"no ONNX file", map[string]string{"a.onnx": "not a model"}, "a.onnx", []string{"a.onnx"}},
		{"nothing there", nil, "net.onnx", []string{"net.onnx: no such file or folder"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(dir, "here")
			require.NoError(t, os.RemoveAll(folder))
			require.NoError(t, os.Mkdir(folder, 0o755))
			for name, text := range c.files {
				writeFile(t, folder, name, text)
			}
			_, err := Open(filepath.Join(folder, c.open))
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
		})
	}
	_, err := Open("moon")
	require.ErrorContains(t, err, `no embedded model of that name (did you mean "moons"?); embedded are digits, moons,`)
}

func TestAFileWinsOverAnEmbeddedModelAndSaysSo(t *testing.T) {
	t.Chdir(t.TempDir())
	testGraph{}.write(t, ".", "moons")
	m, err := Open("moons")
	require.NoError(t, err)
	require.Equal(t, "moons", m.File)
	require.Contains(t, m.Notes[0], "not the embedded model")

	require.NoError(t, os.Mkdir("rings", 0o755))
	m, err = Open("rings")
	require.NoError(t, err)
	require.Empty(t, m.File, "a folder without a model does not hide one")
	require.Contains(t, m.Notes[0], "there is no ONNX file")
	testGraph{}.write(t, "rings", "net.onnx")
	m, err = Open("rings")
	require.NoError(t, err)
	require.Equal(t, filepath.Join("rings", "net.onnx"), m.File)
	require.Contains(t, m.Notes[0], "not the embedded model")
}

func TestEmbeddedModelsRunThroughONNXRuntime(t *testing.T) {
	for _, e := range Embedded() {
		m, err := Open(e.Name)
		require.NoError(t, err)
		r := Resolve(m)
		session, err := r.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
		require.NoError(t, err)
		defer session.Destroy()
		net, err := NewNetwork(r, session, Run{Labels: []int{0}})
		require.NoError(t, err)
		defer net.Close()
		width, _ := product(r.Shape)
		x := states(3, width)
		dst := make([]float32, len(x))
		require.NoError(t, net.Predict(t.Context(), dst, x, at))
		require.NotEqual(t, make([]float32, len(x)), dst)
	}
}
