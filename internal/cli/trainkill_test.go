//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tiny are the words of a run whose steps are quick.
var tiny = []string{"train", "--data", "moons", "-o", "moons.onnx", "--batch", "8", "--net", "mlp(width=8, depth=1)", "--checkpoint", "run", "--validation", "0.1", "--quiet"}

// checkpointed waits until the run in the folder has written a checkpoint of this step or a later one.
func checkpointed(t *testing.T, folder string, from int) {
	t.Helper()
	require.Eventually(t, func() bool {
		files, err := filepath.Glob(filepath.Join(folder, "run", "step-*.checkpoint"))
		return err == nil && len(files) > 0 && filepath.Base(files[len(files)-1]) >= fmt.Sprintf("step-%09d", from)
	}, time.Minute, time.Millisecond)
}

// A run that is killed without warning, whose newest checkpoint is cut off besides, goes on to the same network and the same
// curve, byte for byte, as one that nothing has disturbed.
func TestARunThatIsKilledGoesOnToTheSameNetwork(t *testing.T) {
	words := append(tiny, "--steps", "3000", "--every", "100", "--preview", "200")
	whole := program(t, words...)
	out, err := whole.CombinedOutput()
	require.NoError(t, err, "%s", out)

	killed := program(t, words...)
	require.NoError(t, killed.Start())
	checkpointed(t, killed.Dir, 1000)
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	require.NoFileExists(t, filepath.Join(killed.Dir, "moons.onnx"))
	files, err := filepath.Glob(filepath.Join(killed.Dir, "run", "step-*.checkpoint"))
	require.NoError(t, err)
	sound, err := os.ReadFile(files[len(files)-1])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(killed.Dir, "run", "step-000002950.checkpoint"), sound[:len(sound)/2], 0o666))

	resumed := program(t, append(words[:len(words):len(words)], "--resume", "--json")...)
	resumed.Dir = killed.Dir
	report, err := resumed.Output()
	require.NoError(t, err)
	require.Contains(t, string(report), `"resumed":`)
	require.Contains(t, string(report), "step-000002950.checkpoint is damaged")
	for _, name := range []string{"moons.onnx", "moons.loss.png", "moons.samples.png", "moons.preview.png"} {
		want, err := os.ReadFile(filepath.Join(whole.Dir, name))
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join(killed.Dir, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, have), "%s is another", name)
	}
	require.Equal(t, []string{"moons.loss.png", "moons.onnx", "moons.preview.png", "moons.samples.png", "run"}, listing(t, killed.Dir))
}

func TestCtrlCInTrainingSavesAndSaysHowToGoOn(t *testing.T) {
	words := append(tiny, "--steps", "100000000", "--every", "100")
	c := program(t, words...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	require.NoError(t, c.Start())
	checkpointed(t, c.Dir, 1)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	require.Equal(t, exitInterrupted, c.ProcessState.ExitCode())
	require.Regexp(t, `\Aodeon: interrupted; step \d+ is saved in run/step-\d+.checkpoint; go on with: odeon train --data moons -o moons.onnx --batch 8 `+
		`--net 'mlp\(width=8, depth=1\)' --checkpoint run --validation 0.1 --quiet --steps 100000000 --every 100 --resume\n\z`, stderr.String())
	require.Equal(t, []string{"run"}, listing(t, c.Dir))
	require.NotContains(t, strings.Join(listing(t, filepath.Join(c.Dir, "run")), " "), ".tmp")

	// The same words with --resume go on, and are interrupted again.
	again := program(t, append(words[:len(words):len(words)], "--resume")...)
	again.Dir = c.Dir
	before := listing(t, filepath.Join(c.Dir, "run"))
	stderr.Reset()
	again.Stderr = &stderr
	require.NoError(t, again.Start())
	require.Eventually(t, func() bool { return !slices.Equal(before, listing(t, filepath.Join(c.Dir, "run"))) }, time.Minute, time.Millisecond, "it goes further")
	require.NoError(t, again.Process.Signal(syscall.SIGTERM))
	require.Error(t, again.Wait())
	require.Equal(t, exitInterrupted, again.ProcessState.ExitCode())
	require.Equal(t, 1, strings.Count(stderr.String(), "--resume"), stderr.String())
}

func TestCtrlCInTrainingWithoutCheckpointsLeavesNothing(t *testing.T) {
	c := program(t, "train", "--data", "moons", "--steps", "100000000", "--batch", "8", "--net", "mlp(width=8, depth=1)", "--metrics", "m.jsonl", "--preview", "10")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(c.Dir, "moons.preview.png"))
		return err == nil
	}, time.Minute, time.Millisecond)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	require.Equal(t, exitInterrupted, c.ProcessState.ExitCode())
	require.Contains(t, stderr.String(), "odeon: interrupted; no file was left incomplete\n")
	require.NotContains(t, listing(t, c.Dir), "moons.onnx")
	require.NotContains(t, strings.Join(listing(t, c.Dir), " "), ".tmp")
}
