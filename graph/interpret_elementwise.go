package graph

import (
	"errors"
	"math"
	"slices"

	"odeon/onnx"
)

// functions are the operators of one argument.
var functions = [operatorsCount]func(float64) float64{
	Neg:        func(x float64) float64 { return -x },
	Exp:        math.Exp,
	Log:        math.Log,
	Sqrt:       math.Sqrt,
	Reciprocal: func(x float64) float64 { return 1 / x },
	Sin:        math.Sin,
	Cos:        math.Cos,
	Tanh:       math.Tanh,
	Sigmoid:    sigmoid,
	Erf:        math.Erf,
	Abs:        math.Abs,
	Sign:       sign,
	Floor:      math.Floor,
	Not:        func(x float64) float64 { return 1 - x },
}

// sigmoid is 1/(1 + exp(-x)), by the exponential of a number that is not positive.
func sigmoid(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

// sign is -1, 0 or 1; of what is not a number, itself.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// unaryKernel applies a function to each element.
func unaryKernel[T float](c *crew[T], y *array[T]) kernel[T] {
	f := functions[y.value.Op]
	work := 8 * y.count()
	return both(y.value.Type,
		func(y []T, args [][]T) {
			x := args[0]
			c.do(len(y), work, func(_, from, to int) { apply(f, y[from:to], x[from:to]) })
		},
		func(y []int64, args [][]int64) { apply(f, y, args[0]) }, 1)
}

func apply[E element](f func(float64) float64, y, x []E) {
	for i, v := range x[:len(y)] {
		y[i] = E(f(float64(v)))
	}
}

// binary is an operator of two arguments for rows of equal length.
func binary[E element](op Op) func(y, a, b []E) {
	switch op {
	case Add:
		return func(y, a, b []E) {
			a, b = a[:len(y)], b[:len(y)]
			for i := range y {
				y[i] = a[i] + b[i]
			}
		}
	case Sub:
		return func(y, a, b []E) {
			a, b = a[:len(y)], b[:len(y)]
			for i := range y {
				y[i] = a[i] - b[i]
			}
		}
	case Mul:
		return func(y, a, b []E) {
			a, b = a[:len(y)], b[:len(y)]
			for i := range y {
				y[i] = a[i] * b[i]
			}
		}
	case Div:
		return func(y, a, b []E) {
			a, b = a[:len(y)], b[:len(y)]
			for i := range y {
				y[i] = a[i] / b[i]
			}
		}
	case Pow:
		return func(y, a, b []E) {
			for i := range y {
				y[i] = E(math.Pow(float64(a[i]), float64(b[i])))
			}
		}
	case Max:
		return func(y, a, b []E) {
			for i := range y {
				y[i] = max(a[i], b[i])
			}
		}
	default: // Min
		return func(y, a, b []E) {
			for i := range y {
				y[i] = min(a[i], b[i])
			}
		}
	}
}

// comparison is Less or Equal for rows of equal length.
func comparison[E element](op Op) func(y []int64, a, b []E) {
	if op == Less {
		return func(y []int64, a, b []E) {
			for i := range y {
				y[i] = truth(a[i] < b[i])
			}
		}
	}
	return func(y []int64, a, b []E) {
		for i := range y {
			y[i] = truth(a[i] == b[i])
		}
	}
}

// truth is a Bool value's element.
func truth(holds bool) int64 {
	if holds {
		return 1
	}
	return 0
}

// binaryKernel combines two arguments.
func binaryKernel[T float](c *crew[T], y *array[T], args []*array[T]) kernel[T] {
	s, op := newSpread(y.shape, args[0].shape, args[1].shape), y.value.Op
	if y.value.Type == onnx.Float32 {
		run := combine[T, T](c, s, binary[T](op))
		return func(y *array[T], args []*array[T]) error {
			run(y.floats, args[0].floats, args[1].floats)
			return nil
		}
	}
	run := combine[T, int64](c, s, binary[int64](op))
	return func(y *array[T], args []*array[T]) error {
		if op == Div && slices.Contains(args[1].ints, 0) {
			return errors.New("an integer is divided by zero")
		}
		run(y.ints, args[0].ints, args[1].ints)
		return nil
	}
}

// comparisonKernel compares two arguments.
func comparisonKernel[T float](c *crew[T], y *array[T], args []*array[T]) kernel[T] {
	s, op := newSpread(y.shape, args[0].shape, args[1].shape), y.value.Op
	if args[0].value.Type == onnx.Float32 {
		run := combine[T](c, s, comparison[T](op))
		return func(y *array[T], args []*array[T]) error {
			run(y.ints, args[0].floats, args[1].floats)
			return nil
		}
	}
	run := combine[T](c, s, comparison[int64](op))
	return func(y *array[T], args []*array[T]) error {
		run(y.ints, args[0].ints, args[1].ints)
		return nil
	}
}

// combine makes a function of whole arrays of one of rows.
func combine[T float, E, R element](c *crew[T], s *spread, f func(y []R, a, b []E)) func(y []R, a, b []E) {
	p, q := newOperand[E](c, s, 0), newOperand[E](c, s, 1)
	return func(y []R, a, b []E) {
		c.do(s.units, s.count, func(worker, from, to int) {
			for u := from; u < to; u++ {
				at, n := s.unit(u)
				f(y[at:at+n], p.row(worker, a, u, n), q.row(worker, b, u, n))
			}
		})
	}
}

// whereKernel chooses between two arguments.
func whereKernel[T float](c *crew[T], y *array[T], args []*array[T]) kernel[T] {
	s := newSpread(y.shape, args[0].shape, args[1].shape, args[2].shape)
	if y.value.Type == onnx.Float32 {
		run := choose[T, T](c, s)
		return func(y *array[T], args []*array[T]) error {
			run(y.floats, args[0].ints, args[1].floats, args[2].floats)
			return nil
		}
	}
	run := choose[T, int64](c, s)
	return func(y *array[T], args []*array[T]) error {
		run(y.ints, args[0].ints, args[1].ints, args[2].ints)
		return nil
	}
}

// choose takes elements of a where the condition is not 0, else of b.
func choose[T float, E element](c *crew[T], s *spread) func(y []E, condition []int64, a, b []E) {
	o, p, q := newOperand[int64](c, s, 0), newOperand[E](c, s, 1), newOperand[E](c, s, 2)
	return func(y []E, condition []int64, a, b []E) {
		c.do(s.units, s.count, func(worker, from, to int) {
			for u := from; u < to; u++ {
				at, n := s.unit(u)
				first, second := p.row(worker, a, u, n), q.row(worker, b, u, n)
				for i, holds := range o.row(worker, condition, u, n) {
					if holds != 0 {
						y[at+i] = first[i]
					} else {
						y[at+i] = second[i]
					}
				}
			}
		})
	}
}

// castKernel changes the type: a float to an integer is cut towards zero, to Bool tells whether it is not 0.
func castKernel[T float](y *array[T]) kernel[T] {
	if y.value.Type == onnx.Bool {
		return func(y *array[T], args []*array[T]) error {
			for i, e := range args[0].floats {
				y.ints[i] = truth(e != 0)
			}
			for i, e := range args[0].ints {
				y.ints[i] = truth(e != 0)
			}
			return nil
		}
	}
	return func(y *array[T], args []*array[T]) error { // one of each pair is empty
		x := args[0]
		copy(y.floats, x.floats)
		copy(y.ints, x.ints)
		if len(y.floats) != len(x.floats) {
			convert(y.floats, x.ints)
			convert(y.ints, x.floats)
		}
		return nil
	}
}

func convert[A, B element](dst []A, src []B) {
	for i, v := range src {
		dst[i] = A(v)
	}
}
