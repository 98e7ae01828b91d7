package data

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"odeon/internal/atomicfile"
	"odeon/internal/nearest"
	"odeon/models"
)

// Options say how data is to be read. The zero value suits most.
type Options struct {
	// Labels are the classes: a file of them (.npy, .npz, IDX, or a label a line), a column of the table, [OwnLabels] or
	// [NoLabels]. "": those of sub-folders, of a .npz with an array of labels and of a table with a column of that name;
	// otherwise none, and none for the built-in point sets.
	Labels string
	// Shape is one sample's, where the file says it differently or not at all: an array's rows are read as this shape, and
	// pictures are given it ([1, h, w] makes them gray, [3, h, w] coloured).
	Shape []int
	// Layout says what the axes of an array's samples (of Shape, where that is given) are. "": told by the look of the shape.
	Layout models.Layout
	// Size is the side of the square that pictures are cropped and scaled to. 0: the size that they all have, or else their
	// least side, up to 64.
	Size int
	// Window is the samples of sound or the characters of text in one sample of the set. 0: 16384, or the shortest
	// recording; 64 characters.
	Window int
	// Stride is how far a window begins after the one before it. 0: Window for sound, 1 for text.
	Stride int
	// Rate says that an array is sound, of so many samples a second. WAV files say their own.
	Rate float64
	// Cache is how many bytes of pictures are kept once they are decoded and scaled. 0: 512 MiB; negative: none.
	Cache int64
	// Seed is what the built-in point sets are drawn with.
	Seed uint64
}

// Open finds data: a built-in point set by its name, else a file or folder. What a file holds, its first bytes say. A path to
// a .npz may name one of its arrays: FILE.npz:NAME.
func Open(text string, o Options) (Set, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	for _, p := range BuiltIn {
		if p.Name == text {
			return newPoints(p, o)
		}
	}
	name, member := splitMember(text)
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || text == "":
		return nil, missing(name)
	case err != nil:
		return nil, fmt.Errorf("data %s: %w", name, atomicfile.Reason(err))
	case info.IsDir():
		return openFolder(name, o)
	}
	f, err := openFile(name)
	if err != nil {
		return nil, fmt.Errorf("data %w", err)
	}
	s, err := openKind(f, member, o)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data %s: %w", text, err)
	}
	return s, nil
}

func (o *Options) check() error {
	for _, c := range []struct {
		flag  string
		wrong bool
		found any
	}{
		{"size", o.Size < 0 || o.Size > 1<<15, o.Size},
		{"window", o.Window < 0, o.Window},
		{"stride", o.Stride < 0, o.Stride},
		{"rate", !(o.Rate >= 0 && o.Rate < 1e9), o.Rate},
	} {
		if c.wrong {
			return fmt.Errorf("data: %s %v, expected a positive number of a usual magnitude", c.flag, c.found)
		}
	}
	elements := 1
	for _, d := range o.Shape {
		if d < 1 || d > 1<<30/elements {
			return fmt.Errorf("data: shape %v, expected positive sizes and at most 2^30 elements", o.Shape)
		}
		elements *= d
	}
	return nil
}

// openKind makes a set of a file by what it holds. On an error it does not close the file.
func openKind(f *file, member string, o Options) (Set, error) {
	k, err := sniff(f)
	if err != nil {
		return nil, err
	}
	switch k {
	case kindNPY, kindNPZ:
		return openNumPy(f, k, member, o)
	case kindIDX:
		return openIDX(f, o)
	case kindText:
		if isTable(f.path) {
			return openTable(f, o)
		}
		return openText(f, o)
	case kindWAV:
		s, err := openRecordings(f.path, []entry{f.entry}, o)
		if err == nil {
			f.Close() // it is opened for each window
		}
		return s, err
	}
	return nil, fmt.Errorf("found %s; %s", k, readable)
}

// isTable says whether a text is a table, by its name.
func isTable(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".csv" || ext == ".tsv"
}

const readable = "what is read is .npy, .npz, .csv, IDX (plain or gzipped), WAV, a text in UTF-8, and a folder of pictures or of WAV files"

// kind is what a file holds; as text, for messages.
type kind string

const (
	kindNPY     kind = "a .npy array"
	kindNPZ     kind = "a .npz archive"
	kindIDX     kind = "an IDX file"
	kindWAV     kind = "a WAV file"
	kindPicture kind = "one picture, expected a folder of them"
	kindText    kind = "a text"
	kindOther   kind = "bytes of no known kind"
)

// beginnings are what files of a kind begin with.
var beginnings = []struct {
	bytes string
	kind  kind
}{
	{"\x93NUMPY", kindNPY},
	{"PK\x03\x04", kindNPZ}, {"PK\x05\x06", kindNPZ},
	{"\x1f\x8b", kindIDX},
	{"RIFF", kindWAV}, {"RF64", kindWAV},
	{"\x89PNG", kindPicture}, {"\xff\xd8\xff", kindPicture}, {"GIF8", kindPicture}, {"BM", kindPicture}, {"II*\x00", kindPicture}, {"MM\x00*", kindPicture},
	{"\x89HDF", "an HDF5 file"}, {"PAR1", "a Parquet file"},
}

// sniff tells a file by its first bytes. Text is what is UTF-8 as far as is looked.
func sniff(f *file) (kind, error) {
	lead := make([]byte, min(f.size, 4096))
	if _, err := f.ReadAt(lead, 0); err != nil {
		return kindOther, err
	}
	if len(lead) >= 12 && string(lead[:4]) == "RIFF" && string(lead[8:12]) == "WEBP" {
		return kindPicture, nil
	}
	textual := isText(lead, f.size > int64(len(lead)))
	for _, b := range beginnings {
		// A text may begin with BM as well.
		if bytes.HasPrefix(lead, []byte(b.bytes)) && !(textual && len(b.bytes) == 2) {
			return b.kind, nil
		}
	}
	switch {
	case lead[0] == 0:
		return kindIDX, nil
	case textual:
		return kindText, nil
	}
	return kindOther, nil
}

// isText says whether bytes are UTF-8 without control characters; cut says that the last character may be incomplete.
func isText(b []byte, cut bool) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			return cut && len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			return false
		}
		b = b[size:]
	}
	return true
}

// gzipped says whether the file is a gzip stream.
func (d *file) gzipped() bool {
	var lead [2]byte
	n, _ := d.ReadAt(lead[:], 0)
	return n == 2 && lead == [2]byte{0x1f, 0x8b}
}

// splitMember takes FILE.npz:NAME apart.
func splitMember(text string) (path, member string) {
	if i := strings.LastIndex(text, ".npz:"); i >= 0 {
		return text[:i+4], text[i+5:]
	}
	return text, ""
}

// missing is the error for a word that is neither a name nor a path, with the nearest of either.
func missing(text string) error {
	var names []string
	for _, p := range BuiltIn {
		names = append(names, p.Name)
	}
	hint := nearest.Hint(text, names)
	if hint == "" {
		dir, base := filepath.Split(text)
		var there []string
		entries, _ := os.ReadDir(cmp.Or(dir, "."))
		for _, e := range entries {
			there = append(there, e.Name())
		}
		hint = nearest.Hint(base, there)
	}
	if text == "" {
		return fmt.Errorf("no data is named, expected a file, a folder or one of %s", strings.Join(names, ", "))
	}
	return fmt.Errorf("data %s: there is no such file or folder%s; built in are %s", text, hint, strings.Join(names, ", "))
}
