package render

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"
	"strings"

	"odeon/internal/atomicfile"
)

// Sink is one output of a run: one file, or with %d in the name one a sample.
type Sink interface {
	// Write takes the samples numbered first, first+1, ... of the run (from 0), in order and without gaps: x is [k, shape...].
	Write(first int, x []float32) error
	// Shown is how many samples, from the first, Record must be told about; 0 where the file does not show the way.
	Shown() int
	// Record takes the state at Options.Times[frame] of the samples numbered first, first+1, .... Those beyond Shown are
	// ignored. It is called before Write takes the same samples, for every frame, the end included; calls for different
	// samples may run side by side.
	Record(frame, first int, x []float32)
	// Finish writes what is left to write; the file keeps its temporary name. Samples that are missing are an error.
	Finish() error
	// Close does Finish where it was not done, and gives the file its name.
	Close() error
	// Abort removes what was written. It does nothing after Close.
	Abort()
	// Files are the names of the files as they are, or will be, on disk.
	Files() []string
	// Warnings are notes for the user, such as "shows the first 400 of 50000 samples", after Finish.
	Warnings() []string
	// Image is the picture that a .png holds, for a preview, after Finish; nil for other files.
	Image() image.Image
}

// Archive is a Sink that keeps further arrays beside the samples (.npz).
type Archive interface {
	Sink
	// Add keeps an array ([]float32, []float64 or []int64) that Finish writes under the given name.
	Add(name string, shape []int, data any)
}

// Options are what the run says about itself.
type Options struct {
	Meta         Meta
	First        int       // number that the run's first sample has in file names
	Times        []float64 // times of the states that Record can be given; see FrameSteps. Without them nothing is recorded
	Trajectories bool      // stills show the way too: plots of points faintly behind the end points, pictures as a strip
	Columns      int       // of a grid of pictures; 0: chosen
}

// format is one row of the table of extensions.
type format struct {
	extension string
	series    bool // %d in the name writes a file a sample
	fits      []kind
	open      func(*request) (body, error)
}

var (
	visible    = []kind{picture, video, points, signal}
	legible    = []kind{picture, video, points, signal, prose}
	everything = []kind{picture, video, points, signal, prose, numbers}
)

var formats = []format{
	{".png", true, legible, openPNG},
	{".gif", true, visible, openGIF},
	{".apng", true, visible, openAPNG},
	{".svg", true, legible, openSVG},
	{".npy", false, everything, openNPY},
	{".npz", false, everything, openNPZ},
	{".csv", false, everything, openCSV},
	{".wav", true, []kind{signal}, openWAV},
	{".txt", true, everything, openTXT},
}

// request is what a format needs to know to begin.
type request struct {
	path   string
	n      int
	single bool // one file of a series, one a sample
	kind   kind
	Samples
	Options
}

// body is what one format does. w is the file.
type body interface {
	// write takes the samples first, first+1, ...
	write(w io.Writer, first int, x []float32) error
	finish(w io.Writer) error
	notes() []string
}

// recorder is a body that shows the way of the samples.
type recorder interface {
	shown() int
	record(frame, first int, x []float32)
}

// pictured is a body that is one picture once finished.
type pictured interface{ image() image.Image }

// NewSink opens an output for n samples. The extension chooses the format; "%d" (or "%03d") in the name writes one file a
// sample. What can be known to be wrong is an error here, before any sample is drawn.
func NewSink(path string, n int, s Samples, o Options) (Sink, error) {
	if n < 1 {
		return nil, fmt.Errorf("%s: %d samples, expected at least 1", path, n)
	}
	f, pattern, err := parseName(path)
	if err != nil {
		return nil, err
	}
	k, err := s.kind()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !slices.Contains(f.fits, k) {
		return nil, fmt.Errorf("%s: %s cannot hold %s, expected one of %s", path, f.extension, s.describe(k), strings.Join(extensions(k), " "))
	}
	r := request{path: path, n: n, kind: k, Samples: s, Options: o}
	if pattern == nil {
		return newSink(f, r, strings.ReplaceAll(path, "%%", "%"))
	}
	return newSeries(f, r, *pattern)
}

