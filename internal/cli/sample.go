package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

func sampleCommand() *cli.Command {
	return &cli.Command{
		Name:      "sample",
		Usage:     "samples from a network",
		ArgsUsage: "[MODEL]",
		Description: "MODEL is an ONNX file, a card, a folder with either, a diffusers folder, or an embedded model; without it the\n" +
			"embedded default. What the graph leaves open a card says, or the flags (odeon info MODEL tells what is missing).\n" +
			"Without -o a picture with a telling name is written to the current folder. For example:\n\n" +
			"  odeon sample model.onnx -n 64 --steps 100 --seed 7 -o grid.png -o samples.npy\n" +
			"  odeon sample model.onnx --label 0-9 --guidance 3 -o 'digit-%d.png'",
		Flags:  sampleFlags(),
		Action: sample,
	}
}

func sample(c *cli.Context) error {
	began := time.Now()
	ctx, stderr := c.Context, c.App.ErrWriter
	if err := checkWords(c); err != nil {
		return err
	}

	// The card: path, prediction, and the roles of the graph's inputs and outputs.
	r, latent, err := resolveModel(c)
	if err != nil {
		return err
	}
	words := layOver(c, r.Card.Sampling.Texts())
	req, err := parseRequest(words)
	if err != nil {
		return err
	}
	req.latent = latent

	// The plan: the coefficients of every step; or a tolerance that finds them on the way.
	plan, walk, err := chosenPlan(r, c)
	var own *adaptive
	if walk.findsSteps() {
		if own, err = newAdaptive(r, walk); err == nil {
			plan = own.shown
			err = cmp.Or(req.walkAlone(), walk.forgets("a tolerance takes steps of its own, and some again"), walk.bindGuidance(words, r, plan))
		}
	}
	if err != nil {
		return err
	}
	if c.IsSet("invert-label") && plan.Turn == 0 {
		return fmt.Errorf("--plan %s: its walk does not go to noise first, and --invert-label names the classes on the way there; make it with odeon plan --invert", c.String("plan"))
	}
	req.states = plan.States()
	if err := cmp.Or(walk.checkGuidance(c), walk.canGuide(r), r.CanVary(plan)); err != nil {
		return err
	}

	// The samples: where they start, how many, of which classes.
	source, err := readStart(c, r, plan, req)
	if err != nil {
		return err
	}
	req.count = source.count
	if plan.Together() {
		if err := req.walkTogether(req.count); err != nil {
			return err
		}
	}
	run := models.Run{First: req.first, Count: req.count}
	if run.Labels, err = chooseLabels(r, words, "label"); err != nil {
		return err
	}
	there := run // on the way to noise, under --invert
	if c.IsSet("invert-label") {
		if there.Labels, err = chooseLabels(r, words, "invert-label"); err != nil {
			return err
		}
	}
	for _, g := range slices.Concat(guesses(r), r.Model.Notes, r.Model.Info.Warnings) {
		note(stderr, req.quiet, "note: %s", oneLine(g))
	}
	req.warn(stderr, plan.Warnings)
	planned := time.Now()

	// The run: ONNX Runtime, unless Go computes, a network for each worker, the files.
	var lib onnx.Library
	if needsLibrary(req.session) {
		if lib, err = findOrInstall(ctx, stderr, req.quiet, c.String("runtime")); err != nil {
			return err
		}
	}
	e, err := untilInterrupted(ctx, func() (*engine, error) { return newEngine(ctx, lib, r.For(plan), run, req, walk.guidance) })
	if err != nil {
		return err
	}
	defer e.Close()
	if c.IsSet("invert-label") {
		if err := e.invert(r.For(plan), there); err != nil {
			return err
		}
	}
	out, err := openOutputs(req, r, e, plan, run, walk.guidance)
	if err != nil {
		return err
	}
	defer out.Abort()
	loaded := time.Now()

	unit := "evals"
	if own != nil {
		unit = "parts of the way"
	}
	bar := startProgress(stderr, req.quiet, r.Model.Name, unit, int64(req.count)*int64(sampler.Evaluations(plan, walk.guidance)))
	job := sampler.Job{
		Plan: plan, N: req.count, First: req.first, Dim: e.dim,
		Chunk: e.split.Chunk, Workers: e.split.Workers,
		Noise: source.noise, Init: out.init(ctx, plan, source),
		Network:        source.given.inpainted(plan, e.guided(plan, walk.guidance)),
		Observer:       out.observer(ctx, plan, bar, walk.guidance),
		AllowNonfinite: req.nonfinite,
	}
	if own != nil {
		job.Walk = own.walk
	}
	err = job.Run(ctx, out.deliver)
	bar.End()
	if err != nil {
		return explainWalk(ctx, r.Model, err)
	}
	walked := time.Now()

	// The files appear, all at once, and the report tells of them.
	if err := out.Close(); err != nil {
		return err
	}
	if err := req.savePlan(plan, own); err != nil {
		return err
	}
	req.warn(stderr, slices.Concat(e.notes, out.warnings()))
	report := newReport(req, r, e, plan, own, walk.guidance, out)
	report.Seconds = seconds{
		Plan: planned.Sub(began).Seconds(), Load: loaded.Sub(planned).Seconds(), Walk: walked.Sub(loaded).Seconds(),
		Network: e.networkSeconds(), Write: time.Since(walked).Seconds(), Total: time.Since(began).Seconds(),
	}
	if req.json {
		return report.writeLine(c.App.Writer)
	}
	report.print(c.App.Writer)
	return showPicture(c.App.Writer, req.quiet, out.image())
}

// checkWords finds what is wrong in the command line alone, before any file is opened.
func checkWords(c *cli.Context) error {
	words := values{flags: c}
	if _, err := parseWalk(words); err != nil {
		return err
	}
	if err := checkPlanFlag(c); err != nil {
		return err
	}
	_, err := parseRequest(words)
	return err
}

// resolveModel finds MODEL and gives its graph's inputs and outputs their roles. latent says that its decoder is left out.
func resolveModel(c *cli.Context) (r *models.Resolved, latent bool, err error) {
	sets, err := parseSets(c)
	if err != nil {
		return nil, false, err
	}
	arg, err := oneModel(c)
	if err != nil {
		return nil, false, err
	}
	model, err := openNetwork(c, arg)
	if err != nil {
		return nil, false, err
	}
	latent = model.Card.Decoder != nil && !c.Bool("decode")
	if latent {
		model.Card.Decoder = nil // nor need its file be there
	}
	r = models.Resolve(model, sets...)
	return r, latent, r.Err()
}

// chooseLabels turns a flag such as --label, or the card's default for it, into classes; without it, a model with classes goes
// through all of them.
func chooseLabels(r *models.Resolved, words values, flag string) (labels []int, err error) {
	text, where, _ := words.text(flag)
	switch {
	case r.Label == nil && text != "":
		return nil, fmt.Errorf("%s: found %q, but %s takes no classes; leave it out, or name the input with --inputs label=NAME", where, text, r.Model.Path())
	case r.Label == nil:
		return nil, nil
	case text == "":
		if labels, err = r.Labels.All(); err != nil {
			return nil, fmt.Errorf("%s: input %q takes a class, and %w", r.Model.Path(), r.Label.Name, err)
		}
	default:
		if labels, err = r.Labels.Parse(text); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
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
