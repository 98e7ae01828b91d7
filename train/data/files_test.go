package data

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
)

// write makes a file and returns its path.
func write(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, content, 0o644))
	return path
}

// npy is a .npy file; values is anything that encoding/binary writes.
func npy(descr, shape string, values any) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(head)))
	b.WriteString(head)
	var order binary.ByteOrder = binary.LittleEndian
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	if err := binary.Write(&b, order, values); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// npz is an archive of .npy files, stored or deflated; members are names and contents by turns.
func npz(method uint16, members ...any) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for ; len(members) > 0; members = members[2:] {
		w, err := z.CreateHeader(&zip.FileHeader{Name: members[0].(string) + ".npy", Method: method})
		if err != nil {
			panic(err)
		}
		w.Write(members[1].([]byte))
	}
	z.Close()
	return b.Bytes()
}

// idx is an IDX file of bytes.
func idx(shape []uint32, values []byte) []byte {
	b := []byte{0, 0, 8, byte(len(shape))}
	for _, d := range shape {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, values...)
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}

// ramp is the bytes 0, 1, ..., n-1.
func ramp(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func open(t testing.TB, path string, o Options) Set {
	t.Helper()
	s, err := Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestArraysOfEveryElementTypeComeOutAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	want := []float32{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		descr  string
		values any
	}{
		{"<f4", []float32{1, 2, 3, 4, 5, 6}},
		{">f4", []float32{1, 2, 3, 4, 5, 6}},
		{"<f8", []float64{1, 2, 3, 4, 5, 6}},
		{"<f2", []uint16{0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600}},
		{"|u1", []uint8{1, 2, 3, 4, 5, 6}},
		{"<i2", []int16{1, 2, 3, 4, 5, 6}},
		{">i8", []int64{1, 2, 3, 4, 5, 6}},
	} {
		s := open(t, write(t, dir, "a.npy", npy(c.descr, "(3, 2)", c.values)), Options{})
		require.Equal(t, 3, s.Len())
		require.Equal(t, []int{2}, s.Shape())
		require.Equal(t, models.Points, s.Layout())
		require.Nil(t, s.Range())
		got, _ := first(t, s, 3)
		require.Equal(t, want, got, c.descr)
	}
}

func TestPicturesInArraysBecomeChannelsFirstAndUnit(t *testing.T) {
	dir := t.TempDir()
	scaled := func(v ...byte) []float32 {
		x := make([]float32, len(v))
		for i := range v {
			x[i] = float32(v[i])/127.5 - 1
		}
		return x
	}
	for _, c := range []struct {
		name, shape string
		values      []byte
		o           Options
		want        []int
		layout      models.Layout
		first       []float32
	}{
		{"gray", "(2, 5, 4)", ramp(40), Options{}, []int{1, 5, 4}, models.CHW, scaled(ramp(20)...)},
		{"narrow", "(2, 5, 2)", ramp(20), Options{}, []int{1, 5, 2}, models.CHW, scaled(ramp(10)...)},
		{"channels first", "(2, 3, 5, 2)", ramp(60), Options{}, []int{3, 5, 2}, models.CHW, scaled(ramp(30)...)},
		{"channels last", "(2, 2, 2, 3)", ramp(24), Options{Layout: models.HWC}, []int{3, 2, 2}, models.CHW,
			scaled(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11)},
		{"video", "(1, 2, 1, 2, 3)", ramp(12), Options{Layout: models.THWC}, []int{2, 3, 1, 2}, models.TCHW,
			scaled(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11)},
		{"flat", "(2, 20)", ramp(40), Options{Shape: []int{1, 5, 4}}, []int{1, 5, 4}, models.CHW, scaled(ramp(20)...)},
	} {
		s := open(t, write(t, dir, "a.npy", npy("|u1", c.shape, c.values)), c.o)
		require.Equal(t, c.want, s.Shape(), c.name)
		require.Equal(t, c.layout, s.Layout(), c.name)
		require.Equal(t, &[2]float64{-1, 1}, s.Range(), c.name)
		got, _ := first(t, s, 1)
		require.InDeltaSlice(t, c.first, got, 1e-6, c.name)
	}
	s := open(t, write(t, dir, "black and white.npy", npy("|u1", "(1, 1, 2, 2)", []byte{0, 255, 255, 0})), Options{})
	got, _ := first(t, s, 1)
	require.Equal(t, []float32{-1, 1, 1, -1}, got, "the ends are exact")
}

func TestArraysWithARateAreSound(t *testing.T) {
	path := write(t, t.TempDir(), "a.npy", npy("<f4", "(2, 100)", make([]float32, 200)))
	s := open(t, path, Options{Rate: 8000})
	require.Equal(t, []int{1, 100}, s.Shape())
	require.Equal(t, models.CL, s.Layout())
	require.Equal(t, 8000.0, s.Rate())
}

func TestNPZHoldsSamplesAndLabels(t *testing.T) {
	x := npy("<f4", "(3, 2)", []float32{1, 2, 3, 4, 5, 6})
	y := npy("<i8", "(3,)", []int64{2, 0, 1})
	dir := t.TempDir()
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		path := write(t, dir, "a.npz", npz(method, "labels", y, "samples", x))
		s := open(t, path, Options{})
		got, labels := first(t, s, 3)
		require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, got)
		require.Equal(t, []int64{2, 0, 1}, labels)
		require.Equal(t, 3, s.Labels().Count)
		require.Nil(t, open(t, path, Options{Labels: NoLabels}).Labels())

		named := write(t, dir, "b.npz", npz(method, "one", x, "two", y))
		_, err := Open(named, Options{})
		require.ErrorContains(t, err, "found the arrays one, two")
		require.ErrorContains(t, err, "FILE.npz:NAME")
		s = open(t, named+":one", Options{Labels: named + ":two"})
		_, labels = first(t, s, 3)
		require.Equal(t, []int64{2, 0, 1}, labels)
	}
	_, err := Open(write(t, dir, "c.npz", npz(zip.Store, "x", x, "y", npy("<i8", "(2,)", []int64{0, 1}))), Options{})
	require.ErrorContains(t, err, "holds 2 labels, expected one for each of the 3 samples")
}

