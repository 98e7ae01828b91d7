package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/sampler"
	"odeon/schedule"
)

// guideFlags are those of the walk that steer it.
func guideFlags() []cli.Flag {
	return []cli.Flag{
		text("guidance", "classifier-free guidance of weight `W`: uncond + W (cond - uncond); or a formula in t, alpha, beta, sigma, logsnr and, on a discrete path, index and count"),
		text("guidance-interval", "with `A,B`, guide only where A < t < B"),
		text("guidance-form", "guide by `FORM`: cfg; zero-star(steps), CFG-Zero*; apg(eta,norm,momentum), adaptive projected guidance"),
		text("guidance-rescale", "bring the guided prediction to the standard deviation of the conditional one by the share `PHI`, 0 to 1"),
		text("guide-model", "autoguidance: in place of the unconditional half, a weaker network `MODEL` of the same data along the same path"),
		text("negative-label", "the class `L`, a number or a name, in the unconditional half in place of none"),
	}
}

// steering are the flags that say how to guide, and nothing without a weight.
var steering = []string{"guidance-interval", "guidance-form", "guidance-rescale", "guide-model", "negative-label"}

// parseGuidance reads the words of guidance. A weight that is a formula is read with the variables of a discrete path, which has all.
func parseGuidance(v values) (g sampler.Guidance, err error) {
	g.Weight = 1
	if text, where, ok := v.text("guidance"); ok {
		if g.Weight, g.Formula, err = parseWeight(text, (*schedule.Discrete)(nil)); err != nil {
			return g, wrong(where, err)
		}
	}
	if text, where, ok := v.text("guidance-form"); ok {
		if g.Form, err = sampler.ParseForm(text); err != nil {
			return g, wrong(where, err)
		}
	}
	if g.Interval, err = v.pair("guidance-interval"); err != nil {
		return g, err
	}
	if v.has("guide-model") && (v.has("negative-label") || v.flags.IsSet("set-null")) {
		return g, usagef("--guide-model takes the place of the unconditional half, and --negative-label and --set-null say what that is fed; give one of them")
	}
	g.Rescale, err = v.within("guidance-rescale", 0, limits{0, 1, "a share from 0 to 1"})
	return g, err
}

// parseWeight reads a number, or a formula that varies along a path.
func parseWeight(text string, path schedule.Path) (float64, *schedule.Formula, error) {
	if w, err := strconv.ParseFloat(text, 64); err == nil && w-w == 0 {
		return w, nil, nil
	}
	f, err := schedule.ParseFormula(text, schedule.TimeVariables(path)...)
	if err != nil {
		return 0, nil, fmt.Errorf("expected a number or a formula: %w", err)
	}
	for _, name := range f.Variables() {
		if f.Uses(name) {
			return 0, f, nil
		}
	}
	w := f.Eval(make([]float64, len(f.Variables()))...)
	if math.IsNaN(w) || math.IsInf(w, 0) {
		return 0, nil, fmt.Errorf("found %q, which is %v, expected a finite number", text, w)
	}
	return w, nil, nil
}

// bindGuidance settles guidance for a network and a plan.
func (w *walk) bindGuidance(v values, r *models.Resolved, plan *sampler.Plan) (err error) {
	g := &w.guidance
	g.Model, g.Dim = r.Sampling(), r.Dim()
	if text, where, _ := v.text("guidance"); g.Formula != nil {
		if _, g.Formula, err = parseWeight(text, r.Path); err != nil {
			return fmt.Errorf("%s on the path %s: %w", where, g.Model.Path, err)
		}
	}
	if text, where, ok := v.text("negative-label"); ok && g.Guides() {
		if r.Negative, err = parseNegative(r, text); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	if err := g.Check(plan); err != nil {
		return err
	}
	r.Guide, err = openGuide(v.flags, r, plan, *g)
	return err
}

// parseNegative reads one class.
func parseNegative(r *models.Resolved, text string) (*int, error) {
	if r.Labels == nil {
		return nil, fmt.Errorf("found %q, but %s takes no classes; leave it out, or name the input with --inputs label=NAME", text, r.Model.Path())
	}
	labels, err := r.Labels.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case len(labels) != 1:
		return nil, fmt.Errorf("found %q, %d classes, expected one", text, len(labels))
	}
	return &labels[0], nil
}

