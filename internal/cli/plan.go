package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"odeon/internal/atomicfile"
	"odeon/models"
	"odeon/sampler"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "prints the table that a sampler is: one row a network call",
		ArgsUsage: "[MODEL]",
		Description: "The table is made from the card and the flags alone: no library is loaded and no network runs.\n" +
			"Without MODEL it is that of the embedded default; --path and --prediction make it anyone's.\n\n" +
			"With --optimize-grid N the network runs, and a plan of N calls is fitted to it; sample --plan FILE walks by it:\n\n" +
			"  odeon plan digits --optimize-grid 8 -o eight.json\n" +
			"  odeon sample digits --plan eight.json",
		Flags:  planFlags(),
		Action: plan,
	}
}

func planFlags() []cli.Flag {
	output := []cli.Flag{switched("json", "the plan as JSON"), text("out", "write the plan as JSON to `FILE`", "o")}
	return slices.Concat(output, planFlag(), walkFlags(), fitFlags(), cardFlags())
}

func plan(c *cli.Context) error {
	if err := checkPlanFlag(c); err != nil {
		return err
	}
	if _, err := parseFit(values{flags: c}); err != nil {
		return err
	}
	if _, err := parseWalk(values{flags: c}); err != nil {
		return err
	}
	sets, err := parseSets(c)
	if err != nil {
		return err
	}
	arg, err := oneModel(c)
	if err != nil {
		return err
	}
	model, err := openNetwork(c, arg)
	if err != nil {
		return err
	}
	words := layOver(c, model.Card.Sampling.Texts())
	fitting, err := parseFit(words)
	if err != nil {
		return err
	}
	if fitting != nil {
		model.Card.Decoder = nil // a plan goes as far as the latents
	}
	r := models.Resolve(model, sets...)
	var p *sampler.Plan
	var w walk
	var best *fitted
	if fitting != nil {
		if best, w, err = optimize(c, r, words, fitting); err == nil {
			p = best.Plan
		}
	} else {
		p, w, err = chosenPlan(r, c)
	}
	if err != nil {
		return err
	}
	if err := w.checkGuidance(c); err != nil {
		return err
	}
	if file := c.String("out"); file != "" {
		if err := atomicfile.Write(file, func(f io.Writer) error { return writeJSON(f, p) }); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, p)
	}
	if w.guidance.Guides() {
		fmt.Fprintf(c.App.Writer, "%-11s %s: %d evaluations a sample\n", "guidance", w.describeGuidance(r), sampler.Evaluations(p, w.guidance))
	}
	if err := p.Print(c.App.Writer); err != nil {
		return err
	}
	if best != nil {
		best.print(c.App.Writer)
	}
	return nil
}

// makePlan builds the table from the flags and the card's defaults. It needs the card's side of the model alone: what the
// network's inputs are called does not matter here.
func makePlan(r *models.Resolved, words values) (*sampler.Plan, walk, error) {
	w, err := parseWalk(words)
	if err != nil {
		return nil, walk{}, err
	}
	if err := r.Err("prediction", "path", "time", "scale", "start"); err != nil {
		return nil, walk{}, err
	}
	if r.Model.Scheduler != nil {
		if err := scheduled(r, words, &w); err != nil {
			return nil, walk{}, err
		}
	}
	if w.findsSteps() {
		return nil, w, errNoPlan
	}
	p, err := sampler.NewPlan(r.Sampling(), w.settings)
	if err != nil {
		return nil, walk{}, err
	}
	p.Motion, p.Fresh = w.motion, w.settings.Known && !words.flags.IsSet("strength")
	return p, w, w.bindGuidance(words, r, p)
}
