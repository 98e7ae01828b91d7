package diffusers

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"odeon/sampler"
)

// The numbers are PyTorch 2.9.1's, on a CPU: the tables of beta_schedule over 1000 steps, linear and sigmoid from 1e-4 to 0.02, scaled_linear from
// 0.00085 to 0.012, and their torch.cumprod(1 - betas), at the indices 0, 333 and 999.
func TestTablesAreTorchsDigitByDigit(t *testing.T) {
	for _, c := range []struct {
		name        string
		first, last float64
		betas, bars [3]float32
	}{
		{"linear", 1e-4, 0.02, [3]float32{9.99999975e-05, 0.00673333369, 0.0199999996}, [3]float32{0.999899983, 0.318624765, 4.03583035e-05}},
		{"scaled_linear", 0.00085, 0.012, [3]float32{0.000849999953, 0.00313055259, 0.0119999992}, [3]float32{0.999149978, 0.534961879, 0.00466009509}},
		{"sigmoid", 1e-4, 0.02, [3]float32{0.000149205196, 0.0024721385, 0.0199507959}, [3]float32{0.99985081, 0.785887897, 3.96818214e-05}},
		{"squaredcos_cap_v2", 0, 0, [3]float32{4.12842237e-05, 0.00183351606, 0.999000013}, [3]float32{0.999958694, 0.741974711, 2.42873499e-09}},
		{"laplace", 0, 0, [3]float32{0.0211537573, 0.000336938188, 0.847252607}, [3]float32{0.978846252, 0.742168069, 0.0316227749}},
		{"exp", 0, 0, [3]float32{0.0119282873, 0.0119282873, 0.0119282873}, [3]float32{0.98807174, 0.0181698631, 6.14437886e-06}},
	} {
		betas := betaTables[c.name](c.first, c.last, 1000)
		bars := alphaBars(betas)
		for k, i := range []int{0, 333, 999} {
			require.Equal(t, c.betas[k], betas[i], "%s: beta %d", c.name, i)
			require.Equal(t, c.bars[k], bars[i], "%s: alpha-bar %d", c.name, i)
		}
		rescaled := alphaBars(rescaleZeroSNR(betas))
		require.InEpsilon(t, bars[0], rescaled[0], 2e-7, c.name)
		require.Zero(t, rescaled[999], c.name)
	}
}

// The lists of numpy's arange and linspace that diffusers makes; the trailing one of 61 has an entry too many there, -1.
func TestTimestepsAreSpaced(t *testing.T) {
	for _, c := range []struct {
		s    spacing
		want []float64
	}{
		{spacing{name: "leading", steps: 4, offset: 1}, []float64{751, 501, 251, 1}},
		{spacing{name: "leading", steps: 3, beyond: true}, []float64{750, 500, 250}},
		{spacing{name: "trailing", steps: 6}, []float64{999, 832, 666, 499, 332, 166}},
		{spacing{name: "linspace", steps: 4}, []float64{999, 666, 333, 0}},
		{spacing{name: "linspace", steps: 4, beyond: true}, []float64{999, 749, 500, 250}},
		{spacing{name: "linspace", steps: 4, beyond: true, back: true}, []float64{0, 250, 500, 749}},
		{spacing{name: "linspace", steps: 4, beyond: true, last: 601}, []float64{600, 450, 300, 150}},
		{spacing{name: "leading", steps: 1}, []float64{0}},
	} {
		c.s.trained = 1000
		list, err := c.s.timesteps()
		require.NoError(t, err)
		require.Equal(t, c.want, list, "%+v", c.s)
	}
	for steps := 1; steps <= 1000; steps++ {
		list, err := spacing{name: "trailing", trained: 1000, steps: steps}.timesteps()
		require.NoError(t, err)
		require.Len(t, list, steps)
		require.GreaterOrEqual(t, slices.Min(list), 0.0)
	}
	_, err := spacing{name: "leading", trained: 1000, steps: 1001}.timesteps()
	require.ErrorContains(t, err, "expected 1 to 1000")
}

