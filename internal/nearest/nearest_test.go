package nearest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyAWordThatIsNearIsSuggested(t *testing.T) {
	known := []string{"steps", "seed", "guidance-interval", "n"}
	for word, want := range map[string]string{
		"stesp":             "steps",
		"SEED":              "seed",
		"guidance-intervla": "guidance-interval",
		"guide-interval":    "guidance-interval",
		"temperature":       "",
	} {
		if want != "" {
			want = ` (did you mean "` + want + `"?)`
		}
		require.Equal(t, want, Hint(word, known), word)
	}
	require.Empty(t, Hint("steps", nil))
}
