package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"odeon/models"
	"odeon/sampler"
)

// report is what sample tells when it is done; with --json as it stands.
type report struct {
	Model    string   `json:"model"`
	Provider string   `json:"provider"`
	Runtime  string   `json:"runtime"` // ONNX Runtime's version; "" where Go computes
	Solver   string   `json:"solver"`
	Steps    int      `json:"steps"` // under a tolerance, the most that a sample took
	Grid     string   `json:"grid"`
	From     float64  `json:"t_start"`
	To       float64  `json:"t_end"`
	Begin    []string `json:"from,omitempty"` // the files of --from
	Mask     []string `json:"mask,omitempty"`
	Turn     *float64 `json:"inverted_to,omitempty"` // the time to which data were walked, and from which they came back
	Samples  int      `json:"samples"`
	Shape    []int    `json:"shape"`
	Layout   string   `json:"layout,omitempty"`
	Seed     uint64   `json:"seed"`
	RNG      string   `json:"rng"`
	First    int      `json:"first"`
	Evals    int64    `json:"evaluations"` // network calls times samples
	Split    split    `json:"split"`

	Adaptive *adaptedReport `json:"adaptive,omitempty"` // of a walk whose steps a tolerance found

	Seconds  seconds  `json:"seconds"`
	Files    []string `json:"files"`
	Guesses  []string `json:"guesses"`
	Warnings []string `json:"warnings"`

	guidanceReport
	rng rng
}

// seconds by part, on the wall. Network is a worker's average inside the network; it is part of Walk.
type seconds struct {
	Plan    float64 `json:"plan"`
	Load    float64 `json:"load"`
	Walk    float64 `json:"walk"`
	Network float64 `json:"network"`
	Write   float64 `json:"write"`
	Total   float64 `json:"total"`
}

func newReport(req request, r *models.Resolved, e *engine, plan *sampler.Plan, own *adaptive, g sampler.Guidance, out *outputs) *report {
	report := &report{
		Model: r.Model.Path(), Provider: e.provider, Runtime: e.library.Version,
		Solver: plan.Solver, Steps: plan.Steps, Grid: plan.Grid, From: plan.From, To: plan.To, guidanceReport: reportGuidance(g, r),
		Samples: req.count, Shape: out.shape, Layout: string(e.layout), Seed: req.seed, RNG: req.rng.name, rng: req.rng, First: req.first,
		Begin: req.edit.from, Mask: req.edit.mask, Turn: turnTime(plan),
		Evals: e.evaluations(), Split: e.split, Files: out.files(),
		Guesses:  listed(guesses(r)),
		Warnings: listed(plan.Warnings, e.notes, out.warnings()),
	}
	if own != nil {
		report.Steps, report.Adaptive = own.report.Steps[1], &own.report
	}
	if req.plan != "" {
		report.Files = append(report.Files, req.plan)
	}
	return report
}

// turnTime is where an inversion turns back; nil where there is none.
func turnTime(plan *sampler.Plan) *float64 {
	if plan.Turn == 0 {
		return nil
	}
	return &stateTimes(plan)[plan.Turn]
}

// writeLine writes the report as one line, so that a program that runs odeon finds it as the last line of the output.
func (r *report) writeLine(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// writeJSON is what --json writes of everything but sample.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// listed joins lists; JSON then says [] for nothing, not null.
func listed(lists ...[]string) []string {
	return append([]string{}, slices.Concat(lists...)...)
}

func (r *report) print(w io.Writer) {
	to := fmt.Sprintf("t=%.4g", r.To)
	if r.Turn != nil {
		to = fmt.Sprintf("t=%.4g and back to %s", *r.Turn, to)
	}
	samples := "samples"
	if r.Samples == 1 {
		samples = "sample"
	}
	steps := fmt.Sprintf("%d steps", r.Steps)
	if r.Adaptive != nil {
		steps = r.Adaptive.String()
	}
	fmt.Fprintf(w, "%d %s of %s: %s, %s from t=%.4g to %s%s, seed %d%s, %d evaluations, %.2f s\n",
		r.Samples, samples, oneLine(r.Model), r.Solver, steps, r.From, to, r.guided, r.Seed, r.rng, r.Evals, r.Seconds.Total)
	files := r.Files
	const most = 8
	if len(files) > most {
		files = append(slices.Clone(files[:most-1]), fmt.Sprintf("... %d files", len(r.Files)))
	}
	for _, file := range files {
		fmt.Fprintln(w, oneLine(file))
	}
}
