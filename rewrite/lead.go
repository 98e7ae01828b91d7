package rewrite

import (
	"fmt"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
	"odeon/schedule"
)

// open takes a weaker network into the graph, where there is one and a row asks for it.
func (c *compiler) open(r *models.Resolved) (err error) {
	if c.halving != led {
		return nil
	}
	if err := c.r.GuidedBy(r, c.plan, c.guidance); err != nil {
		return err
	}
	w := &compiler{name: "guide", r: r, g: c.g, n: c.n, label: c.label, shape: c.shape}
	if w.network, err = c.hold(r.Model.Source()); err != nil {
		return err
	}
	switch {
	case w.network.Opset() != c.network.Opset():
		return fmt.Errorf("%s: its operators are those of opset %d, and those of %s, which is to guide it, of opset %d; one file has one opset: export them with the same, or sample without compiling",
			c.r.Model.Path(), c.network.Opset(), r.Model.Path(), w.network.Opset())
	case r.Batch != 0 && r.Batch != c.batch:
		return fmt.Errorf("%s: it takes %d samples a call, and %s, which it is to guide, does not; export it again with a free batch, or sample without compiling", r.Model.Path(), r.Batch, c.r.Model.Path())
	}
	c.guide = w
	return w.conditioned()
}

// lead adds to a table what the weaker network is fed in its rows, and the conversion of its prediction into the network's, as
// [sampler.Autoguided] has them.
func (c *compiler) lead(t *table, rows []sampler.Row) {
	model, weak := c.r.Sampling(), c.guide.r.Sampling()
	if t.halves.is(1) {
		return
	}
	fed := make([]sampler.Row, len(rows))
	for i := range rows {
		at := model.Refeed(rows[i].At(0, 1), weak)
		fed[i] = sampler.Row{Input: at.Input, Scale: at.Scale}
		if c.guidance.Evaluations(&rows[i]) == 2 {
			conversion, _ := schedule.Convert(model.Path, weak.Prediction, model.Prediction, rows[i].T) // it exists: see [models.Resolved.GuidedBy]
			fed[i].FX, fed[i].FP = conversion.X, conversion.P
		}
	}
	t.guide = newTable(fed, 0, c.guide.r.Clock, sampler.Guidance{Weight: 1})
}

// weaker is the weaker network's prediction in that of the network.
func (c *compiler) weaker(g *onnx.Graph, t *table, x onnx.Ref) (onnx.Ref, error) {
	p, err := c.guide.alone(g, t.guide, x)
	if err != nil {
		return onnx.None, err
	}
	if p = sum(g, term{&t.guide.fx, x}, term{&t.guide.fp, p}); p == onnx.None {
		p = g.Node("ConstantOfShape", g.Node("Shape", x))
	}
	return p, nil
}
