package models

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/onnx"
	"odeon/sampler"
)

var at = sampler.At{Input: 3, Scale: 1}

func TestTimeIsFedInEveryTypeAndShape(t *testing.T) {
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16, onnx.Int32, onnx.Int64} {
		for name, clock := range map[string][]onnx.Dim{
			"[]": {}, "[1]": {fixed(1)}, "[n]": {free}, "[n,1]": {free, fixed(1)}, "[n,1,1,1]": {free, fixed(1), fixed(1), fixed(1)},
		} {
			for _, batch := range []int64{-1, 1, 4} {
				if batch > 0 && len(clock) > 0 && clock[0] != fixed(1) {
					clock = append([]onnx.Dim{fixed(batch)}, clock[1:]...)
				}
				t.Run(fmt.Sprintf("%s %s batch %d", dtype, name, batch), func(t *testing.T) {
					g := testGraph{time: dtype, clock: clock}
					if batch > 0 {
						g.batch = fixed(batch)
					}
					r := g.resolve(t, `{"time": "3"}`)
					require.Equal(t, "t", r.Clock.Name)
					require.Equal(t, dtype.IsInteger(), r.Sampling().Integer)
					net := network(t, r, Run{})
					x := states(10, 2)
					for _, input := range []float64{3, 7} {
						got := predict(t, net, x, sampler.At{Input: input, Scale: 1})
						require.Equal(t, add(x, 2, func(int, int) float32 { return float32(input) }), got)
					}
					require.EqualValues(t, 20, net.Evaluations(), "padding is not counted")
				})
			}
		}
	}
}

func TestStatesOfEveryFloatTypeAreScaledAndFed(t *testing.T) {
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16} {
		for _, batch := range []onnx.Dim{free, fixed(1), fixed(4)} {
			for _, scale := range []float64{1, 0.5} {
				t.Run(fmt.Sprintf("%s batch %s scale %g", dtype, batch, scale), func(t *testing.T) {
					g := testGraph{state: dtype, batch: batch, clock: []onnx.Dim{}, shape: []int64{1, 3, 2}}
					net := network(t, g.resolve(t, "{}"), Run{})
					x := states(10, 6)
					want := make([]float32, len(x))
					for i := range x {
						want[i] = x[i]*float32(scale) + 3
					}
					require.Equal(t, want, predict(t, net, x, sampler.At{Input: 3, Scale: scale}))
				})
			}
		}
	}
}

func TestChunksOfOtherSizesAndBuffersAreFed(t *testing.T) {
	net := network(t, testGraph{clock: []onnx.Dim{free}}.resolve(t, "{}"), Run{})
	for i, n := range []int{7, 7, 3, 7, 1, 2, 4, 5, 6, 8, 9, 10, 7} {
		x := states(n, 2)
		require.Equal(t, add(x, 2, func(int, int) float32 { return 3 }), predict(t, net, x, sampler.At{Input: 3, Scale: 1, First: 7 * i}))
	}
	// One buffer with other numbers in it, and many buffers for the result, as a walk with stages has.
	x := states(7, 2)
	for i := range 20 {
		x[0] = float32(i)
		require.Equal(t, add(x, 2, func(int, int) float32 { return 3 }), predict(t, net, x, at))
	}
}

