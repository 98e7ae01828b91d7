package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// LibraryVariable names the environment variable that says where ONNX Runtime's shared library is.
const LibraryVariable = "ONNXRUNTIME_SHARED_LIBRARY_PATH"

// Library is a shared library of ONNX Runtime on this machine.
type Library struct {
	Path    string
	Source  string // where it was found, in words
	Version string // "1.27.0", or "" where the file does not say before it is loaded
}

// NotFoundError says where a library was looked for, and why what lay there did not do.
type NotFoundError struct{ Tried []string }

func (e *NotFoundError) Error() string {
	return "no ONNX Runtime found: " + strings.Join(e.Tried, "; ") +
		". `odeon runtime install` gets " + installVersion + ", or set " + LibraryVariable + " to a library of " + oldestVersion + " or newer"
}

// Find looks for ONNX Runtime and loads nothing. The first of these that has one decides:
//
//  1. explicit (--runtime), a library or a folder that holds one;
//  2. the environment variable ONNXRUNTIME_SHARED_LIBRARY_PATH, likewise;
//  3. Odeon's cache, where [Install] puts it; libraries for a GPU before the plain one;
//  4. the folders of the dynamic loader;
//  5. the onnxruntime package of the python3 on PATH, which carries the plain library.
//
// What the first two name is taken or refused, never replaced. What lies in the other places and does not do (too old, for
// another machine, damaged) is passed over, and the *[NotFoundError] that ends a vain search tells of it.
func Find(explicit string) (Library, error) {
	if explicit != "" {
		return named(explicit, "--runtime")
	}
	if path := os.Getenv(LibraryVariable); path != "" {
		return named(path, LibraryVariable)
	}
	var tried []string
	for _, place := range []func() (Library, error){cached, loaderLibrary, pythonLibrary} {
		library, err := place()
		if err == nil {
			return library, nil
		}
		tried = append(tried, err.Error())
	}
	return Library{}, &NotFoundError{tried}
}

// named is the library at a path that the user gave.
func named(path, source string) (Library, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Library{}, fmt.Errorf("%s %s: %w", source, path, pathProblem(err))
	}
	if info.IsDir() {
		library, err := inFolder(path, source)
		if err != nil {
			return Library{}, fmt.Errorf("%s %s: %w", source, path, err)
		}
		return library, nil
	}
	library, err := inspected(path, source)
	if _, old := errors.AsType[*OldLibraryError](err); err != nil && !old {
		return Library{}, fmt.Errorf("%s %s: %w", source, path, err)
	}
	return library, err
}

// pathProblem is the reason of an *os.PathError without the path, which the message has already.
func pathProblem(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}

// inspected is the library in a file, if it is one that can be opened.
func inspected(path, source string) (Library, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Library{}, err
	}
	facts, err := inspectRuntime(path)
	if err != nil {
		return Library{}, err
	}
	if tooOld(facts.version) {
		return Library{}, &OldLibraryError{path, facts.version}
	}
	return Library{Path: path, Source: source, Version: facts.version}, nil
}

// libraryNames are the names under which ONNX Runtime lies in a folder, by operating system; all others are like Linux.
var libraryNames = map[string][]string{
	"darwin":  {"libonnxruntime.dylib", "libonnxruntime.*.dylib"},
	"windows": {"onnxruntime.dll"},
	"linux":   {"libonnxruntime.so", "libonnxruntime.so.*"},
}

// insideFolder are the folders in which an unpacked archive, a wheel and a Python package keep it.
var insideFolder = []string{".", "lib", "bin", "capi", filepath.Join("onnxruntime", "capi")}

// inFolder is the newest library in a folder.
func inFolder(folder, source string) (Library, error) {
	names, ok := libraryNames[runtime.GOOS]
	if !ok {
		names = libraryNames["linux"]
	}
	var best Library
	var refused error
	for _, inside := range insideFolder {
		for _, name := range names {
			paths, err := filepath.Glob(filepath.Join(globEscape(folder), inside, name))
			if err != nil {
				return Library{}, err
			}
			for _, path := range paths {
				library, err := inspected(path, source)
				switch {
				case err != nil && refused == nil:
					refused = err
					if _, old := errors.AsType[*OldLibraryError](err); !old {
						refused = fmt.Errorf("%s: %w", path, err)
					}
				case err == nil && (best.Path == "" || newer(library.Version, best.Version)):
					best = library
				}
			}
		}
	}
	switch {
	case best.Path != "":
		return best, nil
	case refused != nil:
		return Library{}, refused
	}
	return Library{}, fmt.Errorf("no %s in the folder", strings.Join(names, " or "))
}

// globEscape makes a folder's name stand for itself in a pattern. (On Windows \ separates and cannot escape.)
func globEscape(folder string) string {
	if runtime.GOOS == "windows" {
		return folder
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(folder)
}

// loaderLibrary looks through the folders of the dynamic loader. Nothing is loaded for it: an old library would then be in the
// process to stay.
func loaderLibrary() (Library, error) {
	reason := "none in the dynamic loader's folders"
	for _, folder := range loaderFolders() {
		library, err := inFolder(folder, "the dynamic loader's folders")
		if err == nil {
			return library, nil
		}
		if old, ok := errors.AsType[*OldLibraryError](err); ok {
			reason = fmt.Sprintf("%s is ONNX Runtime %s, too old", old.Path, old.Version)
		}
	}
	return Library{}, errors.New(reason)
}

// pythonPackage prints the folder of the onnxruntime package without importing it. The current folder is no place to look: what
// lies there is not what the user installed.
const pythonPackage = `import sys
sys.path = [p for p in sys.path if p]
import importlib.util
spec = importlib.util.find_spec("onnxruntime")
print((spec.submodule_search_locations or [""])[0] if spec else "")`

// pythonPatience bounds the wait for python3; it answers in some tens of milliseconds.
const pythonPatience = 10 * time.Second

func pythonLibrary() (Library, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return Library{}, errors.New("no python3 on PATH that could have an onnxruntime package")
	}
	ctx, cancel := context.WithTimeout(context.Background(), pythonPatience)
	defer cancel()
	command := exec.CommandContext(ctx, python, "-c", pythonPackage)
	command.WaitDelay = time.Second
	out, err := command.Output()
	folder := strings.TrimSpace(string(out))
	if err != nil || folder == "" {
		return Library{}, fmt.Errorf("%s has no onnxruntime package", python)
	}
	library, err := inFolder(folder, "the onnxruntime package of "+python)
	if err != nil {
		return Library{}, fmt.Errorf("the onnxruntime package of %s: %w", python, err)
	}
	return library, nil
}
