package graph

import (
	"fmt"

	"odeon/onnx"
)

// A float is what a Float32 value's elements are computed in.
type float interface{ float32 | float64 }

// An element is one of any value's.
type element interface{ float32 | float64 | int64 }

// newKernel is the kernel of a value for the shapes of its arguments.
func newKernel[T float](c *crew[T], y *array[T], args []*array[T]) kernel[T] {
	switch v := y.value; v.Op {
	case Neg, Exp, Log, Sqrt, Reciprocal, Sin, Cos, Tanh, Sigmoid, Erf, Abs, Sign, Floor, Not:
		return unaryKernel(c, y)
	case Add, Sub, Mul, Div, Pow, Max, Min:
		return binaryKernel(c, y, args)
	case Less, Equal:
		return comparisonKernel(c, y, args)
	case Where:
		return whereKernel(c, y, args)
	case Cast:
		return castKernel(y)
	case MatMul:
		return matMulKernel(c, y, args)
	case Transpose, Expand, Slice:
		return viewKernel(c, y, args[0])
	case Reshape:
		return func(y *array[T], args []*array[T]) error {
			y.floats, y.ints = args[0].floats, args[0].ints
			return nil
		}
	case Sum, ReduceMax:
		return reduceKernel(c, y, args[0])
	case Concat, Pad:
		return placeKernel(y, args)
	case Gather:
		return gatherKernel(y, args)
	case Scatter:
		return scatterKernel(y, args)
	case Conv:
		return convKernel(c, y, args)
	case ConvInput:
		return convInputKernel(c, y, args)
	case ConvWeight:
		return convWeightKernel(c, y, args)
	case Softmax, Normalize, InverseStd:
		return rowKernel(c, y, args[0])
	default:
		panic(fmt.Sprintf("graph: operator %v has no kernel", v.Op))
	}
}

// both makes a kernel of what is the same for floats and integers.
func both[T float](t onnx.DType, floats func(y []T, args [][]T), ints func(y []int64, args [][]int64), n int) kernel[T] {
	if t == onnx.Float32 {
		list := make([][]T, n)
		return func(y *array[T], args []*array[T]) error {
			for i := range list {
				list[i] = args[i].floats
			}
			floats(y.floats, list)
			clear(list)
			return nil
		}
	}
	list := make([][]int64, n)
	return func(y *array[T], args []*array[T]) error {
		for i := range list {
			list[i] = args[i].ints
		}
		ints(y.ints, list)
		clear(list)
		return nil
	}
}
