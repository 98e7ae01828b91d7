package onnx

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzOpenSource looks for files on which building upon a model panics, hangs or allocates by the file's word, and for models
// that are not as they were after they were extended by nothing. testdata/fuzz/FuzzOpenSource holds the corpus of
// FuzzReadInfo; the seeds here are models whose nodes hold graphs, functions and external weights.
func FuzzOpenSource(f *testing.F) {
	f.Add(built(f, sampleGraph()))
	f.Add(built(f, scaled("net", 17)))
	f.Add(built(f, layered(ramp(300))))
	f.Add(nested(3))
	for _, c := range malformed {
		if len(c.model) < 1<<10 {
			f.Add(c.model)
		}
	}
	f.Fuzz(buildUpon)
}

// Every byte of a model wrong, in turn and in several ways.
func TestAnyByteOfASourceMayBeWrong(t *testing.T) {
	for _, g := range []*Graph{sampleGraph(), scaled("net", 17), layered(ramp(300))} {
		model := built(t, g)
		for i := range model {
			if i > 400 && i < len(model)-400 {
				continue // weights
			}
			for _, flip := range []byte{1, 2, 8, 0x80, 0xff} {
				wrong := bytes.Clone(model)
				wrong[i] ^= flip
				buildUpon(t, wrong)
			}
		}
	}
}

// buildUpon does with a model what can be done, and looks only that nothing panics and that copies are copies.
func buildUpon(t *testing.T, model []byte) {
	var s *Source
	var err error
	spent := allocated(func() { s, err = SourceBytes(model, "fuzz.onnx") })
	require.Less(t, spent, uint64(2<<20)+1000*uint64(len(model)))
	if err != nil {
		require.Regexp(t, `^fuzz\.onnx: .`, err.Error())
		return
	}
	spent = allocated(func() {
		if parts, err := s.Parts(); err == nil {
			for _, tensor := range parts.Tensors {
				_, _ = tensor.Floats()
				_, _ = tensor.Ints()
			}
		}
	})
	require.Less(t, spent, uint64(2<<20)+1000*uint64(len(model)))
	if copied, err := Extend(s).Bytes(); err == nil {
		again, err := SourceBytes(copied, "again.onnx")
		require.NoError(t, err)
		require.Equal(t, len(s.graph.nodes), len(again.graph.nodes))
		require.Equal(t, len(s.graph.tensors), len(again.graph.tensors))
		if len(copied) == len(model) {
			require.True(t, bytes.Equal(model, copied))
		}
	}
	g := Extend(s)
	if len(s.graph.inputs) > 0 {
		name := g.Rename(s.graph.inputs[0].name, g.Unused("renamed"))
		g.Feed(string(name), g.Const("", Scalar[float32](1)))
	}
	if len(s.graph.outputs) > 0 {
		g.DropOutput(s.graph.outputs[0].name)
	}
	g.Output(g.Unused("fresh"), g.Const("", Scalar[float32](1)), Float32)
	g.Meta("odeon", "{}")
	for _, weights := range []Weights{KeepWeights, Float16Weights, Float32Weights} {
		for _, place := range []Place{KeepPlace, Inline, External} {
			m, err := g.encodeModel(&encoder{storage: storage{weights: weights, place: place, file: "w.data"}})
			if err == nil {
				require.NoError(t, m.writeTo(new(bytes.Buffer)))
			}
		}
	}
	h := NewGraph("outer")
	feeds := map[string]Ref{}
	for _, in := range s.info.Inputs {
		feeds[in.Name] = h.Const("", Scalar[float32](1))
	}
	for _, prefix := range []string{"a.", "b."} {
		if _, err := h.Embed(s, prefix, feeds); err != nil {
			return
		}
	}
	h.Output("out", h.Const("", Scalar[float32](1)), Float32)
	if model, err := h.Bytes(); err == nil {
		_, err = SourceBytes(model, "embedded.onnx")
		require.NoError(t, err)
	}
}
