package onnx

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// openRuntime opens the ONNX Runtime of this machine, installing it as `odeon sample` would where there is none.
func openRuntime(t testing.TB) *Runtime {
	t.Helper()
	if r := process.runtime; r != nil {
		return r
	}
	library, err := Find("")
	if err != nil {
		library, err = Install(t.Context(), InstallOptions{})
	}
	require.NoError(t, err)
	r, err := Open(library)
	require.NoError(t, err)
	return r
}

// addition computes y = x + s for a free number of rows.
func addition(t testing.TB, dtype DType, scalar bool) []byte {
	g := NewGraph("addition")
	x := g.Input("x", dtype, Free("n"), Fixed(2))
	var s Ref
	if scalar {
		s = g.Input("s", dtype)
	} else {
		s = g.Input("s", dtype, Fixed(1))
	}
	g.Output("y", g.Node("Add", x, s), dtype, Free("n"), Fixed(2))
	return built(t, g)
}

// endless multiplies matrices some 10^9 times.
func endless(t testing.TB) []byte {
	g := NewGraph("endless")
	x := g.Input("x", Float32, Fixed(64), Fixed(64))
	body := g.Subgraph("body")
	body.Input("i", Int64)
	goOn := body.Input("go_on", Bool)
	carried := body.Input("carried", Float32, Fixed(64), Fixed(64))
	body.Output("still", body.Node("Identity", goOn), Bool)
	body.Output("next", body.Node("MatMul", carried, carried), Float32, Fixed(64), Fixed(64))
	count := g.Const("count", Scalar(int64(1e9)))
	g.Output("y", g.Node("Loop", count, None, x, Body("body", body)), Float32, Fixed(64), Fixed(64))
	return built(t, g)
}

func session(t testing.TB, model []byte, inputs, outputs []string) *Session {
	t.Helper()
	s, err := openRuntime(t).NewSessionBytes("test.onnx", model, inputs, outputs, SessionOptions{Provider: "cpu", Threads: 1})
	require.NoError(t, err)
	t.Cleanup(s.Destroy)
	return s
}

func call(t testing.TB, ctx context.Context, s *Session) *Call {
	t.Helper()
	c, err := s.NewCall(ctx)
	require.NoError(t, err)
	t.Cleanup(c.Destroy)
	return c
}

func tensor[T Element](t testing.TB, shape []int64, data []T) *Tensor {
	t.Helper()
	made, err := NewTensor(shape, data)
	require.NoError(t, err)
	t.Cleanup(made.Destroy)
	return made
}

// addsInPlace runs the addition on slices of T and changes the slices between two runs.
func addsInPlace[T int32 | int64 | float32 | float64 | uint8](t *testing.T, scalar bool) {
	s := session(t, addition(t, TypeOf[T](), scalar), []string{"x", "s"}, []string{"y"})
	c := call(t, t.Context(), s)
	x, added, y := []T{1, 2, 3, 4, 5, 6}, []T{10}, make([]T, 6)
	shape := []int64{1}
	if scalar {
		shape = nil
	}
	in := []*Tensor{tensor(t, []int64{3, 2}, x), tensor(t, shape, added)}
	out := []*Tensor{tensor(t, []int64{3, 2}, y)}
	require.NoError(t, c.Run(in, out))
	require.Equal(t, []T{11, 12, 13, 14, 15, 16}, y)
	x[0], added[0] = 100, 20
	require.NoError(t, c.Run(in, out))
	require.Equal(t, []T{120, 22, 23, 24, 25, 26}, y)
}

func TestRunsReadAndWriteTheCallersSlices(t *testing.T) {
	for _, scalar := range []bool{false, true} {
		addsInPlace[float32](t, scalar)
		addsInPlace[float64](t, scalar)
		addsInPlace[int32](t, scalar)
		addsInPlace[int64](t, scalar)
		addsInPlace[uint8](t, scalar)
	}
}

