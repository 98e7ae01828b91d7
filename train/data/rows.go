package data

import (
	"fmt"
	"slices"
	"strings"

	"odeon/internal/array"
	"odeon/models"
)

// rowSet is an array as a set: sample i is row i. Pictures that have their channels last get them first, and bytes that are
// pictures are put into [-1, 1].
type rowSet struct {
	about
	file    *file
	rows    rowReader
	classes *classes
	planes  planes
	bytes   bool // pixels 0 to 255: v/127.5 - 1
}

// rowReader gives rows by number: an array in a file, or a table.
type rowReader interface {
	Len() int
	Width() int
	Read(dst []float32, i int64) error
}

// rowInfo is what a file says about its rows.
type rowInfo struct {
	shape []int    // one row's
	kind  string   // of its elements: "float32", "uint8", "text"
	own   *classes // that it carries; nil: none
	part  string   // which of its arrays or columns they are, where it has several
}

// planes says how channels that are last become first: each of frames blocks of [pixels, channels] is transposed. Zero: not at all.
type planes struct{ frames, pixels, channels int }

// dataArrays are the names that samples go by in a .npz.
var dataArrays = []string{"samples", "data", "x", "X", "images", "x_train", "points"}

func openNumPy(f *file, k kind, member string, o Options) (Set, error) {
	names := dataArrays
	switch {
	case member != "" && k != kindNPZ:
		return nil, fmt.Errorf("found %s, expected a .npz, of which one can name an array", k)
	case member != "":
		names = []string{member}
	}
	rows, err := array.NewRows(f, f.size, names...)
	if err != nil {
		if k == kindNPZ && member == "" {
			err = fmt.Errorf("%w; FILE.npz:NAME says which array to train on", err)
		}
		return nil, err
	}
	var own *classes
	if k == kindNPZ && (o.Labels == "" || o.Labels == OwnLabels) {
		if own, err = siblingLabels(f, rows.Len()); err != nil {
			return nil, err
		}
	}
	return newRowSet(f, rows, rowInfo{shape: rows.Shape[1:], kind: rows.DType, own: own, part: member}, o)
}

// siblingLabels reads the array of labels that a .npz may have beside its samples; nil where there is none.
func siblingLabels(f *file, n int) (*classes, error) {
	have, err := array.NamesIn(f, f.size)
	if err != nil {
		return nil, err
	}
	for _, name := range labelArrays {
		if !slices.Contains(have, name) {
			continue
		}
		rows, err := array.NewRows(f, f.size, name)
		if err != nil {
			return nil, err
		}
		c, err := labelRows(rows, n)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w; --labels %s leaves it out", name, err, NoLabels)
		}
		return c, nil
	}
	return nil, nil
}

func openIDX(f *file, o Options) (Set, error) {
	rows, err := idxRows(f)
	if err != nil {
		return nil, err
	}
	if f.gzipped() {
		f.memory = nil // it is unpacked by now
	}
	return newRowSet(f, rows, rowInfo{shape: rows.Shape[1:], kind: rows.DType}, o)
}

