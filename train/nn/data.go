package nn

import (
	"fmt"
	"slices"
	"strings"

	"odeon/graph"
)

// Data is the shape of what a network works on, and what it is to predict of it.
type Data struct {
	Shape       []int  // of one sample
	Layout      string // of its axes, as in a model card: CHW, points, CL ...; "": points, [L, V], CHW or TCHW, by their number
	Classes     int    // labels run from 0 to Classes-1, and Classes is the label of none; 0: no classes
	Predictions int    // the result has so many times the channels, along their axis (0: 1). Without such an axis, it comes first
}

// axes say on which axis a layout of so many axes has its channels (-1: on none), and what such samples are.
type axes struct {
	layout         string
	rank, channels int
	what           string
}

var layouts = []axes{
	{"points", 1, 0, "points"}, {"points", 2, 1, "clouds of points"},
	{"L", 1, -1, "sequences"}, {"L", 2, 1, "sequences"}, {"CL", 2, 0, "audio"},
	{"HW", 2, -1, "pictures"}, {"CHW", 3, 0, "pictures"}, {"HWC", 3, 2, "pictures"},
	{"TCHW", 4, 1, "video"}, {"THWC", 4, 3, "video"},
}

// usual are the layouts that "" stands for, by the number of axes.
var usual = []string{"", "points", "L", "CHW", "TCHW"}

// space are the axes of space: all but that of the channels.
func (a axes) space() []int {
	var list []int
	for i := range a.rank {
		if i != a.channels {
			list = append(list, i)
		}
	}
	return list
}

// Elements of a sample, classes and predictions beyond these are a mistake.
const (
	maxElements    = 1 << 28
	maxClasses     = 1 << 20
	maxPredictions = 16
)

// Check tells whether the layout is known and fits the shape, and whether the numbers make sense.
func (d Data) Check() error {
	n := 1
	for _, k := range d.Shape {
		if k < 1 || n > maxElements/k {
			return fmt.Errorf("samples of shape %v: every size must be positive, and their product at most %d", d.Shape, maxElements)
		}
		n *= k
	}
	switch {
	case d.Classes < 0 || d.Classes > maxClasses:
		return fmt.Errorf("%d classes: expected 0 to %d", d.Classes, maxClasses)
	case d.Predictions < 0 || d.Predictions > maxPredictions:
		return fmt.Errorf("%d predictions: expected 1 to %d", d.Predictions, maxPredictions)
	case d.find() >= 0:
		return nil
	}
	var known, ranks []string
	for _, a := range layouts {
		switch {
		case a.layout == d.Layout:
			ranks = append(ranks, fmt.Sprint(a.rank))
		case a.rank == len(d.Shape):
			known = append(known, a.layout)
		}
	}
	switch {
	case len(ranks) > 0:
		return fmt.Errorf("samples of shape %v: the layout %s has %s axes", d.Shape, d.Layout, strings.Join(ranks, " or "))
	case len(known) > 0:
		return fmt.Errorf("samples of shape %v: unknown layout %q; of %d axes are %s",
			d.Shape, clip(d.Layout), len(d.Shape), strings.Join(known, ", "))
	}
	return fmt.Errorf("samples of shape %v: samples have one to four axes", d.Shape)
}

func (d Data) find() int {
	layout, rank := d.Layout, len(d.Shape)
	if layout == "" && rank < len(usual) {
		layout = usual[rank]
	}
	return slices.IndexFunc(layouts, func(a axes) bool { return a.layout == layout && a.rank == rank })
}

func (d Data) axes() axes { return layouts[d.find()] }

// channels is the number of channels; 1 where the layout has no axis of them.
func (d Data) channels() int {
	if a := d.axes(); a.channels >= 0 {
		return d.Shape[a.channels]
	}
	return 1
}

// space is the sizes of the axes of space.
func (d Data) space() []int {
	var sizes []int
	for _, i := range d.axes().space() {
		sizes = append(sizes, d.Shape[i])
	}
	return sizes
}

func (d Data) predictions() int { return max(d.Predictions, 1) }

// Output is the shape of one sample's result: that of the state, with Predictions times the channels.
func (d Data) Output() []int {
	a, k, shape := d.axes(), d.predictions(), slices.Clone(d.Shape)
	switch {
	case a.channels >= 0:
		shape[a.channels] *= k
	case k > 1:
		shape = append([]int{k}, shape...)
	}
	return shape
}

// Split cuts a result into the predictions, each of the state's shape.
func (d Data) Split(g *graph.Graph, y *graph.Value) []*graph.Value {
	k := d.predictions()
	if k == 1 {
		return []*graph.Value{y}
	}
	axis := 1 + max(d.axes().channels, 0)
	n := y.Shape[axis] / k
	parts := make([]*graph.Value, k)
	for i := range parts {
		part := g.Slice(y, axis, i*n, (i+1)*n, 1)
		parts[i] = g.Reshape(part, append([]int{part.Shape[0]}, d.Shape...)...)
	}
	return parts
}

// channelsFirst brings a state to [batch, channels, space...].
func (d Data) channelsFirst(b *Builder, x *graph.Value) *graph.Value {
	a := d.axes()
	if a.channels < 0 {
		return b.Reshape(x, append([]int{x.Shape[0], 1}, d.Shape...)...)
	}
	if perm := a.permutation(); !slices.IsSorted(perm) {
		return b.Transpose(x, perm...)
	}
	return x
}

// channelsBack brings a result [batch, channels, space...] to the layout of the data.
func (d Data) channelsBack(b *Builder, y *graph.Value) *graph.Value {
	a := d.axes()
	if a.channels < 0 {
		return b.Reshape(y, append([]int{y.Shape[0]}, d.Output()...)...)
	}
	perm := a.permutation()
	if slices.IsSorted(perm) {
		return y
	}
	back := make([]int, len(perm))
	for i, axis := range perm {
		back[axis] = i
	}
	return b.Transpose(y, back...)
}

// permutation brings the batch first, then the channels, then the space.
func (a axes) permutation() []int {
	perm := []int{0, 1 + a.channels}
	for _, i := range a.space() {
		perm = append(perm, 1+i)
	}
	return perm
}

// clip is the start of a text for a message: what was given must not fill the screen.
func clip(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
