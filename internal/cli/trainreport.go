package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"odeon/internal/shellword"
	"odeon/onnx"
	"odeon/train"
	"odeon/train/data"
)

// trainReport is what train tells when it is done; with --json as it stands.
type trainReport struct {
	Network    string  `json:"network"`
	Parameters int     `json:"parameters"`
	Data       string  `json:"data"`
	Samples    int     `json:"samples,omitempty"` // of the data; none where it is endless
	Shape      []int   `json:"shape"`
	Layout     string  `json:"layout,omitempty"`
	Classes    int     `json:"classes,omitempty"`
	Provider   string  `json:"provider"`
	Runtime    string  `json:"runtime,omitempty"` // ONNX Runtime's version
	Workers    int     `json:"workers"`
	Accumulate int     `json:"accumulate"`
	Threads    int     `json:"threads,omitempty"` // of a worker, as asked for
	Seed       uint64  `json:"seed"`
	Steps      int     `json:"steps"`
	Resumed    int     `json:"resumed,omitempty"` // the step from which this run went on
	Batch      int     `json:"batch"`
	Loss       float64 `json:"loss"`

	Validation *train.Validation `json:"validation,omitempty"` // the last one
	PerSecond  float64           `json:"samples_per_second"`
	Seconds    trainSeconds      `json:"seconds"`
	Files      []string          `json:"files"`
	Chosen     []choice          `json:"chosen"` // what no flag said
	Notes      []string          `json:"notes"`
}

// choice is a flag that was not given, what stood in its place, and why.
type choice struct {
	Flag  string `json:"flag"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// trainSeconds are seconds on the wall, by part, of this process.
type trainSeconds struct {
	Prepare  float64 `json:"prepare"`
	Train    float64 `json:"train"`
	Pictures float64 `json:"pictures"`
	Total    float64 `json:"total"`
}

func newTrainReport(w *training, set data.Set, lib onnx.Library, watch *watch, r *train.Result) *trainReport {
	t := &trainReport{
		Network: r.Network, Parameters: r.Parameters, Data: w.data, Samples: max(set.Len(), 0), Shape: set.Shape(), Layout: string(set.Layout()),
		Provider: watch.facts.Provider, Runtime: lib.Version,
		Workers: watch.facts.Workers, Accumulate: max(w.settings.Accumulate, 1), Threads: w.session.Threads, Seed: w.settings.Seed, Steps: r.Steps, Resumed: watch.facts.Resumed,
		Batch: watch.facts.Batch, Loss: r.Loss, Chosen: w.choices(set, watch.facts),
	}
	if l := set.Labels(); l != nil {
		t.Classes = l.Count
	}
	if n := len(r.Validations); n > 0 {
		t.Validation = &r.Validations[n-1]
	}
	return t
}

// choices are the settings that no flag gave.
func (w *training) choices(set data.Set, f train.Facts) []choice {
	kind := "samples of shape [" + shapeText(set.Shape()) + "]"
	list := []choice{}
	add := func(flag, value, why string) {
		if !w.given(flag) {
			list = append(list, choice{flag, value, why})
		}
	}
	if w.from == "" {
		add("net", f.Network, kind)
		add("prediction", "velocity", "flow matching")
		add("path", w.path.String(), "straight from noise to data")
		if l := set.Labels(); l != nil {
			add("labels", fmt.Sprintf("%d classes", l.Count), "of the data")
			add("drop-label", fmt.Sprint(train.DefaultDropLabel), "so that guidance works")
		}
	}
	if f.Limit == 0 {
		add("steps", fmt.Sprint(f.Steps), kind)
	}
	add("batch", fmt.Sprint(f.Batch), kind)
	if o, err := train.ParseOptimizer(w.settings.Optimizer); err == nil {
		add("optimizer", o.Name, "learns fast and steadily")
		why := fmt.Sprintf("%s on %s parameters", o.Name, grouped(f.Parameters))
		if w.from != "" {
			why += ", and a tenth of that to go on from a network"
		}
		add("rate", fmt.Sprintf("%.3g", f.Rate), why)
	}
	add("schedule", train.DefaultSchedule, "ends at rest")
	add("ema", fmt.Sprint(train.DefaultEMA), "the last thousand steps averaged")
	add("out", w.out, "named after the data")
	return list
}

// measure fills in what the clock says.
func (t *trainReport) measure(began, prepared, trained time.Time, watch *watch) {
	training := trained.Sub(prepared) - watch.previewing
	t.Seconds = trainSeconds{
		Prepare: prepared.Sub(began).Seconds(), Train: training.Seconds(),
		Pictures: (time.Since(trained) + watch.previewing).Seconds(), Total: time.Since(began).Seconds(),
	}
	t.PerSecond = float64((t.Steps-t.Resumed)*t.Batch) / training.Seconds()
}

// writeLine writes the report as one line.
func (t *trainReport) writeLine(w io.Writer) error { return json.NewEncoder(w).Encode(t) }

func (t *trainReport) print(w io.Writer) {
	fmt.Fprintf(w, "%d steps of %d samples of %s: loss %.4g", t.Steps, t.Batch, oneLine(t.Data), t.Loss)
	if t.Validation != nil {
		fmt.Fprintf(w, ", held out %.4g", t.Validation.Loss)
	}
	fmt.Fprintf(w, ", %s, %s\n", rateText(t.PerSecond), time.Duration(t.Seconds.Total*float64(time.Second)).Round(100*time.Millisecond))
	fmt.Fprintf(w, "%s, %s parameters\n", oneLine(t.Network), grouped(t.Parameters))
	var words []string
	for _, c := range t.Chosen {
		if c.Flag != "net" && c.Flag != "out" {
			words = append(words, "--"+c.Flag+" "+shellword.Quote(c.Value))
		}
	}
	if len(words) > 0 {
		fmt.Fprintf(w, "chosen: %s\n", oneLine(strings.Join(words, " ")))
	}
	for _, file := range t.Files {
		fmt.Fprintln(w, oneLine(file))
	}
}
