package rewrite

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

func TestACompiledFileSamplesAsTheWalkDoes(t *testing.T) {
	half := 0.5
	noisy, err := schedule.ParseDiffusion("1-t")
	require.NoError(t, err)
	guidances := []sampler.Guidance{
		{Weight: 1}, {Weight: 3}, {Weight: 0}, {Weight: 3, Interval: &[2]float64{0.2, 0.7}}, {Weight: 3, Interval: &[2]float64{2, 3}},
	}
	for _, model := range []string{"moons", "glyphs"} {
		r := settled(t, model)
		for kind, solver := range sampler.Solvers() {
			for _, clip := range []*[2]float64{nil, {-1, 1}} {
				for _, steps := range []int{2, 3, 12} {
					for k, g := range guidances {
						if k > 0 && model == "moons" {
							continue
						}
						if kind > 6 && (model != "moons" || steps != 12) {
							continue // the others differ in their rows alone
						}
						s := sampler.Settings{Solver: solver, Steps: steps, Clip: clip}
						switch solver.Name {
						case "ddim":
							s.Eta = &half
						case "euler":
							s.Sigma = noisy
						}
						t.Run(fmt.Sprintf("%s %s clip %v steps %d guidance %d", model, solver.Name, clip != nil, steps, k), func(t *testing.T) {
							requireSame(t, r, planOf(t, r, s), g, 5)
						})
					}
				}
			}
		}
	}
}

