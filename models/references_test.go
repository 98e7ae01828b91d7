package models

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// load reads an array that was computed in PyTorch beside a pretrained network.
func load(t *testing.T, folder, file, name string) *array.Array {
	t.Helper()
	a, err := array.ReadNPZ(filepath.Join("..", "..", "shared", "pretrained", folder, file), name)
	require.NoError(t, err)
	return a
}

// requireClose compares with a reference, relative to the reference's own scale.
func requireClose(t *testing.T, want, got []float32, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	scale, worst := 0.0, 0.0
	for i := range want {
		scale = max(scale, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(want[i])-float64(got[i])))
	}
	t.Logf("largest error %.2g of the scale", worst/scale)
	require.Less(t, worst, tolerance*scale)
}

func open(t *testing.T, name string) *Resolved {
	t.Helper()
	file, card := pretrained(t, name, pretrainedFiles[name])
	layer, err := OpenCard(card)
	require.NoError(t, err)
	m, err := Open(file, layer)
	require.NoError(t, err)
	return Resolve(m)
}

func integers(a *array.Array, t *testing.T) []int {
	t.Helper()
	values, err := a.Int64()
	require.NoError(t, err)
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
	}
	return out
}

// One call of each network on the inputs that PyTorch had.
func TestPretrainedNetworksGiveTheReferencesPrediction(t *testing.T) {
	t.Run("mnist-vit", func(t *testing.T) {
		r := open(t, "mnist-vit")
		x, times := load(t, "mnist-vit", "parity.npz", "x"), load(t, "mnist-vit", "parity.npz", "t").Float32()
		labels := integers(load(t, "mnist-vit", "parity.npz", "y"), t)
		labels[1] = NullLabel // the reference's -1
		net := network(t, r, Run{Labels: labels})
		got := make([]float32, x.Len())
		for k := range 3 { // a time of its own for each sample
			row := got[k*784 : (k+1)*784]
			require.NoError(t, net.Predict(context.Background(), row, x.Float32()[k*784:(k+1)*784], sampler.At{Input: float64(times[k]), Scale: 1, First: k}))
		}
		requireClose(t, load(t, "mnist-vit", "parity.npz", "ref").Float32(), got, 1e-5)
	})
	t.Run("anime64", func(t *testing.T) {
		r := open(t, "anime64")
		x, times := load(t, "anime64", "parity.npz", "image_input"), integers(load(t, "anime64", "parity.npz", "time_input"), t)
		net := network(t, r, Run{})
		got := make([]float32, x.Len())
		for k := range 3 {
			row := got[k*12288 : (k+1)*12288]
			require.NoError(t, net.Predict(context.Background(), row, x.Float32()[k*12288:(k+1)*12288], sampler.At{Input: float64(times[k]), Scale: 1, First: k}))
		}
		requireClose(t, load(t, "anime64", "parity.npz", "eps").Float32(), got, 1e-3)
	})
}

