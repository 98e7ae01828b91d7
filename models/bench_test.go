package models

import (
	"testing"

	"odeon/onnx"
)

// The difference of the two is what a call costs beside ONNX Runtime.
func BenchmarkCall(b *testing.B) {
	g := testGraph{clock: []onnx.Dim{free, fixed(1)}, label: onnx.Float32, classes: 3}
	for _, n := range []int{1, 64} {
		net := network(b, g.resolve(b, `{"labels": {"count": 3, "null": "zeros"}}`), Run{Labels: []int{0, 1}})
		x := states(n, 2)
		dst, uncond := make([]float32, len(x)), make([]float32, len(x))
		run := func(name string, call func(at int) error) {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for i := range b.N {
					if err := call(i); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		size := map[int]string{1: "n=1", 64: "n=64"}[n]
		here := at
		run("predict/"+size, func(i int) error {
			here.Input = float64(i)
			return net.Predict(b.Context(), dst, x, here)
		})
		run("both/"+size, func(i int) error {
			here.Input = float64(i)
			return net.PredictBoth(b.Context(), dst, uncond, x, here)
		})
		lane := net.caller.lanes[0]
		run("bare/"+size, func(int) error { return net.caller.runner.run(lane.tensors, lane.outputs) })
	}
}
