package objective

import (
	"fmt"
	"slices"
)

// Coupling says which noise of a batch goes with which data. The zero value is independent.
//
// Independent is the plain conditional flow. Transport pairs the batch's data and noise so that the sum of the squared
// distances is least (Pooladian et al. 2023, https://arxiv.org/abs/2304.14772; Tong et al. 2024, https://arxiv.org/abs/2302.00482): paths
// cross less, the target varies less at a given state, and the trained flow is straighter. It is exact, by an own
// assignment solver (assign.go). Sinkhorn draws each sample's noise from the entropic plan (sinkhorn.go): between the two.
//
// With labels, only samples of one class are paired with each other. A plan over all of them would tie a class to a part of
// the noise, and a sampler that draws noise for one class would start where that class was never trained (Cheng and
// Schwing 2025, https://arxiv.org/abs/2503.10636).
type Coupling struct {
	Kind Pairing
	Eps  float64 // of Sinkhorn: the regularisation in units of the batch's mean squared distance; 0: 0.05
}

// Pairing is a kind of coupling.
type Pairing uint8

// The kinds of coupling.
const (
	Independent Pairing = iota
	Transport
	Sinkhorn
)

var pairingNames = []string{"independent", "ot", "sinkhorn"}

const (
	couplingForms = "independent, ot, or sinkhorn(0.05)"
	defaultEps    = 0.05
	leastEps      = 1e-3
)

// ParseCoupling reads "independent", "ot" or "sinkhorn(eps)". An empty text is independent.
func ParseCoupling(text string) (Coupling, error) {
	name, args, isCall, err := parseCall(text)
	if text == "" {
		return Coupling{}, nil
	}
	kind := slices.Index(pairingNames, name)
	if !isCall || kind < 0 {
		if !isCall {
			name = text
		}
		return Coupling{}, unknown("coupling", name, pairingNames, couplingForms)
	}
	if err != nil {
		return Coupling{}, fmt.Errorf("coupling %s: %w", text, err)
	}
	c := Coupling{Kind: Pairing(kind)}
	switch {
	case len(args) == 1 && c.Kind == Sinkhorn:
		c.Eps = args[0]
		if c.Eps < leastEps {
			return Coupling{}, fmt.Errorf("coupling %s: expected a regularisation of at least %v, in units of the mean squared distance; for less take ot, its limit at 0", text, leastEps)
		}
	case len(args) != 0:
		return Coupling{}, fmt.Errorf("coupling %s: found %d arguments; expected %s", text, len(args), couplingForms)
	}
	return c, nil
}

func (c Coupling) check() error {
	if int(c.Kind) >= len(pairingNames) {
		return fmt.Errorf("coupling: unknown kind %d; expected %s", c.Kind, couplingForms)
	}
	if c.Kind == Sinkhorn && c.Eps != 0 && !(c.Eps >= leastEps) {
		return fmt.Errorf("coupling %s: expected a regularisation of at least %v", c, leastEps)
	}
	return nil
}

// String is the coupling as ParseCoupling reads it.
func (c Coupling) String() string {
	if c.Kind == Sinkhorn {
		return fmt.Sprintf("%s(%v)", pairingNames[c.Kind], c.eps())
	}
	return pairingNames[c.Kind]
}

func (c Coupling) eps() float64 {
	if c.Eps == 0 {
		return defaultEps
	}
	return c.Eps
}