func TestFloat16Tensors(t *testing.T) {
	for _, scalar := range []bool{false, true} {
		s := session(t, addition(t, Float16, scalar), []string{"x", "s"}, []string{"y"})
		c := call(t, t.Context(), s)
		x, added, y := make([]Half, 2), make([]Half, 1), make([]Half, 2)
		shape := []int64{1}
		if scalar {
			shape = nil
		}
		in := []*Tensor{tensor(t, []int64{1, 2}, x), tensor(t, shape, added)}
		out := []*Tensor{tensor(t, []int64{1, 2}, y)}
		Float16FromFloat32(x, []float32{1.5, -2})
		got := make([]float32, 2)
		for _, number := range []float32{0.25, 8} {
			Float16FromFloat32(added, []float32{number})
			require.NoError(t, c.Run(in, out))
			Float32FromFloat16(got, y)
			require.Equal(t, []float32{1.5 + number, -2 + number}, got)
		}
	}
}

func TestBoolTensorsAndScalarOutputs(t *testing.T) {
	g := NewGraph("negation")
	g.Output("q", g.Node("Not", g.Input("p", Bool, Fixed(2))), Bool, Fixed(2))
	g.Output("sum", g.Node("ReduceSum", g.Input("x", Float32, Fixed(3)), Int("keepdims", 0)), Float32)
	c := call(t, t.Context(), session(t, built(t, g), []string{"p", "x"}, []string{"sum", "q"}))
	q, sum := make([]bool, 2), make([]float32, 1)
	in := []*Tensor{tensor(t, []int64{2}, []bool{true, false}), tensor(t, []int64{3}, []float32{1, 2, 4})}
	require.NoError(t, c.Run(in, []*Tensor{tensor(t, nil, sum), tensor(t, []int64{2}, q)}))
	require.Equal(t, []bool{false, true}, q)
	require.Equal(t, []float32{7}, sum)
}

func TestTensorsSayWhatIsWrongWithThem(t *testing.T) {
	openRuntime(t)
	for _, c := range []struct {
		shape []int64
		count int
		want  string
	}{
		{[]int64{2, 3}, 5, "float32 tensor of shape [2 3]: 5 elements given, the shape has 6"},
		{[]int64{2, 0}, 0, "dimension 1 is 0"},
		{[]int64{-1, 2}, 2, "dimension 0 is -1"},
		{[]int64{1 << 32, 1 << 32}, 2, "more elements than any memory holds"},
		{nil, 2, "2 elements given, the shape has 1"},
	} {
		_, err := NewTensor(c.shape, make([]float32, c.count))
		require.ErrorContains(t, err, c.want)
	}
}

func TestATensorMayBeDestroyedTwiceAndForgotten(t *testing.T) {
	s := session(t, addition(t, Float32, false), []string{"x", "s"}, []string{"y"})
	c := call(t, t.Context(), s)
	x, err := NewTensor([]int64{1, 2}, make([]float32, 2))
	require.NoError(t, err)
	x.Destroy()
	x.Destroy()
	err = c.Run([]*Tensor{x, tensor(t, []int64{1}, make([]float32, 1))}, []*Tensor{tensor(t, []int64{1, 2}, make([]float32, 2))})
	require.EqualError(t, err, `test.onnx: the tensor for "x" is missing or destroyed`)

	for range 100 {
		_, err := NewTensor([]int64{1, 2}, make([]float32, 2))
		require.NoError(t, err)
	}
	runtime.GC() // a pin that was not undone stops the program here
	runtime.GC()
}

// The runtime writes into memory that only the tensor refers to, while the collector runs.
func TestTensorsKeepTheirDataAlive(t *testing.T) {
	c := call(t, t.Context(), session(t, addition(t, Float32, false), []string{"x", "s"}, []string{"y"}))
	in := []*Tensor{tensor(t, []int64{512, 2}, make([]float32, 1024)), tensor(t, []int64{1}, []float32{1})}
	y := make([]float32, 1024)
	out := []*Tensor{tensor(t, []int64{512, 2}, y)}
	for range 50 {
		runtime.GC()
		require.NoError(t, c.Run(in, out))
	}
	for _, v := range y {
		require.Equal(t, float32(1), v)
	}
}

