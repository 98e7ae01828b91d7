package render

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"strings"
)

func openPNG(r *request) (body, error) { return newStill(r, encodePNG) }

func encodePNG(w io.Writer, s *still) error {
	s.drawn = s.draw()
	return png.Encode(&annotated{w: w, fields: s.meta.Text}, s.drawn)
}

// still is the body of a file that holds one picture.
type still struct {
	scene
	meta   Meta
	encode func(io.Writer, *still) error
	drawn  image.Image // by the encoder of pixels
}

// way is a still that shows the way of its samples too.
type way struct {
	*still
	recorder
}

func newStill(r *request, encode func(io.Writer, *still) error) (body, error) {
	s := &still{meta: r.Meta, encode: encode}
	frames := 0
	if r.Trajectories {
		frames = len(r.Times)
	}
	switch {
	case r.kind == picture && frames > 0:
		c := newContact(r, frames)
		s.scene = c
		return way{s, c}, nil
	case r.kind == picture:
		s.scene = newPictures(r)
	case r.kind == video:
		s.scene = newContact(r, 0)
	case r.kind == signal:
		s.scene = newSignals(r, 0)
	case r.kind == prose:
		s.scene = newPage(r)
	default:
		c := newCloud(r, frames)
		s.scene = c
		if frames > 0 {
			return way{s, c}, nil
		}
	}
	return s, nil
}

func (s *still) write(_ io.Writer, first int, x []float32) error {
	s.add(first, x)
	return nil
}

func (s *still) finish(w io.Writer) error { return s.encode(w, s) }
func (s *still) image() image.Image       { return s.drawn }

// annotated passes a PNG file on and puts text chunks after its first chunk, the header.
type annotated struct {
	w      io.Writer
	fields []Field
	passed int
}

// headerEnd is where the IHDR chunk ends: an 8-byte signature, then length, name, 13 bytes and a checksum.
const headerEnd = 8 + 4 + 4 + 13 + 4

func (a *annotated) Write(p []byte) (int, error) {
	if a.passed >= headerEnd {
		return a.w.Write(p)
	}
	head := p[:min(headerEnd-a.passed, len(p))]
	n, err := a.w.Write(head)
	a.passed += n
	if err != nil || a.passed < headerEnd {
		return n, err
	}
	for _, f := range a.fields {
		if _, err := a.w.Write(textChunk(f)); err != nil {
			return n, err
		}
	}
	m, err := a.w.Write(p[n:])
	return n + m, err
}

// textChunk is a tEXt chunk, whose text is Latin-1, or an iTXt chunk where that is not enough (PNG, third edition, 11.3.3).
func textChunk(f Field) []byte {
	key := []byte(latin1(f.Key))
	text := strings.ReplaceAll(f.Text, "\x00", "")
	name, data := "tEXt", append(key, 0)
	if encoded, ok := encodeLatin1(text); ok {
		data = append(data, encoded...)
	} else {
		name = "iTXt"
		data = append(data, 0, 0, 0, 0) // not compressed, no language, no translated keyword
		data = append(data, strings.ToValidUTF8(text, "?")...)
	}
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, name...), data...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
}

// latin1 makes a keyword: 1 to 79 printable characters.
func latin1(key string) string {
	b, ok := encodeLatin1(key)
	if !ok || len(b) == 0 {
		return "Comment"
	}
	return string(b[:min(len(b), 79)])
}

func encodeLatin1(s string) ([]byte, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, false
		}
		b = append(b, byte(r))
	}
	return b, true
}
