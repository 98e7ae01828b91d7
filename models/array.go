package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Array is the value of a further input: numbers in row-major order under a shape; no shape is a single number.
// Whole numbers up to 2^53 are exact. True and false are 1 and 0.
type Array struct {
	Shape []int
	Data  []float64
}

// check says whether there are as many numbers as the shape asks for.
func (a Array) check() error {
	if n, ok := product(a.Shape); !ok || n != len(a.Data) {
		return fmt.Errorf("found %d numbers under the shape %v", len(a.Data), a.Shape)
	}
	return nil
}

// MarshalJSON writes nested lists.
func (a Array) MarshalJSON() ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := a.write(&b, a.Shape, a.Data); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

func (a Array) write(b *strings.Builder, shape []int, data []float64) error {
	if len(shape) == 0 {
		text, err := json.Marshal(data[0])
		b.Write(text)
		return err
	}
	b.WriteByte('[')
	for i := range shape[0] {
		if i > 0 {
			b.WriteByte(',')
		}
		row := len(data) / shape[0]
		if err := a.write(b, shape[1:], data[i*row:(i+1)*row]); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// maxRank bounds how deep the lists of a constant may nest.
const maxRank = 8

const numbersNested = "a number, or nested lists of numbers of one shape"

// readArray reads a number, a truth value, or nested lists whose rows have one length.
func readArray(field string, raw json.RawMessage) (Array, error) {
	var a Array
	if err := a.read(raw, 0); err != nil {
		return Array{}, fmt.Errorf("field %q: %w, expected %s", field, err, numbersNested)
	}
	return a, nil
}

// ParseArray reads a value as a card and --set write it: a number, a truth value, or nested lists.
func ParseArray(text string) (Array, error) {
	raw, err := readDocument([]byte(text))
	if err != nil {
		return Array{}, fmt.Errorf("found %q, expected %s", text, numbersNested)
	}
	var a Array
	if err := a.read(raw, 0); err != nil {
		return Array{}, fmt.Errorf("%w, expected %s", err, numbersNested)
	}
	return a, nil
}

// read appends the numbers of one list at the given depth. The first list met at each depth settles that axis.
func (a *Array) read(raw json.RawMessage, depth int) error {
	if kind(raw) != aList {
		if depth != len(a.Shape) {
			return fmt.Errorf("found %s beside lists", shown(raw))
		}
		x, ok := number(raw)
		if kind(raw) == aBoolean {
			var truth bool
			if ok = json.Unmarshal(raw, &truth) == nil; truth {
				x = 1
			}
		}
		if !ok {
			return fmt.Errorf("found %s", shown(raw))
		}
		a.Data = append(a.Data, x)
		return nil
	}
	if depth >= maxRank {
		return fmt.Errorf("found lists nested more than %d deep", maxRank)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("found an empty list")
	}
	switch {
	case depth == len(a.Shape) && len(a.Data) > 0:
		return errors.New("found a list beside numbers")
	case depth == len(a.Shape):
		a.Shape = append(a.Shape, len(list))
	case a.Shape[depth] != len(list):
		return fmt.Errorf("found rows of %d and of %d", a.Shape[depth], len(list))
	}
	for _, element := range list {
		if err := a.read(element, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *Card) readConstants(field string, raw json.RawMessage) error {
	members, err := readObject(field, raw)
	if err != nil {
		return err
	}
	constants := make(map[string]Array, len(members))
	for _, m := range members {
		if constants[m.name], err = readArray(within(field, m.name), m.raw); err != nil {
			return err
		}
	}
	c.Constants = constants
	return nil
}
