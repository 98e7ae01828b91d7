package cli

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/onnx"
	"odeon/schedule"
	"odeon/train"
	"odeon/train/data"
	"odeon/train/objective"
)

// training is what the words of train ask for, before any file is opened.
type training struct {
	data    string
	reading data.Options

	path      schedule.Path // nil where it is the card's of --from
	objective func(schedule.Path) (objective.Objective, error)
	net, from string

	settings train.Settings // what needs no data
	session  onnx.SessionOptions
	runtime  string

	out         string
	named       bool // by --out
	quiet, json bool
	given       func(flag string) bool
}

// mostBatch and the like: what is more is a slip of the keyboard.
const (
	mostBatch     = 1 << 24
	mostTraining  = 1_000_000_000
	mostMinutes   = 60 * 24 * 366
	mostDimension = 1 << 30
)

func parseTraining(c *cli.Context) (*training, error) {
	if c.NArg() > 0 {
		return nil, usagef("odeon train takes no arguments, found %q; data is given with --data, the file to write with -o", c.Args().First())
	}
	v := values{flags: c}
	w := &training{
		data: c.String("data"), net: c.String("net"), from: c.String("from"), runtime: c.String("runtime"),
		quiet: c.Bool("quiet"), json: c.Bool("json"), given: c.IsSet,
	}
	if w.data == "" {
		return nil, usagef("odeon train needs --data: %s, or a file or folder", strings.Join(pointSets(), ", "))
	}
	for _, read := range []func(values) error{w.parseData, w.parseRun, w.parseObjective, w.parseOutput, w.contradictions} {
		if err := read(v); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func pointSets() []string {
	var names []string
	for _, p := range data.BuiltIn {
		names = append(names, p.Name)
	}
	return names
}

func (w *training) parseData(v values) error {
	c, o := v.flags, &w.reading
	o.Labels = c.String("labels")
	var card models.Card
	for _, field := range []string{"shape", "layout"} {
		if c.IsSet(field) {
			if err := card.Set(field, c.String(field)); err != nil {
				return usagef("--%s: %w", field, err)
			}
		}
	}
	o.Shape, o.Layout = card.Shape, card.Layout
	err := v.wholes(whole{"size", 1, mostDimension, &o.Size}, whole{"window", 1, mostDimension, &o.Window}, whole{"stride", 1, mostDimension, &o.Stride})
	if err != nil {
		return err
	}
	o.Rate, err = v.within("sample-rate", 0, above(0))
	return err
}

func (w *training) parseRun(v values) error {
	c, s := v.flags, &w.settings
	var threads int
	err := v.wholes(
		whole{"steps", 1, mostTraining, &s.Steps}, whole{"batch", 1, mostBatch, &s.Batch}, whole{"accumulate", 1, mostBatch, &s.Accumulate},
		whole{"workers", 1, mostThreads, &s.Workers}, whole{"every", 1, mostTraining, &s.Every}, whole{"preview", 1, mostTraining, &s.Preview},
		whole{"threads", 1, mostThreads, &threads},
	)
	if err != nil {
		return err
	}
	var minutes float64
	for _, number := range []struct {
		name string
		fits limits
		into *float64
	}{
		{"minutes", limits{math.SmallestNonzeroFloat64, mostMinutes, fmt.Sprintf("a number above 0, at most %d", mostMinutes)}, &minutes},
		{"rate", above(0), &s.Rate},
		{"clip-norm", atLeast(0), &s.ClipNorm},
		{"ema", share, &s.EMA},
		{"validation", share, &s.Validation},
	} {
		if *number.into, err = v.within(number.name, 0, number.fits); err != nil {
			return err
		}
	}
	s.Limit = time.Duration(minutes * float64(time.Minute))
	// In Settings 0 stands for the default, a negative number for none.
	for _, none := range []struct {
		name string
		into *float64
	}{{"clip-norm", &s.ClipNorm}, {"ema", &s.EMA}} {
		if c.IsSet(none.name) && *none.into == 0 {
			*none.into = -1
		}
	}
	if s.Seed, err = v.seed("seed"); err != nil {
		return err
	}
	w.reading.Seed = s.Seed
	s.Optimizer, s.Schedule = c.String("optimizer"), c.String("schedule")
	if _, err := train.ParseOptimizer(s.Optimizer); err != nil {
		return wrong("--optimizer", err)
	}
	if _, err := train.ParseSchedule(s.Schedule); err != nil {
		return wrong("--schedule", err)
	}
	s.Checkpoints, s.Resume, s.Metrics = c.String("checkpoint"), c.Bool("resume"), c.String("metrics")
	dtype, err := v.oneOf("dtype", "float32", "float32", "float16")
	if err != nil {
		return err
	}
	s.Float16 = dtype == "float16"
	w.session, err = v.session()
	w.session.Threads = threads
	return err
}

// parseObjective reads what is learned. Weights are formulas in the path's variables, and the path may be that of --from: then
// they are read, by w.objective, once it is known.
func (w *training) parseObjective(v values) error {
	c := v.flags
	span, err := v.pair("span")
	if err != nil {
		return err
	}
	drop, err := v.within("drop-label", 0, share)
	if err != nil {
		return err
	}
	times, err := objective.ParseTimes(c.String("times"))
	if err != nil {
		return wrong("--times", err)
	}
	coupling, err := objective.ParseCoupling(c.String("coupling"))
	if err != nil {
		return wrong("--coupling", err)
	}
	w.objective = func(path schedule.Path) (objective.Objective, error) {
		o := objective.Objective{Path: path, Times: times, Coupling: coupling, DropLabel: drop}
		if span != nil {
			o.Span = *span
		}
		var err error
		if o.Weight, err = objective.ParseWeight(c.String("weight"), path); err != nil {
			return o, wrong("--weight", err)
		}
		if w.from != "" {
			return o, nil
		}
		if c.IsSet("prediction") {
			if o.Predictions, err = objective.ParsePredictions(c.String("prediction"), path); err != nil {
				return o, wrong("--prediction", err)
			}
		}
		for _, f := range []struct {
			name string
			into **schedule.Formula
		}{{"time", &o.Time}, {"scale", &o.Scale}} {
			if c.IsSet(f.name) {
				if *f.into, err = schedule.ParseFormula(c.String(f.name), schedule.TimeVariables(path)...); err != nil {
					return o, wrong("--"+f.name, err)
				}
			}
		}
		if err := o.Check(); err != nil {
			return o, usageError{err}
		}
		return o, nil
	}
	if w.from != "" {
		return nil
	}
	w.path = schedule.CondOT()
	if c.IsSet("path") {
		if w.path, err = schedule.ParsePath(c.String("path")); err != nil {
			return wrong("--path", err)
		}
	}
	_, err = w.objective(w.path)
	return err
}

func (w *training) parseOutput(v values) error {
	w.out, w.named = v.flags.String("out"), v.flags.IsSet("out")
	if !w.named {
		w.out = dataName(w.data) + ".onnx"
		return nil
	}
	if extension := filepath.Ext(w.out); !strings.EqualFold(extension, ".onnx") {
		return bad("--out", w.out, "a name that ends in .onnx")
	}
	return nil
}

// dataName is what a network is called that is trained on the data: its file's or folder's name without what follows a dot.
func dataName(text string) string {
	base := filepath.Base(filepath.Clean(text))
	if name, _, _ := strings.Cut(strings.TrimLeft(base, "."), "."); name != "" && base != string(filepath.Separator) {
		return name
	}
	return "network"
}

// contradictions finds words that do not go together.
func (w *training) contradictions(v values) error {
	for _, pair := range []struct{ flag, needs, why string }{
		{"resume", "checkpoint", "--resume goes on from a checkpoint; say where they are with --checkpoint DIR"},
		{"every", "checkpoint", "--every says how often a checkpoint is written; say where with --checkpoint DIR"},
	} {
		if v.flags.IsSet(pair.flag) && !v.flags.IsSet(pair.needs) {
			return usagef("%s", pair.why)
		}
	}
	for _, pair := range []struct{ a, b, why string }{
		{"net", "from", "a network goes on as it is"},
		{"prediction", "from", "what a network predicts is its card's; odeon convert changes it"},
		{"path", "from", "a network's path is its card's; odeon convert changes it"},
		{"time", "from", "what a network is fed is its card's"},
		{"scale", "from", "what a network is fed is its card's"},
	} {
		if v.flags.IsSet(pair.a) && v.flags.IsSet(pair.b) {
			return usagef("--%s and --%s: %s; give one of them", pair.a, pair.b, pair.why)
		}
	}
	if k := max(w.settings.Accumulate, 1) * max(w.settings.Workers, 1); w.settings.Batch > 0 && w.settings.Batch%k != 0 {
		return usagef("--batch %d does not divide into --accumulate %d times --workers %d equal parts; give a multiple of %d",
			w.settings.Batch, max(w.settings.Accumulate, 1), max(w.settings.Workers, 1), k)
	}
	if v.flags.IsSet("drop-label") && w.reading.Labels == data.NoLabels {
		return usagef("--drop-label is the share of classes left out, and --labels none leaves out all of them; give one of them")
	}
	return nil
}
