package array

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fixture(name string) string { return filepath.Join("testdata", name) }

func TestEveryTypeAndOrderReadsAsTheSameNumbers(t *testing.T) {
	names, err := Names(fixture("types.npz"))
	require.NoError(t, err)
	read := 0
	for _, name := range names {
		if !strings.Contains(name, "little_") && !strings.Contains(name, "big_") {
			continue
		}
		read++
		a, err := ReadNPZ(fixture("types.npz"), name)
		require.NoError(t, err, name)
		require.Equal(t, []int{2, 3}, a.Shape, name)
		require.Equal(t, []float32{0, 1, 2, 3, 4, 5}, a.Float32(), name)
		require.Equal(t, []float64{0, 1, 2, 3, 4, 5}, a.Float64(), name)
		whole, err := a.Int64()
		require.NoError(t, err, name)
		require.Equal(t, []int64{0, 1, 2, 3, 4, 5}, whole, name)
	}
	require.Equal(t, 44, read, "11 types in 2 byte orders and 2 index orders")
}

func TestFortranOrderOfThreeAxes(t *testing.T) {
	a, err := ReadNPZ(fixture("types.npz"), "fortran_cube")
	require.NoError(t, err)
	for i, v := range a.Float32() {
		require.EqualValues(t, i, v)
	}
}

// The bit patterns and their values are those of IEEE 754 binary16, table 3.5.
func TestFloat16CoversTheRange(t *testing.T) {
	a, err := ReadNPZ(fixture("types.npz"), "halves")
	require.NoError(t, err)
	inf := math.Inf(1)
	want := []float64{0, math.Copysign(0, -1), 0x1p-24, 1023 * 0x1p-24, 0x1p-14, 1, -(1 + 0x1p-10), 65504, inf, -inf, math.NaN()}
	got := a.Float64()
	require.Len(t, got, len(want))
	for i := range want {
		if math.IsNaN(want[i]) {
			require.True(t, math.IsNaN(got[i]))
			continue
		}
		require.Equal(t, math.Float64bits(want[i]), math.Float64bits(got[i]), "element %d", i)
	}
}

func TestScalarsEmptyArraysAndBools(t *testing.T) {
	a, err := ReadNPZ(fixture("types.npz"), "scalar")
	require.NoError(t, err)
	require.Equal(t, []int{}, a.Shape)
	require.Equal(t, []float32{1.5}, a.Float32())

	a, err = ReadNPZ(fixture("types.npz"), "empty")
	require.NoError(t, err)
	require.Equal(t, []int{3, 0, 2}, a.Shape)
	require.Empty(t, a.Float32())

	a, err = ReadNPZ(fixture("types.npz"), "bool")
	require.NoError(t, err)
	require.Equal(t, []float32{0, 0, 0, 1, 1, 1}, a.Float32())
}

func TestIntegersAreExactOrRefused(t *testing.T) {
	a, err := ReadNPZ(fixture("types.npz"), "large")
	require.NoError(t, err)
	x, err := a.Int64()
	require.NoError(t, err)
	require.Equal(t, []int64{math.MaxInt64, math.MinInt64}, x)

	a, err = ReadNPZ(fixture("types.npz"), "beyond")
	require.NoError(t, err)
	_, err = a.Int64()
	require.EqualError(t, err, "element 0 is beyond the range of int64")

	a, err = ReadNPZ(fixture("types.npz"), "doubles")
	require.NoError(t, err)
	_, err = a.Int64()
	require.ErrorContains(t, err, "element 0 is 0.333")
	require.Equal(t, []float32{float32(1.0 / 3), float32(math.Inf(1)), float32(math.Copysign(0, -1))}, a.Float32())

	nan := &Array{Shape: []int{1}, DType: "float32", f32: []float32{float32(math.NaN())}}
	_, err = nan.Int64()
	require.ErrorContains(t, err, "element 0 is NaN")
}

func TestAllHeaderVersions(t *testing.T) {
	for _, version := range []int{2, 3} {
		a, err := Read(fixture(fmt.Sprintf("version%d.npy", version)))
		require.NoError(t, err)
		require.Equal(t, []float32{7, 8}, a.Float32())
	}
	a, err := Read(fixture("plain.npy"))
	require.NoError(t, err)
	require.Equal(t, "float32", a.DType)
	require.Equal(t, []float32{0.5, -1.25, 3}, a.Float32())
}

func TestReadChoosesTheNamedArrayElseTheOnlyOne(t *testing.T) {
	a, err := Read(fixture("deflated.npz"), "init", "samples")
	require.NoError(t, err)
	require.Equal(t, []int{100, 20}, a.Shape)

	a, err = Read(fixture("single.npz"), "init")
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2}, a.Float32())

	_, err = Read(fixture("deflated.npz"), "init")
	require.EqualError(t, err, fixture("deflated.npz")+": found the arrays samples, label, expected one called init")
	_, err = Read(fixture("deflated.npz"))
	require.EqualError(t, err, fixture("deflated.npz")+": found the arrays samples, label, expected one array")
	_, err = ReadNPZ(fixture("single.npz"), "init")
	require.EqualError(t, err, fixture("single.npz")+": found the arrays whatever, expected one called init")
}

// npy builds a file from a header's text and data.
func npy(header string, data ...byte) []byte {
	b := append([]byte(magic), 1, 0, byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), data...)
}