// newRowSet settles shape, layout, values and classes.
func newRowSet(f *file, rows rowReader, info rowInfo, o Options) (Set, error) {
	s := &rowSet{file: f, rows: rows}
	shape := slices.Clone(info.shape)
	if len(shape) == 0 {
		shape = []int{1}
	}
	if o.Shape != nil {
		if product(o.Shape) != rows.Width() {
			return nil, fmt.Errorf("has samples of shape %v, %d elements, which cannot be read as --shape %v, %d elements", shape, rows.Width(), o.Shape, product(o.Shape))
		}
		shape = slices.Clone(o.Shape)
	}
	if info.kind == "uint8" && len(shape) == 2 && o.Layout == "" && o.Rate == 0 {
		o.Layout = models.HW // bytes in two axes are gray pictures, however narrow
	}
	layout, err := arrayLayout(shape, o)
	if err != nil {
		return nil, err
	}
	s.n = rows.Len()
	s.shape, s.layout, s.planes = channelsFirst(shape, layout)
	s.bytes = info.kind == "uint8" && s.isPicture()
	if s.bytes {
		s.scale = unit()
	}
	if s.layout == models.CL || s.layout == models.L {
		s.rate = o.Rate
	}
	if s.classes, err = pickLabels(info.own, s.n, o); err != nil {
		return nil, err
	}
	s.labels = s.classes.labels()
	s.text = fmt.Sprintf("%s: %d samples of %v (%s)", f.path, s.n, s.shape, info.kind)
	s.fingerprint = fmt.Sprintf("%s %s %v %s %s", f.hash, info.part, s.shape, layout, s.classes.mark())
	if strings.HasPrefix(info.kind, "float") && f.size <= smallFile {
		if err := s.checkAll(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// pickLabels follows Options.Labels: own are those that the data carries, nil where it has none.
func pickLabels(own *classes, n int, o Options) (*classes, error) {
	switch o.Labels {
	case "":
		return own, nil
	case NoLabels:
		return nil, nil
	case OwnLabels:
		if own == nil {
			return nil, fmt.Errorf("has no labels of its own, expected --labels FILE")
		}
		return own, nil
	}
	return readLabels(o.Labels, n)
}

// mark is what labels add to a fingerprint.
func (c *classes) mark() string {
	switch {
	case c == nil:
		return "unlabelled"
	case c.hash == "":
		return "labelled"
	}
	return c.hash
}

// arrayLayout takes the layout that was asked for, or tells one by the look of the shape. Where that may be either, a shape
// that was asked for has its channels first.
func arrayLayout(shape []int, o Options) (models.Layout, error) {
	if o.Layout != "" {
		if !o.Layout.Fits(len(shape)) {
			return "", fmt.Errorf("has samples of shape %v, which --layout %s does not fit", shape, o.Layout)
		}
		return o.Layout, nil
	}
	card := &models.Card{}
	if o.Rate > 0 {
		card.Rate = &o.Rate
	}
	layout, _ := models.GuessLayout(shape, card)
	if layout == "" && len(shape) == 3 && o.Shape != nil {
		return models.CHW, nil
	}
	if layout == "" && len(shape) == 3 {
		return "", fmt.Errorf("has samples of shape %v, which may be pictures with their channels first or last: --layout CHW or HWC says", shape)
	}
	return layout, nil
}

// channelsFirst gives pictures and videos the shape [.., C, H, W], and sound without channels one of them.
func channelsFirst(shape []int, layout models.Layout) ([]int, models.Layout, planes) {
	switch layout {
	case models.HW:
		return []int{1, shape[0], shape[1]}, models.CHW, planes{}
	case models.HWC:
		return []int{shape[2], shape[0], shape[1]}, models.CHW, planes{1, shape[0] * shape[1], shape[2]}
	case models.THWC:
		return []int{shape[0], shape[3], shape[1], shape[2]}, models.TCHW, planes{shape[0], shape[1] * shape[2], shape[3]}
	case models.L:
		if len(shape) == 1 {
			return []int{1, shape[0]}, models.CL, planes{}
		}
	}
	return shape, layout, planes{}
}

func (s *rowSet) isPicture() bool { return s.layout == models.CHW || s.layout == models.TCHW }

// checkAll looks for values that are not finite, in every sample.
func (s *rowSet) checkAll() error {
	row := make([]float32, s.rows.Width())
	for i := range int64(s.n) {
		if err := s.rows.Read(row, i); err != nil {
			return err
		}
		if err := finite(row, i); err != nil {
			return err
		}
	}
	return nil
}

// finite is an error that names the sample and the element where a value is not finite.
func finite(row []float32, sample int64) error {
	for k, v := range row {
		if v-v != 0 {
			return fmt.Errorf("sample %d has the value %v at element %d, expected finite numbers", sample, v, k)
		}
	}
	return nil
}

// Read reads rows.
func (s *rowSet) Read(dst []float32, labels []int64, indices []int64) error {
	dim := s.check(dst, labels, indices)
	if err := s.file.check(); err != nil {
		return fmt.Errorf("data %s: %w", s.file.path, err)
	}
	var scratch []float32
	if s.planes.channels > 1 {
		scratch = make([]float32, dim)
	}
	for k, i := range indices {
		row := dst[k*dim : (k+1)*dim]
		into := row
		if scratch != nil {
			into = scratch
		}
		if err := s.rows.Read(into, i); err != nil {
			return fmt.Errorf("data %s: %w", s.file.path, err)
		}
		if scratch != nil {
			s.planes.transpose(row, scratch)
		}
		if s.bytes {
			for j, v := range row {
				row[j] = pixel(v)
			}
			continue
		}
		if err := finite(row, i); err != nil {
			return fmt.Errorf("data %s: %w", s.file.path, err)
		}
	}
	s.classes.fill(labels, indices)
	return nil
}

// pixel puts 0 to 255 into [-1, 1].
func pixel(v float32) float32 { return float32(v*(1/127.5)) - 1 }

func (p planes) transpose(dst, src []float32) {
	block := p.pixels * p.channels
	for f := range p.frames {
		d, s := dst[f*block:(f+1)*block], src[f*block:(f+1)*block]
		for c := range p.channels {
			plane := d[c*p.pixels : (c+1)*p.pixels]
			for k := range plane {
				plane[k] = s[k*p.channels+c]
			}
		}
	}
}

// Close closes the file.
func (s *rowSet) Close() error { return s.file.Close() }
