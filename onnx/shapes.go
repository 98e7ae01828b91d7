package onnx

import (
	"fmt"
	"runtime"
)

// OutputShapes runs the model once on the inputs and tells the shapes of what it computes, for graphs that leave them open. The
// outputs themselves are let go. The wrapper cannot hold outputs of float16 or smaller types that it has not been given: those
// are an error.
func (c *Call) OutputShapes(inputs []*Tensor) ([][]int64, error) {
	s := c.session
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	if len(inputs) != len(s.inputs) {
		return nil, fmt.Errorf("%s: run with %d inputs, the session has %d", s.file, len(inputs), len(s.inputs))
	}
	if err := s.bind(c.inputs, inputs, s.inputs); err != nil {
		return nil, err
	}
	clear(c.outputs) // what is nil is allocated by ONNX Runtime
	defer clear(c.outputs)
	err := c.run()
	runtime.KeepAlive(inputs)
	if err != nil {
		return nil, err
	}
	shapes := make([][]int64, len(c.outputs))
	for i, v := range c.outputs {
		shapes[i] = v.GetShape()
		v.Destroy()
	}
	return shapes, nil
}
