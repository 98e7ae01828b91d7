package render

import (
	"fmt"
	"io"

	"odeon/internal/array"
)

// npy is the body of an .npy file: the samples, as they come.
type npy struct {
	out   *array.NPYWriter
	shape []int
}

func openNPY(r *request) (body, error) { return &npy{shape: batch(r)}, nil }

// batch is the shape of all samples together.
func batch(r *request) []int { return append([]int{r.n}, r.Shape...) }

func (f *npy) write(w io.Writer, _ int, x []float32) error {
	if f.out == nil {
		var err error
		if f.out, err = array.NewNPYWriter(w, f.shape); err != nil {
			return err
		}
	}
	return f.out.Write(x)
}

func (f *npy) finish(io.Writer) error { return f.out.Close() }
func (f *npy) notes() []string        { return nil }

// npz is the body of an .npz file: the samples as they come, then what else was added.
type npz struct {
	npy
	archive *array.NPZWriter
	more    []named
}

type named struct {
	name  string
	shape []int
	data  any
}

func openNPZ(r *request) (body, error) { return &npz{npy: npy{shape: batch(r)}}, nil }

func (f *npz) write(w io.Writer, first int, x []float32) error {
	if f.archive == nil {
		f.archive = array.NewNPZWriter(w, false)
		var err error
		if f.out, err = f.archive.Stream("samples", f.shape); err != nil {
			return err
		}
	}
	return f.out.Write(x)
}

func (f *npz) add(name string, shape []int, data any) {
	switch data.(type) {
	case []float32, []float64, []int64:
	default:
		panic(fmt.Sprintf("render: array %q of type %T, expected []float32, []float64 or []int64", name, data))
	}
	f.more = append(f.more, named{name, shape, data})
}

func (f *npz) finish(w io.Writer) error {
	if err := f.npy.finish(w); err != nil {
		return err
	}
	for _, a := range f.more {
		var err error
		switch x := a.data.(type) {
		case []float32:
			err = f.archive.Float32(a.name, a.shape, x)
		case []float64:
			err = f.archive.Float64(a.name, a.shape, x)
		case []int64:
			err = f.archive.Int64(a.name, a.shape, x)
		}
		if err != nil {
			return err
		}
	}
	return f.archive.Close()
}
