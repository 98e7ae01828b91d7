package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"odeon/internal/render"
	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

// engine is a resolved model, loaded and ready: a network for each worker on one shared session, and a decoder for each
// where samples are decoded.
type engine struct {
	split    split
	dim      int          // elements of one state
	library  onnx.Library // none where Go computes
	provider string
	notes    []string

	networks []*models.Network
	there    []*models.Network    // of the way to noise, where it has classes of its own
	guide    *models.Resolved     // a weaker network that guides; nil: none
	guides   []*models.Network    // which each worker has of it
	lead     []*models.Network    // and on the way to noise
	decoders chan *models.Decoder // free ones; nil where nothing is decoded
	decoded  []int                // shape of one decoded sample
	layout   models.Layout

	sessions []models.Session
}

// newEngine loads the library, where the provider needs one, and the network. The cut into workers and chunks is settled here,
// since it decides how many threads a session has.
func newEngine(ctx context.Context, lib onnx.Library, r *models.Resolved, run models.Run, req request, g sampler.Guidance) (*engine, error) {
	e := &engine{dim: r.Dim(), layout: r.Layout}
	wishes := req.wishes
	if !req.alone {
		wishes.Fixed = r.Batch
	}
	var rt *onnx.Runtime
	if needsLibrary(req.session) {
		var err error
		if rt, err = onnx.Open(lib); err != nil {
			return nil, err
		}
		e.library = rt.Library()
		wishes.Device = rt.OnDevice(req.session.Provider)
	}
	e.split = cut(run.Count, e.dim, g.Guides(), cores(), wishes)
	if err := fits(e.split, e.dim, max(2, req.states)); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Model.Path(), err)
	}
	options := req.session
	options.Threads, options.Workers = e.split.Threads, e.split.Workers
	if err := e.load(ctx, rt, r, run, options); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// needsLibrary tells whether ONNX Runtime computes.
func needsLibrary(s onnx.SessionOptions) bool { return s.Provider != models.Go }

// untilInterrupted runs work that hears of no interruption, as ONNX Runtime does not while it loads a network. After one it
// returns at once, and the work goes on until the process ends.
func untilInterrupted[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (e *engine) load(ctx context.Context, rt *onnx.Runtime, r *models.Resolved, run models.Run, options onnx.SessionOptions) error {
	var err error
	if e.networks, err = e.open(rt, r, run, options); err != nil {
		return err
	}
	if r.Guide != nil {
		e.guide = r.Guide
		if e.guides, err = e.open(rt, r.Guide, run, options); err != nil {
			return err
		}
	}
	if r.Decode == nil {
		return nil
	}
	session, err := r.Decode.NewSession(rt, options)
	if err != nil {
		return err
	}
	e.sessions = append(e.sessions, session)
	e.decoders = make(chan *models.Decoder, e.split.Workers)
	for range e.split.Workers {
		decoder, err := models.NewDecoder(ctx, r, session)
		if err != nil {
			return err
		}
		e.decoded, e.layout = decoder.Shape, decoder.Layout
		e.decoders <- decoder
	}
	return nil
}

// invert gives each worker a second network for the way to noise.
func (e *engine) invert(r *models.Resolved, run models.Run) error {
	var err error
	if e.there, err = e.each(r, e.sessions[0], run); err != nil || e.guide == nil {
		return err
	}
	e.lead, err = e.each(e.guide, e.sessions[1], run)
	return err
}

// open loads a network for all workers.
func (e *engine) open(rt *onnx.Runtime, r *models.Resolved, run models.Run, options onnx.SessionOptions) ([]*models.Network, error) {
	session, err := r.NewSession(rt, options)
	if err != nil {
		return nil, err
	}
	e.sessions = append(e.sessions, session)
	e.provider = session.Provider()
	if n := session.Note(); n != "" && !slices.Contains(e.notes, n) {
		e.notes = append(e.notes, n)
	}
	return e.each(r, session, run)
}

// each makes a network for each worker.
func (e *engine) each(r *models.Resolved, session models.Session, run models.Run) (networks []*models.Network, err error) {
	for range e.split.Workers {
		network, err := models.NewNetwork(r, session, run)
		if err != nil {
			return networks, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// all are the networks of all workers.
func (e *engine) all() []*models.Network { return slices.Concat(e.networks, e.there, e.guides, e.lead) }

// halves are a worker's network with what stands for its unconditional half.
func (e *engine) halves(worker int, networks, guides []*models.Network, g sampler.Guidance) sampler.Conditional {
	if e.guide == nil {
		return networks[worker]
	}
	return sampler.Autoguided(networks[worker], g.Model, guides[worker], e.guide.Sampling())
}

// guided is each worker's network with guidance and clipping, as a walk by the plan calls it.
func (e *engine) guided(plan *sampler.Plan, g sampler.Guidance) func(worker int) (sampler.Network, error) {
	return func(worker int) (sampler.Network, error) {
		network := sampler.Guide(e.halves(worker, e.networks, e.guides, g), g)
		if len(e.there) > 0 {
			network = sampler.ThereAndBack(plan, sampler.Guide(e.halves(worker, e.there, e.lead, g), g), network)
		}
		return sampler.Clip(network, plan), nil
	}
}

// describe says what the samples of a run are, decoded where there is a decoder. latent says that theirs is left out.
func (e *engine) describe(r *models.Resolved, run models.Run, latent bool) render.Samples {
	s := render.Samples{
		Shape: r.Shape, Layout: render.Layout(e.layout), Range: r.Range,
		Latent: latent, Vocabulary: r.Card.Vocabulary,
	}
	if e.decoded != nil {
		s.Shape = e.decoded
	}
	if r.Card.Rate != nil {
		s.Rate = int(*r.Card.Rate)
	}
	if r.Card.FPS != nil {
		s.FPS = *r.Card.FPS
	}
	for _, label := range run.Labels {
		s.Labels = append(s.Labels, r.Labels.Title(label))
	}
	return s
}

// decode fills dst from states on the calling worker's goroutine.
func (e *engine) decode(ctx context.Context, dst, states []float32) error {
	d := <-e.decoders
	defer func() { e.decoders <- d }()
	return d.Decode(ctx, dst, states)
}

// evaluations is how many samples the networks were evaluated at.
func (e *engine) evaluations() int64 {
	var n int64
	for _, network := range e.all() {
		n += network.Evaluations()
	}
	return n
}

// networkSeconds is the time that a worker spent in its networks, on average.
func (e *engine) networkSeconds() float64 {
	var spent time.Duration
	for _, network := range e.all() {
		spent += network.Spent()
	}
	return spent.Seconds() / float64(len(e.networks))
}

// Close frees what the networks hold.
func (e *engine) Close() {
	for _, network := range e.all() {
		network.Close()
	}
	for range len(e.decoders) {
		(<-e.decoders).Close()
	}
	for _, session := range e.sessions {
		session.Destroy()
	}
}
