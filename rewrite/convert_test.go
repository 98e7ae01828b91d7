package rewrite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	fields "odeon/internal/exact"
	"odeon/internal/ortest"
	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// net is a small network: out = sin(3 x + 0.01 time), which no conversion knows anything of.
type net struct {
	state, clock onnx.DType // float32 where they are Undefined
	clockDims    []onnx.Dim // [n] where nil
	timeless     bool       // no clock at all
	channels     bool       // a second channel behind the prediction's
	output       string     // "out" where ""
}

func (n net) build(t testing.TB) []byte {
	t.Helper()
	g := onnx.NewGraph("net")
	batch := onnx.Free("n")
	if n.state == onnx.Undefined {
		n.state = onnx.Float32
	}
	if n.clock == onnx.Undefined {
		n.clock = onnx.Float32
	}
	if n.clockDims == nil {
		n.clockDims = []onnx.Dim{batch}
	}
	if n.output == "" {
		n.output = "out"
	}
	x := g.Input("x", n.state, batch, onnx.Fixed(1), onnx.Fixed(3))
	sum := g.Node("Mul", as(g, x, onnx.Float32), g.Const("", onnx.Scalar[float32](3)))
	if !n.timeless {
		time := as(g, g.Input("t", n.clock, n.clockDims...), onnx.Float32)
		time = g.Node("Reshape", time, g.Const("", onnx.Vector[int64](-1, 1, 1)))
		sum = g.Node("Add", sum, g.Node("Mul", time, g.Const("", onnx.Scalar[float32](0.01))))
	}
	out, channels := g.Node("Sin", sum), int64(1)
	if n.channels {
		out, channels = g.Node("Concat", out, g.Node("Neg", out), onnx.Int("axis", 1)), 2
	}
	g.Output(n.output, as(g, out, n.state), n.state, batch, onnx.Fixed(channels), onnx.Fixed(3))
	model, err := g.Bytes()
	require.NoError(t, err)
	return model
}

// resolve opens the network under a card.
func (n net) resolve(t testing.TB, card string) *models.Resolved {
	t.Helper()
	return resolved(t, n.build(t), card)
}

func resolved(t testing.TB, model []byte, card string) *models.Resolved {
	t.Helper()
	file := filepath.Join(t.TempDir(), "net.onnx")
	require.NoError(t, os.WriteFile(file, model, 0o644))
	parsed, err := models.ParseCard([]byte(card))
	require.NoError(t, err, card)
	m, err := models.Open(file, models.Layer{From: "the test", Card: parsed})
	require.NoError(t, err)
	r := models.Resolve(m)
	require.NoError(t, r.Err())
	return r
}

// target reads a prediction and a path as a card has them; no path is the network's own.
func target(t testing.TB, prediction, path string) Target {
	t.Helper()
	card := `{"prediction": ` + prediction
	if path != "" {
		card += `, "path": ` + path
	}
	parsed, err := models.ParseCard([]byte(card + "}"))
	require.NoError(t, err)
	return Target{Predictions: []models.Prediction{*parsed.Prediction}, Path: parsed.Path}
}

// written converts a network and writes the file with its card inside.
func rewritten(t testing.TB, r *models.Resolved, to Target) (*Converted, string) {
	t.Helper()
	source, err := onnx.OpenSource(r.Model.File)
	require.NoError(t, err)
	t.Cleanup(func() { source.Close() })
	converted, err := Convert(r, source, to)
	require.NoError(t, err)
	card, err := json.Marshal(converted.Card)
	require.NoError(t, err)
	converted.Graph.Meta("odeon", string(card))
	file := filepath.Join(t.TempDir(), "converted.onnx")
	require.NoError(t, converted.Graph.WriteFile(file, onnx.WriteOptions{}))
	return converted, file
}

