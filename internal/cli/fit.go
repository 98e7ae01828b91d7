package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"odeon/internal/machine"
	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/sampler/fit"
)

// fitFlags say how a plan is fitted to a network, which then runs.
func fitFlags() []cli.Flag {
	own := inCategory("A plan fitted to the network",
		text("optimize-grid", "find times and coefficients of `N` network calls that come closest to a fine walk of this network"),
		text("fit-samples", "fit to `N` samples (64, or as many more as have 6144 numbers together), and tell the error on half as many others"),
		text("fine-steps", "fit to a walk of `N` steps (1000, or all trained steps where the network takes integers)"),
		text("fit-effort", "spend at most `N` calls with all samples on times and coefficients (2000)"),
		text("seed", "draw the samples by seed `S` (0)"),
		text("label", "fit to samples of `CLASSES`: 3, 0-9, 20,21, cat, null; without it all of them in turn"),
		several("set", "give a further input, `NAME=VALUE` or NAME=@FILE.npy; repeatable"),
		several("set-null", "its value in the unconditional half, `NAME=@FILE.npy`; repeatable"),
		switched("quiet", "no progress, no notes"),
	)
	return slices.Concat(own, runtimeFlags())
}

// shaping are the flags of a walk whose part a fit finds itself: the card's defaults for them are not the fitted plan's.
var shaping = []string{
	"steps", "solver", "order", "grid", "indexes", "sigma", "eta", "variance", "tolerance", "churn", "gamma", "corrector", "strength", "invert", "resample",
}

// fitRequest is what the words ask of a fit.
type fitRequest struct {
	settings fit.Settings
	seed     uint64
	wishes   wishes
	session  onnx.SessionOptions
	quiet    bool
}

// parseFit reads fitFlags, where the command line asks for a fit; nil where not.
func parseFit(words values) (*fitRequest, error) {
	c := words.flags
	if !c.IsSet("optimize-grid") {
		if about := amongSet(c, flagNames(fitFlags())); len(about) > 0 {
			return nil, usagef("%s is about fitting a plan to the network, which nothing asks for; give --optimize-grid N, or leave it out", about[0])
		}
		return nil, nil
	}
	if beside := amongSet(c, shaping); len(beside) > 0 {
		return nil, usagef("--optimize-grid finds times and coefficients of a walk along the ODE, from noise to data, itself; leave %s out", strings.Join(beside, ", "))
	}
	r := &fitRequest{quiet: c.Bool("quiet")}
	const mostFine = 1 << 16
	err := words.wholes(
		whole{"optimize-grid", 1, fit.MostCalls, &r.settings.Calls}, whole{"fit-samples", 1, mostSamples, &r.settings.Samples},
		whole{"fine-steps", 2, mostFine, &r.settings.Fine}, whole{"fit-effort", 1, mostFine, &r.settings.Effort},
		whole{"batch", 1, mostSamples, &r.wishes.Batch}, whole{"workers", 1, mostThreads, &r.wishes.Workers}, whole{"threads", 1, mostThreads, &r.wishes.Threads},
	)
	if err != nil {
		return nil, err
	}
	if r.seed, err = words.seed("seed"); err != nil {
		return nil, err
	}
	r.session, err = words.session()
	return r, err
}

// fitted is a plan that was fitted, and how.
type fitted struct {
	*fit.Result
	split   split
	seconds float64
}

