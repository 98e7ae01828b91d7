package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/internal/atomicfile"
	"odeon/models"
	"odeon/onnx"
	"odeon/rewrite"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "rewrites what the network inside a file predicts, along which path, and how its weights are stored",
		ArgsUsage: "IN OUT.onnx",
		Description: "IN is a MODEL as sample takes it. The network itself stays as it is; nodes around it turn its prediction into\n" +
			"another, and move it to another path. OUT has its card inside, and odeon sample OUT needs no flags. For example:\n\n" +
			"  odeon convert noise.onnx velocity.onnx --to velocity                a DDPM as a flow\n" +
			"  odeon convert noise.onnx flow.onnx --to velocity --path condot      and along straight paths\n" +
			"  odeon convert net.onnx small.onnx --dtype float16 --card card.json  half the size, its card inside",
		Flags: slices.Concat(
			[]cli.Flag{
				text("to", "the new network predicts `WHAT`: velocity, data, noise, score, v, reverse-velocity, {\"data\": \"a\", \"noise\": \"b\"}, or two at once, velocity,score"),
				text("path", "the new network's `PATH` (the old one's): condot, cosine, vp(0.1,20), ... The old one's is in its card"),
				text("dtype", "store weights as `TYPE`: float16 or float32; the arithmetic stays as it is"),
				switched("inline", "put all weights into the file"),
				switched("external", "put weights into a file of their own, OUT.onnx.data"),
				switched("strip-card", "leave the card out of the file"),
				switched("check", "run the result in ONNX Runtime beside the conversion in memory before it gets its name"),
				libraryFlag(),
				switched("quiet", "no report"),
			},
			slices.DeleteFunc(cardFlags(), func(f cli.Flag) bool { return f.Names()[0] == "path" })),
		Action: convert,
	}
}

// conversion is what the words of convert ask for, before any file is opened.
type conversion struct {
	in, out string
	target  rewrite.Target
	storage onnx.WriteOptions
	strip   bool
	asked   bool // for another prediction or path
}

func parseConversion(c *cli.Context) (conversion, error) {
	var w conversion
	if c.NArg() != 2 {
		return w, usagef("odeon convert takes IN and OUT, found %d arguments%s", c.NArg(), strings.TrimSuffix(": "+strings.Join(quoted(c.Args().Slice()), ", "), ": "))
	}
	w.in, w.out = c.Args().Get(0), c.Args().Get(1)
	var card models.Card
	for _, text := range predictions(c.String("to")) {
		if err := card.Set("prediction", text); err != nil {
			return w, usagef("--to: %w", err)
		}
		w.target.Predictions = append(w.target.Predictions, *card.Prediction)
	}
	if c.IsSet("path") {
		if err := card.Set("path", c.String("path")); err != nil {
			return w, usagef("--path: %w", err)
		}
		w.target.Path = card.Path
	}
	w.asked = len(w.target.Predictions) > 0 || w.target.Path != nil
	switch dtype := c.String("dtype"); dtype {
	case "":
	case "float16":
		w.storage.Weights = onnx.Float16Weights
	case "float32":
		w.storage.Weights = onnx.Float32Weights
	default:
		return w, bad("--dtype", dtype, "float16 or float32")
	}
	switch {
	case c.Bool("inline") && c.Bool("external"):
		return w, usagef("--inline and --external say where weights go; give one of them")
	case c.Bool("inline"):
		w.storage.Place = onnx.Inline
	case c.Bool("external"):
		w.storage.Place = onnx.External
	}
	w.strip = c.Bool("strip-card")
	named := c.IsSet("card") || wantsScheduler(c) || slices.ContainsFunc(cardFields, c.IsSet)
	if !w.asked && w.storage == (onnx.WriteOptions{}) && !w.strip && !named {
		return w, usagef("odeon convert has nothing to do: give --to, --path, --dtype, --inline, --external, --card or --strip-card")
	}
	return w, nil
}

// predictions cuts velocity,score into its names; a functional is one.
func predictions(text string) []string {
	switch {
	case text == "":
		return nil
	case strings.HasPrefix(strings.TrimSpace(text), "{"):
		return []string{text}
	}
	return strings.Split(text, ",")
}

