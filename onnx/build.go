package onnx

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// What the builder writes unless told otherwise: the oldest versions that have all operators Odeon uses, so that the files
// run nearly everywhere.
const (
	builtIR    = 8
	builtOpset = 17
)

// Ref is a value inside a graph: an input, an initializer, or the result of a node. It is the value's name in the file.
type Ref string

// None stands where a node's optional input is left out.
const None Ref = ""

// Argument is what a node is made with: its inputs as [Ref] values in order, its attributes, and names of its results ([As]).
type Argument interface{ argument() }

func (Ref) argument()        {}
func (Attribute) argument()  {}
func (resultName) argument() {}

type resultName string

// As names a node's result, or its next one where it has several. Unnamed results are numbered: "matmul_3".
func As(name string) Argument { return resultName(name) }

// Graph is an ONNX graph being built. Nodes are added in an order in which they can be computed: each uses what exists
// already.
//
//	g := onnx.NewGraph("line")
//	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
//	w := g.Const("w", onnx.Array([]float32{1, 2, 3, 4}, 2, 2))
//	y := g.Node("MatMul", x, w)
//	g.Output("y", g.Node("Softmax", y, onnx.Int("axis", -1)), onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
//	err := g.Write(file)
//
// A misuse that only the program's author can mend, such as a name used twice or a value from nowhere, is a panic. What a
// model file can cause that the graph is built upon (see [Extend], [Graph.Embed]) is an error of [Graph.Check].
type Graph struct {
	name, doc    string
	parent       *Graph
	base         *extension // nil: the graph extends no model
	inputs       []Value
	outputs      []Value
	initializers []initializer
	nodes        []graphNode
	copied       []copiedField // value_info and the like of embedded models
	values       map[Ref]bool

	// Of the whole model, shared with subgraphs.
	*model
}

type initializer struct {
	name    Ref
	literal Literal
	weight  *weight // nil: the literal
}

type graphNode struct {
	operator, domain string
	inputs, outputs  []Ref
	captured         []Ref // values around it that a copied node's graphs use
	attributes       []Attribute
	copied           *copiedNode // nil: attributes and names are those here
}

type model struct {
	taken    map[Ref]bool // ONNX wants names unique across nested graphs
	types    map[Ref]DType
	count    map[string]int
	opsets   []Opset
	pinned   bool // the version of the standard operator set was asked for, or is that of a model
	metadata []KeyValue

	// Of models that it is built upon.
	ir        int64
	foreign   map[Ref]string // names that come from files, and the file
	sources   []*Source
	shared    map[*Source]*sharedWeights
	functions []copiedFunction
	problems  []error
	warnings  []string
}

// NewGraph begins a model. The name appears in viewers.
func NewGraph(name string) *Graph {
	return &Graph{
		name:   name,
		values: map[Ref]bool{},
		model: &model{
			taken:   map[Ref]bool{},
			types:   map[Ref]DType{},
			count:   map[string]int{},
			opsets:  []Opset{{"", builtOpset}},
			ir:      builtIR,
			foreign: map[Ref]string{},
			shared:  map[*Source]*sharedWeights{},
		},
	}
}

// Subgraph begins a graph for a [Body] attribute. Its nodes may use the values of g.
func (g *Graph) Subgraph(name string) *Graph {
	return &Graph{name: name, parent: g, values: map[Ref]bool{}, model: g.model}
}

// Doc describes the graph for readers.
func (g *Graph) Doc(text string) { g.doc = text }

// Import sets the version of an operator set; the standard one, "", is imported at version 17 without being asked, or at
// that of a model that the graph is built upon.
func (g *Graph) Import(domain string, version int64) {
	if i := g.imported(domain); i >= 0 {
		if o := &g.opsets[i]; o.Version != version && g.root().base != nil {
			g.problem("%s imports version %d of operator set %q, and version %d is wanted", g.root().base.source.info.File, o.Version, domain, version)
		} else {
			o.Version = version
		}
	} else {
		g.opsets = append(g.opsets, Opset{domain, version})
	}
	g.pinned = g.pinned || domain == ""
}

// imported is the place of an operator set among those imported; -1 where it is not.
func (g *Graph) imported(domain string) int {
	return slices.IndexFunc(g.opsets, func(o Opset) bool { return o.domain() == Opset{Domain: domain}.domain() })
}

// root is the outermost graph.
func (g *Graph) root() *Graph {
	for g.parent != nil {
		g = g.parent
	}
	return g
}

