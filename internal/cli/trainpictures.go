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
	names := []string{f.network, f.loss, f.samples}
	if f.preview != "" {
		names = append(names, f.preview)
	}
	all := slices.Clone(names)
	if f.metrics != "" {
		all = append(all, f.metrics)
	}
	for _, name := range all {
		if err := atomicfile.Writable(name); err != nil {
			return f, err
		}
	}
	if err := distinct("--out", names); err != nil {
		return f, err
	}
	return f, distinct("--metrics", all)
}

// write makes one of the files.
func (f trainFiles) write(name string, content func(io.Writer) error) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		if err := content(w); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
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

// asked is what sample would be asked for.
func (g *gallery) asked() request {
	return request{session: g.session, wishes: wishes{Threads: g.session.Threads}}
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
	var all []int
	if r.Label != nil {
		all, _ = r.Labels.All() // none where it is not known which there are
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
	if len(all) == 0 {
		return count, nil, 0
	}
	for _, class := range all[:min(len(all), s.classes)] {
		labels = append(labels, slices.Repeat([]int{class}, s.columns)...)
	}
	return len(labels), labels, s.columns
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
	count, labels, columns := s.of(r)
	if count == 0 {
		return nil, nil
	}
	run := models.Run{Count: count, Labels: labels}
	none := cli.NewContext(nil, flag.NewFlagSet("sample", flag.ContinueOnError), nil)
	plan, w, err := makePlan(r, layOver(none, r.Card.Sampling.Texts()))
	if err != nil {
		return nil, err
	}
	e, err := newEngine(ctx, g.lib, r.For(plan), run, g.asked(), w.guidance)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	d := &drawn{samples: e.describe(r, run, false), count: count, columns: columns}
	job := sampler.Job{
		Plan: plan, N: count, Dim: e.dim, Chunk: e.split.Chunk, Workers: e.split.Workers,
		Noise: sampler.Philox{Seed: g.seed}, Network: e.guided(plan, w.guidance),
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
