package objective

import (
	"errors"
	"fmt"

	"odeon/internal/nearest"
	"odeon/schedule"
)

// parseCall takes a name with numbers apart, as weights, laws of times and couplings are written: uniform, min-snr(5),
// logit-normal(0,1). isCall is false where the text begins with no name; the error is about the arguments.
func parseCall(text string) (name string, args []float64, isCall bool, err error) {
	name, args, err = schedule.ParseCall(text)
	if !isWord(name) {
		return "", nil, false, nil
	}
	return name, args, true, err
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
