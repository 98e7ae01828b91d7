package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
)

// wavFile is a WAV file; format is 1 for PCM and 3 for floating point.
func wavFile(format, channels, rate, bits int, sound []byte) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+len(sound)))
	b.WriteString("WAVEfmt ")
	binary.Write(&b, binary.LittleEndian, uint32(16))
	binary.Write(&b, binary.LittleEndian, []uint16{uint16(format), uint16(channels)})
	binary.Write(&b, binary.LittleEndian, []uint32{uint32(rate), uint32(rate * channels * bits / 8)})
	binary.Write(&b, binary.LittleEndian, []uint16{uint16(channels * bits / 8), uint16(bits)})
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(len(sound)))
	b.Write(sound)
	return b.Bytes()
}

func TestWAVFormats(t *testing.T) {
	floats := func(v any) []byte {
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, v)
		return b.Bytes()
	}
	want := []float32{0, 0.5, -0.5, -1} // exact in every format
	dir := t.TempDir()
	for _, c := range []struct {
		format, bits int
		sound        []byte
	}{
		{1, 8, []byte{128, 192, 64, 0}},
		{1, 16, floats([]int16{0, 1 << 14, -1 << 14, -1 << 15})},
		{1, 24, []byte{0, 0, 0, 0, 0, 0x40, 0, 0, 0xc0, 0, 0, 0x80}},
		{1, 32, floats([]int32{0, 1 << 30, -1 << 30, -1 << 31})},
		{3, 32, floats([]float32{0, 0.5, -0.5, -1})},
		{3, 64, floats([]float64{0, 0.5, -0.5, -1})},
	} {
		s := open(t, write(t, dir, "a.wav", wavFile(c.format, 1, 44100, c.bits, c.sound)), Options{})
		require.Equal(t, []int{1, 4}, s.Shape(), "the whole of a short recording")
		require.Equal(t, models.CL, s.Layout())
		require.Equal(t, 44100.0, s.Rate())
		require.Equal(t, &[2]float64{-1, 1}, s.Range())
		got, _ := first(t, s, 1)
		require.Equal(t, want, got, "format %d of %d bits", c.format, c.bits)
	}
	s := open(t, write(t, dir, "stereo.wav", wavFile(1, 2, 8000, 8, []byte{0, 128, 64, 192})), Options{})
	require.Equal(t, []int{2, 2}, s.Shape())
	got, _ := first(t, s, 1)
	require.Equal(t, []float32{-1, -0.5, 0, 0.5}, got, "a row for each channel")
}

func TestExtensibleAndStreamedWAV(t *testing.T) {
	plain := wavFile(1, 1, 8000, 8, []byte{0, 128})
	dir := t.TempDir()

	extended := append([]byte{}, plain[:16]...)
	extended = binary.LittleEndian.AppendUint32(extended, 40)
	extended = append(extended, 0xfe, 0xff)
	extended = append(extended, plain[22:36]...)
	extended = append(extended, 22, 0, 8, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
	extended = append(extended, "LIST\x03\x00\x00\x00abc\x00"...) // of odd length, padded
	extended = append(extended, plain[36:]...)
	got, _ := first(t, open(t, write(t, dir, "extended.wav", extended), Options{}), 1)
	require.Equal(t, []float32{-1, 0}, got)

	for _, length := range []uint32{0, math.MaxUint32} {
		streamed := bytes.Clone(plain)
		binary.LittleEndian.PutUint32(streamed[40:], length)
		got, _ = first(t, open(t, write(t, dir, "streamed.wav", streamed), Options{}), 1)
		require.Equal(t, []float32{-1, 0}, got)
	}
}

func TestWindowsGoThroughARecordingByTheStride(t *testing.T) {
	path := write(t, t.TempDir(), "a.wav", wavFile(1, 1, 8000, 8, ramp(100)))
	at := func(s Set, i int64) int {
		x := make([]float32, Dim(s))
		require.NoError(t, s.Read(x, nil, []int64{i}))
		return int(x[0]*128) + 128
	}
	s := open(t, path, Options{Window: 30})
	require.Equal(t, 3, s.Len())
	require.Equal(t, 60, at(s, 2))
	s = open(t, path, Options{Window: 30, Stride: 7})
	require.Equal(t, 11, s.Len())
	require.Equal(t, 70, at(s, 10))
}

func TestAFolderOfRecordings(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "low/a.wav", wavFile(1, 1, 8000, 8, bytes.Repeat([]byte{0}, 25)))
	write(t, dir, "low/b.wav", wavFile(1, 1, 8000, 8, bytes.Repeat([]byte{64}, 10)))
	write(t, dir, "none/c.wav", wavFile(1, 1, 8000, 8, bytes.Repeat([]byte{128}, 30)))
	s := open(t, dir, Options{})
	require.Equal(t, []int{1, 10}, s.Shape(), "the shortest")
	require.Equal(t, 6, s.Len())
	require.Equal(t, []string{"low", "none"}, s.Labels().Names)
	x, labels := first(t, s, 6)
	require.Equal(t, []int64{0, 0, 0, 1, 1, 1}, labels)
	for k, want := range []float32{-1, -1, -0.5, 0, 0, 0} {
		require.Equal(t, want, x[10*k+9])
	}
	numbered := open(t, dir, Options{Labels: write(t, t.TempDir(), "l.txt", []byte("2\n1\n0\n"))})
	_, labels = first(t, numbered, 6)
	require.Equal(t, []int64{2, 2, 1, 0, 0, 0}, labels)
}

