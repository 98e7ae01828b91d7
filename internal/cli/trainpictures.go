package cli

import (
	"context"
	"flag"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/internal/atomicfile"
	"odeon/internal/render"
	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/train"
)

// trainFiles are the files of a run: FILE.onnx and what is beside it.
type trainFiles struct {
	network, loss, samples string
	preview                string // "": none
	metrics                string // "": none
	title                  string
	seed                   uint64
}

// newTrainFiles names the files, and tries each: what cannot be written is known before the work. A network that is named by
// default does not replace another.
func newTrainFiles(w *training) (trainFiles, error) {
	stem := strings.TrimSuffix(w.out, filepath.Ext(w.out))
	f := trainFiles{
		network: w.out, loss: stem + ".loss.png", samples: stem + ".samples.png", metrics: w.settings.Metrics,
		title: filepath.Base(stem), seed: w.settings.Seed,
	}
	if w.settings.Preview > 0 {
		f.preview = stem + ".preview.png"
	}
	if _, err := os.Stat(w.out); err == nil && !w.named && !w.settings.Resume {
		return f, fmt.Errorf("%s is there already; say with -o what to write", w.out)
	}
	names := slices.DeleteFunc([]string{f.network, f.loss, f.samples, f.preview, f.metrics}, func(name string) bool { return name == "" })
	for _, name := range names {
		probe, err := atomicfile.Create(name)
		if err != nil {
			return f, err
		}
		probe.Abort()
	}
	return f, distinct(names)
}

// write makes one of the files.
func (f trainFiles) write(name string, content func(io.Writer) error) error {
	out, err := atomicfile.Create(name)
	if err != nil {
		return err
	}
	defer out.Abort()
	if err := content(out); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return out.Commit()
}

func (f trainFiles) meta(network string) render.Meta {
	return render.Meta{Title: f.title, Text: []render.Field{
		{Key: "Software", Text: "odeon " + Version}, {Key: "network", Text: network}, {Key: "seed", Text: fmt.Sprint(f.seed)},
	}}
}

// losses draws FILE.loss.png.
func (f trainFiles) losses(network string, curve []train.CurvePoint, validations []train.Validation) error {
	l := render.Losses{}
	for _, p := range curve {
		l.Batches = append(l.Batches, render.Loss{Step: int64(p.Step), Loss: p.Loss})
	}
	for _, v := range validations {
		l.Held = append(l.Held, render.Loss{Step: int64(v.Step), Loss: v.Loss})
	}
	if n := len(validations); n > 0 {
		for _, b := range validations[n-1].Buckets {
			if b.Samples == 0 {
				b.Loss = math.NaN()
			}
			l.Buckets = append(l.Buckets, b.Loss)
		}
	}
	return f.write(f.loss, func(w io.Writer) error { return render.WriteLosses(w, f.meta(network), l) })
}

// gallery draws what a network has learned as sample draws it, by its card's defaults and always from the same noise.
type gallery struct {
	lib     onnx.Library
	session onnx.SessionOptions
	seed    uint64
}

// drawn are samples, and what they are.
type drawn struct {
	samples render.Samples
	x       []float32
	count   int
	columns int // of a grid; 0: as many as suit
}

// size says how many samples are drawn of what: for a sheet, on which a class is a row, or for a row of a strip.
type size struct{ points, pictures, large, signals, videos, texts, columns, classes int }

var (
	aSheet = size{points: 2000, pictures: 64, large: 16, signals: 6, videos: 8, texts: 24, columns: 10, classes: 24}
	aFew   = size{points: 500, pictures: 10, large: 5, signals: 4, videos: 4, texts: 3, columns: 1, classes: 10}
)

