package models

import (
	"fmt"

	"odeon/onnx"
)

// buffer is the memory of one tensor in the network's own element type, written and read as ordinary numbers.
type buffer interface {
	put(at int, src []float32, mul, add float32) // elements at, at+1, ... become src*mul + add
	get(dst []float32, at int)                   // dst becomes elements at, at+1, ...
	load(at int, src []float64)                  // elements at, at+1, ... become src
	fill(from, to int, v float64)                // elements from up to to become v
	tensor(shape []int64) (*onnx.Tensor, error)  // the tensor that is this memory
}

func newBuffer(t onnx.DType, n int) (buffer, error) {
	switch t {
	case onnx.Float32:
		return numbers[float32](make([]float32, n)), nil
	case onnx.Float64:
		return numbers[float64](make([]float64, n)), nil
	case onnx.Float16:
		return &halves{data: make([]onnx.Half, n)}, nil
	case onnx.Int8:
		return numbers[int8](make([]int8, n)), nil
	case onnx.Int16:
		return numbers[int16](make([]int16, n)), nil
	case onnx.Int32:
		return numbers[int32](make([]int32, n)), nil
	case onnx.Int64:
		return numbers[int64](make([]int64, n)), nil
	case onnx.Uint8:
		return numbers[uint8](make([]uint8, n)), nil
	case onnx.Uint16:
		return numbers[uint16](make([]uint16, n)), nil
	case onnx.Uint32:
		return numbers[uint32](make([]uint32, n)), nil
	case onnx.Uint64:
		return numbers[uint64](make([]uint64, n)), nil
	case onnx.Bool:
		return truths(make([]bool, n)), nil
	}
	return nil, fmt.Errorf("elements of type %s cannot be fed", t)
}

// numbers is a buffer of a type that Go has.
type numbers[T interface {
	onnx.Element
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}] []T

func (b numbers[T]) put(at int, src []float32, mul, add float32) {
	dst := b[at : at+len(src)]
	if same, ok := any(dst).(numbers[float32]); ok && mul == 1 && add == 0 {
		copy(same, src)
		return
	}
	for i, x := range src {
		dst[i] = T(float32(x*mul) + add)
	}
}

func (b numbers[T]) get(dst []float32, at int) {
	src := b[at : at+len(dst)]
	if same, ok := any(src).(numbers[float32]); ok {
		copy(dst, same)
		return
	}
	for i, x := range src {
		dst[i] = float32(x)
	}
}

func (b numbers[T]) load(at int, src []float64) {
	for i, x := range src {
		b[at+i] = T(x)
	}
}

func (b numbers[T]) fill(from, to int, v float64) {
	for i := from; i < to; i++ {
		b[i] = T(v)
	}
}

func (b numbers[T]) tensor(shape []int64) (*onnx.Tensor, error) { return onnx.NewTensor(shape, []T(b)) }

// halves is a buffer of float16, converted by way of float32.
type halves struct {
	data    []onnx.Half
	scratch numbers[float32]
}

// wide is memory for n float32, kept from call to call.
func (b *halves) wide(n int) numbers[float32] {
	if cap(b.scratch) < n {
		b.scratch = make(numbers[float32], n)
	}
	return b.scratch[:n]
}

func (b *halves) put(at int, src []float32, mul, add float32) {
	wide := b.wide(len(src))
	wide.put(0, src, mul, add)
	onnx.Float16FromFloat32(b.data[at:at+len(src)], wide)
}

func (b *halves) get(dst []float32, at int) {
	onnx.Float32FromFloat16(dst, b.data[at:at+len(dst)])
}

func (b *halves) load(at int, src []float64) {
	wide := b.wide(len(src))
	wide.load(0, src)
	onnx.Float16FromFloat32(b.data[at:at+len(src)], wide)
}

func (b *halves) fill(from, to int, v float64) {
	if from >= to {
		return
	}
	one := b.wide(1)
	one[0] = float32(v)
	onnx.Float16FromFloat32(b.data[from:from+1], one)
	for i := from + 1; i < to; i++ {
		b.data[i] = b.data[from]
	}
}

func (b *halves) tensor(shape []int64) (*onnx.Tensor, error) { return onnx.NewTensor(shape, b.data) }

// truths is a buffer of booleans; everything but 0 is true.
type truths []bool

func (b truths) put(at int, src []float32, mul, add float32) {
	for i, x := range src {
		b[at+i] = float32(x*mul)+add != 0
	}
}

func (b truths) get(dst []float32, at int) {
	for i := range dst {
		dst[i] = 0
		if b[at+i] {
			dst[i] = 1
		}
	}
}

func (b truths) load(at int, src []float64) {
	for i, x := range src {
		b[at+i] = x != 0
	}
}

func (b truths) fill(from, to int, v float64) {
	for i := from; i < to; i++ {
		b[i] = v != 0
	}
}

func (b truths) tensor(shape []int64) (*onnx.Tensor, error) { return onnx.NewTensor(shape, []bool(b)) }