func TestLabelsGoToTheSampleThatCarriesTheirNumber(t *testing.T) {
	run := Run{First: 100, Labels: []int{2, 0, NullLabel}}
	for _, c := range []struct {
		name string
		testGraph
		card string
		null float32 // what the graph makes of no class
	}{
		{"index int64, null -1", testGraph{label: onnx.Int64}, `{"labels": {"count": 3, "null": -1}}`, -10},
		{"index int32, null 3", testGraph{label: onnx.Int32}, `{"labels": {"count": 3, "null": 3}}`, 30},
		{"index float32", testGraph{label: onnx.Float32}, `{"labels": {"count": 3, "null": 3}, "inputs": {"label": "y"}}`, 30},
		{"onehot, zeros", testGraph{label: onnx.Float32, classes: 3}, `{"labels": {"count": 3, "null": "zeros"}}`, 1000},
		{"onehot, a class of its own", testGraph{label: onnx.Float32, classes: 4}, `{"labels": {"count": 3, "encoding": "onehot", "null": 3}}`, 30},
		{"onehot float16", testGraph{label: onnx.Float16, classes: 3}, `{"labels": {"count": 3, "null": "zeros"}}`, 1000},
	} {
		for _, batch := range []onnx.Dim{free, fixed(1), fixed(4)} {
			t.Run(fmt.Sprintf("%s, batch %s", c.name, batch), func(t *testing.T) {
				c.batch, c.clock = batch, []onnx.Dim{batch}
				r := c.resolve(t, c.card)
				require.Equal(t, "y", r.Label.Name)
				require.NoError(t, r.CanGuide())
				net := network(t, r, run)
				class := func(k, _ int) float32 { return 3 + []float32{20, 0, c.null}[k%3] }
				x := states(10, 2)
				for _, first := range []int{0, 10, 0} { // chunks in any order
					want := add(x, 2, func(k, i int) float32 { return class(first+k, i) })
					at := sampler.At{Input: 3, Scale: 1, First: run.First + first}
					require.Equal(t, want, predict(t, net, x, at))

					cond, uncond := make([]float32, len(x)), make([]float32, len(x))
					require.NoError(t, net.PredictBoth(context.Background(), cond, uncond, x, at))
					require.Equal(t, want, cond)
					require.Equal(t, add(x, 2, func(int, int) float32 { return 3 + c.null }), uncond)
				}
				require.EqualValues(t, 90, net.Evaluations())
			})
		}
	}
}

func TestFurtherInputsTakeOneValueOrARowASample(t *testing.T) {
	row := func(rows int) *Array {
		a := &Array{Shape: []int{rows, 2}}
		for i := range 2 * rows {
			a.Data = append(a.Data, float64(100*i))
		}
		return a
	}
	rows := func(k, i int) float32 { return float32(100 * (2*k + i)) }
	for _, batch := range []onnx.Dim{free, fixed(1), fixed(4)} {
		perSample := []onnx.Dim{batch, fixed(2)}
		for _, c := range []struct {
			name    string
			dtype   onnx.DType
			feature []onnx.Dim
			card    string
			set     Set
			cond    func(k, i int) float32
			uncond  func(k, i int) float32
		}{
			{"a number in the card", onnx.Float32, perSample, `{"constants": {"h": 5}}`, Set{}, func(int, int) float32 { return 5 }, nil},
			{"one sample's in the card", onnx.Float32, perSample, `{"constants": {"h": [100, 200]}}`, Set{}, func(_, i int) float32 { return float32(100 + 100*i) }, nil},
			{"one row for all", onnx.Float64, perSample, `{}`, Set{Name: "h", Value: row(1)}, func(_, i int) float32 { return rows(0, i) }, nil},
			{"a row a sample", onnx.Float32, perSample, `{}`, Set{Name: "h", Value: row(10)}, rows, nil},
			{"whole numbers", onnx.Int64, perSample, `{}`, Set{Name: "h", Value: row(10)}, rows, nil},
			{"the flag overrides the card", onnx.Float32, perSample, `{"constants": {"h": 5}}`, Set{Name: "h", Value: row(10)}, rows, nil},
			{"null for all", onnx.Float32, perSample, `{}`, Set{Name: "h", Value: row(10), Null: &Array{Data: []float64{-1}}}, rows, func(int, int) float32 { return -1 }},
			{"null of its own", onnx.Float32, perSample, `{"constants": {"h": 5}}`, Set{Name: "h", Null: row(1)}, func(int, int) float32 { return 5 }, func(_, i int) float32 { return rows(0, i) }},
			{"without a batch", onnx.Float32, dims(2), `{}`, Set{Name: "h", Value: &Array{Shape: []int{2}, Data: []float64{1, 2}}, Null: &Array{Data: []float64{-1}}},
				func(_, i int) float32 { return float32(i + 1) }, func(int, int) float32 { return -1 }},
			{"a scalar", onnx.Float32, []onnx.Dim{}, `{"constants": {"h": 5}}`, Set{}, func(int, int) float32 { return 5 }, nil},
		} {
			t.Run(fmt.Sprintf("%s, batch %s", c.name, batch), func(t *testing.T) {
				g := testGraph{batch: batch, clock: []onnx.Dim{batch, fixed(1)}, extra: c.dtype, feature: c.feature}
				var sets []Set
				if c.set.Name != "" {
					sets = append(sets, c.set)
				}
				// A number a sample could be the time; the card says which one is.
				card, err := ParseCard([]byte(c.card))
				require.NoError(t, err)
				require.NoError(t, card.Set("inputs", "time=t"))
				text, err := card.Text()
				require.NoError(t, err)
				r := g.resolve(t, text, sets...)
				net := network(t, r, Run{Count: 10})
				x := states(10, 2)
				want := add(x, 2, func(k, i int) float32 { return 3 + c.cond(k, i) })
				require.Equal(t, want, predict(t, net, x, at))
				// The same samples in two chunks.
				later := predict(t, net, x[14:], sampler.At{Input: 3, Scale: 1, First: 7})
				require.Equal(t, want[14:], later)
				if c.uncond == nil {
					require.ErrorContains(t, r.CanGuide(), "--set-null")
					return
				}
				cond, uncond := make([]float32, len(x)), make([]float32, len(x))
				require.NoError(t, net.PredictBoth(context.Background(), cond, uncond, x, at))
				require.Equal(t, want, cond)
				require.Equal(t, add(x, 2, func(k, i int) float32 { return 3 + c.uncond(k, i) }), uncond)
			})
		}
	}
}

