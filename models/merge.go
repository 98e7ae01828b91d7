package models

import (
	"maps"
	"reflect"
	"strings"

	"odeon/diffusers"
)

// Layer is one card and where it came from.
type Layer struct {
	From string // for messages: "card digits.odeon.json", "the command line"
	Card *Card
	Dir  string // what the card's file names are relative to; "" where they can only be beside the network
	Own  bool   // the user's own words: their file names may lead anywhere, a card's must stay inside its folder

	Scheduler *diffusers.Scheduler // the diffusers scheduler whose card this is; nil: a card like any other
}

// Merge lays cards over each other: a field of a later layer overrides that of an earlier one. Fields that hold named
// things (inputs, constants, labels, decoder, sampling) are merged name by name. From tells for each field that is set which
// layer said it last.
func Merge(layers ...Layer) (card *Card, from map[string]string) {
	card, from = new(Card), map[string]string{}
	var several map[string]string
	for _, layer := range layers {
		if layer.Card == nil {
			continue
		}
		if layer.Card.Predictions != nil {
			several = layer.Card.Predictions
		}
		for _, field := range card.overlay(layer.Card) {
			from[field] = layer.From
		}
	}
	if card.Predictions == nil && card.chooseFrom(several) {
		for _, field := range []string{"prediction", "output"} {
			if from[field] == "" {
				from[field] = from["predictions"]
			}
		}
	}
	return card, from
}

// overlay lays over onto c and names the fields that it set.
func (c *Card) overlay(over *Card) (fields []string) {
	before := *c
	*c = merged(before, *over)
	source := reflect.ValueOf(*over)
	for i := range source.NumField() {
		if !source.Field(i).IsZero() {
			name, _, _ := strings.Cut(source.Type().Field(i).Tag.Get("json"), ",")
			fields = append(fields, name)
		}
	}
	c.Inputs = merged(before.Inputs, over.Inputs)
	c.Labels = mergedPointer(before.Labels, over.Labels)
	c.Decoder = mergedPointer(before.Decoder, over.Decoder)
	c.Sampling = before.Sampling.merge(over.Sampling)
	if before.Constants != nil && over.Constants != nil {
		c.Constants = maps.Clone(before.Constants)
		maps.Copy(c.Constants, over.Constants)
	}
	// One network has either one prediction or several; the later word counts.
	if over.Prediction != nil || over.Output != nil {
		c.Predictions = nil
	}
	if over.Predictions != nil {
		c.Prediction, c.Output = nil, nil
	}
	return fields
}

// merged takes each field of over that is set, and base's others.
func merged[T any](base, over T) T {
	to, source := reflect.ValueOf(&base).Elem(), reflect.ValueOf(over)
	for i := range source.NumField() {
		if !source.Field(i).IsZero() {
			to.Field(i).Set(source.Field(i))
		}
	}
	return base
}

func mergedPointer[T any](base, over *T) *T {
	switch {
	case over == nil:
		return base
	case base == nil:
		return over
	}
	both := merged(*base, *over)
	return &both
}
