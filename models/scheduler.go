package models

import (
	"encoding/json"
	"fmt"
	"slices"

	"odeon/diffusers"
	"odeon/schedule"
)

// SchedulerLayer is the card of a diffusers scheduler: along which path its network was trained, and what it predicts. Where it steps is
// no matter of a card.
func SchedulerLayer(from string, s *diffusers.Scheduler) (Layer, error) {
	model, err := s.Model()
	if err != nil {
		return Layer{}, fmt.Errorf("%s: %w", from, err)
	}
	path, err := json.Marshal(model.Path.String())
	if err != nil {
		return Layer{}, fmt.Errorf("%s: %w", from, err)
	}
	prediction := Prediction{Name: model.Prediction.String()}
	if _, err := schedule.ParsePrediction(prediction.Name); err != nil {
		data, noise := model.Prediction.Formulas()
		prediction = Prediction{Data: data.String(), Noise: noise.String()}
	}
	// Time and scale are said in any case, in place of those of a card below: for a network with one of diffusers' tables, index and 1.
	card := &Card{Path: path, Prediction: &prediction, Time: "index", Scale: "1"}
	if model.Time != nil {
		card.Time = model.Time.String()
	}
	if model.Scale != nil {
		card.Scale = model.Scale.String()
	}
	return Layer{From: from, Card: card, Scheduler: s}, nil
}

// schedules says whether the layer is a scheduler's.
func (l Layer) schedules() bool { return l.Scheduler != nil }

// lastScheduler keeps the last of several schedulers' layers: one takes the place of another as a whole.
func lastScheduler(layers []Layer) ([]Layer, *diffusers.Scheduler) {
	var last *diffusers.Scheduler
	kept := slices.Clone(layers)
	for i := len(kept) - 1; i >= 0; i-- {
		switch {
		case !kept[i].schedules():
		case last == nil:
			last = kept[i].Scheduler
		default:
			kept = slices.Delete(kept, i, i+1)
		}
	}
	return kept, last
}
