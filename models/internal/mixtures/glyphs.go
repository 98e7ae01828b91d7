package mixtures

import (
	_ "embed"
	"fmt"
	"strings"
)

// side is the width and height of a glyph.
const side = 16

// glyphText has the drawings: a name, side lines of "#" (ink) and "." (ground), an empty line. Glyphs keep off the border by
// a pixel, so that they can be shifted by one.
//
//go:embed glyphs.txt
var glyphText string

// shifts are the places at which each glyph appears: (rows down, columns right).
var shifts = [][2]int{{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}}

// glyphs is the model of small pictures: a component for each glyph at each place, the glyph its class.
func glyphs() Model {
	names, drawings := drawn(glyphText)
	m := Model{
		Name:        "glyphs",
		Description: "digits, letters and symbols of 16 by 16 pixels",
		Classes:     names,
		graph:       glyphsGraph,
		card: card{
			Layout: "CHW",
			Range:  []int{-1, 1},
			Labels: &labels{Count: len(names), Names: names, Encoding: "index", Null: -1},
		},
	}
	for _, by := range shifts {
		for _, d := range drawings {
			m.Means = append(m.Means, shifted(d, by[0], by[1]))
		}
	}
	return m
}

// drawn reads the drawings, ink as 1 and ground as -1.
func drawn(text string) (names []string, drawings [][]float64) {
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		lines := strings.Split(block, "\n")
		var picture []float64
		for _, line := range lines[1:] {
			for _, c := range line {
				picture = append(picture, map[rune]float64{'#': 1, '.': -1}[c])
			}
		}
		if len(lines) != 1+side || len(picture) != side*side {
			panic(fmt.Sprintf("mixtures: glyph %q is not %d by %d", lines[0], side, side))
		}
		names = append(names, lines[0])
		drawings = append(drawings, picture)
	}
	return names, drawings
}

func shifted(picture []float64, down, right int) []float64 {
	out := make([]float64, len(picture))
	for y := range side {
		for x := range side {
			out[y*side+x] = -1
			if fy, fx := y-down, x-right; fy >= 0 && fy < side && fx >= 0 && fx < side {
				out[y*side+x] = picture[fy*side+fx]
			}
		}
	}
	return out
}