// of is how many samples are drawn, of which classes, and in how many columns. Nothing is drawn of what has no look.
func (s size) of(r *models.Resolved) (count int, labels []int, columns int) {
	classes := 0
	if r.Label != nil && r.Labels != nil {
		classes = r.Labels.Count
	}
	all := make([]int, classes)
	for i := range all {
		all[i] = i
	}
	if len(all) == 0 {
		all = nil
	}
	switch {
	case len(r.Card.Vocabulary) > 0:
		return s.texts, all, 0
	case r.Layout == models.Points:
		return s.points, all, 0
	case r.Layout == models.L, r.Layout == models.CL:
		return s.signals, all, 0
	case r.Layout == models.TCHW, r.Layout == models.THWC:
		return s.videos, all, 0
	case r.Layout == "":
		return 0, nil, 0
	}
	count = s.pictures
	if slices.Max(r.Shape) > 64 {
		count = s.large
	}
	if classes == 0 {
		return count, nil, 0
	}
	for _, class := range all[:min(classes, s.classes)] {
		labels = append(labels, slices.Repeat([]int{class}, s.columns)...)
	}
	return len(labels), labels, max(s.columns, min(count, len(labels))/len(labels))
}

// draw samples a network; nil where there is nothing to look at.
func (g *gallery) draw(ctx context.Context, model *models.Model, s size) (*drawn, error) {
	if model.File == "" {
		model.Card.Decoder = nil // its file is beside the network's, which is not there yet
	}
	r := models.Resolve(model)
	if err := r.Err(); err != nil {
		return nil, err
	}
	d := &drawn{samples: render.Samples{Vocabulary: r.Card.Vocabulary, Range: r.Range}}
	run := models.Run{}
	run.Count, run.Labels, d.columns = s.of(r)
	if run.Count == 0 {
		return nil, nil
	}
	d.count = run.Count
	none := cli.NewContext(nil, flag.NewFlagSet("sample", flag.ContinueOnError), nil)
	plan, w, err := makePlan(r, layOver(none, r.Card.Sampling.Texts()))
	if err != nil {
		return nil, err
	}
	e, err := newEngine(ctx, g.lib, r.For(plan), run, request{session: g.session}, w.guidance)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	d.samples.Shape, d.samples.Layout = r.Shape, render.Layout(e.layout)
	if e.decoded != nil {
		d.samples.Shape = e.decoded
	}
	if r.Card.Rate != nil {
		d.samples.Rate = int(*r.Card.Rate)
	}
	for _, label := range run.Labels {
		d.samples.Labels = append(d.samples.Labels, r.Labels.Title(label))
	}
	job := sampler.Job{
		Plan: plan, N: run.Count, Dim: e.dim, Chunk: e.split.Chunk, Workers: e.split.Workers, Noise: sampler.Philox{Seed: g.seed},
		Network: func(worker int) (sampler.Network, error) {
			return sampler.Clip(sampler.Guide(e.networks[worker], w.guidance), plan), nil
		},
		AllowNonfinite: true, // of a network that has gone astray as well
	}
	err = job.Run(ctx, func(x []float32, _, n int) error {
		at := len(d.x)
		d.x = append(d.x, make([]float32, n*d.samples.Size())...)
		if e.decoded != nil {
			return e.decode(ctx, d.x[at:], x)
		}
		copy(d.x[at:], x)
		return nil
	})
	return d, err
}

// finished draws samples of the finished network; nil where they have no look.
func (f trainFiles) finished(ctx context.Context, g *gallery) (*drawn, error) {
	model, err := models.Open(f.network)
	if err != nil {
		return nil, err
	}
	return g.draw(ctx, model, aSheet)
}

// sheet puts samples into FILE.samples.png.
func (f trainFiles) sheet(d *drawn, network string) (image.Image, error) {
	sink, err := render.NewSink(f.samples, d.count, d.samples, render.Options{Meta: f.meta(network), Columns: d.columns})
	if err != nil {
		return nil, err
	}
	defer sink.Abort()
	if err := sink.Write(0, d.x); err != nil {
		return nil, err
	}
	if err := sink.Close(); err != nil {
		return nil, err
	}
	return sink.Image(), nil
}
