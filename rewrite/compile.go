package rewrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

// CompiledKey is the entry of metadata_props by which a compiled file is known. It holds a [Compiled] as JSON.
const CompiledKey = "odeon.compiled"

// Compiled describes a compiled file: what it was made from, and what it is fed.
type Compiled struct {
	Model       string `json:"model"`
	Description string `json:"description,omitempty"`
	License     string `json:"license,omitempty"`
	Source      string `json:"source,omitempty"`

	Solver     string             `json:"solver"`
	Path       string             `json:"path"`
	Prediction string             `json:"prediction"`
	Grid       string             `json:"grid,omitempty"`
	Sigma      string             `json:"sigma,omitempty"`
	Eta        *float64           `json:"eta,omitempty"`
	Variance   string             `json:"variance,omitempty"`
	Clip       *[2]float64        `json:"clip,omitempty"`
	Threshold  *sampler.Threshold `json:"threshold,omitempty"`
	From       float64            `json:"from"`
	To         float64            `json:"to"`
	Steps      int                `json:"steps"`
	Evals      int                `json:"evaluations"` // of the network, for one sample

	Begins   bool        `json:"begins_in_data,omitempty"` // it is fed data
	Draws    int         `json:"draws,omitempty"`          // rows that step_noise must have at least
	Guidance *float64    `json:"guidance,omitempty"`       // the weight that it was compiled with, to be fed as guidance
	Interval *[2]float64 `json:"guidance_interval,omitempty"`

	Labels  *models.Labels `json:"labels,omitempty"`  // label below 0: no class, where there is a null
	Batch   int            `json:"batch,omitempty"`   // n, where the network or the decoder takes no other
	Decoded bool           `json:"decoded,omitempty"` // samples went through a decoder
	Layout  models.Layout  `json:"layout,omitempty"`
	Range   [2]float64     `json:"range"`

	Guided string `json:"guided,omitempty"` // how it is guided, in words; a weight by a formula is no input
}

// ReadCompiled reads the description of a compiled file; ok is false for any other file.
func ReadCompiled(info *onnx.Info) (about Compiled, ok bool, err error) {
	text, ok := info.Meta(CompiledKey)
	if !ok {
		return about, false, nil
	}
	if err := json.Unmarshal([]byte(text), &about); err != nil {
		return about, true, fmt.Errorf("metadata entry %q: %w", CompiledKey, err)
	}
	return about, true, nil
}

// Sampler is a network and a plan as one graph: noise in, samples out.
//
// Its inputs are noise, [n, ...] of standard normals; data, [n, ...], where the plan begins in given data, without noise if it is an
// inversion; step_noise, [k, n, ...], where the plan draws, row k for draw k+1; label,
// [n] of int64, where the network takes classes; guidance, the weight, where it is guided. Its output is samples, [n, ...].
type Sampler struct {
	Graph *onnx.Graph
	About Compiled

	sources []*onnx.Source
}

// Close closes the files that the graph was made from.
func (s *Sampler) Close() error {
	var errs []error
	for _, source := range s.sources {
		errs = append(errs, source.Close())
	}
	return errors.Join(errs...)
}

// Compile makes a sampler of a resolved model, with its decoder where it has one, that walks as [sampler.Run] does under this
// plan and guidance: sums in the same order, rounded in the same places. Write its graph, then close it.
func Compile(r *models.Resolved, plan *sampler.Plan, guidance sampler.Guidance) (*Sampler, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	if err := fits(r, plan); err != nil {
		return nil, err
	}
	if err := guidable(guidance, plan); err != nil {
		return nil, err
	}
	c := &compiler{name: "network", r: r.For(plan), plan: plan, guidance: guidance, depth: lookback(plan)}
	s, err := c.compile()
	if err != nil {
		return nil, errors.Join(err, c.sampler.Close())
	}
	return s, nil
}

