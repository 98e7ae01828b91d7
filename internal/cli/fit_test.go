package cli

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"odeon/internal/array"
	"odeon/onnx"
	"odeon/sampler/fit"
)

// smallFit are the words of a small fit.
const smallFit = "@everything.onnx --optimize-grid 2 --fit-samples 6 --fine-steps 12 --fit-effort 20"

// planEffects are of the flags of plan that are not the walk's or the card's, whose effects sample shows.
var planEffects = map[string]effect{
	"plan":            {"@everything.onnx", "", "--plan @saved.json"},
	"json":            {"@everything.onnx", "", "--json"},
	"out":             {"@everything.onnx", "", "--out @more.json"},
	"optimize-grid":   {"@everything.onnx", "", "--optimize-grid 2"},
	"fit-samples":     {smallFit, "", "--fit-samples 7"},
	"fine-steps":      {smallFit, "", "--fine-steps 14"},
	"fit-effort":      {smallFit, "--optimize-grid 3", "--fit-effort 200"},
	"seed":            {smallFit, "", "--seed 1"},
	"label":           {smallFit, "", "--label 2"},
	"set":             {smallFit, "", "--set h=[1]"},
	"set-null":        {smallFit, "--guidance 2", "--set-null h=[1]"},
	"quiet":           {smallFit, "", "--quiet"},
	"provider":        {smallFit, "", "--provider tensorrt"},
	"provider-option": {smallFit, "--provider cpu", "--provider-option nonsense=1"},
	"runtime":         {smallFit, "", "--runtime @nowhere"},
	"batch":           {smallFit, "", "--batch 2"},
	"workers":         {smallFit, "", "--workers 4"},
	"threads":         {smallFit, "", "--threads 3"},
}

func TestEveryFlagOfPlanHasAnEffect(t *testing.T) {
	t.Setenv(onnx.LibraryVariable, library(t))
	folder := t.TempDir()
	writeEffects(t, folder)
	flagEffects{
		words: "plan --out @x.json", effects: planEffects,
		flags:   slices.DeleteFunc(planFlags(), func(f cli.Flag) bool { return isOf(f, walkFlags()) || isOf(f, cardFlags()) }),
		times:   regexp.MustCompile(`fitted in \S+ s`),
		told:    []string{"json", "quiet", "batch", "workers", "threads"},
		refused: []string{"provider", "provider-option", "runtime"},
	}.check(t, folder)
}

// isOf tells whether a flag is one of these.
func isOf(flag cli.Flag, flags []cli.Flag) bool {
	return slices.ContainsFunc(flags, func(f cli.Flag) bool { return f.Names()[0] == flag.Names()[0] })
}

// Plans of 8 calls are fitted to networks that were trained elsewhere, and come closer to a fine walk, on samples of another seed, than the solvers
// that make 12 calls, on any of the grids.
func TestFittedPlansOfEightCallsAreCloserThanSolversOfTwelve(t *testing.T) {
	grids := []string{"uniform", "quadratic", "logsnr", "karras(7)", "karras(3)", "beta(0.6,0.6)", "shift(0.5)"}
	for _, c := range []struct {
		name, network string
		samples       string
		long          bool
		fine, fit     []string
		solvers       []string
	}{
		{
			name: "dino", network: "model.onnx", samples: "1000", solvers: []string{"ddim", "heun", "dpmpp-2m", "unipc"},
			fine: []string{"--solver", "heun", "--grid", "uniform", "--t-end", "0.98", "--last", "denoise", "--steps", "500"},
			fit:  []string{"--fit-samples", "2000"},
		},
		{
			name: "emnist-latent", network: "flow.onnx", samples: "47", solvers: []string{"euler", "heun", "dpmpp-2m", "unipc"}, long: true,
			fine: []string{"--solver", "heun", "--grid", "uniform", "--steps", "200"},
			fit:  []string{"--fit-samples", "47", "--fine-steps", "200", "--fit-effort", "1000"},
		},
		{
			name: "mnist-vit", network: "model.onnx", samples: "40", solvers: []string{"euler", "heun", "dpmpp-2m", "unipc"}, long: true,
			fine: []string{"--solver", "heun", "--grid", "uniform", "--steps", "500"},
			fit:  []string{"--fit-samples", "40", "--fine-steps", "500", "--fit-effort", "1000"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.long {
				t.Skip("fits for half a minute: left out of short runs")
			}
			model := []string{filepath.Join(pretrained(t), c.name, c.network), "--card", "../../testdata/cards/" + c.name + ".json", "--decode=false"}
			sample := func(words ...string) *array.Array {
				x, _ := sampled(t, slices.Concat(model, []string{"-n", c.samples, "--seed", "1"}, words)...)
				return x
			}
			fine := sample(c.fine...)
			apart := func(x *array.Array) float64 { return fit.Distance(x.Float32(), fine.Float32(), fine.Shape[0]).Mean }
			plan := filepath.Join(t.TempDir(), "eight.json")
			var stdout, stderr bytes.Buffer
			words := slices.Concat([]string{"plan"}, model[:3], []string{"--optimize-grid", "8", "--quiet", "-o", plan}, c.fit)
			require.Zero(t, run(t.Context(), words, &stdout, &stderr), stderr.String())
			eight := apart(sample("--plan", plan))

			least, which := math.Inf(1), ""
			for _, solver := range c.solvers {
				for _, grid := range grids {
					steps := 12
					if solver == "heun" {
						steps = 6
					}
					file := filepath.Join(t.TempDir(), "x.npy")
					words := slices.Concat([]string{"sample", "--quiet", "-o", file, "-n", c.samples, "--seed", "1", "--solver", solver, "--grid", grid, "--steps", fmt.Sprint(steps)}, model)
					if run(t.Context(), words, &stdout, &stderr) != 0 {
						continue // a grid that the path does not admit
					}
					x, err := array.Read(file)
					require.NoError(t, err)
					if e := apart(x); e < least {
						least, which = e, solver+" "+grid
					}
				}
			}
			t.Logf("fitted, 8 calls: %.4g; %s, 12 calls: %.4g", eight, which, least)
			require.Less(t, eight, least)
		})
	}
}