var (
	zeroSNR    = `{"betas": "linear(1e-4,0.02)", "count": 100, "zero_snr": true}`
	cleanHead  = `{"alpha_bars": [1, 0.9, 0.7, 0.4, 0.2, 0.05, 0.004]}`
	formulas   = []string{`"condot"`, `"cosine"`, `"vp(0.1,20)"`, `"vp(0,15)"`, `"polynomial(1)"`, `"polynomial(2)"`, `"ve(0.02,100)"`, `"edm(0.002,80,7)"`, `{"alpha": "t", "beta": "sqrt(1-t)"}`, `{"alpha": "sin(pi/2*t)^2", "beta": "1-t^3"}`}
	tables     = []string{`{"betas": "linear(1e-4,0.02)", "count": 1000}`, `{"betas": "cosine", "count": 50}`, zeroSNR, cleanHead}
	functional = `{"data": "alpha", "noise": "-2*beta-t"}`
	targets    = []string{`"velocity"`, `"data"`, `"noise"`, `"score"`, `"v"`, `"reverse-velocity"`, functional}
)

func TestEveryConversionIsTheOneInMemory(t *testing.T) {
	runtime := ortest.Found(t)
	var cases []struct {
		name, path string
		net        net
	}
	add := func(name, path string, n net) {
		cases = append(cases, struct {
			name, path string
			net        net
		}{name, path, n})
	}
	for _, path := range formulas {
		add("formulas", path, net{})
	}
	for _, path := range tables {
		add("table, whole indices", path, net{clock: onnx.Int64})
		add("table, real indices", path, net{clockDims: []onnx.Dim{onnx.Free("n"), onnx.Fixed(1)}})
	}
	for _, c := range cases {
		t.Run(c.name+"/"+c.path, func(t *testing.T) {
			worst := 0.
			for _, from := range targets {
				r := c.net.resolve(t, fmt.Sprintf(`{"prediction": %s, "path": %s}`, from, c.path))
				for _, to := range targets {
					converted, file := rewritten(t, r, target(t, to, ""))
					difference, err := converted.Check(context.Background(), runtime, r, file)
					require.NoError(t, err, "%s from %s", to, from)
					worst = max(worst, difference)
				}
			}
			t.Logf("largest difference %.2g", worst)
		})
	}
}

// Each pair of paths takes its turn at a pair of predictions.
func TestEveryPathCanBecomeEveryOther(t *testing.T) {
	runtime := ortest.Found(t)
	paths := slices.Concat(formulas, tables)
	turn := 0
	for i, own := range paths {
		times := map[onnx.DType]string{onnx.Float32: "t", onnx.Int64: "999*(1-t)"}
		if i >= len(formulas) {
			times = map[onnx.DType]string{onnx.Float32: "index/count", onnx.Int64: "index"}
		}
		for _, clock := range []onnx.DType{onnx.Float32, onnx.Int64} {
			t.Run(fmt.Sprintf("%s, clock %v", own, clock), func(t *testing.T) {
				worst := 0.
				for _, onto := range paths {
					if onto == own {
						continue
					}
					turn++
					from, to := targets[turn%len(targets)], targets[turn/len(targets)%len(targets)]
					r := net{clock: clock}.resolve(t, fmt.Sprintf(`{"prediction": %s, "path": %s, "time": %q}`, from, own, times[clock]))
					converted, file := rewritten(t, r, target(t, to, onto))
					difference, err := converted.Check(context.Background(), runtime, r, file)
					require.NoError(t, err, "%s on %s from %s", to, onto, from)
					worst = max(worst, difference)
				}
				t.Logf("largest difference %.2g", worst)
			})
		}
	}
}

