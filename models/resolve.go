package models

import (
	"fmt"
	"slices"
	"strings"

	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// Resolved is a model with every choice settled, or with the Problems that stand in the way.
type Resolved struct {
	Model *Model
	Card  *Card

	Path       schedule.Path
	Prediction schedule.Prediction
	Time       *schedule.Formula // the number that the network is fed; nil where the contract's default stands
	Scale      *schedule.Formula // nil: 1
	Start      *schedule.Formula // nil: the contract's default

	Batch  int   // samples in every network call; 0: as many as wanted
	Shape  []int // one sample of the state
	State  Port
	Output Port
	Second *Second   // what the network predicts beside Prediction; nil: nothing
	Slice  *Slice    // the part of the output that is the prediction; nil: all of it
	Varied bool      // whether the channels behind Slice, as many, are read too: the variance that the network learned; see [Resolved.For]
	Clock  *Port     // the input for time; nil: the network is not told the time
	Label  *Port     // the input for the class; nil: none
	Labels *Labels   // how Label is filled; nil where there is no such input
	Extras []Extra   // constants and inputs given with --set
	Decode *Decoding // the decoder; nil: the samples are the state

	Layout Layout // of the samples, decoded where there is a decoder; "" where none fits
	Range  [2]float64

	// Negative is the class in the unconditional half of guidance, in place of none; nil: none. Guide is a weaker network, whose
	// prediction stands in for that half; see [Resolved.GuidedBy].
	Negative *int
	Guide    *Resolved

	sliced Layout // told by the axis on which the output has further channels; "" where there are none

	Guesses  []string // what was told by a name or a look, and why
	Problems []Problem
}

// Port is an input or output of the graph in its role.
type Port struct {
	Name    string
	Type    onnx.DType
	Batched bool  // whether the first axis is the batch
	Row     []int // the shape of one sample's share; the whole tensor's where it is not batched
}

// shape is the tensor's shape for n samples.
func (p Port) shape(n int) []int64 {
	var shape []int64
	if p.Batched {
		shape = append(shape, int64(n))
	}
	for _, size := range p.Row {
		shape = append(shape, int64(size))
	}
	return shape
}

// width is the number of elements of one row.
func (p Port) width() int {
	n, _ := product(p.Row)
	return n
}

// Slice is a range of channels: of every Outer x Channels x Inner block of a sample's output, channels From to To.
type Slice struct {
	Outer, Channels, Inner int
	From, To               int
}

// Problem is a choice that neither graph nor card settles, or one that they settle in contradictory ways.
type Problem struct {
	Field   string   // the card's field that settles it: "inputs.time"; "constants" for a further input
	Text    string   // what was found and what was expected
	Choices []string // the candidates, where they can be listed
	Mend    string   // what mends it, where that is not the field and its flag
}

// mends say how each field is given on the command line.
var mends = map[string]string{
	"prediction":   "--prediction",
	"path":         "--path",
	"time":         "--time",
	"scale":        "--scale",
	"start":        "--start",
	"shape":        "--shape 3,64,64",
	"layout":       "--layout",
	"inputs.state": "--inputs state=NAME",
	"inputs.time":  "--inputs time=NAME",
	"inputs.label": "--inputs label=NAME",
	"output":       "--output NAME or NAME[FROM:TO]",
	"predictions":  "choose one with --prediction NAME --output NAME",
	"labels":       `--labels '{"count": N, "encoding": "onehot"}'`,
	"decoder":      "--decoder FILE",
	"constants":    "--set NAME=VALUE or --set NAME=@FILE.npy",
}

// Error says what is wrong and what mends it.
func (p Problem) Error() string {
	if p.Mend != "" {
		return p.Text + "; " + p.Mend
	}
	text := fmt.Sprintf("%s; settle it with %q in a card, or %s", p.Text, p.Field, mends[p.Field])
	const most = 32
	if n := len(p.Choices); n > most {
		return text + fmt.Sprintf(": one of %s, ... (%d in all)", strings.Join(p.Choices[:most], ", "), n)
	} else if n > 0 {
		return text + ": one of " + strings.Join(p.Choices, ", ")
	}
	return text
}

// UnsettledError says what stands in the way of a model.
type UnsettledError struct {
	Model    string
	Problems []Problem
}

// Error is one line for one problem, else a line for each.
func (e *UnsettledError) Error() string {
	if len(e.Problems) == 1 {
		return e.Model + ": " + e.Problems[0].Error()
	}
	text := fmt.Sprintf("%s: %d things are open:", e.Model, len(e.Problems))
	const most = 16
	for i, p := range e.Problems {
		if i == most {
			return text + fmt.Sprintf("\n  ... and %d more", len(e.Problems)-most)
		}
		text += "\n  " + p.Error()
	}
	return text
}

// Err is nil where nothing stands in the way, else an [*UnsettledError]; fields, where given, limit it to the problems of
// those fields.
func (r *Resolved) Err(fields ...string) error {
	e := &UnsettledError{Model: r.Model.Path()}
	for _, p := range r.Problems {
		if len(fields) == 0 || slices.Contains(fields, p.Field) {
			e.Problems = append(e.Problems, p)
		}
	}
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// Set is a further input given on the command line: its value, and its value in the unconditional half of guidance.
type Set struct {
	Name        string
	Value, Null *Array
}

// Resolve fills every role from the graph and the card. What it cannot settle is in Problems; the rest of the result holds.
func Resolve(m *Model, sets ...Set) *Resolved {
	r := &Resolved{Model: m, Card: m.Card, Range: [2]float64{-1, 1}}
	if m.Card.Range != nil {
		r.Range = *m.Card.Range
	}
	r.resolvePath()
	f := newFinder(r, sets)
	if f.findOutput() && f.findState() && f.settleShape() {
		f.settleOutputs()
		f.findTimeAndLabel()
		f.settleExtras()
	}
	r.resolveTime()
	r.resolveLabels()
	r.resolveDecoder()
	r.resolveLayout()
	return r
}

func (r *Resolved) problem(field, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{Field: field, Text: fmt.Sprintf(format, args...)})
}

func (r *Resolved) ask(field string, choices []string, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{Field: field, Text: fmt.Sprintf(format, args...), Choices: choices})
}

