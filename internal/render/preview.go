package render

import (
	"bufio"
	"fmt"
	"image"
	"io"
	"strings"

	"golang.org/x/image/draw"
)

// Colours is what a terminal can show.
type Colours int

const (
	NoColours Colours = iota
	Colours256
	TrueColour
)

// TerminalColours reads from the environment what a terminal can show: NO_COLOR, COLORTERM and TERM, and the locale, which
// must be UTF-8 for half blocks. Whether a file is a terminal at all is the caller's to know.
func TerminalColours(getenv func(string) string) Colours {
	term := getenv("TERM")
	if getenv("NO_COLOR") != "" || term == "" || term == "dumb" {
		return NoColours
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := getenv(name); locale != "" {
			if l := strings.ToLower(locale); !strings.Contains(l, "utf-8") && !strings.Contains(l, "utf8") {
				return NoColours
			}
			break
		}
	}
	switch c := getenv("COLORTERM"); {
	case c == "truecolor", c == "24bit", strings.Contains(term, "direct"):
		return TrueColour
	case strings.Contains(term, "256color"):
		return Colours256
	}
	return NoColours
}

// Preview draws a picture with half blocks, two pixels a character, at most width characters wide and half as high.
func Preview(w io.Writer, img image.Image, width int, colours Colours) error {
	size := img.Bounds().Size()
	if colours == NoColours || width < 1 || size.X < 1 || size.Y < 1 {
		return nil
	}
	fit := min(float64(width)/float64(size.X), float64(width)/float64(size.Y), 1)
	columns, rows := max(int(float64(size.X)*fit+0.5), 1), max(int(float64(size.Y)*fit+0.5), 1)
	small := image.NewRGBA(image.Rect(0, 0, columns, rows+rows%2))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(small, image.Rect(0, 0, columns, rows), img, img.Bounds(), draw.Over, nil)
	out := bufio.NewWriter(w)
	for y := 0; y < small.Rect.Dy(); y += 2 {
		previous := ""
		for x := range columns {
			code := "\x1b[" + colours.code(38, small, x, y) + ";" + colours.code(48, small, x, y+1) + "m"
			if code != previous {
				out.WriteString(code)
				previous = code
			}
			out.WriteString("▀")
		}
		out.WriteString("\x1b[0m\n")
	}
	return out.Flush()
}

// code selects the colour of a pixel as foreground (38) or background (48).
func (c Colours) code(layer int, img *image.RGBA, x, y int) string {
	p := img.RGBAAt(x, y)
	if c == TrueColour {
		return fmt.Sprintf("%d;2;%d;%d;%d", layer, p.R, p.G, p.B)
	}
	return fmt.Sprintf("%d;5;%d", layer, xterm256(p.R, p.G, p.B))
}

// xterm256 is the nearest of xterm's colours: a cube of six levels a channel from 16 on, and 24 grays from 232 on.
func xterm256(r, g, b uint8) int {
	levels := [6]int{0, 95, 135, 175, 215, 255}
	nearest := func(v uint8) (index, level int) {
		for i, l := range levels {
			if i == 0 || abs(l-int(v)) < abs(level-int(v)) {
				index, level = i, l
			}
		}
		return index, level
	}
	distance := func(x, y, z int) int {
		dx, dy, dz := x-int(r), y-int(g), z-int(b)
		return dx*dx + dy*dy + dz*dz
	}
	ri, rl := nearest(r)
	gi, gl := nearest(g)
	bi, bl := nearest(b)
	mean := (int(r) + int(g) + int(b)) / 3
	gray := min(max((mean-8+5)/10, 0), 23)
	if level := 8 + 10*gray; distance(level, level, level) < distance(rl, gl, bl) {
		return 232 + gray
	}
	return 16 + 36*ri + 6*gi + bi
}

func abs(x int) int { return max(x, -x) }
