package objective

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"odeon/internal/exact"
	"odeon/sampler"
	"odeon/schedule"
)

// line is data of one number: normal with this mean and standard deviation.
func gaussianLine(t testing.TB, n int, mean, std float64) []float32 {
	z := make([]float32, n)
	require.NoError(t, sampler.Philox{Seed: 77}.Normals(z, 0, n, 3))
	for i := range z {
		z[i] = float32(mean + std*float64(z[i]))
	}
	return z
}

// regress is the least squares solution of Target ~ sum_k theta_k features_k with the batch's weights w, and its covariance whatever the
// residuals r are: (F'wF)^-1 F'w^2 r^2 F (F'wF)^-1 (White 1980).
func regress(t testing.TB, b *Batch, features func(i int) []float64) (theta *mat.VecDense, covariance *mat.Dense) {
	size := len(features(0))
	normal, right := mat.NewDense(size, size, nil), mat.NewVecDense(size, nil)
	list := make([]*mat.VecDense, b.N())
	for i := range list {
		f, w := mat.NewVecDense(size, features(i)), float64(b.Weight[0][i])
		list[i] = f
		normal.RankOne(normal, w, f, f)
		right.AddScaledVec(right, w*float64(b.Target[0][i]), f)
	}
	theta = mat.NewVecDense(size, nil)
	require.NoError(t, theta.SolveVec(normal, right))
	middle := mat.NewDense(size, size, nil)
	for i, f := range list {
		r := float64(b.Weight[0][i]) * (float64(b.Target[0][i]) - mat.Dot(f, theta))
		middle.RankOne(middle, r*r, f, f)
	}
	var inverse mat.Dense
	require.NoError(t, inverse.Inverse(normal))
	covariance = new(mat.Dense)
	covariance.Product(&inverse, middle, &inverse)
	return theta, covariance
}

// At one time, of Gaussian data, the affine function of x with the least weighted square error is the exact conditional mean: for every
// prediction on every path, and in terms of any other by schedule.Convert. 5 standard errors are exceeded once in 2 million times.
func TestTheMinimiserAtOneTimeIsTheExactFunctional(t *testing.T) {
	const n, mean, std = 20_000, 0.7, 0.4
	field := exact.Gaussian([]float64{mean}, std)
	z := gaussianLine(t, n, mean, std)
	for _, path := range paths(t) {
		for _, p := range schedule.Predictions() {
			for _, at := range []float64{0.25, 0.6} {
				o := Objective{Path: path, Predictions: []Named{Name(p)}, Span: [2]float64{at, at}}
				b, err := o.NewBatch(n, 1)
				require.NoError(t, err)
				require.NoError(t, b.Fill(z, nil, 1, 0))
				theta, covariance := regress(t, b, func(i int) []float64 { return []float64{1, float64(b.X[i])} })

				pt := path.At(at)
				m, v := field.Moments(pt)
				for _, sigmas := range []float64{-1, 0, 1} {
					x := m + sigmas*math.Sqrt(v)
					affine := mat.NewVecDense(2, []float64{1, x})
					got := mat.Dot(affine, theta)
					tolerance := 5*math.Sqrt(mat.Inner(affine, covariance, affine)) + 1e-6
					want, data := make([]float64, 1), make([]float64, 1)
					field.Predict(want, []float64{x}, p, pt)
					require.InDelta(t, want[0], got, tolerance, "%s on %s at %v, x = %v", p, path, at, x)

					field.Predict(data, []float64{x}, schedule.Data, pt)
					c, err := schedule.Convert(path, schedule.Data, p, at)
					require.NoError(t, err)
					require.InDelta(t, c.X*x+c.P*data[0], got, tolerance, "converted from the data prediction")
				}
			}
		}
	}
}

