package schedule

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"odeon/internal/nearest"
)

// A call is a name with numbers, as paths, grids and betas are written: condot, vp(0.1,20), list(0,1/3,1).
type call struct {
	name string
	args []float64
}

// parseCall reads a call, and says in an error which it is about.
func parseCall(text string) (call, error) {
	name, args, err := ParseCall(text)
	switch {
	case err == errUnclosed:
		return call{}, fmt.Errorf("%q: %w", clip(strings.TrimSpace(text), 40), err)
	case err != nil:
		return call{}, fmt.Errorf("%s: %w", clip(name, 40), err)
	}
	return call{name, args}, nil
}

var errUnclosed = errors.New("expected a closing bracket at the end")

// ParseCall takes a name with numbers apart, as paths, grids, weights and couplings are written: condot, vp(0.1,20). Numbers are formulas
// without variables. An error is about them; the name is there all the same.
func ParseCall(text string) (name string, args []float64, err error) {
	name, rest, hasArgs := strings.Cut(strings.TrimSpace(text), "(")
	name = strings.TrimSpace(name)
	if !hasArgs {
		return name, nil, nil
	}
	inner, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !closed {
		return name, nil, errUnclosed
	}
	if strings.TrimSpace(inner) == "" {
		return name, nil, nil
	}
	for _, arg := range splitArguments(inner) {
		f, err := ParseFormula(arg)
		if err != nil {
			return name, nil, err
		}
		value := f.Eval()
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return name, nil, fmt.Errorf("the argument %s is %g", clip(strings.TrimSpace(arg), 40), value)
		}
		args = append(args, value)
	}
	return name, args, nil
}

// splitArguments cuts at the commas outside brackets.
func splitArguments(text string) []string {
	var args []string
	depth, start := 0, 0
	for i, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			args = append(args, text[start:i])
			start = i + 1
		}
	}
	return append(args, text[start:])
}

// A form is a name that may be called, and what is built from its arguments.
type form[T any] struct {
	name    string
	args    []string // what the arguments are; nil: there are none
	example string
	build   func(args []float64) (T, error)
}

// check is an error unless the call has the form's arguments.
func (f form[T]) check(c call) error {
	if len(c.args) == len(f.args) || slices.Equal(f.args, anyNumber) {
		return nil
	}
	expected := "no arguments"
	if len(f.args) > 0 {
		expected = "(" + strings.Join(f.args, ", ") + ")"
	}
	return fmt.Errorf("%s takes %s, got %d: write %s", f.name, expected, len(c.args), f.example)
}

// anyNumber stands for the arguments of a form that takes as many as are given.
var anyNumber = []string{"..."}

// find builds what the call names. Its message for an unknown name says what the forms are of, and what was expected.
func find[T any](c call, forms []form[T], of, expected string) (T, error) {
	var none T
	var names []string
	for _, f := range forms {
		names = append(names, f.name)
		if f.name != c.name {
			continue
		}
		if err := f.check(c); err != nil {
			return none, err
		}
		return f.build(c.args)
	}
	return none, fmt.Errorf("unknown %s %q%s; expected %s", of, clip(c.name, 40), hint(c.name, names), expected)
}

// String is the canonical text.
func (c call) String() string {
	if len(c.args) == 0 {
		return c.name
	}
	return c.name + "(" + numbers(c.args) + ")"
}

// numbers is the values with commas between them.
func numbers(values []float64) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = number(v)
	}
	return strings.Join(texts, ",")
}

// hint suggests the known name nearest to what was written, however long that is.
func hint(written string, known []string) string { return nearest.Hint(clip(written, 40), known) }

// clip is the text, or its first n bytes and "..." where it is longer: what a file holds must not fill the screen.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
