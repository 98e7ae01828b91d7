package cli

import (
	"fmt"
	"image"
	"path/filepath"
	"strings"
	"sync"

	"odeon/internal/render"
	"odeon/models"
	"odeon/sampler"
)

// outputs are the files of a run: opened before the walk, so that what cannot be written is known before the work, and
// closed together. What happens to a chunk in between is in chunks.go.
type outputs struct {
	engine    *engine
	first     int // the run's first sample number: files count from 0
	sinks     []render.Sink
	nonfinite bool  // keep such samples
	shape     []int // of one sample as the files hold it

	frames map[int]int // completed steps -> frame; empty where no file shows the way
	shown  int         // samples whose way is shown

	mu      sync.Mutex
	decoded map[int][]float32 // chunks that wait for delivery, by their first sample
	spare   [][]float32
	err     error // the first error of an observer, which cannot return it

	archive *archive // nil where no file is one
	closed  bool
}

// outputError is an error of a file, not of the walk.
type outputError struct{ error }

func (e outputError) Unwrap() error { return e.error }

func openOutputs(req request, r *models.Resolved, e *engine, plan *sampler.Plan, run models.Run, g sampler.Guidance) (*outputs, error) {
	samples := e.describe(r, run, req.latent)
	o := &outputs{engine: e, first: req.first, nonfinite: req.nonfinite, shape: samples.Shape, frames: map[int]int{}, decoded: map[int][]float32{}}
	if err := o.open(req, r, plan, run, g, samples); err != nil {
		o.Abort()
		return nil, err
	}
	return o, nil
}

func (o *outputs) open(req request, r *models.Resolved, plan *sampler.Plan, run models.Run, g sampler.Guidance, samples render.Samples) error {
	names := req.out
	if len(names) == 0 {
		names = []string{render.DefaultName(r.Model.Name, samples)}
	}
	chosen, times := render.FrameSteps(plan.Steps), stateTimes(plan)
	options := render.Options{Meta: meta(req, r, plan, g), First: req.first, Trajectories: req.trajectories}
	for _, step := range chosen {
		options.Times = append(options.Times, times[step])
	}
	for _, name := range names {
		sink, err := render.NewSink(name, req.count, samples, options)
		if err != nil {
			return err
		}
		o.sinks = append(o.sinks, sink)
		o.shown = max(o.shown, sink.Shown())
		file, ok := sink.(render.Archive)
		if !ok {
			continue
		}
		if o.archive == nil {
			if o.archive, err = newArchive(req, o.engine, plan, run); err != nil {
				return err
			}
		}
		o.archive.addTo(file, r.Shape)
	}
	if o.shown > 0 {
		for frame, step := range chosen {
			o.frames[step] = frame
		}
	}
	return distinct("--out", o.files())
}

// distinct makes sure that no two of the files that a flag names are one: under two spellings, behind a link, or as one of a series.
func distinct(flag string, files []string) error {
	seen := make(map[string]string, len(files))
	for _, name := range files {
		path := name
		if real, err := filepath.EvalSymlinks(name); err == nil {
			path = real
		} else if folder, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
			path = filepath.Join(folder, filepath.Base(name))
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if other, ok := seen[path]; ok {
			return fmt.Errorf("%s: %s and %s are one file; give each output its own", flag, other, name)
		}
		seen[path] = name
	}
	return nil
}

// Close makes every file appear, or none.
func (o *outputs) Close() error {
	o.closed = true
	return render.CloseAll(o.sinks...)
}

// Abort removes what was written, unless the files are complete.
func (o *outputs) Abort() {
	if o.closed {
		return
	}
	for _, sink := range o.sinks {
		sink.Abort()
	}
}

func (o *outputs) files() []string {
	var files []string
	for _, sink := range o.sinks {
		files = append(files, sink.Files()...)
	}
	return files
}

func (o *outputs) warnings() []string {
	var all []string
	for _, sink := range o.sinks {
		all = append(all, sink.Warnings()...)
	}
	return all
}

// image is the picture of the first file that is one.
func (o *outputs) image() image.Image {
	for _, sink := range o.sinks {
		if img := sink.Image(); img != nil {
			return img
		}
	}
	return nil
}

// meta is what a picture says about its making, so that it can be made again.
func meta(req request, r *models.Resolved, plan *sampler.Plan, g sampler.Guidance) render.Meta {
	m := render.Meta{Title: r.Model.Name}
	add := func(key string, value any) {
		if text := fmt.Sprint(value); text != "" {
			m.Text = append(m.Text, render.Field{Key: key, Text: text})
		}
	}
	add("Software", "odeon "+Version)
	add("model", r.Model.Name)
	add("seed", req.seed)
	add("first", req.first)
	add("count", req.count)
	add("solver", plan.Solver)
	add("steps", plan.Steps)
	add("grid", plan.Grid)
	add("sigma", plan.Sigma)
	if plan.Eta != nil {
		add("eta", *plan.Eta)
	}
	add("variance", plan.Variance)
	add("guidance", g.Weight)
	if g.Interval != nil && g.Weight != 1 {
		add("guidance-interval", fmt.Sprintf("%g,%g", g.Interval[0], g.Interval[1]))
	}
	if plan.Threshold != nil {
		add("threshold", plan.Threshold.String())
	}
	if plan.Clip != nil {
		add("clip", fmt.Sprintf("%g,%g", plan.Clip[0], plan.Clip[1]))
	}
	add("label", req.label)
	add("from", strings.Join(req.edit.from, " "))
	add("mask", strings.Join(req.edit.mask, " "))
	if turn := turnTime(plan); turn != nil {
		add("inverted to", *turn)
	}
	return m
}
