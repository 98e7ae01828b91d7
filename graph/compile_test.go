package graph

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/onnx"
)

// fill makes arrays for inputs: numbers between -1 and 1, or 0.5 and 1.5 for those named positive; integers from 0 to 2; flags.
func fill(values []*Value, batch int) []*Array {
	random := rand.New(rand.NewPCG(1, 2))
	arrays := make([]*Array, len(values))
	for i, v := range values {
		a := NewArray(v, batch)
		for k := range a.Floats {
			if a.Floats[k] = random.Float32(); strings.HasPrefix(v.Name, "positive") {
				a.Floats[k] += 0.5
			} else {
				a.Floats[k] = 2*a.Floats[k] - 1
			}
		}
		for k := range a.Ints {
			if a.Ints[k] = random.Int64N(3); v.Type == onnx.Bool {
				a.Ints[k] %= 2
			}
		}
		arrays[i] = a
	}
	return arrays
}

// exact computes the graph's outputs in float64.
func exact(t *testing.T, g *Graph, batch int, inputs []*Array) [][]float64 {
	t.Helper()
	floats, ints := map[*Value][]float64{}, map[*Value][]int64{}
	for i, v := range slices.Concat(g.Inputs, g.Parameters) {
		for _, x := range inputs[i].Floats {
			floats[v] = append(floats[v], float64(x))
		}
		ints[v] = inputs[i].Ints
	}
	var want []*Value
	for _, o := range g.Outputs {
		v := o.Value
		if !v.Type.IsFloat() {
			v = g.Cast(v, onnx.Float32)
		}
		want = append(want, v)
	}
	return Evaluate(g, batch, floats, ints, want...)
}

// near compares what was computed in float32; sums of some hundred numbers of size 1 are off by some 1e-5.
func near(t *testing.T, want []float64, got *Array) {
	t.Helper()
	require.Len(t, want, len(got.Floats)+len(got.Ints))
	for i, w := range want {
		if got.Ints != nil {
			require.EqualValues(t, w, got.Ints[i], "element %d of %v", i, got.Shape)
		} else {
			require.InDelta(t, w, got.Floats[i], 2e-5*(1+math.Abs(w)), "element %d of %v", i, got.Shape)
		}
	}
}

func TestTheRuntimeComputesEveryOperatorAsTheDefinitionDoes(t *testing.T) {
	rt := ortest.Open(t)
	seen := map[Op]bool{}
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			g := New()
			g.Output("y", s.build(g))
			for _, v := range g.Values {
				seen[v.Op] = true
			}
			const batch = 3
			e, err := Compile(rt, g, batch, onnx.SessionOptions{Provider: "cpu", Threads: 1})
			require.NoError(t, err)
			defer e.Close()
			inputs := fill(g.Inputs, batch)
			y := NewArray(g.Outputs[0].Value, batch)
			require.NoError(t, e.Run(t.Context(), []*Array{y}, inputs))
			near(t, exact(t, g, batch, inputs)[0], y)
		})
	}
	for op := Input; op < operatorsCount; op++ {
		require.True(t, seen[op] || op == Parameter, "no sample of %v", op)
	}
}

func TestTheRuntimeComputesBlockedConvolutionsAsTheDefinitionDoes(t *testing.T) {
	rt := ortest.Open(t)
	for _, c := range windows {
		for _, channels := range [][2]int{{16, 32}, {32, 3}, {3, 16}} {
			for _, batch := range []int{3, 16, 32} {
				if c.attrs.Groups > 1 || len(c.x) > 4 {
					continue
				}
				t.Run(fmt.Sprintf("%s from %d to %d, batch %d", c.name, channels[0], channels[1], batch), func(t *testing.T) {
					xs, ws := slices.Clone(c.x), slices.Clone(c.w)
					xs[1], ws[0], ws[1] = channels[0], channels[1], channels[0]
					g := New()
					x, w := in(g, xs...), in(g, ws...)
					y := g.Conv(x, w, c.attrs)
					dy := in(g, y.Shape...)
					g.Output("y", y)
					g.Output("dx", g.ConvInput(dy, w, c.attrs, xs))
					g.Output("dw", g.ConvWeight(x, dy, c.attrs, ws))
					e, err := Compile(rt, g, batch, onnx.SessionOptions{Provider: "cpu", Threads: 1})
					require.NoError(t, err)
					defer e.Close()
					inputs := fill(g.Inputs, batch)
					var outputs []*Array
					for _, o := range g.Outputs {
						outputs = append(outputs, NewArray(o.Value, batch))
					}
					require.NoError(t, e.Run(t.Context(), outputs, inputs))
					for i, want := range exact(t, g, batch, inputs) {
						near(t, want, outputs[i])
					}
				})
			}
		}
	}
}

