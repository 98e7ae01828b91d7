package models

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// several is a card that names the outputs of a graph with noise: v, and w = -v.
const several = `{"predictions": {"velocity": "v", "score": "w"}}`

func withNegative(v []float32) []float32 {
	both := slices.Clone(v)
	for _, p := range v {
		both = append(both, -p)
	}
	return both
}

func TestBothPredictionsComeFromOneCallInEveryTypeAndBatch(t *testing.T) {
	run := Run{Labels: []int{2, 0, 1}}
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16} {
		for _, batch := range []onnx.Dim{free, fixed(1), fixed(4)} {
			t.Run(fmt.Sprintf("%s, batch %s", dtype, batch), func(t *testing.T) {
				g := testGraph{state: dtype, batch: batch, clock: []onnx.Dim{}, label: onnx.Int64, noise: true, shape: []int64{3, 2}}
				r := g.resolve(t, `{"predictions": {"velocity": "v", "score": "w"}, "labels": {"count": 3, "null": -1}}`)
				require.Equal(t, "w", r.Second.Output.Name)
				net := network(t, r, run)
				for _, n := range []int{10, 3, 10, 4} { // sizes that a fixed batch fits, and that leave a remainder
					x := states(n, 6)
					want := withNegative(add(x, 6, func(k, _ int) float32 { return 3 + []float32{20, 0, 10}[k%3] }))
					dst := make([]float32, 2*len(x))
					require.NoError(t, net.Predict(context.Background(), dst, x, at))
					require.Equal(t, want, dst)

					cond, uncond := make([]float32, len(dst)), make([]float32, len(dst))
					require.NoError(t, net.PredictBoth(context.Background(), cond, uncond, x, at))
					require.Equal(t, want, cond)
					require.Equal(t, withNegative(add(x, 6, func(int, int) float32 { return 3 - 10 })), uncond)
				}
				require.EqualValues(t, 3*(10+3+10+4), net.Evaluations(), "a call that gives two predictions is one")

				alone := network(t, r.For(&sampler.Plan{}), run)
				x := states(10, 6)
				require.Equal(t, add(x, 6, func(k, _ int) float32 { return 3 + []float32{20, 0, 10}[k%3] }), predict(t, alone, x, at))
			})
		}
	}
}

func TestTheTwoPredictionsThatCountAreChosen(t *testing.T) {
	var outputs []port
	for _, p := range schedule.Predictions() {
		outputs = append(outputs, port{p.String() + "!", f32, picture})
	}
	for _, c := range []struct{ card, first, second string }{
		{`"velocity": "velocity!", "score": "score!"`, "velocity", "score"},
		{`"score": "score!", "velocity": "velocity!"`, "velocity", "score"},
		{`"score": "score!", "noise": "noise!"`, "noise", "score"},
		{`"score": "score!", "v": "v!"`, "score", "v"},
		{`"data": "data!", "noise": "noise!"`, "data", "noise"},
		{`"reverse-velocity": "reverse-velocity!", "v": "v!"`, "v", "reverse-velocity"},
		{`"velocity": "velocity!", "data": "data!", "score": "score!"`, "velocity", "score"},
		{`"velocity": "velocity!", "data": "data!", "noise": "noise!"`, "velocity", "data"},
		{`"score": "score!"`, "score", ""},
	} {
		r := resolved(t, `{"predictions": {`+c.card+`}}`, []port{in("x", f32, picture...), in("t", f32, each...)}, outputs)
		require.NoError(t, r.Err())
		require.Equal(t, c.first, r.Prediction.String())
		require.Equal(t, c.first+"!", r.Output.Name)
		if c.second == "" {
			require.Nil(t, r.Second)
			require.False(t, r.Sampling().Second.Valid())
			continue
		}
		require.Equal(t, c.second, r.Sampling().Second.String())
		require.Equal(t, Port{Name: c.second + "!", Type: f32, Batched: true, Row: []int{3, 8, 8}}, r.Second.Output)
	}
	r := resolved(t, `{"predictions": {"velocity": "velocity!", "data": "data!", "score": "score!"}}`, []port{in("x", f32, picture...), in("t", f32, each...)}, outputs)
	require.Contains(t, r.Guesses, "of the network's 3 predictions velocity and score are used")
}