func TestManyCallsRunOnOneSession(t *testing.T) {
	s := session(t, addition(t, Float32, true), []string{"x", "s"}, []string{"y"})
	var group sync.WaitGroup
	errs := make(chan error, 8)
	wrong := make(chan float32, 8)
	for worker := range 8 {
		group.Go(func() {
			c, err := s.NewCall(t.Context())
			if err != nil {
				errs <- err
				return
			}
			defer c.Destroy()
			x, added, y := []float32{0, 1}, []float32{0}, make([]float32, 2)
			var tensors []*Tensor
			for _, made := range []struct {
				shape []int64
				data  []float32
			}{{[]int64{1, 2}, x}, {nil, added}, {[]int64{1, 2}, y}} {
				made, err := NewTensor(made.shape, made.data)
				if err != nil {
					errs <- err
					return
				}
				defer made.Destroy()
				tensors = append(tensors, made)
			}
			for i := range 200 {
				added[0] = float32(1000*worker + i)
				if err := c.Run(tensors[:2], tensors[2:]); err != nil {
					errs <- err
					return
				}
				if y[1] != added[0]+1 {
					wrong <- y[1]
				}
			}
		})
	}
	group.Wait()
	require.Empty(t, errs)
	require.Empty(t, wrong)
}

func TestAContextEndsARun(t *testing.T) {
	s := session(t, endless(t), []string{"x"}, []string{"y"})
	ctx, cancel := context.WithCancel(t.Context())
	c := call(t, ctx, s)
	in := []*Tensor{tensor(t, []int64{64, 64}, make([]float32, 4096))}
	out := []*Tensor{tensor(t, []int64{64, 64}, make([]float32, 4096))}
	time.AfterFunc(20*time.Millisecond, cancel)
	require.ErrorIs(t, c.Run(in, out), context.Canceled) // or the test would not end
	require.ErrorIs(t, c.Run(in, out), context.Canceled)

	deadline, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, call(t, deadline, s).Run(in, out), context.DeadlineExceeded)
}

func TestDestroyingASessionWaitsForItsRuns(t *testing.T) {
	s := session(t, endless(t), []string{"x"}, []string{"y"})
	ctx, cancel := context.WithCancel(t.Context())
	c := call(t, ctx, s)
	in := []*Tensor{tensor(t, []int64{64, 64}, make([]float32, 4096))}
	out := []*Tensor{tensor(t, []int64{64, 64}, make([]float32, 4096))}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(in, out) }()
	time.Sleep(10 * time.Millisecond)
	time.AfterFunc(10*time.Millisecond, cancel)
	s.Destroy()
	s.Destroy()
	<-ended
	other := call(t, t.Context(), s)
	require.EqualError(t, other.Run(in, out), "test.onnx: run after the session or the call was destroyed")
	other.Destroy()
	other.Destroy()
}

func TestRunErrorsNameTheFileAndCarryNoNoise(t *testing.T) {
	model := addition(t, Float32, false)
	c := call(t, t.Context(), session(t, model, []string{"x", "s"}, []string{"y"}))
	one := tensor(t, []int64{1}, make([]float32, 1))
	y := tensor(t, []int64{1, 2}, make([]float32, 2))
	err := c.Run([]*Tensor{tensor(t, []int64{1, 3}, make([]float32, 3)), one}, []*Tensor{y})
	require.ErrorContains(t, err, "test.onnx: Got invalid dimensions for input: x")
	require.NotContains(t, err.Error(), "Error running network")

	err = c.Run([]*Tensor{tensor(t, []int64{1, 2}, make([]float64, 2)), one}, []*Tensor{y})
	require.ErrorContains(t, err, "test.onnx: Unexpected input data type")
	require.EqualError(t, c.Run(nil, []*Tensor{y}), "test.onnx: run with 0 inputs and 1 outputs, the session has 2 and 1")

	// The same slices serve on after an error.
	require.NoError(t, c.Run([]*Tensor{tensor(t, []int64{1, 2}, make([]float32, 2)), one}, []*Tensor{y}))
}

