package render

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Dots an inch: a figure five inches wide has 720 pixels as a still, 480 in an animation.
const (
	stillDPI = 144
	reelDPI  = 96
)

const figureWidth = 5 * vg.Inch

var (
	ink   = color.Gray{0x50} // text
	line  = color.Gray{0xa0} // axes
	faint = color.Gray{0xec} // grid
)

// classColours tell classes apart (Tableau 10); the first is that of everything without classes.
var classColours = []color.NRGBA{
	{0x33, 0x6c, 0xb4, 255}, {0xf2, 0x8e, 0x2b, 255}, {0x59, 0xa1, 0x4f, 255}, {0xe1, 0x57, 0x59, 255}, {0x9a, 0x6a, 0xb8, 255},
	{0x76, 0xb7, 0xb2, 255}, {0x9c, 0x75, 0x5f, 255}, {0xff, 0x9d, 0xa7, 255}, {0xed, 0xc9, 0x48, 255}, {0x6b, 0x6b, 0x6b, 255},
}

// classColour gives ten classes fixed colours; where there are more, colours go round the hues.
func classColour(class, classes int) color.NRGBA {
	if classes <= len(classColours) {
		return classColours[class]
	}
	wave := func(shift float64) uint8 {
		return uint8(128 + 100*math.Cos(2*math.Pi*(float64(class)/float64(classes)+shift)))
	}
	return color.NRGBA{wave(0), wave(-1.0 / 3), wave(1.0 / 3), 255}
}

// figure is one picture of plots, one above the other, with a legend at their right where there are classes.
type figure struct {
	panels []*plot.Plot
	height vg.Length
	legend *plot.Legend
}

// legendWidth is the strip at the right that a legend takes.
const legendWidth = 0.8 * vg.Inch

// newPlot is an empty plot in the house's style: white, thin gray axes, small labels.
func newPlot(title string) *plot.Plot {
	p := plot.New()
	sans := func(size vg.Length) font.Font {
		return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
	}
	p.Title.Text = title
	p.Title.TextStyle.Font, p.Title.TextStyle.Color = sans(9), ink
	p.Title.Padding = 4
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle = draw.LineStyle{Color: line, Width: 0.5}
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = 3
		a.Tick.Label.Font, a.Tick.Label.Color = sans(8), ink
		a.Tick.Marker = ticks{}
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = sans(8), ink
	}
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: faint, Width: 0.5}
	grid.Vertical = grid.Horizontal
	p.Add(grid)
	return p
}

// ticks are labelled marks at multiples of a step; of 1, 2 or 5 times a power of ten that gives about five where it is 0.
type ticks struct{ step float64 }

func (k ticks) Ticks(lo, hi float64) []plot.Tick {
	step := k.step
	if step == 0 {
		step = niceStep((hi - lo) / 5)
	}
	var marks []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+1e-9*step; i++ {
		// Eight digits drop what is left of multiples such as 3 * 0.1.
		marks = append(marks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(roundTo(i*step, step), 'g', 8, 64)})
		if len(marks) > 50 { // a range beyond float64's resolution
			break
		}
	}
	return marks
}

// roundTo makes of what is nearly zero on the scale of step zero.
func roundTo(v, step float64) float64 {
	if math.Abs(v) < step/2 {
		return 0
	}
	return v
}

// niceStep is the nearest of 1, 2, 5, 10 times a power of ten, on a logarithmic scale.
func niceStep(rough float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	switch m := rough / power; {
	case m < math.Sqrt(2):
		return power
	case m < math.Sqrt(10):
		return 2 * power
	case m < math.Sqrt(50):
		return 5 * power
	}
	return 10 * power
}

