package sampler

import (
	"context"
	"slices"
)

// Guidance is classifier-free guidance (Ho and Salimans 2022): the prediction is uncond + Weight (cond - uncond).
// Weight 1 is the conditional network, 0 the unconditional one. The formula is affine in the predictions with weights
// that sum to one, so that guiding one prediction guides every other.
type Guidance struct {
	Weight float64
	// Interval keeps guidance to the steps strictly inside it (Kynkaanniemi et al. 2024). Nil: every step.
	Interval *[2]float64
}

// Applies says whether a call at time t evaluates both halves.
func (g Guidance) Applies(t float64) bool {
	return g.Weight != 1 && (g.Interval == nil || g.Interval[0] < t && t < g.Interval[1])
}

// Evaluations counts the network evaluations of one sample in a row of a plan: a call is one, and two where guidance applies.
func (g Guidance) Evaluations(row *Row) int {
	switch {
	case !row.Call:
		return 0
	case g.Applies(row.T):
		return 2
	}
	return 1
}

// Guide is net under guidance. Where guidance does not apply the conditional half is evaluated alone.
func Guide(net Conditional, g Guidance) Network {
	if g.Weight == 1 {
		return net
	}
	return &guided{net: net, guidance: g}
}

type guided struct {
	net      Conditional
	guidance Guidance
	uncond   []float32
}

func (g *guided) Predict(ctx context.Context, dst, x []float32, at At) error {
	if !g.guidance.Applies(at.T) {
		return g.net.Predict(ctx, dst, x, at)
	}
	g.uncond = slices.Grow(g.uncond[:0], len(dst))[:len(dst)]
	if err := g.net.PredictBoth(ctx, dst, g.uncond, x, at); err != nil {
		return err
	}
	w := float32(g.guidance.Weight)
	dst = dst[:len(g.uncond)]
	for i, u := range g.uncond {
		dst[i] = u + float32(w*float32(dst[i]-u))
	}
	return nil
}

// Evaluations counts the network evaluations of one sample on a whole plan.
func Evaluations(plan *Plan, g Guidance) int {
	n := 0
	for i := range plan.Rows {
		n += g.Evaluations(&plan.Rows[i])
	}
	return n
}
