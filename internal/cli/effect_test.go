package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"odeon/internal/array"
	"odeon/internal/atomicfile"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// effect is a command line with a flag and without it, behind words that are most flags' usual ones: what comes out differs. "@" stands for
// the folder of the test's files.
type effect struct{ usual, base, with string }

// flagEffects say what every flag of a command does.
type flagEffects struct {
	words   string // of every command line
	flags   []cli.Flag
	effects map[string]effect
	times   *regexp.Regexp // what differs from run to run in what is said

	told    []string // flags that change what is said
	same    bool     // and no file; else their files are the same but for the rounding of sums in another order
	refused []string // those whose case asks for what cannot be had, and is not replaced in silence
	fails   []string // those whose case fails without them
}

func (f flagEffects) check(t *testing.T, folder string) {
	for _, flag := range f.flags {
		name := flag.Names()[0]
		e, ok := f.effects[name]
		require.True(t, ok, "no case shows what --%s does", name)
		t.Run(name, func(t *testing.T) {
			base := e.usual + " " + e.base + " "
			said, files := f.ran(t, folder, base)
			again, filesAgain := f.ran(t, folder, base)
			require.Equal(t, said, again, "the same words end the same")
			require.Equal(t, files, filesAgain, "the same words end the same")

			saidWith, filesWith := f.ran(t, folder, base+e.with)
			if slices.Contains(f.told, name) {
				require.NotEqual(t, said, saidWith)
			} else {
				require.NotEqual(t, files, filesWith)
			}
			if f.same && slices.Contains(f.told, name) {
				require.Equal(t, files, filesWith)
			}
			require.Equal(t, !slices.Contains(f.fails, name), strings.HasPrefix(said, "exit 0\n"), said)
			require.Equal(t, !slices.Contains(f.refused, name), strings.HasPrefix(saidWith, "exit 0\n"), saidWith)
		})
	}
}

// ran runs a command line: what it says, from its exit code on, and the files that it leaves, which are taken away.
func (f flagEffects) ran(t *testing.T, folder, words string) (said string, files map[string][]byte) {
	t.Helper()
	args := strings.Fields(f.words + " " + words)
	for i, word := range args {
		if name, ok := strings.CutPrefix(word, "@"); ok {
			args[i] = filepath.Join(folder, name)
		}
	}
	before := listing(t, folder)
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, &stdout, &stderr)
	files = map[string][]byte{}
	for _, name := range listing(t, folder) {
		if slices.Contains(before, name) {
			continue
		}
		require.NoError(t, filepath.WalkDir(filepath.Join(folder, name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if strings.HasSuffix(path, ".checkpoint") {
				data = nil // it holds the time that was spent
			}
			files[path] = data
			return err
		}))
		require.NoError(t, os.RemoveAll(filepath.Join(folder, name)))
	}
	return fmt.Sprintf("exit %d\n%s%s", code, f.times.ReplaceAllString(stdout.String(), ""), stderr.String()), files
}

