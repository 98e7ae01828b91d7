package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/diffusers"
	"odeon/internal/array"
	"odeon/sampler"
)

// The folders of ../shared/pipelines that are sampled without a text, and what diffusers 0.38 makes of them with onnxruntime as the
// networks' executor, as their README describes.

// pipelineRun is a reference's NAME.json, as far as it says how to repeat it.
type pipelineRun struct {
	Config    string             `json:"scheduler_config"` // the scheduler's folder
	Steps     int                `json:"steps"`
	Calls     int                `json:"network_calls"`
	Options   map[string]float64 `json:"options"` // of the scheduler's step
	Guidance  *float64           `json:"guidance_scale"`
	Labels    []int              `json:"class_labels"`
	Timesteps []float64          `json:"timesteps"`
	Sigmas    []float64          `json:"sigmas"`

	folder, npz string
}

// pipelineRuns are the references of a folder by their names.
func pipelineRuns(t *testing.T, name string) map[string]pipelineRun {
	t.Helper()
	folder := filepath.Join(shared, "pipelines", name)
	files, err := filepath.Glob(filepath.Join(folder, "references", "*.json"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("no ../shared/pipelines beside this checkout: the small pipelines and their references are not here")
	}
	runs := map[string]pipelineRun{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		run := pipelineRun{folder: folder, npz: strings.TrimSuffix(file, ".json") + ".npz"}
		require.NoError(t, json.Unmarshal(text, &run), file)
		runs[strings.TrimSuffix(filepath.Base(file), ".json")] = run
	}
	return runs
}

// schedulerFile is the config of the reference's scheduler.
func (p pipelineRun) schedulerFile() string {
	return filepath.Join(p.folder, filepath.FromSlash(p.Config), "scheduler_config.json")
}

// words are the folder and the flags that repeat the walk.
func (p pipelineRun) words() []string {
	words := []string{p.folder, "--steps", strconv.Itoa(p.Steps)}
	if p.Config != "scheduler" {
		words = append(words, "--scheduler", p.schedulerFile())
	}
	for name, value := range p.Options {
		words = append(words, "--scheduler-option", name+"="+strconv.FormatFloat(value, 'g', -1, 64))
	}
	if p.Guidance != nil {
		words = append(words, "--guidance", strconv.FormatFloat(*p.Guidance, 'g', -1, 64))
	}
	return words
}

// inputs are the flags that give the run the reference's normals and classes.
func (p pipelineRun) inputs(t *testing.T) []string {
	t.Helper()
	words := []string{"--init-noise", extracted(t, p.npz, "init")}
	if _, err := array.ReadNPZ(p.npz, "noise"); err == nil {
		words = append(words, "--noise", extracted(t, p.npz, "noise"))
	}
	if p.Labels != nil {
		words = append(words, "--label", strings.Join(strings.Fields(strings.Trim(fmt.Sprint(p.Labels), "[]")), ","))
	}
	return words
}

// fromReference is the largest error over max(1, the largest value), in which the references' own rounding is stated.
func fromReference(t *testing.T, got *array.Array, npz, name string) float64 {
	t.Helper()
	want, err := array.ReadNPZ(npz, name)
	require.NoError(t, err)
	largest := 0.0
	for _, x := range want.Float32() {
		largest = max(largest, float64(x), -float64(x))
	}
	return difference(t, got, want) * largest / max(1, largest)
}

func TestAPixelPipelineSamplesAsDiffusersDoes(t *testing.T) {
	for name, run := range pipelineRuns(t, "ddpm") {
		t.Run(name, func(t *testing.T) {
			got, r := sampled(t, append(run.words(), run.inputs(t)...)...)
			require.EqualValues(t, run.Calls*got.Shape[0], r.Evals)
			d := fromReference(t, got, run.npz, "samples")
			t.Logf("largest difference %.2g", d)
			require.Less(t, d, 5e-5)
		})
	}
}

func TestAClassPipelineSamplesAsDiffusersDoes(t *testing.T) {
	for name, run := range pipelineRuns(t, "dit") {
		t.Run(name, func(t *testing.T) {
			words := append(run.words(), run.inputs(t)...)
			latents, _ := sampled(t, append(words, "--decode=false")...)
			d := fromReference(t, latents, run.npz, "latents")
			decoded, r := sampled(t, words...)
			require.Equal(t, "CHW", r.Layout)
			e := fromReference(t, decoded, run.npz, "decoded")
			t.Logf("largest difference of latents %.2g, decoded %.2g", d, e)
			require.Less(t, d, 2e-4)
			require.Less(t, e, 2e-4)
		})
	}
}

// A pipeline that reads a text is refused with the command that samples its network alone. That command, given what the text encoders
// made of the prompts, samples as the whole pipeline does.
func TestTheNetworkOfATextPipelineSamplesAlone(t *testing.T) {
	for folder, extras := range map[string][]string{
		"sd":   {"encoder_hidden_states"},
		"sdxl": {"encoder_hidden_states", "text_embeds", "time_ids"},
		"sd3":  {"encoder_hidden_states", "pooled_projections"},
	} {
		for name, p := range pipelineRuns(t, folder) {
			if strings.HasPrefix(name, "img2img") {
				continue
			}
			t.Run(folder+" "+name, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				require.Equal(t, exitFailed, run(context.Background(), []string{"sample", p.folder}, &stdout, &stderr))
				_, command, found := strings.Cut(stderr.String(), "odeon sample ")
				require.True(t, found, stderr.String())
				words := strings.Fields(command)
				for i, word := range words {
					words[i] = strings.ReplaceAll(word, filepath.Join("scheduler", "scheduler_config.json"), filepath.Join(filepath.FromSlash(p.Config), "scheduler_config.json"))
				}
				words = words[:slices.Index(words, "--set")]
				for _, input := range extras {
					uncond, cond := halves(t, p.npz, input, *p.Guidance > 1)
					words = append(words, "--set", input+"=@"+cond)
					if uncond != "" {
						words = append(words, "--set-null", input+"=@"+uncond)
					}
				}
				words = append(words, "--steps", strconv.Itoa(p.Steps), "--guidance", strconv.FormatFloat(*p.Guidance, 'g', -1, 64))
				got, _ := sampled(t, append(words, p.inputs(t)...)...)
				d := fromReference(t, got, p.npz, "latents")
				t.Logf("largest difference %.2g", d)
				require.Less(t, d, 2e-4)
			})
		}
	}
}

