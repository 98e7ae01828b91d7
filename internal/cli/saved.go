package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/sampler"
)

// planFlag names a saved plan.
func planFlag() []cli.Flag {
	return inCategory("The walk from noise to data", text("plan", "walk by the plan in `FILE`, as odeon plan --json or -o writes it, in place of the flags below"))
}

// checkPlanFlag finds flags that give a part of the walk beside --plan, which gives all of it.
func checkPlanFlag(c *cli.Context) error {
	if !c.IsSet("plan") {
		return nil
	}
	if beside := amongSet(c, append(planned(), "optimize-grid")); len(beside) > 0 {
		return usagef("--plan gives the whole walk, and %s a part of it; give one of them", strings.Join(beside, ", "))
	}
	return nil
}

// planned are the flags of the walk that a plan stands for: all but those that say how to guide it.
func planned() []string {
	return slices.DeleteFunc(flagNames(walkFlags()), func(name string) bool { return name == "guidance" || slices.Contains(steering, name) })
}

// flagNames are the flags' names.
func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()[0])
	}
	return names
}

// amongSet are those of the flags that the command line gives, as they are written there.
func amongSet(c *cli.Context, names []string) []string {
	var given []string
	for _, name := range names {
		if c.IsSet(name) {
			given = append(given, "--"+name)
		}
	}
	return given
}

// chosenPlan is the plan of --plan FILE, else the one that card and flags make.
func chosenPlan(r *models.Resolved, c *cli.Context) (*sampler.Plan, walk, error) {
	words := layOver(c, r.Card.Sampling.Texts())
	if !c.IsSet("plan") {
		return makePlan(r, words)
	}
	for _, name := range planned() {
		delete(words.sampling, name) // the card's defaults for what the plan says itself
	}
	w, err := parseWalk(words)
	if err != nil {
		return nil, w, err
	}
	if err := r.Err("prediction", "path", "time", "scale", "start"); err != nil {
		return nil, w, err
	}
	plan, err := readPlan(c.String("plan"))
	if err != nil {
		return nil, w, err
	}
	if err := plan.Suits(r.Sampling()); err != nil {
		return nil, w, fmt.Errorf("--plan %s, %s: %w", c.String("plan"), r.Model.Path(), err)
	}
	if err := w.bindGuidance(words, r, plan); err != nil {
		return nil, w, err
	}
	if now := w.describeGuidance(r); plan.Guidance != "" && plan.Guidance != now {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("the plan was fitted under guidance %s, and this walk's is %s, for which other coefficients would be better: give that guidance, or fit a plan with this one",
			oneLine(plan.Guidance), now))
	}
	return plan, w, nil
}

// readPlan reads a saved plan.
func readPlan(file string) (*sampler.Plan, error) {
	const most = 256 << 20 // bytes; a plan of a hundred thousand steps has some 50 MB
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--plan: %w", err)
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: most}
	plan, err := sampler.ReadPlan(limited)
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("--plan %s: found more than %d MB, expected what odeon plan --json prints", file, most>>20)
	case err != nil:
		return nil, fmt.Errorf("--plan %s: %w; expected what odeon plan --json prints", file, err)
	}
	return plan, nil
}
