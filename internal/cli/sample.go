package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"odeon/internal/render"
	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

func sampleCommand() *cli.Command {
	return &cli.Command{
		Name:      "sample",
		Usage:     "samples from a network",
		ArgsUsage: "[MODEL]",
		Description: "MODEL is an ONNX file, a card, a folder with either, or an embedded model; without it the embedded\n" +
			"default. What the graph leaves open a card says, or the flags (odeon info MODEL tells what is missing).\n" +
			"Without -o a picture with a telling name is written to the current folder. For example:\n\n" +
			"  odeon sample model.onnx -n 64 --steps 100 --seed 7 -o grid.png -o samples.npy\n" +
			"  odeon sample model.onnx --label 0-9 --guidance 3 -o 'digit-%d.png'",
		Flags:  sampleFlags(),
		Action: sample,
	}
}

// request is what the words of sample ask for, before any file is opened.
type request struct {
	count   int // 0: not said
	seed    uint64
	first   int
	label   string // "" : not said
	out     []string
	wishes  models.Wishes
	session onnx.SessionOptions

	latent       bool // the samples are latents whose decoder is left out
	nonfinite    bool
	trajectories bool
	quiet, json  bool
}

func sample(c *cli.Context) error {
	began := time.Now()
	if _, err := parseWalk(values{flags: c}); err != nil {
		return err
	}
	if _, err := parseRequest(values{flags: c}); err != nil {
		return err
	}
	sets, err := parseSets(c)
	if err != nil {
		return err
	}
	model, err := openModel(c)
	if err != nil {
		return err
	}
	latent := model.Card.Decoder != nil && !c.Bool("decode")
	if latent {
		model.Card.Decoder = nil // nor need its file be there
	}
	r := models.Resolve(model, sets...)
	if err := r.Err(); err != nil {
		return err
	}
	req, err := parseRequest(layOver(c, r.Card.Sampling.Texts()))
	if err != nil {
		return err
	}
	req.latent = latent
	plan, walk, err := makePlan(r, c)
	if err != nil {
		return err
	}
	if c.IsSet("guidance-interval") && walk.guidance.Weight == 1 {
		return usagef("--guidance-interval says where to guide, and the guidance weight is 1, which is none; give --guidance W")
	}
	if walk.guidance.Weight != 1 {
		if err := r.CanGuide(); err != nil {
			return err
		}
	}
	source, err := readStart(c, r, plan, &req)
	if err != nil {
		return err
	}
	run := models.Run{First: req.first, Count: req.count}
	if run.Labels, err = chooseLabels(r, req.label); err != nil {
		return err
	}
	planned := time.Now()

	for _, g := range slices.Concat(r.Guesses, model.Notes, model.Info.Warnings) {
		note(c.App.ErrWriter, req.quiet, "note: %s", oneLine(g))
	}
	for _, w := range plan.Warnings {
		note(c.App.ErrWriter, req.quiet, "warning: %s", oneLine(w))
	}
	lib, err := findOrInstall(c.Context, c.App.ErrWriter, req.quiet, c.String("runtime"))
	if err != nil {
		return err
	}
	e, err := untilInterrupted(c.Context, func() (*engine, error) { return newEngine(c.Context, lib, r, run, req, walk.guidance) })
	if err != nil {
		return err
	}
	defer e.Close()
	out, err := openOutputs(req, r, e, plan, run, walk.guidance)
	if err != nil {
		return err
	}
	defer out.Abort()
	loaded := time.Now()
	bar := startProgress(c.App.ErrWriter, req.quiet, model.Name, "evals", int64(req.count)*int64(sampler.Evaluations(plan, walk.guidance)))
	job := sampler.Job{
		Plan: plan, N: req.count, First: req.first, Dim: e.dim,
		Chunk: e.split.Chunk, Workers: e.split.Workers,
		Noise: source.noise, Init: out.init(plan, source),
		Network: func(worker int) (sampler.Network, error) {
			return sampler.Clip(sampler.Guide(e.networks[worker], walk.guidance), plan), nil
		},
		Observer:       out.observer(c.Context, plan, bar, walk.guidance),
		AllowNonfinite: req.nonfinite,
	}
	err = job.Run(c.Context, out.deliver)
	bar.End()
	walked := time.Now()
	if err != nil {
		return explainWalk(c.Context, model, err)
	}
	if err := out.Close(); err != nil {
		return err
	}
	report := newReport(req, r, e, plan, walk.guidance, out)
	report.Seconds = seconds{
		Plan: planned.Sub(began).Seconds(), Load: loaded.Sub(planned).Seconds(), Walk: walked.Sub(loaded).Seconds(),
		Network: e.networkSeconds(), Write: time.Since(walked).Seconds(), Total: time.Since(began).Seconds(),
	}
	if req.json {
		// One line, so that a program that runs odeon finds the report as the last line of its output.
		return json.NewEncoder(c.App.Writer).Encode(report)
	}
	report.print(c.App.Writer)
	return preview(c.App.Writer, req, out)
}

