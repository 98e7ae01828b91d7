package graph

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConvolutionsOfEnlargedPicturesAreCheaperAndTheSame(t *testing.T) {
	for _, c := range []struct {
		scale, kernel, before, after []int
	}{
		{[]int{2, 2}, []int{3, 3}, []int{1, 1}, []int{1, 1}},
		{[]int{2, 3}, []int{3, 5}, []int{1, 0}, []int{0, 3}},
		{[]int{4}, []int{5}, []int{2}, []int{2}},
		{[]int{2, 1, 2}, []int{3, 1, 2}, []int{1, 0, 0}, []int{1, 0, 1}},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			d := len(c.scale)
			low, high := Shape{b, 2}, Shape{b, 2}
			weights := Shape{3, 2}
			for k, s := range c.scale {
				low, high, weights = append(low, 3+k), append(high, (3+k)*s), append(weights, c.kernel[k])
			}
			apart := spaced(low)
			wide := append(Shape{}, apart...)
			for k, s := range c.scale {
				wide[3+2*k] = s
			}
			g := New()
			x, w := in(g, low...), in(g, weights...)
			y := g.Conv(g.Reshape(g.Expand(g.Reshape(x, apart...), wide...), high...), w, ConvAttrs{
				Stride: slices.Repeat([]int{1}, d), Dilation: slices.Repeat([]int{1}, d), Before: c.before, After: c.after, Groups: 1,
			})
			axes := make([]int, len(y.Shape))
			for i := range axes {
				axes[i] = i
			}
			loss := g.Sum(g.Mul(y, g.Sin(y)), false, axes...)
			g.Output("y", y)
			for i, v := range Gradient(g, loss, x, w) {
				g.Output(fmt.Sprint("gradient ", i), v)
			}
			cheap := subpixel(tidy(g))
			for _, v := range cheap.Values {
				require.NotEqual(t, Expand, v.Op, "of shape %v", v.Shape)
			}
			inputs := fill(g.Inputs, 2)
			want, got := exact(t, g, 2, inputs), exact(t, cheap, 2, inputs)
			for i := range want {
				require.InDeltaSlice(t, want[i], got[i], 1e-9)
			}
		})
	}
}
