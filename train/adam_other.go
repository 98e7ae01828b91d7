//go:build !amd64

package train

// vectors updates no weights here: all are left to the plain loop.
func (c *adamStep) vectors(*Stretch) int { return 0 }
