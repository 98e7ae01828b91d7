package torchrand

import (
	"fmt"

	"odeon/sampler"
)

// Seeds says which generators a run has.
type Seeds int

const (
	// Batch is one generator for all samples: each draw is one tensor [samples, ...], so that what a sample gets depends on
	// how many there are. In diffusers, generator=torch.Generator().manual_seed(seed).
	Batch Seeds = iota
	// PerSample is a generator for each sample: sample k has that of seed Seed+k, and the same numbers in every run. In
	// diffusers, generator=[torch.Generator().manual_seed(seed+k) for k in range(samples)].
	PerSample
)

// Generators says who draws the numbers of a run's samples.
type Generators struct {
	Seed    uint64 // from 0 to 2^64-1, as in torch.manual_seed; on a CPU its lower 32 bits count
	Seeds   Seeds
	Device  Device
	Samples int // in the whole run, from sample 0 on; needed for Batch on a CPU
}

// mostNumbers is the size that a batch's tensor may have. PyTorch would hold it in memory, 16 GB.
const mostNumbers = 1 << 32

// Check says whether samples of dim numbers can be drawn so.
func (g Generators) Check(dim int) error {
	samples := 1
	if g.Seeds == Batch {
		samples = max(g.Samples, 1)
	}
	switch {
	case g.Device == CUDA && dim > CUDAThreads:
		return fmt.Errorf("samples of %d numbers, expected at most %d: beyond that what PyTorch draws depends on the card", dim, CUDAThreads)
	case g.Device == CUDA && samples > CUDAThreads/dim:
		return fmt.Errorf("a batch of %d samples of %d numbers, expected at most %d samples: beyond that what PyTorch draws depends on the card; "+
			"draw fewer, or give each a generator of its own", samples, dim, CUDAThreads/dim)
	case samples > mostNumbers/dim:
		return fmt.Errorf("a batch of %d samples of %d numbers, expected at most %d samples; draw fewer, or give each a generator of its own", samples, dim, mostNumbers/dim)
	}
	return nil
}

// part is a stretch of a draw that one tensor holds: dst are the elements from number at on of a tensor of size numbers,
// drawn by the generator of a seed.
type part struct {
	dst  []float32
	seed uint64
	size int
	at   int
}

// parts cuts dst, which belongs to the samples first to first+n-1, into what one generator draws.
func (g Generators) parts(dst []float32, first, n int) ([]part, error) {
	if first < 0 || n < 0 || n == 0 && len(dst) > 0 || n > 0 && len(dst)%n != 0 {
		return nil, fmt.Errorf("torch noise: a buffer of %d numbers for %d samples from number %d", len(dst), n, first)
	}
	if len(dst) == 0 {
		return nil, nil
	}
	dim := len(dst) / n
	switch {
	case g.Seeds == PerSample:
	case g.Device == CUDA:
		g.Samples = max(g.Samples, first+n) // a larger tensor begins with the same numbers
	case first+n > g.Samples:
		return nil, fmt.Errorf("torch noise: samples %d to %d, and the batch that one generator draws has %d", first, first+n-1, g.Samples)
	}
	if err := g.Check(dim); err != nil {
		return nil, fmt.Errorf("torch noise: %w", err)
	}
	if g.Seeds == PerSample {
		parts := make([]part, n)
		for s := range parts {
			parts[s] = part{dst: dst[s*dim : (s+1)*dim], seed: g.Seed + uint64(first) + uint64(s), size: dim}
		}
		return parts, nil
	}
	return []part{{dst: dst, seed: g.Seed, size: g.Samples * dim, at: first * dim}}, nil
}

// Noise is a [sampler.Noise] of the numbers that torch.randn gives a sampling loop: the start is the first tensor that a
// generator draws, and each draw of the walk is the next. They are tensors of the whole batch, [samples, ...], or of a single
// sample, as Seeds says; a walk may ask for any part of them. A draw number that a plan leaves out is a tensor all the same.
//
// A batch's words on a CPU depend on all before them. Noise makes them again for each chunk of samples that asks, going on
// from states that it keeps, in at most 10 MB. A Noise may be used by several goroutines at once; do not copy or change it
// afterwards.
type Noise struct {
	Generators
	// FirstDraw is the number of the draw that comes first: 1 where the start is given and not drawn.
	FirstDraw int

	tape tape
}

var _ sampler.Walker = &Noise{}

// Normals fills dst, [n, dim], with draw number draw of the samples first to first+n-1.
func (z *Noise) Normals(dst []float32, first, n, draw int) error {
	parts, err := z.parts(dst, first, n)
	if err != nil {
		return err
	}
	call, err := z.call(draw)
	if err != nil {
		return err
	}
	for _, p := range parts {
		t := tensor{call, p.size}
		if z.Device == CPU && z.Seeds == Batch {
			m := z.tape.at(p.seed, t.place(p.at))
			m.read(p.dst, t, p.at)
		} else if err := z.Device.randn(p.dst, p.seed, t, p.at); err != nil {
			return fmt.Errorf("torch noise: %w", err)
		}
	}
	return nil
}

// call is the number of a draw's call of randn.
func (z *Noise) call(draw int) (int, error) {
	if draw < z.FirstDraw || draw > 1<<31 {
		return 0, fmt.Errorf("torch noise: draw %d, expected one from %d to 2^31", draw, z.FirstDraw)
	}
	return draw - z.FirstDraw, nil
}

// Walk is the noise of one walk of the samples first to first+n-1, which keeps their generators where the last draw left
// them, 2.5 kB each. Where that spares nothing it is z itself.
func (z *Noise) Walk(first, n int) sampler.Noise {
	if z.Device != CPU || z.Seeds != PerSample {
		return z
	}
	w := &walk{noise: z, first: first, generators: make([]mersenne, n)}
	for s := range w.generators {
		w.generators[s] = seeded(z.Seed + uint64(first) + uint64(s))
	}
	return w
}

// walk is Noise of a generator for each sample, for the samples from number first on.
type walk struct {
	noise      *Noise
	first      int
	generators []mersenne
}

// Normals is [Noise.Normals], cheapest where the draws come in order.
func (w *walk) Normals(dst []float32, first, n, draw int) error {
	if first < w.first || first+n > w.first+len(w.generators) {
		return w.noise.Normals(dst, first, n, draw)
	}
	parts, err := w.noise.parts(dst, first, n)
	if err != nil {
		return err
	}
	call, err := w.noise.call(draw)
	if err != nil {
		return err
	}
	for s, p := range parts {
		m, t := &w.generators[first-w.first+s], tensor{call, p.size}
		if m.place() > t.place(0) {
			*m = seeded(p.seed)
		}
		m.read(p.dst, t, 0)
	}
	return nil
}
