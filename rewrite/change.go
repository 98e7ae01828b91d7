package rewrite

import (
	"fmt"
	"math"
	"slices"

	"odeon/models"
	"odeon/schedule"
)

// change is a network seen as another: predicting something else, maybe along another path.
type change struct {
	own, onto   schedule.Path
	across      bool // the paths differ
	from        schedule.Prediction
	to          []schedule.Prediction
	solutions   []schedule.Symbolic // of to
	time, scale *schedule.Formula   // of the network's own card, in the variables of its own path
	integer     bool                // the network takes its time as a whole number
	inverted    *inverse            // of own; see inverse
}

// newChange reads what is asked of a resolved network. Its predictions are given in the variables of the new path.
func newChange(r *models.Resolved, to []models.Prediction, onto schedule.Path) (*change, error) {
	c := &change{
		own: r.Path, onto: onto, across: r.Path.String() != onto.String(), from: r.Prediction,
		time: r.Time, scale: r.Scale, integer: r.Clock != nil && r.Clock.Type.IsInteger(),
	}
	if c.time == nil {
		c.time = schedule.MustFormula(r.TimeText(), schedule.TimeVariables(c.own)...)
	}
	for _, p := range to {
		target, err := predictionOn(p, onto)
		if err != nil {
			return nil, err
		}
		c.to = append(c.to, target)
		c.solutions = append(c.solutions, schedule.Symbolize(c.from, target, c.across, nil))
	}
	return c, nil
}

func predictionOn(p models.Prediction, path schedule.Path) (schedule.Prediction, error) {
	if p.Name != "" {
		return schedule.ParsePrediction(p.Name)
	}
	return schedule.NewPrediction(p.Data, p.Noise, path)
}

// inverse is that of the network's own path.
func (c *change) inverse() inverse {
	if c.inverted == nil {
		i := invert(c.own)
		c.inverted = &i
	}
	return *c.inverted
}

// none says whether the network is already what is asked for.
func (c *change) none() bool { return !c.across && len(c.to) == 1 && c.to[0].Equal(c.from) }

// moment is what a converted network does at a time: it feeds its own network the number input and the state multiplied by scale,
// and turns what that gives, p, into X x + P p for each of its predictions.
type moment struct {
	input, scale float64
	to           []schedule.Conversion
}

// at is the moment at a time of the new path, in float64 and with the limits at the path's ends: what the nodes are measured by.
func (c *change) at(t float64) (moment, error) {
	point := c.onto.At(t)
	own, ratio := point, 1.
	if c.across {
		own = c.own.At(schedule.TimeAt(c.own, point.LogSNR()))
		ratio = math.Hypot(own.Alpha, own.Beta) / math.Hypot(point.Alpha, point.Beta)
	}
	values := schedule.TimeValues(nil, own)
	m := moment{input: c.time.Eval(values...), scale: ratio}
	if c.scale != nil {
		m.scale *= c.scale.Eval(values...)
	}
	if c.integer {
		m.input = math.RoundToEven(m.input)
	}
	if !finite(m.input, m.scale) {
		return m, fmt.Errorf("at t=%.6g the network's time input would be %v and its scale %v", t, m.input, m.scale)
	}
	for i, to := range c.to {
		var q schedule.Conversion
		var err error
		if c.across {
			q, err = c.convertAcross(i, t, own, point, ratio)
		} else {
			q, err = schedule.Convert(c.own, c.from, to, t)
		}
		if err != nil {
			return m, err
		}
		m.to = append(m.to, q)
	}
	return m, nil
}

// convertAcross is the conversion from the network's prediction at a point of its own path to prediction i at a point of the
// new one. Where the network's path has no noise left, data and eps/beta are the unknowns, as in [schedule.Convert].
func (c *change) convertAcross(i int, t float64, own, point schedule.Point, ratio float64) (schedule.Conversion, error) {
	x, p := evaluate(c.solutions[i], point, own)
	if !finite(x, p) && own.Beta == 0 {
		a, w := c.from.ScoreWeights(own)
		data, noise := c.to[i].Weights(point)
		_, scaled := c.to[i].ScoreWeights(point)
		v := scaled * ratio // noise weight times the network's beta, which is ratio times the path's
		if finite(noise) {
			v = 0
		}
		det := own.Alpha * w
		x, p = (data*w-v*a)/det, own.Alpha*v/det
	}
	if !finite(x, p) {
		return schedule.Conversion{}, fmt.Errorf("%s on path %s cannot be had from %s on path %s at t=%.6g, where alpha is %.4g and beta %.4g (%.4g and %.4g on the network's own path)",
			c.to[i], pathText(c.onto), c.from, pathText(c.own), t, point.Alpha, point.Beta, own.Alpha, own.Beta)
	}
	return schedule.Conversion{X: x * ratio, P: p}, nil
}

// evaluate is a conversion as its formulas give it at a point of the path, and of the network's own.
func evaluate(s schedule.Symbolic, point, own schedule.Point) (x, p float64) {
	plain, suffixed := schedule.WeightValues(point), schedule.WeightValues(own)
	values := append(slices.Concat(plain[:], suffixed[:]), math.NaN())
	if s.Det != nil {
		values[len(values)-1] = s.Det.Eval(values...)
	}
	return s.X.Eval(values...), s.P.Eval(values...)
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// pathText is the path as people read it: a long table is named by its length.
func pathText(path schedule.Path) string {
	text := path.String()
	if d, ok := path.(*schedule.Discrete); ok && len(text) > 60 {
		return fmt.Sprintf("(a table of %d)", d.Count())
	}
	return text
}
