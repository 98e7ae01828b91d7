package sampler

import (
	"context"

	"odeon/schedule"
)

// Autoguided is a network whose other half is a weaker network's prediction (Karras et al. 2024, https://arxiv.org/abs/2406.02507): under
// guidance the data prediction is D_weak + w (D - D_weak), and so is every other. The weaker network is one of the same data along the same
// path. It may predict something else, and be told another time: its prediction is converted. Where it is an unconditional network this
// is classifier-free guidance with two networks.
func Autoguided(net Network, model Model, weak Network, weakModel Model) Conditional {
	return &autoguided{Network: net, model: model, weak: weak, weakModel: weakModel}
}

type autoguided struct {
	Network
	weak             Network
	model, weakModel Model
}

func (a *autoguided) PredictBoth(ctx context.Context, cond, uncond, x []float32, at At) error {
	if err := a.Predict(ctx, cond, x, at); err != nil {
		return err
	}
	if err := a.weak.Predict(ctx, uncond, x, a.model.Refeed(at, a.weakModel)); err != nil {
		return err
	}
	to, err := schedule.Convert(a.model.Path, a.weakModel.Prediction, a.model.Prediction, at.T)
	if err != nil {
		return err
	}
	if to.X != 0 || to.P != 1 {
		sum2(uncond, float32(to.X), x, float32(to.P), uncond)
	}
	return nil
}

// Refeed is the call of another network along the same path. It is fed its own numbers; the same ones where it is fed alike, which are a
// plan's own where that follows another program.
func (m Model) Refeed(at At, other Model) At {
	if !other.fedAs(m) {
		var values [7]float64
		p := m.Path.At(at.T)
		at.Input, at.Scale = other.feed(schedule.TimeValues(values[:0], p), p)
	}
	return at
}

// fedAs says whether two networks along one path are fed the same numbers.
func (m Model) fedAs(n Model) bool {
	same := func(a, b *schedule.Formula) bool { return a == b || a != nil && b != nil && a.String() == b.String() }
	reverse := m.Prediction.Equal(schedule.ReverseVelocity) == n.Prediction.Equal(schedule.ReverseVelocity)
	return same(m.Time, n.Time) && same(m.Scale, n.Scale) && m.Integer == n.Integer && (reverse || m.Time != nil)
}
