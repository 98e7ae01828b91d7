//go:build unix

package train

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killedVariable names, in the environment of a process that is to be killed, the folder in which it trains.
const killedVariable = "ODEON_TRAIN_UNTIL_KILLED"

// doomed is a run that writes checkpoints all the time: when it is killed, it is most likely within one.
func doomed(t *testing.T, folder string) Settings {
	s := long(t, folder)
	s.Steps, s.Every, s.Resume = 400, 1, true
	return s
}

func TestARunThatIsKilledGoesOnBitForBit(t *testing.T) {
	if folder := os.Getenv(killedVariable); folder != "" {
		_, err := Run(context.Background(), doomed(t, folder))
		require.NoError(t, err)
		return
	}
	s := doomed(t, t.TempDir())
	whole, result := ended(t, s)

	folder := t.TempDir()
	s = doomed(t, folder)
	newest := 0
	for kill := range 5 {
		process := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		process.Env = append(os.Environ(), killedVariable+"="+folder)
		require.NoError(t, process.Start())
		// It is killed once it has come on a little, wherever it then is.
		for target := newest + 5 + kill; newest < target; {
			if steps, err := (shelf{s.Checkpoints}).steps(); err == nil && len(steps) > 0 {
				newest = steps[0]
			}
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, process.Process.Kill())
		require.Error(t, process.Wait())
		require.NoFileExists(t, s.Out)
	}
	o := &stopper{}
	s.Observer = o
	network, again := ended(t, s)
	require.GreaterOrEqual(t, o.facts.Resumed, newest-1)
	require.True(t, bytes.Equal(whole, network), "the networks differ")
	require.Equal(t, result.Validations, again.Validations)
	leftovers, err := filepath.Glob(filepath.Join(s.Checkpoints, ".*"))
	require.NoError(t, err)
	require.Empty(t, leftovers)
}
