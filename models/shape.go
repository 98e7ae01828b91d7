package models

import (
	"slices"

	"odeon/onnx"
)

// mostNumbers bounds what a file may claim for one sample of anything, in elements: 8 GB of float32.
const mostNumbers = 1 << 31

// product is the number of elements under a shape; not ok where a size is negative or the product exceeds mostNumbers.
func product(shape []int) (n int, ok bool) {
	n = 1
	for _, size := range shape {
		if size < 0 || (size > 0 && n > mostNumbers/size) {
			return 0, false
		}
		n *= size
	}
	return n, true
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
	case given != nil && len(given) == len(dims) && !dims[0].IsFree():
		batched = false // the whole input is one sample
		f.Batch = 1
	case given != nil && len(given) != len(dims)-1:
		f.problem("shape", "a sample of shape %v does not fit input %q, %s, whose first axis is the batch", given, in.Name, in.ShapeString())
		return false
	}
	row := dims
	if batched {
		row = dims[1:]
		if k := dims[0]; !k.IsFree() && !f.fix(k.Size, in) {
			return false
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
		case len(f.output.Shape) == len(dims) && !f.output.Shape[axis].IsFree() && f.channels() == nil:
			shape[i] = int(f.output.Shape[axis].Size)
		default:
			f.problem("shape", "input %q is %s: the graph leaves the shape of a sample open", in.Name, in.ShapeString())
			return false
		}
	}
	if n, ok := product(shape); !ok || n < 1 {
		f.problem("shape", "input %q is %s, which is no size that samples can have", in.Name, in.ShapeString())
		return false
	}
	f.Shape = shape
	f.State = Port{Name: in.Name, Type: in.Type, Batched: batched, Row: shape}
	return true
}

// settleOutputs compares the outputs with the state, and cuts the channels.
func (f *finder) settleOutputs() {
	if f.Second == nil {
		f.Output = f.settleOutput(f.output, "output")
		return
	}
	f.Output = f.settleOutput(f.output, "predictions")
	f.Second.Output = f.settleOutput(f.others[0], "predictions")
	for _, unused := range f.others[1:] {
		f.settleOutput(unused, "predictions")
	}
}

func (f *finder) settleOutput(out onnx.Value, field string) Port {
	port := Port{Name: out.Name, Type: out.Type, Batched: f.State.Batched, Row: f.Shape}
	row := out.Shape
	if out.Known() && f.State.Batched {
		if len(row) == 0 {
			f.problem(field, "output %q is a single number, and the state has shape %v", out.Name, f.Shape)
			return port
		}
		row = row[1:]
	}
	if channels := f.channels(); channels != nil {
		port.Row = f.settleSlice(row, *channels)
		return port
	}
	if !out.Known() {
		return port
	}
	sizes := make([]int, len(row))
	same := len(row) == len(f.Shape)
	for i := range row {
		sizes[i] = int(row[i].Size) // -1 where it is free
		same = same && (row[i].IsFree() || sizes[i] == f.Shape[i])
	}
	have, known := product(sizes)
	want, _ := product(f.Shape)
	switch {
	case same:
	case known && have == want: // another shape of as many numbers, such as a picture as one row
		port.Row = sizes
	default:
		f.problem(field, "output %q is %s, and the state %q has samples of shape %v; where the output carries more than the prediction, name its channels",
			out.Name, out.ShapeString(), f.State.Name, f.Shape)
	}
	return port
}

// settleSlice finds the axis that carries channels: where the graph's output differs from the state, else by the layout. It
// returns the shape of one sample's output.
func (f *finder) settleSlice(row []onnx.Dim, channels [2]int) []int {
	layout := f.Card.Layout
	if layout == "" {
		if layout = f.slicedLayout(row); layout != "" {
			f.sliced = layout
		} else {
			layout, _ = GuessLayout(f.Shape, f.Card)
		}
	}
	axis, ok := layout.ChannelAxis(len(f.Shape))
	if !ok {
		f.ask("layout", layoutNames(), "output.channels needs an axis of channels, and the layout %q of shape %v has none", layout, f.Shape)
		return f.Shape
	}
	if n := channels[1] - channels[0]; n != f.Shape[axis] {
		f.problem("output", "output.channels [%d, %d] are %d, and the state has %d (shape %v, layout %s)", channels[0], channels[1], n, f.Shape[axis], f.Shape, layout)
		return f.Shape
	}
	total := int64(0) // a run will tell
	if len(row) == len(f.Shape) && !row[axis].IsFree() {
		total = min(row[axis].Size, wholeLimit)
		if int64(channels[1]) > total {
			f.problem("output", "output.channels [%d, %d] go beyond the %d channels of output %q, %s", channels[0], channels[1], total, f.output.Name, f.output.ShapeString())
			return f.Shape
		}
	}
	shape := slices.Clone(f.Shape)
	shape[axis] = int(total)
	if _, ok := product(shape); !ok {
		f.problem("output", "output %q is %s, which is no size that samples can have", f.output.Name, f.output.ShapeString())
		return f.Shape
	}
	outer, _ := product(f.Shape[:axis])
	inner, _ := product(f.Shape[axis+1:])
	f.Slice = &Slice{Outer: outer, Channels: int(total), Inner: inner, From: channels[0], To: channels[1]}
	return shape
}

// slicedLayout is the layout whose channels are the one axis on which the output, without the batch, differs from the state;
// "" where the graph does not tell.
func (f *finder) slicedLayout(row []onnx.Dim) Layout {
	if len(row) != len(f.Shape) {
		return ""
	}
	var differ []int
	for i, dim := range row {
		if !dim.IsFree() && dim.Size != int64(f.Shape[i]) {
			differ = append(differ, i)
		}
	}
	if len(differ) != 1 {
		return ""
	}
	return layoutWithChannels(len(row), differ[0])
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
		if k := dims[0]; !k.IsFree() && !f.fix(k.Size, v) {
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

// mostBatch bounds the batch that a graph may fix.
const mostBatch = 1 << 20

// fix makes the batch k, unless it is fixed to another size.
func (f *finder) fix(k int64, v onnx.Value) bool {
	switch {
	case k < 1 || k > mostBatch:
		f.problem("inputs.state", "input %q is %s, which is no size that a batch can have", v.Name, v.ShapeString())
		return false
	case f.Batch != 0 && int64(f.Batch) != k:
		f.problem("inputs.state", "the batch is %d in input %q and %d in input %q, %s", f.Batch, f.State.Name, k, v.Name, v.ShapeString())
		return false
	}
	f.Batch = int(k)
	return true
}
