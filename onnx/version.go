package onnx

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Versions of ONNX Runtime: the oldest whose interface the wrapper asks for (its ORT_API_VERSION is the minor number), and the
// one that Install gets.
const (
	oldestMajor, oldestMinor = 1, 24
	oldestVersion            = "1.24"
	installVersion           = "1.27.0"
)

var versionPattern = regexp.MustCompile(`\d+\.\d+\.\d+`)

// versionInName is the version in a file's name or in that of the file that a link leads to.
func versionInName(path string) string {
	if v := versionPattern.FindString(filepath.Base(path)); v != "" {
		return v
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return versionPattern.FindString(filepath.Base(target))
	}
	return ""
}

// tooOld tells whether a version is known to be older than the oldest that works.
func tooOld(version string) bool {
	major, minor, ok := majorMinor(version)
	return ok && (major < oldestMajor || major == oldestMajor && minor < oldestMinor)
}

func majorMinor(version string) (major, minor int, ok bool) {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}

// newer orders versions by number: 1.9.0 before 1.24.1.
func newer(a, b string) bool {
	aMajor, aMinor, _ := majorMinor(a)
	bMajor, bMinor, _ := majorMinor(b)
	if aMajor != bMajor {
		return aMajor > bMajor
	}
	if aMinor != bMinor {
		return aMinor > bMinor
	}
	return a > b
}

// OldLibraryError says that a library is ONNX Runtime, but too old.
type OldLibraryError struct{ Path, Version string }

func (e *OldLibraryError) Error() string {
	version := "an older version"
	if e.Version != "" {
		version = e.Version
	}
	return fmt.Sprintf("%s is ONNX Runtime %s; Odeon needs %s or newer: `odeon runtime install` gets %s", e.Path, version, oldestVersion, installVersion)
}
