package diffusers

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
	"odeon/sampler/torchrand"
)

// published is a figure that one of diffusers' own unit tests asserts: of the sum or the mean of the samples' absolute values.
type published struct {
	Class, Test, Scheduler string
	Config                 map[string]json.RawMessage `json:"config_passed"`
	Steps, Line            int
	Eta                    *float64
	Start                  *string `json:"start_index_expr"`
	Generator              string  `json:"seed_generator"`
	Init                   string
	Input                  string   `json:"model_input"`
	Device                 string   `json:"device_branch"`
	Sum                    *float64 `json:"expected_sum"`
	Mean                   *float64 `json:"expected_mean"`
	SumTolerance           any      `json:"tol_sum"`
	MeanTolerance          any      `json:"tol_mean"`
	Notes                  []string
}

func (p *published) UnmarshalJSON(text []byte) error {
	type plain published
	var names struct {
		Class     string `json:"test_class"`
		Test      string `json:"test_name"`
		Scheduler string `json:"scheduler_class"`
	}
	if err := json.Unmarshal(text, &names); err != nil {
		return err
	}
	p.Class, p.Test, p.Scheduler = names.Class, names.Test, names.Scheduler
	return json.Unmarshal(text, (*plain)(p))
}

// onCPU says whether the figure is asserted on a CPU.
func (p *published) onCPU() bool {
	return map[string]bool{
		"all": true, "torch_device in ['cpu']": true, "torch_device in ['cpu', 'mps']": true, "str(torch_device).startswith('cpu')": true,
		"not(torch_device in ['mps']) and not(torch_device in ['cuda', 'xpu'])": true,
	}[p.Device]
}

// keepsScaled says whether the test's loop goes on with what it has scaled for the network. SASolver scales nothing.
func (p *published) keepsScaled() bool {
	return strings.HasPrefix(p.Input, "QUIRK") && p.Scheduler != "SASolverScheduler"
}

// start is the step at which the walk begins.
func (p *published) start() int {
	if p.Start == nil {
		return 0
	}
	switch *p.Start {
	case "num_trained_timesteps - 2", "self.num_inference_steps - 2":
		return p.Steps - 2
	}
	var k int
	_, err := fmt.Sscan(*p.Start, &k)
	if err != nil {
		panic(err)
	}
	return k
}

// dummies are the tests' four samples, x[b,i] = (4i+b)/size, and their noise, which falls where those rise.
func dummies(size int) (sample, noise []float32) {
	sample, noise = make([]float32, size), make([]float32, size)
	dim := size / 4
	for b := range 4 {
		for i := range dim {
			k := 4*i + b
			sample[b*dim+i] = float32(k) / float32(size)
			noise[b*dim+i] = float32(size-1-k) / float32(size)
		}
	}
	return sample, noise
}

// walk is the plan that a test walks.
func (p *published) walk(t *testing.T) (*Walk, *sampler.Plan) {
	arguments := map[string]any{}
	if p.Eta != nil && !strings.HasPrefix(p.Scheduler, "DDPM") {
		arguments["eta"] = *p.Eta
	}
	s, err := scheduler(p.Scheduler, p.Config, arguments)
	require.NoError(t, err)
	w, err := s.Walk(p.Steps)
	require.NoError(t, err)
	settings, start := w.Settings, p.start()
	switch p.Scheduler {
	case "IPNDMScheduler":
		settings.Nodes = again(settings.Nodes)
	case "LMSDiscreteScheduler": // see cut
	case "ScoreSdeVeScheduler": // the test feeds the first levels of those that the constructor lists
		listed, err := s.Walk(2000)
		require.NoError(t, err)
		for i := range p.Steps {
			settings.Nodes[i].Input = &listed.Sigmas[i]
		}
	default:
		settings.Nodes = settings.Nodes[start:]
	}
	plan, err := sampler.NewPlan(w.Model(), settings)
	require.NoError(t, err)
	if p.Scheduler == "LMSDiscreteScheduler" && start > 0 {
		cut(plan, start)
	}
	if p.keepsScaled() {
		scaleAgain(w, plan)
	}
	return w, plan
}

// again goes through all nodes twice, with the values of the first time still in mind. The second time the state is not that of pure noise,
// and the class divides by an alpha of 1e-8.
func again(nodes []sampler.Node) []sampler.Node {
	first, second := slices.Clone(nodes[:len(nodes)-1]), slices.Clone(nodes)
	first[len(first)-1].Leads = &nodes[len(nodes)-1]
	second[0].Alpha = 1e-8
	return append(first, second...)
}

// cut begins the plan at a step. The tests' multistep method has the weights of its full order there, and takes those of the values that
// it has.
func cut(plan *sampler.Plan, start int) {
	plan.Rows, plan.Steps = plan.Rows[start:], plan.Steps-start
	for i := range plan.Rows {
		row := &plan.Rows[i]
		row.Step, row.B = i, row.B[:min(len(row.B), i+1)]
	}
}

