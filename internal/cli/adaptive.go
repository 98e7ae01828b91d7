package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"odeon/models"
	"odeon/sampler"
)

// adaptive walks each sample of a run in steps of its own, which a tolerance finds (--tolerance). A sample is walked alone, so that what
// it comes to depends on no other: not on --batch, --first, --workers or -n.
type adaptive struct {
	model    sampler.Model
	settings sampler.Settings
	shown    *sampler.Plan // what is shown of the way: states at equal times

	mu     sync.Mutex
	walks  int
	report adaptedReport
	plan   *sampler.Plan // of the sample that took most steps, the first of these
	sample int           // which this was
}

// adaptedReport is what --json tells of such a run: the fewest and the most that a sample took.
type adaptedReport struct {
	Rel      float64 `json:"rel"`
	Abs      float64 `json:"abs"`
	Steps    [2]int  `json:"steps"`
	Calls    [2]int  `json:"calls"`    // of the network, those of rejected steps included
	Rejected int     `json:"rejected"` // steps, of all samples
}

// shownStates is how many states on the way are shown.
const shownStates = 50

// findsSteps says whether a tolerance finds the steps.
func (w walk) findsSteps() bool { return w.settings.Tolerance != sampler.Tolerance{} }

// newAdaptive is the walk by tolerance that the settings ask for, and a plan of what is shown of it, which is never run.
func newAdaptive(r *models.Resolved, w walk) (*adaptive, error) {
	a := &adaptive{model: r.Sampling(), settings: w.settings, report: adaptedReport{Rel: w.settings.Tolerance.Rel, Abs: w.settings.Tolerance.Abs}}
	var err error
	if a.shown, err = sampler.Ahead(a.model, a.settings); err != nil {
		return nil, err
	}
	p := a.shown
	p.Steps = shownStates
	for k := range shownStates {
		at := func(k int) float64 { return p.From + (p.To-p.From)*float64(k)/shownStates }
		p.Rows = append(p.Rows, sampler.Row{Step: k, T: at(k), Next: at(k + 1), Call: true, Ends: true})
	}
	p.Rows[shownStates-1].Next = p.To
	return a, nil
}

// walk takes a chunk of one sample from its start to the last time.
func (a *adaptive) walk(ctx context.Context, net sampler.Network, x *sampler.State, obs sampler.Observer) error {
	between := &between{plan: a.shown, before: append([]float32(nil), x.X...), t: a.shown.From, obs: obs}
	done, err := sampler.Adaptive(ctx, a.model, a.settings, net, x, between)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	steps, calls := done.Plan.Steps, done.Calls
	r := &a.report
	if a.walks++; a.walks == 1 {
		r.Steps, r.Calls = [2]int{steps, steps}, [2]int{calls, calls}
	}
	if a.plan == nil || steps > r.Steps[1] || steps == r.Steps[1] && x.First < a.sample {
		a.plan, a.sample = done.Plan, x.First
	}
	r.Steps = [2]int{min(r.Steps[0], steps), max(r.Steps[1], steps)}
	r.Calls = [2]int{min(r.Calls[0], calls), max(r.Calls[1], calls)}
	r.Rejected += done.Rejected
	return nil
}

// between shows the states at a plan's times to an observer, on straight lines between those that a walk comes to.
type between struct {
	plan   *sampler.Plan
	next   int       // row to show
	before []float32 // the state at t
	t      float64
	state  []float32
	obs    sampler.Observer
}

// Step shows what lies on the way to the state after a step.
func (b *between) Step(row *sampler.Row, x []float32) {
	for ; b.next < len(b.plan.Rows); b.next++ {
		shown := &b.plan.Rows[b.next]
		share := (shown.Next - b.t) / (row.Next - b.t)
		if share > 1 && row.Next != b.plan.To {
			break
		}
		if share >= 1 {
			b.obs.Step(shown, x)
			continue
		}
		b.state = b.state[:0]
		for i, v := range x {
			b.state = append(b.state, b.before[i]+float32(share)*(v-b.before[i]))
		}
		b.obs.Step(shown, b.state)
	}
	b.t = row.Next
	copy(b.before, x)
}

// errNoPlan is what plan and compile say to a tolerance.
var errNoPlan = usageError{errors.New("--tolerance: dopri5 finds its steps by it as it walks, so that there is no plan before the walk; " +
	"leave it out, or let odeon sample --save-plan FILE write the plan that was walked")}

// String is what the report says in place of the number of steps.
func (r adaptedReport) String() string {
	span := func(s [2]int) string {
		if s[0] == s[1] {
			return fmt.Sprint(s[0])
		}
		return fmt.Sprintf("%d to %d", s[0], s[1])
	}
	return fmt.Sprintf("%s steps (%s calls) by tolerance %g, %g", span(r.Steps), span(r.Calls), r.Rel, r.Abs)
}