func convert(c *cli.Context) error {
	w, err := parseConversion(c)
	if err != nil {
		return err
	}
	model, err := openNetwork(c, w.in, "path")
	if err != nil {
		return err
	}
	r := models.Resolve(model)
	source, err := model.Source()
	if err != nil {
		return err
	}
	defer source.Close()

	result := &rewrite.Converted{Graph: onnx.Extend(source), Card: model.Card}
	if w.asked || c.Bool("check") {
		if result, err = rewrite.Convert(r, source, w.target); err != nil {
			return err
		}
	}
	if result.Entry != nil {
		if err := rewrite.Remember(result.Graph, model.Info, *result.Entry); err != nil {
			return err
		}
	}
	r.Decode.NameIn(result.Card)
	decoder, err := r.Decode.Beside(w.out)
	if err != nil {
		return err
	}
	card, err := w.putCard(result)
	if err != nil {
		return err
	}
	if c.Bool("check") {
		if err := w.check(c, r, source, result); err != nil {
			return err
		}
	}
	if err := result.Graph.WriteFile(w.out, w.storage); err != nil {
		return err
	}
	for _, file := range decoder {
		if err := file.Write(); err != nil {
			return err
		}
	}
	if card != nil {
		if err := card.write(); err != nil {
			return err
		}
	}
	if c.Bool("quiet") {
		return nil
	}
	for _, warning := range result.Graph.Warnings() {
		note(c.App.ErrWriter, false, "warning: %s", oneLine(warning))
	}
	return reportConversion(c.App.Writer, w.out, result.Entry)
}

// companion is a card that belongs beside a converted file.
type companion struct{ path, text string }

func (f companion) write() error {
	return atomicfile.Write(f.path, func(out io.Writer) error {
		_, err := io.WriteString(out, f.text)
		return err
	})
}

// putCard puts the card into the graph. Where a card lies beside OUT, which would override it, OUT gets one of its own there too.
func (w conversion) putCard(result *rewrite.Converted) (*companion, error) {
	result.Card.Network = ""
	inside, err := json.Marshal(result.Card)
	if err != nil {
		return nil, err
	}
	switch {
	case w.strip:
		result.Graph.DropMeta(models.CardKey)
		return nil, nil
	case string(inside) == "{}":
		return nil, nil
	}
	result.Graph.Meta(models.CardKey, string(inside))
	own := strings.TrimSuffix(w.out, filepath.Ext(w.out)) + ".odeon.json"
	for _, beside := range []string{own, filepath.Join(filepath.Dir(w.out), "card.json")} {
		if _, err := os.Stat(beside); err == nil {
			text, err := result.Card.Text()
			return &companion{own, text}, err
		}
	}
	return nil, nil
}

// check writes the result into a folder of its own and runs it there. Where weights change their type, the original that it is compared
// with has them changed too.
func (w conversion) check(c *cli.Context, r *models.Resolved, source *onnx.Source, result *rewrite.Converted) error {
	if err := r.Err(); err != nil {
		return fmt.Errorf("--check runs the network: %w", err)
	}
	lib, err := findOrInstall(c.Context, c.App.ErrWriter, c.Bool("quiet"), c.String("runtime"))
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "odeon-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	options := onnx.WriteOptions{Weights: w.storage.Weights}
	original := r
	if options.Weights != onnx.KeepWeights {
		file := filepath.Join(folder, "original.onnx")
		if err := onnx.Extend(source).WriteFile(file, options); err != nil {
			return err
		}
		model, err := models.Open(file, models.Layer{From: "the cards of " + w.in, Card: withoutDecoder(r.Card)})
		if err != nil {
			return err
		}
		original = models.Resolve(model)
	}
	file := filepath.Join(folder, "converted.onnx")
	if err := result.Graph.WriteFile(file, options); err != nil {
		return err
	}
	worst, err := untilInterrupted(c.Context, func() (float64, error) {
		rt, err := onnx.Open(lib)
		if err != nil {
			return 0, err
		}
		return result.Check(c.Context, rt, original, file)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", w.out, err)
	}
	note(c.App.ErrWriter, c.Bool("quiet"), "checked: at most %.1g of the largest value from the conversion in memory", worst)
	return nil
}

func withoutDecoder(card *models.Card) *models.Card {
	plain := *card
	plain.Decoder = nil
	return &plain
}

// reportConversion says what was done.
func reportConversion(w io.Writer, out string, e *rewrite.Entry) error {
	if _, err := fmt.Fprintln(w, "wrote", out); err != nil || e == nil {
		return err
	}
	for _, line := range e.Lines() {
		if _, err := fmt.Fprintln(w, " ", oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}
