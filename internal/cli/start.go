package cli

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"odeon/internal/array"
	"odeon/models"
	"odeon/sampler"
)

// defaultCount is how many samples are drawn when nothing says.
const defaultCount = 16

// source is where a run's first states and its normals come from.
type source struct {
	noise sampler.Noise
	state []float32 // the first states, [n, ...], of --init; nil: Start times draw 0 of noise
	given *given    // the data that a walk begins in; nil: none
	first int       // number of the first sample
	count int       // samples
	dim   int       // elements of one state
}

// draw makes the first states of the samples first, first+1, ...
func (s source) draw(plan *sampler.Plan, x []float32, first, n int) error {
	if s.state != nil {
		copy(x, s.state[(first-s.first)*s.dim:])
		return nil
	}
	state := sampler.NewState(x, n, first)
	if s.given != nil {
		return state.Noised(plan, s.noise, s.given.start)
	}
	return state.Draw(plan, s.noise)
}

// readStart reads --init, --init-noise and --noise, and settles how many samples there are; what no file gives is drawn.
func readStart(c *cli.Context, r *models.Resolved, plan *sampler.Plan, req request) (source, error) {
	s := source{first: req.first, count: req.count, dim: r.Dim()}
	held := 0 // samples in the files; 0: no file
	var err error
	if s.given, err = readGiven(r, plan, req); err != nil {
		return s, err
	}
	switch {
	case s.given == nil && plan.FromData && !c.IsSet("init"):
		return s, fmt.Errorf("the walk begins in data noised to t=%.4g, and none are given; give --from FILE", plan.From)
	case s.given != nil && !plan.FromData:
		return s, fmt.Errorf("--from gives data, and the plan begins in noise alone; make it with --strength or --invert")
	}
	if s.given != nil && s.given.count > 1 {
		held = s.given.count
	}
	if c.IsSet("init") {
		a, err := readSamples(c, "init", r.Shape, 0)
		if err != nil {
			return s, err
		}
		s.state, held = a.Float32(), a.Shape[0]
	}
	var start, steps sampler.Noise // nil: drawn
	if c.IsSet("init-noise") {
		a, err := readSamples(c, "init-noise", r.Shape, 0)
		if err != nil {
			return s, err
		}
		recorded, err := sampler.NewRecorded(a.Float32(), 1, a.Shape[0], s.dim)
		if err != nil {
			return s, fmt.Errorf("--init-noise: %w", err)
		}
		recorded.Draw, recorded.First = 0, req.first
		if start = recorded; held == 0 || a.Shape[0] < held {
			held = a.Shape[0]
		}
	}
	if c.IsSet("noise") {
		a, err := readSamples(c, "noise", r.Shape, 1)
		if err != nil {
			return s, err
		}
		if plan.Draws() > a.Shape[0] {
			return s, fmt.Errorf("--noise %s: found %d rows, expected one for each of the %d steps", c.String("noise"), a.Shape[0], plan.Draws())
		}
		recorded, err := sampler.NewRecorded(a.Float32(), a.Shape[0], a.Shape[1], s.dim)
		if err != nil {
			return s, fmt.Errorf("--noise: %w", err)
		}
		recorded.First = req.first
		steps = recorded
		if held == 0 || a.Shape[1] < held {
			held = a.Shape[1]
		}
	}
	switch {
	case s.count == 0 && held > 0:
		s.count = held
	case s.count == 0:
		s.count = req.usual
	case held > 0 && s.count > held:
		return s, fmt.Errorf("-n %d: the files of --from, --mask, --init, --init-noise and --noise hold %d samples; give at most that many", s.count, held)
	}
	req.count = s.count
	drawn, err := req.rng.noise(req, s.dim, start != nil || s.state != nil || plan.Start == 0)
	s.noise = sampler.Composite{Start: cmp.Or(start, drawn), Steps: cmp.Or(steps, req.rng.increments(plan.Motion, req), drawn)}
	return s, err
}

// readSamples reads the array that a flag names and compares it with one sample's shape; before it come the batch and as many
// more axes as leading says.
func readSamples(c *cli.Context, flag string, shape []int, leading int) (*array.Array, error) {
	file := c.String(flag)
	a, err := array.Read(file, flag)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	expected := "[n, " + shapeText(shape) + "]"
	if leading > 0 {
		expected = "[k, n, " + shapeText(shape) + "]"
	}
	if len(a.Shape) != leading+1+len(shape) || !slices.Equal(a.Shape[leading+1:], shape) || slices.Contains(a.Shape, 0) {
		return nil, fmt.Errorf("--%s %s: found an array [%s], expected %s", flag, file, shapeText(a.Shape), expected)
	}
	return a, nil
}

func shapeText(shape []int) string {
	text := ""
	for i, size := range shape {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(size)
	}
	return text
}
