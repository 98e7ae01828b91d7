package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"odeon/graph"
	"odeon/internal/machine"
	"odeon/onnx"
)

// Go is the provider that needs no library: package graph reads the network and computes it. It is meant for small
// networks, and knows the operators that [graph.Read] knows.
const Go = "go"

// Interpreted is a network that Go computes. A graph is for one size of the batch, so there is one for each size asked for,
// all on the same weights. Any number of workers may share it.
type Interpreted struct {
	source *onnx.Source
	name   string
	ports  map[string]Port // inputs whose shapes are known
	fixed  int             // the network's own batch; 0: free
	want   []string        // outputs, in the order in which runs write them

	mu      sync.Mutex
	graphs  map[int]*interpretedGraph // by batch
	weights map[string][]float32      // by their names, as they were first read
}

type interpretedGraph struct {
	graph   *graph.Graph
	weights []*graph.Array
}

// interpret opens a network for Go to compute. It is read for its usual batch at once, so that an operator that is not
// known is told before anything runs.
func interpret(source *onnx.Source, ports []Port, fixed int, want []string, options map[string]string) (*Interpreted, error) {
	s := &Interpreted{
		source: source, name: source.Info().File, ports: map[string]Port{}, fixed: fixed, want: want,
		graphs: map[int]*interpretedGraph{}, weights: map[string][]float32{},
	}
	for _, p := range ports {
		s.ports[p.Name] = p
	}
	var err error
	if len(options) > 0 {
		err = errors.New("the provider go has no options (--provider-option)")
	} else {
		_, err = s.graph(max(1, fixed))
	}
	if err != nil {
		s.Destroy()
		return nil, err
	}
	return s, nil
}

// Provider is "go".
func (s *Interpreted) Provider() string { return Go }

// Note is empty: nothing was chosen.
func (s *Interpreted) Note() string { return "" }

// Destroy lets go of the file and the weights. Calling it again does nothing.
func (s *Interpreted) Destroy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graphs, s.weights = nil, nil
	s.source.Close()
}

