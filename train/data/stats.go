package data

import "math"

// Stats are what a network may be normalised by.
type Stats struct {
	Mean, Std []float64  // of each channel (each coordinate of points), or one of all where the layout has no channels
	Total     [2]float64 // mean and standard deviation of all values together
}

// Measure takes the statistics of a set over at most limit samples, which are its first where it is endless and else evenly
// chosen by the order of seed 0. It reads all of them, and so finds values that are not finite.
func Measure(s Set, limit int) (*Stats, error) {
	n := s.Len()
	if n < 0 || n > limit {
		n = limit
	}
	shape := s.Shape()
	dim, channels, inner := product(shape), 1, 1
	if axis, ok := s.Layout().ChannelAxis(len(shape)); ok {
		channels, inner = shape[axis], product(shape[axis+1:])
	}
	st := &Stats{Mean: make([]float64, channels), Std: make([]float64, channels)}

	// Welford's running mean and sum of squares, channel by channel.
	squares, count := make([]float64, channels), make([]float64, channels)
	order := NewOrder(s.Len(), 0)
	chunk := min(n, max(1, 1<<20/dim))
	x, indices := make([]float32, chunk*dim), make([]int64, chunk)
	for first := 0; first < n; first += chunk {
		k := min(chunk, n-first)
		order.Indices(indices[:k], int64(first))
		if err := s.Read(x[:k*dim], nil, indices[:k]); err != nil {
			return nil, err
		}
		for i, v32 := range x[:k*dim] {
			v, c := float64(v32), i/inner%channels
			count[c]++
			d := v - st.Mean[c]
			st.Mean[c] += d / count[c]
			squares[c] += d * (v - st.Mean[c])
		}
	}
	mean, square := 0.0, 0.0
	for c, m := range st.Mean {
		st.Std[c] = math.Sqrt(squares[c] / count[c])
		mean += m / float64(channels)
	}
	for c, m := range st.Mean {
		square += (squares[c]/count[c] + (m-mean)*(m-mean)) / float64(channels)
	}
	st.Total = [2]float64{mean, math.Sqrt(square)}
	return st, nil
}
