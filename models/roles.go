package models

import (
	"slices"
	"strings"

	"odeon/internal/nearest"
	"odeon/onnx"
)

// finder gives the graph's inputs their roles.
type finder struct {
	*Resolved
	sets   map[string]Set
	open   []onnx.Value // inputs without a role yet
	output onnx.Value
	others []onnx.Value // of the card's further predictions, the second one first
	state  onnx.Value
}

func newFinder(r *Resolved, sets []Set) *finder {
	f := &finder{Resolved: r, sets: map[string]Set{}, open: slices.Clone(r.Model.Info.Inputs)}
	for name, value := range r.Card.Constants {
		f.sets[name] = Set{Name: name, Value: &value}
	}
	for _, set := range sets {
		have := f.sets[set.Name]
		if set.Value != nil {
			have.Value = set.Value
		}
		if set.Null != nil {
			have.Null = set.Null
		}
		f.sets[set.Name] = have
	}
	return f
}

func valueNames(values []onnx.Value) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.Name
	}
	return names
}

// described lists values as messages show them: x float32 [n, 2].
func described(values []onnx.Value) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Name + " " + v.String()
	}
	return texts
}

// named takes the input that the card names for a role.
func (f *finder) named(field, name string) (onnx.Value, bool) {
	in, ok := f.Model.Info.Input(name)
	if !ok {
		names := valueNames(f.Model.Info.Inputs)
		f.ask(field, names, "%s names input %q for %s, and the graph has no such input%s", f.Model.From["inputs"], name, field, nearest.Hint(name, names))
		return in, false
	}
	f.take(name)
	return in, true
}

func (f *finder) take(name string) {
	f.open = slices.DeleteFunc(f.open, func(v onnx.Value) bool { return v.Name == name })
}

// findOutput takes the output that the card names, or the only one that can be the prediction: one shaped as an input.
func (f *finder) findOutput() bool {
	outputs := f.Model.Info.Outputs
	if names := f.Card.byUse(); len(names) > 0 {
		return f.findOutputs(names)
	}
	if f.Card.Output != nil && f.Card.Output.Name != "" {
		out, ok := f.namedOutput("output", f.Card.Output.Name)
		f.output = out
		return ok
	}
	var fit []onnx.Value
	for _, out := range outputs {
		if out.Type.IsFloat() && (len(outputs) == 1 || slices.ContainsFunc(f.open, func(in onnx.Value) bool { return f.isStateOf(in, out) })) {
			fit = append(fit, out)
		}
	}
	switch {
	case len(fit) == 1:
		f.output = fit[0]
		if len(outputs) > 1 {
			f.guess("output %s: of %d outputs the only one shaped as an input", fit[0].Name, len(outputs))
		}
		return f.isFloat(fit[0], "output")
	case len(outputs) == 1:
		return f.isFloat(outputs[0], "output")
	case len(f.Card.Predictions) > 0:
		return false // the prediction that is asked for names the output
	}
	f.ask("output", described(outputs), "which of the graph's %d outputs is the prediction is not known", len(outputs))
	return false
}

// findOutputs takes the outputs that the card names for its predictions.
func (f *finder) findOutputs(names []string) bool {
	all := true
	for _, name := range names {
		out, ok := f.namedOutput("predictions", f.Card.Predictions[name])
		all = all && ok
		f.others = append(f.others, out)
	}
	f.output, f.others = f.others[0], f.others[1:]
	return all
}

// namedOutput takes an output that the card names in a field.
func (f *finder) namedOutput(field, name string) (onnx.Value, bool) {
	out, ok := f.Model.Info.Output(name)
	if !ok {
		names := valueNames(f.Model.Info.Outputs)
		f.ask(field, names, "%s names output %q, and the graph has no such output%s", f.Model.From[field], name, nearest.Hint(name, names))
		return out, false
	}
	return out, f.isFloat(out, field)
}

// stateTypes are what a state and a prediction may be made of: the floats that buffers hold.
var stateTypes = []onnx.DType{onnx.Float32, onnx.Float16, onnx.Float64}

func (f *finder) isFloat(v onnx.Value, field string) bool {
	if slices.Contains(stateTypes, v.Type) {
		return true
	}
	f.problem(field, "%q is %s, and a state or a prediction is a tensor of float32, float16 or float64", v.Name, v)
	return false
}

