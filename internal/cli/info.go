package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"odeon/diffusers"
	"odeon/internal/shellword"
	"odeon/models"
	"odeon/onnx"
	"odeon/rewrite"
)

func infoCommand() *cli.Command {
	return &cli.Command{
		Name:      "info",
		Usage:     "tells what a network is, what its card says, and what is missing to sample it",
		ArgsUsage: "MODEL",
		Description: "The graph's inputs and outputs with the roles they were given, its operators and parameters, the card with\n" +
			"the source of each field, and what a card or a flag still has to say. Weights are not read.",
		Flags:  slices.Concat([]cli.Flag{switched("json", "as JSON")}, cardFlags()),
		Action: info,
	}
}

// infoReport is what info says; with --json as it stands.
type infoReport struct {
	Model      string           `json:"model"`
	Size       int64            `json:"size"`
	IR         int64            `json:"ir_version"`
	Opsets     map[string]int64 `json:"opsets"`
	Producer   string           `json:"producer,omitempty"`
	Inputs     []infoPort       `json:"inputs"`
	Outputs    []infoPort       `json:"outputs"`
	Operators  map[string]int   `json:"operators"`
	Parameters int64            `json:"parameters"`
	Constants  int64            `json:"constants"` // numbers in Constant nodes, where some exporters put weights
	External   []string         `json:"external,omitempty"`

	Pipeline  *models.Pipeline `json:"pipeline,omitempty"`
	Scheduler *infoScheduler   `json:"scheduler,omitempty"`

	Compiled *rewrite.Compiled `json:"compiled,omitempty"`

	Card    *models.Card      `json:"card,omitempty"`
	From    map[string]string `json:"from"`
	Shape   []int             `json:"shape,omitempty"`
	Layout  models.Layout     `json:"layout,omitempty"`
	Guesses []string          `json:"guesses,omitempty"`
	Assumed []string          `json:"assumed,omitempty"` // what holds as long as no card says otherwise
	Missing []infoMissing     `json:"missing,omitempty"`
	History []rewrite.Entry   `json:"history,omitempty"`
	Notes   []string          `json:"notes,omitempty"`
}

type infoPort struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []any  `json:"shape"` // sizes, and the names of free axes; null where the rank is open
	Role  string `json:"role,omitempty"`

	text string // type and shape as people read them
}

type infoMissing struct {
	Field   string   `json:"field"`
	Problem string   `json:"problem"`
	Choices []string `json:"choices,omitempty"`
}

// infoScheduler is a diffusers scheduler: its class, and the options that are not that class's defaults.
type infoScheduler struct {
	Class   string   `json:"class"`
	Options []string `json:"options"`
}

func info(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("odeon info needs a MODEL: an ONNX file, a card, a folder with either, a diffusers folder, or the name of an embedded model (odeon models lists them)")
	}
	arg, err := oneModel(c)
	if err != nil {
		return err
	}
	model, err := openModel(c, arg)
	if err != nil {
		return err
	}
	report := newInfoReport(models.Resolve(model))
	if about, ok, err := rewrite.ReadCompiled(model.Info); err != nil {
		return fmt.Errorf("%s: %w", model.Path(), err)
	} else if ok {
		report.compiled(about)
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, report)
	}
	return report.print(c.App.Writer)
}

func newInfoReport(r *models.Resolved) *infoReport {
	i := r.Model.Info
	report := &infoReport{
		Model: r.Model.Path(), Size: i.Size, IR: i.IRVersion, Opsets: map[string]int64{}, Producer: strings.TrimSpace(i.Producer + " " + i.ProducerVersion),
		Operators: i.Operators, Parameters: i.Parameters, Constants: i.Constants, External: i.External,
		Pipeline: r.Model.Pipeline, Scheduler: schedulerInfo(r.Model.Scheduler), Card: r.Card, From: r.Model.From, Shape: r.Shape, Layout: r.Layout, Guesses: r.Guesses, Assumed: assumed(r),
		Notes: slices.Concat(r.Model.Notes, i.Warnings),
	}
	for _, o := range i.Opsets {
		report.Opsets[o.Domain] = o.Version
	}
	history, err := rewrite.History(i)
	if report.History = history; err != nil {
		report.Notes = append(report.Notes, err.Error())
	}
	roles := inputRoles(r)
	for _, v := range i.Inputs {
		report.Inputs = append(report.Inputs, port(v, roles[v.Name]))
	}
	roles = outputRoles(r)
	for _, v := range i.Outputs {
		report.Outputs = append(report.Outputs, port(v, roles[v.Name]))
	}
	for _, p := range r.Problems {
		report.Missing = append(report.Missing, infoMissing{p.Field, p.Error(), p.Choices})
	}
	return report
}

