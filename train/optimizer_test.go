package train

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// papers are the optimizers as their papers write them, in float64, for one weight. Each returns the weight after k steps.
var papers = map[string]func(o Optimizer, rate float64, gradient func(theta float64, k int) float64, theta float64, steps int) float64{
	"adam":  paperAdam,
	"adamw": paperAdam,
	"lion": func(o Optimizer, rate float64, gradient func(float64, int) float64, theta float64, steps int) float64 {
		m := 0.
		for k := 1; k <= steps; k++ {
			g := gradient(theta, k)
			c := o.Beta1*m + (1-o.Beta1)*g
			sign := 0.
			switch {
			case c > 0:
				sign = 1
			case c < 0:
				sign = -1
			}
			theta -= rate * (sign + o.Decay*theta)
			m = o.Beta2*m + (1-o.Beta2)*g
		}
		return theta
	},
	"sgd": func(o Optimizer, rate float64, gradient func(float64, int) float64, theta float64, steps int) float64 {
		m := 0.
		for k := 1; k <= steps; k++ {
			m = o.Beta1*m + gradient(theta, k)
			theta -= rate*m + rate*o.Decay*theta
		}
		return theta
	},
}

func paperAdam(o Optimizer, rate float64, gradient func(float64, int) float64, theta float64, steps int) float64 {
	m, v := 0., 0.
	for k := 1; k <= steps; k++ {
		g := gradient(theta, k)
		m = o.Beta1*m + (1-o.Beta1)*g
		v = o.Beta2*v + (1-o.Beta2)*g*g
		mHat, vHat := m/(1-math.Pow(o.Beta1, float64(k))), v/(1-math.Pow(o.Beta2, float64(k)))
		theta = theta - rate*o.Decay*theta - rate*mHat/(math.Sqrt(vHat)+o.Eps)
	}
	return theta
}

func TestOptimizersFollowTheirPapers(t *testing.T) {
	// The gradient of each weight is a function of the step alone, of changing sign and size, so that rounding in float32 cannot
	// feed on itself. Every step rounds a few times at 6e-8 of a weight of the order of 1.
	const steps, rate, factor, towards, tolerance = 60, 0.02, 0.5, 0.1, 2e-5
	start := []float32{0.5, -1, 2, 1e-3}
	gradient := func(i int) func(float64, int) float64 {
		return func(_ float64, k int) float64 {
			return (math.Sin(float64(k*(i+1))) + 0.3*float64(i-1)) * math.Pow(10, float64(i-2))
		}
	}
	optimizers := append(Optimizers(), Optimizer{Name: "lion", Beta1: 0.8, Beta2: 0.95, Decay: 0.1, Rule: &lion}, Optimizer{Name: "sgd", Beta1: 0.5, Decay: 0.2, Rule: &sgd})
	for _, o := range optimizers {
		t.Run(o.String(), func(t *testing.T) {
			s := Stretch{Weights: slices.Clone(start), Gradient: make([]float32, len(start)), Average: slices.Clone(start), Clip: factor, Towards: towards}
			for range o.Rule.Moments {
				s.Moments = append(s.Moments, make([]float32, len(start)))
			}
			average := []float64{0.5, -1, 2, 1e-3}
			for k := 1; k <= steps; k++ {
				for i := range start {
					s.Gradient[i] = float32(gradient(i)(0, k) / factor)
				}
				o.Rule.At(o, k, rate)(s)
				for i, w := range s.Weights {
					average[i] += (float64(w) - average[i]) * towards
				}
			}
			for i, x := range start {
				want := papers[o.Name](o, rate, gradient(i), float64(x), steps)
				require.InDelta(t, want, s.Weights[i], tolerance, "weight %d", i)
				require.InDelta(t, average[i], s.Average[i], tolerance)
			}
		})
	}
}

func TestVectorsGiveTheSameBitsAsTheLoop(t *testing.T) {
	const n = 8*5 + 3
	stretch := func() Stretch {
		s := Stretch{Clip: 0.7, Towards: 0.1, Weights: make([]float32, n), Gradient: make([]float32, n), Average: make([]float32, n), Moments: [][]float32{make([]float32, n), make([]float32, n)}}
		for i := range n {
			x := math.Sin(float64(i))
			s.Weights[i], s.Gradient[i], s.Average[i] = float32(x), float32(math.Exp(30*x)), float32(x*x)
			s.Moments[0][i], s.Moments[1][i] = float32(math.Cos(float64(i))), float32(math.Exp(40*x-40))
		}
		return s
	}
	step := &adamStep{b1: 0.9, b2: 0.999, e: 1e-7, a: 1e-3, keep: 0.99}
	loop, vectors := stretch(), stretch()
	step.from(0, loop)
	step.from(step.vectors(&vectors), vectors)
	require.Equal(t, loop, vectors)

	// Without an average, the weights stand in for it.
	loop, vectors = stretch(), stretch()
	loop.Average, vectors.Average = loop.Weights, vectors.Weights
	step.from(0, loop)
	step.from(step.vectors(&vectors), vectors)
	require.Equal(t, loop, vectors)
}