func TestChannelsOfTheOutputAreCutOnTheLayoutsAxis(t *testing.T) {
	for _, c := range []struct {
		layout Layout
		shape  []int64
		axis   int
	}{{CHW, []int64{3, 4, 4}, 0}, {HWC, []int64{4, 4, 3}, 2}, {Points, []int64{3}, 0}, {CL, []int64{3, 8}, 0}, {TCHW, []int64{2, 3, 4, 4}, 1}} {
		for _, state := range []onnx.DType{onnx.Float32, onnx.Float16} {
			for _, hidden := range []bool{false, true} {
				for _, batch := range []onnx.Dim{free, fixed(4)} {
					t.Run(fmt.Sprintf("%s %s hidden %t batch %s", c.layout, state, hidden, batch), func(t *testing.T) {
						if hidden && state == onnx.Float16 {
							return // told in TestLatentsAreDecoded
						}
						g := testGraph{shape: c.shape, axis: c.axis, channels: 1, state: state, batch: batch, clock: []onnx.Dim{}, hidden: hidden}
						width := 1
						for _, n := range c.shape {
							width *= int(n)
						}
						x := states(10, width)
						first := g.resolve(t, fmt.Sprintf(`{"output": {"name": "v", "channels": [0, 3]}, "layout": %q}`, c.layout))
						require.Equal(t, add(x, width, func(int, int) float32 { return 3 }), predict(t, network(t, first, Run{}), x, at))

						second := g.resolve(t, fmt.Sprintf(`{"output": {"channels": [3, 6]}, "layout": %q}`, c.layout))
						want := make([]float32, len(x))
						for i := range want {
							want[i] = -x[i] - 3
						}
						require.Equal(t, want, predict(t, network(t, second, Run{}), x, at))
					})
				}
			}
		}
	}
}

func TestANetworkThatIsNotToldTheTimeIsFed(t *testing.T) {
	r := testGraph{}.resolve(t, "{}")
	require.Nil(t, r.Clock)
	require.Contains(t, r.Guesses[0], "not told the time")
	x := states(5, 2)
	require.Equal(t, x, predict(t, network(t, r, Run{}), x, at))
}

func TestASecondOutputIsIgnored(t *testing.T) {
	x := states(5, 2)
	r := testGraph{noise: true, clock: []onnx.Dim{free}}.resolve(t, `{"output": "v"}`)
	require.Equal(t, add(x, 2, func(int, int) float32 { return 3 }), predict(t, network(t, r, Run{}), x, at))
}

// A graph may say less of its output than is true, but not something else.
func TestAWrongShapeIsToldWithTheRoles(t *testing.T) {
	r := testGraph{clock: []onnx.Dim{free}, channels: 1, shape: []int64{3, 2, 2}, hidden: true}.resolve(t, `{}`)
	net := network(t, r, Run{})
	dst := make([]float32, 24)
	err := net.Predict(context.Background(), dst, states(2, 12), at)
	require.ErrorContains(t, err, `output "v" of samples [3 2 2]`)
	require.ErrorContains(t, err, `state "x"`)
}

