//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// program is this test binary as the program odeon, see TestMain, in a folder of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(self)
	c.Args = append([]string{"odeon"}, args...)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), onnx.LibraryVariable+"="+library(t))
	return c
}

func TestCtrlCInAWalkLeavesTheOlderFileAlone(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := program(t, "sample", "moons", "-n", "1000000", "--steps", "1000000", "-o", "old.npy", "-o", "new.csv", "-o", "s%d.png", "--quiet")
		require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "old.npy"), []byte("old"), 0o666))
		var stderr bytes.Buffer
		c.Stderr = &stderr
		require.NoError(t, c.Start())
		for len(listing(t, c.Dir)) < 4 { // until the outputs are open
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, c.Process.Signal(s))
		require.Error(t, c.Wait())
		require.Equal(t, exitInterrupted, c.ProcessState.ExitCode())
		require.Equal(t, "odeon: interrupted; no file was left incomplete\n", stderr.String())
		require.Equal(t, []string{"old.npy"}, listing(t, c.Dir))
		old, err := os.ReadFile(filepath.Join(c.Dir, "old.npy"))
		require.NoError(t, err)
		require.Equal(t, "old", string(old))
	}
}

// A read from a pipe that nobody fills hears no interruption.
func TestCtrlCEndsWhatCannotBeInterrupted(t *testing.T) {
	c := program(t, "sample", "moons", "--init", "pipe.npy")
	pipe := filepath.Join(c.Dir, "pipe.npy")
	require.NoError(t, syscall.Mkfifo(pipe, 0o666))
	require.NoError(t, c.Start())
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns when the program has opened the other end
	require.NoError(t, err)
	defer writer.Close()
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	require.Equal(t, exitInterrupted, c.ProcessState.ExitCode())
}

func TestCtrlCWhileInstallingLeavesAnEmptyCache(t *testing.T) {
	c := program(t, "runtime", "install")
	bin, cache := t.TempDir(), t.TempDir()
	pip := "#!/bin/sh\necho half > onnxruntime.whl.part\nsleep 60\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "python3"), []byte(pip), 0o777))
	c.Env = append(os.Environ(), "PATH="+bin+":/usr/bin:/bin", "XDG_CACHE_HOME="+cache, "HOME="+cache)
	stderr, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "onnxruntime==") {
	}
	require.NoError(t, c.Process.Signal(os.Interrupt))
	for lines.Scan() {
	}
	require.Error(t, c.Wait())
	require.Equal(t, exitInterrupted, c.ProcessState.ExitCode())
	var left []string
	require.NoError(t, filepath.WalkDir(cache, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			left = append(left, filepath.Base(path))
		}
		return err
	}))
	require.Equal(t, []string{"lock"}, left)
}

// odeon plan | head -1
func TestAReaderThatHasSeenEnoughIsNoFailure(t *testing.T) {
	c := program(t, "plan", "moons", "--steps", "10000")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = stdout.Read(make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, stdout.Close())
	require.NoError(t, c.Wait())
	require.Empty(t, stderr.String())
}

// A warning that nobody reads does not end a run halfway.
func TestAClosedStderrDoesNotEndTheRun(t *testing.T) {
	c := program(t, "sample", "moons", "-n", "2", "--steps", "2", "--sigma", "9", "-o", "x.npy")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close())
	c.Stderr = write
	require.NoError(t, c.Run())
	require.NoError(t, write.Close())
	require.Equal(t, []string{"x.npy"}, listing(t, c.Dir))
}