func TestMomentsOfIdleWeightsStayNormalNumbers(t *testing.T) {
	// 0.9^k falls below the least normal number, 1.2e-38, at k = 830, and would stay above zero for ever. The second moment is
	// given as what 0.999^k makes of it in a long run.
	const least = 0x1p-126
	for _, o := range []Optimizer{Adam, SGD, Lion} {
		s := Stretch{Weights: []float32{1}, Gradient: []float32{1}, Average: []float32{1}, Clip: 1}
		for range o.Rule.Moments {
			s.Moments = append(s.Moments, []float32{least})
		}
		for k := range 10000 {
			o.Rule.At(o, k+1, 1e-3)(s)
			if s.Gradient[0] = 0; k == 0 && o.Rule.Moments > 1 {
				s.Moments[1][0] = least
			}
		}
		for _, m := range s.Moments {
			require.True(t, m[0] == 0 || m[0] >= least, "%s: %v", o, m[0])
		}
	}
}

func TestGradientsAreClippedToTheNorm(t *testing.T) {
	// SGD without momentum moves by rate times the clipped gradient: (3, 4) of norm 5 clipped to 2 is (1.2, 1.6). Workers' gradients
	// add up.
	for _, c := range []struct{ limit, x, y float64 }{{0, 3, 4}, {2, 1.2, 1.6}, {5, 3, 4}, {7, 3, 4}} {
		tr := &trainer{optimizer: Optimizer{Name: "sgd", Rule: &sgd}, clip: c.limit, goroutines: 2, workers: []*worker{{total: []float32{1, 5}}, {total: []float32{2, -1}}}}
		tr.vectors = vectors{weights: []float32{0, 0}, moments: [][]float32{{0, 0}}}
		norm := sum(tr.workers[0].total, [][]float32{tr.workers[1].total}, 2)
		require.InDelta(t, 5, norm, 1e-6)
		tr.update(outcome{norm: norm}, 1, 1, 0)
		require.InDeltaSlice(t, []float64{-c.x, -c.y}, []float64{float64(tr.vectors.weights[0]), float64(tr.vectors.weights[1])}, 1e-6)
	}
}

func TestUpdatesDoNotDependOnTheNumberOfGoroutines(t *testing.T) {
	n := 5*stretch + 7
	run := func(goroutines int) ([]float32, float64) {
		tr := &trainer{optimizer: AdamW, clip: 1, goroutines: goroutines, workers: []*worker{{total: make([]float32, n)}}}
		tr.vectors = vectors{weights: make([]float32, n), moments: [][]float32{make([]float32, n), make([]float32, n)}, average: make([]float32, n)}
		var norm float64
		for k := range 3 {
			for i := range n {
				tr.workers[0].total[i] = float32(math.Sin(float64(i * (k + 1))))
			}
			norm = sum(tr.workers[0].total, nil, goroutines)
			tr.update(outcome{norm: norm}, k+1, 0.1, 0.5)
		}
		return tr.vectors.average, norm
	}
	one, normOne := run(1)
	five, normFive := run(5)
	require.Equal(t, normOne, normFive)
	require.Equal(t, one, five)
}

func TestOptimizersAreReadBack(t *testing.T) {
	for _, o := range Optimizers() {
		o.Beta1, o.Decay = 0.75, 0.125
		got, err := ParseOptimizer(o.String())
		require.NoError(t, err)
		require.Equal(t, o, got)
	}
	for text, want := range map[string]string{
		"sdg":               `unknown optimizer "sdg"; there are adam, adamw, lion, sgd`,
		"adam(beta3=1)":     `found "beta3=1", expected beta1=`,
		"adam(beta1=1)":     "found beta1=1, expected a number 0 or more and less than 1",
		"adam(beta1=0.9":    "a closing bracket is missing",
		"lion(decay=x)":     "found decay=x, expected a number",
		"adamw()":           `found "", expected beta1=`,
		"adam(eps=0)":       "found eps=0, expected a number above 0",
		"adam(beta2=0)":     "found beta2=0, expected a number between 0 and 1",
		"adam(decay=-0.1) ": "",
	} {
		_, err := ParseOptimizer(text)
		require.ErrorContains(t, err, want)
	}
}
