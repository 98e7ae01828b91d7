package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// A definition is an operator's result written down element by element: y at the coordinates given.
type definition func(at []int) float64

// A plainArray is read by coordinates.
type plainArray struct {
	shape  []int
	floats []float64
}

func newPlain(rnd *rand.Rand, shape ...int) plainArray {
	a := plainArray{shape, make([]float64, sizeOf(shape))}
	for i := range a.floats {
		a.floats[i] = rnd.NormFloat64()
	}
	return a
}

// at is an element; an array that is broadcast lacks the first coordinates and stands still along axes of size 1.
func (a plainArray) at(coordinates ...int) float64 {
	i := 0
	for axis, n := range a.shape {
		c := coordinates[len(coordinates)-len(a.shape)+axis]
		if n == 1 {
			c = 0
		}
		i = i*n + c
	}
	return a.floats[i]
}

// coordinates are those of element i.
func coordinates(i int, shape []int) []int {
	at := make([]int, len(shape))
	for axis, n := range slices.Backward(shape) {
		at[axis] = i % n
		i /= n
	}
	return at
}

// agrees holds what is made of some arrays against its definition: in float64 within rounding of the sums, which the
// definition may make in another order, and in float32 within 1e-4 of the greatest element.
func agrees(t *testing.T, build func(g *Graph, x []*Value) *Value, define definition, args ...plainArray) {
	t.Helper()
	g := New()
	wide, narrow := make(map[*Value][]float64), make(map[*Value][]float32)
	var list []*Value
	for i, a := range args {
		x := g.Input(fmt.Sprint("x", i), onnx.Float32, a.shape)
		wide[x], narrow[x] = a.floats, make([]float32, len(a.floats))
		convert(narrow[x], a.floats)
		list = append(list, x)
	}
	y := build(g, list)
	got, rounded := Evaluate(g, 1, wide, nil, y)[0], Evaluate(g, 1, narrow, nil, y)[0]
	require.Len(t, got, y.Shape.Count(1))
	top := 1.0
	for _, e := range got {
		top = max(top, math.Abs(e))
	}
	for i, e := range got {
		want := define(coordinates(i, y.Shape))
		if !(math.Abs(e-want) <= 1e-12*top) || !(math.Abs(float64(rounded[i])-want) <= 1e-4*top) {
			t.Fatalf("element %v is %.15g in float64 and %g in float32, want %.15g", coordinates(i, y.Shape), e, rounded[i], want)
		}
	}
}

func testNumbers() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }

func TestOperatorsOfOneArgument(t *testing.T) {
	x := newPlain(testNumbers(), 40, 1000) // enough for two workers
	for i := range x.floats {
		x.floats[i] = math.Abs(x.floats[i]) + 0.1
	}
	for op, f := range map[Op]func(float64) float64{
		Neg: func(x float64) float64 { return -x }, Exp: math.Exp, Log: math.Log, Sqrt: math.Sqrt,
		Reciprocal: func(x float64) float64 { return 1 / x }, Sin: math.Sin, Cos: math.Cos, Tanh: math.Tanh, Erf: math.Erf,
		Sigmoid: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, Abs: math.Abs, Floor: math.Floor,
		Sign: func(x float64) float64 { return 1 },
	} {
		agrees(t, func(g *Graph, x []*Value) *Value { return g.apply(op, Attrs{}, x[0]) },
			func(at []int) float64 { return f(x.at(at...)) }, x)
	}
	ends := plainArray{[]int{7}, []float64{-1000, -1, math.Copysign(0, -1), 0, 1, 1000, 0.5}}
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Sigmoid(x[0]) },
		func(at []int) float64 {
			return []float64{0, 0.2689414213699951, 0.5, 0.5, 0.7310585786300049, 1, 0.6224593312018546}[at[0]]
		}, ends)
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Sign(x[0]) },
		func(at []int) float64 { return []float64{-1, -1, 0, 0, 1, 1, 1}[at[0]] }, ends)
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Floor(g.Mul(x[0], g.Scalar(1.5))) },
		func(at []int) float64 { return []float64{-1500, -2, 0, 0, 1, 1500, 0}[at[0]] }, ends)
}

