package train

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"odeon/models"
	"odeon/onnx"
	"odeon/schedule"
)

// model is the network so far as a file: the averaged weights, the card inside. A network to be looked at is shown undecoded, since the
// decoder comes to lie beside the file in the end.
func (r *run) model(decoder bool) (*onnx.Graph, error) {
	m, err := r.net.model(r.trainer.layout.weights(r.trainer.best()))
	if err != nil {
		return nil, err
	}
	card, err := r.card()
	if err != nil {
		return nil, err
	}
	if !decoder {
		card.Decoder = nil
	}
	text, err := json.Marshal(card)
	if err != nil {
		return nil, err
	}
	m.DropMeta(models.CardKey)
	m.Meta(models.CardKey, string(text))
	return m, nil
}

// card says what the network is.
func (r *run) card() (*models.Card, error) {
	card := r.Metadata
	if tuned, ok := r.net.(*tuned); ok {
		card = *tuned.card(card)
	} else if err := r.describe(&card); err != nil {
		return nil, err
	}
	facts := maps.Clone(r.words)
	maps.Copy(facts, map[string]string{
		"data": dataName(r.Data.String()), "net": r.net.String(), "parameters": fmt.Sprint(r.facts.Parameters),
		"steps": fmt.Sprint(r.step), "batch": fmt.Sprint(r.Batch), "optimizer": r.optimizer.String(), "rate": fmt.Sprint(r.Rate),
		"schedule": r.shape.String(), "ema": fmt.Sprint(r.EMA), "clip-norm": fmt.Sprint(r.ClipNorm), "seed": fmt.Sprint(r.Seed),
		"loss": fmt.Sprintf("%.5g", r.history.Smooth),
	})
	if v := r.history.last(); v != nil {
		facts["validation loss"] = fmt.Sprintf("%.5g", v.Loss)
	}
	card.Training = facts
	return &card, nil
}

// describe is the card of a network made here: what it predicts as the objective says, what it is about as the data says.
func (r *run) describe(card *models.Card) error {
	set := r.Data
	card.Layout, card.Range, card.Vocabulary = set.Layout(), set.Range(), set.Vocabulary()
	card.Inputs = models.Inputs{State: "x", Time: "t"}
	if rate := set.Rate(); rate > 0 {
		card.Rate = &rate
	}
	if l := set.Labels(); l != nil {
		card.Inputs.Label = "label"
		card.Labels = &models.Labels{Count: l.Count, Names: slices.Clone(l.Names), Encoding: models.Index}
	}
	outputs := make([]string, len(r.objective.Predictions))
	for i, p := range r.objective.Predictions {
		outputs[i] = outputName(p.Name)
	}
	if err := r.objective.Describe(card, outputs); err != nil {
		return err
	}
	if card.Sampling != nil {
		return nil
	}
	var err error
	card.Sampling, err = usualSampling(r)
	return err
}

// usualSampling is how samples of the network come out well with no flag at all: steps enough, points enough for a plot, and guidance for
// pictures of classes.
func usualSampling(r *run) (models.Sampling, error) {
	settings := map[string]any{}
	if r.Data.Layout() == models.Points {
		settings["count"] = 2000
		if _, discrete := r.objective.Path.(*schedule.Discrete); !discrete {
			settings["steps"] = 100
		}
	}
	if r.objective.DropLabel > 0 && r.Data.Range() != nil {
		settings["guidance"] = 2
	}
	text, err := json.Marshal(map[string]any{"sampling": settings})
	if err != nil {
		return nil, err
	}
	card, err := models.ParseCard(text)
	if err != nil {
		return nil, err
	}
	return card.Sampling, nil
}

// dataName is what is told of the data, without the folders in which it lies on this machine.
func dataName(text string) string {
	name, rest, found := strings.Cut(text, ": ")
	if !found {
		return text
	}
	return filepath.Base(name) + ": " + rest
}

// outputName is the name of the output for a prediction; a functional of the user's own has braces in its name.
func outputName(prediction string) string {
	if _, err := schedule.ParsePrediction(prediction); err != nil {
		return "prediction"
	}
	return prediction
}

// write writes the file, and tells what there is to say about it.
func (r *run) write() (notes []string, err error) {
	m, err := r.model(true)
	if err != nil {
		return nil, err
	}
	for _, file := range r.decoder {
		if err := file.Write(); err != nil {
			return nil, fmt.Errorf("decoder: %w", err)
		}
	}
	if !r.Float16 {
		err := m.WriteFile(r.Out, onnx.WriteOptions{})
		return m.Warnings(), err
	}
	// Those weights change their type that come from a file.
	file, err := m.Bytes()
	if err != nil {
		return nil, err
	}
	source, err := onnx.SourceBytes(file, r.Out)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	m = onnx.Extend(source)
	err = m.WriteFile(r.Out, onnx.WriteOptions{Weights: onnx.Float16Weights})
	return m.Warnings(), err
}

// finite is an error where a weight is not.
func finite(weights []float32) error {
	for _, w := range weights {
		if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("a weight of the network is %v", w)
		}
	}
	return nil
}
