package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds on files that are built upon.
const (
	oldestOpset = 13      // in which new nodes are valid; from there to 21 their forms are the same
	maxPieces   = 1 << 20 // fields of the main graph that the index holds
)

// Source is a model file opened to be built upon. What is kept of it in memory is an index: where its nodes and tensors lie,
// and the names in them. Its weights stay in the file until a graph that holds them is written.
type Source struct {
	info   *Info
	file   io.ReaderAt
	size   int64
	close  func() error
	pieces []piece // the fields of the ModelProto
	graph  sourceGraph
	nested map[string]bool // values that nested graphs define
	opset  int64

	functions []sourceFunction
	apart     map[string]bool // files of external weights that tensors outside the main graph's initializers lie in
}

// piece is where a field lies: its head from begin, its content from body up to end.
type piece struct {
	num              protowire.Number
	begin, body, end int64
}

// sourceGraph is the main graph. The index of a piece among those of its number is that of the node, tensor or value.
type sourceGraph struct {
	pieces                  []piece
	nodes                   []sourceNode
	tensors, sparse         []sourceTensor
	inputs, outputs, shapes []sourceValue // shapes: value_info
	annotations             []piece
}

type sourceNode struct {
	piece
	operator, domain string
	inputs, outputs  []string
	captured         []string // values of the main graph that graphs inside the node use
	to               DType    // of a Cast
}

type sourceTensor struct {
	piece
	name     string
	dtype    DType
	dims     []int64
	elements int64
	raw      *piece            // the elements as they lie in memory; nil where they are kept in another way
	external map[string]string // where they lie in another file
}

type sourceValue struct {
	piece
	name  string
	dtype DType
}

// sourceFunction is an operator that the file defines.
type sourceFunction struct {
	piece
	name string // domain, name and overload
}

// OpenSource opens a file. The file must stay as it is until all graphs made from it are written; then it is to be closed. A
// file that cannot be built upon is an error that says why: damaged (see [ReadInfo]), of a version of the format that is
// not known, or with external weights that are not there.
func OpenSource(path string) (*Source, error) {
	info, err := ReadInfo(path)
	if err != nil {
		return nil, err
	}
	if err := info.CheckExternal(); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := index(info, file)
	if err != nil {
		file.Close()
		return nil, err
	}
	s.close = file.Close
	return s, nil
}

// SourceBytes is [OpenSource] for a model in memory, which name stands for in messages. The model must hold its weights.
func SourceBytes(model []byte, name string) (*Source, error) {
	info, err := ReadInfoBytes(model, name)
	if err != nil {
		return nil, err
	}
	if len(info.External) > 0 {
		return nil, &ExternalError{File: name, Location: info.External[0], Problem: "a model in memory must hold its weights itself"}
	}
	return index(info, bytes.NewReader(model))
}

// Info is what the file says of itself.
func (s *Source) Info() *Info { return s.info }

// Opset is the version of the standard operator set that the model imports.
func (s *Source) Opset() int64 { return s.opset }

// Close closes the file. Calling it again does nothing.
func (s *Source) Close() error {
	if s.close == nil {
		return nil
	}
	file := s.close
	s.close = nil
	return file()
}

// indexer walks through a model that [ReadInfo] has found to be sound.
type indexer struct {
	*walker
	source *Source
	texts  map[string]string // one copy of each name
}

func index(info *Info, file io.ReaderAt) (*Source, error) {
	if err := info.buildable(); err != nil {
		return nil, err
	}
	s := &Source{info: info, file: file, size: info.Size, nested: map[string]bool{}, apart: map[string]bool{}, opset: standardOpset(info.Opsets)}
	x := indexer{walker: newWalker(file, info.Size), source: s, texts: map[string]string{}}
	x.model()
	if format, ok := errors.AsType[*FormatError](x.err); ok {
		format.File = info.File
		return nil, format
	}
	if x.err != nil {
		return nil, fmt.Errorf("%s: %w", info.File, x.err)
	}
	return s, nil
}

// buildable says why a file whose parts can be found may still not be built upon.
func (i *Info) buildable() error {
	switch {
	case i.IRVersion < 1:
		return fmt.Errorf("%s: states no version of the ONNX format (IR version), expected 1 to %d: the file is not complete", i.File, newestIR)
	case i.IRVersion > newestIR:
		return fmt.Errorf("%s: has IR version %d of the ONNX format, and Odeon rewrites versions up to %d: what a later version means by its fields is not known", i.File, i.IRVersion, newestIR)
	}
	seen := map[string]bool{}
	for _, o := range i.Opsets {
		domain := o.domain()
		if seen[domain] {
			return fmt.Errorf("%s: imports the operator set %q twice", i.File, domain)
		}
		seen[domain] = true
	}
	if standard := standardOpset(i.Opsets); seen[""] && (standard < 1 || standard > newestOpset) {
		return fmt.Errorf("%s: uses version %d of the standard operator set, and Odeon rewrites versions up to %d", i.File, standard, newestOpset)
	}
	return nil
}