func TestOperatorsOfTwoArgumentsBroadcast(t *testing.T) {
	rnd := testNumbers()
	for _, shapes := range [][2][]int{
		{{}, {}},
		{{7}, {7}},
		{{3, 5}, {}},
		{{}, {3, 5}},
		{{4, 1, 3}, {2, 1}},
		{{2, 3, 1, 5}, {3, 4, 1}},
		{{1, 6}, {5, 1}},
		{{1, 1}, {1}},
		{{4, 2500}, {2500}}, // rows longer than a chunk
		{{4, 2500}, {4, 1}},
		{{30, 40, 50}, {40, 1}}, // enough for two workers
		{{0, 3}, {3}},
	} {
		a, b := newPlain(rnd, shapes[0]...), newPlain(rnd, shapes[1]...)
		for i := range a.floats {
			a.floats[i] = math.Abs(a.floats[i]) // powers of negative numbers are none
		}
		truth := func(holds bool) float64 { return map[bool]float64{true: 1}[holds] }
		for op, f := range map[Op]func(a, b float64) float64{
			Add: func(a, b float64) float64 { return a + b }, Sub: func(a, b float64) float64 { return a - b },
			Mul: func(a, b float64) float64 { return a * b }, Div: func(a, b float64) float64 { return a / b },
			Pow: math.Pow, Max: func(a, b float64) float64 { return max(a, b) }, Min: func(a, b float64) float64 { return min(a, b) },
		} {
			agrees(t, func(g *Graph, x []*Value) *Value { return g.apply(op, Attrs{}, x[0], x[1]) },
				func(at []int) float64 { return f(a.at(at...), b.at(at...)) }, a, b)
		}
		agrees(t, func(g *Graph, x []*Value) *Value { return g.Cast(g.Less(x[0], x[1]), onnx.Float32) },
			func(at []int) float64 { return truth(a.at(at...) < b.at(at...)) }, a, b)
		agrees(t, func(g *Graph, x []*Value) *Value { return g.Cast(g.Not(g.Equal(x[0], x[1])), onnx.Float32) },
			func(at []int) float64 { return truth(a.at(at...) != b.at(at...)) }, a, b)
		c := newPlain(rnd, shapes[1]...)
		agrees(t, func(g *Graph, x []*Value) *Value { return g.Where(g.Less(x[2], g.Scalar(0)), x[0], x[1]) },
			func(at []int) float64 {
				if c.at(at...) < 0 {
					return a.at(at...)
				}
				return b.at(at...)
			}, a, b, c)
	}
}

func TestIntegersAndTruthValues(t *testing.T) {
	g := New()
	n := g.Input("n", onnx.Int64, Shape{Batch, 2})
	two := g.Integers([]int64{2}, Shape{})
	less := g.Less(n, two)
	given := map[*Value][]int64{n: {-5, 1 << 40, 2, 1}}
	for _, c := range []struct {
		v    *Value
		want []float64
	}{
		{g.Add(n, two), []float64{-3, 1<<40 + 2, 4, 3}},
		{g.Sub(two, n), []float64{7, 2 - 1<<40, 0, 1}},
		{g.Mul(n, n), []float64{25, 0, 4, 1}}, // 2^80 mod 2^64
		{g.Div(n, two), []float64{-2, 1 << 39, 1, 0}},
		{g.Max(n, two), []float64{2, 1 << 40, 2, 2}},
		{g.Neg(n), []float64{5, -1 << 40, -2, -1}},
		{g.Abs(n), []float64{5, 1 << 40, 2, 1}},
		{less, []float64{1, 0, 0, 1}},
		{g.Equal(n, two), []float64{0, 0, 1, 0}},
		{g.Not(less), []float64{0, 1, 1, 0}},
		{g.Where(less, n, two), []float64{-5, 2, 2, 1}},
		{g.Cast(less, onnx.Int64), []float64{1, 0, 0, 1}},
		{g.Cast(g.Sub(n, two), onnx.Bool), []float64{1, 1, 0, 1}},
		{g.Cast(n, onnx.Float32), []float64{-5, 1 << 40, 2, 1}},
		{g.Cast(g.Constant([]float64{-1.7, 1.7, 0.2, -0.2}, Shape{4}), onnx.Int64), []float64{-1, 1, 0, 0}},
		{g.Cast(g.Constant([]float64{-1.7, 0, 0.2}, Shape{3}), onnx.Bool), []float64{1, 0, 1}},
		{g.Transpose(n, 1, 0), []float64{-5, 2, 1 << 40, 1}},
		{g.Reshape(n, -2), []float64{-5, 1 << 40, 2, 1}},
		{g.Expand(two, Batch, 1), []float64{2, 2}},
		{g.Sum(g.Slice(n, 1, 0, 1, 1), false, 0, 1), []float64{-3}},
		{g.ReduceMax(n, true, 1), []float64{1 << 40, 2}},
		{g.Concat(1, n, n), []float64{-5, 1 << 40, -5, 1 << 40, 2, 1, 2, 1}},
		{g.Pad(n, 1, 1, 0), []float64{0, -5, 1 << 40, 0, 2, 1}},
		{g.Gather(n, g.Integers([]int64{1, 0, 1}, Shape{3}), 1), []float64{1 << 40, -5, 1 << 40, 1, 2, 1}},
		{g.Scatter(n, g.Integers([]int64{1, 1}, Shape{2}), 1, Shape{Batch, 3}), []float64{0, 1<<40 - 5, 0, 0, 3, 0}},
	} {
		require.Equal(t, [][]float64{c.want}, Evaluate[float64](g, 2, nil, given, c.v), "%v", c.v.Op)
	}
}

