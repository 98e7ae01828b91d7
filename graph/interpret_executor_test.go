package graph

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// arraysFor are an executor's arrays for a graph: inputs and parameters filled with normal numbers, or integers 0 and 1.
func arraysFor(g *Graph, batch int) (outputs, inputs []*Array) {
	rnd := testNumbers()
	for _, list := range [][]*Value{g.Inputs, g.Parameters} {
		for _, v := range list {
			a := NewArray(v, batch)
			for i := range a.Floats {
				a.Floats[i] = float32(rnd.NormFloat64())
			}
			for i := range a.Ints {
				a.Ints[i] = int64(rnd.IntN(2))
			}
			inputs = append(inputs, a)
		}
	}
	for _, o := range g.Outputs {
		outputs = append(outputs, NewArray(o.Value, batch))
	}
	return outputs, inputs
}

// trainingStep is the gradient of a small network with most kinds of layers.
func trainingStep(width int) *Graph {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{Batch, 2, 8, 8})
	label := g.Input("label", onnx.Int64, Shape{Batch})
	w := g.Parameter("w", Shape{width, 2, 3, 3})
	bias := g.Parameter("bias", Shape{width, 1, 1})
	table := g.Parameter("table", Shape{2, width})
	v := g.Parameter("v", Shape{width, width})
	h := g.Conv(x, w, ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1})
	h = g.Add(g.Add(h, bias), g.Reshape(g.Gather(table, label, 0), Batch, width, 1, 1))
	h = g.Transpose(g.Reshape(h, Batch, width, 64), 0, 2, 1)
	h = g.MatMul(g.Normalize(h, 1e-5), v)
	h = g.MatMul(g.Softmax(g.MatMulT(h, h, false, true)), g.Mul(h, g.Sigmoid(h)))
	loss := g.Sum(g.Mul(h, h), false, 0, 1, 2)
	g.Output("loss", loss)
	g.Output("h", h)
	for i, d := range Gradient(g, loss, g.Parameters...) {
		g.Output(g.Parameters[i].Name, d)
	}
	return g
}

func TestInterpretAgreesWithEvaluate(t *testing.T) {
	g := trainingStep(6)
	outputs, inputs := arraysFor(g, 4)
	e, err := Interpret(g, 4)
	require.NoError(t, err)
	defer e.Close()
	floats, ints := make(map[*Value][]float64), make(map[*Value][]int64)
	for i, v := range append(append([]*Value{}, g.Inputs...), g.Parameters...) {
		floats[v] = make([]float64, len(inputs[i].Floats))
		convert(floats[v], inputs[i].Floats)
		ints[v] = inputs[i].Ints
	}
	var want []*Value
	for _, o := range g.Outputs {
		want = append(want, o.Value)
	}
	exact := Evaluate(g, 4, floats, ints, want...)
	for range 2 { // the second run finds what the first has left in memory
		require.NoError(t, e.Run(t.Context(), outputs, inputs))
		for i, o := range g.Outputs {
			for k, x := range exact[i] {
				require.InDelta(t, x, outputs[i].Floats[k], 1e-4*(1+max(x, -x)), "%s %d", o.Name, k)
			}
		}
	}
}