func (r *Resolved) guess(format string, args ...any) {
	r.Guesses = append(r.Guesses, fmt.Sprintf(format, args...))
}

var (
	predictionChoices = []string{"velocity", "data", "noise", "score", "v", "reverse-velocity", `{"data": "a", "noise": "b"}`}
	pathChoices       = []string{"condot", "cosine", "vp(0.1,20)", "polynomial(2)", "ve(0.02,100)", "edm(0.002,80,7)", `{"alpha": "t", "beta": "sqrt(1-t)"}`,
		`{"betas": "linear(1e-4,0.02)", "count": 1000}`}
)

// resolvePath settles path and prediction, which no graph tells.
func (r *Resolved) resolvePath() {
	if p := r.Model.Pipeline; p != nil && r.Card.Path == nil && r.Card.Prediction == nil {
		r.Problems = append(r.Problems, p.noScheduler())
		return
	}
	if r.Card.Path == nil {
		r.ask("path", pathChoices, "the path from noise to data is not known")
	} else if path, err := schedule.PathFromJSON(r.Card.Path); err != nil {
		r.problem("path", "%s: field \"path\": %s", r.Model.From["path"], unprefixed(err, "path: "))
	} else {
		r.Path = path
	}
	var err error
	switch p := r.Card.Prediction; {
	case p == nil && len(r.Card.byUse()) > 0:
		r.resolvePredictions()
	case p == nil:
		r.ask("prediction", predictionChoices, "what the network predicts is not known")
	case p.Name != "":
		r.Prediction, err = schedule.ParsePrediction(p.Name)
	case r.Path != nil:
		r.Prediction, err = schedule.NewPrediction(p.Data, p.Noise, r.Path)
	}
	if err != nil {
		r.problem("prediction", "%s: field \"prediction\": %s", r.Model.From["prediction"], err)
	}
}

