package train

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/graph"
	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/train/data"
	"odeon/train/nn"
	"odeon/train/objective"
)

// gaussian is points from N(mean, deviation^2), coordinate by coordinate, of two classes that mean nothing.
type gaussian struct {
	mean, deviation []float64
	count           int
	classes         bool
}

var bell = gaussian{mean: []float64{1, -0.5}, deviation: []float64{0.5, 1}, count: -1}

func (g gaussian) Len() int              { return g.count }
func (g gaussian) Shape() []int          { return []int{len(g.mean)} }
func (g gaussian) Layout() models.Layout { return models.Points }
func (g gaussian) Range() *[2]float64    { return nil }
func (g gaussian) Rate() float64         { return 0 }
func (g gaussian) Vocabulary() []string  { return nil }
func (g gaussian) Fingerprint() string   { return fmt.Sprint("gaussian", g.mean, g.deviation, g.count) }
func (g gaussian) String() string        { return "points of a normal law" }
func (g gaussian) Close() error          { return nil }

func (g gaussian) Labels() *data.Labels {
	if g.classes {
		return &data.Labels{Count: 2, Names: []string{"even", "odd"}}
	}
	return nil
}

func (g gaussian) Read(dst []float32, labels []int64, indices []int64) error {
	dim := len(g.mean)
	for k, i := range indices {
		if err := (sampler.Philox{Seed: 5}).Normals(dst[k*dim:(k+1)*dim], int(i), 1, 0); err != nil {
			return err
		}
		for c := range dim {
			dst[k*dim+c] = float32(g.mean[c] + g.deviation[c]*float64(dst[k*dim+c]))
		}
		if labels != nil {
			labels[k] = i % 2
		}
	}
	return nil
}

// velocity is E[z - eps | x_t = x] on the straight path. With z = m + s n, the state t z + (1-t) eps is normal, and the
// conditional mean of what is jointly normal with it is linear in x:
//
//	m + (t s^2 - (1-t))/(t^2 s^2 + (1-t)^2) (x - t m).
func (g gaussian) velocity(c int, t, x float64) float64 {
	m, s := g.mean[c], g.deviation[c]
	return m + (t*s*s-(1-t))/(t*t*s*s+(1-t)*(1-t))*(x-t*m)
}

// executors are the ways in which a graph can be run here: the interpreter, and ONNX Runtime where it is found.
func executors(t testing.TB) map[string]engine {
	list := map[string]engine{pure: {options: onnx.SessionOptions{Provider: pure}}}
	if lib, err := onnx.Find(""); err == nil {
		rt, err := onnx.Open(lib)
		require.NoError(t, err)
		list["cpu"] = engine{rt, onnx.SessionOptions{Provider: "cpu", Threads: 1}}
	}
	return list
}

// small is a run that takes no time: a tiny network on the provider that is always there.
func small(t testing.TB, set data.Set) Settings {
	s := Settings{Data: set, Steps: 30, Batch: 32, Seed: 3, Session: onnx.SessionOptions{Provider: pure}}
	var err error
	s.Net, err = nn.ParseNet("mlp(width=16, depth=2, time=8)", Describe(set, objective.Objective{}))
	require.NoError(t, err)
	return s
}

// trained runs to the end, or to where it fails, and gives the run with its last state.
func trained(t testing.TB, s Settings) (*run, error) {
	r, err := settle(s)
	require.NoError(t, err)
	t.Cleanup(r.close)
	require.NoError(t, r.open())
	return r, r.loop(context.Background())
}

func TestANormalLawIsLearnedToItsExactVelocity(t *testing.T) {
	for provider, e := range executors(t) {
		t.Run(provider, func(t *testing.T) {
			s := small(t, bell)
			s.Steps, s.Batch, s.Rate = 1500, 256, 5e-3
			s.Net, _ = nn.ParseNet("mlp(width=32, depth=2, time=16)", Describe(bell, s.Objective))
			s.Runtime, s.Session, s.Out = e.runtime, e.options, filepath.Join(t.TempDir(), "bell.onnx")
			result, err := Run(context.Background(), s)
			require.NoError(t, err)
			require.Equal(t, 1500, result.Steps)
			require.Equal(t, s.Out, result.Out)

			// The least loss that there is is the mean variance of z - eps given x; it is reached within a hundredth, the noise
			// of a mean over hundred batches.
			least := 0.
			const times = 1000
			for i := range times {
				tt := (float64(i) + 0.5) / times
				for c := range bell.mean {
					sd := bell.deviation[c]
					covariance, variance := tt*sd*sd-(1-tt), tt*tt*sd*sd+(1-tt)*(1-tt)
					least += (sd*sd + 1 - covariance*covariance/variance) / (2 * times)
				}
			}
			require.InDelta(t, least, result.Loss, 0.03)

			// The written network, run by the interpreter, is the velocity at states as they come: a few hundredths from it.
			model, err := models.Open(s.Out)
			require.NoError(t, err)
			resolved := models.Resolve(model)
			require.NoError(t, resolved.Err())
			n, err := openTuned(resolved, bell, &objective.Objective{}, 64)
			require.NoError(t, err)
			defer n.Close()
			square := 0.
			for i := range 20 {
				tt := (float64(i) + 0.5) / 20
				x, y := make([]float32, 2*64), make([]float32, 2*64)
				require.NoError(t, sampler.Philox{Seed: 9}.Normals(x, 64*i, 64, 0))
				for k := range x {
					c := k % 2
					x[k] = float32(tt*bell.mean[c] + math.Hypot(tt*bell.deviation[c], 1-tt)*float64(x[k]))
				}
				predict(t, n, y, x, tt)
				for k := range x {
					d := float64(y[k]) - bell.velocity(k%2, tt, float64(x[k]))
					square += d * d / (20 * 2 * 64)
				}
			}
			require.Less(t, math.Sqrt(square), 0.06)
		})
	}
}

