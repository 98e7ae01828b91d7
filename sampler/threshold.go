package sampler

import (
	"fmt"
	"math"
	"slices"
)

// Threshold is dynamic thresholding of the data prediction (Saharia et al. 2022, https://arxiv.org/abs/2205.11487, section 2.3): with s the
// quantile Ratio of |z| over one sample's elements, but at least 1 and at most Max, z becomes clip(z, -s, s)/s. Where s is 1, that is
// a clip to [-1, 1].
type Threshold struct {
	Ratio float64 `json:"ratio"`         // 0.995, say
	Max   float64 `json:"max,omitempty"` // 0: no limit
}

// String is "0.995", or "0.995,1.5" with a limit, as a flag takes it.
func (t Threshold) String() string {
	if t.Max == 0 {
		return fmt.Sprint(t.Ratio)
	}
	return fmt.Sprintf("%v,%v", t.Ratio, t.Max)
}

func (t Threshold) check() error {
	switch {
	case !(t.Ratio > 0 && t.Ratio <= 1):
		return fmt.Errorf("threshold: the ratio is %v, expected a share of the elements, above 0 and at most 1", t.Ratio)
	case t.Max < 0 || !finite(t.Max):
		return fmt.Errorf("threshold: the limit is %v, expected a number above 0, or none", t.Max)
	}
	return nil
}

// bound is s of one sample, whose sorted absolute values are to fill the buffer.
func (t Threshold) bound(z, buffer []float32) float32 {
	for i, v := range z {
		buffer[i] = float32(math.Abs(float64(v)))
	}
	slices.Sort(buffer)
	s := max(1, share(buffer, t.Ratio))
	if t.Max != 0 {
		s = min(s, float32(t.Max))
	}
	return s
}

// share is where the share q of sorted values lies below, on the straight line between two of them.
func share(sorted []float32, q float64) float32 {
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	lo, hi := sorted[below], sorted[below+1]
	return lo + float32(float32(at-float64(below))*(hi-lo))
}
