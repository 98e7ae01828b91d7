package sampler

import "math"

// rescale brings a sample's guided prediction p towards the standard deviation that the conditional one, c, had before (Lin et al. 2023,
// https://arxiv.org/abs/2305.08891, equations 15 and 16):
//
//	p' = (phi std(c)/std(p) + 1 - phi) p
//
// It is done in what the network predicts, as in diffusers. A standard deviation is not affine, so that phi, unlike the weight, means
// something else to each prediction: of the noise and of v, for which it was made, the deviation is about 1 at all times, and what
// exceeds it comes from guidance; of the data it is that of the picture, faint at the noisy end.
func rescale(p []float32, before, phi float64) {
	if after := deviation(p); after > 0 {
		scale(p, float32(float64(phi*(before/after))+(1-phi)), p)
	}
}

// deviation is the unbiased standard deviation of one sample's numbers.
func deviation(p []float32) float64 {
	sum := 0.0
	for _, v := range p {
		sum += float64(v)
	}
	mean, squares := sum/float64(len(p)), 0.0
	for _, v := range p {
		d := float64(v) - mean
		squares += float64(d * d)
	}
	return math.Sqrt(squares / float64(len(p)-1))
}
