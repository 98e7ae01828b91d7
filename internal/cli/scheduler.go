package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/diffusers"
	"odeon/models"
	"odeon/sampler"
	"odeon/schedule"
)

// schedulerFile is a scheduler's configuration in a folder of its own.
const schedulerFile = "scheduler_config.json"

// wantsScheduler says whether the command line speaks of a diffusers scheduler.
func wantsScheduler(c *cli.Context) bool {
	return c.IsSet("scheduler") || c.IsSet("scheduler-option") || c.IsSet("as")
}

// schedulerLayer is the card of the diffusers scheduler that the command line asks for: a configuration's, or a class by its name. A name
// stands for the configuration of MODEL's folder under that class; where MODEL has a card with a path that the class can
// walk, for the class along that path; else for the class with its defaults. Options alone change the folder's scheduler.
func schedulerLayer(c *cli.Context, arg string, others []models.Layer) (*models.Layer, error) {
	model, unopened := models.Open(arg, others...) // which fails where a folder's own scheduler is refused: a file replaces it
	s, from, err := readScheduler(c, model, unopened)
	if err != nil {
		return nil, err
	}
	for _, text := range c.StringSlice("scheduler-option") {
		if err := s.Set(text); err != nil {
			return nil, usagef("--scheduler-option: %w", err)
		}
	}
	as, err := values{flags: c}.oneOf("as", "diffusers", "diffusers", "published")
	if err != nil {
		return nil, err
	}
	s.Published = as == "published"
	if c.IsSet("scheduler") && unopened == nil {
		r := models.Resolve(model)
		named := strings.HasPrefix(from, "--") // and no configuration
		switch {
		case r.Path == nil || !r.Prediction.Valid(): // the scheduler tells of both
		case named && s.Adapt(r.Path):
			return &models.Layer{From: from, Card: &models.Card{}, Scheduler: s}, nil
		default:
			if err := overCard(s, from, r); err != nil && named && (c.Command.Name != "plan" || c.NArg() > 0) { // without MODEL it is a table for no network in particular
				return nil, err
			}
		}
	}
	layer, err := models.SchedulerLayer(from, s)
	return &layer, err
}

// readScheduler finds the scheduler, without the options of the command line. All but a file need the model, or the error of opening it.
func readScheduler(c *cli.Context, model *models.Model, unopened error) (s *diffusers.Scheduler, from string, err error) {
	name := c.String("scheduler")
	if file, ok := schedulerConfig(name); ok {
		text, err := readSmall(file)
		if err != nil {
			return nil, "", fmt.Errorf("--scheduler: %w", err)
		}
		if s, err = diffusers.Parse(text); err != nil {
			return nil, "", fmt.Errorf("--scheduler %s: %w", file, err)
		}
		return s, file, nil
	}
	if name != "" {
		if s, err = diffusers.Named(name); err != nil {
			return nil, "", usagef("--scheduler: %w", err)
		}
	}
	if unopened != nil {
		return nil, "", unopened
	}
	switch {
	case model.Pipeline != nil && model.Pipeline.Scheduler != "":
		file := model.Pipeline.Scheduler
		text, err := readSmall(file)
		if err != nil {
			return nil, "", err
		}
		class := ""
		if name != "" {
			class = s.Name()
		} else if model.Scheduler != nil {
			class = model.Scheduler.Name()
		}
		if s, err = diffusers.ParseAs(class, text); err != nil {
			return nil, "", fmt.Errorf("%s: %w", file, err)
		}
		return s, file, nil
	case name == "":
		return nil, "", usagef("--scheduler-option and --as are about a diffusers scheduler, and %s has none: give --scheduler NAME or FILE", model.Path())
	}
	return s, "--scheduler " + name, nil
}

// readSmall reads a file, which may be a stranger's, of a size that a configuration can have.
func readSmall(file string) ([]byte, error) {
	const most = 1 << 22
	stat, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file; expected a scheduler's configuration, %s", file, schedulerFile)
	case stat.Size() > most:
		return nil, fmt.Errorf("%s has %d bytes, more than a scheduler's configuration of at most %d", file, stat.Size(), most)
	}
	return os.ReadFile(file)
}

