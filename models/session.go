package models

import (
	"context"
	"fmt"

	"odeon/onnx"
)

// Session is a network that is loaded and ready: in ONNX Runtime an [onnx.Session], and with the provider [Go] an
// [Interpreted], which needs no library.
type Session interface {
	Provider() string // the name of the one that computes
	Note() string     // what the user may want to know of its choice; "" is nothing
	Destroy()
}

// loaded is ONNX Runtime's session, or none.
func loaded(s *onnx.Session, err error) (Session, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// runner is one worker's way to run a session.
type runner interface {
	// bind makes runs end when ctx is done.
	bind(ctx context.Context) error
	// wrap makes a tensor of memory.
	wrap(b buffer, shape []int64) (tensor, error)
	// run computes the outputs from the inputs, in the session's order.
	run(inputs, outputs []tensor) error
	// outputShapes tells the shapes of what the inputs lead to.
	outputShapes(inputs []tensor) ([][]int64, error)
	close()
}

// tensor is memory with a shape, in the form that a runner takes.
type tensor interface{ Destroy() }

func newRunner(s Session) runner {
	switch s := s.(type) {
	case *onnx.Session:
		return &runtimeRunner{session: s}
	case *Interpreted:
		return &goRunner{session: s}
	}
	panic(fmt.Sprintf("models: a session of type %T", s))
}

// runtimeRunner runs in ONNX Runtime.
type runtimeRunner struct {
	session         *onnx.Session
	ctx             context.Context // of call
	call            *onnx.Call
	inputs, outputs []*onnx.Tensor
}

func (r *runtimeRunner) bind(ctx context.Context) error {
	if r.call != nil && r.ctx == ctx {
		return nil
	}
	r.close()
	var err error
	r.ctx = ctx
	r.call, err = r.session.NewCall(ctx)
	return err
}

func (r *runtimeRunner) wrap(b buffer, shape []int64) (tensor, error) { return b.tensor(shape) }

func (r *runtimeRunner) run(inputs, outputs []tensor) error {
	r.inputs, r.outputs = runtimeTensors(r.inputs, inputs), runtimeTensors(r.outputs, outputs)
	return r.call.Run(r.inputs, r.outputs)
}

func (r *runtimeRunner) outputShapes(inputs []tensor) ([][]int64, error) {
	r.inputs = runtimeTensors(r.inputs, inputs)
	return r.call.OutputShapes(r.inputs)
}

// runtimeTensors are tensors as ONNX Runtime's, in memory that is used again.
func runtimeTensors(into []*onnx.Tensor, list []tensor) []*onnx.Tensor {
	into = into[:0]
	for _, t := range list {
		into = append(into, t.(*onnx.Tensor))
	}
	return into
}

func (r *runtimeRunner) close() {
	if r.call != nil {
		r.call.Destroy()
		r.call = nil
	}
}
