package cli

import (
	"fmt"
	"math"

	"odeon/sampler"
	"odeon/schedule"
)

// walk is how a command goes from the first time to the last: the plan's settings, and guidance.
type walk struct {
	settings sampler.Settings
	guidance sampler.Guidance
	motion   *sampler.Motion // whose increments the draws are; nil: nobody's
}

// parseWalk reads walkFlags' values. It needs no model, so that a mistake in the command line is told before any file is opened.
func parseWalk(v values) (walk, error) {
	var w walk
	s := &w.settings
	for _, read := range []func() error{
		func() (err error) { s.Steps, err = v.whole("steps", 0, 1, mostSteps); return },
		func() (err error) { s.From, err = v.number("t-start", aTime); return },
		func() (err error) { s.To, err = v.number("t-end", aTime); return },
		func() (err error) { s.Strength, err = v.within("strength", 0, partOfAWalk); return },
		func() (err error) { s.Resample, err = v.resample(); return },
		func() (err error) { s.Clip, err = v.pair("clip"); return },
		func() (err error) { s.Threshold, err = v.threshold(); return },
		func() (err error) { s.Last, err = v.oneOf("last", "", lasts()...); return },
		func() (err error) { w.guidance, err = parseGuidance(v); return },
	} {
		if err := read(); err != nil {
			return walk{}, err
		}
	}
	s.Invert = v.flags.Bool("invert")
	if s.Known = v.flags.IsSet("mask"); s.Known && s.Strength == 0 {
		s.Strength = 1
	}
	err := readSolver(v, s)
	if err != nil {
		return walk{}, err
	}
	if text, where, ok := v.text("grid"); ok {
		if s.Grid, err = schedule.ParseGrid(text); err != nil {
			return walk{}, wrong(where, err)
		}
	}
	if text, where, ok := v.text("sigma"); ok {
		if s.Sigma, err = schedule.ParseDiffusion(text); err != nil {
			return walk{}, wrong(where, err)
		}
	}
	indexes, err := v.list("indexes")
	if err != nil {
		return walk{}, err
	}
	for _, i := range indexes {
		s.Indexes = append(s.Indexes, schedule.Index(i))
	}
	if v.has("end-index") {
		i, err := v.whole("end-index", 0, 0, math.MaxInt)
		if err != nil {
			return walk{}, err
		}
		end := schedule.Index(i)
		s.EndIndex = &end
	}
	return w, w.check(v)
}

// lasts are the ways to take the last step.
func lasts() []string {
	var names []string
	for _, last := range sampler.Lasts {
		names = append(names, last.Name)
	}
	return names
}

// check finds what contradicts itself in the words alone.
func (w walk) check(v values) error {
	s := w.settings
	listed := len(s.Indexes)
	_, where, _ := v.text("indexes")
	if times := schedule.Lists(s.Grid); times > 0 {
		if _, at, _ := v.text("grid"); listed > 0 {
			return wrong(where, fmt.Errorf("both %s and indexes say where to step; give one", at))
		}
		// Under --last denoise the last listed time is where the step to the data prediction begins.
		if listed = times - 1; s.Last == "denoise" {
			listed++
		}
		_, where, _ = v.text("grid")
	}
	if listed > 0 && s.Steps > 0 && s.Steps != listed {
		_, at, _ := v.text("steps")
		return wrong(at, fmt.Errorf("found %d steps, but %s lists %d; leave --steps out", s.Steps, where, listed))
	}
	if s.From != nil && s.To != nil && *s.From == *s.To {
		return usagef("--t-start and --t-end are both %g; expected two times", *s.From)
	}
	if err := s.Check(); err != nil {
		if v.sampling == nil {
			return usageError{err}
		}
		return err
	}
	return nil
}
