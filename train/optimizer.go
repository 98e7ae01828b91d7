package train

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An Optimizer turns gradients into new weights. What it is made of are numbers and a Rule; the named ones, [Adam], [AdamW],
// [Lion] and [SGD], may be changed field by field.
type Optimizer struct {
	Name         string
	Rate         float64 // greatest rate where Settings give none
	Beta1, Beta2 float64
	Eps          float64
	Decay        float64 // of the weights, apart from the gradient: theta is multiplied by 1 - rate Decay
	Rule         *Rule
}

// A Rule is how an optimizer goes from one step to the next.
type Rule struct {
	// Moments is how many numbers are carried from step to step for each weight. They begin as zeros.
	Moments int
	// At is the update of step k = 1, 2, ... with the rate of that step. What does not depend on the weights is worked out here,
	// in float64.
	At func(o Optimizer, k int, rate float64) Update
}

// An Update changes a stretch of weights, their moments and their average in one pass: what counts is how often memory is
// walked through.
type Update func(s Stretch)

// A Stretch is a part of the long vectors that an update works on; all have one length.
type Stretch struct {
	Weights  []float32
	Gradient []float32 // to be multiplied by Clip
	Moments  [][]float32
	Average  []float32 // goes the share Towards of the way to the new weights. Without one: the weights themselves
	Clip     float32
	Towards  float32
}

// The optimizers by their names. Rates are those at which most networks learn fast and still steadily.
var (
	// Adam is Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, algorithm 1.
	Adam = Optimizer{Name: "adam", Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Rule: &adam}
	// AdamW is Adam with decay of the weights apart from the gradient: Loshchilov and Hutter 2019,
	// https://arxiv.org/abs/1711.05101, algorithm 2.
	AdamW = Optimizer{Name: "adamw", Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Decay: 0.01, Rule: &adam}
	// Lion is Chen et al. 2023, https://arxiv.org/abs/2302.06675, algorithm 2: every weight moves by the rate itself, which
	// therefore is a tenth of Adam's.
	Lion = Optimizer{Name: "lion", Rate: 1e-4, Beta1: 0.9, Beta2: 0.99, Rule: &lion}
	// SGD is stochastic gradient descent with momentum, m' = beta1 m + g and theta' = theta - rate m', as PyTorch has it.
	SGD = Optimizer{Name: "sgd", Rate: 1e-2, Beta1: 0.9, Rule: &sgd}
)

// Optimizers lists the named optimizers.
func Optimizers() []Optimizer { return []Optimizer{Adam, AdamW, Lion, SGD} }

// tiny is added to a moment and taken away again: what is smaller than its last digit, 1e-32, becomes that or zero, and all above
// 1e-17 stays what it is. The moment of a weight that has no gradient any more would else fall until it is no normal number, and
// computing with such is a hundred times as slow.
const tiny = 1e-25

// adam: with m = (1-b1) M and v = (1-b2) V, the algorithm's
//
//	m' = b1 m + (1-b1) g
//	v' = b2 v + (1-b2) g^2
//	theta' = theta - rate m'/(1-b1^k) / (sqrt(v'/(1-b2^k)) + eps)
//
// is M' = b1 M + g, V' = b2 V + g^2, theta' = theta - a M'/(sqrt(V') + e), where c = sqrt((1-b2)/(1-b2^k)),
// a = rate (1-b1)/(1-b1^k)/c and e = eps/c.
var adam = Rule{
	Moments: 2,
	At: func(o Optimizer, k int, rate float64) Update {
		c := math.Sqrt((1 - o.Beta2) / -math.Expm1(float64(k)*math.Log(o.Beta2)))
		step := &adamStep{
			b1: float32(o.Beta1), b2: float32(o.Beta2), e: float32(o.Eps / c), keep: float32(1 - rate*o.Decay),
			a: float32(rate * (1 - o.Beta1) / (1 - math.Pow(o.Beta1, float64(k))) / c),
		}
		return func(s Stretch) { step.from(step.vectors(&s), s) }
	},
}

// adamStep is the numbers of a step.
type adamStep struct{ b1, b2, e, a, keep float32 }

// from updates the weights from number i on. Every product is rounded before it is added to: the processor must not fuse the two, for a
// network to come out the same on all of them.
func (c *adamStep) from(i int, s Stretch) {
	n := len(s.Gradient)
	weights, average, first, second := s.Weights[:n], s.Average[:n], s.Moments[0][:n], s.Moments[1][:n]
	for ; i < n; i++ {
		g := s.Gradient[i] * s.Clip
		m := float32(c.b1*first[i]) + g + tiny - tiny
		v := float32(g*g) + float32(c.b2*second[i]) + tiny - tiny
		w := float32(c.keep*weights[i]) - float32(c.a*m)/(float32(math.Sqrt(float64(v)))+c.e)
		first[i], second[i], weights[i] = m, v, w
		average[i] += float32(s.Towards * (w - average[i]))
	}
}

