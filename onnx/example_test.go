package onnx_test

import (
	"fmt"

	"odeon/onnx"
)

// A network of one layer, and what its file tells without being run.
func ExampleNewGraph() {
	g := onnx.NewGraph("layer")
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
	w := g.Const("w", onnx.Array([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	h := g.Node("MatMul", x, w)
	y := g.Node("Softmax", h, onnx.Int("axis", -1), onnx.As("y"))
	g.Output("y", y, onnx.Float32, onnx.Free("n"), onnx.Fixed(3))
	g.Meta("author", "Ada")
	model, err := g.Bytes()
	if err != nil {
		fmt.Println(err)
		return
	}

	info, err := onnx.ReadInfoBytes(model, "layer.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range info.Inputs {
		fmt.Println("input", v.Name, v)
	}
	for _, v := range info.Outputs {
		fmt.Println("output", v.Name, v)
	}
	fmt.Println(info.Operators, info.Parameters, "parameters")
	// Output:
	// input x float32 [n, 2]
	// output y float32 [n, 3]
	// map[MatMul:1 Softmax:1] 6 parameters
}

// A file that is no model says so.
func ExampleReadInfoBytes() {
	_, err := onnx.ReadInfoBytes([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), "grid.png")
	fmt.Println(err)
	// Output:
	// grid.png: not an ONNX model: the file looks like a PNG picture
}
