package onnx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// InstallOptions say what Install gets. The zero value gets the plain library.
type InstallOptions struct {
	// GPU gets the libraries for NVIDIA GPUs: ONNX Runtime with its CUDA and TensorRT providers (220 MB) and the CUDA libraries
	// that the CUDA provider needs (1.2 GB; 2 GB unpacked). NVIDIA's driver must be there, and TensorRT itself for TensorRT.
	GPU bool

	// Progress is told what is going on and how far it is, in bytes; total is 0 where it is not known. It may be nil.
	Progress func(stage string, done, total int64)
}

// InstallError says what was tried to get a library, and how each failed.
type InstallError struct {
	Platform string
	Tried    []string
}

func (e *InstallError) Error() string {
	return fmt.Sprintf("ONNX Runtime %s for %s could not be installed: %s. Install pip or npm, or get ONNX Runtime %s or newer by other means and set %s to its library",
		installVersion, e.Platform, strings.Join(e.Tried, "; "), oldestVersion, LibraryVariable)
}

// Install gets ONNX Runtime 1.27.0 into Odeon's folder in the user's cache, where [Find] looks, and returns it. The sources of a platform are tried in turn: pip (the wheel), npm
// (onnxruntime-node), the project's release archive. Each library must have the sha256 that is pinned in this package, or
// come out of an archive that has it; what does not is thrown away.
//
// What is there already is checked and kept. Of several processes that install at once one does and the others wait for
// it. Whatever happens, an interruption, a damaged download, a full disk, the cache holds whole libraries or none.
func Install(ctx context.Context, options InstallOptions) (Library, error) {
	root, err := cacheRoot()
	if err != nil {
		return Library{}, fmt.Errorf("%w. Set %s to a library of ONNX Runtime", err, LibraryVariable)
	}
	progress := options.Progress
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	target := thisTarget(options.GPU)
	in := installer{root: root, target: target, sources: installs[target], create: createFile, progress: progress}
	return in.install(ctx)
}

type installer struct {
	root     string
	target   target
	sources  []source // tried in turn
	create   createFunc
	progress func(stage string, done, total int64)
}

// temporary begins the names of folders in the making; one that is there while nobody holds the lock was left by a process
// that was killed.
const temporary = ".installing-"

func (in *installer) install(ctx context.Context) (Library, error) {
	purpose := ""
	if in.target.gpu {
		purpose = " for a GPU"
	}
	if len(in.sources) == 0 {
		return Library{}, fmt.Errorf("there is no ONNX Runtime%s for %s to install: get version %s or newer by other means and set %s to its library",
			purpose, in.target.platform, oldestVersion, LibraryVariable)
	}
	if err := os.MkdirAll(in.root, 0o755); err != nil {
		return Library{}, in.unwritable(err)
	}
	unlock, err := in.lock(ctx)
	if err != nil {
		return Library{}, err
	}
	defer unlock()

	folder := in.target.folder(in.root)
	if m, err := readManifest(folder); err == nil && m.intact(folder) == nil {
		return m.library(folder), nil
	}
	if err := in.clean(); err != nil {
		return Library{}, in.unwritable(err)
	}
	in.progress(fmt.Sprintf("ONNX Runtime %s%s is not in Odeon's cache: getting it from %s into %s", installVersion, purpose, in.sources[0], folder), 0, 0)
	var tried []string
	for i, s := range in.sources {
		if i > 0 {
			in.progress(fmt.Sprintf("%s; trying %s", tried[i-1], s), 0, 0)
		}
		m, err := in.from(ctx, s, folder)
		switch {
		case err == nil:
			return m.library(folder), nil
		case ctx.Err() != nil:
			return Library{}, ctx.Err()
		case isDiskFull(err), strings.Contains(err.Error(), "No space left on device"): // the latter are the words of a tool
			return Library{}, fmt.Errorf("no space left in %s: ONNX Runtime needs %d MB there while it is installed. Free some, or set %s to a library elsewhere",
				in.root, s.space()>>20, LibraryVariable)
		}
		tried = append(tried, s.tool.name+": "+err.Error())
	}
	return Library{}, &InstallError{in.target.platform, tried}
}

