package shellword

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWordComesThroughAShellAsItIs(t *testing.T) {
	require.Equal(t, "model.onnx", Quote("model.onnx"))
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	for _, word := range []string{"a b", "it's", "", "$HOME", "x=@FILE.npy", "`a`", "a\nb", `\`, "*", "'", "''a'"} {
		out, err := exec.Command(sh, "-c", "printf %s "+Quote(word)).Output()
		require.NoError(t, err, word)
		require.Equal(t, word, string(out))
	}
}
