package cli

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a run is, on stderr: a bar on a terminal, a line now and then elsewhere, nothing when quiet.
// Done is counted by the workers; a ticker reads it, so that a step of a small network pays one atomic addition.
type progress struct {
	Done  atomic.Int64
	total int64
	unit  string
	stop  chan struct{}
	ended chan struct{}
}

// lineEvery is how often a run that is not on a terminal says how far it is.
const lineEvery = 10 * time.Second

func startProgress(w io.Writer, quiet bool, what, unit string, total int64) *progress {
	p := &progress{total: total, unit: unit, stop: make(chan struct{}), ended: make(chan struct{})}
	if quiet {
		close(p.ended)
		return p
	}
	if f := terminal(w); f != nil {
		go p.bar(f, oneLine(what))
	} else {
		go p.lines(w, oneLine(what))
	}
	return p
}

// End takes the bar away. It may be called once.
func (p *progress) End() {
	close(p.stop)
	<-p.ended
}

func (p *progress) bar(w io.Writer, what string) {
	defer close(p.ended)
	bar := progressbar.NewOptions64(p.total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(p.unit),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(false),
	)
	bar.Reset() // starts its clock
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			_ = bar.Clear()
			return
		case <-tick.C:
			// A bar at its end takes itself away; leave that to End.
			_ = bar.Set64(min(p.Done.Load(), p.total-1))
		}
	}
}

func (p *progress) lines(w io.Writer, what string) {
	defer close(p.ended)
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			done := p.Done.Load()
			rate := float64(done) / time.Since(start).Seconds()
			left := "unknown"
			if done > 0 {
				left = time.Duration(float64(p.total-done) / rate * float64(time.Second)).Round(time.Second).String()
			}
			fmt.Fprintf(w, "%s: %d of %d %s, %.3g a second, %s left\n", what, done, p.total, p.unit, rate, left)
		}
	}
}