// isStateOf says whether in can be the state whose prediction is out: floats of one shape, as far as both tell.
func (f *finder) isStateOf(in, out onnx.Value) bool {
	if !in.Type.IsFloat() {
		return false
	}
	if !in.Known() || !out.Known() {
		return true
	}
	if len(in.Shape) != len(out.Shape) || len(in.Shape) == 0 {
		return false
	}
	cut := int64(0)
	if channels := f.channels(); channels != nil {
		cut = int64(channels[1] - channels[0])
	}
	for i, dim := range in.Shape {
		switch {
		case dim.IsFree(), out.Shape[i].IsFree(), dim.Size == out.Shape[i].Size:
		case i > 0 && cut > 0 && dim.Size == cut:
			cut = 0 // one axis may be cut to size
		default:
			return false
		}
	}
	return true
}

// channels are those of the output that are the prediction; nil: all.
func (f *finder) channels() *[2]int {
	if f.Card.Output == nil {
		return nil
	}
	return f.Card.Output.Channels
}

// scalar says whether an input takes one number a sample, or one for all: rank 0, [n], [n,1], [n,1,1,1].
func scalar(v onnx.Value) bool {
	if !v.Known() || !(v.Type.IsFloat() || v.Type.IsInteger()) {
		return false
	}
	return !slices.ContainsFunc(v.Shape[min(1, len(v.Shape)):], func(d onnx.Dim) bool { return d.Size != 1 })
}

// Words that exporters use in the names of roles. They decide only where exactly one candidate has such a name.
var (
	stateWords = []string{"x", "xt", "sample", "samples", "state", "latent", "latents", "image", "images", "img", "noisy", "z", "hidden"}
	timeWords  = []string{"t", "ts", "time", "times", "timestep", "timesteps", "step", "sigma", "sigmas", "logsnr", "tau", "noise"}
	labelWords = []string{"y", "label", "labels", "class", "classes", "category", "cls", "c", "cond", "condition"}
)

// nameHas says whether one of the words that a name is made of is among words: "time_input", "model.t".
func nameHas(name string, words []string) bool {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("_.-/: ", r) })
	return slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(words, part) })
}

// onlyNamed is the one of several whose name has one of the words.
func onlyNamed(values []onnx.Value, words []string) (onnx.Value, bool) {
	fit := slices.DeleteFunc(slices.Clone(values), func(v onnx.Value) bool { return !nameHas(v.Name, words) })
	if len(fit) != 1 {
		return onnx.Value{}, false
	}
	return fit[0], true
}

// candidates are the open inputs that pass, those with a constant or --set left aside.
func (f *finder) candidates(pass func(onnx.Value) bool) []onnx.Value {
	return slices.DeleteFunc(slices.Clone(f.open), func(v onnx.Value) bool {
		_, given := f.sets[v.Name]
		return given || !pass(v)
	})
}

// findState takes the input that the card names, or the only one that is shaped as the output.
func (f *finder) findState() bool {
	for _, other := range []string{f.Card.Inputs.Time, f.Card.Inputs.Label} {
		f.take(other)
	}
	if name := f.Card.Inputs.State; name != "" {
		in, ok := f.named("inputs.state", name)
		f.state = in
		return ok && f.isFloat(in, "inputs.state")
	}
	floats := f.candidates(func(v onnx.Value) bool { return v.Type.IsFloat() && (!v.Known() || len(v.Shape) > 0) })
	fit := slices.DeleteFunc(slices.Clone(floats), func(v onnx.Value) bool { return !f.isStateOf(v, f.output) })
	if wide := slices.DeleteFunc(slices.Clone(fit), scalar); len(wide) > 0 {
		fit = wide
	}
	if len(fit) == 0 {
		fit = slices.DeleteFunc(floats, scalar)
	}
	switch in, told := onlyNamed(fit, stateWords); {
	case len(fit) == 1:
		f.state = fit[0]
	case len(fit) == 0:
		f.ask("inputs.state", described(f.Model.Info.Inputs), "no input is shaped as the output %s %s", f.output.Name, f.output)
		return false
	case told:
		f.state = in
		f.guess("input %s is the state: of %s the only one with such a name", in.Name, strings.Join(valueNames(fit), ", "))
	default:
		f.ask("inputs.state", described(fit), "which input is the state is not known: %d are shaped as the output", len(fit))
		return false
	}
	f.take(f.state.Name)
	return f.isFloat(f.state, "inputs.state")
}

