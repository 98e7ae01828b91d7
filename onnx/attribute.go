package onnx

import "fmt"

// Attribute is a named constant of a node.
type Attribute struct {
	name    string
	message *message // an AttributeProto, but for the graph of a Body
	body    *Graph
	value   int64 // of an Int
	dtype   DType // of a Tensorial
}

// AttributeProto.AttributeType
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrTensor = 4
	attrGraph  = 5
	attrInts   = 7
)

func attribute(name string, kind int64, fill func(*message)) Attribute {
	m := &message{}
	m.text(1, name)
	fill(m)
	m.number(20, kind)
	return Attribute{name: name, message: m}
}

// Int is an attribute such as axis.
func Int(name string, v int64) Attribute {
	a := attribute(name, attrInt, func(m *message) { m.number(3, v) })
	a.value = v
	return a
}

// Ints is an attribute such as perm or pads.
func Ints(name string, list ...int64) Attribute {
	return attribute(name, attrInts, func(m *message) {
		for _, v := range list {
			m.number(8, v)
		}
	})
}

// Float is an attribute such as epsilon.
func Float(name string, v float32) Attribute {
	return attribute(name, attrFloat, func(m *message) { m.float(2, v) })
}

// Text is an attribute such as mode.
func Text(name, v string) Attribute {
	return attribute(name, attrString, func(m *message) { m.text(4, v) })
}

// Tensorial is an attribute that holds a tensor, such as value of Constant and ConstantOfShape.
func Tensorial(name string, v Literal) Attribute {
	a := attribute(name, attrTensor, func(m *message) { m.message(5, v.encode("")) })
	a.dtype = v.Type
	return a
}

// Body is an attribute that holds a graph, such as then_branch of If and body of Loop. The graph is made by
// [Graph.Subgraph] and complete by now.
func Body(name string, g *Graph) Attribute {
	if len(g.outputs) == 0 {
		panic(fmt.Sprintf("onnx: graph %q has no output", g.name))
	}
	a := attribute(name, attrGraph, func(*message) {})
	a.body = g
	return a
}

// encode makes an AttributeProto.
func (a Attribute) encode(e *encoder) *message {
	if a.body == nil {
		return a.message
	}
	m := &message{}
	m.splice(a.message)
	m.message(6, a.body.encode(e))
	return m
}
