package render

import (
	"encoding/binary"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/array"
)

func TestNPYHoldsTheSamplesExactly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	x := noise(1, 7*2*3)
	save(t, path, Samples{Shape: []int{2, 3}, Layout: HW}, Options{}, x)
	a, err := array.Read(path)
	require.NoError(t, err)
	require.Equal(t, []int{7, 2, 3}, a.Shape)
	require.Equal(t, "float32", a.DType)
	require.Equal(t, x, a.Float32())
}

func TestNPZHoldsTheSamplesAndWhatWasAdded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	x := noise(1, 5*2)
	sink, err := NewSink(path, 5, Samples{Shape: []int{2}, Layout: Points}, Options{})
	require.NoError(t, err)
	archive := sink.(Archive)
	archive.Add("init", []int{5, 2}, noise(2, 10))
	require.NoError(t, sink.Write(0, x))
	archive.Add("t", []int{3}, []float64{0, 0.5, 1})
	archive.Add("labels", []int{5}, []int64{1, 2, 3, 4, -1})
	require.NoError(t, sink.Close())
	names, err := array.Names(path)
	require.NoError(t, err)
	require.Equal(t, []string{"samples", "init", "t", "labels"}, names)
	a, err := array.ReadNPZ(path, "samples")
	require.NoError(t, err)
	require.Equal(t, []int{5, 2}, a.Shape)
	require.Equal(t, x, a.Float32())
	a, err = array.ReadNPZ(path, "labels")
	require.NoError(t, err)
	labels, err := a.Int64()
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3, 4, -1}, labels)
	require.Panics(t, func() { archive.Add("x", nil, []int{1}) })
}

func TestCSVAndTXTNumbersReadBackAsTheSameFloat32(t *testing.T) {
	x := append(noise(1, 5*6), 0x1p-149, math.MaxFloat32, 0, -0.1, float32(math.Inf(1)), 1e-9)
	s := Samples{Shape: []int{3, 2}, Layout: Points}
	folder := t.TempDir()
	save(t, filepath.Join(folder, "x.csv"), s, Options{}, x)
	f, err := os.Open(filepath.Join(folder, "x.csv"))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"x0", "x1", "x2", "x3", "x4", "x5"}, rows[0])
	save(t, filepath.Join(folder, "x.txt"), s, Options{}, x)
	text, err := os.ReadFile(filepath.Join(folder, "x.txt"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	require.Len(t, lines, 6)
	for k, row := range rows[1:] {
		require.Equal(t, row, strings.Fields(lines[k]))
		for i, field := range row {
			v, err := strconv.ParseFloat(field, 32)
			require.NoError(t, err)
			require.Equal(t, x[6*k+i], float32(v))
		}
	}
}

func TestTextIsReadThroughTheVocabulary(t *testing.T) {
	write := func(s Samples, x []float32) string {
		path := filepath.Join(t.TempDir(), "x.txt")
		save(t, path, s, Options{}, x)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(data)
	}
	letters := []string{"a", "b", "ß"}
	scores := Samples{Shape: []int{2, 3}, Layout: HW, Vocabulary: letters}
	require.Equal(t, "ba\nßa\n", write(scores, []float32{0, 1, 0.5, 3, 2, 1, -3, -2, -1, 5, 5, 5}))
	index := Samples{Shape: []int{4}, Layout: L, Vocabulary: letters}
	require.Equal(t, "abßa\nßßaa\n", write(index, []float32{0, 1, 2, 0.2, 1.8, 2.4, -0.3, 0}))
	index.Vocabulary = []string{"a", "\n"}
	require.Equal(t, "a\na\n\n---\n\naaa\n", write(index, []float32{0, 1, 0, 1, 1, 0, 0, 0}))
}

func TestAnIndexOutsideTheVocabularyIsNamed(t *testing.T) {
	for _, bad := range []float32{-0.6, 2.5, float32(math.NaN()), float32(math.Inf(1))} {
		path := filepath.Join(t.TempDir(), "x.txt")
		sink, err := NewSink(path, 2, Samples{Shape: []int{2}, Layout: L, Vocabulary: []string{"a", "b"}}, Options{})
		require.NoError(t, err)
		err = sink.Write(0, []float32{0, 1, 0, bad})
		require.ErrorContains(t, err, path+": sample 1: position 1 holds "+strconv.FormatFloat(float64(bad), 'g', -1, 32)+", expected the index of a token, 0 to 1")
		sink.Abort()
	}
}

// sound is a WAV file taken apart by the offsets of its canonical header.
type sound struct {
	format, channels uint16
	rate, byteRate   uint32
	align, bits      uint16
	levels           []int16
}

func readWAV(t *testing.T, path string) sound {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	le := binary.LittleEndian
	require.Equal(t, "RIFF", string(b[:4]))
	require.EqualValues(t, len(b)-8, le.Uint32(b[4:]))
	require.Equal(t, "WAVEfmt ", string(b[8:16]))
	require.EqualValues(t, 16, le.Uint32(b[16:]))
	require.Equal(t, "data", string(b[36:40]))
	require.EqualValues(t, len(b)-44, le.Uint32(b[40:]))
	s := sound{le.Uint16(b[20:]), le.Uint16(b[22:]), le.Uint32(b[24:]), le.Uint32(b[28:]), le.Uint16(b[32:]), le.Uint16(b[34:]), nil}
	for i := 44; i < len(b); i += 2 {
		s.levels = append(s.levels, int16(le.Uint16(b[i:])))
	}
	return s
}

func TestWAVHoldsTheSamplesAtTheirRate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	x := []float32{0, 0.5, 1, -1, 2, -3, float32(math.NaN()), 1.0 / 32767}
	save(t, path, Samples{Shape: []int{8}, Layout: L, Rate: 16000}, Options{}, x)
	require.Equal(t, sound{1, 1, 16000, 32000, 2, 16, []int16{0, 16384, 32767, -32767, 32767, -32767, 0, 1}}, readWAV(t, path))
	// The card's range is full scale.
	save(t, path, Samples{Shape: []int{3}, Layout: L, Rate: 16000, Range: [2]float64{0, 2}}, Options{}, []float32{0, 1, 2})
	require.Equal(t, []int16{-32767, 0, 32767}, readWAV(t, path).levels)
}