// scaleAgain makes the plan one of a loop that keeps what it has scaled for the network, x/sqrt(1+sigma^2), as its state.
func scaleAgain(w *Walk, plan *sampler.Plan) {
	var rows []sampler.Row
	for _, row := range plan.Rows {
		if row.Call {
			rows = append(rows, sampler.Row{Step: row.Step, T: row.T, Next: row.T, Scale: 1, A: w.Path.At(row.T).Alpha})
		}
		rows = append(rows, row)
	}
	plan.Rows = rows
}

// network is the tests' x t/(t+1). Where a loop keeps what it has scaled, the network sees the state over alpha; where none is scaled, it
// sees the state whatever the scheduler would make of it.
func (p *published) network(w *Walk) sampler.Func {
	return func(dst, x []float32, at sampler.At) {
		t, scale := float32(at.Input), at.Scale
		switch {
		case p.keepsScaled():
			scale = 1 / w.Path.At(at.T).Alpha
		case strings.HasPrefix(p.Input, "no scale_model_input"):
			scale = 1
		}
		for i, v := range x {
			dst[i] = float32(float64(v)*scale) * t / (t + 1)
		}
	}
}

// noise is what the step draws, of torch's generator with seed 0.
func (p *published) noise(w *Walk) sampler.Noise {
	generators := torchrand.Generators{Seeds: torchrand.Batch, Device: torchrand.CPU, Samples: 4}
	if m := w.Motion; m != nil {
		return torchrand.BrownianTree{Generators: generators, Low: m.Low, High: m.High, Spans: m.Spans}
	}
	return &torchrand.Noise{Generators: generators, FirstDraw: 1}
}

// samples is where the test's loop ends.
func (p *published) samples(t *testing.T) []float32 {
	size := 768
	if p.Class == "UniPCMultistepScheduler1DTest" {
		size = 96
	}
	sample, noise := dummies(size)
	if p.Test == "test_batch_step_no_noise" {
		return p.batch(t, sample)
	}
	w, plan := p.walk(t)
	first := w.Settings.Nodes[p.start()]
	x := sampler.NewState(slices.Clone(sample), 4, 0)
	scale := 1.0
	if strings.Contains(p.Init, "init_noise_sigma") {
		scale = w.InitNoiseSigma
	}
	for i, v := range sample {
		y := float64(v) * scale * first.Alpha
		if w.Start == w.InitNoiseSigma && p.Start == nil {
			y = float64(v) * scale
		}
		if p.Start != nil {
			y += float64(noise[i]) * first.Beta
		}
		x.X[i] = float32(y)
	}
	require.NoError(t, sampler.Run(context.Background(), plan, sampler.Clip(p.network(w), plan), x, p.noise(w), nil))
	return x.X
}

// batch is one step without noise of three starts, at the timesteps 0, 1 and 2.
func (p *published) batch(t *testing.T, sample []float32) []float32 {
	s, err := scheduler(p.Scheduler, p.Config)
	require.NoError(t, err)
	w, err := s.Walk(p.Steps)
	require.NoError(t, err)
	var all []float32
	for k, shift := range []float32{0, 0.1, -0.1} {
		settings, none := w.Settings, 0.0
		n := settings.Nodes[p.Steps-1-k]
		n.Noise = &none
		settings.Nodes = []sampler.Node{n, *n.Leads}
		plan, err := sampler.NewPlan(w.Model(), settings)
		require.NoError(t, err)
		x := sampler.NewState(slices.Clone(sample), 4, 0)
		for i := range x.X {
			x.X[i] += shift
		}
		require.NoError(t, sampler.Run(context.Background(), plan, sampler.Clip(p.network(w), plan), x, nil, nil))
		all = append(all, x.X...)
	}
	return all
}

// Every figure that diffusers' own tests assert on a CPU, within their own tolerance.
func TestDiffusersOwnTestsPass(t *testing.T) {
	var all struct{ Tests []published }
	readReference(t, "diffusers_published.json", &all)
	for i := range all.Tests {
		p := &all.Tests[i]
		if !p.onCPU() {
			continue
		}
		t.Run(fmt.Sprintf("%s/%s/%d", p.Class, p.Test, i), func(t *testing.T) {
			sum, samples := 0.0, p.samples(t)
			for _, v := range samples {
				sum += math.Abs(float64(v))
			}
			p.check(t, "sum", sum, p.Sum, p.SumTolerance)
			if !strings.Contains(strings.Join(p.Notes, " "), "assert sum only") { // one mean is not that of its sum
				p.check(t, "mean", sum/float64(len(samples)), p.Mean, p.MeanTolerance)
			}
		})
	}
}

func (p *published) check(t *testing.T, what string, got float64, want *float64, tolerance any) {
	if want == nil {
		return
	}
	most, ok := tolerance.(float64)
	if !ok { // "np.isclose default"
		most = 1e-5*math.Abs(*want) + 1e-8
	}
	if d := math.Abs(got - *want); !(d < most) {
		t.Errorf("%s is %.9g, the test expects %.9g: off by %.3g, tolerance %v", what, got, *want, d, tolerance)
	}
}