// Meta sets an entry of metadata_props.
func (g *Graph) Meta(key, value string) {
	for i := range g.metadata {
		if g.metadata[i].Key == key {
			g.metadata[i].Value = value
			return
		}
	}
	g.metadata = append(g.metadata, KeyValue{key, value})
}

// Input adds an input; no sizes at all make it a scalar.
func (g *Graph) Input(name string, t DType, shape ...Dim) Ref {
	g.inputs = append(g.inputs, Value{Name: name, Kind: "tensor", Type: t, Shape: shape})
	return g.define(Ref(name), t)
}

// Const adds an initializer. Without a name it is numbered: "const_3".
func (g *Graph) Const(name string, l Literal) Ref {
	if name == "" {
		name = string(g.fresh("const"))
	}
	g.initializers = append(g.initializers, initializer{name: Ref(name), literal: l})
	return g.define(Ref(name), l.Type)
}

// Node adds a node with one result. Operators outside the standard set are written "domain:Name".
func (g *Graph) Node(operator string, arguments ...Argument) Ref {
	return g.Nodes(operator, 1, arguments...)[0]
}

// Nodes adds a node with several results.
func (g *Graph) Nodes(operator string, results int, arguments ...Argument) []Ref {
	n := graphNode{operator: operator}
	if domain, name, ok := strings.Cut(operator, ":"); ok {
		n.domain, n.operator = domain, name
	}
	for _, a := range arguments {
		switch a := a.(type) {
		case Ref:
			if a != None && !g.sees(a) {
				panic(fmt.Sprintf("onnx: input %q of a %s node is no value of graph %q", a, operator, g.name))
			}
			n.inputs = append(n.inputs, a)
		case Attribute:
			n.attributes = append(n.attributes, a)
		case resultName:
			n.outputs = append(n.outputs, Ref(a))
		}
	}
	if len(n.outputs) > results {
		panic(fmt.Sprintf("onnx: a %s node with %d results has %d names for them", operator, results, len(n.outputs)))
	}
	for len(n.outputs) < results {
		n.outputs = append(n.outputs, g.fresh(n.operator))
	}
	for i, name := range n.outputs {
		g.define(name, g.result(n, i))
	}
	g.nodes = append(g.nodes, n)
	return n.outputs
}

// Output makes a value an output of the graph. It keeps the value's own name where that is the same (see [As]); otherwise
// an Identity node renames it.
func (g *Graph) Output(name string, v Ref, t DType, shape ...Dim) {
	if name != string(v) {
		v = g.Node("Identity", v, As(name))
	}
	if !g.values[v] {
		panic(fmt.Sprintf("onnx: output %q is no value of graph %q", v, g.name))
	}
	if known := g.types[v]; known != Undefined && known != t {
		g.problem("graph %q: the output %q is declared as %v and computed as %v", g.name, name, t, known)
	}
	g.outputs = append(g.outputs, Value{Name: name, Kind: "tensor", Type: t, Shape: shape})
}

// define takes a name for a value.
func (g *Graph) define(name Ref, t DType) Ref {
	if file, ok := g.foreign[name]; ok && g.taken[name] {
		g.problem("%s has a value named %q, and a new value was to be named so", file, name)
	} else if name == None || g.taken[name] {
		panic(fmt.Sprintf("onnx: the name %q is empty or already taken in graph %q", name, g.name))
	}
	g.taken[name] = true
	g.values[name] = true
	if t != Undefined {
		g.types[name] = t
	}
	return name
}

// problem notes what a file causes and [Graph.Check] tells.
func (g *Graph) problem(format string, args ...any) {
	g.problems = append(g.problems, fmt.Errorf(format, args...))
}

// fresh is a name that is not taken yet.
func (g *Graph) fresh(kind string) Ref {
	kind = strings.ToLower(kind)
	for {
		g.count[kind]++
		name := Ref(fmt.Sprintf("%s_%d", kind, g.count[kind]))
		if !g.taken[name] {
			return name
		}
	}
}

func (g *Graph) sees(name Ref) bool {
	for ; g != nil; g = g.parent {
		if g.values[name] {
			return true
		}
	}
	return false
}

// Bytes is the model as a file holds it: the same bytes for the same calls.
func (g *Graph) Bytes() ([]byte, error) {
	var b bytes.Buffer
	err := g.Write(&b)
	return b.Bytes(), err
}