// parseRequest reads the flags of sample that are neither the walk's nor the card's.
func parseRequest(v values) (request, error) {
	c := v.flags
	r := request{
		out: c.StringSlice("out"), nonfinite: c.Bool("allow-nonfinite"),
		trajectories: c.Bool("trajectories"), quiet: c.Bool("quiet"), json: c.Bool("json"),
	}
	r.label, _, _ = v.text("label")
	var err error
	for _, whole := range []struct {
		name        string
		least, most int
		into        *int
	}{
		{"count", 1, mostSamples, &r.count}, {"first", 0, mostSamples, &r.first}, {"batch", 1, mostSamples, &r.wishes.Batch},
		{"workers", 1, mostThreads, &r.wishes.Workers}, {"threads", 1, mostThreads, &r.wishes.Threads},
	} {
		if *whole.into, err = v.whole(whole.name, 0, whole.least, whole.most); err != nil {
			return r, err
		}
	}
	if r.seed, err = v.seed("seed"); err != nil {
		return r, err
	}
	if _, err = v.oneOf("rng", "philox", "philox"); err != nil {
		return r, err
	}
	if r.session.Provider, err = v.oneOf("provider", "auto", onnx.ProviderNames()...); err != nil {
		return r, err
	}
	if r.session.ProviderOptions, err = pairs(c, "provider-option"); err != nil {
		return r, err
	}
	for _, name := range r.out {
		if err := render.CheckName(name); err != nil {
			return r, usagef("--out: %w", err)
		}
	}
	seen := map[string]bool{}
	for _, name := range r.out {
		if clean := filepath.Clean(name); seen[clean] {
			return r, usagef("--out: %s is given twice", clean)
		} else {
			seen[clean] = true
		}
	}
	return r, nil
}

// pairs reads a repeatable K=V flag.
func pairs(c *cli.Context, flag string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range c.StringSlice(flag) {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return nil, bad("--"+flag, text, "K=V")
		}
		out[key] = value
	}
	return out, nil
}

// chooseLabels turns --label into classes; without it, a model with classes goes through all of them.
func chooseLabels(r *models.Resolved, text string) ([]int, error) {
	switch {
	case r.Label == nil && text != "":
		return nil, fmt.Errorf("--label %s: %s takes no classes; leave --label out, or name its input with --inputs label=NAME", text, r.Model.Path())
	case r.Label == nil:
		return nil, nil
	case text == "":
		return r.Labels.All()
	}
	labels, err := r.Labels.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--label: %w", err)
	}
	return labels, nil
}

// explainWalk gives errors of a walk the model's name and, where a state went astray, what may mend it.
func explainWalk(ctx context.Context, model *models.Model, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.As(err, new(outputError)) {
		return err
	}
	if errors.As(err, new(*sampler.NonFiniteError)) {
		return fmt.Errorf("%s: %w; check prediction, path and time in the card, take more steps, or keep such samples with --allow-nonfinite", model.Path(), err)
	}
	if strings.Contains(err.Error(), model.Path()+": ") {
		return err // ONNX Runtime's errors name the file, which may be the decoder's
	}
	return fmt.Errorf("%s: %w", model.Path(), err)
}

// preview draws the picture on a terminal that can show it.
func preview(w io.Writer, req request, out *outputs) error {
	f := terminal(w)
	if req.quiet || f == nil {
		return nil
	}
	colours, width := terminalLook(f)
	if img := out.image(); img != nil && colours != render.NoColours {
		return render.Preview(f, img, width, colours)
	}
	return nil
}

// cores is how many cores this process may use.
func cores() int { return runtime.GOMAXPROCS(0) }
