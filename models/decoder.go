package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"odeon/internal/nearest"
	"odeon/onnx"
)

// Decoding is a resolved decoder: the network that turns a state into data. It is fed state/Scale + Shift.
type Decoding struct {
	File   string
	Info   *onnx.Info
	Input  Port
	Output Port
	Batch  int   // samples in every call; 0: as many as wanted
	Shape  []int // one decoded sample; nil where only a run tells
	Scale  float64
	Shift  float64
}

// resolveDecoder finds the decoder's file and compares its graph with the state.
func (r *Resolved) resolveDecoder() {
	card := r.Card.Decoder
	if card == nil {
		return
	}
	d := &Decoding{Scale: 1}
	if card.Scale != nil {
		d.Scale = *card.Scale
	}
	if card.Shift != nil {
		d.Shift = *card.Shift
	}
	var err error
	if d.File, err = r.decoderFile(); err != nil {
		r.problem("decoder", "%s", err)
		return
	}
	if d.Info, err = onnx.ReadInfo(d.File); err != nil {
		r.problem("decoder", "%s", err)
		return
	}
	in, errIn := choose("input", d.Info.Inputs, card.Input)
	out, errOut := choose("output", d.Info.Outputs, card.Output)
	switch {
	case errIn != nil:
		r.problem("decoder", "decoder %s: %s", d.File, errIn)
	case errOut != nil:
		r.problem("decoder", "decoder %s: %s", d.File, errOut)
	case len(d.Info.Inputs) > 1:
		r.problem("decoder", "decoder %s has %d inputs, and a decoder is fed the latent alone", d.File, len(d.Info.Inputs))
	case r.Shape != nil:
		if err := d.settle(in, out, r.Shape); err != nil {
			r.problem("decoder", "decoder %s: %s", d.File, err)
			return
		}
		r.Decode = d
	}
}

// decoderFile looks where the card is that names the decoder, then beside the network. A card's word must stay inside its
// folder.
func (r *Resolved) decoderFile() (string, error) {
	name := filepath.FromSlash(r.Card.Decoder.Network)
	if name == "" {
		return "", errors.New("field \"decoder.network\" is not given: the decoder's ONNX file")
	}
	layer := Layer{From: "the card"}
	for _, l := range r.Model.Layers {
		if l.Card != nil && l.Card.Decoder != nil && l.Card.Decoder.Network != "" {
			layer = l
		}
	}
	if !layer.Own && !filepath.IsLocal(name) {
		return "", fmt.Errorf("%s: field \"decoder.network\": %q leaves the card's folder; a decoder named by a card is in its folder, or beside the network", layer.From, r.Card.Decoder.Network)
	}
	var tried []string
	if layer.Dir != "" || layer.Own {
		tried = append(tried, beside(layer.Dir, name))
	}
	if r.Model.File != "" {
		tried = append(tried, beside(filepath.Dir(r.Model.File), name))
	}
	for _, file := range tried {
		if stat, err := os.Stat(file); err == nil && stat.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: field \"decoder.network\": no file %s", layer.From, listSome(slices.Compact(tried), 2))
}

