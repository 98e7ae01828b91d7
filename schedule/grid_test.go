package schedule_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

func times(t *testing.T, grid string, path schedule.Path, from, to float64, n int) []float64 {
	t.Helper()
	g, err := schedule.ParseGrid(grid)
	require.NoError(t, err)
	got, err := g.Times(path, from, to, n)
	require.NoError(t, err)
	return got
}

func TestGridsFollowTheirFormulas(t *testing.T) {
	path := schedule.CondOT()
	require.Equal(t, []float64{0, 0.25, 0.5, 0.75, 1}, times(t, "uniform", path, 0, 1, 4))
	require.Equal(t, []float64{0.25, 0.5, 0.75}, times(t, "uniform", path, 0.25, 0.75, 2))
	require.Equal(t, []float64{0, 1 - 0.5625, 0.75, 1 - 0.0625, 1}, times(t, "quadratic", path, 0, 1, 4))
	require.InDeltaSlice(t, []float64{0, 1 - 3*0.75/2.5, 1 - 3*0.5/2, 1 - 3*0.25/1.5, 1}, times(t, "shift(3)", path, 0, 1, 4), 1e-15)
	require.Equal(t, []float64{0, 0.1, 1}, times(t, "list(0,0.1,1)", path, 0, 1, 0))
	require.Equal(t, []float64{1, 1.0 / 3, 0}, times(t, "list(1, 1/3, 0)", path, 0, 1, 2))
}

// A shift moves inside the walk that is asked for, so that both ends stay.
func TestGridsKeepTheirEnds(t *testing.T) {
	for _, text := range continuousPaths {
		path := parsePath(t, text)
		for _, grid := range []string{"uniform", "quadratic", "shift(3)", "shift(0.3)", "logsnr", "karras(7)", "beta(1,1)", "polyexponential(1)"} {
			for _, ends := range [][2]float64{{0.2, 0.9}, {0.9, 0.2}, {0.1, 0.95}} {
				for _, n := range []int{1, 2, 9} {
					got := times(t, grid, path, ends[0], ends[1], n)
					require.Len(t, got, n+1)
					require.Equal(t, ends[0], got[0])
					require.Equal(t, ends[1], got[n])
					back := times(t, grid, path, ends[1], ends[0], n)
					slices.Reverse(back)
					require.InDeltaSlice(t, got, back, 1e-12, "%s on %s", grid, text)
				}
			}
		}
	}
}

// Noise levels of numpy: (80^(1/7) + i/9 (0.002^(1/7) - 80^(1/7)))^7.
func TestKarrasGridHasItsNoiseLevels(t *testing.T) {
	path := parsePath(t, "ve(0.002,80)")
	levels := []float64{80, 42.41518931851267, 21.10867673619376, 9.723201355260132, 4.066123602953759, 1.501741979068008, 0.46997905799774714, 0.1166385635251784, 0.020435334553438746, 0.002}
	got := times(t, "karras(7)", path, 0, 1, 9)
	for i, s := range got {
		require.InEpsilon(t, levels[i], path.At(s).Sigma(), 1e-12)
	}
}

func TestKarrasGridIsUniformOnItsOwnPath(t *testing.T) {
	path := parsePath(t, "edm(0.002,80,7)")
	require.InDeltaSlice(t, times(t, "uniform", path, 0, 1, 9), times(t, "karras(7)", path, 0, 1, 9), 1e-13)
}

func TestLogSNRGridMakesEqualStepsOfTheLogSNR(t *testing.T) {
	for _, text := range continuousPaths {
		path := parsePath(t, text)
		got := times(t, "logsnr", path, 0.1, 0.9, 8)
		first, last := path.At(0.1).LogSNR(), path.At(0.9).LogSNR()
		for i, s := range got {
			require.InDelta(t, first+float64(i)/8*(last-first), path.At(s).LogSNR(), 1e-11, text)
		}
	}
}

