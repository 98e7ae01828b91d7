package cli

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARunIsCutByTheRule(t *testing.T) {
	for _, c := range []struct {
		name                    string
		n, dim                  int
		guided                  bool
		cores                   int
		asked                   wishes
		workers, chunk, threads int
	}{
		{"points, a chunk a worker", 1000, 2, false, 2, wishes{}, 2, 500, 1},
		{"many points", 50000, 2, false, 2, wishes{}, 2, 6250, 1},
		{"digits, equal shares", 50, 784, false, 2, wishes{}, 2, 13, 1},
		{"latents", 64, 49, true, 2, wishes{}, 2, 32, 1},
		{"faces, one a call", 16, 12288, false, 2, wishes{}, 2, 1, 1},
		{"one sample, all cores in it", 1, 12288, false, 8, wishes{}, 1, 1, 8},
		{"fewer samples than cores", 3, 12288, false, 8, wishes{}, 3, 1, 2},
		{"huge states, one worker", 4, 64 << 20, false, 8, wishes{}, 1, 1, 8},
		{"large states, some workers", 16, 8 << 20, false, 16, wishes{}, 8, 1, 2},
		{"large states under guidance", 16, 8 << 20, true, 16, wishes{}, 3, 1, 5},
		{"fixed batch of 4", 10, 784, false, 2, wishes{Fixed: 4}, 2, 8, 1},
		{"fixed batch of 1", 10, 784, false, 2, wishes{Fixed: 1}, 2, 5, 1},
		{"fixed batch beyond the run", 3, 2, false, 2, wishes{Fixed: 8}, 1, 8, 2},
		{"batch as asked", 64, 49, false, 2, wishes{Batch: 3}, 2, 3, 1},
		{"batch beyond the run", 8, 49, false, 2, wishes{Batch: 100}, 1, 8, 2},
		{"one worker as asked", 64, 49, false, 4, wishes{Workers: 1}, 1, 64, 4},
		{"threads as asked", 64, 49, false, 4, wishes{Threads: 3}, 4, 16, 3},
		{"an accelerator", 64, 784, true, 8, wishes{Device: true}, 1, 64, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := cut(c.n, c.dim, c.guided, c.cores, c.asked)
			require.Equal(t, []int{c.workers, c.chunk, c.threads}, []int{s.Workers, s.Chunk, s.Threads}, s.Why)
			require.Contains(t, s.Why, fmt.Sprintf("chunks of %d samples", c.chunk))
		})
	}
}

func TestEverySplitIsUsable(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 16, 1000} {
		for _, dim := range []int{1, 2, 784, 1 << 20, 1 << 28, 1 << 40} {
			for cores := 1; cores <= 64; cores *= 4 {
				for _, fixed := range []int{0, 1, 4} {
					s := cut(n, dim, true, cores, wishes{Fixed: fixed})
					require.Positive(t, s.Workers)
					require.Positive(t, s.Chunk)
					require.Positive(t, s.Threads)
					require.LessOrEqual(t, s.Workers, min(n, cores))
					require.LessOrEqual(t, s.Workers*s.Threads, max(cores, s.Workers))
					require.GreaterOrEqual(t, n, s.Workers, "no worker without a sample")
					if fixed > 0 {
						require.Zero(t, s.Chunk%fixed)
					}
				}
			}
		}
	}
}