// halves writes what the networks were fed: under guidance the unconditional half, which comes first, and the conditional one.
func halves(t *testing.T, npz, name string, guided bool) (uncond, cond string) {
	t.Helper()
	if !guided {
		return "", extracted(t, npz, name)
	}
	a, err := array.ReadNPZ(npz, name)
	require.NoError(t, err)
	x, shape := a.Float32(), slices.Clone(a.Shape)
	shape[0] /= 2
	folder := t.TempDir()
	uncond, cond = filepath.Join(folder, "uncond.npy"), filepath.Join(folder, "cond.npy")
	require.NoError(t, writeNPY(uncond, x[:len(x)/2], shape...))
	require.NoError(t, writeNPY(cond, x[len(x)/2:], shape...))
	return uncond, cond
}

// What the network is fed is in the plan, and equals the list of the reference's scheduler. So do the scheduler's noise levels, up to the
// last digit of the square root in PyTorch on the machine that recorded them.
func TestThePlanOfAPipelineFeedsItsTimesteps(t *testing.T) {
	for _, folder := range []string{"ddpm", "dit"} {
		for name, run := range pipelineRuns(t, folder) {
			t.Run(folder+" "+name, func(t *testing.T) {
				var plan sampler.Plan
				require.NoError(t, json.Unmarshal([]byte(said(t, append([]string{"plan", "--json"}, run.words()...)...)), &plan))
				var fed []float64
				for _, row := range plan.Rows {
					if row.Call {
						fed = append(fed, row.Input)
					}
				}
				require.Equal(t, run.Timesteps, fed)
				text, err := os.ReadFile(run.schedulerFile())
				require.NoError(t, err)
				s, err := diffusers.Parse(text)
				require.NoError(t, err)
				walk, err := s.Walk(run.Steps)
				require.NoError(t, err)
				require.Equal(t, run.Timesteps, walk.Timesteps)
				require.Len(t, walk.Sigmas, len(run.Sigmas))
				for i, sigma := range run.Sigmas {
					unit := float64(math.Nextafter32(float32(sigma), 1e9)) - sigma
					require.InDelta(t, sigma, walk.Sigmas[i], 2*unit, "sigma %d", i)
				}
			})
		}
	}
}

// said runs a command that succeeds and returns its output.
func said(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(context.Background(), args, &stdout, &stderr), "odeon %v: %s", args, stderr.String())
	return stdout.String()
}