func TestAWalkWithRoomForOnePredictionIsAnError(t *testing.T) {
	net := network(t, testGraph{clock: []onnx.Dim{free}, noise: true}.resolve(t, several), Run{})
	x := states(3, 2)
	require.ErrorContains(t, net.Predict(context.Background(), make([]float32, len(x)), x, at), "gives 2 predictions of a state, 12 numbers, and the walk has room for 6")
}

// twoOutputs is the field of one Gaussian N(mean, std^2) along condot as a graph: with v = (1-t)^2 + t^2 std^2 and
// e = (x - t mean)/v, the outputs are u = mean + (t std^2 - (1-t)) e and s = -e.
func twoOutputs(t *testing.T, mean, std float32, batch onnx.Dim) string {
	t.Helper()
	g := onnx.NewGraph("gaussian")
	number := func(name string, v float32) onnx.Ref { return g.Const(name, onnx.Scalar(v)) }
	m, square := number("mean", mean), number("square", std*std)
	x, clock := g.Input("x", onnx.Float32, batch, fixed(2)), g.Input("t", onnx.Float32, batch, fixed(1))
	rest := g.Node("Sub", number("one", 1), clock)
	spread := g.Node("Mul", clock, square)
	v := g.Node("Add", g.Node("Mul", rest, rest), g.Node("Mul", clock, spread))
	e := g.Node("Div", g.Node("Sub", x, g.Node("Mul", clock, m)), v)
	g.Output("s", g.Node("Neg", e), onnx.Float32, batch, fixed(2))
	g.Output("u", g.Node("Add", m, g.Node("Mul", g.Node("Sub", spread, rest), e)), onnx.Float32, batch, fixed(2))
	g.Meta("odeon", `{"predictions": {"velocity": "u", "score": "s"}, "path": "condot"}`)
	data, err := g.Bytes()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "gaussian.onnx")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

// The walk with ONNX Runtime's velocity and score is the walk with the exact ones, also from clean data, where neither can be
// had from the other.
func TestVelocityAndScoreOfAGraphDriveTheSDE(t *testing.T) {
	sigma, err := schedule.ParseDiffusion("0.7")
	require.NoError(t, err)
	field := exact.Gaussian([]float64{0.5, 0.5}, 0.3)
	for _, batch := range []onnx.Dim{free, fixed(4)} {
		m, err := Open(twoOutputs(t, 0.5, 0.3, batch))
		require.NoError(t, err)
		r := Resolve(m)
		for _, ends := range [][2]float64{{0, 1}, {1, 0}} {
			plan, err := sampler.NewPlan(r.Sampling(), sampler.Settings{Steps: 40, Sigma: sigma, From: &ends[0], To: &ends[1]})
			require.NoError(t, err)
			require.Equal(t, "score", plan.Second)
			require.Same(t, r, r.For(plan))
			calls := 0
			closure := sampler.Func(func(dst, x []float32, at sampler.At) {
				calls++
				x64, p64 := make([]float64, len(x)), make([]float64, len(x))
				for i, v := range x {
					x64[i] = float64(v)
				}
				for k, prediction := range []schedule.Prediction{schedule.Velocity, schedule.Score} {
					field.Predict(p64, x64, prediction, r.Path.At(at.T))
					for i, p := range p64 {
						dst[k*len(x)+i] = float32(p)
					}
				}
			})
			walk := func(net sampler.Network) []float32 {
				x := sampler.NewState(make([]float32, 2*10), 10, 0)
				require.NoError(t, x.Draw(plan, sampler.Philox{Seed: 5}))
				require.NoError(t, sampler.Run(t.Context(), plan, net, x, sampler.Philox{Seed: 5}, nil))
				return x.X
			}
			net := network(t, r, Run{})
			require.InDeltaSlice(t, walk(closure), walk(net), 1e-5)
			require.Equal(t, 40, calls)
			require.EqualValues(t, 40*10, net.Evaluations())
		}
	}
}
