package sampler

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// everyPlan is a plan of each kind.
func everyPlan(t testing.TB) map[string]*Plan {
	plans := map[string]*Plan{}
	disc := Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=1000"), Prediction: schedule.Noise, Integer: true}
	for _, s := range Solvers() {
		plans[s.Name] = mustPlan(t, condot, Settings{Solver: s, Steps: 7})
		plans["discrete "+s.Name] = mustPlan(t, disc, Settings{Solver: s, Steps: 7, Clip: &[2]float64{-1, 1}})
		plans["edm "+s.Name] = mustPlan(t, edm(t), Settings{Solver: s, Steps: 7, Grid: schedule.Karras(7)})
	}
	plans["sde"] = mustPlan(t, condot, Settings{Steps: 7, Sigma: mustSigma(t, "1")})
	plans["two predictions"] = mustPlan(t, both, Settings{Steps: 7, Sigma: mustSigma(t, "1")})
	ou, err := OrnsteinUhlenbeck(1, 2, 0.1, 5)
	require.NoError(t, err)
	plans["ou"] = ou
	return plans
}

func TestPlansRoundTripThroughJSONExactly(t *testing.T) {
	for name, plan := range everyPlan(t) {
		text, err := json.Marshal(plan)
		require.NoError(t, err)
		read, err := ReadPlan(bytes.NewReader(text))
		require.NoError(t, err, name)
		require.Equal(t, plan, read, name)
		again, err := json.Marshal(read)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	}
}

func TestAPlanThatCannotBeRunIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                            "plan: unexpected EOF",
		`{"solver":"euler","stepz":3}`: `unknown field "stepz"`,
		`{"steps":1}`:                  "of its 0 rows the last must complete a step",
		`null`:                         "of its 0 rows the last must complete a step",
		`{"steps":2,"rows":[{"step":0,"ends":true}]}`:            "says 2 steps, but its rows complete 1",
		`{"steps":1,"rows":[{"step":0,"ends":true},{"step":1}]}`: "of its 2 rows the last must complete a step",
		`{"steps":1,"rows":[{"step":0,"ends":true}]}}`:           "more follows its end",
		`{"steps":1,"rows":[{"step":0,"ends":true}]} {}`:         "more follows its end",
		`{"start":-1}`:                                "start not negative",
		`{"clip":[1,0]}`:                              "clip [1, 0] is no range",
		`{"motion":{"low":2,"high":1}}`:               "expected two levels that rise",
		`{"steps":1,"rows":[{"step":1,"ends":true}]}`: "row 0 (step 1, t=0): found step 1 where step 0 is next",
		`{"steps":1,"rows":[{"step":0,"ends":true,"call":true,"b":[1,2]}]}`:                             "reads 2 predictions, but only 1 were made",
		`{"steps":1,"second":"score","rows":[{"step":0,"ends":true,"call":true,"b":[1],"s":[1,2]}]}`:    "reads 2 predictions, but only 1 were made",
		`{"steps":1,"rows":[{"step":0,"ends":true,"call":true,"s":[1]}]}`:                               "reads a second prediction, but the plan has none",
		`{"steps":1,"second":"score","clip":[0,1],"rows":[{"step":0,"ends":true,"call":true,"s":[1]}]}`: "a plan that clips is written in the data prediction alone",
		`{"steps":1,"rows":[{"step":0,"ends":true,"call":true,"b":[1],"a0":1}]}`:                        "reads a kept state, but none was kept",
		`{"steps":1,"rows":[{"step":0,"ends":true,"c":1}]}`:                                             "has C = 1 with draw 0",
		`{"turn":1,"steps":2}`:                   "from_data is false",
		`{"signal":1}`:                           "from_data is false",
		`{"threshold":{"ratio":2}}`:              "threshold: the ratio is 2",
		`{"clip":[0,1],"threshold":{"ratio":1}}`: "both a clip and a threshold",
		`{"steps":1,"clip":[0,1],"rows":[{"step":0,"ends":true,"call":true,"b":[1]}]}`:                  "makes no data prediction to clip",
		`{"steps":1,"second":"score","rows":[{"step":0,"ends":true,"call":true,"l":1,"c":1,"draw":1}]}`: "makes no second prediction, a learned-variance, to multiply it by",
		`{"steps":1,"second":"learned-variance","rows":[{"step":0,"ends":true,"l":1,"c":1,"draw":1}]}`:  "has l = 1",
		`{"steps":1,"rows":[{"step":0,"c":1,"draw":2},{"step":0,"ends":true,"c":1,"draw":2}]}`:          "has draw 2 after draw 2",
		`{"steps":1,"rows":[{"step":0,"ends":true,"c1":1,"draw1":1}]}`:                                  "reads an earlier noise, but none was drawn",
		`{"steps":1,"rows":[{"step":0,"ends":true,"a":1e999}]}`:                                         "cannot unmarshal number 1e999",
	} {
		_, err := ReadPlan(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

// Whatever is read as a plan can be run.
func FuzzReadPlan(f *testing.F) {
	for _, plan := range everyPlan(f) {
		text, err := json.Marshal(plan)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		plan, err := ReadPlan(bytes.NewReader(text))
		if err != nil || plan.history() > 100 {
			return
		}
		x := NewState(make([]float32, 6), 3, 0)
		x.AllowNonfinite = true
		if err := Run(t.Context(), plan, Clip(pull, plan), x, Philox{}, nil); err != nil && !strings.Contains(err.Error(), "draw") {
			t.Fatal(err)
		}
		require.NoError(t, plan.Print(new(bytes.Buffer)))
	})
}
