package schedule

import (
	"fmt"
	"math"
)

// A Diffusion is the coefficient sigma_t >= 0 of the SDE dX = [u_t + sigma_t^2/2 s_t] dt + sigma_t dW with which samples are
// drawn. With a perfect network every choice gives the same marginals. The zero value is 0, the ODE. It is not the noise level
// beta/alpha, which others call sigma.
type Diffusion struct {
	name    string
	formula *Formula // nil: zero, or forward
}

// The named diffusion coefficients, by the names that ParseDiffusion knows. The last three are from SiT (Ma et al. 2024,
// https://arxiv.org/abs/2401.08740), which names sigma^2.
var (
	// ForwardDiffusion matches the forward process: sigma^2 = 2 (beta^2 alpha'/alpha - beta beta'), so that the SDE run backwards
	// is the diffusion that made the noise.
	ForwardDiffusion    = Diffusion{name: "forward"}
	BetaDiffusion       = namedDiffusion("beta", "beta")
	LinearDiffusion     = namedDiffusion("linear", "sqrt(1-t)")           // sigma^2 = 1-t
	SinSquaredDiffusion = namedDiffusion("sin^2", "abs(sin(pi*t))")       // sigma^2 = sin(pi t)^2
	DecreasingDiffusion = namedDiffusion("decreasing", "(1+cos(pi*t))/2") // sigma^2 = (1+cos(pi t))^2/4
)

var diffusionVariables = []string{"t", "alpha", "beta", "dalpha", "dbeta"}

func namedDiffusion(name, formula string) Diffusion {
	return Diffusion{name: name, formula: MustFormula(formula, diffusionVariables...)}
}

// ParseDiffusion reads a diffusion coefficient: 0 for the ODE, forward, beta, linear, sin^2, decreasing, or a formula in t, alpha, beta,
// dalpha and dbeta (the derivatives), such as 1.5*(1-t).
func ParseDiffusion(text string) (Diffusion, error) {
	for _, d := range []Diffusion{ForwardDiffusion, BetaDiffusion, LinearDiffusion, SinSquaredDiffusion, DecreasingDiffusion} {
		if d.name == text {
			return d, nil
		}
	}
	f, err := ParseFormula(text, diffusionVariables...)
	if err != nil {
		return Diffusion{}, fmt.Errorf("sigma: %w; or one of the names forward, beta, linear, sin^2, decreasing", err)
	}
	d := Diffusion{name: f.String(), formula: f}
	for _, variable := range diffusionVariables {
		if f.Uses(variable) {
			return d, nil
		}
	}
	value, err := d.At(Point{})
	if err != nil {
		return Diffusion{}, fmt.Errorf("sigma is the constant %s; expected a finite number, 0 or above", clip(text, 60))
	}
	if value == 0 {
		return Diffusion{}, nil
	}
	return d, nil
}

// IsZero reports whether this is the ODE.
func (d Diffusion) IsZero() bool { return d.name == "" }

// String is the text that ParseDiffusion reads back.
func (d Diffusion) String() string {
	if d.IsZero() {
		return "0"
	}
	return d.name
}

// At is sigma_t at a point of the path. A negative or infinite value is an error that names t.
func (d Diffusion) At(p Point) (float64, error) {
	if d.IsZero() {
		return 0, nil
	}
	var sigma float64
	if d.formula == nil {
		drift, spread := p.Beta*p.Beta*p.DAlpha/p.Alpha, p.BetaDBeta
		square := 2 * (drift - spread)
		if square < 0 && square > -1e-12*(math.Abs(drift)+math.Abs(spread)) {
			square = 0
		}
		sigma = math.Sqrt(square)
	} else {
		sigma = d.formula.Eval(p.T, p.Alpha, p.Beta, p.DAlpha, p.DBeta)
	}
	if !(sigma >= 0) || math.IsInf(sigma, 1) {
		return 0, fmt.Errorf("sigma = %s is %g at t=%.6g; the diffusion coefficient must be finite and not negative there: start or end the walk elsewhere, or choose another", d, sigma, p.T)
	}
	return sigma, nil
}
