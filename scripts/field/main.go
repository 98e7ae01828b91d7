// Field draws what networks of points predict at one time, side by side: an arrow at each place, long and dark where the
// prediction is large. Each panel has its own scale.
//
//	go run ./scripts/field -t 0.7 -o field.png velocity.onnx noise.onnx
package main

import (
	"context"
	"flag"
	"fmt"
	"image/color"
	"math"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

const (
	side  = 17  // arrows along an edge
	reach = 2.4 // of the square, from its centre
	panel = 6 * vg.Centimeter
)

func main() {
	t := flag.Float64("t", 0.7, "time, from 0 (noise) to 1 (data)")
	out := flag.String("o", "field.png", "picture to write")
	flag.Parse()
	if err := run(*t, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "field:", err)
		os.Exit(1)
	}
}

func run(t float64, out string, args []string) error {
	if len(args) == 0 || !(t >= 0 && t < 1) {
		return fmt.Errorf("found %d models and t=%g; expected at least one model, and 0 <= t < 1", len(args), t)
	}
	lib, err := onnx.Find("")
	if err != nil {
		return err
	}
	rt, err := onnx.Open(lib)
	if err != nil {
		return err
	}
	panels := make([]*plot.Plot, len(args))
	for i, arg := range args {
		f, err := evaluate(rt, arg, t)
		if err != nil {
			return err
		}
		panels[i] = f.plot()
	}
	img := vgimg.New(panel*vg.Length(len(args)), panel)
	tiles := draw.Tiles{Rows: 1, Cols: len(args), PadX: vg.Millimeter, PadTop: vg.Millimeter, PadBottom: vg.Millimeter}
	for i, c := range plot.Align([][]*plot.Plot{panels}, tiles, draw.New(img))[0] {
		panels[i].Draw(c)
	}
	w, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(w); err != nil {
		return err
	}
	return w.Close()
}

// field is a prediction on the grid.
type field struct {
	name  string
	p     []float32
	scale float64 // the largest length
}

func (f *field) Dims() (c, r int) { return side, side }
func (f *field) X(c int) float64  { return reach * (2*float64(c)/(side-1) - 1) }
func (f *field) Y(r int) float64  { return f.X(r) }
func (f *field) Min(int) float64  { return -reach }
func (f *field) Max(int) float64  { return reach }
func (f *field) at(c, r int) int  { return 2 * (r*side + c) }
func (f *field) Vector(c, r int) plotter.XY {
	i := f.at(c, r)
	return plotter.XY{X: float64(f.p[i]), Y: float64(f.p[i+1])}
}

// evaluate calls the network once, at every place of the grid.
func evaluate(rt *onnx.Runtime, arg string, t float64) (*field, error) {
	model, err := models.Open(arg)
	if err != nil {
		return nil, err
	}
	r := models.Resolve(model)
	if err := r.Err(); err != nil {
		return nil, err
	}
	if r.Dim() != 2 {
		return nil, fmt.Errorf("%s: samples of shape %v; expected points of the plane", arg, r.Shape)
	}
	next := math.Min(1, t+0.01)
	plan, err := sampler.NewPlan(r.Sampling(), sampler.Settings{Solver: sampler.Euler, Steps: 1, From: &t, To: &next, Last: "none"})
	if err != nil {
		return nil, err
	}
	r = r.For(plan)
	session, err := r.NewSession(rt, onnx.SessionOptions{Provider: "cpu"})
	if err != nil {
		return nil, err
	}
	defer session.Destroy()
	network, err := models.NewNetwork(r, session, models.Run{})
	if err != nil {
		return nil, err
	}
	defer network.Close()

	f := &field{name: r.Prediction.String(), p: make([]float32, 2*side*side)}
	x := make([]float32, len(f.p))
	for row := range side {
		for c := range side {
			x[f.at(c, row)], x[f.at(c, row)+1] = float32(f.X(c)), float32(f.Y(row))
		}
	}
	if err := network.Predict(context.Background(), f.p, x, plan.Rows[0].At(0, side*side)); err != nil {
		return nil, err
	}
	for i := 0; i < len(f.p); i += 2 {
		f.scale = math.Max(f.scale, math.Hypot(float64(f.p[i]), float64(f.p[i+1])))
	}
	return f, nil
}

func (f *field) plot() *plot.Plot {
	p := plot.New()
	p.Title.Text = f.name
	p.HideAxes()
	arrows := plotter.NewField(f)
	arrows.DrawGlyph = func(c vg.Canvas, _ draw.LineStyle, v plotter.XY) { arrow(c, v) }
	p.Add(arrows)
	return p
}

// arrow draws v where plotter.Field calls for it: the canvas is turned along v, and its unit is half a cell times m, the share of
// the largest length. Short arrows are drawn longer than they are, sqrt(m) of a cell; the shade tells the rest.
func arrow(c vg.Canvas, v plotter.XY) {
	m := math.Hypot(v.X, v.Y)
	if m < 1e-3 {
		return
	}
	dark := math.Sqrt(m)
	c.SetColor(color.RGBA{R: uint8(215 - 190*dark), G: uint8(222 - 150*dark), B: uint8(235 - 75*dark), A: 255})
	tip := vg.Length(1.1 / math.Sqrt(m))
	var outline vg.Path
	for i, corner := range [][2]vg.Length{{-1, 0.13}, {0.1, 0.13}, {0.1, 0.45}, {1, 0}, {0.1, -0.45}, {0.1, -0.13}, {-1, -0.13}} {
		point := vg.Point{X: corner[0] * tip, Y: corner[1] * tip}
		if i == 0 {
			outline.Move(point)
		} else {
			outline.Line(point)
		}
	}
	outline.Close()
	c.Fill(outline)
}