func TestMatMul(t *testing.T) {
	rnd := testNumbers()
	for _, c := range []struct {
		lead, a, b []int
		m, k, n    int
	}{
		{nil, nil, nil, 2, 3, 4},
		{nil, nil, nil, 1, 1, 1},
		{nil, nil, nil, 130, 20, 70}, // blocks of gonum's, some of them shared among workers
		{nil, nil, nil, 130, 8, 260},
		{nil, nil, nil, 3, 0, 2}, // a sum of nothing
		{[]int{5}, []int{5}, nil, 3, 4, 2},
		{[]int{5}, []int{5}, []int{1}, 3, 4, 2},
		{[]int{5}, nil, []int{5}, 3, 4, 2},
		{[]int{2, 3}, []int{2, 3}, []int{2, 3}, 20, 30, 40},
		{[]int{2, 3}, []int{2, 1}, []int{3}, 4, 5, 6},
	} {
		for _, ta := range []bool{false, true} {
			for _, tb := range []bool{false, true} {
				matrix := func(lead []int, m, n int, transposed bool) plainArray {
					if transposed {
						m, n = n, m
					}
					return newPlain(rnd, slices.Concat(lead, []int{m, n})...)
				}
				a, b := matrix(c.a, c.m, c.k, ta), matrix(c.b, c.k, c.n, tb)
				agrees(t, func(g *Graph, x []*Value) *Value { return g.MatMulT(x[0], x[1], ta, tb) }, func(at []int) (y float64) {
					lead, i, j := at[:len(c.lead)], at[len(c.lead)], at[len(c.lead)+1]
					read := func(x plainArray, i, j int, transposed bool) float64 {
						if transposed {
							i, j = j, i
						}
						return x.at(slices.Concat(lead, []int{i, j})...)
					}
					for l := range c.k {
						y += read(a, i, l, ta) * read(b, l, j, tb)
					}
					return y
				}, a, b)
			}
		}
	}
}

