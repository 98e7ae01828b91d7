package sampler

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
	"odeon/schedule"
)

// recorded is a run of one of diffusers' schedulers with a network in closed form. See the data's README.
type recorded struct {
	ID, Scheduler, Network string
	Config, Step           map[string]any
	Steps                  int
	Timesteps, Sigmas      []float64
	Sigma0                 float64 `json:"init_noise_sigma"`
}

func (r recorded) text(option, usual string) string {
	if v, ok := r.Config[option].(string); ok {
		return v
	}
	return usual
}

func (r recorded) number(option string, usual float64) float64 {
	if v, ok := r.Config[option].(float64); ok {
		return v
	}
	return usual
}

func (r recorded) has(option string) bool {
	v, ok := r.Config[option]
	return ok && v != false
}

// network is the recorded runs' closed form.
func (r recorded) network() Func {
	return func(dst, x []float32, at At) {
		t := at.Input
		for i, v := range x {
			if dst[i] = float32(float64(v) * t / (t + 1)); r.Network == "tanh" {
				dst[i] = float32(math.Tanh(0.7*float64(v)+0.1) * (0.2 + t/1250))
			}
		}
	}
}

// level is the node of a variance-preserving path with noise level sigma.
func level(path schedule.Path, sigma, input float64) Node {
	n := Node{T: 1, Alpha: 1 / math.Hypot(1, sigma), Input: &input}
	if n.Beta = sigma * n.Alpha; sigma > 0 {
		n.T = schedule.TimeAt(path, -2*math.Log(sigma))
	}
	return n
}

// walkOf says by which solver and nodes a recorded scheduler walks, and whether its state is x/alpha; ok is false for those whose lists
// do not tell. Mapping every config is not the matter here.
func walkOf(r recorded, path *schedule.Discrete) (solver string, s Settings, scaled, ok bool) {
	order := int(r.number("solver_order", 2))
	final := func(k int) int { return 0 } // the highest order of step k
	usual := func(k int) int {
		if left := r.Steps - k; r.Steps < 15 && left < order {
			return left
		} else if left == 1 && r.Sigmas[len(r.Sigmas)-1] == 0 {
			return 1
		}
		return 0
	}
	inputs, sigmas := r.Timesteps, r.Sigmas
	every := func(list []float64, first int) (some []float64) {
		for i := first; i < len(list); i += 2 {
			some = append(some, list[i])
		}
		return some
	}
	var stages []float64
	switch r.Scheduler {
	case "EulerDiscreteScheduler":
		solver, scaled, ok = "ddim", true, len(r.Step) == 0 && !r.has("timestep_type")
	case "EulerAncestralDiscreteScheduler":
		solver, scaled, ok = "euler-ancestral", true, true
	case "LMSDiscreteScheduler":
		solver, scaled, ok = "lms", true, true
	case "HeunDiscreteScheduler":
		solver, scaled, ok = "heun-edm", true, true
		inputs = append(inputs[:1:1], every(inputs, 1)...)
		sigmas = append(sigmas[:1:1], every(sigmas, 1)...)
	case "KDPM2DiscreteScheduler":
		solver, scaled, ok = "kdpm2", true, true
		inputs, stages = every(inputs, 0), every(inputs, 1)
		sigmas = append(sigmas[:1:1], every(sigmas, 1)...)
	case "DPMSolverMultistepScheduler":
		kind := r.text("algorithm_type", "dpmsolver++")
		solver = map[string]string{"dpmsolver++": "dpmpp-2m", "sde-dpmsolver++": "dpmpp-2m-sde", "dpmsolver": "dpm-2m", "sde-dpmsolver": "dpm-2m-sde"}[kind]
		if r.text("solver_type", "midpoint") == "heun" && solver != "dpm-2m-sde" {
			solver += "-heun"
		}
		ok = !(kind == "sde-dpmsolver" && r.text("solver_type", "") == "heun" && order == 2) && !r.has("euler_at_final")
		final, s.Order = usual, order
	case "UniPCMultistepScheduler":
		solver, ok = "unipc", !r.has("use_flow_sigmas") && !r.has("disable_corrector")
		final, s.Order = func(k int) int { return r.Steps - k }, order
	case "DEISMultistepScheduler":
		solver, ok = "deis-lambda", true
		final, s.Order = usual, order
	case "LCMScheduler", "TCDScheduler":
		for _, t := range r.Timesteps {
			s.Indexes = append(s.Indexes, schedule.Index(t))
		}
		if r.Scheduler == "TCDScheduler" {
			s.EndIndex = ptr(schedule.Index(0))
		}
		return map[string]string{"LCMScheduler": "lcm", "TCDScheduler": "tcd"}[r.Scheduler], s, false, true
	case "PNDMScheduler":
		if !r.has("skip_prk_steps") || r.has("prediction_type") { // with v, diffusers adds up v's, and not the noise
			return "", s, false, false
		}
		s.Nodes = pndmNodes(r, path)
		return "plms", s, false, true
	}
	if !ok || len(inputs) != r.Steps {
		return solver, s, scaled, false
	}
	for k, input := range inputs {
		n := level(path, sigmas[k], input)
		n.Order = final(k)
		if k < len(stages) {
			n.Stages = []Node{level(path, math.Sqrt(sigmas[k]*sigmas[k+1]), stages[k])}
		}
		s.Nodes = append(s.Nodes, n)
	}
	s.Nodes = append(s.Nodes, level(path, sigmas[r.Steps], 0))
	return solver, s, scaled, true
}