func schedulerInfo(s *diffusers.Scheduler) *infoScheduler {
	if s == nil {
		return nil
	}
	return &infoScheduler{s.Name(), listed(s.Options())}
}

// compiled makes it the report of a file that samples by itself, which has no card and misses nothing.
func (i *infoReport) compiled(about rewrite.Compiled) {
	i.Compiled, i.Card, i.From, i.Shape, i.Layout, i.Guesses, i.Assumed, i.Missing = &about, nil, nil, nil, about.Layout, nil, nil, nil
	roles := compiledRoles(about)
	for _, ports := range [][]infoPort{i.Inputs, i.Outputs} {
		for n := range ports {
			ports[n].Role = roles[ports[n].Name]
		}
	}
}

// printCompiled tells what a compiled file was made from.
func (i *infoReport) printCompiled(row func(head string, cells ...string)) {
	a := i.Compiled
	row("compiled", "this file samples: noise in, samples out")
	row("from", a.Model)
	row("walk", compiledWalk(*a))
	for _, line := range [][2]string{
		{"path", shortened(a.Path, 100)}, {"prediction", a.Prediction}, {"grid", shortened(a.Grid, 100)}, {"sigma", a.Sigma},
		{"description", a.Description}, {"license", a.License}, {"source", a.Source},
	} {
		if line[1] != "" {
			row(line[0], line[1])
		}
	}
	i.printHistory(row)
	for n, s := range i.Notes {
		row(headOnce(n, "note"), s)
	}
	row("run", fmt.Sprintf("python3 scripts/run_compiled.py %s -o samples.npy", shellword.Quote(i.Model)))
}

// assumed says what the card leaves to the defaults and a picture or guidance depends on.
func assumed(r *models.Resolved) []string {
	var list []string
	if _, isPicture := map[models.Layout]bool{models.CHW: true, models.HWC: true, models.HW: true, models.TCHW: true, models.THWC: true}[r.Layout]; isPicture && r.Card.Range == nil {
		list = append(list, `-1 is black and 1 is white; where it is not so, give "range" in a card, or --range`)
	}
	if r.Label != nil && (r.Labels == nil || r.Labels.Count == 0) {
		list = append(list, `the number of classes is not known: each run needs --label; give "labels": {"count": N} in a card`)
	}
	if r.Label != nil && (r.Labels == nil || r.Labels.Null == nil) {
		list = append(list, `no guidance: which label stands for no class is not known; give "labels": {"null": ...} in a card`)
	}
	return list
}

func port(v onnx.Value, role string) infoPort {
	var shape []any
	for _, d := range v.Shape {
		if d.IsFree() {
			shape = append(shape, d.String())
		} else {
			shape = append(shape, d.Size)
		}
	}
	return infoPort{v.Name, v.Type.String(), shape, role, v.String()}
}

func inputRoles(r *models.Resolved) map[string]string {
	roles := map[string]string{r.State.Name: "state"}
	if r.Clock != nil {
		roles[r.Clock.Name] = "time: " + r.TimeText()
	}
	if r.Label != nil {
		roles[r.Label.Name] = "label"
	}
	for _, e := range r.Extras {
		roles[e.Port.Name] = "constant"
	}
	return roles
}

func outputRoles(r *models.Resolved) map[string]string {
	roles := map[string]string{}
	for prediction, name := range r.Card.Predictions {
		roles[name] = prediction
		if first, second := r.Prediction.String(), r.Sampling().Second.String(); prediction != first && prediction != second {
			roles[name] += ", not used"
		}
	}
	if len(roles) > 0 {
		return roles
	}
	role := "prediction"
	if r.Card.Prediction != nil {
		role = r.Card.Prediction.String()
	}
	if r.Slice != nil {
		role += fmt.Sprintf(", channels %d up to %d", r.Slice.From, r.Slice.To)
	}
	return map[string]string{r.Output.Name: role}
}