// newSink opens one file.
func newSink(f format, r request, path string) (Sink, error) {
	s, err := newFile(f, r, path)
	if err != nil {
		return nil, err
	}
	if z, ok := s.body.(*npz); ok {
		return &archive{s, z}, nil
	}
	return s, nil
}

// extensions are those of the formats that hold one of the kinds.
func extensions(of ...kind) []string {
	var list []string
	for _, f := range formats {
		if slices.ContainsFunc(of, func(k kind) bool { return slices.Contains(f.fits, k) }) {
			list = append(list, f.extension)
		}
	}
	return list
}

// CloseAll closes the sinks in two strides, so that either all files appear or none: first every one is finished, then
// they take their names. After an error all are gone.
func CloseAll(sinks ...Sink) error {
	for _, step := range []func(Sink) error{Sink.Finish, Sink.Close} {
		for _, s := range sinks {
			if err := step(s); err != nil {
				for _, s := range sinks {
					s.Abort()
				}
				return err
			}
		}
	}
	return nil
}

// file is the Sink of one file.
type file struct {
	path     string
	out      *atomicfile.File
	buffer   *bufio.Writer
	body     body
	size     int // elements of a sample
	n, next  int
	finished bool
	notes    []string // of the body, once finished
	picture  image.Image
}

func newFile(f format, r request, path string) (*file, error) {
	r.path = path
	out, err := atomicfile.Create(path)
	if err != nil {
		return nil, err
	}
	b, err := f.open(&r)
	if err != nil {
		out.Abort()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &file{path: path, out: out, buffer: bufio.NewWriterSize(out, 1<<16), body: b, size: r.Size(), n: r.n}, nil
}

// archive is a file to which arrays can be added.
type archive struct {
	*file
	npz *npz
}

func (a *archive) Add(name string, shape []int, data any) { a.npz.add(name, shape, data) }

func (f *file) Write(first int, x []float32) error {
	k := len(x) / f.size
	if first != f.next || k*f.size != len(x) || first+k > f.n {
		panic(fmt.Sprintf("render: %d values from sample %d on, expected samples of %d values from %d to %d", len(x), first, f.size, f.next, f.n))
	}
	f.next += k
	return f.explain(f.body.write(f.buffer, first, x))
}

func (f *file) Shown() int {
	if r, ok := f.body.(recorder); ok {
		return r.shown()
	}
	return 0
}

func (f *file) Record(frame, first int, x []float32) {
	if r, ok := f.body.(recorder); ok {
		if keep := (r.shown() - first) * f.size; keep > 0 {
			r.record(frame, first, x[:min(keep, len(x))])
		}
	}
}

func (f *file) Finish() error {
	if f.finished {
		return nil
	}
	if f.next != f.n {
		f.Abort()
		return fmt.Errorf("%s: %d of %d samples were written", f.path, f.next, f.n)
	}
	f.finished = true
	err := f.body.finish(f.buffer)
	if err == nil {
		err = f.buffer.Flush()
	}
	if err == nil {
		err = f.out.Finish()
	}
	if err != nil {
		f.Abort()
		return f.explain(err)
	}
	f.notes = f.body.notes()
	if p, ok := f.body.(pictured); ok {
		f.picture = p.image()
	}
	f.body, f.buffer = nil, nil // many files of a series wait together for their names
	return nil
}

func (f *file) Close() error {
	if err := f.Finish(); err != nil {
		return err
	}
	return f.out.Commit()
}

func (f *file) Abort()             { f.out.Abort() }
func (f *file) Files() []string    { return []string{f.path} }
func (f *file) Image() image.Image { return f.picture }

func (f *file) Warnings() []string {
	list := make([]string, len(f.notes))
	for i, note := range f.notes {
		list[i] = f.path + ": " + note
	}
	return list
}

// explain puts the file's name before errors of the formats; those of the file system have it already.
func (f *file) explain(err error) error {
	if err == nil || strings.HasPrefix(err.Error(), f.path+": ") {
		return err
	}
	return fmt.Errorf("%s: %w", f.path, err)
}

var errNoTimes = errors.New("an animation shows the samples on their way, and this run records no states on the way")
