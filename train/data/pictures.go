package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"odeon/internal/atomicfile"
	"odeon/models"
)

// pictureSet is a folder of pictures, all made one size. Pixels stay in memory once they are decoded and scaled, as bytes,
// until the cache is full; an epoch goes through all pictures before it comes back to one, so that nothing is gained by
// giving up one for another.
type pictureSet struct {
	about
	dir     string
	entries []entry
	frame   frame
	classes *classes
	cache   []atomic.Pointer[[]byte]
	left    atomic.Int64 // bytes of the cache
}

const (
	defaultCache = 512 << 20
	defaultSize  = 64
)

func openPictures(dir string, entries []entry, o Options) (Set, error) {
	if o.Layout != "" && o.Layout != models.CHW {
		return nil, fmt.Errorf("holds pictures, which have layout CHW, found --layout %s", o.Layout)
	}
	looks, err := lookAt(entries)
	if err != nil {
		return nil, err
	}
	s := &pictureSet{dir: dir, entries: entries, cache: make([]atomic.Pointer[[]byte], len(entries))}
	if s.frame, err = chooseFrame(looks, o); err != nil {
		return nil, err
	}
	if s.classes, err = folderLabels(entries, o); err != nil {
		return nil, err
	}
	hash, err := folderHash(dir, entries)
	if err != nil {
		return nil, err
	}
	s.n, s.shape, s.layout, s.scale = len(entries), s.frame.shape(), models.CHW, unit()
	s.labels = s.classes.labels()
	s.text = fmt.Sprintf("%s: %d pictures as %v", dir, s.n, s.shape)
	s.fingerprint = fmt.Sprintf("%s %v %s", hash, s.shape, s.classes.mark())
	s.left.Store(max(o.Cache, 0))
	if o.Cache == 0 {
		s.left.Store(defaultCache)
	}
	return s, nil
}

// look is what the header of a picture says.
type look struct {
	width, height int
	gray          bool
}

// lookAt reads the headers of all pictures.
func lookAt(entries []entry) ([]look, error) {
	looks := make([]look, len(entries))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range entries {
		g.Go(func() (err error) {
			if looks[i], err = lookAtOne(&entries[i]); err != nil {
				return fmt.Errorf("%s: %w", entries[i].path, err)
			}
			return nil
		})
	}
	return looks, g.Wait()
}

func lookAtOne(e *entry) (look, error) {
	f, err := os.Open(e.path)
	if err != nil {
		return look{}, atomicfile.Reason(err)
	}
	defer f.Close()
	config, _, err := image.DecodeConfig(bufio.NewReader(f))
	if err != nil {
		return look{}, pictureError(e, err)
	}
	if err := plausible(config, e.size); err != nil {
		return look{}, err
	}
	return look{config.Width, config.Height, isGray(config.ColorModel)}, nil
}

// isGray says whether a colour model has no colours, or a palette none but grays.
func isGray(m color.Model) bool {
	if palette, ok := m.(color.Palette); ok {
		return !slices.ContainsFunc(palette, func(c color.Color) bool {
			r, g, b, _ := c.RGBA()
			return r != g || g != b
		})
	}
	return m == color.GrayModel || m == color.Gray16Model
}

// plausible keeps the decoders from taking memory that the file does not bear out: a megapixel is always granted, beyond it
// 8192 pixels a byte, about the most that a compressed picture of one colour has, and 2^27 altogether.
func plausible(c image.Config, size int64) error {
	pixels := int64(c.Width) * int64(c.Height)
	switch {
	case c.Width < 1 || c.Height < 1:
		return fmt.Errorf("has %d x %d pixels, expected some", c.Width, c.Height)
	case pixels > 1<<20 && pixels/8192 > size:
		return fmt.Errorf("claims %d x %d pixels in %d bytes, more than they can hold", c.Width, c.Height, size)
	case pixels > 1<<27:
		return fmt.Errorf("has %d x %d pixels, expected at most 2^27", c.Width, c.Height)
	}
	return nil
}

func pictureError(e *entry, err error) error {
	switch {
	case e.size == 0:
		return errors.New("is empty, expected a picture")
	case errors.Is(err, image.ErrFormat):
		return fmt.Errorf("begins like no picture that is read (%s)", uses[picture])
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return errors.New("ends early, expected the rest of a picture")
	}
	return fmt.Errorf("not a readable picture: %w", err)
}

// chooseFrame settles the size and the number of channels: what was asked for, else gray where all pictures are, and the size
// that all have, or a square of their least side.
func chooseFrame(looks []look, o Options) (frame, error) {
	f := frame{channels: 1, height: looks[0].height, width: looks[0].width}
	least, same := f.width, true
	for _, l := range looks {
		same = same && l.width == f.width && l.height == f.height
		least = min(least, l.width, l.height)
		if !l.gray {
			f.channels = 3
		}
	}
	switch s := o.Shape; {
	case s != nil && (len(s) != 3 || s[0] != 1 && s[0] != 3):
		return f, fmt.Errorf("holds pictures, found --shape %v, expected [1, h, w] or [3, h, w]", s)
	case s != nil && o.Size > 0 && (s[1] != o.Size || s[2] != o.Size):
		return f, fmt.Errorf("found --shape %v beside --size %d, expected one of them", s, o.Size)
	case s != nil:
		f = frame{s[0], s[1], s[2]}
	case o.Size > 0:
		f.height, f.width = o.Size, o.Size
	case !same:
		f.height = min(least, defaultSize)
		f.width = f.height
	}
	if product(f.shape()) > 1<<26 {
		return f, fmt.Errorf("makes samples of shape %v, expected at most 2^26 elements: --size sets another", f.shape())
	}
	return f, nil
}

// Read gives pictures in [-1, 1]. Those that are not in the cache are decoded side by side.
func (s *pictureSet) Read(dst []float32, labels []int64, indices []int64) error {
	dim := s.check(dst, labels, indices)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for k, i := range indices {
		row := dst[k*dim : (k+1)*dim]
		if p := s.cache[i].Load(); p != nil {
			spread(row, *p)
			continue
		}
		g.Go(func() error {
			p, err := s.decode(i)
			if err != nil {
				return fmt.Errorf("data %s: %w", s.entries[i].path, err)
			}
			spread(row, p)
			return nil
		})
	}
	s.classes.fill(labels, indices)
	return g.Wait()
}

func spread(dst []float32, pixels []byte) {
	for i, v := range pixels {
		dst[i] = pixel(float32(v))
	}
}

// decode reads one picture and keeps it where there is room.
func (s *pictureSet) decode(i int64) ([]byte, error) {
	m, err := s.entries[i].picture()
	if err != nil {
		return nil, err
	}
	pixels := s.frame.cut(m)
	if size := int64(len(pixels)); s.left.Add(-size) >= 0 {
		if !s.cache[i].CompareAndSwap(nil, &pixels) {
			s.left.Add(size)
		}
	} else {
		s.left.Add(size)
	}
	return pixels, nil
}

// picture reads and decodes the file.
func (e *entry) picture() (image.Image, error) {
	b, err := e.read()
	if err != nil {
		return nil, err
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, pictureError(e, err)
	}
	if err := plausible(config, e.size); err != nil {
		return nil, err
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, pictureError(e, err)
	}
	return m, nil
}

// Close lets the cache go.
func (s *pictureSet) Close() error {
	s.left.Store(0)
	for i := range s.cache {
		s.cache[i].Store(nil)
	}
	return nil
}
