package train

// CurvePoint is the mean over some steps of a run, up to Step.
type CurvePoint struct {
	Step         int     `json:"step"`
	Loss         float64 `json:"loss"`
	Rate         float64 `json:"rate"`
	GradientNorm float64 `json:"norm"`
}

// history is what a run remembers of its steps, the same whether it was stopped on the way or not.
type history struct {
	Smooth      float64      `json:"smooth"` // see add
	Every       int          `json:"every"`  // steps in a point of the curve
	Curve       []CurvePoint `json:"curve"`
	Sum         CurvePoint   `json:"sum"` // of the steps since the last point
	Count       int          `json:"count"`
	Validations []Validation `json:"validations,omitempty"`
}

const (
	curveLimit = 1024 // points of a curve: with so many, neighbours are merged
	smoothing  = 0.01 // share of the newest loss in the mean of late ones
)

// add takes a step's numbers in. The mean of late losses weighs a loss k steps ago by (1-0.01)^k, and the first hundred steps alike.
func (h *history) add(step int, loss, rate, norm float64) {
	h.Smooth += (loss - h.Smooth) * max(smoothing, 1/float64(step))
	h.Every = max(h.Every, 1)
	h.Sum.Loss += loss
	h.Sum.Rate += rate
	h.Sum.GradientNorm += norm
	h.Count++
	if h.Count < h.Every {
		return
	}
	n := float64(h.Count)
	h.Curve = append(h.Curve, CurvePoint{step, h.Sum.Loss / n, h.Sum.Rate / n, h.Sum.GradientNorm / n})
	h.Sum, h.Count = CurvePoint{}, 0
	if len(h.Curve) < curveLimit {
		return
	}
	half := h.Curve[:0]
	for i := 0; i+1 < len(h.Curve); i += 2 {
		a, b := h.Curve[i], h.Curve[i+1]
		half = append(half, CurvePoint{b.Step, (a.Loss + b.Loss) / 2, (a.Rate + b.Rate) / 2, (a.GradientNorm + b.GradientNorm) / 2})
	}
	h.Curve = half
	h.Every *= 2
}

// last is the last validation; nil where there is none.
func (h *history) last() *Validation {
	if n := len(h.Validations); n > 0 {
		return &h.Validations[n-1]
	}
	return nil
}
