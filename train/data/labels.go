package data

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"odeon/internal/array"
)

// What Options.Labels may be instead of a file.
const (
	NoLabels  = "none" // leave classes out that the data has
	OwnLabels = "own"  // the data's own: of a built-in point set, a .npz, sub-folders, a column of a table
)

// maxClasses bounds what is believed to be a class. A table of real numbers given for labels should not become a network with
// a million classes.
const maxClasses = 1 << 16

// classes are the labels of a finite set: one a sample, and what there is of them.
type classes struct {
	Labels
	of   []uint16
	hash string // of the file they were read from
}

// fill copies the classes of some samples.
func (c *classes) fill(dst, indices []int64) {
	if c == nil || dst == nil {
		return
	}
	for k, i := range indices {
		dst[k] = int64(c.of[i])
	}
}

// labels is nil for nil.
func (c *classes) labels() *Labels {
	if c == nil {
		return nil
	}
	return &c.Labels
}

// readLabels reads a file of labels for n samples: .npy, .npz (FILE.npz:NAME for one of several arrays), IDX, or lines of
// text, numbers or names.
func readLabels(path string, n int) (*classes, error) {
	name, member := splitMember(path)
	f, err := openFile(name)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	defer f.Close()
	c, err := labelsIn(f, member, n)
	if err != nil {
		return nil, fmt.Errorf("labels %s: %w", path, err)
	}
	if len(c.of) != n {
		return nil, fmt.Errorf("labels %s: holds %d labels, expected one for each of the %d samples", path, len(c.of), n)
	}
	c.hash = f.hash
	return c, nil
}

func labelsIn(f *file, member string, n int) (*classes, error) {
	kind, err := sniff(f)
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindNPY, kindNPZ:
		names := labelArrays
		if member != "" {
			names = []string{member}
		}
		rows, err := array.NewRows(f, f.size, names...)
		if err != nil {
			return nil, err
		}
		return labelRows(rows, n)
	case kindIDX:
		rows, err := idxRows(f)
		if err != nil {
			return nil, err
		}
		return labelRows(rows, n)
	case kindText:
		return labelLines(f.reader())
	}
	return nil, fmt.Errorf("found %s, expected .npy, .npz, IDX, .csv or .txt with a label a line", kind)
}

// labelArrays are the names that labels go by in a .npz.
var labelArrays = []string{"labels", "label", "y", "y_train", "targets", "classes"}

// labelRows reads whole numbers, [n] or [n, 1].
func labelRows(rows *array.Rows, n int) (*classes, error) {
	if rows.Width() != 1 {
		return nil, fmt.Errorf("has the shape %v, expected [%d]: one whole number a sample", rows.Shape, n)
	}
	if rows.Len() != n {
		return nil, fmt.Errorf("holds %d labels, expected one for each of the %d samples", rows.Len(), n)
	}
	c := &classes{of: make([]uint16, n)}
	v := make([]float32, 1)
	for i := range c.of {
		if err := rows.Read(v, int64(i)); err != nil {
			return nil, err
		}
		class, err := c.class(i, float64(v[0]))
		if err != nil {
			return nil, err
		}
		c.of[i] = class
	}
	return c, nil
}

// class checks the label of sample i and counts the classes up to it.
func (c *classes) class(i int, v float64) (uint16, error) {
	if v != math.Trunc(v) || v < 0 || v >= maxClasses { // NaN fails the first
		return 0, fmt.Errorf("sample %d has the label %v, expected a whole number from 0 to %d", i, v, maxClasses-1)
	}
	c.Count = max(c.Count, int(v)+1)
	return uint16(v), nil
}

// labelLines reads a label a line. A first line that is no number above numbers is a heading.
func labelLines(r io.Reader) (*classes, error) {
	lines := bufio.NewScanner(r)
	var words wordLabels
	var heading string
	for n := 0; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		word := strings.Trim(line, `"`)
		switch {
		case word == "":
			return nil, fmt.Errorf("line %d is empty, expected a label a line", n+1)
		case word == line && strings.ContainsAny(line, ",;\t"):
			return nil, fmt.Errorf("line %d has several columns (%.40s), expected a label and nothing else", n+1, line)
		case n == 0:
			heading = word
			continue
		case n == 1 && (isNumber(heading) || !isNumber(word)):
			if err := words.add(heading); err != nil {
				return nil, err
			}
			heading = ""
		case n == 1:
			heading = ""
		}
		if err := words.add(word); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if heading != "" { // there is one line
		if err := words.add(heading); err != nil {
			return nil, err
		}
	}
	return words.classes()
}

// wordLabels gathers labels that are written out; each different one is kept once.
type wordLabels struct {
	of    []uint16 // numbers into words
	words []string // in the order in which they first came
	first []int    // the sample that had each first
	ids   map[string]uint16
}

func (w *wordLabels) add(word string) error {
	if w.ids == nil {
		w.ids = map[string]uint16{}
	}
	id, ok := w.ids[word]
	if !ok {
		if len(w.words) == maxClasses {
			return fmt.Errorf("has more than %d different labels", maxClasses)
		}
		id = uint16(len(w.words))
		word = strings.Clone(word)
		w.ids[word] = id
		w.words = append(w.words, word)
		w.first = append(w.first, len(w.of))
	}
	w.of = append(w.of, id)
	return nil
}

// classes are the numbers that the words are, or, where none of them is one, names in alphabetical order.
func (w *wordLabels) classes() (*classes, error) {
	if !slices.ContainsFunc(w.words, isNumber) {
		return w.named(strings.Compare), nil
	}
	c := &classes{}
	class := make([]uint16, len(w.words))
	for k, word := range w.words {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, fmt.Errorf("sample %d has the label %q among numbers, expected a whole number from 0 to %d", w.first[k], word, maxClasses-1)
		}
		if class[k], err = c.class(w.first[k], v); err != nil {
			return nil, err
		}
	}
	c.of = w.renumbered(class)
	return c, nil
}

// named makes every word the name of a class, in an order of theirs.
func (w *wordLabels) named(compare func(a, b string) int) *classes {
	names := slices.SortedFunc(slices.Values(w.words), compare)
	class := make([]uint16, len(w.words))
	for at, name := range names {
		class[w.ids[name]] = uint16(at)
	}
	return &classes{Labels: Labels{Count: len(names), Names: names}, of: w.renumbered(class)}
}

// renumbered has every sample's word replaced by the word's class.
func (w *wordLabels) renumbered(class []uint16) []uint16 {
	for i, id := range w.of {
		w.of[i] = class[id]
	}
	return w.of
}

func isNumber(word string) bool {
	_, err := strconv.ParseFloat(word, 64)
	return err == nil
}
