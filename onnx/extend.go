package onnx

import (
	"fmt"
	"slices"
)

// extension is a model that a graph extends.
type extension struct {
	source  *Source
	names   map[string]string // values with a new name
	origin  map[Ref]string    // the other way round
	feeds   map[string]Ref    // inputs, by their name in the file, that nodes read something else in place of
	dropped map[string]bool   // outputs, likewise
	noMeta  map[string]bool   // metadata that goes

	refilled  map[*sourceTensor][]byte // initializers with other elements
	constants map[string]Literal       // what stands for a node's result, by its name in the file
}

// copiedNode is a node of a source. Without names it is copied as it is.
type copiedNode struct {
	source *Source
	node   *sourceNode
	names  *renaming
}

// Extend begins a graph that is the model itself: every field of the file is kept, unknown ones too, and its weights are
// copied byte for byte when the graph is written. New nodes may use any of its values (see [Graph.Value]); those that need
// what the model computes are written behind its nodes, the others before.
//
//	source, err := onnx.OpenSource("noise.onnx")
//	...
//	g := onnx.Extend(source)
//	eps, _ := g.Value("eps")
//	g.DropOutput("eps")
//	g.Output("velocity", g.Node("Neg", eps), onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
//	err = g.WriteFile("velocity.onnx", onnx.WriteOptions{})
//
// New nodes must be valid in the operator set of the model (see [Graph.Opset]). What the file can cause, such as a value of
// it that has the name of a new one, is an error of [Graph.Check] and so of writing.
func Extend(s *Source) *Graph {
	g := NewGraph(s.info.Graph)
	g.opsets = slices.Clone(s.info.Opsets)
	g.pinned = true
	g.ir = s.info.IRVersion
	g.base = &extension{
		source: s, names: map[string]string{}, origin: map[Ref]string{}, feeds: map[string]Ref{},
		dropped: map[string]bool{}, noMeta: map[string]bool{}, refilled: map[*sourceTensor][]byte{}, constants: map[string]Literal{},
	}
	g.sources = []*Source{s}
	g.shared[s] = &sharedWeights{home: g}
	define := func(name string, t DType) {
		g.values[Ref(name)] = name != ""
		g.foreign[Ref(name)] = s.info.File
		if t != Undefined {
			g.types[Ref(name)] = t
		}
	}
	graph := &s.graph
	for _, list := range [][]sourceValue{graph.shapes, graph.inputs, graph.outputs} {
		for _, v := range list {
			if v.dtype != Undefined {
				g.types[Ref(v.name)] = v.dtype
			}
		}
	}
	for _, v := range graph.inputs {
		define(v.name, v.dtype)
	}
	for _, t := range slices.Concat(graph.tensors, graph.sparse) {
		define(t.name, t.dtype)
	}
	for i := range graph.nodes {
		n := baseNode(s, &graph.nodes[i], &renaming{})
		for k, name := range n.outputs {
			if name == None {
				continue
			}
			define(string(name), g.result(n, k))
		}
	}
	for name := range s.nested {
		g.foreign[Ref(name)] = s.info.File
	}
	for name := range g.foreign {
		g.taken[name] = true
	}
	return g
}

// baseNode is a node of a source as a node of a graph.
func baseNode(s *Source, n *sourceNode, names *renaming) graphNode {
	refs := func(list []string) []Ref {
		out := make([]Ref, len(list))
		for i, name := range list {
			out[i] = Ref(names.value(name))
		}
		return out
	}
	return graphNode{
		operator: n.operator, domain: n.domain,
		inputs: refs(n.inputs), outputs: refs(n.outputs), captured: refs(n.captured),
		copied: &copiedNode{s, n, names},
	}
}

// Value finds a value of the model that g extends: an input, an initializer or the result of a node of its main graph.
func (g *Graph) Value(name string) (Ref, bool) {
	if base := g.root().base; base == nil || !g.root().values[Ref(name)] || g.foreign[Ref(name)] == "" {
		return None, false
	}
	return Ref(name), true
}

