package cli

import (
	"fmt"
	"runtime"
)

// split is how a run is cut: so many workers side by side, each walking chunks of so many samples, each network call on so
// many threads. Samples do not depend on it.
type split struct {
	Workers int    `json:"workers"`
	Chunk   int    `json:"batch"`
	Threads int    `json:"threads"`
	Why     string `json:"why"`
}

// wishes are what the user settles of a split, and what the network fixes; 0 leaves it to the rule.
type wishes struct {
	Workers, Batch, Threads int
	Fixed                   int  // the network's own batch, where it is fixed; chunks are multiples of it
	Device                  bool // the network runs on an accelerator, which one caller keeps busy
}

const (
	// chunkNumbers is the size of a chunk's state, in numbers, that keeps a core's caches warm while the cost of a call is
	// spread over many small samples. Networks on large states are fastest at one sample a call.
	chunkNumbers = 16 << 10
	// deviceNumbers is the same on an accelerator, which is fast only when it is full.
	deviceNumbers = 4 << 20
	// stateBytes bounds the states of all workers together, of which a guided walk holds up to five.
	stateBytes = 256 << 20
)

// cut splits a run of n samples of dim numbers each. The rule, for what is not wished: as many workers as cores (at most n; one
// on an accelerator), on whose threads the cores are shared out evenly; chunks of about 16384 numbers, and of such a size that
// the workers have equally much to do; fewer workers where their states together would exceed 256 MB (102 MB
// under guidance, which holds more of them).
func cut(n, dim int, guided bool, cores int, w wishes) split {
	n, dim, cores = max(n, 1), max(dim, 1), max(cores, 1)
	numbers := chunkNumbers
	s := split{Workers: min(cores, n), Why: "one worker a core"}
	if w.Device {
		numbers = deviceNumbers
		s.Workers, s.Why = 1, "one worker feeds the accelerator"
	} else if n < cores {
		s.Why = fmt.Sprintf("%d samples for %d cores", n, cores)
	}
	limit := stateBytes
	if guided {
		limit = stateBytes * 2 / 5
	}
	least := max(w.Fixed, 1)
	if fit := max(1, limit/4/dim/least); w.Workers == 0 && s.Workers > fit {
		s.Workers, s.Why = fit, fmt.Sprintf("states of %.3g MB each bound the workers", float64(dim)*4/1e6)
	}
	if w.Workers > 0 {
		s.Workers, s.Why = w.Workers, "workers as asked"
	}

	s.Chunk = w.Batch
	if s.Chunk == 0 {
		share := ceil(n, s.Workers)
		rounds := ceil(share, max(1, numbers/dim))
		s.Chunk = ceil(n, s.Workers*rounds)
	}
	s.Chunk = min(s.Chunk, n)
	s.Chunk = ceil(s.Chunk, least) * least
	if chunks := ceil(n, s.Chunk); s.Workers > chunks {
		s.Workers, s.Why = chunks, "a worker for each chunk"
	}
	if w.Fixed > 0 {
		s.Why += fmt.Sprintf("; the network takes %d samples a call", w.Fixed)
	}

	s.Threads = w.Threads
	if s.Threads == 0 {
		s.Threads = max(1, cores/s.Workers)
	}
	s.Why += fmt.Sprintf("; chunks of %d samples (%d numbers)", s.Chunk, s.Chunk*dim)
	return s
}

// cores is how many cores this process may use.
func cores() int { return runtime.GOMAXPROCS(0) }

func ceil(a, b int) int { return (a + b - 1) / b }
