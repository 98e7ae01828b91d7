package cli

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/onnx"
	"odeon/train"
)

// The losses beside a network that goes on are those of the whole run, also while it is under way.
func TestLossesShowWhatWasHeldOutBeforeARunWentOn(t *testing.T) {
	row := []onnx.Dim{onnx.Free("n"), onnx.Fixed(2)}
	g := onnx.NewGraph("still")
	g.Output("v", g.Node("Neg", g.Input("x", onnx.Float32, row...)), onnx.Float32, row...)
	g.Meta(models.CardKey, `{"prediction": "velocity", "path": "condot", "layout": "points"}`)
	network, err := g.Bytes()
	require.NoError(t, err)
	p := &train.Progress{
		Step: 40, Steps: 100, Network: network,
		Curve:       []train.CurvePoint{{Step: 10, Loss: 3}, {Step: 40, Loss: 1}},
		Validations: []train.Validation{{Step: 10, Loss: 2.5}, {Step: 20, Loss: 1.5}, {Step: 40, Loss: 1}},
	}

	folder := t.TempDir()
	name := func(base string) string { return filepath.Join(folder, base) }
	files := trainFiles{network: name("x.onnx"), loss: name("x.loss.png"), samples: name("x.samples.png"), preview: name("x.preview.png"), title: "x"}
	session := onnx.SessionOptions{Provider: models.Go}
	w := &training{out: files.network, session: session, quiet: true, settings: train.Settings{Preview: 20}}
	watch := newWatch(t.Context(), io.Discard, w, files, &gallery{session: session})
	watch.Start(&train.Facts{Network: "still", Resumed: 30})
	require.NoError(t, watch.Step(p))
	require.Empty(t, watch.notes)
	shown, err := os.ReadFile(files.loss)
	require.NoError(t, err)

	require.NoError(t, files.losses("still", p.Curve, p.Validations))
	want, err := os.ReadFile(files.loss)
	require.NoError(t, err)
	require.Equal(t, want, shown)
}

// What train draws with runs on the threads that it is given, as its steps do.
func TestPicturesAreDrawnOnTheThreadsAskedFor(t *testing.T) {
	asked := (&gallery{session: onnx.SessionOptions{Threads: 3}}).asked()
	require.Equal(t, 3, cut(500, 2, false, 8, asked.wishes).Threads)
}
