package data

import (
	"errors"
	"fmt"
	"image"
	"os"

	"odeon/internal/atomicfile"
)

// Picture reads one picture, crops and scales it like those of a set, and stores it in dst, [channels, height, width] with one
// channel, gray, or three: -1 is black and 1 white. It returns the picture's own size.
func Picture(dst []float32, path string, channels, height, width int) (image.Point, error) {
	if channels != 1 && channels != 3 || height < 1 || width < 1 || len(dst) != channels*height*width {
		panic(fmt.Sprintf("data: Picture as [%d, %d, %d] into %d elements", channels, height, width, len(dst)))
	}
	info, err := os.Stat(path)
	if err != nil {
		return image.Point{}, fmt.Errorf("%s: %w", path, atomicfile.Reason(err))
	}
	e := entryOf(path, info)
	m, err := e.picture()
	if err != nil {
		return image.Point{}, fmt.Errorf("%s: %w", path, err)
	}
	spread(dst, frame{channels, height, width}.cut(m))
	return m.Bounds().Size(), nil
}

// Pictures lists the pictures in a folder and all below it, sorted by path.
func Pictures(dir string) ([]string, error) {
	pictures, recordings, err := listFolder(dir)
	switch {
	case err != nil:
		return nil, err
	case len(recordings) > 0:
		return nil, fmt.Errorf("%s: holds recordings (%s), expected pictures", dir, recordings[0].path)
	case len(pictures) == 0:
		return nil, fmt.Errorf("%s: holds no pictures (%s)", dir, uses[picture])
	}
	var paths []string
	for _, e := range pictures {
		paths = append(paths, e.path)
	}
	return paths, nil
}

// Kind is what a file holds, as far as its first bytes tell.
type Kind int

// What is told apart.
const (
	IsOther Kind = iota
	IsPicture
	IsArray // .npy or .npz
	IsSet   // samples of another kind: a table, an IDX file, a recording
)

// KindOf looks at a file's first bytes.
func KindOf(path string) (Kind, error) {
	f, err := openFile(path)
	if err != nil {
		return IsOther, err
	}
	defer f.Close()
	k, err := sniff(f)
	switch {
	case err != nil:
		return IsOther, fmt.Errorf("%s: %w", path, err)
	case k == kindPicture:
		return IsPicture, nil
	case k == kindNPY || k == kindNPZ:
		return IsArray, nil
	case k == kindIDX || k == kindWAV || k == kindText && isTable(path):
		return IsSet, nil
	}
	return IsOther, nil
}

// All reads every sample of a set.
func All(s Set) ([]float32, error) {
	n := s.Len()
	if n < 0 {
		return nil, errors.New("is endless, expected samples that are counted")
	}
	indices := make([]int64, n)
	for i := range indices {
		indices[i] = int64(i)
	}
	dst := make([]float32, n*Dim(s))
	return dst, s.Read(dst, nil, indices)
}
