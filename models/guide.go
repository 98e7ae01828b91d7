package models

import (
	"fmt"
	"math"
	"slices"

	"odeon/sampler"
	"odeon/schedule"
)

// GuidedBy says what keeps another network from guiding this one on a plan ([sampler.Autoguided]): its data have the same shape, lie along
// the same path, and are of the same classes, where it takes any. What it predicts, how it is told the time and how its inputs are called
// is its own affair, as long as the one prediction can be had from the other wherever the walk is guided.
func (r *Resolved) GuidedBy(guide *Resolved, plan *sampler.Plan, g sampler.Guidance) error {
	if err := guide.Err("prediction", "path", "time", "scale", "start"); err != nil {
		return err
	}
	const same = "give a network of the same data"
	switch own, other := r.Path.String(), guide.Path.String(); {
	case plan.Second == sampler.LearnedVariance:
		return fmt.Errorf("%s: the scheduler takes the variance from the network (variance_type learned or learned_range), and a guide has no say in it; choose another, such as --scheduler-option variance_type=fixed_small",
			r.Model.Path())
	case plan.Second != "":
		return fmt.Errorf("%s: the plan reads two predictions, %s and %s, and a guide gives one; give --prediction %s, from which the other is converted, or --sigma 0",
			r.Model.Path(), plan.Prediction, plan.Second, plan.Prediction)
	case own != other:
		return fmt.Errorf("%s: found the path %s, expected that of %s, %s; odeon convert %s OUT.onnx --path moves it there",
			guide.Model.Path(), brief(other), r.Model.Path(), brief(own), guide.Model.Path())
	case r.Shape != nil && guide.Shape != nil && !slices.Equal(r.Shape, guide.Shape):
		return fmt.Errorf("%s: found samples of shape %v, expected %v, as of %s; %s", guide.Model.Path(), guide.Shape, r.Shape, r.Model.Path(), same)
	case guide.Label != nil && r.Label == nil:
		return fmt.Errorf("%s: it takes a class, and %s, which it is to guide, takes none; %s", guide.Model.Path(), r.Model.Path(), same)
	case guide.Label != nil && r.Labels.Count > 0 && guide.Labels.Count > 0 && r.Labels.Count != guide.Labels.Count:
		return fmt.Errorf("%s: found %d classes, expected %d, as of %s; %s", guide.Model.Path(), guide.Labels.Count, r.Labels.Count, r.Model.Path(), same)
	}
	whole := guide.Sampling().Integer
	for i := range plan.Rows {
		row := &plan.Rows[i]
		if g.Evaluations(row) < 2 {
			continue
		}
		if _, err := schedule.Convert(r.Path, guide.Prediction, r.Prediction, row.T); err != nil {
			return fmt.Errorf("%s: its prediction is converted to that of %s: %w; begin or end elsewhere (--t-start, --t-end), or guide where it exists (--guidance-interval)", guide.Model.Path(), r.Model.Path(), err)
		}
		if whole && row.Index != nil && *row.Index != math.Trunc(*row.Index) {
			return fmt.Errorf("%s: it takes whole numbers for its time, and step %d calls it at index %g; step at trained indices, with --grid trailing or --indexes", guide.Model.Path(), row.Step, *row.Index)
		}
	}
	return nil
}

// Away says in words what guidance leads away from: a class, or a weaker network; "" where that is the unconditional half.
func (r *Resolved) Away() string {
	switch {
	case r.Guide != nil:
		return " away from " + r.Guide.Model.Path()
	case r.Negative != nil:
		return " away from " + r.Labels.Title(*r.Negative)
	}
	return ""
}

// brief keeps the beginning of a path's text, which may list hundreds of numbers.
func brief(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}