// randomGraph is made of operators that share, overwrite and keep memory in every combination.
func randomGraph(rnd *rand.Rand) *Graph {
	g := New()
	values := []*Value{g.Input("x", onnx.Float32, Shape{2, 3}), g.Input("y", onnx.Float32, Shape{3, 2}), g.Parameter("p", Shape{6}),
		g.Constant([]float64{1, 2, 3}, Shape{3}), g.Scalar(2)}
	pick := func() *Value { return values[max(0, len(values)-1-rnd.IntN(8))] }
	for range 40 {
		x, y := pick(), pick()
		var v *Value
		switch n, _ := x.Shape.per(); rnd.IntN(8) {
		case 0:
			v = g.Tanh(x)
		case 1:
			if n == 6 {
				v = g.Reshape(x, [][]int{{2, 3}, {3, 2}, {6}, {1, 6}}[rnd.IntN(4)]...)
			}
		case 2:
			if len(x.Shape) == 2 {
				v = g.Transpose(x, 1, 0)
			}
		case 3:
			v = g.Mul(x, x)
		case 4:
			v = g.Cast(g.Less(x, g.Scalar(0.1)), onnx.Float32)
		case 5:
			if n > 1 {
				v = g.Sum(x, true, len(x.Shape)-1)
			}
		default:
			func() {
				defer func() { recover() }() // shapes that do not broadcast
				v = g.Sub(x, y)
			}()
		}
		if v != nil {
			values = append(values, v)
		}
	}
	for i := range 3 {
		g.Output(fmt.Sprint(i), pick())
	}
	return g
}

func TestSharedMemoryChangesNoResult(t *testing.T) {
	for seed := range uint64(300) {
		g := randomGraph(rand.New(rand.NewPCG(seed, 0)))
		outputs, inputs := arraysFor(g, 1)
		e, err := Interpret(g, 1)
		require.NoError(t, err)
		require.NoError(t, e.Run(t.Context(), outputs, inputs))
		given := make(map[*Value][]float32)
		for i, v := range append(append([]*Value{}, g.Inputs...), g.Parameters...) {
			given[v] = inputs[i].Floats
		}
		all := Evaluate(g, 1, given, nil, g.Values...) // every value has memory of its own
		for i, o := range g.Outputs {
			for k, v := range g.Values {
				if v == o.Value {
					require.Equal(t, all[k], outputs[i].Floats, "seed %d, output %d", seed, i)
				}
			}
		}
	}
}

func TestBlocksOverlapInMemoryOrInTimeNotInBoth(t *testing.T) {
	rnd := testNumbers()
	for range 100 {
		blocks := make([]*block[float32], 1+rnd.IntN(40))
		for i := range blocks {
			first := rnd.IntN(50)
			blocks[i] = &block[float32]{size: rnd.IntN(20), first: first, last: first + rnd.IntN(10)}
		}
		total := pack(blocks)
		for i, a := range blocks {
			require.LessOrEqual(t, a.offset+a.size, total)
			for _, b := range blocks[:i] {
				together := a.first <= b.last && b.first <= a.last
				meet := a.offset < b.offset+b.size && b.offset < a.offset+a.size && a.size > 0 && b.size > 0
				require.False(t, together && meet, "%+v and %+v", a, b)
			}
		}
	}
}

func TestMemoryOfAChainIsThatOfTwoArrays(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{Batch, 32})
	h := x
	for range 50 {
		h = g.Tanh(g.Softmax(h))
	}
	m, err := newMachine[float32](g, 4, []*Value{g.Sum(h, false, 0, 1)})
	require.NoError(t, err)
	places := make(map[*float32]bool)
	for _, s := range m.steps {
		if len(s.result.floats) > 1 {
			places[&s.result.floats[0]] = true
		}
	}
	require.Len(t, places, 2)
}

func TestASecondRunAllocatesNextToNothing(t *testing.T) {
	g := trainingStep(16)
	outputs, inputs := arraysFor(g, 16)
	e, err := Interpret(g, 16)
	require.NoError(t, err)
	run := func() { require.NoError(t, e.Run(context.Background(), outputs, inputs)) }
	run()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const runs = 5
	for range runs {
		run()
	}
	runtime.ReadMemStats(&after)
	// What is left is goroutines' closures, some hundred bytes for each large value; one array of the widest has 65 KB.
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)/runs, uint64(64<<10))
}

