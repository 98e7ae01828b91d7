package models

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Setting is a card's default for one flag of sample: the flag's name without dashes, and the text that it would be
// given on the command line.
type Setting struct {
	Flag, Text string
	raw        json.RawMessage
}

// Sampling holds a card's defaults for flags of sample, in the order in which they are written.
type Sampling []Setting

// settings lists the flags that a card may give, with what each of them takes.
var settings = map[string]struct {
	expected string
	text     func(raw json.RawMessage) (string, bool)
}{
	"solver":            {`a solver's name such as "heun"`, textOnly},
	"steps":             {aWhole, wholeText},
	"grid":              {`a grid such as "karras(7)", or a list of times`, gridText},
	"sigma":             {`a formula such as "1.5*(1-t)"`, textOrNumber},
	"order":             {aWhole, wholeText},
	"tolerance":         {`a number such as 1e-4, or two`, numbersText},
	"churn":             {`a number, or a list of three or four`, numbersText},
	"gamma":             {aNumber, numberText},
	"corrector":         {`a whole number, or a list of it and a ratio`, numbersText},
	"eta":               {aNumber, numberText},
	"guidance":          {`a number, or a formula such as "1+3*t"`, textOrNumber},
	"guidance-interval": {twoNumber, pairText},
	"guidance-form":     {`a form such as "zero-star" or "apg(0,2.5,-0.5)"`, textOnly},
	"guidance-rescale":  {aNumber, numberText},
	"negative-label":    {`a class's number or name`, labelText},
	"clip":              {twoNumber, pairText},
	"threshold":         {`a share of the elements, or a share and a limit such as [0.995, 1.5]`, numbersText},
	"t-start":           {aNumber, numberText},
	"t-end":             {aNumber, numberText},
	"last":              {`"denoise", "none", "mean" or "ode"`, textOnly},
	"indexes":           {`whole numbers as a list, or as a text such as "999-0"`, wholesText},
	"resample":          {`a whole number, or two as a text such as "10,5"`, labelText},
	"end-index":         {aWhole, wholeText},
	"variance":          {`"posterior" or "beta"`, textOnly},
	"label":             {`a class's number or name, or a list of them`, labelText},
	"count":             {aWhole, wholeText},
	"batch":             {aWhole, wholeText},
	"seed":              {aWhole, seedText},
}

func (s *Sampling) read(field string, raw json.RawMessage) error {
	known := schema{}
	out := Sampling{}
	for flag, setting := range settings {
		known[flag] = func(field string, raw json.RawMessage) error {
			text, ok := setting.text(raw)
			if !ok || text == "" {
				return mismatch(field, raw, setting.expected)
			}
			out = append(out, Setting{flag, text, slices.Clone(raw)})
			return nil
		}
	}
	if err := known.read(field, raw); err != nil {
		return err
	}
	*s = out
	return nil
}

// Texts maps each flag that the card gives to its text.
func (s Sampling) Texts() map[string]string {
	texts := make(map[string]string, len(s))
	for _, setting := range s {
		texts[setting.Flag] = setting.Text
	}
	return texts
}

// MarshalJSON writes the object as it was read.
func (s Sampling) MarshalJSON() ([]byte, error) {
	members := make([]string, len(s))
	for i, setting := range s {
		members[i] = fmt.Sprintf("%s:%s", quote(setting.Flag), setting.raw)
	}
	return []byte("{" + strings.Join(members, ",") + "}"), nil
}

// merge lays over's settings over s, flag by flag.
func (s Sampling) merge(over Sampling) Sampling {
	out := slices.Clone(s)
	for _, setting := range over {
		i := slices.IndexFunc(out, func(have Setting) bool { return have.Flag == setting.Flag })
		if i < 0 {
			out = append(out, setting)
		} else {
			out[i] = setting
		}
	}
	return out
}

func textOnly(raw json.RawMessage) (string, bool) {
	var text string
	return text, kind(raw) == aText && json.Unmarshal(raw, &text) == nil
}

func numberText(raw json.RawMessage) (string, bool) {
	_, ok := number(raw)
	return strings.TrimSpace(string(raw)), ok
}

func wholeText(raw json.RawMessage) (string, bool) {
	i, ok := whole(raw)
	return fmt.Sprint(i), ok
}

// seedText takes any 64-bit seed, which a float64 would round.
func seedText(raw json.RawMessage) (string, bool) {
	var seed uint64
	return strings.TrimSpace(string(raw)), json.Unmarshal(raw, &seed) == nil && kind(raw) == aNumber
}

func textOrNumber(raw json.RawMessage) (string, bool) {
	if text, ok := textOnly(raw); ok {
		return text, true
	}
	return numberText(raw)
}

// mostListed bounds the lists of times and indexes.
const mostListed = 1 << 17

// commaSeparated joins the texts of a list's elements.
func commaSeparated(raw json.RawMessage, element func(json.RawMessage) (string, bool)) (string, bool) {
	list, err := readList("", raw, aList, mostListed)
	if err != nil {
		return "", false
	}
	texts := make([]string, len(list))
	for i := range list {
		text, ok := element(list[i])
		if !ok {
			return "", false
		}
		texts[i] = text
	}
	return strings.Join(texts, ","), true
}

func pairText(raw json.RawMessage) (string, bool) {
	var pair *[2]float64
	if readPair(&pair)("", raw) != nil {
		return "", false
	}
	return commaSeparated(raw, numberText)
}

// numbersText takes a number, or several as a list.
func numbersText(raw json.RawMessage) (string, bool) {
	if text, ok := numberText(raw); ok {
		return text, true
	}
	return commaSeparated(raw, numberText)
}

func gridText(raw json.RawMessage) (string, bool) {
	if text, ok := textOnly(raw); ok {
		return text, true
	}
	list, ok := commaSeparated(raw, numberText)
	return "list(" + list + ")", ok
}

func wholesText(raw json.RawMessage) (string, bool) {
	if text, ok := textOnly(raw); ok {
		return text, true
	}
	if text, ok := wholeText(raw); ok {
		return text, true
	}
	return commaSeparated(raw, wholeText)
}

func labelText(raw json.RawMessage) (string, bool) {
	one := func(raw json.RawMessage) (string, bool) {
		if text, ok := textOnly(raw); ok {
			return text, true
		}
		return wholeText(raw)
	}
	if text, ok := one(raw); ok {
		return text, true
	}
	return commaSeparated(raw, one)
}
