package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/sampler"
)

func solversCommand() *cli.Command {
	return &cli.Command{
		Name:      "solvers",
		Usage:     "lists the solvers, or tells of one what it is, its settings and its source",
		ArgsUsage: "[NAME]",
		Flags:     []cli.Flag{switched("json", "as JSON")},
		Action:    solvers,
	}
}

func solvers(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("odeon solvers takes one NAME at most, found %d arguments: %s", c.NArg(), strings.Join(quoted(c.Args().Slice()), ", "))
	}
	if c.NArg() == 1 {
		s, err := sampler.ParseSolver(c.Args().First())
		if err != nil {
			return usageError{err}
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, s.About())
		}
		printSolver(c.App.Writer, s.About())
		return nil
	}
	var all []sampler.About
	for _, s := range sampler.Solvers() {
		all = append(all, s.About())
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, all)
	}
	fmt.Fprintf(c.App.Writer, "%-19s %5s %5s  %s\n", "solver", "order", "calls", "")
	for _, a := range all {
		fmt.Fprintf(c.App.Writer, "%-19s %5s %5d  %s\n", a.Name, orderText(a), a.Calls, a.Summary)
	}
	fmt.Fprint(c.App.Writer, "\norder: of the error on the ODE, with steps of any length; none where noise is the method's own, or equal steps are needed.\n"+
		"calls: of the network in a step. odeon solvers NAME tells a solver's settings and its source.\n")
	return nil
}

// orderText is the order of the error unless another order is asked for.
func orderText(a sampler.About) string {
	if len(a.Orders) == 0 {
		return ""
	}
	return strconv.Itoa(a.Orders[max(a.Order-1, 0)])
}

// settingWords say how a setting is given, and what it is unless given.
var settingWords = map[string]func(a sampler.About) string{
	"order": func(a sampler.About) string {
		if len(a.Orders) == 0 {
			return fmt.Sprintf("--order N, 1 to 4 (%d)", a.Order)
		}
		return fmt.Sprintf("--order N, 1 to %d (%d); the error's is then %s", len(a.Orders), a.Order, strings.Join(strings.Fields(strings.Trim(fmt.Sprint(a.Orders), "[]")), ", "))
	},
	"sigma":    func(sampler.About) string { return "--sigma FORMULA, the SDE's diffusion coefficient (0)" },
	"eta":      func(a sampler.About) string { return fmt.Sprintf("--eta E, the share of fresh noise (%g)", a.Eta) },
	"variance": func(sampler.About) string { return "--variance posterior or beta, of that noise (posterior)" },
	"churn":    func(sampler.About) string { return "--churn S[,MIN,MAX[,NOISE]] (none)" },
	"gamma":    func(sampler.About) string { return "--gamma G, a share (0.3)" },
	"corrector": func(a sampler.About) string {
		return fmt.Sprintf("--corrector STEPS[,RATIO] (%d,0.16)", langevinSteps(a))
	},
	"tolerance": func(sampler.About) string { return "--tolerance REL[,ABS], which chooses the steps (a grid's steps)" },
}

// langevinSteps are those of a level: all calls, but for the predictor's.
func langevinSteps(a sampler.About) int {
	if slices.Contains(a.Settings, "eta") {
		return a.Calls - 1
	}
	return a.Calls
}

func printSolver(w io.Writer, a sampler.About) {
	line := func(head, text string) {
		if text != "" {
			fmt.Fprintf(w, "%-9s %s\n", head, text)
		}
	}
	line("solver", a.Name)
	line("", a.Summary)
	line("source", a.Source)
	line("order", orderText(a))
	line("calls", fmt.Sprintf("%d a step", a.Calls))
	for i, name := range a.Settings {
		head := ""
		if i == 0 {
			head = "settings"
		}
		line(head, settingWords[name](a))
	}
}
