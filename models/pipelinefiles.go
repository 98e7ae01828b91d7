package models

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// network finds the ONNX file of a part: model.onnx in the part's folder, or the only one there; else in the pipeline's own folder one of
// the part's name, model.onnx, or the only one.
func (p *Pipeline) network(part string) (string, error) {
	for _, place := range []struct {
		dir   string
		names []string
	}{
		{part, []string{"model.onnx"}},
		{".", []string{part + ".onnx", "model.onnx"}},
	} {
		names, err := p.folder.list(place.dir)
		if err != nil {
			return "", err
		}
		have := slices.DeleteFunc(ending(names, ".onnx"), func(name string) bool {
			return strings.Contains(name, "decoder") || strings.Contains(name, "encoder")
		})
		for _, name := range place.names {
			if slices.Contains(have, name) {
				return p.folder.file(place.dir, name)
			}
		}
		switch len(have) {
		case 0:
		case 1:
			return p.folder.file(place.dir, have[0])
		default:
			return "", fmt.Errorf("%s: found %d ONNX files in %s (%s), expected one, or one called model.onnx; rename the one that predicts",
				p.Dir, len(have), filepath.Join(p.Dir, place.dir), listSome(have, 8))
		}
	}
	return "", nil
}

// decoderFolders are the folders where a part's decoder and its config may lie. Optimum calls the decoder of any part vae_decoder.
func decoderFolders(part string) []string {
	return slices.Compact([]string{part + "_decoder", "vae_decoder", part})
}

// decoder finds the ONNX file of a part's decoder, or says where it is expected.
func (p *Pipeline) decoder(part string) (string, error) {
	for _, dir := range decoderFolders(part) {
		names, err := p.folder.list(dir)
		if err != nil {
			return "", err
		}
		have := ending(names, ".onnx")
		if dir == part { // which holds an encoder too
			have = slices.DeleteFunc(have, func(name string) bool { return !strings.Contains(name, "decoder") })
		}
		if slices.Contains(have, "model.onnx") {
			return p.folder.file(dir, "model.onnx")
		}
		if len(have) == 1 {
			return p.folder.file(dir, have[0])
		}
		if file, err := p.folder.file(dir + ".onnx"); file != "" || err != nil {
			return file, err
		}
	}
	return filepath.Join(p.Dir, "vae_decoder", "model.onnx"), nil
}

// schedulerFile finds the scheduler's config; "" where there is none.
func (p *Pipeline) schedulerFile() (string, error) {
	file, err := p.folder.file("scheduler", schedulerFile)
	if file != "" || err != nil {
		return file, err
	}
	return p.folder.file(schedulerFile)
}
