package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Parts is a graph read into memory for those who compute it themselves. The elements of its tensors stay in the file
// until they are asked for (see [Stored]).
type Parts struct {
	Inputs, Outputs []Value  // of a graph inside a node without types
	Tensors         []Stored // the initializers
	Nodes           []Node
	Functions       map[string]*Function // of a model: operators that the file defines, by "domain:Name"
}

// Node computes values from values.
type Node struct {
	Name, Operator, Domain string
	Inputs, Outputs        []string // "" where an optional one is left out
	Attributes             map[string]Setting
}

// Setting is an attribute of a node: the field of its kind counts, and the others are zero.
type Setting struct {
	Float  float32
	Int    int64
	Text   string
	Floats []float32
	Ints   []int64
	Tensor *Stored
	Graph  *Parts
	Ref    string // in a function: the attribute of the calling node whose setting stands here
}

// Function is an operator made of nodes.
type Function struct {
	Inputs, Outputs []string
	Nodes           []Node
	Defaults        map[string]Setting // of attributes
	Opsets          []Opset
}

// mostSettings bounds the numbers in one attribute.
const mostSettings = 1 << 24

// Parts reads the model but for the elements of its tensors.
func (s *Source) Parts() (*Parts, error) {
	x := partsReader{indexer{walker: newWalker(s.file, s.size), source: &Source{apart: map[string]bool{}}, texts: map[string]string{}}, s}
	parts := &Parts{Functions: map[string]*Function{}}
	for _, p := range s.pieces {
		if p.num == 7 {
			g := x.graph(p, 0)
			parts.Nodes, parts.Tensors = g.Nodes, g.Tensors
		}
	}
	for _, f := range s.functions {
		name, function := x.function(f.piece)
		parts.Functions[name] = function
	}
	parts.Inputs, parts.Outputs = s.info.Inputs, s.info.Outputs
	if len(s.graph.sparse) > 0 {
		x.fail(s.graph.sparse[0].begin, "a sparse initializer %q", s.graph.sparse[0].name)
	}
	if x.err != nil {
		return nil, fmt.Errorf("%s: %w", s.info.File, x.err)
	}
	return parts, nil
}

// partsReader reads the messages of onnx.proto3 whole. A [Source] has been indexed, so their structure is sound.
type partsReader struct {
	indexer
	from *Source
}

func (x *partsReader) graph(p piece, depth int) *Parts {
	g := &Parts{}
	if depth > maxDepth {
		x.fail(p.begin, "graphs nested deeper than %d", maxDepth)
		return g
	}
	for f := range x.fields(field{begin: p.body, end: p.end}) {
		switch f.num {
		case 1:
			g.Nodes = append(g.Nodes, x.node(f, depth))
		case 5:
			g.Tensors = append(g.Tensors, x.stored(f))
		case 11:
			g.Inputs = append(g.Inputs, Value{Name: x.value(f).name})
		case 12:
			g.Outputs = append(g.Outputs, Value{Name: x.value(f).name})
		}
	}
	return g
}

func (x *partsReader) node(p located, depth int) Node {
	n := Node{}
	for f := range x.fields(p.field) {
		switch f.num {
		case 1:
			n.Inputs = append(n.Inputs, x.text(f.field))
		case 2:
			n.Outputs = append(n.Outputs, x.text(f.field))
		case 3:
			n.Name = x.text(f.field)
		case 4:
			n.Operator = x.text(f.field)
		case 5:
			if n.Attributes == nil {
				n.Attributes = map[string]Setting{}
			}
			name, value := x.setting(f, depth)
			n.Attributes[name] = value
		case 7:
			n.Domain = Opset{Domain: x.text(f.field)}.domain()
		}
	}
	return n
}

func (x *partsReader) setting(p located, depth int) (name string, v Setting) {
	for p := range x.fields(p.field) {
		f := p.field
		switch f.num {
		case 1:
			name = x.text(f)
		case 2:
			v.Float = x.float(f)
		case 3:
			v.Int = x.number(f)
		case 4:
			if f.end-f.begin <= int64(cap(x.window)) { // what is longer is no word that an operator knows
				v.Text = x.name(f)
			}
		case 5:
			t := x.stored(p)
			v.Tensor = &t
		case 6:
			v.Graph = x.graph(p.piece, depth+1)
		case 7:
			v.Floats = x.floats(v.Floats, f)
		case 8:
			v.Ints = x.numbers(v.Ints, f, mostSettings, "numbers in an attribute")
		case 21:
			v.Ref = x.text(f)
		}
	}
	return name, v
}

func (x *partsReader) function(p piece) (name string, fn *Function) {
	fn = &Function{Defaults: map[string]Setting{}}
	var domain string
	for f := range x.fields(field{begin: p.body, end: p.end}) {
		switch f.num {
		case 1:
			name = x.text(f.field)
		case 4:
			fn.Inputs = append(fn.Inputs, x.text(f.field))
		case 5:
			fn.Outputs = append(fn.Outputs, x.text(f.field))
		case 7:
			fn.Nodes = append(fn.Nodes, x.node(f, 0))
		case 9:
			var o Opset
			for f := range x.within(f.field) {
				switch f.num {
				case 1:
					o.Domain = x.text(f)
				case 2:
					o.Version = x.number(f)
				}
			}
			fn.Opsets = append(fn.Opsets, o)
		case 10:
			domain = Opset{Domain: x.text(f.field)}.domain()
		case 11:
			name, value := x.setting(f, 0)
			fn.Defaults[name] = value
		}
	}
	return domain + ":" + name, fn
}

// float is the value of a float field.
func (x *partsReader) float(f field) float32 {
	if !x.is(f, protowire.Fixed32Type) {
		return 0
	}
	b := x.peek(4)
	if len(b) < 4 {
		x.fail(f.begin, "a number is cut off")
		return 0
	}
	v, _ := protowire.ConsumeFixed32(b)
	return math.Float32frombits(v)
}

// floats appends the values of a repeated float field, packed or not.
func (x *partsReader) floats(list []float32, f field) []float32 {
	if f.kind == protowire.Fixed32Type {
		return append(list, x.float(f))
	}
	if !x.is(f, protowire.BytesType) {
		return list
	}
	for x.err == nil && x.pos+4 <= f.end && len(list) < mostSettings {
		list = append(list, x.float(field{kind: protowire.Fixed32Type, begin: x.pos}))
		x.pos += 4
	}
	return list
}

// stored reads all of a TensorProto but its elements.
func (x *partsReader) stored(p located) Stored {
	t := x.tensor(p)
	return Stored{Name: t.name, Type: t.dtype, Dims: t.dims, source: x.from, tensor: t}
}
