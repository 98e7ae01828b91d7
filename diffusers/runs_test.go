package diffusers

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
	"odeon/sampler/torchrand"
)

// Runs of diffusers 0.38.0 that its recorded grid leaves out: the files of testdata say how they came about.
func TestFurtherRunsAreRepeated(t *testing.T) {
	var all struct {
		Start   []float32
		Normals [][]float32
		Cases   []struct {
			recorded
			Seed   *uint64
			Init   float64
			Calls  int // of the network; 0: not recorded
			Sample []float32
		}
	}
	cases := all.Cases
	for _, name := range []string{"trained.json", "runs.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		all.Cases = nil
		require.NoError(t, json.Unmarshal(text, &all))
		cases = append(cases, all.Cases...)
	}
	draws := slices.Concat(all.Normals...)
	for _, r := range cases {
		config, _ := json.Marshal(r.Config)
		t.Run(strings.TrimSuffix(r.Scheduler, "Scheduler")+string(config), func(t *testing.T) {
			s, err := scheduler(r.Scheduler, r.Config, r.SetTimesteps, r.Step)
			require.NoError(t, err)
			walk, plan := asListed(t, s, r.Steps, r.Timesteps, r.Sigmas, r.Init)

			if r.Scheduler == "CMStochasticIterativeScheduler" && r.Steps == 40 {
				r.Calls-- // at the smallest level the network's word does not count, and it is not asked
			}
			if r.Calls != 0 {
				require.Equal(t, r.Calls, plan.Calls(), "network calls")
			}

			n := len(all.Start)
			x := sampler.NewState(slices.Clone(all.Start), 2, 0)
			if r.Scheduler == "SCMScheduler" {
				plan.Start = r.Init // its pipeline multiplies by sigma_data itself
			}
			for i := range x.X {
				x.X[i] *= float32(plan.Start)
			}
			var noise sampler.Noise
			noise, err = sampler.NewRecorded(draws, len(all.Normals), 2, n/2)
			require.NoError(t, err)
			if m := walk.Motion; m != nil {
				seed := m.Seed
				if r.Seed != nil {
					seed = r.Seed
				}
				noise = torchrand.BrownianTree{Generators: torchrand.Generators{Seed: *seed, Samples: 2}, Low: m.Low, High: m.High, Spans: m.Spans}
			}
			require.NoError(t, sampler.Run(context.Background(), plan, sampler.Clip(closed(r.Network), plan), x, noise, nil))
			near(t, r.Sample, x.X, 1e-4)
		})
	}
}
