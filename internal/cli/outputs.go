package cli

import (
	"context"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"odeon/internal/render"
	"odeon/models"
	"odeon/sampler"
)

// outputs are the files of a run. Chunks come in on the workers' goroutines as they walk (frames, decoding) and leave in order
// through deliver.
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
	o := &outputs{engine: e, first: req.first, nonfinite: req.nonfinite, shape: r.Shape, frames: map[int]int{}, decoded: map[int][]float32{}}
	if e.decoded != nil {
		o.shape = e.decoded
	}
	samples := render.Samples{
		Shape: o.shape, Layout: render.Layout(e.layout), Range: r.Range,
		Latent: req.latent, Vocabulary: r.Card.Vocabulary,
	}
	if r.Card.Rate != nil {
		samples.Rate = int(*r.Card.Rate)
	}
	if r.Card.FPS != nil {
		samples.FPS = *r.Card.FPS
	}
	for _, label := range run.Labels {
		samples.Labels = append(samples.Labels, r.Labels.Title(label))
	}
	names := req.out
	if len(names) == 0 {
		names = []string{render.DefaultName(r.Model.Name, samples)}
	}
	chosen := render.FrameSteps(plan.Steps)
	times := stateTimes(plan)
	options := render.Options{Meta: meta(req, r, plan, g), First: req.first}
	for _, name := range names {
		options.Trajectories = req.trajectories
		options.Times = nil
		if extension := strings.ToLower(filepath.Ext(name)); req.trajectories || extension == ".gif" || extension == ".apng" {
			for _, step := range chosen {
				options.Times = append(options.Times, times[step])
			}
		}
		sink, err := render.NewSink(name, req.count, samples, options)
		if err != nil {
			o.Abort()
			return nil, err
		}
		o.sinks = append(o.sinks, sink)
		o.shown = max(o.shown, sink.Shown())
		if a, ok := sink.(render.Archive); ok {
			if o.archive == nil {
				if o.archive, err = newArchive(req, e, plan, run); err != nil {
					o.Abort()
					return nil, err
				}
			}
			o.archive.addTo(a, r.Shape)
		}
	}
	if err := distinct(o.files()); err != nil {
		o.Abort()
		return nil, err
	}
	if o.shown > 0 {
		for frame, step := range chosen {
			o.frames[step] = frame
		}
	}
	return o, nil
}

// distinct makes sure that no two of the files are one: under two spellings, behind a link, or as one of a series.
func distinct(files []string) error {
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
			return fmt.Errorf("--out: %s and %s are one file; give each output its own", other, name)
		}
		seen[path] = name
	}
	return nil
}

// init makes the first states of a chunk, and shows them to what records the way.
func (o *outputs) init(plan *sampler.Plan, s source) func(x []float32, first, n int) error {
	return func(x []float32, first, n int) error {
		if s.state != nil {
			copy(x, s.state[(first-o.first)*s.dim:])
		} else if err := sampler.NewState(x, n, first).Draw(plan, s.noise); err != nil {
			return err
		}
		return o.record(context.Background(), 0, x, first)
	}
}

// observer counts progress, records frames, and decodes a chunk at the end of its walk.
func (o *outputs) observer(ctx context.Context, plan *sampler.Plan, bar *progress, g sampler.Guidance) func(first, n int) sampler.Observer {
	evaluations := make([]int64, plan.Steps) // of one sample, by step
	for i := range plan.Rows {
		row := &plan.Rows[i]
		if row.Call {
			evaluations[row.Step]++
			if g.Applies(row.T) {
				evaluations[row.Step]++
			}
		}
	}
	return func(first, n int) sampler.Observer {
		return sampler.ObserverFunc(func(row *sampler.Row, x []float32) {
			bar.Done.Add(evaluations[row.Step] * int64(n))
			if err := o.record(ctx, row.Step+1, x, first); err != nil {
				o.fail(err)
			}
			if row.Step == plan.Steps-1 && o.engine.decoded != nil {
				if err := o.decode(ctx, x, first, n); err != nil {
					o.fail(err)
				}
			}
		})
	}
}

// record shows the states after so many steps to the files that keep them or show the way.
func (o *outputs) record(ctx context.Context, step int, x []float32, first int) error {
	frame, ok := o.frames[step]
	at := first - o.first
	o.archive.state(step, x, at)
	if !ok || at >= o.shown {
		return nil
	}
	n := min(len(x)/o.engine.dim, o.shown-at)
	x = x[:n*o.engine.dim]
	if o.engine.decoded != nil {
		data := o.take(n)
		defer o.give(data)
		if err := o.engine.decode(ctx, data, x); err != nil {
			return err
		}
		x = data
	}
	for _, sink := range o.sinks {
		if sink.Shown() == 0 {
			continue
		}
		sink.Record(frame, at, x)
	}
	return nil
}

func (o *outputs) decode(ctx context.Context, x []float32, first, n int) error {
	data := o.take(n)
	if err := o.engine.decode(ctx, data, x); err != nil {
		return err
	}
	if i := slices.IndexFunc(data, nonFinite); i >= 0 && !o.nonfinite {
		return fmt.Errorf("decoder: sample %d decodes to a value that is not finite (%g), from a finite latent; check the decoder's \"scale\" and \"shift\" in the card, or keep such samples with --allow-nonfinite", first+i/(len(data)/n), data[i])
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.decoded[first] = data
	return nil
}

func nonFinite(v float32) bool { return v-v != 0 }

// take is memory for n decoded samples; give returns it.
func (o *outputs) take(n int) []float32 {
	size := n
	for _, d := range o.engine.decoded {
		size *= d
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, s := range o.spare {
		if cap(s) >= size {
			o.spare = slices.Delete(o.spare, i, i+1)
			return s[:size]
		}
	}
	return make([]float32, size)
}

func (o *outputs) give(data []float32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare = append(o.spare, data)
}

func (o *outputs) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

// deliver hands a finished chunk, decoded where there is a decoder, to every file. Chunks come in order.
func (o *outputs) deliver(x []float32, first, n int) error {
	o.mu.Lock()
	err, data := o.err, o.decoded[first]
	delete(o.decoded, first)
	o.mu.Unlock()
	if err != nil {
		return err
	}
	if o.engine.decoded != nil {
		x = data
		defer o.give(data)
	}
	for _, sink := range o.sinks {
		if err := sink.Write(first-o.first, x); err != nil {
			return outputError{err}
		}
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
	if plan.Clip != nil {
		add("clip", fmt.Sprintf("%g,%g", plan.Clip[0], plan.Clip[1]))
	}
	add("label", req.label)
	return m
}
