package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"odeon/internal/array"
)

// maxRatio is above the greatest ratio that deflate reaches (1032: 258 bytes from 2 bits), and maxUnpacked the most that is
// unpacked into memory.
const (
	maxRatio    = 1100
	maxUnpacked = 4 << 30
)

// idxTypes are the element types of IDX by their number: NumPy's names and the sizes in bytes.
var idxTypes = map[byte]struct {
	dtype string
	size  int64
}{
	0x08: {"uint8", 1}, 0x09: {"int8", 1}, 0x0b: {"int16", 2}, 0x0c: {"int32", 4}, 0x0d: {"float32", 4}, 0x0e: {"float64", 8},
}

// idxHeader is the beginning of an IDX file, the format of MNIST (LeCun, Cortes and Burges): two zero bytes, the element type,
// the number of axes and, as 32-bit numbers, their sizes; then the elements, all of it big-endian.
type idxHeader struct {
	dtype string
	shape []int
	size  int64 // of the header
	total int64 // of the file
}

func readIDXHeader(r io.Reader) (idxHeader, error) {
	var lead [4]byte
	if _, err := io.ReadFull(r, lead[:]); err != nil {
		return idxHeader{}, idxEnds(err, "4 bytes of an IDX header")
	}
	kind, ok := idxTypes[lead[2]]
	if lead[0] != 0 || lead[1] != 0 || !ok || lead[3] == 0 || lead[3] > 8 {
		return idxHeader{}, fmt.Errorf("begins with % x, expected the header of an IDX file: 00 00, a type from 08 to 0e, 1 to 8 axes", lead)
	}
	h := idxHeader{dtype: kind.dtype, size: 4 + 4*int64(lead[3]), total: kind.size}
	sizes := make([]byte, 4*int(lead[3]))
	if _, err := io.ReadFull(r, sizes); err != nil {
		return h, idxEnds(err, fmt.Sprintf("the sizes of %d axes", lead[3]))
	}
	for ; len(sizes) > 0; sizes = sizes[4:] {
		d := int64(binary.BigEndian.Uint32(sizes))
		h.shape = append(h.shape, int(d))
		if d > 0 && h.total > (1<<62)/d {
			return h, fmt.Errorf("claims the shape %v: more than a file can hold", h.shape)
		}
		h.total *= d
	}
	if slices.Contains(h.shape, 0) {
		return h, fmt.Errorf("has the shape %v and holds nothing", h.shape)
	}
	h.total += h.size
	return h, nil
}

func idxEnds(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("ends early, expected %s", what)
	}
	return err
}

// idxRows reads an IDX file: a plain one in pieces, a gzipped one into memory, which grows with what has really been unpacked.
func idxRows(f *file) (*array.Rows, error) {
	if f.gzipped() {
		return idxUnpacked(f)
	}
	h, err := readIDXHeader(f.reader())
	if err != nil {
		return nil, err
	}
	if h.total != f.size {
		return nil, fmt.Errorf("claims %s of shape %v, expected a file of %d bytes, found %d", h.dtype, h.shape, h.total, f.size)
	}
	return array.RowsOf(f, h.size, h.dtype, true, h.shape)
}

func idxUnpacked(f *file) (*array.Rows, error) {
	z, err := gzip.NewReader(f.reader())
	if err != nil {
		return nil, fmt.Errorf("not a readable gzip file: %w", err)
	}
	h, err := readIDXHeader(z)
	if err != nil {
		return nil, fmt.Errorf("unpacked, it %w", err)
	}
	if h.total/maxRatio > f.size {
		return nil, fmt.Errorf("claims %s of shape %v, %d bytes, more than its %d compressed ones can hold", h.dtype, h.shape, h.total, f.size)
	}
	if h.total > maxUnpacked {
		return nil, fmt.Errorf("unpacks to %d bytes, expected at most %d: gunzip it, and it is read in pieces", h.total, int64(maxUnpacked))
	}
	var data bytes.Buffer
	n, err := io.Copy(&data, io.LimitReader(z, h.total-h.size+1))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("not a readable gzip file: %w", err)
	}
	if err != nil || n != h.total-h.size {
		found := fmt.Sprint(n)
		if n > h.total-h.size {
			found = "more"
		}
		return nil, fmt.Errorf("claims %s of shape %v, expected %d bytes of it, found %s", h.dtype, h.shape, h.total-h.size, found)
	}
	return array.RowsOf(array.Bytes(data.Bytes()), 0, h.dtype, true, h.shape)
}
