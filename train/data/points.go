package data

import (
	"fmt"
	"math"
	"slices"

	"odeon/models"
	"odeon/sampler"
)

// Points is a built-in distribution of points in the plane. As a set it is endless.
type Points struct {
	Name    string
	Summary string
	Classes int // 0: it has none

	// draw makes a point of independent uniforms on (0, 1) and standard normals, and says which class it is of.
	draw func(u [3]float64, n [2]float64) (x, y float64, class int)
}

// BuiltIn lists the built-in point sets. With u, u', u” uniform on (0, 1) and N, N' standard normal:
//
//	moons         a = pi u; class 0 (cos a, sin a) or class 1 (1 - cos a, 1/2 - sin a), a fair coin; plus 0.05 N
//	checkerboard  x = 4u - 2, y = u' - 2b + (floor(x) mod 2), b a fair coin; both times 2: eight squares of side 2 in [-4, 4]^2
//	swissroll     s = 3/2 pi (1 + 2u); (s cos s, s sin s)/10, plus 0.05 N
//	8gaussians    centre 5 (cos(k pi/4), sin(k pi/4)), k = 0..7 evenly; plus sqrt(0.1) N
//	rings         r = 3 (k+1)/4, k = 0..3 evenly; r (cos 2 pi u, sin 2 pi u), plus 0.08 N
//	spirals       s = 3 pi sqrt(u); ((-s cos s + u'/2)/3, (s sin s + u''/2)/3), times -1 on arm 1, a fair coin; plus 0.1 N
//	pinwheel      p = 1 + 0.3 N, q = 0.1 N', a = 2 pi k/5 + exp(p)/4, k = 0..4 evenly; 2 (p cos a + q sin a, q cos a - p sin a)
//
// The first is scikit-learn's make_moons. Checkerboard, swissroll, rings, spirals and pinwheel follow the toy data of FFJORD
// (Grathwohl et al. 2019; pinwheel is from Johnson et al. 2016), 8gaussians is that of torchcfm (Tong et al. 2024). Classes,
// for whoever wants them, are the moon, the square (columns from the left, the lower one first), the gaussian, the ring from
// within, the arm and the blade.
var BuiltIn = []Points{
	{"moons", "two interleaved half circles", 2, moons},
	{"checkerboard", "eight squares of a board of sixteen", 8, checkerboard},
	{"swissroll", "a spiral of one and a half turns", 0, swissroll},
	{"8gaussians", "eight gaussians on a circle", 8, gaussians},
	{"rings", "four concentric circles", 4, rings},
	{"spirals", "two arms of a spiral", 2, spirals},
	{"pinwheel", "five curved blades", 5, pinwheel},
}

func moons(u [3]float64, n [2]float64) (x, y float64, class int) {
	sin, cos := math.Sincos(math.Pi * u[0])
	if class = choose(2, u[1]); class == 1 {
		sin, cos = 0.5-sin, 1-cos
	}
	return cos + 0.05*n[0], sin + 0.05*n[1], class
}

func checkerboard(u [3]float64, _ [2]float64) (x, y float64, class int) {
	x = 4*u[0] - 2
	column := int(4 * u[0])
	lower := choose(2, u[1])
	y = u[2] - float64(2*lower) + float64(column%2) // floor(x) is column - 2
	return 2 * x, 2 * y, 2*column + 1 - lower
}

func swissroll(u [3]float64, n [2]float64) (x, y float64, class int) {
	s := 1.5 * math.Pi * (1 + 2*u[0])
	sin, cos := math.Sincos(s)
	return s*cos/10 + 0.05*n[0], s*sin/10 + 0.05*n[1], 0
}

func gaussians(u [3]float64, n [2]float64) (x, y float64, class int) {
	class = choose(8, u[0])
	sin, cos := math.Sincos(float64(class) * math.Pi / 4)
	sd := math.Sqrt(0.1)
	return 5*cos + sd*n[0], 5*sin + sd*n[1], class
}

func rings(u [3]float64, n [2]float64) (x, y float64, class int) {
	class = choose(4, u[1])
	r := 0.75 * float64(class+1)
	sin, cos := math.Sincos(2 * math.Pi * u[0])
	return r*cos + 0.08*n[0], r*sin + 0.08*n[1], class
}

func spirals(u [3]float64, n [2]float64) (x, y float64, class int) {
	// The coin is u' below or above 1/2; what it leaves of u' is uniform again.
	class = choose(2, u[1])
	rest := 2*u[1] - float64(class)
	s := 3 * math.Pi * math.Sqrt(u[0])
	sin, cos := math.Sincos(s)
	side := float64(1 - 2*class)
	return side*(-s*cos+rest/2)/3 + 0.1*n[0], side*(s*sin+u[2]/2)/3 + 0.1*n[1], class
}

func pinwheel(u [3]float64, n [2]float64) (x, y float64, class int) {
	class = choose(5, u[0])
	p, q := 1+0.3*n[0], 0.1*n[1]
	sin, cos := math.Sincos(2*math.Pi*float64(class)/5 + math.Exp(p)/4)
	return 2 * (p*cos + q*sin), 2 * (q*cos - p*sin), class
}

// choose is one of k with equal shares.
func choose(k int, u float64) int { return int(float64(k) * u) }

// pointSet is the endless set of one seed. Its numbers are those of a generator of its own, keyed apart from whatever else
// the seed is used for: data and the noise that is added to it must not be the same numbers.
type pointSet struct {
	about
	points Points
	philox sampler.Philox
}

func newPoints(p Points, o Options) (Set, error) {
	s := &pointSet{
		about: about{
			n: -1, shape: []int{2}, layout: models.Points,
			fingerprint: fmt.Sprintf("%s %d", p.Name, o.Seed),
			text:        p.Name + ": endless points [2]",
		},
		points: p,
		philox: sampler.Philox{Seed: mix(o.Seed ^ 0x706f696e7473)}, // "points"
	}
	if o.Shape != nil && !slices.Equal(o.Shape, s.shape) || o.Layout != "" && o.Layout != s.layout {
		return nil, fmt.Errorf("data %s is points of shape [2], found --shape %v, --layout %q", p.Name, o.Shape, o.Layout)
	}
	switch o.Labels {
	case "", NoLabels:
	case OwnLabels:
		if p.Classes == 0 {
			return nil, fmt.Errorf("data %s has no classes: leave --labels out", p.Name)
		}
		s.labels = &Labels{Count: p.Classes}
		s.fingerprint += " labelled"
	default:
		return nil, fmt.Errorf("data %s is endless and no file can label it, found --labels %s; --labels %s takes its own %d classes", p.Name, o.Labels, OwnLabels, p.Classes)
	}
	return s, nil
}

// Read draws points, each from draw 0 of its number's uniforms and normals.
func (s *pointSet) Read(dst []float32, labels []int64, indices []int64) error {
	s.check(dst, labels, indices)
	var u [3]float64
	var n [2]float32
	for k, i := range indices {
		if err := s.philox.Uniforms(u[:], int(i), 1, 0); err != nil {
			return err
		}
		if err := s.philox.Normals(n[:], int(i), 1, 0); err != nil {
			return err
		}
		x, y, class := s.points.draw(u, [2]float64{float64(n[0]), float64(n[1])})
		dst[2*k], dst[2*k+1] = float32(x), float32(y)
		if labels != nil && s.labels != nil {
			labels[k] = int64(class)
		}
	}
	return nil
}

// Close does nothing: there is no file.
func (s *pointSet) Close() error { return nil }
