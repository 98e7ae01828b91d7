package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"odeon/internal/atomicfile"
)

// metrics is a file of JSON lines, there to be followed while the run goes on: a line for every tenth step, with means over those ten, and
// one for every validation. A run that goes on from a checkpoint takes the lines behind that step back first.
type metrics struct {
	path  string
	file  *os.File
	sum   metricsLine
	count float64
}

const metricsEvery = 10

// metricsLine is a line; what is not meant by it is left out.
type metricsLine struct {
	Step         int         `json:"step"`
	Seconds      float64     `json:"seconds"` // of the run
	Loss         float64     `json:"loss,omitempty"`
	Rate         float64     `json:"rate,omitempty"`
	GradientNorm float64     `json:"norm,omitempty"`
	Validation   *Validation `json:"validation,omitempty"`
}

// openMetrics opens the file for a run that stands at a step: empty for one that begins, else with the lines up to there.
func openMetrics(path string, step int) (*metrics, error) {
	if err := keepLines(path, step); err != nil {
		return nil, metricsError(path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, metricsError(path, err)
	}
	return &metrics{path: path, file: f}, nil
}

// keepLines leaves the lines of steps up to the given one, and none that is cut off or not ours.
func keepLines(path string, step int) error {
	old, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer old.Close()
	if info, err := old.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	out := bufio.NewWriter(f)
	for in := bufio.NewReader(old); step > 0; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		var m metricsLine
		if json.Unmarshal(bytes.TrimSpace(line), &m) != nil || m.Step < 1 || m.Step > step {
			continue
		}
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Commit()
}

// add takes a step in.
func (m *metrics) add(p *Progress, elapsed time.Duration) error {
	m.count++
	m.sum.Loss += p.Loss
	m.sum.Rate += p.Rate
	m.sum.GradientNorm += p.GradientNorm
	if p.Step%metricsEvery == 0 {
		line := metricsLine{Loss: m.sum.Loss / m.count, Rate: m.sum.Rate / m.count, GradientNorm: m.sum.GradientNorm / m.count}
		m.sum, m.count = metricsLine{}, 0
		if err := m.write(line, p.Step, elapsed); err != nil {
			return err
		}
	}
	if p.Validation != nil {
		return m.write(metricsLine{Validation: p.Validation}, p.Step, elapsed)
	}
	return nil
}

func (m *metrics) write(line metricsLine, step int, elapsed time.Duration) error {
	line.Step, line.Seconds = step, elapsed.Seconds()
	text, err := json.Marshal(line)
	if err == nil {
		_, err = m.file.Write(append(text, '\n'))
	}
	if err != nil {
		return metricsError(m.path, err)
	}
	return nil
}

func (m *metrics) Close() error { return m.file.Close() }

// metricsError names the file once.
func metricsError(path string, err error) error {
	return fmt.Errorf("metrics %s: %w", path, atomicfile.Reason(err))
}
