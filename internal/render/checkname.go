package render

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// CheckName says whether some kind of samples can be written under a file's name: its extension is known, and a % in it
// stands for the sample's number.
func CheckName(path string) error {
	if _, err := parsePattern(path); err != nil {
		return err
	}
	extension := strings.ToLower(filepath.Ext(path))
	known := make([]string, len(formats))
	for i, f := range formats {
		known[i] = f.extension
	}
	if slices.Contains(known, extension) {
		return nil
	}
	return fmt.Errorf("%s: found the extension %q, expected one of %s", path, extension, strings.Join(known, " "))
}
