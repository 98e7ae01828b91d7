package sampler

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// Numbers of torch.quantile and diffusers' _threshold_sample: |z| sorted is 0.5, 1, 2, 4.
func TestAThresholdIsAQuantileOfTheSampleWithinItsLimits(t *testing.T) {
	z := []float32{-4, 1, 0.5, 2}
	for _, c := range []struct {
		Threshold
		s float32
	}{
		{Threshold{Ratio: 1}, 4},
		{Threshold{Ratio: 0.5}, 1.5},
		{Threshold{Ratio: 0.9}, 3.4},
		{Threshold{Ratio: 0.1}, 1},            // 0.65, but at least 1
		{Threshold{Ratio: 1, Max: 1.5}, 1.5},  // at most Max
		{Threshold{Ratio: 0.1, Max: 0.5}, .5}, // which may be below 1
	} {
		require.InDelta(t, c.s, c.bound(z, make([]float32, 4)), 1e-6, "%v", c.Threshold)
		plan := &Plan{Threshold: &c.Threshold}
		net := Clip(Func(func(dst, x []float32, _ At) { copy(dst, x) }), plan)
		x := append(slices.Clone(z), 0.1, 0.2, 0.3, float32(math.Inf(1)))
		dst := make([]float32, len(x))
		require.NoError(t, net.Predict(context.Background(), dst, x, At{DataP: 1, N: 2}))
		for i, v := range z {
			require.InDelta(t, max(-c.s, min(c.s, v))/c.s, dst[i], 1e-6)
		}
		require.Equal(t, x[4:7], dst[4:7], "a sample that is not finite stays as it is")
		require.True(t, math.IsNaN(float64(dst[7])))
	}
}

func TestSamplesDoNotDependOnOneAnothersThreshold(t *testing.T) {
	plan, err := NewPlan(Model{Path: schedule.CondOT(), Prediction: schedule.Data}, Settings{Solver: DDIM, Steps: 3, Threshold: &Threshold{Ratio: 0.8}})
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, plan.Print(&text))
	require.Contains(t, text.String(), "threshold   0.8")
	net := Func(func(dst, x []float32, _ At) {
		for i, v := range x {
			dst[i] = 3 * v
		}
	})
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]float32, 4*6)
	for i := range all {
		all[i] = float32(random.NormFloat64())
	}
	one := slices.Clone(all[12:18])
	require.NoError(t, Run(context.Background(), plan, Clip(net, plan), NewState(all, 4, 0), nil, nil))
	require.NoError(t, Run(context.Background(), plan, Clip(net, plan), NewState(one, 1, 2), nil, nil))
	require.Equal(t, one, all[12:18])
}