// checkGuidance finds guidance that does nothing.
func (w walk) checkGuidance(c *cli.Context) error {
	if w.guidance.Guides() {
		return nil
	}
	if given := amongSet(c, steering); len(given) > 0 {
		return usagef("%s says where or how to guide, and the guidance weight is 1, which is none; give --guidance W", given[0])
	}
	return nil
}

// guidanceReport is what the report says of guidance.
type guidanceReport struct {
	Guidance any     `json:"guidance"` // the weight: a number, or a formula's text
	Form     string  `json:"guidance_form,omitempty"`
	Rescale  float64 `json:"guidance_rescale,omitempty"`
	Guide    string  `json:"guide_model,omitempty"`
	Negative string  `json:"negative_label,omitempty"`

	guided string // for people, behind the solver and its steps
}

func reportGuidance(g sampler.Guidance, r *models.Resolved) guidanceReport {
	report := guidanceReport{Guidance: g.Weight, Rescale: g.Rescale, guided: ", guidance " + g.String() + oneLine(r.Away())}
	if !g.Guides() {
		return guidanceReport{Guidance: g.Weight}
	}
	if g.Formula != nil {
		report.Guidance = g.Formula.String()
	}
	if g.Form != nil {
		report.Form = g.Form.String()
	}
	if r.Negative != nil {
		report.Negative = r.Labels.Title(*r.Negative)
	}
	if r.Guide != nil {
		report.Guide = r.Guide.Model.Path()
	}
	return report
}

// guesses are what was told by a look at the network, and at the one that guides it.
func guesses(r *models.Resolved) []string {
	guesses := slices.Clip(r.Guesses)
	if r.Guide != nil {
		for _, text := range r.Guide.Guesses {
			guesses = append(guesses, r.Guide.Model.Path()+": "+text)
		}
	}
	return guesses
}

// canGuide finds guidance that the network cannot do.
func (w walk) canGuide(r *models.Resolved) error {
	switch {
	case !w.guidance.Guides():
		return nil
	case w.guidance.Rescale != 0 && w.guidance.Dim == 1:
		return fmt.Errorf("--guidance-rescale is of a sample's standard deviation, and a sample of %s is one number; leave it out", r.Model.Path())
	}
	return r.CanGuide()
}

// describeGuidance says for people how and where a walk is guided.
func (w walk) describeGuidance(r *models.Resolved) string {
	if !w.guidance.Guides() {
		return "none"
	}
	text := w.guidance.String() + oneLine(r.Away())
	if at := w.guidance.Interval; at != nil {
		return fmt.Sprintf("%s strictly between t=%g and t=%g", text, at[0], at[1])
	}
	return text + " at every step"
}

// openGuide finds the model of --guide-model, where it is given, and compares it with the network that it is to guide. It gets those of the
// further inputs that it has.
func openGuide(c *cli.Context, r *models.Resolved, plan *sampler.Plan, g sampler.Guidance) (*models.Resolved, error) {
	if !c.IsSet("guide-model") {
		return nil, nil
	}
	model, err := models.Open(c.String("guide-model"))
	if err == nil {
		err = notCompiled(model)
	}
	if err != nil {
		return nil, fmt.Errorf("--guide-model: %w", err)
	}
	all, err := parseSets(c)
	if err != nil {
		return nil, err
	}
	var sets []models.Set
	for _, set := range all {
		if _, has := model.Info.Input(set.Name); has {
			sets = append(sets, set)
		}
	}
	model.Card.Decoder = nil // its latents are never decoded
	guide := models.Resolve(model, sets...)
	if err := r.GuidedBy(guide, plan, g); err != nil {
		return nil, fmt.Errorf("--guide-model: %w", err)
	}
	return guide.For(plan), nil
}
