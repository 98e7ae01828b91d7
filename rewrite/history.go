package rewrite

import (
	"encoding/json"
	"fmt"
	"strings"

	"odeon/onnx"
	"odeon/schedule"
)

// HistoryKey is where a file keeps its history, in metadata_props: a JSON list of entries, the oldest first.
const HistoryKey = "odeon.history"

// Entry is one rewriting in a file's history.
type Entry struct {
	Did     string   `json:"did"` // "convert"
	From    Meaning  `json:"from"`
	To      Meaning  `json:"to"`
	Safe    string   `json:"safe,omitempty"`    // the times at which the result exists
	Genuine string   `json:"genuine,omitempty"` // those at which the own network is asked at the noise level that the state has
	Formula []string `json:"formula,omitempty"` // in the notation of the README
}

// Meaning is what a network predicts, along which path.
type Meaning struct {
	Prediction string `json:"prediction"`
	Path       string `json:"path"`
}

// Lines are the entry as people read it.
func (e Entry) Lines() []string {
	lines := []string{fmt.Sprintf("%s: %s on %s became %s on %s", e.Did, e.From.Prediction, e.From.Path, e.To.Prediction, e.To.Path)}
	if e.Safe != "" {
		lines = append(lines, "safe times: "+e.Safe)
	}
	if e.Genuine != "" {
		lines = append(lines, "the network is genuine for "+e.Genuine)
	}
	return append(lines, e.Formula...)
}

// History is a file's history, nil where it has none.
func History(info *onnx.Info) ([]Entry, error) {
	text, ok := info.Meta(HistoryKey)
	if !ok {
		return nil, nil
	}
	var entries []Entry
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, fmt.Errorf("%s: the history inside (metadata entry %q) cannot be read: %w", info.File, HistoryKey, err)
	}
	return entries, nil
}

// Remember writes a file's history, with the entry at its end, into the graph made from it.
func Remember(g *onnx.Graph, info *onnx.Info, e Entry) error {
	entries, err := History(info)
	if err != nil {
		return err
	}
	text, err := json.Marshal(append(entries, e))
	if err != nil {
		return err
	}
	g.Meta(HistoryKey, string(text))
	return nil
}

// entry is the change in the history.
func (c *change) entry(safe span) *Entry {
	e := &Entry{
		Did:  "convert",
		From: Meaning{c.from.String(), pathText(c.own)},
		To:   Meaning{"", pathText(c.onto)},
		Safe: safe.String(),
	}
	var names []string
	for _, to := range c.to {
		names = append(names, to.String())
	}
	e.To.Prediction = strings.Join(names, ", ")
	if c.across {
		e.Genuine = c.genuine().String()
		e.Formula = []string{
			"x_A = s x, s = sqrt((alpha_A^2+beta_A^2)/(alpha^2+beta^2)), sigma = beta/alpha = beta_A/alpha_A",
			c.inverse().text,
		}
	}
	for i, to := range c.to {
		e.Formula = append(e.Formula, written(c.solutions[i], c.from, to, c.across))
	}
	return e
}

// prime writes derivatives as the README does.
var prime = strings.NewReplacer("betadbeta", "beta*beta'", "dalpha_A", "alpha_A'", "dbeta_A", "beta_A'", "dalpha", "alpha'", "dbeta", "beta'")

// written is a conversion as a line of text: velocity = X x + P noise, X = alpha'/alpha, P = beta' - beta alpha'/alpha.
func written(s schedule.Symbolic, from, to schedule.Prediction, across bool) string {
	own := nameOf(from, "p")
	state := "x"
	if across {
		state = "x_A"
	}
	terms, where := "", ""
	if x := s.X.String(); x != "0" {
		terms, where = "X "+state+" + ", ", X = "+x
	}
	switch p := s.P.String(); p {
	case "1":
		terms += own
	case "-1":
		terms += "-" + own
	default:
		terms, where = terms+"P "+own, where+", P = "+p
	}
	if s.Det != nil {
		where += ", det = " + s.Det.String()
	}
	text := to.String() + " = " + terms + prime.Replace(where)
	if own == "p" {
		text += ", p = " + from.String()
	}
	return text
}