func TestANetworkStopsWithItsContext(t *testing.T) {
	net := network(t, testGraph{clock: []onnx.Dim{free}}.resolve(t, "{}"), Run{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x := states(5, 2)
	require.ErrorIs(t, net.Predict(ctx, make([]float32, len(x)), x, at), context.Canceled)
	require.Equal(t, add(x, 2, func(int, int) float32 { return 3 }), predict(t, net, x, at), "another context, another call")
}

func TestARunThatTheNetworkCannotServeIsRefused(t *testing.T) {
	labelled := testGraph{clock: []onnx.Dim{free}, label: onnx.Int64}
	features := testGraph{clock: []onnx.Dim{free}, extra: onnx.Float32, feature: []onnx.Dim{free, fixed(2)}}
	three := &Array{Shape: []int{3, 2}, Data: make([]float64, 6)}
	for _, c := range []struct {
		resolved *Resolved
		run      Run
		says     string
	}{
		{labelled.resolve(t, "{}"), Run{}, "give --label"},
		{labelled.resolve(t, "{}"), Run{Labels: []int{NullLabel}}, `"null"`},
		{features.resolve(t, "{}", Set{Name: "h", Value: three}), Run{Count: 4}, "given 3 rows, and the run has 4 samples"},
	} {
		session, err := c.resolved.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
		require.NoError(t, err)
		defer session.Destroy()
		_, err = NewNetwork(c.resolved, session, c.run)
		require.ErrorContains(t, err, c.says)
	}
}

func TestACallLargerThanMemoryIsRefused(t *testing.T) {
	_, _, err := new(caller).allocate(Port{Name: "h", Type: onnx.Float32, Batched: true, Row: []int{1 << 30}}, 4)
	require.ErrorContains(t, err, `"h": found 1073741824 numbers a sample in a call of 4 samples, expected at most 2147483648`)
}

func TestSamplesOutsideTheRunAreRefused(t *testing.T) {
	features := testGraph{clock: []onnx.Dim{free}, extra: onnx.Float32, feature: []onnx.Dim{free, fixed(2)}}
	three := &Array{Shape: []int{3, 2}, Data: make([]float64, 6)}
	net := network(t, features.resolve(t, "{}", Set{Name: "h", Value: three}), Run{First: 10})
	x := states(2, 2)
	dst := make([]float32, len(x))
	ctx := context.Background()
	require.NoError(t, net.Predict(ctx, dst, x, sampler.At{Scale: 1, First: 11}))
	require.ErrorContains(t, net.Predict(ctx, dst, x, sampler.At{Scale: 1, First: 12}), "given 3 rows, and the run has 4 samples")
	require.ErrorContains(t, net.Predict(ctx, dst, x, sampler.At{Scale: 1, First: 9}), "sample 9 is before the run's first, 10")
}

func TestSamplesDoNotDependOnWorkersAndChunks(t *testing.T) {
	g := testGraph{clock: []onnx.Dim{free}, label: onnx.Int64}
	r := g.resolve(t, `{"labels": {"count": 3, "null": 3}}`)
	session, err := r.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1, Workers: 2})
	require.NoError(t, err)
	defer session.Destroy()
	plan, err := sampler.NewPlan(r.Sampling(), sampler.Settings{Steps: 5})
	require.NoError(t, err)
	var first []float32
	for _, c := range []struct{ workers, chunk int }{{1, 20}, {2, 3}, {2, 20}, {2, 1}} {
		job := sampler.Job{Plan: plan, N: 20, First: 7, Dim: 2, Noise: sampler.Philox{Seed: 1}, Workers: c.workers, Chunk: c.chunk}
		job.Network = func(int) (sampler.Network, error) {
			net, err := NewNetwork(r, session, Run{First: 7, Count: 20, Labels: []int{0, 1, 2}})
			if err == nil {
				t.Cleanup(net.Close)
			}
			return sampler.Guide(net, sampler.Guidance{Weight: 2}), err
		}
		samples := make([]float32, 40)
		require.NoError(t, job.Run(context.Background(), func(x []float32, first, _ int) error {
			copy(samples[2*(first-7):], x)
			return nil
		}))
		if first == nil {
			first = samples
		}
		require.Equal(t, first, samples)
	}
}

