package array

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"strings"
)

// NPYWriter writes one float32 array of a known shape, in order, in pieces of any size.
type NPYWriter struct {
	w     io.Writer
	shape []int
	want  int64 // elements
	got   int64
	buf   []byte
}

// NewNPYWriter writes the preamble of a float32 array to w.
func NewNPYWriter(w io.Writer, shape []int) (*NPYWriter, error) {
	size, err := writeHeader(w, "<f4", 4, shape)
	if err != nil {
		return nil, err
	}
	return &NPYWriter{w: w, shape: shape, want: size / 4, buf: make([]byte, 0, 1<<15)}, nil
}

// Write appends the next elements.
func (n *NPYWriter) Write(x []float32) error {
	if n.got+int64(len(x)) > n.want {
		return fmt.Errorf("more than the %d elements of shape %s", n.want, shapeText(n.shape))
	}
	n.got += int64(len(x))
	return writeElements(n.w, n.buf, x, func(b []byte, v float32) []byte { return le.AppendUint32(b, math.Float32bits(v)) })
}

// Close checks that every element was written. It does not close the underlying writer.
func (n *NPYWriter) Close() error {
	if n.got != n.want {
		return fmt.Errorf("%d elements written, expected the %d of shape %s", n.got, n.want, shapeText(n.shape))
	}
	return nil
}

// NPZWriter writes named arrays into one archive. The bytes depend on the arrays alone: the archive carries no dates.
type NPZWriter struct {
	zip    *zip.Writer
	method uint16
	names  map[string]bool
}

// NewNPZWriter starts an archive whose members are stored as they are, or deflated.
func NewNPZWriter(w io.Writer, deflate bool) *NPZWriter {
	z := &NPZWriter{zip: zip.NewWriter(w), method: zip.Store, names: map[string]bool{}}
	if deflate {
		z.method = zip.Deflate
	}
	return z
}

// Stream starts a float32 array that is written in pieces, all of them before the next array is started.
func (z *NPZWriter) Stream(name string, shape []int) (*NPYWriter, error) {
	w, err := z.member(name)
	if err != nil {
		return nil, err
	}
	return NewNPYWriter(w, shape)
}

// Float32 writes an array of float32.
func (z *NPZWriter) Float32(name string, shape []int, x []float32) error {
	return member(z, name, "<f4", 4, shape, x, func(b []byte, v float32) []byte { return le.AppendUint32(b, math.Float32bits(v)) })
}

// Float64 writes an array of float64.
func (z *NPZWriter) Float64(name string, shape []int, x []float64) error {
	return member(z, name, "<f8", 8, shape, x, func(b []byte, v float64) []byte { return le.AppendUint64(b, math.Float64bits(v)) })
}

// Int64 writes an array of int64.
func (z *NPZWriter) Int64(name string, shape []int, x []int64) error {
	return member(z, name, "<i8", 8, shape, x, func(b []byte, v int64) []byte { return le.AppendUint64(b, uint64(v)) })
}

// Close writes the archive's directory. It does not close the underlying writer.
func (z *NPZWriter) Close() error { return z.zip.Close() }

func (z *NPZWriter) member(name string) (io.Writer, error) {
	if name == "" || z.names[name] {
		return nil, fmt.Errorf("array %q: expected a name that is not in the archive yet", name)
	}
	z.names[name] = true
	return z.zip.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: z.method})
}

func member[T any](z *NPZWriter, name, descr string, element int, shape []int, x []T, put func([]byte, T) []byte) error {
	w, err := z.member(name)
	if err != nil {
		return err
	}
	size, err := writeHeader(w, descr, element, shape)
	if err != nil {
		return err
	}
	if size != int64(len(x)*element) {
		return fmt.Errorf("array %q: %d elements, expected those of shape %s", name, len(x), shapeText(shape))
	}
	return writeElements(w, make([]byte, 0, 1<<15), x, put)
}

// writeHeader writes a version 1 preamble and returns the size in bytes of the data to follow.
func writeHeader(w io.Writer, descr string, element int, shape []int) (int64, error) {
	size, err := dataSize(shape, element)
	if err != nil {
		return 0, err
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shapeText(shape))
	// The data begins at a multiple of 64, so that it can be mapped into memory; the header ends with a newline.
	const lead = 10
	text += strings.Repeat(" ", 63-(lead+len(text))%64) + "\n"
	head := append([]byte(magic), 1, 0)
	head = le.AppendUint16(head, uint16(len(text)))
	_, err = w.Write(append(head, text...))
	return size, err
}

// writeElements encodes x through buf, a buffer at a time.
func writeElements[T any](w io.Writer, buf []byte, x []T, put func([]byte, T) []byte) error {
	for len(x) > 0 {
		n := min(len(x), cap(buf)/8)
		b := buf[:0]
		for _, v := range x[:n] {
			b = put(b, v)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}