func TestIDXPlainAndGzipped(t *testing.T) {
	dir := t.TempDir()
	pictures, digits := idx([]uint32{2, 3, 2}, []byte{0, 255, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0}), idx([]uint32{2}, []byte{7, 1})
	plain := write(t, dir, "a", pictures)
	for _, path := range []string{plain, write(t, dir, "a.gz", gzipped(pictures))} {
		for _, labels := range []string{write(t, dir, "l", digits), write(t, dir, "l.gz", gzipped(digits))} {
			s := open(t, path, Options{Labels: labels})
			require.Equal(t, []int{1, 3, 2}, s.Shape())
			require.Equal(t, models.CHW, s.Layout())
			require.Equal(t, 8, s.Labels().Count)
			x, y := first(t, s, 2)
			require.InDeltaSlice(t, []float32{-1, 1, -1, -1, -1, -1, -0.6, -1, -1, -1, -1, -1}, x, 1e-6)
			require.Equal(t, []int64{7, 1}, y)
		}
	}
}

func TestMNIST(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "data", "mnist-t10k")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the 10,000 digits are not beside the repository:", err)
	}
	s := open(t, filepath.Join(folder, "t10k-images-idx3-ubyte.gz"), Options{Labels: filepath.Join(folder, "t10k-labels-idx1-ubyte.gz")})
	require.Equal(t, 10_000, s.Len())
	require.Equal(t, []int{1, 28, 28}, s.Shape())
	require.Equal(t, 10, s.Labels().Count)
	_, labels := first(t, s, 10)
	require.Equal(t, []int64{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}, labels) // the first digits of the test set
	stats, err := Measure(s, 10_000)
	require.NoError(t, err)
	// The known mean of the test set's bytes is 33.79, their deviation 79.17.
	require.InDelta(t, 33.79/127.5-1, stats.Total[0], 1e-4)
	require.InDelta(t, 79.17/127.5, stats.Total[1], 1e-4)
}

