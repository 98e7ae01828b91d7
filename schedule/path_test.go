package schedule_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// continuousPaths and tables are the paths on which properties are tested.
var continuousPaths = []string{
	"condot", "cosine", "vp(0.1,20)", "polynomial(2)", "polynomial(1.5)", "polynomial(0.5)", "ve(0.02,100)", "edm(0.002,80,7)",
	"alpha=t; beta=sqrt(1-t)", "alpha=sin(pi/2*t); beta=cos(pi/2*t)", "alpha=t^2*(3-2*t); beta=1-t^2*(3-2*t)", "alpha=tanh(3*t); beta=log1p(1-t)",
}

var tables = []string{
	"betas=linear(1e-05,0.01); count=50", "betas=linear(0.0001,0.02); count=1000", "betas=scaled_linear(0.00085,0.012); count=1000; zero_snr=true",
	"betas=cosine; count=300", "betas=sigmoid(0.0001,0.02); count=100", "alpha_bars=[1,0.75,0.25,0]",
}

func allPaths() []string { return append(append([]string{}, continuousPaths...), tables...) }

func parsePath(t testing.TB, text string) schedule.Path {
	t.Helper()
	path, err := schedule.ParsePath(text)
	require.NoError(t, err)
	return path
}

func TestNamedPathsFollowTheirDefinitions(t *testing.T) {
	for i := 1; i < 20; i++ {
		s := float64(i) / 20
		u := 1 - s
		vpAlpha := math.Exp(-19.9*u*u/4 - 0.1*u/2)
		for text, want := range map[string][2]float64{
			"condot":          {s, u},
			"cosine":          {math.Sin(math.Pi * s / 2), math.Cos(math.Pi * s / 2)},
			"vp(0.1,20)":      {vpAlpha, math.Sqrt(1 - vpAlpha*vpAlpha)},
			"polynomial(3)":   {s * s * s, 1 - s*s*s},
			"ve(0.02,100)":    {1, 100 * math.Pow(0.02/100, s)},
			"edm(0.002,80,7)": {1, math.Pow(math.Pow(80, 1./7)+s*(math.Pow(0.002, 1./7)-math.Pow(80, 1./7)), 7)},
		} {
			p := parsePath(t, text).At(s)
			require.InDelta(t, want[0], p.Alpha, 1e-13*want[0], text)
			require.InDelta(t, want[1], p.Beta, 2e-13*want[1], text)
			require.InDelta(t, p.Beta/p.Alpha, p.Sigma(), 1e-14*p.Sigma())
			require.InDelta(t, 2*math.Log(p.Alpha/p.Beta), p.LogSNR(), 1e-13)
		}
	}
}

// Beside t = 1, beta^2 = 1-alpha^2 = 0.1 s + 9.9 s^2 + O(s^3), s = 1-t, of which sqrt(1-alpha^2) has no digit left.
func TestVPKeepsItsDigitsBesideTheData(t *testing.T) {
	path := parsePath(t, "vp(0.1,20)")
	const s = 0x1p-40
	p := path.At(1 - s)
	require.InEpsilon(t, math.Sqrt(0.1*s+(19.9/2-0.005)*s*s), p.Beta, 1e-14)
	require.InEpsilon(t, -0.05, p.BetaDBeta, 1e-9)
}

func TestPathDerivativesAreTheLimitsOfDifferences(t *testing.T) {
	for _, text := range allPaths() {
		path := parsePath(t, text)
		step, h := 0.01, 1e-6
		if d, ok := path.(*schedule.Discrete); ok {
			step, h = 1/float64(d.Count()), 1e-3/float64(d.Count())
		}
		for s := 5.4 * step; s < 1-3*step; s += 3 * step { // never an entry of a table, where slopes jump
			p, up, down := path.At(s), path.At(s+h), path.At(s-h)
			if math.IsInf(p.LogSNR(), 0) || s+h > 1 {
				continue
			}
			scale := math.Abs(p.DAlpha) + math.Abs(p.DBeta) + p.Alpha + p.Beta
			require.InDelta(t, (up.Alpha-down.Alpha)/(2*h), p.DAlpha, 1e-4*scale, "%s at %g", text, s)
			require.InDelta(t, (up.Beta-down.Beta)/(2*h), p.DBeta, 1e-4*scale, "%s at %g", text, s)
			require.InDelta(t, p.Beta*p.DBeta, p.BetaDBeta, 1e-13*math.Abs(p.BetaDBeta)+1e-15, "%s at %g", text, s)
		}
	}
}

