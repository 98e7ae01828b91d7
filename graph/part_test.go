package graph

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartsHoldAboutAMegabyte(t *testing.T) {
	c := ConvAttrs{[]int{1, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, 1}
	for _, p := range []struct {
		name        string
		build       func(g *Graph)
		batch, want int
	}{
		{"a kilobyte a sample", func(g *Graph) { g.Sin(in(g, b, 256)) }, 512, 512},
		{"100 kB a sample", func(g *Graph) { g.Sin(in(g, b, 49, 512)) }, 32, 8},
		{"an odd batch", func(g *Graph) { g.Sin(in(g, b, 49, 512)) }, 33, 3},
		{"more than a megabyte a sample", func(g *Graph) { g.Sin(in(g, b, 1<<20)) }, 32, 1},
		{"convolutions", func(g *Graph) { g.Conv(in(g, b, 3, 64, 64), in(g, 8, 3, 3, 3), c) }, 64, 16},
		{"convolutions on no whole block", func(g *Graph) { g.Conv(in(g, b, 3, 64, 64), in(g, 8, 3, 3, 3), c) }, 40, 40},
	} {
		g := New()
		p.build(g)
		require.Equal(t, p.want, PartSize(g, p.batch), p.name)
	}
}
