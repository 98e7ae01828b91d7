package models

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"odeon/internal/nearest"
	"odeon/onnx"
)

// Extra is a further input with its value.
type Extra struct {
	Port  Port
	Value Array
	Null  *Array // in the unconditional half of guidance; nil: Value there too
	Rows  int    // how many samples the value has rows for; 1: one for all
}

// finder gives the graph's inputs their roles.
type finder struct {
	*Resolved
	sets   map[string]Set
	open   []onnx.Value // inputs without a role yet
	output onnx.Value
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
		f.ask(field, names, "%s names input %q for %s, and the graph has no such input%s", f.layer("inputs"), name, field, nearest.Hint(name, names))
		return in, false
	}
	f.take(name)
	return in, true
}

// layer is where a field was said.
func (f *finder) layer(field string) string {
	if from := f.Model.From[field]; from != "" {
		return from
	}
	return "the card"
}

func (f *finder) take(name string) {
	f.open = slices.DeleteFunc(f.open, func(v onnx.Value) bool { return v.Name == name })
}

// findOutput takes the output that the card names, or the only one that can be the prediction: one shaped as an input.
func (f *finder) findOutput() bool {
	outputs := f.Model.Info.Outputs
	if f.Card.Output != nil && f.Card.Output.Name != "" {
		out, ok := f.Model.Info.Output(f.Card.Output.Name)
		if !ok {
			names := valueNames(outputs)
			f.ask("output", names, "%s names output %q, and the graph has no such output%s", f.layer("output"), f.Card.Output.Name, nearest.Hint(f.Card.Output.Name, names))
			return false
		}
		f.output = out
		return f.isFloat(out, "output")
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
	}
	f.ask("output", described(outputs), "which of the graph's %d outputs is the prediction is not known", len(outputs))
	return false
}

