package render

import (
	"fmt"
	"image"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// pattern is a file name with a place for the sample's number.
type pattern struct {
	before, after string
	width         int
}

var verb = regexp.MustCompile(`%(%|0[1-9]d|d|.?)`)

// parsePattern finds the %d in a name; nil where there is none. %% stands for a percent sign.
func parsePattern(path string) (*pattern, error) {
	var p *pattern
	literal := &strings.Builder{}
	var before string
	rest := path
	for {
		at := verb.FindStringIndex(rest)
		if at == nil {
			break
		}
		found := rest[at[0]:at[1]]
		literal.WriteString(rest[:at[0]])
		rest = rest[at[1]:]
		switch {
		case found == "%%":
			literal.WriteByte('%')
			continue
		case !strings.HasSuffix(found, "d"):
			return nil, fmt.Errorf("%s: found %q, expected %%d or %%03d for the sample's number, %%%% for a percent sign", path, found)
		case p != nil:
			return nil, fmt.Errorf("%s: found two places for the sample's number, expected one", path)
		}
		p = &pattern{}
		if len(found) > 2 {
			p.width, _ = strconv.Atoi(found[2:3])
		}
		before = literal.String()
		literal.Reset()
	}
	if p != nil {
		p.before, p.after = before, literal.String()+rest
	}
	return p, nil
}

// CheckName says what is wrong with the name of a file, whatever the samples: its extension, or a % in it.
func CheckName(path string) error {
	_, _, err := parseName(path)
	return err
}

// parseName finds a file's format by its extension, and its pattern where it names a series.
func parseName(path string) (format, *pattern, error) {
	p, err := parsePattern(path)
	if err != nil {
		return format{}, nil, err
	}
	extension := strings.ToLower(filepath.Ext(path))
	for _, f := range formats {
		if f.extension != extension {
			continue
		}
		if p != nil && !f.series {
			return f, nil, fmt.Errorf("%s: %s holds all samples in one file: take %%d out of the name", path, extension)
		}
		return f, p, nil
	}
	found := "no extension"
	if extension != "" {
		found = "the extension " + extension
	}
	return format{}, nil, fmt.Errorf("%s: found %s, expected one of %s", path, found, strings.Join(extensions(everything...), " "))
}

func (p *pattern) name(k int) string { return fmt.Sprintf("%s%0*d%s", p.before, p.width, k, p.after) }

// series is the Sink of one file a sample.
type series struct {
	format  format
	request request
	pattern pattern
	mu      sync.Mutex // guards the creation of files
	files   []*file    // nil until a sample is first heard of
	shown   int
}

// mostFiles is a bound on what a folder bears.
const mostFiles = 1_000_000

func newSeries(f format, r request, p pattern) (Sink, error) {
	if r.n > mostFiles {
		return nil, fmt.Errorf("%s: %%d in the name writes a file for each of %d samples, expected at most %d: use .npy", r.path, r.n, mostFiles)
	}
	s := &series{format: f, request: r, pattern: p, files: make([]*file, r.n)}
	// The first file is opened at once: a missing folder is found before the work.
	one, err := s.file(0)
	if err != nil {
		return nil, err
	}
	if one.Shown() > 0 {
		s.shown = r.n
	}
	return s, nil
}

func (s *series) file(k int) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[k] == nil {
		r := s.request
		r.n, r.single = 1, true
		r.Labels = nil
		if name := s.request.label(k); name != "" {
			r.Labels = []string{name}
		}
		f, err := newFile(s.format, r, s.pattern.name(r.First+k))
		if err != nil {
			return nil, err
		}
		s.files[k] = f
	}
	return s.files[k], nil
}

func (s *series) Write(first int, x []float32) error {
	size := s.request.Size()
	for k := first; len(x) > 0; k++ {
		f, err := s.file(k)
		if err == nil {
			err = f.Write(0, x[:size])
		}
		if err == nil {
			err = f.Finish()
		}
		if err != nil {
			return err
		}
		f.picture = nil
		x = x[size:]
	}
	return nil
}

func (s *series) Shown() int { return s.shown }

// Record keeps the states of a sample in its own file. Where that cannot be made, Write says so.
func (s *series) Record(frame, first int, x []float32) {
	size := s.request.Size()
	for k := first; len(x) > 0; k++ {
		if f, err := s.file(k); err == nil {
			f.Record(frame, 0, x[:size])
		}
		x = x[size:]
	}
}

func (s *series) Finish() error {
	for k, f := range s.files {
		if f == nil || !f.finished {
			s.Abort()
			return fmt.Errorf("%s: %d of %d samples were written", s.request.path, k, len(s.files))
		}
	}
	return nil
}

func (s *series) Close() error {
	if err := s.Finish(); err != nil {
		return err
	}
	for _, f := range s.files {
		if err := f.Close(); err != nil {
			s.Abort()
			return err
		}
	}
	return nil
}

func (s *series) Abort() {
	for _, f := range s.files {
		if f != nil {
			f.Abort()
		}
	}
}

func (s *series) Files() []string {
	names := make([]string, len(s.files))
	for k := range names {
		names[k] = s.pattern.name(s.request.First + k)
	}
	return names
}

// Warnings are those of the first file: the others have the same.
func (s *series) Warnings() []string {
	if s.files[0] == nil {
		return nil
	}
	return s.files[0].Warnings()
}

func (s *series) Image() image.Image { return nil }