// walked is the walk of a class with options, and its plan.
func walked(t *testing.T, class string, steps int, published bool, options ...string) (*Walk, *sampler.Plan) {
	w := walkAs(t, published, class, steps, options...)
	plan, err := sampler.NewPlan(w.Model(), w.Settings)
	require.NoError(t, err)
	return w, plan
}

// A walk says that it departs from the published method exactly where the published one is another plan.
func TestWhatDepartsIsSaid(t *testing.T) {
	for _, c := range []struct {
		class   string
		steps   int
		departs bool
		options []string
	}{
		{"ddim", 10, false, []string{"clip_sample=false"}},
		{"ddim", 10, true, nil}, // clips, and keeps the noise
		{"ddim", 10, false, []string{"use_clipped_model_output=true"}},
		{"ddim", 12, true, []string{"clip_sample=false", "timestep_spacing=trailing"}}, // 916 to 833, where 832 is next
		{"ddpm", 12, false, []string{"timestep_spacing=trailing"}},
		{"pndm", 10, false, []string{"skip_prk_steps=true"}},
		{"pndm", 10, true, []string{"skip_prk_steps=true", "prediction_type=v_prediction"}},
		{"pndm", 7, true, []string{"timestep_spacing=linspace"}},
		{"lcm", 4, false, nil},
		{"dpmsolver++", 10, false, nil},
		{"dpmsolver++", 10, true, []string{"use_karras_sigmas=true"}},
		{"dpmsolver++", 10, true, []string{"algorithm_type=sde-dpmsolver++", "solver_order=3"}},
		{"dpm-singlestep", 9, true, []string{"solver_order=3"}},
		{"dpm-singlestep", 9, false, []string{"solver_order=3", "solver_type=heun"}},
		{"unipc", 10, true, []string{"use_flow_sigmas=true", "prediction_type=flow_prediction", "flow_shift=3"}},
		{"ipndm", 10, true, nil},
	} {
		w, plan := walked(t, c.class, c.steps, false, c.options...)
		_, published := walked(t, c.class, c.steps, true, c.options...)
		require.Equal(t, c.departs, w.Departs != "", "%s %v: %q", c.class, c.options, w.Departs)
		require.Equal(t, c.departs, w.Instead != "", "%s %v: %q", c.class, c.options, w.Instead)
		if c.departs {
			require.NotEqual(t, published.Rows, plan.Rows, "%s %v", c.class, c.options)
		} else {
			require.Equal(t, published.Rows, plan.Rows, "%s %v", c.class, c.options)
		}
	}
}

// An option that the class takes and does nothing with is a note where a configuration has it, and an error where somebody asks for it.
func TestAnOptionThatDoesNothingIsSaid(t *testing.T) {
	s, err := Parse([]byte(`{"_class_name": "TCDScheduler", "clip_sample": true, "timestep_spacing": "leading"}`))
	require.NoError(t, err)
	require.Equal(t, []string{"TCDScheduler reads option clip_sample=true and does nothing with it: this class's step does not clip"}, s.Notes)
	require.ErrorContains(t, s.Set("thresholding=true"), "does nothing with option thresholding, found true: this class's step does not clip; leave it out")
	require.NoError(t, s.Set("thresholding=false"))
}

// With q = -1 in all elements a learned variance is DDPM's fixed_small, and with q = 1 its fixed_large.
func TestALearnedRangeEndsAtTheFixedVariances(t *testing.T) {
	_, learned := walked(t, "ddpm", 20, false, "variance_type=learned_range")
	_, small := walked(t, "ddpm", 20, false)
	_, large := walked(t, "ddpm", 20, false, "variance_type=fixed_large")
	require.Equal(t, sampler.LearnedVariance, learned.Second)
	for i, row := range learned.Rows[:19] {
		require.InEpsilon(t, small.Rows[i].C, row.C*math.Exp(-row.L), 1e-12)
		require.InEpsilon(t, large.Rows[i].C, row.C*math.Exp(row.L), 1e-12)
	}
	require.Zero(t, learned.Rows[19].C, "at timestep 0 there is none")
}