// gaussian is what a perfect network would be for data N(1, 0.5^2): along the path, exactly.
func gaussian(t *testing.T, path schedule.Path, prediction schedule.Prediction) []byte {
	t.Helper()
	g := onnx.NewGraph("exact")
	n := onnx.Free("n")
	x := g.Input("x", onnx.Float32, n, onnx.Fixed(1))
	clock := g.Input("t", onnx.Float32, n, onnx.Fixed(1))
	v := along(g, path, as(g, clock, onnx.Float64))
	wide := as(g, x, onnx.Float64)
	// With r = (x - alpha)/(beta^2 + alpha^2/4): the data is 1 + alpha r/4, the noise beta r.
	v.made["x"] = wide
	field := map[string]relation{
		"data":  relate("1+alpha/4*(x-alpha)/(beta^2+alpha^2/4)", "x", "alpha", "beta"),
		"noise": relate("beta*(x-alpha)/(beta^2+alpha^2/4)", "x", "alpha", "beta"),
	}[prediction.String()]
	g.Output("out", as(g, v.write(field), onnx.Float32), onnx.Float32, n, onnx.Fixed(1))
	model, err := g.Bytes()
	require.NoError(t, err)
	return model
}

func TestAPerfectNetworkMovedToAnotherPathIsPerfectThere(t *testing.T) {
	runtime := ortest.Found(t)
	data := fields.Gaussian([]float64{1}, 0.5)
	for _, c := range []struct{ own, from, onto string }{
		{`"vp(0.1,20)"`, "noise", `"condot"`},
		{`{"betas": "linear(1e-4,0.02)", "count": 1000}`, "noise", `"condot"`},
		{`"edm(0.002,80,7)"`, "data", `"vp(0.1,20)"`},
		{`"condot"`, "data", `"edm(0.002,80,7)"`},
		{`{"alpha": "t", "beta": "sqrt(1-t)"}`, "noise", `"cosine"`},
		{`"cosine"`, "noise", `{"betas": "cosine", "count": 50}`},
	} {
		for _, to := range schedule.Predictions() {
			t.Run(c.from+" on "+c.own+" as "+to.String()+" on "+c.onto, func(t *testing.T) {
				own, err := schedule.PathFromJSON(json.RawMessage(c.own))
				require.NoError(t, err)
				from, err := schedule.ParsePrediction(c.from)
				require.NoError(t, err)
				r := resolved(t, gaussian(t, own, from), fmt.Sprintf(`{"prediction": %q, "path": %s}`, c.from, c.own))
				converted, file := rewritten(t, r, target(t, fmt.Sprintf("%q", to), c.onto))
				network := opened(t, runtime, file)
				genuine := converted.change.genuine()
				for i := range 20 {
					time := genuine.From + (genuine.To-genuine.From)*(float64(i)+0.5)/20
					time = math.Round(time*1024) / 1024
					point := converted.change.onto.At(time)
					input := time
					if d, ok := converted.change.onto.(*schedule.Discrete); ok {
						input = math.Round(d.Fraction(time))
						point = d.At(d.Time(schedule.Index(input)))
					}
					x := []float32{-0.5, 0.25, 1.75}
					got, want := make([]float32, 3), make([]float64, 3)
					require.NoError(t, network.Predict(context.Background(), got, x, sampler.At{Input: input, Scale: 1}))
					data.Predict(want, []float64{-0.5, 0.25, 1.75}, to, point)
					m, err := converted.change.at(point.T)
					require.NoError(t, err)
					rounding := 1e-6 * (1 + math.Abs(m.to[0].X) + math.Abs(m.to[0].P)) // of x and of the network's result, which are float32
					for k := range x {
						require.InDelta(t, want[k], got[k], rounding, "t=%v", time)
					}
				}
			})
		}
	}
}

// opened loads a converted file by its own card alone.
func opened(t *testing.T, runtime *onnx.Runtime, file string) *models.Network {
	t.Helper()
	m, err := models.Open(file)
	require.NoError(t, err)
	r := models.Resolve(m)
	require.NoError(t, r.Err())
	session, err := r.NewSession(runtime, onnx.SessionOptions{Provider: "cpu"})
	require.NoError(t, err)
	t.Cleanup(session.Destroy)
	network, err := models.NewNetwork(r, session, models.Run{})
	require.NoError(t, err)
	t.Cleanup(network.Close)
	return network
}
