package cli

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// BenchmarkOutside measures what a walk costs beside ONNX Runtime: one worker, one thread, walk after walk on one network, the
// time of a walk less the time inside the network's calls. The fastest walk counts, since other work on the machine only adds.
//
//	go test ./internal/cli -run - -bench Outside -benchtime 2s
func BenchmarkOutside(b *testing.B) {
	folder := filepath.Join(shared, "pretrained")
	if _, err := os.Stat(folder); err != nil {
		b.Skip("no ../shared/pretrained beside this checkout: the real networks are not here")
	}
	for _, c := range []struct {
		name, network string
		n             int
		guidance      float64
		settings      sampler.Settings
	}{
		{"emnist-latent-guided-n64", "emnist-latent/flow.onnx", 64, 4, sampler.Settings{Steps: 25}},
		{"dino-ode-n1000", "dino/model.onnx", 1000, 1, sampler.Settings{Steps: 50, Solver: sampler.DDIM}},
		{"dino-ddpm-n1000", "dino/model.onnx", 1000, 1, sampler.Settings{Steps: 50, Solver: sampler.DDPM}},
		{"moons-n1", "moons-otcfm/model.onnx", 1, 1, sampler.Settings{Steps: 1000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			card, err := models.OpenCard("../../testdata/cards/" + filepath.Dir(c.network) + ".json")
			check(b, err)
			network, plan, dim := load(b, c.n, c.settings, filepath.Join(folder, c.network), card)
			guided := sampler.Guide(network, sampler.Guidance{Weight: c.guidance})
			state, noise := sampler.NewState(make([]float32, c.n*dim), c.n, 0), sampler.Philox{}
			least, outside := time.Duration(math.MaxInt64), time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				check(b, state.Draw(plan, noise))
				before, start := network.Spent(), time.Now()
				check(b, sampler.Run(context.Background(), plan, guided, state, noise, nil))
				if walk := time.Since(start); walk < least {
					least, outside = walk, walk-(network.Spent()-before)
				}
			}
			b.ReportMetric(100*outside.Seconds()/least.Seconds(), "outside-%")
			b.ReportMetric(1e6*outside.Seconds()/float64(plan.Steps), "outside-us/step")
		})
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkConversion measures what a conversion inside the file costs: a call of the converted network over one of its
// original, the fastest of each, on one thread and the same states, noise to velocity or the reverse.
//
//	go test ./internal/cli -run - -bench Conversion -benchtime 100x
func BenchmarkConversion(b *testing.B) {
	folder := filepath.Join(shared, "pretrained")
	if _, err := os.Stat(folder); err != nil {
		b.Skip("no ../shared/pretrained beside this checkout: the real networks are not here")
	}
	for _, c := range []struct {
		name, network, to string
		n                 int
	}{
		{"emnist-latent-n16", "emnist-latent/flow.onnx", "noise", 16},
		{"mnist-vit-n16", "mnist-vit/model.onnx", "velocity", 16},
		{"anime64-n1", "anime64/model.onnx", "velocity", 1},
		{"dino-n16", "dino/model.onnx", "velocity", 16},
	} {
		b.Run(c.name, func(b *testing.B) {
			file, card := filepath.Join(folder, c.network), "../../testdata/cards/"+filepath.Dir(c.network)+".json"
			out := filepath.Join(b.TempDir(), "converted.onnx")
			var stdout, stderr bytes.Buffer
			if run(context.Background(), []string{"convert", file, out, "--card", card, "--to", c.to}, &stdout, &stderr) != 0 {
				b.Fatal(stderr.String())
			}
			layer, err := models.OpenCard(card)
			check(b, err)
			before, after := caller(b, c.n, file, layer), caller(b, c.n, out)
			least := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			for b.Loop() {
				for i, call := range []func(){before, after} {
					start := time.Now()
					call()
					least[i] = min(least[i], time.Since(start))
				}
			}
			b.ReportMetric(100*(least[1].Seconds()/least[0].Seconds()-1), "more-%")
			b.ReportMetric(1e6*(least[1]-least[0]).Seconds(), "more-us")
		})
	}
}

// load is a network on one thread, with labels for n samples, a plan for it, and the elements of one sample.
func load(b *testing.B, n int, settings sampler.Settings, file string, layers ...models.Layer) (*models.Network, *sampler.Plan, int) {
	model, err := models.Open(file, layers...)
	check(b, err)
	r := models.Resolve(model)
	check(b, r.Err())
	plan, err := sampler.NewPlan(r.Sampling(), settings)
	check(b, err)
	lib, err := onnx.Find("")
	check(b, err)
	rt, err := onnx.Open(lib)
	check(b, err)
	session, err := r.NewSession(rt, onnx.SessionOptions{Provider: "cpu", Threads: 1})
	check(b, err)
	run := models.Run{Count: n}
	if r.Label != nil {
		run.Labels, err = r.Labels.All()
		check(b, err)
	}
	network, err := models.NewNetwork(r, session, run)
	check(b, err)
	b.Cleanup(func() { network.Close(); session.Destroy() })
	return network, plan, r.Dim()
}

// caller is a call of a network in the middle of its path.
func caller(b *testing.B, n int, file string, layers ...models.Layer) func() {
	from, to := 0.5, 0.6
	settings := sampler.Settings{Solver: sampler.Euler, Grid: schedule.Uniform, Steps: 1, From: &from, To: &to, Last: "none"}
	network, plan, dim := load(b, n, settings, file, layers...)
	x, p := make([]float32, n*dim), make([]float32, n*dim)
	check(b, sampler.Philox{}.Normals(x, 0, n, 0))
	at := plan.Rows[0].At(0, n)
	return func() { check(b, network.Predict(context.Background(), p, x, at)) }
}