func TestBadSound(t *testing.T) {
	good := wavFile(1, 1, 8000, 16, ramp(20))
	broken := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for name, c := range map[string]struct {
		content []byte
		o       Options
		want    string
	}{
		"cut":      {good[:50], Options{}, "claims 20 bytes of sound, found 6: the file is cut off"},
		"header":   {good[:30], Options{}, "ends early"},
		"nodata":   {good[:36], Options{}, "has no sound"},
		"empty":    {wavFile(1, 1, 8000, 16, nil), Options{}, "has no sound in it"},
		"mp3":      {broken(20, 0x55), Options{}, "holds format 85 of 16 bits, expected PCM"},
		"bits":     {broken(34, 12), Options{}, "of 12 bits"},
		"channels": {broken(22, 6), Options{}, "has 6 channels, expected 1 or 2"},
		"rate":     {broken(24, 0, 0, 0, 0), Options{}, "rate of 0 samples"},
		"frame":    {broken(32, 7), Options{}, "says that a frame has 7 bytes, expected 2"},
		"order":    {broken(12, 'j', 'u', 'n', 'k'), Options{}, "has its sound before the format"},
		"rf64":     {broken(0, 'R', 'F', '6', '4'), Options{}, "RF64"},
		"avi":      {broken(8, 'A', 'V', 'I', ' '), Options{}, "expected RIFF....WAVE"},
		"window":   {good, Options{Window: 11}, "has 10 samples, expected a window of 11"},
		"rates":    {good, Options{Rate: 9000}, "not resampled"},
		"shape":    {good, Options{Shape: []int{1, 2}}, "--window"},
		"layout":   {good, Options{Layout: models.HW}, "layout CL"},
		"labels":   {good, Options{Labels: OwnLabels}, "no classes of its own"},
	} {
		path := write(t, t.TempDir(), name+".wav", c.content)
		_, err := Open(path, c.o)
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, path, name)
	}

	dir := t.TempDir()
	write(t, dir, "a.wav", good)
	b := write(t, dir, "b.wav", wavFile(1, 1, 16000, 16, ramp(20)))
	_, err := Open(dir, Options{})
	require.ErrorContains(t, err, b+" 16000 Hz", "both are named")
	nan := math.Float32bits(float32(math.NaN()))
	path := filepath.Join(dir, "b.wav")
	write(t, dir, "b.wav", wavFile(3, 1, 8000, 32, binary.LittleEndian.AppendUint32(nil, nan)))
	s := open(t, path, Options{})
	require.ErrorContains(t, s.Read(make([]float32, 1), nil, []int64{0}), fmt.Sprintf("data %s: sample 0 has the value NaN", path))
}

func FuzzWAV(f *testing.F) {
	good := wavFile(1, 2, 8000, 16, ramp(20))
	f.Add(good)
	f.Add(good[:40])
	f.Add(wavFile(3, 1, 44100, 32, ramp(8)))
	f.Fuzz(func(t *testing.T, content []byte) {
		r := bytes.NewReader(content)
		w, err := readWAV(r, int64(len(content)))
		if err != nil {
			return
		}
		if w.offset+w.frames*int64(w.frame()) > int64(len(content)) {
			t.Fatalf("%+v reaches beyond %d bytes", w, len(content))
		}
		dst := make([]float32, w.frames*int64(w.channels))
		w.decode(dst, content[w.offset:])
	})
}