func TestACallLikeTheOneBeforeAllocatesNothing(t *testing.T) {
	g := testGraph{clock: []onnx.Dim{free, fixed(1)}, label: onnx.Float32, classes: 3}
	net := network(t, g.resolve(t, `{"labels": {"count": 3, "null": "zeros"}}`), Run{Labels: []int{0, 1}})
	ctx, x := context.Background(), states(6, 2)
	cond, uncond := make([]float32, len(x)), make([]float32, len(x))
	// What ONNX Runtime's wrapper allocates to pass tensors is measured by a run of the same session alone.
	require.NoError(t, net.Predict(ctx, cond, x, at))
	lane := net.caller.lanes[0]
	bare := testing.AllocsPerRun(50, func() { require.NoError(t, net.caller.runner.run(lane.tensors, lane.outputs)) })
	input := 0.0
	whole := testing.AllocsPerRun(50, func() {
		input++
		if err := net.Predict(ctx, cond, x, sampler.At{Input: input, Scale: 1}); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, whole, bare)
	guided := testing.AllocsPerRun(50, func() {
		if err := net.PredictBoth(ctx, cond, uncond, x, at); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, guided, bare)
}

// A network that learned the variance of its steps gives it in as many channels behind the prediction's; a plan that reads it
// gets all samples of the first, then all of the second, and a guided one both halves so.
func TestTheLearnedVarianceIsASecondResult(t *testing.T) {
	varied := &sampler.Plan{Prediction: "noise", Second: sampler.LearnedVariance}
	for name, g := range map[string]testGraph{
		"float32":        {shape: []int64{2, 2, 2}, channels: 1, label: onnx.Int64},
		"an open output": {shape: []int64{2, 2, 2}, channels: 1, label: onnx.Int64, hidden: true},
		"a fixed batch":  {shape: []int64{2, 2, 2}, channels: 1, label: onnx.Int64, batch: fixed(2)},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := OpenBytes("probe", g.build(t), Layer{From: "card", Card: parse(t, `{"prediction": "noise", "path": "condot", "layout": "CHW", "output": {"channels": [0, 2]},
				"labels": {"null": 7, "count": 3}}`)})
			require.NoError(t, err)
			r := Resolve(m)
			require.NoError(t, r.Err())
			require.NoError(t, r.CanVary(varied))
			rt := ortest.Found(t)
			session, err := r.NewSession(rt, onnx.SessionOptions{Provider: "cpu", Threads: 1})
			require.NoError(t, err)
			defer session.Destroy()
			net, err := NewNetwork(r.For(varied), session, Run{Labels: []int{1, 2, 0}})
			require.NoError(t, err)
			defer net.Close()
			plain, err := NewNetwork(r.For(&sampler.Plan{}), session, Run{Labels: []int{1, 2, 0}})
			require.NoError(t, err)
			defer plain.Close()

			x := make([]float32, 3*8)
			for i := range x {
				x[i] = float32(i)
			}
			cond, uncond, alone := make([]float32, 2*len(x)), make([]float32, 2*len(x)), make([]float32, len(x))
			at := sampler.At{Scale: 1, N: 3}
			require.NoError(t, net.PredictBoth(context.Background(), cond, uncond, x, at))
			require.NoError(t, plain.Predict(context.Background(), alone, x, at))
			require.Equal(t, alone, cond[:len(x)])
			again := make([]float32, 2*len(x))
			require.NoError(t, net.Predict(context.Background(), again, x, at))
			require.Equal(t, cond, again)
			for i := range x { // the further channels are the first, negated
				require.Equal(t, -cond[i], cond[len(x)+i])
				require.Equal(t, -uncond[i], uncond[len(x)+i])
			}
			require.NotEqual(t, cond, uncond)
		})
	}
	m, err := OpenBytes("probe", testGraph{shape: []int64{2, 2, 2}}.build(t), Layer{From: "card", Card: parse(t, `{"prediction": "noise", "path": "condot"}`)})
	require.NoError(t, err)
	require.ErrorContains(t, Resolve(m).CanVary(varied), "no channels for it behind the prediction's")
}
