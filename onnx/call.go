package onnx

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Call is one worker's way to run a session: runs of different calls may overlap, those of one may not. A run costs about half
// a microsecond and two small allocations (the wrapper's lists of values) beyond ONNX Runtime's own. The wrapper's IoBinding
// would save the allocations, but its runs cannot be ended from outside; its AdvancedSession too, but each has a copy of
// the model.
type Call struct {
	ctx             context.Context
	session         *Session
	inputs, outputs []ort.Value

	stop       func() bool // undoes the watch on ctx
	mu         sync.Mutex  // guards what follows against the watch
	runOptions *ort.RunOptions
}

// NewCall prepares a call whose runs end within milliseconds when ctx is done.
func (s *Session) NewCall(ctx context.Context) (*Call, error) {
	runOptions, err := ort.NewRunOptions()
	if err != nil {
		return nil, err
	}
	c := &Call{
		ctx: ctx, session: s, runOptions: runOptions,
		inputs: make([]ort.Value, len(s.inputs)), outputs: make([]ort.Value, len(s.outputs)),
	}
	c.stop = context.AfterFunc(ctx, c.terminate)
	return c, nil
}

func (c *Call) terminate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runOptions != nil {
		// It cannot fail for options that exist, and a run that goes on to its end is followed by no other.
		_ = c.runOptions.Terminate()
	}
}

// Destroy frees what the call holds; the session and the tensors stay. Calling it again does nothing.
func (c *Call) Destroy() {
	c.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runOptions != nil {
		c.runOptions.Destroy()
		c.runOptions = nil
	}
}

// Run feeds the inputs to the model and has it write the outputs, both in the order of the names that the session was made
// with. The outputs' shapes must be those that the model computes. When the context is done before or during the run,
// the context's error is returned, and the outputs hold nothing of use.
func (c *Call) Run(inputs, outputs []*Tensor) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	s := c.session
	if len(inputs) != len(s.inputs) || len(outputs) != len(s.outputs) {
		return fmt.Errorf("%s: run with %d inputs and %d outputs, the session has %d and %d", s.file, len(inputs), len(outputs), len(s.inputs), len(s.outputs))
	}
	if err := s.bind(c.inputs, inputs, s.inputs); err != nil {
		return err
	}
	if err := s.bind(c.outputs, outputs, s.outputs); err != nil {
		return err
	}
	err := c.run()
	runtime.KeepAlive(inputs)
	runtime.KeepAlive(outputs)
	if err != nil {
		return err
	}
	for _, t := range outputs {
		if t.scalar != nil {
			t.scalar.out()
		}
	}
	return nil
}

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

// bind puts the tensors where the wrapper takes them from.
func (s *Session) bind(values []ort.Value, tensors []*Tensor, names []string) error {
	for i, t := range tensors {
		if t == nil || t.value.Value == nil {
			return fmt.Errorf("%s: the tensor for %q is missing or destroyed", s.file, names[i])
		}
		if t.scalar != nil {
			if err := t.scalar.in(&t.value); err != nil {
				return fmt.Errorf("%s: %q: %w", s.file, names[i], err)
			}
		}
		values[i] = &t.value
	}
	return nil
}

func (c *Call) run() error {
	s := c.session
	s.running.RLock()
	defer s.running.RUnlock()
	if s.destroyed || c.runOptions == nil {
		return fmt.Errorf("%s: run after the session or the call was destroyed", s.file)
	}
	if s.serial != nil {
		s.serial.Lock()
		defer s.serial.Unlock()
	}
	err := s.inner.RunWithOptions(c.inputs, c.outputs, c.runOptions)
	if err == nil {
		return nil
	}
	if done := c.ctx.Err(); done != nil {
		return done
	}
	return fmt.Errorf("%s: %s", s.file, cleanReason(err))
}
