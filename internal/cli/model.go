package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/internal/array"
	"odeon/models"
)

// cardFields are the flags that stand for a field of the card: all of cardFlags but --card.
var cardFields = []string{"prediction", "path", "time", "scale", "start", "shape", "layout", "range", "inputs", "output", "labels", "decoder", "rate", "fps"}

// overrides are the layers that the command line lays over a model's own cards: --card FILE, then the single fields, except those whose
// flag means something else. The fields are read before any file is opened.
func overrides(c *cli.Context, except ...string) ([]models.Layer, error) {
	own := models.Layer{From: "the command line", Card: &models.Card{}, Own: true}
	for _, field := range cardFields {
		if !c.IsSet(field) || slices.Contains(except, field) {
			continue
		}
		if err := own.Card.Set(field, c.String(field)); err != nil {
			return nil, usagef("--%s: %w", field, err)
		}
	}
	var layers []models.Layer
	if c.IsSet("card") {
		layer, err := models.OpenCard(c.String("card"))
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return append(layers, own), nil
}

// openModel finds the model that arg names and reads its graph and its cards. The fields of except are not the old model's.
func openModel(c *cli.Context, arg string, except ...string) (*models.Model, error) {
	layers, err := overrides(c, except...)
	if err != nil {
		return nil, err
	}
	if wantsScheduler(c) {
		layer, err := schedulerLayer(c, arg, layers)
		if err != nil {
			return nil, err
		}
		layers = slices.Insert(layers, 0, *layer)
	}
	model, err := models.Open(arg, layers...)
	if err != nil {
		return nil, err
	}
	return model, onePath(model)
}

// openNetwork is openModel for what is to be walked or rewritten: a compiled file, which samples by itself, is refused.
func openNetwork(c *cli.Context, arg string, except ...string) (*models.Model, error) {
	model, err := openModel(c, arg, except...)
	if err != nil {
		return nil, err
	}
	return model, notCompiled(model)
}

// parseSets reads --set and --set-null: NAME=VALUE, or NAME=@FILE for an array.
func parseSets(c *cli.Context) ([]models.Set, error) {
	var sets []models.Set
	at := map[string]int{}
	for _, flag := range []string{"set", "set-null"} {
		for _, text := range c.StringSlice(flag) {
			name, value, found := strings.Cut(text, "=")
			if !found || name == "" || value == "" {
				return nil, bad("--"+flag, text, "NAME=VALUE or NAME=@FILE.npy")
			}
			a, err := parseValue(flag, name, value)
			if err != nil {
				return nil, err
			}
			i, ok := at[name]
			if !ok {
				i, at[name] = len(sets), len(sets)
				sets = append(sets, models.Set{Name: name})
			}
			into := &sets[i].Value
			if flag == "set-null" {
				into = &sets[i].Null
			}
			if *into != nil {
				return nil, usagef("--%s: %s is given twice", flag, name)
			}
			*into = a
		}
	}
	return sets, nil
}

func parseValue(flag, name, text string) (*models.Array, error) {
	if file, ok := strings.CutPrefix(text, "@"); ok {
		a, err := array.Read(file, name)
		if err != nil {
			return nil, fmt.Errorf("--%s %s: %w", flag, name, err)
		}
		return &models.Array{Shape: a.Shape, Data: a.Float64()}, nil
	}
	a, err := models.ParseArray(text)
	if err != nil {
		return nil, usagef("--%s %s: %w", flag, name, err)
	}
	return &a, nil
}
