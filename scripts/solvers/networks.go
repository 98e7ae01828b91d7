package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"odeon/internal/array"
)

// callCounts are how often the network is called, in the plot and its tables.
var callCounts = []int{5, 10, 20, 40}

// solver is a line of the plot.
type solver struct {
	title, name string // name: on the command line; none where a plan is fitted
	calls       int    // of the network in a step
}

var fitted = solver{title: "fitted"}

func solvers(euler string) []solver {
	return []solver{{"Euler", euler, 1}, {"Heun", "heun", 2}, {"DPM-Solver++ 2M", "dpmpp-2m", 1}, {"UniPC", "unipc", 1}}
}

// network is one of the networks, and how it is measured.
type network struct {
	name, file string
	samples    int
	flags      []string // of every command
	fine       []string // the walk that is taken for exact
	ends       []string // of the solvers' walks
	solvers    []solver
	usual      string   // the grid that the path has by itself
	grids      []string // of which the plot shows the best
	more       []string // that solvers of 12 calls have to choose from
	fit, eight []string // how plans are fitted; and that of 8 calls, where it is another way
}

// Samples are measured by one seed, and plans are fitted by another.
const (
	measuredSeed = "0"
	fittedSeed   = "7"
)

var (
	usualGrids = []string{"uniform", "karras(7)", "logsnr", "quadratic", "beta(0.6,0.6)"}
	moreGrids  = append([]string{"karras(3)", "shift(0.5)", "shift(3)", "polyexponential(1.5)"}, usualGrids...)
)

// The euler of a velocity is Euler's rule in t; that of trained steps is ddim, as cards have it. A fine walk between trained steps ends in a jump
// from the cleanest of them.
var networks = []network{
	{
		name: "emnist-latent", file: "flow.onnx", samples: 94, flags: []string{"--decode=false"}, solvers: solvers("euler"),
		fine:  []string{"--solver", "heun", "--steps", "1000"},
		usual: "uniform", grids: usualGrids, more: moreGrids,
		fit: []string{"--fit-effort", "1000"}, eight: []string{},
	},
	{
		name: "mnist-vit", file: "model.onnx", samples: 60, solvers: solvers("euler"),
		fine:  []string{"--solver", "heun", "--steps", "1000"},
		usual: "uniform", grids: usualGrids, more: moreGrids,
		fit: []string{"--fit-effort", "1000"}, eight: []string{},
	},
	{
		name: "dino", file: "model.onnx", samples: 4000, solvers: solvers("ddim"),
		fine:  []string{"--solver", "heun", "--grid", "uniform", "--t-end", "0.98", "--last", "denoise", "--steps", "1000"},
		fit:   []string{"--fit-effort", "6000"},
		usual: "trailing", grids: append([]string{"trailing", "linspace", "karras(3)"}, usualGrids...), more: append([]string{"trailing", "linspace"}, moreGrids...),
	},
	{
		name: "anime64", file: "model.onnx", samples: 4, solvers: solvers("ddim"),
		fine: []string{"--solver", "dpmpp-2m", "--grid", "trailing", "--steps", "300", "--t-end", "1"}, ends: []string{"--t-end", "1"},
		usual: "trailing", grids: []string{"beta(0.6,0.6)"}, more: []string{"trailing", "beta(0.6,0.6)"},
		fit:   []string{"--t-end", "1", "--fit-samples", "2", "--fine-steps", "100", "--fit-effort", "200"},
		eight: []string{"--t-end", "1", "--fit-samples", "2", "--fine-steps", "150", "--fit-effort", "450"},
	},
}

// measuring runs odeon.
type measuring struct{ odeon, networks, cards, work string }

// sample is what odeon sample gives, kept from an earlier run if there was one.
func (m measuring) sample(n network, words ...string) (*array.Array, error) {
	words = append([]string{"-n", fmt.Sprint(n.samples), "--seed", measuredSeed}, words...)
	file, err := m.made("sample", ".npy", n, append(words, n.flags...))
	if err != nil {
		return nil, err
	}
	return array.Read(file)
}

// fit is the file of a fitted plan.
func (m measuring) fit(n network, calls int, how []string) (string, error) {
	return m.made("plan", ".json", n, append([]string{"--optimize-grid", fmt.Sprint(calls), "--seed", fittedSeed}, how...))
}

// made is the file that a command makes. Its name is made of the words.
func (m measuring) made(command, extension string, n network, words []string) (string, error) {
	words = append([]string{command, filepath.Join(m.networks, n.name, n.file), "--card", filepath.Join(m.cards, n.name+".json"), "--quiet"}, words...)
	key := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	file := filepath.Join(m.work, fmt.Sprintf("%s-%s-%x%s", n.name, command, key[:6], extension))
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	fmt.Fprintln(os.Stderr, "odeon", strings.Join(words, " "))
	run := exec.Command(m.odeon, append(words, "-o", file)...)
	text, err := run.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		return "", fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	if command == "plan" {
		fmt.Fprintln(os.Stderr, string(text))
	}
	return file, nil
}
