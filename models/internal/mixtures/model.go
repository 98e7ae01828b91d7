package mixtures

import (
	"slices"

	"odeon/internal/exact"
	"odeon/onnx"
)

// Std is the standard deviation of every component.
const Std = 0.05

// Model is an embedded model before it is written.
type Model struct {
	Name, Description string
	Means             [][]float64 // of the components, exact in float32
	Classes           []string    // component i belongs to class i mod len(Classes); nil without classes

	graph func(*onnx.Graph, Model) // writes the velocity
	card  card
}

// Models lists the embedded models that are made here, in the order in which they are shown.
func Models() []Model {
	return []Model{
		points("moons", "two interleaving half circles", moons()),
		points("checkerboard", "eight squares of a four by four board", checkerboard()),
		points("swissroll", "a spiral of one and a half turns", swissRoll()),
		points("rings", "three circles around one centre", rings()),
		glyphs(),
	}
}

// Bytes is the ONNX file with the card inside.
func (m Model) Bytes() ([]byte, error) {
	g := onnx.NewGraph(m.Name)
	g.Doc("Exact velocity of " + m.Description + " on the straight path: x = t z + (1-t) eps.")
	m.graph(g, m)
	g.Meta("odeon", m.card.json(m))
	return g.Bytes()
}

// Exact is the distribution of the data, for closed forms; of one class, or of all where label is negative.
func (m Model) Exact(label int) exact.Mixture {
	means := m.Means
	if label >= 0 {
		means = nil
		for i := label; i < len(m.Means); i += len(m.Classes) {
			means = append(means, m.Means[i])
		}
	}
	return exact.Mixture{
		Weights: slices.Repeat([]float64{1}, len(means)),
		Means:   means,
		Stds:    slices.Repeat([]float64{Std}, len(means)),
	}
}
