package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"odeon/onnx"
)

// caller runs a graph that turns states into results, on as many samples as it is given: in one call where the batch is
// free, else in calls of the fixed size, the last one padded by repeating its last sample.
//
// Buffers of float32 are handed to the session as they are. All others are converted by way of buffers that are kept, so
// that a call like the one before allocates nothing.
type caller struct {
	runner runner

	batch   int // samples in every call; 0: free
	state   Port
	outputs []output // in the session's order, as their results follow each other
	inputs  []input  // all of the graph's inputs in the session's order; the state's has no fill

	spent  time.Duration // inside the session
	lanes  []*lane
	states wraps
}

// output is one of a graph's outputs and the parts of it that are results. All results have one width.
type output struct {
	port    Port
	parts   []*Slice // one, or several that are results each, one behind the other; nil: all of it
	results wraps
}

// wholly is an output that is one result as it stands.
func wholly(port Port) output { return output{port: port, parts: []*Slice{nil}} }

// input is one of a graph's inputs and what writes its rows.
type input struct {
	port  Port
	fill  func(b buffer, q request, rows int)
	often bool // whether it changes from call to call of one chunk
}

// half says which halves of guidance a call evaluates.
type half int

const (
	conditional half = iota
	unconditional
	both // conditional rows first; what belongs to no row is the conditional half's
)

// request is one evaluation of all samples of a chunk.
type request struct {
	half     half
	mul, add float32 // the network sees x*mul + add
	time     float64 // the number that it is fed
	first    int     // the first sample, counted from 0 in the run
}

// null says whether row i of a call with so many rows belongs to the unconditional half, and which sample it is of.
func (q request) null(i, rows int) (null bool, sample int) {
	if q.half == both && i >= rows/2 {
		return true, q.first + i - rows/2
	}
	return q.half == unconditional, q.first + i
}

// lane is a call of one size: its tensors, and what they hold.
type lane struct {
	rows    int
	half    half
	buffers []buffer // of the inputs; nil for a state that is handed over as it is
	tensors []tensor
	results []buffer // of the outputs; nil where results were always written straight to their place
	outputs []tensor // the outputs, twice: the buffers' own tensors are kept in owned
	owned   struct {
		state   tensor
		outputs []tensor
	}
	first int // sample whose rows it holds first; -1: none yet
}

// results is how many results the outputs give.
func (c *caller) results() int {
	n := 0
	for k := range c.outputs {
		n += len(c.outputs[k].parts)
	}
	return n
}

// evaluate fills dst, and dst2 with the unconditional half where the request is for both. Each holds one result for all samples, then
// the next: those of the first output, then those of the second.
func (c *caller) evaluate(ctx context.Context, q request, dst, dst2, x []float32) error {
	if err := c.runner.bind(ctx); err != nil {
		return err
	}
	dim, width := c.state.width(), c.outputs[0].width()
	n := len(x) / dim
	size := n
	if c.batch > 0 {
		size = c.batch
	}
	rows := size
	if q.half == both {
		rows = 2 * size
	}
	l, err := c.lane(rows, q.half)
	if err != nil {
		return err
	}
	first := q.first
	for i := 0; i < n; i += size {
		m := min(size, n-i)
		q.first = first + i
		if err := c.feed(l, q, x[i*dim:(i+m)*dim], size); err != nil {
			return err
		}
		part := func(dst []float32, k int) []float32 { return dst[(k*n+i)*width : (k*n+i+m)*width] }
		whole := m == size && q.half != both
		k := 0 // the result
		for j := range c.outputs {
			if err := c.aim(l, j, whole, part(dst, k)); err != nil {
				return err
			}
			k += len(c.outputs[j].parts)
		}
		start := time.Now()
		err := c.runner.run(l.tensors, l.outputs)
		c.spent += time.Since(start)
		if err != nil {
			return err
		}
		k = 0
		for j := range c.outputs {
			for _, s := range c.outputs[j].parts {
				if !(whole && c.outputs[j].direct()) {
					c.collect(l, j, s, part(dst, k), 0)
				}
				if q.half == both {
					c.collect(l, j, s, part(dst2, k), size)
				}
				k++
			}
		}
	}
	return nil
}

// width is the number of elements of one sample's result.
func (o *output) width() int {
	s := o.parts[0]
	if s == nil {
		return o.port.width()
	}
	return s.Outer * (s.To - s.From) * s.Inner
}

// direct says whether the output is the result as it stands.
func (o *output) direct() bool {
	return len(o.parts) == 1 && o.parts[0] == nil && o.port.Type == onnx.Float32
}

// mostLanes is how many sizes of calls are kept ready: chunks and their remainder, each in up to three halves.
const mostLanes = 6

func (c *caller) lane(rows int, half half) (*lane, error) {
	for _, l := range c.lanes {
		if l.rows == rows && l.half == half {
			return l, nil
		}
	}
	if len(c.lanes) == mostLanes {
		c.lanes[0].destroy(c)
		c.lanes = slices.Delete(c.lanes, 0, 1)
	}
	l := &lane{
		rows: rows, half: half, first: -1,
		buffers: make([]buffer, len(c.inputs)), tensors: make([]tensor, len(c.inputs)),
		results: make([]buffer, len(c.outputs)), outputs: make([]tensor, len(c.outputs)),
	}
	l.owned.outputs = make([]tensor, len(c.outputs))
	for i, in := range c.inputs {
		if in.fill == nil {
			continue
		}
		var err error
		if l.buffers[i], l.tensors[i], err = c.allocate(in.port, rows); err != nil {
			l.destroy(c)
			return nil, err
		}
		if !in.port.Batched && !in.often {
			q := request{half: half}
			if half == both {
				q.half = conditional
			}
			in.fill(l.buffers[i], q, 1)
		}
	}
	c.lanes = append(c.lanes, l)
	return l, nil
}