// listing names what is in a folder.
func listing(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// sampleEffects are on the files of [writeEffects].
var sampleEffects = map[string]effect{
	"count":             {"@everything.onnx", "", "--count 3"},
	"seed":              {"@everything.onnx", "", "--seed 1"},
	"first":             {"@everything.onnx", "", "--first 2"},
	"label":             {"@everything.onnx", "", "--label 2"},
	"from":              {"@everything.onnx", "--strength 0.5", "--from @pairs.npy"},
	"strength":          {"@everything.onnx", "--invert --from @pairs.npy", "--strength 0.5"},
	"invert":            {"@everything.onnx", "--strength 1 --from @pairs.npy", "--invert"},
	"invert-label":      {"@everything.onnx", "--invert --from @pairs.npy", "--invert-label 2"},
	"mask":              {"@everything.onnx", "--strength 1 --from @pairs.npy", "--mask @mask.npy"},
	"resample":          {"@everything.onnx", "", "--resample 2"},
	"init":              {"@everything.onnx", "", "--init @pairs.npy"},
	"init-noise":        {"@everything.onnx", "", "--init-noise @pairs.npy"},
	"noise":             {"@everything.onnx", "--sigma 1-t", "--noise @steps.npy"},
	"set":               {"@everything.onnx", "", "--set h=[1]"},
	"set-null":          {"@everything.onnx", "--guidance 2", "--set-null h=[1]"},
	"decode":            {"@everything.onnx", "--decoder @decoder.onnx", "--decode=false"},
	"rng":               {"@everything.onnx", "", "--rng torch"},
	"torch-seeds":       {"@everything.onnx", "--rng torch", "--torch-seeds sample"},
	"allow-nonfinite":   {"@everything.onnx", "--scale 1e39 --workers 1", "--allow-nonfinite"},
	"out":               {"@everything.onnx", "", "--out @more.csv"},
	"trajectories":      {"@everything.onnx", "--out @way.npz", "--trajectories"},
	"json":              {"@everything.onnx", "", "--json=false"},
	"quiet":             {"@everything.onnx", "", "--quiet"},
	"plan":              {"@everything.onnx", "", "--plan @saved.json"},
	"steps":             {"@everything.onnx", "", "--steps 3"},
	"solver":            {"@everything.onnx", "", "--solver heun"},
	"grid":              {"@everything.onnx", "", "--grid quadratic"},
	"guidance":          {"@everything.onnx", "", "--guidance 2"},
	"guidance-interval": {"@everything.onnx", "--guidance 2", "--guidance-interval 0.3,0.7"},
	"guidance-form":     {"@everything.onnx", "--guidance 2", "--guidance-form apg"},
	"guidance-rescale":  {"glyphs", "--guidance 2", "--guidance-rescale 0.5"},
	"guide-model":       {"@everything.onnx", "--guidance 2", "--guide-model @everything.onnx"},
	"negative-label":    {"@everything.onnx", "--guidance 2", "--negative-label 2"},
	"sigma":             {"@everything.onnx", "", "--sigma 1-t"},
	"order":             {"@everything.onnx", "--solver ab --steps 5", "--order 1"},
	"tolerance":         {"@everything.onnx", "--prediction data --solver dopri5", "--tolerance 1e-5"},
	"churn":             {"@everything.onnx", "--solver heun-churn --path ve(0.02,5)", "--churn 2,0.1,4,1.01"},
	"gamma":             {"@everything.onnx", "--solver tcd", "--gamma 0.8"},
	"corrector":         {"@everything.onnx", "--solver predictor-corrector", "--corrector 3,0.1"},
	"save-plan":         {"@everything.onnx", "", "--save-plan @plan.json"},
	"eta":               {"@everything.onnx", "--solver ddim", "--eta 0.5"},
	"variance":          {"@everything.onnx", "--solver ddpm", "--variance beta"},
	"t-start":           {"@everything.onnx", "", "--t-start 0.2"},
	"t-end":             {"@everything.onnx", "", "--t-end 0.8"},
	"last":              {"@everything.onnx", "--path ve(0.02,5)", "--last none"},
	"indexes":           {"@everything.onnx", "--path betas=linear(1e-3,0.2);count=10", "--indexes 9,5,3,0"},
	"end-index":         {"@everything.onnx", "--path betas=linear(1e-3,0.2);count=10", "--end-index 0"},
	"clip":              {"@everything.onnx", "", "--clip -0.1,0.1"},
	"threshold":         {"@everything.onnx", "", "--threshold 0.5,0.1"},
	"as":                {"@everything.onnx", "--scheduler flow --scheduler-option shift=3", "--as published"},
	"scheduler":         {"@everything.onnx", "", "--scheduler flow"},
	"scheduler-option":  {"@everything.onnx", "--scheduler flow", "--scheduler-option shift=3"},
	"card":              {"@everything.onnx", "", "--card @other.json"},
	"prediction":        {"@everything.onnx", "", "--prediction data"},
	"path":              {"@everything.onnx", "--prediction data", "--path cosine"},
	"time":              {"@everything.onnx", "", "--time 1-t"},
	"scale":             {"@everything.onnx", "", "--scale 2"},
	"start":             {"@everything.onnx", "", "--start 2"},
	"shape":             {"@everything.onnx", "", "--shape 3"},
	"layout":            {"@everything.onnx", "--out @look.png", "--layout L"},
	"range":             {"glyphs", "--out @glyphs.png", "--range 0,1"},
	"inputs":            {"@everything.onnx", "", "--inputs time=y,label=t"},
	"output":            {"@everything.onnx", "", "--output w"},
	"labels":            {"@everything.onnx", "--count 3", "--labels 2"},
	"decoder":           {"@everything.onnx", "", "--decoder @decoder.onnx"},
	"rate":              {"@everything.onnx", "--shape 64 --layout L --rate 16000 --out @sound.wav", "--rate 8000"},
	"fps":               {"@video.onnx", "--out @video.gif", "--fps 5"},
	"provider":          {"@everything.onnx", "", "--provider tensorrt"},
	"provider-option":   {"@everything.onnx", "--provider cpu", "--provider-option nonsense=1"},
	"runtime":           {"@everything.onnx", "", "--runtime @nowhere"},
	"batch":             {"@everything.onnx", "", "--batch 2"},
	"workers":           {"@everything.onnx", "--count 8", "--workers 4"},
	"threads":           {"@everything.onnx", "", "--threads 3"},
}

// writeEffects writes networks with one of everything: two outputs, a class, a further input, a decoder, a video.
func writeEffects(t *testing.T, folder string) {
	t.Helper()
	write := func(name string, data []byte, err error) {
		t.Helper()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), data, 0o666))
	}
	row := []onnx.Dim{onnx.Free("n"), onnx.Free("d")}
	g := onnx.NewGraph("everything")
	x := g.Input("x", onnx.Float32, row...)
	column := g.Const("", onnx.Vector[int64](1))
	clock := g.Node("Unsqueeze", g.Input("t", onnx.Float32, onnx.Free("n")), column)
	class := g.Node("Cast", g.Node("Unsqueeze", g.Input("y", onnx.Int64, onnx.Free("n")), column), onnx.Int("to", int64(onnx.Float32)))
	v := g.Node("Add", g.Node("Mul", x, clock), g.Node("Add", class, g.Input("h", onnx.Float32, row...)))
	g.Output("v", v, onnx.Float32, row...)
	g.Output("w", g.Node("Neg", v), onnx.Float32, row...)
	g.Meta("odeon", `{"prediction": "velocity", "path": "condot", "shape": [2], "output": "v", "constants": {"h": [0.5]},
		"inputs": {"state": "x", "time": "t", "label": "y"}, "labels": {"count": 3, "null": 0}, "sampling": {"steps": 4}}`)
	data, err := g.Bytes()
	write("everything.onnx", data, err)

	g = onnx.NewGraph("decoder")
	z := g.Input("z", onnx.Float32, row...)
	g.Output("image", g.Node("Add", z, z), onnx.Float32, row...)
	data, err = g.Bytes()
	write("decoder.onnx", data, err)

	video := []onnx.Dim{onnx.Free("n"), onnx.Fixed(3), onnx.Fixed(1), onnx.Fixed(4), onnx.Fixed(4)}
	g = onnx.NewGraph("video")
	g.Output("v", g.Node("Neg", g.Input("x", onnx.Float32, video...)), onnx.Float32, video...)
	g.Meta("odeon", `{"prediction": "velocity", "path": "condot"}`)
	data, err = g.Bytes()
	write("video.onnx", data, err)

	plan, err := sampler.NewPlan(sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}, sampler.Settings{Steps: 3})
	require.NoError(t, err)
	data, err = json.Marshal(plan)
	write("saved.json", data, err)
	write("other.json", []byte(`{"prediction": "data"}`), nil)
	for name, shape := range map[string][]int{"pairs.npy": {2, 2}, "steps.npy": {4, 2, 2}, "mask.npy": {1, 2}} {
		numbers := make([]float32, (&array.Array{Shape: shape}).Len())
		for i := range numbers {
			numbers[i] = 0.5 - float32(i)/8
		}
		require.NoError(t, writeNPY(filepath.Join(folder, name), numbers, shape...))
	}
}

// writeNPY writes an array as a .npy file.
func writeNPY(file string, numbers []float32, shape ...int) error {
	return atomicfile.Write(file, func(f io.Writer) error {
		w, err := array.NewNPYWriter(f, shape)
		if err != nil {
			return err
		}
		if err := w.Write(numbers); err != nil {
			return err
		}
		return w.Close()
	})
}

func TestEveryFlagOfSampleHasAnEffect(t *testing.T) {
	t.Setenv(onnx.LibraryVariable, library(t))
	folder := t.TempDir()
	writeEffects(t, folder)
	flagEffects{
		words: "sample --json --count 2 --out @x.npy", flags: sampleFlags(), effects: sampleEffects,
		times: regexp.MustCompile(`"seconds":\{[^}]*\}|\d+\.\d\d s\b`),
		told:  []string{"json", "quiet", "batch", "workers", "threads"}, same: true,
		refused: []string{"inputs", "provider", "provider-option", "runtime"},
		fails:   []string{"allow-nonfinite", "from"},
	}.check(t, folder)
}