// setLegend names the classes, as long as they find room.
func (f *figure) setLegend(classes []string) {
	if len(classes) < 2 || len(classes) > 20 {
		return
	}
	l := plot.NewLegend()
	l.Top, l.Left = true, true
	l.TextStyle.Font = f.panels[0].X.Tick.Label.Font
	l.TextStyle.Color = ink
	l.TextStyle.Handler = text.Plain{Fonts: font.DefaultCache}
	l.ThumbnailWidth = 8
	l.Padding = 2
	for i, name := range classes {
		if r := []rune(name); len(r) > 12 {
			name = string(r[:11]) + "…"
		}
		l.Add(name, swatch{classColour(i, len(classes))})
	}
	f.legend = &l
}

// swatch is a class's dot in the legend.
type swatch struct{ colour color.Color }

func (s swatch) Thumbnail(c *draw.Canvas) {
	c.SetColor(s.colour)
	c.Fill(disc(c.Center(), 2.5))
}

func disc(centre vg.Point, radius vg.Length) vg.Path {
	var p vg.Path
	p.Move(vg.Point{X: centre.X + radius, Y: centre.Y})
	p.Arc(centre, radius, 0, 2*math.Pi)
	p.Close()
	return p
}

// inner is the canvas without the figure's margin and legend.
func (f *figure) inner(c draw.Canvas) draw.Canvas {
	right := vg.Length(8)
	if f.legend != nil {
		right = legendWidth
	}
	return draw.Crop(c, 6, -right, 6, -8)
}

func (f *figure) paint(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	inner := f.inner(c)
	if len(f.panels) == 1 {
		f.panels[0].Draw(inner)
	} else {
		rows := make([][]*plot.Plot, len(f.panels))
		for i, p := range f.panels {
			rows[i] = []*plot.Plot{p}
		}
		tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadY: 6}
		for i, row := range plot.Align(rows, tiles, inner) {
			f.panels[i].Draw(row[0])
		}
	}
	if f.legend != nil {
		f.legend.Draw(draw.Crop(c, c.Size().X-legendWidth+6, 0, 0, -8))
	}
}

// raster draws the figure as pixels.
func (f *figure) raster(dpi int) image.Image {
	c := vgimg.NewWith(vgimg.UseWH(figureWidth, f.height), vgimg.UseDPI(dpi))
	f.paint(draw.New(c))
	return c.Image()
}

// writeSVG draws the figure as vectors.
func (f *figure) writeSVG(w io.Writer, m Meta) error {
	c := vgsvg.NewWith(vgsvg.UseWH(figureWidth, f.height))
	f.paint(draw.New(c))
	var file bytes.Buffer
	if _, err := c.WriteTo(&file); err != nil {
		return fmt.Errorf("drawing the plot: %w", err)
	}
	_, err := w.Write(insertSVG(file.Bytes(), m))
	return err
}

// equal chooses the height, and widens one of the ranges of the only panel, so that a unit is as long on both axes.
func (f *figure) equal(b box) {
	p := f.panels[0]
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = b.x0, b.x1, b.y0, b.y1
	step := niceStep(max(b.x1-b.x0, b.y1-b.y0) / 5)
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{step}, ticks{step}
	aspect := (b.y1 - b.y0) / (b.x1 - b.x0)
	f.height = figureWidth * vg.Length(min(max(aspect, 0.5), 1))
	canvas := draw.Canvas{Canvas: vgimg.New(1, 1), Rectangle: vg.Rectangle{Max: vg.Point{X: figureWidth, Y: f.height}}}
	// Labels take room according to the range that they label: a few rounds settle both.
	for range 4 {
		size := p.DataCanvas(f.inner(canvas)).Size()
		unit := math.Min(float64(size.X)/(b.x1-b.x0), float64(size.Y)/(b.y1-b.y0))
		widen := func(lo, hi float64, length vg.Length) (float64, float64) {
			middle, half := (lo+hi)/2, float64(length)/unit/2
			return middle - half, middle + half
		}
		p.X.Min, p.X.Max = widen(b.x0, b.x1, size.X)
		p.Y.Min, p.Y.Max = widen(b.y0, b.y1, size.Y)
	}
}
