package render

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// noise gives standard normals, the same for the same seed.
func noise(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// times are those of a uniform walk's recorded states.
func times(steps int) []float64 {
	var list []float64
	for _, k := range FrameSteps(steps) {
		list = append(list, float64(k)/float64(steps))
	}
	return list
}

// straight is the way on straight lines from noise to x.
func straight(x []float32, t float64) []float32 {
	start := noise(99, len(x))
	state := make([]float32, len(x))
	for i := range x {
		state[i] = float32(1-t)*start[i] + float32(t)*x[i]
	}
	return state
}

// save writes all samples, in chunks of three, with their way where the sink asks for it.
func save(t *testing.T, path string, s Samples, o Options, x []float32) Sink {
	t.Helper()
	size := s.Size()
	n := len(x) / size
	sink, err := NewSink(path, n, s, o)
	require.NoError(t, err)
	for first := 0; first < n; first += 3 {
		chunk := x[first*size : min(first+3, n)*size]
		for frame, at := range o.Times {
			if first < sink.Shown() {
				sink.Record(frame, first, straight(x, at)[first*size:min(first+3, n)*size])
			}
		}
		require.NoError(t, sink.Write(first, chunk))
	}
	require.NoError(t, CloseAll(sink))
	return sink
}

func list(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// kinds has small samples of every kind, with what can be written of them.
var kinds = []struct {
	name       string
	samples    Samples
	extensions []string
}{
	{"gray", Samples{Shape: []int{1, 8, 6}, Layout: CHW}, []string{".png", ".gif", ".apng", ".svg", ".npy", ".npz", ".csv", ".txt"}},
	{"colour", Samples{Shape: []int{5, 7, 3}, Layout: HWC}, []string{".png", ".gif", ".apng", ".svg", ".npy", ".npz", ".csv", ".txt"}},
	{"alpha", Samples{Shape: []int{4, 5, 5}, Layout: CHW}, []string{".png", ".gif", ".apng", ".svg"}},
	{"latent", Samples{Shape: []int{4, 5, 5}, Layout: CHW, Latent: true}, []string{".png", ".gif", ".apng", ".svg"}},
	{"points", Samples{Shape: []int{2}, Layout: Points}, []string{".png", ".gif", ".apng", ".svg", ".npy", ".npz", ".csv", ".txt"}},
	{"classes", Samples{Shape: []int{2}, Layout: Points, Labels: []string{"a", "b"}}, []string{".png", ".gif", ".svg"}},
	{"line", Samples{Shape: []int{1}, Layout: Points}, []string{".png", ".gif", ".apng", ".svg"}},
	{"number", Samples{Shape: nil, Layout: Points}, []string{".png", ".csv", ".npy"}},
	{"sets", Samples{Shape: []int{5, 3}, Layout: Points}, []string{".png", ".gif", ".svg", ".npy"}},
	{"signal", Samples{Shape: []int{40}, Layout: L}, []string{".png", ".gif", ".apng", ".svg", ".npy", ".csv", ".txt"}},
	{"sound", Samples{Shape: []int{2, 1500}, Layout: CL, Rate: 8000}, []string{".png", ".gif", ".svg", ".npy", ".wav"}},
	{"video", Samples{Shape: []int{9, 1, 6, 6}, Layout: TCHW}, []string{".png", ".gif", ".apng", ".svg", ".npy", ".csv", ".txt"}},
	{"text", Samples{Shape: []int{3, 2}, Layout: HW, Vocabulary: []string{"a", "b"}}, []string{".npy", ".npz", ".csv", ".txt"}},
}

func TestEveryFileDependsOnItsSamplesAlone(t *testing.T) {
	for _, k := range kinds {
		for _, extension := range k.extensions {
			for _, trajectories := range []bool{false, true} {
				if still := extension == ".png" || extension == ".svg"; trajectories && !still {
					continue
				}
				o := Options{Times: times(2), Trajectories: trajectories, Meta: Meta{Title: "title", Text: []Field{{"seed", "7"}}}}
				x := noise(1, 8*k.samples.Size())
				var files [2][]byte
				folder := t.TempDir()
				for i := range files {
					path := filepath.Join(folder, fmt.Sprint(i, extension))
					sink := save(t, path, k.samples, o, x)
					require.Equal(t, []string{path}, sink.Files())
					var err error
					files[i], err = os.ReadFile(path)
					require.NoError(t, err)
				}
				require.NotEmpty(t, files[0])
				require.True(t, bytes.Equal(files[0], files[1]), "%s%s", k.name, extension)
				require.Len(t, list(t, folder), 2, "nothing temporary is left")
			}
		}
	}
}

func TestInterruptedRunsLeaveTheOlderFile(t *testing.T) {
	for _, k := range kinds {
		for _, extension := range k.extensions {
			folder := t.TempDir()
			path := filepath.Join(folder, "x"+extension)
			require.NoError(t, os.WriteFile(path, []byte("older"), 0o666))
			sink, err := NewSink(path, 4, k.samples, Options{Times: times(7)})
			require.NoError(t, err)
			require.NoError(t, sink.Write(0, noise(1, 2*k.samples.Size())))
			sink.Abort()
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "older", string(data), "%s%s", k.name, extension)
			require.Len(t, list(t, folder), 1)
		}
	}
}

// Workers walk chunks of samples side by side, each telling the states of its own.
func TestStatesMayComeSideBySide(t *testing.T) {
	for _, k := range kinds {
		if !slices.Contains([]string{"colour", "points", "signal"}, k.name) {
			continue
		}
		for _, name := range []string{"x.gif", "x%d.gif"} {
			folder := t.TempDir()
			path := filepath.Join(folder, name)
			size, n := k.samples.Size(), 4
			o := Options{Times: times(2)}
			x := noise(1, n*size)
			want := save(t, path, k.samples, o, x)
			ordered, err := os.ReadFile(want.Files()[0])
			require.NoError(t, err)

			sink, err := NewSink(path, n, k.samples, o)
			require.NoError(t, err)
			var wg sync.WaitGroup
			for s := range n {
				wg.Go(func() {
					for frame, at := range o.Times {
						sink.Record(frame, s, straight(x, at)[s*size:(s+1)*size])
					}
				})
			}
			wg.Wait()
			require.NoError(t, sink.Write(0, x))
			require.NoError(t, sink.Close())
			got, err := os.ReadFile(sink.Files()[0])
			require.NoError(t, err)
			require.True(t, bytes.Equal(ordered, got), "%s %s", k.name, name)
		}
	}
}

func TestMissingSamplesAreAnError(t *testing.T) {
	folder := t.TempDir()
	s := Samples{Shape: []int{2}, Layout: Points}
	for _, name := range []string{"x.npy", "x-%d.png"} {
		sink, err := NewSink(filepath.Join(folder, name), 3, s, Options{})
		require.NoError(t, err)
		require.NoError(t, sink.Write(0, noise(1, 4)))
		require.ErrorContains(t, sink.Close(), "2 of 3 samples were written")
		require.Empty(t, list(t, folder))
	}
}

func TestAllFilesAppearOrNone(t *testing.T) {
	folder := t.TempDir()
	s := Samples{Shape: []int{2}, Layout: Points}
	var sinks []Sink
	for _, name := range []string{"a.npy", "b.csv", "c-%d.png", "d.png"} {
		sink, err := NewSink(filepath.Join(folder, name), 2, s, Options{})
		require.NoError(t, err)
		sinks = append(sinks, sink)
	}
	for _, sink := range sinks[:3] {
		require.NoError(t, sink.Write(0, noise(1, 4)))
	}
	require.Error(t, CloseAll(sinks...), "the last has no samples")
	require.Empty(t, list(t, folder))
}

func TestWhatAFileCannotHoldIsKnownBeforeTheWork(t *testing.T) {
	picture := Samples{Shape: []int{3, 4, 4}, Layout: CHW}
	sound := Samples{Shape: []int{100}, Layout: L, Rate: 8000}
	words := Samples{Shape: []int{9}, Layout: L, Vocabulary: []string{"a", "b"}}
	silent, many, empty, odd, upside := sound, sound, picture, words, picture
	silent.Rate = 0
	many.Shape, many.Layout = []int{6, 100}, CL
	empty.Shape = []int{3, 0, 4}
	odd.Shape = []int{9, 3}
	upside.Range = [2]float64{1, -1}
	for _, c := range []struct {
		name string
		s    Samples
		want string
	}{
		{"x.wav", picture, "x.wav: .wav cannot hold pictures (CHW [3 4 4]), expected one of .png .gif .apng .svg .npy .npz .csv .txt"},
		{"x.gif", words, "x.gif: .gif cannot hold text ([9]), expected one of .png .svg .npy .npz .csv .txt"},
		{"x.jpg", picture, "x.jpg: found the extension .jpg, expected one of .png .gif"},
		{"x", sound, "x: found no extension, expected one of .png .gif .apng .svg .npy .npz .csv .wav .txt"},
		{"x.wav", silent, `x.wav: the model does not say its sampling rate: add "rate" to its card`},
		{"x.wav", many, "x.wav: samples have 6 channels, expected 1 or 2"},
		{"x.gif", picture, "x.gif: an animation shows the samples on their way"},
		{"x.png", empty, "x.png: a sample of shape [3 0 4] holds nothing"},
		{"x.txt", odd, "x.txt: text samples of shape [9 3], expected [L] or [L, 2]"},
		{"x.png", upside, "x.png: range [1, -1], expected the lower value first"},
		{"x.png", Samples{Shape: []int{4, 4}, Layout: CHW}, "x.png: layout CHW does not fit samples of shape [4 4], expected 3 axes"},
		{"x.png", Samples{Shape: []int{4, 4}, Layout: "WH"}, `x.png: layout "WH", expected one of CHW`},
		{"none/x.png", picture, "none does not exist"},
		{"none/x-%d.png", picture, "none does not exist"},
		{"x-%d.npy", picture, ".npy holds all samples in one file: take %d out of the name"},
		{"%d-%d.png", picture, "found two places for the sample's number, expected one"},
		{"%s.png", picture, `found "%s", expected %d or %03d`},
		{"%3d.png", picture, `found "%3", expected %d or %03d`},
		{"50%.png", picture, `found "%.", expected %d or %03d`},
	} {
		folder := t.TempDir()
		t.Chdir(folder)
		_, err := NewSink(c.name, 4, c.s, Options{})
		require.ErrorContains(t, err, c.want)
		require.Empty(t, list(t, folder))
	}
}

func TestNamesWithANumber(t *testing.T) {
	for _, c := range []struct {
		name  string
		first int
		want  []string
	}{
		{"x-%d.png", 0, []string{"x-0.png", "x-1.png"}},
		{"x-%03d.png", 9, []string{"x-009.png", "x-010.png"}},
		{"%d%%.png", 3, []string{"3%.png", "4%.png"}},
		{"100%%.png", 3, []string{"100%.png"}},
	} {
		folder := t.TempDir()
		t.Chdir(folder)
		sink := save(t, c.name, Samples{Shape: []int{4, 4}, Layout: HW}, Options{First: c.first}, noise(1, 32))
		require.Equal(t, c.want, sink.Files())
		require.ElementsMatch(t, c.want, list(t, folder))
	}
}

func TestASeriesHasOneFileASampleInEveryFormat(t *testing.T) {
	folder := t.TempDir()
	sound := Samples{Shape: []int{100}, Layout: L, Rate: 8000}
	for _, extension := range []string{".png", ".gif", ".apng", ".svg", ".wav", ".txt"} {
		sink := save(t, filepath.Join(folder, "x%d"+extension), sound, Options{Times: times(2)}, noise(1, 500))
		require.Len(t, sink.Files(), 5)
		for _, name := range sink.Files() {
			require.FileExists(t, name)
		}
	}
	require.Len(t, list(t, folder), 30)
}

func TestDefaultNamesTellTheModel(t *testing.T) {
	for _, c := range []struct {
		model string
		s     Samples
		want  string
	}{
		{"moons", Samples{Shape: []int{2}, Layout: Points}, "moons-samples.png"},
		{"a/b/mnist-vit.onnx", Samples{Shape: []int{1, 28, 28}, Layout: CHW}, "mnist-vit-samples.png"},
		{`c:\nets\voice.odeon.json`, Samples{Shape: []int{8000}, Layout: L, Rate: 8000}, "voice-samples.wav"},
		{"ecg", Samples{Shape: []int{800}, Layout: L}, "ecg-samples.png"},
		{"clips", Samples{Shape: []int{8, 3, 9, 9}, Layout: TCHW}, "clips-samples.gif"},
		{"poems", Samples{Shape: []int{8}, Layout: L, Vocabulary: []string{"a"}}, "poems-samples.txt"},
		{"50%d?.onnx", Samples{Shape: []int{2}, Layout: Points}, "50-d--samples.png"},
		{"", Samples{Shape: []int{2}, Layout: Points}, "odeon-samples.png"},
	} {
		require.Equal(t, c.want, DefaultName(c.model, c.s))
	}
}