// beside is the file of this name in a folder, or the name itself where it is absolute.
func beside(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// choose takes the value that the card names, or the only one.
func choose(what string, values []onnx.Value, name string) (onnx.Value, error) {
	names := valueNames(values)
	switch i := slices.Index(names, name); {
	case i >= 0:
		return values[i], nil
	case name != "":
		return onnx.Value{}, fmt.Errorf("it has no %s %q%s; it has %s", what, name, nearest.Hint(name, names), listSome(names, 8))
	case len(values) == 1:
		return values[0], nil
	}
	return onnx.Value{}, fmt.Errorf("it has %d %ss (%s); say which with \"decoder\": {\"%s\": ...} in a card", len(values), what, listSome(names, 8), what)
}

// settle compares the decoder's graph with the shape of a latent.
func (d *Decoding) settle(in, out onnx.Value, latent []int) error {
	if !slices.Contains(stateTypes, in.Type) || !slices.Contains(stateTypes, out.Type) {
		return fmt.Errorf("input %q is %s and output %q is %s, and both must be tensors of float32, float16 or float64", in.Name, in, out.Name, out)
	}
	d.Input = Port{Name: in.Name, Type: in.Type, Batched: true, Row: latent}
	d.Output = Port{Name: out.Name, Type: out.Type, Batched: true}
	if in.Known() {
		fits := len(in.Shape) == len(latent)+1
		for i := range latent {
			fits = fits && (in.Shape[i+1].IsFree() || in.Shape[i+1].Size == int64(latent[i]))
		}
		if !fits {
			return fmt.Errorf("input %q is %s, and the latents are %v a sample", in.Name, in.ShapeString(), latent)
		}
		if k := in.Shape[0]; !k.IsFree() {
			if k.Size < 1 || k.Size > mostBatch {
				return fmt.Errorf("input %q is %s, which is no size that a batch can have", in.Name, in.ShapeString())
			}
			d.Batch = int(k.Size)
		}
	}
	if len(out.Shape) == 0 || slices.ContainsFunc(out.Shape[1:], onnx.Dim.IsFree) {
		return nil
	}
	row := make([]int, len(out.Shape)-1)
	for i := range row {
		row[i] = int(out.Shape[i+1].Size)
	}
	if n, ok := product(row); !ok || n < 1 {
		return fmt.Errorf("output %q is %s, which is no size that samples can have", out.Name, out.ShapeString())
	}
	d.Shape, d.Output.Row = row, row
	return nil
}

// NewSession loads the decoder as [Resolved.NewSession] loads the network.
func (d *Decoding) NewSession(runtime *onnx.Runtime, o onnx.SessionOptions) (Session, error) {
	if o.Provider == Go {
		source, err := onnx.OpenSource(d.File)
		if err != nil {
			return nil, err
		}
		return interpret(source, []Port{d.Input}, d.Batch, []string{d.Output.Name}, o.ProviderOptions)
	}
	if err := d.Info.CheckExternal(); err != nil {
		return nil, err
	}
	return loaded(runtime.NewSession(d.File, []string{d.Input.Name}, []string{d.Output.Name}, o))
}

// Decoder turns chunks of states into data. It belongs to one worker.
type Decoder struct {
	Shape  []int  // one decoded sample
	Layout Layout // "" where none fits

	caller   caller
	mul, add float32
}

// NewDecoder prepares the decoder of a resolved model for one worker; where the graph leaves the decoded shape open, it
// runs the decoder once to see. Destroy it with Close; session stays the caller's.
func NewDecoder(ctx context.Context, r *Resolved, session Session) (*Decoder, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	d := r.Decode
	dec := &Decoder{
		Shape: d.Shape, Layout: r.Layout, mul: float32(1 / d.Scale), add: float32(d.Shift),
		caller: caller{runner: newRunner(session), batch: d.Batch, state: d.Input, outputs: []output{wholly(d.Output)}, inputs: []input{{port: d.Input}}},
	}
	if dec.Shape == nil {
		row, err := dec.caller.probe(ctx)
		if err != nil {
			dec.Close()
			return nil, fmt.Errorf("decoder: %w", err)
		}
		dec.Shape, dec.caller.outputs[0].port.Row = row, row
		if dec.Layout == "" || !dec.Layout.Fits(len(row)) {
			dec.Layout, _ = GuessLayout(row, r.Card)
		}
	}
	return dec, nil
}

// Decode fills dst, [n, ...Shape], from states [n, dim].
func (d *Decoder) Decode(ctx context.Context, dst, latents []float32) error {
	defer d.caller.forget()
	if err := d.caller.evaluate(ctx, request{mul: d.mul, add: d.add}, dst, nil, latents); err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	return nil
}

// Close frees what the session holds for this decoder; the session stays.
func (d *Decoder) Close() { d.caller.Close() }