func TestWhatMovesElements(t *testing.T) {
	rnd := testNumbers()
	for _, perm := range [][]int{{0}, {1, 0}, {0, 2, 1}, {2, 0, 1}, {2, 1, 0}, {0, 2, 1, 3}, {3, 1, 0, 2}} {
		for range 3 {
			shape := make([]int, len(perm))
			for i := range shape {
				shape[i] = 1 + rnd.IntN(40)
			}
			x := newPlain(rnd, shape...)
			agrees(t, func(g *Graph, x []*Value) *Value { return g.Transpose(x[0], perm...) }, func(at []int) float64 {
				from := make([]int, len(at))
				for i, p := range perm {
					from[p] = at[i]
				}
				return x.at(from...)
			}, x)
		}
	}
	for _, s := range [][2][]int{{{}, {3}}, {{1}, {1, 1}}, {{3, 1}, {2, 3, 4}}, {{2, 1, 3, 1}, {2, 5, 3, 2}}, {{1, 2000}, {3, 2000}}} {
		x := newPlain(rnd, s[0]...)
		agrees(t, func(g *Graph, x []*Value) *Value { return g.Expand(x[0], s[1]...) }, func(at []int) float64 { return x.at(at...) }, x)
	}
	x, y := newPlain(rnd, 3, 7, 2), newPlain(rnd, 3, 2, 2)
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Reshape(x[0], 2, 21) },
		func(at []int) float64 { return x.floats[at[0]*21+at[1]] }, x)
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Slice(x[0], 1, 1, 6, 2) },
		func(at []int) float64 { return x.at(at[0], 1+2*at[1], at[2]) }, x)
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Slice(x[0], 2, 1, 2, 1) },
		func(at []int) float64 { return x.at(at[0], at[1], 1) }, x)
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Pad(x[0], 1, 2, 1) }, func(at []int) float64 {
		if at[1] < 2 || at[1] >= 9 {
			return 0
		}
		return x.at(at[0], at[1]-2, at[2])
	}, x)
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Concat(1, x[0], x[1], x[0]) }, func(at []int) float64 {
		switch i := at[1]; {
		case i < 7:
			return x.at(at...)
		case i < 9:
			return y.at(at[0], i-7, at[2])
		default:
			return x.at(at[0], i-9, at[2])
		}
	}, x, y)
	indices := []int64{6, 0, 6, 3}
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Gather(x[0], g.Integers(indices, Shape{2, 2}), 1) },
		func(at []int) float64 { return x.at(at[0], int(indices[at[1]*2+at[2]]), at[3]) }, x)
	rows := newPlain(rnd, 3, 2, 2, 5)
	agrees(t, func(g *Graph, x []*Value) *Value {
		return g.Scatter(x[0], g.Integers(indices, Shape{2, 2}), 1, Shape{3, 7, 5})
	}, func(at []int) (sum float64) {
		for i, k := range indices {
			if at[1] == int(k) {
				sum += rows.at(at[0], i/2, i%2, at[2])
			}
		}
		return sum
	}, rows)
}

func TestReductions(t *testing.T) {
	rnd := testNumbers()
	for _, shape := range [][]int{{3}, {1}, {4, 5}, {3, 1, 4}, {2, 3, 4, 5}, {70, 3, 900}, {3, 2100}, {2100, 3}, {0, 3}} {
		x := newPlain(rnd, shape...)
		for subset := range 1 << len(shape) {
			var axes []int
			for axis := range shape {
				if subset>>axis&1 == 1 {
					axes = append(axes, axis)
				}
			}
			kept := slices.Clone(shape)
			for _, axis := range axes {
				kept[axis] = 1
			}
			sums, tops := plainArray{kept, make([]float64, sizeOf(kept))}, plainArray{kept, make([]float64, sizeOf(kept))}
			for i := range tops.floats {
				tops.floats[i] = math.Inf(-1)
			}
			for i, e := range x.floats {
				at := coordinates(i, shape)
				for _, axis := range axes {
					at[axis] = 0
				}
				k := 0
				for axis, n := range kept {
					k = k*n + at[axis]
				}
				sums.floats[k] += e
				tops.floats[k] = max(tops.floats[k], e)
			}
			// The definition's own sum of many numbers is off by more than its last digit.
			near := func(t plainArray, scale float64) definition {
				return func(at []int) float64 { return t.at(at...) * scale }
			}
			scale := 1 / float64(max(1, len(x.floats)))
			agrees(t, func(g *Graph, x []*Value) *Value { return g.Mul(g.Sum(x[0], true, axes...), g.Scalar(scale)) }, near(sums, scale), x)
			agrees(t, func(g *Graph, x []*Value) *Value {
				return g.Reshape(g.Sum(x[0], false, axes...), kept...)
			}, near(sums, 1), x)
			if len(x.floats) > 0 {
				agrees(t, func(g *Graph, x []*Value) *Value { return g.ReduceMax(x[0], true, axes...) }, near(tops, 1), x)
			}
		}
	}
}

// A sum in float32 of a million numbers, one after the other, would be off by some thousandths.
func TestSumsOfFloat32AreExactButForOneRounding(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{1 << 20, 1})
	tenths := slices.Repeat([]float32{0.1}, 1<<20)
	for _, y := range []*Value{g.Sum(x, false, 0, 1), g.Sum(g.Expand(x, 1<<20, 2), false, 0)} {
		for _, e := range Evaluate(g, 1, map[*Value][]float32{x: tenths}, nil, y)[0] {
			require.Equal(t, float32(float64(float32(0.1))*(1<<20)), e)
		}
	}
}

