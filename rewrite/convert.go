package rewrite

import (
	"encoding/json"
	"errors"
	"fmt"

	"odeon/models"
	"odeon/onnx"
	"odeon/schedule"
)

// Target is what a network is to become. The zero value leaves it what it is.
type Target struct {
	Predictions []models.Prediction // what it is to predict, an output each; none: what it predicts
	Path        json.RawMessage     // as a card gives it; nil: its own
}

// Converted is a network rewritten, ready to be written.
type Converted struct {
	Graph *onnx.Graph
	Card  *models.Card
	Entry *Entry // for the history; nil where the network was what is asked for already

	change *change
	safe   span
	dim    int // elements of one state
}

// Convert rewrites a resolved network by nodes around its own, to which the source is opened.
//
// The new network is fed t on a formula path and the index on a table; the number that its own network wants is computed inside, as is
// the card's scale. It computes, with the state x and its own network's result p,
//
//	q = X x + P p
//
// for each sample, X and P in float64 by one 2x2 solve (see [schedule.Symbolize]), or from a table where the index is a whole number.
// Across paths, x_A = s x is what its own network is fed, at the time at which its path has the same noise level.
func Convert(r *models.Resolved, source *onnx.Source, to Target) (*Converted, error) {
	if err := r.Err("prediction", "path", "time", "scale", "start", "shape", "output", "inputs.state", "inputs.time", "inputs.label"); err != nil {
		return nil, err
	}
	onto, raw := r.Path, r.Card.Path
	if to.Path != nil {
		var err error
		if onto, err = schedule.PathFromJSON(to.Path); err != nil {
			return nil, err
		}
		raw = to.Path
	}
	if len(to.Predictions) == 0 {
		if p := r.Card.Prediction; p.Name == "" && onto.String() != r.Path.String() {
			return nil, fmt.Errorf("%s: the prediction %s is written in the variables of its own path: say what to predict along %s", r.Model.Path(), r.Prediction, pathText(onto))
		}
		to.Predictions = []models.Prediction{*r.Card.Prediction}
	}
	c, err := newChange(r, to.Predictions, onto)
	if err != nil {
		return nil, err
	}
	safe, err := c.safe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Model.Path(), err)
	}
	out := &Converted{Graph: onnx.Extend(source), Card: r.Card, change: c, safe: safe, dim: elements(r.Shape)}
	if c.none() {
		return out, nil
	}
	if version := out.Graph.Opset(); version < oldestOpset {
		return nil, fmt.Errorf("%s: its operator set is %d, and nodes can be added from %d on; export it again with a newer one", r.Model.Path(), version, oldestOpset)
	}
	w := writer{g: out.Graph, r: r, c: c}
	names, err := w.write()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Model.Path(), err)
	}
	out.Card = w.card(names, to.Predictions, raw)
	out.Entry = c.entry(safe)
	return out, nil
}

// oldestOpset is the operator set from which on the operators that are added have the form in which they are added.
const oldestOpset = 13

// writer adds the nodes of a change to a network's graph.
type writer struct {
	g *onnx.Graph
	r *models.Resolved
	c *change

	state, clock string   // the inputs' names; clock is "" where the network is not told the time
	x            onnx.Ref // the state as given
}

// write rewrites the graph, and returns the outputs' names, one for each prediction.
func (w *writer) write() (outputs []string, err error) {
	p, ok := w.g.Value(w.r.Output.Name)
	if !ok {
		return nil, fmt.Errorf("the graph has no value %q", w.r.Output.Name)
	}
	k, err := w.coefficients()
	if err != nil {
		return nil, err
	}
	w.feedState(k.scale)
	itself := func(i int) bool {
		return k.x[i].is(0) && k.p[i].is(1) && w.r.Slice == nil && w.r.Output.Type != onnx.Float16
	}
	kept := false
	for i := range w.c.to {
		kept = kept || itself(i)
	}
	if !kept {
		w.g.DropOutput(string(p))
	}
	for i, q := range w.c.to {
		if itself(i) {
			outputs = append(outputs, w.r.Output.Name)
			continue
		}
		name := nameOf(q, "prediction")
		if inner, taken := w.g.Value(name); taken && !(kept && inner == p) {
			renamed := w.g.Rename(name, w.g.Unused("network_"+name))
			if inner == p {
				p = renamed
			}
		}
		name = w.g.Unused(name)
		w.combine(name, k.x[i], k.p[i], w.prediction(p))
		outputs = append(outputs, name)
	}
	return outputs, nil
}

// nameOf is a prediction's name, or what a functional is called.
func nameOf(p schedule.Prediction, functional string) string {
	if _, err := schedule.ParsePrediction(p.String()); err != nil {
		return functional
	}
	return p.String()
}

