package train

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"odeon/graph"
	"odeon/models"
	"odeon/schedule"
	"odeon/train/data"
	"odeon/train/nn"
	"odeon/train/objective"
)

// run is settings with every choice made, and where the run stands.
type run struct {
	Settings
	objective objective.Objective
	words     map[string]string // the objective in the words of the flags
	optimizer Optimizer
	shape     Schedule
	train     data.Set
	held      data.Set // nil: none
	net       network
	gradient  *graph.Graph // what steps compute, see gradientGraph
	part      part         // what it sees of a batch
	size      int          // samples in a part of a batch
	parts     int          // of a worker's share, one after the other: Accumulate, or more of them where smaller ones are faster

	decoder []models.Copy // what belongs beside the network's file
	trainer *trainer
	valid   *validator // nil: none
	shelf   *shelf     // nil: none
	log     *metrics   // nil: none

	step    int
	over    bool
	saved   int // the step of the last checkpoint; -1: none
	history history
	before  time.Duration // spent before this process took the run over
	began   time.Time
	facts   Facts
}

// Defaults where Settings say nothing.
const (
	// DefaultEMA averages over the last thousand steps, as Song and Ermon 2020, https://arxiv.org/abs/2006.09011, section 3.4.
	DefaultEMA       = 0.999
	DefaultDropLabel = 0.1 // Ho and Salimans 2022, https://arxiv.org/abs/2207.12598, table 1
	DefaultSchedule  = "cosine"

	defaultSteps       = 10000
	defaultStepsPoints = 5000
	defaultBatch       = 64
	defaultBatchPoints = 1024
	defaultClip        = 1 // far above the usual norm: what is clipped are accidents
	// fineTuning is the share of the rate with which a network that has learned something goes on.
	fineTuning = 0.1
)

// decayAt is the average's decay at step k = 0, 1, ...: min(D, (1+k)/(10+k)), so that the first steps, which are soon outdated,
// are soon forgotten. It is the ramp of TensorFlow's ExponentialMovingAverage.
func decayAt(decay float64, k int) float64 { return min(decay, float64(1+k)/float64(10+k)) }

// usualRate is the greatest rate where none is given: the optimizer's for networks of up to a million parameters, less for larger
// ones in proportion to one over the root of their number, down to a tenth. That gives 2e-4 for the 30 million of a U-Net for small
// pictures and 1e-4 for what is larger, as is usual.
func usualRate(o Optimizer, parameters float64) float64 {
	return o.Rate * min(1, max(0.1, math.Sqrt(1e6/parameters)))
}

// Workers where none are given: one for each thread, as far as a batch can be shared out evenly in parts that are worth it.
const (
	mostWorkers = 8
	leastPart   = 8
)

// usualWorkers is how many workers share a batch where nothing is said. Two with a thread each do more than one with two: nodes of a graph are
// shared out between threads only within themselves, and threads wait for each other at the end of every one. Measured on two cores, a
// step takes 0.6 (DiT) to 0.97 (MLP of 2.7 million weights) of the time. A GPU has one caller, and a network that takes batches of one size
// gets them.
func (r *run) usualWorkers() int {
	e := engine{r.Runtime, r.Session}
	if r.onDevice() || r.From != nil && r.From.Batch != 0 {
		return 1
	}
	for w := min(e.threads(), mostWorkers); w > 1; w-- {
		if parts := w * r.Accumulate; r.Batch%parts == 0 && r.Batch/parts >= leastPart {
			return w
		}
	}
	return 1
}

// onDevice tells whether an accelerator computes, and not the processor.
func (r *run) onDevice() bool {
	return r.Runtime != nil && r.Runtime.OnDevice(r.Session.Provider)
}

