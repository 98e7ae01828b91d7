package cli

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"

	"odeon/internal/atomicfile"
	"odeon/internal/render"
	"odeon/onnx"
	"odeon/sampler"
)

// request is what the words of sample ask for beside the walk and the card.
type request struct {
	count   int // 0: as many as the files of --init and its kin hold, else usual
	usual   int
	seed    uint64
	first   int
	rng     rng
	label   string // "" : not said
	edit    edit
	out     []string
	plan    string // file that the walked plan is written to
	wishes  wishes
	session onnx.SessionOptions
	states  int // that a walk by the plan holds

	alone        bool // each sample is walked by itself
	latent       bool // the samples are latents whose decoder is left out
	nonfinite    bool
	trajectories bool
	quiet, json  bool
}

// What is more than these is a slip of the keyboard, and would end in sums that overflow.
const (
	mostSamples = 1_000_000_000_000
	mostSteps   = 1_000_000
	mostThreads = 1024
)

// parseRequest reads the flags of sample that are neither the walk's nor the card's.
func parseRequest(v values) (request, error) {
	c := v.flags
	r := request{
		out: c.StringSlice("out"), plan: c.String("save-plan"), nonfinite: c.Bool("allow-nonfinite"),
		trajectories: c.Bool("trajectories"), quiet: c.Bool("quiet"), json: c.Bool("json"),
	}
	r.label, _, _ = v.text("label")
	err := v.wholes(
		whole{"count", 1, mostSamples, &r.count}, whole{"first", 0, mostSamples, &r.first}, whole{"batch", 1, mostSamples, &r.wishes.Batch},
		whole{"workers", 1, mostThreads, &r.wishes.Workers}, whole{"threads", 1, mostThreads, &r.wishes.Threads},
	)
	if err != nil {
		return r, err
	}
	r.usual = cmp.Or(r.count, defaultCount)
	if !c.IsSet("count") {
		r.count = 0
	}
	if r.seed, err = v.seed("seed"); err != nil {
		return r, err
	}
	if r.rng, err = parseRNG(v, r.first); err != nil {
		return r, err
	}
	if r.session, err = v.session(); err != nil {
		return r, err
	}
	if r.edit, err = parseEdit(c); err != nil {
		return r, err
	}
	if c.IsSet("init") && c.IsSet("init-noise") {
		return r, usagef("--init gives the state and --init-noise the normals it is made of; give one of them")
	}
	seen := map[string]bool{}
	if c.IsSet("save-plan") {
		if r.plan == "" {
			return r, usagef("--save-plan: found no name, expected a file")
		}
		seen[filepath.Clean(r.plan)] = true
	}
	for _, name := range r.out {
		if err := render.CheckName(name); err != nil {
			return r, usagef("--out: %w", err)
		}
		name = filepath.Clean(name)
		if seen[name] {
			return r, usagef("--out: %s is given twice", name)
		}
		seen[name] = true
	}
	return r, nil
}

// walkAlone is an error where samples that take steps of their own are to share a network call.
func (r *request) walkAlone() error {
	if r.wishes.Batch > 1 {
		return fmt.Errorf("--batch %d: under a tolerance each sample takes steps of its own, and is walked alone; leave --batch out", r.wishes.Batch)
	}
	r.wishes.Batch, r.alone = 1, true
	return nil
}

// walkTogether is an error where samples that bear on one another are to be walked apart.
func (r *request) walkTogether(count int) error {
	if 0 < r.wishes.Batch && r.wishes.Batch < count || r.wishes.Workers > 1 {
		return fmt.Errorf("this plan has steps as long as the samples of a batch make them, so that all %d have to be walked at once; leave --batch and --workers out", count)
	}
	r.wishes.Batch, r.wishes.Workers = count, 1
	return nil
}

// savePlan writes the plan that was walked, where it is asked for.
func (r request) savePlan(plan *sampler.Plan, own *adaptive) error {
	if r.plan == "" {
		return nil
	}
	if own != nil {
		plan = own.plan
	}
	return atomicfile.Write(r.plan, func(f io.Writer) error { return writeJSON(f, plan) })
}

// warn says on stderr what may be wrong with the samples. --quiet does not hide it, unless the report of --json carries it.
func (r request) warn(w io.Writer, warnings []string) {
	for _, text := range warnings {
		note(w, r.quiet && r.json, "warning: %s", oneLine(text))
	}
}
