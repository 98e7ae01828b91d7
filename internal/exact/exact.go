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
	posterior := make([]float64, len(m.Weights))
	for row := 0; row < len(x); row += d {
		xs, out := x[row:row+d], dst[row:row+d]
		m.posterior(posterior, xs, p)
		for k := range out {
			sum := 0.
			for i, weight := range posterior {
				z, scaled := m.given(i, k, xs[k], p)
				sum += weight * (a*z + w*scaled)
			}
			out[k] = sum
		}
	}
}

// given is element k of E[z | x, component i] and of E[eps/beta | x, component i].
func (m Mixture) given(i, k int, x float64, p schedule.Point) (z, scaledNoise float64) {
	scaledNoise = (x - p.Alpha*m.Means[i][k]) / m.variance(i, p)
	return m.Means[i][k] + p.Alpha*m.Stds[i]*m.Stds[i]*scaledNoise, scaledNoise
}

// variance is that of x given component i.
func (m Mixture) variance(i int, p schedule.Point) float64 {
	spread := p.Alpha * m.Stds[i]
	return p.Beta*p.Beta + spread*spread
}

// posterior stores the weights of the components given x, which sum to 1, and returns log p_t(x).
func (m Mixture) posterior(dst, x []float64, p schedule.Point) float64 {
	total, largest := 0., math.Inf(-1)
	for i, weight := range m.Weights {
		total += weight
		v, square := m.variance(i, p), 0.
		for k, mean := range m.Means[i] {
			square += (x[k] - p.Alpha*mean) * (x[k] - p.Alpha*mean)
		}
		dst[i] = math.Log(weight) - square/(2*v) - float64(len(x))/2*math.Log(2*math.Pi*v)
		largest = math.Max(largest, dst[i])
	}
	sum := 0.
	for i := range dst {
		dst[i] = math.Exp(dst[i] - largest)
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
	return largest + math.Log(sum) - math.Log(total)
}

// LogDensity is log p_t(x) of one state x.
func (m Mixture) LogDensity(x []float64, p schedule.Point) float64 {
	return m.posterior(make([]float64, len(m.Weights)), x, p)
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
