package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.txt")
	require.NoError(t, Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "whole")
		return err
	}))
	problem := errors.New("no more")
	err := Write(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "ha")
		return problem
	})
	require.Equal(t, problem, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "whole", string(text))
	require.Equal(t, []string{"x.txt"}, names(t, filepath.Dir(path)))
}

func TestWritableLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, Writable(filepath.Join(folder, "x.txt")))
	require.Empty(t, names(t, folder))
	require.ErrorContains(t, Writable(folder), folder+": is a folder")
}

// In a folder whose name is a pattern, only leftovers of the files that are meant go.
func TestLeftoversOfOneKindAreRemoved(t *testing.T) {
	folder := filepath.Join(t.TempDir(), `[a*?]`)
	require.NoError(t, os.Mkdir(folder, 0o777))
	f, err := Create(filepath.Join(folder, "step-7.checkpoint"))
	require.NoError(t, err)
	require.Len(t, names(t, folder), 1) // the temporary file, which is as good as left by another process
	stay := []string{".step-7.checkpoint.tmp", ".step-7.json.ABC.tmp", ".stop-7.checkpoint.ABC.tmp", "step-7.checkpoint", "step-7.checkpoint.ABC.tmp"}
	for _, name := range stay {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o666))
	}
	require.NoError(t, RemoveLeftovers(folder, "step-", ".checkpoint"))
	require.Equal(t, stay, names(t, folder))
	f.Abort()
	require.ErrorContains(t, RemoveLeftovers(filepath.Join(folder, "none"), "", ""), "none: no such file")
}
