package sampler

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Row is one line of the table that a sampler is:
//
//	x' = A x + A0 x_base + sum_j B[j] p_j + sum_j S[j] q_j + C xi + C1 xi_1
//
// with x the state, x_base the state last kept, p_0 the newest prediction (this row's own where it calls the network),
// p_1 the one before it, q_j the second prediction of the call that gave p_j, xi fresh standard normal noise, and xi_1 the
// noise drawn last before it. A row with A = 0 does not read x. Where L is not 0, xi is multiplied by exp(L q_0), element by element.
//
// Where the plan has a Functional, that is what p_j are: a row that calls the network remembers FX x + FP p in place of the
// prediction p. So a solver that interpolates the data prediction, say, reads no earlier state, whatever is predicted.
type Row struct {
	Step int     `json:"step"` // solver step, from 0; a step may have several rows
	T    float64 `json:"t"`    // the state's time before the row
	Next float64 `json:"next"` // and after it

	Index *float64 `json:"index,omitempty"` // trained index at T as a real number, on a discrete path
	Input float64  `json:"input"`           // fed to the network for its time
	Scale float64  `json:"scale"`           // factor on the state before the network sees it
	Call  bool     `json:"call"`            // whether the network is called
	Keep  bool     `json:"keep,omitempty"`  // whether the state is kept as x_base before the row
	Ends  bool     `json:"ends"`            // whether the row completes its solver step

	A     float64   `json:"a"`
	A0    float64   `json:"a0,omitempty"`
	B     []float64 `json:"b,omitempty"`
	S     []float64 `json:"s,omitempty"` // only where the network gives two predictions and the row reads the second
	C     float64   `json:"c,omitempty"`
	C1    float64   `json:"c1,omitempty"`
	Ratio float64   `json:"ratio,omitempty"` // of signal to noise, of a step whose length is measured; see pace.go
	L     float64   `json:"l,omitempty"`     // of learned variances
	Draw  int       `json:"draw,omitempty"`  // which draw xi is (0 is the start): step k's are numbered from k times the most that a step draws, plus 1; 0: the row draws nothing
	Draw1 int       `json:"draw1,omitempty"` // which draw xi_1 is: the last one before the row's own

	FX float64 `json:"fx,omitempty"` // p_0 = FX x + FP p, in a plan with a Functional
	FP float64 `json:"fp,omitempty"`

	DataX float64 `json:"data_x,omitempty"` // z = DataX x + DataP p, in a plan that clips
	DataP float64 `json:"data_p,omitempty"`

	KnownX float64 `json:"known_x,omitempty"` // p_0 = KnownX x + KnownZ z where the data z are known, in a plan for Inpaint
	KnownZ float64 `json:"known_z,omitempty"`

	Sigma float64 `json:"sigma,omitempty"` // diffusion coefficient at T
	Note  string  `json:"note,omitempty"`
}

// At is where the row calls the network, for a chunk of n samples that begins with sample number first.
func (r *Row) At(first, n int) At {
	return At{Step: r.Step, T: r.T, Input: r.Input, Scale: r.Scale, First: first, N: n, Varied: r.L != 0, DataX: r.DataX, DataP: r.DataP, KnownX: r.KnownX, KnownZ: r.KnownZ}
}

// Plan is a sampler: a table of rows, and in words what it was made from. Path and Sigma are the texts from which those
// things can be read back, and so is Prediction where it has a name (a functional is written "a*z + b*eps"), and Grid, save
// that "indexes" stands for a list of trained indices, which the rows show.
type Plan struct {
	Solver     string `json:"solver"`
	Path       string `json:"path,omitempty"`
	Prediction string `json:"prediction,omitempty"`
	Second     string `json:"second,omitempty"`     // the network's second prediction; empty: no row reads one, and it need not be computed. In a plan that clips, the first one before it was clipped, where it has the same name
	Functional string `json:"functional,omitempty"` // what the rows' p_j are, made of state and prediction by FX and FP; empty: the prediction itself
	Grid       string `json:"grid,omitempty"`
	Sigma      string `json:"sigma,omitempty"` // diffusion coefficient; empty: an ODE, or a solver with noise of its own

	Order     int         `json:"order,omitempty"`     // of the solvers that have several
	Eta       *float64    `json:"eta,omitempty"`       // share of fresh noise
	Variance  string      `json:"variance,omitempty"`  // "posterior" or "beta", of ddim and ddpm with noise
	Clip      *[2]float64 `json:"clip,omitempty"`      // range of the data prediction; the rows' p is then the clipped data prediction
	Threshold *Threshold  `json:"threshold,omitempty"` // or a range for each sample

	From  float64 `json:"from"`         // time of the first state
	To    float64 `json:"to"`           // and of the last
	As    string  `json:"as,omitempty"` // where a program departs from the published method, whose form this is
	Start float64 `json:"start"`        // standard deviation of the first state: drawn normals are multiplied by it
	Steps int     `json:"steps"`
	Rows  []Row   `json:"rows"`

	Motion *Motion `json:"motion,omitempty"` // whose increments the draws of noise are, where another program has it so; nil: draws belong to nothing

	FromData bool    `json:"from_data,omitempty"` // whether the first state is made of given data (State.Noised)
	Fresh    bool    `json:"fresh,omitempty"`     // of which what is to be painted has no part: it begins in noise alone
	Signal   float64 `json:"signal,omitempty"`    // and their weight in it
	Turn     int     `json:"turn,omitempty"`      // how many steps lead from data to noise, before those back to data

	Fitted   string `json:"fitted,omitempty"`   // what the coefficients were fitted to (package fit), in words; empty: they are a solver's
	Guidance string `json:"guidance,omitempty"` // and under which guidance, in words; a walk under another has another field

	Warnings []string `json:"warnings,omitempty"`
}