func TestTheNumberOfWorkersChangesNoBit(t *testing.T) {
	g := trainingStep(24)
	outputs, inputs := arraysFor(g, 16)
	var first []*Array
	for _, workers := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(workers)
		e, err := Interpret(g, 16)
		require.NoError(t, err)
		err = e.Run(t.Context(), outputs, inputs)
		runtime.GOMAXPROCS(old)
		require.NoError(t, err)
		if first == nil {
			first = outputs
			outputs, _ = arraysFor(g, 16)
			continue
		}
		for i := range outputs {
			require.Equal(t, first[i].Floats, outputs[i].Floats, "%d workers, output %s", workers, g.Outputs[i].Name)
		}
	}
}

// A countdown is a context that is done once it has been asked a number of times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestACancelledRunStopsBetweenValues(t *testing.T) {
	g := New()
	x := g.Input("x", onnx.Float32, Shape{2})
	g.Output("first", g.Exp(x))
	g.Output("second", g.Neg(g.Exp(x)))
	outputs, inputs := arraysFor(g, 1)
	e, err := Interpret(g, 1)
	require.NoError(t, err)
	require.ErrorIs(t, e.Run(&countdown{t.Context(), 1}, outputs, inputs), context.Canceled)
	require.NotZero(t, outputs[0].Floats[0])
	require.Zero(t, outputs[1].Floats[0])
	require.NoError(t, e.Run(t.Context(), outputs, inputs), "it can be run again")
	require.Equal(t, -outputs[0].Floats[0], outputs[1].Floats[0])
}

func TestAnOutputMayBeAnInputOrAConstant(t *testing.T) {
	g := New()
	x, c := g.Input("x", onnx.Float32, Shape{2}), g.Constant([]float64{1, 2}, Shape{2})
	g.Output("x", x)
	g.Output("c", c)
	g.Output("sum", g.Add(x, c))
	e, err := Interpret(g, 1)
	require.NoError(t, err)
	defer e.Close()
	outputs, _ := arraysFor(g, 1)
	for range 2 {
		require.NoError(t, e.Run(t.Context(), outputs, []*Array{{Shape: []int{2}, Floats: []float32{10, 20}}}))
		require.Equal(t, []float32{10, 20}, outputs[0].Floats)
		require.Equal(t, []float32{1, 2}, outputs[1].Floats)
		require.Equal(t, []float32{11, 22}, outputs[2].Floats)
	}
}

func TestErrorsOfInterpret(t *testing.T) {
	g := New()
	table := g.Parameter("table", Shape{3, 2})
	label := g.Input("label", onnx.Int64, Shape{Batch})
	g.Output("rows", g.Gather(table, label, 0))
	g.Output("ratio", g.Div(g.Integers([]int64{6}, Shape{}), label))
	_, err := Interpret(g, 0)
	require.EqualError(t, err, "graph: a batch of 0, where at least 1 is needed")
	e, err := Interpret(g, 2)
	require.NoError(t, err)
	run := func(labels ...int64) error {
		outputs, inputs := arraysFor(g, 2)
		inputs[0].Ints = labels
		return e.Run(t.Context(), outputs, inputs)
	}
	require.NoError(t, run(1, 2))
	require.EqualError(t, run(1, 3), "graph: Gather: index 3 at place 1 of 2, where rows are numbered from 0 to 2")
	require.EqualError(t, run(-1, 1), "graph: Gather: index -1 at place 0 of 2, where rows are numbered from 0 to 2")
	require.EqualError(t, run(0, 1), "graph: Div: an integer is divided by zero")
	require.EqualError(t, run(1), `graph: input "label": 0 floats and 1 integers, where int64 of shape [2] has 0 and 2`)
	require.EqualError(t, e.Run(t.Context(), nil, nil),
		"graph: 0 inputs and 0 outputs given, where the graph has 2 (parameters among them) and 2")
}

func BenchmarkInterpret(b *testing.B) {
	g := trainingStep(64)
	outputs, inputs := arraysFor(g, 16)
	e, err := Interpret(g, 16)
	require.NoError(b, err)
	for b.Loop() {
		require.NoError(b, e.Run(context.Background(), outputs, inputs))
	}
}