// Feed has the model's nodes read v in place of one of its inputs. The input goes, unless new nodes use it: v may be computed
// from it. For an input of another type or shape under the same name, see [Graph.Rename].
func (g *Graph) Feed(input string, v Ref) {
	base := g.extended("Feed")
	if !g.sees(v) {
		panic(fmt.Sprintf("onnx: Feed: %q is no value of graph %q", v, g.name))
	}
	name := base.inFile(input)
	if !slices.ContainsFunc(base.source.graph.inputs, func(v sourceValue) bool { return v.name == name }) {
		g.problem("%s: has no input %q to be fed from %q", base.source.info.File, input, v)
		return
	}
	if want, got := g.types[Ref(input)], g.types[v]; want != got && want != Undefined && got != Undefined {
		g.problem("%s: the input %q takes %v, and is fed %v", base.source.info.File, input, want, got)
	}
	base.feeds[name] = v
}

// Rename gives a value of the model another name, everywhere in it, so that the old one is free for a new value:
//
//	inner := g.Rename("t", g.Unused("network_t"))
//	index := g.Input("t", onnx.Int64, onnx.Free("n"))
//	g.Feed(string(inner), g.Node("Cast", index, onnx.Int("to", int64(onnx.Float32))))
//
// An input or output that is renamed has the new name outside, too. What [Graph.Value] returned for the old name is void, so
// rename first.
func (g *Graph) Rename(old, name string) Ref {
	base := g.extended("Rename")
	if _, ok := g.Value(old); !ok {
		g.problem("%s: has no value %q to be renamed to %q", base.source.info.File, old, name)
		return g.define(Ref(name), Undefined)
	}
	if base.source.nested[base.inFile(old)] {
		g.problem("%s: the value %q cannot be renamed: a graph inside a node has a value of that name, too", base.source.info.File, old)
	}
	t := g.types[Ref(old)]
	original := base.inFile(old)
	delete(g.values, Ref(old))
	delete(g.taken, Ref(old))
	delete(g.foreign, Ref(old))
	delete(g.types, Ref(old))
	delete(base.origin, Ref(old))
	g.define(Ref(name), t)
	g.foreign[Ref(name)] = base.source.info.File
	base.names[original] = name
	base.origin[Ref(name)] = original
	return Ref(name)
}

// DropOutput makes an output of the model an inner value.
func (g *Graph) DropOutput(name string) {
	base := g.extended("DropOutput")
	original := base.inFile(name)
	if !slices.ContainsFunc(base.source.graph.outputs, func(v sourceValue) bool { return v.name == original }) {
		g.problem("%s: has no output %q to be dropped", base.source.info.File, name)
	}
	base.dropped[original] = true
}

// DropMeta removes an entry of metadata_props.
func (g *Graph) DropMeta(key string) {
	g.metadata = slices.DeleteFunc(g.metadata, func(e KeyValue) bool { return e.Key == key })
	if base := g.root().base; base != nil {
		base.noMeta[key] = true
	}
}

// Opset is the version of the standard operator set, in which new nodes must be valid. Operators whose form is the same from
// 13 to 21 are safe for every model.
func (g *Graph) Opset() int64 { return standardOpset(g.opsets) }

// Unused is the name itself where nothing in the whole model is called so, else the name and a number.
func (g *Graph) Unused(name string) string {
	unused := name
	for i := 2; g.taken[Ref(unused)] || unused == ""; i++ {
		unused = fmt.Sprintf("%s_%d", name, i)
	}
	return unused
}

// TypeOf is the type of a value's elements; Undefined where it is not known.
func (g *Graph) TypeOf(v Ref) DType { return g.types[v] }

// extended is the model that g extends.
func (g *Graph) extended(what string) *extension {
	if g.base == nil {
		panic(fmt.Sprintf("onnx: %s: graph %q extends no model", what, g.name))
	}
	return g.base
}

// inFile is the name that a value has in the model's file.
func (b *extension) inFile(name string) string {
	if original, ok := b.origin[Ref(name)]; ok {
		return original
	}
	return name
}

// renamed is what names in the model become; feeds count for what nodes read, not for definitions.
func (b *extension) renamed(withFeeds bool) *renaming {
	r := &renaming{names: map[string]string{}}
	for old, name := range b.names {
		r.names[old] = name
	}
	if withFeeds {
		for input, v := range b.feeds {
			r.names[input] = string(v)
		}
	}
	return r
}

