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
	out   io.Writer // of lines
	bar   *progressbar.ProgressBar
	room  int // for what is said beside the bar
	ticks *ticking

	mu  sync.Mutex
	now standing
}

// standing is what a bar shows of train.Progress, which must not be kept.
type standing struct {
	step, steps       int // step 0: none yet
	done, loss, speed float64
	left              time.Duration
	held              *float64 // the last loss of what is held out; nil: none
}

const (
	barParts = 1000 // how fine a bar is
	barWidth = 10
	barFrame = 11 // characters about a bar: its percents and borders
)

func startTrainBar(w io.Writer) *trainBar {
	b := &trainBar{out: w}
	every := lineEvery
	if f := terminal(w); f != nil {
		every = barEvery
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
	b.ticks = startTicking(every, b.show)
	return b
}

func (b *trainBar) show() {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.now.step == 0:
	case b.bar == nil:
		fmt.Fprintln(b.out, strings.Join(b.now.pieces(), ", "))
	default:
		b.bar.Describe(fitting(b.now.pieces(), b.room))
		// A bar at its end takes itself away; leave that to End.
		_ = b.bar.Set(min(int(b.now.done*barParts), barParts-1))
	}
}

// pieces are what is said, the most important first.
func (s *standing) pieces() []string {
	step := fmt.Sprintf("step %d", s.step)
	if s.steps > 0 {
		step += fmt.Sprintf("/%d", s.steps)
	}
	pieces := []string{step, fmt.Sprintf("loss %.4g", s.loss)}
	if s.left >= 0 {
		pieces = append(pieces, s.left.Round(time.Second).String()+" left")
	}
	if s.speed > 0 {
		pieces = append(pieces, rateText(s.speed))
	}
	if s.held != nil {
		pieces = append(pieces, fmt.Sprintf("held out %.4g", *s.held))
	}
	return pieces
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
func (b *trainBar) set(p *train.Progress) {
	if b == nil {
		return
	}
	now := standing{step: p.Step, steps: p.Steps, done: p.Fraction, loss: p.Smooth, speed: p.SamplesPerSecond, left: p.Left}
	if n := len(p.Validations); n > 0 {
		held := p.Validations[n-1].Loss
		now.held = &held
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = now
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
	b.ticks.End()
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
	return text
}