// The steps of the singlestep method have as many calls as its orders say, and those of all steps are the timesteps.
func TestSinglestepOrders(t *testing.T) {
	for _, c := range []struct {
		order, steps int
		zero         bool
		want         []int
	}{
		{1, 3, false, []int{1, 1, 1}},
		{2, 6, false, []int{1, 2, 1, 2, 1, 2}},
		{2, 6, true, []int{1, 2, 1, 2, 1, 1}},
		{2, 7, true, []int{1, 2, 1, 2, 1, 2, 1}},
		{3, 6, false, []int{1, 2, 3, 1, 2, 3}},
		{3, 6, true, []int{1, 2, 3, 1, 2, 1}},
		{3, 7, true, []int{1, 2, 3, 1, 2, 3, 1}},
		{3, 8, true, []int{1, 2, 3, 1, 2, 3, 1, 1}},
		{3, 8, false, []int{1, 2, 3, 1, 2, 3, 1, 2}},
	} {
		s, err := Named("dpm-singlestep")
		require.NoError(t, err)
		s.given["solver_order"] = float64(c.order)
		if !c.zero {
			s.given["final_sigmas_type"] = "sigma_min"
		}
		require.Equal(t, c.want, (&config{Scheduler: s}).orders(c.steps), "order %d, %d steps", c.order, c.steps)
		w, err := s.Walk(c.steps)
		require.NoError(t, err)
		plan, err := sampler.NewPlan(w.Model(), w.Settings)
		require.NoError(t, err)
		require.Equal(t, c.steps, plan.Calls())
	}
}

// Every option of every class, with values of every kind and few steps or many, gives a plan or an error that names the class.
func TestNoOptionMakesAWalkCrash(t *testing.T) {
	values := []string{"none", "0", "-1", "1", "2", "0.3", "1e6", "inf", "true", "false", "999,500,1", "0.7,0.2", "0", "5,5", "-3", "bh1"}
	walks, plans := 0, 0
	for _, c := range classes() {
		if c.walk == nil {
			continue
		}
		for _, o := range c.options {
			for _, value := range append(values, o.words...) {
				s := &Scheduler{class: c, given: map[string]any{}}
				if c.option("mu") != nil {
					s.given["mu"] = 0.5
				}
				if s.Set(o.name+"="+value) != nil {
					continue
				}
				if v, ok := s.given["num_train_timesteps"].(float64); ok && v > 5000 {
					continue
				}
				for _, steps := range []int{1, 4, 7} {
					walks++
					w, err := s.Walk(steps)
					if err == nil {
						plans++
						_, _ = sampler.NewPlan(w.Model(), w.Settings)
					} else {
						assert.Contains(t, err.Error(), c.name, "%s=%s, %d steps", o.name, value, steps)
					}
				}
			}
		}
	}
	t.Log(walks, plans)
}

// Whatever a class with a table is told, its walk is a plan or an error, and never a crash.
func FuzzWalks(f *testing.F) {
	f.Add(uint8(0), 10, "timestep_spacing=trailing", "steps_offset=3")
	f.Add(uint8(7), 3, "timesteps=999,500,1", "num_train_timesteps=10")
	f.Add(uint8(20), 1, "solver_order=3", "lambda_min_clipped=inf")
	f.Add(uint8(30), 1000, "use_karras_sigmas=true", "trained_betas=0.1,0.2,0.3")
	all := classes()
	f.Fuzz(func(t *testing.T, number uint8, steps int, first, second string) {
		c := all[int(number)%len(all)]
		if c.walk == nil || steps > 2000 {
			return
		}
		s := &Scheduler{class: c, given: map[string]any{}}
		if s.Set(first) != nil || s.Set(second) != nil {
			return
		}
		if v, ok := s.given["num_train_timesteps"].(float64); ok && v > 5000 {
			return
		}
		w, err := s.Walk(steps)
		if err != nil {
			return
		}
		_, _ = sampler.NewPlan(w.Model(), w.Settings)
	})
}
