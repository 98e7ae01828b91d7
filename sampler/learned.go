package sampler

import "math"

// LearnedVariance names the second prediction q of networks that give the variance of their steps as well as the mean: the log of the
// variance is (1+q)/2 log(large) + (1-q)/2 log(small), between the forward step's variance and the posterior's (Nichol and
// Dhariwal 2021, https://arxiv.org/abs/2102.09672, equation 15). So the standard deviation is C exp(L q), with C the geometric mean of
// the two and L half the logarithm of the root of their ratio. It is no functional of the data and the noise; guidance leaves it.
const LearnedVariance = "learned-variance"

// widen multiplies the noise by exp(l q).
func widen(xi []float32, l float32, q []float32) {
	for i, v := range q[:len(xi)] {
		xi[i] *= float32(math.Exp(float64(l * v)))
	}
}
