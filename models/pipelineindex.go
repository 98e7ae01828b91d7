package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// pipelineIndex is what a model_index.json says.
type pipelineIndex struct {
	class string
	parts map[string]part
	names map[int]string // id2label
}

// longestName bounds the names of classes and parts, which messages list.
const longestName = 100

// part is a component of a pipeline: the Python library and the class that it is made by.
type part struct{ library, class string }

// parsePipelineIndex reads a model_index.json. Keys beside the class, the components and the labels are arguments of the class, which
// are for its own use.
func parsePipelineIndex(text []byte) (pipelineIndex, error) {
	index := pipelineIndex{parts: map[string]part{}, names: map[int]string{}}
	raw, err := readDocument(text)
	if err != nil {
		return index, err
	}
	members, err := readObject("", raw)
	if err != nil {
		return index, err
	}
	for _, m := range members {
		var list []json.RawMessage
		switch {
		case m.name == "_class_name":
			if err := readName(&index.class)(m.name, m.raw); err != nil || len(index.class) > longestName {
				return index, mismatch(m.name, m.raw, "the name of a pipeline's class")
			}
		case m.name == "id2label":
			if err := index.readNames(m.name, m.raw); err != nil {
				return index, err
			}
		case strings.HasPrefix(m.name, "_") || len(m.name) > longestName || json.Unmarshal(m.raw, &list) != nil || len(list) != 2:
		default:
			var p part
			// [null, null] is a part that the pipeline goes without; a list of anything else is an argument of the class.
			if readText(&p.library)("", list[0]) == nil && readText(&p.class)("", list[1]) == nil {
				index.parts[m.name] = p
			}
		}
	}
	if index.class == "" {
		return index, errors.New(`no "_class_name", expected that of a pipeline, such as "DDPMPipeline"`)
	}
	return index, nil
}

// readNames reads {"0": "tench", ...}.
func (x *pipelineIndex) readNames(field string, raw json.RawMessage) error {
	members, err := readObject(field, raw)
	if err != nil {
		return err
	}
	for _, m := range members {
		i, ok := whole(json.RawMessage(m.name))
		var name string
		if !ok || i < 0 || i >= mostLabels {
			return fmt.Errorf("field %q: found a class %q, expected numbers from 0", field, m.name)
		}
		if err := readText(&name)(within(field, m.name), m.raw); err != nil {
			return err
		}
		x.names[i] = name
	}
	return nil
}

// reads are the parts that turn something into what the network is conditioned on, in the order of their names.
func (x pipelineIndex) reads() (text, other []string) {
	for _, name := range slices.Sorted(maps.Keys(x.parts)) {
		switch {
		case strings.HasPrefix(name, "text_encoder"), strings.HasPrefix(name, "tokenizer"), name == "bert":
			text = append(text, name)
		case strings.HasPrefix(name, "vae"), strings.HasPrefix(name, "vqvae"): // Optimum lists its halves
		case strings.HasSuffix(name, "_encoder"), strings.HasPrefix(name, "controlnet"), strings.HasPrefix(name, "prior"):
			other = append(other, name)
		}
	}
	return text, other
}

// labelNames are the names of so many classes. One without a name goes by its number, and so does the second of two with one name, as
// ImageNet's cranes.
func (x pipelineIndex) labelNames(count int) []string {
	names, seen := make([]string, count), map[string]bool{}
	for i := range names {
		name, number := x.names[i], strconv.Itoa(i)
		switch {
		case name == "":
			name = number
		case seen[name]:
			name += " (" + number + ")"
		}
		for seen[name] {
			name += "'"
		}
		names[i], seen[name] = name, true
	}
	return names
}
