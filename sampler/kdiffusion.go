package sampler

import (
	"fmt"
	"math"

	"odeon/schedule"
)

// Solvers in x/alpha and the noise level sigma = beta/alpha, the coordinates of Karras et al. 2022, https://arxiv.org/abs/2206.00364, and of
// k-diffusion. On any path they are the noise form with m = sigma.

// HeunEDM is the trapezoidal method in sigma: algorithm 1 of Karras et al.
var HeunEDM = Heun.Tableau.exponential(noiseForm, byMeasure).solver("heun-edm", 0, 2,
	"heun in the noise level beta/alpha", "Karras et al. 2022, arXiv 2206.00364, algorithm 1")

// RK4Lambda is the exponential form of the classical method: its stages lie in the middle of lambda.
var RK4Lambda = RK4.Tableau.exponential(dataForm, byMeasure).solver("exponential-rk4", 0, 4,
	"rk4 on the data prediction in alpha/beta", "Kutta 1901")

// KDPM2 is the midpoint method in sigma, its stage in the middle of log sigma (k-diffusion's sample_dpm_2).
var KDPM2 = kdpm2.solver("kdpm2", 0, 2, "midpoint in beta/alpha, the stage in the middle of its logarithm", "k-diffusion, sample_dpm_2")

var kdpm2 = Midpoint.Tableau.exponential(noiseForm, byLambda)

// KDPM2Ancestral is KDPM2 to a lower noise level, and fresh noise.
var KDPM2Ancestral = ancestral(kdpm2.solver("kdpm2-ancestral", byEta, 2, "kdpm2 to a lower noise level, and fresh noise", "k-diffusion, sample_dpm_2_ancestral"))

// EulerAncestral is k-diffusion's sample_euler_ancestral: in x/alpha, a step to the lower noise level
// sigma_down = sqrt(sigma'^2 - sigma_up^2), sigma_up = eta sigma' sqrt(1 - sigma'^2/sigma^2), and noise sigma_up. Of eta 1, and on
// every path, it is ddpm.
var EulerAncestral = ancestral(frozen(noiseForm).solver("euler-ancestral", byEta, 1,
	"a step to a lower noise level, and fresh noise", "k-diffusion, sample_euler_ancestral"))

// EulerChurn and HeunChurn add noise before the step: algorithm 2 of Karras et al., with Settings.Churn.
var (
	EulerChurn = churned(frozen(noiseForm).solver("euler-churn", byChurn, 1,
		"noise is added before the step, then Euler in beta/alpha", "k-diffusion, sample_euler"))
	HeunChurn = churned(Heun.Tableau.exponential(noiseForm, byMeasure).solver("heun-churn", byChurn, 2,
		"EDM's stochastic sampler: noise is added, then heun-edm", "Karras et al. 2022, arXiv 2206.00364, algorithm 2"))
)

// ancestral makes of a solver of the ODE one that goes to a lower noise level and makes up for it by fresh noise. Its share is eta.
func ancestral(s Solver) Solver {
	step := s.step
	s.eta, s.draws = 1, 1
	s.step = func(b *builder, k int, from, to node) error {
		eta := b.eta
		b.eta = 0
		defer func() { b.eta = eta }()
		sigma, next := from.point.Sigma(), to.point.Sigma()
		if eta != 0 && !(next <= sigma) {
			return fmt.Errorf("%s adds fresh noise, which it can only on the way from noise to data; the step from t=%.6g to t=%.6g goes the other way: take eta 0",
				b.plan.Solver, from.t, to.t)
		}
		up := 0.0
		if eta != 0 && next > 0 {
			up = math.Min(next, eta*next*math.Sqrt(1-next/sigma*next/sigma))
		}
		down := to
		down.point.Beta = to.point.Alpha * math.Sqrt((next-up)*(next+up))
		if err := step(b, k, from, down); err != nil {
			return err
		}
		b.noise(to.point.Alpha * up)
		return nil
	}
	return s
}

// Churn is how much noise is added before a step: gamma = min(Amount/steps, sqrt(2)-1) where the noise level is between Min and Max, from
// sigma to sigma (1+gamma).
type Churn struct {
	Amount   float64 // S_churn
	Min, Max float64 // S_min, S_max; Max 0: no limit
	Noise    float64 // S_noise, the added noise's standard deviation; 0: 1
}

func (c Churn) check() error {
	if !finite(c.Amount, c.Min, c.Max, c.Noise) || min(c.Amount, c.Min, c.Max, c.Noise) < 0 {
		return fmt.Errorf("churn %+v: expected numbers not below 0", c)
	}
	return nil
}

// gamma is by which share the noise level grows before a step of the walk's total.
func (c Churn) gamma(sigma float64, total int) float64 {
	if sigma < c.Min || c.Max != 0 && sigma > c.Max {
		return 0
	}
	return math.Min(c.Amount/float64(total), math.Sqrt2-1)
}

// deviation is the added noise's.
func (c Churn) deviation() float64 {
	if c.Noise == 0 {
		return 1
	}
	return c.Noise
}

// churned adds noise before the step. More noise than the path has is not added.
func churned(s Solver) Solver {
	step := s.step
	s.draws = 1
	s.step = func(b *builder, k int, from, to node) error {
		c, sigma := b.settings.Churn, from.point.Sigma()
		gamma := c.gamma(sigma, b.total)
		hat := b.at(schedule.TimeAt(b.model.Path, -2*math.Log(sigma*(1+gamma))))
		if gamma == 0 || b.quiet != "" || !finite(sigma) || !(hat.t < from.t) {
			return step(b, k, from, to)
		}
		row := b.still(k, from)
		row.Next, row.A = hat.t, hat.point.Alpha/from.point.Alpha
		row.C = c.deviation() * math.Sqrt(math.Max(0, hat.point.Beta*hat.point.Beta-row.A*row.A*from.point.Beta*from.point.Beta))
		b.append(row)
		return step(b, k, hat, to)
	}
	return s
}
