package models

import (
	"embed"
	"fmt"
)

//go:generate go run ./internal/mixtures/generate embedded

// EmbeddedModel is a model that the program carries: an ONNX file with its card inside.
type EmbeddedModel struct {
	Name, Description string
	ONNX              []byte
}

//go:embed embedded/*.onnx
var embeddedFiles embed.FS

// The default comes first. README.md has the command that trained digits; package mixtures writes the others, and has their formulas.
var embeddedModels = []struct{ name, description string }{
	{"digits", "handwritten digits, by a U-Net that Odeon trained"},
	{"moons", "two interleaving half circles"},
	{"checkerboard", "eight squares of a four by four board"},
	{"swissroll", "a spiral of one and a half turns"},
	{"rings", "three circles around one centre"},
	{"glyphs", "digits, letters and symbols of 16 by 16 pixels"},
}

// Embedded lists the embedded models, the default first. All but that one are the exact velocity of a known distribution, so they
// serve as oracles in tests.
func Embedded() []EmbeddedModel {
	list := make([]EmbeddedModel, len(embeddedModels))
	for i, m := range embeddedModels {
		list[i] = readEmbedded(m.name, m.description)
	}
	return list
}

// EmbeddedByName finds an embedded model.
func EmbeddedByName(name string) (EmbeddedModel, bool) {
	for _, m := range embeddedModels {
		if m.name == name {
			return readEmbedded(m.name, m.description), true
		}
	}
	return EmbeddedModel{}, false
}

func readEmbedded(name, description string) EmbeddedModel {
	b, err := embeddedFiles.ReadFile("embedded/" + name + ".onnx")
	if err != nil {
		panic(fmt.Sprintf("models: embedded model %s: %v", name, err)) // the program was built without its file
	}
	return EmbeddedModel{name, description, b}
}
