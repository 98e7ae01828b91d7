package graph

// A spread says where the elements of arrays lie that are broadcast to a common shape, while that is gone through in
// order. Neighbouring axes along which each array either goes on or is repeated are taken as one, and axes of size 1
// are left out, so that along the last axis an array goes on element by element or stands still.
type spread struct {
	dims    []int
	strides [][]int // by array, by axis: 0 where it is repeated
	count   int     // of elements of the common shape
	chunks  int     // in a row of the last axis
	units   int     // chunks of all rows
}

// chunk is how many elements are dealt with at once: few enough to stay in the first cache.
const chunk = 1024

// newSpread is the spread of arrays of some shapes over a shape to which they broadcast.
func newSpread(common []int, shapes ...[]int) *spread {
	s := &spread{count: sizeOf(common), strides: make([][]int, len(shapes))}
	size := func(shape []int, axis int) int {
		if axis -= len(common) - len(shape); axis >= 0 {
			return shape[axis]
		}
		return 1
	}
	var goesOn [][]bool // by axis, by array
	for axis, n := range common {
		if n == 1 {
			continue
		}
		on := make([]bool, len(shapes))
		same := len(goesOn) > 0
		for k, shape := range shapes {
			on[k] = size(shape, axis) == n
			same = same && goesOn[len(goesOn)-1][k] == on[k]
		}
		if same {
			s.dims[len(s.dims)-1] *= n
			continue
		}
		s.dims, goesOn = append(s.dims, n), append(goesOn, on)
	}
	if len(s.dims) == 0 { // a single element
		on := make([]bool, len(shapes))
		for k := range on {
			on[k] = true
		}
		s.dims, goesOn = []int{1}, [][]bool{on}
	}
	for k := range shapes {
		s.strides[k] = make([]int, len(s.dims))
		stride := 1
		for axis := len(s.dims) - 1; axis >= 0; axis-- {
			if goesOn[axis][k] {
				s.strides[k][axis] = stride
				stride *= s.dims[axis]
			}
		}
	}
	last := s.dims[len(s.dims)-1]
	s.chunks = (last + chunk - 1) / chunk
	if last > 0 {
		s.units = s.count / last * s.chunks
	}
	return s
}

// unit is the place of a unit's first element in the common shape, and its length.
func (s *spread) unit(u int) (at, n int) {
	last := s.dims[len(s.dims)-1]
	row, c := u/s.chunks, u%s.chunks*chunk
	return row*last + c, min(chunk, last-c)
}

// offset is the place of a unit's first element in array k.
func (s *spread) offset(k, u int) int {
	last := len(s.dims) - 1
	row := u
	at := 0
	if s.chunks != 1 {
		row = u / s.chunks
		at = u % s.chunks * chunk * s.strides[k][last]
	}
	return at + index(row, s.dims[:last], s.strides[k])
}

// index is the place of element i of an array of some dims, where they have strides.
func index(i int, dims, strides []int) int {
	at := 0
	for axis := len(dims) - 1; axis > 0; axis-- {
		at += i % dims[axis] * strides[axis]
		i /= dims[axis]
	}
	if len(dims) > 0 {
		at += i * strides[0]
	}
	return at
}

// An operand reads one array of a spread.
type operand[E element] struct {
	*spread
	array int
	fill  [][]E // by worker: an element as often as a row needs it, where the array stands still along the last axis
}

func newOperand[E element, T float](c *crew[T], s *spread, array int) *operand[E] {
	o := &operand[E]{spread: s, array: array}
	if s.strides[array][len(s.dims)-1] == 0 {
		o.fill = make([][]E, len(c.memory))
		for i := range o.fill {
			o.fill[i] = make([]E, chunk)
		}
	}
	return o
}

// row is the n elements of x in a unit.
func (o *operand[E]) row(worker int, x []E, u, n int) []E {
	at := o.offset(o.array, u)
	if o.fill == nil {
		return x[at : at+n]
	}
	row := o.fill[worker][:n]
	e := x[at]
	for i := range row {
		row[i] = e
	}
	return row
}
