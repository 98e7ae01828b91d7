package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Card says what no ONNX file says about a network. The zero value of a field means that the card leaves it open.
type Card struct {
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	License     string `json:"license,omitempty"`
	Source      string `json:"source,omitempty"`

	Network     string            `json:"network,omitempty"`     // the ONNX file, relative to the card
	Prediction  *Prediction       `json:"prediction,omitempty"`  // what the output is, as a combination of data and noise
	Predictions map[string]string `json:"predictions,omitempty"` // prediction -> output, for a network that has several; see [Resolved.Second]
	Path        json.RawMessage   `json:"path,omitempty"`        // as schedule.PathFromJSON reads it

	Time  string `json:"time,omitempty"`  // formula: the number that the network is fed
	Scale string `json:"scale,omitempty"` // formula: what the state is multiplied by before the network sees it
	Start string `json:"start,omitempty"` // formula: the state's standard deviation at the first time

	Shape     []int            `json:"shape,omitempty"` // one sample's, without the batch
	Layout    Layout           `json:"layout,omitempty"`
	Inputs    Inputs           `json:"inputs,omitzero"`
	Constants map[string]Array `json:"constants,omitempty"`
	Output    *Output          `json:"output,omitempty"`
	Range     *[2]float64      `json:"range,omitempty"` // the data values that are black and white
	Labels    *Labels          `json:"labels,omitempty"`
	Decoder   *DecoderCard     `json:"decoder,omitempty"`

	Rate       *float64 `json:"rate,omitempty"`       // audio: samples a second
	FPS        *float64 `json:"fps,omitempty"`        // video: pictures a second
	Vocabulary []string `json:"vocabulary,omitempty"` // text: the tokens that an index stands for
	Sampling   Sampling `json:"sampling,omitempty"`   // defaults for flags of sample

	Training map[string]string `json:"training,omitempty"` // how the network was trained, fact by fact, for people to read
}

// Prediction is what a network predicts: a name that package schedule knows, or a functional a z + b eps of data z and
// noise eps with a and b as formulas (Data and Noise).
type Prediction struct {
	Name, Data, Noise string
}

// String is the prediction as a flag takes it.
func (p Prediction) String() string {
	if p.Name != "" {
		return p.Name
	}
	text, _ := json.Marshal(p)
	return string(text)
}

// MarshalJSON writes the name, or {"data": a, "noise": b}.
func (p Prediction) MarshalJSON() ([]byte, error) {
	if p.Name != "" {
		return json.Marshal(p.Name)
	}
	return json.Marshal(struct {
		Data  string `json:"data"`
		Noise string `json:"noise"`
	}{p.Data, p.Noise})
}

// Inputs are the graph's names of the roles.
type Inputs struct {
	State string `json:"state,omitempty"`
	Time  string `json:"time,omitempty"`
	Label string `json:"label,omitempty"`
}

// Output is the graph's output that carries the prediction, and which of its channels do.
type Output struct {
	Name     string  `json:"name,omitempty"`
	Channels *[2]int `json:"channels,omitempty"` // from, up to but not including; nil: all
}

// MarshalJSON writes the name alone where every channel counts.
func (o Output) MarshalJSON() ([]byte, error) {
	if o.Channels == nil {
		return json.Marshal(o.Name)
	}
	type object Output
	return json.Marshal(object(o))
}

// Encoding is how an input carries a class.
type Encoding string

// The encodings of classes: the class's number, or a row of zeros with a one in the class's place.
const (
	Index  Encoding = "index"
	OneHot Encoding = "onehot"
)

// Labels are a model's classes.
type Labels struct {
	Count    int      `json:"count,omitempty"`
	Names    []string `json:"names,omitempty"`
	Encoding Encoding `json:"encoding,omitempty"`
	Null     *Null    `json:"null,omitempty"` // what stands for no class; makes guidance possible
}

// Null is what a network is fed for no class: a number of its own, or zeros in place of a one-hot row.
type Null struct {
	Zeros bool
	Index int
}

// MarshalJSON writes "zeros" or the number.
func (n Null) MarshalJSON() ([]byte, error) {
	if n.Zeros {
		return json.Marshal("zeros")
	}
	return json.Marshal(n.Index)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Null) UnmarshalJSON(data []byte) error {
	var l Labels
	if err := l.readNull("null", data); err != nil {
		return err
	}
	*n = *l.Null
	return nil
}

