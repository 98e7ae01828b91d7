package cli

import (
	"context"
	"fmt"
	"image"
	"io"
	"slices"
	"time"

	"odeon/models"
	"odeon/train"
)

// watch is what is seen of a training run: a bar, the loss so far, samples now and then. It is the run's train.Observer; what
// it cannot draw does not end the run.
type watch struct {
	ctx     context.Context
	w       *training
	stderr  io.Writer
	files   trainFiles
	gallery *gallery

	facts      train.Facts
	preview    preview
	previewing time.Duration
	notes      []string

	bar *trainBar
}

func newWatch(ctx context.Context, stderr io.Writer, w *training, files trainFiles, g *gallery) *watch {
	return &watch{
		ctx: ctx, w: w, stderr: stderr, files: files, gallery: g,
		preview: newPreview(w.settings, files.preview),
	}
}

// note keeps a note for the report, and tells it at once; once.
func (o *watch) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(o.notes, text) {
		o.notes = append(o.notes, text)
		o.bar.pause(func() { note(o.stderr, o.w.quiet, "note: %s", oneLine(text)) })
	}
}

// Start tells what is about to be trained.
func (o *watch) Start(f *train.Facts) {
	o.facts = *f
	for _, text := range f.Notes {
		o.note("%s", text)
	}
	until := fmt.Sprintf("%d steps", f.Steps)
	switch {
	case f.Limit > 0 && f.Steps > 0:
		until += fmt.Sprintf(" or %s", f.Limit)
	case f.Limit > 0:
		until = f.Limit.String()
	}
	if f.Resumed > 0 {
		until += fmt.Sprintf(", from step %d on", f.Resumed)
	}
	note(o.stderr, o.w.quiet, "training %s, %s parameters, in batches of %d: %s", oneLine(f.Network), grouped(f.Parameters), f.Batch, until)
	if !o.w.quiet {
		o.bar = startTrainBar(o.stderr)
	}
}

// Step shows where the run stands.
func (o *watch) Step(p *train.Progress) error {
	o.bar.set(p)
	if p.Network != nil {
		began := time.Now()
		if err := o.show(p); err != nil && o.ctx.Err() == nil {
			o.note("no preview at step %d: %s", p.Step, err)
		}
		o.previewing += time.Since(began)
	}
	return nil
}

// show draws samples of the network so far, and the losses.
func (o *watch) show(p *train.Progress) error {
	model, err := models.OpenBytes(o.w.out, p.Network)
	if err != nil {
		return err
	}
	d, err := o.gallery.draw(o.ctx, model, aFew)
	if err != nil {
		return err
	}
	if d != nil {
		if err := o.preview.add(d, p.Step, o.facts, o.files); err != nil {
			return err
		}
	}
	return o.files.losses(o.facts.Network, p.Curve, p.Validations)
}

// finish draws the pictures beside the finished network, and tells the report of the files.
func (o *watch) finish(r *train.Result, report *trainReport) (image.Image, error) {
	for _, text := range r.Notes {
		o.note("%s", text)
	}
	if err := o.files.losses(r.Network, r.Curve, r.Validations); err != nil {
		return nil, err
	}
	report.Files = append(report.Files, o.files.network, o.files.loss)
	sheet, err := o.sheet(r.Network)
	switch {
	case o.ctx.Err() != nil:
		return nil, o.ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%s is trained, but its samples could not be drawn: %w", o.files.network, err)
	case sheet != nil:
		report.Files = append(report.Files, o.files.samples)
	}
	if o.preview.strip != nil || o.facts.Resumed > 0 && o.preview.exists() {
		report.Files = append(report.Files, o.files.preview)
	}
	if o.files.metrics != "" {
		report.Files = append(report.Files, o.files.metrics)
	}
	return sheet, nil
}

// sheet draws FILE.samples.png; nil where samples have no look.
func (o *watch) sheet(network string) (image.Image, error) {
	d, err := o.files.finished(o.ctx, o.gallery)
	if err != nil || d == nil {
		return nil, err
	}
	if slices.ContainsFunc(d.x, nonFinite) {
		o.note("some samples of %s are not finite; train longer, or sample it with more steps", o.files.network)
	}
	return o.files.sheet(d, network)
}

// End takes the bar away.
func (o *watch) End() {
	o.bar.End()
	o.bar = nil
}
