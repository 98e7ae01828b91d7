package graph

import (
	"fmt"
	"strings"

	"odeon/onnx"
)

// Bounds on what a file may ask of the reader.
const (
	mostNodes  = 1 << 18 // read, counting those of functions and loops as often as they run
	mostInside = 64      // functions, branches and loops inside each other
	mostSize   = 1 << 31 // elements of one value
	leastRoom  = 1 << 24 // elements that are computed while reading, beside one for each byte of the file
)

// Read makes a graph of an ONNX model for batches of one size. All of the model's operators are put down to those of op.go
// (the tables in read_elements.go and its kin say how), in any version of the standard operator set from 9 to 21, and what
// depends on shapes and constants alone is computed now, so that only arithmetic on data is left. Numbers of 16 and 64 bits
// become float32, whole numbers int64.
//
// The inputs are those of the file, with the sizes that shapes gives for them; of those that it does not name, a free
// first axis is the batch, and so is every free axis of the same name. In shapes, [Batch] stands for the batch too.
//
// The parameters are the tensors that act as weights; their names are those in the file, and their numbers are the second
// result. A tensor of floating-point numbers, be it an initializer or in a Constant node, acts as a weight where arithmetic on
// data uses it
//
//   - in a product of matrices or a convolution, unless what is multiplied knows of no weight yet and the product goes into
//     sines and cosines only: then it holds frequencies;
//   - as the table from which rows are taken by numbers that the data gives (an embedding);
//   - added to, subtracted from, multiplied with, or dividing what knows of a weight already, or in a choice or a join with
//     such: biases, scales of normalisations, embeddings of positions. Single numbers count only behind a product or a
//     convolution, as the bias of one channel; and what is all 0 or below -10^4 is a mask.
//
// The running statistics of a BatchNormalization are none. Where the file itself computes from weights alone, by reshaping
// them, say, or as the product of a length and a direction, that stays in the graph, and the tensors it begins with are
// the parameters. Where it makes weights of what is no weight itself (codes and a code book, quantized numbers), its result
// is the parameter, under its own name.
//
// An operator that is not known is a [*ReadError], and so is anything else in the file that cannot be read.
func Read(source *onnx.Source, shapes map[string]Shape, batch int) (g *Graph, weights [][]float32, err error) {
	return ReadAgain(source, shapes, batch, nil)
}

// ReadAgain is Read where weights of the model are known by their names, from graphs for batches of other sizes, say: these are not read
// from the file but given back themselves.
func ReadAgain(source *onnx.Source, shapes map[string]Shape, batch int, known map[string][]float32) (g *Graph, weights [][]float32, err error) {
	info := source.Info()
	if batch < 1 {
		return nil, nil, fmt.Errorf("graph: %s: a batch of %d, at least 1 is expected", info.File, batch)
	}
	parts, err := source.Parts()
	if err != nil {
		return nil, nil, err
	}
	r := &reader{
		g: New(), functions: parts.Functions, opset: source.Opset(),
		stored: map[*Value]*onnx.Stored{}, names: map[*Value]string{}, fixed: map[*Value]bool{}, varying: map[*Value]bool{}, before: known, weights: map[*Value][]float32{},
		room: leastRoom + info.Size,
	}
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case *ShapeError:
			text := problem.Problem
			if r.node != nil {
				text = strings.TrimPrefix(text, r.node.Operator+": ")
			}
			g, weights, err = nil, nil, &ReadError{File: info.File, Node: r.node, Problem: text}
		case unknownOperator:
			g, weights, err = nil, nil, &ReadError{File: info.File, Node: r.node, Problem: "the operator is not one that Odeon knows the gradient of"}
		default:
			panic(problem)
		}
	}()
	top := &scope{values: map[string]*Value{}}
	names := axisNames{}
	for _, in := range parts.Inputs {
		top.values[in.Name] = r.g.Input(in.Name, typeOf(in.Type, in.Name), names.shape(in, shapes[in.Name], batch))
	}
	r.tensors(top, parts.Tensors, true)
	r.run(top, parts.Nodes)
	r.node = nil
	for _, out := range parts.Outputs {
		r.g.Output(out.Name, top.value(out.Name))
	}
	weights = r.parameters()
	return r.g, weights, nil
}

// A ReadError says what of a model cannot be made a graph.
type ReadError struct {
	File    string
	Node    *onnx.Node // nil where none is at fault
	Problem string
}

func (e *ReadError) Error() string {
	if e.Node == nil {
		return fmt.Sprintf("%s: %s", e.File, e.Problem)
	}
	name := e.Node.Name
	if name == "" && len(e.Node.Outputs) > 0 {
		name = e.Node.Outputs[0]
	}
	return fmt.Sprintf("%s: node %q (%s): %s", e.File, name, e.Node.Operator, e.Problem)
}

// reader is a model on its way into a graph. Its methods panic with a *ShapeError about what the file is at fault for, which
// Read turns into an error.
type reader struct {
	g         *Graph // of all that the nodes make, needed or not
	functions map[string]*onnx.Function
	opset     int64
	node      *onnx.Node // being read, for messages
	nodes     int        // read so far
	depth     int

	stored  map[*Value]*onnx.Stored // constants whose numbers are in the file
	names   map[*Value]string       // in the file, of values of its main graph
	fixed   map[*Value]bool         // constants that are no weights whatever is done with them
	varying map[*Value]bool         // values that depend on an input, of the first so many of the graph's
	scanned int
	before  map[string][]float32 // weights that are known by their names
	weights map[*Value][]float32 // those that the file holds or computes, once they were read
	room    int64                // elements that may still be computed while reading
}

