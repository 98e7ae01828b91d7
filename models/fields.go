package models

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"odeon/schedule"
)

// schema reads the fields of a card into c.
func (c *Card) schema() schema {
	return schema{
		"name":        readText(&c.Name),
		"description": readText(&c.Description),
		"license":     readText(&c.License),
		"source":      readText(&c.Source),
		"network":     readName(&c.Network),
		"prediction":  c.readPrediction,
		"predictions": c.readPredictions,
		"path":        c.readPath,
		"time":        readFormula(&c.Time),
		"scale":       readFormula(&c.Scale),
		"start":       readFormula(&c.Start),
		"shape":       readWholes(&c.Shape, 1),
		"layout":      readWord((*string)(&c.Layout), layoutNames()...),
		"inputs": schema{
			"state": readName(&c.Inputs.State),
			"time":  readName(&c.Inputs.Time),
			"label": readName(&c.Inputs.Label),
		}.read,
		"constants":  c.readConstants,
		"output":     c.readOutput,
		"range":      readPair(&c.Range),
		"labels":     c.readLabels,
		"decoder":    c.readDecoder,
		"rate":       readPositive(&c.Rate),
		"fps":        readPositive(&c.FPS),
		"vocabulary": readTexts(&c.Vocabulary),
		"sampling":   c.Sampling.read,
		"training":   c.readTraining,
	}
}

// timeVariables are all that a formula may be written in; index and count exist on discrete paths only, which [Resolve] checks
// once the path is known.
var timeVariables = []string{"t", "alpha", "beta", "sigma", "logsnr", "index", "count"}

// readFormula takes a text, or a plain number.
func readFormula(into *string) reader {
	return func(field string, raw json.RawMessage) error {
		text := strings.TrimSpace(string(raw))
		if kind(raw) != aNumber {
			if err := readText(&text)(field, raw); err != nil {
				return mismatch(field, raw, aFormula)
			}
		}
		if _, err := schedule.ParseFormula(text, timeVariables...); err != nil {
			return fmt.Errorf("field %q: %w", field, err)
		}
		*into = text
		return nil
	}
}

func (c *Card) readPrediction(field string, raw json.RawMessage) error {
	var p Prediction
	switch kind(raw) {
	case aText:
		if err := readText(&p.Name)(field, raw); err != nil {
			return err
		}
		if _, err := schedule.ParsePrediction(p.Name); err != nil {
			return fmt.Errorf("field %q: %w", field, err)
		}
	case anObject:
		if err := (schema{"data": readFormula(&p.Data), "noise": readFormula(&p.Noise)}).read(field, raw); err != nil {
			return err
		}
		if p.Data == "" || p.Noise == "" {
			return mismatch(field, raw, `both "data" and "noise", the weights of data and noise`)
		}
	default:
		return mismatch(field, raw, `a name such as "velocity", or {"data": "a", "noise": "b"}`)
	}
	c.Prediction = &p
	return nil
}

func (c *Card) readPredictions(field string, raw json.RawMessage) error {
	members, err := readObject(field, raw)
	if err != nil {
		return err
	}
	outputs := map[string]string{}
	for _, m := range members {
		if _, err := schedule.ParsePrediction(m.name); err != nil {
			return fmt.Errorf("field %q: %w", field, err)
		}
		var output string
		if err := readName(&output)(within(field, m.name), m.raw); err != nil {
			return err
		}
		for name, other := range outputs {
			if other == output {
				return fmt.Errorf("field %q: output %q is both %s and %s; each prediction has an output of its own", field, output, name, m.name)
			}
		}
		outputs[m.name] = output
	}
	if len(outputs) == 0 {
		return mismatch(field, raw, `predictions and their outputs, {"velocity": "u", "score": "s"}`)
	}
	c.Predictions = outputs
	return nil
}

func (c *Card) readPath(field string, raw json.RawMessage) error {
	if kind(raw) == anObject {
		if _, err := readObject(field, raw); err != nil { // a key given twice
			return err
		}
	}
	if _, err := schedule.PathFromJSON(raw); err != nil {
		return fmt.Errorf("field %q: %w", field, unprefixed(err, "path: "))
	}
	c.Path = slices.Clone(raw)
	return nil
}

func (c *Card) readOutput(field string, raw json.RawMessage) error {
	out := new(Output)
	switch kind(raw) {
	case aText:
		if err := readName(&out.Name)(field, raw); err != nil {
			return err
		}
	case anObject:
		var channels []int
		if err := (schema{"name": readName(&out.Name), "channels": readWholes(&channels, 0)}).read(field, raw); err != nil {
			return err
		}
		if channels != nil {
			if len(channels) != 2 || channels[0] >= channels[1] {
				return fmt.Errorf("field %q: found %v, expected [from, to] with from below to: channels from, up to but not including to", within(field, "channels"), channels)
			}
			out.Channels = &[2]int{channels[0], channels[1]}
		}
	default:
		return mismatch(field, raw, `the output's name, or {"name": "out", "channels": [0, 3]}`)
	}
	c.Output = out
	return nil
}

func (c *Card) readLabels(field string, raw json.RawMessage) error {
	labels := new(Labels)
	err := schema{
		"count":    readWhole(&labels.Count, 1),
		"names":    readTexts(&labels.Names),
		"encoding": readWord((*string)(&labels.Encoding), string(Index), string(OneHot)),
		"null":     labels.readNull,
	}.read(field, raw)
	if err == nil {
		c.Labels = labels
	}
	return err
}

func (l *Labels) readNull(field string, raw json.RawMessage) error {
	if i, ok := whole(raw); ok {
		l.Null = &Null{Index: i}
		return nil
	}
	var word string
	if json.Unmarshal(raw, &word) == nil && word == "zeros" {
		l.Null = &Null{Zeros: true}
		return nil
	}
	return mismatch(field, raw, `a whole number or "zeros"`)
}

func (c *Card) readDecoder(field string, raw json.RawMessage) error {
	decoder := new(DecoderCard)
	err := schema{
		"network": readName(&decoder.Network),
		"input":   readName(&decoder.Input),
		"output":  readName(&decoder.Output),
		"scale":   readNumber(&decoder.Scale),
		"shift":   readNumber(&decoder.Shift),
	}.read(field, raw)
	if err != nil {
		return err
	}
	if decoder.Scale != nil && *decoder.Scale == 0 {
		return fmt.Errorf("field %q: found 0, expected another number: the decoder is fed latent/scale + shift", within(field, "scale"))
	}
	c.Decoder = decoder
	return nil
}

// readTraining takes texts under names of any kind: nothing depends on them.
func (c *Card) readTraining(field string, raw json.RawMessage) error {
	members, err := readObject(field, raw)
	if err != nil {
		return err
	}
	facts := map[string]string{}
	for _, m := range members {
		var fact string
		if err := readText(&fact)(within(field, m.name), m.raw); err != nil {
			return err
		}
		facts[m.name] = fact
	}
	c.Training = facts
	return nil
}

func readPositive(into **float64) reader {
	return func(field string, raw json.RawMessage) error {
		var x *float64
		if err := readNumber(&x)(field, raw); err != nil || *x <= 0 {
			return mismatch(field, raw, "a number above 0")
		}
		*into = x
		return nil
	}
}
