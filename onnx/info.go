package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// The newest versions that ONNX Runtime 1.27 loads.
const (
	newestIR    = 13
	newestOpset = 26
)

// Info is what a model file says of itself, its weights left aside.
type Info struct {
	File                      string
	Size                      int64 // of the file; external weights not counted
	IRVersion                 int64
	Producer, ProducerVersion string
	Graph                     string // the graph's name
	Opsets                    []Opset
	Inputs, Outputs           []Value // Inputs without those that an initializer gives a value
	Metadata                  []KeyValue
	Operators                 map[string]int // nodes by operator, those of nested graphs and functions included; "domain:Name" outside the standard domain
	Initializers              int            // named tensors, those of nested graphs included
	Parameters                int64          // their elements
	Constants                 int64          // elements of tensors in Constant nodes, where some exporters put weights
	External                  []string       // files with weights, relative to the model's folder
	Warnings                  []string       // why ONNX Runtime might refuse the file

	external map[string]int64 // location: the bytes that the file must hold at least
}

// Opset is an operator set that a model imports. The standard one has the domain "".
type Opset struct {
	Domain  string
	Version int64
}

// KeyValue is an entry of metadata_props.
type KeyValue struct{ Key, Value string }

// Meta looks a metadata entry up; of several with one key the last counts, as in ONNX Runtime.
func (i *Info) Meta(key string) (value string, ok bool) {
	for _, e := range i.Metadata {
		if e.Key == key {
			value, ok = e.Value, true
		}
	}
	return value, ok
}

// Input finds an input by name.
func (i *Info) Input(name string) (Value, bool) { return find(i.Inputs, name) }

// Output finds an output by name.
func (i *Info) Output(name string) (Value, bool) { return find(i.Outputs, name) }

func find(list []Value, name string) (Value, bool) {
	for _, v := range list {
		if v.Name == name {
			return v, true
		}
	}
	return Value{}, false
}

// ReadInfo reads what a file says of itself. It seeks over the weights, whatever their size, and checks everything it walks
// through against the file's length. A file that is no ONNX model, or a damaged one, is a [*FormatError]; external weights
// outside the model's folder are an [*ExternalError], but whether they exist is left to [Info.CheckExternal].
func ReadInfo(path string) (*Info, error) {
	// A named pipe would block in Open.
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case stat.IsDir():
		return nil, fmt.Errorf("%s: is a folder where an ONNX file is expected", path)
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is %s where an ONNX file is expected", path, kindOf(stat.Mode()))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ReadInfoFrom(file, stat.Size(), path)
}

// ReadInfoFrom is [ReadInfo] for a model of size bytes that need not be a file; name is what errors call it.
func ReadInfoFrom(r io.ReaderAt, size int64, name string) (*Info, error) {
	if size == 0 {
		return nil, &FormatError{File: name, Offset: -1, Problem: "the file is empty"}
	}
	m := modelReader{
		walker: newWalker(r, size),
		info:   &Info{File: name, Size: size, Operators: map[string]int{}, external: map[string]int64{}},
	}
	m.model()
	if m.err == nil && !m.hasGraph {
		m.err = &FormatError{Offset: -1, Problem: "it holds no graph"}
	}
	filled := m.filled(m.info.Inputs)
	if format, ok := errors.AsType[*FormatError](m.err); ok {
		format.File = name
		head := make([]byte, min(size, 512))
		if n, _ := r.ReadAt(head, 0); n == len(head) {
			format.Looks = looksLike(head)
		}
		return nil, format
	}
	if external, ok := errors.AsType[*ExternalError](m.err); ok {
		external.File = name
		return nil, external
	}
	if m.err != nil {
		return nil, fmt.Errorf("%s: %w", name, m.err)
	}
	m.info.Inputs = slices.DeleteFunc(m.info.Inputs, func(v Value) bool { return filled[v.Name] })
	m.info.Warnings = m.info.doubts()
	return m.info, nil
}

// ReadInfoBytes is [ReadInfo] for a model in memory.
func ReadInfoBytes(model []byte, name string) (*Info, error) {
	return ReadInfoFrom(bytes.NewReader(model), int64(len(model)), name)
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// doubts are what the runtime may refuse.
func (i *Info) doubts() (list []string) {
	doubt := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch {
	case i.IRVersion == 0:
		doubt("it states no IR version, and ONNX Runtime may refuse it")
	case i.IRVersion > newestIR:
		doubt("IR version %d is newer than ONNX Runtime 1.27 knows (%d)", i.IRVersion, newestIR)
	}
	standard := false
	for _, o := range i.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			standard = true
			if o.Version > newestOpset {
				doubt("operator set %d is newer than ONNX Runtime 1.27 knows (%d)", o.Version, newestOpset)
			}
		}
	}
	if !standard {
		doubt("it imports no standard operator set")
	}
	return list
}
