package onnx

import (
	"math"
	"math/bits"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// modelReader walks the messages of onnx.proto3 that Info needs. Numbers in the switches are field numbers of the message
// that each method is named for.
type modelReader struct {
	*walker
	info     *Info
	hasGraph bool
	axes     int
}

// model reads a ModelProto.
func (m *modelReader) model() {
	for f := range m.all(m.size) {
		switch f.num {
		case 1:
			m.info.IRVersion = m.number(f)
		case 2:
			m.info.Producer = m.string(f)
		case 3:
			m.info.ProducerVersion = m.string(f)
		case 7:
			m.hasGraph = true
			m.graph(f, 0)
			m.part = ""
		case 8:
			m.info.Opsets = append(m.info.Opsets, m.opset(f))
			m.limit(f, len(m.info.Opsets), "operator sets")
		case 14:
			m.info.Metadata = append(m.info.Metadata, m.keyValue(f))
			m.limit(f, len(m.info.Metadata), "metadata entries")
		case 25:
			m.function(f)
		}
	}
}

// filled goes through the model once more for those inputs that an initializer gives a value. Files older than IR version 4
// list every weight among their inputs, and behind the weights.
func (m *modelReader) filled(inputs []Value) map[string]bool {
	filled := make(map[string]bool, len(inputs))
	for _, v := range inputs {
		filled[v.Name] = false
	}
	tensor := func(f field) {
		for f := range m.within(f) {
			if f.num == 8 {
				if name := m.name(f); !filled[name] {
					if _, ok := filled[name]; ok {
						filled[name] = true
					}
				}
			}
		}
	}
	m.pos, m.fields = 0, 0
	for f := range m.all(m.size) {
		if f.num != 7 {
			continue
		}
		for f := range m.within(f) {
			switch f.num {
			case 5:
				tensor(f)
			case 15:
				for f := range m.within(f) {
					if f.num == 1 {
						tensor(f)
					}
				}
			}
		}
	}
	return filled
}

func (m *modelReader) limit(f field, n int, what string) {
	if n > maxList {
		m.fail(f.begin, "more than %d %s", maxList, what)
	}
}

// opset reads an OperatorSetIdProto.
func (m *modelReader) opset(f field) (o Opset) {
	for f := range m.within(f) {
		switch f.num {
		case 1:
			o.Domain = m.string(f)
		case 2:
			o.Version = m.number(f)
		}
	}
	return o
}

// keyValue reads a StringStringEntryProto.
func (m *modelReader) keyValue(f field) (e KeyValue) {
	for f := range m.within(f) {
		switch f.num {
		case 1:
			e.Key = m.string(f)
		case 2:
			e.Value = m.string(f)
		}
	}
	return e
}

// function reads a FunctionProto: its nodes, and the tensors that its attributes' defaults may hold.
func (m *modelReader) function(f field) {
	for f := range m.within(f) {
		switch f.num {
		case 7:
			m.node(f, 0)
		case 11:
			m.attribute(f, 0)
		}
	}
}

// graph reads a GraphProto. Inputs and outputs are those of the main graph, at depth 0.
func (m *modelReader) graph(f field, depth int) {
	if depth > maxDepth {
		m.fail(f.begin, "graphs nested deeper than %d", maxDepth)
		return
	}
	nodes, initializers := 0, 0
	for f := range m.within(f) {
		switch f.num {
		case 1:
			m.at(depth, "node", nodes)
			nodes++
			m.node(f, depth)
		case 2:
			if depth == 0 {
				m.info.Graph = m.string(f)
			}
		case 5, 15:
			m.at(depth, "initializer", initializers)
			initializers++
			var elements int64
			if f.num == 5 {
				elements = m.tensor(f)
			} else {
				elements = m.sparse(f)
			}
			m.info.Initializers++
			m.info.Parameters = m.sum(f, m.info.Parameters, elements)
		case 11:
			if depth == 0 {
				m.at(depth, "input", len(m.info.Inputs))
				m.info.Inputs = append(m.info.Inputs, m.value(f))
				m.limit(f, len(m.info.Inputs), "inputs")
			}
		case 12:
			if depth == 0 {
				m.at(depth, "output", len(m.info.Outputs))
				m.info.Outputs = append(m.info.Outputs, m.value(f))
				m.limit(f, len(m.info.Outputs), "outputs")
			}
		}
	}
}

// at remembers which part of the main graph is being read, for messages.
func (m *modelReader) at(depth int, kind string, index int) {
	if depth == 0 && m.err == nil {
		m.part, m.index = kind, index
	}
}

// node reads a NodeProto.
func (m *modelReader) node(f field, depth int) {
	var operator, domain string
	var constants int64
	for f := range m.within(f) {
		switch f.num {
		case 4:
			operator = m.name(f)
		case 5:
			constants = m.sum(f, constants, m.attribute(f, depth))
		case 7:
			domain = m.name(f)
		}
	}
	if domain != "" && domain != "ai.onnx" {
		operator = domain + ":" + operator
	}
	if operator == "Constant" {
		m.info.Constants = m.sum(f, m.info.Constants, constants)
	}
	if m.info.Operators[operator]++; m.info.Operators[operator] == 1 {
		m.keep(f, len(operator))
	}
	m.limit(f, len(m.info.Operators), "kinds of operators")
}

// attribute reads an AttributeProto for the graphs and tensors in it, and counts the tensors' elements.
func (m *modelReader) attribute(f field, depth int) (elements int64) {
	for f := range m.within(f) {
		switch f.num {
		case 5, 10:
			elements = m.sum(f, elements, m.tensor(f))
		case 6, 11:
			m.graph(f, depth+1)
		case 22, 23:
			elements = m.sum(f, elements, m.sparse(f))
		}
	}
	return elements
}

// tensor reads a TensorProto without its data: how many elements it has and, where they lie in another file, which.
func (m *modelReader) tensor(f field) (elements int64) {
	var dtype DType
	var dims []int64
	external := map[string]string(nil)
	outside := false
	for f := range m.within(f) {
		switch f.num {
		case 1:
			dims = m.numbers(dims, f, maxRank, "axes")
		case 2:
			dtype = DType(m.number(f))
		case 13:
			e := m.keyValue(f)
			if external == nil {
				external = map[string]string{}
			}
			external[e.Key] = e.Value
			m.limit(f, len(external), "entries of external data")
		case 14:
			outside = m.number(f) == 1
		}
	}
	elements = m.product(f, dims)
	if outside {
		m.external(f, external, m.bytes(f, dtype, elements))
	}
	return elements
}

// sparse reads a SparseTensorProto; its elements are the values it lists.
func (m *modelReader) sparse(f field) (elements int64) {
	for f := range m.within(f) {
		switch f.num {
		case 1:
			elements = m.tensor(f)
		case 2:
			m.tensor(f)
		}
	}
	return elements
}

// external notes that a tensor of so many bytes lies in another file, and how long that file must be.
func (m *modelReader) external(f field, entries map[string]string, bytes int64) {
	if m.err != nil {
		return
	}
	location := entries["location"]
	if problem := outsideFolder(location); problem != "" {
		m.err = &ExternalError{Location: location, Problem: problem}
		return
	}
	var offset, length int64
	for _, e := range []struct {
		key string
		to  *int64
	}{{"offset", &offset}, {"length", &length}} {
		text, ok := entries[e.key]
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			m.fail(f.begin, "external data has the %s %.40q", e.key, text)
			return
		}
		*e.to = n
	}
	end := m.sum(f, offset, max(length, bytes))
	if _, ok := m.info.external[location]; !ok {
		m.info.External = append(m.info.External, location)
		m.limit(f, len(m.info.External), "files of external data")
	}
	m.info.external[location] = max(m.info.external[location], end)
}