// lock waits until no other process installs.
func (in *installer) lock(ctx context.Context) (unlock func(), err error) {
	lock := flock.New(filepath.Join(in.root, "lock"))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		in.progress("waiting for another Odeon that is installing", 0, 0)
		_, err = lock.TryLockContext(ctx, 100*time.Millisecond)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, in.unwritable(err)
	}
	return func() {
		// The lock goes with the process at the latest.
		_ = lock.Unlock()
	}, nil
}

func (in *installer) unwritable(err error) error {
	return fmt.Errorf("the cache folder cannot be written: %w. Make %s writable, or set %s to a library of ONNX Runtime", err, in.root, LibraryVariable)
}

// clean removes what killed processes left.
func (in *installer) clean() error {
	left, err := filepath.Glob(filepath.Join(globEscape(in.root), temporary+"*"))
	if err != nil {
		return err
	}
	for _, folder := range left {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return nil
}

// from installs all archives of a source: into a folder of its own, which takes its name when it is complete.
func (in *installer) from(ctx context.Context, s source, folder string) (m manifest, err error) {
	making, err := os.MkdirTemp(in.root, temporary)
	if err != nil {
		return m, err
	}
	defer func() {
		if remove := os.RemoveAll(making); err == nil {
			err = remove
		}
	}()
	complete := filepath.Join(making, "complete")
	if err := os.Mkdir(complete, 0o755); err != nil {
		return m, err
	}
	m = manifest{Version: installVersion, Source: s.tool.name}
	for _, a := range s.archives {
		files, err := in.get(ctx, s, a, making, complete)
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, files...)
		m.Packages = append(m.Packages, a.spec)
	}
	if err := in.check(filepath.Join(complete, m.Files[0].Name)); err != nil {
		return m, err
	}
	if err := in.writeManifest(filepath.Join(complete, manifestName), m); err != nil {
		return m, err
	}
	return m, publish(ctx, complete, folder, filepath.Join(making, "replaced"))
}

// get downloads one archive and unpacks what is wanted of it.
func (in *installer) get(ctx context.Context, s source, a archive, making, complete string) ([]installedFile, error) {
	download := filepath.Join(making, "download")
	if err := os.Mkdir(download, 0o755); err != nil {
		return nil, err
	}
	stage := "downloading " + path.Base(a.spec)
	in.progress(stage, 0, a.size)
	err := s.tool.fetch(ctx, download, s.tags, a, func(done int64) {
		if a.size > 0 {
			done = min(done, a.size)
		}
		in.progress(stage, done, a.size)
	})
	if err != nil {
		return nil, err
	}
	file, err := fetched(download)
	if err != nil {
		return nil, err
	}
	var total int64
	for _, m := range a.members {
		total += m.size
	}
	files, err := extract(ctx, file, a, complete, in.create, func(done int64) {
		in.progress("unpacking "+path.Base(a.spec), done, total)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return files, os.RemoveAll(download)
}

// check makes sure that what came is ONNX Runtime for this machine. Sums say so already where they are pinned for this platform.
func (in *installer) check(path string) error {
	if in.target.platform != thisTarget(false).platform {
		return nil
	}
	_, err := inspectRuntime(path)
	return err
}

func (in *installer) writeManifest(path string, m manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	file, err := in.create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(append(text, '\n')); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

// publish gives a complete folder its name. A damaged one that has the name goes aside first.
func publish(ctx context.Context, complete, folder, aside string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Rename(folder, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(complete, folder); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(folder))
}

// String names the tool and the size of what it downloads: "pip (19 MB)".
func (s source) String() string {
	var size int64
	for _, a := range s.archives {
		size += a.size
	}
	if size == 0 {
		return s.tool.name
	}
	return fmt.Sprintf("%s (%.0f MB)", s.tool.name, float64(size)/1e6)
}

// space is about what installing takes on the disk: the largest download, which tools hold twice for a moment, and everything
// unpacked (some four times the archive, where no sizes are pinned).
func (s source) space() int64 {
	var download, unpacked int64
	for _, a := range s.archives {
		download = max(download, a.size)
		for _, m := range a.members {
			if m.size == 0 {
				m.size = 4 * a.size
			}
			unpacked += m.size
		}
	}
	return 2*download + unpacked
}