// fits says whether the plan was made for this network.
func fits(r *models.Resolved, plan *sampler.Plan) error {
	if err := plan.Check(); err != nil {
		return err
	}
	switch {
	case plan.Together():
		return fmt.Errorf("%s: the plan (%s) has steps as long as the samples of a batch make them, which a compiled file cannot measure; take another solver, or sample with odeon sample", r.Model.Path(), plan.Solver)
	case plan.Second == "":
	case plan.ReadsUnclipped():
		if slices.ContainsFunc(plan.Rows, func(row sampler.Row) bool { return !row.Call || len(row.S) > 1 }) {
			return fmt.Errorf("%s: the plan reads earlier predictions before they were clipped, and a compiled file keeps none of them; clip without --scheduler, or sample with odeon sample", r.Model.Path())
		}
	case plan.Second == sampler.LearnedVariance:
		return fmt.Errorf("%s: the plan's noise is as wide as the network says (learned variances), and a compiled file reads the prediction alone; give --scheduler-option variance_type=fixed_small",
			r.Model.Path())
	default:
		return fmt.Errorf("%s: the plan reads two predictions, %s and %s, and a compiled file reads one; give --prediction %s, from which the other is converted, or --sigma 0",
			r.Model.Path(), plan.Prediction, plan.Second, plan.Prediction)
	}
	if err := plan.Suits(r.Sampling()); err != nil {
		return fmt.Errorf("%s: %w", r.Model.Path(), err)
	}
	return nil
}

// compiler is a sampler in the making.
type compiler struct {
	r        *models.Resolved
	plan     *sampler.Plan
	guidance sampler.Guidance
	depth    int // predictions that a row looks back on

	g       *onnx.Graph
	network *onnx.Source
	name    string // of the network's copies in g
	copies  int
	guide   *compiler // of a weaker network in the same graph; nil: none
	shape   []onnx.Dim
	batch   int // n where it is fixed
	halving halving

	noise, data, stepNoise, label, weight onnx.Ref
	n, twice, halves                      onnx.Ref // [n]; [2n] and [n, n], where a row asks for them
	conditions                            []condition

	sampler Sampler
}

func (c *compiler) compile() (*Sampler, error) {
	r := c.r
	var err error
	if c.network, err = c.hold(r.Model.Source()); err != nil {
		return nil, err
	}
	if c.batch, err = c.fixedBatch(); err != nil {
		return nil, err
	}
	c.halving = c.halvingOf()
	if c.halving != unguided {
		if err := r.CanGuide(); err != nil {
			return nil, err
		}
	}
	c.g = onnx.NewGraph("sampler")
	c.g.Import("", c.network.Opset())
	c.inputs()
	if err := c.conditioned(); err != nil {
		return nil, err
	}
	x, err := c.walk(c.begin())
	if err != nil {
		return nil, err
	}
	if err := c.output(x); err != nil {
		return nil, err
	}
	if err := c.describe(); err != nil {
		return nil, err
	}
	c.sampler.Graph = c.g
	return &c.sampler, nil
}

// hold takes over a source that was opened: it is closed with the sampler.
func (c *compiler) hold(s *onnx.Source, err error) (*onnx.Source, error) {
	if err != nil {
		return nil, err
	}
	c.sampler.sources = append(c.sampler.sources, s)
	if s.Opset() < oldestOpset {
		return nil, fmt.Errorf("%s: its operators are those of opset %d, and a sampler needs at least %d; export it again with that, or convert it with onnx.version_converter", s.Info().File, s.Opset(), oldestOpset)
	}
	return s, nil
}

// fixedBatch is the only n that network and decoder take; 0 where any will do.
func (c *compiler) fixedBatch() (int, error) {
	n, d := c.r.Batch, c.r.Decode
	switch {
	case d == nil || d.Batch == 0 || d.Batch == n:
		return n, nil
	case n == 0:
		return d.Batch, nil
	}
	return 0, fmt.Errorf("%s: it takes %d samples a call, and its decoder %s takes %d; export one of them again with a free batch, or compile with --decode=false", c.r.Model.Path(), n, d.File, d.Batch)
}

// inputs declares what the file is fed, and finds how many samples that is.
func (c *compiler) inputs() {
	g := c.g
	n := onnx.Free("n")
	if c.batch > 0 {
		n = onnx.Fixed(int64(c.batch))
	}
	c.shape = []onnx.Dim{n}
	for _, size := range c.r.Shape {
		c.shape = append(c.shape, onnx.Fixed(int64(size)))
	}
	var state onnx.Ref
	if c.plan.Signal != 0 {
		c.data = g.Input("data", onnx.Float32, c.shape...)
		state = c.data
	}
	if c.fromNoise() {
		c.noise = g.Input("noise", onnx.Float32, c.shape...)
		state = c.noise
	}
	if c.plan.Draws() > 0 {
		c.stepNoise = g.Input("step_noise", onnx.Float32, slices.Insert(slices.Clone(c.shape), 0, onnx.Free("k"))...)
	}
	if c.r.Label != nil {
		c.label = g.Input("label", onnx.Int64, n)
	}
	c.n = g.Node("Slice", g.Node("Shape", state), integers(g, 0), integers(g, 1))
	if c.halving != unguided && c.guidance.Formula == nil {
		c.weight = g.Input("guidance", onnx.Float32)
	}
}

