package data

import (
	"fmt"
	"slices"

	"odeon/models"
)

// A Set is samples to train on, numbered from 0. All methods may be called from several goroutines at once.
type Set interface {
	// Len is the number of samples, or -1: endless, any number from 0 to 2^62 - 1 is a sample's.
	Len() int
	// Shape is one sample's.
	Shape() []int
	// Layout says what the axes of a sample are: points, CHW for pictures, CL for sound, L for text ([characters,
	// vocabulary]); "" where nothing fits.
	Layout() models.Layout
	// Range has the values that are black and white, or full scale of sound; nil where the data has no such thing.
	Range() *[2]float64
	// Labels are the classes; nil where there are none.
	Labels() *Labels
	// Rate is samples a second of sound; 0 for all else.
	Rate() float64
	// Vocabulary are the tokens that the last axis of a text sample goes through; nil for all else.
	Vocabulary() []string
	// Read fills dst, [len(indices), Shape...], with samples, and labels, unless it is nil or the set has no classes, with
	// their classes. Values are finite: a sample that has one that is not is an error that names it.
	Read(dst []float32, labels []int64, indices []int64) error
	// Fingerprint tells data apart: it is the same for the same samples in the same order, and another when a file was
	// changed or shortened.
	Fingerprint() string
	// String is a line for people: what there is and how much of it.
	String() string
	Close() error
}

// Labels are classes, 0 to Count-1.
type Labels struct {
	Count int
	Names []string // nil, or one a class
}

// Dim is the number of elements of one sample.
func Dim(s Set) int { return product(s.Shape()) }

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// about is what the sets of this package have in common; they embed it, and add Read.
type about struct {
	n           int // -1: endless
	shape       []int
	layout      models.Layout
	scale       *[2]float64
	labels      *Labels
	rate        float64
	vocabulary  []string
	fingerprint string
	text        string
}

func (a *about) Len() int              { return a.n }
func (a *about) Shape() []int          { return slices.Clone(a.shape) }
func (a *about) Layout() models.Layout { return a.layout }
func (a *about) Range() *[2]float64    { return a.scale }
func (a *about) Labels() *Labels       { return a.labels }
func (a *about) Rate() float64         { return a.rate }
func (a *about) Vocabulary() []string  { return a.vocabulary }
func (a *about) Fingerprint() string   { return a.fingerprint }

// String says what there is: "moons: endless points [2], 2 classes".
func (a *about) String() string {
	s := a.text
	if a.labels != nil {
		s += fmt.Sprintf(", %d classes", a.labels.Count)
	}
	return s
}

// check panics where a call of Read does not fit the set: that is the caller's mistake, not the data's.
func (a *about) check(dst []float32, labels []int64, indices []int64) (dim int) {
	dim = product(a.shape)
	if len(dst) != dim*len(indices) || labels != nil && len(labels) != len(indices) {
		panic(fmt.Sprintf("data: Read of %d samples of %d elements into %d elements and %d labels", len(indices), dim, len(dst), len(labels)))
	}
	for _, i := range indices {
		if i < 0 || a.n >= 0 && i >= int64(a.n) {
			panic(fmt.Sprintf("data: sample %d of %d", i, a.n))
		}
	}
	return dim
}

// unit is the range of pictures and of sound.
func unit() *[2]float64 { return &[2]float64{-1, 1} }
