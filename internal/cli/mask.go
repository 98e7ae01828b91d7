package cli

import (
	"fmt"
	"image"
	"slices"

	"odeon/internal/array"
	"odeon/models"
	"odeon/train/data"
)

// readMask reads --mask: how much of each element is to be painted, 1 all of it and 0 nothing, [n, dim]. A picture is white where it is to
// be painted; it has the size of a sample, or that of the pictures of --from, with which it is cropped and scaled. An array has a value
// for each element, or one for each position, which holds for all of its channels.
func readMask(r *models.Resolved, names []string, from []image.Point) ([]float32, error) {
	rows, _, err := readFiles("mask", names,
		func(file string) ([]float32, image.Point, error) { return maskPicture(r, file, from) },
		func(file string, _ data.Kind) ([]float32, error) { return maskArray(r, file) })
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(rows, func(v float32) bool { return !(v >= 0 && v <= 1) }); i >= 0 {
		return nil, fmt.Errorf("--mask %s: found the value %g, expected values from 0, what is kept, to 1, what is to be painted", names[0], rows[i])
	}
	return rows, nil
}

func maskPicture(r *models.Resolved, file string, from []image.Point) ([]float32, image.Point, error) {
	at, ok := pixelsOf(r.Shape, r.Layout)
	if !ok {
		return nil, image.Point{}, fmt.Errorf("%s: is a picture, and the model's samples are [%s], which are none; give an array of one sample's shape", file, shapeText(r.Shape))
	}
	gray := make([]float32, at.height*at.width)
	size, err := data.Picture(gray, file, 1, at.height, at.width)
	if err != nil {
		return nil, size, err
	}
	if own := image.Pt(at.width, at.height); size != own && !slices.Contains(from, size) {
		expected := fmt.Sprintf("%d x %d, a sample's", own.X, own.Y)
		if len(from) > 0 && from[0] != own {
			expected += fmt.Sprintf(", or %d x %d, that of --from", from[0].X, from[0].Y)
		}
		return nil, size, fmt.Errorf("%s: found a picture of %d x %d pixels, expected %s", file, size.X, size.Y, expected)
	}
	into(gray, 0, 1)
	mask := make([]float32, r.Dim())
	for i, v := range gray {
		for channel := range at.channels {
			mask[at.of(channel, i/at.width, i%at.width)] = v
		}
	}
	return mask, size, nil
}

func maskArray(r *models.Resolved, file string) ([]float32, error) {
	a, err := array.Read(file, "mask")
	if err != nil {
		return nil, err
	}
	positions, channels, inner := r.Shape, 1, 1
	if axis, ok := r.Layout.ChannelAxis(len(r.Shape)); ok {
		positions = slices.Delete(slices.Clone(r.Shape), axis, axis+1)
		channels = r.Shape[axis]
		for _, d := range r.Shape[axis+1:] {
			inner *= d
		}
	}
	values := a.Float32()
	fits := func(shape []int) bool {
		rest, ok := a.Shape, slices.Equal(a.Shape, shape)
		if !ok && len(a.Shape) == len(shape)+1 && a.Shape[0] > 0 {
			rest = rest[1:]
		}
		return slices.Equal(rest, shape)
	}
	switch {
	case fits(r.Shape):
		return values, nil
	case len(positions) > 0 && fits(positions):
		return repeated(values, channels, inner), nil
	}
	expected := fmt.Sprintf("[%s] or [n, %[1]s]", shapeText(r.Shape))
	if len(positions) > 0 && len(positions) < len(r.Shape) {
		expected += fmt.Sprintf(", or one value a position, [%s] or [n, %[1]s]", shapeText(positions))
	}
	return nil, fmt.Errorf("%s: found an array [%s], expected %s", file, shapeText(a.Shape), expected)
}

// repeated gives every position's value to all its channels: [..., inner] becomes [..., channels, inner].
func repeated(values []float32, channels, inner int) []float32 {
	var all []float32
	for part := range slices.Chunk(values, inner) {
		for range channels {
			all = append(all, part...)
		}
	}
	return all
}
