package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/internal/shellword"
	"odeon/models"
	"odeon/onnx"
	"odeon/rewrite"
)

func compileCommand() *cli.Command {
	return &cli.Command{
		Name:      "compile",
		Usage:     "writes a network and its sampler as one ONNX file: noise in, samples out",
		ArgsUsage: "IN OUT",
		Description: "IN is a model as sample takes it, OUT the file to write. Any program with ONNX Runtime feeds it standard\n" +
			"normals and gets samples; where they apply it also takes the steps' normals, classes and the guidance weight,\n" +
			"as the report lists. The decoder is included. For example:\n\n" +
			"  odeon compile moons moons-sampler.onnx --steps 20 --solver heun\n" +
			"  python3 scripts/run_compiled.py moons-sampler.onnx -n 16 -o samples.npy",
		Flags:  compileFlags(),
		Action: compile,
	}
}

func compileFlags() []cli.Flag {
	own := inCategory("The file",
		several("set", "give a further input of the network one value for all samples, `NAME=VALUE` or NAME=@FILE.npy; repeatable"),
		several("set-null", "its value in the unconditional half, `NAME=@FILE.npy`; repeatable"),
		&cli.BoolFlag{Name: "decode", Value: true, Usage: "include the decoder, where there is one; --decode=false gives latents"},
		switched("quiet", "no notes"),
	)
	return slices.Concat(own, planFlag(), walkFlags(), cardFlags())
}

func compile(c *cli.Context) error {
	if c.NArg() != 2 {
		return usagef("odeon compile takes IN and OUT, the model and the file to write, found %d arguments: %s", c.NArg(), strings.Join(quoted(c.Args().Slice()), ", "))
	}
	in, out := c.Args().Get(0), c.Args().Get(1)
	if _, err := parseWalk(values{flags: c}); err != nil {
		return err
	}
	if err := checkPlanFlag(c); err != nil {
		return err
	}
	sets, err := parseSets(c)
	if err != nil {
		return err
	}
	model, err := openNetwork(c, in)
	if err != nil {
		return err
	}
	if err := notInput(out, model.File); err != nil {
		return err
	}
	if !c.Bool("decode") {
		model.Card.Decoder = nil
	}
	r := models.Resolve(model, sets...)
	if err := r.Err(); err != nil {
		return err
	}
	plan, w, err := chosenPlan(r, c)
	if err != nil {
		return err
	}
	if err := cmp.Or(w.checkGuidance(c), w.canGuide(r)); err != nil {
		return err
	}
	s, err := rewrite.Compile(r, plan, w.guidance)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := c.Context.Err(); err != nil {
		return err
	}
	if err := s.Graph.WriteFile(out, onnx.WriteOptions{Place: onnx.Inline}); err != nil {
		return err
	}
	for _, warning := range slices.Concat(r.Guesses, model.Notes, model.Info.Warnings, plan.Warnings) {
		note(c.App.ErrWriter, c.Bool("quiet"), "note: %s", oneLine(warning))
	}
	return printCompiled(c.App.Writer, out, s.About)
}

// notInput refuses to write a sampler over the network that it is made from.
func notInput(out, in string) error {
	a, errA := os.Stat(out)
	b, errB := os.Stat(in)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return fmt.Errorf("%s is the network itself; give OUT another name", out)
	}
	return nil
}

// printCompiled reports what was written, and what it is fed.
func printCompiled(w io.Writer, file string, about rewrite.Compiled) error {
	info, err := onnx.ReadInfo(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, %s: samples of %s by %s\n", oneLine(file), bytesText(info.Size), oneLine(about.Model), compiledWalk(about))
	roles := compiledRoles(about)
	for _, v := range slices.Concat(info.Inputs, info.Outputs) {
		fmt.Fprintf(w, "  %-10s %s  %s\n", v.Name, v, roles[v.Name])
	}
	return nil
}

// compiledWalk says in words how a compiled file walks.
func compiledWalk(about rewrite.Compiled) string {
	text := fmt.Sprintf("%s, %d steps from t=%g to t=%g, %d evaluations each", about.Solver, about.Steps, about.From, about.To, about.Evals)
	if about.Guided == "" {
		return text
	}
	text += ", guidance " + about.Guided
	if about.Interval != nil {
		text += fmt.Sprintf(" where %g < t < %g", about.Interval[0], about.Interval[1])
	}
	return text
}

// compiledRoles says what each input of a compiled file is fed, and what its output is.
func compiledRoles(about rewrite.Compiled) map[string]string {
	roles := map[string]string{
		"noise":      "standard normals",
		"data":       "the data to begin in",
		"step_noise": fmt.Sprintf("standard normals of the steps, %d or more rows", about.Draws),
		"label":      "classes",
		"samples":    "samples",
	}
	if labels := about.Labels; labels != nil {
		if labels.Count > 0 {
			roles["label"] += fmt.Sprintf(" 0 to %d", labels.Count-1)
		}
		if labels.Null != nil {
			roles["label"] += ", or -1 for none"
		}
	}
	if about.Guidance != nil {
		roles["guidance"] = fmt.Sprintf("weight of guidance, such as %g", *about.Guidance)
	}
	if about.Decoded {
		roles["samples"] += ", decoded"
	}
	return roles
}

// notCompiled refuses a compiled file where a network is wanted.
func notCompiled(model *models.Model) error {
	about, ok, err := rewrite.ReadCompiled(model.Info)
	if err != nil {
		return fmt.Errorf("%s: %w", model.Path(), err)
	}
	if !ok {
		return nil
	}
	return fmt.Errorf("%s: found a compiled file, which samples by itself (%s), expected a network; run it with any program that has ONNX Runtime, such as python3 scripts/run_compiled.py %s -o samples.npy, or give the network that it was compiled from, %s",
		model.Path(), compiledWalk(about), shellword.Quote(model.Path()), about.Model)
}
