package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// wav says where the sound of a WAV file is and how it is written.
type wav struct {
	format   sampleFormat
	channels int
	rate     int
	offset   int64 // of the first frame, a sample of each channel
	frames   int64
}

// sampleFormat is how one sample is written: PCM of 8 bits without a sign, of 16, 24 or 32 with one, or floating point.
type sampleFormat struct {
	float bool
	bits  int
}

// decoders give the sample at the beginning of b, full scale being 1.
var decoders = map[sampleFormat]func(b []byte) float32{
	{false, 8}:  func(b []byte) float32 { return (float32(b[0]) - 128) / (1 << 7) },
	{false, 16}: func(b []byte) float32 { return float32(int16(wavOrder.Uint16(b))) / (1 << 15) },
	{false, 24}: func(b []byte) float32 {
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)>>8) / (1 << 23)
	},
	{false, 32}: func(b []byte) float32 { return float32(float64(int32(wavOrder.Uint32(b))) / (1 << 31)) },
	{true, 32}:  func(b []byte) float32 { return math.Float32frombits(wavOrder.Uint32(b)) },
	{true, 64}:  func(b []byte) float32 { return float32(math.Float64frombits(wavOrder.Uint64(b))) },
}

var wavOrder = binary.LittleEndian

// maxChunks bounds how far a header is searched for its sound.
const maxChunks = 1000

// readWAV reads the header of a RIFF WAVE file ("Multimedia Programming Interface and Data Specifications 1.0", IBM and
// Microsoft 1991; the extensible format of 1999): chunks, each of a name of four bytes, a size and so many bytes, padded to an
// even number.
func readWAV(r io.ReaderAt, size int64) (wav, error) {
	var lead [12]byte
	if err := readWAVBytes(r, lead[:], 0, size); err != nil {
		return wav{}, err
	}
	if string(lead[:4]) == "RF64" {
		return wav{}, errors.New("is an RF64 file, expected RIFF: WAV files of up to 4 GiB")
	}
	if string(lead[:4]) != "RIFF" || string(lead[8:]) != "WAVE" {
		return wav{}, fmt.Errorf("begins with %q, expected RIFF....WAVE", lead[:])
	}
	var w wav
	at := int64(len(lead))
	for range maxChunks {
		var chunk [8]byte
		if at == size {
			return w, errors.New("has no sound (no data chunk)")
		}
		if err := readWAVBytes(r, chunk[:], at, size); err != nil {
			return w, err
		}
		at += 8
		length := int64(wavOrder.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			var b [40]byte
			n := min(length, int64(len(b)))
			if err := readWAVBytes(r, b[:n], at, size); err != nil {
				return w, err
			}
			if err := w.readFormat(b[:n]); err != nil {
				return w, err
			}
		case "data":
			return w, w.settle(at, length, size)
		}
		at += length + length&1
	}
	return w, fmt.Errorf("has no sound among its first %d chunks", maxChunks)
}

func readWAVBytes(r io.ReaderAt, b []byte, at, size int64) error {
	if at+int64(len(b)) > size {
		return fmt.Errorf("ends early, after %d bytes, in the header of a WAV file", size)
	}
	_, err := r.ReadAt(b, at)
	if err == io.EOF {
		return nil
	}
	return err
}

// readFormat reads the fmt chunk.
func (w *wav) readFormat(b []byte) error {
	if len(b) < 16 {
		return fmt.Errorf("has a fmt chunk of %d bytes, expected 16 at least", len(b))
	}
	const pcm, float, extensible = 1, 3, 0xfffe
	tag := wavOrder.Uint16(b)
	if tag == extensible && len(b) >= 26 {
		tag = wavOrder.Uint16(b[24:]) // the first bytes of the sub-format's GUID
	}
	w.channels, w.rate = int(wavOrder.Uint16(b[2:])), int(wavOrder.Uint32(b[4:]))
	w.format = sampleFormat{tag == float, int(wavOrder.Uint16(b[14:]))}
	_, known := decoders[w.format]
	switch {
	case tag != pcm && tag != float || !known:
		return fmt.Errorf("holds format %d of %d bits, expected PCM (1) of 8, 16, 24 or 32 bits or floating point (3) of 32 or 64", tag, w.format.bits)
	case w.channels < 1 || w.channels > 2:
		return fmt.Errorf("has %d channels, expected 1 or 2", w.channels)
	case w.rate < 1 || w.rate > 10_000_000:
		return fmt.Errorf("has a rate of %d samples a second, expected 1 to 10,000,000", w.rate)
	case int(wavOrder.Uint16(b[12:])) != w.frame():
		return fmt.Errorf("says that a frame has %d bytes, expected %d for %d channels of %d bits", wavOrder.Uint16(b[12:]), w.frame(), w.channels, w.format.bits)
	}
	return nil
}

// frame is the bytes of one sample of all channels.
func (w *wav) frame() int { return w.channels * w.format.bits / 8 }

// settle takes length bytes at an offset for the sound. A program that writes to a pipe cannot know the length and leaves
// 2^32 - 1 there, or 0 with sound after it.
func (w *wav) settle(at, length, size int64) error {
	if w.channels == 0 {
		return errors.New("has its sound before the format of it (no fmt chunk)")
	}
	if length == math.MaxUint32 || length == 0 {
		length = size - at
	}
	if length > size-at {
		return fmt.Errorf("claims %d bytes of sound, found %d: the file is cut off", length, size-at)
	}
	w.offset, w.frames = at, length/int64(w.frame())
	if w.frames == 0 {
		return errors.New("has no sound in it")
	}
	return nil
}

// decode turns frames into dst, [channels, n].
func (w *wav) decode(dst []float32, raw []byte) {
	n := len(dst) / w.channels
	sample, size := decoders[w.format], w.format.bits/8
	for c := range w.channels {
		for k := range n {
			dst[c*n+k] = sample(raw[(k*w.channels+c)*size:])
		}
	}
}
