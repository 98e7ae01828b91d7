package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"odeon/onnx"
)

// Compile makes an executor of the graph on ONNX Runtime, for batches of one size. Numbers too small to be normal are taken for
// zero: dying units make them by the thousand, and each costs as much as a hundred others.
//
// The executor works on the arrays themselves: nothing is copied, and an array that it has seen before costs nothing. So a state that
// is an input of one run and an output of the next is two lists of arrays that change places. Runs must not overlap.
func Compile(rt *onnx.Runtime, g *Graph, batch int, o onnx.SessionOptions) (Executor, error) {
	if batch < 1 {
		return nil, fmt.Errorf("graph: a batch of %d, at least 1 is expected", batch)
	}
	w, err := compile(g, batch, targetOf(rt, g, o))
	if err != nil {
		return nil, err
	}
	model, err := w.out.Bytes()
	if err != nil {
		return nil, err
	}
	settings := map[string]string{"session.set_denormal_as_zero": "1", "optimization.disable_specified_optimizers": unwanted}
	maps.Copy(settings, o.ProviderOptions)
	o.ProviderOptions = settings
	return load(rt, w, model, o)
}

// unwanted are optimizations of ONNX Runtime. It would put transpositions back into products that are faster without; and a fused
// layer normalization loses the deviation that a gradient needs.
const unwanted = "GemmTransposeFusion;SkipLayerNormFusion;LayerNormFusion;LayerNormFusionL2"

// compile writes a graph for batches of one size: its parameters are inputs, its flags go in and out as integers.
func compile(g *Graph, batch int, t target) (*writer, error) {
	g = tidy(g)
	if t.block > 0 {
		g = subpixel(g)
	}
	w, err := newWriter(g, "graph")
	if err != nil {
		return nil, err
	}
	w.batch, w.target = batch, t
	if t.fused {
		w.out.Import("com.microsoft", 1)
	}
	if t.block > 0 {
		w.out.Import("com.microsoft.nchwc", 1)
	}
	maps.DeleteFunc(w.names, func(v *Value, _ string) bool { return v.Type == onnx.Bool }) // that is the name of its Cast
	for _, v := range w.feeds() {
		w.wideInput(v)
	}
	err = w.write(func(o Output, r onnx.Ref) {
		t := o.Value.Type
		if t == onnx.Bool {
			t = onnx.Int64
			r = w.out.Node("Cast", r, onnx.Int("to", int64(t)), onnx.As(o.Name))
		}
		w.out.Output(o.Name, r, t, w.dims(o.Value.Shape)...)
	})
	return w, err
}

// feeds are the values that a run is given, in their order.
func (w *writer) feeds() []*Value { return slices.Concat(w.graph.Inputs, w.graph.Parameters) }

// wideInput adds an input as an Array holds it: flags as integers.
func (w *writer) wideInput(v *Value) {
	if v.Type != onnx.Bool {
		w.input(v)
		return
	}
	wide := w.out.Input(v.Name, onnx.Int64, w.dims(v.Shape)...)
	w.refs[v] = w.node(nil, "Cast", wide, onnx.Int("to", int64(onnx.Bool)))
}

// compiled is an executor on ONNX Runtime.
type compiled struct {
	feeds   []*Value // what each input is for
	fetches []Output
	batch   int
	session *onnx.Session

	ctx     context.Context // of the call
	call    *onnx.Call
	tensors map[*Array]*tensor
	run     int // number of the present run

	inputs, outputs []*onnx.Tensor
}

// tensor is what was made of an array.
type tensor struct {
	*onnx.Tensor
	data unsafe.Pointer // where the array's elements were
	used int            // number of the last run
}

// load makes an executor of a model that compile wrote.
func load(rt *onnx.Runtime, w *writer, model []byte, o onnx.SessionOptions) (*compiled, error) {
	c := &compiled{feeds: w.feeds(), fetches: w.graph.Outputs, batch: w.batch, tensors: map[*Array]*tensor{}}
	var inputs, outputs []string
	for _, v := range c.feeds {
		inputs = append(inputs, v.Name)
	}
	for _, o := range c.fetches {
		outputs = append(outputs, o.Name)
	}
	var err error
	c.session, err = rt.NewSessionBytes("graph", model, inputs, outputs, o)
	return c, err
}

// Run is [Executor.Run]; when ctx ends, a run stops within milliseconds.
func (c *compiled) Run(ctx context.Context, outputs, inputs []*Array) error {
	if len(inputs) != len(c.feeds) || len(outputs) != len(c.fetches) {
		return fmt.Errorf("graph: run with %d inputs and %d outputs, the graph has %d and %d", len(inputs), len(outputs), len(c.feeds), len(c.fetches))
	}
	c.run++
	c.inputs, c.outputs = c.inputs[:0], c.outputs[:0]
	for i, v := range c.feeds {
		t, err := c.tensor(v, v.Name, inputs[i])
		if err != nil {
			return err
		}
		c.inputs = append(c.inputs, t)
	}
	for i, o := range c.fetches {
		t, err := c.tensor(o.Value, o.Name, outputs[i])
		if err != nil {
			return err
		}
		c.outputs = append(c.outputs, t)
	}
	if c.ctx != ctx {
		if c.call != nil {
			c.call.Destroy()
			c.call = nil
		}
		call, err := c.session.NewCall(ctx)
		if err != nil {
			return err
		}
		c.ctx, c.call = ctx, call
	}
	err := c.call.Run(c.inputs, c.outputs)
	c.forget()
	return err
}

// tensor is an array as ONNX Runtime takes it.
func (c *compiled) tensor(v *Value, name string, a *Array) (*onnx.Tensor, error) {
	shape := v.Shape.For(c.batch)
	if !slices.Equal(shape, a.Shape) {
		return nil, fmt.Errorf("graph: %q is given an array of shape %v, %v is expected", name, a.Shape, shape)
	}
	data := unsafe.Pointer(unsafe.SliceData(a.Floats))
	if !v.Type.IsFloat() {
		data = unsafe.Pointer(unsafe.SliceData(a.Ints))
	}
	t := c.tensors[a]
	if t == nil || t.data != data {
		if t != nil {
			t.Destroy()
			delete(c.tensors, a)
		}
		var made *onnx.Tensor
		var err error
		if v.Type.IsFloat() {
			made, err = onnx.NewTensor(int64s(shape), a.Floats)
		} else {
			made, err = onnx.NewTensor(int64s(shape), a.Ints)
		}
		if err != nil {
			return nil, fmt.Errorf("graph: %q: %w", name, err)
		}
		t = &tensor{Tensor: made, data: data}
		c.tensors[a] = t
	}
	t.used = c.run
	return t.Tensor, nil
}

// forget lets go of arrays that have not been used lately, where there are many of them.
func (c *compiled) forget() {
	if len(c.tensors) <= 8*(len(c.inputs)+len(c.outputs)) {
		return
	}
	for a, t := range c.tensors {
		if t.used < c.run-2 {
			t.Destroy()
			delete(c.tensors, a)
		}
	}
}

// Close frees the session; no run may be under way.
func (c *compiled) Close() {
	if c.call != nil {
		c.call.Destroy()
	}
	for _, t := range c.tensors {
		t.Destroy()
	}
	c.session.Destroy()
}