func TestStereoIsInterleavedAndSoundsAreSetApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	// Two sounds of two channels and three samples: left 1, right -1; then left 0.5, right 0.
	x := []float32{1, 1, 1, -1, -1, -1, 0.5, 0.5, 0.5, 0, 0, 0}
	save(t, path, Samples{Shape: []int{2, 3}, Layout: CL, Rate: 8}, Options{}, x)
	s := readWAV(t, path)
	require.EqualValues(t, 2, s.channels)
	require.EqualValues(t, 4, s.align)
	require.EqualValues(t, 32, s.byteRate)
	const m = 32767
	require.Equal(t, []int16{m, -m, m, -m, m, -m, 0, 0, 0, 0, 16384, 0, 16384, 0, 16384, 0}, s.levels, "a quarter of a second at rate 8 is 2 frames")
}

func TestSoundsBeyondFourGigabytesAreRefused(t *testing.T) {
	_, err := NewSink(filepath.Join(t.TempDir(), "x.wav"), 1<<20, Samples{Shape: []int{1 << 16}, Layout: L, Rate: 44100}, Options{})
	require.ErrorContains(t, err, "exceed the 4 GB of a .wav file")
}

func TestSamplesWithoutALayoutAreNumbers(t *testing.T) {
	s := Samples{Shape: []int{4, 5, 3}}
	sink, err := NewSink(filepath.Join(t.TempDir(), "x.npy"), 1, s, Options{})
	require.NoError(t, err)
	sink.Abort()
	_, err = NewSink(filepath.Join(t.TempDir(), "x.png"), 1, s, Options{})
	require.ErrorContains(t, err, "--layout: CHW, HWC")
}