func TestDefectsAreOneErrorThatSaysWhatWasFoundAndExpected(t *testing.T) {
	whole, err := os.ReadFile(fixture("plain.npy"))
	require.NoError(t, err)
	four := []byte{0, 0, 0, 0}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty file", nil, "ends early, expected the 8 bytes every .npy file begins with"},
		{"other file", []byte("\x89PNG\r\n\x1a\n...."), "begins with 89 50 4e 47 0d 0a, expected 93 4e 55 4d 50 59: not a .npy file"},
		{"version", append([]byte(magic), 9, 0, 1, 1), "has .npy version 9.0, expected 1, 2 or 3"},
		{"no header", append([]byte(magic), 1, 0), "ends early, expected the length of the header"},
		{"header beyond the file", append([]byte(magic), 2, 0, 255, 255, 255, 127), "claims a header of 2147483647 bytes, expected at most 0"},
		{"cut data", whole[:len(whole)-2], "claims float32 of shape (1, 3), expected 12 bytes of data, found 10"},
		{"more data", append(bytes.Clone(whole), 1), "claims float32 of shape (1, 3), expected 12 bytes of data, found 13"},
		{"huge shape", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000)}", four...), "claims float32 of shape (1000000, 1000000), expected 4000000000000 bytes of data, found 4"},
		{"overflowing shape", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"), "claims the shape (4294967296, 4294967296): more than a file can hold"},
		{"overflowing empty shape", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}"), "more than a file can hold"},
		{"size beyond an integer", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"), "expected a size"},
		{"negative size", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), `header: found "-1,)}", expected a size`},
		{"complex numbers", npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", four...), `holds elements of type "<c8", expected float16 to float64`},
		{"Python objects", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", four...), `holds elements of type "|O"`},
		{"records", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", four...), "holds records"},
		{"no type", npy("{'fortran_order': False, 'shape': (1,)}", four...), `header: "descr" is missing`},
		{"empty type", npy("{'descr': '', 'fortran_order': False, 'shape': (1,)}", four...), `holds elements of type ""`},
		{"two types", npy("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", four...), `header: "descr" is given twice`},
		{"unknown field", npy("{'descr': '<f4', 'order': False, 'shape': (1,)}", four...), `header: unknown field "order"`},
		{"order", npy("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}", four...), "expected True or False"},
		{"no dictionary", npy("[]"), `header: found "[]", expected {`},
		{"open dictionary", npy("{'descr': '<f4'"), "expected }"},
		{"open text", npy("{'descr"), "expected a quoted name"},
		{"after the dictionary", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", four...), "expected the end of the header"},
		{"too many axes", npy("{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("1,", 65)+")}", four...), "has more than 64 dimensions"},
		{"no archive", []byte("PK\x03\x04 but nothing else"), "not a readable .npz archive"},
	} {
		path := filepath.Join(t.TempDir(), "bad.npy")
		require.NoError(t, os.WriteFile(path, c.file, 0o666))
		_, err := Read(path)
		require.ErrorContains(t, err, c.want, c.name)
		require.ErrorContains(t, err, path+": ", c.name)
	}
	_, err = Read(filepath.Join(t.TempDir(), "none.npy"))
	require.ErrorContains(t, err, "none.npy: no such file or directory")
	dir := t.TempDir()
	_, err = Read(dir)
	require.EqualError(t, err, dir+": is a folder, expected a .npy or .npz file")
}

// archive packs one member whose header lies about its size.
func lyingArchive(t *testing.T, content []byte, claimed uint64) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "a.npy", Method: zip.Store, CompressedSize64: uint64(len(content)), UncompressedSize64: claimed})
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestAnArchiveThatClaimsMuchTakesLittleMemory(t *testing.T) {
	header := npy("{'descr': '<f4', 'fortran_order': False, 'shape': (250000000,)}")
	claimed := uint64(1_000_000_000 + len(header))
	path := filepath.Join(t.TempDir(), "bomb.npz")
	require.NoError(t, os.WriteFile(path, lyingArchive(t, header, claimed), 0o666))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(path)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "more than its")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))

	// Compressed data may hold what it claims: memory grows with what really comes out.
	big := append(header, make([]byte, 1_000_000)...)
	require.NoError(t, os.WriteFile(path, lyingArchive(t, big, claimed), 0o666))
	runtime.ReadMemStats(&before)
	_, err = Read(path)
	runtime.ReadMemStats(&after)
	require.Error(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}

func TestADamagedArchiveIsRefused(t *testing.T) {
	whole, err := os.ReadFile(fixture("single.npz"))
	require.NoError(t, err)
	at := bytes.Index(whole, []byte{0, 0, 0x80, 0x3f}) // the 1.0
	require.Positive(t, at)
	whole[at]++
	path := filepath.Join(t.TempDir(), "bad.npz")
	require.NoError(t, os.WriteFile(path, whole, 0o666))
	_, err = Read(path)
	require.ErrorContains(t, err, `array "whatever": zip: checksum error`)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"plain.npy", "version2.npy", "version3.npy", "single.npz", "deflated.npz", "types.npz"} {
		data, err := os.ReadFile(fixture(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a *Array
		var err error
		if bytes.HasPrefix(data, []byte("PK")) {
			a, err = readMember("fuzz.npz", bytes.NewReader(data), int64(len(data)), nil, false)
		} else {
			a, err = decode(bytes.NewReader(data), int64(len(data)))
		}
		if err != nil {
			return
		}
		if a.Len() > maxRatio*len(data) {
			t.Fatalf("%d elements from %d bytes", a.Len(), len(data))
		}
		if len(a.Float32()) != a.Len() || len(a.Float64()) != a.Len() {
			t.Fatalf("%d elements of shape %v", len(a.Float32()), a.Shape)
		}
		if x, err := a.Int64(); err == nil && len(x) != a.Len() {
			t.Fatalf("%d integers of shape %v", len(x), a.Shape)
		}
	})
}