func TestBadArraysAreRefusedInOneMessage(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := npy("<f4", "(3, 2)", []float32{1, 2, 3, 4, 5, 6})
	for _, c := range []struct {
		name    string
		content []byte
		o       Options
		want    string
	}{
		{"empty.npy", nil, Options{}, "is empty"},
		{"cut.npy", good[:len(good)-3], Options{}, "expected 24 bytes of data, found 21"},
		{"header.npy", good[:20], Options{}, "header"},
		{"none.npy", npy("<f4", "(0, 2)", []float32{}), Options{}, "holds nothing"},
		{"one.npy", npy("<f4", "()", []float32{1}), Options{}, "single number"},
		{"huge.npy", npy("<f4", "(1000000000, 1000000000)", []float32{1}), Options{}, "expected 4000000000000000000 bytes of data, found 4"},
		{"nan.npy", npy("<f4", "(3, 2)", []float32{1, 2, 3, nan, 5, 6}), Options{}, "sample 1 has the value NaN at element 1"},
		{"inf.npy", npy("<f4", "(3, 2)", []float32{1, 2, 3, 4, inf, 6}), Options{}, "sample 2 has the value +Inf at element 0"},
		{"large.npy", npy("<f8", "(1, 1)", []float64{1e300}), Options{}, "sample 0 has the value +Inf"},
		{"shape.npy", good, Options{Shape: []int{3}}, "cannot be read as --shape [3], 3 elements"},
		{"layout.npy", good, Options{Layout: models.CHW}, "--layout CHW does not fit"},
		{"unclear.npy", npy("|u1", "(1, 3, 5, 3)", ramp(45)), Options{}, "--layout CHW or HWC"},
		{"own.npy", good, Options{Labels: OwnLabels}, "no labels of its own, expected --labels FILE"},
		{"empty.npz", npz(zip.Store), Options{}, "holds no arrays"},
		{"cut.npz", npz(zip.Store, "x", good)[:60], Options{}, "not a readable .npz archive"},
		{"cut.idx", idx([]uint32{2, 3}, []byte{1, 2, 3}), Options{}, "expected a file of 18 bytes, found 15"},
		{"long.idx", idx([]uint32{2, 1}, []byte{1, 2, 3}), Options{}, "expected a file of 14 bytes, found 15"},
		{"huge.idx", idx([]uint32{1 << 31, 1 << 31, 1 << 31}, []byte{1}), Options{}, "more than a file can hold"},
		{"none.idx", idx([]uint32{0, 3}, nil), Options{}, "holds nothing"},
		{"type.idx", []byte{0, 0, 7, 1, 0, 0, 0, 1, 1}, Options{}, "expected the header of an IDX file"},
		{"cut.gz", gzipped(idx([]uint32{2, 3}, ramp(6)))[:25], Options{}, "data"},
		{"short.gz", gzipped(idx([]uint32{2, 3}, ramp(5))), Options{}, "expected 6 bytes of it, found 5"},
		{"long.gz", gzipped(idx([]uint32{2, 3}, ramp(7))), Options{}, "expected 6 bytes of it, found more"},
		{"other.gz", gzipped([]byte("hello, world")), Options{}, "unpacked, it begins with"},
		{"a.h5", []byte("\x89HDF\r\n\x1a\n"), Options{}, "found an HDF5 file; what is read is"},
		{"a.bin", []byte{1, 2, 3, 255}, Options{}, "found bytes of no known kind; what is read is"},
		{"a.png", []byte("\x89PNG\r\n\x1a\n"), Options{}, "found one picture, expected a folder of them"},
	} {
		path := write(t, t.TempDir(), c.name, c.content)
		s, err := Open(path, c.o)
		require.Error(t, err, c.name)
		require.Nil(t, s)
		require.ErrorContains(t, err, c.want, c.name)
		require.Equal(t, 1, strings.Count(err.Error(), path), "%s: the file is named once: %s", c.name, err)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestNoMemoryIsTakenForWhatAHeaderClaims(t *testing.T) {
	dir := t.TempDir()
	bomb := gzipped(idx([]uint32{60_000, 200, 200}, make([]byte, 100)))
	for _, path := range []string{
		write(t, dir, "bomb.gz", bomb),
		write(t, dir, "bomb.idx", idx([]uint32{60_000, 200, 200}, nil)),
		write(t, dir, "bomb.npy", npy("<f4", "(60000, 200, 200)", []float32{1})),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Open(path, Options{})
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), path)
	}
}

