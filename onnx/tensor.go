package onnx

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// Tensor is a slice of the caller's with a shape, in the form that ONNX Runtime reads and writes. The runtime works on the
// slice itself: what is written into the slice before a run is what the network sees, and an output's slice holds the
// result after it. A tensor may serve many runs, but only one at a time as an output.
type Tensor struct {
	value  value
	scalar scalar         // not nil for rank 0
	pinned runtime.Pinner // the slice, whose address the runtime keeps
}

// value is an ort.Value that answers GetInternals, which every run asks of every tensor, without allocating.
type value struct {
	ort.Value
	internals *ort.ValueInternalData
}

func (v *value) GetInternals() *ort.ValueInternalData { return v.internals }

func (v *value) set(inner ort.Value) {
	v.Value, v.internals = inner, inner.GetInternals()
}

// NewTensor wraps data, which must hold exactly as many elements as the shape says; an empty shape is a scalar, one
// element. Nothing is copied, so data must not be appended away from under the tensor. [Open] comes first.
func NewTensor[T Element](shape []int64, data []T) (*Tensor, error) {
	dtype := TypeOf[T]()
	count, err := elements(shape)
	if err != nil {
		return nil, fmt.Errorf("%s tensor of shape %v: %w", dtype, shape, err)
	}
	if int64(len(data)) != count {
		return nil, fmt.Errorf("%s tensor of shape %v: %d elements given, the shape has %d", dtype, shape, len(data), count)
	}
	if !ort.IsInitialized() {
		return nil, fmt.Errorf("%s tensor of shape %v: no ONNX Runtime is open", dtype, shape)
	}

	t := new(Tensor)
	halves, half := any(data).([]Half)
	var inner ort.Value
	switch {
	case half:
		// The wrapper makes rank 0 only in the types of Go's own numbers. ONNX Runtime does not compare the rank of what is fed to
		// a scalar input, and one element in a dimension of its own broadcasts as a scalar does.
		if len(shape) == 0 {
			shape = []int64{1}
		}
		inner, err = ort.NewCustomDataTensor(shape, halfBytes(halves), ort.TensorElementDataTypeFloat16)
	case len(shape) == 0:
		s := &scalarOf[T]{data: data}
		t.scalar = s
		err = s.renew(&t.value)
	default:
		inner, err = ort.NewTensor(shape, data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s tensor of shape %v: %w", dtype, shape, err)
	}
	if inner != nil {
		t.value.set(inner)
		t.pinned.Pin(&data[0])
	}
	// A pinned slice that nobody unpins stops the program, so a forgotten tensor is destroyed by the collector.
	runtime.SetFinalizer(t, (*Tensor).Destroy)
	return t, nil
}

// elements is the number of elements of a shape; every dimension must be positive.
func elements(shape []int64) (int64, error) {
	const most = 1 << 40
	n := int64(1)
	for i, d := range shape {
		if d < 1 {
			return 0, fmt.Errorf("dimension %d is %d, must be positive", i, d)
		}
		if d > most/n {
			return 0, errors.New("more elements than any memory holds")
		}
		n *= d
	}
	return n, nil
}

// halfBytes is the memory of h as bytes, in the machine's order, which is what ONNX Runtime expects.
func halfBytes(h []Half) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(h))), 2*len(h))
}

// Destroy lets go of the slice; the tensor cannot be run on after it. No run may be using the tensor. Calling it again does
// nothing.
func (t *Tensor) Destroy() {
	if t == nil || t.value.Value == nil {
		return
	}
	runtime.SetFinalizer(t, nil)
	t.value.Destroy()
	t.value = value{}
	t.scalar = nil
	t.pinned.Unpin()
}

// scalar keeps a tensor of rank 0 in step with the caller's slice of one element. The wrapper's Scalar owns its number and
// its Set leaves the runtime with the old address, so another number means another Scalar.
type scalar interface {
	in(v *value) error // before a run
	out()              // after a run that wrote it
}

type scalarOf[T Element] struct {
	data []T
	made *ort.Scalar[T]
}

func (s *scalarOf[T]) renew(v *value) error {
	made, err := ort.NewScalar(s.data[0])
	if err != nil {
		return err
	}
	if s.made != nil {
		s.made.Destroy()
	}
	s.made = made
	v.set(made)
	return nil
}

func (s *scalarOf[T]) in(v *value) error {
	if s.made.GetData() == s.data[0] {
		return nil
	}
	return s.renew(v)
}

func (s *scalarOf[T]) out() { s.data[0] = s.made.GetData() }
