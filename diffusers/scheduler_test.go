package diffusers

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
)

// The constructors' defaults, as diffusers' sources have them.
func TestDefaultsAreThoseOfTheConstructors(t *testing.T) {
	var all map[string]struct {
		Defaults map[string]any
	}
	readReference(t, "scheduler_defaults.json", &all)
	known := map[string]bool{}
	for _, c := range classes() {
		known[c.full()] = true
		defaults, ok := all[c.full()]
		require.True(t, ok, c.full())
		if c.walk == nil {
			continue
		}
		for name, want := range defaults.Defaults {
			o := c.option(name)
			require.NotNil(t, o, "%s: option %s", c.name, name)
			require.False(t, o.call, "%s: %s", c.name, name)
			if list, ok := want.([]any); ok && len(list) == 0 {
				want = []float64{}
			}
			if text, ok := want.(string); ok && o.kind == aNumber { // -inf, which JSON does not have
				require.Equal(t, text, fmt.Sprint(json.Number(map[bool]string{true: "-inf"}[o.usual == math.Inf(-1)])), "%s: %s", c.name, name)
				continue
			}
			require.True(t, equal(want, o.usual), "%s: %s is %v, want %v", c.name, name, o.usual, want)
		}
		for i := range c.options {
			o := &c.options[i]
			_, ok := defaults.Defaults[o.name]
			require.Equal(t, !o.call, ok, "%s: option %s", c.name, o.name)
		}
	}
	for name := range all {
		require.True(t, known[name], "the class %s is neither supported nor named as one that is not", name)
	}
}

func TestConfigurations(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no object":    {`[1]`, "found no JSON object"},
		"no class":     {`{"beta_start": 0.1}`, `no "_class_name"`},
		"a near class": {`{"_class_name": "EulerDiscretScheduler"}`, `unknown scheduler "EulerDiscretScheduler" (did you mean "EulerDiscreteScheduler"?)`},
		"a far class":  {`{"_class_name": "VQDiffusionScheduler"}`, "VQDiffusionScheduler is not supported: it samples tokens"},
		"a near option": {`{"_class_name": "EulerDiscreteScheduler", "use_karras_sigma": true}`,
			`EulerDiscreteScheduler: unknown option "use_karras_sigma" (did you mean "use_karras_sigmas"?)`},
		"a word":        {`{"_class_name": "EulerDiscreteScheduler", "prediction_type": "epsilonn"}`, `unknown prediction_type "epsilonn" (did you mean "epsilon"?)`},
		"another kind":  {`{"_class_name": "EulerDiscreteScheduler", "beta_start": "small"}`, `option beta_start is "small", expected a number`},
		"out of range":  {`{"_class_name": "EulerDiscreteScheduler", "num_train_timesteps": 0}`, "option num_train_timesteps is 0, expected a whole number from 1 to"},
		"half a number": {`{"_class_name": "EulerDiscreteScheduler", "steps_offset": 0.5}`, "expected a whole number"},
		"a call": {`{"_class_name": "EulerDiscreteScheduler", "s_churn": 1}`,
			"s_churn is an argument of set_timesteps or step, which a configuration does not hold"},
		"a spacing":   {`{"_class_name": "DDIMInverseScheduler", "timestep_spacing": "linspace"}`, `option timestep_spacing "linspace" is not supported`},
		"unsupported": {`{"_class_name": "FlowMatchLCMScheduler", "scale_factors": [1, 2]}`, "option scale_factors is [1, 2], and only null is supported: states of several sizes"},
	} {
		_, err := Parse([]byte(c.text))
		require.ErrorContains(t, err, c.want, name)
	}
	s, err := Parse([]byte(`{"_class_name": "EulerDiscreteScheduler", "_diffusers_version": "9", "skip_prk_steps": true, "lambda_min_clipped": -Infinity, "sigma_max": null}`))
	require.NoError(t, err)
	require.Equal(t, []string{
		"EulerDiscreteScheduler takes no option lambda_min_clipped: passed over, as by diffusers",
		"EulerDiscreteScheduler takes no option skip_prk_steps: passed over, as by diffusers",
	}, s.Notes)
	require.Empty(t, s.Options())
	require.NoError(t, s.Set("use_karras_sigmas=True"))
	require.NoError(t, s.Set("beta_end=0.012"))
	require.Equal(t, []string{"beta_end=0.012", "use_karras_sigmas=true"}, s.Options())
	require.ErrorContains(t, s.Set("eta=1"), `unknown option "eta"`)
	require.ErrorContains(t, s.Set("eta"), "K=V")

	other, err := ParseAs("ddim", []byte(`{"_class_name": "PNDMScheduler", "skip_prk_steps": true, "steps_offset": 1}`))
	require.NoError(t, err)
	require.Equal(t, "DDIMScheduler", other.Name())
	require.Equal(t, []string{"steps_offset=1"}, other.Options())
}

func TestWalksThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		class   string
		steps   int
		options []string
		want    string
	}{
		"two grids":        {"euler", 5, []string{"use_karras_sigmas=true", "use_beta_sigmas=true"}, "both use_karras_sigmas and use_beta_sigmas"},
		"a list and one":   {"euler", 0, []string{"use_karras_sigmas=true", "sigmas=5,1,0"}, "both sigmas and use_karras_sigmas"},
		"two lists":        {"euler", 0, []string{"timesteps=5,1", "sigmas=5,1,0"}, "both timesteps and sigmas"},
		"sigmas that rise": {"euler", 0, []string{"sigmas=5,6,0"}, "noise level 6 comes after 5, and sigmas must fall"},
		"a zero within":    {"euler", 0, []string{"sigmas=5,0,0"}, "0 only at the end"},
		"steps and sigmas": {"euler", 5, []string{"sigmas=5,1,0"}, "which is 2 steps, and 5 are asked for"},
		"steps and times":  {"heun", 5, []string{"timesteps=900,5"}, "which is 2 steps, and 5 are asked for"},
		"flow and steps":   {"flow", 5, []string{"sigmas=0.9,0.5"}, "which is 2 steps, and 5 are asked for"},
		"one sigma":        {"euler", 0, []string{"sigmas=5"}, "expected two levels at least"},
		"timesteps rise":   {"heun", 0, []string{"timesteps=1,5"}, "expected numbers from 999 to 0 that fall"},
		"more steps":       {"euler", 2000, []string{"timestep_spacing=leading"}, "2000 steps"},
		"other steps":      {"euler", 4, []string{"num_inference_steps=5"}, "4 steps are asked for"},
		"no mu":            {"flow", 4, []string{"use_dynamic_shifting=true"}, "mu of the picture's size is not given"},
		"idle mu":          {"flow", 4, []string{"mu=1"}, "use_dynamic_shifting is not on"},
		"flow sigmas":      {"flow", 0, []string{"sigmas=0.5,0.9"}, "sigmas must fall"},
		"a range":          {"edm", 5, []string{"sigma_min=90"}, "expected a level below sigma_max, 80"},
		"flow back":        {"flow-lcm", 5, []string{"invert_sigmas=true"}, "option invert_sigmas is true"},
		"chance back":      {"flow", 5, []string{"invert_sigmas=true", "stochastic_sampling=true"}, "option invert_sigmas is true"},
		"late churn of v":  {"euler", 5, []string{"prediction_type=v_prediction", "s_churn=1"}, "--as published"},
	} {
		s, err := Named(c.class)
		require.NoError(t, err)
		for _, text := range c.options {
			require.NoError(t, s.Set(text), name)
		}
		_, err = s.Walk(c.steps)
		require.ErrorContains(t, err, c.want, name)
	}
}

// An option that a class does nothing with may be anything.
func TestAnUnreadCountIsNoCount(t *testing.T) {
	for _, count := range []string{"-1", "0", "40", `"x"`, "null", "1e12"} {
		s, err := Parse([]byte(`{"_class_name": "EDMEulerScheduler", "num_train_timesteps": ` + count + `}`))
		require.NoError(t, err, count)
		w, err := s.Walk(0)
		require.NoError(t, err, count)
		require.Len(t, w.Timesteps, 50, count)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "beta_start": 0.1}`))
	f.Add([]byte(`{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3, "shift_terminal": 0.1}`))
	f.Add([]byte(`{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "num_train_timesteps": 10}`))
	f.Add([]byte(`{"_class_name": "EDMEulerScheduler", "sigma_min": 1e-300, "rho": 0.1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if o := s.class.option("num_train_timesteps"); o != nil {
			if n, ok := s.given["num_train_timesteps"].(float64); ok && n > 2000 {
				return
			}
		}
		w, err := s.Walk(3)
		if err != nil {
			return
		}
		if len(w.Settings.Nodes) == 0 && len(w.Settings.Indexes) == 0 {
			t.Errorf("%s: a walk without nodes", text)
		}
		if plan, err := sampler.NewPlan(w.Model(), w.Settings); err == nil {
			require.NoError(t, plan.Check())
		}
	})
}

// The page for users lists every class that is supported, and every short name.
func TestThePageListsEveryClass(t *testing.T) {
	page, err := os.ReadFile("../docs/diffusers.md")
	require.NoError(t, err)
	for _, c := range classes() {
		if c.walk == nil {
			require.NotEmpty(t, c.why, c.name)
			continue
		}
		require.Regexp(t, `(?m)^\|.*\b`+c.name+`\b`, string(page))
		if len(c.short) > 0 {
			require.Contains(t, string(page), "`"+c.short[0]+"`", c.name)
		}
	}
}
