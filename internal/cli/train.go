package cli

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/onnx"
	"odeon/train"
	"odeon/train/data"
	"odeon/train/nn"
)

func trainCommand() *cli.Command {
	return &cli.Command{
		Name:  "train",
		Usage: "trains a network and writes it as ONNX with its card",
		Description: "DATA is a built-in point set (" + strings.Join(pointSets(), ", ") + ") or a path: an\n" +
			"array (.npy, .npz, .csv), an IDX file, a folder of pictures, WAV files, a text. What is not said is chosen by the\n" +
			"data, and told. Beside FILE.onnx come FILE.loss.png and FILE.samples.png. For example:\n\n" +
			"  odeon train --data moons -o moons.onnx                     then: odeon sample moons.onnx\n" +
			"  odeon train --data photos/ --minutes 45 --checkpoint run   a folder; its sub-folders are classes\n" +
			"  odeon train --data photos/ --minutes 45 --checkpoint run --resume",
		ArgsUsage: "",
		Flags:     trainFlags(),
		Action:    trainNetwork,
	}
}

func trainNetwork(c *cli.Context) error {
	began := time.Now()
	ctx, stderr := c.Context, c.App.ErrWriter

	// The words: what they say alone.
	w, err := parseTraining(c)
	if err != nil {
		return err
	}

	// The data, the network, the objective.
	set, err := data.Open(w.data, w.reading)
	if err != nil {
		return err
	}
	defer set.Close()
	settings, err := w.fitted(c, set)
	if err != nil {
		return err
	}

	// The files, ONNX Runtime: what cannot be had is known before the work.
	files, err := newTrainFiles(w)
	if err != nil {
		return err
	}
	settings.Out = files.network
	var lib onnx.Library
	if needsLibrary(w.session) {
		if lib, err = findOrInstall(ctx, stderr, w.quiet, w.runtime); err != nil {
			return err
		}
		settings.Runtime, err = untilInterrupted(ctx, func() (*onnx.Runtime, error) { return onnx.Open(lib) })
		if err != nil {
			return err
		}
		lib = settings.Runtime.Library()
	}

	// The run, watched: progress, previews, the loss so far.
	if settings.Checkpoints != "" {
		willSave(ctx)
	}
	watch := newWatch(ctx, stderr, w, files, &gallery{lib: lib, session: w.session, seed: settings.Seed})
	settings.Observer = watch
	prepared := time.Now()
	result, err := train.Run(ctx, settings)
	watch.End()
	if err != nil {
		return err
	}
	trained := time.Now()

	// The pictures beside the network, and the report.
	report := newTrainReport(w, set, lib, watch, result)
	picture, err := watch.finish(result, report)
	if err != nil {
		return err
	}
	report.Notes = listed(watch.notes)
	report.measure(began, prepared, trained, watch)
	if w.json {
		return report.writeLine(c.App.Writer)
	}
	report.print(c.App.Writer)
	return showPicture(c.App.Writer, w.quiet, picture)
}

// fitted turns the words into settings of a run on the data.
func (w *training) fitted(c *cli.Context, set data.Set) (train.Settings, error) {
	s := w.settings
	s.Data, s.Session = set, w.session
	card, err := w.card(c)
	if err != nil {
		return s, err
	}
	if w.from != "" {
		if s.From, err = openFrom(w.from, card); err != nil {
			return s, fmt.Errorf("--from: %w", err)
		}
		w.path = s.From.Path
	} else if card != nil {
		s.Metadata = *card.Card
	}
	if s.Objective, err = w.objective(w.path); err != nil {
		return s, err
	}
	if w.given("drop-label") && s.Objective.DropLabel == 0 {
		s.Objective.DropLabel = -1 // none, where 0 stands for the default
	}
	if w.from == "" {
		if s.Net, err = nn.ParseNet(w.net, train.Describe(set, s.Objective)); err != nil {
			return s, w.netError(err)
		}
	}
	return s, nil
}

// netError is one of the command line alone where the network's words fit no data at all.
func (w *training) netError(err error) error {
	for _, d := range []nn.Data{{Shape: []int{2}}, {Shape: []int{840, 64}}, {Shape: []int{3, 840, 840}}} {
		if _, other := nn.ParseNet(w.net, d); other == nil {
			return fmt.Errorf("--net: %w", err)
		}
	}
	return wrong("--net", err)
}

// card reads --card: of a network to go on from, or what a new one's card says beside what is known of it.
func (w *training) card(c *cli.Context) (*models.Layer, error) {
	if !c.IsSet("card") {
		return nil, nil
	}
	layer, err := models.OpenCard(c.String("card"))
	if err != nil || w.from != "" {
		return &layer, err
	}
	words := *layer.Card
	words.Name, words.Description, words.License, words.Source, words.Sampling = "", "", "", "", nil
	if !reflect.ValueOf(words).IsZero() {
		return nil, fmt.Errorf("--card %s: found what training itself says; expected name, description, license, source and sampling", c.String("card"))
	}
	return &layer, nil
}

// openFrom opens the network to go on from.
func openFrom(arg string, card *models.Layer) (*models.Resolved, error) {
	var layers []models.Layer
	if card != nil {
		layers = append(layers, *card)
	}
	model, err := models.Open(arg, layers...)
	if err == nil {
		err = notCompiled(model)
	}
	if err != nil {
		return nil, err
	}
	r := models.Resolve(model)
	return r, r.Err()
}
