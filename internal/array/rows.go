package array

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
)

// maxUnpacked bounds what [NewRows] holds in memory: an array that is deflated, or in Fortran order, has no rows in the file.
const maxUnpacked = 4 << 30

// Rows reads single rows of an array, row i being everything whose first index is i, without reading the array whole. Its
// methods may be called from several goroutines at once.
type Rows struct {
	Shape []int // of the whole array, one axis or more
	DType string

	source    io.ReaderAt
	offset    int64 // of the first row
	width     int   // elements of a row
	bigEndian bool
	scratch   *sync.Pool // of *[]byte, a row each
}

// NewRows finds an array in a file of the given size, .npy or .npz, whichever its first bytes say; of several arrays in a
// .npz it is the first of names that there is, and without names the only one. A .npy and what a .npz stores plain are read
// from r row by row; what it deflates, and an array in Fortran order, is unpacked into memory, up to 4 GiB. Errors leave
// naming the file to the caller.
func NewRows(r io.ReaderAt, size int64, names ...string) (*Rows, error) {
	lead := make([]byte, 2)
	if n, err := r.ReadAt(lead, 0); n < len(lead) {
		return nil, short(err, "a .npy or .npz file")
	}
	if string(lead) != "PK" {
		return rowsIn(r, 0, size)
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("not a readable .npz archive: %w", err)
	}
	member, err := pick(archive, names, false)
	if err != nil {
		return nil, err
	}
	rows, err := memberRows(r, member, size)
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", arrayName(member), err)
	}
	return rows, nil
}

// memberRows reads a stored member where it lies and unpacks a deflated one.
func memberRows(r io.ReaderAt, member *zip.File, archiveSize int64) (*Rows, error) {
	if member.Method == zip.Store {
		offset, err := member.DataOffset()
		if err != nil {
			return nil, err
		}
		if member.UncompressedSize64 > uint64(archiveSize-offset) {
			return nil, fmt.Errorf("claims %d bytes, found %d", member.UncompressedSize64, archiveSize-offset)
		}
		return rowsIn(r, offset, int64(member.UncompressedSize64))
	}
	if member.UncompressedSize64 > maxUnpacked {
		return nil, fmt.Errorf("unpacks to %d bytes, expected at most %d in a compressed .npz: numpy.save makes a .npy, which is read in pieces",
			member.UncompressedSize64, int64(maxUnpacked))
	}
	a, err := decodeMember(member, archiveSize)
	if err != nil {
		return nil, err
	}
	return a.rows()
}

// rowsIn reads the array that lies between offset and offset+size.
func rowsIn(r io.ReaderAt, offset, size int64) (*Rows, error) {
	section := io.NewSectionReader(r, offset, size)
	h, err := readHeader(section, size)
	if err != nil {
		return nil, err
	}
	if h.fortran && len(h.shape) > 1 {
		if h.bytes > maxUnpacked {
			return nil, fmt.Errorf("is in Fortran order and has %d bytes, expected at most %d: save numpy.ascontiguousarray of it", h.bytes, int64(maxUnpacked))
		}
		if _, err := section.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		a, err := decode(section, size)
		if err != nil {
			return nil, err
		}
		return a.rows()
	}
	return RowsOf(r, offset+h.size, h.dtype, h.bigEndian, h.shape)
}

// rows are the rows of an array in memory.
func (a *Array) rows() (*Rows, error) {
	raw := a.raw
	if raw == nil {
		raw = make([]byte, 4*len(a.f32))
		for i, v := range a.f32 {
			le.PutUint32(raw[4*i:], math.Float32bits(v))
		}
	}
	return RowsOf(Bytes(raw), 0, a.DType, false, a.Shape)
}

// RowsOf describes rows that lie one after the other in r from offset on. That r is long enough is for the caller to know;
// an unknown dtype panics.
func RowsOf(r io.ReaderAt, offset int64, dtype string, bigEndian bool, shape []int) (*Rows, error) {
	t, ok := types[dtype]
	if !ok {
		panic("array: unknown element type " + dtype)
	}
	if len(shape) == 0 {
		return nil, fmt.Errorf("holds a single number, expected an array of one axis or more")
	}
	width := 1
	for _, d := range shape[1:] {
		width *= d // no overflow: the rows are in a file, or there are none
	}
	if shape[0] == 0 || width == 0 {
		return nil, fmt.Errorf("has the shape %s and holds nothing", shapeText(shape))
	}
	bytes := width * t.size
	return &Rows{
		Shape: slices.Clone(shape), DType: dtype,
		source: r, offset: offset, width: width, bigEndian: bigEndian,
		scratch: &sync.Pool{New: func() any { b := make([]byte, bytes); return &b }},
	}, nil
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.Shape[0] }

// Width is the number of elements of one row.
func (r *Rows) Width() int { return r.width }

// Read fills dst with row i, as float32, the nearest where the file's type is finer.
func (r *Rows) Read(dst []float32, i int64) error {
	if len(dst) != r.width || i < 0 || i >= int64(r.Shape[0]) {
		panic(fmt.Sprintf("array: row %d into %d elements, of %d rows of %d", i, len(dst), r.Shape[0], r.width))
	}
	buf := r.scratch.Get().(*[]byte)
	defer r.scratch.Put(buf)
	if n, err := r.source.ReadAt(*buf, r.offset+i*int64(len(*buf))); n < len(*buf) {
		return short(err, fmt.Sprintf("row %d of %d", i, r.Shape[0]))
	}
	toFloat32(dst, *buf, r.DType, r.bigEndian)
	return nil
}

// toFloat32 converts elements; the kinds that data sets are made of have loops of their own.
func toFloat32(dst []float32, raw []byte, dtype string, bigEndian bool) {
	t := types[dtype]
	if bigEndian {
		swap(raw, t.size)
	}
	switch dtype {
	case "uint8":
		for i, v := range raw[:len(dst)] {
			dst[i] = float32(v)
		}
	case "float32":
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case "float16":
		for i := range dst {
			dst[i] = halfToFloat32(le.Uint16(raw[2*i:]))
		}
	default:
		for i := range dst {
			dst[i] = float32(t.float(raw[i*t.size:]))
		}
	}
}

// halfToFloat32 is [halfToFloat] without branches for what is finite: a half's exponent and fraction, moved to where float32
// has them, is the number divided by 2^(127-15).
func halfToFloat32(h uint16) float32 {
	magnitude := uint32(h&0x7fff) << 13
	if magnitude >= 0x1f<<23 {
		return math.Float32frombits(uint32(h>>15)<<31 | 0xff<<23 | magnitude&(1<<23-1))
	}
	v := math.Float32frombits(magnitude) * 0x1p112
	return math.Float32frombits(math.Float32bits(v) | uint32(h>>15)<<31)
}

// Bytes is a file in memory, as io.ReaderAt; unlike a bytes.Reader it has no position and costs nothing to make.
type Bytes []byte

// ReadAt copies from the offset on.
func (b Bytes) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