// Over all times, with any weight and any law of times: among the functions theta_1 f(x, t) + theta_2 x + theta_3 + theta_4 t, f the
// exact field, the least weighted error is that of f itself.
func TestTheMinimiserIsTheExactFieldWhateverTheWeightAndTheTimes(t *testing.T) {
	const n, mean, std = 20_000, -0.5, 0.8
	field := exact.Gaussian([]float64{mean}, std)
	z := gaussianLine(t, n, mean, std)
	for _, c := range []struct{ path, prediction, weight, times string }{
		{"condot", "velocity", "", ""},
		{"condot", "velocity", "", "logit-normal(0.5,1)"},
		{"condot", "score", "", ""},
		{"condot", "score", "uniform", "0.9*u"},
		{"cosine", "velocity", "min-snr(5)", "independent"},
		{"cosine", "v", "min-snr(1)", "1-u^2"},
		{"vp(0.1,20)", "noise", "", ""},
		{"vp(0.1,20)", "noise", "min-snr(5)", ""},
		{"vp(0.1,20)", "data", "min-snr(5)", ""},
		{"ve(0.02,10)", "score", "", ""},
		{"ve(0.02,10)", "data", "1/(1+sigma^2)", ""},
		{"condot", "reverse-velocity", "exp(-t)", ""},
		{"condot", `{"data": "1", "noise": "-2*t"}`, "", ""},
		{"betas=linear(1e-3,0.2); count=50", "noise", "", ""},
		{"betas=linear(1e-3,0.2); count=50", "v", "index/count", ""},
		{"betas=linear(1e-3,0.2); count=50", "velocity", "beta^2", "logit-normal"},
	} {
		o := objective(t, c.path, c.prediction, c.weight)
		o.Times = parseTimes(t, c.times)
		b, err := o.NewBatch(n, 1)
		require.NoError(t, err)
		require.NoError(t, b.Fill(z, nil, 2, 9))
		theta, covariance := regress(t, b, func(i int) []float64 {
			f := make([]float64, 1)
			field.Predict(f, []float64{float64(b.X[i])}, o.Predictions[0].Prediction, o.Path.At(b.T[i]))
			return []float64{f[0], float64(b.X[i]), 1, b.T[i]}
		})
		for k, want := range []float64{1, 0, 0, 0} {
			sd := math.Sqrt(covariance.At(k, k))
			require.InDelta(t, want, theta.AtVec(k), 5*sd, "coefficient %d of %+v", k, c)
			require.Less(t, sd, 0.3, "the field is told from other functions")
		}
	}
}

// Two predictions are of the same data, noise and times.
func TestTwoPredictionsShareABatch(t *testing.T) {
	o := objective(t, "condot", "velocity,score", "")
	b, err := o.NewBatch(100, 3)
	require.NoError(t, err)
	require.NoError(t, b.Fill(gaussianData(100, 3), nil, 1, 0))
	require.Len(t, b.Target, 2)
	for i, x := range b.X {
		at := b.T[i/3]
		c, err := schedule.Convert(o.Path, schedule.Velocity, schedule.Score, at)
		require.NoError(t, err)
		want := c.X*float64(x) + c.P*float64(b.Target[0][i])
		require.InDelta(t, want, float64(b.Target[1][i]), 1e-4*(1+math.Abs(c.X)+math.Abs(c.P)))
		require.InDelta(t, 1./300, float64(b.Weight[0][i/3]), 1e-9)
		require.InEpsilon(t, (1-at)*(1-at)/300, float64(b.Weight[1][i/3]), 1e-6)
	}
}

// copyOf are a batch's contents.
func copyOf(b *Batch) *Batch {
	c := &Batch{X: slices.Clone(b.X), Time: slices.Clone(b.Time), Label: slices.Clone(b.Label), T: slices.Clone(b.T)}
	for k := range b.Target {
		c.Target = append(c.Target, slices.Clone(b.Target[k]))
		c.Weight = append(c.Weight, slices.Clone(b.Weight[k]))
	}
	return c
}

