package graph

import (
	"slices"

	"odeon/onnx"
)

// This file reads graphs inside nodes, and functions.

// branch takes the graph that an If chooses.
func (c *call) branch() []*Value {
	which := "else_branch"
	if c.holds(0) {
		which = "then_branch"
	}
	return c.inner(c.body(which), nil)
}

// loop runs a Loop whose number of rounds is known.
func (c *call) loop() []*Value {
	body := c.body("body")
	rounds := int64(mostNodes)
	if c.has(0) {
		rounds = int64(c.scalar(0))
	}
	goOn := !c.has(1) || c.holds(1)
	carried := slices.Clone(c.args[min(2, len(c.args)):])
	stacks := make([][]*Value, max(0, len(body.Outputs)-1-len(carried)))
	for i := int64(0); i < rounds && goOn; i++ {
		args := append([]*Value{c.g.Integers([]int64{i}, Shape{}), c.truths([]int64{1}, Shape{})}, carried...)
		results := c.inner(body, args)
		if len(results) < 1+len(carried) {
			fail("a body with %d outputs, and %d values are carried", len(results), len(carried))
		}
		numbers, ok := c.known(results[0])
		if !ok || len(numbers.Ints) != 1 {
			fail("how often it runs depends on the data")
		}
		goOn = numbers.Ints[0] != 0
		carried = results[1 : 1+len(carried)]
		for k, v := range results[1+len(carried):] {
			stacks[k] = append(stacks[k], c.g.Reshape(v, slices.Concat(Shape{1}, v.Shape)...))
		}
	}
	results := slices.Clone(carried)
	for _, stack := range stacks {
		if len(stack) == 0 {
			fail("a loop without a round")
		}
		results = append(results, c.g.Concat(0, stack...))
	}
	return results
}

// body is a graph among the attributes.
func (c *call) body(name string) *onnx.Parts {
	body := c.attribute(name).Graph
	if body == nil {
		fail("attribute %q holds no graph", name)
	}
	return body
}

// inner runs a graph inside the node.
func (c *call) inner(body *onnx.Parts, args []*Value) []*Value {
	s := &scope{outer: c.scope, values: map[string]*Value{}}
	for i, in := range body.Inputs {
		if i < len(args) {
			s.values[in.Name] = args[i]
		}
	}
	c.tensors(s, body.Tensors, false)
	c.run(s, body.Nodes)
	c.reader.node = c.node
	results := make([]*Value, len(body.Outputs))
	for i, out := range body.Outputs {
		results[i] = s.value(out.Name)
	}
	return results
}

// function runs the nodes of an operator that the file defines.
func (c *call) function(f *onnx.Function) []*Value {
	s := &scope{values: map[string]*Value{}}
	for i, name := range f.Inputs {
		if i < len(c.args) && c.args[i] != nil {
			s.values[name] = c.args[i]
		}
	}
	nodes := make([]onnx.Node, len(f.Nodes))
	for i, n := range f.Nodes {
		nodes[i] = c.bound(n, f)
	}
	opset := c.reader.opset
	for _, o := range f.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			c.reader.opset = o.Version
		}
	}
	inside := &scope{outer: s, values: map[string]*Value{}} // whose names are not those of the main graph
	c.run(inside, nodes)
	c.reader.opset, c.reader.node = opset, c.node
	results := make([]*Value, len(f.Outputs))
	for i, name := range f.Outputs {
		results[i] = inside.value(name)
	}
	return results
}

// bound is a node of a function with the attributes that the calling node gives, or their defaults.
func (c *call) bound(n onnx.Node, f *onnx.Function) onnx.Node {
	settings := map[string]onnx.Setting{}
	for name, v := range n.Attributes {
		if v.Ref == "" {
			settings[name] = v
		} else if given, ok := c.node.Attributes[v.Ref]; ok {
			settings[name] = given
		} else if usual, ok := f.Defaults[v.Ref]; ok {
			settings[name] = usual
		}
	}
	n.Attributes = settings
	return n
}
