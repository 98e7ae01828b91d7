package diffusers

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
	"odeon/sampler"
	"odeon/sampler/torchrand"
)

// reference is the folder of numbers that diffusers gave; see its README.
func reference(t *testing.T) string {
	folder := filepath.Join("..", "..", "shared", "reference")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the reference data are not in ../shared")
	}
	return folder
}

func readReference(t *testing.T, name string, value any) {
	text, err := os.ReadFile(filepath.Join(reference(t), name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, value))
}

// recorded is a run of one of diffusers' schedulers with a network in closed form.
type recorded struct {
	ID, Scheduler, Network string
	Config                 map[string]json.RawMessage
	Step                   map[string]any
	SetTimesteps           map[string]any `json:"set_timesteps"`
	Steps, Draws           int
	Timesteps, Sigmas      []float64
	InitNoiseSigma         float64 `json:"init_noise_sigma"`
}

// scheduler is the class with the configuration and the arguments of its calls.
func scheduler(class string, config map[string]json.RawMessage, arguments ...map[string]any) (*Scheduler, error) {
	members := map[string]any{"_class_name": class}
	for key, value := range config {
		members[key] = value
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	s, err := Parse(text)
	for _, list := range arguments {
		for key, value := range list {
			text, _ := json.Marshal(value)
			if err == nil {
				err = s.Set(key + "=" + strings.Trim(string(text), `"`))
			}
		}
	}
	return s, err
}

// closed is the recorded runs' network: x t/(t+1), or tanh(0.7 x + 0.1) (0.2 + t/1250).
func closed(name string) sampler.Func {
	return func(dst, x []float32, at sampler.At) {
		t := at.Input
		for i, v := range x {
			x := float64(v) * at.Scale
			if dst[i] = float32(x * t / (t + 1)); name == "tanh" {
				dst[i] = float32(math.Tanh(0.7*x+0.1) * (0.2 + t/1250))
			}
		}
	}
}

// Every recorded run of diffusers' schedulers: the timesteps and noise levels are those that it lists, and the walk ends where its walk
// ended.
func TestDiffusersRunsAreRepeated(t *testing.T) {
	var all struct{ Cases []recorded }
	readReference(t, "diffusers_grid.json", &all)
	folder := reference(t)
	normals, err := array.Read(filepath.Join(folder, "normals.npy"))
	require.NoError(t, err)
	draws := normals.Float32()
	size := len(draws) / 128
	for _, r := range all.Cases {
		t.Run(r.ID, func(t *testing.T) {
			s, err := scheduler(r.Scheduler, r.Config, r.SetTimesteps, r.Step)
			require.NoError(t, err)
			_, plan := asListed(t, s, r.Steps, r.Timesteps, r.Sigmas, r.InitNoiseSigma)
			global := r.Config["stochastic_sampling"] != nil
			if plan.Draws() > r.Draws && !global {
				t.Errorf("%d draws of noise, diffusers made %d", plan.Draws(), r.Draws)
			}
			x := sampler.NewState(slices.Clone(draws[127*size:]), 4, 0)
			for i := range x.X {
				x.X[i] *= float32(plan.Start)
			}
			var noise sampler.Noise
			noise, err = sampler.NewRecorded(draws, 128, 4, size/4)
			require.NoError(t, err)
			if global { // its noise is of torch.randn_like, which asks PyTorch's own generator, after torch.manual_seed(0)
				noise = &torchrand.Noise{Generators: torchrand.Generators{Samples: 4}, FirstDraw: 1}
			}
			require.NoError(t, sampler.Run(context.Background(), plan, sampler.Clip(closed(r.Network), plan), x, noise, nil))
			want, err := array.ReadNPZ(filepath.Join(folder, "diffusers_grid.npz"), r.ID)
			require.NoError(t, err)
			near(t, want.Float32(), x.X, 1e-4)
		})
	}
}

// asListed is the walk of a scheduler and its plan, once its lists and the deviation of the start are those that diffusers has.
func asListed(t *testing.T, s *Scheduler, steps int, timesteps, sigmas []float64, start float64) (*Walk, *sampler.Plan) {
	walk, err := s.Walk(steps)
	require.NoError(t, err)
	same(t, "timesteps", timesteps, walk.Timesteps)
	same(t, "sigmas", sigmas, walk.Sigmas)
	require.InEpsilon(t, start, walk.InitNoiseSigma, 3e-7)
	plan, err := sampler.NewPlan(walk.Model(), walk.Settings)
	require.NoError(t, err)
	return walk, plan
}

// same compares noise levels to two units in float32's last place, and timesteps digit by digit, unless they are real numbers: they
// come from the levels' logarithms, and are compared to 2e-7 of the largest.
//
// torch takes its roots by Intel's MKL, which on processors other than Intel's is off by up to 0.7 units, so that the recorded noise
// levels are not everywhere those of another machine: torch itself lists sigma_900 of Stable Diffusion's table as 8.34659863 there,
// and as 8.34659958 here.
func same(t *testing.T, what string, want, got []float64) {
	require.Len(t, got, len(want), what)
	fraction := func(v float64) bool { return v != math.Trunc(v) }
	for i, v := range want {
		tolerance := 2 * (float64(math.Nextafter32(float32(math.Abs(v)), math.MaxFloat32)) - math.Abs(v))
		switch {
		case what == "timesteps" && (slices.ContainsFunc(want, fraction) || slices.ContainsFunc(got, fraction)):
			tolerance = 2e-7 * slices.Max(want)
		case what == "timesteps":
			tolerance = 0
		}
		if math.Abs(got[i]-v) > tolerance {
			t.Errorf("%s: entry %d is %.9g, diffusers lists %.9g", what, i, got[i], v)
		}
	}
}

// near compares samples relative to the largest of them.
func near(t *testing.T, want, got []float32, tolerance float64) {
	largest, worst := 1.0, 0.0
	for i, v := range want {
		largest = max(largest, math.Abs(float64(v)))
		worst = max(worst, math.Abs(float64(got[i])-float64(v)))
	}
	if !(worst <= tolerance*largest) {
		t.Errorf("samples are off by %.3g of %.3g", worst, largest)
	}
}
