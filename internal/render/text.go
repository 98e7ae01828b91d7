package render

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// table is the body of a file of numbers, one sample a line.
type table struct {
	size      int
	separator byte
	header    bool
	line      []byte
}

// openCSV writes a header x0,x1,... and a line for each sample, its numbers in the order of its shape.
func openCSV(r *request) (body, error) {
	return &table{size: r.Size(), separator: ',', header: true}, nil
}

// openTXT writes text where there is a vocabulary, else a line of numbers for each sample.
func openTXT(r *request) (body, error) {
	if r.kind != prose {
		return &table{size: r.Size(), separator: ' '}, nil
	}
	t := &words{size: r.Size(), vocabulary: r.Vocabulary, scores: len(r.Shape) == 2}
	t.separated = r.n > 1 && slices.ContainsFunc(r.Vocabulary, func(token string) bool { return strings.Contains(token, "\n") })
	return t, nil
}

func (t *table) write(w io.Writer, _ int, x []float32) error {
	if t.header {
		t.header = false
		t.line = t.line[:0]
		for i := range t.size {
			t.line = strconv.AppendInt(append(t.line, 'x'), int64(i), 10)
			t.line = append(t.line, t.separator)
		}
		if err := t.flush(w); err != nil {
			return err
		}
	}
	for len(x) > 0 {
		t.line = t.line[:0]
		for _, v := range x[:t.size] {
			t.line = append(strconv.AppendFloat(t.line, float64(v), 'g', -1, 32), t.separator)
		}
		if err := t.flush(w); err != nil {
			return err
		}
		x = x[t.size:]
	}
	return nil
}

// flush ends the line in place of its last separator.
func (t *table) flush(w io.Writer) error {
	t.line[len(t.line)-1] = '\n'
	_, err := w.Write(t.line)
	return err
}

func (t *table) finish(io.Writer) error { return nil }
func (t *table) notes() []string        { return nil }

// words is the body of a text file: a line for each sample. Where tokens hold line breaks, a line "---" stands between
// samples.
type words struct {
	size       int
	vocabulary []string
	scores     bool // [L, V]: the largest score is the token; else [L] indices
	separated  bool
}

func (t *words) write(w io.Writer, first int, x []float32) error {
	for k := first; len(x) > 0; k++ {
		line, err := t.read(x[:t.size])
		if err != nil {
			return fmt.Errorf("sample %d: %w", k, err)
		}
		if t.separated && k > 0 {
			line = "---\n" + line
		}
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return err
		}
		x = x[t.size:]
	}
	return nil
}

func (t *words) read(x []float32) (string, error) {
	var b strings.Builder
	if t.scores {
		for v := len(t.vocabulary); len(x) > 0; x = x[v:] {
			best := 0
			for i, score := range x[:v] {
				if score > x[best] {
					best = i
				}
			}
			b.WriteString(t.vocabulary[best])
		}
		return b.String(), nil
	}
	for i, v := range x {
		index := math.Round(float64(v))
		if !(index >= 0 && index < float64(len(t.vocabulary))) {
			return "", fmt.Errorf("position %d holds %v, expected the index of a token, 0 to %d", i, v, len(t.vocabulary)-1)
		}
		b.WriteString(t.vocabulary[int(index)])
	}
	return b.String(), nil
}

func (t *words) finish(io.Writer) error { return nil }
func (t *words) notes() []string        { return nil }
