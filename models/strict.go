package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"odeon/internal/nearest"
)

// A reader takes the JSON value of one field, or says what it expected instead.
type reader func(field string, raw json.RawMessage) error

// A schema is an object's known keys. Any other key is an error.
type schema map[string]reader

func (s schema) names() []string { return slices.Sorted(maps.Keys(s)) }

// read takes an object; field is its own name, "" for the whole card.
func (s schema) read(field string, raw json.RawMessage) error {
	members, err := readObject(field, raw)
	if err != nil {
		return err
	}
	for _, m := range members {
		read, known := s[m.name]
		if !known {
			return fmt.Errorf("unknown field %q%s; known here: %s", within(field, m.name), nearest.Hint(m.name, s.names()), strings.Join(s.names(), ", "))
		}
		if err := read(within(field, m.name), m.raw); err != nil {
			return err
		}
	}
	return nil
}

func within(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// member is one key of an object and its value as written.
type member struct {
	name string
	raw  json.RawMessage
}

// readObject lists an object's members in the order they are written. A key given twice is an error: JSON leaves open which
// one counts.
func readObject(field string, raw json.RawMessage) ([]member, error) {
	if kind(raw) != anObject {
		return nil, mismatch(field, raw, anObject)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var members []member
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, mismatch(field, raw, anObject)
		}
		if seen[name] {
			return nil, fmt.Errorf("field %q is given twice; keep one", within(field, name))
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		members = append(members, member{name, value})
	}
	return members, nil
}

// readList lists the elements of a list as written, at most so many.
func readList(field string, raw json.RawMessage, expected string, most int) ([]json.RawMessage, error) {
	if kind(raw) != aList {
		return nil, mismatch(field, raw, expected)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	if len(list) > most {
		return nil, fmt.Errorf("field %q: found %d elements, expected %s, at most %d", field, len(list), expected, most)
	}
	return list, nil
}

// The kinds of JSON values, as messages call them.
const (
	anObject  = "an object {...}"
	aList     = "a list [...]"
	aText     = "a text"
	aNumber   = "a number"
	aBoolean  = "true or false"
	aNull     = "null"
	aFormula  = "a formula such as \"1-t\""
	aWhole    = "a whole number"
	twoNumber = "two numbers [lo, hi], the lower one first"
)

// kind tells what a valid JSON value is by its first character.
func kind(raw json.RawMessage) string {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	if len(trimmed) == 0 {
		return "nothing"
	}
	switch trimmed[0] {
	case '{':
		return anObject
	case '[':
		return aList
	case '"':
		return aText
	case 't', 'f':
		return aBoolean
	case 'n':
		return aNull
	}
	return aNumber
}

// unprefixed is an error without the words in front that its reader is told already.
func unprefixed(err error, said string) error {
	if text, ok := strings.CutPrefix(err.Error(), said); ok {
		return errors.New(text)
	}
	return err
}

func mismatch(field string, raw json.RawMessage, expected string) error {
	name := "the card"
	if field != "" {
		name = fmt.Sprintf("field %q", field)
	}
	return fmt.Errorf("%s: found %s, expected %s", name, shown(raw), expected)
}

// shown is a value as a message quotes it: small ones as they are written, large ones by their kind.
func shown(raw json.RawMessage) string {
	if text := string(bytes.TrimSpace(raw)); len(text) <= 40 {
		return text
	}
	return kind(raw)
}

func readText(into *string) reader {
	return func(field string, raw json.RawMessage) error {
		if kind(raw) != aText {
			return mismatch(field, raw, aText)
		}
		return json.Unmarshal(raw, into)
	}
}

// readName takes a text that is not empty: the name of a file, an input, an output.
func readName(into *string) reader {
	return func(field string, raw json.RawMessage) error {
		if err := readText(into)(field, raw); err != nil {
			return err
		}
		if *into == "" {
			return mismatch(field, raw, "a name")
		}
		return nil
	}
}

// readWord takes one of a few words.
func readWord(into *string, words ...string) reader {
	return func(field string, raw json.RawMessage) error {
		var word string
		if err := readText(&word)(field, raw); err != nil {
			return err
		}
		if !slices.Contains(words, word) {
			return fmt.Errorf("field %q: found %q%s, expected one of: %s", field, word, nearest.Hint(word, words), strings.Join(words, ", "))
		}
		*into = word
		return nil
	}
}

func number(raw json.RawMessage) (float64, bool) {
	if kind(raw) != aNumber {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(bytes.TrimSpace(raw)), 64)
	return x, err == nil && !math.IsInf(x, 0)
}

func readNumber(into **float64) reader {
	return func(field string, raw json.RawMessage) error {
		x, ok := number(raw)
		if !ok {
			return mismatch(field, raw, aNumber)
		}
		*into = &x
		return nil
	}
}

// wholeLimit keeps every product of two of a card's whole numbers inside 64 bits.
const wholeLimit = 1 << 31

func whole(raw json.RawMessage) (int, bool) {
	x, ok := number(raw)
	return int(x), ok && x == math.Trunc(x) && math.Abs(x) < wholeLimit
}

func readWhole(into *int, least int) reader {
	return func(field string, raw json.RawMessage) error {
		i, ok := whole(raw)
		if !ok || i < least {
			return mismatch(field, raw, fmt.Sprintf("%s, %d or more", aWhole, least))
		}
		*into = i
		return nil
	}
}

func readWholes(into *[]int, least int) reader {
	return func(field string, raw json.RawMessage) error {
		expected := fmt.Sprintf("a list of whole numbers, %d or more each", least)
		list, err := readList(field, raw, expected, maxRank)
		if err != nil {
			return err
		}
		out := make([]int, len(list))
		for i, element := range list {
			if err := readWhole(&out[i], least)(fmt.Sprintf("%s[%d]", field, i), element); err != nil {
				return err
			}
		}
		*into = out
		return nil
	}
}

// mostWords bounds lists of texts; the largest vocabularies in use have about 260,000 tokens.
const mostWords = 1 << 18

func readTexts(into *[]string) reader {
	return func(field string, raw json.RawMessage) error {
		list, err := readList(field, raw, "a list of texts", mostWords)
		if err != nil {
			return err
		}
		out := make([]string, len(list))
		for i, element := range list {
			if err := readText(&out[i])(fmt.Sprintf("%s[%d]", field, i), element); err != nil {
				return err
			}
		}
		*into = out
		return nil
	}
}

func readPair(into **[2]float64) reader {
	return func(field string, raw json.RawMessage) error {
		list, err := readList(field, raw, twoNumber, 2)
		if err != nil {
			return err
		}
		if len(list) < 2 {
			return mismatch(field, raw, twoNumber)
		}
		lo, okLo := number(list[0])
		hi, okHi := number(list[1])
		if !okLo || !okHi || lo >= hi {
			return mismatch(field, raw, twoNumber)
		}
		*into = &[2]float64{lo, hi}
		return nil
	}
}

// readDocument checks what holds for the JSON text as a whole, before any field is looked at.
func readDocument(data []byte) (json.RawMessage, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // some editors put a byte order mark in front
	if !utf8.Valid(data) {
		return nil, errors.New("not a JSON text: it is not UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("%s: not valid JSON: %s", place(data, int(syntax.Offset)), syntax)
		}
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	return raw, nil
}

// place is the line and column of the character before offset.
func place(data []byte, offset int) string {
	before := data[:min(max(offset-1, 0), len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf("line %d, column %d", line, column)
}