func (f *finder) isFloat(v onnx.Value, field string) bool {
	if slices.Contains([]onnx.DType{onnx.Float32, onnx.Float16, onnx.Float64}, v.Type) {
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
	sliced := f.Card.Output != nil && f.Card.Output.Channels != nil
	for i, dim := range in.Shape {
		if dim.IsFree() || out.Shape[i].IsFree() || dim.Size == out.Shape[i].Size {
			continue
		}
		if channels := f.Card.Output; sliced && i > 0 && dim.Size == int64(channels.Channels[1]-channels.Channels[0]) {
			sliced = false // one axis may be cut to size
			continue
		}
		return false
	}
	return true
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

// settleShape finds one sample's shape and the batch, from the state, the output and the card.
func (f *finder) settleShape() bool {
	in, given := f.state, f.Card.Shape
	dims := in.Shape
	batched := true
	switch {
	case !in.Known() && given == nil:
		f.problem("shape", "the graph does not tell the shape of input %q", in.Name)
		return false
	case !in.Known():
		dims = []onnx.Dim{onnx.Free("")}
		for _, size := range given {
			dims = append(dims, onnx.Fixed(int64(size)))
		}
	case given != nil && len(given) == len(dims):
		batched = false // the whole input is one sample
		f.Batch = 1
	case given != nil && len(given) != len(dims)-1:
		f.problem("shape", "a sample of shape %v does not fit input %q, %s, whose first axis is the batch", given, in.Name, in.ShapeString())
		return false
	}
	row := dims
	if batched {
		row = dims[1:]
		if !dims[0].IsFree() {
			f.Batch = int(dims[0].Size)
		}
	}
	shape := make([]int, len(row))
	for i, dim := range row {
		axis := len(dims) - len(row) + i
		switch {
		case !dim.IsFree() && given != nil && int64(given[i]) != dim.Size:
			f.problem("shape", "a sample of shape %v does not fit input %q, %s", given, in.Name, in.ShapeString())
			return false
		case !dim.IsFree():
			shape[i] = int(dim.Size)
		case given != nil:
			shape[i] = given[i]
		case len(f.output.Shape) == len(dims) && !f.output.Shape[axis].IsFree() && (f.Card.Output == nil || f.Card.Output.Channels == nil):
			shape[i] = int(f.output.Shape[axis].Size)
		default:
			f.problem("shape", "input %q is %s: the graph leaves the shape of a sample open", in.Name, in.ShapeString())
			return false
		}
	}
	if n, ok := product(shape); !ok || n < 1 || f.Batch < 0 || f.Batch > 1<<20 {
		f.problem("shape", "input %q is %s, which is no size that samples can have", in.Name, in.ShapeString())
		return false
	}
	f.Shape = shape
	f.State = Port{Name: in.Name, Type: in.Type, Batched: batched, Row: shape}
	return true
}

// settleOutput compares the output with the state, and cuts its channels.
func (f *finder) settleOutput() {
	out := f.output
	f.Output = Port{Name: out.Name, Type: out.Type, Batched: f.State.Batched, Row: f.Shape}
	var channels *[2]int
	if f.Card.Output != nil {
		channels = f.Card.Output.Channels
	}
	row := out.Shape
	if out.Known() && f.State.Batched {
		if len(row) == 0 {
			f.problem("output", "output %q is a single number, and the state has shape %v", out.Name, f.Shape)
			return
		}
		row = row[1:]
	}
	if channels != nil {
		f.settleSlice(row, *channels)
		return
	}
	if !out.Known() {
		return
	}
	same := len(row) == len(f.Shape)
	want, have := 1, 1
	for i := range row {
		if row[i].IsFree() {
			have = -1
			continue
		}
		if have >= 0 {
			have *= int(min(row[i].Size, 1<<20))
		}
		same = same && int(row[i].Size) == f.Shape[i]
	}
	want, _ = product(f.Shape)
	switch {
	case same:
	case have == want: // another shape of as many numbers, such as a picture as one row
		f.Output.Row = make([]int, len(row))
		for i := range row {
			f.Output.Row[i] = int(row[i].Size)
		}
	default:
		f.problem("output", "output %q is %s, and the state %q has samples of shape %v; where the output carries more than the prediction, name its channels",
			out.Name, out.ShapeString(), f.State.Name, f.Shape)
	}
}

// settleSlice finds the axis that carries channels by the layout.
func (f *finder) settleSlice(row []onnx.Dim, channels [2]int) {
	layout := f.Card.Layout
	if !layout.fits(len(f.Shape)) {
		layout, _ = guessLayout(f.Shape, f.Card)
	}
	axis, ok := layout.channelAxis(len(f.Shape))
	if !ok {
		f.problem("layout", "output.channels needs an axis of channels, and the layout %q of shape %v has none", layout, f.Shape)
		return
	}
	if n := channels[1] - channels[0]; n != f.Shape[axis] {
		f.problem("output", "output.channels [%d, %d] are %d, and the state has %d (shape %v, layout %s)", channels[0], channels[1], n, f.Shape[axis], f.Shape, layout)
		return
	}
	total := int64(0) // a run will tell
	if len(row) == len(f.Shape) && !row[axis].IsFree() {
		total = min(row[axis].Size, wholeLimit)
		if int64(channels[1]) > total {
			f.problem("output", "output.channels [%d, %d] go beyond the %d channels of output %q, %s", channels[0], channels[1], total, f.output.Name, f.output.ShapeString())
			return
		}
	}
	f.Output.Row = slices.Clone(f.Shape)
	f.Output.Row[axis] = int(total)
	outer, _ := product(f.Shape[:axis])
	inner, _ := product(f.Shape[axis+1:])
	f.Slice = &Slice{Outer: outer, Channels: int(total), Inner: inner, From: channels[0], To: channels[1]}
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
	}
	if names.Label == "" {
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
	case len(fit) > 1 && len(fit) == 2:
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

// isOneHot says whether an input is [n, K] with room for the card's classes.
func (f *finder) isOneHot(v onnx.Value) bool {
	if !v.Known() || len(v.Shape) != 2 || v.Shape[1].Size < 2 {
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
		if f.Card.Labels != nil {
			f.ask("inputs.label", described(f.candidates(func(onnx.Value) bool { return true })), "the card speaks of labels, and which input takes them is not known")
		}
		return onnx.Value{}
	}
	f.take(pick.Name)
	return pick
}

// port settles the batch axis of an input for time or classes. One number for all samples ([] or [1]) has none.
func (f *finder) port(v onnx.Value, field string) *Port {
	if !v.Known() {
		f.problem(field, "the graph does not tell the shape of input %q; export it again with shapes", v.Name)
		return nil
	}
	if !v.Type.IsFloat() && !v.Type.IsInteger() {
		f.problem(field, "input %q is %s, and time and classes are numbers", v.Name, v)
		return nil
	}
	p := &Port{Name: v.Name, Type: v.Type}
	dims := v.Shape
	if len(dims) == 0 && field == "inputs.label" && !f.fix(1, v) { // one class for a whole call
		return nil
	}
	if len(dims) > 0 && (dims[0].IsFree() || field == "inputs.label" || dims[0].Size == int64(f.Batch) || dims[0].Size > 1) {
		p.Batched = true
		if k := dims[0]; !k.IsFree() && !f.fix(int(k.Size), v) {
			return nil
		}
		dims = dims[1:]
	}
	for _, d := range dims {
		if d.IsFree() {
			if field != "inputs.time" {
				f.problem(field, "input %q is %s: the graph leaves its size open; export it again with a fixed one", v.Name, v.ShapeString())
				return nil
			}
			d.Size = 1
		}
		p.Row = append(p.Row, int(d.Size))
	}
	if _, ok := product(p.Row); !ok {
		f.problem(field, "input %q is %s, which is no size that an input can have", v.Name, v.ShapeString())
		return nil
	}
	return p
}

// fix makes the batch k, unless it is fixed to another size.
func (f *finder) fix(k int, v onnx.Value) bool {
	if k < 1 || (f.Batch != 0 && f.Batch != k) {
		f.problem("inputs.state", "the batch is %d in input %q and %d in input %q, %s", f.Batch, f.State.Name, k, v.Name, v.ShapeString())
		return false
	}
	f.Batch = k
	return true
}

// settleExtras gives every further input its value.
func (f *finder) settleExtras() {
	for _, v := range f.open {
		set, given := f.sets[v.Name]
		if !given || set.Value == nil {
			f.problem("constants", "input %q, %s, has no role and no value", v.Name, v)
			continue
		}
		extra, err := f.extra(v, set)
		if err != nil {
			f.problem("constants", "input %q, %s: %s", v.Name, v, err)
			continue
		}
		f.Extras = append(f.Extras, extra)
	}
	names := valueNames(f.Model.Info.Inputs)
	for name := range f.sets {
		if !slices.Contains(names, name) {
			f.ask("constants", names, "a value is given for input %q, and the graph has no such input%s", name, nearest.Hint(name, names))
		} else if !slices.ContainsFunc(f.open, func(v onnx.Value) bool { return v.Name == name }) {
			f.problem("constants", "a value is given for input %q, which has a role already", name)
		}
	}
}

// extra fits a value to its input: one number for everything, one sample's value for all, or a row a sample.
func (f *finder) extra(v onnx.Value, set Set) (Extra, error) {
	if !(v.Type.IsFloat() || v.Type.IsInteger() || v.Type == onnx.Bool) || !v.Known() {
		return Extra{}, fmt.Errorf("only tensors of numbers with a stated rank can be given")
	}
	e := Extra{Port: Port{Name: v.Name, Type: v.Type, Batched: f.hasBatch(v)}, Value: *set.Value, Null: set.Null, Rows: 1}
	dims := v.Shape
	if e.Port.Batched {
		dims = dims[1:]
	}
	var err error
	if e.Port.Row, e.Rows, err = fitArray(e.Value, dims, e.Port.Batched); err != nil {
		return Extra{}, err
	}
	if err := representable(v.Type, e.Value); err != nil {
		return Extra{}, err
	}
	if e.Null == nil {
		return e, nil
	}
	if err := representable(v.Type, *e.Null); err != nil {
		return Extra{}, fmt.Errorf("--set-null: %w", err)
	}
	row, rows, err := fitArray(*e.Null, dims, e.Port.Batched)
	switch {
	case err != nil:
		return Extra{}, fmt.Errorf("--set-null: %w", err)
	case len(e.Null.Shape) > 0 && !slices.Equal(row, e.Port.Row):
		return Extra{}, fmt.Errorf("--set-null gives shape %v a sample, and --set %v", row, e.Port.Row)
	case rows != 1 && rows != e.Rows:
		return Extra{}, fmt.Errorf("--set-null has %d rows, and --set %d", rows, e.Rows)
	}
	return e, nil
}

// representable says whether an integer type holds every number.
func representable(t onnx.DType, a Array) error {
	if !t.IsInteger() {
		return nil
	}
	bits := 8*t.Size() - 1
	least := -math.Ldexp(1, bits)
	if slices.Contains([]onnx.DType{onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64}, t) {
		least, bits = 0, bits+1
	}
	for _, x := range a.Data {
		if x != math.Trunc(x) || x < least || x >= math.Ldexp(1, bits) {
			return fmt.Errorf("found %g, expected whole numbers that %s holds", x, t)
		}
	}
	return nil
}

// batchNames are what exporters call the axis of samples, where two inputs' names for it differ.
var batchNames = []string{"", "batch", "batch_size", "batchsize", "bs", "b", "n", "num_samples"}

func (f *finder) hasBatch(v onnx.Value) bool {
	if len(v.Shape) == 0 || !f.State.Batched {
		return false
	}
	own := v.Shape[0]
	if !own.IsFree() {
		return f.Batch > 0 && own.Size == int64(f.Batch)
	}
	state := ""
	if f.state.Known() {
		state = f.state.Shape[0].Name
	}
	return own.Name == state || (slices.Contains(batchNames, strings.ToLower(own.Name)) && slices.Contains(batchNames, strings.ToLower(state)))
}

// fitArray finds the shape of one sample's share, whose free sizes the array settles, and how many rows it has.
func fitArray(a Array, dims []onnx.Dim, batched bool) (row []int, rows int, err error) {
	if err := a.check(); err != nil {
		return nil, 0, err
	}
	shape, rows := a.Shape, 1
	if len(shape) == 0 {
		for _, d := range dims {
			if d.IsFree() {
				return nil, 0, fmt.Errorf("one number cannot fill an input whose size the graph leaves open; give an array")
			}
			row = append(row, int(d.Size))
		}
		if _, ok := product(row); !ok {
			return nil, 0, fmt.Errorf("it is larger than memory")
		}
		return row, 1, nil
	}
	if batched && len(shape) == len(dims)+1 {
		shape, rows = shape[1:], shape[0]
	}
	fits := len(shape) == len(dims)
	for i := range dims {
		fits = fits && (dims[i].IsFree() || dims[i].Size == int64(shape[i]))
	}
	if !fits || rows < 1 {
		return nil, 0, fmt.Errorf("found a value of shape %v", a.Shape)
	}
	return shape, rows, nil
}