// Motion is one Brownian motion in the noise level, from Low to High (torchrand.BrownianTree): draw k is its increment from
// Spans[k-1][0] to Spans[k-1][1], over its standard deviation.
type Motion struct {
	Low   float64      `json:"low"`
	High  float64      `json:"high"`
	Spans [][2]float64 `json:"spans"`
	Seed  *uint64      `json:"seed,omitempty"` // where an option of the scheduler says it
}

// check says whether so many draws are increments of the motion.
func (m *Motion) check(draws int) error {
	if !finite(m.Low, m.High) || !(m.Low < m.High) || len(m.Spans) < draws {
		return fmt.Errorf("plan: motion from %v to %v in %d spans: expected two levels that rise, and a span for each of the %d draws", m.Low, m.High, len(m.Spans), draws)
	}
	for k, span := range m.Spans {
		if !finite(span[:]...) { // a level may lie outside: by a last digit of float32, or at 0 where a draw is not used
			return fmt.Errorf("plan: span %d of the motion is from %v to %v, expected two noise levels", k, span[0], span[1])
		}
	}
	return nil
}

// Calls is the number of network calls for one chunk of samples.
func (p *Plan) Calls() int {
	n := 0
	for i := range p.Rows {
		if p.Rows[i].Call {
			n++
		}
	}
	return n
}

// Draws is the number of draws of noise that a source must hold after the start: the largest Row.Draw.
func (p *Plan) Draws() int {
	n := 0
	for i := range p.Rows {
		n = max(n, p.Rows[i].Draw)
	}
	return n
}

// history is how many predictions the plan looks back on, this row's own included.
func (p *Plan) history() int {
	first, second := p.readBack()
	return max(first, second)
}

// readBack is how many first predictions the rows write of, a call's own in any case, and how many second ones.
func (p *Plan) readBack() (first, second int) {
	for i := range p.Rows {
		row := &p.Rows[i]
		if first, second = max(first, len(row.B)), max(second, len(row.S)); row.Call {
			first = max(first, 1)
		}
	}
	return first, second
}

// States is how many states' worth of memory a walk by the plan holds: its own, a kept one, noise, and the predictions that it looks
// back on.
func (p *Plan) States() int {
	first, second := p.readBack()
	n := 1 + max(first, second)
	if p.Second != "" {
		n += max(first, second)
	}
	for _, more := range []bool{p.keeps(), p.Draws() > 0, p.looksBack()} {
		if more {
			n++
		}
	}
	return n
}

// keeps says whether the plan refers back to a state.
func (p *Plan) keeps() bool {
	return slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Keep })
}

// looksBack says whether a row reads the noise before its own.
func (p *Plan) looksBack() bool {
	return slices.ContainsFunc(p.Rows, func(r Row) bool { return r.C1 != 0 })
}

// varied says whether the noise is as wide as the network has learned.
func (p *Plan) varied() bool {
	return slices.ContainsFunc(p.Rows, func(r Row) bool { return r.L != 0 })
}

// ReadsUnclipped says whether rows read the prediction before it was clipped, which [Clip] gives them as the second one: no other output
// of the network is asked for.
func (p *Plan) ReadsUnclipped() bool { return p.bounds() && p.Second == p.Prediction }

// bounds says whether the data prediction is clipped, to one range or to one of each sample.
func (p *Plan) bounds() bool { return p.Clip != nil || p.Threshold != nil }

