package models

import (
	"embed"
	"fmt"
)

//go:generate go run ./internal/mixtures/generate embedded

// EmbeddedModel is a model that the program carries: an ONNX file of a few kB with its card inside.
type EmbeddedModel struct {
	Name, Description string
	ONNX              []byte
}

//go:embed embedded/*.onnx
var embeddedFiles embed.FS

// Written by package mixtures, which has the formulas.
var embeddedModels = []struct{ name, description string }{
	{"moons", "two interleaving half circles"},
	{"checkerboard", "eight squares of a four by four board"},
	{"swissroll", "a spiral of one and a half turns"},
	{"rings", "three circles around one centre"},
	{"glyphs", "digits, letters and symbols of 16 by 16 pixels"},
}

// Embedded lists the embedded models, the default first. Each is the exact velocity of a known distribution, so it serves
// as the first thing to sample and as an oracle in tests.
func Embedded() []EmbeddedModel {
	list := make([]EmbeddedModel, len(embeddedModels))
	for i, m := range embeddedModels {
		b, err := embeddedFiles.ReadFile("embedded/" + m.name + ".onnx")
		if err != nil {
			panic(fmt.Sprintf("models: embedded model %s: %v", m.name, err)) // the program was built without its file
		}
		list[i] = EmbeddedModel{m.name, m.description, b}
	}
	return list
}

// EmbeddedByName finds an embedded model.
func EmbeddedByName(name string) (EmbeddedModel, bool) {
	for _, m := range Embedded() {
		if m.Name == name {
			return m, true
		}
	}
	return EmbeddedModel{}, false
}
