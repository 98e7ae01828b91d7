package rewrite

import (
	"slices"
	"testing"
	"time"

	"odeon/models"
	"odeon/sampler"
)

// BenchmarkCompiled times the compiled file and the walk that odeon sample takes with one worker, in turns, both on one thread of
// ONNX Runtime: medians in milliseconds and their ratio.
func BenchmarkCompiled(b *testing.B) {
	one := sampler.Guidance{Weight: 1}
	for _, c := range []struct {
		name     string
		open     func(b *testing.B) *models.Resolved
		n        int
		settings sampler.Settings
		guidance sampler.Guidance
	}{
		{"moons", embedded("moons"), 16, sampler.Settings{Steps: 100}, one},
		{"moons-rk4", embedded("moons"), 16, sampler.Settings{Solver: sampler.RK4, Steps: 50}, one},
		{"moons-1000", embedded("moons"), 1000, sampler.Settings{Steps: 100}, one},
		{"glyphs-guided", embedded("glyphs"), 48, sampler.Settings{Steps: 50}, sampler.Guidance{Weight: 3}},
		{"moons-otcfm", pretrained("moons-otcfm", "model.onnx"), 16, sampler.Settings{Steps: 100}, one},
		{"circles-score-rk4", pretrained("circles-score", "score.onnx"), 64, sampler.Settings{Solver: sampler.RK4, Steps: 50}, one},
		{"dino", pretrained("dino", "model.onnx"), 64, sampler.Settings{Solver: sampler.DDPM, Steps: 50}, one},
		{"emnist-latent", pretrained("emnist-latent", "flow.onnx"), 16, sampler.Settings{Steps: 25}, sampler.Guidance{Weight: 4}},
		{"mnist-vit", pretrained("mnist-vit", "model.onnx"), 16, sampler.Settings{Steps: 50}, sampler.Guidance{Weight: 2, Interval: &[2]float64{0.3, 0.7}}},
		{"mnist-geometric", pretrained("mnist-geometric", "model.onnx"), 16, sampler.Settings{Solver: sampler.DDPM, Steps: 20}, one},
		{"anime64", pretrained("anime64", "model.onnx"), 1, sampler.Settings{Solver: sampler.DDIM, Steps: 5, Clip: &[2]float64{-1, 1}}, one},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := c.open(b)
			plan := planOf(b, r, c.settings)
			trip := newTrip(r, plan, c.n)
			walk, shape := walker(b, r, plan, c.guidance, trip)
			file := compiled(b, r, plan, c.guidance, trip, shape)
			walk()
			file()
			var walks, files []time.Duration
			for b.Loop() {
				start := time.Now()
				walk()
				middle := time.Now()
				file()
				walks, files = append(walks, middle.Sub(start)), append(files, time.Since(middle))
			}
			a, f := median(walks), median(files)
			b.ReportMetric(0, "ns/op") // of both together, which says nothing
			b.ReportMetric(a, "walk-ms")
			b.ReportMetric(f, "file-ms")
			b.ReportMetric(f/a, "file/walk")
		})
	}
}

func embedded(name string) func(*testing.B) *models.Resolved {
	return func(b *testing.B) *models.Resolved { return settled(b, name) }
}

func pretrained(name, network string) func(*testing.B) *models.Resolved {
	return func(b *testing.B) *models.Resolved { return published(b, name, network) }
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return times[len(times)/2].Seconds() * 1e3
}
