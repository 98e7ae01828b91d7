package models

import (
	"errors"
	"fmt"
	"maps"
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
	for _, name := range slices.Sorted(maps.Keys(f.sets)) {
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
		return Extra{}, errors.New("only tensors of numbers with a stated rank can be given")
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
				return nil, 0, errors.New("one number cannot fill an input whose size the graph leaves open; give an array")
			}
			row = append(row, int(d.Size))
		}
		if _, ok := product(row); !ok {
			return nil, 0, fmt.Errorf("it has more than %d numbers a sample, the most that are fed", mostNumbers)
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