// resolveTime reads the formulas, whose variables depend on the path.
func (r *Resolved) resolveTime() {
	if r.Path == nil {
		return
	}
	variables := schedule.TimeVariables(r.Path)
	for _, formula := range []struct {
		field, text string
		into        **schedule.Formula
	}{{"time", r.Card.Time, &r.Time}, {"scale", r.Card.Scale, &r.Scale}, {"start", r.Card.Start, &r.Start}} {
		if formula.text == "" {
			continue
		}
		parsed, err := schedule.ParseFormula(formula.text, variables...)
		if err != nil {
			r.problem(formula.field, "%s: field %q on the path %s: %s", r.Model.From[formula.field], formula.field, r.Path, err)
			continue
		}
		*formula.into = parsed
	}
	_, discrete := r.Path.(*schedule.Discrete)
	if r.Clock != nil && r.Clock.Type.IsInteger() && r.Card.Time == "" && !discrete {
		r.ask("time", []string{"999*(1-t)", "1000*t", "..."}, "input %q takes whole numbers (%s), but the default is t itself, from 0 to 1", r.Clock.Name, r.Clock.Type)
	}
}

// Dim is the number of elements of one sample's state.
func (r *Resolved) Dim() int {
	n, _ := product(r.Shape)
	return n
}

// TimeText is the formula for what the network is fed, the default written out.
func (r *Resolved) TimeText() string {
	switch _, discrete := r.Path.(*schedule.Discrete); {
	case r.Time != nil:
		return r.Time.String()
	case discrete:
		return "index"
	case r.Prediction.Equal(schedule.ReverseVelocity):
		return "1-t"
	}
	return "t"
}

// Sampling is what a plan needs to know of the network. It holds where Err("path", "prediction", "time", "scale", "start") is nil.
func (r *Resolved) Sampling() sampler.Model {
	m := sampler.Model{
		Path: r.Path, Prediction: r.Prediction, Time: r.Time, Scale: r.Scale, Start: r.Start,
		Integer: r.Clock != nil && r.Clock.Type.IsInteger(),
	}
	if r.Second != nil {
		m.Second = r.Second.Prediction
	}
	return m
}

// resolveLabels completes the classes from the input that takes them.
func (r *Resolved) resolveLabels() {
	if r.Label == nil {
		return
	}
	labels := Labels{}
	if r.Card.Labels != nil {
		labels = *r.Card.Labels
	}
	if labels.Count == 0 {
		labels.Count = len(labels.Names)
	}
	if labels.Encoding == "" {
		labels.Encoding = Index
		if r.Label.width() > 1 {
			labels.Encoding = OneHot
		}
	}
	width := r.Label.width()
	switch {
	case labels.Encoding == OneHot && width == 1:
		r.problem("labels", "input %q takes one number a sample, and labels.encoding \"onehot\" is a row of them; \"index\" is one", r.Label.Name)
	case labels.Encoding == Index && width != 1:
		r.problem("labels", "input %q has %d numbers a sample, and labels.encoding \"index\" needs one", r.Label.Name, width)
	case labels.Encoding == Index && labels.Null != nil && labels.Null.Zeros:
		r.problem("labels", "labels.null is \"zeros\", and input %q takes a class's number", r.Label.Name)
	case labels.Encoding == OneHot && width > mostLabels:
		r.problem("labels", "input %q has room for %d classes, and at most %d can be told apart", r.Label.Name, width, mostLabels)
	case labels.Encoding == OneHot && labels.Count == 0:
		labels.Count = width
	case labels.Encoding == OneHot && labels.Count > width:
		r.problem("labels", "labels.count is %d, and input %q has room for %d classes", labels.Count, r.Label.Name, width)
	case labels.Encoding == OneHot && labels.Null != nil && !labels.Null.Zeros && labels.Null.Index >= width:
		r.problem("labels", "labels.null is %d, and input %q has room for classes 0 to %d", labels.Null.Index, r.Label.Name, width-1)
	}
	r.Labels = &labels
}