// fromNoise says whether the first state has noise in it.
func (c *compiler) fromNoise() bool { return c.plan.Start != 0 || c.plan.Signal == 0 }

// begin is the first state: noise, and as much of given data as the plan says.
func (c *compiler) begin() onnx.Ref {
	times := func(x onnx.Ref, factor float64) onnx.Ref {
		if float32(factor) == 1 {
			return x
		}
		return c.g.Node("Mul", x, c.g.Const("", onnx.Vector(float32(factor))))
	}
	switch {
	case c.plan.Signal == 0:
		return times(c.noise, c.plan.Start)
	case !c.fromNoise():
		return times(c.data, c.plan.Signal)
	}
	return c.g.Node("Add", times(c.noise, c.plan.Start), times(c.data, c.plan.Signal))
}

// output decodes the state, where there is a decoder, and makes it the file's output.
func (c *compiler) output(x onnx.Ref) error {
	d := c.r.Decode
	if d == nil {
		c.g.Output("samples", x, onnx.Float32, c.shape...)
		return nil
	}
	g := c.g
	source, err := c.hold(onnx.OpenSource(d.File))
	if err != nil {
		return err
	}
	if source.Opset() != c.network.Opset() {
		return fmt.Errorf("%s: its operators are those of opset %d, and its decoder's (%s) of opset %d; one file has one opset: export them with the same, or compile with --decode=false",
			c.r.Model.Path(), c.network.Opset(), d.File, source.Opset())
	}
	if scale := float32(1 / d.Scale); scale != 1 {
		x = g.Node("Mul", x, g.Const("", onnx.Vector(scale)))
	}
	if shift := float32(d.Shift); shift != 0 {
		x = g.Node("Add", x, g.Const("", onnx.Vector(shift)))
	}
	outputs, err := g.Embed(source, "decoder/", map[string]onnx.Ref{d.Input.Name: cast(g, x, onnx.Float32, d.Input.Type)})
	if err != nil {
		return err
	}
	shape := []onnx.Dim{c.shape[0]}
	out, _ := d.Info.Output(d.Output.Name)
	switch {
	case d.Shape != nil:
		for _, size := range d.Shape {
			shape = append(shape, onnx.Fixed(int64(size)))
		}
	case len(out.Shape) > 1:
		for _, dim := range out.Shape[1:] {
			if dim.IsFree() {
				dim = onnx.Free("") // a name of the decoder's own may mean something else here
			}
			shape = append(shape, dim)
		}
	default:
		return fmt.Errorf("decoder %s: the graph does not tell how many axes its output %q has; export it again with shapes, or compile with --decode=false", d.File, d.Output.Name)
	}
	g.Output("samples", cast(g, outputs[d.Output.Name], d.Output.Type, onnx.Float32), onnx.Float32, shape...)
	return nil
}

// describe writes the file's metadata.
func (c *compiler) describe() error {
	p, card := c.plan, c.r.Card
	about := Compiled{
		Model: c.r.Model.Name, Description: card.Description, License: card.License, Source: card.Source,
		Solver: p.Solver, Path: p.Path, Prediction: p.Prediction, Grid: p.Grid, Sigma: p.Sigma, Eta: p.Eta, Variance: p.Variance, Clip: p.Clip, Threshold: p.Threshold,
		From: p.From, To: p.To, Steps: p.Steps, Evals: sampler.Evaluations(p, c.guidance), Begins: p.Signal != 0, Draws: p.Draws(),
		Labels: c.r.Labels, Batch: c.batch, Decoded: c.r.Decode != nil, Layout: c.r.Layout, Range: c.r.Range,
	}
	if card.Name != "" {
		about.Model = card.Name
	}
	if c.halving != unguided {
		about.Guided, about.Interval = c.guidance.String()+c.r.Away(), c.guidance.Interval
		if c.guidance.Formula == nil {
			about.Guidance = &c.guidance.Weight
		}
	}
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	c.g.Meta(CompiledKey, string(text))
	if history, ok := c.r.Model.Info.Meta(HistoryKey); ok {
		c.g.Meta(HistoryKey, history)
	}
	c.g.Doc(fmt.Sprintf("Samples %s: %s, %d steps from t=%g to t=%g. Noise in, samples out.", about.Model, p.Solver, p.Steps, p.From, p.To))
	c.sampler.About = about
	return nil
}
