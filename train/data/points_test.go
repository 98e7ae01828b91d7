package data

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
)

// drawn opens a built-in set and reads its first n points.
func drawn(t *testing.T, name string, n int, o Options) (x []float32, labels []int64) {
	t.Helper()
	s, err := Open(name, o)
	require.NoError(t, err)
	return first(t, s, n)
}

// first reads samples 0 to n-1.
func first(t *testing.T, s Set, n int) (x []float32, labels []int64) {
	t.Helper()
	x, labels = make([]float32, n*Dim(s)), make([]int64, n)
	indices := make([]int64, n)
	for i := range indices {
		indices[i] = int64(i)
	}
	require.NoError(t, s.Read(x, labels, indices))
	return x, labels
}

// Means and variances of the distributions of BuiltIn, integrated by hand. With 100,000 points a mean is within 5 standard errors
// of 1/316 deviations, 0.016 deviations; a variance of these bounded shapes within 2 %.
func TestPointSetsHaveTheMomentsOfTheirFormulas(t *testing.T) {
	const n = 100_000
	pi := math.Pi
	roll := func(f func(s float64) float64) float64 { return average(1.5*pi, 4.5*pi, f) }
	rollX, rollY := roll(func(s float64) float64 { return s * math.Cos(s) / 10 }), roll(func(s float64) float64 { return s * math.Sin(s) / 10 })
	for _, c := range []struct {
		name       string
		mean, vari [2]float64
	}{
		// Moon 0 is (cos a, sin a): means 0 and 2/pi, mean squares 1/2; moon 1 is 1 - cos a, 1/2 - sin a.
		{"moons", [2]float64{0.5, 0.25}, [2]float64{0.5 + 0.25 + 0.0025, (0.5+0.25-2/pi+0.5)/2 - 0.0625 + 0.0025}},
		// Uniform on [-4, 4] along both axes.
		{"checkerboard", [2]float64{0, 0}, [2]float64{16.0 / 3, 16.0 / 3}},
		{"swissroll", [2]float64{rollX, rollY}, [2]float64{
			roll(func(s float64) float64 { return math.Pow(s*math.Cos(s)/10-rollX, 2) }) + 0.0025,
			roll(func(s float64) float64 { return math.Pow(s*math.Sin(s)/10-rollY, 2) }) + 0.0025}},
		// A radius r gives r^2/2 along each axis.
		{"8gaussians", [2]float64{0, 0}, [2]float64{12.6, 12.6}},
		{"rings", [2]float64{0, 0}, [2]float64{0.5625*30/8 + 0.0064, 0.5625*30/8 + 0.0064}},
		// Both arms together are symmetric about 0. With s = 3 pi sqrt(u), E f(s) = 2 int_0^1 v f(3 pi v) dv.
		{"spirals", [2]float64{0, 0}, [2]float64{
			average(0, 1, func(v float64) float64 {
				m := -3*pi*v*math.Cos(3*pi*v) + 0.25
				return 2 * v * (m*m + 1.0/48) / 9
			}) + 0.01,
			average(0, 1, func(v float64) float64 {
				m := 3*pi*v*math.Sin(3*pi*v) + 0.25
				return 2 * v * (m*m + 1.0/48) / 9
			}) + 0.01}},
		// Five blades, a turn apart by 2 pi/5, leave (|p|^2 + |q|^2)/2 along each axis, times 4.
		{"pinwheel", [2]float64{0, 0}, [2]float64{2 * (1 + 0.09 + 0.01), 2 * (1 + 0.09 + 0.01)}},
	} {
		x, _ := drawn(t, c.name, n, Options{Seed: 7})
		for axis := range 2 {
			mean, square := 0.0, 0.0
			for k := range n {
				mean += float64(x[2*k+axis]) / n
			}
			for k := range n {
				square += math.Pow(float64(x[2*k+axis])-mean, 2) / n
			}
			require.InDelta(t, c.mean[axis], mean, 0.016*math.Sqrt(c.vari[axis]), "%s, mean of axis %d", c.name, axis)
			require.InEpsilon(t, c.vari[axis], square, 0.02, "%s, variance of axis %d", c.name, axis)
		}
	}
}

// average is the mean of f on [a, b], by the midpoint rule.
func average(a, b float64, f func(float64) float64) float64 {
	const n = 10_000
	sum := 0.0
	for i := range n {
		sum += f(a+(b-a)*(float64(i)+0.5)/n) / n
	}
	return sum
}

