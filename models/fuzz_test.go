package models

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// FuzzCard checks that no text makes a card panic, and that a card that is read is written back the same.
func FuzzCard(f *testing.F) {
	f.Add([]byte(every))
	for _, name := range []string{"emnist-latent", "dino", "circles-score"} {
		data, err := os.ReadFile(filepath.Join("..", "testdata", "cards", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		card, err := ParseCard(data)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		text, err := card.Text()
		require.NoError(t, err)
		again, err := ParseCard([]byte(text))
		require.NoError(t, err, text)
		second, err := again.Text()
		require.NoError(t, err)
		require.Equal(t, text, second)
	})
}

// FuzzResolve lays cards over graphs of many kinds: whatever a card says, the model is resolved or its problems are told.
func FuzzResolve(f *testing.F) {
	unknown := onnx.Value{Name: "x", Kind: "tensor", Type: f32}
	graphs := []*onnx.Info{
		{Inputs: []onnx.Value{value("x", f32, picture...), value("t", f32, each...)}, Outputs: []onnx.Value{value("v", f32, picture...)}},
		{Inputs: []onnx.Value{value("x", f32, free, fixed(2)), value("t", f32), value("y", i64, each...)}, Outputs: []onnx.Value{value("v", f32, free, fixed(4))}},
		{Inputs: []onnx.Value{value("x", onnx.Float16, vague...), value("t", i64, each...), value("y", f32, free, fixed(9))}, Outputs: []onnx.Value{value("v", f32, vague...)}},
		{Inputs: []onnx.Value{value("a", f32, fixed(4), fixed(2)), value("h", f32, free, onnx.Free("s"), fixed(8)), value("m", onnx.Bool)}, Outputs: []onnx.Value{value("v", f32, fixed(4), fixed(2)), value("w", f32)}},
		{Inputs: []onnx.Value{unknown, value("t", f32, fixed(-7), fixed(1<<62))}, Outputs: []onnx.Value{{Name: "v", Kind: "tensor", Type: f32}}},
		{Inputs: []onnx.Value{value("x", f32, fixed(1<<62), fixed(1<<62))}, Outputs: []onnx.Value{value("v", f32, fixed(0))}},
		{Inputs: []onnx.Value{{Name: "s", Kind: "sequence"}}},
		{},
	}
	for i := range graphs {
		f.Add([]byte(every), uint8(i))
		f.Add([]byte(`{"prediction": "velocity", "path": "condot"}`), uint8(i))
		f.Add([]byte(`{"predictions": {"velocity": "v", "score": "w", "data": "d"}, "path": "condot"}`), uint8(i))
		f.Add([]byte(`{"shape": [2], "output": {"channels": [0, 2]}, "inputs": {"state": "x", "time": "t"}, "constants": {"h": [[1], [2]], "m": 1}}`), uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		card, err := ParseCard(data)
		if err != nil {
			return
		}
		m := &Model{Name: "fuzz", Info: graphs[int(which)%len(graphs)], Layers: []Layer{{From: "the card", Card: card}}}
		m.Card, m.From = Merge(m.Layers...)
		r := Resolve(m)
		if err := r.Err(); err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		n, ok := product(r.Shape)
		require.True(t, ok)
		require.Positive(t, n)
		require.NotEmpty(t, r.State.Name)
		require.NotEmpty(t, r.Output.Name)
		require.NotNil(t, r.Path)
		require.True(t, r.Prediction.Valid())
		require.NotEmpty(t, r.TimeText())
		_ = r.CanGuide()
	})
}

func value(name string, dtype onnx.DType, shape ...onnx.Dim) onnx.Value {
	if shape == nil {
		shape = []onnx.Dim{}
	}
	return onnx.Value{Name: name, Kind: "tensor", Type: dtype, Shape: shape}
}

// FuzzLabels checks that what is read as classes are classes.
func FuzzLabels(f *testing.F) {
	for _, text := range []string{"3", "0-9", "3-1,0", "cat,dog", "null", "tench, fish", "-1", "9999999999999999999"} {
		f.Add(text)
	}
	labels := &Labels{Count: 4, Names: []string{"cat", "dog", "tench, fish", "t-shirt"}, Null: &Null{Index: -1}}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := labels.Parse(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotEmpty(t, list)
		for _, label := range list {
			if label != NullLabel {
				require.GreaterOrEqual(t, label, 0)
				require.Less(t, label, labels.Count)
			}
		}
	})
}
