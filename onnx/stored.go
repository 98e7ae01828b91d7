package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"google.golang.org/protobuf/encoding/protowire"
)

// Stored is a tensor of a model whose elements lie in the file, or in one beside it. The source must be open while they are
// read.
type Stored struct {
	Name string
	Type DType
	Dims []int64

	source *Source
	tensor sourceTensor
}

// Count is the number of elements.
func (s *Stored) Count() int64 { return s.tensor.elements }

// Floats reads the elements of a tensor of floating-point numbers of 16, 32 or 64 bits; float64 is rounded.
func (s *Stored) Floats() ([]float32, error) {
	var convert func([]float32, []byte)
	switch s.Type {
	case Float32:
		convert = func(dst []float32, b []byte) {
			for i := range dst {
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
		}
	case Float64:
		convert = func(dst []float32, b []byte) {
			for i := range dst {
				dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
			}
		}
	case Float16:
		convert = func(dst []float32, b []byte) {
			half := make([]Half, len(dst))
			for i := range half {
				half[i] = Half(binary.LittleEndian.Uint16(b[2*i:]))
			}
			Float32FromFloat16(dst, half)
		}
	case BFloat16:
		convert = func(dst []float32, b []byte) {
			for i := range dst {
				dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
			}
		}
	default:
		return nil, s.fault("elements of type %v, where floating-point numbers of 16, 32 or 64 bits are expected", s.Type)
	}
	return readElements(s, convert)
}

// Ints reads the elements of a tensor of whole numbers or truth values (0 or 1).
func (s *Stored) Ints() ([]int64, error) {
	var convert func(b []byte) int64
	switch s.Type {
	case Int64, Uint64:
		convert = func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }
	case Int32:
		convert = func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) }
	case Uint32:
		convert = func(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }
	case Int16:
		convert = func(b []byte) int64 { return int64(int16(binary.LittleEndian.Uint16(b))) }
	case Uint16:
		convert = func(b []byte) int64 { return int64(binary.LittleEndian.Uint16(b)) }
	case Int8:
		convert = func(b []byte) int64 { return int64(int8(b[0])) }
	case Uint8:
		convert = func(b []byte) int64 { return int64(b[0]) }
	case Bool:
		convert = func(b []byte) int64 { return int64(min(b[0], 1)) }
	default:
		return nil, s.fault("elements of type %v, where whole numbers are expected", s.Type)
	}
	size := s.Type.Size()
	return readElements(s, func(dst []int64, b []byte) {
		for i := range dst {
			dst[i] = convert(b[size*i:])
		}
	})
}

func (s *Stored) fault(format string, args ...any) error {
	return fmt.Errorf("%s: the tensor %q has %s", s.source.info.File, s.Name, fmt.Sprintf(format, args...))
}

// readElements reads a tensor's elements, by a convert that turns little-endian bytes into some of them. Nothing is allocated
// before so many bytes are known to be there.
func readElements[T any](s *Stored, convert func([]T, []byte)) ([]T, error) {
	t, size := &s.tensor, s.Type.Size()
	if t.raw == nil && t.external == nil {
		b, err := s.typed()
		if err != nil {
			return nil, err
		}
		out := make([]T, t.elements)
		convert(out, b)
		return out, nil
	}
	data := stretch{}
	if t.raw != nil {
		data = s.source.stretch(t.raw.body, t.raw.end)
	} else {
		location, offset, length := t.place()
		file, err := os.Open(s.source.beside(location))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		stat, err := file.Stat()
		if err != nil {
			return nil, err
		}
		if offset > stat.Size() || length > stat.Size()-offset {
			return nil, s.fault("%d bytes from byte %d on in %s, which has %d", length, offset, location, stat.Size())
		}
		data = stretch{file, location, offset, offset + length}
	}
	if int64(data.len()) != t.bytes() || t.bytes()/int64(size) != t.elements {
		return nil, s.fault("%d bytes, and its type and sizes %v make another number", data.len(), s.Dims)
	}
	out := make([]T, t.elements)
	at := 0
	err := data.each(make([]byte, min(copyBuffer, data.len())), func(b []byte) error {
		n := len(b) / size
		convert(out[at:at+n], b)
		at += n
		return nil
	})
	return out, err
}

// The fields of a TensorProto in which elements lie one by one: float_data, int32_data, int64_data, double_data and
// uint64_data.
const (
	floatData, int32Data, int64Data, doubleData, uint64Data = 4, 5, 7, 10, 11
	rawData                                                 = 9
)

// typed reads elements that are written as numbers, and gives them as they would lie in memory.
func (s *Stored) typed() ([]byte, error) {
	t, size := &s.tensor, s.Type.Size()
	x := indexer{walker: newWalker(s.source.file, s.source.size)}
	var out []byte
	add := func(v uint64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], v)
		out = append(out, b[:size]...)
	}
	for p := range x.fields(field{begin: t.body, end: t.end}) {
		f := p.field
		switch f.num {
		case rawData:
			chunk := make([]byte, f.end-f.begin)
			if _, err := s.source.file.ReadAt(chunk, f.begin); err != nil && err != io.EOF {
				return nil, err
			}
			out = append(out, chunk...)
		case floatData, doubleData:
			step := int64(4)
			if f.num == doubleData {
				step = 8
			}
			for at := f.begin; at+step <= f.end; at += step {
				x.pos = at
				b := x.peek(int(step))
				if len(b) < int(step) {
					break
				}
				out = append(out, b...)
			}
		case int32Data, int64Data, uint64Data:
			if f.kind == protowire.VarintType {
				add(f.value)
				continue
			}
			for x.is(f, protowire.BytesType) && x.pos < f.end {
				add(x.varint(f.end))
			}
		}
	}
	if x.err != nil {
		return nil, fmt.Errorf("%s: %w", s.source.info.File, x.err)
	}
	if int64(len(out)) != t.bytes() || t.bytes()/int64(size) != t.elements {
		return nil, s.fault("%d bytes of elements, and its type and sizes %v make another number", len(out), s.Dims)
	}
	return out, nil
}
