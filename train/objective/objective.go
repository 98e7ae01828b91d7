package objective

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"odeon/models"
	"odeon/schedule"
)

// An Objective is what a network is trained on. The zero value is conditional flow matching: the velocity on the straight
// path, all times alike, one from each stratum of the batch, data and noise independent.
type Objective struct {
	Path        schedule.Path // nil: schedule.CondOT
	Predictions []Named       // one, or two at once (velocity and score, say); none: the velocity

	// Time is the number that the network is fed, in schedule.TimeVariables(Path). Nil: t; 1-t for a reverse velocity; the
	// index on a discrete path.
	Time *schedule.Formula
	// Scale is what the state is multiplied by before the network sees it. Nil: 1.
	Scale *schedule.Formula

	Weight   Weight   // of the square error: beta^2 for a score, 1 for all else
	Times    Times    // uniform, stratified
	Coupling Coupling // independent

	// Span are the first and the last time to train on. Both zero: the whole path, but for the ends at which the objective does not
	// exist; see Limits.
	Span [2]float64

	DropLabel float64 // the probability with which a sample's label becomes Null, so that guidance works
	Null      int64   // the label that stands for no class
}

// Named is a prediction under the name that a card and a flag call it by: "velocity", or {"data": "a", "noise": "b"}.
type Named struct {
	Name string
	schedule.Prediction
}

// Name is a named prediction for an Objective.
func Name(p schedule.Prediction) Named { return Named{p.String(), p} }

// ParsePredictions reads what a network is to predict along a path: a name, two with a comma between them ("velocity,score"), or
// one functional {"data": "a", "noise": "b"}.
func ParsePredictions(text string, path schedule.Path) ([]Named, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		card, err := models.ParseCard([]byte(`{"prediction": ` + text + `}`))
		if err != nil {
			return nil, err
		}
		p, err := schedule.NewPrediction(card.Prediction.Data, card.Prediction.Noise, path)
		if err != nil {
			return nil, err
		}
		return []Named{{card.Prediction.String(), p}}, nil
	}
	var named []Named
	for name := range strings.SplitSeq(text, ",") {
		p, err := schedule.ParsePrediction(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		named = append(named, Name(p))
	}
	return named, checkPredictions(named)
}

// mostPredictions is how many predictions a sampler reads from one network.
const mostPredictions = 2

func checkPredictions(named []Named) error {
	if len(named) > mostPredictions {
		return fmt.Errorf("found %d predictions, expected one or two: a sampler reads no more from one network", len(named))
	}
	for i, p := range named {
		switch {
		case !p.Valid():
			return errors.New("prediction: none is given; expected velocity, data, noise, score, v, reverse-velocity or a functional")
		case slices.ContainsFunc(named[:i], func(q Named) bool { return q.Name == p.Name }):
			return fmt.Errorf("prediction %s is there twice; a second one must be another, as in velocity,score", p.Name)
		case len(named) > 1 && !isKnown(p.Name):
			return fmt.Errorf("prediction %s beside another: of two predictions both must have a name, as in velocity,score", p.Name)
		}
	}
	return nil
}

func isKnown(name string) bool {
	_, err := schedule.ParsePrediction(name)
	return err == nil
}

// Settled is the objective with its path and its predictions said, where it leaves them to their defaults.
func (o Objective) Settled() Objective {
	if o.Path == nil {
		o.Path = schedule.CondOT()
	}
	if len(o.Predictions) == 0 {
		o.Predictions = []Named{Name(schedule.Velocity)}
	}
	return o
}

// filled is the objective with all its defaults written out.
func (o Objective) filled() Objective {
	o = o.Settled()
	if o.Time == nil {
		o.Time = schedule.MustFormula(defaultTime(o.Path, o.Predictions[0].Prediction), schedule.TimeVariables(o.Path)...)
	}
	if o.Scale == nil {
		o.Scale = schedule.MustFormula("1", schedule.TimeVariables(o.Path)...)
	}
	return o
}

// defaultTime is what a card means that says nothing about time.
func defaultTime(path schedule.Path, p schedule.Prediction) string {
	if _, discrete := path.(*schedule.Discrete); discrete {
		return "index"
	}
	if p.Equal(schedule.ReverseVelocity) {
		return "1-t"
	}
	return "t"
}

// Check says what is wrong with the objective before any data is read. NewBatch checks the same.
func (o Objective) Check() error {
	_, err := o.terms()
	return err
}
