package mixtures

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPointsAreAsWideAsTheNoise(t *testing.T) {
	for _, m := range Models() {
		if m.Classes != nil {
			continue
		}
		var mean [2]float64
		square := 0.0
		for _, p := range m.Means {
			for k, v := range p {
				mean[k] += v / float64(len(m.Means))
				square += v * v / float64(2*len(m.Means))
			}
		}
		require.InDelta(t, 0, mean[0], 1e-3, m.Name)
		require.InDelta(t, 0, mean[1], 1e-3, m.Name)
		require.InDelta(t, 1, square, 1e-3, m.Name)
	}
}

// Neighbours nearer than three standard deviations make a mixture look like a line or an area, not like a string of dots.
func TestComponentsMeltIntoEachOther(t *testing.T) {
	for _, m := range Models() {
		if m.Classes != nil {
			continue
		}
		for i, p := range m.Means {
			nearest := math.Inf(1)
			for j, q := range m.Means {
				if i != j {
					nearest = min(nearest, math.Hypot(p[0]-q[0], p[1]-q[1]))
				}
			}
			require.Less(t, nearest, 3*Std, "%s, point %d", m.Name, i)
			require.Greater(t, nearest, Std, "%s, point %d", m.Name, i)
		}
	}
}

func TestMeansAreExactInFloat32(t *testing.T) {
	for _, m := range Models() {
		for _, p := range m.Means {
			for _, v := range p {
				require.Equal(t, v, float64(float32(v)), m.Name)
			}
		}
	}
}

// Shifting a glyph by a pixel must not push ink over the border, and no two components may coincide.
func TestGlyphsKeepTheirInkAndDiffer(t *testing.T) {
	m := glyphs()
	require.Len(t, m.Classes, 48)
	require.Len(t, m.Means, 48*len(shifts))
	seen := map[string]string{}
	for i, picture := range m.Means {
		name := m.Classes[i%len(m.Classes)]
		require.Equal(t, ink(m.Means[i%len(m.Classes)]), ink(picture), name)
		key := string(pixels(picture))
		require.Empty(t, seen[key], "%s looks like another glyph", name)
		seen[key] = name
	}
}

func ink(picture []float64) (n int) {
	for _, v := range picture {
		if v > 0 {
			n++
		}
	}
	return n
}

func pixels(picture []float64) (b []byte) {
	for _, v := range picture {
		b = append(b, byte(v+1))
	}
	return b
}

func TestDrawings(t *testing.T) {
	names, drawings := drawn(glyphText)
	require.Equal(t, []string{"0", "1", "2"}, names[:3], "a number on the command line is the glyph of that digit")
	require.Len(t, drawings[0], side*side)
	require.Panics(t, func() { drawn("small\n##\n##\n") })
	moved := shifted(drawings[0], 1, 0)
	require.Equal(t, drawings[0][3*side:4*side], moved[4*side:5*side])
}
