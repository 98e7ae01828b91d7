package cli

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// trainEffects has for every flag of train what a command line says without it (base) and with it: the files that come out differ. "@"
// stands for the folder of [writeTrainingData].
var trainEffects = map[string]struct{ base, with string }{
	"data":            {"", "--data rings"},
	"labels":          {"", "--labels own"},
	"drop-label":      {"--labels own", "--drop-label 0.9"},
	"shape":           {"--data @images-idx3-ubyte.gz", "--shape 64"},
	"layout":          {"--data @images-idx3-ubyte.gz --shape 8,8", "--layout CL"},
	"size":            {"--data @photos", "--size 4"},
	"window":          {"--data @poems.txt --window 8", "--window 12"},
	"stride":          {"--data @poems.txt --window 8", "--stride 8"},
	"sample-rate":     {"--data @points.npy", "--sample-rate 8000"},
	"prediction":      {"", "--prediction noise"},
	"path":            {"", "--path cosine"},
	"weight":          {"", "--weight beta^2"},
	"times":           {"", "--times logit-normal(0,1)"},
	"span":            {"", "--span 0.1,0.9"},
	"coupling":        {"", "--coupling ot"},
	"time":            {"", "--time 1-t"},
	"scale":           {"", "--scale 2"},
	"net":             {"", "--net mlp(width=16,depth=1)"},
	"from":            {"--net= ", "--from moons"},
	"card":            {"", "--card @words.json"},
	"dtype":           {"--net mlp(width=32,depth=1)", "--dtype float16"},
	"steps":           {"", "--steps 5"},
	"minutes":         {"", "--minutes 1e-9"},
	"batch":           {"", "--batch 16"},
	"rate":            {"", "--rate 0.01"},
	"schedule":        {"", "--schedule constant"},
	"optimizer":       {"", "--optimizer sgd"},
	"clip-norm":       {"--optimizer sgd", "--clip-norm 0.001"},
	"ema":             {"", "--ema 0"},
	"accumulate":      {"", "--accumulate 2"},
	"workers":         {"", "--workers 2"},
	"seed":            {"", "--seed 1"},
	"checkpoint":      {"", "--checkpoint @run"},
	"every":           {"--checkpoint @run", "--every 4"},
	"resume":          {"--checkpoint @run", "--resume"},
	"validation":      {"", "--validation 0.25"},
	"preview":         {"", "--preview 2"},
	"metrics":         {"", "--metrics @m.jsonl"},
	"out":             {"", "--out @y.onnx"},
	"json":            {"", "--json=false"},
	"quiet":           {"", "--quiet"},
	"provider":        {"", "--provider tensorrt"},
	"provider-option": {"--provider cpu", "--provider-option nonsense=1"},
	"runtime":         {"", "--runtime @nowhere"},
	"threads":         {"", "--threads 1"},
}

var (
	// trainTold are the flags that change what is said; their files are the same, but for the rounding of sums in another order.
	trainTold = []string{"resume", "json", "quiet", "accumulate", "workers", "threads"}
	// trainRefused are those whose case asks for what cannot be had, and is not replaced in silence.
	trainRefused = []string{"provider", "provider-option", "runtime"}
)

// Times differ from run to run.
var trainTimes = regexp.MustCompile(`"seconds":\{[^}]*\}|"samples_per_second":[^,]*|[\d.]+[kM]? samples/s.*|"elapsed":\d+`)

// trainedWith runs odeon train: what it says, from its exit code on, and the files that it leaves, which are taken away.
func trainedWith(t *testing.T, folder, words string) (said string, files map[string][]byte) {
	t.Helper()
	args := strings.Fields("train --json --data moons --steps 4 --batch 8 --net mlp(width=8,depth=1) --out @x.onnx " + words)
	if strings.Contains(words, "--net= ") {
		args = slices.DeleteFunc(args, func(word string) bool { return strings.HasPrefix(word, "--net") || strings.HasPrefix(word, "mlp") })
	}
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
	return fmt.Sprintf("exit %d\n%s%s", code, trainTimes.ReplaceAllString(stdout.String(), ""), stderr.String()), files
}

func TestEveryFlagOfTrainHasAnEffect(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; the same in the long run of the tests")
	}
	t.Setenv(onnx.LibraryVariable, library(t))
	folder := t.TempDir()
	require.NoError(t, writeTrainingData(folder))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "words.json"), []byte(`{"license": "CC0-1.0"}`), 0o666))
	for _, f := range trainFlags() {
		name := f.Names()[0]
		e, ok := trainEffects[name]
		require.True(t, ok, "no case shows what --%s does", name)
		t.Run(name, func(t *testing.T) {
			base := e.base + " "
			said, files := trainedWith(t, folder, base)
			again, filesAgain := trainedWith(t, folder, base)
			require.Equal(t, said, again, "the same words end the same")
			require.Equal(t, files, filesAgain, "the same words end the same")

			saidWith, filesWith := trainedWith(t, folder, base+e.with)
			if slices.Contains(trainTold, name) {
				require.NotEqual(t, said, saidWith)
			} else {
				require.NotEqual(t, files, filesWith)
			}
			require.True(t, strings.HasPrefix(said, "exit 0\n"), said)
			require.Equal(t, !slices.Contains(trainRefused, name), strings.HasPrefix(saidWith, "exit 0\n"), saidWith)
		})
	}
}
