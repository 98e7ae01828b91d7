package diffusers

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
	"odeon/sampler/torchrand"
	"odeon/schedule"
)

// walkOf is the walk of a class with options, as diffusers takes it.
func walkOf(t *testing.T, class string, steps int, options ...string) *Walk {
	t.Helper()
	return walkAs(t, false, class, steps, options...)
}

// walkAs is the walk of a class with options, in the published form or in diffusers'.
func walkAs(t *testing.T, published bool, class string, steps int, options ...string) *Walk {
	t.Helper()
	s, err := Named(class)
	require.NoError(t, err)
	for _, text := range options {
		require.NoError(t, s.Set(text))
	}
	s.Published = published
	w, err := s.Walk(steps)
	require.NoError(t, err)
	return w
}

// Lists that an independent program computes, written with eight digits or so.
func TestListsAreThoseOfAnIndependentPort(t *testing.T) {
	var lists map[string][]float64
	readReference(t, "derived_schedules.json", &lists)
	published := func(class string, steps int, options ...string) *Walk {
		return walkAs(t, true, class, steps, options...)
	}
	walks := map[string]*Walk{
		"dpm2m_T1000_karras_10":                   walkOf(t, "DPMSolverMultistep", 10, "use_karras_sigmas=true", "final_sigmas_type=sigma_min"),
		"dpm2m_T1000_linear_10":                   walkOf(t, "DPMSolverMultistep", 10, "final_sigmas_type=sigma_min"),
		"dpm2m_T1000_lu_10":                       walkOf(t, "DPMSolverMultistep", 10, "use_lu_lambdas=true", "final_sigmas_type=sigma_min"),
		"euler_T1100_karras_10":                   walkOf(t, "euler", 10, "num_train_timesteps=1100", "use_karras_sigmas=true"),
		"euler_T1100_linear_10":                   walkOf(t, "euler", 10, "num_train_timesteps=1100"),
		"flow_ctor_shift3_10(double-shift quirk)": walkOf(t, "flow", 10, "shift=3"),
		"flow_setshift3_10":                       published("flow", 10, "shift=3"),
		"flow_setshift7_20":                       published("flow", 20, "shift=7"),
		"flow_shift1_20":                          walkOf(t, "flow", 20),
	}
	seen := 0
	for name, want := range lists {
		if name == "alphas_cumprod_linear_1e-4_0.02_T1000_idx_0_1_499_998_999" {
			s, err := Named("euler")
			require.NoError(t, err)
			table, err := (&config{Scheduler: s}).table()
			require.NoError(t, err)
			for i, index := range []int{0, 1, 499, 998, 999} {
				require.InEpsilon(t, want[i], table.bars[index], 3e-7) // torch's own table is ours, digit by digit
			}
			seen++
			continue
		}
		for key, w := range walks {
			base, quirk := key, ""
			if i := len("flow_ctor_shift3_10"); len(key) > i && key[:i] == "flow_ctor_shift3_10" {
				base, quirk = key[:i], key[i:]
			}
			got := map[string][]float64{base + "_sigmas" + quirk: w.Sigmas, base + "_timesteps" + quirk: w.Timesteps}[name]
			if got == nil {
				continue
			}
			seen++
			require.Len(t, got, len(want), name)
			for i := range want {
				require.InDelta(t, want[i], got[i], 3e-7*math.Max(1, math.Abs(want[i])), "%s: entry %d", name, i)
			}
		}
	}
	require.Equal(t, len(lists), seen, "every list is compared")
}

// A class whose walk ends with noise left gives diffusers' state, which is x/alpha: of data alone, the data and that noise.
func TestTheNoiseThatIsLeftIsThatOfDiffusersState(t *testing.T) {
	w := walkOf(t, "euler", 5, "final_sigmas_type=sigma_min")
	plan, err := sampler.NewPlan(w.Model(), w.Settings)
	require.NoError(t, err)
	last := plan.Rows[len(plan.Rows)-1]
	sigma := w.Sigmas[len(w.Sigmas)-1]
	require.Greater(t, sigma, 0.0)
	require.False(t, last.Call)
	require.InDelta(t, math.Sqrt(1+sigma*sigma), last.A, 1e-12)
	require.Equal(t, 5, plan.Steps)
}