// domain is the operator set's name; the standard one has two.
func (o Opset) domain() string {
	if o.Domain == "ai.onnx" {
		return ""
	}
	return o.Domain
}

// standardOpset is the version of the standard operator set; 0 where it is not imported.
func standardOpset(opsets []Opset) int64 {
	for _, o := range opsets {
		if o.domain() == "" {
			return o.Version
		}
	}
	return 0
}

// model indexes a ModelProto.
func (x *indexer) model() {
	for p := range x.fields(field{end: x.size}) {
		x.source.pieces = append(x.source.pieces, p.piece)
		switch p.num {
		case 7:
			if x.source.graph.pieces != nil {
				x.fail(p.begin, "a second graph")
			}
			x.source.graph.pieces = []piece{}
			x.graph(p.field)
			x.part = ""
		case 25:
			x.function(p)
		}
	}
}

// located is a field with the place of its head.
type located struct {
	piece
	field field
}

// fields visits the fields of the message in f with their places.
func (x *indexer) fields(f field) func(func(located) bool) {
	return func(yield func(located) bool) {
		count := 0
		begin := f.begin
		x.pos = f.begin
		x.walk(f.end, func(f field) bool {
			if count++; count > maxPieces {
				x.fail(begin, "more than %d fields in one part of the model, where Odeon rewrites up to so many", maxPieces)
				return false
			}
			at := begin
			begin = f.end
			return yield(located{piece{f.num, at, f.begin, f.end}, f})
		})
	}
}

// text reads a name that is kept.
func (x *indexer) text(f field) string {
	if !x.is(f, protowire.BytesType) {
		return ""
	}
	n := f.end - f.begin
	if n > int64(cap(x.window)) {
		return x.name(f) // which fails
	}
	b := x.peek(int(n))
	if known, ok := x.texts[string(b)]; ok {
		return known
	}
	x.keep(f, int(n))
	name := string(b)
	x.texts[name] = name
	return name
}

// graph indexes the main graph.
func (x *indexer) graph(f field) {
	g := &x.source.graph
	for p := range x.fields(f) {
		g.pieces = append(g.pieces, p.piece)
		switch p.num {
		case 1:
			x.part, x.index = "node", len(g.nodes)
			g.nodes = append(g.nodes, x.node(p, 0))
		case 5:
			x.part, x.index = "initializer", len(g.tensors)
			g.tensors = append(g.tensors, x.tensor(p))
		case 11:
			g.inputs = append(g.inputs, x.value(p))
		case 12:
			g.outputs = append(g.outputs, x.value(p))
		case 13:
			g.shapes = append(g.shapes, x.value(p))
		case 14:
			g.annotations = append(g.annotations, p.piece)
		case 15:
			g.sparse = append(g.sparse, x.sparseTensor(p))
		}
	}
}

// node indexes a NodeProto.
func (x *indexer) node(p located, depth int) sourceNode {
	n := sourceNode{piece: p.piece}
	for f := range x.within(p.field) {
		switch f.num {
		case 1:
			n.inputs = append(n.inputs, x.text(f))
		case 2:
			n.outputs = append(n.outputs, x.text(f))
		case 4:
			n.operator = x.text(f)
		case 5:
			x.attribute(f, &n, depth)
		case 7:
			n.domain = Opset{Domain: x.text(f)}.domain()
		}
	}
	if n.operator != "Cast" {
		n.to = Undefined
	}
	return n
}

// attribute reads an AttributeProto of a node for the graphs and tensors in it and for what a Cast casts to.
func (x *indexer) attribute(f field, n *sourceNode, depth int) {
	for p := range x.fields(f) {
		f := p.field
		switch f.num {
		case 3:
			n.to = DType(x.number(f))
		case 5, 10:
			x.apart(x.tensor(p))
		case 22, 23:
			x.apart(x.sparseTensor(p))
		case 6, 11:
			captured := x.inner(f, depth+1)
			if len(n.captured) > 0 { // a second graph, as of If
				known := make(map[string]bool, len(n.captured))
				for _, name := range n.captured {
					known[name] = true
				}
				captured = slices.DeleteFunc(captured, func(name string) bool { return known[name] })
			}
			n.captured = append(n.captured, captured...)
		}
	}
}