// DecoderCard names the network that turns latents into data. It is fed latent/scale + shift.
type DecoderCard struct {
	Network string   `json:"network,omitempty"` // relative to the card, else beside the model's network
	Input   string   `json:"input,omitempty"`
	Output  string   `json:"output,omitempty"`
	Scale   *float64 `json:"scale,omitempty"` // 1
	Shift   *float64 `json:"shift,omitempty"` // 0
}

// cardLimit is the largest card that is read, in bytes. A table of a thousand betas takes 20 kB.
const cardLimit = 4 << 20

// ParseCard reads a card strictly: an unknown field, a field of the wrong type, a key given twice or anything behind the
// object is an error that names the field, what was found and what was expected.
func ParseCard(data []byte) (*Card, error) {
	if len(data) > cardLimit {
		return nil, fmt.Errorf("the card has %d bytes, more than the %d that are read", len(data), cardLimit)
	}
	raw, err := readDocument(data)
	if err != nil {
		return nil, err
	}
	card := new(Card)
	if err := card.schema().read("", raw); err != nil {
		return nil, err
	}
	return card, card.check()
}

// UnmarshalJSON is [ParseCard].
func (c *Card) UnmarshalJSON(data []byte) error {
	card, err := ParseCard(data)
	if err == nil {
		*c = *card
	}
	return err
}

// ReadCard reads a card from a file; errors name the file.
func ReadCard(path string) (*Card, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("card %s: no such file", path)
	case err != nil:
		return nil, fmt.Errorf("card %s: %w", path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("card %s: found a %s, expected a JSON file", path, fileKind(info.Mode()))
	case info.Size() > cardLimit:
		return nil, fmt.Errorf("card %s: %d bytes, more than the %d that a card may have; is it a card?", path, info.Size(), cardLimit)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("card %s: %w", path, err)
	}
	card, err := ParseCard(data)
	if err != nil {
		return nil, fmt.Errorf("card %s: %w", path, err)
	}
	return card, nil
}

func fileKind(mode os.FileMode) string {
	if mode.IsDir() {
		return "folder"
	}
	return "device or pipe"
}

// check finds what two fields of one card say against each other.
func (c *Card) check() error {
	if c.Prediction != nil && len(c.Predictions) > 0 {
		return errors.New(`both "prediction" and "predictions" are given; "predictions" stands in place of "prediction" and "output"`)
	}
	if c.Output != nil && len(c.Predictions) > 0 {
		return errors.New(`both "output" and "predictions" are given; "predictions" names the outputs itself`)
	}
	roles := map[string]string{}
	for _, role := range c.Inputs.named() {
		if other, taken := roles[role.input]; taken {
			return fmt.Errorf("field %q: %q is the %s already; one input has one role", "inputs."+role.name, role.input, other)
		}
		roles[role.input] = role.name
	}
	for name := range c.Constants {
		if role, taken := roles[name]; taken {
			return fmt.Errorf("field %q: %q is the %s; a constant is for further inputs", "constants", name, role)
		}
	}
	return c.Labels.check()
}

type role struct{ name, input string }

func (in Inputs) named() []role {
	roles := []role{{"state", in.State}, {"time", in.Time}, {"label", in.Label}}
	return slices.DeleteFunc(roles, func(r role) bool { return r.input == "" })
}

func (l *Labels) check() error {
	if l == nil {
		return nil
	}
	if len(l.Names) > 0 && l.Count > 0 && len(l.Names) != l.Count {
		return fmt.Errorf("field %q: found %d names, expected as many as labels.count, %d", "labels.names", len(l.Names), l.Count)
	}
	if l.Count > mostLabels {
		return fmt.Errorf("field %q: found %d, expected at most %d", "labels.count", l.Count, mostLabels)
	}
	seen := map[string]int{}
	for i, name := range l.Names {
		if first, twice := seen[name]; twice {
			return fmt.Errorf("field %q: classes %d and %d are both called %q", "labels.names", first, i, name)
		}
		seen[name] = i
	}
	if l.Null == nil {
		return nil
	}
	if l.Null.Zeros && l.Encoding == Index {
		return fmt.Errorf("field %q: \"zeros\" is for labels.encoding \"onehot\"; an index needs a number of its own", "labels.null")
	}
	if !l.Null.Zeros && l.Null.Index < 0 && l.Encoding == OneHot {
		return fmt.Errorf("field %q: found %d, expected \"zeros\" or the place of the null class in the one-hot row", "labels.null", l.Null.Index)
	}
	return nil
}

// Text writes the card as a file: indented, short lists on one line.
func (c *Card) Text() (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(c); err != nil {
		return "", err
	}
	return b.String(), nil
}
