package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds on what a file may ask of the reader. Real files stay far below each of them.
const (
	maxFields    = 1 << 23 // fields visited in one file
	maxText      = 8 << 20 // bytes of one text that is kept
	maxTextTotal = 32 << 20
	maxList      = 1 << 14 // inputs, outputs, metadata entries, operator sets, kinds of operators, external files
	maxRank      = 64
	maxAxes      = 1 << 18 // of all inputs and outputs
	maxDepth     = 64      // graphs inside attributes of nodes of graphs
)

// FormatError says why a file could not be read as an ONNX model.
type FormatError struct {
	File    string
	Offset  int64  // the byte at which reading stopped; -1 where the file as a whole is meant
	Problem string // what was found there
	Looks   string // what the file seems to be instead; "" if nothing is recognised
}

func (e *FormatError) Error() string {
	switch {
	case e.Looks != "":
		return fmt.Sprintf("%s: not an ONNX model: the file looks like %s", e.File, e.Looks)
	case e.Offset < 0:
		return fmt.Sprintf("%s: not an ONNX model: %s", e.File, e.Problem)
	}
	return fmt.Sprintf("%s: damaged, cut short or not an ONNX model: at byte %d, %s", e.File, e.Offset, e.Problem)
}

// walker visits the fields of a protobuf message in a file, holding one small window of it. Its methods may be called on
// after an error: they then do nothing, and the first error stays in err.
type walker struct {
	file   io.ReaderAt
	size   int64
	window []byte
	start  int64  // the file's offset of window[0]
	pos    int64  // the next byte to read
	part   string // the part of the graph being read, and its number: "node", 12
	index  int
	fields int
	text   int64
	err    error
}

// field is one field of a message. What a number or a length says is in value; a length-delimited field's content goes from
// begin up to end.
type field struct {
	num        protowire.Number
	kind       protowire.Type
	value      uint64
	begin, end int64
}

func newWalker(file io.ReaderAt, size int64) *walker {
	return &walker{file: file, size: size, window: make([]byte, 0, 16<<10)}
}

// fail records the first problem, with the part of the model being read.
func (w *walker) fail(at int64, format string, args ...any) {
	if w.err != nil {
		return
	}
	problem := fmt.Sprintf(format, args...)
	if w.part != "" {
		problem = fmt.Sprintf("in %s %d: %s", w.part, w.index, problem)
	}
	w.err = &FormatError{Offset: at, Problem: problem}
}

// peek gives up to n bytes (n at most the window's size) from pos on; fewer only at the file's end.
func (w *walker) peek(n int) []byte {
	have := w.start + int64(len(w.window)) - w.pos
	if w.pos < w.start || have < int64(n) {
		w.window = w.window[:min(int64(cap(w.window)), w.size-w.pos)]
		w.start = w.pos
		if !w.read(w.window) {
			w.window = w.window[:0]
			return nil
		}
	}
	rest := w.window[w.pos-w.start:]
	return rest[:min(n, len(rest))]
}

// read fills p from pos on.
func (w *walker) read(p []byte) bool {
	n, err := w.file.ReadAt(p, w.pos)
	switch {
	case n == len(p):
		return true
	case errors.Is(err, io.EOF):
		w.fail(w.pos, "the file ends earlier than its size of %d bytes says", w.size)
	case w.err == nil:
		w.err = err
	}
	return false
}

// varint reads one number that must lie before end.
func (w *walker) varint(end int64) uint64 {
	if w.err != nil {
		return 0
	}
	b := w.peek(int(min(binary.MaxVarintLen64, end-w.pos)))
	v, n := protowire.ConsumeVarint(b)
	if n < 0 {
		w.fail(w.pos, "a number is cut off or longer than 10 bytes")
		return 0
	}
	w.pos += int64(n)
	return v
}

// all visits the fields of the message that ends at end, which starts at pos. After each field the walk goes on behind it,
// however much of it was read.
func (w *walker) all(end int64) iter.Seq[field] {
	return func(yield func(field) bool) { w.walk(end, yield) } // short enough to be inlined, so that loops allocate nothing
}