// inner reads a graph inside a node for the values around it that it uses: those that nothing in it defines before.
func (x *indexer) inner(graph field, depth int) (captured []string) {
	if depth > maxDepth {
		x.fail(graph.begin, "graphs nested deeper than %d", maxDepth)
		return nil
	}
	defined, seen := map[string]bool{}, map[string]bool{}
	define := func(name string) {
		defined[name] = true
		x.source.nested[name] = true
	}
	use := func(name string) {
		if name != "" && !defined[name] && !seen[name] {
			seen[name] = true
			captured = append(captured, name)
		}
	}
	for p := range x.fields(graph) {
		switch p.num {
		case 5:
			t := x.tensor(p)
			x.apart(t)
			define(t.name)
		case 11:
			define(x.value(p).name)
		case 15:
			t := x.sparseTensor(p)
			x.apart(t)
			define(t.name)
		}
	}
	for p := range x.fields(graph) {
		if p.num != 1 {
			continue
		}
		n := x.node(p, depth)
		for _, name := range n.inputs {
			use(name)
		}
		for _, name := range n.captured {
			use(name)
		}
		for _, name := range n.outputs {
			define(name)
		}
	}
	for p := range x.fields(graph) {
		if p.num == 12 {
			use(x.value(p).name)
		}
	}
	return captured
}

// apart notes where a tensor lies that is none of the main graph's initializers.
func (x *indexer) apart(t sourceTensor) {
	if location, ok := t.external["location"]; ok {
		x.source.apart[location] = true
	}
}

// tensor indexes a TensorProto. Numbers in raw_data, and in float_data or double_data in one piece, lie there as in memory.
func (x *indexer) tensor(p located) sourceTensor {
	t := sourceTensor{piece: p.piece, elements: 1}
	outside, parts := false, 0
	for p := range x.fields(p.field) {
		f := p.field
		switch f.num {
		case 1:
			t.dims = x.numbers(t.dims, f, maxRank, "axes")
		case 2:
			t.dtype = DType(x.number(f))
		case 4, 9, 10:
			parts++
			if f.kind == protowire.BytesType {
				t.raw = &p.piece
			}
		case 5, 6, 7, 11:
			parts++
		case 8:
			t.name = x.text(f)
		case 13:
			key, value := x.entry(f)
			if t.external == nil {
				t.external = map[string]string{}
			}
			t.external[key] = value
		case 14:
			outside = x.number(f) == 1
		}
	}
	for _, d := range t.dims {
		t.elements *= d
	}
	if parts != 1 || outside {
		t.raw = nil
	}
	if !outside {
		t.external = nil
	}
	return t
}

// sparseTensor indexes a SparseTensorProto, which goes by the name of its values.
func (x *indexer) sparseTensor(p located) (t sourceTensor) {
	for p := range x.fields(p.field) {
		switch p.num {
		case 1:
			t = x.tensor(p)
			x.apart(t)
		case 2:
			x.apart(x.tensor(p))
		}
	}
	t.piece = p.piece
	return t
}

// entry reads a StringStringEntryProto.
func (x *indexer) entry(f field) (key, value string) {
	for f := range x.within(f) {
		switch f.num {
		case 1:
			key = x.text(f)
		case 2:
			value = x.text(f)
		}
	}
	return key, value
}

// value indexes a ValueInfoProto: the name, and a tensor's type.
func (x *indexer) value(p located) sourceValue {
	v := sourceValue{piece: p.piece}
	for f := range x.within(p.field) {
		switch f.num {
		case 1:
			v.name = x.text(f)
		case 2:
			for f := range x.within(f) {
				if f.num != 1 {
					continue
				}
				for f := range x.within(f) {
					if f.num == 1 {
						v.dtype = DType(x.number(f))
					}
				}
			}
		}
	}
	return v
}

// function indexes a FunctionProto.
func (x *indexer) function(p located) {
	var name, domain, overload string
	for f := range x.within(p.field) {
		switch f.num {
		case 1:
			name = x.text(f)
		case 10:
			domain = x.text(f)
		case 13:
			overload = x.text(f)
		}
	}
	x.source.functions = append(x.source.functions, sourceFunction{p.piece, domain + ":" + name + ":" + overload})
}

// stretch is a part of the file.
func (s *Source) stretch(begin, end int64) stretch {
	return stretch{file: s.file, name: s.info.File, begin: begin, end: end}
}

// bytes is the space of a tensor's elements; 0 where it is not a whole number of bytes for each.
func (t *sourceTensor) bytes() int64 { return t.elements * int64(t.dtype.Size()) }

// folder is where external weights lie.
func (s *Source) folder() string { return filepath.Dir(s.info.File) }

// place says where in its file an external tensor lies.
func (t *sourceTensor) place() (location string, offset, length int64) {
	offset, _ = strconv.ParseInt(t.external["offset"], 10, 64) // ReadInfo has seen that they are numbers
	length, err := strconv.ParseInt(t.external["length"], 10, 64)
	if err != nil {
		length = t.bytes()
	}
	return t.external["location"], offset, length
}
