package models

import (
	"encoding/json"
	"fmt"
	"strings"

	"odeon/internal/nearest"
)

// Set gives one field as the flag of the same name writes it: as a card's JSON, or shorter: shape 1,28,28; range -1,1;
// inputs state=x,time=t; output eps or out[0:3]; labels 10; decoder FILE; anything else as bare text. Errors leave the field's
// name to the flag before them.
func (c *Card) Set(field, text string) error {
	schema := c.schema()
	read, known := schema[field]
	if !known {
		return fmt.Errorf("a card has no field %q%s", field, nearest.Hint(field, schema.names()))
	}
	text = strings.TrimSpace(text)
	asJSON := text
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		var err error
		if short, ok := plain[field]; ok {
			asJSON, err = short(text)
		} else {
			asJSON = quote(text)
		}
		if err != nil {
			return err
		}
	}
	if !json.Valid([]byte(asJSON)) {
		return fmt.Errorf("found %q, expected a form such as %s", text, examples[field])
	}
	if err := read(field, json.RawMessage(asJSON)); err != nil {
		return unprefixed(err, fmt.Sprintf("field %q: ", field))
	}
	return c.check()
}

// plain turns the short form in which a flag gives a field into the card's JSON. A field that is not listed is a text.
var plain = map[string]func(text string) (string, error){
	"shape":   listed,
	"range":   listed,
	"inputs":  assigned,
	"labels":  func(text string) (string, error) { return `{"count":` + text + `}`, nil },
	"output":  outputText,
	"rate":    asWritten,
	"fps":     asWritten,
	"decoder": func(text string) (string, error) { return `{"network":` + quote(text) + `}`, nil },
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) // of a string it always succeeds
	return string(quoted)
}

func asWritten(text string) (string, error) { return text, nil }

func listed(text string) (string, error) { return "[" + text + "]", nil }

// assigned reads state=x,time=t.
func assigned(text string) (string, error) {
	var pairs []string
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return "", fmt.Errorf("found %q, expected the roles' inputs as in state=x,time=t,label=y", text)
		}
		pairs = append(pairs, quote(strings.TrimSpace(name))+":"+quote(strings.TrimSpace(value)))
	}
	return "{" + strings.Join(pairs, ",") + "}", nil
}

// outputText reads eps, or out[0:3] for channels 0, 1 and 2 of out.
func outputText(text string) (string, error) {
	name, channels, sliced := strings.Cut(strings.TrimSuffix(text, "]"), "[")
	from, to, ok := strings.Cut(channels, ":")
	if !sliced || !ok || !strings.HasSuffix(text, "]") {
		return quote(text), nil
	}
	return fmt.Sprintf(`{"name":%s,"channels":[%s,%s]}`, quote(name), from, to), nil
}

// examples show a field's short form in messages.
var examples = map[string]string{
	"shape":      "1,28,28",
	"range":      "-1,1",
	"inputs":     "state=x,time=t",
	"labels":     `10 or {"count": 10, "null": -1}`,
	"output":     "eps or out[0:3]",
	"rate":       "16000",
	"fps":        "24",
	"prediction": `velocity or {"data": "1", "noise": "-1"}`,
	"path":       `condot or {"betas": "linear(1e-4,0.02)", "count": 1000}`,
	"constants":  `{"name": 1}`,
	"decoder":    "decoder.onnx",
}