// pndmNodes: a step leads to the timestep count/steps below, whatever the next one is; the second timestep is listed twice.
func pndmNodes(r recorded, path *schedule.Discrete) (nodes []Node) {
	at := func(i float64) Node {
		n := Node{T: 1, Alpha: 1}
		if i >= 0 {
			n = Node{T: path.Time(schedule.Index(i)), Input: &i}
		} else if !r.has("set_alpha_to_one") {
			bar := path.AlphaBar(0)
			n.T, n.Alpha, n.Beta = path.Time(0), math.Sqrt(bar), math.Sqrt(1-bar)
		}
		return n
	}
	for _, t := range append(r.Timesteps[:1:1], r.Timesteps[2:]...) {
		n, next := at(t), at(t-float64(1000/r.Steps))
		n.Leads = &next
		nodes = append(nodes, n)
	}
	return append(nodes, *nodes[len(nodes)-1].Leads)
}

// Walks through diffusers' own noise levels and timesteps end in diffusers' own samples.
func TestDiffusersSamplesAreReached(t *testing.T) {
	folder := filepath.Join("..", "..", "shared", "reference")
	text, err := os.ReadFile(filepath.Join(folder, "diffusers_grid.json"))
	if err != nil {
		t.Skip("the recorded runs are not in ../shared")
	}
	var all struct{ Cases []recorded }
	require.NoError(t, json.Unmarshal(text, &all))
	normals, err := array.Read(filepath.Join(folder, "normals.npy"))
	require.NoError(t, err)
	draws := normals.Float32()
	size := len(draws) / 128
	reached := map[string]int{}
	for _, r := range all.Cases {
		first, last := 0.0001, 0.02
		if r.has("beta_start") {
			first, last = r.number("beta_start", 0), r.number("beta_end", 0)
		} else if slices.Contains([]string{"HeunDiscreteScheduler", "KDPM2DiscreteScheduler"}, r.Scheduler) {
			first, last = 0.00085, 0.012
		}
		list, err := schedule.Betas(r.text("beta_schedule", "linear")+"("+number(first)+","+number(last)+")", 1000)
		if err != nil {
			continue
		}
		path, err := schedule.DiscreteFromBetas(list)
		require.NoError(t, err)
		name, s, scaled, ok := walkOf(r, path)
		if !ok {
			continue
		}
		prediction := map[string]schedule.Prediction{"epsilon": schedule.Noise, "sample": schedule.Data, "v_prediction": schedule.V}[r.text("prediction_type", "epsilon")]
		s.Solver, err = SolverByName(name)
		require.NoError(t, err)
		plan, err := NewPlan(Model{Path: path, Prediction: prediction}, s)
		require.NoError(t, err, r.ID)
		x := NewState(slices.Clone(draws[127*size:]), 4, 0)
		std, end := r.Sigma0, 1.0
		if scaled {
			std *= s.Nodes[0].Alpha
			end = s.Nodes[len(s.Nodes)-1].Alpha
		}
		for i := range x.X {
			x.X[i] *= float32(std)
		}
		noise, err := NewRecorded(draws, 128, 4, size/4)
		require.NoError(t, err)
		require.NoError(t, Run(context.Background(), plan, r.network(), x, noise, nil), r.ID)
		want, err := array.ReadNPZ(filepath.Join(folder, "diffusers_grid.npz"), r.ID)
		require.NoError(t, err)
		sample := want.Float32()
		largest, worst := 0.0, 0.0
		for i, v := range sample {
			largest = max(largest, math.Abs(float64(v)))
			worst = max(worst, math.Abs(float64(x.X[i])/end-float64(v)))
		}
		if worst > 1e-4*max(1, largest) {
			t.Errorf("%s by %s: off by %.3g of %.3g", r.ID, name, worst, largest)
			continue
		}
		reached[r.Scheduler]++
	}
	t.Log(reached)
}
