package models

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"odeon/internal/nearest"
	"odeon/internal/shellword"
	"odeon/onnx"
)

// noNetwork says that there is no ONNX file, and how to get one.
func (p *Pipeline) noNetwork(part string) error {
	own, _ := p.folder.list(part)
	all, _ := p.folder.list(".")
	have := ending(slices.Concat(own, all), ".safetensors", ".bin", ".msgpack", ".ckpt")
	found := "found no ONNX file"
	if len(have) > 0 {
		found = fmt.Sprintf("found weights for Python (%s) and no ONNX file", listSome(slices.Compact(have), 4))
	}
	place := filepath.Join(p.Dir, part, "model.onnx")
	return fmt.Errorf("%s: %s, expected the network as %s; export it there with torch.onnx.export (inputs sample or hidden_states, timestep and class_labels), or the whole folder with optimum-cli export onnx --model %s OUT where Optimum knows the pipeline",
		p.Dir, found, place, shellword.Quote(p.Dir))
}

// unsupported says why a pipeline is not sampled as a whole, and how to sample its network, if that is there.
func (p *Pipeline) unsupported(text []string) error {
	known := slices.Sorted(maps.Keys(pipelineKinds))
	why := fmt.Sprintf("found a %s%s, and pipelines that are sampled as a whole are %s", p.Class, nearest.Hint(p.Class, known), strings.Join(known, ", "))
	if _, other := p.index.reads(); len(text) > 0 {
		why = fmt.Sprintf("found a %s, which makes samples from text (%s), and text to image is not supported yet", p.Class, listSome(text, 8))
	} else if len(other) > 0 {
		why = fmt.Sprintf("found a %s with %s, and networks beside the one that predicts are not supported", p.Class, listSome(other, 8))
	}
	for _, part := range []string{"unet", "transformer"} {
		if file, err := p.network(part); err == nil && file != "" && filepath.Dir(file) != filepath.Clean(p.Dir) {
			return fmt.Errorf("%s: %s; its network alone can be sampled, given what else it takes: %s", p.Dir, why, p.alone(part, file))
		}
	}
	return fmt.Errorf("%s: %s; export its network to ONNX, and give that file with --scheduler or a card", p.Dir, why)
}

// alone is the command that samples the network of a pipeline by itself: the scheduler for it, and a file for each further input.
func (p *Pipeline) alone(part, file string) string {
	words := []string{"odeon", "sample", shellword.Quote(file)}
	if config, err := p.schedulerFile(); err == nil && config != "" {
		words = append(words, "--scheduler", shellword.Quote(config))
	}
	info, err := onnx.ReadInfo(file)
	if err != nil {
		return strings.Join(words, " ")
	}
	p.kind.network = part
	if p.config(&p.settings, part) == nil {
		if card := p.card(info); card.Shape != nil {
			words = append(words, "--shape", strings.ReplaceAll(strings.Trim(fmt.Sprint(card.Shape), "[]"), " ", ","))
		}
	}
	for _, in := range info.Inputs {
		if !slices.Contains([]string{"sample", "hidden_states", "timestep", "class_labels"}, in.Name) {
			words = append(words, "--set", shellword.Quote(in.Name+"=@FILE.npy"))
		}
	}
	return strings.Join(words, " ")
}
