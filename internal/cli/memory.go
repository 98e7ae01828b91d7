package cli

import (
	"fmt"

	"odeon/internal/machine"
)

// buffers is how many states a walk holds at the least: the state, a prediction, and what the network is fed.
const buffers = 3

// fits makes sure that the states of all workers can be had at all: no memory is an end without a message.
func fits(s split, dim int) error {
	need := buffers * 4 * float64(dim) * float64(s.Chunk) * float64(s.Workers)
	if have := machine.Memory(); need > have {
		return fmt.Errorf("samples of %d numbers, %d in each of %d chunks at a time, need at least %.1f GB of memory, and this machine has %.1f GB; give a smaller --batch, fewer --workers or a smaller --shape",
			dim, s.Chunk, s.Workers, need/1e9, have/1e9)
	}
	return nil
}
