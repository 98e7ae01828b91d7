package data

import (
	"fmt"
	"os"
	"slices"

	"odeon/internal/atomicfile"
	"odeon/models"
)

const defaultWindow = 16384

// soundSet is recordings cut in windows: sample i is a window of [channels, window]. Windows go through a recording by the
// stride, and what is left at its end is no sample.
type soundSet struct {
	about
	clips          []clip
	window, stride int
	classes        *classes // of the clips
}

// clip is one recording.
type clip struct {
	entry
	wav
	first int64 // sample number of its first window
}

// openRecordings makes a set of the recordings in a folder, or of one alone. Name is the folder or the file.
func openRecordings(name string, entries []entry, o Options) (Set, error) {
	s := &soundSet{}
	if o.Layout != "" && o.Layout != models.CL {
		return nil, fmt.Errorf("holds sound, which has layout CL, found --layout %s", o.Layout)
	}
	if o.Shape != nil {
		return nil, fmt.Errorf("holds sound, whose shape is [channels, window], found --shape %v; --window sets the second", o.Shape)
	}
	for _, e := range entries {
		w, err := e.readWAV()
		if err != nil {
			return nil, named(name, e.path, err)
		}
		s.clips = append(s.clips, clip{entry: e, wav: w})
	}
	if err := s.alike(o); err != nil {
		return nil, err
	}
	if shortest, err := s.cut(o); err != nil {
		return nil, named(name, shortest, err)
	}
	var err error
	if s.classes, err = folderLabels(entries, o); err != nil {
		return nil, err
	}
	hash, err := folderHash(name, entries)
	if err != nil {
		return nil, err
	}
	s.shape, s.layout, s.scale = []int{s.clips[0].channels, s.window}, models.CL, unit()
	s.labels = s.classes.labels()
	s.text = fmt.Sprintf("%s: %d windows of %v at %g Hz from %d recordings", name, s.n, s.shape, s.about.rate, len(s.clips))
	s.fingerprint = fmt.Sprintf("%s %d %d %s", hash, s.window, s.stride, s.classes.mark())
	return s, nil
}

func (e *entry) readWAV() (wav, error) {
	f, err := os.Open(e.path)
	if err != nil {
		return wav{}, atomicfile.Reason(err)
	}
	defer f.Close()
	return readWAV(f, e.size)
}

// named puts the file that an error is about before it, unless it is what the caller calls the data anyway.
func named(data, path string, err error) error {
	if path == data {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// alike compares rates and channels.
func (s *soundSet) alike(o Options) error {
	a := s.clips[0]
	for _, b := range s.clips {
		if b.wav.rate != a.wav.rate || b.channels != a.channels {
			return fmt.Errorf("%s has %d Hz and %d channels, %s %d Hz and %d, expected all recordings alike", a.path, a.wav.rate, a.channels, b.path, b.wav.rate, b.channels)
		}
	}
	s.about.rate = float64(a.wav.rate)
	if o.Rate != 0 && o.Rate != s.about.rate {
		return fmt.Errorf("has %v samples a second, found --rate %v, expected the same: sound is not resampled", s.about.rate, o.Rate)
	}
	return nil
}

// cut numbers the windows. It returns the path of the shortest recording, on which they depend.
func (s *soundSet) cut(o Options) (string, error) {
	shortest := slices.MinFunc(s.clips, func(a, b clip) int { return int(a.frames - b.frames) })
	s.window = o.Window
	if s.window == 0 {
		s.window = int(min(defaultWindow, shortest.frames))
	}
	if shortest.frames < int64(s.window) {
		return shortest.path, fmt.Errorf("has %d samples, expected a window of %d at least: --window sets another", shortest.frames, s.window)
	}
	if s.stride = o.Stride; s.stride == 0 {
		s.stride = s.window
	}
	for i := range s.clips {
		c := &s.clips[i]
		c.first = int64(s.n)
		s.n += int((c.frames-int64(s.window))/int64(s.stride)) + 1
	}
	return shortest.path, nil
}

// overlap is how many windows after one share sound with it.
func (s *soundSet) overlap() int { return (s.window - 1) / s.stride }

// Read gives windows.
func (s *soundSet) Read(dst []float32, labels []int64, indices []int64) error {
	dim := s.check(dst, labels, indices)
	raw := make([]byte, s.window*s.clips[0].frame())
	for k, i := range indices {
		at, found := slices.BinarySearchFunc(s.clips, i, func(c clip, i int64) int { return int(c.first - i) })
		if !found {
			at--
		}
		c := &s.clips[at]
		row := dst[k*dim : (k+1)*dim]
		if err := c.read(row, raw, (i-c.first)*int64(s.stride)); err != nil {
			return fmt.Errorf("data %s: %w", c.path, err)
		}
		if err := finite(row, i); err != nil {
			return fmt.Errorf("data %s: %w", c.path, err)
		}
		if labels != nil && s.classes != nil {
			labels[k] = int64(s.classes.of[at])
		}
	}
	return nil
}

// read reads a window that begins at a frame.
func (c *clip) read(dst []float32, raw []byte, frame int64) error {
	f, err := os.Open(c.path)
	if err != nil {
		return atomicfile.Reason(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return atomicfile.Reason(err)
	}
	if err := c.same(info.Size()); err != nil {
		return err
	}
	if _, err := f.ReadAt(raw, c.offset+frame*int64(c.wav.frame())); err != nil {
		return err
	}
	c.decode(dst, raw)
	return nil
}

// Close does nothing: recordings are opened window by window.
func (s *soundSet) Close() error { return nil }
