// Trainbench times the training of four networks, whose twins in PyTorch compare.py runs beside it: velocity along the straight
// path, squared error, plain Adam with rate 1e-3, batches drawn from 8192 samples in memory. Its last line is JSON.
//
//	go run ./scripts/trainbench -net unet28 -steps 20
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"odeon/models"
	"odeon/onnx"
	"odeon/train"
	"odeon/train/data"
	"odeon/train/nn"
)

// nets are the networks, their samples and the size of a batch.
var nets = map[string]struct {
	text   string
	shape  []int
	layout models.Layout
	batch  int
}{
	"mlp2d":  {"mlp(width=256, depth=4, time=256, block=plain)", []int{2}, models.Points, 1024},
	"mlp784": {"mlp(width=1024, depth=2, time=none, block=plain)", []int{784}, models.Points, 256},
	"unet28": {"unet(channels=32, mult=1:2:4, blocks=1, attention=none, groups=8, time=128)", []int{1, 28, 28}, "CHW", 64},
	"dit28":  {"dit(patch=4, width=128, depth=4, heads=4, mlp=4)", []int{1, 28, 28}, "CHW", 64},
}

func main() {
	net := flag.String("net", "mlp2d", "mlp2d, mlp784, unet28 or dit28")
	steps := flag.Int("steps", 0, "steps that count (0: some four seconds' worth)")
	threads := flag.Int("threads", 2, "threads")
	workers := flag.Int("workers", 0, "workers (0: one for each thread)")
	flag.Parse()
	if err := run(*net, *steps, *threads, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "trainbench:", err)
		os.Exit(1)
	}
}

func run(name string, steps, threads, workers int) error {
	n, ok := nets[name]
	if !ok {
		return fmt.Errorf("there is no network %q", name)
	}
	library, err := onnx.Find("")
	if err != nil {
		return err
	}
	rt, err := onnx.Open(library)
	if err != nil {
		return err
	}
	samples := bank{shape: n.shape, layout: n.layout}
	for range 8192 * samples.size() {
		samples.numbers = append(samples.numbers, float32(rand.NormFloat64()))
	}
	network, err := nn.ParseNet(n.text, nn.Data{Shape: n.shape, Layout: string(n.layout)})
	if err != nil {
		return err
	}
	watch := &stopwatch{steps: steps}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	watch.stop = stop
	_, err = train.Run(ctx, train.Settings{
		Data: &samples, Net: network, Batch: n.batch, Steps: 1 << 30, Workers: workers,
		Optimizer: "adam", Rate: 1e-3, Schedule: "constant", ClipNorm: -1, EMA: -1,
		Runtime: rt, Session: onnx.SessionOptions{Provider: "cpu", Threads: threads}, Observer: watch,
	})
	if len(watch.times) == 0 {
		return err
	}
	slices.Sort(watch.times)
	at := func(share float64) float64 { return watch.times[int(share*float64(len(watch.times)-1))] }
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"net": name, "threads": threads, "workers": watch.facts.Workers, "params": watch.facts.Parameters, "batch": n.batch, "steps": len(watch.times),
		"ms_per_step": at(0.5), "p10_ms": at(0.1), "best_ms": at(0), "loss": watch.loss, "peak_rss_mb": peakMemory(),
	})
}

// warm is how many steps do not count.
const warm = 10

// A stopwatch notes the milliseconds of every step after the first ones and ends the run when it has enough of them.
type stopwatch struct {
	steps int
	stop  func()
	last  time.Time
	times []float64
	loss  float64
	facts train.Facts
}

func (w *stopwatch) Start(f *train.Facts) { w.facts = *f }

func (w *stopwatch) Step(p *train.Progress) error {
	now := time.Now()
	if passed := now.Sub(w.last); p.Step > warm {
		if w.steps == 0 {
			w.steps = max(10, min(1000, int(4*time.Second/passed)))
		}
		w.times = append(w.times, float64(passed)/float64(time.Millisecond))
	}
	w.last, w.loss = now, p.Loss
	if w.steps > 0 && len(w.times) >= w.steps {
		w.stop()
	}
	return nil
}

// A bank is data in memory.
type bank struct {
	shape   []int
	layout  models.Layout
	numbers []float32
}

func (b *bank) size() int {
	n := 1
	for _, k := range b.shape {
		n *= k
	}
	return n
}

func (b *bank) Len() int              { return len(b.numbers) / b.size() }
func (b *bank) Shape() []int          { return b.shape }
func (b *bank) Layout() models.Layout { return b.layout }
func (b *bank) Range() *[2]float64    { return nil }
func (b *bank) Labels() *data.Labels  { return nil }
func (b *bank) Rate() float64         { return 0 }
func (b *bank) Vocabulary() []string  { return nil }
func (b *bank) Fingerprint() string   { return "bank" }
func (b *bank) String() string        { return "normal numbers" }
func (b *bank) Close() error          { return nil }

func (b *bank) Read(dst []float32, _ []int64, indices []int64) error {
	n := b.size()
	for i, k := range indices {
		copy(dst[i*n:(i+1)*n], b.numbers[int(k)*n:])
	}
	return nil
}
