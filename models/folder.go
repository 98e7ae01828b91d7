package models

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// folder is where the files of a pipeline are looked for. It may be a stranger's: names in it are our own, none is taken from a file
// there, and where one is a link it has to lead to a place inside.
type folder struct {
	dir   string
	roots []string // folders without links; a file lies in one of them
}

// openFolder takes a folder by its name. The cache of Hugging Face's hub keeps a model as snapshots/REVISION of links to files in the
// folder blobs beside snapshots, which is then a place inside too.
func openFolder(dir string) (folder, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return folder{}, err
	}
	if real, err = filepath.Abs(real); err != nil {
		return folder{}, err
	}
	f := folder{dir: dir, roots: []string{real}}
	if snapshots := filepath.Dir(real); filepath.Base(snapshots) == "snapshots" {
		f.roots = append(f.roots, filepath.Join(filepath.Dir(snapshots), "blobs"))
	}
	return f, nil
}

// file is the path of a regular file in the folder; "" where there is none of this name.
func (f folder) file(name ...string) (string, error) {
	path := filepath.Join(append([]string{f.dir}, name...)...)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	real, err := f.inside(path)
	if err != nil {
		return "", err
	}
	stat, err := os.Stat(real)
	switch {
	case err != nil:
		return "", err
	case stat.IsDir():
		return "", nil
	case !stat.Mode().IsRegular():
		return "", fmt.Errorf("%s: found a %s, expected a file", path, fileKind(stat.Mode()))
	}
	return path, nil
}

// inside is where a path leads when its links are followed, which has to be a place in the folder.
func (f folder) inside(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: is a link to a file that is not there", path)
	case err != nil:
		return "", err
	}
	if real, err = filepath.Abs(real); err != nil {
		return "", err
	}
	within := func(root string) bool {
		below, err := filepath.Rel(root, real)
		return err == nil && filepath.IsLocal(below)
	}
	if !slices.ContainsFunc(f.roots, within) {
		return "", fmt.Errorf("%s: leads to %s, outside the folder; put the file itself there", path, real)
	}
	return real, nil
}

// list is the names of what lies in a folder below, sorted; none where there is no such folder.
func (f folder) list(name string) ([]string, error) {
	path := filepath.Join(f.dir, name)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	real, err := f.inside(path)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return nil, nil // no folder, but a file of its name
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// ending are those names that end so, in whatever case.
func ending(names []string, with ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !slices.ContainsFunc(with, func(end string) bool { return strings.HasSuffix(strings.ToLower(name), end) })
	})
}

// read is the text of a small file, at most as long as a card may be.
func (f folder) read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, cardLimit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(text) > cardLimit:
		return nil, fmt.Errorf("%s: more than the %d bytes that are read of such a file", path, cardLimit)
	}
	return text, nil
}
