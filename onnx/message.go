package onnx

import (
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protobuf message being put together. Weights stay where they are, in memory or in a file: the message refers
// to them until it is written.
type message struct {
	parts []bulk // finished
	size  int    // of parts
	open  []byte // what follows them
}

// bulk is content of a message that is written from where it lies. The buffer is for what must be read first.
type bulk interface {
	len() int
	writeTo(w io.Writer, buffer []byte) error
}

// What is shorter is copied, which is cheaper than a part of their own.
const shortBlob = 1 << 10

func (m *message) len() int { return m.size + len(m.open) }

func (m *message) number(num protowire.Number, v int64) {
	m.open = protowire.AppendTag(m.open, num, protowire.VarintType)
	m.open = protowire.AppendVarint(m.open, uint64(v))
}

func (m *message) float(num protowire.Number, v float32) {
	m.open = protowire.AppendTag(m.open, num, protowire.Fixed32Type)
	m.open = protowire.AppendFixed32(m.open, math.Float32bits(v))
}

func (m *message) text(num protowire.Number, s string) {
	m.open = protowire.AppendTag(m.open, num, protowire.BytesType)
	m.open = protowire.AppendString(m.open, s)
}

// optional leaves an empty text out, which is how protobuf writes it.
func (m *message) optional(num protowire.Number, s string) {
	if s != "" {
		m.text(num, s)
	}
}

func (m *message) blob(num protowire.Number, b []byte) { m.bulk(num, content(b)) }

func (m *message) bulk(num protowire.Number, b bulk) {
	m.head(num, b.len())
	m.append(b)
}

// message nests one message in another.
func (m *message) message(num protowire.Number, inner *message) {
	m.head(num, inner.len())
	m.splice(inner)
}

// splice appends the fields of another message.
func (m *message) splice(other *message) {
	for _, p := range other.parts {
		m.append(p)
	}
	m.append(content(other.open))
}

func (m *message) head(num protowire.Number, n int) {
	m.open = protowire.AppendTag(m.open, num, protowire.BytesType)
	m.open = protowire.AppendVarint(m.open, uint64(n))
}

func (m *message) append(b bulk) {
	if c, ok := b.(content); ok && len(c) < shortBlob {
		m.open = append(m.open, c...)
		return
	}
	m.parts = append(m.parts, content(m.open), b)
	m.size += len(m.open) + b.len()
	m.open = nil
}

func (m *message) writeTo(w io.Writer) error {
	longest := 0
	for _, p := range m.parts {
		if _, ok := p.(content); !ok {
			longest = max(longest, p.len())
		}
	}
	buffer := make([]byte, min(longest, copyBuffer))
	for _, p := range m.parts {
		if err := p.writeTo(w, buffer); err != nil {
			return err
		}
	}
	_, err := w.Write(m.open)
	return err
}

// content is a bulk in memory.
type content []byte

func (c content) len() int { return len(c) }

func (c content) writeTo(w io.Writer, _ []byte) error {
	_, err := w.Write(c)
	return err
}

const copyBuffer = 256 << 10

// stretch is a bulk in a file: its bytes from begin up to end.
type stretch struct {
	file       io.ReaderAt
	name       string // the file's, for messages
	begin, end int64
}

func (s stretch) len() int { return int(s.end - s.begin) }

func (s stretch) writeTo(w io.Writer, buffer []byte) error {
	return s.each(buffer, func(b []byte) error {
		_, err := w.Write(b)
		return err
	})
}

// each hands the bytes on, as many at a time as the buffer holds.
func (s stretch) each(buffer []byte, use func([]byte) error) error {
	for at := s.begin; at < s.end; at += int64(len(buffer)) {
		buffer = buffer[:min(int64(len(buffer)), s.end-at)]
		if n, err := s.file.ReadAt(buffer, at); n < len(buffer) {
			return fmt.Errorf("%s: the file changed while it was copied: byte %d: %w", s.name, at+int64(n), err)
		}
		if err := use(buffer); err != nil {
			return err
		}
	}
	return nil
}
