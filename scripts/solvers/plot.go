package main

import (
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"odeon/internal/atomicfile"
)

// colours are those of the solvers, in their order, and of the fitted plans.
var colours = []color.Color{
	color.NRGBA{0x8c, 0x8c, 0x8c, 0xff}, color.NRGBA{0x33, 0x6c, 0xb4, 0xff}, color.NRGBA{0x2d, 0x8f, 0x5c, 0xff},
	color.NRGBA{0x8a, 0x56, 0xac, 0xff}, color.NRGBA{0xd0, 0x3b, 0x2f, 0xff},
}

// draw writes the curves as PNG, a panel for each network.
func draw(all []curves, file string) error {
	const columns, width, height = 2, 9.5 * vg.Centimeter, 7.5 * vg.Centimeter
	rows := (len(all) + columns - 1) / columns
	panels := make([][]*plot.Plot, rows)
	for i, c := range all {
		panels[i/columns] = append(panels[i/columns], c.panel(i == 0))
	}
	for i := range panels {
		for len(panels[i]) < min(columns, len(all)) {
			panels[i] = append(panels[i], nil)
		}
	}
	across := min(columns, len(all))
	canvas := vgimg.NewWith(vgimg.UseWH(width*vg.Length(across), height*vg.Length(rows)), vgimg.UseDPI(150))
	const gap = 4 * vg.Millimeter
	tiles := vgdraw.Tiles{Rows: rows, Cols: across, PadX: gap, PadY: gap, PadTop: gap / 2, PadBottom: gap / 2, PadLeft: gap / 2, PadRight: gap}
	for i, row := range plot.Align(panels, tiles, vgdraw.New(canvas)) {
		for j, tile := range row {
			if panels[i][j] != nil {
				panels[i][j].Draw(tile)
			}
		}
	}
	return atomicfile.Write(file, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
		return err
	})
}

// panel is a network's plot: the error over the calls, both by their logarithms.
func (c curves) panel(legend bool) *plot.Plot {
	p := plot.New()
	p.Title.Text = c.name
	p.X.Label.Text, p.Y.Label.Text = "network calls", "error"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = countTicks{}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max = 4.6, 43.5
	p.Add(plotter.NewGrid())
	for i, s := range append(append([]solver{}, c.solvers...), fitted) {
		var xys plotter.XYs
		for k, e := range c.errors[s.title] {
			if !math.IsInf(e.Mean, 1) {
				xys = append(xys, plotter.XY{X: float64(callCounts[k]), Y: e.Mean})
			}
		}
		line, points, err := plotter.NewLinePoints(xys)
		if err != nil {
			continue // no value is finite
		}
		line.Color, line.Width = colours[i], 1.2
		if s == fitted {
			line.Width = 2.2
		}
		points.Shape, points.Color, points.Radius = vgdraw.CircleGlyph{}, colours[i], 2.2
		p.Add(line, points)
		if legend {
			p.Legend.Add(s.title, line, points)
		}
	}
	p.Legend.Left, p.Legend.Padding = true, 3
	p.Legend.TextStyle.Font.Size = 9
	return p
}

// countTicks are the counts of calls.
type countTicks struct{}

func (countTicks) Ticks(_, _ float64) []plot.Tick {
	var ticks []plot.Tick
	for _, calls := range callCounts {
		ticks = append(ticks, plot.Tick{Value: float64(calls), Label: strconv.Itoa(calls)})
	}
	return ticks
}
