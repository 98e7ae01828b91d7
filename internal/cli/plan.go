package cli

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/sampler"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "prints the table that a sampler is: one row a network call",
		ArgsUsage: "[MODEL]",
		Description: "The table is made from the card and the flags alone: no library is loaded and no network runs.\n" +
			"Without MODEL it is that of the embedded default; --path and --prediction make it anyone's.",
		Flags:  slices.Concat([]cli.Flag{switched("json", "the plan as JSON")}, walkFlags(), cardFlags()),
		Action: plan,
	}
}

func plan(c *cli.Context) error {
	if _, err := parseWalk(values{flags: c}); err != nil {
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
	r := models.Resolve(model)
	p, w, err := makePlan(r, layOver(c, r.Card.Sampling.Texts()))
	if err != nil {
		return err
	}
	if err := w.checkGuidance(c); err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, p)
	}
	if w.guidance.Guides() {
		fmt.Fprintf(c.App.Writer, "%-11s %s: %d evaluations a sample\n", "guidance", w.describeGuidance(r), sampler.Evaluations(p, w.guidance))
	}
	return p.Print(c.App.Writer)
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
	return p, w, w.bindGuidance(words, r, p)
}
