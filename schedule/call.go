package schedule

import (
	"fmt"
	"math"
	"strings"
)

// A call is a name with numbers, as paths, grids and betas are written: condot, vp(0.1,20), list(0,1/3,1).
type call struct {
	name string
	args []float64
}

// parseCall reads a call; its arguments are formulas without variables.
func parseCall(text string) (call, error) {
	text = strings.TrimSpace(text)
	name, rest, hasArgs := strings.Cut(text, "(")
	c := call{name: strings.TrimSpace(name)}
	if !hasArgs {
		return c, nil
	}
	inner, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !closed {
		return call{}, fmt.Errorf("%q: expected a closing bracket at the end", clip(text, 40))
	}
	for _, arg := range splitArguments(inner) {
		f, err := ParseFormula(arg)
		if err != nil {
			return call{}, fmt.Errorf("%s: %w", clip(c.name, 40), err)
		}
		value := f.Eval()
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return call{}, fmt.Errorf("%s: the argument %s is %g", clip(c.name, 40), clip(arg, 40), value)
		}
		c.args = append(c.args, value)
	}
	return c, nil
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

// want is an error unless the call has the named arguments.
func (c call) want(args []string, example string) error {
	if len(c.args) == len(args) {
		return nil
	}
	expected := "no arguments"
	if len(args) > 0 {
		expected = "(" + strings.Join(args, ", ") + ")"
	}
	return fmt.Errorf("%s takes %s, got %d: write %s", c.name, expected, len(c.args), example)
}

// String is the canonical text.
func (c call) String() string {
	if len(c.args) == 0 {
		return c.name
	}
	texts := make([]string, len(c.args))
	for i, arg := range c.args {
		texts[i] = number(arg)
	}
	return c.name + "(" + strings.Join(texts, ",") + ")"
}

func joined(names []string) string { return strings.Join(names, ", ") }
