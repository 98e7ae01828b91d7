package models

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// every is a card with every field of the contract.
const every = `{
	"name": "n", "description": "d", "license": "l", "source": "s",
	"network": "net.onnx",
	"prediction": {"data": "alpha", "noise": "1-t"},
	"path": {"betas": "linear(1e-4,0.02)", "count": 1000},
	"time": "index/1000", "scale": 1, "start": "sqrt(alpha^2+beta^2)",
	"shape": [3, 8, 8], "layout": "CHW",
	"inputs": {"state": "x", "time": "t", "label": "y"},
	"constants": {"h": [[1, 2], [3, 4]], "flag": true, "size": 64.5},
	"output": {"name": "out", "channels": [0, 3]},
	"range": [-0.5, 0.5],
	"labels": {"count": 3, "names": ["cat", "dog", "tench, fish"], "encoding": "onehot", "null": "zeros"},
	"decoder": {"network": "decoder.onnx", "input": "z", "output": "image", "scale": 0.18215, "shift": -1},
	"rate": 16000, "fps": 24, "vocabulary": ["a", "b"],
	"sampling": {"solver": "ddpm", "steps": 25, "sigma": "1.5*(1-t)", "guidance-interval": [0.3, 0.7]},
	"training": {"weight": "beta^2", "times": "stratified(uniform)"}
}`

func TestACardIsReadFieldByField(t *testing.T) {
	card, err := ParseCard([]byte("\ufeff" + every + "\n"))
	require.NoError(t, err)
	number := func(x float64) *float64 { return &x }
	require.Equal(t, &Prediction{Data: "alpha", Noise: "1-t"}, card.Prediction)
	require.JSONEq(t, `{"betas": "linear(1e-4,0.02)", "count": 1000}`, string(card.Path))
	require.Equal(t, []string{"index/1000", "1", "sqrt(alpha^2+beta^2)"}, []string{card.Time, card.Scale, card.Start})
	require.Equal(t, []int{3, 8, 8}, card.Shape)
	require.Equal(t, CHW, card.Layout)
	require.Equal(t, Inputs{"x", "t", "y"}, card.Inputs)
	require.Equal(t, map[string]Array{"h": {[]int{2, 2}, []float64{1, 2, 3, 4}}, "flag": Array{Data: []float64{1}}, "size": Array{Data: []float64{64.5}}}, card.Constants)
	require.Equal(t, &Output{Name: "out", Channels: &[2]int{0, 3}}, card.Output)
	require.Equal(t, &[2]float64{-0.5, 0.5}, card.Range)
	require.Equal(t, &Labels{Count: 3, Names: []string{"cat", "dog", "tench, fish"}, Encoding: OneHot, Null: &Null{Zeros: true}}, card.Labels)
	require.Equal(t, &DecoderCard{"decoder.onnx", "z", "image", number(0.18215), number(-1)}, card.Decoder)
	require.Equal(t, number(16000), card.Rate)
	require.Equal(t, number(24), card.FPS)
	require.Equal(t, []string{"a", "b"}, card.Vocabulary)
	require.Equal(t, map[string]string{"solver": "ddpm", "steps": "25", "sigma": "1.5*(1-t)", "guidance-interval": "0.3,0.7"}, card.Sampling.Texts())

	var fields map[string]json.RawMessage
	text, err := card.Text()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(text), &fields))
	for name := range new(Card).schema() {
		if name != "predictions" { // stands in place of prediction and output
			require.Contains(t, fields, name)
		}
	}
	again := new(Card)
	require.NoError(t, json.Unmarshal([]byte(text), again))
	second, err := again.Text()
	require.NoError(t, err)
	require.Equal(t, text, second)
}

