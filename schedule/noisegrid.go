package schedule

import (
	"fmt"
	"math"
)

// PolyExponential makes equal steps of the log-SNR's root: from the first level to the last, the logarithm is at the share 1-(1-u)^rho of the
// way, u in equal steps: finer towards the data for rho > 1, and logsnr, alias exponential, for 1 (k-diffusion's get_sigmas_polyexponential).
type PolyExponential float64

// String is "polyexponential(1.5)".
func (p PolyExponential) String() string {
	return call{"polyexponential", []float64{float64(p)}}.String()
}

// Times are n+1 times; an error unless rho is between 0.1 and 100. Ends without signal or without noise are met as by Karras.
func (p PolyExponential) Times(path Path, from, to float64, n int) ([]float64, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	same := func(u float64) float64 { return u }
	return byNoiseAt(p, path, from, to, n, func(w float64) float64 { return 1 - math.Pow(1-w, float64(p)) }, same, same)
}

func (p PolyExponential) check() error {
	if !(p >= 0.1 && p <= 100) {
		return fmt.Errorf("grid %s: expected rho between 0.1 and 100, as in polyexponential(1.5)", p)
	}
	return nil
}

// Beta spaces the noise levels by the quantiles of the beta distribution: step i of n is at the share of the walk, counted
// in t, below which Beta(A, B) has the mass 1 - i/n. Lee et al. 2024, https://arxiv.org/abs/2407.12173, with A = B = 0.6.
type Beta struct{ A, B float64 }

// String is "beta(0.6,0.6)".
func (b Beta) String() string { return call{"beta", []float64{b.A, b.B}}.String() }

// Times are n+1 times; an error unless both parameters are between 0.05 and 50.
func (b Beta) Times(path Path, from, to float64, n int) ([]float64, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	if err := checkWalk(b, from, to, n); err != nil {
		return nil, err
	}
	times := make([]float64, n+1)
	for i := range times {
		times[i] = to + (from-to)*BetaQuantile(1-float64(i)/float64(n), b.A, b.B)
	}
	times[0], times[n] = from, to
	return times, checkTimes(b, path, times)
}

func (b Beta) check() error {
	if !(b.A >= 0.05 && b.A <= 50 && b.B >= 0.05 && b.B <= 50) {
		return fmt.Errorf("grid %s: expected parameters between 0.05 and 50, as in beta(0.6,0.6)", b)
	}
	return nil
}

// BetaQuantile is where the distribution function of Beta(a, b) is p: the inverse of the regularized incomplete beta function.
func BetaQuantile(p, a, b float64) float64 {
	lo, hi := 0., 1.
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid == lo || mid == hi {
			break
		}
		if incompleteBeta(mid, a, b) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	switch p {
	case 0:
		return 0
	case 1:
		return 1
	}
	return hi
}

// incompleteBeta is I_x(a, b) by its continued fraction (Abramowitz and Stegun 1964, 26.5.8), by Lentz's method.
func incompleteBeta(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	c, d := 1., 1-(a+b)*x/(a+1)
	if math.Abs(d) < tiny {
		d = tiny
	}
	d = 1 / d
	fraction := d
	for m := 1.; m < 500; m++ {
		for _, term := range [2]float64{
			m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)),
			-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)),
		} {
			if d = 1 + term*d; math.Abs(d) < tiny {
				d = tiny
			}
			if c = 1 + term/c; math.Abs(c) < tiny {
				c = tiny
			}
			d = 1 / d
			fraction *= c * d
		}
		if math.Abs(c*d-1) < 1e-16 {
			break
		}
	}
	return front * fraction
}

// Dynamic is a shift by the size of what is sampled: exp(mu) with mu on the straight line through (256 tokens, 0.5) and (4096 tokens,
// 1.15). Black Forest Labs' FLUX.1; Esser et al. 2024, section 5.3.2.
func Dynamic(tokens float64) Shift {
	const least, most, low, high = 256, 4096, 0.5, 1.15
	return Shift(math.Exp(low + (tokens-least)*(high-low)/(most-least)))
}

// Sigmas is the grid of listed noise levels beta/alpha, noisiest first. It says where the walk begins and ends, whatever Times is asked
// for; 0 is the path's last time, where no noise is left.
type Sigmas []float64

// String is "sigmas(80,10,1,0)".
func (s Sigmas) String() string { return call{"sigmas", s}.String() }

// Times are those at which the path has the levels; an error unless they lie one below the other, or above, and the path has them.
func (s Sigmas) Times(path Path, _, _ float64, n int) ([]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := countedSteps(s, len(s)-1, n); err != nil {
		return nil, err
	}
	times := make([]float64, len(s))
	for i, sigma := range s {
		t := TimeAt(path, -2*math.Log(sigma))
		if sigma == 0 {
			t = 1
		}
		if found := path.At(t).Sigma(); !(math.Abs(found-sigma) <= 1e-6*sigma) {
			mend := ""
			if sigma == 0 {
				mend = "; leave the 0 out: the step from the last level to the data prediction is --last denoise"
			}
			return nil, fmt.Errorf("grid %s: path %s has no noise level %.6g, the nearest is %.6g at t=%.6g%s", abbreviated(s), describe(path), sigma, found, t, mend)
		}
		times[i] = t
	}
	return times, checkTimes(s, path, times)
}

func (s Sigmas) check() error {
	if len(s) < 2 {
		return fmt.Errorf("grid %s: expected at least two noise levels, as in sigmas(80,10,1,0)", s)
	}
	for i, sigma := range s {
		if !(sigma >= 0) || math.IsInf(sigma, 1) {
			return fmt.Errorf("grid %s: noise level number %d is %g; expected numbers not below 0", abbreviated(s), i+1, sigma)
		}
		if i > 0 && (sigma == s[i-1] || (sigma < s[i-1]) != (s[len(s)-1] < s[0])) {
			return fmt.Errorf("grid %s: noise level %.6g follows %.6g; each must lie beyond the one before it", abbreviated(s), sigma, s[i-1])
		}
	}
	return nil
}
