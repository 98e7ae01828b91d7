package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ExternalError says why weights outside the model file are not used.
type ExternalError struct {
	File     string // the model
	Location string // what it says
	Problem  string
}

func (e *ExternalError) Error() string {
	return fmt.Sprintf("%s: external weights %q: %s", e.File, e.Location, e.Problem)
}

var drive = regexp.MustCompile(`^[A-Za-z]:`)

// outsideFolder says what is wrong with a location by its text alone; "" if it stays inside the model's folder. Backslashes
// count as separators on every system, so that a model is as safe on one as on the other.
func outsideFolder(location string) string {
	slashed := strings.ReplaceAll(location, `\`, "/")
	parts := strings.Split(slashed, "/")
	switch {
	case location == "":
		return "a tensor kept outside the file states no location"
	case len(location) > 4096:
		return "the location is longer than 4096 bytes"
	case strings.HasPrefix(slashed, "*/"):
		return "the location is an address in memory, not a file" // ONNX Runtime's own mark for tensors it was handed
	case strings.HasPrefix(slashed, "/"), drive.MatchString(location), slices.Contains(parts, ".."),
		strings.ContainsRune(location, 0), !filepath.IsLocal(filepath.FromSlash(location)):
		return "they must lie inside the model's folder, given by a relative path without \"..\""
	}
	return ""
}

// CheckExternal checks that every file of external weights lies inside the model's folder, links followed, and is long
// enough for the tensors kept in it. ONNX Runtime follows the file's word, so call this before a session is made. Where the model's name is a
// link, as in a cache of blobs, the folder that it leads to counts as well.
func (i *Info) CheckExternal() error {
	for _, location := range i.External {
		if problem := i.checkExternal(location); problem != "" {
			return &ExternalError{File: i.File, Location: location, Problem: problem}
		}
	}
	return nil
}

func (i *Info) checkExternal(location string) (problem string) {
	if problem := outsideFolder(location); problem != "" {
		return problem
	}
	target := filepath.Join(filepath.Dir(i.File), filepath.FromSlash(location))
	real, err := filepath.EvalSymlinks(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no file %s; put it beside the model", target)
	case err != nil:
		return err.Error()
	}
	folders := []string{filepath.Dir(i.File)}
	if model, err := filepath.EvalSymlinks(i.File); err == nil {
		folders = append(folders, filepath.Dir(model))
	}
	if !slices.ContainsFunc(folders, func(folder string) bool { return inside(folder, real) }) {
		return fmt.Sprintf("%s leads to %s, outside the model's folder", target, real)
	}
	stat, err := os.Stat(real)
	switch need := i.external[location]; {
	case err != nil:
		return err.Error()
	case !stat.Mode().IsRegular():
		return fmt.Sprintf("%s is no regular file", target)
	case stat.Size() < need:
		return fmt.Sprintf("%s holds %d bytes where the model expects at least %d; it is cut short or belongs to another model", target, stat.Size(), need)
	}
	return ""
}

// inside tells whether a path without links lies in a folder.
func inside(folder, path string) bool {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return false
	}
	// EvalSymlinks keeps a relative path relative unless a link leads away from it.
	folder, err1 := filepath.Abs(folder)
	path, err2 := filepath.Abs(path)
	if err1 != nil || err2 != nil {
		return false
	}
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}