// The batch of a step is the same whatever steps were filled before it, in this Batch or a new one, and other steps and seeds
// are others.
func TestAStepsBatchIsTheSameWhateverCameBefore(t *testing.T) {
	const n, dim = 32, 5
	z := gaussianData(n, dim)
	labels := make([]int64, n)
	for i := range labels {
		labels[i] = int64(i % 3)
	}
	for _, c := range []Coupling{{}, {Kind: Transport}, {Kind: Sinkhorn, Eps: 0.1}} {
		o := &Objective{Coupling: c, DropLabel: 0.3, Null: 3}
		first, err := o.NewBatch(n, dim)
		require.NoError(t, err)
		var batches []*Batch
		for step := range int64(6) {
			require.NoError(t, first.Fill(z, labels, 11, step))
			batches = append(batches, copyOf(first))
		}
		for _, step := range []int64{4, 0, 5, 1, 1} {
			again, err := o.NewBatch(n, dim)
			require.NoError(t, err)
			require.NoError(t, again.Fill(z, labels, 11, step))
			require.Equal(t, batches[step], copyOf(again), "%s, step %d", c, step)
			require.NoError(t, first.Fill(z, labels, 11, step))
			require.Equal(t, batches[step], copyOf(first), "%s, step %d", c, step)
		}
		require.NotEqual(t, batches[0].X, batches[1].X)
		require.NotEqual(t, batches[0].T, batches[1].T)
		require.NoError(t, first.Fill(z, labels, 12, 0))
		require.NotEqual(t, batches[0].X, first.X)
	}
}

// A run is resumed, and repeated, by the same numbers: these never change.
func TestTheBatchesOfASeedNeverChange(t *testing.T) {
	b, err := (&Objective{DropLabel: 0.5, Null: 9}).NewBatch(3, 2)
	require.NoError(t, err)
	require.NoError(t, b.Fill([]float32{1, 2, 3, 4, 5, 6}, []int64{0, 1, 2}, 1, 2))
	require.Equal(t, "[0.09750674886163324 0.9453668940113857 0.4728049397235736] [0 9 9] [1.1482693 0.7816719 2.8127754 3.7811923 2.2765803 3.219092]", fmt.Sprintf("%v %v %v", b.T, b.Label, b.X))
}

// What the network is fed: the time formula's value, and the state times the scale.
func TestTheCardsFormulasSayWhatTheNetworkIsFed(t *testing.T) {
	o := objective(t, "ve(0.02,100)", "data", "")
	o.Time = schedule.MustFormula("0.25*log(sigma)", schedule.TimeVariables(o.Path)...)
	plain, err := o.NewBatch(8, 2)
	require.NoError(t, err)
	o.Scale = schedule.MustFormula("1/sqrt(1+sigma^2)", schedule.TimeVariables(o.Path)...)
	scaled, err := o.NewBatch(8, 2)
	require.NoError(t, err)
	z := gaussianData(8, 2)
	require.NoError(t, plain.Fill(z, nil, 1, 0))
	require.NoError(t, scaled.Fill(z, nil, 1, 0))
	for i, at := range scaled.T {
		sigma := o.Path.At(at).Sigma()
		require.InDelta(t, 0.25*math.Log(sigma), float64(scaled.Time[i]), 1e-6)
		for k := 2 * i; k < 2*i+2; k++ {
			require.InEpsilon(t, float64(plain.X[k])/math.Hypot(1, sigma), float64(scaled.X[k]), 1e-5)
			require.Equal(t, z[k], scaled.Target[0][k])
		}
	}
	reverse, err := (&Objective{Predictions: []Named{Name(schedule.ReverseVelocity)}}).NewBatch(4, 1)
	require.NoError(t, err)
	require.NoError(t, reverse.Fill(make([]float32, 4), nil, 1, 0))
	for i, at := range reverse.T {
		require.InDelta(t, 1-at, float64(reverse.Time[i]), 1e-7)
	}
}

// Over 400 batches of 50, 0.1 of the labels are null, within 4 standard errors; which ones are depends on the step.
func TestLabelsAreDroppedAsOftenAsAsked(t *testing.T) {
	const n, steps, share = 50, 400, 0.1
	labels := make([]int64, n)
	for i := range labels {
		labels[i] = int64(i % 10)
	}
	b, err := (&Objective{DropLabel: share, Null: 10}).NewBatch(n, 1)
	require.NoError(t, err)
	places := make([]float64, n)
	total := 0.
	for step := range int64(steps) {
		require.NoError(t, b.Fill(make([]float32, n), labels, 3, step))
		for i, label := range b.Label {
			if label == 10 {
				places[i]++
				total++
			} else {
				require.Equal(t, labels[i], label)
			}
		}
	}
	require.InDelta(t, share, total/(n*steps), 4*math.Sqrt(share*(1-share)/(n*steps)))
	for i, count := range places {
		require.InDelta(t, share*steps, count, 4.5*math.Sqrt(share*(1-share)*steps), "place %d", i)
	}
	require.Equal(t, int64(0), labels[10], "the caller's labels are left alone")
	require.NoError(t, b.Fill(make([]float32, n), nil, 3, 0))
	require.Nil(t, b.Label)
}