// predict evaluates a network that was read at 64 states and one time.
func predict(t *testing.T, n *tuned, y, x []float32, tt float64) {
	f, weights, err := n.read()
	require.NoError(t, err)
	f.graph.Output("y", f.predictions[0])
	e, err := engine{options: onnx.SessionOptions{Provider: pure}}.executor(f.graph, 64)
	require.NoError(t, err)
	defer e.Close()
	l := newLayout(f.graph.Parameters)
	times := slices.Repeat([]float32{float32(tt)}, 64)
	arrays := l.arrays(slices.Concat(weights...))
	inputs := make([]*graph.Array, 0, 2)
	for _, v := range f.graph.Inputs {
		a := &graph.Array{Shape: v.Shape.For(64), Floats: times}
		if v == f.inputs.state {
			a.Floats = x
		}
		inputs = append(inputs, a)
	}
	require.NoError(t, e.Run(context.Background(), []*graph.Array{{Shape: []int{64, 2}, Floats: y}}, append(inputs, arrays...)))
}

func TestPartsAndWorkersGiveTheSameNetwork(t *testing.T) {
	// The same sums in another order: relative differences of 6e-8 a sum, which Adam's division lets grow a little over the steps.
	for provider, e := range executors(t) {
		var first []float32
		for _, share := range []struct{ accumulate, workers int }{{1, 1}, {4, 1}, {1, 2}, {2, 4}} {
			s := small(t, gaussian{bell.mean, bell.deviation, 100, true})
			s.Runtime, s.Session = e.runtime, e.options
			s.Accumulate, s.Workers = share.accumulate, share.workers
			s.Objective.Coupling, _ = objective.ParseCoupling("ot")
			r, err := trained(t, s)
			require.NoError(t, err)
			if first == nil {
				first = r.trainer.best()
			}
			require.InDeltaSlice(t, first, r.trainer.best(), 2e-5, "%s %v", provider, share)
		}
	}
}

func TestARateThatIsTooHighEndsTheRun(t *testing.T) {
	s := small(t, bell)
	folder := t.TempDir()
	s.Out, s.Checkpoints, s.Every = filepath.Join(folder, "bell.onnx"), filepath.Join(folder, "checkpoints"), 1
	s.Optimizer, s.Rate, s.Schedule, s.ClipNorm, s.Steps = "sgd", 1e9, "constant", -1, 100
	_, err := Run(context.Background(), s)
	var diverged *DivergedError
	require.ErrorAs(t, err, &diverged)
	require.Greater(t, diverged.Step, 1)
	require.ErrorContains(t, err, fmt.Sprintf("step %d: ", diverged.Step))
	require.ErrorContains(t, err, "at a rate of 1e+09; give a smaller --rate, such as 2e+08")
	require.ErrorContains(t, err, "the last good checkpoint is "+shelf{s.Checkpoints}.name(diverged.Step-1))
	require.NoFileExists(t, s.Out)
}

func TestAnExplodedLossIsToldFromASingleJump(t *testing.T) {
	see := func(w *watch, loss float64, times int) (err error) {
		for range times {
			if err == nil {
				err = w.see(outcome{loss: loss, norm: 1})
			}
		}
		return err
	}
	w := &watch{}
	require.NoError(t, see(w, 1, window))
	for range 50 { // one loss in two windows is a hundred thousand times as large
		require.NoError(t, see(w, 1e5, 1))
		require.NoError(t, see(w, 1, 2*window-1))
	}
	require.EqualError(t, see(w, 2000, 2*window), "the loss has grown from 1 to 2000")
	require.EqualError(t, see(w, 1e7, 1), "the loss has grown from 1 to 1e+07")
	require.EqualError(t, w.see(outcome{loss: math.NaN(), norm: 1}), "the loss is NaN")
	require.EqualError(t, w.see(outcome{loss: 1, norm: math.Inf(1)}), "the gradient is not finite")
}
