// Package nearest finds the known word that a mistyped one was probably meant to be, for messages.
package nearest

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Hint is ` (did you mean "x"?)` with the known word nearest to word, or nothing where none is near enough to be worth
// suggesting: within two edits, or a third of the longer word's length.
func Hint(word string, known []string) string {
	best, least := "", -1
	for _, k := range known {
		d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(k))
		if d <= max(2, max(len(word), len(k))/3) && d < max(len(k), 2) && (least < 0 || d < least) {
			best, least = k, d
		}
	}
	if least < 0 {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}
