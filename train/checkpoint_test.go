package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stopper ends a run from within: at a step by an error of its own, or by its context.
type stopper struct {
	at    int
	err   error
	stop  context.CancelFunc
	facts Facts
}

func (s *stopper) Start(f *Facts) { s.facts = *f }

func (s *stopper) Step(p *Progress) error {
	if p.Step != s.at {
		return nil
	}
	if s.stop != nil {
		s.stop()
		return nil
	}
	return s.err
}

// long is a run with all that has a state: moments, an average, dropped labels, a coupling, validation, a curve.
func long(t *testing.T, folder string) Settings {
	s := small(t, gaussian{bell.mean, bell.deviation, 100, true})
	s.Steps, s.Validation, s.Checkpoints, s.Every = 40, 0.2, filepath.Join(folder, "checkpoints"), 10
	s.Metrics = filepath.Join(folder, "metrics.jsonl")
	s.Out = filepath.Join(folder, "bell.onnx")
	return s
}

// ended is what a run has left behind.
func ended(t *testing.T, s Settings) (network []byte, result *Result) {
	t.Helper()
	result, err := Run(context.Background(), s)
	require.NoError(t, err)
	network, err = os.ReadFile(s.Out)
	require.NoError(t, err)
	return network, result
}

func TestARunThatWasStoppedGoesOnBitForBit(t *testing.T) {
	whole, result := ended(t, long(t, t.TempDir()))

	for name, end := range map[string]func(*stopper){
		"an interruption": func(o *stopper) { o.at = 17 },
		"an error":        func(o *stopper) { o.at, o.stop, o.err = 17, nil, errors.New("no more") },
		"its last step":   func(o *stopper) { o.at = 40 },
	} {
		t.Run(name, func(t *testing.T) {
			s := long(t, t.TempDir())
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			o := &stopper{stop: stop}
			end(o)
			s.Observer = o
			_, err := Run(ctx, s)
			var saved *SavedError
			require.ErrorAs(t, err, &saved)
			require.Equal(t, o.at, saved.Step)
			require.FileExists(t, saved.File)
			require.NoFileExists(t, s.Out)
			require.Equal(t, o.stop != nil, errors.Is(err, context.Canceled))

			s.Resume, s.Observer = true, &stopper{}
			network, again := ended(t, s)
			require.Equal(t, o.at, s.Observer.(*stopper).facts.Resumed)
			require.True(t, bytes.Equal(whole, network), "the networks differ")
			require.Equal(t, result.Curve, again.Curve)
			require.Equal(t, result.Validations, again.Validations)
			require.Len(t, lines(t, s.Metrics), 40/metricsEvery+40)
		})
	}
}

func lines(t *testing.T, path string) []string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestADamagedCheckpointGivesWayToTheOneBefore(t *testing.T) {
	folder := t.TempDir()
	s := long(t, folder)
	whole, _ := ended(t, s)
	shelf := shelf{s.Checkpoints}
	steps, err := shelf.steps()
	require.NoError(t, err)
	require.Equal(t, []int{40, 30}, steps, "the last two are kept")

	sound, err := os.ReadFile(shelf.name(40))
	require.NoError(t, err)
	s.Resume = true
	for name, damaged := range map[string][]byte{
		"cut off":  sound[:len(sound)/2],
		"empty":    {},
		"a bit":    append(append(bytes.Clone(sound[:len(sound)-100]), sound[len(sound)-100]^1), sound[len(sound)-99:]...),
		"not ours": []byte(strings.Repeat("not a checkpoint ", 100)),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(shelf.name(40), damaged, 0o666))
			o := &stopper{}
			s.Observer = o
			network, _ := ended(t, s)
			require.Equal(t, 30, o.facts.Resumed)
			require.Len(t, o.facts.Notes, 1)
			require.Contains(t, o.facts.Notes[0], "checkpoint "+shelf.name(40)+" is damaged")
			require.True(t, bytes.Equal(whole, network))
		})
	}

	// What a killed process leaves in the middle of a write is not taken for a checkpoint, and goes.
	half := filepath.Join(s.Checkpoints, ".step-000000050.checkpoint.ABC.tmp")
	require.NoError(t, os.WriteFile(half, sound[:1000], 0o666))
	_, _ = ended(t, s)
	require.NoFileExists(t, half)

	for _, n := range []int{30, 40} {
		require.NoError(t, os.Truncate(shelf.name(n), 100))
	}
	_, err = Run(context.Background(), s)
	require.ErrorContains(t, err, "no sound checkpoint is left in "+s.Checkpoints)
}

