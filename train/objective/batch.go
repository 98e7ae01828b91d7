package objective

import (
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"odeon/sampler"
)

// A Batch is what a training step is fed: n samples of dim numbers. NewBatch makes it, Fill fills it.
type Batch struct {
	X      []float32   // [n, dim]: the state, times the scale
	Time   []float32   // [n]: what the network is fed for the time
	Label  []int64     // [n], some of them Null; nil without labels
	Target [][]float32 // one [n, dim] for each prediction
	// Weight is w(t)/(n dim) for each prediction, [n]: the loss is the sum of Weight (prediction - Target)^2 over all predictions,
	// samples and numbers, so that the losses and gradients of a batch's parts add up to those of the whole.
	Weight [][]float32
	T      []float64 // [n]: the times

	dim     int
	terms   *terms
	coupler *coupler // nil: independent
	noise   []float32
	partner []int // sample i goes with noise partner[i]
	order   []int
	u, keys []float64
	labels  []int64
}

// NewBatch makes room for batches of n samples of dim numbers, and says what is wrong with the objective.
func (o *Objective) NewBatch(n, dim int) (*Batch, error) {
	if n < 1 || dim < 1 {
		return nil, fmt.Errorf("a batch of %d samples of %d numbers; expected at least one of each", n, dim)
	}
	t, err := o.terms()
	if err != nil {
		return nil, err
	}
	b := &Batch{
		X:       make([]float32, n*dim),
		Time:    make([]float32, n),
		T:       make([]float64, n),
		dim:     dim,
		terms:   t,
		noise:   make([]float32, n*dim),
		partner: make([]int, n),
		order:   make([]int, n),
		u:       make([]float64, n),
		keys:    make([]float64, n),
		labels:  make([]int64, n),
	}
	for range t.Predictions {
		b.Target = append(b.Target, make([]float32, n*dim))
		b.Weight = append(b.Weight, make([]float32, n))
	}
	if t.Coupling.Kind != Independent {
		b.coupler, err = newCoupler(t.Coupling, n, dim)
	}
	return b, err
}

// N is the number of samples.
func (b *Batch) N() int { return len(b.T) }

// Where a batch's random numbers lie in the generator (see sampler.Philox): the sample number is the step's, elements count through the
// batch, and draws are these. The draws of a walk count from 0.
const (
	firstDraw = 1 << 30

	noiseDraw  = firstDraw // of the normals
	timeDraw   = firstDraw // of the uniforms, as the others
	strataDraw = firstDraw + 1
	labelDraw  = firstDraw + 2
	pairDraw   = firstDraw + 3
)

// Fill makes the batch of one step from data z, [n, dim], and its labels, nil without classes. The batch is a function of the objective,
// z, the labels, the seed and the step alone, whatever was filled before. A plain Fill of a small
// batch allocates nothing; a large one is shared by goroutines, and with a coupling the product of matrices allocates.
func (b *Batch) Fill(z []float32, labels []int64, seed uint64, step int64) error {
	n := b.N()
	switch {
	case b.terms == nil:
		panic("objective: Fill of a Batch that NewBatch did not make")
	case len(z) != n*b.dim || labels != nil && len(labels) != n:
		panic(fmt.Sprintf("objective: Fill of a batch of %d samples of %d numbers with %d numbers and %d labels", n, b.dim, len(z), len(labels)))
	}
	random := sampler.Philox{Seed: seed}
	if err := b.drawNoise(random, step); err != nil {
		return err
	}
	if err := b.drawTimes(random, step); err != nil {
		return err
	}
	if err := b.drawPartners(random, step, z, labels); err != nil {
		return err
	}
	if err := b.drawLabels(random, step, labels); err != nil {
		return err
	}
	if len(b.X) <= lonely {
		b.mixAll(0, n, z)
		return nil
	}
	return share(n, func(from, to int) error {
		b.mixAll(from, to, z)
		return nil
	})
}

// lonely is the most numbers in a batch that one goroutine makes, in a third of a millisecond. More share larger ones.
const lonely = 1 << 15

// share has work done on parts of n things, by a goroutine for each processor.
func share(n int, work func(from, to int) error) error {
	var group errgroup.Group
	parts := min(n, runtime.GOMAXPROCS(0))
	for k := range parts {
		group.Go(func() error { return work(n*k/parts, n*(k+1)/parts) })
	}
	return group.Wait()
}

// drawNoise sets noise, in blocks of the generator.
func (b *Batch) drawNoise(random sampler.Philox, step int64) error {
	if len(b.noise) <= lonely {
		return random.Normals(b.noise, int(step), 1, noiseDraw)
	}
	const block = 4
	return share((len(b.noise)+block-1)/block, func(from, to int) error {
		return random.Elements(b.noise[from*block:min(to*block, len(b.noise))], int(step), noiseDraw, from*block)
	})
}

// drawTimes sets T.
func (b *Batch) drawTimes(random sampler.Philox, step int64) error {
	if err := random.Uniforms(b.u, int(step), 1, timeDraw); err != nil {
		return err
	}
	law := b.terms.Times
	if !law.Independent {
		if err := random.Uniforms(b.keys, int(step), 1, strataDraw); err != nil {
			return err
		}
		stratify(b.u, b.keys, b.order)
	}
	for i, u := range b.u {
		b.T[i] = b.terms.time(law.at(u))
	}
	return nil
}

// drawPartners says which noise each sample gets.
func (b *Batch) drawPartners(random sampler.Philox, step int64, z []float32, labels []int64) error {
	if b.coupler == nil {
		for i := range b.partner {
			b.partner[i] = i
		}
		return nil
	}
	if err := random.Uniforms(b.u, int(step), 1, pairDraw); err != nil {
		return err
	}
	return b.coupler.couple(b.partner, z, b.noise, labels, b.u)
}

// drawLabels copies the labels and drops some.
func (b *Batch) drawLabels(random sampler.Philox, step int64, labels []int64) error {
	if labels == nil {
		b.Label = nil
		return nil
	}
	b.Label = b.labels
	copy(b.Label, labels)
	share := b.terms.DropLabel
	if share == 0 {
		return nil
	}
	if err := random.Uniforms(b.u, int(step), 1, labelDraw); err != nil {
		return err
	}
	for i, u := range b.u {
		if u < share {
			b.Label[i] = b.terms.Null
		}
	}
	return nil
}

// mixAll makes the samples from from on, before to.
func (b *Batch) mixAll(from, to int, z []float32) {
	for i := from; i < to; i++ {
		b.mix(i, b.terms.at(b.T[i]), z)
	}
}

// mix makes sample i of its data and noise at a moment. Every product is rounded before it is added to, as everywhere in sampling, so that
// all machines make the same batch.
func (b *Batch) mix(i int, m moment, z []float32) {
	from, to := i*b.dim, (i+1)*b.dim
	data := z[from:to]
	noise := b.noise[b.partner[i]*b.dim:][:len(data)]
	combine(b.X[from:to], m.scale*m.alpha, data, m.scale*m.beta, noise)
	for k, target := range b.Target {
		combine(target[from:to], m.data[k], data, m.noise[k], noise)
		b.Weight[k][i] = float32(m.weight[k] / float64(len(b.X)))
	}
	b.Time[i] = float32(m.time)
}

// combine stores a x + b y.
func combine(dst []float32, a float64, x []float32, b float64, y []float32) {
	p, q := float32(a), float32(b)
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = float32(p*x[i]) + float32(q*y[i])
	}
}
