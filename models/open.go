package models

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"odeon/diffusers"
	"odeon/internal/nearest"
	"odeon/onnx"
)

// CardKey is the entry of metadata_props that holds the card inside an ONNX file, as JSON.
const CardKey = "odeon"

// Default is the embedded model that is sampled when none is named.
const Default = "digits"

// Model is a network that was found, with all that its graph and its cards say about it.
type Model struct {
	Name string // the embedded model's, or the file's without its extension
	File string // the ONNX file; "" for an embedded model, and for one in memory
	ONNX []byte // the file's bytes, where there is no File

	Pipeline  *Pipeline            // the diffusers folder that it was opened from; nil: none
	Scheduler *diffusers.Scheduler // the diffusers scheduler of the last layer that has one; nil: none

	Info   *onnx.Info
	Card   *Card             // all layers, merged
	From   map[string]string // which layer said a field last
	Layers []Layer
	Notes  []string // what the user may want to know, such as a file that hides an embedded model
}

// Path is the file, the diffusers folder that it is of, or the embedded model's name.
func (m *Model) Path() string {
	switch {
	case m.Pipeline != nil:
		return m.Pipeline.Dir
	case m.File == "":
		return m.Name
	}
	return m.File
}

// Source opens the network's file to be built upon, or read whole.
func (m *Model) Source() (*onnx.Source, error) {
	if m.File == "" {
		return onnx.SourceBytes(m.ONNX, m.Name)
	}
	return onnx.OpenSource(m.File)
}

// Open finds MODEL, which is an ONNX file, a card, a folder that holds one of either, a diffusers folder, or the name of an embedded model
// ("" is [Default]), reads its graph and merges its cards: the one inside the ONNX file, what a diffusers folder says, the one beside the
// file (NAME.odeon.json, else card.json; a card given as MODEL stands in its place), then overrides in their order. Nothing of it needs
// ONNX Runtime.
func Open(arg string, overrides ...Layer) (*Model, error) {
	m, beside, err := locate(arg)
	if err != nil {
		return nil, err
	}
	return m.read(beside, overrides)
}

// OpenBytes is Open for an ONNX file that is in memory, under a name for messages.
func OpenBytes(name string, file []byte, overrides ...Layer) (*Model, error) {
	m := &Model{Name: name, ONNX: file}
	return m.read(nil, overrides)
}

// read reads the graph of a model that was found, and merges its cards.
func (m *Model) read(beside *Layer, overrides []Layer) (_ *Model, err error) {
	if m.File == "" {
		m.Info, err = onnx.ReadInfoBytes(m.ONNX, m.Name)
	} else {
		m.Info, err = onnx.ReadInfo(m.File)
	}
	if err != nil {
		return nil, err
	}
	inside, err := m.cardInside()
	if err != nil {
		return nil, err
	}
	if beside == nil && m.File != "" {
		if beside, err = cardBeside(m.File); err != nil {
			return nil, err
		}
	}
	if inside != nil {
		m.Layers = append(m.Layers, *inside)
	}
	if m.Pipeline != nil {
		own, err := m.Pipeline.layers(m.Info, slices.ContainsFunc(overrides, Layer.schedules))
		if err != nil {
			return nil, err
		}
		m.Layers = append(m.Layers, own...)
	}
	if beside != nil {
		m.Layers = append(m.Layers, *beside)
	}
	m.Layers = append(m.Layers, overrides...)
	m.Layers, m.Scheduler = lastScheduler(m.Layers)
	m.Card, m.From = Merge(m.Layers...)
	if err := m.Card.check(); err != nil {
		return nil, fmt.Errorf("%s: cards merged (%s): %w", m.Path(), m.layerNames(), err)
	}
	if m.Pipeline != nil {
		m.Notes = append(m.Notes, m.Pipeline.notes()...)
	}
	if m.Scheduler != nil {
		m.Notes = append(m.Notes, m.Scheduler.Notes...)
	}
	return m, nil
}

func (m *Model) layerNames() string {
	names := make([]string, len(m.Layers))
	for i, layer := range m.Layers {
		names[i] = layer.From
	}
	return strings.Join(names, ", ")
}

// OpenCard reads the layer that --card FILE is.
func OpenCard(path string) (Layer, error) {
	card, err := ReadCard(path)
	return Layer{From: "card " + path, Card: card, Dir: filepath.Dir(path)}, err
}

