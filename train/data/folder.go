package data

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"odeon/internal/atomicfile"
)

// use is what a file in a folder is good for, which its extension says.
type use int

const (
	passedOver use = iota
	picture
	recording
	unreadable // a picture or a recording of a kind that is not read
)

// uses lists extensions by use.
var uses = map[use]string{
	picture:    ".png .jpg .jpeg .gif .bmp .webp .tif .tiff",
	recording:  ".wav .wave",
	unreadable: ".avif .heic .heif .jxl .jp2 .svg .psd .tga .ico .exr .hdr .ppm .pgm .pnm .dng .nef .cr2 .mp3 .flac .ogg .opus .m4a .aac .aif .aiff",
}

func useOf(name string) use {
	ext := strings.ToLower(filepath.Ext(name))
	for u, list := range uses {
		if ext != "" && slices.Contains(strings.Fields(list), ext) {
			return u
		}
	}
	return passedOver
}

func openFolder(dir string, o Options) (Set, error) {
	pictures, recordings, err := listFolder(dir)
	if err != nil {
		return nil, err
	}
	var s Set
	switch {
	case len(pictures) > 0 && len(recordings) > 0:
		err = fmt.Errorf("holds pictures (%s) and recordings (%s), expected one of them", pictures[0].path, recordings[0].path)
	case len(pictures) > 0:
		s, err = openPictures(dir, pictures, o)
	case len(recordings) > 0:
		s, err = openRecordings(dir, recordings, o)
	default:
		err = fmt.Errorf("holds neither pictures (%s) nor recordings (%s)", uses[picture], uses[recording])
	}
	if err != nil {
		return nil, fmt.Errorf("data %s: %w", dir, err)
	}
	return s, nil
}

// listFolder finds pictures and recordings in a folder and all below it, sorted by path. Names that begin with a dot, as
// macOS and file managers leave them, are passed over.
func listFolder(dir string) (pictures, recordings []entry, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("data %s: %w", path, atomicfile.Reason(err))
		case path == dir:
			return nil
		case strings.HasPrefix(d.Name(), ".") || d.Name() == "__MACOSX":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		u := useOf(path)
		if u == passedOver {
			return nil
		}
		if u == unreadable {
			return fmt.Errorf("data %s: %s is of a kind that is not read, expected %s, or %s", dir, path, uses[picture], uses[recording])
		}
		info, err := os.Stat(path) // follows a link, as reading it does
		if err != nil {
			return fmt.Errorf("data %s: %w", path, atomicfile.Reason(err))
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		e := entryOf(path, info)
		if below, err := filepath.Rel(dir, path); err == nil {
			if sub, _, ok := strings.Cut(filepath.ToSlash(below), "/"); ok {
				e.class = sub
			}
		}
		if u == picture {
			pictures = append(pictures, e)
		} else {
			recordings = append(recordings, e)
		}
		return nil
	})
	return pictures, recordings, err
}

// folderLabels are the classes of files: sub-folders, of which there are two or more, or those of --labels FILE, one a file in
// the order of their paths.
func folderLabels(entries []entry, o Options) (*classes, error) {
	if o.Labels == NoLabels {
		return nil, nil
	}
	if o.Labels != "" && o.Labels != OwnLabels {
		return readLabels(o.Labels, len(entries))
	}
	var words wordLabels
	for _, e := range entries {
		if err := words.add(e.class); err != nil {
			return nil, fmt.Errorf("sub-folders: %w", err)
		}
	}
	if len(words.words) == 1 {
		if o.Labels == OwnLabels {
			return nil, fmt.Errorf("has no classes of its own, expected two sub-folders or more, or --labels FILE")
		}
		return nil, nil
	}
	if i := slices.IndexFunc(entries, func(e entry) bool { return e.class == "" }); i >= 0 {
		return nil, fmt.Errorf("has files beside its sub-folders (%s), which belong to no class; move them, or leave classes out with --labels %s", entries[i].path, NoLabels)
	}
	return words.named(byNumber), nil
}

// byNumber is the order of sub-folders: that of their numbers, else that of the alphabet.
func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX == nil && errY == nil {
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

// folderHash is the fingerprint of a folder's files: every byte where all together are small, else paths, sizes, times of the
// last change and the first bytes of each.
func folderHash(dir string, entries []entry) (string, error) {
	total := int64(0)
	for _, e := range entries {
		total += e.size
	}
	h := sha256.New()
	for _, e := range entries {
		below, _ := filepath.Rel(dir, e.path)
		fmt.Fprintf(h, "%q %d\n", filepath.ToSlash(below), e.size)
		limit := e.size
		if total > smallFile {
			limit = 4 << 10
			fmt.Fprintln(h, e.mtime)
		}
		if err := hashBeginning(h, e.path, limit); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func hashBeginning(w io.Writer, path string, limit int64) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, atomicfile.Reason(err))
	}
	defer f.Close()
	if _, err := io.Copy(w, io.LimitReader(f, limit)); err != nil {
		return fmt.Errorf("%s: %w", path, atomicfile.Reason(err))
	}
	return nil
}
