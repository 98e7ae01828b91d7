package objective

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"odeon/schedule"
)

// Weight is the factor w(t) of the square error. The zero value is beta^2 for a score and 1 for every other prediction.
//
// The score -eps/beta has a square error that grows like 1/beta^2 towards the data, so that without a weight the loss is
// nearly all of it at the last times (or infinite); beta^2 makes it the error of the noise (Song and Ermon 2019,
// https://arxiv.org/abs/1907.05600, section 4.2).
type Weight struct {
	rules map[string]rule // by the name of a prediction; "": all that have none
}

// A rule is one weight.
type rule struct {
	text    string // as ParseWeight reads it
	formula *schedule.Formula
	value   func(p schedule.Prediction, pt schedule.Point) float64 // where there is no formula
}

// The rules that have a name.
const (
	uniformName = "uniform"
	minSNRName  = "min-snr"
)

// The defaults.
var (
	uniformRule = rule{text: uniformName, value: func(schedule.Prediction, schedule.Point) float64 { return 1 }}
	scoreRule   = rule{text: "beta^2", value: func(_ schedule.Prediction, pt schedule.Point) float64 { return pt.Beta * pt.Beta }}
)

// minSNR carries min(SNR, gamma) over to whatever is predicted (Hang et al., section 3.4, for noise and v). An error e of the data is an
// error P e of the prediction a z + b eps: at a given x, eps = (x - alpha z)/beta, hence P = a - b alpha/beta and
//
//	w = min(SNR, gamma)/P^2 = min(alpha^2, gamma beta^2)/(alpha b - beta a)^2.
//
// That is min(SNR, gamma) for the data, min(1, gamma/SNR) for the noise, and min(SNR, gamma)/(SNR + 1) for v on a variance
// preserving path. It may be 0/0 at an end, and is not a number there.
func minSNR(gamma float64) rule {
	return rule{
		text: fmt.Sprintf("%s(%v)", minSNRName, gamma),
		value: func(p schedule.Prediction, pt schedule.Point) float64 {
			a, b := p.Weights(pt)
			det := pt.Alpha*b - pt.Beta*a
			return min(pt.Alpha*pt.Alpha, gamma*pt.Beta*pt.Beta) / (det * det)
		},
	}
}

// Uniform is the weight 1 for every prediction.
func Uniform() Weight { return Weight{map[string]rule{"": uniformRule}} }

// MinSNR is the weight min(alpha^2/beta^2, gamma) of the data's square error, for every prediction the one that it comes to there. Hang et
// al. 2023, https://arxiv.org/abs/2303.09556; they take gamma = 5.
func MinSNR(gamma float64) Weight { return Weight{map[string]rule{"": minSNR(gamma)}} }

// weightForms is what messages say a weight may be.
func weightForms(path schedule.Path) string {
	return fmt.Sprintf("uniform, min-snr(5), or a formula in %s such as beta^2", strings.Join(weightVariables(path), ", "))
}

// ParseWeight reads a weight for training along a path: "uniform"; "min-snr(5)"; a formula in t, alpha, beta, sigma, logsnr, dalpha,
// dbeta and betadbeta (index and count too on a discrete path); or one for each of two predictions, "velocity=uniform; score=beta^2".
// An empty text is the default.
func ParseWeight(text string, path schedule.Path) (Weight, error) {
	w := Weight{rules: map[string]rule{}}
	if strings.TrimSpace(text) == "" {
		return Weight{}, nil
	}
	for part := range strings.SplitSeq(text, ";") {
		name, body, named := strings.Cut(part, "=")
		if !named {
			name, body = "", part
		}
		name = strings.TrimSpace(name)
		if _, twice := w.rules[name]; twice {
			return Weight{}, fmt.Errorf("weight %q: two weights for the same prediction; write one for each, velocity=uniform; score=beta^2", text)
		}
		if named {
			if _, err := schedule.ParsePrediction(name); err != nil {
				return Weight{}, fmt.Errorf("weight: %w", err)
			}
		}
		r, err := parseRule(strings.TrimSpace(body), path)
		if err != nil {
			return Weight{}, err
		}
		w.rules[name] = r
	}
	return w, nil
}

func parseRule(text string, path schedule.Path) (rule, error) {
	name, args, isCall, err := parseCall(text)
	if isCall && (name == uniformName || name == minSNRName) {
		switch {
		case err != nil:
			return rule{}, fmt.Errorf("weight %s: %w", text, err)
		case name == uniformName && len(args) == 0:
			return uniformRule, nil
		case name == minSNRName && len(args) == 0:
			return minSNR(5), nil
		case name == minSNRName && len(args) == 1 && args[0] > 0:
			return minSNR(args[0]), nil
		}
		return rule{}, fmt.Errorf("weight %s: expected uniform, or min-snr(gamma) with gamma above 0, as in min-snr(5)", text)
	}
	f, err := schedule.ParseFormula(text, weightVariables(path)...)
	if err != nil {
		return rule{}, unknownOr("weight", text, []string{uniformName, minSNRName}, weightForms(path), err)
	}
	return rule{text: f.String(), formula: f}, nil
}

// rule is the weight of one prediction.
func (w Weight) rule(p Named) rule {
	if r, ok := w.rules[p.Name]; ok {
		return r
	}
	if r, ok := w.rules[""]; ok {
		return r
	}
	if p.Equal(schedule.Score) {
		return scoreRule
	}
	return uniformRule
}

// check: a weight given by name is for a prediction that there is, and formulas are in the path's variables.
func (w Weight) check(predictions []Named, path schedule.Path) error {
	for _, name := range slices.Sorted(maps.Keys(w.rules)) {
		r := w.rules[name]
		if name != "" && !slices.ContainsFunc(predictions, func(p Named) bool { return p.Name == name }) {
			return fmt.Errorf("weight: one is given for %s, which the network does not predict", name)
		}
		if r.formula != nil && !slices.Equal(r.formula.Variables(), weightVariables(path)) {
			return fmt.Errorf("weight %s was read for another kind of path than %s; read it with ParseWeight for this one", r, path)
		}
	}
	return nil
}

// String is the weight as ParseWeight reads it.
func (r rule) String() string { return r.text }

// at is the weight of a prediction's square error at a point of a path; where it is 0/0, at an end, its limit.
func (r rule) at(path schedule.Path, p schedule.Prediction, pt schedule.Point, v *variables) float64 {
	if r.formula != nil {
		var values [10]float64
		return r.formula.Eval(v.weight(&values)...)
	}
	w := r.value(p, pt)
	if !math.IsNaN(w) {
		return w
	}
	inwards := 1e-7
	if pt.T > 0.5 {
		inwards = -inwards
	}
	return r.value(p, path.At(pt.T+inwards))
}
