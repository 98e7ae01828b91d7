package cli

import (
	"fmt"

	"odeon/sampler"
	"odeon/sampler/torchrand"
)

// rng is what --rng and --torch-seeds ask for.
type rng struct {
	name  string // philox, or one of torchDevices
	seeds torchrand.Seeds
}

var torchDevices = map[string]torchrand.Device{"torch": torchrand.CPU, "torch-cuda": torchrand.CUDA}

func parseRNG(v values, first int) (r rng, err error) {
	if r.name, err = v.oneOf("rng", "philox", "philox", "torch", "torch-cuda"); err != nil {
		return r, err
	}
	seeds, err := v.oneOf("torch-seeds", "batch", "batch", "sample")
	if err != nil {
		return r, err
	}
	if seeds == "sample" {
		r.seeds = torchrand.PerSample
	}
	switch {
	case r.name == "philox" && v.has("torch-seeds"):
		return r, usagef("--torch-seeds says how samples share PyTorch's generators; give --rng torch or --rng torch-cuda with it")
	case r.name == "torch" && seeds == "batch" && first > 0:
		return r, usagef("--first %d: PyTorch's generator on a CPU draws its batch at once, from sample 0 on, and there is no later part without -n of the whole; "+
			"leave --first out, or give each sample a generator of its own with --torch-seeds sample", first)
	}
	return r, nil
}

// noise is the generator's, for the samples of a run. given says that the start is not drawn from it.
func (r rng) noise(req request, dim int, given bool) (sampler.Noise, error) {
	device, isTorch := torchDevices[r.name]
	if !isTorch {
		return sampler.Philox{Seed: req.seed}, nil
	}
	z := &torchrand.Noise{Generators: r.generators(req, device)}
	if given {
		z.FirstDraw = 1
	}
	switch err := z.Check(dim); {
	case err != nil && r.seeds == torchrand.Batch:
		return nil, fmt.Errorf("--rng %s: %w (--torch-seeds sample)", r.name, err)
	case err != nil:
		return nil, fmt.Errorf("--rng %s: %w", r.name, err)
	}
	return z, nil
}

func (r rng) generators(req request, device torchrand.Device) torchrand.Generators {
	return torchrand.Generators{Seed: req.seed, Seeds: r.seeds, Device: device, Samples: req.first + req.count}
}

// increments are torchsde's, of the motion that a diffusers scheduler draws them of; nil where PyTorch's numbers are not asked for, or
// there is no motion, and draws are independent normals.
func (r rng) increments(motion *sampler.Motion, req request) sampler.Noise {
	device, isTorch := torchDevices[r.name]
	if !isTorch || motion == nil {
		return nil
	}
	generators := r.generators(req, device)
	if motion.Seed != nil {
		generators.Seed = *motion.Seed
	}
	return torchrand.BrownianTree{Generators: generators, Low: motion.Low, High: motion.High, Spans: motion.Spans}
}

// String is what the report adds to the seed.
func (r rng) String() string {
	switch {
	case r.name == "philox":
		return ""
	case r.seeds == torchrand.PerSample:
		return " (" + r.name + ", a seed for each sample)"
	}
	return " (" + r.name + ")"
}
