// Package nearest finds the known word that a mistyped one was probably meant to be, for messages.
package nearest

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Of returns the known word nearest to word, if one is near enough to be worth suggesting: at most two edits, or a
// third of the longer word's length.
func Of(word string, known []string) (string, bool) {
	best, least := "", -1
	for _, k := range known {
		d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(k))
		if d <= max(2, max(len(word), len(k))/3) && d < max(len(k), 2) && (least < 0 || d < least) {
			best, least = k, d
		}
	}
	return best, least >= 0
}

// Hint is ` (did you mean "x"?)`, or nothing where no known word is near.
func Hint(word string, known []string) string {
	if k, ok := Of(word, known); ok {
		return fmt.Sprintf(" (did you mean %q?)", k)
	}
	return ""
}