func TestPathsAreTheirLimitsAtTheEnds(t *testing.T) {
	inf := math.Inf(1)
	for _, test := range []struct {
		path                                  string
		t                                     float64
		alpha, beta, dAlpha, dBeta, betaDBeta float64
	}{
		{"condot", 0, 0, 1, 1, -1, -1},
		{"condot", 1, 1, 0, 1, -1, 0},
		{"cosine", 0, 0, 1, math.Pi / 2, 0, 0},
		{"cosine", 1, 1, 0, 0, -math.Pi / 2, 0},
		{"alpha=sin(pi/2*t); beta=cos(pi/2*t)", 1, 1, 0, 0, -math.Pi / 2, 0}, // cos(pi/2) is 6e-17 in float64
		{"vp(0.1,20)", 1, 1, 0, 0.05, -inf, -0.05},
		{"alpha=t; beta=sqrt(1-t)", 1, 1, 0, 1, -inf, -0.5},
		{"polynomial(2)", 0, 0, 1, 0, 0, 0},
		{"polynomial(0.5)", 0, 0, 1, inf, -inf, -inf},
		{"alpha=sin(pi*t/2)/(pi*t/2)*t; beta=1-t", 0, 0, 1, 1, -1, -1}, // 0/0 as written
		{"alpha=1; beta=sqrt((1-t)^2)", 1, 1, 0, 0, -1, 0},
		{"ve(0.02,100)", 0, 1, 100, 0, 100 * math.Log(0.02/100), 1e4 * math.Log(0.02/100)},
	} {
		p := parsePath(t, test.path).At(test.t)
		for _, pair := range [][2]float64{{test.alpha, p.Alpha}, {test.beta, p.Beta}, {test.dAlpha, p.DAlpha}, {test.dBeta, p.DBeta}, {test.betaDBeta, p.BetaDBeta}} {
			if pair[0] == 0 || math.IsInf(pair[0], 0) {
				require.Equal(t, pair[0], pair[1], "%s at %g: %+v", test.path, test.t, p)
			} else {
				require.InEpsilon(t, pair[0], pair[1], 1e-14, "%s at %g: %+v", test.path, test.t, p)
			}
		}
	}
}

func TestPathTextIsReadBackAsTheSamePath(t *testing.T) {
	for _, text := range append(allPaths(), "betas=[0.1,0.2,0.30000000000000004]") {
		path := parsePath(t, text)
		again := parsePath(t, path.String())
		require.Equal(t, path.String(), again.String())
		for _, s := range []float64{0, 0.125, 0.5, 1} {
			p, q := path.At(s), again.At(s)
			require.Equal(t, [2]float64{p.Alpha, p.Beta}, [2]float64{q.Alpha, q.Beta})
		}
		quoted, err := json.Marshal(path.String())
		require.NoError(t, err)
		fromJSON, err := schedule.PathFromJSON(quoted)
		require.NoError(t, err)
		require.Equal(t, path.String(), fromJSON.String())
	}
}

func TestPathsAreReadFromCards(t *testing.T) {
	for raw, want := range map[string]string{
		`"condot"`:                                                    "condot",
		`" vp( 0.1 , 2*10 ) "`:                                        "vp(0.1,20)",
		`{"alpha": "t", "beta": "sqrt( 1-t )"}`:                       "alpha=t; beta=sqrt(1-t)",
		`{"betas": "linear(1e-4,0.02)", "count": 1000}`:               "betas=linear(0.0001,0.02); count=1000",
		`{"count": 7, "betas": "squaredcos_cap_v2"}`:                  "betas=cosine; count=7",
		`{"betas": [0.1, 0.2]}`:                                       "betas=[0.1,0.2]",
		`{"betas": [0.1, 0.2], "count": 2}`:                           "betas=[0.1,0.2]",
		`{"alpha_bars": [0.9, 0.5, 0]}`:                               "alpha_bars=[0.9,0.5,0]",
		`{"betas": "linear(0.1,0.2)", "count": 3, "zero_snr": true}`:  "betas=linear(0.1,0.2); count=3; zero_snr=true",
		`{"betas": "linear(0.1,0.2)", "count": 3, "zero_snr": false}`: "betas=linear(0.1,0.2); count=3",
	} {
		path, err := schedule.PathFromJSON(json.RawMessage(raw))
		require.NoError(t, err, raw)
		require.Equal(t, want, path.String())
	}
	path, err := schedule.ParsePath(`{"alpha": "t", "beta": "1-t"}`)
	require.NoError(t, err)
	require.Equal(t, "alpha=t; beta=1-t", path.String())
}

