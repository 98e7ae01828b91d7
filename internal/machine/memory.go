// Package machine tells what the machine has.
package machine

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// Memory is how many bytes this process may use, infinite where the system does not tell it as Linux does: the machine's
// memory, or the limit of a container.
func Memory() float64 {
	have := math.Inf(1)
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kilobytes float64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %f kB", &kilobytes); err == nil {
			have = kilobytes * 1024
		}
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil {
			have = min(have, limit)
		}
	}
	return have
}
