package onnx

import (
	"strconv"
	"strings"
)

// Dim is one axis of a shape: a fixed size, or a free one, which may have a name. Axes with one name have one size.
type Dim struct {
	Size int64  // -1: free
	Name string // of a free axis; "" where the file gives none
}

// Free is an axis of any size.
func Free(name string) Dim { return Dim{Size: -1, Name: name} }

// Fixed is an axis of n elements.
func Fixed(n int64) Dim { return Dim{Size: n} }

// IsFree tells whether the size is left open.
func (d Dim) IsFree() bool { return d.Size < 0 }

// String is the size, the name of a free axis, or "?".
func (d Dim) String() string {
	switch {
	case !d.IsFree():
		return strconv.FormatInt(d.Size, 10)
	case d.Name != "":
		return d.Name
	}
	return "?"
}

// Value is an input or output of a graph.
type Value struct {
	Name  string
	Kind  string // "tensor", "sparse tensor", "sequence", "map", "optional", "opaque"; "" where the file gives no type
	Type  DType  // of a tensor's elements
	Shape []Dim  // nil where the file leaves the rank open; empty and not nil for a scalar
}

// Known tells whether the number of axes is stated.
func (v Value) Known() bool { return v.Shape != nil }

// ShapeString writes the shape as [n, 3, 64, 64]: [] for a scalar, [...] where the rank is open.
func (v Value) ShapeString() string {
	if !v.Known() {
		return "[...]"
	}
	dims := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		dims[i] = d.String()
	}
	return "[" + strings.Join(dims, ", ") + "]"
}

// String is the type and shape: "float32 [n, 2]". A value that is no tensor tells its kind.
func (v Value) String() string {
	switch v.Kind {
	case "tensor", "sparse tensor":
		return strings.TrimSuffix(v.Kind, "tensor") + v.Type.String() + " " + v.ShapeString()
	case "":
		return "of no stated type"
	}
	return v.Kind
}
