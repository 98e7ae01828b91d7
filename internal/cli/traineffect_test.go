package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// tinyNet is a network whose steps are quick.
const tinyNet = "--net mlp(width=8,depth=1)"

// trainEffects are on the files of [writeTrainingData].
var trainEffects = map[string]effect{
	"data":            {tinyNet, "", "--data rings"},
	"labels":          {tinyNet, "", "--labels own"},
	"drop-label":      {tinyNet, "--labels own", "--drop-label 0.9"},
	"shape":           {tinyNet, "--data @images-idx3-ubyte.gz", "--shape 64"},
	"layout":          {tinyNet, "--data @images-idx3-ubyte.gz --shape 8,8", "--layout CL"},
	"size":            {tinyNet, "--data @photos", "--size 4"},
	"window":          {tinyNet, "--data @poems.txt --window 8", "--window 12"},
	"stride":          {tinyNet, "--data @poems.txt --window 8", "--stride 8"},
	"sample-rate":     {tinyNet, "--data @points.npy", "--sample-rate 8000"},
	"prediction":      {tinyNet, "", "--prediction noise"},
	"path":            {tinyNet, "", "--path cosine"},
	"weight":          {tinyNet, "", "--weight beta^2"},
	"times":           {tinyNet, "", "--times logit-normal(0,1)"},
	"span":            {tinyNet, "", "--span 0.1,0.9"},
	"coupling":        {tinyNet, "", "--coupling ot"},
	"time":            {tinyNet, "", "--time 1-t"},
	"scale":           {tinyNet, "", "--scale 2"},
	"net":             {tinyNet, "", "--net mlp(width=16,depth=1)"},
	"from":            {"", "", "--from moons"},
	"card":            {tinyNet, "", "--card @words.json"},
	"dtype":           {tinyNet, "--net mlp(width=32,depth=1)", "--dtype float16"},
	"steps":           {tinyNet, "", "--steps 5"},
	"minutes":         {tinyNet, "", "--minutes 1e-9"},
	"batch":           {tinyNet, "", "--batch 16"},
	"rate":            {tinyNet, "", "--rate 0.01"},
	"schedule":        {tinyNet, "", "--schedule constant"},
	"optimizer":       {tinyNet, "", "--optimizer sgd"},
	"clip-norm":       {tinyNet, "--optimizer sgd", "--clip-norm 0.001"},
	"ema":             {tinyNet, "", "--ema 0"},
	"accumulate":      {tinyNet, "", "--accumulate 2"},
	"workers":         {tinyNet, "", "--workers 2"},
	"seed":            {tinyNet, "", "--seed 1"},
	"checkpoint":      {tinyNet, "", "--checkpoint @run"},
	"every":           {tinyNet, "--checkpoint @run", "--every 4"},
	"resume":          {tinyNet, "--checkpoint @run", "--resume"},
	"validation":      {tinyNet, "", "--validation 0.25"},
	"preview":         {tinyNet, "", "--preview 2"},
	"metrics":         {tinyNet, "", "--metrics @m.jsonl"},
	"out":             {tinyNet, "", "--out @y.onnx"},
	"json":            {tinyNet, "", "--json=false"},
	"quiet":           {tinyNet, "", "--quiet"},
	"provider":        {tinyNet, "", "--provider tensorrt"},
	"provider-option": {tinyNet, "--provider cpu", "--provider-option nonsense=1"},
	"runtime":         {tinyNet, "", "--runtime @nowhere"},
	"threads":         {tinyNet, "", "--threads 1"},
}

func TestEveryFlagOfTrainHasAnEffect(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; the same in the long run of the tests")
	}
	t.Setenv(onnx.LibraryVariable, library(t))
	folder := t.TempDir()
	require.NoError(t, writeTrainingData(folder))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "words.json"), []byte(`{"license": "CC0-1.0"}`), 0o666))
	flagEffects{
		words: "train --json --data moons --steps 4 --batch 8 --out @x.onnx", flags: trainFlags(), effects: trainEffects,
		times:   regexp.MustCompile(`"seconds":\{[^}]*\}|"samples_per_second":[^,]*|[\d.]+[kM]? samples/s.*|"elapsed":\d+`),
		told:    []string{"resume", "json", "quiet", "accumulate", "workers", "threads"},
		refused: []string{"provider", "provider-option", "runtime"},
	}.check(t, folder)
}
