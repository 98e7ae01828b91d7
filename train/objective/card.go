package objective

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"odeon/models"
	"odeon/schedule"
)

// Describe sets the fields of a card that the objective decides: prediction or predictions, path, time, scale, labels.null where labels
// were dropped, and in training the facts of Facts. outputs are the names of the graph's outputs, one for each prediction.
func (o Objective) Describe(card *models.Card, outputs []string) error {
	facts, err := o.Facts()
	if err != nil {
		return err
	}
	o = o.filled()
	if len(outputs) != len(o.Predictions) {
		panic(fmt.Sprintf("objective: %d outputs for %d predictions", len(outputs), len(o.Predictions)))
	}
	card.Prediction, card.Predictions = nil, nil
	if len(o.Predictions) == 1 {
		if card.Prediction, err = o.Predictions[0].card(); err != nil {
			return err
		}
	} else {
		card.Predictions = map[string]string{}
		for k, p := range o.Predictions {
			card.Predictions[p.Name] = outputs[k]
		}
	}
	if card.Path, err = pathJSON(o.Path); err != nil {
		return err
	}
	card.Time, card.Scale = o.Time.String(), ""
	if scale := o.Scale.String(); scale != "1" {
		card.Scale = scale
	}
	if card.Labels != nil && o.DropLabel > 0 {
		labels := *card.Labels
		labels.Null = &models.Null{Index: int(o.Null)}
		card.Labels = &labels
	}
	if card.Training == nil {
		card.Training = map[string]string{}
	}
	for name, fact := range facts {
		card.Training[name] = fact
	}
	return nil
}

// Facts are how the network is trained, as far as the objective says, by the names of train's flags: weight, times, coupling, drop-label,
// and span, the times that were trained on. Each text is one that the parser of its flag reads.
func (o Objective) Facts() (map[string]string, error) {
	t, err := o.terms()
	if err != nil {
		return nil, err
	}
	facts := map[string]string{
		"weight":   t.weightText(),
		"times":    t.Times.String(),
		"coupling": t.Coupling.String(),
		"span":     fmt.Sprintf("%v to %v", t.limits.From, t.limits.To),
	}
	if o.DropLabel > 0 {
		facts["drop-label"] = strconv.FormatFloat(o.DropLabel, 'g', -1, 64)
	}
	return facts, nil
}

// weightText is the weight of the prediction, or those of two.
func (o *terms) weightText() string {
	if len(o.Predictions) == 1 {
		return o.rules[0].String()
	}
	texts := make([]string, len(o.Predictions))
	for k, p := range o.Predictions {
		texts[k] = p.Name + "=" + o.rules[k].String()
	}
	return strings.Join(texts, "; ")
}

// card is the prediction as a card has it: its name, or the functional that the name is the text of.
func (p Named) card() (*models.Prediction, error) {
	if isKnown(p.Name) {
		return &models.Prediction{Name: p.Name}, nil
	}
	card, err := models.ParseCard([]byte(`{"prediction": ` + p.Name + `}`))
	if err != nil {
		return nil, fmt.Errorf("prediction %s: %w", p.Name, err)
	}
	return card.Prediction, nil
}

// pathJSON is a path as a card has it: a name, or an object with the keys of its text.
func pathJSON(path schedule.Path) (json.RawMessage, error) {
	text := path.String()
	if !strings.Contains(text, "=") {
		return json.Marshal(text)
	}
	fields := map[string]json.RawMessage{}
	for part := range strings.SplitSeq(text, ";") {
		key, value, _ := strings.Cut(part, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		raw := json.RawMessage(value)
		if !json.Valid(raw) || key == "alpha" || key == "beta" {
			var err error
			if raw, err = json.Marshal(value); err != nil {
				return nil, err
			}
		}
		fields[key] = raw
	}
	return json.Marshal(fields)
}
