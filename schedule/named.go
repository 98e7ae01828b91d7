package schedule

import (
	"fmt"
	"math"
)

// CondOT is the straight path of flow matching and rectified flow: alpha = t, beta = 1-t.
// Lipman et al. 2023, https://arxiv.org/abs/2210.02747.
func CondOT() *Continuous {
	c := newContinuous("condot", MustFormula("t", "t"), MustFormula("1-t", "t"))
	c.inverse = func(logSNR float64) float64 { return 1 / (1 + math.Exp(-logSNR/2)) }
	return c
}

// Cosine is the trigonometric, variance preserving path (GVP): alpha = sin(pi t/2), beta = cos(pi t/2). The cosine is written as
// sin(pi (1-t)/2), which keeps its digits near t = 1. Albergo and Vanden-Eijnden 2023, https://arxiv.org/abs/2209.15571.
func Cosine() *Continuous {
	c := newContinuous("cosine", MustFormula("sin(pi/2*t)", "t"), MustFormula("sin(pi/2*(1-t))", "t"))
	c.inverse = func(logSNR float64) float64 { return math.Atan(math.Exp(logSNR/2)) * 2 / math.Pi }
	return c
}

// VP is the variance preserving diffusion with rate bmin + s (bmax-bmin), s = 1-t:
// alpha = exp(-(bmax-bmin) s^2/4 - bmin s/2), beta = sqrt(1-alpha^2). It does not quite end in pure noise: alpha is
// 0.0066 at t = 0 for (0.1, 20). Song et al. 2021, https://arxiv.org/abs/2011.13456, equation 33. Beta is computed as
// sqrt(-expm1(2 log alpha)), without cancellation at t = 1.
func VP(bmin, bmax float64) (*Continuous, error) {
	if !(bmin >= 0 && bmax >= bmin && bmax > 0 && bmax <= 1000) {
		return nil, fmt.Errorf("path vp(%g,%g): expected 0 <= bmin <= bmax <= 1000 and bmax > 0, as in vp(0.1,20)", bmin, bmax)
	}
	rate, b0 := number(bmax-bmin), number(bmin)
	alpha := fmt.Sprintf("exp(-%s*(1-t)^2/4-%s*(1-t)/2)", rate, b0)
	beta := fmt.Sprintf("sqrt(-expm1(-%s*(1-t)^2/2-%s*(1-t)))", rate, b0)
	c := newContinuous(fmt.Sprintf("vp(%s,%s)", b0, number(bmax)), MustFormula(alpha, "t"), MustFormula(beta, "t"))
	c.inverse = func(logSNR float64) float64 {
		// -log alpha = A s^2 + B s, solved for s >= 0 in the form without cancellation.
		minusLog := (max(-logSNR, 0) + math.Log1p(math.Exp(-math.Abs(logSNR)))) / 2
		a, b := (bmax-bmin)/4, bmin/2
		return 1 - 2*minusLog/(b+math.Sqrt(b*b+4*a*minusLog))
	}
	return c, nil
}

// Polynomial is alpha = t^n, beta = 1-t^n; n = 1 is CondOT.
func Polynomial(n float64) (*Continuous, error) {
	if !(n > 0 && n <= 100) {
		return nil, fmt.Errorf("path polynomial(%g): expected a power above 0 and at most 100, as in polynomial(2)", n)
	}
	power := number(n)
	c := newContinuous(fmt.Sprintf("polynomial(%s)", power), MustFormula("t^"+power, "t"), MustFormula("1-t^"+power, "t"))
	c.inverse = func(logSNR float64) float64 { return math.Pow(1/(1+math.Exp(-logSNR/2)), 1/n) }
	return c, nil
}

// VE is the variance exploding path: alpha = 1, beta = smax (smin/smax)^t. It ends with noise smin left.
// Song et al. 2021, https://arxiv.org/abs/2011.13456, equation 31.
func VE(smin, smax float64) (*Continuous, error) {
	if err := checkNoiseLevels("ve(0.02,100)", smin, smax); err != nil {
		return nil, fmt.Errorf("path ve(%g,%g): %w", smin, smax, err)
	}
	lo, hi := number(smin), number(smax)
	c := newContinuous(fmt.Sprintf("ve(%s,%s)", lo, hi), MustFormula("1", "t"), MustFormula(fmt.Sprintf("%s*(%s/%s)^t", hi, lo, hi), "t"))
	c.inverse = func(logSNR float64) float64 { return (math.Log(smax) + logSNR/2) / math.Log(smax/smin) }
	return c, nil
}

// EDM is the path whose time is uniform in the grid of Karras et al.: alpha = 1,
// beta = (smax^(1/rho) + t (smin^(1/rho) - smax^(1/rho)))^rho. It ends with noise smin left.
// Karras et al. 2022, https://arxiv.org/abs/2206.00364, equation 5.
func EDM(smin, smax, rho float64) (*Continuous, error) {
	if err := checkNoiseLevels("edm(0.002,80,7)", smin, smax); err != nil {
		return nil, fmt.Errorf("path edm(%g,%g,%g): %w", smin, smax, rho, err)
	}
	if !(rho >= 0.1 && rho <= 100) {
		return nil, fmt.Errorf("path edm(%g,%g,%g): expected rho between 0.1 and 100, as in edm(0.002,80,7)", smin, smax, rho)
	}
	lo, hi, r := number(smin), number(smax), number(rho)
	beta := fmt.Sprintf("(%[2]s^(1/%[3]s)+t*(%[1]s^(1/%[3]s)-%[2]s^(1/%[3]s)))^%[3]s", lo, hi, r)
	c := newContinuous(fmt.Sprintf("edm(%s,%s,%s)", lo, hi, r), MustFormula("1", "t"), MustFormula(beta, "t"))
	c.inverse = func(logSNR float64) float64 {
		first, last := math.Pow(smax, 1/rho), math.Pow(smin, 1/rho)
		return (math.Exp(-logSNR/2/rho) - first) / (last - first)
	}
	return c, nil
}

func checkNoiseLevels(example string, smin, smax float64) error {
	if smin >= 1e-9 && smax > smin && smax <= 1e9 {
		return nil
	}
	return fmt.Errorf("expected noise levels 1e-9 <= smin < smax <= 1e9, as in %s", example)
}

// TimeAt is the time in [0, 1] at which the path has the given log-SNR; beyond the path's own range it is the nearer end. Named
// and discrete paths have closed forms, the others are bisected to the last bit. On a discrete path the answer is
// never between index 0 and clean data.
func TimeAt(path Path, logSNR float64) float64 {
	switch p := path.(type) {
	case *Discrete:
		return p.timeAt(logSNR)
	case *Continuous:
		if p.inverse != nil && !math.IsInf(logSNR, 0) {
			return min(max(p.inverse(logSNR), 0), 1)
		}
	}
	lo, hi := 0., 1.
	for range 200 { // halving reaches neighbouring numbers in 53 steps, more only beside t = 0
		mid := lo + (hi-lo)/2
		if mid == lo || mid == hi {
			break
		}
		if path.At(mid).LogSNR() < logSNR {
			lo = mid
		} else {
			hi = mid
		}
	}
	if path.At(hi).LogSNR() <= logSNR {
		return hi
	}
	return lo
}
