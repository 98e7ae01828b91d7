package models

import (
	"fmt"
	"slices"
)

// Layout names the axes of one sample.
type Layout string

// The layouts: C channels, H and W the rows and columns of a picture, T the pictures of a video, L the samples of audio or
// the tokens of a text.
const (
	CHW    Layout = "CHW"
	HWC    Layout = "HWC"
	HW     Layout = "HW"
	Points Layout = "points"
	L      Layout = "L"
	CL     Layout = "CL"
	TCHW   Layout = "TCHW"
	THWC   Layout = "THWC"
)

// axes say on which axis of what rank a layout has its channels (-1: it has none).
type axes struct {
	layout         Layout
	rank, channels int
}

// layouts lists the axes of each layout. Points have two rows: one point [d], or a cloud of them [n, d]; and L has two: a
// row of samples or token indices [l], or one score for each of V tokens [l, V].
var layouts = []axes{
	{CHW, 3, 0}, {HWC, 3, 2}, {HW, 2, -1}, {Points, 1, 0}, {Points, 2, 1}, {L, 1, -1}, {L, 2, 1}, {CL, 2, 0}, {TCHW, 4, 1}, {THWC, 4, 3},
}

func layoutNames() []string {
	var names []string
	for _, a := range layouts {
		names = append(names, string(a.layout))
	}
	return slices.Compact(names)
}

// Fits says whether samples of this rank can have the layout.
func (l Layout) Fits(rank int) bool {
	return slices.ContainsFunc(layouts, func(a axes) bool { return a.layout == l && a.rank == rank })
}

// ChannelAxis is the axis of one sample that carries channels; not ok where the layout has none.
func (l Layout) ChannelAxis(rank int) (axis int, ok bool) {
	i := slices.IndexFunc(layouts, func(a axes) bool { return a.layout == l && a.rank == rank })
	if i < 0 {
		return 0, false
	}
	return layouts[i].channels, layouts[i].channels >= 0
}

// layoutWithChannels is the layout of this rank with its channels on this axis; "" where there is none.
func layoutWithChannels(rank, axis int) Layout {
	i := slices.IndexFunc(layouts, func(a axes) bool { return a.rank == rank && a.channels == axis })
	if i < 0 {
		return ""
	}
	return layouts[i].layout
}

// GuessLayout tells a layout by the look of a sample's shape, and why; "" where no layout fits. Pictures have 1, 3 or 4
// channels, latents have their channels first unless only the last axis is the odd one out, points have at most three
// coordinates, audio has one or two channels and many more samples.
func GuessLayout(shape []int, card *Card) (Layout, string) {
	few := func(size int) bool { return size == 1 || size == 3 || size == 4 }
	switch len(shape) {
	case 1:
		switch {
		case card.Rate != nil:
			return L, "one axis and a rate: audio"
		case len(card.Vocabulary) > 0:
			return L, "one axis and a vocabulary: text"
		}
		return Points, fmt.Sprintf("one axis of %d: points", shape[0])
	case 2:
		switch {
		case len(card.Vocabulary) > 0:
			return "", ""
		case card.Rate != nil:
			return CL, "two axes and a rate: audio, channels first"
		case shape[1] <= 3 && shape[0] > shape[1]:
			return Points, fmt.Sprintf("rows of %d: points", shape[1])
		case shape[0] <= 2 && shape[1] >= 64:
			return CL, fmt.Sprintf("%d row of %d: audio", shape[0], shape[1])
		}
		return HW, "two axes: a picture without channels"
	case 3:
		first, last := few(shape[0]), few(shape[2])
		switch {
		case first && last && shape[0] == shape[1] && shape[1] != shape[2]:
			return HWC, "the first two axes are a square: channels last"
		case first && last && shape[1] != shape[2]:
			return "", "" // a picture of three or four rows, or of three or four columns: who knows
		case first:
			return CHW, fmt.Sprintf("the first axis has %d: channels first", shape[0])
		case last:
			return HWC, fmt.Sprintf("the last axis has %d: channels last", shape[2])
		case shape[0] == shape[1] && shape[1] != shape[2]:
			return HWC, "the first two axes are a square: channels last"
		}
		return CHW, "three axes: channels first"
	case 4:
		if few(shape[3]) && !few(shape[1]) {
			return THWC, fmt.Sprintf("four axes, the last has %d: video, channels last", shape[3])
		}
		return TCHW, fmt.Sprintf("four axes, the second has %d: video, channels first", shape[1])
	}
	return "", ""
}
