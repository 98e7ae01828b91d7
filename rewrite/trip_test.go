package rewrite

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

// trip is what a sampler is fed.
type trip struct {
	n      int
	noise  []float32 // [n, dim]
	steps  []float32 // [k, n, dim]
	labels []int
}

// newTrip draws normals for n samples and a plan; a class is none of 3 at times.
func newTrip(r *models.Resolved, plan *sampler.Plan, n int) trip {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(count int) []float32 {
		out := make([]float32, count)
		for i := range out {
			out[i] = float32(random.NormFloat64())
		}
		return out
	}
	dim := elements(r.Shape)
	t := trip{n: n, noise: draw(n * dim), steps: draw(plan.Draws() * n * dim)}
	if r.Label != nil {
		for i := range n {
			label := i % 3
			if i%4 == 3 && r.Labels.Null != nil {
				label = models.NullLabel
			}
			t.labels = append(t.labels, label)
		}
	}
	return t
}

// data are those that a plan may begin in.
func (t trip) data() []float32 {
	data := slices.Clone(t.noise)
	slices.Reverse(data)
	return data
}

// walker runs a trip as odeon sample does with one worker. Its samples have the shape that it returns, and are void at the next run.
func walker(t testing.TB, r *models.Resolved, plan *sampler.Plan, g sampler.Guidance, trip trip) (run func() []float32, shape []int) {
	t.Helper()
	session, err := r.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	t.Cleanup(session.Destroy)
	network, err := models.NewNetwork(r, session, models.Run{Labels: trip.labels, Count: trip.n})
	require.NoError(t, err)
	t.Cleanup(network.Close)
	dim := elements(r.Shape)
	start, err := sampler.NewRecorded(trip.noise, 1, trip.n, dim)
	require.NoError(t, err)
	start.Draw = 0
	steps, err := sampler.NewRecorded(trip.steps, plan.Draws(), trip.n, dim)
	require.NoError(t, err)
	noise := sampler.Composite{Start: start, Steps: steps}
	halves := sampler.Conditional(network)
	if r.Guide != nil {
		session, err := r.Guide.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
		require.NoError(t, err)
		t.Cleanup(session.Destroy)
		weak, err := models.NewNetwork(r.Guide, session, models.Run{Labels: trip.labels, Count: trip.n})
		require.NoError(t, err)
		t.Cleanup(weak.Close)
		halves = sampler.Autoguided(network, r.Sampling(), weak, r.Guide.Sampling())
	}
	walk := sampler.Clip(sampler.Guide(halves, g), plan)
	x := sampler.NewState(make([]float32, trip.n*dim), trip.n, 0)
	states := func() []float32 {
		if plan.Signal != 0 {
			require.NoError(t, x.Noised(plan, noise, sampler.Rows{Data: trip.data(), Dim: dim}))
		} else {
			require.NoError(t, x.Draw(plan, noise))
		}
		require.NoError(t, sampler.Run(context.Background(), plan, walk, x, noise, nil))
		return x.X
	}
	if r.Decode == nil {
		return states, r.Shape
	}
	session, err = r.Decode.NewSession(ortest.Found(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	t.Cleanup(session.Destroy)
	decoder, err := models.NewDecoder(context.Background(), r, session)
	require.NoError(t, err)
	t.Cleanup(decoder.Close)
	out := make([]float32, trip.n*elements(decoder.Shape))
	return func() []float32 {
		require.NoError(t, decoder.Decode(context.Background(), out, states()))
		return out
	}, decoder.Shape
}

// compiled runs a trip by the compiled file, for samples of this shape.
func compiled(t testing.TB, r *models.Resolved, plan *sampler.Plan, g sampler.Guidance, trip trip, sample []int) (run func() []float32) {
	t.Helper()
	s, err := Compile(r, plan, g)
	require.NoError(t, err)
	defer s.Close()
	model, err := s.Graph.Bytes()
	require.NoError(t, err)
	info, err := onnx.ReadInfoBytes(model, "compiled")
	require.NoError(t, err)

	shape := append([]int64{int64(trip.n)}, sizes(r.Shape)...)
	var names []string
	var inputs []*onnx.Tensor
	for _, in := range info.Inputs {
		var tensor *onnx.Tensor
		switch in.Name {
		case "noise":
			tensor, err = onnx.NewTensor(shape, trip.noise)
		case "data":
			tensor, err = onnx.NewTensor(shape, trip.data())
		case "step_noise":
			tensor, err = onnx.NewTensor(append([]int64{int64(plan.Draws())}, shape...), trip.steps)
		case "label":
			labels := make([]int64, trip.n)
			for i, label := range trip.labels {
				if labels[i] = int64(label); label == models.NullLabel {
					labels[i] = -1
				}
			}
			tensor, err = onnx.NewTensor([]int64{int64(trip.n)}, labels)
		case "guidance":
			tensor, err = onnx.NewTensor(nil, []float32{float32(g.Weight)})
		default:
			t.Fatalf("an input %q", in.Name)
		}
		require.NoError(t, err)
		t.Cleanup(func() { tensor.Destroy() })
		names, inputs = append(names, in.Name), append(inputs, tensor)
	}
	samples := make([]float32, trip.n*elements(sample))
	out, err := onnx.NewTensor(append([]int64{int64(trip.n)}, sizes(sample)...), samples)
	require.NoError(t, err)
	t.Cleanup(func() { out.Destroy() })
	session, err := ortest.Found(t).NewSessionBytes("compiled", model, names, []string{"samples"}, onnx.SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	t.Cleanup(session.Destroy)
	call, err := session.NewCall(context.Background())
	require.NoError(t, err)
	t.Cleanup(call.Destroy)
	return func() []float32 {
		require.NoError(t, call.Run(inputs, []*onnx.Tensor{out}))
		return samples
	}
}

// requireSame compares compiled and walked samples, relative to their scale.
func requireSame(t testing.TB, r *models.Resolved, plan *sampler.Plan, g sampler.Guidance, n int) {
	t.Helper()
	trip := newTrip(r, plan, n)
	walk, shape := walker(t, r, plan, g, trip)
	want, got := walk(), compiled(t, r, plan, g, trip, shape)()
	scale := 0.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	require.NotZero(t, scale)
	require.InDeltaSlice(t, want, got, 1e-5*scale)
}

func planOf(t testing.TB, r *models.Resolved, s sampler.Settings) *sampler.Plan {
	t.Helper()
	plan, err := sampler.NewPlan(r.Sampling(), s)
	require.NoError(t, err)
	return plan
}

func settled(t testing.TB, name string, sets ...models.Set) *models.Resolved {
	t.Helper()
	m, err := models.Open(name)
	return ready(t, m, err, sets...)
}

func ready(t testing.TB, m *models.Model, err error, sets ...models.Set) *models.Resolved {
	t.Helper()
	require.NoError(t, err)
	r := models.Resolve(m, sets...)
	require.NoError(t, r.Err())
	return r
}

// published resolves one of the seven networks with its card, or skips the test where a checkout has none.
func published(t testing.TB, name, network string) *models.Resolved {
	t.Helper()
	folder := filepath.Join("..", "..", "shared", "pretrained")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("no ../shared/pretrained beside this checkout: the real networks are not here")
	}
	layer, err := models.OpenCard(filepath.Join("..", "testdata", "cards", name+".json"))
	require.NoError(t, err)
	m, err := models.Open(filepath.Join(folder, name, network), layer)
	return ready(t, m, err)
}