func TestEveryKindOfNetworkIsCompiled(t *testing.T) {
	n, one := onnx.Free("n"), onnx.Fixed(1)
	value := func(shape []int, data ...float64) *models.Array { return &models.Array{Shape: shape, Data: data} }
	const flow, noise = `"prediction": "velocity", "path": "condot"`, `"prediction": "noise", "path": {"betas": "linear(1e-4,0.02)", "count": 1000}`
	for _, c := range []struct {
		name string
		kind
		card   string
		sets   []models.Set
		weight float64 // of guidance; 0: none
		n      int
	}{
		{"no clock", kind{shape: []int64{2}}, flow, nil, 0, 3},
		{"a scalar clock", kind{shape: []int64{2}, dims: []onnx.Dim{}}, flow, nil, 0, 3},
		{"a clock [1]", kind{shape: []int64{2}, dims: []onnx.Dim{one}}, flow, nil, 0, 3},
		{"a clock [n,1,1] of float64", kind{shape: []int64{2}, clock: onnx.Float64, dims: []onnx.Dim{n, one, one}}, flow, nil, 0, 3},
		{"a clock of float16", kind{shape: []int64{2}, clock: onnx.Float16, dims: []onnx.Dim{n}}, flow, nil, 0, 3},
		{"an index of int64", kind{shape: []int64{2}, clock: onnx.Int64, dims: []onnx.Dim{n}}, noise, nil, 0, 3},
		{"an index beyond float32", kind{shape: []int64{2}, clock: onnx.Int64, dims: []onnx.Dim{n}}, `"prediction": "velocity", "path": "condot", "time": "16777216+3*t"`, nil, 0, 3},
		{"a state of float16", kind{shape: []int64{2}, state: onnx.Float16, dims: []onnx.Dim{n}}, flow, nil, 0, 3},
		{"a state of float64 that is scaled", kind{shape: []int64{2}, state: onnx.Float64, dims: []onnx.Dim{n}}, `"prediction": "data", "path": "edm(0.02,20,7)", "time": "0.25*log(sigma)", "scale": "1/sqrt(sigma^2+0.25)"`, nil, 0, 3},
		{"channels of CHW", kind{shape: []int64{2, 3, 4}, dims: []onnx.Dim{n}, channels: 1, axis: 1}, flow + `, "layout": "CHW", "output": {"name": "out", "channels": [2, 4]}, "shape": [2, 3, 4]`, nil, 0, 3},
		{"channels of HWC", kind{shape: []int64{3, 4, 2}, dims: []onnx.Dim{n}, channels: 1, axis: 3}, flow + `, "layout": "HWC", "output": {"name": "out", "channels": [2, 4]}, "shape": [3, 4, 2]`, nil, 0, 3},
		{"an output of another shape", kind{shape: []int64{2, 3, 4}, dims: []onnx.Dim{n}, flat: true}, flow, nil, 0, 3},
		{"a fixed batch", kind{batch: onnx.Fixed(4), shape: []int64{2}, dims: []onnx.Dim{onnx.Fixed(4)}}, flow, nil, 0, 4},
		{"one sample without a batch", kind{batch: onnx.Fixed(3), shape: []int64{2}, dims: []onnx.Dim{}}, flow + `, "shape": [3, 2]`, nil, 0, 1},
		{"an index of classes", kind{shape: []int64{2}, dims: []onnx.Dim{n}, label: onnx.Int32}, flow + `, "labels": {"count": 3, "null": 3}`, nil, 2, 5},
		{"classes of float32", kind{shape: []int64{2}, dims: []onnx.Dim{n}, label: onnx.Float32}, flow + `, "labels": {"count": 3, "null": -1}, "inputs": {"label": "y", "time": "t"}`, nil, 2, 5},
		{"rows of classes, zeros for none", kind{shape: []int64{2}, dims: []onnx.Dim{n}, label: onnx.Float32, classes: 3}, flow + `, "labels": {"count": 3, "null": "zeros"}`, nil, 2, 5},
		{"rows of classes, one for none", kind{shape: []int64{2}, dims: []onnx.Dim{n}, label: onnx.Float16, classes: 4}, flow + `, "labels": {"count": 3, "null": 3, "encoding": "onehot"}`, nil, 2, 5},
		{"a fixed batch under guidance", kind{batch: onnx.Fixed(4), shape: []int64{2}, dims: []onnx.Dim{onnx.Fixed(4)}, label: onnx.Int64}, flow + `, "labels": {"count": 3, "null": 3}`, nil, 2, 4},
		{"a constant", kind{shape: []int64{2}, dims: []onnx.Dim{n}, extra: []onnx.Dim{n, onnx.Fixed(3)}}, flow + `, "constants": {"c": 0.3}`, nil, 0, 3},
		{"a further input for every sample", kind{shape: []int64{2}, dims: []onnx.Dim{n}, extra: []onnx.Dim{n, onnx.Fixed(3)}}, flow,
			[]models.Set{{Name: "c", Value: value([]int{3}, 1, 2, 4), Null: value([]int{3}, 0, 0, 0.5)}}, 2, 3},
		{"a further input that belongs to no sample", kind{shape: []int64{2}, dims: []onnx.Dim{n}, extra: []onnx.Dim{one, onnx.Fixed(3)}}, flow,
			[]models.Set{{Name: "c", Value: value([]int{1, 3}, 1, 2, 4), Null: value([]int{1, 3}, 0, 0, 0.5)}}, 2, 3},
		{"a further input beside classes", kind{shape: []int64{2}, dims: []onnx.Dim{n}, label: onnx.Int64, extra: []onnx.Dim{one, onnx.Fixed(3)}}, flow + `, "labels": {"count": 3, "null": 3}, "constants": {"c": 0.5}`, nil, 2, 5},
		{"many nodes", kind{shape: []int64{2}, dims: []onnx.Dim{n}, label: onnx.Int64, nodes: 2 * fewNodes}, flow + `, "labels": {"count": 3, "null": 3}`, nil, 2, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.resolve(t, "{"+c.card+"}", c.sets...)
			guidances := []sampler.Guidance{{Weight: 1}}
			if c.weight != 0 {
				guidances = append(guidances, sampler.Guidance{Weight: c.weight}, sampler.Guidance{Weight: c.weight, Interval: &[2]float64{0.2, 0.6}})
			}
			for _, solver := range []sampler.Solver{sampler.Heun, sampler.DDPM, sampler.RK4} {
				for _, steps := range []int{2, 7} {
					for _, g := range guidances {
						requireSame(t, r, planOf(t, r, sampler.Settings{Solver: solver, Steps: steps, Clip: &[2]float64{-2, 2}}), g, c.n)
						requireSame(t, r, planOf(t, r, sampler.Settings{Solver: solver, Steps: steps}), g, c.n)
					}
				}
			}
		})
	}
}