func TestACheckpointOfAnotherRunIsRefused(t *testing.T) {
	s := long(t, t.TempDir())
	ended(t, s)
	_, err := Run(context.Background(), s)
	require.ErrorContains(t, err, "holds checkpoints of a run, the last at step 40: go on with --resume, or give another folder")

	s.Resume, s.Batch, s.Rate = true, 16, 0.125
	_, err = Run(context.Background(), s)
	require.ErrorContains(t, err, "it is of another run: batch was 32, is 16; rate was 0.001, is 0.125; give what it was made with")

	s = long(t, filepath.Dir(s.Checkpoints))
	s.Resume = true
	set := s.Data.(gaussian)
	set.count--
	s.Data = set
	_, err = Run(context.Background(), s)
	require.ErrorContains(t, err, "data was gaussian[1 -0.5] [0.5 1] 100, is gaussian[1 -0.5] [0.5 1] 99")
}

func TestResumingWithoutACheckpointBegins(t *testing.T) {
	s := long(t, t.TempDir())
	o := &stopper{}
	s.Resume, s.Observer = true, o
	ended(t, s)
	require.Equal(t, []string{"folder " + s.Checkpoints + " holds no checkpoint yet: the run starts at its beginning"}, o.facts.Notes)
}

// accepted takes every header.
func accepted(header) error { return nil }

func encoded(t testing.TB, vectors [][]float32) []byte {
	var b bytes.Buffer
	require.NoError(t, encodeCheckpoint(&b, header{Run: record{"seed": "1"}, Step: 7, Elapsed: 3}, vectors))
	return b.Bytes()
}

func TestACheckpointIsReadBack(t *testing.T) {
	vectors := [][]float32{{1, 2, float32(math.Inf(-1))}, make([]float32, 100_000)}
	vectors[1][99_999] = 5
	text := encoded(t, vectors)
	got := [][]float32{make([]float32, 3), make([]float32, 100_000)}
	h, err := decodeCheckpoint(bytes.NewReader(text), int64(len(text)), got, accepted)
	require.NoError(t, err)
	require.Equal(t, header{Run: record{"seed": "1"}, Step: 7, Elapsed: 3, Vectors: []int{3, 100_000}}, h)
	require.Equal(t, vectors, got)

	_, err = decodeCheckpoint(bytes.NewReader(text), int64(len(text)), [][]float32{make([]float32, 4), make([]float32, 100_000)}, accepted)
	require.ErrorContains(t, err, "it holds vectors of [3 100000] numbers")
	newer := bytes.Replace(text, []byte("checkpoint 1\n"), []byte("checkpoint 2\n"), 1)
	_, err = decodeCheckpoint(bytes.NewReader(newer), int64(len(newer)), got, accepted)
	require.ErrorContains(t, err, `its format is "2", this program knows "1"`)
}

func FuzzDecodeCheckpoint(f *testing.F) {
	sound := encoded(f, [][]float32{{1, 2}, {3, 4}})
	f.Add(sound)
	f.Add(sound[:40])
	f.Add([]byte(checkpointMagic + checkpointFormat))
	long := bytes.Clone(sound)
	binary.LittleEndian.PutUint64(long[len(checkpointMagic+checkpointFormat):], math.MaxUint64)
	f.Add(long)
	f.Fuzz(func(t *testing.T, text []byte) {
		vectors := [][]float32{{0, 0}, {0, 0}}
		decode := func(text []byte) error {
			_, err := decodeCheckpoint(bytes.NewReader(text), int64(len(text)), vectors, accepted)
			return err
		}
		if decode(text) == nil {
			require.Equal(t, sound[:len(checkpointMagic)], text[:len(checkpointMagic)])
		}
		// The checksum keeps most away from what comes behind it: a right one lets them in.
		sum := sha256.Sum256(text)
		_ = decode(append(text, sum[:]...))
	})
}
