package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"odeon/internal/array"
	"odeon/internal/render"
	"odeon/train"
)

// preview is FILE.preview.png: what the same noise becomes over training. Where a run keeps checkpoints, its moments lie beside
// them, so that a run that goes on shows those before as well.
type preview struct {
	every  int    // steps from one moment to the next
	file   string // "": there is none
	memory string // the moments, in the folder of checkpoints; "": nowhere
	strip  *render.Strip
}

// moments is the name of their file.
const moments = "preview.npz"

func newPreview(s train.Settings, file string) preview {
	p := preview{every: s.Preview, file: file}
	if s.Checkpoints != "" {
		p.memory = filepath.Join(s.Checkpoints, moments)
	}
	return p
}

// add puts the samples of a step into the strip, and writes it.
func (p *preview) add(d *drawn, step int, facts train.Facts, files trainFiles) error {
	if p.strip == nil {
		strip, err := render.NewStrip(d.samples, d.count)
		if err != nil {
			return err
		}
		p.strip = strip
		if facts.Resumed > 0 && p.memory != "" {
			p.recall(len(d.x), facts.Resumed)
		}
	}
	p.strip.Add(p.moment(step, d.x))
	if p.memory != "" {
		if err := files.write(p.memory, p.remember); err != nil {
			return err
		}
	}
	return files.write(p.file, func(w io.Writer) error { return p.strip.Write(w, files.meta(facts.Network)) })
}

func (p *preview) moment(step int, x []float32) render.Moment {
	return render.Moment{Number: step/p.every - 1, Title: fmt.Sprintf("step %d", step), X: x}
}

// remember writes the moments: their steps, [k], and their samples, [k, elements].
func (p *preview) remember(w io.Writer) error {
	var steps []int64
	var samples []float32
	for _, m := range p.strip.Moments() {
		steps = append(steps, int64((m.Number+1)*p.every))
		samples = append(samples, m.X...)
	}
	z := array.NewNPZWriter(w, false)
	if err := z.Int64("steps", []int{len(steps)}, steps); err != nil {
		return err
	}
	if err := z.Float32("samples", []int{len(steps), len(samples) / len(steps)}, samples); err != nil {
		return err
	}
	return z.Close()
}

// recall adds the moments that lie before the step from which the run goes on. What is not there, or is of another run, is
// left out: a preview is worth no message.
func (p *preview) recall(size, until int) {
	steps, err := array.ReadNPZ(p.memory, "steps")
	if err != nil {
		return
	}
	samples, err := array.ReadNPZ(p.memory, "samples")
	if err != nil || !slices.Equal(samples.Shape, []int{steps.Len(), size}) {
		return
	}
	numbers, err := steps.Int64()
	if err != nil {
		return
	}
	for i, step := range numbers {
		if 0 < step && step <= int64(until) && step%int64(p.every) == 0 {
			p.strip.Add(p.moment(int(step), samples.Float32()[i*size:(i+1)*size]))
		}
	}
}

// exists tells whether the strip is there, as from a process before this one.
func (p *preview) exists() bool {
	_, err := os.Stat(p.file)
	return p.file != "" && err == nil
}
