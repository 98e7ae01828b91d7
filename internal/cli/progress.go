package cli

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a run is, on stderr: a bar on a terminal, a line now and then elsewhere, nothing when quiet.
// Done is counted by the workers and read now and then, so that a step of a small network pays one atomic addition.
type progress struct {
	Done  atomic.Int64
	total int64
	unit  string
	bar   *progressbar.ProgressBar // nil where lines are written, or nothing
	ticks *ticking                 // nil when quiet
}

// A bar moves so often, and a run that is not on a terminal says so often how far it is.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
)

// ticking does something every so often, on a goroutine of its own.
type ticking struct{ stop, ended chan struct{} }

func startTicking(every time.Duration, do func()) *ticking {
	t := &ticking{make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(t.ended)
		clock := time.NewTicker(every)
		defer clock.Stop()
		for {
			select {
			case <-t.stop:
				return
			case <-clock.C:
				do()
			}
		}
	}()
	return t
}

// End returns when nothing is being done any more. It may be called once; a nil one does nothing.
func (t *ticking) End() {
	if t != nil {
		close(t.stop)
		<-t.ended
	}
}

func startProgress(w io.Writer, quiet bool, what, unit string, total int64) *progress {
	p := &progress{total: total, unit: unit}
	if quiet {
		return p
	}
	what = oneLine(what)
	f := terminal(w)
	if f == nil {
		start := time.Now()
		p.ticks = startTicking(lineEvery, func() { p.line(w, what, time.Since(start)) })
		return p
	}
	p.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(f),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(false),
	)
	p.bar.Reset() // starts its clock
	p.ticks = startTicking(barEvery, func() {
		// A bar at its end takes itself away; leave that to End.
		_ = p.bar.Set64(min(p.Done.Load(), total-1))
	})
	return p
}

// line says how far a run is after so long.
func (p *progress) line(w io.Writer, what string, elapsed time.Duration) {
	done := p.Done.Load()
	rate := float64(done) / elapsed.Seconds()
	left := "unknown"
	if done > 0 {
		left = time.Duration(float64(p.total-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	fmt.Fprintf(w, "%s: %d of %d %s, %.3g a second, %s left\n", what, done, p.total, p.unit, rate, left)
}

// End takes the bar away. It may be called once.
func (p *progress) End() {
	p.ticks.End()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