func TestConvolutions(t *testing.T) {
	rnd := testNumbers()
	for _, c := range gradientConvolutions {
		x, w, y := newPlain(rnd, c.x.For(5)...), newPlain(rnd, c.w...), newPlain(rnd, c.y().For(5)...)
		// product visits every product of an element of x and a weight that a convolution adds to an element of y.
		product := func(visit func(y, x, w []int)) {
			axes := len(c.attrs.Stride)
			for i := range y.floats {
				out := coordinates(i, y.shape)
				for k := range sizeOf(w.shape[1:]) {
					from := coordinates(k, w.shape[1:])
					in := []int{out[0], out[1]/(w.shape[0]/c.attrs.Groups)*w.shape[1] + from[0]}
					for a := range axes {
						in = append(in, out[2+a]*c.attrs.Stride[a]-c.attrs.Before[a]+from[1+a]*c.attrs.Dilation[a])
					}
					inside := true
					for a, at := range in {
						inside = inside && at >= 0 && at < x.shape[a]
					}
					if inside {
						visit(out, in, append([]int{out[1]}, from...))
					}
				}
			}
		}
		number := func(shape, at []int) (i int) {
			for axis, n := range shape {
				i = i*n + at[axis]
			}
			return i
		}
		conv, input, weight := make([]float64, len(y.floats)), make([]float64, len(x.floats)), make([]float64, len(w.floats))
		product(func(i, j, k []int) {
			conv[number(y.shape, i)] += x.at(j...) * w.at(k...)
			input[number(x.shape, j)] += y.at(i...) * w.at(k...)
			weight[number(w.shape, k)] += y.at(i...) * x.at(j...)
		})
		read := func(shape []int, list []float64) definition {
			return func(at []int) float64 { return plainArray{shape, list}.at(at...) }
		}
		agrees(t, func(g *Graph, v []*Value) *Value { return g.Conv(v[0], v[1], c.attrs) }, read(y.shape, conv), x, w)
		agrees(t, func(g *Graph, v []*Value) *Value { return g.ConvInput(v[0], v[1], c.attrs, x.shape) }, read(x.shape, input), y, w)
		agrees(t, func(g *Graph, v []*Value) *Value { return g.ConvWeight(v[0], v[1], c.attrs, w.shape) }, read(w.shape, weight), x, y)
	}
}

func TestOperatorsOfRows(t *testing.T) {
	rnd := testNumbers()
	for _, shape := range [][]int{{5}, {1}, {4, 1}, {3, 4, 6}, {300, 200}} {
		x := newPlain(rnd, shape...)
		n := shape[len(shape)-1]
		row := func(at []int) []float64 {
			i := 0
			for axis, k := range shape[:len(shape)-1] {
				i = i*k + at[axis]
			}
			return x.floats[i*n : (i+1)*n]
		}
		moments := func(at []int) (mean, variance float64) {
			for _, e := range row(at) {
				mean += e / float64(n)
			}
			for _, e := range row(at) {
				variance += (e - mean) * (e - mean) / float64(n)
			}
			return mean, variance
		}
		agrees(t, func(g *Graph, x []*Value) *Value { return g.Softmax(x[0]) }, func(at []int) float64 {
			total := 0.0
			for _, e := range row(at) {
				total += math.Exp(e)
			}
			return math.Exp(x.at(at...)) / total
		}, x)
		agrees(t, func(g *Graph, x []*Value) *Value { return g.Normalize(x[0], 1e-2) }, func(at []int) float64 {
			mean, variance := moments(at)
			return (x.at(at...) - mean) / math.Sqrt(variance+1e-2)
		}, x)
		agrees(t, func(g *Graph, x []*Value) *Value { return g.InverseStd(x[0], 1e-2) }, func(at []int) float64 {
			_, variance := moments(at)
			return 1 / math.Sqrt(variance+1e-2)
		}, x)
	}
	agrees(t, func(g *Graph, x []*Value) *Value { return g.Softmax(x[0]) },
		func(at []int) float64 { return []float64{0, 0.5, 0.5}[at[0]] }, plainArray{[]int{3}, []float64{-2000, 3000, 3000}})
}
