package train

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/onnx"
	"odeon/schedule"
	"odeon/train/nn"
	"odeon/train/objective"
)

func TestSettingsThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Settings){
		"no data is given":                                    func(s *Settings) { s.Data = nil },
		"steps: found -1, expected 1 or more":                 func(s *Settings) { s.Steps = -1 },
		"minutes: found -1s, expected a positive time":        func(s *Settings) { s.Limit = -time.Second },
		"rate: found NaN, expected a positive number":         func(s *Settings) { s.Rate = math.NaN() },
		"ema: found 1, expected 0 or more and less than 1":    func(s *Settings) { s.EMA = 1 },
		"validation: found 1, expected 0 (none) or more":      func(s *Settings) { s.Validation = 1 },
		"resume: found no checkpoint folder":                  func(s *Settings) { s.Resume = true },
		"give a batch that is a multiple of 6, such as 36":    func(s *Settings) { s.Accumulate, s.Workers = 3, 2 },
		`unknown optimizer "adm"`:                             func(s *Settings) { s.Optimizer = "adm" },
		`schedule "cosinus"`:                                  func(s *Settings) { s.Schedule = "cosinus" },
		"the folder " + filepath.FromSlash("/none") + " does": func(s *Settings) { s.Out = "/none/x.onnx" },
		"metrics /none/x.jsonl: no such file":                 func(s *Settings) { s.Metrics = "/none/x.jsonl" },
		"samples at a time, and this machine has": func(s *Settings) {
			s.Net, _ = nn.ParseNet("mlp(width=65536, depth=100)", Describe(s.Data, s.Objective))
		},
		`provider "cpu" needs ONNX Runtime`: func(s *Settings) { s.Session.Provider = "cpu" },
	} {
		s := small(t, bell)
		change(&s)
		_, err := Run(context.Background(), s)
		require.ErrorContains(t, err, want)
	}
}

func TestAFullDiskIsSaid(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	s := small(t, bell)
	s.Metrics = "/dev/full"
	_, err := Run(context.Background(), s)
	require.ErrorContains(t, err, "metrics /dev/full: the disk is full: free some space or choose another folder")
}

func TestTheTimeLimitEndsARun(t *testing.T) {
	s := small(t, bell)
	s.Steps, s.Limit = 0, 50*time.Millisecond
	result, err := Run(context.Background(), s)
	require.NoError(t, err)
	require.Positive(t, result.Steps)
	require.GreaterOrEqual(t, result.Elapsed, s.Limit)
	// The rate has come down with the time: the last steps' is next to nothing.
	last := result.Curve[len(result.Curve)-1]
	require.Less(t, last.Rate, 0.1*Adam.Rate)
}

// recorder keeps what it is told.
type recorder struct {
	steps    []Progress
	networks [][]byte
}

func (r *recorder) Start(*Facts) {}

func (r *recorder) Step(p *Progress) error {
	r.steps = append(r.steps, *p)
	if p.Network != nil {
		r.networks = append(r.networks, p.Network)
	}
	return nil
}

func TestProgressAndMetricsTellTheSame(t *testing.T) {
	s := small(t, gaussian{bell.mean, bell.deviation, 200, false})
	o := &recorder{}
	s.Observer, s.Preview, s.Validation, s.Metrics = o, 10, 0.25, filepath.Join(t.TempDir(), "m.jsonl")
	result, err := Run(context.Background(), s)
	require.NoError(t, err)
	require.Len(t, o.steps, s.Steps)
	require.Len(t, o.networks, 3)
	require.Len(t, result.Validations, s.Steps) // a fortieth of so short a run is less than a step

	for i, p := range o.steps {
		require.Equal(t, i+1, p.Step)
		require.InDelta(t, float64(i+1)/30, p.Fraction, 1e-12)
		require.NotNil(t, p.Validation)
		// The loss is the mean over the samples, and so is the mean of the buckets' losses by their samples.
		total, samples := 0., 0
		for _, b := range p.Validation.Buckets {
			total += b.Loss * float64(b.Samples)
			samples += b.Samples
		}
		require.Equal(t, 64, samples) // 50 held out: two batches of 32
		require.InDelta(t, p.Validation.Loss, total/64, 1e-9)
	}
	require.Zero(t, o.steps[29].Left)
	require.Less(t, result.Validations[29].Loss, result.Validations[0].Loss)

	text := lines(t, s.Metrics)
	require.Len(t, text, 30/metricsEvery+30)
	var line metricsLine
	for _, l := range text {
		require.NoError(t, json.Unmarshal([]byte(l), &line))
		if line.Step == 10 && line.Validation == nil {
			mean := 0.
			for _, p := range o.steps[:10] {
				mean += p.Loss / 10
			}
			require.InDelta(t, mean, line.Loss, 1e-12)
		}
	}
}