// optimize fits a plan to the network.
func optimize(c *cli.Context, r *models.Resolved, words values, req *fitRequest) (*fitted, walk, error) {
	ctx, stderr, began := c.Context, c.App.ErrWriter, time.Now()
	for _, name := range shaping {
		delete(words.sampling, name)
	}
	_, w, err := makePlan(r, words)
	if err != nil {
		return nil, w, err
	}
	if err := r.Err(); err != nil {
		return nil, w, err
	}
	if err := cmp.Or(w.checkGuidance(c), w.canGuide(r), w.forgets("a plan is fitted to a field of state and time alone")); err != nil {
		return nil, w, err
	}
	if r.Model.Scheduler != nil {
		w.settings = besideScheduler(w.settings, words)
	}
	settings := req.settings
	settings.Walk = w.settings
	settings = settings.For(r.Dim())

	run := models.Run{Count: settings.Samples + settings.Held}
	if run.Labels, err = chooseLabels(r, words, "label"); err != nil {
		return nil, w, err
	}
	for _, g := range slices.Concat(guesses(r), r.Model.Notes, r.Model.Info.Warnings) {
		note(stderr, req.quiet, "note: %s", oneLine(g))
	}
	var lib onnx.Library
	if needsLibrary(req.session) {
		if lib, err = findOrInstall(ctx, stderr, req.quiet, c.String("runtime")); err != nil {
			return nil, w, err
		}
	}
	r = r.For(&sampler.Plan{}) // a fitted plan reads one prediction
	walked := request{wishes: req.wishes, session: req.session, latent: true}
	e, err := untilInterrupted(ctx, func() (*engine, error) { return newEngine(ctx, lib, r, run, walked, w.guidance) })
	if err != nil {
		return nil, w, err
	}
	defer e.Close()

	problem := fit.Problem{Model: r.Sampling(), Noise: sampler.Philox{Seed: req.seed}, Dim: e.dim}
	cost, err := fit.CostOf(problem, settings)
	if err != nil {
		return nil, w, fmt.Errorf("%s: %w", r.Model.Path(), err)
	}
	if have := machine.Memory(); cost.Memory > have {
		return nil, w, fmt.Errorf("%s: fitting to %d samples of %d numbers needs at least %.1f GB of memory, and this machine has %.1f GB; give fewer --fit-samples or --fine-steps",
			r.Model.Path(), settings.Samples, e.dim, cost.Memory/1e9, have/1e9)
	}
	bar := startProgress(stderr, req.quiet, r.Model.Name, "calls", cost.Calls)
	nets := make([]sampler.Network, len(e.networks))
	for i := range nets {
		nets[i] = countedNetwork{sampler.Guide(e.halves(i, e.networks, e.guides, w.guidance), w.guidance), bar, e.dim}
	}
	problem.Network = sampler.Spread(nets, e.dim, e.split.Chunk)
	result, err := fit.Fit(ctx, problem, settings)
	bar.End()
	if err != nil {
		return nil, w, explainWalk(ctx, r.Model, err)
	}
	guided := w.describeGuidance(r)
	result.Plan.Guidance = guided
	result.Plan.Fitted = fmt.Sprintf("to %s, guidance %s: %d samples of seed %d, %s", r.Model.Name, guided, result.Samples, req.seed, result.Teacher())
	return &fitted{result, e.split, time.Since(began).Seconds()}, w, nil
}

// besideScheduler is what a fit keeps of the walk of a diffusers scheduler, beside its path and prediction: how it clips. Places, solver and
// noise it finds itself, or does without.
func besideScheduler(s sampler.Settings, words values) sampler.Settings {
	kept := sampler.Settings{From: s.From, To: s.To, EndIndex: s.EndIndex, Clip: s.Clip, Threshold: s.Threshold}
	if words.has("last") {
		kept.Last = s.Last
	}
	return kept
}

// countedNetwork is a network whose calls move a bar: by one for each sample.
type countedNetwork struct {
	sampler.Network
	bar *progress
	dim int
}

func (n countedNetwork) Predict(ctx context.Context, dst, x []float32, at sampler.At) error {
	err := n.Network.Predict(ctx, dst, x, at)
	n.bar.Done.Add(int64(len(x) / n.dim))
	return err
}

// forgets is an error where guidance goes by the steps of the walk, and the field is not one of state and time alone; why says for what it
// has to be.
func (w walk) forgets(why string) error {
	by := ""
	switch form := w.guidance.Form.(type) {
	case sampler.Perpendicular:
		if form.Momentum != 0 {
			by = "apg without momentum"
		}
	case sampler.ZeroStar:
		if form.Steps != 0 {
			by = "zero-star(0)"
		}
	}
	if by == "" {
		return nil
	}
	return fmt.Errorf("guidance by %s goes by the steps of the walk, and %s; give %s", w.guidance.Form, why, by)
}

// print tells how close the fitted plan comes.
func (f *fitted) print(w io.Writer) {
	fmt.Fprintf(w, "\nerror on %d other samples, beside solvers of as many calls: the root mean square over a sample's numbers\n\n", f.HeldSamples)
	fmt.Fprintf(w, "  %-28s %10s %10s\n", "", "mean", "rms")
	line := func(name string, e fit.Error) { fmt.Fprintf(w, "  %-28s %10.3g %10.3g\n", name, e.Mean, e.RMS) }
	line("fitted", f.Held)
	for _, o := range f.Others {
		line(strings.TrimSpace(o.Solver+" "+o.Grid), o.Error)
	}
	line("fitted, on its own samples", f.Fitted)
	fmt.Fprintf(w, "\nfitted in %.2f s: %d workers, %d samples a call, %d threads each\n", f.seconds, f.split.Workers, f.split.Chunk, f.split.Threads)
}
