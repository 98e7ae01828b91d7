package train

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"odeon/graph"
	"odeon/onnx"
)

// A trainer takes training steps. Forward, loss and backward are a graph that executors run; clip, update and average are one
// pass in Go over the weights and what goes with them, which stay where they are.
//
// The second half could be nodes of the graph too. But it is arithmetic on a few numbers for each weight, some fourteen nodes that each
// walk through memory, and no runtime merges them: ONNX Runtime takes 14 ms of a processor for the 2.7 million weights of an
// MLP, and this loop takes 2. Besides, the moments and the average need not travel where the graph is executed on a GPU.
type trainer struct {
	optimizer Optimizer
	clip      float64 // 0: none
	layout    layout
	vectors   vectors

	workers    []*worker
	goroutines int
}

// vectors are what is carried from step to step, each as one long array over all parameters.
type vectors struct {
	weights []float32
	moments [][]float32
	average []float32 // nil: none
}

// A worker computes the gradients of its share of a batch, part by part.
type worker struct {
	executor graph.Executor
	weights  []*graph.Array // of all workers: they only read
	loss     *graph.Array
	vector   []float32 // the gradient of a part
	gradient []*graph.Array
	total    []float32 // the gradient of the share: the vector itself where that is one part
}

// An outcome is what is known of a step before it changes anything.
type outcome struct {
	loss float64
	norm float64 // of the gradient, before it is clipped
}

// gradients computes the loss of a batch and its gradient, which it leaves with the first worker. Each sample's loss is left in the batch.
func (t *trainer) gradients(ctx context.Context, b *batch) (outcome, error) {
	share := len(b.parts) / len(t.workers)
	losses := make([]float64, len(t.workers))
	var group errgroup.Group
	for i, w := range t.workers {
		group.Go(func() (err error) {
			losses[i], err = w.run(ctx, b.parts[i*share:(i+1)*share])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return outcome{}, err
	}
	var o outcome
	var others [][]float32
	for i, w := range t.workers {
		o.loss += losses[i]
		if i > 0 {
			others = append(others, w.total)
		}
	}
	o.norm = sum(t.workers[0].total, others, t.goroutines)
	return o, nil
}

// run computes a share of a batch.
func (w *worker) run(ctx context.Context, parts []boundPart) (loss float64, err error) {
	for k, p := range parts {
		// Forward, loss, backward.
		inputs := slices.Concat(p.inputs, w.weights)
		outputs := slices.Concat([]*graph.Array{w.loss, p.each}, w.gradient)
		if err := w.executor.Run(ctx, outputs, inputs); err != nil {
			return 0, err
		}
		loss += float64(w.loss.Floats[0])
		switch {
		case len(parts) == 1:
		case k == 0:
			copy(w.total, w.vector)
		default:
			add(w.total, w.vector)
		}
	}
	return loss, nil
}

// update takes step k = 1, 2, ... with the gradient that is there. The average goes the share towards of the way to the new
// weights.
func (t *trainer) update(o outcome, k int, rate, towards float64) {
	// Clip: the factor min(1, clip/norm). Pascanu, Mikolov and Bengio 2013, https://arxiv.org/abs/1211.5063, algorithm 1.
	clip := 1.
	if t.clip > 0 {
		clip = t.clip / max(t.clip, o.norm)
	}
	// Update and average.
	v := &t.vectors
	average := v.average
	if average == nil {
		average = v.weights
	}
	rule := t.optimizer.Rule.At(t.optimizer, k, rate)
	stretches(len(v.weights), t.goroutines, func(_, from, to int) {
		s := Stretch{Weights: v.weights[from:to], Gradient: t.workers[0].total[from:to], Average: average[from:to], Clip: float32(clip), Towards: float32(towards)}
		for _, m := range v.moments {
			s.Moments = append(s.Moments, m[from:to])
		}
		rule(s)
	})
}

// best are the weights to be used: the average, or where there is none the weights themselves.
func (t *trainer) best() []float32 {
	if t.vectors.average != nil {
		return t.vectors.average
	}
	return t.vectors.weights
}

// start sets the weights, and the average to the same.
func (t *trainer) start(weights [][]float32) {
	from := 0
	for i, w := range weights {
		if n := t.layout.shapes[i].Count(1); len(w) != n {
			panic(fmt.Sprintf("train: parameter %d of shape %v begins with %d numbers", i, t.layout.shapes[i], len(w)))
		}
		from += copy(t.vectors.weights[from:], w)
	}
	copy(t.vectors.average, t.vectors.weights)
}

// all are the vectors in the order of a checkpoint.
func (v *vectors) all() [][]float32 {
	list := append([][]float32{v.weights}, v.moments...)
	if v.average != nil {
		list = append(list, v.average)
	}
	return list
}

// engine makes executors of graphs.
type engine struct {
	runtime *onnx.Runtime
	options onnx.SessionOptions
}

// pure is the provider that needs no library.
const pure = "go"

// check is an error where there is nothing to compute with.
func (e engine) check() error {
	if e.runtime == nil && e.options.Provider != pure {
		return fmt.Errorf("train: provider %q needs ONNX Runtime, and none is given; the provider %q needs none", e.options.Provider, pure)
	}
	return nil
}

func (e engine) executor(g *graph.Graph, batch int) (graph.Executor, error) {
	if e.options.Provider == pure {
		return graph.Interpret(g, batch)
	}
	return graph.Compile(e.runtime, g, batch, e.options)
}

// threads is how many threads the engine may use.
func (e engine) threads() int {
	if e.options.Threads > 0 {
		return e.options.Threads
	}
	return runtime.NumCPU()
}

// newTrainer prepares steps with the gradientGraph g, on batches in workers times accumulate parts of size samples. What there is of the
// trainer comes with an error too, to be closed.
func newTrainer(e engine, g *graph.Graph, o Optimizer, clip float64, average bool, size, accumulate, workers int) (*trainer, error) {
	t := &trainer{optimizer: o, clip: clip, layout: newLayout(g.Parameters), goroutines: e.threads()}
	n := t.layout.length
	t.vectors.weights = make([]float32, n)
	for range o.Rule.Moments {
		t.vectors.moments = append(t.vectors.moments, make([]float32, n))
	}
	if average {
		t.vectors.average = make([]float32, n)
	}
	if workers > 1 {
		e.options.Threads, e.options.Workers = max(1, e.threads()/workers), workers
	}
	weights := t.layout.arrays(t.vectors.weights)
	for range workers {
		w := &worker{weights: weights, loss: &graph.Array{Shape: []int{}, Floats: make([]float32, 1)}, vector: make([]float32, n)}
		if w.total = w.vector; accumulate > 1 {
			w.total = make([]float32, n)
		}
		w.gradient = t.layout.arrays(w.vector)
		var err error
		if w.executor, err = e.executor(g, size); err != nil {
			return t, err
		}
		t.workers = append(t.workers, w)
	}
	return t, nil
}

// Close frees the executors.
func (t *trainer) Close() {
	for _, w := range t.workers {
		w.executor.Close()
	}
}
