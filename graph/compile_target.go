package graph

import (
	"context"
	"slices"

	"odeon/onnx"
)

// A target is what an executor's runtime has beyond the standard operators.
type target struct {
	fused bool // ONNX Runtime's own operators, com.microsoft, on the CPU
	block int  // channels in a block of its blocked convolutions, see write_blocked.go; 0: there are none
}

// targetOf is the target of a graph in sessions with the options.
func targetOf(rt *onnx.Runtime, g *Graph, o onnx.SessionOptions) target {
	t := target{fused: !rt.OnDevice(o.Provider)}
	if t.fused && slices.ContainsFunc(g.Values, func(v *Value) bool { return v.Attrs.Conv != nil }) {
		t.block = blockSize(rt)
	}
	return t
}

// blockSize tells how many channels are a block of this processor's blocked convolutions: it has the runtime put an array into
// blocks and looks. It is 0 where the runtime has none.
func blockSize(rt *onnx.Runtime) int {
	const channels = 32
	p := New()
	x := p.Input("x", onnx.Float32, Shape{1, channels, 1, 2})
	p.Output("y", p.Neg(x))
	w, err := newWriter(p, "probe")
	if err != nil {
		return 0
	}
	w.batch = 1
	w.out.Import("com.microsoft.nchwc", 1)
	w.input(w.graph.Inputs[0])
	y := w.out.Node("com.microsoft.nchwc:ReorderInput", w.refs[w.graph.Inputs[0]], onnx.As("y"))
	w.out.Output("y", y, onnx.Float32, w.dims(x.Shape)...)
	model, err := w.out.Bytes()
	if err != nil {
		return 0
	}
	r, err := load(rt, w, model, onnx.SessionOptions{Provider: "cpu", Threads: 1})
	if err != nil {
		return 0
	}
	defer r.Close()
	in, out := NewArray(x, 1), NewArray(x, 1)
	for i := range in.Floats {
		in.Floats[i] = float32(i / 2) // the channel
	}
	if err := r.Run(context.Background(), []*Array{out}, []*Array{in}); err != nil {
		return 0
	}
	n := 1
	for n < channels && out.Floats[n] == out.Floats[n-1]+1 {
		n++
	}
	if n < 8 || n == channels {
		return 0
	}
	return n
}