func TestClassesAreTheParts(t *testing.T) {
	// Where the part ends: no point of these samples is more than 6 deviations of its noise away.
	inside := map[string]func(x, y float64, class int64) bool{
		"moons": func(x, y float64, class int64) bool {
			c := float64(class)
			return math.Abs(math.Hypot(x-c, y-c/2)-1) < 0.3 && (y-c/2)*(1-2*c) > -0.3
		},
		"checkerboard": func(x, y float64, class int64) bool {
			column, upper := int(class/2), int(class%2)
			low := -4 + 4*float64(upper) + 2*float64(column%2)
			return math.Floor(x/2)+2 == float64(column) && low <= y && y <= low+2
		},
		"8gaussians": func(x, y float64, class int64) bool {
			return math.Hypot(x-5*math.Cos(float64(class)*math.Pi/4), y-5*math.Sin(float64(class)*math.Pi/4)) < 6*math.Sqrt(0.1)
		},
		"rings": func(x, y float64, class int64) bool {
			return math.Abs(math.Hypot(x, y)-0.75*float64(class+1)) < 6*0.08
		},
		"spirals": func(x, y float64, class int64) bool {
			// On arm 0 the point at s has the angle pi - s.
			side := float64(1 - 2*class)
			return spiralDistance(side*x, side*y) < 6*0.1+0.5/3
		},
		"pinwheel": func(x, y float64, class int64) bool {
			return math.Hypot(x, y) < 2*math.Hypot(1+6*0.3, 6*0.1)
		},
	}
	for _, p := range BuiltIn {
		if p.Classes == 0 {
			_, err := Open(p.Name, Options{Labels: OwnLabels})
			require.ErrorContains(t, err, "has no classes")
			continue
		}
		x, labels := drawn(t, p.Name, 20_000, Options{Labels: OwnLabels})
		count := make([]int, p.Classes)
		for k, class := range labels {
			require.True(t, inside[p.Name](float64(x[2*k]), float64(x[2*k+1]), class), "%s: (%v, %v) of class %d", p.Name, x[2*k], x[2*k+1], class)
			count[class]++
		}
		for class, c := range count {
			share := 1 / float64(p.Classes)
			require.InDelta(t, share, float64(c)/20_000, 5*math.Sqrt(share*(1-share)/20_000), "%s: class %d", p.Name, class)
		}
	}
}

func spiralDistance(x, y float64) float64 {
	least := math.Inf(1)
	for i := range 1000 {
		s := 3 * math.Pi * float64(i) / 1000
		least = min(least, math.Hypot(x+s*math.Cos(s)/3, y-s*math.Sin(s)/3))
	}
	return least
}

func TestAPointIsAFunctionOfSeedAndNumber(t *testing.T) {
	x, labels := drawn(t, "pinwheel", 100, Options{Seed: 3, Labels: OwnLabels})
	s, err := Open("pinwheel", Options{Seed: 3, Labels: OwnLabels})
	require.NoError(t, err)
	one, label := make([]float32, 2), make([]int64, 1)
	for k := 99; k >= 0; k-- {
		require.NoError(t, s.Read(one, label, []int64{int64(k)}))
		require.Equal(t, x[2*k:2*k+2], one)
		require.Equal(t, labels[k], label[0])
	}
	other, _ := drawn(t, "pinwheel", 100, Options{Seed: 4})
	require.NotEqual(t, x, other)
	plain, _ := drawn(t, "pinwheel", 100, Options{Seed: 3})
	require.Equal(t, x, plain, "classes change nothing about the points")
	require.NoError(t, s.Read(one, label, []int64{1<<62 + 5}))
}

func TestPointSetsDescribeThemselves(t *testing.T) {
	s, err := Open("moons", Options{})
	require.NoError(t, err)
	require.Equal(t, -1, s.Len())
	require.Equal(t, []int{2}, s.Shape())
	require.Equal(t, models.Points, s.Layout())
	require.Nil(t, s.Range())
	require.Nil(t, s.Labels())
	require.Equal(t, "moons: endless points [2]", s.String())

	labelled, err := Open("moons", Options{Labels: OwnLabels})
	require.NoError(t, err)
	require.Equal(t, 2, labelled.Labels().Count)
	seeded, err := Open("moons", Options{Seed: 1})
	require.NoError(t, err)
	prints := []string{s.Fingerprint(), labelled.Fingerprint(), seeded.Fingerprint()}
	slices.Sort(prints)
	require.Len(t, slices.Compact(prints), 3)

	_, err = Open("moons", Options{Labels: "labels.npy"})
	require.ErrorContains(t, err, "no file can label it")
}

func BenchmarkPoints(b *testing.B) {
	s, err := Open("moons", Options{})
	require.NoError(b, err)
	x, indices := make([]float32, 2*1024), make([]int64, 1024)
	NewOrder(s.Len(), 0).Indices(indices, 0)
	for b.Loop() {
		if err := s.Read(x, nil, indices); err != nil {
			b.Fatal(err)
		}
	}
}
