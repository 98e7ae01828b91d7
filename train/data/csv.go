package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxTable is the size up to which a table's numbers are held in memory; of a larger one it is where each line begins. A
// number takes four bytes there and at least two in the file.
const maxTable = 512 << 20

// table is lines of numbers, a line a sample, with or without a line of names above them.
type table struct {
	source  io.ReaderAt
	start   int64 // of the text, after a byte order mark
	size    int64
	comma   rune
	columns []string // names; nil where there are none
	label   int      // the column of classes; -1: none
	classes *classes

	n, width int
	values   []float32 // [n, width]; nil for a large table
	offsets  []int64   // then: where each line begins, and where the last one ends
}

func openTable(f *file, o Options) (Set, error) {
	t, err := readTable(f, f.size, o.Labels, f.size <= maxTable)
	if err != nil {
		return nil, err
	}
	if t.values != nil {
		f.memory = nil
	}
	switch {
	case o.Labels == "" || o.Labels == NoLabels || o.Labels == OwnLabels:
	case t.label >= 0:
		o.Labels = OwnLabels // the name of a column
	case t.columns != nil:
		if _, err := os.Stat(o.Labels); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--labels %s is neither a file nor one of the columns %s", o.Labels, strings.Join(t.columns, ", "))
		}
	}
	return newRowSet(f, t, rowInfo{shape: []int{t.width}, kind: "text", own: t.classes, part: fmt.Sprint(t.label)}, o)
}

// readTable reads a table once to its end and checks every number.
func readTable(r io.ReaderAt, size int64, labels string, hold bool) (*table, error) {
	t := &table{source: r, size: size}
	if err := t.begin(labels); err != nil {
		return nil, err
	}
	lines := t.lines(io.NewSectionReader(r, t.start, size-t.start))
	if t.columns != nil {
		if _, err := lines.Read(); err != nil {
			return nil, tableError(err)
		}
	}
	var words wordLabels
	row := make([]float32, t.width)
	for ; ; t.n++ {
		at := t.start + lines.InputOffset()
		record, err := lines.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, tableError(err)
		}
		if err := t.parse(row, record); err != nil {
			line, _ := lines.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if t.label >= 0 {
			if err := words.add(strings.TrimSpace(record[t.label])); err != nil {
				return nil, err
			}
		}
		if hold {
			t.values = append(t.values, row...)
		} else {
			t.offsets = append(t.offsets, at)
		}
	}
	if t.n == 0 {
		return nil, errors.New("has no lines of numbers")
	}
	if !hold {
		t.offsets = append(t.offsets, size)
	}
	if t.label < 0 {
		return t, nil
	}
	var err error
	if t.classes, err = words.classes(); err != nil {
		return nil, fmt.Errorf("column %s: %w", t.column(t.label), err)
	}
	return t, nil
}

// lines reads records; lines that are empty or begin with # are none.
func (t *table) lines(r io.Reader) *csv.Reader {
	lines := csv.NewReader(r)
	lines.Comma, lines.Comment = t.comma, '#'
	lines.ReuseRecord, lines.TrimLeadingSpace = true, true
	return lines
}

// begin looks at the first two records: which separator, are there names, which column has the classes.
func (t *table) begin(labels string) error {
	lead := make([]byte, min(t.size, 64<<10))
	if _, err := t.source.ReadAt(lead, 0); err != nil && err != io.EOF {
		return err
	}
	if bytes.HasPrefix(lead, []byte("\ufeff")) {
		t.start = 3
	}
	t.comma = separator(lead[t.start:])
	lines := t.lines(io.NewSectionReader(t.source, t.start, t.size-t.start))
	first, err := lines.Read()
	if err == io.EOF {
		return errors.New("has no lines of numbers")
	}
	if err != nil {
		return tableError(err)
	}
	first = slices.Clone(first)
	second, err := lines.Read()
	if err != nil && err != io.EOF {
		return tableError(err)
	}
	if isHeading(first, second) {
		t.columns = first
	}
	t.label = labelColumn(t.columns, len(first), labels)
	t.width = len(first)
	if t.label >= 0 {
		t.width--
	}
	if t.width == 0 {
		return errors.New("has no column beside the labels, expected numbers to train on")
	}
	return nil
}

// separator is the most frequent of comma, semicolon and tab in the first line that is no comment.
func separator(lead []byte) rune {
	for line := range bytes.Lines(lead) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		best := byte(',')
		for _, c := range []byte{';', '\t'} {
			if bytes.Count(line, []byte{c}) > bytes.Count(line, []byte{best}) {
				best = c
			}
		}
		return rune(best)
	}
	return ','
}

// isHeading says whether the first line has names: a column that is a number below it and not there, or no number at all.
func isHeading(first, second []string) bool {
	number := func(s string) bool { return isNumber(strings.TrimSpace(s)) }
	for i, cell := range first {
		if !number(cell) && i < len(second) && number(second[i]) {
			return true
		}
	}
	return !slices.ContainsFunc(first, number)
}

// labelColumn finds the column of classes: the one that labels names; for [OwnLabels] one with a name for labels, else the
// last; for "" one that is called so. -1: none.
func labelColumn(columns []string, n int, labels string) int {
	called := func(names ...string) int {
		return slices.IndexFunc(columns, func(c string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(strings.TrimSpace(c), name) })
		})
	}
	switch labels {
	case NoLabels:
		return -1
	case "":
		return called("label", "labels", "class", "classes")
	case OwnLabels:
		if k := called(labelArrays...); k >= 0 {
			return k
		}
		return n - 1
	}
	return called(labels)
}

// column is a column's name in messages, or its number from 1.
func (t *table) column(k int) string {
	if t.columns != nil {
		return strconv.Quote(t.columns[k])
	}
	return strconv.Itoa(k + 1)
}

// parse turns a record into numbers, leaving the labels out.
func (t *table) parse(dst []float32, record []string) error {
	for k, cell := range record {
		if k == t.label {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(cell), 32)
		switch {
		case err != nil && k == len(record)-1 && t.label < 0 && !isNumber(cell) && cell != "":
			return fmt.Errorf("column %s has %.40q, expected a number; --labels %s takes the last column for classes", t.column(k), cell, OwnLabels)
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return fmt.Errorf("column %s has %.40q, expected a number", t.column(k), cell)
		case math.IsNaN(v) || math.IsInf(v, 0):
			return fmt.Errorf("column %s has %s, expected a finite number", t.column(k), cell)
		}
		dst[0] = float32(v)
		dst = dst[1:]
	}
	return nil
}

// tableError says what is wrong with a line; encoding/csv names it.
func tableError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) && errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("line %d has another number of columns than the lines before it", parse.Line)
	}
	return err
}

// Len is the number of samples.
func (t *table) Len() int { return t.n }

// Width is the number of columns that are not labels.
func (t *table) Width() int { return t.width }

// Read fills dst with the numbers of line i.
func (t *table) Read(dst []float32, i int64) error {
	if t.values != nil {
		copy(dst, t.values[int(i)*t.width:])
		return nil
	}
	at, end := t.offsets[i], t.offsets[i+1]
	record, err := t.lines(io.NewSectionReader(t.source, at, end-at)).Read()
	if err != nil {
		return fmt.Errorf("sample %d: %w", i, tableError(err))
	}
	columns := t.width
	if t.label >= 0 {
		columns++
	}
	if len(record) != columns {
		return fmt.Errorf("sample %d has %d columns, expected the %d that there were when the table was opened", i, len(record), columns)
	}
	if err := t.parse(dst, record); err != nil {
		return fmt.Errorf("sample %d: %w", i, err)
	}
	return nil
}