func TestNoiseGridsKeepAwayFromInfiniteLevels(t *testing.T) {
	for _, grid := range []string{"logsnr", "karras(7)"} {
		for _, test := range []struct {
			path          string
			from, to      float64
			first, beside float64 // the first time, and the last but one
		}{
			{"condot", 0, 1, 0.01, 0.99},
			{"vp(0.1,20)", 0, 1, 0, 0.99},
			{"condot", 0.5, 1, 0.5, 0.995},
			{"condot", 1, 0, 1, 0.01},
			{"betas=linear(0.0001,0.02); count=1000", 0, 1, 0, 0.999},
			{"betas=linear(0.0001,0.02); count=1000; zero_snr=true", 0, 1, 0.001, 0.999},
			{"alpha_bars=[1,0.9,0.8,0.7,0.6,0.5,0.4,0.3,0.2,0]", 0, 1, 0.1, 0.8},
		} {
			path := parsePath(t, test.path)
			got := times(t, grid, path, test.from, test.to, 5)
			require.Len(t, got, 6)
			require.InDelta(t, test.first, got[0], 1e-15, "%s %s", grid, test.path)
			require.InDelta(t, test.beside, got[4], 1e-15, "%s %s", grid, test.path)
			require.Equal(t, test.to, got[5])
			if test.from == 1 {
				require.InDelta(t, 0.99, got[1], 1e-15)
			}
		}
		require.Equal(t, []float64{0.01, 1}, times(t, grid, schedule.CondOT(), 0, 1, 1))
		require.Equal(t, []float64{1, 0}, times(t, grid, schedule.CondOT(), 1, 0, 1))
		require.InDeltaSlice(t, []float64{1, 0.01, 0}, times(t, grid, schedule.CondOT(), 1, 0, 2), 1e-15)
	}
}

// Indices by numpy 2: trailing round(arange(T, 0, -T/N)) - 1; leading (arange(0, N) (T//N))[::-1]; linspace
// linspace(0, T-1, N).round()[::-1].
func TestTrainedGridsAreThoseOfDiffusers(t *testing.T) {
	for _, test := range []struct {
		count   int
		grid    string
		indexes []schedule.Index
	}{
		{1000, "trailing", []schedule.Index{999, 899, 799, 699, 599, 499, 399, 299, 199, 99}},
		{1000, "leading", []schedule.Index{900, 800, 700, 600, 500, 400, 300, 200, 100, 0}},
		{1000, "linspace", []schedule.Index{999, 888, 777, 666, 555, 444, 333, 222, 111, 0}},
		{1000, "trailing", []schedule.Index{999, 856, 713, 570, 428, 285, 142}},
		{1000, "leading", []schedule.Index{852, 710, 568, 426, 284, 142, 0}},
		{1000, "linspace", []schedule.Index{999, 832, 666, 500, 333, 166, 0}}, // 832.5, 499.5, 166.5 to even
		{10, "trailing", []schedule.Index{9, 7, 4, 1}},                        // 7.5 and 2.5 to even
		{10, "leading", []schedule.Index{6, 4, 2, 0}},
		{10, "linspace", []schedule.Index{9, 6, 3, 0}},
		{10, "linspace", []schedule.Index{0}},
		{5, "trailing", []schedule.Index{4, 3, 2, 1, 0}},
		{5, "leading", []schedule.Index{4, 3, 2, 1, 0}},
		{5, "linspace", []schedule.Index{4, 3, 2, 1, 0}},
	} {
		betas, err := schedule.Betas("linear(1e-4,0.02)", test.count)
		require.NoError(t, err)
		d, err := schedule.DiscreteFromBetas(betas)
		require.NoError(t, err)
		n := len(test.indexes)
		got := times(t, test.grid, d, 0, 1, n)
		require.Len(t, got, n+1)
		require.Equal(t, 1.0, got[n])
		for i, index := range test.indexes {
			require.Equal(t, d.Time(index), got[i], "%s of %d", test.grid, test.count)
		}
	}
}

func TestTrainedGridsSpaceTheStepsOfTheWalk(t *testing.T) {
	path := parsePath(t, "betas=linear(1e-4,0.02); count=10").(*schedule.Discrete)
	require.Equal(t, []float64{0.5, 0.6, 0.7, 0.8, 0.9, 1}, times(t, "trailing", path, 0.5, 1, 5)) // indices 4 to 0
	require.Equal(t, []float64{0.2, 0.4, 0.6, 0.7}, times(t, "leading", path, 0, 0.7, 3))          // of the indices 9 to 3, spaced by 2
	require.Equal(t, []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65}, times(t, "trailing", path, 0, 0.65, 7))
}

