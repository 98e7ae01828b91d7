package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"odeon/internal/array"
	"odeon/internal/atomicfile"
)

// smallFile is up to where a file is read whole: its fingerprint covers every byte, and samples come from memory.
const smallFile = 64 << 20

// file is a data file, read in pieces with ReadAt. A small one lies in memory.
type file struct {
	entry
	f      *os.File
	memory array.Bytes // a small file, all of it; else nil
	hash   string
}

// openFile opens a file that is neither empty nor a folder. Its errors name it; those of the methods leave that to the caller.
func openFile(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, atomicfile.Reason(err))
	}
	d, err := newFile(path, f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func newFile(path string, f *os.File) (*file, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, atomicfile.Reason(err)
	case info.IsDir():
		return nil, errors.New("is a folder, expected a file")
	case !info.Mode().IsRegular():
		return nil, errors.New("is a pipe or a device, expected a file: samples are read more than once")
	case info.Size() == 0:
		return nil, errors.New("is empty")
	}
	d := &file{entry: entryOf(path, info), f: f}
	if d.size <= smallFile {
		d.memory = make([]byte, d.size)
		if _, err := io.ReadFull(f, d.memory); err != nil {
			return nil, d.ended(err)
		}
		sum := sha256.Sum256(d.memory)
		d.hash = hex.EncodeToString(sum[:16])
		return d, nil
	}
	d.hash, err = d.sketch()
	return d, err
}

// sketch is the fingerprint of a large file: its size, the time of its last change and the bytes at 64 places.
func (d *file) sketch() (string, error) {
	const places, length = 64, 4 << 10
	h := sha256.New()
	fmt.Fprintf(h, "%d %d\n", d.size, d.mtime)
	piece := make([]byte, length)
	for i := range int64(places) {
		if _, err := d.f.ReadAt(piece, (d.size-length)/(places-1)*i); err != nil {
			return "", d.ended(err)
		}
		h.Write(piece)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// ReadAt reads bytes of the file. One that has become shorter gives an error that says so.
func (d *file) ReadAt(p []byte, offset int64) (int, error) {
	if d.memory != nil {
		return d.memory.ReadAt(p, offset)
	}
	n, err := d.f.ReadAt(p, offset)
	if n < len(p) && offset+int64(len(p)) <= d.size {
		return n, d.ended(err)
	}
	return n, err
}

// check is an error where the file no longer has the size that it was opened with.
func (d *file) check() error {
	info, err := d.f.Stat()
	if err != nil {
		return atomicfile.Reason(err)
	}
	return d.same(info.Size())
}

// ended explains a read that came to the end of the file too early.
func (d *file) ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if changed := d.check(); changed != nil {
			return changed
		}
		return fmt.Errorf("ends early, expected %d bytes", d.size)
	}
	return atomicfile.Reason(err)
}

// reader reads the file from its beginning.
func (d *file) reader() io.Reader { return io.NewSectionReader(d, 0, d.size) }

// Close closes the file.
func (d *file) Close() error { return d.f.Close() }

// entry is a file as it was when it was first seen.
type entry struct {
	path  string
	size  int64
	mtime int64  // of the last change, in nanoseconds of Unix time
	class string // of a file in a folder, the sub-folder that it is in; else ""
}

func entryOf(path string, info fs.FileInfo) entry {
	return entry{path: path, size: info.Size(), mtime: info.ModTime().UnixNano()}
}

// same is an error where the file has another size by now.
func (e *entry) same(size int64) error {
	if size != e.size {
		return fmt.Errorf("has %d bytes, expected the %d that it had when it was opened: something has changed it since", size, e.size)
	}
	return nil
}

// read reads the file whole.
func (e *entry) read() ([]byte, error) {
	b, err := os.ReadFile(e.path)
	if err != nil {
		return nil, atomicfile.Reason(err)
	}
	return b, e.same(int64(len(b)))
}
