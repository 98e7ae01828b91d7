package onnx

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Literal is a tensor with its elements, as a graph carries it: an initializer or an attribute.
type Literal struct {
	Type DType
	Dims []int64
	raw  []byte // little-endian, row by row
}

// Array is a tensor of the given sizes, data row by row.
func Array[T Element](data []T, dims ...int64) Literal {
	raw, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic("onnx: " + err.Error()) // Element lists only types of fixed size
	}
	return RawArray(TypeOf[T](), raw, dims...)
}

// Vector is a tensor of rank 1.
func Vector[T Element](data ...T) Literal { return Array(data, int64(len(data))) }

// Scalar is a tensor of rank 0.
func Scalar[T Element](v T) Literal { return Array([]T{v}) }

// RawArray is a tensor whose elements are given as the file holds them: little-endian, row by row. It keeps raw, which
// must not change until the graph is written.
func RawArray(dtype DType, raw []byte, dims ...int64) Literal {
	n := int64(1)
	negative := false
	for _, d := range dims {
		n *= d
		negative = negative || d < 0
	}
	if size := int64(dtype.Size()); negative || size == 0 || n*size != int64(len(raw)) {
		panic(fmt.Sprintf("onnx: %d bytes of data do not make a %v tensor of sizes %v", len(raw), dtype, dims))
	}
	return Literal{Type: dtype, Dims: slices.Clone(dims), raw: raw}
}

// encode makes a TensorProto.
func (l Literal) encode(name string) *message {
	var m message
	for _, d := range l.Dims {
		m.number(1, d)
	}
	m.number(2, int64(l.Type))
	m.optional(8, name)
	m.blob(9, l.raw)
	return &m
}
