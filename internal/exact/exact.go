// Package exact holds fields that need no network: of a mixture of Gaussians every prediction is known in closed form under every
// path. Tests put them where a network would stand.
package exact

import (
	"math"

	"odeon/schedule"
)

// A Mixture of isotropic Gaussians in d dimensions is a distribution of data z: with probability Weights[i] (they need not sum
// to 1), z is N(Means[i], Stds[i]^2 I).
type Mixture struct {
	Weights []float64
	Means   [][]float64 // each of length d
	Stds    []float64   // 0 is a point
}

// Gaussian is the mixture of one component.
func Gaussian(mean []float64, std float64) Mixture {
	return Mixture{Weights: []float64{1}, Means: [][]float64{mean}, Stds: []float64{std}}
}

// Dim is d.
func (m Mixture) Dim() int { return len(m.Means[0]) }

// Predict stores in dst what a perfect network predicts: E[a z + b eps | x] for each of the states x [n, d] at a point of a path.
//
// Given component i with mean m and variance s^2, x is N(alpha m, v I) with v = beta^2 + alpha^2 s^2, and
//
//	E[z | x, i] = m + alpha s^2/v (x - alpha m),   E[eps/beta | x, i] = (x - alpha m)/v;
//
// the components' weights given x are proportional to Weights[i] N(x; alpha m, v I). All is finite where beta is 0 too, unless
// a component is a point.
func (m Mixture) Predict(dst, x []float64, prediction schedule.Prediction, p schedule.Point) {
	d := m.Dim()
	a, w := prediction.ScoreWeights(p)
	components, weights := m.components(p), make([]float64, len(m.Weights))
	for row := 0; row < len(x); row += d {
		xs, out := x[row:row+d], dst[row:row+d]
		posterior(weights, components, xs)
		for k := range out {
			sum := 0.
			for i, c := range components {
				scaledNoise := (xs[k] - c.center[k]) / c.variance
				z := m.Means[i][k] + c.gain*scaledNoise
				sum += weights[i] * (a*z + w*scaledNoise)
			}
			out[k] = sum
		}
	}
}

// component is what a component makes of x_t at one point of a path: weight N(x; center, variance I).
type component struct {
	center    []float64 // alpha m
	variance  float64   // v
	gain      float64   // alpha s^2
	logWeight float64   // log of the weight times the density at the center
}

func (m Mixture) components(p schedule.Point) []component {
	components := make([]component, len(m.Weights))
	for i, mean := range m.Means {
		v := m.variance(i, p)
		c := component{variance: v, gain: p.Alpha * m.Stds[i] * m.Stds[i]}
		c.logWeight = math.Log(m.Weights[i]) - float64(len(mean))/2*math.Log(2*math.Pi*v)
		for _, value := range mean {
			c.center = append(c.center, p.Alpha*value)
		}
		components[i] = c
	}
	return components
}

// variance is that of x given component i.
func (m Mixture) variance(i int, p schedule.Point) float64 {
	spread := p.Alpha * m.Stds[i]
	return p.Beta*p.Beta + spread*spread
}

// posterior stores the probabilities of the components given x. The sum of their densities is sum exp(largest).
func posterior(dst []float64, components []component, x []float64) (sum, largest float64) {
	largest = math.Inf(-1)
	for i, c := range components {
		square := 0.
		for k, center := range c.center {
			square += (x[k] - center) * (x[k] - center)
		}
		dst[i] = c.logWeight - square/(2*c.variance)
		largest = math.Max(largest, dst[i])
	}
	for i := range dst {
		dst[i] = math.Exp(dst[i] - largest)
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
	return sum, largest
}

// LogDensity is log p_t(x) of one state x.
func (m Mixture) LogDensity(x []float64, p schedule.Point) float64 {
	total := 0.
	for _, weight := range m.Weights {
		total += weight
	}
	sum, largest := posterior(make([]float64, len(m.Weights)), m.components(p), x)
	return largest + math.Log(sum/total)
}

// CDF is the distribution function of p_t for a mixture in one dimension.
func (m Mixture) CDF(x float64, p schedule.Point) float64 {
	sum, total := 0., 0.
	for i, weight := range m.Weights {
		total += weight
		sum += weight / 2 * math.Erfc(-(x-p.Alpha*m.Means[i][0])/math.Sqrt(2*m.variance(i, p)))
	}
	return sum / total
}

// Moments are mean and variance of p_t for a mixture in one dimension.
func (m Mixture) Moments(p schedule.Point) (mean, variance float64) {
	second, total := 0., 0.
	for i, weight := range m.Weights {
		center := p.Alpha * m.Means[i][0]
		total += weight
		mean += weight * center
		second += weight * (m.variance(i, p) + center*center)
	}
	mean /= total
	return mean, second/total - mean*mean
}
