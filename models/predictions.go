package models

import (
	"slices"

	"odeon/sampler"
	"odeon/schedule"
)

// Second is a second prediction, for which the network has an output of its own. With velocity and score, the SDE is walked with
// both and without a conversion.
type Second struct {
	Prediction schedule.Prediction
	Output     Port
}

// resolvePredictions takes the two of a card's predictions that count: first the velocity, else the first there is of data,
// noise, score, v and reverse-velocity; second the score, else the next of them.
func (r *Resolved) resolvePredictions() {
	names := r.Card.byUse()
	r.Prediction, _ = schedule.ParsePrediction(names[0]) // the card was read with known names
	if len(names) == 1 {
		return
	}
	second, _ := schedule.ParsePrediction(names[1])
	r.Second = &Second{Prediction: second}
	if len(names) > 2 {
		r.guess("of the network's %d predictions %s and %s are used", len(names), names[0], names[1])
	}
}

// byUse are the card's predictions in the order in which they count: the first, the second, and those that go unused.
func (c *Card) byUse() []string {
	var names []string
	for _, p := range schedule.Predictions() {
		if _, has := c.Predictions[p.String()]; has {
			names = append(names, p.String())
		}
	}
	if i := slices.Index(names, schedule.Score.String()); i > 1 {
		names = slices.Insert(slices.Delete(names, i, i+1), 1, schedule.Score.String())
	}
	return names
}

// chooseFrom completes one prediction from a card that named several: a later word that names the prediction alone means the
// output that was given to it, and one that names the output alone means what that was said to predict.
func (c *Card) chooseFrom(several map[string]string) bool {
	out := Output{}
	if c.Output != nil {
		out = *c.Output
	}
	switch {
	case c.Prediction != nil && out.Name == "" && several[c.Prediction.Name] != "":
		out.Name = several[c.Prediction.Name]
		c.Output = &out
		return true
	case c.Prediction == nil && out.Name != "":
		for name, output := range several {
			if output == out.Name {
				c.Prediction = &Prediction{Name: name}
				return true
			}
		}
	}
	return false
}

// For is the model as a plan calls it: without the second prediction where no row reads it, so that its output is not
// computed. Session and networks are made from the same.
func (r *Resolved) For(plan *sampler.Plan) *Resolved {
	if plan.Second != "" || r.Second == nil {
		return r
	}
	first := *r
	first.Second = nil
	return &first
}

// outputs are the graph's outputs that are read: that of the prediction, and that of the second one.
func (r *Resolved) outputs() []string {
	if r.Second == nil {
		return []string{r.Output.Name}
	}
	return []string{r.Output.Name, r.Second.Output.Name}
}