// findTimeAndLabel looks at the inputs of one number a sample, and at one-hot rows.
func (f *finder) findTimeAndLabel() {
	names := f.Card.Inputs
	var clock, label onnx.Value
	if names.Time != "" {
		clock, _ = f.named("inputs.time", names.Time)
	}
	if names.Label != "" {
		label, _ = f.named("inputs.label", names.Label)
	} else {
		label = f.labelByCard(names.Time != "")
	}
	if names.Time == "" {
		clock = f.findTime()
	}
	if names.Label == "" && label.Name == "" {
		label = f.remainingLabel()
	}
	if clock.Name != "" {
		f.Clock = f.port(clock, "inputs.time")
	}
	if label.Name != "" {
		f.Label = f.port(label, "inputs.label")
	}
	if f.Clock != nil && f.Clock.width() != 1 {
		f.problem("inputs.time", "input %q is %s, and time is one number a sample", clock.Name, clock)
	}
}

// labelByCard takes the input that can only be the class, given that the card speaks of labels.
func (f *finder) labelByCard(timeKnown bool) onnx.Value {
	labels := f.Card.Labels
	if labels == nil {
		return onnx.Value{}
	}
	fit := f.candidates(func(v onnx.Value) bool {
		if labels.Encoding != OneHot && scalar(v) && v.Type.IsInteger() {
			return true
		}
		return labels.Encoding != Index && f.isOneHot(v)
	})
	scalars := f.candidates(scalar)
	pick, told := onlyNamed(fit, labelWords)
	switch {
	case len(fit) == 1 && (timeKnown || len(scalars) > 1 || !scalar(fit[0])):
		pick = fit[0]
	case told:
	case len(fit) == 2:
		// One of two is the time: the other is the class.
		clock, ok := onlyNamed(fit, timeWords)
		if !ok {
			return onnx.Value{}
		}
		pick = fit[0]
		if pick.Name == clock.Name {
			pick = fit[1]
		}
	default:
		return onnx.Value{}
	}
	f.take(pick.Name)
	return pick
}

// isRow says whether an input takes a row of numbers a sample, [n, K].
func isRow(v onnx.Value) bool { return v.Known() && len(v.Shape) == 2 && v.Shape[1].Size > 1 }

// isOneHot says whether an input is [n, K] with room for the card's classes.
func (f *finder) isOneHot(v onnx.Value) bool {
	if !isRow(v) {
		return false
	}
	labels := f.Card.Labels
	count := max(labels.Count, len(labels.Names))
	return labels.Encoding == OneHot || v.Shape[1].Size == int64(count)
}

// findTime takes the only input of one number a sample, or of several the only one that is called like a time.
func (f *finder) findTime() onnx.Value {
	fit := f.candidates(scalar)
	pick, told := onlyNamed(fit, timeWords)
	switch {
	case len(fit) == 0:
		f.guess("the network is not told the time: no further input takes one number a sample")
		return onnx.Value{}
	case len(fit) == 1:
		pick = fit[0]
	case told:
		f.guess("input %s is the time: of %s the only one with such a name", pick.Name, strings.Join(valueNames(fit), ", "))
	default:
		f.ask("inputs.time", described(fit), "which input is the time is not known: %d take one number a sample", len(fit))
		for _, v := range fit {
			f.take(v.Name) // one question is enough
		}
		return onnx.Value{}
	}
	f.take(pick.Name)
	return pick
}

// remainingLabel takes a whole number a sample that is left when the time is known.
func (f *finder) remainingLabel() onnx.Value {
	fit := f.candidates(func(v onnx.Value) bool { return scalar(v) && v.Type.IsInteger() && len(v.Shape) > 0 })
	pick, told := onlyNamed(fit, labelWords)
	switch {
	case len(fit) == 1:
		pick = fit[0]
		f.guess("input %s is the class: the only further one that takes a whole number a sample", pick.Name)
	case told:
		f.guess("input %s is the class: of %s the only one with such a name", pick.Name, strings.Join(valueNames(fit), ", "))
	default:
		if f.Card.Labels != nil && f.Card.Labels.Encoding == Index {
			if rows := f.candidates(isRow); len(rows) == 1 {
				f.problem("labels", "input %q is %s, a row a sample, and labels.encoding \"index\" needs one number; \"onehot\" is such a row", rows[0].Name, rows[0])
				f.take(rows[0].Name)
				return onnx.Value{}
			}
		}
		if f.Card.Labels != nil {
			f.ask("inputs.label", described(f.candidates(func(onnx.Value) bool { return true })), "the card speaks of labels, and which input takes them is not known")
		}
		return onnx.Value{}
	}
	f.take(pick.Name)
	return pick
}