func (w *walker) walk(end int64, yield func(field) bool) {
	for w.err == nil && w.pos < end {
		f := w.field(end)
		if w.err != nil || !yield(f) {
			return
		}
		w.pos = f.end
	}
}

// field reads a field's head and checks its extent.
func (w *walker) field(end int64) (f field) {
	at := w.pos
	if w.fields++; w.fields > maxFields {
		w.fail(at, "the file has more than %d fields", maxFields)
		return f
	}
	tag := w.varint(end)
	f.num, f.kind = protowire.DecodeTag(tag)
	if w.err == nil && (f.num < protowire.MinValidNumber || f.num > protowire.MaxValidNumber || tag>>32 != 0) {
		w.fail(at, "%d is no field number", tag>>3)
	}
	switch f.kind {
	case protowire.VarintType:
		f.value = w.varint(end)
		f.begin, f.end = w.pos, w.pos
	case protowire.Fixed32Type:
		f.begin, f.end = w.pos, w.pos+4
	case protowire.Fixed64Type:
		f.begin, f.end = w.pos, w.pos+8
	case protowire.BytesType:
		f.value = w.varint(end)
		f.begin = w.pos
		if w.err == nil && f.value > uint64(end-w.pos) {
			w.fail(at, "field %d claims %d bytes where %d are left", f.num, f.value, end-w.pos)
			return f
		}
		f.end = w.pos + int64(f.value)
	default:
		w.fail(at, "field %d has wire type %d, which ONNX does not use", f.num, f.kind)
	}
	if w.err == nil && f.end > end {
		w.fail(at, "field %d is cut off", f.num)
	}
	return f
}

// is checks a known field's wire type.
func (w *walker) is(f field, kind protowire.Type) bool {
	if w.err == nil && f.kind != kind {
		w.fail(f.begin, "field %d has wire type %d where %d is expected", f.num, f.kind, kind)
	}
	return w.err == nil
}

// within checks that a length-delimited field holds a message and gives its fields.
func (w *walker) within(f field) iter.Seq[field] {
	return func(yield func(field) bool) {
		if w.is(f, protowire.BytesType) {
			w.walk(f.end, yield)
		}
	}
}

// number is the value of an integer field.
func (w *walker) number(f field) int64 {
	if !w.is(f, protowire.VarintType) {
		return 0
	}
	return int64(f.value)
}

// string reads a text that is kept.
func (w *walker) string(f field) string {
	if !w.is(f, protowire.BytesType) {
		return ""
	}
	n := f.end - f.begin
	if n <= int64(cap(w.window)) {
		w.keep(f, int(n))
		return string(w.peek(int(n)))
	}
	if n > maxText {
		w.fail(f.begin, "a text of %d bytes, where Odeon reads up to %d", n, maxText)
	}
	if w.keep(f, int(n)); w.err != nil {
		return ""
	}
	text := make([]byte, n)
	w.read(text)
	return string(text)
}

// name reads a text that is looked at and dropped.
func (w *walker) name(f field) string {
	if !w.is(f, protowire.BytesType) {
		return ""
	}
	n := f.end - f.begin
	if n > int64(cap(w.window)) {
		w.fail(f.begin, "a name of %d bytes, where Odeon reads up to %d", n, cap(w.window))
		return ""
	}
	return string(w.peek(int(n)))
}

// keep accounts for text that stays in memory.
func (w *walker) keep(f field, n int) {
	if w.text += int64(n); w.text > maxTextTotal {
		w.fail(f.begin, "names and metadata of more than %d bytes in all", maxTextTotal)
	}
}

// numbers appends the values of a repeated integer field, packed or not, up to limit.
func (w *walker) numbers(list []int64, f field, limit int, what string) []int64 {
	add := func(v uint64) {
		if list = append(list, int64(v)); len(list) > limit {
			w.fail(f.begin, "more than %d %s", limit, what)
		}
	}
	if f.kind == protowire.VarintType {
		add(f.value)
		return list
	}
	if w.is(f, protowire.BytesType) {
		for w.err == nil && w.pos < f.end {
			add(w.varint(f.end))
		}
	}
	return list
}
