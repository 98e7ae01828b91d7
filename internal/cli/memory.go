package cli

import (
	"fmt"

	"odeon/internal/machine"
)

// fits makes sure that the states of all workers can be had at all: no memory is an end without a message. So many states' worth each
// of them holds by its plan, and one is what the network is fed.
func fits(s split, dim, states int) error {
	need := float64(states+1) * 4 * float64(dim) * float64(s.Chunk) * float64(s.Workers)
	if have := machine.Memory(); need > have {
		return fmt.Errorf("samples of %d numbers, %d in each of %d chunks at a time, need at least %.1f GB of memory, and this machine has %.1f GB; give a smaller --batch, fewer --workers or a smaller --shape",
			dim, s.Chunk, s.Workers, need/1e9, have/1e9)
	}
	return nil
}