// allocate makes the memory of a port for n samples, and the tensor that is this memory.
func (c *caller) allocate(p Port, n int) (buffer, tensor, error) {
	elements := p.width()
	if p.Batched {
		elements *= n
	}
	if elements > mostNumbers {
		return nil, nil, fmt.Errorf("%q: found %d numbers a sample in a call of %d samples, expected at most %d numbers in all; give a smaller --batch, if that is what is large",
			p.Name, p.width(), n, mostNumbers)
	}
	b, err := newBuffer(p.Type, elements)
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", p.Name, err)
	}
	t, err := c.runner.wrap(b, p.shape(n))
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", p.Name, err)
	}
	return b, t, nil
}

// feed writes all inputs of a call of size samples: x, which may be fewer, and what belongs to them.
func (c *caller) feed(l *lane, q request, x []float32, size int) error {
	for i, in := range c.inputs {
		switch {
		case in.fill == nil:
			if err := c.feedState(l, i, q, x, size); err != nil {
				return err
			}
		case in.often || (in.port.Batched && l.first != q.first):
			in.fill(l.buffers[i], q, l.rows)
		}
	}
	l.first = q.first
	return nil
}

func (c *caller) feedState(l *lane, i int, q request, x []float32, size int) (err error) {
	dim := c.state.width()
	if c.state.Type == onnx.Float32 && q.mul == 1 && q.add == 0 && len(x) == size*dim && q.half != both {
		l.tensors[i], err = c.states.of(c.runner, x, c.state, size)
		return err
	}
	if l.owned.state == nil {
		if l.buffers[i], l.owned.state, err = c.allocate(c.state, l.rows); err != nil {
			return err
		}
	}
	b := l.buffers[i]
	l.tensors[i] = l.owned.state
	b.put(0, x, q.mul, q.add)
	for row := len(x) / dim; row < size; row++ {
		b.put(row*dim, x[len(x)-dim:], q.mul, q.add)
	}
	if q.half == both {
		b.put(size*dim, x, q.mul, q.add)
	}
	return nil
}

// aim chooses where output k is written: straight into dst where that is the whole of it, or into a buffer from which it
// is collected.
func (c *caller) aim(l *lane, k int, whole bool, dst []float32) (err error) {
	o := &c.outputs[k]
	if whole && o.direct() {
		l.outputs[k], err = o.results.of(c.runner, dst, o.port, l.rows)
		return err
	}
	if l.results[k] == nil {
		if l.results[k], l.owned.outputs[k], err = c.allocate(o.port, l.rows); err != nil {
			return err
		}
	}
	l.outputs[k] = l.owned.outputs[k]
	return nil
}

// collect copies a part of output k's rows row, row+1, ... into dst.
func (c *caller) collect(l *lane, k int, s *Slice, dst []float32, row int) {
	o := &c.outputs[k]
	if s == nil {
		l.results[k].get(dst, row*o.port.width())
		return
	}
	block := (s.To - s.From) * s.Inner
	at := row*o.port.width() + s.From*s.Inner
	for len(dst) > 0 {
		l.results[k].get(dst[:block], at)
		dst = dst[block:]
		at += s.Channels * s.Inner
	}
}

// probe runs the graph once on zeros and tells the shape of one sample of its only output, for graphs that leave it open.
func (c *caller) probe(ctx context.Context) ([]int, error) {
	out := c.outputs[0].port
	if out.Type == onnx.Float16 {
		return nil, fmt.Errorf("the graph leaves the shape of output %q open, which a run cannot tell for float16; export it again with a fixed shape, or with an output of float32", out.Name)
	}
	if err := c.runner.bind(ctx); err != nil {
		return nil, err
	}
	size := max(1, c.batch)
	l, err := c.lane(size, conditional)
	if err != nil {
		return nil, err
	}
	zeros := make([]float32, size*c.state.width())
	if err := c.feed(l, request{mul: 1}, zeros, size); err != nil {
		return nil, err
	}
	shapes, err := c.runner.outputShapes(l.tensors)
	if err != nil {
		return nil, err
	}
	shape := shapes[0]
	if out.Batched {
		if len(shape) == 0 || shape[0] != int64(size) {
			return nil, fmt.Errorf("output %q has shape %v for %d samples; its first axis is not the batch", out.Name, shape, size)
		}
		shape = shape[1:]
	}
	row := make([]int, len(shape))
	for i, n := range shape {
		row[i] = int(n)
	}
	if n, ok := product(row); !ok || n == 0 {
		return nil, fmt.Errorf("output %q has shape %v", out.Name, shape)
	}
	return row, nil
}

// forget lets go of the buffers of a chunk that is done.
func (c *caller) forget() {
	c.states.clear()
	for k := range c.outputs {
		c.outputs[k].results.clear()
	}
	for _, l := range c.lanes {
		l.first = -1
	}
}

// Close frees all that the session holds for this caller; the session stays.
func (c *caller) Close() {
	c.forget()
	for _, l := range c.lanes {
		l.destroy(c)
	}
	c.lanes = nil
	c.runner.close()
}

func (l *lane) destroy(c *caller) {
	for i, in := range c.inputs {
		if in.fill != nil {
			destroy(l.tensors[i])
		}
	}
	destroy(l.owned.state)
	for _, t := range l.owned.outputs {
		destroy(t)
	}
}

// destroy frees a tensor, where there is one.
func destroy(t tensor) {
	if t != nil {
		t.Destroy()
	}
}