func TestLabelsOfEveryKind(t *testing.T) {
	dir := t.TempDir()
	data := write(t, dir, "x.npy", npy("<f4", "(4, 1)", []float32{1, 2, 3, 4}))
	for name, content := range map[string][]byte{
		"i.npy":        npy("<i8", "(4,)", []int64{0, 2, 1, 2}),
		"f.npy":        npy("<f4", "(4, 1)", []float32{0, 2, 1, 2}),
		"l.npz":        npz(zip.Deflate, "x", npy("<f4", "(1,)", []float32{9}), "labels", npy("|u1", "(4,)", []byte{0, 2, 1, 2})),
		"l.idx":        idx([]uint32{4}, []byte{0, 2, 1, 2}),
		"l.txt":        []byte("0\n2\n1\n2"),
		"l.csv":        []byte("\ufefflabel\r\n0\r\n2\r\n1\r\n2\r\n"),
		"names.txt":    []byte("ant\ncat\nbee\ncat\n"),
		"named.csv":    []byte("\"ant\"\n\"cat\"\n\"bee, wild\"\n\"cat\"\n"),
		"headings.csv": []byte("class\n0.0\n2\n1e0\n2\n"),
	} {
		s := open(t, data, Options{Labels: write(t, dir, name, content)})
		_, labels := first(t, s, 4)
		require.Equal(t, []int64{0, 2, 1, 2}, labels, name)
		require.Equal(t, 3, s.Labels().Count, name)
		if name == "names.txt" {
			require.Equal(t, []string{"ant", "bee", "cat"}, s.Labels().Names)
		}
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"few.npy":      {npy("<i8", "(3,)", []int64{0, 2, 1}), "holds 3 labels, expected one for each of the 4 samples"},
		"few.txt":      {[]byte("0\n1\n"), "holds 2 labels, expected one for each of the 4 samples"},
		"negative.npy": {npy("<i8", "(4,)", []int64{0, 1, -1, 2}), "sample 2 has the label -1, expected a whole number from 0"},
		"half.txt":     {[]byte("0\n1\n0.5\n1\n"), "sample 2 has the label 0.5, expected a whole number"},
		"nan.npy":      {npy("<f4", "(4,)", []float32{0, float32(math.NaN()), 0, 0}), "sample 1 has the label NaN"},
		"large.npy":    {npy("<i8", "(4,)", []int64{0, 1, 1 << 40, 2}), "expected a whole number from 0 to 65535"},
		"mixed.txt":    {[]byte("0\n1\ncat\n2\n"), `sample 2 has the label "cat" among numbers`},
		"gap.txt":      {[]byte("0\n\n1\n2\n"), "line 2 is empty"},
		"table.csv":    {[]byte("a.png,0\nb.png,1\n"), "line 1 has several columns"},
		"onehot.npy":   {npy("<i8", "(4, 2)", make([]int64, 8)), "has the shape [4 2], expected [4]"},
		"sound.wav":    {[]byte("RIFF....WAVE"), "found a WAV file"},
		"empty.txt":    {nil, "is empty"},
	} {
		path := write(t, dir, name, c.content)
		_, err := Open(data, Options{Labels: path})
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, path, name)
	}
	_, err := Open(data, Options{Labels: filepath.Join(dir, "nowhere.npy")})
	require.ErrorContains(t, err, "nowhere.npy: no such file")
}

func TestALargeFileIsReadInPieces(t *testing.T) {
	const rows = 500_000 // 1 GB
	path := sparse(t, rows)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := open(t, path, Options{})
	x := make([]float32, 512)
	require.NoError(t, s.Read(x, nil, []int64{rows - 1}))
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
	require.Equal(t, rows, s.Len())
}

// sparse makes a .npy of [rows, 512] zeros, which take no room on the disk.
func sparse(t *testing.T, rows int) string {
	t.Helper()
	const width = 512
	path := write(t, t.TempDir(), "large.npy", npy("<f4", fmt.Sprintf("(%d, %d)", rows, width), []float32{}))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, info.Size()+4*width*int64(rows)))
	return path
}