// dpmpp-sde's draws are increments of one motion: those of the stage and of the rest add up to that of the step.
func TestBrownianDrawsOfAStepAddUp(t *testing.T) {
	w := walkOf(t, "dpmsolver-sde", 4, "beta_schedule=scaled_linear")
	plan, err := sampler.NewPlan(w.Model(), w.Settings)
	require.NoError(t, err)
	require.Equal(t, len(w.Motion.Spans), plan.Draws())
	tree := func(spans ...[2]float64) []float32 {
		dst := make([]float32, 6)
		noise := torchrand.BrownianTree{Generators: torchrand.Generators{Seed: 5, Samples: 2}, Low: w.Motion.Low, High: w.Motion.High, Spans: spans}
		require.NoError(t, noise.Normals(dst, 0, 2, 1))
		return dst
	}
	for k, row := range plan.Rows {
		if row.C1 == 0 {
			continue
		}
		first, second := w.Motion.Spans[row.Draw-2], w.Motion.Spans[row.Draw-1]
		require.Equal(t, first[1], second[0])
		whole := [2]float64{first[0], second[1]}
		total := math.Hypot(row.C, row.C1)
		a, b, sum := tree(first), tree(second), tree(whole)
		for i := range sum {
			require.InDelta(t, float64(sum[i])*total, row.C1*float64(a[i])+row.C*float64(b[i]), 2e-5*total, "row %d", k)
		}
	}
}

// Adapted to a card's path, a named scheduler walks its levels, and what the network is fed the card says.
func TestANamedSchedulerWalksTheCardsPath(t *testing.T) {
	path, err := schedule.ParsePath("betas=linear(1e-3,0.2); count=50")
	require.NoError(t, err)
	for _, name := range []string{"euler", "ddim", "dpmsolver++", "heun"} {
		s, err := Named(name)
		require.NoError(t, err)
		require.True(t, s.Adapt(path))
		w, err := s.Walk(5)
		require.NoError(t, err)
		model := sampler.Model{Path: path, Prediction: schedule.Noise, Time: schedule.MustFormula("index/50", schedule.TimeVariables(path)...)}
		plan, err := sampler.NewPlan(model, w.Settings)
		require.NoError(t, err)
		require.InDelta(t, w.Timesteps[0]/50, plan.Rows[0].Input, 1e-12, name)
	}
	flow, err := Named("flow")
	require.NoError(t, err)
	require.False(t, flow.Adapt(path), "a table is no straight path")
	require.True(t, flow.Adapt(schedule.CondOT()))
}

func TestEveryClassKnowsItsNetworkWithoutSteps(t *testing.T) {
	for _, c := range classes() {
		if c.walk == nil {
			continue
		}
		s, err := Named(c.full())
		require.NoError(t, err)
		model, err := s.Model()
		require.NoError(t, err, c.name)
		require.NotNil(t, model.Path, c.name)
		require.True(t, model.Prediction.Valid(), c.name)
	}
}

// The states of a walk under another solver lie on the same nodes.
func TestLevelsFall(t *testing.T) {
	for _, c := range classes() {
		if c.walk == nil || c.name == "DDIMInverse" || c.name == "DPMSolverMultistepInverse" {
			continue
		}
		s, err := Named(c.full())
		require.NoError(t, err)
		if c.option("use_dynamic_shifting") != nil && c.flow {
			require.NoError(t, s.Set("use_dynamic_shifting=true"))
			_, err := s.Walk(5)
			require.ErrorContains(t, err, "mu")
			require.NoError(t, s.Set("mu=0.8"))
		}
		w, err := s.Walk(7)
		require.NoError(t, err, c.name)
		var levels []float64
		for _, n := range w.Settings.Nodes {
			levels = append(levels, n.Beta/n.Alpha)
		}
		if len(levels) > 0 && w.Settings.Nodes[0].Alpha != 0 {
			require.True(t, slices.IsSortedFunc(levels, func(a, b float64) int { return int(math.Copysign(1, b-a)) }), "%s: %v", c.name, levels)
		}
	}
}

// Published, the level at a timestep between two trained ones is the one that the network's time stands for.
func TestPublishedLevelsAreThoseOfTheNetworksTime(t *testing.T) {
	s, err := Named("euler")
	require.NoError(t, err)
	own, err := s.Walk(7)
	require.NoError(t, err)
	require.Contains(t, own.Settings.As, "departs")
	s.Published = true
	w, err := s.Walk(7)
	require.NoError(t, err)
	require.Contains(t, w.Settings.As, "log sigma is a straight line")
	table, err := (&config{Scheduler: s}).table()
	require.NoError(t, err)
	for k, back := range timestepsOf(w.Sigmas[:7], table.sigmas()) {
		require.InDelta(t, w.Timesteps[k], back, 1e-3)
		require.InDelta(t, own.Sigmas[k], w.Sigmas[k], 1e-3*own.Sigmas[k])
	}
	require.NoError(t, s.Set("timestep_spacing=trailing"))
	whole, err := s.Walk(10)
	require.NoError(t, err)
	require.Contains(t, whole.Settings.As, "published, as")
}

// On cosine betas the first levels lie so near to one another that they share the time of the noisiest step; the stage between two is
// one all the same.
func TestAStageBesideTheNoisiestStepIsCalled(t *testing.T) {
	_, plan := walked(t, "DPMSolverSDE", 31, false, "beta_schedule=squaredcos_cap_v2", "use_beta_sigmas=true", "timestep_spacing=trailing")
	require.Equal(t, 61, plan.Calls(), "as often as diffusers 0.38 calls it: all steps but the last have two stages")
}
