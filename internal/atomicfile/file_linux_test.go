package atomicfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevicesAndPipesAreWrittenDirectly(t *testing.T) {
	f, err := Create(os.DevNull)
	require.NoError(t, err)
	write(t, f, "gone")
	require.NoError(t, f.Commit())
	info, err := os.Stat(os.DevNull)
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())

	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o666))
	read := make(chan string)
	go func() {
		data, _ := os.ReadFile(pipe)
		read <- string(data)
	}()
	f, err = Create(pipe)
	require.NoError(t, err)
	write(t, f, "through")
	require.NoError(t, f.Commit())
	require.Equal(t, "through", <-read)

	f, err = Create("/dev/full")
	require.NoError(t, err)
	_, err = f.Write([]byte("x"))
	require.EqualError(t, err, "/dev/full: the disk is full: free some space or choose another folder: no space left on device")
	f.Abort()
}
