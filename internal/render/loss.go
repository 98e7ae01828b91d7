package render

import (
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// Loss is a loss at a step of training: of one batch, the mean of some, or of held-out data.
type Loss struct {
	Step int64
	Loss float64
}

// Losses is how a training run went.
type Losses struct {
	Batches []Loss    // in the order of their steps
	Held    []Loss    // of held-out data; nil: none
	Buckets []float64 // the last losses by time: bucket k of n is that of k/n <= t < (k+1)/n; nil: unknown
}

// WriteLosses draws the loss over the steps of a run as PNG: that of the batches pale, its running mean over it, held-out
// losses as dots, and below them the loss by time. The axis is logarithmic where the loss falls to less than a fifth.
func WriteLosses(w io.Writer, m Meta, l Losses) error {
	f := &figure{panels: []*plot.Plot{lossPanel(m.Title, l)}, height: 0.62 * figureWidth}
	if len(l.Buckets) > 0 {
		f.panels, f.height = append(f.panels, bucketPanel(l.Buckets)), 0.95*figureWidth
	}
	return png.Encode(&annotated{w: w, fields: m.Text}, f.raster(stillDPI))
}

const (
	// curvePoints is how many places a curve is drawn at, each the range of the losses that fall there.
	curvePoints = 600
	// smoothShare is the half width of the running mean as a share of the run; nearer to the start, where a loss falls fast, it is
	// a quarter of the way from there.
	smoothShare, smoothStart = 0.02, 0.25
	// logFrom is how many times the loss must fall before its axis is logarithmic.
	logFrom = 5
)

var (
	paleLoss = color.NRGBA{0x33, 0x6c, 0xb4, 0x50}
	heldLoss = classColours[1]
)

func lossPanel(title string, l Losses) *plot.Plot {
	p := newPlot(title)
	p.X.Label.Text, p.Y.Label.Text = "step", "loss"
	p.Legend.Top = true
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = p.X.Tick.Label.Font, ink
	p.Legend.ThumbnailWidth, p.Legend.Padding = 14, 3

	raw, smooth, held := envelope(l.Batches), smoothed(l.Batches), points2(l.Held)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, q := range append(append(plotter.XYs{}, smooth...), held...) {
		lo, hi = math.Min(lo, q.Y), math.Max(hi, q.Y)
	}
	if lo > 0 && hi > logFrom*lo {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	for _, curve := range []struct {
		points plotter.XYs
		name   string
		style  draw.LineStyle
	}{
		{raw, "batches", draw.LineStyle{Color: paleLoss, Width: 0.6}},
		{smooth, "running mean", draw.LineStyle{Color: classColours[0], Width: 1.4}},
	} {
		if len(curve.points) > 0 {
			line := &plotter.Line{XYs: curve.points, LineStyle: curve.style}
			p.Add(line)
			p.Legend.Add(curve.name, line)
		}
	}
	if len(held) > 0 {
		line := &plotter.Line{XYs: held, LineStyle: draw.LineStyle{Color: heldLoss, Width: 0.8}}
		dots := &plotter.Scatter{XYs: held, GlyphStyle: draw.GlyphStyle{Color: heldLoss, Radius: 1.8, Shape: draw.CircleGlyph{}}}
		p.Add(line, dots)
		p.Legend.Add("held out", line, dots)
	}
	if p.Y.Max <= p.Y.Min { // one loss, or a loss that never moves
		pad := math.Max(math.Abs(p.Y.Min)*0.1, 1e-9)
		p.Y.Min, p.Y.Max = p.Y.Min-pad, p.Y.Max+pad
	}
	if p.X.Max <= p.X.Min {
		p.X.Max = p.X.Min + 1
	}
	return p
}

// bucketPanel shows at which times the loss that is left lies.
func bucketPanel(losses []float64) *plot.Plot {
	p := newPlot("")
	p.X.Label.Text, p.Y.Label.Text = "t, from noise to data", "loss at t"
	n := float64(len(losses))
	bars := &plotter.Histogram{Width: 1 / n, FillColor: classColours[0]}
	bars.LineStyle = draw.LineStyle{Color: color.White, Width: 0.4}
	highest := 0.0
	for k, v := range losses {
		if !finite(v) {
			continue
		}
		bars.Bins = append(bars.Bins, plotter.HistogramBin{Min: float64(k) / n, Max: float64(k+1) / n, Weight: v})
		highest = math.Max(highest, v)
	}
	p.Add(bars)
	p.X.Min, p.X.Max = 0, 1
	p.Y.Min, p.Y.Max = 0, 1.05*math.Max(highest, 1e-9)
	return p
}

// envelope runs through the least and the greatest of the losses that fall on each of some places along the curve.
func envelope(losses []Loss) plotter.XYs {
	if len(losses) <= 2*curvePoints {
		return points2(losses)
	}
	var out plotter.XYs
	for k := range curvePoints {
		lo, hi := -1, -1
		from := k * len(losses) / curvePoints
		for i, l := range losses[from : (k+1)*len(losses)/curvePoints] {
			if !finite(l.Loss) {
				continue
			}
			if lo < 0 || l.Loss < losses[lo].Loss {
				lo = from + i
			}
			if hi < 0 || l.Loss > losses[hi].Loss {
				hi = from + i
			}
		}
		if lo >= 0 {
			out = append(out, points2([]Loss{losses[min(lo, hi)], losses[max(lo, hi)]})...)
		}
	}
	return out
}

// smoothed is the running mean, at some places along the curve. Single losses have none.
func smoothed(losses []Loss) plotter.XYs {
	if len(losses) < 8 {
		return nil
	}
	sums, counts := make([]float64, len(losses)+1), make([]float64, len(losses)+1)
	for i, l := range losses {
		sums[i+1], counts[i+1] = sums[i], counts[i]
		if finite(l.Loss) {
			sums[i+1], counts[i+1] = sums[i]+l.Loss, counts[i]+1
		}
	}
	var out plotter.XYs
	last := len(losses) - 1
	for k := range min(curvePoints, len(losses)) {
		i := k * last / max(min(curvePoints, len(losses))-1, 1)
		half := int(math.Min(smoothShare*float64(last), smoothStart*float64(i)))
		from, to := max(i-half, 0), min(i+half, last)+1
		if n := counts[to] - counts[from]; n > 0 {
			out = append(out, plotter.XY{X: float64(losses[i].Step), Y: (sums[to] - sums[from]) / n})
		}
	}
	return out
}

func points2(losses []Loss) plotter.XYs {
	var out plotter.XYs
	for _, l := range losses {
		if finite(l.Loss) {
			out = append(out, plotter.XY{X: float64(l.Step), Y: l.Loss})
		}
	}
	return out
}

// logTicks are labelled marks at 1, 2 and 5 times the powers of ten; at powers of ten alone where the axis spans many.
type logTicks struct{}

func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	factors := []float64{1, 2, 5}
	if hi > 1e4*lo {
		factors = factors[:1]
	}
	var marks []plot.Tick
	for power := math.Floor(math.Log10(lo)); power <= math.Ceil(math.Log10(hi)); power++ {
		for _, factor := range factors {
			if v := factor * math.Pow(10, power); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				marks = append(marks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 4, 64)})
			}
		}
	}
	return marks
}
