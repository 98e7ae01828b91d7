package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"odeon/models"
)

const (
	defaultCharacters = 64
	maxVocabulary     = 4096
	anchorEvery       = 1024 // characters
)

// textSet is windows of characters. Sample i is the window that begins at character i times the stride; it is [L, V], for each
// character a vertex of the simplex, stretched to [-1, 1]: 1 at the character's place in the vocabulary and -1 elsewhere. Which
// character a state stands for is its largest entry. The vocabulary is the characters that the text has, sorted.
type textSet struct {
	about
	file           *file
	window, stride int
	tokens         map[rune]int
	start          int64   // of the text, after a byte order mark
	characters     int64   // in the text
	anchors        []int64 // where characters 0, 1024, 2048, ... begin; nil: a character is a byte
}

func openText(f *file, o Options) (Set, error) {
	if o.Labels != "" && o.Labels != NoLabels {
		return nil, fmt.Errorf("is a text, which has no classes, found --labels %s", o.Labels)
	}
	s := &textSet{file: f, window: o.Window, stride: max(o.Stride, 1)}
	if s.window == 0 {
		s.window = defaultCharacters
	}
	if o.Layout != "" && o.Layout != models.L {
		return nil, fmt.Errorf("is a text, which has layout L, found --layout %s", o.Layout)
	}
	if o.Shape != nil {
		return nil, fmt.Errorf("is a text, whose shape is [window, characters], found --shape %v; --window sets the first", o.Shape)
	}
	if err := s.scan(); err != nil {
		return nil, err
	}
	if s.characters < int64(s.window) {
		return nil, fmt.Errorf("has %d characters, expected one window of %d at least; --window sets another", s.characters, s.window)
	}
	if n := (s.characters-int64(s.window))/int64(s.stride) + 1; n <= math.MaxInt {
		s.n = int(n)
	}
	s.shape, s.layout, s.scale = []int{s.window, len(s.vocabulary)}, models.L, unit()
	if product(s.shape) > 1<<26 {
		return nil, fmt.Errorf("makes samples of shape %v, expected at most 2^26 elements: --window sets another", s.shape)
	}
	s.text = fmt.Sprintf("%s: %d windows of %d characters, %d different ones", f.path, s.n, s.window, len(s.vocabulary))
	s.fingerprint = fmt.Sprintf("%s %d %d", f.hash, s.window, s.stride)
	return s, nil
}

// scan reads the text once: which characters it has, and where they are.
func (s *textSet) scan() error {
	r := bufio.NewReaderSize(s.file.reader(), 1<<18)
	if mark, _ := r.Peek(3); string(mark) == "\ufeff" {
		s.start = 3
		r.Discard(3)
	}
	s.tokens = map[rune]int{}
	var ascii [utf8.RuneSelf]bool
	at := s.start
	for ; ; s.characters++ {
		if s.characters%anchorEvery == 0 {
			s.anchors = append(s.anchors, at)
		}
		c, size, err := r.ReadRune()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if c == utf8.RuneError && size == 1 {
			return fmt.Errorf("byte %d is not UTF-8, expected a text in UTF-8", at)
		}
		at += int64(size)
		if size == 1 {
			ascii[c] = true
			continue
		}
		if _, ok := s.tokens[c]; !ok {
			s.tokens[c] = 0
			if len(s.tokens) > maxVocabulary {
				return fmt.Errorf("has more than %d different characters, which are the size of the vocabulary", maxVocabulary)
			}
		}
	}
	if at-s.start == s.characters {
		s.anchors = nil
	}
	for c, ok := range ascii {
		if ok {
			s.tokens[rune(c)] = 0
		}
	}
	if len(s.tokens) < 2 {
		return errors.New("has fewer than two different characters, expected a text")
	}
	characters := make([]rune, 0, len(s.tokens))
	for c := range s.tokens {
		characters = append(characters, c)
	}
	slices.Sort(characters)
	for k, c := range characters {
		s.tokens[c] = k
		s.vocabulary = append(s.vocabulary, string(c))
	}
	return nil
}

// overlap is how many windows after one share characters with it.
func (s *textSet) overlap() int { return (s.window - 1) / s.stride }

// Read gives windows.
func (s *textSet) Read(dst []float32, labels []int64, indices []int64) error {
	dim := s.check(dst, labels, indices)
	if err := s.file.check(); err != nil {
		return fmt.Errorf("data %s: %w", s.file.path, err)
	}
	for k := range dst {
		dst[k] = -1
	}
	var buf []byte
	for k, i := range indices {
		var err error
		if buf, err = s.read(dst[k*dim:(k+1)*dim], i, buf); err != nil {
			return fmt.Errorf("data %s: %w", s.file.path, err)
		}
	}
	return nil
}

// read sets the ones of a window.
func (s *textSet) read(dst []float32, i int64, buf []byte) ([]byte, error) {
	first := i * int64(s.stride)
	at, skip, most := s.start+first, 0, s.window
	if s.anchors != nil {
		at, skip = s.anchors[first/anchorEvery], int(first%anchorEvery)
		most = utf8.UTFMax * (skip + s.window)
	}
	buf = slices.Grow(buf[:0], most)[:min(int64(most), s.file.size-at)]
	if _, err := s.file.ReadAt(buf, at); err != nil {
		return buf, err
	}
	rest := buf
	for ; skip > 0; skip-- {
		_, size := utf8.DecodeRune(rest)
		rest = rest[size:]
	}
	for k := range s.window {
		c, size := utf8.DecodeRune(rest)
		token, ok := s.tokens[c]
		if !ok || size == 0 {
			return buf, fmt.Errorf("sample %d has the character %q, which was not there when the text was opened", i, c)
		}
		dst[k*len(s.vocabulary)+token] = 1
		rest = rest[size:]
	}
	return buf, nil
}

// Close closes the file.
func (s *textSet) Close() error { return s.file.Close() }
