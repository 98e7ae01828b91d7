// Package shellword writes words for a POSIX shell, so that a command in a message can be copied.
package shellword

import "strings"

// Quote is the word, quoted where it needs it.
func Quote(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n'\"\\$`!*?[]{}()<>|&;#~") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
