package models

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// port is an input or output in a test's graph.
type port struct {
	name  string
	dtype onnx.DType
	shape []onnx.Dim
}

func in(name string, dtype onnx.DType, shape ...onnx.Dim) port { return port{name, dtype, shape} }

// signature writes a graph of these inputs and outputs that computes nothing of use.
func signature(t *testing.T, inputs, outputs []port) string {
	t.Helper()
	b := onnx.NewGraph("signature")
	for _, p := range inputs {
		b.Input(p.name, p.dtype, p.shape...)
	}
	for _, p := range outputs {
		zero := b.Node("Cast", b.Const("", onnx.Scalar[float32](0)), onnx.Int("to", int64(p.dtype)))
		b.Output(p.name, zero, p.dtype, p.shape...)
	}
	bytes, err := b.Bytes()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "net.onnx")
	require.NoError(t, os.WriteFile(path, bytes, 0o644))
	return path
}

func resolved(t *testing.T, card string, inputs, outputs []port, sets ...Set) *Resolved {
	t.Helper()
	plain := Layer{From: "the test", Card: parse(t, `{"prediction": "velocity", "path": "condot"}`)}
	m, err := Open(signature(t, inputs, outputs), plain, Layer{From: "card x.json", Card: parse(t, card)})
	require.NoError(t, err)
	return Resolve(m, sets...)
}

const (
	f32 = onnx.Float32
	i64 = onnx.Int64
)

var (
	picture = []onnx.Dim{free, fixed(3), fixed(8), fixed(8)}
	vague   = []onnx.Dim{free, onnx.Free(""), onnx.Free(""), onnx.Free("")}
	each    = []onnx.Dim{free}
	out     = []port{{"out", f32, picture}}
)

func TestRolesAreReadFromTheGraphWhereOnlyOneFits(t *testing.T) {
	for _, c := range []struct {
		name                string
		inputs, outputs     []port
		card                string
		state, clock, label string
	}{
		{"by shape alone", []port{in("b", f32, each...), in("a", f32, picture...)}, out, `{}`, "a", "b", ""},
		{"an output of unknown size", []port{in("a", f32, picture...), in("b", f32, free, fixed(1), fixed(1), fixed(1))}, []port{in("o", f32, vague...)}, `{}`, "a", "b", ""},
		{"a class by its type", []port{in("a", f32, picture...), in("b", f32, each...), in("c1", i64, each...)}, out, `{"labels": {"count": 9}}`, "a", "b", "c1"},
		{"a class by its name", []port{in("x", f32, picture...), in("t", f32, each...), in("y", i64, each...)}, out, `{}`, "x", "t", "y"},
		{"time and class are both whole numbers", []port{in("sample", f32, picture...), in("timestep", i64, each...), in("class_labels", i64, each...)}, out,
			`{"labels": {"count": 9}, "time": "999*t"}`, "sample", "timestep", "class_labels"},
		{"of two whole numbers one is called time", []port{in("a", f32, picture...), in("time_input", i64, each...), in("b", i64, each...)}, out,
			`{"labels": {"count": 9}, "time": "999*t"}`, "a", "time_input", "b"},
		{"a one-hot row by its size", []port{in("a", f32, picture...), in("b", f32, each...), in("c1", f32, free, fixed(9))}, out, `{"labels": {"count": 9}}`, "a", "b", "c1"},
		{"a one-hot row by the card's word", []port{in("a", f32, picture...), in("b", f32, each...), in("c1", f32, free, fixed(10))}, out,
			`{"labels": {"encoding": "onehot"}}`, "a", "b", "c1"},
		{"two pictures, one called the state", []port{in("x", f32, picture...), in("lowres", f32, picture...), in("t", f32, each...)}, out, `{"constants": {"lowres": 0}}`, "x", "t", ""},
		{"two pictures, the card tells", []port{in("a", f32, picture...), in("b", f32, picture...), in("t", f32, each...)}, out,
			`{"inputs": {"state": "b"}, "constants": {"a": 0}}`, "b", "t", ""},
		{"states of one number", []port{in("x", f32, free, fixed(1)), in("t", f32, free, fixed(1))}, []port{in("o", f32, free, fixed(1))}, `{}`, "x", "t", ""},
		{"one number for all", []port{in("a", f32, picture...), in("timestep", f32)}, out, `{}`, "a", "timestep", ""},
		{"a constant is no candidate", []port{in("a", f32, picture...), in("b", f32, each...), in("c1", f32, each...)}, out, `{"constants": {"b": 1}}`, "a", "c1", ""},
		{"the card names all", []port{in("a", f32, picture...), in("b", f32, each...), in("c1", f32, each...)}, out,
			`{"inputs": {"state": "a", "time": "c1", "label": "b"}, "labels": {"count": 3}}`, "a", "c1", "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := resolved(t, c.card, c.inputs, c.outputs)
			require.NoError(t, r.Err())
			require.Equal(t, c.state, r.State.Name)
			require.Equal(t, c.clock, r.Clock.Name)
			if c.label == "" {
				require.Nil(t, r.Label)
			} else {
				require.Equal(t, c.label, r.Label.Name)
			}
		})
	}
}