// touches tells whether any of the names changes.
func (r *renaming) touches(lists ...[]string) bool {
	for _, list := range lists {
		for _, name := range list {
			if _, ok := r.names[name]; ok {
				return true
			}
		}
	}
	return false
}

// order is the nodes of the outermost graph as they are written: before, of the model, after.
func (g *Graph) order() (before, model, after []graphNode) {
	if g.base == nil {
		return g.nodes, nil, nil
	}
	late := map[Ref]bool{} // what needs what the model's nodes compute
	names, plain := g.base.renamed(true), &renaming{}
	nodes := g.base.source.graph.nodes
	for i := range nodes {
		n := &nodes[i]
		r := plain
		if len(names.names) > 0 && names.touches(n.inputs, n.outputs, n.captured) {
			r = names
		}
		node := baseNode(g.base.source, n, r)
		for _, out := range node.outputs {
			late[out] = true
		}
		model = append(model, node)
	}
	delete(late, None)
	for _, n := range g.nodes {
		if slices.ContainsFunc(n.uses(), func(v Ref) bool { return late[v] }) {
			after = append(after, n)
			for _, out := range n.outputs {
				late[out] = true
			}
		} else {
			before = append(before, n)
		}
	}
	return before, model, after
}

// uses lists the values that a node needs, those in graphs inside it too; None is among them where an input is left out.
func (n graphNode) uses() []Ref {
	list := slices.Concat(n.inputs, n.captured)
	for _, a := range n.attributes {
		if a.body != nil {
			list = append(list, a.body.captured()...)
		}
	}
	return list
}

// captured lists the values of graphs around it that a graph uses.
func (g *Graph) captured() (list []Ref) {
	for _, n := range g.nodes {
		for _, v := range n.uses() {
			if !g.values[v] {
				list = append(list, v)
			}
		}
	}
	for _, v := range g.outputs {
		if !g.values[Ref(v.Name)] {
			list = append(list, Ref(v.Name))
		}
	}
	return list
}

// eachNode visits the nodes of the whole model, but for those in graphs inside a file's own nodes.
func (g *Graph) eachNode(visit func(graphNode)) {
	before, model, after := g.order()
	for _, nodes := range [][]graphNode{before, model, after} {
		for _, n := range nodes {
			visit(n)
			for _, a := range n.attributes {
				if a.body != nil {
					a.body.eachNode(visit)
				}
			}
		}
	}
}

// outputNames lists the outputs of the outermost graph.
func (g *Graph) outputNames() (list []Ref) {
	if g.base != nil {
		r := g.base.renamed(false)
		for _, v := range g.base.source.graph.outputs {
			if !g.base.dropped[v.name] {
				list = append(list, Ref(r.value(v.name)))
			}
		}
	}
	for _, v := range g.outputs {
		list = append(list, Ref(v.Name))
	}
	return list
}

// inputNames lists the inputs of the outermost graph that are of the model extended, by their place in it; None where one
// goes because something else is fed in its place.
func (b *extension) inputNames(g *Graph) []Ref {
	r := b.renamed(false)
	used := map[Ref]bool{}
	for _, n := range g.nodes {
		for _, v := range n.uses() {
			used[v] = true
		}
	}
	for _, v := range g.outputNames() {
		used[v] = true
	}
	list := make([]Ref, len(b.source.graph.inputs))
	for i, v := range b.source.graph.inputs {
		name := Ref(r.value(v.name))
		if _, fed := b.feeds[v.name]; !fed || used[name] {
			list[i] = name
		}
	}
	return list
}

// allWeights lists the initializers that come from files, and the graph that each is in.
func (g *Graph) allWeights() (list []initializer, homes []*Graph) {
	if g.base != nil {
		for _, i := range g.base.weights() {
			list, homes = append(list, i), append(homes, g)
		}
	}
	for _, s := range g.sources {
		for _, i := range g.shared[s].list {
			list, homes = append(list, i), append(homes, g.shared[s].home)
		}
	}
	return list, homes
}

// weights lists the initializers of the model extended.
func (b *extension) weights() (list []initializer) {
	r := b.renamed(false)
	for i := range b.source.graph.tensors {
		t := &b.source.graph.tensors[i]
		list = append(list, initializer{name: Ref(r.value(t.name)), weight: &weight{source: b.source, tensor: t, names: r}})
	}
	return list
}
