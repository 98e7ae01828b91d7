package array

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const magic = "\x93NUMPY"

// maxHeader bounds the text of a header. NumPy itself refuses more than 10,000 bytes.
const maxHeader = 1 << 16

// maxDims is NumPy's own limit.
const maxDims = 64

// header is the preamble of a .npy file.
type header struct {
	dtype     string
	bigEndian bool
	fortran   bool
	shape     []int
	bytes     int64 // of the data that follows
	size      int64 // of the preamble itself
}

// readHeader reads the preamble. remaining is how many bytes r still has, negative where that is not known.
func readHeader(r io.Reader, remaining int64) (header, error) {
	lead := make([]byte, 8)
	if _, err := io.ReadFull(r, lead); err != nil {
		return header{}, short(err, "the 8 bytes every .npy file begins with")
	}
	if string(lead[:6]) != magic {
		return header{}, fmt.Errorf("begins with % x, expected % x: not a .npy file", lead[:6], magic)
	}
	width := 4
	switch lead[6] {
	case 1:
		width = 2
	case 2, 3:
	default:
		return header{}, fmt.Errorf("has .npy version %d.%d, expected 1, 2 or 3", lead[6], lead[7])
	}
	count := make([]byte, 4)
	if _, err := io.ReadFull(r, count[:width]); err != nil {
		return header{}, short(err, "the length of the header")
	}
	n := int64(le.Uint32(count))
	size := int64(8+width) + n
	if n > maxHeader || remaining >= 0 && size > remaining {
		return header{}, fmt.Errorf("claims a header of %d bytes, expected at most %d", n, min(maxHeader, max(remaining-int64(8+width), 0)))
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return header{}, short(err, "a header of "+strconv.FormatInt(n, 10)+" bytes")
	}
	h, err := parseHeader(text)
	if err != nil {
		return header{}, err
	}
	h.size = size
	if remaining >= 0 && h.bytes != remaining-size {
		return header{}, fmt.Errorf("claims %s of shape %s, expected %d bytes of data, found %d", h.dtype, shapeText(h.shape), h.bytes, remaining-size)
	}
	return h, nil
}

func short(err error, what string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("ends early, expected %s", what)
	}
	return err
}

// parseHeader reads the Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
func parseHeader(text []byte) (header, error) {
	var h header
	p := literal{rest: bytes.TrimSpace(text)}
	if !p.take("{") {
		return h, p.unexpected("{")
	}
	seen := map[string]bool{}
	for !p.take("}") {
		key, err := p.str()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("header: %q is given twice", key)
		}
		seen[key] = true
		if !p.take(":") {
			return h, p.unexpected(":")
		}
		switch key {
		case "descr":
			err = h.descr(&p)
		case "fortran_order":
			switch {
			case p.take("True"):
				h.fortran = true
			case !p.take("False"):
				err = p.unexpected("True or False")
			}
		case "shape":
			err = h.dims(&p)
		default:
			err = fmt.Errorf("header: unknown field %q, expected descr, fortran_order and shape", key)
		}
		if err != nil {
			return h, err
		}
		if !p.take(",") && !p.ahead("}") {
			return h, p.unexpected("}")
		}
	}
	if len(p.rest) > 0 {
		return h, p.unexpected("the end of the header")
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return h, fmt.Errorf("header: %q is missing", key)
		}
	}
	var err error
	h.bytes, err = dataSize(h.shape, types[h.dtype].size)
	return h, err
}

// dataSize multiplies a shape out. Empty arrays are checked too: (0, 2^62, 2^62) is no shape.
func dataSize(shape []int, element int) (int64, error) {
	total, empty := int64(element), false
	for _, d := range shape {
		if d == 0 {
			empty = true
			continue
		}
		if total > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("claims the shape %s: more than a file can hold", shapeText(shape))
		}
		total *= int64(d)
	}
	if empty {
		return 0, nil
	}
	return total, nil
}

func (h *header) descr(p *literal) error {
	if p.ahead("[") || p.ahead("(") {
		return fmt.Errorf("holds records (%.40s), expected one number an element", p.rest)
	}
	descr, err := p.str()
	if err != nil {
		return err
	}
	kind := strings.TrimLeft(descr, "<>|=")
	name, ok := dtypes[kind]
	if !ok || len(descr)-len(kind) > 1 {
		return fmt.Errorf("holds elements of type %q, expected float16 to float64, int8 to int64, uint8 to uint64 or bool", descr)
	}
	h.dtype = name
	h.bigEndian = descr[0] == '>'
	return nil
}

func (h *header) dims(p *literal) error {
	if !p.take("(") {
		return p.unexpected("(")
	}
	for !p.take(")") {
		n := 0
		for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
			n++
		}
		d, err := strconv.Atoi(string(p.rest[:n]))
		if err != nil {
			return p.unexpected("a size")
		}
		p.rest = p.rest[n:]
		p.take("L") // Python 2 wrote its long integers so
		h.shape = append(h.shape, d)
		if len(h.shape) > maxDims {
			return fmt.Errorf("has more than %d dimensions", maxDims)
		}
		if !p.take(",") && !p.ahead(")") {
			return p.unexpected(", or )")
		}
	}
	return nil
}

// literal walks over the text of a Python literal.
type literal struct{ rest []byte }

func (p *literal) space() { p.rest = bytes.TrimLeft(p.rest, " \t\r\n") }

func (p *literal) ahead(token string) bool {
	p.space()
	return bytes.HasPrefix(p.rest, []byte(token))
}

func (p *literal) take(token string) bool {
	if !p.ahead(token) {
		return false
	}
	p.rest = p.rest[len(token):]
	p.space()
	return true
}

func (p *literal) str() (string, error) {
	p.space()
	if len(p.rest) > 0 && (p.rest[0] == '\'' || p.rest[0] == '"') {
		if end := bytes.IndexByte(p.rest[1:], p.rest[0]); end >= 0 {
			s := string(p.rest[1 : 1+end])
			p.rest = p.rest[end+2:]
			return s, nil
		}
	}
	return "", p.unexpected("a quoted name")
}

func (p *literal) unexpected(expected string) error {
	return fmt.Errorf("header: found %.20q, expected %s", p.rest, expected)
}

// shapeText writes a shape as Python does: (3, 4), (5,), ().
func shapeText(shape []int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range shape {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(d))
	}
	if len(shape) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}