// graph is the network for one size of the batch.
func (s *Interpreted) graph(batch int) (*interpretedGraph, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.graphs == nil {
		return nil, fmt.Errorf("%s: run after the session was destroyed", s.name)
	}
	if known := s.graphs[batch]; known != nil {
		return known, nil
	}
	shapes := map[string]graph.Shape{}
	for name, p := range s.ports {
		shape := graph.Shape{}
		for _, n := range p.shape(batch) {
			shape = append(shape, int(n))
		}
		shapes[name] = shape
	}
	g, weights, err := graph.ReadAgain(s.source, shapes, batch, s.weights)
	if err != nil {
		if read, ok := errors.AsType[*graph.ReadError](err); ok {
			err = fmt.Errorf("%w; what Go itself cannot compute, ONNX Runtime does: --provider cpu", read)
		}
		return nil, err
	}
	have := machine.Memory()
	for _, v := range g.Values {
		if need := 4 * float64(v.Shape.Count(1)); need > have {
			return nil, fmt.Errorf("%s: its graph has an array of shape %v, %.1f GB, and this machine has %.1f GB of memory; give a smaller --batch", s.name, v.Shape, need/1e9, have/1e9)
		}
	}
	outputs := g.Outputs
	g.Outputs = nil
	for _, name := range s.want {
		i := slices.IndexFunc(outputs, func(o graph.Output) bool { return o.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s: has no output %q", s.name, name)
		}
		g.Outputs = append(g.Outputs, outputs[i])
	}
	made := &interpretedGraph{graph: g}
	for i, p := range g.Parameters {
		s.weights[p.Name] = weights[i]
		made.weights = append(made.weights, &graph.Array{Shape: p.Shape, Floats: weights[i]})
	}
	s.graphs[batch] = made
	return made, nil
}

// goRunner runs a graph in Go.
type goRunner struct {
	session   *Interpreted
	ctx       context.Context
	executors map[int]*goExecutor // by batch
}

// goExecutor computes a graph for one size of the batch.
type goExecutor struct {
	graph.Executor
	graph           *graph.Graph
	inputs, outputs []*graph.Array // the inputs with the weights behind them
}

// goTensor is a buffer in the form in which a graph's values are. Those of float32 and int64 are the buffer itself.
type goTensor struct {
	buffer buffer
	array  *graph.Array
}

func (*goTensor) Destroy() {}

func (r *goRunner) bind(ctx context.Context) error {
	r.ctx = ctx
	return nil
}

func (r *goRunner) wrap(b buffer, shape []int64) (tensor, error) {
	sizes := make([]int, len(shape))
	n := 1
	for i, size := range shape {
		sizes[i] = int(size)
		n *= sizes[i]
	}
	a := &graph.Array{Shape: sizes}
	switch b := b.(type) {
	case numbers[float32]:
		a.Floats = b
	case numbers[int64]:
		a.Ints = b
	case numbers[float64], *halves:
		a.Floats = make([]float32, n)
	default:
		a.Ints = make([]int64, n)
	}
	return &goTensor{b, a}, nil
}

// read brings the buffer's numbers into the array.
func (t *goTensor) read() {
	switch b := t.buffer.(type) {
	case numbers[float32], numbers[int64]:
	case numbers[float64], *halves:
		b.get(t.array.Floats, 0)
	case truths:
		for i, v := range b {
			t.array.Ints[i] = 0
			if v {
				t.array.Ints[i] = 1
			}
		}
	case wholeNumbers:
		b.ints(t.array.Ints)
	}
}

// write brings the array's numbers into the buffer.
func (t *goTensor) write() {
	if _, same := t.buffer.(numbers[float32]); !same && t.array.Floats != nil {
		t.buffer.put(0, t.array.Floats, 1, 0)
	}
}

// wholeNumbers is a buffer of whole numbers.
type wholeNumbers interface{ ints(dst []int64) }

func (b numbers[T]) ints(dst []int64) {
	for i, x := range b {
		dst[i] = int64(x)
	}
}

// executor is the one for the batch that the inputs have.
func (r *goRunner) executor(inputs []tensor) (*goExecutor, error) {
	batch := max(1, r.session.fixed)
	for i, in := range r.session.source.Info().Inputs {
		if p, ok := r.session.ports[in.Name]; ok && p.Batched && r.session.fixed == 0 {
			batch = inputs[i].(*goTensor).array.Shape[0]
		}
	}
	if e := r.executors[batch]; e != nil {
		return e, nil
	}
	g, err := r.session.graph(batch)
	if err != nil {
		return nil, err
	}
	inner, err := graph.Interpret(g.graph, batch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.session.name, err)
	}
	e := &goExecutor{
		Executor: inner, graph: g.graph,
		inputs:  append(make([]*graph.Array, len(inputs)), g.weights...),
		outputs: make([]*graph.Array, len(g.graph.Outputs)),
	}
	if r.executors == nil {
		r.executors = map[int]*goExecutor{}
	}
	r.executors[batch] = e
	return e, nil
}

func (r *goRunner) run(inputs, outputs []tensor) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	e, err := r.executor(inputs)
	if err != nil {
		return err
	}
	for i, t := range inputs {
		t := t.(*goTensor)
		t.read()
		e.inputs[i] = t.array
	}
	for i, t := range outputs {
		array := t.(*goTensor).array
		if want := e.graph.Outputs[i].Value.Shape; want.Count(1) != len(array.Floats) {
			return fmt.Errorf("%s: output %q has shape %v, expected %v", r.session.name, e.graph.Outputs[i].Name, want, array.Shape)
		}
		e.outputs[i] = array
	}
	if err := e.Run(r.ctx, e.outputs, e.inputs); err != nil {
		if done := r.ctx.Err(); done != nil {
			return done
		}
		return fmt.Errorf("%s: %w", r.session.name, err)
	}
	for _, t := range outputs {
		t.(*goTensor).write()
	}
	return nil
}

func (r *goRunner) outputShapes(inputs []tensor) ([][]int64, error) {
	e, err := r.executor(inputs)
	if err != nil {
		return nil, err
	}
	shapes := make([][]int64, len(e.graph.Outputs))
	for i, o := range e.graph.Outputs {
		for _, n := range o.Value.Shape {
			shapes[i] = append(shapes[i], int64(n))
		}
	}
	return shapes, nil
}

func (r *goRunner) close() {
	for _, e := range r.executors {
		e.Close()
	}
	r.executors = nil
}
