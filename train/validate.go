package train

import (
	"context"
	"fmt"

	"odeon/graph"
	"odeon/train/data"
)

// A validator measures the loss on data held out: always of the same samples with the same noise and times, so that what
// changes from one measurement to the next is the network.
type validator struct {
	executor graph.Executor
	run      *run
	batch    *batch
	batches  int
	loss     *graph.Array
}

const (
	timeBuckets = 10
	// validBatches is the greatest number of batches in a measurement.
	validBatches = 16
	// heldStep is the step from which the batches of validation are counted: no training comes so far.
	heldStep = 1 << 61
)

func newValidator(e engine, r *run) (*validator, error) {
	g, p, err := lossGraph(r.net)
	if err != nil {
		return nil, err
	}
	v := &validator{run: r, loss: &graph.Array{Shape: []int{}, Floats: make([]float32, 1)}, batches: validBatches}
	if n := r.held.Len(); n >= 0 {
		v.batches = min(validBatches, (n+r.Batch-1)/r.Batch)
	}
	o := r.objective
	o.DropLabel = 0
	if v.batch, err = newBatch(&o, r.held, p, r.size, r.parts*r.Workers); err != nil {
		return nil, err
	}
	if v.executor, err = e.executor(g, r.size); err != nil {
		return nil, err
	}
	return v, nil
}

// measure is the loss with the weights.
func (v *validator) measure(ctx context.Context, weights []float32, step int) (*Validation, error) {
	parameters := v.run.trainer.layout.arrays(weights)
	result := &Validation{Step: step, Buckets: make([]Bucket, timeBuckets)}
	for i := range result.Buckets {
		result.Buckets[i].From, result.Buckets[i].To = float64(i)/timeBuckets, float64(i+1)/timeBuckets
	}
	order := data.NewOrder(v.run.held.Len(), v.run.Seed)
	b := v.batch
	var each []float64
	for k := range v.batches {
		order.Indices(b.indices, int64(k*b.N()))
		if err := b.fill(v.run.held, v.run.Seed, heldStep+int64(k)); err != nil {
			return nil, fmt.Errorf("validation: %w", err)
		}
		for _, p := range b.parts {
			if err := v.executor.Run(ctx, []*graph.Array{v.loss, p.each}, append(p.inputs[:len(p.inputs):len(p.inputs)], parameters...)); err != nil {
				return nil, err
			}
		}
		each = b.each(each[:0])
		for i, loss := range each {
			bucket := &result.Buckets[min(int(b.T[i]*timeBuckets), timeBuckets-1)]
			bucket.Samples++
			bucket.Loss += loss
			result.Loss += loss / float64(len(each)*v.batches)
		}
	}
	for i := range result.Buckets {
		if bucket := &result.Buckets[i]; bucket.Samples > 0 {
			bucket.Loss /= float64(bucket.Samples)
		}
	}
	return result, nil
}

// Close frees the executor.
func (v *validator) Close() { v.executor.Close() }
