package diffusers

import (
	"fmt"
	"maps"

	"odeon/sampler"
	"odeon/schedule"
)

// Walk is what a scheduler's set_timesteps and step come to: along which path, by which solver, through which nodes.
type Walk struct {
	Path       schedule.Path
	Prediction schedule.Prediction
	// Time and Scale are what the network is fed where no node says so, as in a card; nil: the path's default.
	Time, Scale *schedule.Formula

	// Timesteps and Sigmas are the lists of diffusers' object after set_timesteps; Sigmas is nil for classes that have none.
	Timesteps, Sigmas []float64
	// InitNoiseSigma is diffusers' init_noise_sigma, by which a pipeline multiplies its normals.
	InitNoiseSigma float64

	// Start is the standard deviation of the first state in the path's coordinates: InitNoiseSigma, times alpha where diffusers' state is
	// x/alpha.
	Start float64
	// Settings hold the solver and the nodes, each with the number that the network is fed there.
	Settings sampler.Settings

	// Motion is whose increments the draws of noise are, where diffusers takes its noise from torchsde; nil: draws belong to nothing.
	Motion *sampler.Motion

	// Departs says in a few words how this walk, as diffusers takes it, is not the published method, and Instead how the published one
	// is. Both are empty where the two are one.
	Departs, Instead string
}

// Model is what a plan needs to know of a network that is sampled by this scheduler.
func (w *Walk) Model() sampler.Model {
	return sampler.Model{Path: w.Path, Prediction: w.Prediction, Time: w.Time, Scale: w.Scale}
}

// Walk lists the timesteps for so many steps (num_inference_steps; 0: 50, or as many as a given list has), and says how they are walked.
func (s *Scheduler) Walk(steps int) (*Walk, error) {
	c := &config{Scheduler: s, steps: steps}
	if err := c.check(); err != nil {
		return nil, err
	}
	w, err := s.class.walk(c)
	if err != nil {
		return nil, err
	}
	if s.unfed {
		w.Unfeed()
	}
	switch {
	case w.Departs == "" && s.Published:
		w.Settings.As = "published, as " + s.Name() + " is"
	case w.Departs == "":
		w.Settings.As = "diffusers' " + s.Name()
	case s.Published:
		w.Settings.As = fmt.Sprintf("published, where %s departs: %s", s.Name(), w.Instead)
	default:
		w.Settings.As = fmt.Sprintf("diffusers' %s, which departs from what is published: %s", s.Name(), w.Departs)
	}
	return w, nil
}

// Model is the network's side of the scheduler: what a card says.
func (s *Scheduler) Model() (sampler.Model, error) {
	one := &Scheduler{Published: s.Published, class: s.class, given: maps.Clone(s.given), unfed: s.unfed}
	delete(one.given, "num_inference_steps")
	if one.class.option("mu") != nil && one.given["mu"] == nil && (&config{Scheduler: one}).on("use_dynamic_shifting") {
		one.given["mu"] = 0.0 // where the walk steps is no matter here
	}
	steps := 4 // as few as every class takes
	if n, ok := one.given["num_train_timesteps"].(float64); ok {
		steps = min(steps, int(n))
	}
	if one.given["timesteps"] != nil || one.given["sigmas"] != nil {
		steps = 0
	}
	w, err := one.Walk(steps)
	if err != nil {
		return sampler.Model{}, err
	}
	return w.Model(), nil
}

// Adapt lets a scheduler that was only named step along the path of a network's card, which goes on to say what the network predicts and is
// fed: its table of trained steps stands for the class's own, and the straight path for that of flow matching. It is false where
// the class has a path of another kind, or was told its own.
func (s *Scheduler) Adapt(path schedule.Path) bool {
	table, discrete := path.(*schedule.Discrete)
	switch {
	case s.class.option("beta_start") != nil && discrete:
		for _, name := range []string{"beta_start", "beta_end", "beta_schedule", "trained_betas", "num_train_timesteps", "rescale_betas_zero_snr"} {
			if _, told := s.given[name]; told {
				return false
			}
		}
		list, before := make([]float64, table.Count()), 1.0
		for i := range list {
			bar := table.AlphaBar(schedule.Index(i))
			list[i], before = 1-bar/before, bar
		}
		s.given["trained_betas"], s.given["num_train_timesteps"] = list, float64(table.Count())
	case discrete:
		return false
	default: // a path without a table: the class's own, or nothing
		if m, err := s.Model(); err != nil || m.Path.String() != path.String() {
			return false
		}
	}
	s.unfed = true
	return true
}

// Adapted says whether the scheduler walks the path of a network's card; see Adapt.
func (s *Scheduler) Adapted() bool { return s.unfed }

// Unfeed takes from the nodes what the network is fed there, which its card says; a trained step as a real number stays.
func (w *Walk) Unfeed() {
	_, discrete := w.Path.(*schedule.Discrete)
	var each func(n *sampler.Node)
	each = func(n *sampler.Node) {
		if discrete && n.Input != nil {
			n.Index = n.Input
		}
		n.Input = nil
		for i := range n.Stages {
			each(&n.Stages[i])
		}
		for _, other := range []*sampler.Node{n.Leads, n.From} {
			if other != nil {
				each(other)
			}
		}
	}
	for i := range w.Settings.Nodes {
		each(&w.Settings.Nodes[i])
	}
}

// departs adds a departure to those that are known.
func (w *Walk) departs(diffusers, published string) {
	if w.Departs != "" {
		diffusers, published = w.Departs+"; "+diffusers, w.Instead+"; "+published
	}
	w.Departs, w.Instead = diffusers, published
}

const usualSteps = 50

// check settles the number of steps, and finds options that exclude one another.
func (c *config) check() error {
	listed := ""
	for _, name := range []string{"timesteps", "sigmas"} {
		if !c.isSet(name) {
			continue
		}
		if listed != "" {
			return fmt.Errorf("%s: both timesteps and sigmas are given; give one", c.Name())
		}
		listed = name
		n := len(c.numbers(name))
		if n == 0 {
			return c.bad(name, "expected at least one number")
		}
	}
	if c.isSet("num_inference_steps") {
		n := c.whole("num_inference_steps")
		if c.steps != 0 && c.steps != n {
			return c.bad("num_inference_steps", "and %d steps are asked for; give one of them", c.steps)
		}
		c.steps = n
	}
	if c.steps == 0 && listed == "" {
		if o := c.class.option("num_train_timesteps"); o == nil || o.elsewhere != "" {
			c.steps = usualSteps
		} else {
			c.steps = min(usualSteps, c.whole("num_train_timesteps"))
		}
	}
	return nil
}

// predictionOf is a prediction_type on a path whose noise level is sigma = beta/alpha.
func predictionOf(word string) (schedule.Prediction, error) {
	switch word {
	case "epsilon":
		return schedule.Noise, nil
	case "sample", "original_sample":
		return schedule.Data, nil
	case "v_prediction":
		return schedule.V, nil
	case "flow_prediction":
		return schedule.ReverseVelocity, nil
	}
	return schedule.Prediction{}, fmt.Errorf("unknown prediction_type %q", word)
}
