package render

import (
	"image"
	"image/color"
	imagedraw "image/draw"
	"image/png"
	"io"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Strip shows what the same few noises become at moments of training: pictures, sound and text a row a moment, points as
// small plots, one a moment, on the same axes. Of many moments it shows at most mostMoments, evenly spread, and the last.
type Strip struct {
	samples Samples
	kind    kind
	n       int
	kept    []Moment
}

// A Moment is what the network drew at some time.
type Moment struct {
	Number int // in the order of time, from 0
	Title  string
	X      []float32 // [n, shape...]
}

const (
	mostMoments = 12
	panelWidth  = 1.25 * vg.Inch // of the small plots, four of which stand in a row
	labelWidth  = 0.8 * vg.Inch  // left of rows
	labelHeight = 0.2 * vg.Inch  // above small plots
)

// NewStrip begins a strip of n samples at each moment.
func NewStrip(s Samples, n int) (*Strip, error) {
	k, err := s.kind()
	if err != nil {
		return nil, err
	}
	return &Strip{samples: s, kind: k, n: n}, nil
}

// Add takes the next moment. Those that are no longer shown are let go of: which these are, the moment's number alone decides.
func (s *Strip) Add(m Moment) {
	every := 1
	for m.Number/every+1 >= mostMoments {
		every *= 2
	}
	s.kept = slices.DeleteFunc(s.kept, func(old Moment) bool { return old.Number%every != 0 })
	m.X = slices.Clone(m.X)
	s.kept = append(s.kept, m)
}

// Moments are those that are shown. A strip that is given them again goes on as this one would.
func (s *Strip) Moments() []Moment { return s.kept }

// Write draws the strip as PNG.
func (s *Strip) Write(w io.Writer, m Meta) error {
	return png.Encode(&annotated{w: w, fields: m.Text}, s.draw())
}

func (s *Strip) draw() image.Image {
	moments := s.kept
	cells := s.cells()
	beside, above, columns := pixels(labelWidth), 0, 1
	if s.kind == points || s.kind == numbers {
		beside, above, columns = 0, pixels(labelHeight), min(len(cells), 4)
	}
	w, h := 0, 0
	for _, c := range cells {
		w, h = max(w, c.Bounds().Dx()), max(h, c.Bounds().Dy())
	}
	w, h = w+beside, h+above
	rows := (len(cells) + columns - 1) / columns
	sheet := image.NewRGBA(image.Rect(0, 0, columns*w, rows*h))
	imagedraw.Draw(sheet, sheet.Rect, image.White, image.Point{}, imagedraw.Src)
	for i, c := range cells {
		at := image.Pt(i%columns*w, i/columns*h)
		label := image.Rect(0, 0, beside, h).Add(at)
		if above > 0 {
			label = image.Rect(0, 0, w, above).Add(at)
		}
		writeLabel(sheet, label, moments[i].Title)
		at = at.Add(image.Pt(beside, above))
		imagedraw.Draw(sheet, c.Bounds().Sub(c.Bounds().Min).Add(at), c, c.Bounds().Min, imagedraw.Over)
	}
	return sheet
}

// pixels is a length of a still.
func pixels(length vg.Length) int { return int(length / vg.Inch * stillDPI) }

// writeLabel writes a line in the middle of a rectangle.
func writeLabel(img *image.RGBA, at image.Rectangle, text string) {
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(at.Dx())*vg.Inch/stillDPI, vg.Length(at.Dy())*vg.Inch/stillDPI), vgimg.UseDPI(stillDPI),
		vgimg.UseBackgroundColor(color.White))
	style := newPlot("").X.Tick.Label
	style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
	canvas := draw.New(c)
	canvas.FillText(style, canvas.Center(), text)
	imagedraw.Draw(img, at, c.Image(), image.Point{}, imagedraw.Src)
}

// cells draws each moment by itself, all on the scale of the last.
func (s *Strip) cells() []image.Image {
	moments, last := s.kept, s.kept[len(s.kept)-1].X
	r := &request{n: s.n, kind: s.kind, Samples: s.samples}
	cells := make([]image.Image, len(moments))
	switch s.kind {
	case picture, video:
		raster, _ := newRaster(&s.samples)
		for i, m := range moments {
			sheet := newSheet(raster, s.n, 1, raster.enlargement(), padding)
			size := s.samples.Size()
			for k := range s.n {
				sheet.draw(k, raster.frame(m.X[k*size:(k+1)*size], raster.frames/2))
			}
			cells[i] = sheet.image()
		}
	case signal:
		end := newSignals(r, 0)
		end.add(0, last)
		for i, m := range moments {
			now := newSignals(r, 0)
			now.add(0, m.X)
			cells[i] = end.row(now.end)
		}
	case prose:
		for i, m := range moments {
			text := newPage(r)
			text.add(0, m.X)
			cells[i] = text.draw()
		}
	default:
		end := newCloud(r, 0)
		end.add(0, last)
		b := end.view()
		for i, m := range moments {
			now := newCloud(r, 0)
			now.add(0, m.X)
			cells[i] = now.panel(b)
		}
	}
	return cells
}

// panel is a small plot without axes of the end points.
func (c *cloud) panel(b box) image.Image {
	var f *figure
	if c.dims == 2 {
		p := newPlot("")
		middleX, middleY, half := (b.x0+b.x1)/2, (b.y0+b.y1)/2, max(b.x1-b.x0, b.y1-b.y0)/2
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = middleX-half, middleX+half, middleY-half, middleY+half
		p.Add(&dots{c, c.end, 0.6})
		f = &figure{panels: []*plot.Plot{p}}
	} else {
		f = c.histogram(c.end, b, 0, "")
	}
	f.panels[0].HideAxes()
	img := vgimg.NewWith(vgimg.UseWH(panelWidth, panelWidth), vgimg.UseDPI(stillDPI), vgimg.UseBackgroundColor(color.White))
	f.panels[0].Draw(draw.Crop(draw.New(img), 3, -3, 3, -3))
	return img.Image()
}

// row draws signals side by side on the scale of those that s holds.
func (s *signals) row(samples [][]float32) image.Image {
	const height = 0.5 * vg.Inch
	img := vgimg.NewWith(vgimg.UseWH(figureWidth, height), vgimg.UseDPI(stillDPI), vgimg.UseBackgroundColor(color.White))
	c := draw.New(img)
	width := c.Size().X / vg.Length(len(samples))
	for k, x := range samples {
		p := s.figure([][]float32{x}, "").panels[0]
		p.X.Label.Text = ""
		p.HideAxes()
		from := vg.Length(k) * width
		p.Draw(draw.Crop(c, from+3, from+width-c.Size().X-3, 3, -3))
	}
	return img.Image()
}
