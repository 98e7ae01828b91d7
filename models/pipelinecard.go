package models

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"odeon/onnx"
)

// networkConfig is what the config.json beside a network says that the graph may not. The rest of it describes the graph.
type networkConfig struct {
	in, out int   // channels; 0: not said
	size    []int // height and width, or the length of a sound; one number of a picture is both
	classes int   // of num_class_embeds
	ada     int   // of num_embeds_ada_norm, whose table has a row more: no class
	rate    *float64
}

// schema reads a config.json of UNet2DModel, UNet1DModel or DiTTransformer2DModel.
func (n *networkConfig) schema() schema {
	return schema{
		"in_channels":         orNull(readWhole(&n.in, 1)),
		"out_channels":        orNull(readWhole(&n.out, 1)),
		"sample_size":         orNull(n.readSize),
		"num_class_embeds":    orNull(readWhole(&n.classes, 1)),
		"num_embeds_ada_norm": orNull(readWhole(&n.ada, 1)),
		"sample_rate":         orNull(readPositive(&n.rate)),
	}
}

func (n *networkConfig) readSize(field string, raw json.RawMessage) error {
	if kind(raw) == aList {
		return readWholes(&n.size, 1)(field, raw)
	}
	n.size = []int{0}
	return readWhole(&n.size[0], 1)(field, raw)
}

// latentConfig is what the config.json of a decoder says of its input.
type latentConfig struct {
	scale, shift *float64
	file         string // "" where there is none
}

func (l *latentConfig) schema() schema {
	return schema{
		"scaling_factor": orNull(l.readScale),
		"shift_factor":   orNull(readNumber(&l.shift)),
	}
}

func (l *latentConfig) readScale(field string, raw json.RawMessage) error {
	if err := readNumber(&l.scale)(field, raw); err != nil {
		return err
	}
	if *l.scale == 0 {
		return mismatch(field, raw, "another number: the decoder is fed latent/scaling_factor")
	}
	return nil
}

// usualScales are the scaling_factor of a decoder's class where its config does not have one, as old ones do not.
var usualScales = map[string]float64{"AutoencoderTiny": 1, "AutoencoderDC": 1}

// usualScale is that of AutoencoderKL and VQModel.
const usualScale = 0.18215

// orNull passes over null, Python's None.
func orNull(read reader) reader {
	return func(field string, raw json.RawMessage) error {
		if kind(raw) == aNull {
			return nil
		}
		return read(field, raw)
	}
}

// config reads into what the config.json in the first of the folders that has one says; where none has, the pipeline's own one, which
// belongs to a network that lies there too.
func (p *Pipeline) config(into interface{ schema() schema }, dirs ...string) error {
	for _, dir := range append(dirs, ".") {
		file, err := p.folder.file(dir, "config.json")
		if err != nil {
			return err
		}
		if file == "" || dir == "." && p.kind.decodes != "" {
			continue
		}
		text, err := p.folder.read(file)
		if err != nil {
			return err
		}
		if err := parseConfig(into, text); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if l, ok := into.(*latentConfig); ok {
			l.file = file
		}
		return nil
	}
	return nil
}