// Whole walks from the starts, labels and noise that PyTorch had, in chunks that do not divide the number of samples.
func TestPretrainedNetworksGiveTheReferencesSamples(t *testing.T) {
	indexes := func(t *testing.T) (list []schedule.Index) {
		listed := integers(load(t, "anime64", "reference_ddim.npz", "timesteps"), t)
		for _, i := range listed[:len(listed)-1] { // no call is made at the last one
			list = append(list, schedule.Index(i))
		}
		return list
	}
	sigma, err := schedule.ParseDiffusion("1.5*(1-t)")
	require.NoError(t, err)
	end := schedule.Index(0)
	for _, c := range []struct {
		name, model, file, result string
		labels                    bool
		guidance                  sampler.Guidance
		settings                  func(t *testing.T) sampler.Settings
		chunk                     int
		tolerance                 float64
	}{
		{"moons-otcfm", "moons-otcfm", "reference_ode.npz", "points", false, sampler.Guidance{Weight: 1},
			func(*testing.T) sampler.Settings { return sampler.Settings{Steps: 100} }, 500, 1e-4},
		{"dino", "dino", "reference_ddpm.npz", "points", false, sampler.Guidance{Weight: 1},
			func(*testing.T) sampler.Settings { return sampler.Settings{Solver: sampler.DDPM, Steps: 50} }, 300, 1e-4},
		{"mnist-vit", "mnist-vit", "reference_ode.npz", "image", true, sampler.Guidance{Weight: 2, Interval: &[2]float64{0.29, 0.71}},
			func(*testing.T) sampler.Settings { return sampler.Settings{Steps: 50} }, 7, 1e-4},
		{"emnist-latent ode", "emnist-latent", "reference_ode.npz", "latent", true, sampler.Guidance{Weight: 4},
			func(*testing.T) sampler.Settings { return sampler.Settings{Steps: 25} }, 20, 1e-4},
		{"emnist-latent sde", "emnist-latent", "reference_sde.npz", "latent", true, sampler.Guidance{Weight: 4},
			func(*testing.T) sampler.Settings { return sampler.Settings{Steps: 25, Sigma: sigma} }, 3, 1e-4},
		{"anime64", "anime64", "reference_ddim.npz", "image", false, sampler.Guidance{Weight: 1},
			func(t *testing.T) sampler.Settings {
				return sampler.Settings{Solver: sampler.DDIM, Indexes: indexes(t), EndIndex: &end, Clip: &[2]float64{-1, 1}}
			}, 1, 1e-3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.model == "anime64" {
				t.Skip("40 calls of a large network")
			}
			r := open(t, c.model)
			start := load(t, c.model, c.file, "x0")
			plan, err := sampler.NewPlan(r.Sampling(), c.settings(t))
			require.NoError(t, err)
			run := Run{Count: start.Shape[0]}
			if c.labels {
				run.Labels = integers(load(t, c.model, c.file, "labels"), t)
			}
			job := sampler.Job{Plan: plan, N: start.Shape[0], Dim: r.State.width(), Chunk: c.chunk}
			job.Init = func(x []float32, first, n int) error {
				copy(x, start.Float32()[first*job.Dim:(first+n)*job.Dim])
				return nil
			}
			if plan.Draws() > 0 {
				noise := load(t, c.model, c.file, "noise")
				job.Noise, err = sampler.NewRecorded(noise.Float32(), noise.Shape[0], job.N, job.Dim)
				require.NoError(t, err)
			}
			net := network(t, r, run)
			job.Network = func(int) (sampler.Network, error) {
				if plan.Clip != nil {
					return sampler.Clip(sampler.Guide(net, c.guidance), plan), nil
				}
				return sampler.Guide(net, c.guidance), nil
			}
			got := make([]float32, start.Len())
			require.NoError(t, job.Run(context.Background(), func(x []float32, first, n int) error {
				copy(got[first*job.Dim:], x)
				return nil
			}))
			requireClose(t, load(t, c.model, c.file, c.result).Float32(), got, c.tolerance)
			require.EqualValues(t, job.N*sampler.Evaluations(plan, c.guidance), net.Evaluations())
			if r.Decode != nil {
				decoded(t, r, got, load(t, c.model, c.file, "image").Float32())
			}
		})
	}
}

// decoded compares decoded latents with the reference's pictures, which are clipped to black and white.
func decoded(t *testing.T, r *Resolved, latents, want []float32) {
	t.Helper()
	session, err := r.Decode.NewSession(ortRuntime(t), onnx.SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	defer session.Destroy()
	d, err := NewDecoder(context.Background(), r, session)
	require.NoError(t, err)
	defer d.Close()
	require.Equal(t, []int{1, 28, 28}, d.Shape)
	got := make([]float32, len(want))
	require.NoError(t, d.Decode(context.Background(), got, latents))
	for i := range got {
		got[i] = min(max(got[i], 0), 1)
	}
	requireClose(t, want, got, 1e-4)
}
