package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The cache holds a folder for each version, platform and kind of library, for example
//
//	odeon/onnxruntime/1.27.0-linux-amd64/libonnxruntime.so.1.27.0
//	odeon/onnxruntime/1.27.0-linux-amd64/installed.json
//
// A folder is filled under another name and renamed when everything in it has been checked and written to the disk, so one
// with an installed.json is complete. That list, with the sizes, is what a start compares; sums are checked when installing.

const manifestName = "installed.json"

// manifest tells what was installed.
type manifest struct {
	Version  string          `json:"version"`
	Source   string          `json:"source"`   // the tool that brought it
	Packages []string        `json:"packages"` // what it was asked for
	Files    []installedFile `json:"files"`    // the first is ONNX Runtime itself
}

type installedFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Sum  string `json:"sha256"`
}

// cacheRoot is where Odeon keeps the libraries it installs.
func cacheRoot() (string, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no cache folder: %w", err)
	}
	return filepath.Join(user, "odeon", "onnxruntime"), nil
}

func (t target) folder(root string) string {
	name := installVersion + "-" + strings.ReplaceAll(t.platform, "/", "-")
	if t.gpu {
		name += "-gpu"
	}
	return filepath.Join(root, name)
}

// errAbsent says that nothing was installed in a folder.
var errAbsent = errors.New("not installed")

// readManifest reads what was installed in a folder and checks that all of it is still there at its size.
func readManifest(folder string) (manifest, error) {
	var m manifest
	text, err := os.ReadFile(filepath.Join(folder, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, errAbsent
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil || len(m.Files) == 0 {
		return m, fmt.Errorf("%s is damaged", filepath.Join(folder, manifestName))
	}
	for _, f := range m.Files {
		path := filepath.Join(folder, f.Name)
		info, err := os.Stat(path)
		if err != nil {
			return m, fmt.Errorf("%s is missing", path)
		}
		if info.Size() != f.Size {
			return m, fmt.Errorf("%s has %d bytes, was installed with %d", path, info.Size(), f.Size)
		}
	}
	return m, nil
}

// intact also checks the sums.
func (m manifest) intact(folder string) error {
	for _, f := range m.Files {
		path := filepath.Join(folder, f.Name)
		sum, err := fileSum(path)
		if err != nil {
			return err
		}
		if sum != f.Sum {
			return fmt.Errorf("%s has changed since it was installed", path)
		}
	}
	return nil
}

func (m manifest) library(folder string) Library {
	return Library{
		Path:    filepath.Join(folder, m.Files[0].Name),
		Source:  "Odeon's cache (" + m.Source + ")",
		Version: m.Version,
	}
}

// cached is the library in Odeon's cache.
func cached() (Library, error) {
	root, err := cacheRoot()
	if err != nil {
		return Library{}, err
	}
	return cachedIn(root)
}

func cachedIn(root string) (Library, error) {
	problem := errors.New("none in Odeon's cache")
	for _, gpu := range []bool{true, false} {
		folder := thisTarget(gpu).folder(root)
		m, err := readManifest(folder)
		if err == nil {
			return m.library(folder), nil
		}
		if err != errAbsent {
			problem = fmt.Errorf("in Odeon's cache %w", err)
		}
	}
	return Library{}, problem
}
