package train

import "time"

// A pace tells how fast steps are taken of late.
type pace struct {
	batch int
	marks []mark // of the last steps, the oldest first
}

type mark struct {
	step     int
	at       time.Duration
	fraction float64
}

func newPace(batch int) *pace { return &pace{batch: batch} }

// paceMarks is over how many steps, and paceTime over how long at least, the pace is taken.
const (
	paceMarks = 256
	paceTime  = 5 * time.Second
)

// at takes a step in, and gives the samples per second and the time left, negative where it is not known.
func (p *pace) at(step int, now time.Duration, fraction float64) (perSecond float64, left time.Duration) {
	p.marks = append(p.marks, mark{step, now, fraction})
	for len(p.marks) > 2 && (len(p.marks) > paceMarks || now-p.marks[1].at > paceTime) {
		p.marks = p.marks[1:]
	}
	first := p.marks[0]
	if step == first.step || now == first.at {
		return 0, -1
	}
	perSecond = float64((step-first.step)*p.batch) / (now - first.at).Seconds()
	if done := fraction - first.fraction; done > 0 {
		return perSecond, time.Duration((1 - fraction) / done * float64(now-first.at))
	}
	return perSecond, -1
}
