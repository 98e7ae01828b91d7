package cli

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"odeon/internal/array"
	"odeon/models"
	"odeon/sampler"
	"odeon/train/data"
)

// given is what --from and --mask give.
type given struct {
	from  sampler.Rows // the data
	start sampler.Rows // what the first state is made of: the data, or 0 where a mask leaves nothing of them
	mask  sampler.Rows // how much of each element is to be painted; no data: there is no mask
	count int          // samples; 1 may stand for any number of them
}

// inpainted are each worker's network where the data are known as far as the mask keeps them.
func (g *given) inpainted(plan *sampler.Plan, networks func(worker int) (sampler.Network, error)) func(worker int) (sampler.Network, error) {
	if g == nil || g.mask.Data == nil {
		return networks
	}
	return func(worker int) (sampler.Network, error) {
		network, err := networks(worker)
		if err != nil {
			return nil, err
		}
		return sampler.Inpaint(network, plan, sampler.Known{Data: g.from, Mask: g.mask})
	}
}

// readGiven reads --from and --mask; nil where there is nothing to read.
func readGiven(r *models.Resolved, plan *sampler.Plan, req request) (*given, error) {
	if len(req.edit.from) == 0 {
		return nil, nil
	}
	latent := r.Decode != nil || req.latent
	rows, sizes, err := readFiles("from", req.edit.from,
		func(file string) ([]float32, image.Point, error) { return readPicture(r, latent, file) },
		func(file string, kind data.Kind) ([]float32, error) { return readData(r, latent, file, kind) })
	if err != nil {
		return nil, err
	}
	dim := r.Dim()
	g := &given{from: sampler.Rows{Data: rows, Dim: dim, First: req.first}, count: len(rows) / dim}
	g.start = g.from
	if len(req.edit.mask) == 0 {
		return g, nil
	}
	if g.mask.Data, err = readMask(r, req.edit.mask, sizes); err != nil {
		return nil, err
	}
	g.mask.Dim, g.mask.First = dim, req.first
	masks := len(g.mask.Data) / dim
	if masks > 1 && g.count > 1 && masks != g.count {
		return nil, fmt.Errorf("--mask holds %d masks, and --from %d samples; expected one mask for all, or one for each", masks, g.count)
	}
	g.count = max(masks, g.count)
	if plan.Fresh {
		g.start = g.kept()
	}
	return g, nil
}

// kept are the data as far as the mask keeps them.
func (g *given) kept() sampler.Rows {
	dim := g.from.Dim
	kept := make([]float32, g.count*dim)
	for i := range kept {
		kept[i] = g.from.Data[i%len(g.from.Data)] * (1 - g.mask.Data[i%len(g.mask.Data)])
	}
	return sampler.Rows{Data: kept, Dim: dim, First: g.from.First}
}

// readData reads samples that are not pictures: an array in the model's own range, or what odeon train reads.
func readData(r *models.Resolved, latent bool, file string, kind data.Kind) ([]float32, error) {
	names := []string{"from", "samples"}
	if latent {
		names = []string{"from", "latents", "samples"}
	}
	switch kind {
	case data.IsArray:
		return readRows(file, r.Shape, names...)
	case data.IsOther:
		return nil, fmt.Errorf("%s: found neither a picture, an array (.npy, .npz), a table (.csv), a recording (.wav) nor an IDX file", file)
	}
	options := data.Options{Labels: data.NoLabels}
	if r.Card.Rate != nil {
		options.Rate = *r.Card.Rate
	}
	if r.Layout == models.CL || r.Layout == models.L {
		options.Window = r.Shape[len(r.Shape)-1]
	}
	set, err := data.Open(file, options)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	if !slices.Equal(set.Shape(), r.Shape) && !(r.Layout == models.L && slices.Equal(set.Shape(), []int{1, r.Dim()})) {
		return nil, fmt.Errorf("%s: found samples [%s], expected [%s]", file, shapeText(set.Shape()), shapeText(r.Shape))
	}
	rows, err := data.All(set)
	if err != nil {
		return nil, err
	}
	if set.Range() != nil {
		into(rows, r.Range[0], r.Range[1])
	}
	return rows, nil
}

// readRows reads an array [n, shape] of finite numbers.
func readRows(file string, shape []int, names ...string) ([]float32, error) {
	a, err := array.Read(file, names...)
	if err != nil {
		return nil, err
	}
	switch {
	case len(a.Shape) != 1+len(shape) || !slices.Equal(a.Shape[1:], shape) || a.Shape[0] == 0:
		return nil, fmt.Errorf("%s: found an array [%s], expected [n, %s]", file, shapeText(a.Shape), shapeText(shape))
	case a.DType == "uint8":
		return nil, fmt.Errorf("%s: found uint8, bytes of pictures, expected numbers in the model's own range; give pictures as .png, or scale the array", file)
	}
	rows := a.Float32()
	if i := slices.IndexFunc(rows, nonFinite); i >= 0 {
		return nil, fmt.Errorf("%s: sample %d holds a value that is not finite (%g), expected numbers", file, i/(len(rows)/a.Shape[0]), rows[i])
	}
	return rows, nil
}