// bytes is the space that a tensor's elements take.
func (m *modelReader) bytes(f field, dtype DType, elements int64) int64 {
	if !dtype.known() {
		return 0
	}
	high, low := bits.Mul64(uint64(elements), uint64(dtypes[dtype].bits))
	if high != 0 || low > math.MaxInt64-7 {
		m.fail(f.begin, "a tensor of %d elements", elements)
		return 0
	}
	return int64((low + 7) / 8)
}

// product multiplies the sizes of a tensor's axes.
func (m *modelReader) product(f field, dims []int64) int64 {
	n := uint64(1)
	for _, d := range dims {
		if d < 0 {
			m.fail(f.begin, "a tensor with an axis of size %d", d)
			return 0
		}
		high, low := bits.Mul64(n, uint64(d))
		if high != 0 || low > math.MaxInt64 {
			m.fail(f.begin, "a tensor whose sizes %d multiply to more than 2^63", dims)
			return 0
		}
		n = low
	}
	return int64(n)
}

func (m *modelReader) sum(f field, a, b int64) int64 {
	if a > math.MaxInt64-b {
		m.fail(f.begin, "tensors that claim more than 2^63 elements or bytes together")
		return 0
	}
	return a + b
}

// value reads a ValueInfoProto.
func (m *modelReader) value(f field) (v Value) {
	for f := range m.within(f) {
		switch f.num {
		case 1:
			v.Name = m.string(f)
		case 2:
			m.typ(f, &v)
		}
	}
	return v
}

// The alternatives of TypeProto by field number.
var kinds = map[protowire.Number]string{
	1: "tensor", 4: "sequence", 5: "map", 7: "opaque", 8: "sparse tensor", 9: "optional",
}

// typ reads a TypeProto.
func (m *modelReader) typ(f field, v *Value) {
	for f := range m.within(f) {
		kind, ok := kinds[f.num]
		if !ok {
			continue
		}
		v.Kind = kind
		if f.num != 1 && f.num != 8 {
			continue
		}
		for f := range m.within(f) {
			switch f.num {
			case 1:
				v.Type = DType(m.number(f))
			case 2:
				v.Shape = m.shape(f)
			}
		}
	}
}

// shape reads a TensorShapeProto. A negative size, which some exporters write, leaves the axis free.
func (m *modelReader) shape(f field) []Dim {
	shape := []Dim{}
	for f := range m.within(f) {
		if f.num != 1 {
			continue
		}
		dim := Free("")
		for f := range m.within(f) {
			switch f.num {
			case 1:
				dim = Dim{Size: max(m.number(f), -1)}
			case 2:
				dim = Free(m.string(f))
			}
		}
		shape = append(shape, dim)
		if m.axes++; len(shape) > maxRank || m.axes > maxAxes {
			m.fail(f.begin, "a shape with more than %d axes, or more than %d in all", maxRank, maxAxes)
		}
	}
	return shape
}
