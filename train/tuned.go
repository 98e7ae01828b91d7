package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"odeon/graph"
	"odeon/models"
	"odeon/onnx"
	"odeon/train/data"
	"odeon/train/objective"
)

// tuned is a network that a file brings: its graph is read, its weights are where training begins, and are put back in their
// places in the end.
type tuned struct {
	from   *models.Resolved
	source *onnx.Source
	size   int // samples in a call
	text   string
	// classes is what a card says of them, completed by the data where it is silent.
	labels *models.Labels
}

// openTuned prepares to go on from a network: what it predicts, along which path and how it is told the time are settled by its card,
// and so is the objective.
func openTuned(from *models.Resolved, set data.Set, o *objective.Objective, size int) (*tuned, error) {
	name := from.Model.Path()
	if err := from.Err(); err != nil {
		return nil, err
	}
	if !slices.Equal(from.Shape, set.Shape()) {
		return nil, fmt.Errorf("network %s: works on samples of shape %v, and the data has %v", name, from.Shape, set.Shape())
	}
	switch {
	case from.Batch != 0 && from.Batch != size:
		return nil, fmt.Errorf("network %s: takes exactly %d samples at a time, and a part of the batch has %d; give a batch of %d times the parts", name, from.Batch, size, from.Batch)
	case from.Clock != nil && !from.Clock.Batched && size != 1:
		return nil, fmt.Errorf("network %s: takes one time for all samples of a call; give it samples one by one, with as many parts (--accumulate) as the batch has samples", name)
	}
	if o.Path != nil && o.Path.String() != from.Path.String() {
		return nil, fmt.Errorf("network %s: is trained along the path %s, and %s is asked for; leave the path out, or convert the network first", name, from.Path, o.Path)
	}
	predictions := []objective.Named{named(from)}
	if from.Second != nil {
		predictions = append(predictions, objective.Name(from.Second.Prediction))
	}
	if len(o.Predictions) > 0 && !slices.EqualFunc(o.Predictions, predictions, func(a, b objective.Named) bool { return a.Equal(b.Prediction) }) {
		return nil, fmt.Errorf("network %s: predicts %s, and %s is asked for; leave the prediction out, or convert the network first", name, predictions[0].Name, o.Predictions[0].Name)
	}
	o.Path, o.Predictions, o.Time, o.Scale = from.Path, predictions, from.Time, from.Scale
	t := &tuned{from: from, size: size}
	if err := t.settleLabels(set, o); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	var err error
	if t.text, err = identify(from.Model); err != nil {
		return nil, err
	}
	if t.source, err = from.Model.Source(); err != nil {
		return nil, err
	}
	return t, nil
}

// named is the network's prediction under the name that its card has.
func named(from *models.Resolved) objective.Named {
	n := objective.Name(from.Prediction)
	if p := from.Card.Prediction; p != nil {
		n.Name = p.String()
	}
	return n
}

// settleLabels fits the classes of the network and of the data together.
func (t *tuned) settleLabels(set data.Set, o *objective.Objective) error {
	if t.from.Label == nil {
		o.DropLabel = 0
		return nil
	}
	var l models.Labels
	if t.from.Labels != nil {
		l = *t.from.Labels
	}
	null := l.Null != nil
	if null {
		if o.Null = int64(l.Null.Index); l.Null.Zeros {
			o.Null = -1
		}
	}
	if given := set.Labels(); given != nil {
		if l.Count == 0 {
			l.Count, l.Names = given.Count, given.Names
		}
		if l.Count != given.Count {
			return fmt.Errorf("has %d classes, and the data has %d", l.Count, given.Count)
		}
	} else if !null {
		return fmt.Errorf("takes a class with each sample, and the data has none; give --labels")
	}
	if o.DropLabel > 0 && !null {
		return fmt.Errorf("labels cannot be dropped, since it is not known which stands for no class: give \"labels\": {\"null\": ...} in a card")
	}
	o.DropLabel = chosen(o.DropLabel, pick(null, DefaultDropLabel, 0))
	t.labels = &l
	return nil
}

