package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// File is a file on its way to its name. It is written from one goroutine.
type File struct {
	name   string   // as the caller gave it, for messages
	target string   // behind symbolic links
	temp   string   // "" where the target is written to directly
	file   *os.File // nil once finished
	mode   fs.FileMode
	done   bool // committed or aborted
}

// Create opens a temporary file beside path. It fails at once, not when the work is done, where the folder does not
// exist, may not be written to, or where path is a folder or a file that may not be written to.
func Create(path string) (*File, error) {
	f := &File{name: path}
	var err error
	if f.target, err = follow(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(f.target)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s: is a folder, expected the name of a file to write", path)
	case err == nil && !info.Mode().IsRegular():
		if f.file, err = os.OpenFile(f.target, os.O_WRONLY, 0); err != nil {
			return nil, f.explain(err)
		}
		return f, nil
	case err == nil:
		// A rename would replace a file that its owner has made read-only: ask as an ordinary write would.
		old, err := os.OpenFile(f.target, os.O_WRONLY, 0)
		if err != nil {
			return nil, f.explain(err)
		}
		old.Close()
		f.mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, f.explain(err)
	}
	folder, base := filepath.Split(f.target)
	if base == "" {
		return nil, fmt.Errorf("%s: expected the name of a file to write", path)
	}
	// Names may be 255 bytes long on common file systems; the temporary one adds at most 33.
	if len(base) > 200 {
		base = strings.ToValidUTF8(base[:200], "")
	}
	f.temp = filepath.Join(folder, "."+base+"."+rand.Text()+tempSuffix)
	if f.file, err = pending.create(f.temp); err != nil {
		f.temp = ""
		return nil, f.explain(err)
	}
	if f.mode != 0 {
		if err := f.file.Chmod(f.mode); err != nil {
			f.Abort()
			return nil, f.explain(err)
		}
	}
	return f, nil
}

// tempSuffix ends the names of temporary files, which are .NAME.RANDOM.tmp.
const tempSuffix = ".tmp"

// RemoveLeftovers removes the temporary files that writers which were cut off left in a folder, of files whose names begin and end so.
func RemoveLeftovers(folder, prefix, suffix string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, Reason(err))
	}
	for _, e := range entries {
		name, temporary := strings.CutSuffix(e.Name(), tempSuffix)
		name = strings.TrimSuffix(name, filepath.Ext(name))
		if temporary && strings.HasPrefix(name, "."+prefix) && strings.HasSuffix(name, suffix) {
			os.Remove(filepath.Join(folder, e.Name()))
		}
	}
	return nil
}

// follow returns the file that path names behind symbolic links, also where that file does not exist yet.
func follow(path string) (string, error) {
	for range 40 { // as many as Linux follows
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil
		}
		// What /proc and /dev/fd link to ("pipe:[123]") are names for people; opening the link itself works.
		if _, err := os.Stat(path); err == nil && strings.Contains(link, ":[") {
			return path, nil
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	return "", fmt.Errorf("%s: symbolic links lead in a circle", path)
}

// Write appends p to the file.
func (f *File) Write(p []byte) (int, error) {
	if f.file == nil {
		panic("atomicfile: write after the end")
	}
	n, err := f.file.Write(p)
	if err != nil {
		return n, f.explain(err)
	}
	return n, nil
}

// Finish closes the file, still under its temporary name. Commit does it where it was not done before; calling it
// earlier lets a program with several files bring all of them to this point before the first appears.
func (f *File) Finish() error {
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	if err := file.Close(); err != nil {
		return f.explain(err)
	}
	return nil
}

// Commit finishes the file and gives it its name. After an error the temporary file is gone.
func (f *File) Commit() error {
	if f.done {
		panic("atomicfile: commit after the end")
	}
	if err := f.Finish(); err != nil {
		f.Abort()
		return err
	}
	if f.temp != "" {
		if err := os.Rename(f.temp, f.target); err != nil {
			f.Abort()
			return f.explain(err)
		}
		pending.drop(f.temp)
	}
	f.done = true
	return nil
}

// Abort removes what was written. It does nothing after Commit or a former Abort.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
	if f.temp != "" {
		os.Remove(f.temp)
		pending.drop(f.temp)
	}
}

// AbortAll removes every temporary file, for a process that ends without waiting for those who write. From then on
// Create fails.
func AbortAll() {
	pending.Lock()
	defer pending.Unlock()
	pending.ended = true
	for temp := range pending.temps {
		os.Remove(temp)
	}
}

// pending are the temporary files in the making.
var pending = pendingFiles{temps: map[string]bool{}}

type pendingFiles struct {
	sync.Mutex
	temps map[string]bool
	ended bool
}

func (p *pendingFiles) create(temp string) (*os.File, error) {
	p.Lock()
	defer p.Unlock()
	if p.ended {
		return nil, errors.New("the program is ending")
	}
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		p.temps[temp] = true
	}
	return file, err
}

func (p *pendingFiles) drop(temp string) {
	p.Lock()
	defer p.Unlock()
	delete(p.temps, temp)
}

// explain says in the terms of the target what the operating system said about the temporary file.
func (f *File) explain(err error) error {
	reason := Reason(err)
	folder := filepath.Dir(f.target)
	_, missing := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && missing == nil: // as in /proc
		return fmt.Errorf("%s: the folder %s takes no new files: choose another: %w", f.name, folder, reason)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: the folder %s does not exist: make it first: %w", f.name, folder, reason)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: %s is not a folder: %w", f.name, folder, reason)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s: may not be written: choose another folder or change its permissions: %w", f.name, reason)
	}
	return fmt.Errorf("%s: %w", f.name, reason)
}

// Reason is what the operating system said about a file, without its name, which messages begin with; and of a full disk, what to do.
func Reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk is full: free some space or choose another folder: %w", err)
	}
	return err
}
