package sampler

import "fmt"

// Noise is where a walk's standard normals come from.
//
// Normals fills dst, [n, dim] flattened, with draw number draw of the samples first to first+n-1. Draw 0 is the start,
// before it is scaled; draw k is the k-th draw of the walk. Samples are numbered from 0 through the whole run of a seed,
// so that a shard asks for the samples it holds. What sample s gets at draw k may depend on nothing but s and k.
//
// Chunks of samples walk side by side: Normals is called from several goroutines at once.
type Noise interface {
	Normals(dst []float32, first, n, draw int) error
}

// Walker is Noise that is cheaper where the draws of one walk are asked for in order, on one goroutine: Walk is the noise of
// one walk of the samples first to first+n-1, with the same numbers. A [Job] asks for it.
type Walker interface {
	Noise
	Walk(first, n int) Noise
}

// walking is z for one walk.
func walking(z Noise, first, n int) Noise {
	if w, ok := z.(Walker); ok {
		return w.Walk(first, n)
	}
	return z
}

// noiseDim checks the arguments of Normals, with a buffer of so many numbers, and returns the number of elements in a sample.
func noiseDim(size, first, n, draw int) (dim int, err error) {
	switch {
	case first < 0 || n < 0 || draw < 0:
		return 0, fmt.Errorf("noise: first sample %d, %d samples, draw %d: none of them may be negative", first, n, draw)
	case n == 0 && size != 0, n != 0 && size%n != 0:
		return 0, fmt.Errorf("noise: a buffer of %d numbers does not hold %d samples of equal size", size, n)
	case n == 0:
		return 0, nil
	}
	return size / n, nil
}

// Recorded is noise read from an array: another program's normals, in the order in which its solver drew them.
//
// Row r of the array is draw Draw+r, and column s within it is sample First+s. NewRecorded sets Draw to 1, the first
// draw of a walk, and First to 0, a run from the seed's first sample. An array of starts is one row with Draw 0; for a
// run whose first sample has another number, First is that number.
type Recorded struct {
	First int // the number of the sample in column 0
	Draw  int // the draw in row 0

	data         []float32
	rows, n, dim int
}

// NewRecorded reads data as [rows, n, dim]: rows draws of n samples of dim elements. It keeps data and does not copy it.
func NewRecorded(data []float32, rows, n, dim int) (*Recorded, error) {
	if rows < 0 || n < 0 || dim < 0 || !isProduct(len(data), rows, n, dim) {
		return nil, fmt.Errorf("recorded noise: %d numbers do not make up %d draws of %d samples of %d elements", len(data), rows, n, dim)
	}
	return &Recorded{Draw: 1, data: data, rows: rows, n: n, dim: dim}, nil
}

// isProduct reports whether a b c is size, for numbers that are not negative and whose product may overflow.
func isProduct(size, a, b, c int) bool {
	if a == 0 || b == 0 || c == 0 {
		return size == 0
	}
	return size%a == 0 && size/a%b == 0 && size/a/b == c
}

// Normals copies the recorded draw. It is an error when the array has no such row or column, or samples of another size.
func (r *Recorded) Normals(dst []float32, first, n, draw int) error {
	dim, err := noiseDim(len(dst), first, n, draw)
	if err != nil || n == 0 {
		return err
	}
	row, column := draw-r.Draw, first-r.First
	switch {
	case dim != r.dim:
		return fmt.Errorf("recorded noise has samples of %d elements, the state has samples of %d", r.dim, dim)
	case row < 0 || row >= r.rows:
		return fmt.Errorf("recorded noise has %s, and the walk asks for draw %d: give a row for every draw",
			span(r.rows, r.Draw, "draw"), draw)
	case column < 0 || n > r.n-column:
		return fmt.Errorf("recorded noise has %s, and the walk asks for %s: give a column for every sample",
			span(r.n, r.First, "sample"), span(n, first, "sample"))
	}
	copy(dst, r.data[(row*r.n+column)*dim:])
	return nil
}

// span names count things from number first on: "3 draws, 1 to 3".
func span(count, first int, what string) string {
	switch count {
	case 0:
		return "no " + what + "s"
	case 1:
		return fmt.Sprintf("one %s, number %d", what, first)
	}
	return fmt.Sprintf("%d %ss, %d to %d", count, what, first, first+count-1)
}

// Composite takes the start from one source and the walk's draws from another: a start read from a file with generated
// steps, or a generated start with recorded steps. Both must be given.
type Composite struct {
	Start Noise // draw 0
	Steps Noise // draws 1, 2, ...
}

// Normals asks Start for draw 0 and Steps for all others.
func (c Composite) Normals(dst []float32, first, n, draw int) error {
	if draw == 0 {
		return c.Start.Normals(dst, first, n, draw)
	}
	return c.Steps.Normals(dst, first, n, draw)
}

// Walk is the two sources' noise for one walk.
func (c Composite) Walk(first, n int) Noise {
	return Composite{Start: walking(c.Start, first, n), Steps: walking(c.Steps, first, n)}
}