// CanGuide says what is missing for classifier-free guidance: something to leave out in the unconditional half.
func (r *Resolved) CanGuide() error {
	if r.Guide != nil {
		return r.Guide.Err()
	}
	if r.Labels != nil && (r.Labels.Null != nil || r.Negative != nil) {
		return nil
	}
	for _, e := range r.Extras {
		if e.Null != nil {
			return nil
		}
	}
	if r.Label != nil {
		return fmt.Errorf("guidance: %w; or give the class to lead away from with --negative-label", r.noNull())
	}
	return fmt.Errorf("%s: guidance needs a conditional network; this one takes no classes, and no --set-null gives a further input's value for the unconditional half; a weaker network of the same data, --guide-model, guides any", r.Model.Path())
}

func (r *Resolved) noNull() error {
	return fmt.Errorf("%s: what input %q takes for no class is not known; give \"labels\": {\"null\": a number or \"zeros\"} in a card, or --labels", r.Model.Path(), r.Label.Name)
}

// resolveLayout settles how samples are to be seen, decoded where there is a decoder.
func (r *Resolved) resolveLayout() {
	switch {
	case r.Shape == nil:
	case r.Decode == nil:
		r.Layout = r.layoutOf(r.Shape, "a sample")
		if r.Card.Layout != "" && !r.Card.Layout.Fits(len(r.Shape)) {
			r.problem("layout", "layout %s does not fit samples of shape %v", r.Card.Layout, r.Shape)
		}
	case r.Decode.Shape != nil:
		r.Layout = r.layoutOf(r.Decode.Shape, "a decoded sample")
	default:
		r.Layout = r.Card.Layout // [NewDecoder] sees the shape
	}
}

// layoutOf takes the card's layout where it fits, and otherwise tells one by the look.
func (r *Resolved) layoutOf(shape []int, what string) Layout {
	if r.Card.Layout.Fits(len(shape)) {
		return r.Card.Layout
	}
	layout, why := GuessLayout(shape, r.Card)
	if r.sliced.Fits(len(shape)) {
		layout, why = r.sliced, "there the output has further channels"
	}
	if layout != "" && r.Card.Layout == "" {
		r.guess("layout %s for %s of shape %v: %s", layout, what, shape, why)
	}
	return layout
}

// NewSession loads the network, to be read at its prediction and, where it has one, at its second: into ONNX Runtime, or,
// with the provider [Go], for Go to compute, which needs no runtime.
func (r *Resolved) NewSession(runtime *onnx.Runtime, o onnx.SessionOptions) (Session, error) {
	if o.Provider == Go {
		source, err := r.Model.Source()
		if err != nil {
			return nil, err
		}
		return interpret(source, r.ports(), r.Batch, r.outputs(), o.ProviderOptions)
	}
	inputs := valueNames(r.Model.Info.Inputs)
	if r.Model.File == "" {
		return loaded(runtime.NewSessionBytes(r.Model.Name, r.Model.ONNX, inputs, r.outputs(), o))
	}
	if err := r.Model.Info.CheckExternal(); err != nil {
		return nil, err
	}
	return loaded(runtime.NewSession(r.Model.File, inputs, r.outputs(), o))
}

// ports are the inputs that have a role.
func (r *Resolved) ports() []Port {
	ports := []Port{r.State}
	for _, p := range []*Port{r.Clock, r.Label} {
		if p != nil {
			ports = append(ports, *p)
		}
	}
	for _, e := range r.Extras {
		ports = append(ports, e.Port)
	}
	return ports
}