func TestAFileThatShrinksUnderTheReaderIsAnError(t *testing.T) {
	for _, path := range []string{
		sparse(t, 40_000),
		write(t, t.TempDir(), "small.npy", npy("<f4", "(100, 4)", make([]float32, 400))),
		write(t, t.TempDir(), "text.txt", []byte(strings.Repeat("hello, world\n", 100))),
		write(t, t.TempDir(), "table.csv", []byte(strings.Repeat("1,2\n", 100))),
		write(t, t.TempDir(), "sound.wav", wavFile(1, 1, 8000, 16, ramp(2000))),
	} {
		s := open(t, path, Options{Window: 10})
		x := make([]float32, Dim(s))
		last := []int64{int64(s.Len() - 1)}
		require.NoError(t, s.Read(x, nil, last))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, info.Size()/2))
		err = s.Read(x, nil, last)
		require.ErrorContains(t, err, fmt.Sprintf("expected the %d that it had when it was opened", info.Size()), path)
		require.Equal(t, 1, strings.Count(err.Error(), path), err.Error())
	}
}

func TestFingerprintsTellChangedFiles(t *testing.T) {
	large := sparse(t, 40_000)
	small := write(t, t.TempDir(), "a.npy", npy("<f4", "(2, 2)", []float32{1, 2, 3, 4}))
	for _, path := range []string{large, small} {
		before := open(t, path, Options{}).Fingerprint()
		require.Equal(t, before, open(t, path, Options{}).Fingerprint())
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		_, err = f.WriteAt([]byte{1}, info.Size()-1)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NotEqual(t, before, open(t, path, Options{}).Fingerprint())
	}
	reshaped := open(t, small, Options{Shape: []int{1, 2}})
	require.NotEqual(t, open(t, small, Options{}).Fingerprint(), reshaped.Fingerprint())
}

func TestManyReadersAtOnceReadWhatOneReads(t *testing.T) {
	values := make([]float32, 3000)
	for i := range values {
		values[i] = float32(i)
	}
	dir := t.TempDir()
	for _, path := range []string{
		"spirals",
		write(t, dir, "a.npy", npy("<f4", "(1000, 3)", values)),
		write(t, dir, "text.txt", []byte(strings.Repeat("Odéon. ", 200))),
	} {
		s := open(t, path, Options{Window: 8})
		want, _ := first(t, s, 500)
		dim := Dim(s)
		var wait sync.WaitGroup
		for worker := range 4 {
			wait.Go(func() {
				x := make([]float32, dim)
				for k := worker; k < 500; k += 4 {
					if err := s.Read(x, nil, []int64{int64(k)}); err != nil {
						t.Error(err)
					}
					for j, v := range x {
						if v != want[k*dim+j] {
							t.Errorf("%s: sample %d differs", path, k)
							return
						}
					}
				}
			})
		}
		wait.Wait()
	}
}

func TestUnknownNamesAreAnsweredWithTheNearest(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "digits.npz", nil)
	for text, want := range map[string]string{
		"moon":                             `did you mean "moons"?`,
		"swiss-roll":                       `did you mean "swissroll"?`,
		filepath.Join(dir, "digit.npz"):    `did you mean "digits.npz"?`,
		filepath.Join(dir, "no", "where"):  "built in are moons, checkerboard",
		"":                                 "no data is named",
		filepath.Join(dir, "digits.npz:x"): "is empty",
	} {
		_, err := Open(text, Options{})
		require.ErrorContains(t, err, want, text)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"size -1":    {Size: -1},
		"window -2":  {Window: -2},
		"stride -3":  {Stride: -3},
		"rate NaN":   {Rate: math.NaN()},
		"shape [0]":  {Shape: []int{0}},
		"shape [214": {Shape: []int{1 << 31, 1 << 31}},
	} {
		_, err := Open("moons", o)
		require.ErrorContains(t, err, want)
	}
}

func BenchmarkMNIST(b *testing.B) {
	path := write(b, b.TempDir(), "a.idx", idx([]uint32{1000, 28, 28}, make([]byte, 784_000)))
	s := open(b, path, Options{})
	x, indices := make([]float32, 64*784), make([]int64, 64)
	NewOrder(s.Len(), 0).Indices(indices, 0)
	for b.Loop() {
		if err := s.Read(x, nil, indices); err != nil {
			b.Fatal(err)
		}
	}
}