func TestAWrongCardIsToldWithFieldFoundAndExpected(t *testing.T) {
	for _, c := range []struct{ card, says string }{
		{``, `line 1, column 1: not valid JSON: unexpected end of JSON input`},
		{`{"name": "x",}`, `line 1, column 14: not valid JSON`},
		{"{\n  \"name\": \"é\" x}", `line 2, column 15: not valid JSON`},
		{`{"name": "x"} {}`, `after top-level value`},
		{`[1]`, `the card: found [1], expected an object {...}`},
		{"{\"name\": \"\xff\"}", `not UTF-8`},
		{`{"predicton": "noise"}`, `unknown field "predicton" (did you mean "prediction"?); known here: constants, decoder,`},
		{`{"labels": {"cuont": 3}}`, `unknown field "labels.cuont" (did you mean "count"?)`},
		{`{"name": "a", "name": "b"}`, `field "name" is given twice`},
		{`{"labels": {"count": 1, "count": 2}}`, `field "labels.count" is given twice`},
		{`{"path": {"alpha": "t", "beta": "1-t", "alpha": "t^2"}}`, `field "path.alpha" is given twice`},
		{`{"name": 3}`, `field "name": found 3, expected a text`},
		{`{"network": ""}`, `field "network": found "", expected a name`},
		{`{"prediction": "velocty"}`, `field "prediction": unknown prediction "velocty"`},
		{`{"prediction": 1}`, `field "prediction": found 1, expected a name such as "velocity", or {"data": "a", "noise": "b"}`},
		{`{"prediction": {"data": "1"}}`, `expected both "data" and "noise"`},
		{`{"prediction": {"data": "1", "noise": "t +"}}`, `field "prediction.noise"`},
		{`{"predictions": {"velocity": "u", "scor": "s"}}`, `field "predictions": unknown prediction "scor"`},
		{`{"predictions": {}}`, `expected predictions and their outputs`},
		{`{"predictions": {"velocity": "u", "score": "u"}}`, `output "u" is both velocity and score`},
		{`{"prediction": "noise", "predictions": {"velocity": "u"}}`, `both "prediction" and "predictions"`},
		{`{"output": "o", "predictions": {"velocity": "u"}}`, `both "output" and "predictions"`},
		{`{"path": "cond"}`, `field "path"`},
		{`{"path": {"alphas": "t"}}`, `field "path"`},
		{`{"time": "1-u"}`, `field "time"`},
		{`{"time": [1]}`, `field "time": found [1], expected a formula such as "1-t"`},
		{`{"shape": "3,8,8"}`, `field "shape": found "3,8,8", expected a list of whole numbers`},
		{`{"shape": [3, 0]}`, `field "shape[1]": found 0, expected a whole number, 1 or more`},
		{`{"shape": [3, 1.5]}`, `field "shape[1]": found 1.5`},
		{`{"shape": [1e300]}`, `field "shape[0]": found 1e300`},
		{`{"layout": "CWH"}`, `field "layout": found "CWH" (did you mean "CHW"?), expected one of: CHW, HWC, HW, points, L, CL, TCHW, THWC`},
		{`{"inputs": {"state": "x", "time": "x"}}`, `field "inputs.time": "x" is the state already`},
		{`{"inputs": {"state": "x"}, "constants": {"x": 1}}`, `"x" is the state`},
		{`{"constants": {"h": [[1, 2], [3]]}}`, `field "constants.h": found rows of 2 and of 1, expected a number, or nested lists of numbers of one shape`},
		{`{"constants": {"h": [1, [2]]}}`, `found a list beside numbers`},
		{`{"constants": {"h": [[1], 2]}}`, `found 2 beside lists`},
		{`{"constants": {"h": []}}`, `found an empty list`},
		{`{"constants": {"h": ["a"]}}`, `field "constants.h": found "a"`},
		{`{"constants": {"h": ` + strings.Repeat("[", 9) + "1" + strings.Repeat("]", 9) + `}}`, `nested more than 8 deep`},
		{`{"output": {"name": "o", "channels": [3, 3]}}`, `expected [from, to] with from below to`},
		{`{"output": {"channels": [0]}}`, `expected [from, to]`},
		{`{"range": [1, -1]}`, `field "range": found [1, -1], expected two numbers [lo, hi], the lower one first`},
		{`{"range": [1]}`, `expected two numbers`},
		{`{"range": [1, 2, 3]}`, `found 3 elements, expected two numbers [lo, hi], the lower one first, at most 2`},
		{`{"shape": [1, 1, 1, 1, 1, 1, 1, 1, 1]}`, `found 9 elements`},
		{`{"labels": {"null": "zero"}}`, `field "labels.null": found "zero", expected a whole number or "zeros"`},
		{`{"labels": {"encoding": "index", "null": "zeros"}}`, `"zeros" is for labels.encoding "onehot"`},
		{`{"labels": {"encoding": "onehot", "null": -1}}`, `found -1, expected "zeros" or the place of the null class`},
		{`{"labels": {"count": 2000000000}}`, `field "labels.count": found 2000000000, expected at most 1048576`},
		{`{"labels": {"count": 3, "names": ["a"]}}`, `found 1 names, expected as many as labels.count, 3`},
		{`{"labels": {"names": ["a", "b", "a"]}}`, `classes 0 and 2 are both called "a"`},
		{`{"decoder": {"scale": 0}}`, `field "decoder.scale": found 0`},
		{`{"decoder": "decoder.onnx"}`, `field "decoder": found "decoder.onnx", expected an object {...}`},
		{`{"rate": -1}`, `field "rate": found -1, expected a number above 0`},
		{`{"vocabulary": ["a", 1]}`, `field "vocabulary[1]": found 1, expected a text`},
		{`{"name": null}`, `field "name": found null, expected a text`},
		{`{"training": {"steps": 500}}`, `field "training.steps": found 500, expected a text`},
		{`{"sampling": {"step": 5}}`, `unknown field "sampling.step" (did you mean "steps"?)`},
		{`{"sampling": {"out": "x.png"}}`, `unknown field "sampling.out"`},
		{`{"sampling": {"steps": "many"}}`, `field "sampling.steps": found "many", expected a whole number`},
		{`{"sampling": {"clip": 1}}`, `field "sampling.clip": found 1, expected two numbers`},
	} {
		t.Run(c.card, func(t *testing.T) {
			_, err := ParseCard([]byte(c.card))
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestALargeOrDeepCardIsRefusedAtOnce(t *testing.T) {
	_, err := ParseCard([]byte(`{"name": "` + strings.Repeat("x", cardLimit) + `"}`))
	require.ErrorContains(t, err, "more than the 4194304 that are read")
	_, err = ParseCard([]byte(strings.Repeat(`{"path":`, 1<<17)))
	require.ErrorContains(t, err, "exceeded max depth")
}

func TestACardsFileIsNamedInErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "card.json")
	_, err := ReadCard(path)
	require.EqualError(t, err, "card "+path+": no such file")
	_, err = ReadCard(dir)
	require.EqualError(t, err, "card "+dir+": found a folder, expected a JSON file")
	require.NoError(t, os.WriteFile(path, []byte(`{"nam": 1}`), 0o644))
	_, err = ReadCard(path)
	require.ErrorContains(t, err, "card "+path+`: unknown field "nam"`)
	require.NoError(t, os.Truncate(path, cardLimit+1))
	_, err = ReadCard(path)
	require.ErrorContains(t, err, "is it a card?")
}

func TestFlagsGiveFieldsInShortForms(t *testing.T) {
	for _, c := range []struct{ field, text, json string }{
		{"prediction", "velocity", `{"prediction": "velocity"}`},
		{"prediction", `{"data": "1", "noise": "-1"}`, `{"prediction": {"data": "1", "noise": "-1"}}`},
		{"path", "vp(0.1,20)", `{"path": "vp(0.1,20)"}`},
		{"path", "alpha=t; beta=sqrt(1-t)", `{"path": "alpha=t; beta=sqrt(1-t)"}`},
		{"path", `{"betas": "linear(1e-4,0.02)", "count": 10}`, `{"path": {"betas": "linear(1e-4,0.02)", "count": 10}}`},
		{"time", "1-t", `{"time": "1-t"}`},
		{"scale", "2", `{"scale": "2"}`},
		{"shape", "1, 28,28", `{"shape": [1, 28, 28]}`},
		{"shape", "[2]", `{"shape": [2]}`},
		{"layout", "HWC", `{"layout": "HWC"}`},
		{"range", "-0.5,0.5", `{"range": [-0.5, 0.5]}`},
		{"inputs", "state=x, time=t", `{"inputs": {"state": "x", "time": "t"}}`},
		{"output", "eps", `{"output": "eps"}`},
		{"output", "out[0:3]", `{"output": {"name": "out", "channels": [0, 3]}}`},
		{"labels", "10", `{"labels": {"count": 10}}`},
		{"labels", `{"count": 10, "null": -1}`, `{"labels": {"count": 10, "null": -1}}`},
		{"decoder", "../decoder.onnx", `{"decoder": {"network": "../decoder.onnx"}}`},
		{"fps", "24", `{"fps": 24}`},
		{"name", "digits", `{"name": "digits"}`},
	} {
		var card Card
		require.NoError(t, card.Set(c.field, c.text), c.text)
		text, err := card.Text()
		require.NoError(t, err)
		require.JSONEq(t, c.json, text)
	}
	for _, c := range []struct{ field, text, says string }{
		{"prediction", "velocty", `did you mean "velocity"?`},
		{"shape", "3,x", `found "3,x", expected a form such as 1,28,28`},
		{"shape", "3,-1", `found -1`},
		{"range", "1", "expected two numbers"},
		{"inputs", "x", `expected the roles' inputs as in state=x,time=t,label=y`},
		{"inputs", "stat=x", `did you mean "state"?`},
		{"labels", "ten", `expected a form such as 10`},
		{"labels", `{"count": `, "expected a form such as 10"},
		{"output", "out[3:0]", "expected [from, to]"},
		{"shap", "1", `a card has no field "shap" (did you mean "shape"?)`},
	} {
		require.ErrorContains(t, new(Card).Set(c.field, c.text), c.says, c.text)
	}
}

func TestSamplingDefaultsBecomeTheTextsOfFlags(t *testing.T) {
	card, err := ParseCard([]byte(`{"sampling": {
		"guidance": 4, "steps": 2.5e1, "sigma": 0, "eta": 0.50, "grid": [0, 0.1, 1], "clip": [-1, 1], "t-start": 0.01, "t-end": 1,
		"indexes": [299, 284], "end-index": 0, "label": [3, "cat"], "solver": "ddim", "last": "none", "variance": "beta", "seed": 18446744073709551615,
		"count": 4, "batch": 2, "order": 3, "tolerance": 1e-4, "churn": [5, 0.1, 2], "gamma": 0.3, "corrector": [2, 0.1], "guidance-form": "apg(0,5)", "guidance-rescale": 0.7, "negative-label": "dog"}}`))
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"guidance": "4", "steps": "25", "sigma": "0", "eta": "0.50", "grid": "list(0,0.1,1)", "clip": "-1,1", "t-start": "0.01", "t-end": "1",
		"indexes": "299,284", "end-index": "0", "label": "3,cat", "solver": "ddim", "last": "none", "variance": "beta", "seed": "18446744073709551615",
		"count": "4", "batch": "2", "order": "3", "tolerance": "1e-4", "churn": "5,0.1,2", "gamma": "0.3", "corrector": "2,0.1",
		"guidance-form": "apg(0,5)", "guidance-rescale": "0.7", "negative-label": "dog",
	}, card.Sampling.Texts())
	require.Equal(t, "guidance", card.Sampling[0].Flag, "in the order written")
	card, err = ParseCard([]byte(`{"sampling": {"guidance": "1+3*t", "negative-label": 7}}`))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"guidance": "1+3*t", "negative-label": "7"}, card.Sampling.Texts())
	for text, want := range map[string]string{`"1000-1"`: "1000-1", `7`: "7"} {
		card, err := ParseCard([]byte(`{"sampling": {"indexes": ` + text + `}}`))
		require.NoError(t, err)
		require.Equal(t, want, card.Sampling.Texts()["indexes"])
	}
}

func TestANullIsReadBack(t *testing.T) {
	for _, null := range []Null{{Zeros: true}, {Index: -1}, {Index: 10}} {
		text, err := json.Marshal(null)
		require.NoError(t, err)
		var back Null
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, null, back)
	}
}