// parseConfig reads those keys of a config.json that matter here.
func parseConfig(into interface{ schema() schema }, text []byte) error {
	raw, err := readDocument(text)
	if err != nil {
		return err
	}
	members, err := readObject("", raw)
	if err != nil {
		return unprefixed(err, "the card: ")
	}
	known := into.schema()
	for _, m := range members {
		if read, ok := known[m.name]; ok {
			if err := read(m.name, m.raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// pipelineInputs are the names that exporters give the inputs of a pipeline's network, and their roles.
var pipelineInputs = map[string]func(*Inputs) *string{
	"sample":        func(in *Inputs) *string { return &in.State },
	"hidden_states": func(in *Inputs) *string { return &in.State },
	"timestep":      func(in *Inputs) *string { return &in.Time },
	"class_labels":  func(in *Inputs) *string { return &in.Label },
}

// card is what the folder says of its network: the roles, the shape, which channels are the prediction, the classes, the decoder. Path and
// prediction are the scheduler's.
func (p *Pipeline) card(info *onnx.Info) *Card {
	c := &Card{Range: &[2]float64{-1, 1}}
	for _, in := range info.Inputs {
		if role, ok := pipelineInputs[in.Name]; ok {
			*role(&c.Inputs) = in.Name
		}
	}
	state, _ := info.Input(c.Inputs.State)
	switch len(state.Shape) {
	case 4:
		c.Layout = CHW
	case 3:
		c.Layout, c.Rate = CL, p.settings.rate
	}
	c.Shape = p.shape(state)
	c.Output = p.output(info, state)
	c.Labels = p.labels(len(info.Inputs))
	if p.kind.decodes != "" {
		c.Decoder = p.decoderCard()
	}
	if p.kind.sampling != "" {
		if err := c.Sampling.read("sampling", json.RawMessage(p.kind.sampling)); err != nil {
			panic("models: " + p.Class + ": " + err.Error())
		}
	}
	return c
}

// shape is that of one sample, where the graph leaves it open: channels and size of the network's config in place of the free axes.
func (p *Pipeline) shape(state onnx.Value) []int {
	if len(state.Shape) < 2 || !slices.ContainsFunc(state.Shape[1:], onnx.Dim.IsFree) {
		return nil
	}
	n := p.settings
	size := n.size
	if len(size) == 1 && len(state.Shape) == 4 {
		size = []int{size[0], size[0]}
	}
	if n.in == 0 || len(size)+2 != len(state.Shape) {
		return nil // the message that asks for a shape is the graph's own
	}
	shape := append([]int{n.in}, size...)
	for i, dim := range state.Shape[1:] {
		if !dim.IsFree() && dim.Size <= wholeLimit {
			shape[i] = int(dim.Size)
		}
	}
	return shape
}

// output takes the first half of the channels where a network gives twice as many as it takes: the other half is the variance that
// some schedulers use (learned and learned_range) and the others, and DiTPipeline, leave.
func (p *Pipeline) output(info *onnx.Info, state onnx.Value) *Output {
	in, out := p.settings.in, p.settings.out
	if len(state.Shape) > 1 && !state.Shape[1].IsFree() {
		in = int(min(state.Shape[1].Size, wholeLimit))
	}
	if len(info.Outputs) == 1 && len(info.Outputs[0].Shape) > 1 && !info.Outputs[0].Shape[1].IsFree() {
		out = int(min(info.Outputs[0].Shape[1].Size, wholeLimit))
	}
	if in < 1 || out != 2*in {
		return nil
	}
	return &Output{Channels: &[2]int{0, in}}
}

// labels are the classes of a network that takes some.
func (p *Pipeline) labels(inputs int) *Labels {
	n := p.settings
	count := cmp.Or(n.ada, n.classes)
	if inputs < 3 || count == 0 {
		return nil
	}
	labels := &Labels{Count: min(count, mostLabels), Encoding: Index}
	if n.ada > 0 { // LabelEmbedding: the row behind the classes is that of no class
		labels.Null = &Null{Index: n.ada}
	}
	if len(p.index.names) > 0 {
		labels.Names = p.index.labelNames(labels.Count)
	}
	return labels
}

// decoderCard is the decoder's file relative to the folder, and what it is fed: latent/scaling_factor + shift_factor.
func (p *Pipeline) decoderCard() *DecoderCard {
	d := &DecoderCard{Scale: p.latents.scale, Shift: p.latents.shift}
	if inside, err := filepath.Rel(p.Dir, p.Decoder); err == nil {
		d.Network = filepath.ToSlash(inside)
	}
	if d.Scale == nil {
		scale := p.usualScale()
		d.Scale = &scale
	}
	return d
}

// usualScale is the scaling_factor that diffusers takes where no config has one.
func (p *Pipeline) usualScale() float64 {
	if scale, ok := usualScales[p.index.parts[p.kind.decodes].class]; ok {
		return scale
	}
	return usualScale
}