// into maps -1 to 1 to a model's range.
func into(x []float32, lo, hi float64) {
	middle, half := float32((lo+hi)/2), float32((hi-lo)/2)
	for i := range x {
		x[i] = middle + half*x[i]
	}
}

// readFiles reads the files that a flag names, which may be folders of pictures and patterns, row after row. Of pictures it returns
// the sizes as well.
func readFiles(flag string, names []string, picture func(file string) ([]float32, image.Point, error), other func(file string, kind data.Kind) ([]float32, error)) (rows []float32, sizes []image.Point, err error) {
	files, err := expand(names)
	if err != nil {
		return nil, nil, fmt.Errorf("--%s: %w", flag, err)
	}
	for _, file := range files {
		kind, err := data.KindOf(file)
		if err != nil {
			return nil, nil, fmt.Errorf("--%s: %w", flag, err)
		}
		var more []float32
		if kind == data.IsPicture {
			var size image.Point
			more, size, err = picture(file)
			sizes = append(sizes, size)
		} else {
			more, err = other(file, kind)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("--%s: %w", flag, err)
		}
		rows = append(rows, more...)
	}
	return rows, sizes, nil
}

// pixels say where a sample has which pixel.
type pixels struct {
	channels, height, width  int
	toChannel, toRow, toNext int // how far it is to the next channel, row and column
}

func (p pixels) of(channel, row, column int) int {
	return channel*p.toChannel + row*p.toRow + column*p.toNext
}

// pixelsOf is not ok where samples are no pictures.
func pixelsOf(s []int, layout models.Layout) (p pixels, ok bool) {
	switch {
	case layout == models.CHW && len(s) == 3:
		return pixels{s[0], s[1], s[2], s[1] * s[2], s[2], 1}, true
	case layout == models.HWC && len(s) == 3:
		return pixels{s[2], s[0], s[1], 1, s[1] * s[2], s[2]}, true
	case layout == models.HW && len(s) == 2:
		return pixels{1, s[0], s[1], 0, s[1], 1}, true
	}
	return p, false
}

// readPicture makes a sample of a picture.
func readPicture(r *models.Resolved, latent bool, file string) ([]float32, image.Point, error) {
	at, ok := pixelsOf(r.Shape, r.Layout)
	switch {
	case latent:
		return nil, image.Point{}, fmt.Errorf("%s: is a picture, and the network works on latents [%s], which only an encoder could make of it; give them as an array: .npy, or the latents of a .npz", file, shapeText(r.Shape))
	case !ok || at.channels != 1 && at.channels != 3:
		return nil, image.Point{}, fmt.Errorf("%s: is a picture, and the model's samples are [%s] (%s), which are none in gray or colour; give an array [n, %[2]s], .npy or .npz", file, shapeText(r.Shape), cmp.Or(string(r.Layout), "no layout"))
	}
	planes := make([]float32, at.channels*at.height*at.width)
	size, err := data.Picture(planes, file, at.channels, at.height, at.width)
	if err != nil {
		return nil, size, err
	}
	into(planes, r.Range[0], r.Range[1])
	x := make([]float32, len(planes))
	for i, v := range planes {
		x[at.of(i/at.width/at.height, i/at.width%at.height, i%at.width)] = v
	}
	return x, size, nil
}

// numbered is a place for a sample's number in a file's name.
var numbered = regexp.MustCompile(`%0?[0-9]*d`)

// expand finds the files that names stand for: the pictures of a folder, and those whose names differ in a number.
func expand(names []string) (files []string, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case err == nil && info.IsDir():
			found, err := data.Pictures(name)
			if err != nil {
				return nil, err
			}
			files = append(files, found...)
		case err != nil && numbered.MatchString(name):
			found, err := counted(name)
			if err != nil {
				return nil, err
			}
			files = append(files, found...)
		default:
			files = append(files, name)
		}
	}
	return files, nil
}

// counted lists the files of a pattern by their numbers.
func counted(name string) ([]string, error) {
	at := numbered.FindStringIndex(name)
	before, after := name[:at[0]], name[at[1]:]
	folder, prefix := filepath.Split(before)
	entries, err := os.ReadDir(cmp.Or(folder, "."))
	if err != nil {
		return nil, err
	}
	type file struct {
		path   string
		number int
	}
	var found []file
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), prefix)
		middle, ends := strings.CutSuffix(middle, after)
		if number, err := strconv.Atoi(middle); ok && ends && err == nil && number >= 0 {
			found = append(found, file{folder + e.Name(), number})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: %w", name, errors.New("there is no file with a number in this place"))
	}
	slices.SortFunc(found, func(a, b file) int { return cmp.Compare(a.number, b.number) })
	var files []string
	for _, f := range found {
		files = append(files, f.path)
	}
	return files, nil
}