// Plans that begin in data, go there and back, or take steps again, are tables like any other.
func TestCompiledWalksBeginInData(t *testing.T) {
	sigma, err := schedule.ParseDiffusion("1-t")
	require.NoError(t, err)
	for name, set := range map[string]sampler.Settings{
		"the last part":                    {Solver: sampler.Heun, Steps: 8, Strength: 0.5},
		"of an SDE":                        {Sigma: sigma, Steps: 8, Strength: 0.5},
		"there and back":                   {Solver: sampler.Heun, Steps: 4, Invert: true},
		"there and back, by an SDE":        {Sigma: sigma, Steps: 4, Invert: true},
		"there and back, by several steps": {Solver: sampler.AdamsBashforth, Steps: 6, Invert: true},
		"steps again":                      {Solver: sampler.DDIM, Steps: 4, Resample: sampler.Resample{Times: 3, Length: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			r := settled(t, "glyphs")
			requireSame(t, r, planOf(t, r, set), sampler.Guidance{Weight: 2}, 3)
		})
	}
}

// A multistep method reads predictions of earlier steps; a corrector adds noise without calling the network, and a row in between
// does nothing but keep the state.
func TestRowsWithoutACallAndWithHistoryAreCompiled(t *testing.T) {
	r := settled(t, "moons")
	for _, network := range []*models.Resolved{r, kind{shape: []int64{2}, dims: []onnx.Dim{onnx.Free("n")}, nodes: 2 * fewNodes}.resolve(t, `{"prediction": "velocity", "path": "condot"}`)} {
		for _, steps := range []int{2, 4, 9} {
			plan := planOf(t, r, sampler.Settings{Steps: steps})
			rows := plan.Rows
			plan.Rows = nil
			for k, row := range rows {
				h := row.B[0]
				row.B = []float64{1.5 * h, -0.5 * h, 0.25 * h, -0.25 * h}[:min(k+1, 4)]
				row.Ends, row.Keep = false, k%2 == 0
				noise := sampler.Row{Step: k, T: row.Next, Next: row.Next, Scale: 1, A: 0.9, A0: 0.1, B: []float64{0.01}, C: 0.1, Draw: k + 1, Ends: true}
				plan.Rows = append(plan.Rows, row, noise)
			}
			require.NoError(t, plan.Check())
			requireSame(t, network, plan, sampler.Guidance{Weight: 1}, 4)
		}
		plan, err := sampler.OrnsteinUhlenbeck(1, 1, 0.1, 10)
		require.NoError(t, err)
		plan.Path, plan.Prediction, plan.Start = network.Path.String(), network.Prediction.String(), 1
		requireSame(t, network, plan, sampler.Guidance{Weight: 1}, 4)
	}
}

func TestAFileDoesNotGrowWithItsSteps(t *testing.T) {
	const most = 100_000
	n := onnx.Free("n")
	for _, network := range []*models.Resolved{
		kind{shape: []int64{2}, dims: []onnx.Dim{n}}.resolve(t, `{"prediction": "noise", "path": "vp(0.1,20)"}`),
		kind{shape: []int64{2}, dims: []onnx.Dim{n}, nodes: 2 * fewNodes}.resolve(t, `{"prediction": "noise", "path": "vp(0.1,20)"}`),
	} {
		for _, solver := range sampler.Solvers() {
			for _, clip := range []*[2]float64{nil, {-1, 1}} {
				var size [2]int
				calls := 0
				for i, steps := range []int{10, 1000} {
					plan := planOf(t, network, sampler.Settings{Solver: solver, Steps: steps, Clip: clip})
					calls = plan.Calls()
					s, err := Compile(network, plan, sampler.Guidance{Weight: 1})
					require.NoError(t, err)
					model, err := s.Graph.Bytes()
					require.NoError(t, err)
					require.NoError(t, s.Close())
					size[i] = len(model)
				}
				t.Logf("%s, clip %v: %d bytes at 10 steps, %d more at 1000", solver.Name, clip != nil, size[0], size[1]-size[0])
				require.LessOrEqual(t, size[1]-size[0], max(most, 12*4*calls), solver.Name)
			}
		}
	}
}

