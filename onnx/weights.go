package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// Weights says in which type the weights of models are stored that a graph is built upon.
type Weights int

const (
	KeepWeights    Weights = iota // as they are
	Float16Weights                // float32 initializers of 256 elements or more in float16, with a Cast behind: arithmetic stays float32
	Float32Weights                // the reverse: float16 initializers in float32
)

// Place says where the weights of models are stored that a graph is built upon; its own constants are inside the file.
type Place int

const (
	KeepPlace Place = iota // as they are; files of weights come along to a model that is written into another folder
	Inline                 // inside the model file
	External               // initializers of 1 KiB or more in one file beside it
)

// In smaller tensors float16 saves nothing that counts, and they tend to be what needs the digits: frequencies, scales.
const smallestHalf = 256

// Tensors that go into the file beside the model, and where they may begin in it, so that it can be mapped into memory.
const (
	smallestExternal  = 1 << 10
	externalAlignment = 4 << 10
)

// weight is an initializer that comes from a source.
type weight struct {
	source *Source
	tensor *sourceTensor
	sparse bool
	names  *renaming
}

// storage is how weights are stored in one writing of a model.
type storage struct {
	weights  Weights
	place    Place
	file     string        // the name of the file beside the model
	data     []externalRun // what goes into it
	size     int64         // of that
	stored   map[Ref]storedAs
	casts    map[*Graph][]graphNode // to the types that a graph expects
	gone     map[Ref]bool           // casts, by their result, that the other type makes needless
	opened   map[externalFile]*os.File
	kept     map[externalFile]bool // files of weights that the model goes on to refer to
	refilled map[*sourceTensor][]byte
	warnings []string
}

// storedAs is the name and type of an initializer in the file where they differ from those in the graph.
type storedAs struct {
	name  Ref
	dtype DType
}

type externalRun struct {
	offset int64
	bulk   bulk
}

// gathers tells whether weights that the source keeps in other files go into the model.
func (e *encoder) gathers(s *Source) bool { return e.place == Inline && len(s.info.External) > 0 }

// decide goes through the initializers of the outermost graph for those that change their type.
func (e *encoder) decide(g *Graph) {
	if e.weights == KeepWeights {
		return
	}
	e.stored, e.gone, e.casts = map[Ref]storedAs{}, map[Ref]bool{}, map[*Graph][]graphNode{}
	taken := map[Ref]bool{}
	users := g.castsOf()
	list, homes := g.allWeights()
	for k, i := range list {
		t := i.weight.tensor
		switch {
		case i.weight.sparse:
		case e.weights == Float16Weights && t.dtype == Float32 && t.elements >= smallestHalf:
			if e.fitsHalf(i) {
				e.convert(homes[k], i.name, Float16, Float32, taken)
			}
		case e.weights == Float32Weights && t.dtype == Float16:
			if !e.readable(i) {
				continue
			}
			// A Cast that is the only user gives way to the tensor.
			if cast := users[i.name]; cast != None {
				e.stored[i.name] = storedAs{cast, Float32}
				e.gone[cast] = true
				continue
			}
			e.convert(homes[k], i.name, Float32, Float16, taken)
		}
	}
}

// convert stores an initializer in one type, with a Cast to the other in its place.
func (e *encoder) convert(g *Graph, name Ref, stored, used DType, taken map[Ref]bool) {
	as := Ref(fmt.Sprintf("%s_%v", name, stored))
	for g.taken[as] || taken[as] {
		as += "_"
	}
	taken[as] = true
	e.stored[name] = storedAs{as, stored}
	e.casts[g] = append(e.casts[g], graphNode{operator: "Cast", inputs: []Ref{as}, outputs: []Ref{name}, attributes: []Attribute{Int("to", int64(used))}})
}

// castsOf tells which initializers nothing uses but one Cast to float32, and the Cast's result.
func (g *Graph) castsOf() map[Ref]Ref {
	casts := map[Ref]Ref{}
	use := func(v, result Ref) {
		if _, seen := casts[v]; seen {
			result = None
		}
		casts[v] = result
	}
	g.eachNode(func(n graphNode) {
		for _, in := range n.inputs {
			if n.operator == "Cast" && n.domain == "" && n.castsTo() == Float32 {
				use(in, n.result(0))
			} else {
				use(in, None)
			}
		}
		for _, in := range n.captured {
			use(in, None)
		}
	})
	for _, v := range g.outputNames() {
		use(v, None)
	}
	return casts
}

// castsTo is the type that a Cast casts to.
func (n graphNode) castsTo() DType {
	if n.copied != nil {
		return n.copied.node.to
	}
	for _, a := range n.attributes {
		if a.name == "to" {
			return DType(a.value)
		}
	}
	return Undefined
}

// readable tells whether the elements of a tensor lie somewhere as they do in memory; else it stays, with a warning.
func (e *encoder) readable(i initializer) bool {
	t := i.weight.tensor
	if t.raw == nil && t.external == nil && e.refilled[t] == nil {
		e.warn("initializer %q stays in %v: its elements are stored in a way that Odeon does not convert", i.name, t.dtype)
		return false
	}
	return true
}

// fitsHalf looks whether a float32 tensor keeps its meaning in float16: none of its numbers becomes infinite, and not all of
// them fall below the smallest normal float16, where digits are lost.
func (e *encoder) fitsHalf(i initializer) bool {
	if !e.readable(i) {
		return false
	}
	data, ok := e.elements(i.weight.source, i.weight.tensor)
	if !ok {
		return false
	}
	var largest float32
	err := data.each(make([]byte, min(copyBuffer, data.len())&^3), func(b []byte) error {
		for ; len(b) >= 4; b = b[4:] {
			bits := binary.LittleEndian.Uint32(b) &^ floatSign
			if v := math.Float32frombits(bits); bits < floatInf && v > largest {
				largest = v
			}
		}
		return nil
	})
	if err != nil {
		e.fail(err)
		return false
	}
	const overflow, normal = 65520, 1. / (1 << 14)
	if largest >= overflow || largest > 0 && largest < normal {
		e.warn("initializer %q stays in float32: its largest number is %.4g, and float16 holds numbers of the size 6e-5 to 65504", i.name, largest)
		return false
	}
	return true
}