// identify names a file with a part of its checksum, so that another file of its name is told from it.
func identify(m *models.Model) (string, error) {
	sum := sha256.New()
	if m.File == "" {
		sum.Write(m.ONNX)
	} else {
		f, err := os.Open(m.File)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if _, err := io.Copy(sum, f); err != nil {
			return "", err
		}
	}
	return filepath.Base(m.Path()) + " (" + hex.EncodeToString(sum.Sum(nil)[:8]) + ")", nil
}

// read reads the graph, for calls of the one size.
func (t *tuned) read() (forward, [][]float32, error) {
	from := t.from
	shapes := map[string]graph.Shape{}
	for _, p := range append([]*models.Port{&from.State, from.Clock, from.Label}, ports(from.Extras)...) {
		if p != nil {
			shapes[p.Name] = portShape(*p)
		}
	}
	g, weights, err := graph.Read(t.source, shapes, t.size)
	if err != nil {
		return forward{}, nil, err
	}
	f := forward{graph: g}
	input := func(p *models.Port) *graph.Value {
		if p == nil {
			return nil
		}
		i := slices.IndexFunc(g.Inputs, func(v *graph.Value) bool { return v.Name == p.Name })
		if i < 0 {
			return nil
		}
		return g.Inputs[i]
	}
	f.inputs = inputs{state: input(&from.State), time: input(from.Clock), label: input(from.Label)}
	for _, e := range from.Extras {
		f.inputs.extras = append(f.inputs.extras, extra{input(&e.Port), e.Value.Data})
	}
	outputs := []string{from.Output.Name}
	if from.Second != nil {
		outputs = append(outputs, from.Second.Output.Name)
	}
	for k, name := range outputs {
		i := slices.IndexFunc(g.Outputs, func(o graph.Output) bool { return o.Name == name })
		if i < 0 {
			return f, nil, fmt.Errorf("network %s: has no output %q", from.Model.Path(), name)
		}
		y := g.Outputs[i].Value
		if s := from.Slice; s != nil && k == 0 {
			y = g.Slice(g.Reshape(y, t.size, s.Outer, s.Channels, s.Inner), 2, s.From, s.To, 1)
		}
		f.predictions = append(f.predictions, g.Reshape(y, append([]int{t.size}, from.Shape...)...))
	}
	g.Outputs = nil
	return f, weights, nil
}

func ports(extras []models.Extra) []*models.Port {
	list := make([]*models.Port, len(extras))
	for i := range extras {
		list[i] = &extras[i].Port
	}
	return list
}

// portShape is a port's shape, its first axis the batch where it has one.
func portShape(p models.Port) graph.Shape {
	shape := graph.Shape{}
	if p.Batched {
		shape = append(shape, graph.Batch)
	}
	return append(shape, p.Row...)
}

func (t *tuned) forward() (forward, error) {
	f, _, err := t.read()
	return f, err
}

func (t *tuned) initial() ([][]float32, error) {
	_, weights, err := t.read()
	return weights, err
}

func (t *tuned) model(weights [][]float32) (*onnx.Graph, error) {
	f, _, err := t.read()
	if err != nil {
		return nil, err
	}
	return graph.Rewrite(t.source, f.graph, weights)
}

func (t *tuned) String() string { return t.text }

// card is the network's own card with the user's words over it.
func (t *tuned) card(over models.Card) *models.Card {
	card, _ := models.Merge(models.Layer{Card: t.from.Card}, models.Layer{Card: &over})
	card.Network = ""
	t.from.Decode.NameIn(card)
	if t.labels != nil {
		card.Labels = t.labels
	}
	return card
}

// Close closes the file.
func (t *tuned) Close() error { return t.source.Close() }
