package onnx

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Check looks at the finished graph before it is written: every value has one definition, before its uses; outputs exist;
// the types of what new nodes are fed agree, as far as they are known; names and metadata are text; the operator set has the
// forms that new nodes are written in. It tells the first thing that is wrong. [Graph.Write] does it by itself.
func (g *Graph) Check() error {
	if len(g.problems) > 0 {
		return errors.Join(g.problems...)
	}
	if len(g.outputNames()) == 0 {
		if g.base == nil {
			panic(fmt.Sprintf("onnx: graph %q has no output", g.name))
		}
		return fmt.Errorf("%s: no output would be left", g.base.source.info.File)
	}
	if g.base != nil && len(g.nodes) > 0 && g.Opset() < oldestOpset {
		return fmt.Errorf("%s: uses version %d of the standard operator set, and Odeon adds nodes to models of version %d to %d: convert it first, with onnx.version_converter", g.base.source.info.File, g.Opset(), oldestOpset, newestOpset)
	}
	keys := map[string]bool{}
	for _, e := range g.metadata {
		switch {
		case e.Key == "" || !utf8.ValidString(e.Key):
			return fmt.Errorf("metadata key %q: expected a name in UTF-8", e.Key)
		case !utf8.ValidString(e.Value):
			return fmt.Errorf("metadata %q: its value is not text in UTF-8", e.Key)
		case keys[e.Key]:
			return fmt.Errorf("metadata %q is there twice", e.Key)
		}
		keys[e.Key] = true
	}
	return g.checkGraph(&scope{})
}

// scope is what is defined around a place of the graph.
type scope struct {
	outer  *scope
	values map[Ref]bool
}

func (s *scope) has(name Ref) bool {
	for ; s != nil; s = s.outer {
		if s.values[name] {
			return true
		}
	}
	return false
}

// checkGraph walks through a graph in the order in which it is written.
func (g *Graph) checkGraph(outer *scope) error {
	here := &scope{outer, map[Ref]bool{}}
	where := fmt.Sprintf("graph %q", g.name)
	if g.base != nil {
		where = g.base.source.info.File
	}
	define := func(what string, name Ref) error {
		switch {
		case name == None:
			return fmt.Errorf("%s: %s has no name", where, what)
		case !utf8.ValidString(string(name)):
			return fmt.Errorf("%s: %s %q: its name is not text in UTF-8", where, what, name)
		case here.has(name):
			return fmt.Errorf("%s: %s %q: something else has that name already", where, what, name)
		}
		here.values[name] = true
		return nil
	}
	if g.base != nil {
		if err := g.base.check(g, define); err != nil {
			return err
		}
	}
	for _, v := range g.inputs {
		if err := define("input", Ref(v.Name)); err != nil {
			return err
		}
	}
	for _, i := range g.allInitializers() {
		if err := define("initializer", i.name); err != nil {
			return err
		}
	}
	nodes, model, after := g.nodes, []graphNode(nil), []graphNode(nil)
	if g.base != nil {
		nodes, model, after = g.order()
	}
	for _, list := range [][]graphNode{nodes, model, after} {
		for _, n := range list {
			if err := g.checkNode(n, here, where, define); err != nil {
				return err
			}
		}
	}
	names := g.outputNames()
	for _, name := range names {
		if !here.values[name] {
			return fmt.Errorf("%s: nothing computes the output %q", where, name)
		}
	}
	seen := map[Ref]bool{}
	for _, name := range names {
		if seen[name] {
			return fmt.Errorf("%s: the output %q is there twice", where, name)
		}
		seen[name] = true
	}
	return nil
}

func (g *Graph) checkNode(n graphNode, here *scope, where string, define func(string, Ref) error) error {
	what := n.operator
	if n.domain != "" {
		what = n.domain + ":" + what
	}
	for _, lists := range [][]Ref{n.inputs, n.captured} {
		for _, in := range lists {
			if in != None && !here.has(in) {
				return fmt.Errorf("%s: the %s node %q uses %q, which nothing before it defines", where, what, n.result(0), in)
			}
		}
	}
	for _, a := range n.attributes {
		if a.body != nil {
			if err := a.body.checkGraph(here); err != nil {
				return err
			}
		}
	}
	for _, out := range n.outputs {
		if out == None {
			continue
		}
		if err := define("result of a "+what+" node", out); err != nil {
			return err
		}
	}
	return nil
}

// check looks at what the model that is extended defines, and at what its inputs are fed.
func (b *extension) check(g *Graph, define func(string, Ref) error) error {
	r := b.renamed(false)
	listed := map[Ref]bool{}
	for i, name := range b.inputNames(g) {
		if name == None {
			continue
		}
		if err := define("input", name); err != nil {
			return err
		}
		listed[Ref(b.source.graph.inputs[i].name)] = true
	}
	for _, list := range [][]sourceTensor{b.source.graph.tensors, b.source.graph.sparse} {
		for _, t := range list {
			if listed[Ref(t.name)] { // an input with a default
				listed[Ref(t.name)] = false
				continue
			}
			if err := define("initializer", Ref(r.value(t.name))); err != nil {
				return err
			}
		}
	}
	computed := map[Ref]bool{}
	_, model, after := g.order()
	for _, list := range [][]graphNode{model, after} {
		for _, n := range list {
			for _, out := range n.outputs {
				computed[out] = true
			}
		}
	}
	for input, v := range b.feeds {
		if b.source.nested[input] {
			return fmt.Errorf("%s: the input %q cannot be fed from a node: a graph inside a node has a value of that name, too", b.source.info.File, input)
		}
		if computed[v] {
			return fmt.Errorf("%s: the input %q is fed from %q, which needs what the model computes: a circle", b.source.info.File, r.value(input), v)
		}
	}
	return nil
}
