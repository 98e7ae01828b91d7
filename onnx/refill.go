package onnx

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// Refill gives a tensor of the model that g extends other elements: an initializer, or the only result of a node, in whose
// place a Constant with these elements comes. An initializer keeps its type and sizes, and its place in the file or
// beside it (see [Place]).
func (g *Graph) Refill(name string, l Literal) error {
	base := g.extended("Refill")
	graph, file := &base.source.graph, base.source.info.File
	if i := slices.IndexFunc(graph.tensors, func(t sourceTensor) bool { return t.name == name }); i >= 0 {
		t := &graph.tensors[i]
		if t.dtype != l.Type || t.bytes() != int64(len(l.raw)) {
			return fmt.Errorf("%s: the tensor %q is %v in %d bytes, and %v in %d bytes is to come in its place", file, name, t.dtype, t.bytes(), l.Type, len(l.raw))
		}
		base.refilled[t] = l.raw
		return nil
	}
	i := slices.IndexFunc(graph.nodes, func(n sourceNode) bool { return slices.Contains(n.outputs, name) })
	switch {
	case i < 0 || name == "":
		return fmt.Errorf("%s: has no tensor %q whose elements could be changed", file, name)
	case len(graph.nodes[i].outputs) != 1:
		return fmt.Errorf("%s: %q is one of several results of a %s node, and cannot be written back as a constant", file, name, graph.nodes[i].operator)
	}
	base.constants[name] = l
	return nil
}

// constant appends a Constant node in place of one of the model's.
func (b *extension) constant(m *message, n graphNode, l Literal) {
	node, a := &message{}, Tensorial("value", l)
	node.text(2, string(n.result(0)))
	node.text(3, string(n.result(0)))
	node.text(4, "Constant")
	node.message(5, a.message)
	m.message(1, node)
}

// memory is a stretch of bytes that lie in memory.
func memory(b []byte, name string) stretch {
	return stretch{file: bytes.NewReader(b), name: name, end: int64(len(b))}
}

// Numbers is a tensor of floating-point numbers of 16, 32 or 64 bits, stored in type t. A finite number that t cannot hold is an
// error.
func Numbers(t DType, numbers []float32, dims ...int64) (Literal, error) {
	switch t {
	case Float32:
		return Array(numbers, dims...), nil
	case Float64:
		wide := make([]float64, len(numbers))
		for i, x := range numbers {
			wide[i] = float64(x)
		}
		return Array(wide, dims...), nil
	case Float16:
		half := make([]Half, len(numbers))
		Float16FromFloat32(half, numbers)
		for i, h := range half {
			if h&^halfSign == halfInf && !math.IsInf(float64(numbers[i]), 0) {
				return Literal{}, fmt.Errorf("%g, where float16 holds numbers up to 65504", numbers[i])
			}
		}
		return Array(half, dims...), nil
	case BFloat16:
		raw := make([]byte, 0, 2*len(numbers))
		for _, x := range numbers {
			bits := math.Float32bits(x)
			if x == x { // to the nearest, ties to even
				bits += 0x7fff + bits>>16&1
			}
			raw = append(raw, byte(bits>>16), byte(bits>>24))
		}
		return RawArray(BFloat16, raw, dims...), nil
	}
	return Literal{}, fmt.Errorf("elements of type %v, where floating-point numbers of 16, 32 or 64 bits are expected", t)
}

// first is the first of some names; "" where there is none.
func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}
