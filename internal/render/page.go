package render

import (
	"image"
	"image/color"
	"io"
	"strings"
	"unicode"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A page of text shows the first maxTexts samples, each as one line of at most maxRunes characters.
const (
	maxTexts   = 64
	maxRunes   = 84
	lineHeight = 0.14 * vg.Inch
)

// page is text as a picture, a line a sample. Line breaks and what else has no shape are written as a pilcrow.
type page struct {
	words *words
	shown int
	lines []string
	note  []string
}

func newPage(r *request) *page {
	shown := min(r.n, maxTexts)
	return &page{
		words: &words{size: r.Size(), vocabulary: r.Vocabulary, scores: len(r.Shape) == 2},
		shown: shown, note: shownNote(shown, r.n),
	}
}

func (p *page) add(first int, x []float32) {
	for k := first; k < p.shown && len(x) > 0; k++ {
		text, err := p.words.read(x[:p.words.size])
		if err != nil {
			text = err.Error()
		}
		text = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return '¶'
			}
			return r
		}, text)
		if r := []rune(text); len(r) > maxRunes {
			text = string(r[:maxRunes-1]) + "…"
		}
		p.lines = append(p.lines, text)
		x = x[p.words.size:]
	}
}

func (p *page) notes() []string { return p.note }

func (p *page) draw() image.Image {
	style := newPlot("").Title.TextStyle
	style.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Mono"}, 7)
	style.XAlign, style.YAlign = draw.XLeft, draw.YTop
	width := vg.Length(0)
	for _, text := range p.lines {
		width = max(width, style.Width(text))
	}
	c := vgimg.NewWith(vgimg.UseWH(width+12, lineHeight*vg.Length(len(p.lines))+8), vgimg.UseDPI(stillDPI), vgimg.UseBackgroundColor(color.White))
	canvas := draw.New(c)
	for i, text := range p.lines {
		canvas.FillText(style, vg.Point{X: 6, Y: canvas.Max.Y - 4 - vg.Length(i)*lineHeight}, text)
	}
	return c.Image()
}

func (p *page) svg(w io.Writer, m Meta) error { return embedSVG(w, p.draw(), m) }
