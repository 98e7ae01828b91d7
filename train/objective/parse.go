package objective

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"odeon/internal/nearest"
	"odeon/schedule"
)

// parseCall takes a name with numbers apart, as weights, laws of times and couplings are written: uniform, min-snr(5),
// logit-normal(0,1). isCall is false where the text begins with no name; the error is about the arguments.
func parseCall(text string) (name string, args []float64, isCall bool, err error) {
	text = strings.TrimSpace(text)
	name, rest, hasArgs := strings.Cut(text, "(")
	name = strings.TrimSpace(name)
	if !isWord(name) {
		return "", nil, false, nil
	}
	if !hasArgs {
		return name, nil, true, nil
	}
	inner, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !closed {
		return name, nil, true, errors.New("expected a closing bracket at the end")
	}
	for arg := range strings.SplitSeq(inner, ",") {
		f, err := schedule.ParseFormula(arg)
		if err != nil {
			return name, nil, true, err
		}
		x := f.Eval()
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return name, nil, true, fmt.Errorf("the argument %s is %g", strings.TrimSpace(arg), x)
		}
		args = append(args, x)
	}
	return name, args, true, nil
}

// isWord tells whether a text is a name: letters, digits after the first, and hyphens inside.
func isWord(text string) bool {
	for i, r := range text {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !('0' <= r && r <= '9' || r == '-' || r == '_')) {
			return false
		}
	}
	return text != ""
}

// unknownOr is the error for a text that is neither one of the known names nor a formula: about names where it begins with a
// word that is like one of them or that no formula knows, else about the formula.
func unknownOr(what, text string, known []string, forms string, err error) error {
	name, _, isCall, _ := parseCall(text)
	var formula *schedule.FormulaError
	if isCall && (nearest.Hint(name, known) != "" || errors.As(err, &formula) && formula.Column == 1) {
		return unknown(what, name, known, forms)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func unknown(what, name string, known []string, forms string) error {
	if len(name) > 40 {
		name = name[:40] + "..."
	}
	return fmt.Errorf("unknown %s %q%s; expected %s", what, name, nearest.Hint(name, known), forms)
}
