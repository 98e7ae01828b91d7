package onnx

import (
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protobuf message being put together. Weights stay where they are: the message refers to them until it is
// written.
type message struct {
	parts [][]byte // finished
	size  int      // of parts
	open  []byte   // what follows them
}

// Shorter blobs are copied, which is cheaper than a part of their own.
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

func (m *message) blob(num protowire.Number, b []byte) {
	m.head(num, len(b))
	m.append(b)
}

// message nests one message in another.
func (m *message) message(num protowire.Number, inner *message) {
	m.head(num, inner.len())
	for _, p := range inner.parts {
		m.append(p)
	}
	m.append(inner.open)
}

func (m *message) head(num protowire.Number, n int) {
	m.open = protowire.AppendTag(m.open, num, protowire.BytesType)
	m.open = protowire.AppendVarint(m.open, uint64(n))
}

func (m *message) append(b []byte) {
	if len(b) < shortBlob {
		m.open = append(m.open, b...)
		return
	}
	m.parts = append(m.parts, m.open, b)
	m.size += len(m.open) + len(b)
	m.open = nil
}

func (m *message) writeTo(w io.Writer) error {
	for _, p := range m.parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	_, err := w.Write(m.open)
	return err
}
