package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
)

// The states that are shown lie on straight lines between those that the walk comes to, at the times of the plan, each once, and the last is
// the walk's own.
func TestStatesBetweenAdaptiveStepsAreShownAtEqualTimes(t *testing.T) {
	plan := &sampler.Plan{From: 0, To: 1}
	for k := range 10 {
		plan.Rows = append(plan.Rows, sampler.Row{Step: k, Next: float64(k+1) / 10})
	}
	plan.Rows[9].Next = 1
	var shown []float32
	b := &between{plan: plan, before: []float32{0}, obs: sampler.ObserverFunc(func(row *sampler.Row, x []float32) {
		require.Equal(t, len(shown), row.Step)
		shown = append(shown, x[0])
	})}
	b.Step(&sampler.Row{Next: 0.25}, []float32{1})
	require.Len(t, shown, 2)
	b.Step(&sampler.Row{Next: 0.3}, []float32{2})
	b.Step(&sampler.Row{Next: 0.32}, []float32{3}) // no time lies in it
	b.Step(&sampler.Row{Next: 1}, []float32{10})
	require.Len(t, shown, 10)
	require.InDeltaSlice(t, []float32{0.4, 0.8, 2}, shown[:3], 1e-6)
	require.InDelta(t, 3+7*0.08/0.68, shown[3], 1e-5)
	require.Equal(t, float32(10), shown[9])
}
