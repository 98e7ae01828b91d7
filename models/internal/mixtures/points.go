package mixtures

import "math"

// The sets of points, in the plane. Each is moved and scaled so that its mean is 0 and its variance, averaged over the two
// axes, is 1: as wide as the noise that it is made from. Neighbours are 0.09 to 0.13 apart, that is about two standard
// deviations of a component, which makes the components melt into even lines and areas.

func points(name, description string, set [][]float64) Model {
	return Model{
		Name:        name,
		Description: description,
		Means:       standardized(set),
		graph:       pointsGraph,
		card:        card{Layout: "points"},
	}
}

// moons are two half circles of radius 1, the second turned round and moved by (1, 1/2).
func moons() (set [][]float64) {
	const each = 50
	for i := range each {
		sin, cos := math.Sincos(math.Pi * (float64(i) + 0.5) / each)
		set = append(set, []float64{cos, sin}, []float64{1 - cos, 0.5 - sin})
	}
	return set
}

// checkerboard fills the squares of one colour.
func checkerboard() (set [][]float64) {
	const squares, each = 4, 7
	for row := range squares * each {
		for column := range squares * each {
			if (row/each+column/each)%2 == 0 {
				set = append(set, []float64{float64(column), float64(row)})
			}
		}
	}
	return set
}

// swissRoll is the spiral r = phi from 3/2 pi to 9/2 pi, with points at equal distances: the length up to phi is nearly
// phi^2/2.
func swissRoll() (set [][]float64) {
	const n, from, to = 132, 1.5 * math.Pi, 4.5 * math.Pi
	for i := range n {
		phi := math.Sqrt(from*from + (to*to-from*from)*float64(i)/(n-1))
		sin, cos := math.Sincos(phi)
		set = append(set, []float64{phi * cos, phi * sin})
	}
	return set
}

// rings are circles of radius 1, 2 and 3, with points at equal distances.
func rings() (set [][]float64) {
	const inner = 36
	for radius := 1.0; radius <= 3; radius++ {
		n := inner * radius
		for i := range int(n) {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / n)
			set = append(set, []float64{radius * cos, radius * sin})
		}
	}
	return set
}

// standardized has mean 0 and unit variance. Coordinates are rounded to 1/1024, so that they are the same on every
// machine, whatever its sine.
func standardized(set [][]float64) [][]float64 {
	var mean [2]float64
	for _, p := range set {
		for k := range mean {
			mean[k] += p[k] / float64(len(set))
		}
	}
	variance := 0.0
	for _, p := range set {
		for k := range mean {
			variance += (p[k] - mean[k]) * (p[k] - mean[k]) / float64(2*len(set))
		}
	}
	scale := 1 / math.Sqrt(variance)
	out := make([][]float64, len(set))
	for i, p := range set {
		out[i] = []float64{
			math.Round(1024*scale*(p[0]-mean[0])) / 1024,
			math.Round(1024*scale*(p[1]-mean[1])) / 1024,
		}
	}
	return out
}