func TestBadPathsAreExplained(t *testing.T) {
	for text, says := range map[string]string{
		"":                                     `path: empty; expected condot`,
		"condto":                               `unknown name "condto" (did you mean "condot"?)`,
		"vp":                                   `vp takes (bmin, bmax), got 0: write vp(0.1,20)`,
		"vp(20,0.1)":                           `expected 0 <= bmin <= bmax`,
		"vp(0.1,x)":                            `unknown name "x"`,
		"vp(0.1,20":                            `expected a closing bracket`,
		"vp(0.1,1/0)":                          `the argument 1/0 is +Inf`,
		"condot(1)":                            `condot takes no arguments, got 1`,
		"polynomial(0)":                        `expected a power above 0`,
		"ve(100,0.02)":                         `expected noise levels 1e-9 <= smin < smax`,
		"edm(0.002,80,0)":                      `expected rho between`,
		"alpha=t":                              `given alpha; expected alpha and beta`,
		"alpha=t; betas=cosine":                `given alpha and betas; expected`,
		"alpha=t; beta=1-x":                    `path: beta: formula "1-x", column 3: unknown name "x"`,
		"alpha=t; beta":                        `"beta" is not of the form key=value`,
		"alpha=t; alpha=t":                     `alpha is given twice`,
		"alpha=t; beat=1-t":                    `unknown key "beat" (did you mean "beta"?)`,
		"alpha=1-t; beta=t":                    `Put 1-t in place of t`,
		"alpha=1; beta=1":                      `alpha/beta must rise`,
		"alpha=t; beta=0.5-t":                  `beta is 0 at t=0.5; it must be positive`,
		"alpha=t-0.25; beta=1-t":               `alpha is -0.248 at t=0.001953; it must be positive`,
		"alpha=1/(0.5-t); beta=1":              `alpha is +Inf at t=0.5; it must be finite`,
		"alpha=log(t); beta=1-t":               `alpha is -6.238 at t=0.001953; it must be positive`,
		"alpha=sqrt(t-0.5); beta=1-t":          `alpha is NaN at t=0.001953; it must be finite`,
		"alpha=t+0.2*sin(20*t); beta=1-t":      `alpha/beta must rise`,
		"betas=linear(1e-4,0.02)":              `betas "linear(1e-4,0.02)" need a count`,
		"betas=liner(1e-4,0.02); count=5":      `unknown schedule "liner" (did you mean "linear"?)`,
		"betas=linear(1e-4); count=5":          `linear takes (first, last), got 1`,
		"betas=linear(1e-4,2); count=5":        `the last beta is 2; expected 0 to 1`,
		"betas=cosine; count=0":                `count is 0; expected 1 to`,
		"betas=cosine; count=1e9":              `count: found 1e9, expected a whole number`,
		"betas=cosine; count=1000000000":       `expected 1 to 100000`,
		"betas=[0.1,0.2]; count=3":             `count is 3, but the list has 2 entries`,
		"betas=[0.1,1.2]":                      `betas[1] is 1.2`,
		"betas=[0.1,0,0.2]":                    `betas[1] is 0`,
		"betas=[]":                             `the table of alpha-bars is empty`,
		"betas=[0.1,null]":                     `entry 1 is null`,
		"betas=[0.1,x]":                        `expected a list of numbers or the name of a schedule`,
		"betas=cosine; count=1; zero_snr=true": `needs at least two`,
		"betas=cosine; count=9; zero_snr=1":    `zero_snr: found 1, expected true or false`,
		"alpha_bars=[0.5,0.5]":                 `alpha-bar[1] = 0.5 is not below alpha-bar[0] = 0.5`,
		"alpha_bars=[1.5]":                     `alpha-bar[0] is 1.5; expected 0 to 1`,
	} {
		_, err := schedule.ParsePath(text)
		require.ErrorContains(t, err, says, text)
	}
	for raw, says := range map[string]string{
		`17`:                                `path: expected a name`,
		`null`:                              `path: `,
		`[]`:                                `path: expected a name`,
		`"{}"`:                              `path: expected a name`,
		`{}`:                                `path: given `,
		`{"alpha": 3, "beta": "1-t"}`:       `alpha: found 3, expected a formula in quotes`,
		`{"alpha": null, "beta": "1-t"}`:    `alpha: found null`,
		`{"alphabars": [1]}`:                `unknown key "alphabars" (did you mean "alpha_bars"?)`,
		`{"betas": "cosine", "count": 2.5}`: `count: found 2.5, expected a whole number`,
		`{"alpha": "t", "beta": "1-t"`:      `path: expected a name`,
	} {
		_, err := schedule.PathFromJSON(json.RawMessage(raw))
		require.ErrorContains(t, err, says, raw)
	}
}

