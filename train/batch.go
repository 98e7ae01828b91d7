package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"odeon/graph"
	"odeon/train/data"
	"odeon/train/objective"
)

// A batch is what a step learns from: samples, made into states, times and targets, and the arrays in which the executors take
// them, part by part.
type batch struct {
	*objective.Batch
	step  int64
	parts []boundPart
	err   error // why it could not be made

	z       []float32
	labels  []int64 // nil: none
	indices []int64
	times   []int64   // for a network that takes whole numbers
	onehot  []float32 // for a network that takes a row for a class
	classes []int64
}

// boundPart is a part of a batch as arrays for an executor.
type boundPart struct {
	inputs []*graph.Array
	each   *graph.Array // takes the loss of each sample
}

// newBatch makes room for batches of parts times size samples, for graphs that take p.
func newBatch(o *objective.Objective, set data.Set, p part, size, parts int) (*batch, error) {
	n, dim := size*parts, data.Dim(set)
	b := &batch{z: make([]float32, n*dim), indices: make([]int64, n)}
	var err error
	if b.Batch, err = o.NewBatch(n, dim); err != nil {
		return nil, err
	}
	in := p.inputs
	if in.label != nil {
		b.classes = slices.Repeat([]int64{o.Null}, n)
		if set.Labels() != nil {
			b.labels = make([]int64, n)
		}
		if in.label.Type.IsFloat() {
			b.onehot = make([]float32, parts*in.label.Shape.Count(size))
		}
	}
	if in.time != nil && !in.time.Type.IsFloat() {
		b.times = make([]int64, n)
	}
	for from := 0; from < n; from += size {
		bound := boundPart{each: &graph.Array{Shape: []int{size}, Floats: make([]float32, size)}}
		for _, v := range p.fed {
			bound.inputs = append(bound.inputs, b.array(v, p, from, size))
		}
		b.parts = append(b.parts, bound)
	}
	return b, nil
}

// array is the share of a part, samples from to from+size-1, in what an input of the graph is fed.
func (b *batch) array(v *graph.Value, p part, from, size int) *graph.Array {
	a := &graph.Array{Shape: v.Shape.For(size)}
	floats := func(whole []float32) *graph.Array {
		row := len(whole) / b.N()
		a.Floats = whole[from*row : (from+size)*row : (from+size)*row]
		return a
	}
	ints := func(whole []int64) *graph.Array {
		a.Ints = whole[from : from+size : from+size]
		return a
	}
	switch in := p.inputs; {
	case v == in.state:
		return floats(b.X)
	case v == in.time && b.times != nil:
		return ints(b.times)
	case v == in.time:
		return floats(b.Time)
	case v == in.label && b.onehot != nil:
		return floats(b.onehot)
	case v == in.label:
		return ints(b.classes)
	}
	for k := range p.targets {
		switch v {
		case p.targets[k]:
			return floats(b.Target[k])
		case p.weights[k]:
			return floats(b.Weight[k])
		}
	}
	for _, x := range p.inputs.extras {
		if v == x.value {
			return x.repeated(size)
		}
	}
	panic(fmt.Sprintf("train: the graph's input %q has no role", v.Name))
}

// repeated is the input's value for a batch: given for one sample, it is that of each.
func (x extra) repeated(size int) *graph.Array {
	a := graph.NewArray(x.value, size)
	for i := range a.Floats {
		a.Floats[i] = float32(x.array[i%len(x.array)])
	}
	for i := range a.Ints {
		a.Ints[i] = int64(x.array[i%len(x.array)])
	}
	return a
}

// fill makes the batch of a step from the samples at indices, which the caller has set.
func (b *batch) fill(set data.Set, seed uint64, step int64) error {
	if err := set.Read(b.z, b.labels, b.indices); err != nil {
		return err
	}
	if err := b.Fill(b.z, b.labels, seed, step); err != nil {
		return err
	}
	for i := range b.times {
		b.times[i] = int64(math.RoundToEven(float64(b.Time[i])))
	}
	copy(b.classes, b.Label)
	if b.onehot != nil {
		clear(b.onehot)
		count := int64(len(b.onehot) / b.N())
		for i, c := range b.classes {
			if 0 <= c && c < count { // no class is a row of zeros
				b.onehot[int64(i)*count+c] = 1
			}
		}
	}
	return nil
}

// each copies the loss of every sample, as a share of 1/n of the batch's, into dst.
func (b *batch) each(dst []float64) []float64 {
	for _, p := range b.parts {
		for _, x := range p.each.Floats {
			dst = append(dst, float64(x)*float64(b.N()))
		}
	}
	return dst
}

// feed makes the batches of steps first, first+1, ... on a goroutine of its own, one ahead of what is received. A batch
// that is received comes back by way of free. With the context it ends, and closes the channel.
func feed(ctx context.Context, set data.Set, seed uint64, first int64, free chan *batch) <-chan *batch {
	ready := make(chan *batch)
	order := data.NewOrder(set.Len(), seed)
	go func() {
		defer close(ready)
		for step := first; ; step++ {
			var b *batch
			select {
			case b = <-free:
			case <-ctx.Done():
				return
			}
			b.step = step
			order.Indices(b.indices, step*int64(len(b.indices)))
			b.err = b.fill(set, seed, step)
			select {
			case ready <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ready
}
