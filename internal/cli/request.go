package cli

import (
	"cmp"
	"io"
	"path/filepath"

	"odeon/internal/render"
	"odeon/onnx"
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
	wishes  wishes
	session onnx.SessionOptions

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
		out: c.StringSlice("out"), nonfinite: c.Bool("allow-nonfinite"),
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

// warn says on stderr what may be wrong with the samples. --quiet does not hide it, unless the report of --json carries it.
func (r request) warn(w io.Writer, warnings []string) {
	for _, text := range warnings {
		note(w, r.quiet && r.json, "warning: %s", oneLine(text))
	}
}