func (i *infoReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(head string, cells ...string) {
		fmt.Fprintf(t, "%s\t%s\n", head, oneLine(strings.TrimSpace(strings.Join(cells, "  "))))
	}
	row("model", i.Model)
	i.printPipeline(row)
	var opsets []string
	for _, domain := range slices.Sorted(maps.Keys(i.Opsets)) {
		opsets = append(opsets, strings.TrimSpace(fmt.Sprintf("%s %d", domain, i.Opsets[domain])))
	}
	row("file", fmt.Sprintf("%s, IR %d, opset %s", bytesText(i.Size), i.IR, strings.Join(opsets, ", ")), i.Producer)
	for n, p := range i.Inputs {
		row(headOnce(n, "inputs"), p.Name, p.text, p.Role)
	}
	for n, p := range i.Outputs {
		row(headOnce(n, "outputs"), p.Name, p.text, p.Role)
	}
	parameters := fmt.Sprint(i.Parameters)
	if i.Constants > 0 {
		parameters += fmt.Sprintf(", and %d numbers in Constant nodes", i.Constants)
	}
	row("parameters", parameters)
	row("operators", operatorsText(i.Operators))
	for n, f := range i.External {
		row(headOnce(n, "weights in"), f)
	}
	if i.Compiled != nil {
		i.printCompiled(row)
		return t.Flush()
	}
	if len(i.Shape) > 0 {
		row("sample", fmt.Sprintf("%v", i.Shape), string(i.Layout))
	}
	if err := i.printCard(row); err != nil {
		return err
	}
	i.printHistory(row)
	for n, g := range i.Guesses {
		row(headOnce(n, "guessed"), g)
	}
	for n, a := range i.Assumed {
		row(headOnce(n, "assumed"), a)
	}
	for n, s := range i.Notes {
		row(headOnce(n, "note"), s)
	}
	for n, m := range i.Missing {
		row(headOnce(n, "missing"), m.Problem)
	}
	if len(i.Missing) == 0 {
		row("ready", fmt.Sprintf("odeon sample %s", shellword.Quote(i.Model)))
	}
	return t.Flush()
}

// printPipeline tells what a diffusers folder puts together, and what its scheduler was told.
func (i *infoReport) printPipeline(row func(head string, cells ...string)) {
	if p := i.Pipeline; p != nil {
		row("pipeline", p.Class)
		row("network", p.Network)
		if p.Decoder != "" {
			row("decoder", p.Decoder)
		}
	}
	if s := i.Scheduler; s != nil {
		file := ""
		if i.Pipeline != nil && i.From["path"] == i.Pipeline.Scheduler {
			file = i.Pipeline.Scheduler
		}
		row("scheduler", s.Class, file)
		for n, option := range s.Options {
			row(headOnce(n, "options"), shortened(option, 100))
		}
	}
}

// printHistory tells how the file came about, the oldest change first.
func (i *infoReport) printHistory(row func(head string, cells ...string)) {
	for _, e := range i.History {
		for n, line := range e.Lines() {
			row(headOnce(n, "history"), line)
		}
	}
}

// printCard writes the card's fields in the card's own order, each with the layer that said it.
func (i *infoReport) printCard(row func(head string, cells ...string)) error {
	text, err := json.Marshal(i.Card)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	if _, err := d.Token(); err != nil {
		return err
	}
	for n := 0; d.More(); n++ {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		field := fmt.Sprint(key)
		if field == "training" {
			continue
		}
		from := i.From[field]
		if from != "" {
			from = "(" + from + ")"
		}
		row(headOnce(n, "card"), field+":", shortened(string(value), 100), from)
	}
	for n, fact := range slices.Sorted(maps.Keys(i.Card.Training)) {
		row(headOnce(n, "training"), fact+":", shortened(i.Card.Training[fact], 100))
	}
	return nil
}

func headOnce(n int, head string) string {
	if n > 0 {
		return ""
	}
	return head
}

func operatorsText(operators map[string]int) string {
	names := slices.SortedFunc(maps.Keys(operators), func(a, b string) int {
		if d := operators[b] - operators[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, operators[name])
	}
	return strings.Join(names, ", ")
}

func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
