package render

import (
	"fmt"
	"strings"
)

// Layout says what the axes of one sample are. C is channels, H and W are rows and columns, T is video frames, L is a
// sequence.
type Layout string

const (
	CHW    Layout = "CHW"
	HWC    Layout = "HWC"
	HW     Layout = "HW"
	Points Layout = "points" // [d], or [..., d]: several points a sample
	L      Layout = "L"
	CL     Layout = "CL"
	TCHW   Layout = "TCHW"
	THWC   Layout = "THWC"
)

// Samples says what one sample's numbers mean. Shape is required, and Layout for what is to be looked at; the rest has defaults.
type Samples struct {
	Shape      []int // of one sample, without the batch
	Layout     Layout
	Range      [2]float64 // the values that are black and white, or full scale of sound; [-1, 1] when both are 0
	Latent     bool       // not decoded: each channel is a gray picture of its own, of values from -3 to 3
	Rate       int        // samples a second of sound
	FPS        float64    // pictures a second of video; 10 when 0
	Vocabulary []string   // makes the samples text: [L] indices, or [L, V] whose largest entry is the token
	Labels     []string   // sample k shows class Labels[k mod len]; plots are coloured by it
}

// Field is one line of what a picture says about its making.
type Field struct{ Key, Text string }

// Meta is what a file says about its making: PNG and APNG carry it as text chunks, SVG as its description.
type Meta struct {
	Title string
	Text  []Field // in order: model, seed, solver, steps, guidance, ...
}

// Size is the number of elements of one sample.
func (s *Samples) Size() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// kind is what samples are to a person.
type kind string

const (
	picture kind = "pictures"
	video   kind = "video"
	points  kind = "points"
	signal  kind = "signals"
	prose   kind = "text"
	numbers kind = "numbers" // whose layout nobody told: arrays and tables hold them, pictures cannot
)

// ranks gives the rank of each layout's shape and what it shows. Points may have any rank.
var ranks = map[Layout]struct {
	rank int
	kind kind
}{
	HW: {2, picture}, CHW: {3, picture}, HWC: {3, picture}, TCHW: {4, video}, THWC: {4, video},
	Points: {-1, points}, L: {1, signal}, CL: {2, signal},
}

// kind checks the description and says what the samples are.
func (s *Samples) kind() (kind, error) {
	for _, d := range s.Shape {
		if d < 1 {
			return "", fmt.Errorf("a sample of shape %v holds nothing", s.Shape)
		}
	}
	if lo, hi := s.span(); !(lo < hi) {
		return "", fmt.Errorf("range [%g, %g], expected the lower value first", lo, hi)
	}
	if len(s.Vocabulary) > 0 {
		switch {
		case len(s.Shape) == 1:
		case len(s.Shape) == 2 && s.Shape[1] == len(s.Vocabulary):
		default:
			return "", fmt.Errorf("text samples of shape %v, expected [L] or [L, %d] for a vocabulary of %d tokens", s.Shape, len(s.Vocabulary), len(s.Vocabulary))
		}
		return prose, nil
	}
	if s.Layout == "" {
		return numbers, nil
	}
	l, ok := ranks[s.Layout]
	if !ok {
		return "", fmt.Errorf("layout %q, expected one of CHW, HWC, HW, points, L, CL, TCHW, THWC", s.Layout)
	}
	if l.rank >= 0 && len(s.Shape) != l.rank {
		return "", fmt.Errorf("layout %s does not fit samples of shape %v, expected %d axes", s.Layout, s.Shape, l.rank)
	}
	return l.kind, nil
}

// span is the range of values, with its default. A card's range is that of decoded pictures: latents, which a model keeps
// near unit variance, are shown three standard deviations about 0.
func (s *Samples) span() (lo, hi float64) {
	if s.Latent {
		return -3, 3
	}
	if s.Range == [2]float64{} {
		return -1, 1
	}
	return s.Range[0], s.Range[1]
}

// label is the class of sample k, "" where there are none.
func (s *Samples) label(k int) string {
	if len(s.Labels) == 0 {
		return ""
	}
	return s.Labels[k%len(s.Labels)]
}

// describe names samples in messages: "pictures (CHW [3 64 64])".
func (s *Samples) describe(k kind) string {
	switch k {
	case prose:
		return fmt.Sprintf("text (%v)", s.Shape)
	case numbers:
		return fmt.Sprintf("samples of shape %v before their layout is known (\"layout\" in a card, or --layout: CHW, HWC, HW, points, L, CL, TCHW, THWC)", s.Shape)
	}
	return fmt.Sprintf("%s (%s %v)", k, s.Layout, s.Shape)
}

// DefaultName is the file that samples of a model go to when none is given: moons-samples.png, voice-samples.wav. model may
// be the path of its file.
func DefaultName(model string, s Samples) string {
	base := model[strings.LastIndexAny(model, `/\`)+1:]
	for _, suffix := range []string{".onnx", ".json", ".odeon"} {
		base = strings.TrimSuffix(base, suffix)
	}
	base = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`%:*?"<>|`, r) {
			return '-'
		}
		return r
	}, strings.TrimLeft(base, "."))
	if base == "" {
		base = "odeon"
	}
	extension := ".png"
	switch k, _ := s.kind(); {
	case k == prose:
		extension = ".txt"
	case k == video:
		extension = ".gif"
	case k == signal && s.Rate > 0:
		extension = ".wav"
	}
	return base + "-samples" + extension
}

// finite tells whether a number is neither infinite nor NaN.
func finite[T float32 | float64](v T) bool { return v-v == 0 }