// coefficients reads the clock, has the network fed what it wants, and computes the moment.
func (w *writer) coefficients() (*coefficients, error) {
	port := w.r.Clock
	discrete, _ := w.c.onto.(*schedule.Discrete)
	whole := discrete != nil && w.c.integer
	old := onnx.Value{Type: onnx.Float32, Shape: []onnx.Dim{onnx.Fixed(1)}}
	if w.r.State.Batched {
		old.Shape = w.stateDims()[:1]
	}
	if port != nil {
		old, _ = w.r.Model.Info.Input(port.Name)
	}
	dtype := old.Type
	if !whole && dtype != onnx.Float64 {
		dtype = onnx.Float32 // half precision and whole numbers are too coarse for a time
	}
	same := port != nil && dtype == old.Type && !w.c.across && w.c.time.String() == clockOf(w.c.onto)
	var clock, inner onnx.Ref
	switch {
	case same:
		w.clock = port.Name
		clock, _ = w.g.Value(port.Name)
	case port != nil:
		w.clock = port.Name
		inner = w.g.Rename(port.Name, w.g.Unused("network_"+port.Name))
		clock = w.g.Input(w.clock, dtype, old.Shape...)
	case w.timeless():
	default:
		w.clock = w.g.Unused(clockOf(w.c.onto))
		clock = w.g.Input(w.clock, dtype, old.Shape...)
	}
	if clock == onnx.None {
		return w.c.constants()
	}
	perSample := []int64{-1} // of the rank of the state, so that coefficients multiply it sample by sample
	for range w.stateDims()[1:] {
		perSample = append(perSample, 1)
	}
	column := w.g.Node("Reshape", clock, integers(w.g, perSample...))
	var k *coefficients
	if whole {
		k = w.c.tabled(w.g, discrete, as(w.g, column, onnx.Int64))
	} else {
		k = w.c.computed(w.g, as(w.g, column, onnx.Float64))
	}
	if inner != onnx.None {
		w.g.Feed(string(inner), w.clockValue(k.input, old.Type, clock))
	}
	return k, nil
}

// timeless says whether no coefficient depends on time, so that a network without a clock needs none.
func (w *writer) timeless() bool {
	_, err := w.c.constants()
	return err == nil
}

// constants are the coefficients of a change that is the same at all times.
func (c *change) constants() (*coefficients, error) {
	k := c.newCoefficients()
	k.scale.constant = 1
	if c.across || c.scale != nil {
		return nil, errors.New("it depends on time")
	}
	names := schedule.SymbolicVariables()
	zeros := make([]float64, len(names))
	for i, s := range c.solutions {
		for _, name := range names {
			if s.X.Uses(name) || s.P.Uses(name) {
				return nil, errors.New("it depends on time")
			}
		}
		k.x[i].constant, k.p[i].constant = s.X.Eval(zeros...), s.P.Eval(zeros...)
	}
	return k, nil
}

// clockValue is the number that the own network is fed, in the type and shape of its input.
func (w *writer) clockValue(input coefficient, dtype onnx.DType, clock onnx.Ref) onnx.Ref {
	v := input.in(w.g)
	if dtype.IsInteger() {
		v = w.g.Node("Round", v) // halves to even, as in package sampler
	}
	if dtype == onnx.Float16 {
		v = as(w.g, v, onnx.Float32)
	}
	v = as(w.g, v, dtype)
	shape := w.g.Node("Shape", clock)
	if input.ref == onnx.None {
		return w.g.Node("Expand", v, shape)
	}
	return w.g.Node("Reshape", v, shape)
}

// stateDims are the state's axes, the batch first.
func (w *writer) stateDims() []onnx.Dim {
	if in, ok := w.r.Model.Info.Input(w.r.State.Name); ok && in.Known() {
		return in.Shape
	}
	dims := []onnx.Dim{onnx.Free("n")}
	for _, size := range w.r.State.Row {
		dims = append(dims, onnx.Fixed(int64(size)))
	}
	return dims
}

// feedState settles what x is, and feeds the own network x times scale.
func (w *writer) feedState(scale coefficient) {
	port := w.r.State
	w.state = port.Name
	half := port.Type == onnx.Float16
	if scale.is(1) && !half {
		w.x, _ = w.g.Value(port.Name)
		return
	}
	dtype := port.Type
	if half {
		dtype = onnx.Float32 // x itself is not rounded, as it is not in memory
	}
	inner := w.g.Rename(port.Name, w.g.Unused("network_"+port.Name))
	w.x = w.g.Input(w.state, dtype, w.stateDims()...)
	fed := w.x
	if !scale.is(1) {
		fed = w.g.Node("Mul", fed, as(w.g, scale.in(w.g), dtype))
	}
	if half {
		fed = as(w.g, fed, onnx.Float16)
	}
	w.g.Feed(string(inner), fed)
}

// prediction is the part of the output that is the prediction, in the state's shape.
func (w *writer) prediction(p onnx.Ref) onnx.Ref {
	if s := w.r.Slice; s != nil {
		p = sliced(w.g, p, 0, s)
	} else if out, _ := w.r.Model.Info.Output(w.r.Output.Name); out.Known() && len(out.Shape) == len(w.stateDims()) && len(w.r.Output.Row) == len(w.r.Shape) {
		return p
	}
	return w.g.Node("Reshape", p, w.g.Node("Shape", w.x))
}

// combine makes X x + P p an output. Near an end of a path X x and P p are large and nearly cancel, so that the sum is formed in float64.
func (w *writer) combine(name string, x, p coefficient, prediction onnx.Ref) {
	have, dtype := w.r.Output.Type, onnx.Float32
	if w.r.State.Type == onnx.Float64 {
		dtype = onnx.Float64
	}
	times := func(k coefficient, v onnx.Ref) onnx.Ref {
		if k.is(1) {
			return v
		}
		return w.g.Node("Mul", k.in(w.g), v)
	}
	var q onnx.Ref
	if x.is(0) && (p.is(1) || p.is(-1)) {
		q = cast(w.g, prediction, have, dtype)
		if p.is(-1) {
			q = w.g.Node("Neg", q, onnx.As(name))
		}
	} else {
		q = times(p, cast(w.g, prediction, have, onnx.Float64))
		if !x.is(0) {
			q = w.g.Node("Add", times(x, cast(w.g, w.x, dtype, onnx.Float64)), q)
		}
		q = cast(w.g, q, onnx.Float64, dtype, onnx.As(name))
	}
	w.g.Output(name, q, dtype, w.stateDims()...)
}