func TestSessionsSayWhyTheyCannotBe(t *testing.T) {
	r := openRuntime(t)
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage.onnx")
	require.NoError(t, os.WriteFile(garbage, []byte("no model"), 0o644))
	model := addition(t, Float32, false)
	bytes := func(in, out []string, o SessionOptions) error {
		_, err := r.NewSessionBytes("test.onnx", model, in, out, o)
		return err
	}
	file := func(path string) error {
		_, err := r.NewSession(path, []string{"x", "s"}, []string{"y"}, SessionOptions{})
		return err
	}
	both, y := []string{"x", "s"}, []string{"y"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{file(filepath.Join(folder, "absent.onnx")), "absent.onnx: no such file or directory"},
		{file(folder), " is a folder, an ONNX file is expected"},
		{file(garbage), "Protobuf parsing failed"},
		{bytes(nil, y, SessionOptions{}), "test.onnx: a session needs at least one input and one output, got 0 and 1"},
		{bytes(both, y, SessionOptions{Threads: -1}), "test.onnx: -1 threads asked for"},
		{bytes(both, y, SessionOptions{Provider: "cdua"}), `unknown execution provider "cdua": one of auto, cpu, cuda, tensorrt, openvino, coreml, directml is expected`},
		{bytes(both, y, SessionOptions{Provider: "cpu", ProviderOptions: map[string]string{"device_id": "1"}}), `execution provider "cpu" cannot be used: the CPU provider has no options, got device_id`},
	} {
		require.ErrorContains(t, c.err, c.want)
	}
	_, err := r.NewSessionBytes("empty.onnx", nil, both, y, SessionOptions{})
	require.EqualError(t, err, "empty.onnx: the model is empty")
}

func TestSessionsFromFilesAndWithSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "addition with spaces é.onnx")
	require.NoError(t, os.WriteFile(path, addition(t, Float32, false), 0o644))
	s, err := openRuntime(t).NewSession(path, []string{"x", "s"}, []string{"y"}, SessionOptions{
		Threads: 2, Workers: 2,
		ProviderOptions: map[string]string{"session.disable_cpu_ep_fallback": "0"},
	})
	require.NoError(t, err)
	defer s.Destroy()
	c := call(t, t.Context(), s)
	y := make([]float32, 2)
	require.NoError(t, c.Run([]*Tensor{tensor(t, []int64{1, 2}, []float32{1, 2}), tensor(t, []int64{1}, []float32{3})}, []*Tensor{tensor(t, []int64{1, 2}, y)}))
	require.Equal(t, []float32{4, 5}, y)
}

// The wrapper makes two small slices in each run, for its lists of values; nothing else is allocated.
func TestRunsAllocateOnlyWhatTheWrapperDoes(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	c := call(t, t.Context(), session(t, addition(t, Float32, false), []string{"x", "s"}, []string{"y"}))
	in := []*Tensor{tensor(t, []int64{1, 2}, make([]float32, 2)), tensor(t, []int64{1}, make([]float32, 1))}
	out := []*Tensor{tensor(t, []int64{1, 2}, make([]float32, 2))}
	var err error
	n := testing.AllocsPerRun(100, func() { err = c.Run(in, out) })
	require.NoError(t, err)
	require.LessOrEqual(t, n, 2.0)
}

// A run of a graph with next to nothing in it: what a call costs besides the network.
func BenchmarkRun(b *testing.B) {
	c := call(b, b.Context(), session(b, addition(b, Float32, false), []string{"x", "s"}, []string{"y"}))
	in := []*Tensor{tensor(b, []int64{1, 2}, make([]float32, 2)), tensor(b, []int64{1}, make([]float32, 1))}
	out := []*Tensor{tensor(b, []int64{1, 2}, make([]float32, 2))}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Run(in, out); err != nil {
			b.Fatal(err)
		}
	}
}
