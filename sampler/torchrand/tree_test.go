package torchrand

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Made by torchsde 0.2.6 and PyTorch 2.9.1: BrownianInterval(0.0291675, 14.614647, size, entropy, tol=1e-6, pool_size=24,
// halfway_tree=True), as BrownianTreeNoiseSampler asks it; of the larger tensor the last three elements.
func TestBrownianTreeIsDiffusers(t *testing.T) {
	spans := [][2]float64{{14.614647, 5.5}, {14.614647, 2}, {2, 0.3}, {0.3, 0.0291675}}
	for _, c := range []struct {
		entropy uint64
		size    int
		want    [4][]float32
	}{
		{7, 6, [4][]float32{
			{1.4684342, -1.661154, 0.7091699, -2.7736623, -0.9330794, 1.068859},
			{2.1466336, -1.738204, 0.08486547, -2.8766544, -0.65472543, 0.68141097},
			{0.38003412, -2.2158673, -0.6224001, -2.1103294, 1.2897865, -0.11925099},
			{-0.76454943, -0.67624617, 1.3658347, 2.5237772, -0.4392887, -0.22624357},
		}},
		{1<<40 + 5, 20, [4][]float32{
			{0.81700015, -0.07521597, 0.63577867},
			{-0.0031486975, 0.2579633, 1.2056469},
			{-0.22275916, 1.263491, 0.4055124},
			{0.67216635, -0.0982068, 1.5637468},
		}},
	} {
		one := BrownianTree{Generators: Generators{Seed: c.entropy, Samples: 1}, Low: 0.0291675, High: 14.614647, Spans: spans}
		for k, want := range c.want {
			x := normals(t, one, 0, 1, k+1, c.size)
			require.Equal(t, want, x[len(x)-len(want):])
		}
	}
}

func TestABrownianTreeOfABatchAndOfSamples(t *testing.T) {
	tree := BrownianTree{
		Generators: Generators{Seed: 5, Samples: 6}, Low: 0.03, High: 15, Spans: [][2]float64{{15, 1}, {1, 0.03}},
	}
	all := normals(t, tree, 0, 6, 2, 7)
	require.Equal(t, all[3*7:5*7], normals(t, tree, 3, 2, 2, 7))

	tree.Seeds = PerSample
	alone := tree
	alone.Generators = Generators{Seed: 8, Samples: 1}
	require.Equal(t, normals(t, alone, 0, 1, 1, 7), normals(t, tree, 3, 1, 1, 7), "sample 3 of seed 5 has the tree of seed 8")
}

func TestDrawsThatABrownianTreeDoesNotHave(t *testing.T) {
	tree := BrownianTree{Generators: Generators{Samples: 1}, Low: 0.03, High: 15, Spans: [][2]float64{{15, 1}, {1, 1}}}
	for draw, message := range map[int]string{
		0: "draw 0, and it has 2 spans, from draw 1 on", 3: "draw 3, and it has 2 spans",
		2: "draw 2 spans sigma 1 to 1, expected two different ones",
	} {
		require.ErrorContains(t, tree.Normals(make([]float32, 3), 0, 1, draw), message)
	}
}

// diffusers' own tests run DPMSolverSDEScheduler for ten steps with noise_sampler_seed 0 and assert the sum of absolute values
// (tests/schedulers/test_scheduler_dpm_sde.py; shared/reference/diffusers_published.json). The figures on CUDA are the only
// published numbers that follow from many of CUDA's normals.
func TestBrownianTreeGivesDiffusersFigures(t *testing.T) {
	for _, c := range []struct {
		device Device
		karras bool
		sum    float64
	}{
		{CPU, false, 162.52383422851562}, {CUDA, false, 171.59352111816406},
		{CPU, true, 170.3135223388672}, {CUDA, true, 177.63653564453125},
	} {
		t.Run(fmt.Sprintf("%v, karras %v", c.device, c.karras), func(t *testing.T) {
			sum := 0.0
			for _, x := range dpmSolverSDE(t, c.device, c.karras) {
				sum += math.Abs(x)
			}
			require.InDelta(t, c.sum, sum, 0.01)
		})
	}
}

// dpmSolverSDE walks as that test does: betas linear from 1e-4 to 0.02 over 1100 steps, the "network" x t/(t+1), and the
// scaled state put in the state's place. The Brownian motion is asked at sigmas that are rounded to float32 at each turn, and
// it moves by a thousandth where they move by a millionth.
func dpmSolverSDE(t *testing.T, device Device, karras bool) []float64 {
	const train, steps, rho = 1100, 10, 7
	levels := make([]float64, train) // sigma of each trained step
	product := 1.0
	for i := range levels {
		beta := float32(1e-4 + (0.02-1e-4)*float64(i)/(train-1))
		product *= float64(1 - beta)
		survival := float32(product)
		levels[i] = float64(float32(math.Sqrt(float64((1 - survival) / survival))))
	}
	at := func(index float64) float64 {
		i := min(int(index), train-2)
		return levels[i] + (index-float64(i))*(levels[i+1]-levels[i])
	}
	index := func(sigma float64) float64 {
		i, _ := slices.BinarySearch(levels, sigma)
		i = min(max(i-1, 0), train-2)
		w := math.Log(sigma/levels[i]) / math.Log(levels[i+1]/levels[i])
		return float64(i) + min(max(w, 0), 1)
	}
	var sigmas, times []float64
	for k := range steps {
		share := float64(k) / (steps - 1)
		sigma, time := at((train-1)*(1-share)), (train-1)*(1-share)
		if karras {
			high, low := math.Pow(at(train-1), 1.0/rho), math.Pow(at(0), 1.0/rho)
			sigma = math.Pow(high+share*(low-high), rho)
			time = index(sigma)
		}
		sigmas, times = append(sigmas, sigma), append(times, time)
	}

	tree := BrownianTree{Generators: Generators{Device: device, Samples: 4}, Low: sigmas[steps-1], High: sigmas[0]}
	x := make([]float64, 4*3*8*8)
	for i := range x { // the deterministic sample of diffusers' tests
		sample, element := i/192, i%192
		x[i] = float64(element*4+sample) / 768 * sigmas[0]
	}
	predict := func(state []float64, sigma, time float64) (scaled, data []float64) {
		for _, v := range state {
			v /= math.Sqrt(sigma*sigma + 1)
			scaled, data = append(scaled, v), append(data, v-sigma*v*time/(time+1))
		}
		return scaled, data
	}
	logarithm := func(sigma float64) float32 { return float32(math.Log(float64(float32(sigma)))) }
	exponential := func(t float32) float64 { return float64(float32(math.Exp(float64(t)))) }
	for k := range steps - 1 {
		t0, t1 := logarithm(sigmas[k]), logarithm(sigmas[k+1])
		from, middle, to := exponential(t0), exponential(t0+0.5*(t1-t0)), exponential(t1)
		jump := func(state, data []float64, to float64) []float64 {
			up := math.Sqrt(to * to * (from*from - to*to) / (from * from))
			down := math.Sqrt(to*to - up*up)
			tree.Spans = append(tree.Spans, [2]float64{from, to})
			noise := normals(t, tree, 0, 4, len(tree.Spans), 192)
			next := make([]float64, len(state))
			for i := range next {
				next[i] = down/from*state[i] + (1-down/from)*data[i] + up*float64(noise[i])
			}
			return next
		}
		scaled, data := predict(x, from, times[k])
		_, data = predict(jump(scaled, data, middle), middle, index(middle))
		x = jump(scaled, data, to)
	}
	_, data := predict(x, sigmas[steps-1], times[steps-1])
	return data
}
