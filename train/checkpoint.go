package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"odeon/internal/atomicfile"
)

// A checkpoint is all that a run needs to go on as if it had never stopped. The data's order, the noise, the times and the
// dropped labels are functions of the seed and the step, so that the vectors, the step and the time spent are enough.
//
// The file is
//
//	magic     "odeon checkpoint 1\n"; the number is the format's version
//	length    of the header, 8 bytes, little-endian
//	header    JSON: type header
//	vectors   float32, little-endian, one behind the other: the weights, the moments, the average
//	checksum  SHA-256 of all before it, 32 bytes
//
// and its name is step-N.checkpoint with N of nine digits or more. A reader knows from its own network how long the vectors are; what the
// file says of sizes is compared with that, and with the file's own size, before any memory is taken.
const (
	checkpointMagic  = "odeon checkpoint "
	checkpointFormat = "1\n"
	checkpointPrefix = "step-"
	checkpointSuffix = ".checkpoint"

	// headerLimit is more than any header needs: its curve is bounded.
	headerLimit = 16 << 20
	// kept is how many checkpoints stay: should the newest be damaged, there is the one before.
	kept = 2
)

// header is a checkpoint without its vectors.
type header struct {
	Run     record        `json:"run"`
	Step    int           `json:"step"`
	Elapsed time.Duration `json:"elapsed"` // nanoseconds of the run
	Vectors []int         `json:"vectors"` // their lengths
	History history       `json:"history"`
}

// record is what a run is, as far as its numbers depend on it: setting -> value, in the words of the flags.
type record map[string]string

// differences lists the settings in which two runs differ.
func (r record) differences(o record) []string {
	var list []string
	say := func(v string, ok bool) string {
		switch {
		case !ok:
			return "nothing"
		case len(v) > 200:
			return v[:200] + "..."
		}
		return v
	}
	keys := map[string]bool{}
	for k := range r {
		keys[k] = true
	}
	for k := range o {
		keys[k] = true
	}
	for k := range keys {
		a, inR := r[k]
		b, inO := o[k]
		if a != b || inR != inO {
			list = append(list, fmt.Sprintf("%s was %s, is %s", k, say(a, inR), say(b, inO)))
		}
	}
	slices.Sort(list)
	return list
}

// damage says that a checkpoint is not what was written.
type damage struct{ problem string }

func (d *damage) Error() string { return d.problem }

// encodeCheckpoint writes a checkpoint.
func encodeCheckpoint(w io.Writer, h header, vectors [][]float32) error {
	h.Vectors = nil
	for _, v := range vectors {
		h.Vectors = append(h.Vectors, len(v))
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	sum := sha256.New()
	both := io.MultiWriter(w, sum)
	start := append([]byte(checkpointMagic+checkpointFormat), make([]byte, 8)...)
	binary.LittleEndian.PutUint64(start[len(start)-8:], uint64(len(text)))
	if _, err := both.Write(append(start, text...)); err != nil {
		return err
	}
	piece := make([]byte, 1<<16)
	for _, v := range vectors {
		for part := range slices.Chunk(v, len(piece)/4) {
			for i, x := range part {
				binary.LittleEndian.PutUint32(piece[4*i:], math.Float32bits(x))
			}
			if _, err := both.Write(piece[:4*len(part)]); err != nil {
				return err
			}
		}
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// decodeCheckpoint reads a checkpoint of size bytes into the vectors. What is wrong with the file itself is a *damage; accept
// looks at the header of a sound file first, and its error is passed on.
func decodeCheckpoint(r io.ReadSeeker, size int64, vectors [][]float32, accept func(header) error) (header, error) {
	var h header
	if err := verify(r, size); err != nil {
		return h, err
	}
	if _, err := r.Seek(int64(len(checkpointMagic+checkpointFormat)), io.SeekStart); err != nil {
		return h, err
	}
	in := bufio.NewReaderSize(r, 1<<16)
	var length [8]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return h, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > headerLimit || int64(n) > size {
		return h, &damage{fmt.Sprintf("its header claims %d bytes", n)}
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return h, &damage{"its header ends early"}
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, &damage{"its header cannot be read: " + err.Error()}
	}
	if h.Step < 0 || h.Elapsed < 0 {
		return h, &damage{fmt.Sprintf("its header speaks of step %d after %v", h.Step, h.Elapsed)}
	}
	if err := accept(h); err != nil {
		return h, err
	}
	expected := int64(len(checkpointMagic+checkpointFormat)) + 8 + int64(n) + sha256.Size
	lengths := make([]int, len(vectors))
	for i, v := range vectors {
		lengths[i] = len(v)
		expected += 4 * int64(len(v))
	}
	if !slices.Equal(h.Vectors, lengths) || size != expected {
		return h, &damage{fmt.Sprintf("it holds vectors of %v numbers in %d bytes, expected %v in %d", h.Vectors, size, lengths, expected)}
	}
	piece := make([]byte, 1<<16)
	for _, v := range vectors {
		for part := range slices.Chunk(v, len(piece)/4) {
			if _, err := io.ReadFull(in, piece[:4*len(part)]); err != nil {
				return h, err
			}
			for i := range part {
				part[i] = math.Float32frombits(binary.LittleEndian.Uint32(piece[4*i:]))
			}
		}
	}
	return h, nil
}

// verify checks the beginning and the checksum of a file.
func verify(r io.ReadSeeker, size int64) error {
	start := make([]byte, len(checkpointMagic+checkpointFormat))
	if size < int64(len(start)+8+sha256.Size) {
		return &damage{fmt.Sprintf("it has %d bytes, fewer than any checkpoint", size)}
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	if _, err := io.ReadFull(in, start); err != nil {
		return err
	}
	switch version, is := bytes.CutPrefix(start, []byte(checkpointMagic)); {
	case !is:
		return &damage{"it does not begin as a checkpoint does"}
	case string(version) != checkpointFormat:
		return fmt.Errorf("its format is %q, this program knows %q; go on with the program that wrote it", bytes.TrimSpace(version), strings.TrimSpace(checkpointFormat))
	}
	if _, err := io.CopyN(io.Discard, in, size-int64(len(start))-sha256.Size); err != nil {
		return &damage{"it ends early"}
	}
	var written [sha256.Size]byte
	if _, err := io.ReadFull(r, written[:]); err != nil {
		return &damage{"it ends early"}
	}
	if !bytes.Equal(written[:], sum.Sum(nil)) {
		return &damage{"its checksum does not fit: it was not written to its end, or has changed since"}
	}
	return nil
}

// A shelf is the folder of a run's checkpoints.
type shelf struct{ folder string }

// openShelf makes the folder, checks that it can be written to, and removes what a write left that was cut off.
func openShelf(folder string) (shelf, error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return shelf{}, fmt.Errorf("folder of checkpoints %w", err)
	}
	s := shelf{folder}
	if err := atomicfile.Writable(s.name(0)); err != nil {
		return s, fmt.Errorf("folder of checkpoints: %w", err)
	}
	if err := atomicfile.RemoveLeftovers(folder, checkpointPrefix, checkpointSuffix); err != nil {
		return s, fmt.Errorf("folder of checkpoints: %w", err)
	}
	return s, nil
}

func (s shelf) name(step int) string {
	return filepath.Join(s.folder, fmt.Sprintf("%s%09d%s", checkpointPrefix, step, checkpointSuffix))
}

// steps are the checkpoints that there are, the newest first.
func (s shelf) steps() ([]int, error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, err
	}
	var steps []int
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), checkpointPrefix)
		text, is := strings.CutSuffix(text, checkpointSuffix)
		if n, err := strconv.Atoi(text); ok && is && err == nil && n >= 0 && s.name(n) == filepath.Join(s.folder, e.Name()) {
			steps = append(steps, n)
		}
	}
	slices.SortFunc(steps, func(a, b int) int { return b - a })
	return steps, nil
}

