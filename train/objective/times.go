package objective

import (
	"fmt"
	"math"
	"strings"

	"odeon/schedule"
)

// Times is the law of the times that a network is trained on. The zero value is the uniform law, stratified.
//
// A time is Quantile(u) of a uniform u, laid over the span of times (see Limits). Stratified times (McKay, Beckman and
// Conover 1979; Kingma et al. 2021, https://arxiv.org/abs/2107.00630, appendix I.1) take one u from each of the n intervals
// [i/n, (i+1)/n) for the n samples of a batch, in a random order, so that no sample's place says anything about its time. Each
// time has the law still, but a batch covers it evenly, and the loss's gradient varies less from batch to batch.
type Times struct {
	Name        string                  // as ParseTimes reads it, without independent(...); "" is uniform
	Quantile    func(u float64) float64 // the inverse of the distribution function, from (0, 1) to [0, 1]; nil: u itself
	Independent bool                    // every time drawn by itself, not stratified
}

// LogitNormal is the law of 1/(1 + exp(-(mean + std g))), g standard normal. A positive mean prefers times towards the data. Esser et
// al. 2024, https://arxiv.org/abs/2403.03206, equation 19; their time runs the other way, so that their m is -mean.
func LogitNormal(mean, std float64) Times {
	return Times{
		Name: fmt.Sprintf("%s(%v,%v)", logitNormalName, mean, std),
		Quantile: func(u float64) float64 {
			normal := -math.Sqrt2 * math.Erfcinv(2*u)
			return 1 / (1 + math.Exp(-(mean + std*normal)))
		},
	}
}

const (
	stratifiedName  = "stratified"
	independentName = "independent"
	logitNormalName = "logit-normal"
)

// timesForms is what messages say times may be.
const timesForms = "uniform, logit-normal(0,1), or a formula in u from 0 to 1 such as 1-sqrt(1-u), which are stratified over the batch; " +
	"with independent(...) around it, each time is drawn by itself"

// ParseTimes reads a law of times: "uniform", "logit-normal(mean,std)", a formula of a uniform variable u such as "1-u^2", each of which
// may stand inside "stratified(...)", which is the default, or "independent(...)". An empty text is the default.
func ParseTimes(text string) (Times, error) {
	text = strings.TrimSpace(text)
	for _, how := range []string{stratifiedName, independentName} {
		rest, ok := strings.CutPrefix(text, how)
		rest = strings.TrimSpace(rest)
		if !ok || rest != "" && !(rest[0] == '(' && rest[len(rest)-1] == ')') {
			continue
		}
		law, err := parseLaw(strings.TrimSuffix(strings.TrimPrefix(rest, "("), ")"))
		law.Independent = how == independentName
		return law, err
	}
	return parseLaw(text)
}

func parseLaw(text string) (Times, error) {
	text = strings.TrimSpace(text)
	name, args, isCall, err := parseCall(text)
	switch {
	case text == "" || text == uniformName:
		return Times{}, nil
	case isCall && name == uniformName:
		return Times{}, fmt.Errorf("times %s: uniform takes no numbers; for times from 0.2 to 0.8, say, write 0.2+0.6*u", text)
	case isCall && name == logitNormalName:
		switch {
		case err != nil:
			return Times{}, fmt.Errorf("times %s: %w", text, err)
		case len(args) == 0:
			args = []float64{0, 1}
		case len(args) != 2 || args[1] <= 0:
			return Times{}, fmt.Errorf("times %s: expected a mean and a standard deviation above 0, as in logit-normal(0,1)", text)
		}
		return LogitNormal(args[0], args[1]), nil
	}
	f, err := schedule.ParseFormula(text, "u")
	if err != nil {
		return Times{}, unknownOr("times", text, []string{uniformName, logitNormalName, stratifiedName, independentName}, timesForms, err)
	}
	t := Times{Name: f.String(), Quantile: func(u float64) float64 { return f.Eval(u) }}
	return t, t.check()
}

// check: the law gives times from 0 to 1, but for rounding.
func (l Times) check() error {
	if l.Quantile == nil {
		return nil
	}
	const checked = 4096
	for i := range checked {
		u := (float64(i) + 0.5) / checked
		if t := l.Quantile(u); !(t >= -1e-12 && t <= 1+1e-12) {
			return fmt.Errorf("times %s: it is %.6g at u=%.6g; expected a time from 0 to 1 for every u between 0 and 1", l.Name, t, u)
		}
	}
	return nil
}

// at is the time, from 0 to 1, of a uniform u.
func (l Times) at(u float64) float64 {
	if l.Quantile == nil {
		return u
	}
	return min(max(l.Quantile(u), 0), 1)
}

// String is the law as ParseTimes reads it, with its default written out.
func (l Times) String() string {
	name, how := l.Name, stratifiedName
	if name == "" {
		name = uniformName
	}
	if l.Independent {
		how = independentName
	}
	return how + "(" + name + ")"
}

// stratify turns the numbers u of a batch, drawn by themselves, into those of its strata: sample i gets stratum order[i]. The order is
// shuffled by the numbers keys (Fisher and Yates; Durstenfeld 1964).
func stratify(u, keys []float64, order []int) {
	for i := range order {
		order[i] = i
	}
	for i := len(order) - 1; i > 0; i-- {
		j := int(keys[i] * float64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	for i, stratum := range order {
		u[i] = (float64(stratum) + u[i]) / float64(len(u))
	}
}