func TestTheNoiseBeforeClippingIsCompiled(t *testing.T) {
	half := 0.5
	for _, steps := range []int{3, 12} {
		r := settled(t, "moons")
		s := sampler.Settings{Solver: sampler.DDIM, Eta: &half, Steps: steps, Clip: &[2]float64{-0.5, 0.5}, Unclipped: true}
		requireSame(t, r, planOf(t, r, s), sampler.Guidance{Weight: 1}, 5)
	}
}

func TestDynamicThresholdingIsCompiled(t *testing.T) {
	for _, model := range []string{"moons", "glyphs"} {
		for _, threshold := range []sampler.Threshold{{Ratio: 0.6}, {Ratio: 0.9, Max: 1.2}, {Ratio: 1}, {Ratio: 0.5, Max: 0.5}} {
			r := settled(t, model)
			s := sampler.Settings{Solver: sampler.DDIM, Steps: 5, Threshold: &threshold}
			requireSame(t, r, planOf(t, r, s), sampler.Guidance{Weight: 1}, 5)
		}
	}
}

func TestAStateThatIsNotFiniteIsNotHiddenByClipping(t *testing.T) {
	r := settled(t, "moons")
	plan := planOf(t, r, sampler.Settings{Steps: 6, Clip: &[2]float64{-1, 1}})
	trip := newTrip(r, plan, 2)
	trip.noise[0] = float32(math.Inf(1))
	samples := compiled(t, r, plan, sampler.Guidance{Weight: 1}, trip, r.Shape)()
	require.True(t, math.IsNaN(float64(samples[0])), "%v", samples)
	require.False(t, math.IsNaN(float64(samples[2])), "the other sample is not touched: %v", samples)
}