// Write checks the graph (see [Graph.Check]) and writes the model. Weights go to w as they are, without a copy of the
// whole; those in other files stay there. Protobuf, and so ONNX Runtime, reads no model of 2 GiB or more.
func (g *Graph) Write(w io.Writer) error {
	m, err := g.encodeModel(&encoder{})
	if err != nil {
		return err
	}
	return m.writeTo(w)
}

// encodeModel makes a ModelProto of a graph that is as it should be.
func (g *Graph) encodeModel(e *encoder) (*message, error) {
	if g.parent != nil {
		panic(fmt.Sprintf("onnx: graph %q belongs into an attribute, not into a file of its own", g.name))
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	var m message
	if g.base != nil {
		g.extendModel(&m, e)
	} else {
		m.number(1, g.ir)
		m.text(2, "odeon")
		m.message(7, g.encode(e))
		g.encodeOpsets(&m, g.opsets)
		g.encodeMetadata(&m)
		g.encodeFunctions(&m, e)
	}
	if e.err != nil {
		return nil, e.err
	}
	if m.len() > math.MaxInt32 {
		return nil, fmt.Errorf("graph %q: an ONNX file holds at most 2 GiB, and this model has %d bytes", g.name, m.len())
	}
	return &m, nil
}

func (g *Graph) encodeOpsets(m *message, opsets []Opset) {
	for _, o := range opsets {
		var set message
		set.optional(1, o.Domain)
		set.number(2, o.Version)
		m.message(8, &set)
	}
}

func (g *Graph) encodeMetadata(m *message) {
	for _, e := range g.metadata {
		var entry message
		entry.text(1, e.Key)
		entry.text(2, e.Value)
		m.message(14, &entry)
	}
}

// encode makes a GraphProto.
func (g *Graph) encode(e *encoder) *message {
	if len(g.outputs) == 0 {
		panic(fmt.Sprintf("onnx: graph %q has no output", g.name))
	}
	if g.parent == nil {
		e.decide(g)
	}
	var m message
	g.encodeNodes(&m, e, g.nodes)
	m.text(2, g.name)
	g.encodeInitializers(&m, e)
	m.optional(10, g.doc)
	for _, v := range g.inputs {
		m.message(11, v.encode())
	}
	for _, v := range g.outputs {
		m.message(12, v.encode())
	}
	g.encodeCopied(&m, e)
	return &m
}

func (g *Graph) encodeNodes(m *message, e *encoder, nodes []graphNode) {
	for _, n := range e.casts[g] {
		m.message(1, g.encodeNode(e, n))
	}
	delete(e.casts, g)
	for _, n := range nodes {
		switch {
		case e.gone[n.result(0)]:
		case n.copied != nil:
			e.rewrite(m, n.copied.source, n.copied.node.piece, aNode, n.copied.names)
		default:
			m.message(1, g.encodeNode(e, n))
		}
	}
}

func (g *Graph) encodeInitializers(m *message, e *encoder) {
	for _, i := range g.allInitializers() {
		if i.weight != nil {
			e.weight(m, i.name, i.weight)
		} else {
			m.message(5, i.literal.encode(string(i.name)))
		}
	}
}

// encodeNode makes a NodeProto, named for its first result.
func (g *Graph) encodeNode(e *encoder, n graphNode) *message {
	if g.imported(n.domain) < 0 {
		panic(fmt.Sprintf("onnx: graph %q uses %s of an operator set %q that it does not import", g.name, n.operator, n.domain))
	}
	var m message
	for _, in := range n.inputs {
		m.text(1, string(in))
	}
	for _, out := range n.outputs {
		m.text(2, string(out))
	}
	if len(g.shared) == 0 { // ONNX Runtime wants names of nodes unique, and a source's nodes bring theirs
		m.text(3, string(n.outputs[0]))
	}
	m.text(4, n.operator)
	for _, a := range n.attributes {
		m.message(5, a.encode(e))
	}
	m.optional(7, n.domain)
	return &m
}

// encode makes a ValueInfoProto.
func (v Value) encode() *message {
	var m, typ, tensor, shape message
	for _, d := range v.Shape {
		var dim message
		if d.IsFree() {
			dim.optional(2, d.Name)
		} else {
			dim.number(1, d.Size)
		}
		shape.message(1, &dim)
	}
	tensor.number(1, int64(v.Type))
	tensor.message(2, &shape)
	typ.message(1, &tensor)
	m.text(1, v.Name)
	m.message(2, &typ)
	return &m
}