// fail ends the reading.
func fail(format string, args ...any) { panic(&ShapeError{fmt.Sprintf(format, args...)}) }

// scope is the values that nodes see, by their names.
type scope struct {
	outer  *scope
	values map[string]*Value
}

func (s *scope) value(name string) *Value {
	for at := s; at != nil; at = at.outer {
		if v := at.values[name]; v != nil {
			return v
		}
	}
	fail("the value %q is used and nothing before makes it", name)
	return nil
}

// typeOf is the type in which a graph holds elements of a type of ONNX.
func typeOf(t onnx.DType, name string) onnx.DType {
	switch {
	case t == onnx.Float16, t == onnx.Float32, t == onnx.Float64, t == onnx.BFloat16:
		return onnx.Float32
	case t.IsInteger() && t.Size() > 0:
		return onnx.Int64
	case t == onnx.Bool:
		return onnx.Bool
	}
	fail("%q is of type %v, where floating-point numbers of 16 to 64 bits, whole numbers or truth values are expected", name, t)
	return 0
}

// axisNames are the sizes of free axes by their names.
type axisNames map[string]int

// shape is that of an input.
func (a axisNames) shape(in onnx.Value, given Shape, batch int) Shape {
	if given == nil && !in.Known() {
		fail("the file does not tell the shape of input %q; give it", in.Name)
	}
	if given != nil && in.Known() && len(given) != len(in.Shape) {
		fail("input %q is %s in the file, and %v is given for it", in.Name, in.ShapeString(), given)
	}
	shape := make(Shape, max(len(given), len(in.Shape)))
	for i := range shape {
		free := !in.Known() || in.Shape[i].IsFree()
		if !free {
			shape[i] = int(min(in.Shape[i].Size, mostSize))
		}
		switch {
		case given != nil:
			n := given[i]
			if n < 0 {
				n *= -batch
			}
			if !free && n != shape[i] {
				fail("input %q is %s in the file, and %v is given for it in batches of %d", in.Name, in.ShapeString(), given, batch)
			}
			shape[i] = n
		case free && i == 0:
			shape[i] = batch
		case free && a[in.Shape[i].Name] > 0:
			shape[i] = a[in.Shape[i].Name]
		case free:
			fail("the file leaves axis %d of input %q, %s, open; give its shape", i, in.Name, in.ShapeString())
		}
		if in.Known() && in.Shape[i].Name != "" {
			a[in.Shape[i].Name] = shape[i]
		}
	}
	return fitting(shape)
}

// fitting is a shape that came from outside, if it has no more than mostSize elements.
func fitting(s Shape) Shape {
	n := 1
	for _, k := range s {
		if k < 0 || k > 0 && n > mostSize/k {
			fail("an array of shape %v", s)
		}
		n *= k
	}
	return s
}

// tensors defines a graph's initializers; their numbers stay in the file.
func (r *reader) tensors(s *scope, list []onnx.Stored, named bool) {
	for i := range list {
		t := &list[i]
		if s.values[t.Name] == nil { // else what is given counts more than a default
			s.values[t.Name] = r.tensor(t, t.Name, named)
		}
	}
}

func (r *reader) tensor(t *onnx.Stored, name string, named bool) *Value {
	v := r.g.add(&Value{Op: Constant, Type: typeOf(t.Type, name), Shape: fitting(shapeOf(t.Dims))})
	r.stored[v] = t
	if named && name != "" {
		r.names[v] = name
	}
	return v
}

// shapeOf are sizes from a file. What is beyond all bounds is brought to just beyond them.
func shapeOf(list []int64) Shape {
	s := make(Shape, len(list))
	for i, n := range list {
		s[i] = int(min(max(n, -mostSize-1), mostSize+1))
	}
	return s
}

// run reads nodes in their order.
func (r *reader) run(s *scope, nodes []onnx.Node) {
	if r.depth++; r.depth > mostInside {
		fail("functions, branches and loops more than %d deep inside each other", mostInside)
	}
	defer func() { r.depth-- }()
	for i := range nodes {
		n := &nodes[i]
		r.node = n
		if r.nodes++; r.nodes > mostNodes {
			fail("more than %d nodes", mostNodes)
		}
		results := r.results(s, n)
		for k, name := range n.Outputs {
			if name == "" {
				continue
			}
			if k >= len(results) || results[k] == nil {
				fail("its output %d, %q, is not computed here", k, name)
			}
			v := results[k]
			fitting(v.Shape)
			s.values[name] = v
			if s.outer == nil && r.names[v] == "" && v.Op != Input {
				r.names[v] = name
			}
			if !v.Type.IsFloat() {
				r.fold(v)
			}
		}
	}
}

// results are the values that a node makes.
func (r *reader) results(s *scope, n *onnx.Node) []*Value {
	c := &call{reader: r, node: n, scope: s, opset: r.opset}
	for _, name := range n.Inputs {
		var v *Value
		if name != "" {
			v = s.value(name)
		}
		c.args = append(c.args, v)
	}
	if n.Domain == "" {
		switch n.Operator {
		case "If":
			return c.branch()
		case "Loop":
			return c.loop()
		}
	}
	name := n.Operator
	if n.Domain != "" {
		name = n.Domain + ":" + name
	}
	if f := r.functions[n.Domain+":"+n.Operator]; f != nil {
		return c.function(f)
	}
	if one := operators[name]; one != nil {
		return []*Value{one(c)}
	}
	if several := dividers[name]; several != nil {
		return several(c)
	}
	panic(unknownOperator(name))
}

// unknownOperator ends the reading at an operator that no table has.
type unknownOperator string