func TestBadGridsAreExplained(t *testing.T) {
	for text, says := range map[string]string{
		"unifrom":     `unknown name "unifrom" (did you mean "uniform"?); expected uniform, quadratic`,
		"uniform(3)":  "uniform takes no arguments, got 1",
		"karras":      "karras takes (rho), got 0: write karras(7)",
		"shift(1,2)":  "shift takes (factor), got 2",
		"list(0,t,1)": `unknown name "t"`,
	} {
		_, err := schedule.ParseGrid(text)
		require.ErrorContains(t, err, says)
	}
	table := parsePath(t, "betas=linear(1e-4,0.02); count=10")
	for _, test := range []struct {
		grid     string
		path     schedule.Path
		from, to float64
		n        int
		says     string
	}{
		{"uniform", schedule.CondOT(), 0, 1, 0, "0 steps; expected 1 to"},
		{"uniform", schedule.CondOT(), 0, 1, 1e9, "1000000000 steps; expected 1 to"},
		{"uniform", schedule.CondOT(), 0.5, 0.5, 3, "a walk from t=0.5 to t=0.5"},
		{"uniform", schedule.CondOT(), 0, math.NaN(), 3, "a walk from t=0 to t=NaN"},
		{"uniform", schedule.CondOT(), -1, 1, 3, "expected two different times between 0 and 1"},
		{"uniform", table, 0, 1, 20, "time 0.95 lies between the cleanest trained step (t=0.9) and clean data"},
		{"karras(0)", schedule.CondOT(), 0, 1, 3, "expected rho between"},
		{"shift(0)", schedule.CondOT(), 0, 1, 3, "expected a factor above 0"},
		{"list(0.5)", schedule.CondOT(), 0, 1, 0, "expected at least two times"},
		{"list(0,0.5,0.5,1)", schedule.CondOT(), 0, 1, 0, "time 0.5 follows 0.5"},
		{"list(0,0.5,0.4,1)", schedule.CondOT(), 0, 1, 0, "time 0.4 follows 0.5"},
		{"list(0,1.5)", schedule.CondOT(), 0, 1, 0, "time number 2 is 1.5; expected times between 0 and 1"},
		{"list(0,0.5,1)", schedule.CondOT(), 0, 1, 3, "has 2 steps, but 3 were asked for"},
		{"leading", schedule.CondOT(), 0, 1, 3, "grids that fit are uniform, quadratic, shift(3), logsnr, karras(7), list(...)"},
		{"trailing", table, 0, 1, 11, "11 steps asked of 10 trained ones (t from 0 to 1); ask for at most 10"},
		{"trailing", table, 0.5, 1, 6, "6 steps asked of 5 trained ones"},
		{"trailing", table, 1, 0, 5, "runs from noise to data, not from t=1 to t=0"},
	} {
		g, err := schedule.ParseGrid(test.grid)
		if err != nil { // a grid whose own numbers are bad does not come as far as a path
			require.ErrorContains(t, err, test.says, test.grid)
			continue
		}
		_, err = g.Times(test.path, test.from, test.to, test.n)
		require.ErrorContains(t, err, test.says, test.grid)
	}
}

func TestGridTextIsReadBack(t *testing.T) {
	for _, text := range []string{"uniform", "quadratic", "shift(3)", "logsnr", "karras(7)", "polyexponential(1.5)", "beta(0.6,0.6)", "sigmas(80,1,0)", "leading", "trailing", "linspace", "list(0,0.1,1)"} {
		g, err := schedule.ParseGrid(text)
		require.NoError(t, err)
		require.Equal(t, text, g.String())
	}
	g, err := schedule.ParseGrid(" karras( 14/2 ) ")
	require.NoError(t, err)
	require.Equal(t, schedule.Karras(7), g)
}

func FuzzParseGrid(f *testing.F) {
	for _, text := range []string{"uniform", "shift(3)", "karras(7)", "polyexponential(2)", "beta(0.6,0.6)", "sigmas(5,1,0)", "dynamic(1024)", "list(0,0.1,1)", "trailing"} {
		f.Add(text, 5)
	}
	table, err := schedule.ParsePath("betas=linear(1e-4,0.02); count=10")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		g, err := schedule.ParseGrid(text)
		if err != nil || n > 1000 {
			return
		}
		for _, path := range []schedule.Path{schedule.CondOT(), table} {
			got, err := g.Times(path, 0, 1, n)
			if err != nil {
				continue
			}
			if n > 0 && len(got) != n+1 {
				t.Errorf("%s: %d times for %d steps", g, len(got), n)
			}
			for i, s := range got {
				if !(0 <= s && s <= 1) || i > 1 && (s > got[i-1]) != (got[1] > got[0]) {
					t.Errorf("%s: times %v", g, got)
				}
			}
		}
	})
}
