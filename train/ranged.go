package train

import (
	"fmt"

	"odeon/models"
	"odeon/train/data"
)

// ranged is data in another range of values: black and white where a network has them.
type ranged struct {
	data.Set
	to           [2]float64
	scale, shift float64
}

// inRange is the data in the range of a network, itself where both agree or one of them has no range.
func inRange(set data.Set, from *models.Resolved) data.Set {
	has := set.Range()
	if has == nil || from.Decode != nil || *has == from.Range {
		return set
	}
	scale := (from.Range[1] - from.Range[0]) / (has[1] - has[0])
	return &ranged{set, from.Range, scale, from.Range[0] - scale*has[0]}
}

func (r *ranged) Range() *[2]float64  { return &r.to }
func (r *ranged) Fingerprint() string { return fmt.Sprint(r.Set.Fingerprint(), " in ", r.to) }

func (r *ranged) Read(dst []float32, labels []int64, indices []int64) error {
	if err := r.Set.Read(dst, labels, indices); err != nil {
		return err
	}
	scale, shift := float32(r.scale), float32(r.shift)
	for i, x := range dst {
		dst[i] = scale*x + shift
	}
	return nil
}