// lion: with m = (1-b2) M, the algorithm's
//
//	theta' = theta - rate sign(b1 m + (1-b1) g)
//	m' = b2 m + (1-b2) g
//
// is theta' = theta - rate sign(b1 (1-b2)/(1-b1) M + g), M' = b2 M + g.
var lion = Rule{
	Moments: 1,
	At: func(o Optimizer, _ int, rate float64) Update {
		b1, b2 := float32(o.Beta1*(1-o.Beta2)/(1-o.Beta1)), float32(o.Beta2)
		a, keep := float32(rate), float32(1-rate*o.Decay)
		return func(s Stretch) {
			clip, towards, n := s.Clip, s.Towards, len(s.Gradient)
			weights, average, moment := s.Weights[:n], s.Average[:n], s.Moments[0][:n]
			for i, g := range s.Gradient {
				g *= clip
				w := float32(keep * weights[i])
				switch direction := float32(b1*moment[i]) + g; {
				case direction > 0:
					w -= a
				case direction < 0:
					w += a
				}
				moment[i] = float32(b2*moment[i]) + g + tiny - tiny
				weights[i] = w
				average[i] += float32(towards * (w - average[i]))
			}
		}
	},
}

var sgd = Rule{
	Moments: 1,
	At: func(o Optimizer, _ int, rate float64) Update {
		b1, a, keep := float32(o.Beta1), float32(rate), float32(1-rate*o.Decay)
		return func(s Stretch) {
			clip, towards, n := s.Clip, s.Towards, len(s.Gradient)
			weights, average, moment := s.Weights[:n], s.Average[:n], s.Moments[0][:n]
			for i, g := range s.Gradient {
				m := float32(b1*moment[i]) + float32(clip*g) + tiny - tiny
				w := float32(keep*weights[i]) - float32(a*m)
				moment[i], weights[i] = m, w
				average[i] += float32(towards * (w - average[i]))
			}
		}
	},
}

// ParseOptimizer reads an optimizer as it is written on the command line: its name, and numbers that are to differ from its
// own by their names: "adam", "adamw(decay=0.1)", "adam(beta1=0.9, beta2=0.99, eps=1e-8)". "" is Adam.
func ParseOptimizer(text string) (Optimizer, error) {
	name, rest, brackets := strings.Cut(strings.TrimSpace(text), "(")
	name = strings.TrimSpace(name)
	if name == "" && !brackets {
		return Adam, nil
	}
	all := Optimizers()
	i := slices.IndexFunc(all, func(o Optimizer) bool { return o.Name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, o := range all {
			names[i] = o.Name
		}
		return Optimizer{}, fmt.Errorf("unknown optimizer %q; there are %s", name, strings.Join(names, ", "))
	}
	o := all[i]
	if !brackets {
		return o, nil
	}
	rest, closed := strings.CutSuffix(rest, ")")
	if !closed {
		return Optimizer{}, fmt.Errorf("optimizer %q: a closing bracket is missing", text)
	}
	below1 := func(x float64) bool { return x >= 0 && x < 1 }
	numbers := map[string]struct {
		value    *float64
		valid    func(float64) bool
		expected string
	}{
		"beta1": {&o.Beta1, below1, "0 or more and less than 1"},
		"beta2": {&o.Beta2, func(x float64) bool { return x > 0 && x < 1 }, "between 0 and 1"},
		"eps":   {&o.Eps, func(x float64) bool { return x > 0 && x <= 1 }, "above 0 and at most 1"},
		"decay": {&o.Decay, below1, "0 or more and less than 1"},
	}
	for item := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(item, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		number, known := numbers[key]
		if !known {
			return Optimizer{}, fmt.Errorf("optimizer %q: found %q, expected beta1=, beta2=, eps= or decay= and a number", text, strings.TrimSpace(item))
		}
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || !number.valid(x) {
			return Optimizer{}, fmt.Errorf("optimizer %q: found %s=%s, expected a number %s", text, key, value, number.expected)
		}
		*number.value = x
	}
	return o, nil
}

// String is the text that ParseOptimizer reads back, with every number that is not 0.
func (o Optimizer) String() string {
	var numbers []string
	for _, n := range []struct {
		name  string
		value float64
	}{{"beta1", o.Beta1}, {"beta2", o.Beta2}, {"eps", o.Eps}, {"decay", o.Decay}} {
		if n.value != 0 {
			numbers = append(numbers, fmt.Sprintf("%s=%v", n.name, n.value))
		}
	}
	return o.Name + "(" + strings.Join(numbers, ", ") + ")"
}