func TestAChoiceThatIsLeftOpenIsAskedForWithItsCandidates(t *testing.T) {
	for _, c := range []struct {
		name            string
		inputs, outputs []port
		card            string
		says            []string
	}{
		{"two states", []port{in("a", f32, picture...), in("b", f32, picture...), in("t", f32, each...)}, out, `{}`,
			[]string{"which input is the state", `"inputs.state"`, "--inputs state=NAME", "a float32 [n, 3, 8, 8], b float32 [n, 3, 8, 8]"}},
		{"no state", []port{in("t", f32, each...)}, out, `{}`, []string{"no input is shaped as the output out float32 [n, 3, 8, 8]", "t float32 [n]"}},
		{"two times", []port{in("x", f32, picture...), in("a", f32, each...), in("b", f32, each...)}, out, `{}`,
			[]string{"which input is the time", `"inputs.time"`, "--inputs time=NAME", "a float32 [n], b float32 [n]"}},
		{"two times by name", []port{in("x", f32, picture...), in("t", f32, each...), in("sigma", f32, each...)}, out, `{}`, []string{"which input is the time"}},
		{"two classes", []port{in("x", f32, picture...), in("t", f32, each...), in("a", i64, each...), in("b", i64, each...)}, out, `{"labels": {"count": 3}}`,
			[]string{`"inputs.label"`, "a int64 [n], b int64 [n]"}},
		{"labels without an input", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"labels": {"count": 3}}`, []string{"the card speaks of labels"}},
		{"two outputs", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, picture...), in("p", f32, picture...)}, `{}`,
			[]string{"which of the graph's 2 outputs", "--output NAME", "o float32 [n, 3, 8, 8], p float32 [n, 3, 8, 8]"}},
		{"a prediction's output", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, picture...), in("p", f32, picture...)},
			`{"predictions": {"velocity": "o", "score": "pp"}}`, []string{`card x.json names output "pp"`, `did you mean "p"?`, `"predictions"`, "--prediction NAME --output NAME: one of o, p"}},
		{"a third prediction's output", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, picture...), in("p", f32, picture...)},
			`{"predictions": {"velocity": "o", "score": "p", "data": "d"}}`, []string{`names output "d"`}},
		{"a second prediction of another shape", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, picture...), in("p", f32, free, fixed(6), fixed(8), fixed(8))},
			`{"predictions": {"velocity": "o", "score": "p"}}`, []string{`output "p" is [n, 6, 8, 8]`, `"predictions"`}},
		{"a second prediction of whole numbers", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, picture...), in("p", i64, picture...)},
			`{"predictions": {"velocity": "o", "score": "p"}}`, []string{`"p" is int64`, "float32, float16 or float64"}},
		{"an open shape", []port{in("x", f32, vague...), in("t", f32, each...)}, []port{in("o", f32, vague...)}, `{}`,
			[]string{`input "x" is [n, ?, ?, ?]: the graph leaves the shape of a sample open`, "--shape 3,64,64"}},
		{"another shape", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"shape": [1, 8, 8]}`, []string{"shape [1 8 8] does not fit", "[n, 3, 8, 8]"}},
		{"a shape with the batch in it", []port{in("x", f32, free, fixed(8), fixed(8)), in("t", f32, each...)}, []port{in("o", f32, free, fixed(8), fixed(8))}, `{"shape": [1, 8, 8]}`,
			[]string{"shape [1 8 8] does not fit", "first axis is the batch"}},
		{"no batch that anyone has", []port{in("x", f32, fixed(0), fixed(2)), in("t", f32)}, []port{in("o", f32, fixed(0), fixed(2))}, `{}`, []string{"no size that a batch can have"}},
		{"another rank", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"shape": [64]}`, []string{"shape [64] does not fit", "first axis is the batch"}},
		{"a name that is not there", []port{in("x", f32, picture...), in("time", f32, each...)}, out, `{"inputs": {"time": "tine"}}`,
			[]string{`card x.json names input "tine"`, `did you mean "time"?`, "x, time"}},
		{"an output that is not there", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"output": "outs"}`, []string{`names output "outs"`, `did you mean "out"?`}},
		{"an input without a value", []port{in("x", f32, picture...), in("t", f32, each...), in("h", f32, free, fixed(77), fixed(8))}, out, `{}`,
			[]string{`input "h", float32 [n, 77, 8], has no role and no value`, `"constants"`, "--set NAME=VALUE"}},
		{"a value without an input", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"constants": {"h": 1}}`, []string{`input "h", and the graph has no such input`}},
		{"a value of another shape", []port{in("x", f32, picture...), in("t", f32, each...), in("h", f32, free, fixed(8))}, out, `{"constants": {"h": [1, 2]}}`,
			[]string{`input "h", float32 [n, 8]: found a value of shape [2]`}},
		{"a fraction for whole numbers", []port{in("x", f32, picture...), in("t", f32, each...), in("h", i64, free, fixed(2))}, out, `{"constants": {"h": 0.5}}`,
			[]string{"found 0.5, expected whole numbers that int64 holds"}},
		{"whole numbers along a path of real times", []port{in("x", f32, picture...), in("t", i64, each...)}, out, `{}`,
			[]string{`input "t" takes whole numbers (int64)`, `"time"`, "999*(1-t)"}},
		{"index off discrete paths", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"time": "index"}`, []string{`card x.json: field "time" on the path condot`, "index"}},
		{"a state of whole numbers", []port{in("x", i64, picture...), in("t", f32, each...)}, out, `{"inputs": {"state": "x"}}`, []string{`"x" is int64`, "float32, float16 or float64"}},
		{"batches that differ", []port{in("x", f32, fixed(4), fixed(2)), in("t", f32, fixed(3))}, []port{in("o", f32, fixed(4), fixed(2))}, `{}`, []string{`the batch is 4 in input "x" and 3 in input "t"`}},
		{"a layout that does not fit", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"layout": "points"}`, []string{"layout points does not fit samples of shape [3 8 8]"}},
		{"channels that do not fit", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, free, fixed(6), fixed(8), fixed(8))}, `{}`,
			[]string{`output "o" is [n, 6, 8, 8]`, "name its channels", "NAME[FROM:TO]"}},
		{"too many channels", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, free, fixed(6), fixed(8), fixed(8))},
			`{"output": {"channels": [4, 7]}}`, []string{"[4, 7] go beyond the 6 channels"}},
		{"channels of a plain picture", []port{in("x", f32, free, fixed(8), fixed(8)), in("t", f32, each...)}, []port{in("o", f32, free, fixed(8), fixed(8))},
			`{"output": {"channels": [0, 3]}, "layout": "HW"}`, []string{`the layout "HW"`, "has none"}},
		{"more classes than places", []port{in("x", f32, picture...), in("t", f32, each...), in("y", f32, free, fixed(9))}, out,
			`{"labels": {"count": 10, "encoding": "onehot"}}`, []string{"labels.count is 10", "room for 9"}},
		{"more places than classes can have", []port{in("x", f32, picture...), in("t", f32, each...), in("y", f32, free, fixed(1<<30))}, out,
			`{"labels": {"encoding": "onehot"}}`, []string{`input "y" has room for 1073741824 classes`}},
		{"more channels than memory", []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, free, fixed(1<<40), fixed(8), fixed(8))},
			`{"output": {"channels": [0, 3]}}`, []string{`output "o" is [n, 1099511627776, 8, 8], which is no size that samples can have`}},
		{"samples larger than memory", []port{in("x", f32, free, fixed(1<<20), fixed(1<<20)), in("t", f32, each...)}, []port{in("o", f32, free, fixed(1<<20), fixed(1<<20))}, `{}`,
			[]string{`input "x" is [n, 1048576, 1048576], which is no size that samples can have`}},
		{"a value larger than memory", []port{in("x", f32, picture...), in("t", f32, each...), in("h", f32, fixed(1<<20), fixed(1<<20))}, out, `{"constants": {"h": 1}}`,
			[]string{`input "h", float32 [1048576, 1048576]: it has more than 2147483648 numbers a sample`}},
		{"an index for a row", []port{in("x", f32, picture...), in("t", f32, each...), in("y", f32, free, fixed(10))}, out,
			`{"labels": {"count": 10, "encoding": "index"}}`, []string{`input "y" is float32 [n, 10]`, `labels.encoding "index" needs one number`}},
		{"a row for an index", []port{in("x", f32, picture...), in("t", f32, each...), in("y", i64, each...)}, out,
			`{"labels": {"count": 10, "encoding": "onehot"}}`, []string{`input "y" takes one number a sample`, `"index"`}},
		{"zeros for an index", []port{in("x", f32, picture...), in("t", f32, each...), in("y", i64, each...)}, out,
			`{"labels": {"count": 10, "null": "zeros"}}`, []string{`labels.null is "zeros"`}},
		{"a decoder that is not there", []port{in("x", f32, picture...), in("t", f32, each...)}, out, `{"decoder": {"network": "decoder.onnx"}}`, []string{"no file", "decoder.onnx", "--decoder FILE"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := resolved(t, c.card, c.inputs, c.outputs).Err()
			var unsettled *UnsettledError
			require.ErrorAs(t, err, &unsettled)
			for _, p := range unsettled.Problems {
				require.Contains(t, mends, p.Field, "a field that no flag gives")
			}
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
		})
	}
}

func TestWhatIsOpenIsToldTogether(t *testing.T) {
	m, err := Open(signature(t, []port{in("x", f32, picture...), in("a", f32, each...), in("b", f32, each...)}, out))
	require.NoError(t, err)
	r := Resolve(m)
	var unsettled *UnsettledError
	require.ErrorAs(t, r.Err(), &unsettled)
	require.Len(t, unsettled.Problems, 3)
	require.ErrorContains(t, r.Err(), "3 things are open:\n  the path")
	require.ErrorAs(t, r.Err("path"), &unsettled)
	require.Len(t, unsettled.Problems, 1)
	require.NoError(t, r.Err("decoder"))
	require.Equal(t, []int{3, 8, 8}, r.Shape, "what is settled is told all the same")
}

// Labels with names of their own are needed only where the graph does not tell the number of classes.
func TestClassesAreCompletedFromTheInput(t *testing.T) {
	r := resolved(t, `{"labels": {"encoding": "onehot", "null": "zeros"}}`, []port{in("x", f32, picture...), in("t", f32, each...), in("y", f32, free, fixed(9))}, out)
	require.NoError(t, r.Err())
	require.Equal(t, 9, r.Labels.Count)
	require.NoError(t, r.CanGuide())
	r = resolved(t, `{"labels": {"names": ["a", "b"]}}`, []port{in("x", f32, picture...), in("t", f32, each...), in("y", i64, each...)}, out)
	require.NoError(t, r.Err())
	require.Equal(t, 2, r.Labels.Count)
	require.Equal(t, Index, r.Labels.Encoding)
	require.ErrorContains(t, r.CanGuide(), `what input "y" takes for no class is not known`)
	require.ErrorContains(t, r.CanGuide(), `"labels": {"null"`)
	r = resolved(t, `{}`, []port{in("x", f32, picture...), in("t", f32, each...)}, out)
	require.ErrorContains(t, r.CanGuide(), "takes no classes")
}

func TestTheBatchIsReadFromTheGraph(t *testing.T) {
	for _, c := range []struct {
		name   string
		inputs []port
		card   string
		batch  int
		shape  []int
	}{
		{"free", []port{in("x", f32, picture...), in("t", f32, each...)}, `{}`, 0, []int{3, 8, 8}},
		{"fixed", []port{in("x", f32, fixed(4), fixed(3), fixed(8), fixed(8)), in("t", f32, fixed(4))}, `{}`, 4, []int{3, 8, 8}},
		{"fixed, one time for all", []port{in("x", f32, fixed(4), fixed(3), fixed(8), fixed(8)), in("t", f32, fixed(1))}, `{}`, 4, []int{3, 8, 8}},
		{"fixed by the class", []port{in("x", f32, picture...), in("t", f32, each...), in("y", i64, fixed(1))}, `{"labels": {"count": 3}}`, 1, []int{3, 8, 8}},
		{"a class for all", []port{in("x", f32, picture...), in("t", f32, each...), in("y", i64)}, `{"labels": {"count": 3}, "inputs": {"label": "y"}}`, 1, []int{3, 8, 8}},
		{"no batch at all", []port{in("x", f32, fixed(3), fixed(8), fixed(8)), in("t", f32)}, `{"shape": [3, 8, 8]}`, 1, []int{3, 8, 8}},
		{"open sizes, told by the card", []port{in("x", f32, vague...), in("t", f32, each...)}, `{"shape": [3, 8, 8]}`, 0, []int{3, 8, 8}},
		{"open sizes, told by the output", []port{in("x", f32, vague...), in("t", f32, each...)}, `{}`, 0, []int{3, 8, 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			outputs := out
			if c.name == "no batch at all" {
				outputs = []port{in("out", f32, fixed(3), fixed(8), fixed(8))}
			}
			r := resolved(t, c.card, c.inputs, outputs)
			require.NoError(t, r.Err())
			require.Equal(t, c.batch, r.Batch)
			require.Equal(t, c.shape, r.Shape)
		})
	}
}

func TestAnOutputOfAnotherShapeAndAsManyNumbersIsTaken(t *testing.T) {
	r := resolved(t, `{}`, []port{in("x", f32, picture...), in("t", f32, each...)}, []port{in("o", f32, free, fixed(192))})
	require.NoError(t, r.Err())
	require.Equal(t, []int{3, 8, 8}, r.Shape)
	require.Equal(t, []int{192}, r.Output.Row)
}

func TestLayoutsAreGuessedFromTheShapeWithAReason(t *testing.T) {
	rate := 16000.0
	for _, c := range []struct {
		shape []int
		card  Card
		want  Layout
	}{
		{[]int{2}, Card{}, Points},
		{[]int{3}, Card{}, Points},
		{[]int{64}, Card{Vocabulary: []string{"a"}}, L},
		{[]int{64, 27}, Card{Vocabulary: []string{"a"}}, ""},
		{[]int{16000}, Card{Rate: &rate}, L},
		{[]int{2, 16000}, Card{Rate: &rate}, CL},
		{[]int{1, 16000}, Card{}, CL},
		{[]int{100, 3}, Card{}, Points},
		{[]int{28, 28}, Card{}, HW},
		{[]int{1, 28, 28}, Card{}, CHW},
		{[]int{3, 64, 64}, Card{}, CHW},
		{[]int{64, 64, 3}, Card{}, HWC},
		{[]int{64, 48, 4}, Card{}, HWC},
		{[]int{16, 16, 8}, Card{}, HWC},
		{[]int{8, 16, 16}, Card{}, CHW},
		{[]int{16, 3, 32, 32}, Card{}, TCHW},
		{[]int{16, 32, 32, 3}, Card{}, THWC},
		{[]int{1, 2, 3, 4, 5}, Card{}, ""},
	} {
		got, why := GuessLayout(c.shape, &c.card)
		require.Equal(t, c.want, got, "%v", c.shape)
		require.Equal(t, got == "", why == "", "%v", c.shape)
	}
	r := resolved(t, `{}`, []port{in("x", f32, picture...), in("t", f32, each...)}, out)
	require.Equal(t, CHW, r.Layout)
	require.Contains(t, r.Guesses, "layout CHW for a sample of shape [3 8 8]: the first axis has 3: channels first")
	r = resolved(t, `{"layout": "HWC"}`, []port{in("x", f32, picture...), in("t", f32, each...)}, out)
	require.Equal(t, HWC, r.Layout)
	require.Empty(t, r.Guesses)
}

func TestTheTimeThatIsFedIsWrittenOut(t *testing.T) {
	for card, want := range map[string]string{
		`{}`:                                 "t",
		`{"prediction": "reverse-velocity"}`: "1-t",
		`{"prediction": "noise", "path": {"betas": "linear(1e-4,0.02)", "count": 1000}}`: "index",
		`{"time": "0.25*log(sigma)"}`: "0.25*log(sigma)",
	} {
		r := resolved(t, card, []port{in("x", f32, picture...), in("t", f32, each...)}, out)
		require.NoError(t, r.Err())
		require.Equal(t, want, r.TimeText())
	}
}

func TestAPredictionOfItsOwnIsReadOnThePath(t *testing.T) {
	ports := []port{in("x", f32, picture...), in("t", f32, each...)}
	r := resolved(t, `{"prediction": {"data": "alpha", "noise": "-beta"}}`, ports, out)
	require.NoError(t, r.Err())
	require.True(t, r.Sampling().Prediction.Valid())
	r = resolved(t, `{"prediction": {"data": "index", "noise": "1"}}`, ports, out)
	require.ErrorContains(t, r.Err(), `card x.json: field "prediction"`)
}

func TestTheAxisWithFurtherChannelsSettlesTheLayout(t *testing.T) {
	for _, c := range []struct {
		state, output []onnx.Dim
		want          Layout
	}{
		{[]onnx.Dim{onnx.Free("n"), onnx.Fixed(4), onnx.Fixed(5), onnx.Fixed(3)}, []onnx.Dim{onnx.Free("n"), onnx.Fixed(4), onnx.Fixed(5), onnx.Fixed(6)}, HWC},
		{[]onnx.Dim{onnx.Free("n"), onnx.Fixed(3), onnx.Fixed(3), onnx.Fixed(3)}, []onnx.Dim{onnx.Free("n"), onnx.Fixed(6), onnx.Fixed(3), onnx.Fixed(3)}, CHW},
	} {
		g := onnx.NewGraph("learned")
		x := g.Input("x", onnx.Float32, c.state...)
		g.Input("t", onnx.Float32, onnx.Free("n"))
		axis := map[Layout]int64{CHW: 1, HWC: 3}[c.want]
		g.Output("out", g.Node("Concat", x, x, onnx.Int("axis", axis)), onnx.Float32, c.output...)
		g.Meta("odeon", `{"prediction": "noise", "path": "condot", "output": {"name": "out", "channels": [0, 3]}}`)
		model, err := g.Bytes()
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "net.onnx")
		require.NoError(t, os.WriteFile(file, model, 0o666))
		m, err := Open(file)
		require.NoError(t, err)
		r := Resolve(m)
		require.NoError(t, r.Err())
		require.Equal(t, c.want, r.Layout)
	}
}
