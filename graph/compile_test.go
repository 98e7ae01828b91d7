package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

func openRuntime(t testing.TB) *onnx.Runtime {
	t.Helper()
	library, err := onnx.Find("")
	if err != nil {
		library, err = onnx.Install(t.Context(), onnx.InstallOptions{})
	}
	require.NoError(t, err)
	rt, err := onnx.Open(library)
	require.NoError(t, err)
	return rt
}

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
	rt := openRuntime(t)
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
	rt := openRuntime(t)
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
