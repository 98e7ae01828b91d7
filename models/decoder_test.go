package models

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/onnx"
)

// decoderFile writes a network that repeats each latent number twice along the last axis: image = [z, z].
func decoderFile(t *testing.T, dir string, batch onnx.Dim, dtype onnx.DType, latent []int64, hidden bool) string {
	t.Helper()
	b := onnx.NewGraph("decoder")
	in := append([]onnx.Dim{batch}, dims(latent...)...)
	z := b.Input("z", dtype, in...)
	image := b.Node("Concat", z, z, onnx.Int("axis", int64(len(latent))))
	out := append([]onnx.Dim{batch}, dims(latent...)...)
	out[len(latent)].Size *= 2
	if hidden {
		for i := range latent {
			out[i+1] = onnx.Free("")
		}
	}
	b.Output("image", image, dtype, out...)
	bytes, err := b.Bytes()
	require.NoError(t, err)
	path := filepath.Join(dir, "decoder.onnx")
	require.NoError(t, os.WriteFile(path, bytes, 0o644))
	return path
}

func latentModel(t *testing.T, dir, card string, layers ...Layer) *Resolved {
	t.Helper()
	file := testGraph{shape: []int64{1, 2, 3}, clock: []onnx.Dim{free}}.write(t, dir, "flow.onnx")
	parsed, err := ParseCard([]byte(card))
	require.NoError(t, err)
	m, err := Open(file, append(layers, Layer{From: "card x.json", Card: parsed, Dir: dir})...)
	require.NoError(t, err)
	return Resolve(m)
}

func TestLatentsAreDecoded(t *testing.T) {
	card := `{"prediction": "velocity", "path": "condot", "decoder": {"network": "decoder.onnx", "scale": 0.5, "shift": 1}}`
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float16, onnx.Float64} {
		for _, batch := range []onnx.Dim{free, fixed(1), fixed(4)} {
			for _, hidden := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s batch %s hidden %t", dtype, batch, hidden), func(t *testing.T) {
					dir := t.TempDir()
					decoderFile(t, dir, batch, dtype, []int64{1, 2, 3}, hidden)
					r := latentModel(t, dir, card)
					require.NoError(t, r.Err())
					if hidden {
						require.Nil(t, r.Decode.Shape)
					} else {
						require.Equal(t, []int{1, 2, 6}, r.Decode.Shape)
						require.Equal(t, CHW, r.Layout)
					}
					session, err := r.Decode.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
					require.NoError(t, err)
					defer session.Destroy()
					ctx := context.Background()
					d, err := NewDecoder(ctx, r, session)
					if hidden && dtype == onnx.Float16 {
						require.ErrorContains(t, err, "export it again with a fixed shape")
						return
					}
					require.NoError(t, err)
					defer d.Close()
					require.Equal(t, []int{1, 2, 6}, d.Shape)
					require.Equal(t, CHW, d.Layout)

					x := states(10, 6)
					got := make([]float32, 10*12)
					require.NoError(t, d.Decode(ctx, got, x))
					for i := range got {
						row, column := i/6, i%6%3
						require.Equal(t, 2*x[row*3+column]+1, got[i], "element %d", i)
					}
				})
			}
		}
	}
}

func TestADecoderIsFoundBesideTheCardOrTheNetworkAndNowhereElse(t *testing.T) {
	dir := t.TempDir()
	elsewhere := t.TempDir()
	path := decoderFile(t, elsewhere, free, onnx.Float32, []int64{1, 2, 3}, false)
	relative, err := filepath.Rel(dir, path)
	require.NoError(t, err)
	card := `{"prediction": "velocity", "path": "condot", "decoder": {"network": %q}}`

	r := latentModel(t, dir, fmt.Sprintf(card, relative))
	require.ErrorContains(t, r.Err(), "leaves the card's folder")
	require.ErrorContains(t, r.Err(), "--decoder FILE")
	r = latentModel(t, dir, fmt.Sprintf(card, path))
	require.ErrorContains(t, r.Err(), "leaves the card's folder")
	r = latentModel(t, dir, fmt.Sprintf(card, "decoder.onnx"))
	require.ErrorContains(t, r.Err(), "no file "+filepath.Join(dir, "decoder.onnx"))

	// The user's own word leads anywhere.
	m, err := Open(r.Model.File, Layer{From: "the card", Card: r.Card, Dir: dir}, Layer{From: "the command line", Own: true, Card: &Card{Decoder: &DecoderCard{Network: path}}})
	require.NoError(t, err)
	require.NoError(t, Resolve(m).Err())
	require.Equal(t, path, Resolve(m).Decode.File)
}

func TestADecoderThatDoesNotFitIsToldWithBothShapes(t *testing.T) {
	dir := t.TempDir()
	decoderFile(t, dir, free, onnx.Float32, []int64{4, 2, 3}, false)
	card := `{"prediction": "velocity", "path": "condot", "decoder": {"network": "decoder.onnx"%s}}`
	require.ErrorContains(t, latentModel(t, dir, fmt.Sprintf(card, "")).Err(), `input "z" is [n, 4, 2, 3], and the latents are [1 2 3] a sample`)
	require.ErrorContains(t, latentModel(t, dir, fmt.Sprintf(card, `, "output": "imag"`)).Err(), `it has no output "imag" (did you mean "image"?); it has image`)
}