func TestFillAllocatesNothing(t *testing.T) {
	o := objective(t, "vp(0.1,20)", "velocity,score", "min-snr(5)")
	o.DropLabel = 0.1
	b, err := o.NewBatch(64, 7)
	require.NoError(t, err)
	z, labels := gaussianData(64, 7), make([]int64, 64)
	require.Zero(t, testing.AllocsPerRun(20, func() {
		if b.Fill(z, labels, 1, 2) != nil {
			t.Fail()
		}
	}))
}

func TestALargeBatchIsTheSameWhoeverMakesIt(t *testing.T) {
	const n, dim = 64, 1023 // more numbers than one goroutine makes
	o := objective(t, "condot", "velocity", "1")
	b, err := o.NewBatch(n, dim)
	require.NoError(t, err)
	require.Greater(t, len(b.X), lonely)
	require.NoError(t, b.Fill(make([]float32, n*dim), nil, 5, 9))
	noise := make([]float32, n*dim)
	require.NoError(t, sampler.Philox{Seed: 5}.Normals(noise, 9, 1, noiseDraw))
	for i := range n {
		for k := range dim {
			require.Equal(t, -noise[i*dim+k], b.Target[0][i*dim+k], "sample %d", i)
		}
	}
}

func TestAnObjectiveThatContradictsItselfSaysWhere(t *testing.T) {
	for _, c := range []struct {
		o    Objective
		want string
	}{
		{Objective{DropLabel: 1}, "drop-label is 1, expected a share from 0 to below 1"},
		{Objective{DropLabel: math.NaN()}, "drop-label"},
		{Objective{Time: schedule.MustFormula("u", "u")}, `time "u" is a formula in [u], expected one in [t alpha beta sigma logsnr]`},
		{Objective{Scale: schedule.MustFormula("1/(t-0.5)", schedule.TimeVariables(schedule.CondOT())...)}, "does not exist at t=0.5"},
		{Objective{Predictions: []Named{{}}}, "prediction: none is given"},
		{Objective{Coupling: Coupling{Kind: 9}}, "coupling: unknown kind 9"},
		{Objective{Times: Times{Name: "mine", Quantile: func(float64) float64 { return 2 }}}, "times mine: it is 2 at u="},
	} {
		_, err := c.o.NewBatch(2, 2)
		require.ErrorContains(t, err, c.want)
	}
	_, err := new(Objective).NewBatch(0, 2)
	require.ErrorContains(t, err, "a batch of 0 samples of 2 numbers")
}

func TestPredictionsAreReadAsFlagsGiveThem(t *testing.T) {
	path := schedule.CondOT()
	for text, want := range map[string]string{
		"velocty":                       `(did you mean "velocity"?)`,
		"velocity,velocity":             "is there twice",
		"velocity,score,noise":          "found 3 predictions, expected one or two",
		`{"data": "1"}`:                 `expected both "data" and "noise"`,
		`{"data": "1", "eps": ""}`:      "unknown field",
		`{"data": "t", "noise": "1-t"}`: "says nothing new about data and noise",
		`{"data": "t"`:                  "not valid JSON",
	} {
		_, err := ParsePredictions(text, path)
		require.ErrorContains(t, err, want, "%q", text)
	}
	named, err := ParsePredictions(" velocity , score", path)
	require.NoError(t, err)
	require.Equal(t, []string{"velocity", "score"}, []string{named[0].Name, named[1].Name})
	custom, err := ParsePredictions(`{"noise": "-1", "data": "1"}`, path)
	require.NoError(t, err)
	require.Equal(t, `{"data":"1","noise":"-1"}`, custom[0].Name)
	require.ErrorContains(t, Objective{Predictions: []Named{named[0], custom[0]}}.Check(), "both must have a name")
}
