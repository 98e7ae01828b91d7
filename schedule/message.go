package schedule

import (
	"fmt"
	"strings"
)

// suggestion is ` (did you mean "name"?)` for the known name nearest to what was written, or nothing where none is near.
func suggestion(written string, known []string) string {
	best, nearest := 3, ""
	for _, name := range known {
		if d := editDistance(written, name); d < best && d < max(len(name), 2) {
			best, nearest = d, name
		}
	}
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", nearest)
}

// editDistance is Levenshtein's: the insertions, deletions and substitutions of bytes that lead from a to b.
func editDistance(a, b string) int {
	if len(a) > 64 {
		a = a[:64] // what is longer is near to nothing
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// clip is the text, or its first n bytes and "..." where it is longer: what a file holds must not fill the screen.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