// schedulerConfig is the configuration's file that a word names, or the one in the folder that it names; false for the name of a class.
func schedulerConfig(word string) (file string, ok bool) {
	stat, err := os.Stat(word)
	switch {
	case word == "":
		return "", false
	case err == nil && stat.IsDir():
		inside := filepath.Join(word, schedulerFile)
		_, err := os.Stat(inside)
		return inside, err == nil || filepath.Base(word) != word
	case errors.Is(err, fs.ErrNotExist):
		return word, strings.ContainsAny(word, `/\`) || strings.HasSuffix(word, ".json")
	}
	return word, true
}

// scheduled lays the words' settings over those of a scheduler's walk: another solver keeps the places to walk through, and other times
// keep the solver.
func scheduled(r *models.Resolved, words values, w *walk) error {
	s, given := r.Model.Scheduler, w.settings
	moved := given.Grid != nil || len(given.Indexes) > 0 || given.From != nil || given.To != nil || given.EndIndex != nil ||
		given.Tolerance != (sampler.Tolerance{}) // which finds its own
	steps := given.Steps
	if moved {
		steps = 0
	}
	planned, err := s.Walk(steps)
	if err != nil {
		return fmt.Errorf("%s: %w", schedulerName(r.Model), err)
	}
	if overScheduler(r.Model, "time") {
		planned.Unfeed()
	}
	set := planned.Settings
	if overScheduler(r.Model, "start") {
		set.Start = nil // the card's formula
	}
	if moved {
		set.Nodes, set.Start, set.Last, set.As = nil, nil, "", ""
		set.Grid, set.Indexes, set.From, set.To, set.EndIndex, set.Steps = given.Grid, given.Indexes, given.From, given.To, given.EndIndex, given.Steps
	}
	if words.has("solver") {
		set = sampler.Settings{
			Solver: given.Solver, Nodes: set.Nodes, Start: set.Start, Last: set.Last, Clip: set.Clip, Threshold: set.Threshold,
			Grid: set.Grid, Indexes: set.Indexes, From: set.From, To: set.To, EndIndex: set.EndIndex, Steps: set.Steps,
		}
		if !moved {
			set.As = "the timesteps of diffusers' " + s.Name()
		}
		for i, n := range set.Nodes { // the other solver's own details
			set.Nodes[i] = sampler.Node{T: n.T, Alpha: n.Alpha, Beta: n.Beta, Input: n.Input, Index: n.Index}
		}
	}
	set.Order = cmp.Or(given.Order, set.Order)
	set.Variance, set.Last = cmp.Or(given.Variance, set.Variance), cmp.Or(given.Last, set.Last)
	if given.Eta != nil {
		set.Eta = given.Eta
	}
	if given.Gamma != nil {
		set.Gamma = given.Gamma
	}
	set.Churn, set.Corrector = cmp.Or(given.Churn, set.Churn), cmp.Or(given.Corrector, set.Corrector)
	if given.Clip != nil || given.Threshold != nil {
		set.Clip, set.Threshold = given.Clip, given.Threshold
	}
	if !given.Sigma.IsZero() {
		set.Sigma = given.Sigma
	}
	set.Tolerance = given.Tolerance
	set.Strength, set.Known, set.Invert, set.Resample = given.Strength, given.Known, given.Invert, given.Resample
	w.settings = set
	whole := given.Strength == 0 && given.Resample == (sampler.Resample{})
	if whole && !moved && !words.has("solver") { // elsewhere the spans of the draws are others
		w.motion = planned.Motion
	}
	return nil
}

// overCard notes what of a scheduler stands in place of the card's. Another prediction is an error, for a class that was only named: the
// network of a card that tells what it predicts is not another's.
func overCard(s *diffusers.Scheduler, from string, r *models.Resolved) error {
	m, err := s.Model()
	if err != nil {
		return err
	}
	of := func(p schedule.Prediction, path schedule.Path) string {
		return fmt.Sprintf("%s along %s", p, shortened(path.String(), 60))
	}
	theirs, ours := of(m.Prediction, m.Path), of(r.Prediction, r.Path)
	if theirs != ours {
		s.Notes = append(s.Notes, fmt.Sprintf("%s is for a network that predicts %s, which stands in place of what the card of %s says: %s", from, theirs, r.Model.Path(), ours))
	}
	if m.Prediction.Equal(r.Prediction) {
		return nil
	}
	return fmt.Errorf("%s is for networks that predict %s, and by its card %s predicts %s: take a scheduler for that (flow-match-euler walks condot), "+
		"rewrite the network with odeon convert, or, where the card is wrong, give --prediction and --path", from, theirs, r.Model.Path(), ours)
}

// onePath says that a card over the scheduler's may not have another path than the scheduler walks.
func onePath(m *models.Model) error {
	if m.Scheduler == nil || m.Scheduler.Adapted() || !overScheduler(m, "path") {
		return nil
	}
	model, err := m.Scheduler.Model()
	if err != nil {
		return err
	}
	if path, err := schedule.PathFromJSON(m.Card.Path); err == nil && path.String() != model.Path.String() {
		return fmt.Errorf("%s walks the path %s, and %s says %s: leave one of them out", schedulerName(m), shortened(model.Path.String(), 60), m.From["path"], shortened(path.String(), 60))
	}
	return nil
}

// overScheduler says whether a card that lies over the scheduler's says this field, or any card where the scheduler walks its path.
func overScheduler(m *models.Model, field string) bool {
	over := m.Scheduler.Adapted()
	for _, layer := range m.Layers {
		if over = over || layer.Scheduler != nil; over && layer.Scheduler == nil && layer.From == m.From[field] {
			return true
		}
	}
	return false
}

// schedulerName is where the scheduler comes from: a file, or the flag.
func schedulerName(m *models.Model) string {
	for _, layer := range m.Layers {
		if layer.Scheduler != nil {
			return layer.From
		}
	}
	return m.Path()
}