// What the passes over memory are saved by; the numbers are nodes by operator.
func TestCompiledGraphsUseWhatTheRuntimeIsFastWith(t *testing.T) {
	window := ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}
	for _, c := range []struct {
		name  string
		build func(g *Graph) *Value
		want  map[string]int
	}{
		{"a convolution and its gradients in blocks", func(g *Graph) *Value {
			x, w := in(g, b, 16, 6, 6), in(g, 32, 16, 3, 3)
			y := g.Conv(x, w, window)
			d := Gradient(g, g.Sum(g.Mul(y, g.Sin(y)), false, 0, 1, 2, 3), x, w)
			g.Output("dx", d[0])
			return d[1]
		}, map[string]int{"com.microsoft.nchwc:Conv": 3, "Conv": 0}},
		{"SiLU in one pass", func(g *Graph) *Value {
			x := in(g, b, 3)
			return g.Mul(x, g.Sigmoid(x))
		}, map[string]int{"com.microsoft:QuickGelu": 1, "Sigmoid": 0, "Mul": 0}},
		{"bias in the product", func(g *Graph) *Value { return g.Add(g.MatMul(in(g, b, 3), in(g, 3, 4)), in(g, 4)) },
			map[string]int{"Gemm": 1, "Add": 0}},
		{"scale and shift in one pass", func(g *Graph) *Value {
			return g.Add(g.Mul(in(g, b, 3, 5, 5), in(g, b, 3, 1, 1)), in(g, b, 3, 1, 1))
		}, map[string]int{"BatchNormalization": 1, "Mul": 0, "Add": 0}},
		{"products that are added up", func(g *Graph) *Value { return g.Sum(g.Mul(in(g, b, 300), in(g, b, 300)), false, 1) },
			map[string]int{"com.microsoft:FusedMatMul": 1, "Mul": 0, "ReduceSum": 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := New()
			g.Output("y", c.build(g))
			w, err := compile(g, 16, target{fused: true, block: 16})
			require.NoError(t, err)
			file, err := w.out.Bytes()
			require.NoError(t, err)
			info, err := onnx.ReadInfoBytes(file, "test")
			require.NoError(t, err)
			for op, n := range c.want {
				require.Equal(t, n, info.Operators[op], "%s of %v", op, info.Operators)
			}
		})
	}
}

func TestARunEndsWithItsContext(t *testing.T) {
	rt := ortest.Open(t)
	g := New()
	x := in(g, 512, 512)
	y := x
	for range 200 {
		y = g.Tanh(g.MatMul(y, x))
	}
	g.Output("y", y)
	e, err := Compile(rt, g, 1, onnx.SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	inputs, outputs := fill(g.Inputs, 1), []*Array{NewArray(y, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	require.ErrorIs(t, e.Run(ctx, outputs, inputs), context.Canceled)
	require.NoError(t, e.Run(t.Context(), outputs, inputs), "the executor lives on")
}

func TestStatesChangePlaces(t *testing.T) {
	rt := ortest.Open(t)
	g := New()
	x := g.Parameter("x", Shape{3})
	g.Output("y", g.Add(g.Add(x, x), g.Input("step", onnx.Float32, Shape{})))
	e, err := Compile(rt, g, 1, onnx.SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	now, next := NewArray(x, 1), NewArray(x, 1)
	step := &Array{Shape: []int{}, Floats: []float32{1}}
	for range 5 { // x becomes 2 x + 1
		require.NoError(t, e.Run(t.Context(), []*Array{next}, []*Array{step, now}))
		now, next = next, now
	}
	require.Equal(t, []float32{31, 31, 31}, now.Floats)
	step.Floats[0] = 2
	next.Floats = make([]float32, 3) // an array may get other memory
	require.NoError(t, e.Run(t.Context(), []*Array{next}, []*Array{step, now}))
	require.Equal(t, []float32{64, 64, 64}, next.Floats)
	require.Len(t, e.(*compiled).tensors, 3)

	for range 100 { // arrays that are not seen again are let go
		require.NoError(t, e.Run(t.Context(), []*Array{NewArray(x, 1)}, []*Array{step, now}))
	}
	require.Less(t, len(e.(*compiled).tensors), 40)

	wrong := &Array{Shape: []int{4}, Floats: make([]float32, 4)}
	require.EqualError(t, e.Run(t.Context(), []*Array{next}, []*Array{step, wrong}), `graph: "x" is given an array of shape [4], [3] is expected`)
	require.EqualError(t, e.Run(t.Context(), nil, []*Array{step, now}), "graph: run with 2 inputs and 0 outputs, the graph has 2 and 1")
}
