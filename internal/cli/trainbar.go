package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"odeon/train"
)

// trainBar shows a run's progress: a bar on a terminal, a line now and then elsewhere. A nil one shows nothing.
type trainBar struct {
	mu     sync.Mutex
	done   float64   // of the run, 0 to 1
	pieces []string  // what is said, the most important first
	out    io.Writer // of lines
	bar    *progressbar.ProgressBar
	room   int // for what is said beside the bar
	stop   chan struct{}
	ended  chan struct{}
}

const (
	barParts = 1000 // how fine a bar is
	barWidth = 10
	barFrame = 11 // characters about a bar: its percents and borders
)

func startTrainBar(w io.Writer) *trainBar {
	b := &trainBar{out: w, stop: make(chan struct{}), ended: make(chan struct{})}
	every := lineEvery
	if f := terminal(w); f != nil {
		every = 100 * time.Millisecond
		_, columns := terminalLook(f)
		b.room = columns - barWidth - barFrame
		b.bar = progressbar.NewOptions(barParts,
			progressbar.OptionSetWriter(f),
			progressbar.OptionSetWidth(barWidth),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetRenderBlankState(false),
		)
	}
	go b.run(every)
	return b
}

func (b *trainBar) run(every time.Duration) {
	defer close(b.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.mu.Lock()
			b.show()
			b.mu.Unlock()
		}
	}
}

func (b *trainBar) show() {
	switch {
	case len(b.pieces) == 0:
	case b.bar == nil:
		fmt.Fprintln(b.out, strings.Join(b.pieces, ", "))
	default:
		b.bar.Describe(fitting(b.pieces, b.room))
		// A bar at its end takes itself away; leave that to End.
		_ = b.bar.Set(min(int(b.done*barParts), barParts-1))
	}
}

// fitting joins as many pieces as there is room for, at least one.
func fitting(pieces []string, room int) string {
	text := pieces[0]
	for _, piece := range pieces[1:] {
		if len(text)+len(", ")+len(piece) > room {
			break
		}
		text += ", " + piece
	}
	return text
}

// set takes the numbers of a step.
func (b *trainBar) set(p *train.Progress, validations []train.Validation) {
	if b == nil {
		return
	}
	step := fmt.Sprintf("step %d", p.Step)
	if p.Steps > 0 {
		step += fmt.Sprintf("/%d", p.Steps)
	}
	pieces := []string{step, fmt.Sprintf("loss %.4g", p.Smooth)}
	if p.Left >= 0 {
		pieces = append(pieces, p.Left.Round(time.Second).String()+" left")
	}
	if p.SamplesPerSecond > 0 {
		pieces = append(pieces, rateText(p.SamplesPerSecond))
	}
	if n := len(validations); n > 0 {
		pieces = append(pieces, fmt.Sprintf("held out %.4g", validations[n-1].Loss))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done, b.pieces = p.Fraction, pieces
}

// pause takes the bar away while something else is written.
func (b *trainBar) pause(say func()) {
	if b == nil {
		say()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	say()
}

// End takes the bar away for good. It may be called once.
func (b *trainBar) End() {
	if b == nil {
		return
	}
	close(b.stop)
	<-b.ended
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}

// rateText is samples a second in three digits: 950 samples/s, 12.3k samples/s.
func rateText(rate float64) string {
	switch {
	case rate >= 1e6:
		return fmt.Sprintf("%.3gM samples/s", rate/1e6)
	case rate >= 1e3:
		return fmt.Sprintf("%.3gk samples/s", rate/1e3)
	}
	return fmt.Sprintf("%.3g samples/s", rate)
}

// grouped is a number with its thousands apart.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return strings.TrimPrefix(text, ",")
}
