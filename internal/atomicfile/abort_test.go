package atomicfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAbortAllLeavesOlderFilesAndWhatIsComplete(t *testing.T) {
	t.Cleanup(func() { pending.ended = false })
	folder := t.TempDir()
	older := filepath.Join(folder, "older.png")
	require.NoError(t, os.WriteFile(older, []byte("old"), 0o666))
	for _, name := range []string{"older.png", "new.npy"} {
		f, err := Create(filepath.Join(folder, name))
		require.NoError(t, err)
		write(t, f, "half")
	}
	complete, err := Create(filepath.Join(folder, "complete.png"))
	require.NoError(t, err)
	require.NoError(t, complete.Commit())

	AbortAll()
	require.Equal(t, []string{"complete.png", "older.png"}, names(t, folder))
	data, err := os.ReadFile(older)
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
	_, err = Create(filepath.Join(folder, "late.png"))
	require.ErrorContains(t, err, "the program is ending")
	require.Equal(t, []string{"complete.png", "older.png"}, names(t, folder))
}