// settle makes every choice that the settings leave open, and says what is wrong with those that they make.
func settle(s Settings) (*run, error) {
	r := &run{Settings: s, objective: s.Objective, saved: -1}
	if s.Data == nil {
		return nil, errors.New("train: no data is given")
	}
	points := s.Data.Layout() == models.Points
	choose := func(given *int, usual int) {
		if *given == 0 {
			*given = usual
		}
	}
	if r.Limit == 0 {
		choose(&r.Steps, pick(points, defaultStepsPoints, defaultSteps))
	}
	choose(&r.Batch, pick(points, defaultBatchPoints, defaultBatch))
	choose(&r.Accumulate, 1)
	choose(&r.Workers, r.usualWorkers())
	choose(&r.Every, pick(r.Steps > 0, min(1000, max(r.Steps/20, 1)), 1000))
	r.ClipNorm, r.EMA = chosen(r.ClipNorm, defaultClip), chosen(r.EMA, DefaultEMA)
	for _, c := range []struct {
		what  string
		wrong bool
		found any
		want  string
	}{
		{"steps", r.Steps < 0, r.Steps, "1 or more"},
		{"minutes", r.Limit < 0, r.Limit, "a positive time"},
		{"batch", r.Batch < 1, r.Batch, "1 or more"},
		{"accumulate", r.Accumulate < 1, r.Accumulate, "1 or more"},
		{"workers", r.Workers < 1, r.Workers, "1 or more"},
		{"every", r.Every < 1, r.Every, "1 or more"},
		{"preview", r.Preview < 0, r.Preview, "0 (none) or more"},
		{"rate", !(r.Rate >= 0) || math.IsInf(r.Rate, 1), r.Rate, "a positive number"},
		{"clip-norm", math.IsNaN(r.ClipNorm) || math.IsInf(r.ClipNorm, 1), r.ClipNorm, "a positive number, or a negative one for none"},
		{"ema", !(r.EMA < 1), r.EMA, "0 or more and less than 1, or negative for none"},
		{"validation", !(r.Validation >= 0 && r.Validation < 1), r.Validation, "0 (none) or more and less than 1"},
		{"resume", r.Resume && r.Checkpoints == "", "no checkpoint folder", "the folder of the checkpoints to go on from"},
		{"net", r.Net != nil && r.From != nil, "a network and a file", "one of them"},
	} {
		if c.wrong {
			return nil, fmt.Errorf("%s: found %v, expected %s", c.what, c.found, c.want)
		}
	}
	parts := r.Accumulate * r.Workers
	if r.size = r.Batch / parts; r.size*parts != r.Batch {
		return nil, fmt.Errorf("a batch of %d samples cannot be shared out evenly in %d parts by %d workers: give a batch that is a multiple of %d, such as %d",
			r.Batch, r.Accumulate, r.Workers, parts, (r.size+1)*parts)
	}
	r.parts = r.Accumulate
	if r.From != nil {
		r.Data = inRange(r.Data, r.From)
	}
	var err error
	if r.optimizer, err = ParseOptimizer(r.Optimizer); err != nil {
		return nil, err
	}
	if r.shape, err = ParseSchedule(r.Schedule); err != nil {
		return nil, err
	}
	r.train = r.Data
	if r.Validation > 0 {
		if r.train, r.held, err = data.Split(r.Data, r.Validation, r.Seed); err != nil {
			return nil, err
		}
	}
	if err := r.settleNetwork(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// settleNetwork chooses the network, and what depends on it: the objective's labels, the rate.
func (r *run) settleNetwork() error {
	if r.From != nil {
		tuned, err := openTuned(r.From, r.train, &r.objective, r.size)
		if err != nil {
			return err
		}
		r.net = tuned
	} else {
		r.objective = r.objective.Settled()
		d := Describe(r.train, r.objective)
		net := r.Net
		if net == nil {
			var err error
			if net, err = nn.ParseNet("", d); err != nil {
				return err
			}
		}
		r.objective.Null = int64(d.Classes)
		r.objective.DropLabel = chosen(r.objective.DropLabel, pick(d.Classes > 0, DefaultDropLabel, 0))
		o := &own{net: net, data: d, seed: r.Seed}
		r.net = o
		var err error
		if o.scaling, err = scaling(r.train, &r.objective); err != nil {
			return err
		}
		o.objective = &r.objective
	}
	var err error
	if r.words, err = r.objective.Facts(); err != nil {
		return err
	}
	if r.gradient, r.part, err = checkedGradient(r.net); err != nil {
		return err
	}
	if r.Session.Provider != pure && !r.onDevice() {
		size := graph.PartSize(r.gradient, r.size)
		r.parts, r.size = r.parts*r.size/size, size
	}
	parameters := 0.
	for _, p := range r.gradient.Parameters {
		parameters += elements(p.Shape, 1)
	}
	if parameters == 0 {
		return fmt.Errorf("network %s: has no parameters to train", r.net)
	}
	r.facts = Facts{
		Network: r.net.String(), Parameters: int(parameters), Provider: r.Session.Provider, Batch: r.Batch, Workers: r.Workers, Steps: r.Steps, Limit: r.Limit,
		Memory: need(r.gradient, r.optimizer, r.EMA > 0, r.size, r.parts, r.Workers),
	}
	if err := fit(r.facts.Memory, r.net, parameters, r.size); err != nil {
		return err
	}
	if r.Rate == 0 {
		r.Rate = usualRate(r.optimizer, parameters)
		if r.From != nil {
			r.Rate *= fineTuning
		}
	}
	r.facts.Rate = r.Rate
	return nil
}

// record is what the run's numbers depend on, as a checkpoint has it.
func (r *run) record() record {
	settings := record{
		"data":       r.Data.Fingerprint(),
		"net":        r.net.String(),
		"path":       r.objective.Path.String(),
		"optimizer":  r.optimizer.String(),
		"schedule":   r.shape.String(),
		"rate":       fmt.Sprint(r.Rate),
		"steps":      fmt.Sprint(r.Steps),
		"minutes":    fmt.Sprint(r.Limit.Minutes()),
		"batch":      fmt.Sprint(r.Batch),
		"clip-norm":  fmt.Sprint(r.ClipNorm),
		"ema":        fmt.Sprint(r.EMA),
		"validation": fmt.Sprint(r.Validation),
		"seed":       fmt.Sprint(r.Seed),
	}
	maps.Copy(settings, r.words)
	names := make([]string, len(r.objective.Predictions))
	for i, p := range r.objective.Predictions {
		names[i] = p.Name
	}
	settings["prediction"] = strings.Join(names, ",")
	for name, f := range map[string]*schedule.Formula{"time": r.objective.Time, "scale": r.objective.Scale} {
		if f != nil {
			settings[name] = f.String()
		}
	}
	return settings
}

func pick[T any](condition bool, a, b T) T {
	if condition {
		return a
	}
	return b
}

// chosen is a setting where 0 means the usual and a negative number none, which is 0.
func chosen(given, usual float64) float64 {
	if given == 0 {
		return usual
	}
	return max(given, 0)
}

// elapsed is the time that the run has taken.
func (r *run) elapsed() time.Duration { return r.before + time.Since(r.began) }

// fraction is how much of the run is over after k steps.
func (r *run) fraction(k float64) float64 {
	f := 0.
	if r.Steps > 0 {
		f = k / float64(r.Steps)
	}
	if r.Limit > 0 {
		f = max(f, float64(r.elapsed())/float64(r.Limit))
	}
	return f
}