// Check says whether the table can be run: numbers finite, steps in order, and no row that reads a prediction, a base
// or a draw that does not exist. NewPlan's plans pass; a plan read from a file may not.
func (p *Plan) Check() error {
	if !finite(p.From, p.To, p.Start, p.Signal) || p.Start < 0 {
		return fmt.Errorf("plan: from %v, to %v, start %v and signal %v must be finite, start not negative", p.From, p.To, p.Start, p.Signal)
	}
	switch {
	case p.Turn < 0 || p.Turn > 0 && p.Turn >= p.Steps:
		return fmt.Errorf("plan: the way to data begins after step %d of %d", p.Turn, p.Steps)
	case (p.Turn > 0 || p.Signal != 0) && !p.FromData:
		return fmt.Errorf("plan: turn %d and signal %v are of a walk that begins in given data, and from_data is false", p.Turn, p.Signal)
	}
	if p.Clip != nil && !(finite(p.Clip[:]...) && p.Clip[0] < p.Clip[1]) {
		return fmt.Errorf("plan: clip [%v, %v] is no range: write lo < hi", p.Clip[0], p.Clip[1])
	}
	if p.Threshold != nil {
		if p.Clip != nil {
			return errors.New("plan: has both a clip and a threshold; expected one of them")
		}
		if err := p.Threshold.check(); err != nil {
			return fmt.Errorf("plan: %w", err)
		}
	}
	if p.Motion != nil {
		if err := p.Motion.check(p.Draws()); err != nil {
			return err
		}
	}
	if n := len(p.Rows); n == 0 || !p.Rows[n-1].Ends {
		return fmt.Errorf("plan: of its %d rows the last must complete a step", n)
	}
	calls, step, kept, drawn := 0, 0, false, 0
	for i := range p.Rows {
		row := &p.Rows[i]
		bad := func(format string, args ...any) error {
			return fmt.Errorf("plan: row %d (step %d, t=%.6g): %s", i, row.Step, row.T, fmt.Sprintf(format, args...))
		}
		if !finite(row.T, row.Next, row.Input, row.Scale, row.A, row.A0, row.C, row.C1, row.Ratio, row.L, row.FX, row.FP, row.DataX, row.DataP, row.KnownX, row.KnownZ, row.Sigma) || !finite(row.B...) || !finite(row.S...) {
			return bad("a number is not finite")
		}
		if row.Step != step {
			return bad("found step %d where step %d is next", row.Step, step)
		}
		if row.Ends {
			step++
		}
		if row.Call {
			calls++
		}
		kept = kept || row.Keep
		switch {
		case max(len(row.B), len(row.S)) > calls:
			return bad("reads %d predictions, but only %d were made", max(len(row.B), len(row.S)), calls)
		case len(row.S) > 0 && p.Second == "":
			return bad("reads a second prediction, but the plan has none")
		case row.Ratio != 0 && (row.Ratio < 0 || !row.Call || row.C == 0 || len(row.B) != 1 || len(row.S) > 0 || row.C1 != 0):
			return bad("has ratio %v, which asks for one call, its prediction and fresh noise, and nothing earlier", row.Ratio)
		case row.L != 0 && (p.Second != LearnedVariance || !row.Call || row.C == 0):
			return bad("has l = %v, but draws no noise or makes no second prediction, a %s, to multiply it by", row.L, LearnedVariance)
		case len(row.S) > 0 && p.bounds() && !p.ReadsUnclipped():
			return bad("reads a second prediction, but a plan that clips is written in the data prediction alone")
		case p.bounds() && row.Call && row.DataX == 0 && row.DataP == 0:
			return bad("makes no data prediction to clip: data_x and data_p are 0")
		case row.A0 != 0 && !kept:
			return bad("reads a kept state, but none was kept")
		case row.Draw < 0 || row.Draw == 0 && row.C != 0:
			return bad("has C = %v with draw %d; draws are numbered from 1", row.C, row.Draw)
		case row.Draw > 0 && row.Draw <= drawn:
			return bad("has draw %d after draw %d; each is drawn once, in the order of their numbers", row.Draw, drawn)
		case row.C1 != 0 && drawn == 0:
			return bad("reads an earlier noise, but none was drawn")
		case row.C1 != 0 && row.Draw1 != drawn:
			return bad("reads the noise of draw %d, but the last drawn is %d", row.Draw1, drawn)
		case (row.FX != 0 || row.FP != 0) && p.Functional == "":
			return bad("has fx = %v and fp = %v, but the plan names no functional that they make", row.FX, row.FP)
		case row.Call && row.FP == 0 && row.FX == 0 && p.Functional != "":
			return bad("does not make the functional %s of its prediction: fp is 0", p.Functional)
		}
		if row.Draw > 0 {
			drawn = row.Draw
		}
	}
	if step != p.Steps {
		return fmt.Errorf("plan: says %d steps, but its rows complete %d", p.Steps, step)
	}
	return nil
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
