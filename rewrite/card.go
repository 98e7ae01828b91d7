package rewrite

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"odeon/models"
	"odeon/schedule"
)

// card is the new network's card: what it predicts, along which path, how it is fed, and all of the old one that is still true.
func (w *writer) card(outputs []string, predictions []models.Prediction, path json.RawMessage) *models.Card {
	card := *w.r.Card
	card.Network = ""
	card.Path, card.Time, card.Scale = path, clockOf(w.c.onto), ""
	card.Inputs = models.Inputs{State: w.state, Time: w.clock}
	if w.clock == "" {
		card.Time = ""
	}
	if w.r.Label != nil {
		card.Inputs.Label = w.r.Label.Name
	}
	card.Prediction, card.Predictions, card.Output = nil, nil, nil
	if len(predictions) == 1 {
		card.Prediction = &predictions[0]
		card.Output = &models.Output{Name: outputs[0]}
	} else {
		card.Predictions = map[string]string{}
		for i, p := range predictions {
			card.Predictions[p.Name] = outputs[i]
		}
	}
	if w.c.across {
		card.Start = ""
		card.Sampling = w.c.sampling(card.Sampling)
	}
	if !w.c.from.Equal(w.c.to[0]) { // it is of the deviations of what was predicted
		card.Sampling = slices.DeleteFunc(slices.Clone(card.Sampling), func(s models.Setting) bool { return s.Flag == "guidance-rescale" })
	}
	return &card
}

// sampling is what of a card's defaults holds along the new path: not what names steps or noise of the old one. Times move along. The walk
// starts where the network's own path does, in the state in which the old walk started.
func (c *change) sampling(old models.Sampling) models.Sampling {
	_, discrete := c.onto.(*schedule.Discrete)
	gone := []string{"indexes", "end-index", "sigma"}
	start := c.genuine().From
	var kept models.Sampling
	for _, s := range old {
		var a, b float64
		switch {
		case s.Flag == "t-start":
			fmt.Sscanf(s.Text, "%g", &a)
			start = max(start, c.moved(a))
		case slices.Contains(gone, s.Flag):
		case s.Flag == "guidance" && !isNumber(s.Text): // a formula in the variables of the old path
		case s.Flag == "grid" && (strings.HasPrefix(s.Text, "list") || !discrete && slices.Contains([]string{"leading", "trailing", "linspace"}, s.Text)):
		case s.Flag == "t-end":
			fmt.Sscanf(s.Text, "%g", &b)
			kept = append(kept, setting(s.Flag, fmt.Sprint(c.moved(b)))...)
		case s.Flag == "guidance-interval":
			fmt.Sscanf(s.Text, "%g,%g", &a, &b)
			kept = append(kept, setting(s.Flag, fmt.Sprintf("[%.9g, %.9g]", c.moved(a), c.moved(b)))...)
		default:
			kept = append(kept, s)
		}
	}
	if start > 0 && !discrete {
		kept = append(kept, setting("t-start", fmt.Sprint(math.Ceil(start*1e6)/1e6))...)
	}
	return kept
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// moved is the time of the new path at which the noise level is that of the old path's time.
func (c *change) moved(t float64) float64 {
	return schedule.TimeAt(c.onto, c.own.At(t).LogSNR())
}

// setting is a default for a flag as a card writes it.
func setting(flag, value string) models.Sampling {
	card, err := models.ParseCard(fmt.Appendf(nil, `{"sampling": {%q: %s}}`, flag, value))
	if err != nil {
		return nil
	}
	return card.Sampling
}