func TestARunWhoseValidationCannotBeginIsClosed(t *testing.T) {
	e, there := executors(t)["cpu"]
	if !there {
		t.Skip("without ONNX Runtime every graph can be run")
	}
	s := small(t, bell)
	s.Validation = 0.25
	r, err := settle(s)
	require.NoError(t, err)
	e.options.Provider = "abacus"
	r.Runtime, r.Session = e.runtime, e.options
	r.valid, err = newValidator(e, r)
	require.ErrorContains(t, err, `unknown execution provider "abacus"`)
	require.NotPanics(t, r.close)
}

func TestNoLabelIsDroppedWhereNoneIsToBe(t *testing.T) {
	s := small(t, gaussian{bell.mean, bell.deviation, 100, true})
	for given, want := range map[float64]float64{0: DefaultDropLabel, 0.5: 0.5, -1: 0} {
		s.Objective.DropLabel = given
		r, err := settle(s)
		require.NoError(t, err)
		require.Equal(t, want, r.objective.DropLabel)
	}
}

func TestANetworksDecoderGoesWithIt(t *testing.T) {
	folder, away := t.TempDir(), t.TempDir()
	s := small(t, bell)
	s.Steps, s.Out = 1, filepath.Join(folder, "flow.onnx")
	_, err := Run(context.Background(), s)
	require.NoError(t, err)
	g := onnx.NewGraph("decoder")
	row := []onnx.Dim{onnx.Free("n"), onnx.Fixed(2)}
	z := g.Input("z", onnx.Float32, row...)
	g.Output("image", g.Node("Add", z, z), onnx.Float32, row...)
	decoder, err := g.Bytes()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "decoder.onnx"), decoder, 0o666))
	model, err := models.Open(s.Out, models.Layer{Dir: folder, Card: &models.Card{Decoder: &models.DecoderCard{Network: "decoder.onnx"}}})
	require.NoError(t, err)
	s.Net, s.From, s.Out = nil, models.Resolve(model), filepath.Join(away, "tuned.onnx")

	// Another file of its name is there: that is said before the work, and the file stays.
	there := filepath.Join(away, "decoder.onnx")
	require.NoError(t, os.WriteFile(there, []byte("another"), 0o666))
	s.Observer = &stopper{at: 1, err: errors.New("a step was taken")}
	_, err = Run(context.Background(), s)
	require.ErrorContains(t, err, "the decoder "+filepath.Join(folder, "decoder.onnx")+" has to lie beside "+s.Out+", where another file of that name is")
	text, err := os.ReadFile(there)
	require.NoError(t, err)
	require.Equal(t, "another", string(text))

	require.NoError(t, os.Remove(there))
	s.Observer = nil
	_, err = Run(context.Background(), s)
	require.NoError(t, err)
	again, err := models.Open(s.Out)
	require.NoError(t, err)
	require.Equal(t, there, models.Resolve(again).Decode.File)
}

func TestAnObserversErrorEndsTheRun(t *testing.T) {
	s := small(t, bell)
	problem := errors.New("the picture cannot be written")
	s.Observer = &stopper{at: 5, err: problem}
	_, err := Run(context.Background(), s)
	require.ErrorIs(t, err, problem)
}

func TestTheFileSaysWhatTheNetworkIs(t *testing.T) {
	set := gaussian{bell.mean, bell.deviation, 100, true}
	s := small(t, set)
	s.Out, s.Float16 = filepath.Join(t.TempDir(), "bell.onnx"), true
	s.Metadata = models.Card{Name: "bell", Description: "two hundred points"}
	s.Objective.Predictions = []objective.Named{objective.Name(schedule.Velocity), objective.Name(schedule.Score)}
	s.Net, _ = nn.ParseNet("mlp(width=64, depth=2, time=8)", Describe(set, s.Objective))
	_, err := Run(context.Background(), s)
	require.NoError(t, err)

	model, err := models.Open(s.Out)
	require.NoError(t, err)
	r := models.Resolve(model)
	require.NoError(t, r.Err())
	require.Empty(t, r.Guesses)
	require.Equal(t, schedule.Velocity, r.Prediction)
	require.Equal(t, schedule.Score, r.Second.Prediction)
	require.Equal(t, "condot", r.Path.String())
	require.Equal(t, models.Points, r.Layout)
	require.Equal(t, &models.Labels{Count: 2, Names: []string{"even", "odd"}, Encoding: models.Index, Null: &models.Null{Index: 2}}, r.Labels)
	require.NoError(t, r.CanGuide())
	require.Equal(t, "bell", r.Card.Name)
	require.Equal(t, map[string]string{"steps": "100", "count": "2000"}, r.Card.Sampling.Texts())
	for fact, want := range map[string]string{
		"steps": "30", "batch": "32", "rate": "0.001", "seed": "3", "ema": "0.999", "net": s.Net.String(), "drop-label": "0.1",
		"weight": "velocity=uniform; score=beta^2", "data": "points of a normal law",
	} {
		require.Equal(t, want, r.Card.Training[fact], fact)
	}
	require.Equal(t, "digits.npy: 10 samples of [2]", dataName("/home/me/digits.npy: 10 samples of [2]"))
	require.EqualValues(t, 17, model.Info.Opsets[0].Version)
	require.EqualValues(t, 8, model.Info.IRVersion)
}

