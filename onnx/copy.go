package onnx

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// renaming is how a source's names change on their way into another graph.
type renaming struct {
	names  map[string]string
	prefix string // of values that are not among the names, of nodes and of free axes
}

func (r *renaming) value(name string) string {
	if name == "" {
		return "" // an optional input that is left out
	}
	if to, ok := r.names[name]; ok {
		return to
	}
	return r.prefix + name
}

func (r *renaming) label(name string) string {
	if name == "" {
		return ""
	}
	return r.prefix + name
}

// kind is what a field holds, as far as renaming and moving weights go.
type kind int

const (
	aValueName kind = iota + 1
	aLabel          // the name of a node or of a free axis
	aGraph
	aNode
	anAttribute
	aTensor
	aPlainTensor // without a name that counts
	aSparse
	aPlainSparse
	aValue
	aType
	aTensorType
	anElementType
	aMapType
	aShape
	aDim
	anAnnotation
	aParameter
)

// contents are the fields of each message of onnx.proto3 that hold names or weights, or messages that do.
var contents = map[kind]map[protowire.Number]kind{
	aGraph:        {1: aNode, 5: aTensor, 11: aValue, 12: aValue, 13: aValue, 14: anAnnotation, 15: aSparse},
	aNode:         {1: aValueName, 2: aValueName, 3: aLabel, 5: anAttribute},
	anAttribute:   {5: aPlainTensor, 6: aGraph, 10: aPlainTensor, 11: aGraph, 22: aPlainSparse, 23: aPlainSparse},
	aTensor:       {8: aValueName},
	aSparse:       {1: aTensor, 2: aPlainTensor},
	aPlainSparse:  {1: aPlainTensor, 2: aPlainTensor},
	aValue:        {1: aValueName, 2: aType},
	aType:         {1: aTensorType, 4: anElementType, 5: aMapType, 8: aTensorType, 9: anElementType},
	aTensorType:   {2: aShape},
	anElementType: {1: aType},
	aMapType:      {2: aType},
	aShape:        {1: aDim},
	aDim:          {2: aLabel},
	anAnnotation:  {1: aValueName, 2: aParameter},
	aParameter:    {2: aValueName},
}

// encoder puts a model's message together. After an error it does nothing of use, and the first error stays in err.
type encoder struct {
	storage
	walkers map[*Source]*walker
	err     error
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// at is a walker through a source, at a place.
func (e *encoder) at(s *Source, pos int64) *walker {
	w := e.walkers[s]
	if w == nil {
		w = newWalker(s.file, s.size)
		if e.walkers == nil {
			e.walkers = map[*Source]*walker{}
		}
		e.walkers[s] = w
	}
	w.pos, w.fields, w.text = pos, 0, 0
	return w
}

// changed turns a walker's error into one that says what it means here: the file was sound when it was opened.
func (e *encoder) changed(s *Source, err error) {
	if format, ok := errors.AsType[*FormatError](err); ok {
		err = errors.New(format.Problem)
	}
	e.fail(fmt.Errorf("%s: the file changed while it was copied: %w", s.info.File, err))
}

// copy appends bytes of a source as they are.
func (e *encoder) copy(m *message, s *Source, begin, end int64) {
	if end-begin >= shortBlob {
		m.append(s.stretch(begin, end))
		return
	}
	w := e.at(s, begin)
	b := w.peek(int(end - begin))
	if w.err == nil && len(b) < int(end-begin) {
		w.err = io.ErrUnexpectedEOF
	}
	if w.err != nil {
		e.changed(s, w.err)
		return
	}
	m.open = append(m.open, b...)
}

// rewrite appends a field of a source with its names changed, and its tensors moved where they are to be.
func (e *encoder) rewrite(m *message, s *Source, p piece, k kind, r *renaming) {
	inner := &message{}
	e.fields(inner, s, p, k, r)
	m.message(p.num, inner)
}

// fields appends the fields of the message in p.
func (e *encoder) fields(m *message, s *Source, p piece, k kind, r *renaming) {
	w := e.at(s, p.body)
	begin, copied := p.body, p.body
	for f := range w.all(p.end) {
		at := piece{f.num, begin, f.begin, f.end}
		begin = f.end
		what := contents[k][f.num]
		if what == 0 || (what == aPlainTensor || what == aPlainSparse) && !e.gathers(s) {
			continue
		}
		e.copy(m, s, copied, at.begin)
		copied = at.end
		w.pos = f.begin
		switch what {
		case aValueName:
			m.text(f.num, r.value(w.name(f)))
		case aLabel:
			m.text(f.num, r.label(w.name(f)))
		case aTensor, aPlainTensor:
			e.innerTensor(m, s, located{at, f}, what, r)
		default:
			e.rewrite(m, s, at, what, r)
		}
	}
	if w.err != nil {
		e.changed(s, w.err)
	}
	e.copy(m, s, copied, p.end)
}

// edit is what becomes of a source's fields of one number.
type edit struct {
	before  func(*message)                        // goes before the first one
	replace func(m *message, i int, p piece) bool // handles field i; false: it is copied
	after   func(*message)                        // goes after the last one
}

// merge appends the fields of a source, edited.
func (e *encoder) merge(m *message, s *Source, pieces []piece, edits map[protowire.Number]*edit, order ...protowire.Number) {
	left := map[protowire.Number]int{}
	for _, p := range pieces {
		left[p.num]++
	}
	total := map[protowire.Number]int{}
	for num, n := range left {
		total[num] = n
	}
	var from, to int64 // what is to be copied as it is
	flush := func() {
		if to > from {
			e.copy(m, s, from, to)
		}
		from, to = 0, 0
	}
	for _, p := range pieces {
		ed := edits[p.num]
		i := total[p.num] - left[p.num]
		left[p.num]--
		if ed != nil && i == 0 && ed.before != nil {
			flush()
			ed.before(m)
		}
		replaced := &message{}
		if ed != nil && ed.replace != nil && ed.replace(replaced, i, p) {
			flush()
			m.splice(replaced)
		} else {
			if to != p.begin {
				flush()
				from = p.begin
			}
			to = p.end
		}
		if ed != nil && left[p.num] == 0 && ed.after != nil {
			flush()
			ed.after(m)
		}
	}
	flush()
	for _, num := range order {
		if ed := edits[num]; total[num] == 0 {
			if ed.before != nil {
				ed.before(m)
			}
			if ed.after != nil {
				ed.after(m)
			}
		}
	}
}
