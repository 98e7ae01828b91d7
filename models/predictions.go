package models

import (
	"fmt"
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
// computed, and with the learned variance where rows read that. Session and networks are made from the same.
func (r *Resolved) For(plan *sampler.Plan) *Resolved {
	varied := plan.Second == sampler.LearnedVariance
	second := r.Second
	if varied || plan.Second == "" || plan.Second == plan.Prediction {
		second = nil
	}
	if second == r.Second && varied == r.Varied {
		return r
	}
	as := *r
	as.Second, as.Varied = second, varied
	return &as
}

// CanVary says what is missing for a plan that reads the learned variance: channels behind those of the prediction, as many.
func (r *Resolved) CanVary(plan *sampler.Plan) error {
	if plan.Second != sampler.LearnedVariance {
		return nil
	}
	if s := r.Slice; s == nil || s.Channels > 0 && s.next().To > s.Channels {
		return r.noVariance()
	}
	return nil
}

func (r *Resolved) noVariance() error {
	return fmt.Errorf("%s: the scheduler takes the variance from the network (variance_type learned or learned_range), and output %q has no channels for it behind the prediction's; choose another, such as --scheduler-option variance_type=fixed_small, or name the prediction's channels with --output NAME[0:C]",
		r.Model.Path(), r.Output.Name)
}

// next is the range of as many channels behind these.
func (s *Slice) next() *Slice {
	behind := *s
	behind.From, behind.To = s.To, 2*s.To-s.From
	return &behind
}

// outputs are the graph's outputs that are read: that of the prediction, and that of the second one.
func (r *Resolved) outputs() []string {
	if r.Second == nil {
		return []string{r.Output.Name}
	}
	return []string{r.Output.Name, r.Second.Output.Name}
}