func TestANetworkIsTrainedOnFromItsFile(t *testing.T) {
	for provider, e := range executors(t) {
		t.Run(provider, func(t *testing.T) {
			folder := t.TempDir()
			set := gaussian{bell.mean, bell.deviation, 100, true}
			s := small(t, set)
			s.Runtime, s.Session = e.runtime, e.options
			s.Steps, s.Rate, s.Out, s.Metadata.Name = 300, 5e-3, filepath.Join(folder, "first.onnx"), "bell"
			first, err := Run(context.Background(), s)
			require.NoError(t, err)

			model, err := models.Open(s.Out)
			require.NoError(t, err)
			s.Net, s.From = nil, models.Resolve(model)
			s.Steps, s.Rate, s.Out = 20, 0, filepath.Join(folder, "second.onnx")
			second, err := Run(context.Background(), s)
			require.NoError(t, err)
			// Twenty steps from nothing have a loss of 1.5.
			require.InDelta(t, first.Loss, second.Loss, 0.2)

			again, err := models.Open(s.Out)
			require.NoError(t, err)
			require.NoError(t, models.Resolve(again).Err())
			require.Equal(t, "bell", again.Card.Name)
			require.Equal(t, model.Card.Labels, again.Card.Labels)
			require.Equal(t, "20", again.Card.Training["steps"])
			require.Equal(t, model.Info.Parameters, again.Info.Parameters)
			a, _ := os.ReadFile(filepath.Join(folder, "first.onnx"))
			b, _ := os.ReadFile(s.Out)
			require.NotEqual(t, a, b)

			s.Objective.Predictions = []objective.Named{objective.Name(schedule.Noise)}
			_, err = Run(context.Background(), s)
			require.ErrorContains(t, err, "predicts velocity, and noise is asked for; leave the prediction out, or convert the network first")
			s.Objective = objective.Objective{Path: schedule.Cosine()}
			_, err = Run(context.Background(), s)
			require.ErrorContains(t, err, "is trained along the path condot, and cosine is asked for")
			s.Objective, s.Data = objective.Objective{}, bell
			_, err = Run(context.Background(), s)
			require.NoError(t, err) // without classes: all are none
			s.Data = gaussian{mean: []float64{1}, deviation: []float64{1}, count: -1}
			_, err = Run(context.Background(), s)
			require.ErrorContains(t, err, "works on samples of shape [2], and the data has [1]")
		})
	}
}

// far is points far from the origin and spread over far more than the noise.
var far = gaussian{mean: []float64{300, -5}, deviation: []float64{20, 0.01}, count: -1}

func TestBadlyScaledDataIsStandardisedInside(t *testing.T) {
	s := small(t, far)
	s.Steps, s.Rate = 200, 5e-3
	r, err := trained(t, s)
	require.NoError(t, err)
	require.NotNil(t, r.net.(*own).scaling)
	// The velocity's own second moment is about (300^2 + 5^2)/2: a loss of this size says that the mean is there from the start.
	require.Less(t, r.history.Smooth, 1.5*(20*20+1)/2)

	r, err = settle(small(t, bell))
	require.NoError(t, err)
	require.Nil(t, r.net.(*own).scaling)
}

func TestDefaultsFollowTheData(t *testing.T) {
	r, err := settle(Settings{Data: bell})
	require.NoError(t, err)
	require.Equal(t, 5000, r.Steps)
	require.Equal(t, 1024, r.Batch)
	require.Equal(t, 1e-3, r.Rate)
	require.Equal(t, 250, r.Every)
	require.Equal(t, 0.999, r.EMA)
	require.Equal(t, 1., r.ClipNorm)
	require.InDelta(t, 1e-3*math.Sqrt(1./30), usualRate(Adam, 30e6), 1e-12)
	require.InDelta(t, 1e-4, usualRate(Adam, 1e9), 1e-12)
	r, err = settle(Settings{Data: bell, Limit: time.Minute, EMA: -1, ClipNorm: -1})
	require.NoError(t, err)
	require.Zero(t, r.Steps)
	require.Zero(t, r.EMA)
	require.Zero(t, r.ClipNorm)
}

func TestTheAverageForgetsItsBeginning(t *testing.T) {
	for k, want := range map[int]float64{0: 0.1, 1: 2. / 11, 90: 0.91, 1e6: 0.999} {
		require.InDelta(t, want, decayAt(0.999, k), 1e-12)
	}
}

func TestTheCurveIsMeansAndStaysShort(t *testing.T) {
	h := history{}
	const steps = 10 * curveLimit
	for k := 1; k <= steps; k++ {
		h.add(k, float64(k), 2*float64(k), 1)
	}
	require.Less(t, len(h.Curve), curveLimit)
	require.Greater(t, len(h.Curve), curveLimit/4)
	for i, p := range h.Curve {
		require.Equal(t, (i+1)*h.Every, p.Step)
		// The mean of Every numbers in a row up to Step.
		require.InDelta(t, float64(p.Step)-float64(h.Every-1)/2, p.Loss, 1e-9)
		require.InDelta(t, 2*p.Loss, p.Rate, 1e-9)
	}
}
