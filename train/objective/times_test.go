package objective

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

func parseTimes(t testing.TB, text string) Times {
	law, err := ParseTimes(text)
	require.NoError(t, err)
	return law
}

// times are the times of the first steps of an objective.
func times(t testing.TB, o Objective, n, steps int) [][]float64 {
	b, err := o.NewBatch(n, 1)
	require.NoError(t, err)
	z := make([]float32, n)
	list := make([][]float64, steps)
	for step := range list {
		require.NoError(t, b.Fill(z, nil, 7, int64(step)))
		list[step] = slices.Clone(b.T)
	}
	return list
}

// A stratified batch of n has one time in each n-th of the law.
func TestABatchHasOneTimeInEachStratum(t *testing.T) {
	const n = 64
	for _, text := range []string{"", "uniform", "stratified", "stratified(u^2)", "1-sqrt(1-u)"} {
		law := parseTimes(t, text)
		inverse := map[string]func(t float64) float64{
			"": func(t float64) float64 { return t }, "u^2": math.Sqrt, "1-sqrt(1-u)": func(t float64) float64 { return 1 - (1-t)*(1-t) },
		}[law.Name]
		for _, batch := range times(t, Objective{Times: law}, n, 20) {
			seen := make([]int, n)
			for _, at := range batch {
				seen[int(inverse(at)*n)]++
			}
			require.Equal(t, slices.Repeat([]int{1}, n), seen, "%q", text)
		}
	}
}

// Kolmogorov and Smirnov's distance between 20000 independent times and their law; see the sampler's test of uniforms. Stratified ones
// come closer.
func TestTimesHaveTheirLaw(t *testing.T) {
	logit := func(x float64) float64 { return math.Log(x / (1 - x)) }
	normal := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for text, law := range map[string]func(t float64) float64{
		"uniform":                   func(t float64) float64 { return t },
		"independent":               func(t float64) float64 { return t },
		"logit-normal":              func(t float64) float64 { return normal(logit(t)) },
		"logit-normal(-0.5,2)":      func(t float64) float64 { return normal((logit(t) + 0.5) / 2) },
		"independent(logit-normal)": func(t float64) float64 { return normal(logit(t)) },
		"independent(u^3)":          math.Cbrt,
		"stratified(sin(pi/2*u))":   func(t float64) float64 { return math.Asin(t) * 2 / math.Pi },
		"independent(0.25+0.5*(u))": func(t float64) float64 { return (t - 0.25) * 2 },
		"(1-u)*(1-u)":               func(t float64) float64 { return math.Sqrt(t) },
	} {
		all := slices.Concat(times(t, Objective{Times: parseTimes(t, text)}, 200, 100)...)
		slices.Sort(all)
		distance, size := 0., float64(len(all))
		for i, x := range all {
			distance = max(distance, math.Abs(law(x)-float64(i)/size))
		}
		require.Less(t, distance, 1.95/math.Sqrt(size), "%q", text)
	}
}

// A time says nothing about its sample's place in the batch, and no place has the same stratum twice more often than chance: over 2000
// batches of 16, every place's mean time is 1/2 within 4 standard errors.
func TestStrataAreShuffled(t *testing.T) {
	const n, steps = 16, 2000
	mean := make([]float64, n)
	again := 0
	list := times(t, Objective{}, n, steps)
	for s, batch := range list {
		for i, at := range batch {
			mean[i] += at / steps
			if s > 0 && int(at*n) == int(list[s-1][i]*n) {
				again++
			}
		}
	}
	for i, m := range mean {
		require.InDelta(t, 0.5, m, 4/math.Sqrt(12*steps), "place %d", i)
	}
	expected := float64(steps-1) * n / n
	require.InDelta(t, expected, float64(again), 5*math.Sqrt(expected))
}

// The variance of a batch's mean of a smooth f(t) is var/n with independent times and of the order n^-3 with stratified ones.
func TestStratifiedTimesVaryLess(t *testing.T) {
	const n = 32
	variance := func(text string) float64 {
		var sum, square float64
		list := times(t, Objective{Times: parseTimes(t, text)}, n, 500)
		for _, batch := range list {
			mean := 0.
			for _, at := range batch {
				mean += math.Cos(3*at) / n
			}
			sum += mean
			square += mean * mean
		}
		k := float64(len(list))
		return square/k - sum*sum/k/k
	}
	independent, stratified := variance("independent"), variance("uniform")
	// var cos(3u) = 0.49.
	require.InEpsilon(t, 0.49/n, independent, 0.25)
	require.Less(t, stratified, independent/n)
}

// On a table of as many steps as the batch has samples, each trained index comes once; and the network is fed the index.
func TestTrainedIndicesAreUniform(t *testing.T) {
	table := paths(t)[5].(*schedule.Discrete)
	b, err := (&Objective{Path: table, Predictions: []Named{Name(schedule.Noise)}}).NewBatch(table.Count(), 1)
	require.NoError(t, err)
	require.NoError(t, b.Fill(make([]float32, table.Count()), nil, 1, 5))
	seen := make([]int, table.Count())
	for i, at := range b.T {
		index := int(b.Time[i])
		seen[index]++
		require.Equal(t, table.Time(schedule.Index(index)), at)
	}
	require.Equal(t, slices.Repeat([]int{1}, table.Count()), seen)
}

func TestTimesThatCannotBeReadSayWhatCan(t *testing.T) {
	for text, want := range map[string]string{
		"unifrm":               `unknown times "unifrm" (did you mean "uniform"?); expected uniform, logit-normal(0,1), or a formula in u`,
		"logitnormal(0,1)":     `(did you mean "logit-normal"?)`,
		"logit-normal(0,0)":    "a standard deviation above 0",
		"logit-normal(1)":      "expected a mean and a standard deviation",
		"logit-normal(0,1":     "closing bracket",
		"uniform(0.2,0.8)":     "uniform takes no numbers; for times from 0.2 to 0.8, say, write 0.2+0.6*u",
		"2*u":                  "it is 1.00024 at u=",
		"u-0.5":                "expected a time from 0 to 1",
		"log(u)":               "expected a time from 0 to 1",
		"t":                    `unknown times "t"; expected uniform`,
		"u+v":                  `unknown name "v"`,
		"independent(uniforn)": `(did you mean "uniform"?)`,
		"stratifed":            `(did you mean "stratified"?)`,
	} {
		_, err := ParseTimes(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}

func TestTimesAreWrittenAsTheyAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"": "stratified(uniform)", "stratified": "stratified(uniform)", "independent": "independent(uniform)",
		"independent( u ^ 2 )": "independent(u^2)", "logit-normal": "stratified(logit-normal(0,1))", " logit-normal( 1/2 ,2)": "stratified(logit-normal(0.5,2))",
	} {
		got := parseTimes(t, text)
		require.Equal(t, want, got.String())
		require.Equal(t, want, parseTimes(t, want).String())
	}
}
