package render

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// wave is the body of a .wav file: 16-bit samples, several sounds one after the other with a quarter of a second between.
type wave struct {
	channels, frames int // of one sound
	n, gap, rate     int
	lo, gain         float64
	buffer           []byte
	begun            bool
}

func openWAV(r *request) (body, error) {
	lo, hi := r.span()
	f := &wave{channels: 1, frames: r.Shape[0], n: r.n, rate: r.Rate, gap: r.Rate / 4, lo: lo, gain: 2 / (hi - lo)}
	if r.Layout == CL {
		f.channels, f.frames = r.Shape[0], r.Shape[1]
	}
	if f.channels > 2 {
		return nil, fmt.Errorf("samples have %d channels, expected 1 or 2 for sound; .npy and .csv hold any number", f.channels)
	}
	if f.rate < 1 {
		return nil, errors.New("the model does not say its sampling rate: add \"rate\" to its card, or give --rate, such as --rate 16000")
	}
	if f.bytes() > math.MaxUint32-36 {
		return nil, fmt.Errorf("%d sounds of %d samples exceed the 4 GB of a .wav file; %%d in the name writes a file for each", f.n, f.frames)
	}
	return f, nil
}

// bytes is the size of all sounds and the silence between them.
func (f *wave) bytes() int64 {
	return (int64(f.n)*int64(f.frames) + int64(f.n-1)*int64(f.gap)) * int64(2*f.channels)
}

// header is the RIFF header of 16-bit PCM (Microsoft, Multimedia Programming Interface and Data Specifications 1.0).
func (f *wave) header() []byte {
	le := binary.LittleEndian
	frame := 2 * f.channels
	b := le.AppendUint32([]byte("RIFF"), uint32(36+f.bytes()))
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, uint16(f.channels))
	b = le.AppendUint32(b, uint32(f.rate))
	b = le.AppendUint32(b, uint32(f.rate*frame))
	b = le.AppendUint16(b, uint16(frame))
	b = le.AppendUint16(b, 16)
	return le.AppendUint32(append(b, "data"...), uint32(f.bytes()))
}

func (f *wave) write(w io.Writer, first int, x []float32) error {
	for size := f.channels * f.frames; len(x) > 0; x = x[size:] {
		f.buffer = f.buffer[:0]
		if !f.begun {
			f.begun = true
			f.buffer = f.header()
		} else {
			f.buffer = append(f.buffer, make([]byte, f.gap*2*f.channels)...)
		}
		for i := range f.frames {
			for c := range f.channels {
				f.buffer = binary.LittleEndian.AppendUint16(f.buffer, uint16(f.level(x[c*f.frames+i])))
			}
		}
		if _, err := w.Write(f.buffer); err != nil {
			return err
		}
	}
	return nil
}

// level maps the model's range to -32767..32767; NaN is silence.
func (f *wave) level(x float32) int16 {
	v := (float64(x)-f.lo)*f.gain - 1
	if math.IsNaN(v) {
		return 0
	}
	return int16(math.Round(min(max(v, -1), 1) * 32767))
}

func (f *wave) finish(io.Writer) error { return nil }
func (f *wave) notes() []string        { return nil }
