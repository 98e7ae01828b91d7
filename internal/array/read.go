package array

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"odeon/internal/atomicfile"
)

// Read reads a .npy file, or one array of a .npz file: the first of names that it has, else the only one there is. Which
// kind it is, the file's first bytes say, not its name.
func Read(path string, names ...string) (*Array, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buffered := bufio.NewReaderSize(f, 1<<16)
	if lead, _ := buffered.Peek(2); string(lead) == "PK" {
		if size < 0 {
			return nil, fmt.Errorf("%s: a .npz archive is read from a file, found a pipe", path)
		}
		return readMember(path, f, size, names, false)
	}
	a, err := decode(buffered, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// ReadNPZ reads the array called name from a .npz file.
func ReadNPZ(path, name string) (*Array, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readMember(path, f, size, []string{name}, true)
}

// Names lists the arrays of a .npz file in the file's order.
func Names(path string) ([]string, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := NamesIn(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return names, nil
}

// NamesIn lists the arrays of a .npz file of the given size that is open already.
func NamesIn(r io.ReaderAt, size int64) ([]string, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("not a readable .npz archive: %w", err)
	}
	return members(archive), nil
}

// open gives the size too; -1 where the file is a pipe and its size unknown.
func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, atomicfile.Reason(err))
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s: is a folder, expected a .npy or .npz file", path)
	case info.Mode().IsRegular():
		return f, info.Size(), nil
	default:
		return f, -1, nil
	}
	f.Close()
	return nil, 0, err
}

func members(archive *zip.Reader) []string {
	var names []string
	for _, f := range archive.File {
		if name, ok := strings.CutSuffix(f.Name, ".npy"); ok {
			names = append(names, name)
		}
	}
	return names
}

func readMember(path string, f io.ReaderAt, size int64, names []string, exact bool) (*Array, error) {
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: not a readable .npz archive: %w", path, err)
	}
	member, err := pick(archive, names, exact)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a, err := decodeMember(member, size)
	if err != nil {
		return nil, fmt.Errorf("%s: array %q: %w", path, arrayName(member), err)
	}
	return a, nil
}

// pick finds the first of names in an archive, else, unless it has to be one of them, the only array.
func pick(archive *zip.Reader, names []string, exact bool) (*zip.File, error) {
	have := members(archive)
	name := ""
	for _, wanted := range names {
		if slices.Contains(have, wanted) {
			name = wanted
			break
		}
	}
	if name == "" && !exact && len(have) == 1 {
		name = have[0]
	}
	if name == "" {
		return nil, choice(have, names)
	}
	for _, member := range archive.File {
		if member.Name == name+".npy" {
			return member, nil
		}
	}
	panic("array: a listed member is gone")
}

func arrayName(member *zip.File) string { return strings.TrimSuffix(member.Name, ".npy") }

// choice is the error for an archive in which no array is the obvious one.
func choice(have, names []string) error {
	if len(have) == 0 {
		return errors.New("the archive holds no arrays")
	}
	shown := have
	more := ""
	if len(shown) > 12 {
		shown, more = shown[:12], ", ..."
	}
	expected := "one array"
	if len(names) > 0 {
		expected = "one called " + strings.Join(names, " or ")
	}
	return fmt.Errorf("found the arrays %s%s, expected %s", strings.Join(shown, ", "), more, expected)
}

// maxRatio is above the greatest ratio that deflate reaches (1032: 258 bytes from 2 bits).
const maxRatio = 1100

func decodeMember(member *zip.File, archiveSize int64) (*Array, error) {
	claimed := member.UncompressedSize64
	stored := min(member.CompressedSize64, uint64(archiveSize))
	if claimed > math.MaxInt64 || claimed/maxRatio > stored {
		return nil, fmt.Errorf("claims %d bytes, more than its %d compressed ones can hold", claimed, stored)
	}
	r, err := member.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	a, err := decode(r, int64(claimed))
	if err != nil {
		return nil, err
	}
	// Reading to the end is what makes the zip reader compare its checksum.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	return a, nil
}

// decode reads one .npy stream of the given size, -1 where it is not known.
func decode(r io.Reader, size int64) (*Array, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	if h.bytes > math.MaxInt {
		return nil, fmt.Errorf("claims %d bytes, more than this machine addresses", h.bytes)
	}
	a := &Array{Shape: h.shape, DType: h.dtype}
	if a.Shape == nil {
		a.Shape = []int{}
	}
	element := types[h.dtype].size
	multi := len(h.shape) > 1
	if h.dtype == "float32" && !(h.fortran && multi) {
		a.f32, err = readFloats(r, int(h.bytes)/element, h.bigEndian)
	} else {
		a.raw, err = readBytes(r, int(h.bytes))
		if h.bigEndian {
			swap(a.raw, element)
		}
		if err == nil && h.fortran && multi {
			a.raw = transpose(a.raw, h.shape, element)
		}
	}
	if err != nil {
		return nil, short(err, fmt.Sprintf("%d bytes of data for %s of shape %s", h.bytes, h.dtype, shapeText(h.shape)))
	}
	if size < 0 {
		if n, _ := io.CopyN(io.Discard, r, 1); n > 0 {
			return nil, fmt.Errorf("goes on after the %d bytes of %s of shape %s", h.bytes, h.dtype, shapeText(h.shape))
		}
	}
	return a, nil
}

// block is how much is read at a time. Memory grows with what has really been read, whatever the header claims.
const block = 1 << 20

func readBytes(r io.Reader, n int) ([]byte, error) {
	data := make([]byte, 0, min(n, block))
	for len(data) < n {
		k := min(n-len(data), block)
		data = slices.Grow(data, k)
		got, err := io.ReadFull(r, data[len(data):len(data)+k])
		data = data[:len(data)+got]
		if err != nil {
			return data, err
		}
	}
	return data, nil
}

func readFloats(r io.Reader, n int, bigEndian bool) ([]float32, error) {
	data := make([]float32, 0, min(n, block/4))
	buf := make([]byte, min(4*n, block))
	for len(data) < n {
		k := min(n-len(data), block/4)
		if _, err := io.ReadFull(r, buf[:4*k]); err != nil {
			return data, err
		}
		if bigEndian {
			swap(buf[:4*k], 4)
		}
		data = slices.Grow(data, k)
		for i := range k {
			data = append(data, math.Float32frombits(le.Uint32(buf[4*i:])))
		}
	}
	return data, nil
}

// swap turns big-endian elements into little-endian ones.
func swap(data []byte, size int) {
	for ; size > 1 && len(data) >= size; data = data[size:] {
		slices.Reverse(data[:size])
	}
}

// transpose puts Fortran-ordered elements (first index fastest) into C order.
func transpose(data []byte, shape []int, size int) []byte {
	out := make([]byte, len(data))
	stride := make([]int, len(shape)) // in the source, in bytes
	step := size
	for k, d := range shape {
		stride[k] = step
		step *= d
	}
	index := make([]int, len(shape))
	from := 0
	for to := 0; to < len(out); to += size {
		copy(out[to:to+size], data[from:])
		for k := len(shape) - 1; k >= 0; k-- {
			index[k]++
			from += stride[k]
			if index[k] < shape[k] {
				break
			}
			from -= index[k] * stride[k]
			index[k] = 0
		}
	}
	return out
}