func (m *Model) cardInside() (*Layer, error) {
	text, ok := m.Info.Meta(CardKey)
	if !ok {
		return nil, nil
	}
	card, err := ParseCard([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s: the card inside (metadata entry %q): %w", m.Path(), CardKey, err)
	}
	return &Layer{From: "the card inside " + m.Path(), Card: card}, nil
}

// cardBeside finds NAME.odeon.json beside NAME.onnx, else card.json in the same folder; nil where there is neither.
func cardBeside(file string) (*Layer, error) {
	dir := filepath.Dir(file)
	for _, path := range []string{strings.TrimSuffix(file, filepath.Ext(file)) + ".odeon.json", filepath.Join(dir, "card.json")} {
		if _, err := os.Stat(path); err == nil {
			layer, err := OpenCard(path)
			return &layer, err
		}
	}
	return nil, nil
}

// locate finds the network, and its card where that is what led to it.
func locate(arg string) (*Model, *Layer, error) {
	if arg == "" {
		return embedded(Default), nil, nil
	}
	known := embedded(arg)
	stat, err := os.Stat(arg)
	switch {
	case errors.Is(err, os.ErrNotExist) && known != nil:
		return known, nil, nil
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, notFound(arg)
	case err != nil:
		return nil, nil, err
	case !stat.IsDir():
		m, beside, err := locateFile(arg)
		if err == nil && known != nil {
			m.Notes = append(m.Notes, fmt.Sprintf("the file %s is used, not the embedded model of that name", arg))
		}
		return m, beside, err
	}
	m, beside, err := locateFolder(arg)
	if known == nil {
		return m, beside, err
	}
	if err != nil {
		known.Notes = append(known.Notes, fmt.Sprintf("the embedded model %s is used, not the folder of that name: %s", arg, err))
		return known, nil, nil
	}
	m.Notes = append(m.Notes, fmt.Sprintf("the folder %s is used, not the embedded model of that name", arg))
	return m, beside, nil
}

func embedded(name string) *Model {
	e, ok := EmbeddedByName(name)
	if !ok {
		return nil
	}
	return &Model{Name: e.Name, ONNX: e.ONNX}
}

func notFound(arg string) error {
	var names []string
	for _, e := range embeddedModels {
		names = append(names, e.name)
	}
	if filepath.Base(arg) != arg || filepath.Ext(arg) != "" {
		return fmt.Errorf("model %s: no such file or folder", arg)
	}
	return fmt.Errorf("model %s: no such file or folder, and no embedded model of that name%s; embedded are %s", arg, nearest.Hint(arg, names), strings.Join(names, ", "))
}

func locateFile(path string) (*Model, *Layer, error) {
	switch {
	case filepath.Base(path) == pipelineFile:
		return locatePipeline(filepath.Dir(path))
	case strings.EqualFold(filepath.Ext(path), ".json"):
		return locateByCard(path)
	}
	return &Model{Name: stem(path), File: path}, nil, nil
}

// stem names a model after its file, or after its folder where the file's name says nothing.
func stem(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if name != "model" && name != "network" {
		return name
	}
	if abs, err := filepath.Abs(path); err == nil && filepath.Dir(abs) != filepath.Dir(filepath.Dir(abs)) {
		return filepath.Base(filepath.Dir(abs))
	}
	return name
}

func locateByCard(path string) (*Model, *Layer, error) {
	layer, err := OpenCard(path)
	if err != nil {
		return nil, nil, err
	}
	file, err := networkOf(path, layer.Card)
	if err != nil {
		return nil, nil, err
	}
	return &Model{Name: stem(file), File: file}, &layer, nil
}

// networkOf is the ONNX file that a card belongs to: the one it names, the one it is named after, or the only one beside it
// that is not its decoder.
func networkOf(path string, card *Card) (string, error) {
	dir := filepath.Dir(path)
	if card.Network != "" {
		if !filepath.IsLocal(filepath.FromSlash(card.Network)) {
			return "", fmt.Errorf("card %s: field \"network\": %q leaves the card's folder; put the ONNX file beside the card, or give the file as MODEL and this card as --card", path, card.Network)
		}
		file := filepath.Join(dir, filepath.FromSlash(card.Network))
		if _, err := os.Stat(file); err != nil {
			return "", fmt.Errorf("card %s: field \"network\": there is no file %s; give the ONNX file as MODEL and this card as --card", path, file)
		}
		return file, nil
	}
	if name, ok := strings.CutSuffix(path, ".odeon.json"); ok {
		if _, err := os.Stat(name + ".onnx"); err == nil {
			return name + ".onnx", nil
		}
	}
	files, err := filesIn(dir, ".onnx")
	if err != nil {
		return "", err
	}
	if card.Decoder != nil {
		decoder := filepath.Join(dir, filepath.FromSlash(card.Decoder.Network))
		files = slices.DeleteFunc(files, func(file string) bool { return file == decoder })
	}
	if len(files) == 1 {
		return files[0], nil
	}
	return "", fmt.Errorf("card %s: field \"network\" is not given, and beside the card there %s; add \"network\", or give the ONNX file as MODEL and this card as --card", path, counted(files, "ONNX file"))
}

func locateFolder(dir string) (*Model, *Layer, error) {
	if _, err := os.Lstat(filepath.Join(dir, pipelineFile)); err == nil {
		return locatePipeline(dir)
	}
	cards, err := filesIn(dir, ".odeon.json")
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "card.json")); err == nil {
		cards = append(cards, filepath.Join(dir, "card.json"))
	}
	networks, err := filesIn(dir, ".onnx")
	switch {
	case err != nil:
		return nil, nil, err
	case len(cards) == 1: // it may name a network in a folder below, beside a decoder here
		return locateByCard(cards[0])
	case len(networks) == 1:
		return &Model{Name: stem(networks[0]), File: networks[0]}, nil, nil
	case len(cards) == 0:
		return nil, nil, fmt.Errorf("folder %s: there %s; give one of them as MODEL, or add a card.json with \"network\"", dir, counted(networks, "ONNX file"))
	}
	return nil, nil, fmt.Errorf("folder %s: there %s; give one of them as MODEL", dir, counted(cards, "card"))
}

// filesIn lists a folder's files with this ending.
func filesIn(dir, ending string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(strings.ToLower(e.Name()), ending) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

// counted says how many there are, and which: "are 2 ONNX files (a.onnx, b.onnx)".
func counted(files []string, what string) string {
	if len(files) == 0 {
		return "is no " + what
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = filepath.Base(file)
	}
	return fmt.Sprintf("are %d %ss (%s)", len(files), what, listSome(names, 8))
}