func (e *encoder) warn(format string, args ...any) {
	e.warnings = append(e.warnings, fmt.Sprintf(format, args...))
}

// elements is where a tensor's elements lie, as they do in memory.
func (e *encoder) elements(s *Source, t *sourceTensor) (data stretch, ok bool) {
	refill, refilled := e.refilled[t]
	switch {
	case refilled:
		data = memory(refill, s.info.File)
	case t.external != nil:
		location, offset, length := t.place()
		file, err := e.open(s, location)
		if err != nil {
			e.fail(err)
			return data, false
		}
		data = stretch{file, location, offset, offset + length}
	case t.raw != nil:
		data = s.stretch(t.raw.body, t.raw.end)
	default:
		return data, false
	}
	if want := t.bytes(); want != int64(data.len()) {
		e.fail(fmt.Errorf("%s: the initializer %q has %d bytes where its type and sizes make %d", s.info.File, t.name, data.len(), want))
		return data, false
	}
	return data, true
}

// weight appends an initializer that comes from a source.
func (e *encoder) weight(m *message, name Ref, w *weight) {
	t, s := w.tensor, w.source
	if w.sparse {
		e.rewrite(m, s, t.piece, aSparse, w.names)
		return
	}
	as, converted := e.stored[name]
	if !converted {
		as = storedAs{name, t.dtype}
	}
	movable := t.raw != nil || t.external != nil
	_, refilled := e.refilled[t]
	switch {
	case converted, refilled,
		e.place == Inline && t.external != nil,
		e.place == External && movable && t.bytes() >= smallestExternal:
		e.moved(m, s, t, as)
		return
	case string(name) == t.name:
		e.copy(m, s, t.begin, t.end)
	default:
		e.rewrite(m, s, t.piece, aTensor, &renaming{names: map[string]string{t.name: string(name)}})
	}
	if t.external != nil {
		e.keep(s, t.external["location"])
	}
}

// innerTensor appends a tensor that is none of the main graph's initializers.
func (e *encoder) innerTensor(m *message, s *Source, p located, what kind, r *renaming) {
	if e.gathers(s) {
		x := indexer{walker: e.at(s, p.body), source: &Source{apart: map[string]bool{}}, texts: map[string]string{}}
		if t := x.tensor(p); t.external != nil && x.err == nil {
			e.moved(m, s, &t, storedAs{Ref(r.value(t.name)), t.dtype})
			return
		}
	}
	e.rewrite(m, s, p.piece, what, r)
}

// Fields of a TensorProto that are written anew: its type, name and elements.
var movedFields = []int32{2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14}

// moved appends a tensor with its elements in another place or type.
func (e *encoder) moved(m *message, s *Source, t *sourceTensor, as storedAs) {
	data, ok := e.elements(s, t)
	if !ok {
		return
	}
	inner := &message{}
	x := indexer{walker: e.at(s, t.body)}
	for p := range x.fields(field{begin: t.body, end: t.end}) {
		if !slices.Contains(movedFields, int32(p.num)) {
			e.copy(inner, s, p.begin, p.end)
		}
	}
	inner.number(2, int64(as.dtype))
	inner.optional(8, string(as.name))
	var elements bulk = data
	if as.dtype != t.dtype {
		elements = cast{data, as.dtype}
	}
	outside := e.place == External || e.place == KeepPlace && t.external != nil
	if outside && elements.len() >= smallestExternal {
		offset := (e.size + externalAlignment - 1) / externalAlignment * externalAlignment
		e.data = append(e.data, externalRun{offset, elements})
		e.size = offset + int64(elements.len())
		for _, entry := range []KeyValue{{"location", e.file}, {"offset", fmt.Sprint(offset)}, {"length", fmt.Sprint(elements.len())}} {
			var external message
			external.text(1, entry.Key)
			external.text(2, entry.Value)
			inner.message(13, &external)
		}
		inner.number(14, 1)
	} else {
		inner.bulk(9, elements)
	}
	m.message(t.num, inner)
}

// cast is a float32 tensor that is written in float16, or the reverse.
type cast struct {
	from stretch
	to   DType
}

func (c cast) len() int {
	if c.to == Float16 {
		return c.from.len() / 2
	}
	return c.from.len() * 2
}

func (c cast) writeTo(w io.Writer, _ []byte) error {
	const most = 4 << 10 // numbers at a time
	var wide [most]float32
	var half [most]Half
	out := make([]byte, 0, 4*most)
	size := 4
	if c.to == Float32 {
		size = 2
	}
	return c.from.each(make([]byte, size*most), func(b []byte) error {
		n := len(b) / size
		out = out[:0]
		if c.to == Float16 {
			for i := range n {
				wide[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
			Float16FromFloat32(half[:n], wide[:n])
			for _, h := range half[:n] {
				out = binary.LittleEndian.AppendUint16(out, uint16(h))
			}
		} else {
			for i := range n {
				half[i] = Half(binary.LittleEndian.Uint16(b[2*i:]))
			}
			Float32FromFloat16(wide[:n], half[:n])
			for _, x := range wide[:n] {
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
			}
		}
		_, err := w.Write(out)
		return err
	})
}
