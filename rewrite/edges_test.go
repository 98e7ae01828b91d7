package rewrite

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/models"
	"odeon/onnx"
	"odeon/schedule"
)

func TestEveryKindOfNetworkIsConverted(t *testing.T) {
	runtime := ortest.Found(t)
	n, one := onnx.Free("n"), onnx.Fixed(1)
	for _, c := range []struct {
		name, card string
		net        net
		to, path   string
	}{
		{"a scale and a time of its own", `{"prediction": {"data": "1/sigma", "noise": "-1"}, "path": "edm(0.002,80,7)", "time": "0.25*log(sigma)", "scale": "1/sqrt(1+sigma^2)"}`, net{}, `"data"`, ""},
		{"a scale, and another path", `{"prediction": "noise", "path": "ve(0.02,100)", "time": "sigma", "scale": "1/sqrt(1+sigma^2)"}`, net{}, `"velocity"`, `"condot"`},
		{"half precision", `{"prediction": "velocity", "path": "condot"}`, net{state: onnx.Float16, clock: onnx.Float16}, `"noise"`, ""},
		{"half precision, the same multiplied", `{"prediction": "velocity", "path": "condot", "time": "t"}`, net{state: onnx.Float16}, `"reverse-velocity"`, ""},
		{"double precision", `{"prediction": "velocity", "path": "condot"}`, net{state: onnx.Float64, clock: onnx.Float64}, `"noise"`, `"cosine"`},
		{"not told the time", `{"prediction": "velocity", "path": "condot"}`, net{timeless: true}, `"noise"`, ""},
		{"not told the time, nor in need of it", `{"prediction": "velocity", "path": "condot"}`, net{timeless: true}, `"reverse-velocity"`, ""},
		{"not told the time, on a table", `{"prediction": "noise", "path": {"betas": "cosine", "count": 50}}`, net{timeless: true}, `"data"`, ""},
		{"channels", `{"prediction": "velocity", "path": "condot", "layout": "CL", "output": {"name": "out", "channels": [1, 2]}}`, net{channels: true}, `"data"`, ""},
		{"channels of itself", `{"prediction": "velocity", "path": "condot", "layout": "CL", "output": {"name": "out", "channels": [0, 1]}}`, net{channels: true}, `"velocity"`, `"polynomial(2)"`},
		{"one time for all", `{"prediction": "data", "path": "condot"}`, net{clockDims: []onnx.Dim{one}}, `"velocity"`, ""},
		{"a scalar time", `{"prediction": "data", "path": "condot", "time": "1000*t"}`, net{clockDims: []onnx.Dim{}}, `"velocity"`, ""},
		{"a time of many axes", `{"prediction": "data", "path": "condot", "time": "1-t"}`, net{clockDims: []onnx.Dim{n, one, one}}, `"v"`, ""},
		{"a shifted index", `{"prediction": "noise", "path": {"betas": "linear(1e-4,0.02)", "count": 100}, "time": "index+1"}`, net{clock: onnx.Int32}, `"score"`, ""},
		{"whole numbers along formulas", `{"prediction": "noise", "path": "vp(0.1,20)", "time": "999*(1-t)"}`, net{clock: onnx.Int64}, `"data"`, ""},
		{"an output that has the new name", `{"prediction": "data", "path": "condot"}`, net{output: "velocity"}, `"velocity"`, ""},
		{"a number for a time", `{"prediction": "data", "path": "condot", "time": "0.5"}`, net{}, `"velocity"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.net.resolve(t, c.card)
			converted, file := rewritten(t, r, target(t, c.to, c.path))
			_, err := converted.Check(context.Background(), runtime, r, file)
			require.NoError(t, err)
			info, err := onnx.ReadInfo(file)
			require.NoError(t, err)
			require.Len(t, info.Outputs, 1)
			require.Equal(t, nameOf(converted.change.to[0], "prediction"), info.Outputs[0].Name)
		})
	}
}

func TestOneNetworkGivesSeveralPredictions(t *testing.T) {
	r := net{}.resolve(t, `{"prediction": "noise", "path": "condot"}`)
	to := Target{Predictions: []models.Prediction{{Name: "velocity"}, {Name: "score"}, {Name: "noise"}}}
	converted, file := rewritten(t, r, to)
	require.Equal(t, map[string]string{"velocity": "velocity", "score": "score", "noise": "out"}, converted.Card.Predictions)
	require.Equal(t, "0 < t < 1", converted.safe.String())
	_, err := converted.Check(context.Background(), ortest.Found(t), r, file)
	require.NoError(t, err)
}

func TestSafeAndGenuineTimes(t *testing.T) {
	for _, c := range []struct{ from, path, to, onto, safe, genuine string }{
		{"noise", `"condot"`, "velocity", "", "0 < t <= 1", ""},
		{"data", `"condot"`, "noise", "", "0 <= t < 1", ""},
		{"velocity", `"condot"`, "v", "", "0 <= t <= 1", ""},
		{"noise", `"vp(0.1,20)"`, "velocity", "", "0 <= t < 1", ""},  // beta' is infinite at the data
		{"score", `"vp(0.1,20)"`, "velocity", "", "0 <= t <= 1", ""}, // and beta beta' is not
		{"noise", zeroSNR, "data", "", "index 0 to 98 (t from 0.01 to 0.99)", ""},
		{"noise", cleanHead, "score", "", "index 1 to 6 (t from 0 to 0.714286)", ""},
		// alpha = exp(-5.025) = 0.00657; t/(1-t) = alpha/sqrt(1-alpha^2)
		{"noise", `"vp(0.1,20)"`, "velocity", `"condot"`, "0 <= t <= 1", "0.00652882 <= t <= 1"},
		{"data", `"edm(0.002,80,7)"`, "velocity", `"condot"`, "0 <= t <= 1", "0.0123457 <= t <= 0.998004"}, // 1/81, 1/1.002
		{"velocity", `"condot"`, "noise", cleanHead, "index 0 to 6 (t from 0 to 0.857143)", "index 0 to 6 (t from 0 to 0.857143)"},
		{"noise", `{"alpha_bars": [0.9, 0.5, 0.1]}`, "data", cleanHead, "index 0 to 6 (t from 0 to 0.857143)", "index 1 to 4 (t from 0.211365 to 0.714286)"},
	} {
		r := net{}.resolve(t, fmt.Sprintf(`{"prediction": %q, "path": %s}`, c.from, c.path))
		converted, _ := rewritten(t, r, target(t, fmt.Sprintf("%q", c.to), c.onto))
		require.Equal(t, c.safe, converted.Entry.Safe, "%s from %s on %s", c.to, c.from, c.path)
		require.Equal(t, c.genuine, converted.Entry.Genuine, "%s from %s on %s", c.to, c.from, c.path)
	}
}

// (1-t) z + t/2 eps is a multiple of x = t z + (1-t) eps where (1-t)^2 = t^2/2.
func TestATimeAtWhichANetworkSaysNothingIsNamed(t *testing.T) {
	r := net{}.resolve(t, `{"prediction": {"data": "1-t", "noise": "t/2"}, "path": "condot"}`)
	converted, _ := rewritten(t, r, target(t, `"velocity"`, ""))
	require.Equal(t, "0 <= t <= 1, not at t=0.585786 (nor close to it)", converted.Entry.Safe)
}

func TestTheTableOfAPathKeepsItsPromise(t *testing.T) {
	for _, text := range []string{"alpha=t; beta=sqrt(1-t)", "alpha=sin(pi/2*t)^2; beta=1-t^3", "alpha=sqrt(t); beta=(1-t)^2", "alpha=1; beta=2-t-t^2/3", "alpha=t; beta=1+cos(3*t)/4", "alpha=0.1+t; beta=1-t"} {
		path, err := schedule.ParsePath(text)
		require.NoError(t, err)
		table := tabulate(path.(*schedule.Continuous))
		require.Less(t, table.noiseError, 1e-8, text)
		require.Less(t, table.timeError, 1e-9, text)
		require.Contains(t, invert(path).text, fmt.Sprintf("off by at most %.1g in t and by %.1g of sigma", table.timeError, table.noiseError))
		random := rand.New(rand.NewPCG(3, 4))
		for range 1000 {
			time := random.Float64()
			require.InDelta(t, schedule.TimeAt(path, path.At(time).LogSNR()), table.eval(path.At(time).Sigma()), 1.5*table.timeError+1e-15, text)
		}
	}
}

// By hand: data and noise predictions at the end, and the
// velocity of the new path formed of them.
func TestBeyondItsOwnRangeANetworkIsHeldAtItsEnd(t *testing.T) {
	r := net{}.resolve(t, `{"prediction": "noise", "path": "ve(0.5,4)"}`)
	converted, _ := rewritten(t, r, target(t, `"velocity"`, `"condot"`))
	for _, c := range []struct{ time, end, sigma float64 }{{0.05, 0, 4}, {0.9, 1, 0.5}} {
		m, err := converted.change.at(c.time)
		require.NoError(t, err)
		require.Equal(t, c.end, m.input)
		s := math.Hypot(1, c.sigma) / math.Hypot(c.time, 1-c.time)
		require.InDelta(t, s, m.scale, 1e-12)
		x, eps := 0.7, -0.3
		z := s*x - c.sigma*eps
		require.InDelta(t, z-eps, m.to[0].X*x+m.to[0].P*eps, 1e-12)
	}
}

func TestSamplingDefaultsMoveAlong(t *testing.T) {
	r := net{}.resolve(t, `{"prediction": "noise", "path": "vp(0.1,20)", "start": "2*beta",
		"sampling": {"steps": 30, "guidance": 3, "guidance-interval": [0.25, 0.75], "sigma": "beta", "grid": [0, 0.5, 1], "clip": [-1, 1]}}`)
	same, _ := rewritten(t, r, target(t, `"velocity"`, ""))
	require.Equal(t, r.Card.Sampling, same.Card.Sampling)
	require.Equal(t, "2*beta", same.Card.Start)
	moved, _ := rewritten(t, r, target(t, `"velocity"`, `"condot"`))
	require.Empty(t, moved.Card.Start)
	texts := moved.Card.Sampling.Texts()
	interval := texts["guidance-interval"]
	delete(texts, "guidance-interval")
	require.Equal(t, map[string]string{"steps": "30", "guidance": "3", "clip": "-1,1", "t-start": "0.006529"}, texts)
	var a, b float64
	_, err := fmt.Sscanf(interval, "%g,%g", &a, &b)
	require.NoError(t, err)
	for i, time := range []float64{0.25, 0.75} {
		require.InDelta(t, r.Path.At(time).LogSNR(), schedule.CondOT().At([]float64{a, b}[i]).LogSNR(), 1e-7)
	}
}

func TestGuidanceMovesAlongWhereItMeansTheSame(t *testing.T) {
	r := net{}.resolve(t, `{"prediction": "noise", "path": "vp(0.1,20)", "sampling": {"guidance": "1+3*t", "guidance-rescale": 0.7, "guidance-form": "apg(0,5)"}}`)
	for _, c := range []struct {
		prediction, path string
		want             map[string]string
	}{
		{`"noise"`, "", map[string]string{"guidance": "1+3*t", "guidance-rescale": "0.7", "guidance-form": "apg(0,5)"}},
		{`"velocity"`, "", map[string]string{"guidance": "1+3*t", "guidance-form": "apg(0,5)"}},
		{`"noise"`, `"condot"`, map[string]string{"guidance-rescale": "0.7", "guidance-form": "apg(0,5)"}},
	} {
		converted, _ := rewritten(t, r, target(t, c.prediction, c.path))
		texts := converted.Card.Sampling.Texts()
		delete(texts, "t-start")
		require.Equal(t, c.want, texts)
	}
}

func TestImpossibleConversionsSaySo(t *testing.T) {
	r := net{}.resolve(t, `{"prediction": "noise", "path": {"alpha_bars": [0]}}`)
	source, err := onnx.OpenSource(r.Model.File)
	require.NoError(t, err)
	defer source.Close()
	_, err = Convert(r, source, target(t, `"data"`, ""))
	require.ErrorContains(t, err, "data cannot be had from noise at t=0")
}