func TestTimeAtInvertsTheLogSNR(t *testing.T) {
	for _, text := range allPaths() {
		path := parsePath(t, text)
		for i := 1; i < 100; i++ {
			s := float64(i) / 100
			if d, ok := path.(*schedule.Discrete); ok {
				s = min(s, d.Time(1))
				if s == 0 {
					continue
				}
			}
			p := path.At(s)
			slope := 2 * (p.DAlpha/p.Alpha - p.DBeta/p.Beta) // of the log-SNR, which is known to about 1e-14
			require.InDelta(t, s, schedule.TimeAt(path, p.LogSNR()), 1e-14+2e-14*(1+math.Abs(p.LogSNR()))/slope, "%s at %g", text, s)
		}
		require.Zero(t, schedule.TimeAt(path, math.Inf(-1)), text)
	}
	require.Equal(t, 1.0, schedule.TimeAt(schedule.CondOT(), math.Inf(1)))
	require.Equal(t, 1.0, schedule.TimeAt(parsePath(t, "ve(0.02,100)"), 50)) // beyond the path's range
	require.Equal(t, 1.0, schedule.TimeAt(parsePath(t, "alpha=1; beta=2-t"), 50))
	require.Equal(t, 0.999, schedule.TimeAt(parsePath(t, "betas=linear(1e-4,0.02); count=1000"), 50))
}

func TestTimeVariablesNameTimeValues(t *testing.T) {
	p := schedule.CondOT().At(0.25)
	require.Equal(t, []string{"t", "alpha", "beta", "sigma", "logsnr"}, schedule.TimeVariables(schedule.CondOT()))
	require.Equal(t, []float64{0.25, 0.25, 0.75, 3, p.LogSNR()}, schedule.TimeValues(nil, p))
	table := parsePath(t, "betas=cosine; count=4")
	require.Equal(t, []string{"t", "alpha", "beta", "sigma", "logsnr", "index", "count"}, schedule.TimeVariables(table))
	values := schedule.TimeValues(make([]float64, 0, 7), table.At(0.5))
	require.Equal(t, []float64{1, 4}, values[5:])
}

func FuzzParsePath(f *testing.F) {
	for _, text := range allPaths() {
		f.Add(text)
	}
	f.Add(`{"betas": "cosine", "count": 3}`)
	f.Fuzz(func(t *testing.T, text string) {
		path, err := schedule.ParsePath(text)
		if err != nil {
			return
		}
		again, err := schedule.ParsePath(path.String())
		if err != nil {
			if len(path.String()) < 900 {
				t.Fatalf("%q is written as %q, which is not read: %v", text, path, err)
			}
			return
		}
		for _, s := range []float64{0, 0.5, 1} {
			p, q := path.At(s), again.At(s)
			if fmt.Sprint(p) != fmt.Sprint(q) {
				t.Errorf("%q at %g: %v, written and read %v", text, s, p, q)
			}
		}
	})
}
