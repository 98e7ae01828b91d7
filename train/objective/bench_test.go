package objective

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
	"odeon/schedule"
)

// gaussianData are n samples of standard normal numbers, standing in for data.
func gaussianData(n, dim int) []float32 {
	z := make([]float32, n*dim)
	if err := (sampler.Philox{Seed: 99}).Normals(z, 0, n, 0); err != nil {
		panic(err)
	}
	return z
}

// The normals of a batch alone, for comparison.
func BenchmarkNormals(b *testing.B) {
	for _, size := range [][2]int{{64, 784}, {1024, 2}, {256, 784}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			dst := make([]float32, size[0]*size[1])
			for i := 0; b.Loop(); i++ {
				if err := (sampler.Philox{Seed: 1}).Normals(dst, i, 1, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFill(b *testing.B) {
	vp, err := schedule.VP(0.1, 20)
	require.NoError(b, err)
	for _, path := range []schedule.Path{schedule.CondOT(), vp} {
		for _, c := range []Coupling{{}, {Kind: Transport}, {Kind: Sinkhorn}} {
			for _, size := range [][2]int{{64, 784}, {1024, 2}, {256, 2}, {256, 784}} {
				if c.Kind != Independent && path == vp {
					continue
				}
				b.Run(fmt.Sprintf("%s/%s/%dx%d", path, c, size[0], size[1]), func(b *testing.B) {
					batch, err := (&Objective{Path: path, Coupling: c}).NewBatch(size[0], size[1])
					require.NoError(b, err)
					z := gaussianData(size[0], size[1])
					b.ReportAllocs()
					step := int64(0)
					for b.Loop() {
						step++
						if err := batch.Fill(z, nil, 1, step); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