// save writes a checkpoint and then removes those that it makes superfluous: at no moment is there none.
func (s shelf) save(h header, vectors [][]float32) error {
	err := atomicfile.Write(s.name(h.Step), func(f io.Writer) error {
		w := bufio.NewWriterSize(f, 1<<16)
		if err := encodeCheckpoint(w, h, vectors); err != nil {
			return err
		}
		return w.Flush()
	})
	if err != nil {
		return fmt.Errorf("checkpoint %w", err)
	}
	steps, err := s.steps()
	if err != nil {
		return fmt.Errorf("checkpoint %w", err)
	}
	for i, n := range steps {
		// One from beyond this step is of a run that went on from a damaged file: it is no longer this run's.
		if i >= kept || n > h.Step {
			os.Remove(s.name(n))
		}
	}
	return nil
}

// load reads the newest sound checkpoint into the vectors; found is false where the folder has none at all. Damaged ones are
// passed over, which the notes say. Where there are only damaged ones, and where a sound one is of another run, that is an error.
func (s shelf) load(run record, vectors [][]float32) (h header, found bool, notes []string, err error) {
	steps, err := s.steps()
	if err != nil {
		return h, false, nil, fmt.Errorf("checkpoint %w", err)
	}
	for _, n := range steps {
		h, err = s.read(n, run, vectors)
		var harm *damage
		if !errors.As(err, &harm) {
			return h, err == nil, notes, err
		}
		notes = append(notes, fmt.Sprintf("checkpoint %s is damaged (%s) and was passed over", s.name(n), harm.problem))
	}
	if len(steps) > 0 {
		return h, false, nil, fmt.Errorf("no sound checkpoint is left in %s: %s; start anew without --resume in another folder", s.folder, strings.Join(notes, "; "))
	}
	return h, false, nil, nil
}

func (s shelf) read(step int, run record, vectors [][]float32) (header, error) {
	name := s.name(step)
	f, err := os.Open(name)
	if err != nil {
		return header{}, fmt.Errorf("checkpoint %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return header{}, fmt.Errorf("checkpoint %w", err)
	}
	h, err := decodeCheckpoint(f, info.Size(), vectors, func(h header) error {
		if list := h.Run.differences(run); len(list) > 0 {
			return fmt.Errorf("it is of another run: %s; give what it was made with, or train anew in another folder", strings.Join(list, "; "))
		}
		return nil
	})
	if err != nil {
		return h, fmt.Errorf("checkpoint %s: %w", name, err)
	}
	return h, nil
}
