package array

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Array is what a file holds. The numbers are in C order: the last index runs fastest.
type Array struct {
	Shape []int
	DType string // NumPy's name of the element type: "float32", "int64", "bool", ...

	f32 []float32 // of a float32 array, and converted ones once asked for
	raw []byte    // of every other: little-endian elements
}

// Len is the number of elements.
func (a *Array) Len() int {
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}

// Float32 gives the elements as float32, the nearest where the file's type is finer. The slice belongs to the array.
func (a *Array) Float32() []float32 {
	if a.f32 == nil {
		t := types[a.DType]
		a.f32 = make([]float32, a.Len())
		for i := range a.f32 {
			a.f32[i] = float32(t.float(a.raw[i*t.size:]))
		}
	}
	return a.f32
}

// Float64 gives the elements as float64 in a new slice.
func (a *Array) Float64() []float64 {
	x := make([]float64, a.Len())
	if a.raw == nil {
		for i, v := range a.f32 {
			x[i] = float64(v)
		}
		return x
	}
	t := types[a.DType]
	for i := range x {
		x[i] = t.float(a.raw[i*t.size:])
	}
	return x
}

// Int64 gives the elements as integers in a new slice: labels, indices, tokens. A number that is not whole, or is beyond
// the range of int64, is an error that names its position.
func (a *Array) Int64() ([]int64, error) {
	x := make([]int64, a.Len())
	t := types[a.DType]
	for i := range x {
		if a.raw != nil && t.int != nil {
			v, ok := t.int(a.raw[i*t.size:])
			if !ok {
				return nil, fmt.Errorf("element %d is beyond the range of int64", i)
			}
			x[i] = v
			continue
		}
		var v float64
		if a.raw != nil {
			v = t.float(a.raw[i*t.size:])
		} else {
			v = float64(a.f32[i])
		}
		if v != math.Trunc(v) || v < -(1<<63) || v >= 1<<63 { // NaN fails the first
			return nil, fmt.Errorf("element %d is %v, expected a whole number", i, v)
		}
		x[i] = int64(v)
	}
	return x, nil
}

// elementType says how one little-endian element is read. int is nil for the floating-point types.
type elementType struct {
	size  int
	float func(b []byte) float64
	int   func(b []byte) (int64, bool)
}

var le = binary.LittleEndian

func integer(size int, read func(b []byte) int64) elementType {
	return elementType{size,
		func(b []byte) float64 { return float64(read(b)) },
		func(b []byte) (int64, bool) { return read(b), true }}
}

// types has every element type that is read, by NumPy's name.
var types = map[string]elementType{
	"float16": {2, func(b []byte) float64 { return halfToFloat(le.Uint16(b)) }, nil},
	"float32": {4, func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }, nil},
	"float64": {8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }, nil},
	"int8":    integer(1, func(b []byte) int64 { return int64(int8(b[0])) }),
	"int16":   integer(2, func(b []byte) int64 { return int64(int16(le.Uint16(b))) }),
	"int32":   integer(4, func(b []byte) int64 { return int64(int32(le.Uint32(b))) }),
	"int64":   integer(8, func(b []byte) int64 { return int64(le.Uint64(b)) }),
	"bool":    integer(1, func(b []byte) int64 { return int64(min(b[0], 1)) }),
	"uint8":   integer(1, func(b []byte) int64 { return int64(b[0]) }),
	"uint16":  integer(2, func(b []byte) int64 { return int64(le.Uint16(b)) }),
	"uint32":  integer(4, func(b []byte) int64 { return int64(le.Uint32(b)) }),
	"uint64": {8,
		func(b []byte) float64 { return float64(le.Uint64(b)) },
		func(b []byte) (int64, bool) { v := le.Uint64(b); return int64(v), v <= math.MaxInt64 }},
}

// dtypes maps the kind and size of a descr such as "<f4" to the type's name.
var dtypes = map[string]string{
	"f2": "float16", "f4": "float32", "f8": "float64", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
	"u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64", "b1": "bool",
}

// halfToFloat widens an IEEE 754 binary16 number, which float64 holds exactly.
func halfToFloat(h uint16) float64 {
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