func TestWhatCannotBeCompiledIsRefused(t *testing.T) {
	n := onnx.Free("n")
	flow := `{"prediction": "velocity", "path": "condot"}`
	small := kind{shape: []int64{2}, dims: []onnx.Dim{n}}
	r := small.resolve(t, flow)
	plan := planOf(t, r, sampler.Settings{Steps: 3})
	for name, c := range map[string]struct {
		model *models.Resolved
		plan  *sampler.Plan
		g     sampler.Guidance
		says  string
	}{
		"another path": {r, planOf(t, small.resolve(t, `{"prediction": "velocity", "path": "cosine"}`), sampler.Settings{Steps: 3}), sampler.Guidance{Weight: 1},
			"the plan is for the path cosine, and the network's is condot"},
		"another prediction": {r, planOf(t, small.resolve(t, `{"prediction": "data", "path": "condot"}`), sampler.Settings{Steps: 3}), sampler.Guidance{Weight: 1},
			"the plan is for the prediction data, and the network's is velocity"},
		"a broken plan":       {r, &sampler.Plan{}, sampler.Guidance{Weight: 1}, "the last must complete a step"},
		"guidance of nothing": {r, plan, sampler.Guidance{Weight: 2}, "guidance needs a conditional network"},
		"an old opset": {kind{shape: []int64{2}, dims: []onnx.Dim{n}, opset: 12}.resolve(t, flow), plan, sampler.Guidance{Weight: 1},
			"opset 12, and a sampler needs at least 13"},
		"a row a sample": {kind{shape: []int64{2}, dims: []onnx.Dim{n}, extra: []onnx.Dim{n, onnx.Fixed(1)}}.resolve(t, flow,
			models.Set{Name: "c", Value: &models.Array{Shape: []int{2, 1}, Data: []float64{1, 2}}}), plan, sampler.Guidance{Weight: 1},
			`input "c" is given 2 rows, and a compiled file holds one value for all samples`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(c.model, c.plan, c.g)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestADecoderIsPartOfTheFile(t *testing.T) {
	n := onnx.Free("n")
	network := kind{shape: []int64{2}, dims: []onnx.Dim{n}}
	one := sampler.Guidance{Weight: 1}
	for _, decoder := range []kind{{shape: []int64{2}}, {shape: []int64{2}, state: onnx.Float16}, {shape: []int64{2}, batch: onnx.Fixed(3)}} {
		r := withDecoder(t, network, decoder, `, "scale": 0.2, "shift": 0.3`)
		requireSame(t, r, planOf(t, r, sampler.Settings{Steps: 6}), one, 3)
	}
	for says, decoder := range map[string]kind{
		"opset 17, and its decoder's":             {shape: []int64{2}, opset: 18},
		"takes 4 samples a call, and its decoder": {shape: []int64{2}, batch: onnx.Fixed(3)},
	} {
		fixed := network
		if decoder.opset == 0 {
			fixed = kind{shape: []int64{2}, dims: []onnx.Dim{onnx.Fixed(4)}, batch: onnx.Fixed(4)}
		}
		r := withDecoder(t, fixed, decoder, "")
		_, err := Compile(r, planOf(t, r, sampler.Settings{Steps: 6}), one)
		require.ErrorContains(t, err, says)
	}
}

func TestPretrainedNetworksCompiledSampleAsTheWalkDoes(t *testing.T) {
	noisy, err := schedule.ParseDiffusion("1.5*(1-t)")
	require.NoError(t, err)
	clip := &[2]float64{-1, 1}
	one, clean := sampler.Guidance{Weight: 1}, schedule.Index(0)
	for _, c := range []struct {
		name, network string
		n             int
		settings      sampler.Settings
		guidance      sampler.Guidance
	}{
		{"moons-otcfm", "model.onnx", 16, sampler.Settings{Solver: sampler.RK4, Steps: 10}, one},
		{"circles-score", "score.onnx", 16, sampler.Settings{Solver: sampler.Heun, Steps: 10}, one},
		{"dino", "model.onnx", 16, sampler.Settings{Solver: sampler.DDPM, Steps: 50}, one},
		{"emnist-latent", "flow.onnx", 8, sampler.Settings{Steps: 6, Sigma: noisy}, sampler.Guidance{Weight: 4}},
		{"emnist-latent", "flow.onnx", 8, sampler.Settings{Steps: 3}, sampler.Guidance{Weight: 4, Interval: &[2]float64{0.3, 0.7}}},
		{"mnist-vit", "model.onnx", 4, sampler.Settings{Steps: 10}, sampler.Guidance{Weight: 2, Interval: &[2]float64{0.3, 0.7}}},
		{"mnist-geometric", "model.onnx", 2, sampler.Settings{Solver: sampler.DDPM, Variance: "beta", Indexes: []schedule.Index{1000, 800, 600, 400, 200}, EndIndex: &clean}, one},
		{"anime64", "model.onnx", 1, sampler.Settings{Solver: sampler.DDIM, Indexes: []schedule.Index{299, 150}, Clip: clip}, one},
		{"anime64", "model.onnx", 1, sampler.Settings{Solver: sampler.DDIM, Indexes: []schedule.Index{299, 240, 180, 120, 60}, Clip: clip}, one},
	} {
		t.Run(fmt.Sprintf("%s, %d steps", c.name, max(c.settings.Steps, len(c.settings.Indexes))), func(t *testing.T) {
			if testing.Short() && c.name == "anime64" {
				t.Skip("anime64 takes some seconds: left out of short runs")
			}
			r := published(t, c.name, c.network)
			requireSame(t, r, planOf(t, r, c.settings), c.guidance, c.n)
		})
	}
}
