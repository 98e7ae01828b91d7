package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Runtime is ONNX Runtime, loaded into this process.
type Runtime struct {
	library Library
	facts   binaryFacts
	preload sync.Map // provider library -> *preloading
}

// The process has one ONNX Runtime: the library keeps its state in itself, and the wrapper in package variables.
var process struct {
	sync.Mutex
	runtime *Runtime
}

// Open loads a library. It stays loaded until the process ends: opening the same file again gives the same Runtime, opening
// another is an error. A library that is no ONNX Runtime, too old or damaged is told from its file, before any of its code
// runs.
func Open(library Library) (*Runtime, error) {
	process.Lock()
	defer process.Unlock()
	path, err := filepath.Abs(library.Path)
	if err != nil {
		return nil, err
	}
	if r := process.runtime; r != nil {
		if sameFile(r.library.Path, path) {
			return r, nil
		}
		return nil, fmt.Errorf("this process runs ONNX Runtime from %s and cannot change to %s", r.library.Path, path)
	}
	facts, err := inspectRuntime(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, pathProblem(err))
	}
	if tooOld(facts.version) {
		return nil, &OldLibraryError{path, facts.version}
	}
	// Loaded here first, the library stays when the wrapper, which does not like its version, unloads it: the version's text lies
	// in it.
	if err := load(path); err != nil {
		return nil, fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	ort.SetSharedLibraryPath(path)
	// What ONNX Runtime logs, its errors say too, and names out of a stranger's file would reach the terminal as they are.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		if version := ort.GetVersion(); tooOld(version) {
			return nil, &OldLibraryError{path, version}
		}
		return nil, fmt.Errorf("ONNX Runtime in %s does not start: %s", path, ortReason(err))
	}
	if err := ort.DisableTelemetry(); err != nil {
		return nil, fmt.Errorf("ONNX Runtime in %s: %s", path, ortReason(err))
	}
	library.Path, library.Version = path, ort.GetVersion()
	process.runtime = &Runtime{library: library, facts: facts}
	return process.runtime, nil
}

// Library is what was opened, with the version that the library itself reports.
func (r *Runtime) Library() Library { return r.library }

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// ortReason is ONNX Runtime's own message: the wrapper puts a sentence before it, in an error of its own.
func ortReason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}
